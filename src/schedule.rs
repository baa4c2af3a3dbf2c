//! When: pure functions from policy, history and gates to the next poll, and from cron, zone and instant to the next
//! digest. Takes instants and draws as arguments; refuses to know what a request is: the flow tells it in [`Answer`].

mod after_poll;
mod answer;
mod budget;
mod cadence;
pub mod cron;
mod fields;
mod hints;
mod jump;
mod moves;
mod next_poll;
mod push;
mod request;
mod tally;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{FeedState, PollReason};

pub use after_poll::after_poll;
pub use answer::{Answer, AnswerKind, Document, EntryTrace, entry_mark};
pub use budget::{Demand, affordable};
pub use cadence::{interval, learn, rate_per_day, silent_since};
pub use jump::{
    Passed, after_clock_jump, after_outage, downtime_spread, host_after_clock_jump, passed,
};
pub use moves::at_home;
pub use push::{
    LEASE_S, PushPlan, PushStep, push_asked, push_asking, push_plan, push_refused, unstretched,
};
pub use request::{RequestPlan, plan_request};

/// A feed's polling policy, settled from the config.
#[derive(Clone, Debug, PartialEq)]
pub struct PollPolicy {
    /// Least gap.
    pub floor: Duration,
    /// Longest cadence.
    pub ceiling: Duration,
    /// Learn the rhythm.
    pub adaptive: bool,
    /// What a delay of the feed's entries counts; one is as much as that of others (R4.2).
    pub weight: f64,
    /// Days from one poll to the next of a feed with an entry a day, as a budget of requests affords them; none: as usual.
    pub kappa: Option<f64>,
    /// Next digest that depends on this feed alone, if it reaches people only there.
    pub digest_at: Option<Timestamp>,
    /// Its requests carry credentials or headers of the config: a move to another origin is the operator's to make.
    pub rooted: bool,
}

/// Spread of additive jitter: a number in 0..1 that the caller draws.
pub type Draw = f64;

/// Never polled again by itself: an instant that no clock reaches.
#[must_use]
pub fn never() -> Timestamp {
    // 9000-01-01, in whole milliseconds, as the store keeps them.
    Timestamp::from_second(221_845_392_000).unwrap_or(Timestamp::MAX)
}

/// Another feed, `other`, is polled where this one has moved to: one of them is enough (R2.11, R5.13).
pub fn stop_as_double(state: &mut FeedState, other: &str) {
    state.next_poll_at = never();
    state.next_poll_reason = PollReason::Never;
    state.memory.notice = Some(format!(
        "moved for good to where feed {other:?} is: polled there only; take one of them out of the config"
    ));
}

/// The schedule half of a claim: where the feed stands should the process die now (R1.12).
#[must_use]
pub fn claim_until(state: &FeedState, policy: &PollPolicy, now: Timestamp) -> Timestamp {
    let memory = &state.memory;
    [memory.gate_until, memory.fresh_until]
        .into_iter()
        .flatten()
        .fold(later(now, policy.floor), Timestamp::max)
}

/// What a poll that the operator asks for respects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insistence {
    /// Everything: floor, gates, backoff.
    Polite,
    /// Only what the publisher asked for: our own floor and backoff are lifted (R1.12).
    Forced,
}

/// Earliest instant for a poll that the operator asks for, and what holds it back.
#[must_use]
pub fn manual_poll_at(
    state: &FeedState,
    policy: &PollPolicy,
    insistence: Insistence,
) -> Option<(Timestamp, PollReason)> {
    let memory = &state.memory;
    let floor = memory
        .attempt_at
        .map(|at| (later(at, policy.floor), PollReason::Floor));
    let own_delay = match state.next_poll_reason {
        reason @ (PollReason::Backoff | PollReason::Confirm | PollReason::Claimed) => {
            Some((state.next_poll_at, reason))
        }
        _ => None,
    };
    let ours = [floor, own_delay]
        .into_iter()
        .flatten()
        .filter(|_| insistence == Insistence::Polite);
    let gate = memory.gate_until.map(|at| (at, PollReason::RetryAfter));
    let fresh = memory.fresh_until.map(|at| (at, PollReason::Freshness));
    ours.chain(gate).chain(fresh).max_by_key(|(at, _)| *at)
}

/// `at` and `by` more; stops at the end of time.
fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `by`, multiplied, in whole milliseconds; nonsense becomes nothing.
fn scaled(by: Duration, factor: f64) -> Duration {
    let seconds = (by.as_secs_f64() * factor).clamp(0.0, 4e9);
    Duration::from_millis((seconds * 1000.0) as u64)
}

/// Time from `from` to `to`, nothing when `to` is earlier.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from).max(SignedDuration::ZERO)).unwrap_or(Duration::ZERO)
}

/// Length of a day.
const DAY: Duration = Duration::from_secs(86_400);
/// Length of an hour.
const HOUR: Duration = Duration::from_secs(3600);
