//! Counting (R4.7): what a poll costs, what it finds, how long that had been out.

use std::time::Duration;

use feedmill::model::{DelayEstimate, FeedState, PollReason};
use feedmill::schedule::{AnswerKind, Document, EntryTrace, after_poll, entry_mark};

use super::after_poll::{answer, daily, feed, policy, start, status};
use super::at;

fn polled(state: FeedState, kind: AnswerKind) -> FeedState {
    after_poll(state, &answer(kind, start()), &policy(), start(), 0.0)
}

fn document(entries: &[(&str, Option<&str>)]) -> AnswerKind {
    let trace = |(key, date): &(&str, Option<&str>)| EntryTrace {
        mark: entry_mark(key),
        dated_at: date.map(at),
    };
    AnswerKind::Document(Box::new(Document {
        entries: entries.iter().map(trace).collect(),
        ..Document::default()
    }))
}

#[test]
fn r4_7_each_kind_of_answer_is_counted_once() {
    let mut state = feed();
    for kind in [
        document(&[("a", Some("2026-03-02T09:00:00Z"))]),
        AnswerKind::NotModified,
        AnswerKind::NotModified,
        AnswerKind::Unchanged,
        status(500),
        document(&[("a", Some("2026-03-02T09:00:00Z"))]),
    ] {
        state = polled(state, kind);
    }
    let counters = &state.memory.counters;
    assert_eq!(
        (
            counters.polls,
            counters.not_modified,
            counters.unchanged,
            counters.changed
        ),
        (6, 2, 1, 2)
    );
    assert_eq!(counters.received_bytes, 600);
    // The first document is no find, and the same one again is none either.
    assert_eq!((counters.hits, counters.entries, counters.timed), (0, 0, 0));
    assert_eq!(counters.hit_percent(), Some(0.0));
    assert_eq!(counters.spared_percent(), Some(66.7));
}

#[test]
fn r4_7_an_entry_has_waited_since_its_date_where_that_lies_between_two_polls() {
    let mut state = daily();
    state.memory.success_at = Some(at("2026-03-02T06:00:00Z"));
    let state = polled(
        state,
        document(&[
            ("known", Some("2026-03-02T05:00:00Z")),
            ("an hour", Some("2026-03-02T09:00:00Z")),
            ("three hours", Some("2026-03-02T07:00:00Z")),
            // Known to nobody before: dated back, dated ahead, not dated.
            ("back", Some("2026-03-02T05:59:59Z")),
            ("ahead", Some("2026-03-02T10:00:01Z")),
            ("undated", None),
        ]),
    );
    let counters = &state.memory.counters;
    assert_eq!((counters.hits, counters.entries), (1, 5));
    assert_eq!((counters.timed, counters.waited_s), (2, 4 * 3600));
    assert_eq!(counters.entries_per_poll(), Some(5.0));
    let two_hours = Duration::from_secs(7200);
    assert_eq!(
        state.delay_estimate(),
        Some(DelayEstimate::Measured(two_hours))
    );
}

#[test]
fn r4_7_what_was_never_measured_is_taken_for_half_the_interval() {
    assert_eq!(feed().delay_estimate(), None);
    let state = polled(daily(), AnswerKind::NotModified);
    let half = DelayEstimate::HalfInterval(Duration::from_millis(8_746_000 / 2));
    let estimate = state.delay_estimate().unwrap();
    assert!(estimate.duration().abs_diff(half.duration()) < Duration::from_secs(1));
    assert!(matches!(estimate, DelayEstimate::HalfInterval(_)));
    let mut never = state;
    never.next_poll_reason = PollReason::Never;
    assert_eq!(never.delay_estimate(), None);
}
