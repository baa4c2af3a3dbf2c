//! Stories to RSS 2.0 by the best practices profile (R7.20): plain titles, `description` before `content:encoded`, one
//! enclosure, `source`, authors as `dc:creator`, no mail addresses, `lastBuildDate` from the content and never from now.

use crate::config::PublishFormat;
use crate::model::StoryView;

use super::atom::{also_in, entry_url, thumbnail};
use super::body::{Part, authors, body, categories, title};
use super::site::{MergedFeed, Site, media};
use super::text::{self, line, rfc822, web_url};
use super::xml::Xml;

/// The document.
pub(super) fn rss(site: &Site, feed: &MergedFeed<'_>) -> Vec<u8> {
    let mut xml = Xml::begin();
    xml.open(
        "rss",
        &[
            ("version", "2.0"),
            ("xmlns:atom", "http://www.w3.org/2005/Atom"),
            ("xmlns:content", "http://purl.org/rss/1.0/modules/content/"),
            ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
            ("xmlns:media", "http://search.yahoo.com/mrss/"),
        ],
    );
    xml.open("channel", &[]);
    head(&mut xml, site, feed);
    for story in feed.stories {
        item(&mut xml, site, feed, story);
    }
    xml.close("channel");
    xml.close("rss");
    xml.finish()
}

fn head(xml: &mut Xml, site: &Site, feed: &MergedFeed<'_>) {
    let output = feed.output;
    xml.plain("title", &line(&output.title));
    xml.leaf("link", &[], &site.home(output));
    xml.plain(
        "description",
        &line(output.description.as_deref().unwrap_or(&output.title)),
    );
    let kind = media(PublishFormat::Rss).0;
    let own = site.absolute(&feed.path(PublishFormat::Rss));
    xml.empty(
        "atom:link",
        &[("rel", "self"), ("type", kind), ("href", &own)],
    );
    for hub in site.hubs(output) {
        xml.empty("atom:link", &[("rel", "hub"), ("href", &hub)]);
    }
    xml.leaf("language", &[], &output.language);
    xml.leaf("lastBuildDate", &[], &rfc822(feed.updated_at()));
    xml.leaf("docs", &[], "https://www.rssboard.org/rss-specification");
    xml.leaf(
        "generator",
        &[],
        concat!("feedmill ", env!("CARGO_PKG_VERSION")),
    );
    xml.leaf("ttl", &[], &site.ttl_minutes().to_string());
}

fn item(xml: &mut Xml, site: &Site, feed: &MergedFeed<'_>, story: &StoryView) {
    let entry = &story.lead.entry;
    let page = entry_url(site, story);
    xml.open("item", &[]);
    xml.plain("title", &title(story));
    xml.leaf("link", &[], &page);
    xml.leaf("guid", &[("isPermaLink", "false")], &line(&story.public_id));
    xml.leaf("pubDate", &[], &rfc822(story.shown_at));
    for (name, _) in authors(&entry.authors) {
        xml.leaf("dc:creator", &[], &name);
    }
    for (term, scheme, label) in categories(story) {
        let shown = label.unwrap_or(term);
        match scheme {
            Some(scheme) => xml.leaf("category", &[("domain", scheme)], &shown),
            None => xml.leaf("category", &[], &shown),
        }
    }
    if let Some(url) = entry
        .links
        .iter()
        .find(|link| link.rel == "comments")
        .and_then(|link| web_url(Some(&link.url)))
    {
        xml.leaf("comments", &[], &url);
    }
    bodies(xml, feed, story);
    extras(xml, story, &page);
    xml.close("item");
}

/// `description` first: readers that know only it must not take the long form for it.
fn bodies(xml: &mut Xml, feed: &MergedFeed<'_>, story: &StoryView) {
    let body = body(story, feed.output.content);
    if let Some(short) = body.summary.as_ref().or(body.content.as_ref()) {
        xml.leaf("description", &[], &short.html());
    }
    if let (Some(_), Some(Part::Html(html))) = (&body.summary, &body.content) {
        xml.leaf("content:encoded", &[], html);
    }
}

fn extras(xml: &mut Xml, story: &StoryView, page: &str) {
    let entry = &story.lead.entry;
    // One, says the profile: the first that leads anywhere.
    let mut files = entry.enclosures.iter();
    let file = files.find_map(|file| Some((file, web_url(Some(&file.url))?)));
    if let Some((file, url)) = file {
        let length = file.length_bytes.unwrap_or(0).to_string();
        let mime = text::mime(file.mime.as_deref());
        let mime = mime.unwrap_or_else(|| String::from(text::ANY_MIME));
        xml.empty(
            "enclosure",
            &[("url", &url), ("length", &length), ("type", &mime)],
        );
    }
    let source = story.source();
    if let Some(url) = web_url(source.feed_url.as_deref()) {
        let name = source.title.as_deref().unwrap_or(&story.lead.feed.title);
        xml.leaf("source", &[("url", &url)], &line(name));
    }
    if let Some(url) = thumbnail(entry) {
        xml.empty("media:thumbnail", &[("url", &url)]);
    }
    for (feed, url) in also_in(story, page) {
        xml.empty(
            "atom:link",
            &[
                ("rel", "related"),
                ("type", "text/html"),
                ("title", &feed),
                ("href", &url),
            ],
        );
    }
}
