//! Counting polls and what they find (R4.7). Pure.

use jiff::Timestamp;

use super::answer::{Answer, AnswerKind, Document};
use super::between;
use super::cadence::Known;
use crate::model::{PollCounters, PollMemory};

/// One more request.
pub(super) fn answered(counters: &mut PollCounters, answer: &Answer) {
    counters.polls += 1;
    counters.unconditional += u64::from(!answer.conditional);
    counters.received_bytes += answer.received_bytes;
    match answer.kind {
        AnswerKind::NotModified => counters.not_modified += 1,
        AnswerKind::Unchanged => counters.unchanged += 1,
        AnswerKind::Document(_) => counters.changed += 1,
        _ => {}
    }
}

/// What the document has beside `known`, and how long that waited for us. The first document is no find.
pub(super) fn found(
    memory: &mut PollMemory,
    document: &Document,
    known: &Known<'_>,
    now: Timestamp,
) {
    if !memory.seeded {
        return;
    }
    let last = memory.success_at;
    let counters = &mut memory.counters;
    let before = counters.entries;
    for entry in document
        .entries
        .iter()
        .filter(|entry| known.is_new(entry.mark))
    {
        counters.entries += 1;
        let between_polls = |at: &Timestamp| last.is_some_and(|last| *at > last) && *at <= now;
        if let Some(at) = entry.dated_at.filter(between_polls) {
            counters.timed += 1;
            counters.waited_s += between(at, now).as_secs();
        }
    }
    counters.hits += u64::from(counters.entries > before);
}
