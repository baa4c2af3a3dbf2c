//! The next poll of a feed whose state after the last answer is settled: what we would do ourselves, and everyone else
//! who has a say (R4.5). Pure; hints and gates only ever lengthen.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Answer, AnswerKind};
use super::{DAY, Draw, HOUR, PollPolicy, cadence, hints, later, never, scaled};
use crate::model::{FeedStanding, FeedState, PollMemory, PollReason, PushState};

/// Longest delay of our own after failures (R5.6).
const BACKOFF_CAP: Duration = Duration::from_secs(7 * 86_400);
/// So long apart a dead feed is asked (R2.13).
const PROBE: Duration = Duration::from_secs(30 * 86_400);
/// Clean polls over which a slow-down after 429 fades (R2.17).
pub(super) const FADE_POLLS: u32 = 10;

/// The latest of all that has a say, and which of them it was (R4.5, R5.15).
pub(super) fn next_poll(
    state: &FeedState,
    answer: &Answer,
    policy: &PollPolicy,
    now: Timestamp,
    draw: Draw,
) -> (Timestamp, PollReason) {
    if state.standing == FeedStanding::Gone {
        return (never(), PollReason::Never);
    }
    let memory = &state.memory;
    let (plan, reason) = planned(state, answer, policy, now, draw);
    // A minute at most; less where the operator polls their own network at a floor of seconds.
    let grace = scaled(Duration::from_secs(60).min(policy.floor / 10), draw);
    let floor = later(answer.started_at, policy.floor);
    let hinted = later(answer.started_at, hints::least_wait(&memory.hints));
    let others = [
        (Some(later(floor, grace)), PollReason::Floor),
        (
            Some(later(hinted, grace)).filter(|_| memory.failures == 0 && hinted > floor),
            PollReason::Hint,
        ),
        (
            memory.fresh_until.map(|at| later(at, grace)),
            PollReason::Freshness,
        ),
        (
            memory.gate_until.map(|at| later(at, grace)),
            PollReason::RetryAfter,
        ),
        (
            answer
                .host_gate
                .filter(|at| *at > now)
                .map(|at| later(at, grace)),
            PollReason::Host,
        ),
    ];
    let latest = others
        .into_iter()
        .filter_map(|(at, reason)| Some((at?, reason)))
        .fold(
            (plan, reason),
            |best, other| if other.0 > best.0 { other } else { best },
        );
    let allowed = hints::outside_skips(&memory.hints, latest.0, draw);
    if allowed > latest.0 {
        (allowed, PollReason::Hint)
    } else {
        latest
    }
}

/// What we would do if nobody had asked for anything.
fn planned(
    state: &FeedState,
    answer: &Answer,
    policy: &PollPolicy,
    now: Timestamp,
    draw: Draw,
) -> (Timestamp, PollReason) {
    let memory = &state.memory;
    let start = answer.started_at;
    let learned = cadence::interval(&memory.rhythm, policy, now);
    match &answer.kind {
        AnswerKind::Gone => return (later(now, DAY + scaled(HOUR, draw)), PollReason::Confirm),
        AnswerKind::Failed(trouble)
            if super::after_poll::throttled(trouble) && answer.retry_after.is_some() =>
        {
            return (later(start, learned), PollReason::Backoff);
        }
        AnswerKind::Failed(trouble) if super::after_poll::throttled(trouble) => {
            let slow = scaled(learned, memory.slow_factor.unwrap_or(2.0)).max(HOUR);
            let first = scaled(HOUR, memory.slow_factor.unwrap_or(2.0) / 2.0);
            let wait = slow.max(first).min(BACKOFF_CAP);
            return (
                later(now, wait + scaled(wait, draw / 4.0)),
                PollReason::Backoff,
            );
        }
        AnswerKind::Failed(_) if state.standing == FeedStanding::Dead => {
            return (later(now, PROBE + scaled(DAY, draw)), PollReason::Backoff);
        }
        AnswerKind::Failed(_) => {
            return (
                later(now, backoff(memory.failures, learned, draw)),
                PollReason::Backoff,
            );
        }
        AnswerKind::Offline(_) => {
            return (
                later(start, policy.floor + scaled(policy.floor, draw / 4.0)),
                PollReason::Host,
            );
        }
        AnswerKind::Document(_) | AnswerKind::Unchanged | AnswerKind::NotModified => {}
    }
    if let Some(at) = policy.digest_at {
        let before = before_digest(at, start, policy, draw);
        let overflow = overflow_wait(memory, policy).map(|wait| later(start, wait));
        return match overflow.filter(|at| *at < before.0) {
            // A digest must not lack what the document no longer held when its time came.
            Some(at) => (at, PollReason::Cadence),
            None => before,
        };
    }
    let (wait, reason) = cadenced(memory, policy, learned, now, start);
    (
        later(start, wait + scaled(wait.min(HOUR * 2), draw / 10.0)),
        reason,
    )
}

