//! Stories to documents: finished bytes, in all codings, the same for the same input.
//!
//! Takes stories, the merged feed's configuration and the facts of the site; gives Atom, RSS, JSON Feed, pages, OPML and
//! archives as bytes. Has no clock, no randomness and no iteration over unordered maps, so a document changes only when
//! what it shows does. Refuses by [`check_document`] what readers could not read.

mod about;
mod atom;
mod body;
mod coding;
mod gate;
mod history;
mod json_feed;
mod language;
mod markup;
mod notice;
mod opml;
mod page;
mod rss;
mod sign_up;
mod site;
mod status;
mod subscription;
mod text;
mod theme;
mod trial;
mod view;
mod xml;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use jiff::Timestamp;

use crate::config::{PublishFormat, Zone};
use crate::model::{FeedEvent, FeedState, StoryView};

pub use atom::{Chapter, Volume};
pub use coding::{Coding, code, finish, freeze, plain, thaw};
pub use gate::check as check_document;
pub use history::health_feed;
pub use language::Language;
pub use notice::{Unsubscribe, error_page, unsubscribe_page};
pub use opml::opml;
pub use page::{
    FeedPage, Page, Pager, SearchView, day_page, feed_file, feed_page, search_page, story_page,
};
pub use sign_up::{SignUpNotice, SignUpView, sign_up_notice, sign_up_page};
pub use site::{MergedFeed, Site, fitting};
pub use status::{DaemonFacts, Listed, MailFacts, StatusView, status_page};
pub use subscription::{Choice, SubscriptionView, subscription_page};
pub use theme::{Theme, check_templates};

/// A finished document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Address path, such as `/all.atom` or `/all/`.
    pub path: String,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// As is.
    pub identity: Bytes,
    /// gzip.
    pub gzip: Option<Bytes>,
    /// brotli.
    pub brotli: Option<Bytes>,
    /// zstd.
    pub zstd: Option<Bytes>,
    /// Opaque tag over the identity bytes, without quotes.
    pub etag: String,
    /// When the bytes last changed; none where nobody kept count (R7.3).
    pub changed_at: Option<Timestamp>,
    /// `Link` header values.
    pub links: Vec<String>,
    /// For how long readers may keep it.
    pub keep: Keep,
}

/// For how long readers may keep a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Until the next poll that could change it, which the server knows when it answers (R7.6).
    #[default]
    UntilPoll,
    /// For ever: its bytes are frozen (R7.22).
    Immutable,
}

/// What the HTTP server hands out: finished documents by path, swapped as a whole.
#[derive(Clone, Default)]
pub struct Shelf(Arc<ArcSwap<HashMap<String, Arc<Document>>>>);

impl Shelf {
    /// The document at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Arc<Document>> {
        self.0.load().get(path).cloned()
    }
    /// Replaces everything.
    pub fn replace(&self, documents: HashMap<String, Arc<Document>>) {
        self.0.store(Arc::new(documents));
    }
    /// All documents.
    #[must_use]
    pub fn all(&self) -> Arc<HashMap<String, Arc<Document>>> {
        self.0.load_full()
    }
}

/// Bytes before they are finished: where they go, what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Address path with its leading slash.
    pub path: String,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// `Link` header values.
    pub links: Vec<String>,
}

impl Draft {
    /// A page; `path` begins with a slash.
    #[must_use]
    pub fn page(path: String, html: String) -> Self {
        Self {
            path,
            content_type: HTML,
            bytes: html.into_bytes(),
            links: Vec::new(),
        }
    }
}

/// A document made when it is asked for: stories, days, archives. Implemented by the release flow and handed to the
/// server by the daemon, so that the two flows need not know each other.
pub trait OnRequest: Send + Sync {
    /// The document at `path`, when there is one; not for the paths that the shelf holds.
    fn document<'a>(
        &'a self,
        path: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Arc<Document>>> + Send + 'a>>;

    /// Does some merged feed show `story`, now or in its archive?
    fn shows(&self, story: &StoryView) -> bool;

    /// `document` with its bytes in `coding`, when it is smaller for it.
    fn coded<'a>(
        &'a self,
        document: Arc<Document>,
        coding: Coding,
    ) -> Pin<Box<dyn Future<Output = Arc<Document>> + Send + 'a>>;

    /// Is `path` one that the config renders, and did its document fail its check?
    fn is_withheld(&self, path: &str) -> bool;

    /// Was `path` published once, and is it of no merged feed that the config still has? Then it is gone for good.
    fn is_gone(&self, path: &str) -> bool;

    /// The built-in hub's answer to a posted form.
    fn websub<'a>(
        &'a self,
        form: &'a [(String, String)],
    ) -> Pin<Box<dyn Future<Output = HubAnswer> + Send + 'a>>;
}

/// What the built-in hub says at once; whether a wish is proven shows later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubAnswer {
    /// 202.
    Accepted,
    /// 400, with a fixed text.
    Refused(&'static str),
    /// 503: too many wishes wait.
    Busy,
}

/// Media type of pages.
pub const HTML: &str = "text/html; charset=utf-8";

fn draft(path: String, content_type: &'static str, bytes: Vec<u8>) -> Draft {
    Draft {
        path: format!("/{path}"),
        content_type,
        bytes,
        links: Vec::new(),
    }
}

