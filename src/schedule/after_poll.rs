//! One answer, one new state: the table of facts that every poll ends in (R2, R3, R4, R5.6). Pure; takes the state
//! before, gives the state after. Never shortens what a server asked for, never gives a feed up by count alone.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Answer, AnswerKind, Document, EntryTrace};
use super::cadence::{self, Known};
use super::next_poll::{FADE_POLLS, next_poll};
use super::{DAY, Draw, PollPolicy, between, later, moves, tally};
use crate::model::{FeedStanding, FeedState, PollMemory, PollTrouble, TroubleClass};

/// No cache hint keeps us away longer (R2.8).
const FRESH_CAP: Duration = Duration::from_secs(7 * 86_400);
/// Retry-After is obeyed up to this (R2.16).
const RETRY_CAP: Duration = Duration::from_secs(31 * 86_400);
/// 404 for so long is a dead feed (R2.13).
const DEAD_AFTER: Duration = Duration::from_secs(30 * 86_400);
/// Marks kept of a document.
pub(super) const MARKS: usize = 512;
/// Full answers with a suffixed ETag before If-None-Match is left out (R2.3).
const SUFFIX_HITS: u32 = 3;

/// The feed after `answer`, received at `now`: schedule, gates, failures, rhythm, proof of moves, validators.
#[must_use]
pub fn after_poll(
    mut state: FeedState,
    answer: &Answer,
    policy: &PollPolicy,
    now: Timestamp,
    draw: Draw,
) -> FeedState {
    let had_validators =
        state.validators.etag.is_some() || state.validators.last_modified.is_some();
    if had_validators && !answer.conditional {
        // Noted whatever came of it: a second bare request must not follow a failed one (R1.14).
        state.memory.validators_dropped_at = Some(now);
    }
    state.memory.attempt_at = Some(answer.started_at);
    tally::answered(&mut state.memory.counters, answer);
    match &answer.kind {
        AnswerKind::Document(document) => {
            let same_feed = identity(&state, document);
            moves::note(&mut state, answer, same_feed, (policy, now));
            absorb(&mut state, document, answer, now);
            succeeded(&mut state, answer, now);
        }
        AnswerKind::Unchanged | AnswerKind::NotModified => {
            // The server vouched for the document that we know, so the target of the chain is the same feed.
            moves::note(&mut state, answer, true, (policy, now));
            note_suffix(&mut state.memory, answer, now);
            succeeded(&mut state, answer, now);
        }
        AnswerKind::Gone => gone(&mut state, now),
        AnswerKind::Failed(trouble) => failed(&mut state, trouble, answer, now),
        AnswerKind::Offline(trouble) => state.memory.trouble = Some(trouble.clone()),
    }
    set_gates(&mut state, answer, now);
    let (at, reason) = next_poll(&state, answer, policy, now, draw);
    state.next_poll_at =
        Timestamp::from_millisecond(at.as_millisecond().saturating_add(1)).unwrap_or(at);
    state.next_poll_reason = reason;
    state
}

/// Is the document that of the feed we know: the first one, or one that shares an entry with the last (R2.11)?
fn identity(state: &FeedState, document: &Document) -> bool {
    let known = Known(&state.memory.window);
    state.memory.window.is_empty() || document.entries.iter().any(|entry| known.holds(entry.mark))
}

/// A 200 with a document: rhythm, window, hints, hash.
fn absorb(state: &mut FeedState, document: &Document, answer: &Answer, now: Timestamp) {
    let window = std::mem::take(&mut state.memory.window);
    let known = Known(&window);
    let memory = &mut state.memory;
    let fresh = document
        .entries
        .iter()
        .filter(|entry| known.is_new(entry.mark))
        .count();
    let overflowed =
        !window.is_empty() && document.entries.len() >= 5 && fresh == document.entries.len();
    note_span(memory, document, overflowed, now);
    if memory.seeded && fresh > 0 {
        memory.changed_at = Some(now);
    }
    tally::found(memory, document, &known, now);
    judge_push(memory, document, &known, (answer.push_waits, now));
    cadence::learn(&mut memory.rhythm, document, &known, now);
    memory.window = marks_of(document);
    memory.hints = document.hints.clone();
    memory.repairs.clone_from(&document.repairs);
    memory.format = document.format;
    memory.seeded = true;
    memory.suffixed_etag_hits = 0;
    state.body_hash = Some(document.body_hash);
    if answer.validators.etag != state.validators.etag && !suffixed(answer) {
        memory.etag_quirk_since = None;
    }
}