/// The interval after a good poll: rhythm, profile, overflow, slow-down, push.
fn cadenced(
    memory: &PollMemory,
    policy: &PollPolicy,
    learned: Duration,
    now: Timestamp,
    start: Timestamp,
) -> (Duration, PollReason) {
    if memory.pushes.iter().any(|push| is_pushed(push, now)) {
        return (stretched(learned), PollReason::Push);
    }
    let mut wait = if policy.adaptive {
        cadence::by_profile(&memory.rhythm, policy, start, learned)
    } else {
        learned
    };
    if let Some(most) = overflow_wait(memory, policy) {
        wait = wait.min(most);
    }
    if memory.slow_factor.is_some() {
        let left = f64::from(FADE_POLLS.saturating_sub(memory.clean_polls)) / f64::from(FADE_POLLS);
        wait = scaled(wait, 1.0 + left);
    }
    let reason = if wait <= policy.floor {
        PollReason::Floor
    } else if cadence::is_rationed(&memory.rhythm, policy, now) {
        PollReason::Budget
    } else {
        PollReason::Cadence
    };
    (wait, reason)
}

/// Half of the time that the document spans, once entries were lost because it spans less than the interval (R4.6).
fn overflow_wait(memory: &PollMemory, policy: &PollPolicy) -> Option<Duration> {
    let span = Duration::from_secs(memory.window_span_s?);
    Some((span / 2).max(policy.floor))
}

/// Push stretches polling only while it is proved and its lease runs (R6.11).
pub(super) fn is_pushed(push: &PushState, now: Timestamp) -> bool {
    push.proven && push.holds(now)
}

/// The interval of a feed that is pushed, instead of the `learned` one: twelve times that, a day at most (R6.11). A feed
/// that is asleep is asked more seldom than daily anyway: push makes that no shorter.
pub(super) fn stretched(learned: Duration) -> Duration {
    (learned * 12).min(DAY.max(learned))
}

/// min(7 d, max(1 h, T) × 2^(k−1)) and up to a quarter more (R5.6).
fn backoff(failures: u32, learned: Duration, draw: Draw) -> Duration {
    let doubled = 2.0_f64.powi(i32::try_from(failures.clamp(1, 20)).unwrap_or(20) - 1);
    let wait = scaled(learned.max(HOUR), doubled).min(BACKOFF_CAP);
    wait + scaled(wait, draw / 4.0)
}

/// One poll 30 to 90 minutes before the digest; at most a day from the last (R4.4).
fn before_digest(
    digest_at: Timestamp,
    start: Timestamp,
    policy: &PollPolicy,
    draw: Draw,
) -> (Timestamp, PollReason) {
    let lead = Duration::from_secs(30 * 60) + scaled(HOUR, draw);
    let wanted = digest_at.checked_sub(lead).unwrap_or(digest_at);
    let earliest = later(start, policy.floor);
    // Too late for this one: the same time of the next day, when the policy will know the next digest.
    let wanted = if wanted < earliest {
        later(wanted, DAY)
    } else {
        wanted
    };
    let longest = later(start, policy.ceiling.max(DAY));
    (wanted.min(longest).max(earliest), PollReason::Digest)
}