/// Every configured document of a merged feed.
///
/// # Errors
/// When an operator's template fails; the feeds are in the first list all the same.
pub fn feed_drafts(
    theme: &Theme,
    site: &Site,
    feed: &MergedFeed<'_>,
) -> (Vec<Draft>, Result<(), String>) {
    let mut drafts = Vec::new();
    let mut outcome = Ok(());
    for &format in &feed.output.formats {
        let path = feed.path(format);
        let mut made = match format {
            PublishFormat::Atom => draft(
                path,
                "application/atom+xml; charset=utf-8",
                atom::atom(site, feed, None),
            ),
            PublishFormat::Rss => draft(
                path,
                "application/rss+xml; charset=utf-8",
                rss::rss(site, feed),
            ),
            PublishFormat::Json => draft(
                path,
                "application/feed+json; charset=utf-8",
                json_feed::json_feed(site, feed, None),
            ),
            PublishFormat::Html => match page_draft(theme, site, feed) {
                Ok(page) => {
                    drafts.push(page);
                    continue;
                }
                Err(message) => {
                    outcome = Err(message);
                    continue;
                }
            },
        };
        made.links = link_headers(site, feed, format);
        drafts.push(made);
    }
    (drafts, outcome)
}

/// The page of a merged feed.
///
/// # Errors
/// When an operator's template fails.
pub fn page_draft(theme: &Theme, site: &Site, feed: &MergedFeed<'_>) -> Result<Draft, String> {
    let page = page::list(theme, site, feed)?;
    Ok(draft(
        feed.path(PublishFormat::Html),
        HTML,
        page.into_bytes(),
    ))
}

/// `self` and hubs as `Link` header values, which WebSub subscribers look at first.
fn link_headers(site: &Site, feed: &MergedFeed<'_>, format: PublishFormat) -> Vec<String> {
    let hubs = site.hubs(feed.output);
    let own = site.absolute(&feed.path(format));
    let links = hubs.iter().map(|hub| format!("<{hub}>; rel=\"hub\""));
    links
        .chain((!hubs.is_empty()).then(|| format!("<{own}>; rel=\"self\"")))
        .collect()
}

/// An archive document of a merged feed (RFC 5005).
///
/// JSON Feed has no relation for archives; its documents are pages that `next_url` leads through (R7.21).
#[must_use]
pub fn archive_draft(site: &Site, feed: &MergedFeed<'_>, chapter: Chapter) -> Draft {
    let path = atom::archive_path(&feed.output.name, chapter.volume, chapter.format);
    match chapter.format {
        PublishFormat::Json => draft(
            path,
            "application/feed+json; charset=utf-8",
            json_feed::json_feed(site, feed, Some(chapter)),
        ),
        _ => draft(
            path,
            "application/atom+xml; charset=utf-8",
            atom::atom(site, feed, Some(chapter)),
        ),
    }
}

/// The front page: the merged feed itself when it is the only one, else the newest stories of each.
///
/// # Errors
/// When an operator's template fails.
pub fn front_draft(theme: &Theme, site: &Site, fronts: &[MergedFeed<'_>]) -> Result<Draft, String> {
    let page = match fronts {
        [only] => page::list(theme, site, only)?,
        _ => page::index(theme, site, fronts)?,
    };
    Ok(draft(String::new(), HTML, page.into_bytes()))
}

/// What depends on the list of feeds and on no story: OPML, about page; the style sheet and the picture.
///
/// # Errors
/// When an operator's template fails; what could be made is in the first list all the same.
pub fn site_drafts(
    theme: &Theme,
    site: &Site,
    feeds: &[FeedState],
) -> (Vec<Draft>, Result<(), String>) {
    let style = theme.style().as_bytes().to_vec();
    let icon = theme.icon().as_bytes().to_vec();
    let mut drafts = vec![
        draft(
            String::from("opml"),
            "text/x-opml; charset=utf-8",
            opml(&site.title(), feeds, &site.group_titles),
        ),
        draft(String::from("style.css"), "text/css; charset=utf-8", style),
        draft(String::from("icon.svg"), "image/svg+xml", icon),
    ];
    let about = about::about(theme, site, feeds);
    let outcome =
        about.map(|page| drafts.push(draft(String::from("about/"), HTML, page.into_bytes())));
    (drafts, outcome)
}

/// The page of which feeds came, moved and went: events oldest first, and the feeds that there are.
///
/// # Errors
/// When an operator's template fails.
pub fn changes_draft(
    theme: &Theme,
    site: &Site,
    zone: &Zone,
    told: (&[FeedEvent], &[FeedState]),
) -> Result<Draft, String> {
    let page = history::changes(theme, site, zone, told)?;
    Ok(draft(String::from("changes/"), HTML, page.into_bytes()))
}

/// Seconds that readers may keep a document: until the next poll that could change it, within bounds (R7.6).
#[must_use]
pub fn max_age_s(now: Timestamp, next_poll_at: Option<Timestamp>) -> u64 {
    let until = next_poll_at.map_or(i64::MAX, |at| {
        at.as_second().saturating_sub(now.as_second())
    });
    until.clamp(300, 3600).unsigned_abs()
}
