//! Feeds to OPML 2.0: groups as folders, feeds without a group at the top level, every feed at each of its places.
//! Removed feeds and addresses with user-info stay out.

use std::collections::BTreeMap;

use url::Url;

use crate::model::{FeedStanding, FeedState};

use super::text::{line, web_url};
use super::xml::Xml;

/// OPML 2.0 of `feeds`; folders are called by `titles` where a group has one.
#[must_use]
pub fn opml(title: &str, feeds: &[FeedState], titles: &BTreeMap<String, String>) -> Vec<u8> {
    let mut folders: BTreeMap<&str, Vec<&FeedState>> = BTreeMap::new();
    let mut loose = Vec::new();
    for feed in feeds
        .iter()
        .filter(|feed| feed.standing != FeedStanding::Removed)
    {
        if feed.groups.is_empty() {
            loose.push(feed);
        }
        for group in &feed.groups {
            folders.entry(group).or_default().push(feed);
        }
    }
    let mut xml = Xml::begin();
    xml.open("opml", &[("version", "2.0")]);
    xml.open("head", &[]);
    xml.leaf("title", &[], &line(title));
    xml.close("head");
    xml.open("body", &[]);
    for (group, feeds) in folders {
        let name = line(titles.get(group).map_or(group, String::as_str));
        xml.open("outline", &[("text", &name), ("title", &name)]);
        sorted(feeds)
            .into_iter()
            .for_each(|feed| outline(&mut xml, feed));
        xml.close("outline");
    }
    sorted(loose)
        .into_iter()
        .for_each(|feed| outline(&mut xml, feed));
    if feeds.is_empty() {
        // The specification wants at least one outline in the body.
        xml.empty("outline", &[("text", "")]);
    }
    xml.close("body");
    xml.close("opml");
    xml.finish()
}

fn sorted(mut feeds: Vec<&FeedState>) -> Vec<&FeedState> {
    feeds.sort_by(|a, b| a.key.cmp(&b.key));
    feeds
}

fn outline(xml: &mut Xml, feed: &FeedState) {
    let Some(url) = public_address(&feed.url) else {
        return;
    };
    let name = feed
        .title
        .as_deref()
        .map(line)
        .filter(|title| !title.is_empty())
        .unwrap_or_else(|| line(&feed.key));
    let site = web_url(feed.site_url.as_deref());
    let mut attributes = vec![
        ("type", "rss"),
        ("text", name.as_str()),
        ("title", name.as_str()),
        ("xmlUrl", &url),
    ];
    attributes.extend(site.as_deref().map(|site| ("htmlUrl", site)));
    xml.empty("outline", &attributes);
}

/// A feed's address as strangers may see it: http(s) only, without user-info; with it, the feed is the operator's own.
pub(super) fn public_address(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let open = parsed.username().is_empty() && parsed.password().is_none();
    if open { web_url(Some(url)) } else { None }
}
