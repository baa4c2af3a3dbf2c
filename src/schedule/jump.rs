//! Spreading, outages and clocks: the spread after downtime, what an outage of our own network and a jump of the wall
//! clock do to a schedule (R5.5, R5.7, R5.10).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Draw, PollPolicy, later, scaled};
use crate::model::{FeedState, HostState, PollReason};

/// Smaller differences between the clocks are drift and slow machines.
const JUMP: SignedDuration = SignedDuration::from_mins(1);
/// Nobody naps so long between two looks at the clocks.
const ASLEEP: Duration = Duration::from_secs(300);

/// How time passed between two looks at the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// As it should.
    Evenly,
    /// The machine was suspended: what came due meanwhile is as after a downtime.
    Asleep,
    /// The wall clock was set, by so much.
    Jumped(SignedDuration),
}

/// How time passed by which the wall clock went on by `walled`, and by `lived` the one that nobody sets.
#[must_use]
pub fn passed(walled: SignedDuration, lived: Duration) -> Passed {
    let jump = walled - SignedDuration::try_from(lived).unwrap_or(SignedDuration::ZERO);
    if jump.abs() > JUMP {
        Passed::Jumped(jump)
    } else if lived > ASLEEP {
        Passed::Asleep
    } else {
        Passed::Evenly
    }
}

/// Over how long `overdue` feeds are spread after downtime: four a second, a quarter of an hour at most.
#[must_use]
pub fn downtime_spread(overdue: usize) -> Duration {
    let seconds = u64::try_from(overdue).unwrap_or(u64::MAX) / 4;
    Duration::from_secs(seconds.min(15 * 60))
}

/// The schedule of a feed after the wall clock moved by `jump`, seen against a clock that does not.
///
/// Every instant that we made out of the old clock moves with it, so that the real gap between two requests is what it
/// was to be: a jump forward makes nothing due early, a jump back keeps nothing waiting for longer than its interval.
#[must_use]
pub fn after_clock_jump(
    mut state: FeedState,
    policy: &PollPolicy,
    jump: SignedDuration,
    draw: Draw,
) -> FeedState {
    if state.next_poll_reason == PollReason::Never {
        return state;
    }
    let moved = |at: Timestamp| at.checked_add(jump).unwrap_or(at);
    let memory = &mut state.memory;
    memory.attempt_at = memory.attempt_at.map(moved);
    memory.gate_until = memory.gate_until.map(moved);
    memory.fresh_until = memory.fresh_until.map(moved);
    let earliest = memory.attempt_at.map(|at| later(at, policy.floor));
    let spread = scaled(Duration::from_secs(60), draw);
    let next = if jump.is_negative() {
        later(moved(state.next_poll_at), spread)
    } else {
        state.next_poll_at
    };
    state.next_poll_at = [earliest, memory.gate_until, memory.fresh_until]
        .into_iter()
        .flatten()
        .map(|at| later(at, spread))
        .fold(next, Timestamp::max);
    state
}

/// The schedule of a feed after our own network was down from `since` on: failures that were ours are forgotten, and
/// what waited because of them is due, spread over `spread`. None when the outage did nothing to it (R5.5).
#[must_use]
pub fn after_outage(
    mut state: FeedState,
    policy: &PollPolicy,
    (since, now): (Timestamp, Timestamp),
    (spread, draw): (Duration, Draw),
) -> Option<FeedState> {
    let memory = &mut state.memory;
    let unreachable = memory
        .trouble
        .as_ref()
        .is_some_and(|trouble| trouble.class.is_unreachable());
    let unasked = memory.failures == 0 && state.next_poll_reason == PollReason::Host;
    let ours = memory.failing_since.is_some_and(|at| at >= since) || unasked;
    if !unreachable || !ours {
        return None;
    }
    memory.failures = 0;
    memory.failing_since = None;
    memory.trouble = None;
    let floor = memory.attempt_at.map(|at| later(at, policy.floor));
    let earliest = [floor, memory.gate_until, memory.fresh_until]
        .into_iter()
        .flatten()
        .fold(later(now, scaled(spread, draw)), Timestamp::max);
    state.next_poll_at = state.next_poll_at.min(earliest);
    state.next_poll_reason = PollReason::Floor;
    Some(state)
}

/// What is remembered of a host after the wall clock moved by `jump`: its gaps and gates last as long as they were to.
#[must_use]
pub fn host_after_clock_jump(mut host: HostState, jump: SignedDuration) -> HostState {
    let moved = |at: Timestamp| at.checked_add(jump).unwrap_or(at);
    host.gate_until = host.gate_until.map(moved);
    host.open_until = host.open_until.map(moved);
    host.last_request_at = host.last_request_at.map(moved);
    host
}
