//! Where a feed was polled before (R2.11).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a feed has another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveReason {
    /// Its server redirected for good, as often and as long as proof takes.
    Redirected {
        /// Polls that saw it.
        times: u32,
        /// The first of them.
        since_at: Timestamp,
    },
    /// Its document announced it (`itunes:new-feed-url`), and the feed was found there.
    Announced {
        /// Polls that saw it.
        times: u32,
        /// The first of them.
        since_at: Timestamp,
    },
    /// The operator changed the config.
    Configured,
    /// Before reasons were recorded.
    Earlier,
}

/// A change of address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressChange {
    /// When.
    pub left_at: Timestamp,
    /// The old one.
    pub url: String,
    /// The new one.
    pub next_url: String,
    /// Why.
    pub why: MoveReason,
}
