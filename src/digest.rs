//! Window, stories and subscriber to messages: takes values, gives subject, text, HTML and the finished bytes of a
//! mail; knows neither store nor server. Refuses operator templates that do not render.
//!
//! Equal input gives equal bytes, always: a retry, a restart and a second machine send the same message.

mod language;
pub mod message;
mod render;
mod select;
mod subject;
mod templates;
mod text;
pub mod token;

use jiff::Timestamp;
use url::Url;

use crate::config::{ContentMode, Sections, Zone};

pub use language::Language;
pub use render::{Rendition, render};
pub use templates::{Templates, check_templates};

/// One edition as all its readers share it.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The digest's name.
    pub digest: String,
    /// Its title: the list's name.
    pub title: String,
    /// The scheduled instant.
    pub slot_at: Timestamp,
    /// Begin of the period, where the edition makes up for missed ones.
    pub since_at: Option<Timestamp>,
    /// Page of the merged feed it draws from.
    pub page_url: Url,
    /// Web copy of this edition.
    pub web_url: Url,
    /// Subject template; none for the language's own.
    pub subject: Option<String>,
    /// Stories shown.
    pub max_stories: usize,
    /// Most stories of one feed; 0 is no cap.
    pub per_feed: usize,
    /// Sections by.
    pub sections: Sections,
    /// Titles of groups, by name, in the order of the sections.
    pub groups: Vec<(String, String)>,
    /// How much of a story at most.
    pub content: ContentMode,
    /// Most encoded bytes of the HTML part.
    pub max_bytes: usize,
    /// Postal address or contact.
    pub footer: Option<String>,
}

/// A class of readers who get the same words.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Texts.
    pub language: &'a Language,
    /// Whose clock the times follow.
    pub zone: &'a Zone,
    /// What the words are for.
    pub purpose: Purpose,
}

/// What a rendition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A mail, with the place of the unsubscribe address marked.
    Mail,
    /// A mail that says that it is a test.
    Test,
    /// The copy on the web: nothing of any subscriber.
    Web,
}

/// The last part of an edition's address, `/digest/NAME/SLUG`: known before the edition has a row.
#[must_use]
pub fn edition_slug(slot_at: Timestamp, lane: &str) -> String {
    let zone: String = lane.to_ascii_lowercase().replace('/', ".");
    format!("{}-{zone}", slot_at.strftime("%Y%m%dT%H%M%SZ"))
}
