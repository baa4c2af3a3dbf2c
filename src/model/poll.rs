//! One poll: the claim before it, the commit and the report after it, and what is remembered of the host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FeedId, FeedMeta, FeedState, IncomingEntry};

/// A claim on a due feed: durable before the request leaves (R1.12, R5.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollClaim {
    /// Which feed.
    pub feed: FeedId,
    /// As read; the claim fails if another process has moved it.
    pub expected_next_poll_at: Timestamp,
    /// The instant the request starts.
    pub attempt_at: Timestamp,
    /// Where the schedule stands should we die now: `attempt_at` + floor or later.
    pub next_poll_at: Timestamp,
}

/// Politeness state of one host that must survive a restart (R5.2, R5.4, R5.5).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostState {
    /// `host:port`.
    pub host: String,
    /// Nobody asks before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate_until: Option<Timestamp>,
    /// Learned least gap between request starts, in milliseconds.
    pub gap_ms: u64,
    /// Last request start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_request_at: Option<Timestamp>,
    /// Connection-level failures in a row.
    pub failures: u32,
    /// Breaker open until.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_until: Option<Timestamp>,
    /// HTTP/1.1 only until.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http1_until: Option<Timestamp>,
    /// Requests.
    pub requests: u64,
    /// 429 answers.
    pub throttled: u64,
    /// 304 answers.
    pub not_modified: u64,
    /// Bytes received.
    pub received_bytes: u64,
}

/// Where the gap in force between two requests to a host comes from (R5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapSource {
    /// The operator's own network: there is none.
    Own,
    /// `host_gap` of `[fetch]`.
    Fetch,
    /// The host's own table in the config.
    Host,
    /// Learned, since the host asked for more patience than the config has.
    Learned,
}

impl HostState {
    /// Takes over what another process learned of the host: rest that was asked for is never shortened, and no count runs
    /// backwards. What came of the last request (failures, gap) stays as known here.
    pub fn merge(&mut self, other: &Self) {
        self.gate_until = self.gate_until.max(other.gate_until);
        self.http1_until = self.http1_until.max(other.http1_until);
        self.last_request_at = self.last_request_at.max(other.last_request_at);
        self.requests = self.requests.max(other.requests);
        self.throttled = self.throttled.max(other.throttled);
        self.not_modified = self.not_modified.max(other.not_modified);
        self.received_bytes = self.received_bytes.max(other.received_bytes);
    }
}

/// One poll as one commit: all of it, or nothing.
#[derive(Clone, Debug)]
pub struct PollCommit {
    /// The feed as it is to be after this poll. `configured_url`, `groups`, `priority` are not written: the config owns them.
    pub state: FeedState,
    /// Present when a document was parsed.
    pub meta: Option<FeedMeta>,
    /// Entries of the document, in document order; empty when nothing was parsed.
    pub entries: Vec<IncomingEntry>,
    /// Keys of known entries whose pages have been read since: their words are there in full.
    pub completed: Vec<String>,
    /// Keys of entries that the publisher took back, unless they are there under another key.
    pub withdrawn: Vec<String>,
    /// The host's politeness state, when it changed.
    pub host: Option<HostState>,
    /// The instant that counts as first seen for new entries.
    pub seen_at: Timestamp,
    /// At most this many entries of a first poll (or of a flood) are shown; the rest is backlog.
    pub max_new: usize,
}

/// What a committed poll did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollReport {
    /// Entries never seen before.
    pub new: usize,
    /// Known entries with another fingerprint.
    pub changed: usize,
    /// Known and the same.
    pub known: usize,
    /// Recognised under a changed key (id churn).
    pub recognised: usize,
    /// Stored but dropped by a rule.
    pub dropped: usize,
    /// Stored but not shown: backlog, held or quarantined.
    pub held: usize,
    /// Stories that became visible.
    pub stories: usize,
    /// Entries that joined a story of another feed.
    pub joined: usize,
    /// True when something that readers see may have changed.
    pub touched: bool,
}

/// Entries that came by another way than a poll, as one commit: they are added or changed, nothing else of the feed is.
pub struct SideCommit {
    /// Which feed.
    pub feed: FeedId,
    /// Entries of the document, which may be only some of the feed's.
    pub entries: Vec<IncomingEntry>,
    /// The instant that counts as first seen for new entries.
    pub seen_at: Timestamp,
    /// By which way.
    pub way: SideWay,
}

/// A way of entries beside polls.
pub enum SideWay {
    /// A hub brought them.
    Push {
        /// As [`PollCommit::max_new`].
        max_new: usize,
        /// What is to be remembered of the feed beside its entries, in the same commit.
        note: Box<dyn FnOnce(&mut FeedState) + Send>,
    },
    /// An archive holds them: history, not news.
    Archive,
}

/// How many entries of a feed readers got on a day: what the flood breaker measures by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DayCount {
    /// The day, since 1970, UTC.
    pub day: i64,
    /// Entries let through on it.
    pub count: u32,
    /// The most of any day before, of the first document's days, or of what the operator approved at once.
    pub most: u32,
}

impl DayCount {
    /// Entries let through on the day of `at`.
    #[must_use]
    pub fn on(&self, at: Timestamp) -> usize {
        if self.day == day_of(at) {
            self.count as usize
        } else {
            0
        }
    }

    /// Counts `entries` that were let through at `at`.
    pub fn add(&mut self, entries: usize, at: Timestamp) {
        if self.day != day_of(at) {
            self.most = self.most.max(self.count);
            (self.day, self.count) = (day_of(at), 0);
        }
        self.count = self.count.saturating_add(counted(entries));
    }

    /// Takes back what was counted and turned out to be known.
    pub fn take_back(&mut self, entries: usize) {
        self.count = self.count.saturating_sub(counted(entries));
    }

    /// So many on one day are nothing odd for this feed.
    pub fn allow(&mut self, entries: usize) {
        self.most = self.most.max(counted(entries));
    }
}

fn counted(entries: usize) -> u32 {
    u32::try_from(entries).unwrap_or(u32::MAX)
}

fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}
