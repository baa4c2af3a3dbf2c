//! The about page: which feeds, how we poll, and what the pages load.

use std::time::Duration;

use serde::Serialize;

use crate::model::{FeedStanding, FeedState};

use super::language::Language;
use super::opml::public_address;
use super::page::Page;
use super::site::Site;
use super::text::{line, web_url};
use super::theme::Theme;
use super::view::Frame;

#[derive(Serialize)]
struct AboutPage {
    #[serde(flatten)]
    frame: Frame,
    contact: Option<String>,
    interval: String,
    images: bool,
    feeds: Vec<AboutFeed>,
}

#[derive(Serialize)]
struct AboutFeed {
    title: String,
    site: Option<String>,
    url: Option<String>,
}

/// The about page: which feeds, and how we poll.
pub(super) fn about(theme: &Theme, site: &Site, feeds: &[FeedState]) -> Page {
    let language = theme.language(&site.language);
    let shown = feeds
        .iter()
        .filter(|feed| feed.standing != FeedStanding::Removed);
    let mut feeds: Vec<AboutFeed> = shown
        .map(|feed| AboutFeed {
            title: feed_title(feed),
            site: web_url(feed.site_url.as_deref()),
            url: public_address(&feed.url),
        })
        .collect();
    feeds.sort_by_cached_key(|feed| (feed.title.to_lowercase(), feed.url.clone()));
    let frame = Frame::new(theme, site, &site.language, None).headed(language.text("about_title"));
    let contact = site
        .contact
        .as_ref()
        .and_then(|url| web_url(Some(url.as_str())));
    theme.render(
        "about.html",
        &AboutPage {
            frame: frame.at(site.absolute("about/")),
            contact,
            interval: span(site.interval, language),
            images: site.images,
            feeds,
        },
    )
}

/// A span for people: hours where it is whole ones, else minutes.
fn span(span: Duration, language: &Language) -> String {
    let minutes = span.as_secs().div_ceil(60);
    if minutes >= 60 && minutes.is_multiple_of(60) {
        language.filled("hours", &[("count", &(minutes / 60).to_string())])
    } else {
        language.filled("minutes", &[("count", &minutes.to_string())])
    }
}

/// A feed's title for people; never empty.
pub(super) fn feed_title(feed: &FeedState) -> String {
    feed.title
        .as_deref()
        .map(line)
        .filter(|title| !title.is_empty())
        .unwrap_or_else(|| line(&feed.key))
}
