//! The start of a daemon and the jumps of its clock: overdue feeds spread out (R5.7), and a wall clock watched against
//! one that only goes forward (R5.10).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Parts, Poller};
use crate::clock::Clock;
use crate::model::{FeedState, PollReason};
use crate::schedule::{self, Passed};
use crate::store::Result;

/// A feed is overdue, not merely due, when it has waited longer than this.
const OVERDUE: Duration = Duration::from_secs(60);
/// A request so far in the future was made by a clock that has been set back since.
const SET_BACK: SignedDuration = SignedDuration::from_mins(5);
/// No clock that works shows an earlier day than one on which this program already existed.
const PROGRAM_MADE_AT: i64 = 1_767_225_600;

/// Lets overdue feeds go one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    overdue_before: Timestamp,
    gap: Duration,
    next_at: Timestamp,
}

impl Pace {
    /// For the feeds due at the start; none when so few are overdue that nobody would notice.
    pub(super) fn of(due: &[FeedState], now: Timestamp) -> Option<Self> {
        let overdue_before = now.checked_sub(OVERDUE).unwrap_or(now);
        let late = |state: &&FeedState| Self::late(state, overdue_before);
        let overdue = due.iter().filter(late).count();
        let spread = schedule::downtime_spread(overdue);
        let gap = spread.checked_div(u32::try_from(overdue).unwrap_or(u32::MAX))?;
        (overdue > 4).then_some(Self {
            overdue_before,
            gap,
            next_at: now,
        })
    }

    fn late(state: &FeedState, overdue_before: Timestamp) -> bool {
        state.next_poll_reason != PollReason::First && state.next_poll_at < overdue_before
    }

    /// When `state` may start; the turn is taken when that is now.
    pub(super) fn turn(&mut self, state: &FeedState, now: Timestamp) -> Timestamp {
        if !Self::late(state, self.overdue_before) {
            return now;
        }
        let turn = self.next_at;
        if turn <= now {
            self.next_at = turn + self.gap;
        }
        turn
    }
}

/// The wall clock beside one that cannot be set.
pub(super) struct ClockWatch {
    wall: Timestamp,
    steady: Duration,
    warned: bool,
}

impl ClockWatch {
    pub(super) fn start(clock: &Clock) -> Self {
        Self {
            wall: clock.now(),
            steady: Clock::steady(),
            warned: false,
        }
    }

    /// How time passed since the last look.
    pub(super) fn look(&mut self, clock: &Clock) -> Passed {
        let (wall, steady) = (clock.now(), Clock::steady());
        let (walled, lived) = (
            wall.duration_since(self.wall),
            steady.saturating_sub(self.steady),
        );
        (self.wall, self.steady) = (wall, steady);
        schedule::passed(walled, lived)
    }

    /// False while the clock shows a time before this program existed; said once.
    pub(super) fn plausible(&mut self, clock: &Clock) -> bool {
        let plausible = clock.now().as_second() >= PROGRAM_MADE_AT;
        if !plausible && !self.warned {
            self.warned = true;
            tracing::warn!(
                "the clock shows a time before this program was made: nothing is polled until it is set"
            );
        }
        plausible
    }
}

/// So often the budget of requests is divided anew, and readers are counted.
const STOCK_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Poller {
    /// Divides the operator's budget of requests among the feeds as they are now (R4.2), and counts who reads each
    /// (R2.26); each where it is wished for.
    pub(super) async fn take_stock(&self) -> Result<()> {
        let Parts {
            settings,
            store,
            clock,
            ..
        } = &self.shared.parts;
        if settings.budget().is_some() {
            settings.ration(&store.feeds(false).await?, clock.now());
        }
        let mut subscribers = Vec::new();
        for digest in settings.counted_digests() {
            subscribers.push(store.subscribers(&digest).await?);
        }
        settings.count_readers(&subscribers);
        Ok(())
    }

    /// The same once an hour; gives the instant of the last time.
    pub(super) async fn take_stock_hourly(&self, stock_at: Timestamp) -> Result<Timestamp> {
        let now = self.shared.parts.clock.now();
        if (SignedDuration::ZERO..STOCK_EVERY).contains(&now.duration_since(stock_at)) {
            return Ok(stock_at);
        }
        self.take_stock().await?;
        Ok(now)
    }

    /// By how much the wall clock was set back while nobody was watching: a host that was asked in the future says so. How
    /// long we were down is not known then; taking it for nothing keeps every gap at least as long as it was to be.
    pub(super) fn set_back(&self) -> Option<SignedDuration> {
        let asked_at = self.shared.parts.hosts.states();
        let latest = asked_at
            .into_iter()
            .filter_map(|host| host.last_request_at)
            .max()?;
        let back = self.shared.parts.clock.now().duration_since(latest);
        (back < -SET_BACK).then_some(back)
    }

    /// Our own network was down from `since` on: what failed because of it is forgotten and made due (R5.5).
    pub(super) async fn network_is_back(&self, since: Timestamp) -> Result<()> {
        let parts = &self.shared.parts;
        let now = parts.clock.now();
        let polled = |state: &FeedState| state.next_poll_reason != PollReason::Never;
        let feeds = parts.store.feeds(false).await?;
        let hit: Vec<FeedState> = feeds
            .into_iter()
            .filter(polled)
            .filter_map(|state| {
                let policy = parts.settings.policy(&state.key, now);
                let none = (Duration::ZERO, 0.0);
                schedule::after_outage(state, &policy, (since, now), none)
            })
            .collect();
        tracing::warn!(
            "our own network was down from {since} on and is back: what failed since counts against none of {} feeds",
            hit.len()
        );
        let spread = schedule::downtime_spread(hit.len());
        for state in hit {
            let policy = parts.settings.policy(&state.key, now);
            let draw = (parts.draw)();
            let change = move |state: &mut FeedState| {
                let after =
                    schedule::after_outage(state.clone(), &policy, (since, now), (spread, draw));
                if let Some(after) = after {
                    *state = after;
                }
            };
            parts.store.update_feed(state.id, Box::new(change)).await?;
        }
        Ok(())
    }

    /// The wall clock jumped: every feed's instants move with it, so that real gaps stay (R5.10).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clock_jumped(&self, jump: SignedDuration) -> Result<()> {
        self.move_schedules(jump, Timestamp::MIN).await
    }

    /// Moves hosts, and the feeds asked at `since` or later.
    pub(super) async fn move_schedules(
        &self,
        jump: SignedDuration,
        since: Timestamp,
    ) -> Result<()> {
        let parts = &self.shared.parts;
        let now = parts.clock.now();
        tracing::warn!(
            jump_s = jump.as_secs(),
            "the wall clock jumped: schedules move with it"
        );
        let hosts = parts.hosts.states().into_iter();
        parts.hosts.load(
            hosts
                .map(|host| schedule::host_after_clock_jump(host, jump))
                .collect(),
        );
        let asked = |state: &FeedState| state.memory.attempt_at.is_none_or(|at| at >= since);
        let feeds = parts.store.feeds(false).await?;
        for state in feeds.into_iter().filter(asked) {
            let policy = parts.settings.policy(&state.key, now);
            let draw = (parts.draw)();
            let change = move |state: &mut FeedState| {
                *state = schedule::after_clock_jump(state.clone(), &policy, jump, draw);
            };
            parts.store.update_feed(state.id, Box::new(change)).await?;
        }
        // Last: until then a restart finds the hosts where they were, and moves what is left to be moved.
        parts.store.replace_hosts(parts.hosts.states()).await?;
        Ok(())
    }
}
