//! What publishers take back: what is watched of a document to notice it, and what is told of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoryView;

/// What a poll remembers to tell an entry that its publisher took back from one that grew too old for its document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Withdrawals {
    /// The top of the last document, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Listed>,
    /// Entries that the last document no longer had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

/// An entry where its document lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its date as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated_at: Option<Timestamp>,
}

/// An entry that vanished from amid its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its key.
    pub key: String,
    /// Keys of older entries that the document still had.
    pub older: Vec<String>,
}

/// A story that was published and that its publisher took back.
#[derive(Clone, Debug, PartialEq)]
pub struct Tombstone {
    /// The story as it stood.
    pub story: StoryView,
    /// When it was taken back.
    pub withdrawn_at: Timestamp,
}
