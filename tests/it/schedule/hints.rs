//! R3: what documents say of when to come back, from their bytes to the next poll. Every case is polled at 10:00 UTC on a
//! Monday by a feed whose own rhythm asks for 8746 s, without jitter.

use std::time::Duration;

use feedmill::model::{FeedState, PollReason};
use feedmill::parse::{ParseContext, parse};
use feedmill::schedule::{AnswerKind, Document, EntryTrace, after_poll, entry_mark};

use super::after_poll::{answer, daily, policy, start};

const RHYTHM: i64 = 8746;

fn rss(head: &str) -> String {
    format!(
        "<rss version=\"2.0\" xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\" \
         xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel><title>F</title>{head}\
         <item><guid>known</guid><title>T</title></item></channel></rss>"
    )
}

/// The feed after a poll that brought `document`.
fn polled(document: &str) -> FeedState {
    let parsed = parse(document.as_bytes(), &ParseContext::default()).unwrap();
    let document = Document {
        entries: vec![EntryTrace {
            mark: entry_mark("known"),
            dated_at: None,
        }],
        hints: parsed.hints,
        ..Document::default()
    };
    let answer = answer(AnswerKind::Document(Box::new(document)), start());
    after_poll(daily(), &answer, &policy(), start(), 0.0)
}

#[track_caller]
fn check(document: &str, wait_s: i64, reason: PollReason) {
    let after = polled(document);
    let wait = after.next_poll_at.duration_since(start()).as_secs();
    assert_eq!(
        (wait, after.next_poll_reason),
        (wait_s, reason),
        "{document}"
    );
}

fn days(names: &str) -> String {
    let days = names.split(' ').map(|name| format!("<day>{name}</day>"));
    rss(&format!(
        "<skipDays>{}</skipDays>",
        days.collect::<String>()
    ))
}

#[test]
fn r3_3_skipped_days() {
    let hours = |count: i64| count * 3600;
    check(&days("monday TUESDAY"), hours(38), PollReason::Hint);
    // Every day but Sunday: no deferral is longer than 72 hours.
    let most = days("Monday Tuesday Wednesday Thursday Friday Saturday");
    check(&most, RHYTHM + hours(72), PollReason::Hint);
    let all = days("Monday Tuesday Wednesday Thursday Friday Saturday Sunday");
    check(&all, RHYTHM, PollReason::Cadence);
    check(&days("Someday"), RHYTHM, PollReason::Cadence);
}

fn syndication(period: &str, frequency: Option<&str>) -> String {
    let frequency =
        frequency.map(|times| format!("<sy:updateFrequency>{times}</sy:updateFrequency>"));
    rss(&format!(
        "<sy:updatePeriod>{period}</sy:updatePeriod>{}",
        frequency.unwrap_or_default()
    ))
}

#[test]
fn r3_4_update_period_over_frequency() {
    for (period, frequency, wait) in [
        ("daily", None, 86_400),
        ("Daily", Some("1"), 86_400),
        ("daily", Some("2"), 43_200),
        ("weekly", Some("14"), 43_200),
    ] {
        check(&syndication(period, frequency), wait, PollReason::Hint);
    }
    for (period, frequency) in [
        ("hourly", Some("1")),
        ("weekly", Some("1")),
        ("fortnightly", None),
        ("daily", Some("0")),
        ("daily", Some("-1")),
        ("daily", Some("1.5")),
        ("daily", Some("often")),
        ("daily", Some("999999999")),
    ] {
        check(&syndication(period, frequency), RHYTHM, PollReason::Cadence);
    }
}

#[test]
fn r3_5_a_self_link_renames_nothing() {
    let elsewhere = "<atom:link rel=\"self\" href=\"https://elsewhere.example/feed\"/>";
    let mut state = polled(&rss(elsewhere));
    assert_eq!(
        state.memory.hints.self_url.as_deref(),
        Some("https://elsewhere.example/feed")
    );
    for _ in 0..10 {
        let now = state.next_poll_at + Duration::from_secs(86_400);
        let unchanged = answer(AnswerKind::NotModified, now);
        state = after_poll(state, &unchanged, &policy(), now, 0.0);
    }
    assert_eq!(state.url, daily().url);
    let memory = &state.memory;
    assert_eq!((&memory.redirect, &memory.announced_move), (&None, &None));
}

#[test]
fn r3_8_an_ended_feed_is_asked_monthly() {
    let json = |more: &str| {
        format!(
            "{{\"version\": \"https://jsonfeed.org/version/1.1\", \"title\": \"F\"{more}, \
             \"items\": [{{\"id\": \"known\", \"content_text\": \"x\"}}]}}"
        )
    };
    let month = 30 * 86_400;
    check(&json(", \"expired\": true"), month, PollReason::Hint);
    check(&json(", \"expired\": false"), RHYTHM, PollReason::Cadence);
    check(&json(""), RHYTHM, PollReason::Cadence);
}

#[test]
fn r3_9_a_cloud_is_ignored() {
    let cloud = "<cloud domain=\"rpc.example\" port=\"80\" path=\"/RPC2\" \
                 registerProcedure=\"notify\" protocol=\"http-post\"/>";
    let (with, without) = (polled(&rss(cloud)), polled(&rss("")));
    assert_eq!(with, without);
}
