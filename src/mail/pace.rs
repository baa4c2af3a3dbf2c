//! How fast, and when not at all: a pause of the whole queue after a failure that is nobody's in particular, and the
//! gap between messages under a rate limit. Pure but for the mutex its owner puts around it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The queue's pause.
#[derive(Debug, Default)]
pub(super) struct Pause {
    pub(super) until: Option<Timestamp>,
    failures: u32,
}

/// Longest pause: the operator may have repaired things meanwhile.
const LONGEST_S: u64 = 30 * 60;

impl Pause {
    /// One more failure: 15 s, then twice as long each time, half an hour at most.
    pub(super) fn fail(&mut self, now: Timestamp) -> Timestamp {
        // Several connections fail together: that is one failure.
        if let Some(until) = self.until.filter(|until| *until > now) {
            return until;
        }
        let wait = 15_u64
            .checked_shl(self.failures.min(16))
            .unwrap_or(LONGEST_S)
            .min(LONGEST_S);
        self.failures += 1;
        let until = now + Duration::from_secs(wait);
        self.until = Some(until);
        until
    }

    /// The server took something.
    pub(super) fn succeed(&mut self) {
        *self = Self::default();
    }
}

/// Evenly spaced turns under a limit per minute.
#[derive(Debug)]
pub(super) struct Turns {
    gap: Option<Duration>,
    next: tokio::sync::Mutex<Option<Instant>>,
}

impl Turns {
    /// 0 is no limit.
    pub(super) fn per_minute(rate: u32) -> Self {
        Self {
            gap: (rate > 0).then(|| Duration::from_secs(60) / rate.max(1)),
            next: tokio::sync::Mutex::default(),
        }
    }

    /// Waits for a turn.
    pub(super) async fn wait(&self) {
        let Some(gap) = self.gap else { return };
        let turn = {
            let mut next = self.next.lock().await;
            let turn = next.unwrap_or_else(Instant::now).max(Instant::now());
            *next = Some(turn + gap);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}
