//! What happened to feeds, as far as it is worth telling: found by comparing how each stands with how it stood at the
//! last look, and kept as one value, so that a look is one commit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name of the note that keeps the [`FeedHistory`].
pub const FEED_HISTORY: &str = "feed history";

/// What happened to a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedEventKind {
    /// It came into the config.
    Added,
    /// It left the config.
    Removed,
    /// It has another address.
    Moved,
    /// Its publisher said that it is gone.
    Gone,
    /// It was not found for so long that it is given up.
    Dead,
    /// It looks hijacked and is not shown.
    Quarantined,
    /// Something of it waits for the operator's look.
    Held,
    /// It has failed for a day.
    Failing,
    /// It has been silent beyond its own rhythm.
    Silent,
    /// It is well again.
    Back,
}

impl FeedEventKind {
    /// What readers are told: which feeds came, moved and went. How a feed fares is the operator's business.
    #[must_use]
    pub fn is_public(self) -> bool {
        matches!(
            self,
            Self::Added | Self::Removed | Self::Moved | Self::Gone | Self::Dead
        )
    }

    /// What the operator is told: what they did not do themselves.
    #[must_use]
    pub fn is_health(self) -> bool {
        !matches!(self, Self::Added | Self::Removed)
    }
}

/// One thing that happened to a feed, with what was known of the feed then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEvent {
    /// When it was seen.
    pub seen_at: Timestamp,
    /// What.
    pub kind: FeedEventKind,
    /// The feed's key.
    pub key: String,
    /// The feed's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The feed's site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_url: Option<String>,
    /// For the operator: why, or where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a feed stands; what is worse comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedCondition {
    /// Nothing to tell.
    Well,
    /// Switched off by the operator.
    Off,
    /// As the events of the same names.
    Silent,
    /// Fails, for a day or longer.
    Failing,
    /// Something waits for the operator.
    Held,
    /// Not shown.
    Quarantined,
    /// Given up.
    Dead,
    /// Given up on the publisher's word.
    Gone,
}

/// How a feed stood at the last look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedMark {
    /// Head of its address's hash: enough to see that it moved.
    pub address: String,
    /// How it stood.
    pub condition: FeedCondition,
}

/// What happened to feeds, and what the next look compares with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeedHistory {
    /// By key.
    pub marks: BTreeMap<String, FeedMark>,
    /// Oldest first; bounded.
    pub events: Vec<FeedEvent>,
}
