//! What feed-rs has no room for, kept beside its entries by their order.

use super::super::date::Order;
use crate::model::{Author, PollHints, SourceRef, TextLink};

/// How a text is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Characters, whatever they look like.
    Plain,
    /// HTML, because the document says or shows so.
    Html,
    /// Not said: told by its looks.
    #[default]
    Guess,
}

/// What an entry has beside feed-rs's fields; addresses as written.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryAside {
    pub(crate) title: Reading,
    pub(crate) summary: Reading,
    pub(crate) content: Reading,
    /// The base of relative addresses: `xml:base` in force, as far as the document says.
    pub(crate) base: Option<String>,
    pub(crate) authors: Vec<Author>,
    pub(crate) links: Vec<TextLink>,
    pub(crate) source: Option<SourceRef>,
    /// As a tag of BCP 47.
    pub(crate) language: Option<String>,
    pub(crate) rights: Option<String>,
    /// Whether a date was given that nobody can read.
    pub(crate) has_unreadable_date: bool,
    /// A date of publication that has two readings, unless its siblings tell which.
    pub(crate) pending_date: Option<String>,
    /// Which of the two readings the entry's own dates prove.
    pub(crate) date_order: Option<Order>,
    pub(crate) duration_s: Option<u64>,
    /// Whether the document itself says when it was changed.
    pub(crate) has_updated: bool,
    /// Titles of files, which feed-rs has no room for, by address.
    pub(crate) file_titles: Vec<(String, String)>,
    /// Files that feed-rs has no room for.
    pub(crate) files: Vec<FileAside>,
}

/// A file that feed-rs has no room for.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileAside {
    pub(crate) url: String,
    pub(crate) mime: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) length_bytes: Option<u64>,
    pub(crate) duration_s: Option<u64>,
}

/// What a feed has beside feed-rs's fields; addresses as written.
#[derive(Clone, Debug, Default)]
pub(crate) struct FeedAside {
    pub(crate) title: Reading,
    pub(crate) description: Reading,
    pub(crate) base: Option<String>,
    pub(crate) publisher_id: Option<String>,
    pub(crate) authors: Vec<Author>,
    /// Term, scheme, label.
    pub(crate) categories: Vec<(String, Option<String>, Option<String>)>,
    /// As a tag of BCP 47.
    pub(crate) language: Option<String>,
    pub(crate) rights: Option<String>,
    pub(crate) icon_url: Option<String>,
    pub(crate) hints: PollHints,
}
