//! What is known of a feed between polls, and one poll as one commit.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AddressChange, DayCount, FeedFormat, PollCounters, PollHints, PushState, Repair};

/// Row identity of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FeedId(pub i64);

/// A feed as the operator configured it, reduced to what the store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSpec {
    /// Stable key: the config's `name`, else derived from the URL.
    pub key: String,
    /// As configured.
    pub url: String,
    /// The operator's title for it, which wins over the publisher's.
    pub title: Option<String>,
    /// Groups it carries.
    pub groups: Vec<String>,
    /// Higher is preferred as a story's lead.
    pub priority: i32,
    /// False keeps it configured without polling it.
    pub enabled: bool,
    /// First poll is spread over this time (R5.7), so that an import is no stampede.
    pub spread: Duration,
}

/// What a sync of the configured feeds changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Keys that are new.
    pub added: Vec<String>,
    /// Keys that left the config; their history stays.
    pub removed: Vec<String>,
    /// Keys whose configured URL, title, groups or switch changed.
    pub changed: Vec<String>,
}

/// Stored validators, as bytes, with the URL that sent them (R1.1, R1.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The exact URL whose response carried them; sent on no other hop.
    pub url: String,
    /// `ETag`, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`, byte for byte.
    pub last_modified: Option<Vec<u8>>,
}

/// Whether and why a feed is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedStanding {
    /// Polled.
    Active,
    /// The publisher said 410 twice (R2.12); polled no more until the operator says so.
    Gone,
    /// 404 for thirty days (R2.13); probed rarely.
    Dead,
    /// Switched off in the config.
    Disabled,
    /// Left the config; history stays.
    Removed,
    /// Looks hijacked; polled, but nothing of it is shown until the operator approves.
    Quarantined,
}

impl FeedStanding {
    /// Is the feed asked at all, however seldom?
    #[must_use]
    pub fn is_polled(self) -> bool {
        matches!(self, Self::Active | Self::Dead | Self::Quarantined)
    }
}

/// Why the next poll is when it is (R5.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PollReason {
    /// First poll, spread.
    First,
    /// The least gap between requests.
    Floor,
    /// The learned rhythm.
    Cadence,
    /// The learned rhythm, as the operator's budget of requests affords it.
    Budget,
    /// max-age or Expires of the last response.
    Freshness,
    /// Retry-After.
    RetryAfter,
    /// Delay after failures.
    Backoff,
    /// The document's ttl, skipHours or skipDays.
    Hint,
    /// A digest comes soon and this feed reaches people only there.
    Digest,
    /// Push has proved itself; polling is stretched.
    Push,
    /// The host asked for rest, or its breaker is open.
    Host,
    /// Claimed for a poll that has not reported yet.
    Claimed,
    /// The operator asked.
    Manual,
    /// 410 once: one confirmation later.
    Confirm,
    /// Not polled.
    Never,
}

/// What kind of thing went wrong with a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleClass {
    /// Name look-up failed.
    Dns,
    /// No connection.
    Connect,
    /// Certificate or handshake.
    Tls,
    /// A deadline passed.
    Timeout,
    /// HTTP status that is no success.
    Status,
    /// 429, or 503 with Retry-After.
    Throttled,
    /// A challenge page for browsers.
    Challenge,
    /// 410.
    Gone,
    /// Redirect loop, too many hops, or a forbidden target.
    Redirect,
    /// Address inside the network, or a scheme we do not speak.
    Refused,
    /// Over a size cap, or a decompression bomb.
    TooLarge,
    /// Body cut short or undecodable.
    Truncated,
    /// A web page or something else that is no feed.
    NotAFeed,
    /// A feed that could not be read.
    Parse,
    /// A local file could not be read.
    File,
    /// Ours: store or config.
    Internal,
}

impl TroubleClass {
    /// No name, no connection, no TLS, no answer in time: as if there were no network.
    #[must_use]
    pub fn is_unreachable(self) -> bool {
        matches!(self, Self::Dns | Self::Connect | Self::Tls | Self::Timeout)
    }
}

/// The last thing that went wrong, for people. Holds no secret: URLs are cut before they come here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollTrouble {
    /// Kind.
    pub class: TroubleClass,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// One line: what, where, what to do.
    pub text: String,
}

/// Evidence that a permanent redirect is true (R2.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectWatch {
    /// Where all-permanent chains led.
    pub target_url: String,
    /// How often in a row.
    pub count: u32,
    /// Since when.
    pub first_seen_at: Timestamp,
}

/// When entries appear: inputs of the cadence (R4.1, R4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rhythm {
    /// Days since 1970 of `days[0]`, the oldest bin.
    pub first_day: i64,
    /// Entries per day, oldest first, at most 28 bins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<u16>,
    /// Entries per hour of day, UTC; 24 bins or none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<u16>,
    /// Earliest date seen in the first document, or the first poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_since: Option<Timestamp>,
    /// Newest first-seen entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_entry_at: Option<Timestamp>,
    /// Longest gap between entries seen so far, in seconds: the feed's own measure of silence.
    pub longest_gap_s: u64,
}

