//! How fast, and when not at all: a pause of the whole queue after a failure that is nobody's in particular, and the
//! gap between messages under a rate limit. Pure but for the mutexes
//! around it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The queue's pause.
#[derive(Debug, Default)]
pub(super) struct Pause {
    pub(super) until: Option<Timestamp>,
    /// What the server said.
    pub(super) reason: String,
    failures: u32,
}

/// Longest pause: the operator may have repaired things meanwhile.
const LONGEST_S: u64 = 30 * 60;

impl Pause {
    /// One more failure: 15 s, then twice as long each time, half an hour at most.
    pub(super) fn fail(&mut self, now: Timestamp, reason: &str) -> Timestamp {
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
        reason.clone_into(&mut self.reason);
        until
    }

    /// The server took something.
    pub(super) fn succeed(&mut self) {
        *self = Self::default();
    }
}

/// Evenly spaced turns under a limit per minute, over all connections and for as long as the config lives.
#[derive(Debug)]
pub(super) struct Turns {
    gap: Option<Duration>,
    next: tokio::sync::Mutex<Option<Instant>>,
}

/// A turn that has come; dropped without [`Turn::taken`], it is the next one's.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    gap: Duration,
    next: tokio::sync::MutexGuard<'a, Option<Instant>>,
}

impl Turn<'_> {
    /// A message is begun in it.
    pub(super) fn taken(mut self) {
        *self.next = Some(Instant::now() + self.gap);
    }
}

impl Turns {
    /// 0 is no limit.
    pub(super) fn per_minute(rate: u32) -> Self {
        Self {
            gap: (rate > 0).then(|| Duration::from_secs(60) / rate.max(1)),
            next: tokio::sync::Mutex::default(),
        }
    }

    /// Whether there is a limit.
    pub(super) fn limited(&self) -> bool {
        self.gap.is_some()
    }

    /// Waits for a turn; none where there is no limit.
    pub(super) async fn wait(&self) -> Option<Turn<'_>> {
        let gap = self.gap?;
        let next = self.next.lock().await;
        if let Some(at) = *next {
            tokio::time::sleep_until(at).await;
        }
        Some(Turn { gap, next })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::Turns;

    #[tokio::test]
    async fn a_turn_is_used_up_only_by_a_message() {
        let turns = Turns::per_minute(1);
        for _ in 0..2 {
            let turn = turns.wait().now_or_never();
            assert!(
                matches!(turn, Some(Some(_))),
                "nothing was sent in the last one"
            );
        }
        if let Some(turn) = turns.wait().await {
            turn.taken();
        }
        assert!(turns.wait().now_or_never().is_none(), "a minute to wait");
        assert!(matches!(
            Turns::per_minute(0).wait().now_or_never(),
            Some(None)
        ));
    }
}