/// Once a document held no entry that we knew, the interval follows the time that the documents span: for good, since a
/// feed that has calmed down spans more and is held no closer by it (R4.6).
fn note_span(memory: &mut PollMemory, document: &Document, overflowed: bool, now: Timestamp) {
    if overflowed {
        memory.overflowed_at = Some(now);
    }
    if memory.overflowed_at.is_none() {
        return;
    }
    // Undated entries that replaced all we knew came since we last looked.
    let since_success = memory.success_at.map(|at| between(at, now).as_secs());
    let span = span_of(document).or(since_success.filter(|_| overflowed));
    memory.window_span_s = span.or(memory.window_span_s);
}

/// Time that the document's dated entries span, in seconds (R4.6).
fn span_of(document: &Document) -> Option<u64> {
    let dates = || document.entries.iter().filter_map(|entry| entry.dated_at);
    Some(between(dates().min()?, dates().max()?).as_secs()).filter(|span| *span > 0)
}

fn marks_of(document: &Document) -> Vec<u32> {
    let mut marks: Vec<u32> = document.entries.iter().map(|entry| entry.mark).collect();
    marks.sort_unstable();
    marks.dedup();
    marks.truncate(MARKS);
    marks
}

/// A hub is believed once a poll finds what it brought, and no longer when polling finds an entry, a quarter of an hour
/// after its date, that it should have brought and did not (R6.11).
fn judge_push(
    memory: &mut PollMemory,
    document: &Document,
    known: &Known<'_>,
    (waits, now): (bool, Timestamp),
) {
    let all_known = memory.seeded && !waits;
    let late = Duration::from_secs(15 * 60);
    for push in memory.pushes.iter_mut().filter(|push| push.holds(now)) {
        let missed = |entry: &EntryTrace| {
            let promised =
                |at: Timestamp| at > push.since_at && at < now && between(at, now) > late;
            known.is_new(entry.mark)
                && !push.delivered.contains(&entry.mark)
                && entry.dated_at.is_some_and(promised)
        };
        let judged = all_known && push.proven && push.remembers_all();
        let mut entries = document.entries.iter();
        if judged && document.entries.iter().any(missed) {
            push.proven = false;
            push.delivered.clear();
            push.next_request_at = Some(later(now, DAY));
        } else if entries.any(|entry| push.delivered.contains(&entry.mark)) {
            push.proven = true;
        }
    }
}

/// 200 or 304: the slate is clean, a slow-down fades.
fn succeeded(state: &mut FeedState, answer: &Answer, now: Timestamp) {
    state.validators.clone_from(&answer.validators);
    if state.standing == FeedStanding::Gone || state.standing == FeedStanding::Dead {
        state.standing = FeedStanding::Active;
    }
    let memory = &mut state.memory;
    memory.success_at = Some(now);
    if answer.kind != AnswerKind::NotModified {
        memory.ok_at = Some(now);
        memory.fresh_lifetime_s = answer.lifetime.map(|lifetime| lifetime.as_secs());
    }
    memory.failures = 0;
    memory.failing_since = None;
    memory.missing_since = None;
    memory.trouble = None;
    memory.gone_at = None;
    memory.clean_polls = memory.clean_polls.saturating_add(1);
    if memory.slow_factor.is_some() {
        // However far it doubled, recovery starts from twice the interval.
        memory.slow_factor = (memory.clean_polls < FADE_POLLS).then_some(2.0);
    }
}

fn gone(state: &mut FeedState, now: Timestamp) {
    let memory = &mut state.memory;
    memory.trouble = Some(PollTrouble {
        class: TroubleClass::Gone,
        status: Some(410),
        text: "the publisher says that this feed is gone (410)".to_owned(),
    });
    memory.failures = memory.failures.saturating_add(1);
    memory.failing_since.get_or_insert(now);
    let first = *memory.gone_at.get_or_insert(now);
    if between(first, now) >= DAY {
        state.standing = FeedStanding::Gone;
    }
}

