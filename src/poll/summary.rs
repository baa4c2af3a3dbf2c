//! What a pass did, counted for people and scripts.

use jiff::Timestamp;

use super::one::{Ended, Outcome};
use crate::model::PollReason;

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Requests made.
    pub polled: usize,
    /// 304.
    pub not_modified: usize,
    /// 200 with the body that we knew.
    pub unchanged: usize,
    /// 200 with another body.
    pub changed: usize,
    /// Failures, 410 among them.
    pub failed: usize,
    /// Entries never seen before.
    pub new_entries: usize,
    /// Known entries that changed.
    pub changed_entries: usize,
    /// Bytes received.
    pub received_bytes: u64,
    /// Feeds that could not be asked now, with the instant and the reason.
    pub held: Vec<HeldFeed>,
    /// What came of each feed that failed: key and one line.
    pub troubles: Vec<(String, String)>,
}

/// A feed that was not asked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HeldFeed {
    /// Key.
    pub feed: String,
    /// Not before this.
    pub until: Timestamp,
    /// Why.
    pub reason: PollReason,
}

impl Summary {
    pub(super) fn add(&mut self, ended: Ended) {
        self.polled += 1;
        match ended.outcome {
            Outcome::NotModified => self.not_modified += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Changed => self.changed += 1,
            Outcome::Failed => self.failed += 1,
        }
        self.new_entries += ended.report.new;
        self.changed_entries += ended.report.changed;
        self.received_bytes += ended.received_bytes;
        if let Some(trouble) = ended.trouble {
            self.troubles.push((ended.key, trouble));
        }
    }
}
