//! Starts per second over all foreign hosts (R5.3): takes starts and instants, gives leave or a turn. Who is refused gets a
//! turn of its own, so that thousands who wait do not all come back at once.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

/// Starts of the last second, and turns promised.
#[derive(Debug, Default)]
pub(super) struct Rate {
    starts: VecDeque<Timestamp>,
    promised: Option<Timestamp>,
}

impl Rate {
    /// The turn of who asks at `now`; none: at once.
    pub(super) fn turn(&mut self, now: Timestamp, most: usize) -> Option<Timestamp> {
        // A clock that was set back makes no one wait: starts ahead of it are forgotten.
        self.starts.retain(|at| *at <= now && *at + SECOND > now);
        let free_at = *self.starts.front()? + SECOND;
        if self.starts.len() < most {
            return None;
        }
        let step = SECOND / u32::try_from(most).unwrap_or(u32::MAX).max(1);
        let turn = self
            .promised
            .filter(|at| *at >= free_at)
            .map_or(free_at, |at| at + step);
        self.promised = Some(turn);
        Some(turn)
    }

    /// A request left.
    pub(super) fn started(&mut self, now: Timestamp) {
        self.starts.push_back(now);
    }
}
