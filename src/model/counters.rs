//! What polling a feed came to, in numbers (R4.7): counted at each poll, added up over feeds, and the two figures made of
//! them, entries a request and how long an entry waits for us.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::FeedState;

/// Counts since the feed was added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollCounters {
    /// Requests answered or not.
    pub polls: u64,
    /// 304 answers.
    pub not_modified: u64,
    /// 200 with the same body.
    pub unchanged: u64,
    /// 200 with another body.
    pub changed: u64,
    /// Requests sent without validators.
    pub unconditional: u64,
    /// Bytes received on the wire.
    pub received_bytes: u64,
    /// Polls after the first document that found an entry which the one before had not.
    pub hits: u64,
    /// Entries that they found.
    pub entries: u64,
    /// Those of them that are dated between two polls.
    pub timed: u64,
    /// How long those had been out when they were found, in seconds, added up.
    pub waited_s: u64,
}

impl PollCounters {
    /// Adds what polling another feed came to.
    pub fn add(&mut self, other: &Self) {
        self.polls += other.polls;
        self.not_modified += other.not_modified;
        self.unchanged += other.unchanged;
        self.changed += other.changed;
        self.unconditional += other.unconditional;
        self.received_bytes += other.received_bytes;
        self.hits += other.hits;
        self.entries += other.entries;
        self.timed += other.timed;
        self.waited_s += other.waited_s;
    }

    /// Requests that found something new, of a hundred.
    #[must_use]
    pub fn hit_percent(&self) -> Option<f64> {
        percent(self.hits, self.polls)
    }

    /// Of the good answers that had nothing for us, those that cost no body, of a hundred: publishers that are asked well
    /// and answer well give ninety and more (R4.7).
    #[must_use]
    pub fn spared_percent(&self) -> Option<f64> {
        percent(self.not_modified, self.not_modified + self.unchanged)
    }

    /// Entries found a request, to thousandths.
    #[must_use]
    pub fn entries_per_poll(&self) -> Option<f64> {
        let thousandths = (self.entries * 1000 + self.polls / 2).checked_div(self.polls)?;
        Some(thousandths as f64 / 1000.0)
    }

    /// How long an entry had been out when a poll found it: the mean over those whose date lies between that poll and the
    /// one before. Other dates say nothing of us.
    #[must_use]
    pub fn mean_wait(&self) -> Option<Duration> {
        self.waited_s
            .checked_div(self.timed)
            .map(Duration::from_secs)
    }
}

/// To tenths.
fn percent(part: u64, whole: u64) -> Option<f64> {
    let tenths = (part * 1000 + whole / 2).checked_div(whole)?;
    Some(tenths as f64 / 10.0)
}

/// How long an entry waits for us, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayEstimate {
    /// [`PollCounters::mean_wait`].
    Measured(Duration),
    /// Nothing was measured yet: half of the time from the last poll to the next, which is what an entry waits on average
    /// that may come at any moment between.
    HalfInterval(Duration),
}

impl DelayEstimate {
    /// However it is known.
    #[must_use]
    pub fn duration(self) -> Duration {
        match self {
            Self::Measured(delay) | Self::HalfInterval(delay) => delay,
        }
    }
}

impl FeedState {
    /// How long an entry of this feed waits for us; none before the first poll.
    #[must_use]
    pub fn delay_estimate(&self) -> Option<DelayEstimate> {
        if let Some(wait) = self.memory.counters.mean_wait() {
            return Some(DelayEstimate::Measured(wait));
        }
        let interval = self.next_poll_at.duration_since(self.memory.attempt_at?);
        let interval = Duration::try_from(interval).ok()?;
        let polled = self.next_poll_reason != super::PollReason::Never;
        polled.then_some(DelayEstimate::HalfInterval(interval / 2))
    }
}
