//! Window, stories and subscriber to messages: takes values, gives subject, text, HTML and the finished bytes of a
//! mail; knows neither store nor server. Refuses operator templates that do not render.
//!
//! Equal input gives equal bytes, always: a retry, a restart and a second machine send the same message.

mod language;
pub mod message;
mod render;
mod select;
mod sign_up;
mod subject;
mod templates;
mod text;
pub mod token;

use std::collections::BTreeSet;

use jiff::Timestamp;
use url::Url;

use crate::config::{Config, ContentMode, DigestConfig, Sections, Zone};
use crate::model::StoryView;

pub use language::Language;
pub use render::{Rendition, render};
pub use sign_up::{Invitation, invite};
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
    /// Whether each mail leads to a page where its reader may change things.
    pub self_service: bool,
    /// The next instants of the schedule, for the words that tell it.
    pub coming: Vec<Timestamp>,
}

/// What an edition tells one class of readers.
#[derive(Clone, Debug, Default)]
pub struct Matter<'a> {
    /// Stories that no earlier edition told them.
    pub stories: Vec<&'a StoryView>,
    /// Stories that one did, and that were changed since; in the order shown.
    pub corrections: Vec<&'a Correction>,
}

/// A story that an earlier edition carried and whose words changed after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// As it is now.
    pub story: StoryView,
    /// How its title changed; empty where it did not.
    pub title: Vec<Run>,
    /// How its text changed; empty where it did not, or only far from its beginning.
    pub text: Vec<Run>,
}

/// Words of a changed text that share a fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Their fate.
    pub change: Change,
    /// The words.
    pub words: String,
}

/// What happened to words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Same,
    /// They are gone.
    Removed,
    /// They are new.
    Added,
    /// Nothing, and they are left out here.
    Gap,
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
    /// The copy on the web: nothing of any subscriber, and all that the mail had no room for.
    Web,
}

/// Languages of mail that subscribers of `digest` may choose: ours, and those that the config names.
#[must_use]
pub fn offered_languages(config: &Config, digest: &DigestConfig) -> BTreeSet<String> {
    let named = [&config.language, &digest.language].into_iter();
    let wished = digest.subscribers.iter().map(|wishes| &wishes.language);
    let ours = Language::SHIPPED.iter().map(|&code| code.to_owned());
    ours.chain(named.chain(wished).cloned()).collect()
}

/// The second of the slot that an edition's address names; none where it can be no edition's.
#[must_use]
pub fn slug_second(slug: &str) -> Option<Timestamp> {
    let (slot, _) = slug.split_once('-')?;
    let slot = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", slot).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(slot).ok()
}

/// The last part of an edition's address, `/digest/NAME/SLUG`: known before the edition has a row.
#[must_use]
pub fn edition_slug(slot_at: Timestamp, lane: &str) -> String {
    let zone: String = lane.to_ascii_lowercase().replace('/', ".");
    format!("{}-{zone}", slot_at.strftime("%Y%m%dT%H%M%SZ"))
}