fn failed(state: &mut FeedState, trouble: &PollTrouble, answer: &Answer, now: Timestamp) {
    let memory = &mut state.memory;
    memory.failures = memory.failures.saturating_add(1);
    memory.failing_since.get_or_insert(now);
    memory.trouble = Some(trouble.clone());
    memory.redirect = None;
    if memory
        .announced_move
        .as_ref()
        .is_some_and(|watch| watch.target_url == answer.asked_url)
    {
        // The announced address does not answer: back to the old one, and the proof starts over.
        memory.announced_move = None;
    }
    if trouble.status == Some(404) {
        let since = *memory.missing_since.get_or_insert(now);
        if between(since, now) >= DEAD_AFTER && state.standing == FeedStanding::Active {
            state.standing = FeedStanding::Dead;
        }
    } else {
        memory.missing_since = None;
    }
    if throttled(trouble) {
        memory.slow_factor = Some((memory.slow_factor.unwrap_or(1.0) * 2.0).min(1024.0));
        memory.clean_polls = 0;
    }
}

pub(super) fn throttled(trouble: &PollTrouble) -> bool {
    trouble.status == Some(429)
        || (trouble.class == TroubleClass::Throttled && trouble.status.is_none())
}

/// A full answer to a conditional request, unchanged, with an ETag that a compressing server made unrecognisable (R2.3).
fn note_suffix(memory: &mut PollMemory, answer: &Answer, now: Timestamp) {
    if answer.kind != AnswerKind::Unchanged || !answer.conditional || !suffixed(answer) {
        memory.suffixed_etag_hits = 0;
        return;
    }
    memory.suffixed_etag_hits += 1;
    if memory.suffixed_etag_hits >= SUFFIX_HITS && answer.validators.last_modified.is_some() {
        memory.etag_quirk_since = Some(now);
    }
}

fn suffixed(answer: &Answer) -> bool {
    const SUFFIXES: [&[u8]; 5] = [b"-gzip\"", b"-br\"", b"-zstd\"", b";gzip\"", b";br\""];
    answer
        .validators
        .etag
        .as_ref()
        .is_some_and(|etag| SUFFIXES.iter().any(|suffix| etag.ends_with(suffix)))
}

/// Freshness on every class of answer (R2.6–R2.8), Retry-After in full (R2.14–R2.16).
fn set_gates(state: &mut FeedState, answer: &Answer, now: Timestamp) {
    let stored = state.memory.fresh_lifetime_s.map(Duration::from_secs);
    let lifetime = match (&answer.kind, answer.lifetime, stored) {
        // A 304 may shorten what the 200 granted, not lengthen it; where it says nothing, the 200 still holds. What is
        // compared is what was granted: how old a cache's copy was on arrival is another thing each time.
        (AnswerKind::NotModified, Some(lifetime), Some(stored)) => Some(lifetime.min(stored)),
        (AnswerKind::NotModified, None, stored) => stored,
        (_, lifetime, _) => lifetime,
    };
    let memory = &mut state.memory;
    let fresh = lifetime
        .map(|lifetime| lifetime.saturating_sub(answer.age))
        .filter(|lifetime| !lifetime.is_zero())
        .map(|wait| later(now, capped(wait, memory, now)));
    let offline = matches!(answer.kind, AnswerKind::Offline(_));
    memory.fresh_until = if offline { memory.fresh_until } else { fresh };
    let asked = answer
        .retry_after
        .map(|wait| later(now, wait.min(RETRY_CAP)));
    memory.gate_until = memory.gate_until.filter(|at| *at > now).max(asked);
}

/// A week at most; where that bites and a week would cost three entries beyond the document's window, a day (R2.8).
fn capped(lifetime: Duration, memory: &PollMemory, now: Timestamp) -> Duration {
    if lifetime <= FRESH_CAP {
        return lifetime;
    }
    let expected = cadence::rate_per_day(&memory.rhythm, now) * 7.0;
    let missed = expected - memory.window.len() as f64;
    if memory.seeded && missed >= 3.0 {
        DAY
    } else {
        FRESH_CAP
    }
}
