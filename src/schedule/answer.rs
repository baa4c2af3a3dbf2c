//! What one exchange told, in the words of the schedule: the flow makes it from the report of the fetch and the parsed
//! document. Holds no library's type.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{FeedFormat, PollHints, PollTrouble, Repair, Validators};

/// One answered (or failed) request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What came of it.
    pub kind: AnswerKind,
    /// The request's start: the floor counts from here (R1.11).
    pub started_at: Timestamp,
    /// The URL asked first.
    pub asked_url: String,
    /// Were validators sent?
    pub conditional: bool,
    /// Validators to keep, merged by R1.3 and R1.4.
    pub validators: Validators,
    /// max-age or Expires (R2.4).
    pub lifetime: Option<Duration>,
    /// How much of it was over on arrival (R2.5).
    pub age: Duration,
    /// Retry-After (R2.14, R2.15).
    pub retry_after: Option<Duration>,
    /// Where a chain of nothing but 301 and 308 ended (R2.11).
    pub moved_to: Option<String>,
    /// Bytes received.
    pub received_bytes: u64,
    /// The host, not the feed, is to rest until then (R5.4, R5.5).
    pub host_gate: Option<Timestamp>,
    /// What a hub brought for this feed is still to be read: it is not known what push has missed (R6.11).
    pub push_waits: bool,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerKind {
    /// 200 with a document that was parsed.
    Document(Box<Document>),
    /// 200 with the body that we know (R1.15).
    Unchanged,
    /// 304.
    NotModified,
    /// 410.
    Gone,
    /// Anything else.
    Failed(PollTrouble),
    /// Our own network is down: counts against nobody (R5.5).
    Offline(PollTrouble),
}

/// What the schedule needs of a parsed document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// BLAKE3 of the decoded body.
    pub body_hash: [u8; 32],
    /// When to come back.
    pub hints: PollHints,
    /// Entries, in document order.
    pub entries: Vec<EntryTrace>,
    /// Dialect.
    pub format: Option<FeedFormat>,
    /// What had to be repaired.
    pub repairs: Vec<Repair>,
}

/// What the schedule needs of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryTrace {
    /// [`entry_mark`] of its key.
    pub mark: u32,
    /// Claimed publication (or change, where that is all there is).
    pub dated_at: Option<Timestamp>,
}

/// Short hash of an entry key: enough to tell an entry of the last document from a new one.
#[must_use]
pub fn entry_mark(key: &str) -> u32 {
    let hash = blake3::hash(key.as_bytes());
    hash.as_bytes()
        .iter()
        .take(4)
        .fold(0, |mark, byte| mark << 8 | u32::from(*byte))
}