/// What polling remembers of a feed and no query needs: kept as one JSON column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollMemory {
    /// Last request started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_at: Option<Timestamp>,
    /// Last 200 or 304.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_at: Option<Timestamp>,
    /// Last 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok_at: Option<Timestamp>,
    /// Last poll with a new entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Timestamp>,
    /// Earliest time a server allowed: Retry-After, never shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate_until: Option<Timestamp>,
    /// Freshness of the last response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_until: Option<Timestamp>,
    /// Lifetime that the last 200 gave, in seconds (R2.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_lifetime_s: Option<u64>,
    /// Failures in a row.
    pub failures: u32,
    /// First of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<PollTrouble>,
    /// Interval factor after 429 (R2.17), 1.0 when clean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_factor: Option<f64>,
    /// Clean polls since the last 429.
    pub clean_polls: u32,
    /// Permanent redirect under watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<RedirectWatch>,
    /// `itunes:new-feed-url` under watch (R3.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced_move: Option<RedirectWatch>,
    /// First 410.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Timestamp>,
    /// Last time validators were dropped on purpose (R1.14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validators_dropped_at: Option<Timestamp>,
    /// Full answers in a row to conditional requests, unchanged, with a suffixed ETag (R2.3).
    pub suffixed_etag_hits: u32,
    /// Since when If-None-Match is left out for this feed (R2.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag_quirk_since: Option<Timestamp>,
    /// When entries appear.
    pub rhythm: Rhythm,
    /// The document's own hints.
    pub hints: PollHints,
    /// Counts.
    pub counters: PollCounters,
    /// Repairs of the last parsed document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
    /// Dialect of the last parsed document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<FeedFormat>,
    /// Push: a subscription a hub (R6.5).
    #[serde(
        alias = "push",
        deserialize_with = "super::push::one_or_more",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub pushes: Vec<PushState>,
    /// True once a first document was committed.
    pub seeded: bool,
    /// 404 without another answer since (R2.13).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Timestamp>,
    /// Short hashes of the last document's entry keys, ascending: what is new in the next one, and whether it is the
    /// same feed (R2.11, R4.1, R4.6).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub window: Vec<u32>,
    /// When a document last held no known entry any more, so that some were lost (R4.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflowed_at: Option<Timestamp>,
    /// Time the last document spanned, in seconds, since a document overflowed (R4.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_span_s: Option<u64>,
    /// Why the feed is quarantined or held, for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// Keys that the publisher used again for other entries, each with the number that its present entry carries.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reused_keys: BTreeMap<String, u32>,
    /// The operator approved the feed out of quarantine: its next document is believed, whatever it calls itself.
    pub approved: bool,
    /// How often the operator approved what was held: a poll that was under way meanwhile knows by it.
    pub approvals: u32,
    /// Keys of entries whose pages are still to be read for their full text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages_due: Vec<String>,
    /// What its publisher may take back, where the operator follows that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawals: Option<super::Withdrawals>,
    /// Entries that readers got, by day.
    pub let_through: DayCount,
    /// The change of address that this poll made, for the commit to record; not kept here.
    #[serde(skip)]
    pub moved: Option<AddressChange>,
}

/// All that is known of a feed between polls.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedState {
    /// Row identity.
    pub id: FeedId,
    /// Stable key.
    pub key: String,
    /// As configured.
    pub configured_url: String,
    /// Polled: the configured one, or where proof has moved it.
    pub url: String,
    /// The operator's title, else the publisher's.
    pub title: Option<String>,
    /// The feed's site.
    pub site_url: Option<String>,
    /// Groups it carries.
    pub groups: Vec<String>,
    /// Higher is preferred as a story's lead.
    pub priority: i32,
    /// Whether polled.
    pub standing: FeedStanding,
    /// Echoed on the next request.
    pub validators: Validators,
    /// BLAKE3 of the decoded body last parsed (R1.15).
    pub body_hash: Option<[u8; 32]>,
    /// Not before this.
    pub next_poll_at: Timestamp,
    /// Why then.
    pub next_poll_reason: PollReason,
    /// The rest.
    pub memory: PollMemory,
}

/// What a document says of its feed, for the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeedMeta {
    /// The feed's own id.
    pub publisher_id: Option<String>,
    /// The publisher's title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Site.
    pub site_url: Option<String>,
    /// Language.
    pub language: Option<String>,
    /// Icon address.
    pub icon_url: Option<String>,
    /// Rights.
    pub rights: Option<String>,
    /// Authors' names and addresses of their pages.
    pub authors: Vec<super::Author>,
    /// Categories.
    #[serde(default)]
    pub categories: Vec<super::Category>,
    /// The feed's claimed date.
    pub updated_at: Option<Timestamp>,
}
