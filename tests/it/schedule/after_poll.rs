//! The table of answers: what each does to the next poll and to what is known. Every case starts at 10:00 UTC on a
//! Monday with a floor of an hour, a ceiling of a day and no jitter unless it says so; waits are computed by hand.

use std::time::Duration;

use feedmill::model::{
    FeedId, FeedStanding, FeedState, PollHints, PollMemory, PollReason, PollTrouble, PushState,
    Rhythm, TroubleClass, Validators,
};
use feedmill::schedule::{
    Answer, AnswerKind, Document, EntryTrace, Insistence, Passed, PollPolicy, after_clock_jump,
    after_outage, after_poll, at_home, claim_until, downtime_spread, entry_mark, interval,
    manual_poll_at, never, passed, plan_request, rate_per_day, silent_since,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::at;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const URL: &str = "https://origin.example/feed.xml";

pub(super) fn start() -> Timestamp {
    at("2026-03-02T10:00:00Z")
}

pub(super) fn policy() -> PollPolicy {
    PollPolicy {
        floor: HOUR,
        ceiling: DAY,
        adaptive: true,
        weight: 1.0,
        kappa: None,
        digest_at: None,
        rooted: false,
    }
}

pub(super) fn feed() -> FeedState {
    FeedState {
        id: FeedId(1),
        key: "one".to_owned(),
        configured_url: URL.to_owned(),
        url: URL.to_owned(),
        title: None,
        site_url: None,
        groups: Vec::new(),
        priority: 0,
        standing: FeedStanding::Active,
        validators: Validators::default(),
        body_hash: None,
        next_poll_at: start(),
        next_poll_reason: PollReason::First,
        memory: PollMemory::default(),
    }
}

pub(super) fn answer(kind: AnswerKind, started_at: Timestamp) -> Answer {
    Answer {
        kind,
        started_at,
        asked_url: URL.to_owned(),
        conditional: true,
        validators: Validators {
            url: URL.to_owned(),
            etag: Some(b"\"a\"".to_vec()),
            last_modified: Some(b"Mon, 02 Mar 2026 09:00:00 GMT".to_vec()),
        },
        lifetime: None,
        age: Duration::ZERO,
        retry_after: None,
        moved_to: None,
        received_bytes: 100,
        host_gate: None,
        push_waits: false,
    }
}

pub(super) fn status(status: u16) -> AnswerKind {
    let class = match status {
        429 => TroubleClass::Throttled,
        _ => TroubleClass::Status,
    };
    let text = format!("the server answered {status}");
    AnswerKind::Failed(PollTrouble {
        class,
        status: Some(status),
        text,
    })
}

fn document(entries: &[(&str, Option<&str>)]) -> Document {
    let trace = |(key, date): &(&str, Option<&str>)| EntryTrace {
        mark: entry_mark(key),
        dated_at: date.map(at),
    };
    Document {
        entries: entries.iter().map(trace).collect(),
        ..Document::default()
    }
}

fn boxed(entries: &[(&str, Option<&str>)]) -> Box<Document> {
    Box::new(document(entries))
}

/// A feed whose rhythm is one entry a day for the last 28: 28.3 / 29 a day, which asks for 8746 s.
pub(super) fn daily() -> FeedState {
    let mut feed = feed();
    feed.memory.seeded = true;
    feed.memory.window = vec![entry_mark("known")];
    feed.memory.rhythm = Rhythm {
        first_day: start().as_second() / 86_400 - 27,
        days: vec![1; 28],
        hours: Vec::new(),
        observed_since: Some(start() - DAY * 40),
        newest_entry_at: Some(start() - DAY),
        longest_gap_s: 86_400,
    };
    feed
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs()
}

#[track_caller]
fn check(state: FeedState, answer: Answer, wait_s: u64, reason: PollReason) -> FeedState {
    let now = answer.started_at;
    let after = after_poll(state, &answer, &policy(), now, 0.0);
    let wait = after
        .next_poll_at
        .duration_since(now)
        .as_secs()
        .unsigned_abs();
    assert_eq!((wait, after.next_poll_reason), (wait_s, reason));
    after
}

/// Polls at the earliest instant that the schedule allows and answers with `kind`.
fn again(state: FeedState, kind: AnswerKind) -> FeedState {
    let now = state.next_poll_at;
    after_poll(state, &answer(kind, now), &policy(), now, 0.0)
}

#[test]
fn r1_11_the_floor_is_the_least_gap_and_jitter_adds() {
    let mut busy = daily();
    busy.memory.rhythm.days = vec![40; 28];
    check(
        busy.clone(),
        answer(AnswerKind::NotModified, start()),
        3600,
        PollReason::Floor,
    );
    let mut state = busy;
    for draw in 0..10_000_u32 {
        let now = state.next_poll_at;
        let draw = f64::from(draw % 97) / 97.0;
        state = after_poll(
            state,
            &answer(AnswerKind::NotModified, now),
            &policy(),
            now,
            draw,
        );
        assert!(state.next_poll_at.duration_since(now) >= SignedDuration::from_secs(3600));
    }
}

#[test]
fn r1_11_the_floor_counts_from_the_start_of_the_request() {
    let slow = answer(AnswerKind::NotModified, start());
    let mut busy = daily();
    busy.memory.rhythm.days = vec![40; 28];
    let after = after_poll(
        busy,
        &slow,
        &policy(),
        start() + Duration::from_secs(30),
        0.0,
    );
    assert_eq!(
        after.next_poll_at,
        start() + HOUR + Duration::from_millis(1)
    );
}

#[test]
fn r1_12_a_claim_outlives_the_process() {
    assert_eq!(claim_until(&feed(), &policy(), start()), start() + HOUR);
    let mut gated = feed();
    gated.memory.gate_until = Some(start() + DAY);
    assert_eq!(claim_until(&gated, &policy(), start()), start() + DAY);
}

#[test]
fn r1_12_asking_by_hand_respects_gates_and_force_lifts_only_our_own() {
    let mut state = feed();
    state.memory.attempt_at = Some(start());
    let polite = |state: &FeedState| manual_poll_at(state, &policy(), Insistence::Polite);
    let forced = |state: &FeedState| manual_poll_at(state, &policy(), Insistence::Forced);
    assert_eq!(polite(&state), Some((start() + HOUR, PollReason::Floor)));
    assert_eq!(forced(&state), None);
    state.next_poll_at = start() + HOUR * 4;
    state.next_poll_reason = PollReason::Backoff;
    assert_eq!(
        polite(&state),
        Some((start() + HOUR * 4, PollReason::Backoff))
    );
    assert_eq!(forced(&state), None);
    state.memory.gate_until = Some(start() + DAY);
    assert_eq!(
        polite(&state),
        Some((start() + DAY, PollReason::RetryAfter))
    );
    assert_eq!(
        forced(&state),
        Some((start() + DAY, PollReason::RetryAfter))
    );
}

#[test]
fn r1_14_a_starving_feed_is_asked_without_validators_once_a_week() {
    let asked = |rate: u16, days: u32| {
        let mut state = daily();
        state.memory.rhythm.days = vec![rate; 28];
        state.memory.ok_at = Some(start());
        let mut bare = Vec::new();
        for day in 1..=days {
            let now = start() + DAY * day;
            let mut answer = answer(AnswerKind::NotModified, now);
            if plan_request(&state, now).without_validators {
                bare.push(day);
                answer.conditional = false;
                answer.kind = AnswerKind::Unchanged;
            }
            state = after_poll(state, &answer, &policy(), now, 0.0);
        }
        bare
    };
    assert_eq!(asked(2, 20), [7, 14]);
    assert_eq!(asked(0, 60), [0_u32; 0]);
}

#[test]
fn r2_3_a_suffixed_etag_that_never_matches_is_left_out() {
    let mut state = daily();
    for hits in 1..=3 {
        assert!(
            !plan_request(&state, start()).without_etag,
            "before hit {hits}"
        );
        let mut full = answer(AnswerKind::Unchanged, start());
        full.validators.etag = Some(b"\"x-gzip\"".to_vec());
        state = after_poll(state, &full, &policy(), start(), 0.0);
    }
    assert!(plan_request(&state, start()).without_etag);
    assert!(plan_request(&state, start() + DAY * 29).without_etag);
    assert!(!plan_request(&state, start() + DAY * 30).without_etag);
}

#[test]
fn r2_6_freshness_counts_on_every_answer() {
    for kind in [
        AnswerKind::NotModified,
        AnswerKind::Unchanged,
        status(404),
        status(500),
    ] {
        let mut fresh = answer(kind, start());
        fresh.lifetime = Some(DAY);
        check(feed(), fresh, 86_400, PollReason::Freshness);
    }
    let mut document = answer(AnswerKind::Document(boxed(&[("a", None)])), start());
    document.lifetime = Some(DAY * 2);
    check(feed(), document, 172_800, PollReason::Freshness);
}

#[test]
fn r2_7_a_304_shortens_a_lifetime_and_never_lengthens_it() {
    let mut state = daily();
    state.memory.fresh_lifetime_s = Some(20_000);
    let mut longer = answer(AnswerKind::NotModified, start());
    longer.lifetime = Some(DAY);
    check(state.clone(), longer, 20_000, PollReason::Freshness);
    let mut shorter = answer(AnswerKind::NotModified, start());
    shorter.lifetime = Some(Duration::from_secs(10_000));
    check(state.clone(), shorter, 10_000, PollReason::Freshness);
    check(
        state,
        answer(AnswerKind::NotModified, start()),
        20_000,
        PollReason::Freshness,
    );
}

#[test]
fn r2_7_what_was_granted_is_compared_not_what_was_left_of_it() {
    let mut from_cache = answer(AnswerKind::Document(boxed(&[("a", None)])), start());
    (from_cache.lifetime, from_cache.age) = (Some(DAY), Duration::from_secs(70_000));
    let state = check(daily(), from_cache, 16_400, PollReason::Freshness);
    assert_eq!(state.memory.fresh_lifetime_s, Some(86_400));
    let mut fresh = answer(AnswerKind::NotModified, start());
    fresh.lifetime = Some(DAY);
    check(state.clone(), fresh.clone(), 86_400, PollReason::Freshness);
    fresh.age = Duration::from_secs(40_000);
    check(state, fresh, 46_400, PollReason::Freshness);
}

#[test]
fn r2_8_a_cache_hint_is_capped_at_a_week_and_for_a_busy_feed_at_a_day() {
    let years = |mut state: FeedState, wait| {
        state.memory.fresh_lifetime_s = None;
        let mut answer = answer(AnswerKind::Unchanged, start());
        answer.lifetime = Some(DAY * 365 * 16);
        check(state, answer, wait, PollReason::Freshness);
    };
    years(feed(), 604_800);
    years(daily(), 86_400);
}

#[test]
fn r2_11_a_permanent_redirect_is_believed_after_three_sightings_in_three_days() {
    let moved = |state: FeedState, target: &str, hours: u32| {
        let now = start() + HOUR * hours;
        let mut answer = answer(AnswerKind::NotModified, now);
        answer.moved_to = Some(target.to_owned());
        after_poll(state, &answer, &policy(), now, 0.0)
    };
    let target = "https://new.example/feed";
    let twice = moved(moved(daily(), target, 0), target, 80);
    assert_eq!(twice.url, URL);
    assert_eq!(moved(twice.clone(), target, 90).url, target);
    assert_eq!(
        moved(moved(moved(daily(), target, 0), target, 30), target, 71).url,
        URL
    );
    assert_eq!(
        moved(
            moved(twice.clone(), "https://other.example/", 90),
            target,
            91
        )
        .url,
        URL
    );
    let plain = "http://new.example/feed";
    assert_eq!(
        moved(moved(moved(daily(), plain, 0), plain, 80), plain, 90).url,
        URL
    );
    // One answer without the redirect, or a failure (a captive portal's page), starts over.
    assert_eq!(
        moved(again(twice.clone(), AnswerKind::NotModified), target, 90).url,
        URL
    );
    assert_eq!(moved(again(twice, status(500)), target, 90).url, URL);
}

#[test]
fn r2_11_an_upgrade_to_https_is_believed_at_once() {
    let mut state = daily();
    state.url = "http://origin.example/feed.xml".to_owned();
    let mut answer = answer(AnswerKind::NotModified, start());
    answer.moved_to = Some(URL.to_owned());
    assert_eq!(after_poll(state, &answer, &policy(), start(), 0.0).url, URL);
}

#[test]
fn r2_11_credentials_stay_with_their_origin_and_with_its_upgrade() {
    for (configured, url, home) in [
        ("http://a.example/f", "http://a.example/g", true),
        ("http://a.example/f", "https://a.example/f", true),
        ("https://a.example/f", "http://a.example/f", false),
        ("http://a.example/f", "https://a.example:8443/f", false),
        ("http://a.example:8080/f", "https://a.example/f", false),
        ("https://a.example/f", "https://b.example/f", false),
        ("https://a.example/f", "https://x.a.example/f", false),
        ("https://a.example/f", "not a URL", false),
    ] {
        assert_eq!(at_home(configured, url), home, "{configured} {url}");
    }
    let rooted = PollPolicy {
        rooted: true,
        ..policy()
    };
    let announced = |state: FeedState, hours: u32| {
        let now = start() + HOUR * hours;
        let mut document = document(&[("known", None)]);
        document.hints.new_feed_url = Some("https://new.example/feed?key=1".to_owned());
        let answer = answer(AnswerKind::Document(Box::new(document)), now);
        after_poll(state, &answer, &rooted, now, 0.0)
    };
    let state = announced(announced(announced(daily(), 0), 40), 80);
    assert_eq!(plan_request(&state, start() + HOUR * 100).url, URL);
    let notice = state.memory.notice.unwrap();
    assert!(notice.contains("https://new.example/feed:"), "{notice}");
}

#[test]
fn r2_11_another_feed_at_the_target_proves_nothing() {
    let mut state = daily();
    for hours in [0, 40, 80, 120] {
        let now = start() + HOUR * hours;
        let foreign = document(&[(&format!("foreign {hours}"), None)]);
        let mut answer = answer(AnswerKind::Document(Box::new(foreign)), now);
        answer.moved_to = Some("https://new.example/feed".to_owned());
        state = after_poll(state, &answer, &policy(), now, 0.0);
    }
    assert_eq!(state.url, URL);
}

#[test]
fn r2_12_gone_is_confirmed_once_and_then_left_alone() {
    let first = check(
        feed(),
        answer(AnswerKind::Gone, start()),
        86_400,
        PollReason::Confirm,
    );
    assert_eq!(first.standing, FeedStanding::Active);
    let second = again(first, AnswerKind::Gone);
    assert_eq!(
        (second.standing, second.next_poll_reason),
        (FeedStanding::Gone, PollReason::Never)
    );
    assert!(second.next_poll_at >= never());
}

#[test]
fn r2_12_a_feed_that_comes_back_is_polled_again() {
    let back = again(again(feed(), AnswerKind::Gone), AnswerKind::NotModified);
    assert_eq!(
        (back.standing, back.memory.gone_at),
        (FeedStanding::Active, None)
    );
}

#[test]
fn r2_13_404_for_thirty_days_is_dead_and_probed_monthly() {
    let mut state = feed();
    while state.next_poll_at < start() + DAY * 30 {
        assert_eq!(state.standing, FeedStanding::Active);
        state = again(state, status(404));
    }
    let dead = again(state, status(404));
    assert_eq!(dead.standing, FeedStanding::Dead);
    let asked_at = dead.memory.attempt_at.expect("asked");
    assert_eq!(
        dead.next_poll_at.duration_since(asked_at).as_hours(),
        30 * 24
    );
    assert_eq!(
        again(dead, AnswerKind::NotModified).standing,
        FeedStanding::Active
    );
}

#[test]
fn r2_16_retry_after_is_never_shortened() {
    for (wait, expected) in [
        (DAY, 86_400),
        (DAY * 31, 2_678_400),
        (DAY * 3650, 2_678_400),
    ] {
        for code in [429, 503, 301, 404] {
            let mut throttled = answer(status(code), start());
            throttled.retry_after = Some(wait);
            let after = check(feed(), throttled, expected, PollReason::RetryAfter);
            assert_eq!(
                after.memory.gate_until,
                Some(start() + Duration::from_secs(expected))
            );
        }
    }
}

#[test]
fn r2_17_429_without_a_word_doubles_and_fades_over_ten_polls() {
    let mut state = daily();
    let waits: Vec<i64> = (0..9)
        .map(|_| {
            let before = state.next_poll_at;
            state = again(state.clone(), status(429));
            state.next_poll_at.duration_since(before).as_hours()
        })
        .collect();
    // 8746 s doubled, then doubled again and again up to seven days; the rate sinks a little as days pass.
    assert_eq!(waits.first(), Some(&4));
    assert_eq!(waits.last(), Some(&168));
    assert!(waits.windows(2).all(|pair| pair[1] >= pair[0]), "{waits:?}");
    let mut recovered = daily();
    recovered.memory.slow_factor = Some(64.0);
    let mut waits = Vec::new();
    for _ in 0..11 {
        recovered = after_poll(
            recovered,
            &answer(AnswerKind::NotModified, start()),
            &policy(),
            start(),
            0.0,
        );
        waits.push(recovered.next_poll_at.duration_since(start()).as_secs());
    }
    assert_eq!(waits.first(), Some(&(8746 * 19 / 10)));
    assert_eq!(waits.get(9..), Some(&[8746, 8746][..]));
}

#[test]
fn r3_1_ttl_is_a_least_wait() {
    let with = |hints: PollHints, wait, reason| {
        let mut state = daily();
        state.memory.hints = hints;
        check(
            state,
            answer(AnswerKind::NotModified, start()),
            wait,
            reason,
        );
    };
    with(
        PollHints {
            ttl_s: Some(43_200),
            ..PollHints::default()
        },
        43_200,
        PollReason::Hint,
    );
    with(
        PollHints {
            ttl_s: Some(60),
            ..PollHints::default()
        },
        8746,
        PollReason::Cadence,
    );
    with(
        PollHints {
            ttl_s: Some(9_999_999),
            ..PollHints::default()
        },
        604_800,
        PollReason::Hint,
    );
    with(
        PollHints {
            update_period_s: Some(86_400),
            ..PollHints::default()
        },
        86_400,
        PollReason::Hint,
    );
    with(
        PollHints {
            update_period_s: Some(604_800),
            ..PollHints::default()
        },
        8746,
        PollReason::Cadence,
    );
    with(
        PollHints {
            expired: true,
            ..PollHints::default()
        },
        2_592_000,
        PollReason::Hint,
    );
}

#[test]
fn r3_2_skipped_hours_and_days_move_a_poll_to_the_first_allowed_minute() {
    let with = |skip_hours, skip_days, wait, reason| {
        let mut state = daily();
        state.memory.hints = PollHints {
            skip_hours,
            skip_days,
            ..PollHints::default()
        };
        check(
            state,
            answer(AnswerKind::NotModified, start()),
            wait,
            reason,
        );
    };
    // Without skips: Monday 12:25:46.
    with(0, 0, 8746, PollReason::Cadence);
    with(1 << 12 | 1 << 13, 0, 14_400, PollReason::Hint);
    with(0x00ff_ffff, 0, 8746, PollReason::Cadence);
    with(0, 0x7f, 8746, PollReason::Cadence);
    with(0, 1, 14 * 3600, PollReason::Hint);
    // Every day but Sunday: never longer than 72 hours.
    with(0, 0x3f, 8746 + 72 * 3600, PollReason::Hint);
}

#[test]
fn r3_6_an_announced_move_is_tried_after_proof_and_kept_if_it_is_the_same_feed() {
    let announcing = |state: FeedState, hours: u32| {
        let now = start() + HOUR * hours;
        let mut document = document(&[("known", None)]);
        document.hints.new_feed_url = Some("https://new.example/feed".to_owned());
        after_poll(
            state,
            &answer(AnswerKind::Document(Box::new(document)), now),
            &policy(),
            now,
            0.0,
        )
    };
    let twice = announcing(announcing(daily(), 0), 40);
    let later = start() + HOUR * 100;
    assert_eq!(plan_request(&twice, later).url, URL);
    let proved = announcing(twice, 80);
    assert_eq!(plan_request(&proved, later).url, "https://new.example/feed");
    let tried = |kind| {
        let mut answer = answer(kind, later);
        answer.asked_url = "https://new.example/feed".to_owned();
        after_poll(proved.clone(), &answer, &policy(), later, 0.0)
    };
    assert_eq!(
        tried(AnswerKind::Document(boxed(&[("known", None)]))).url,
        "https://new.example/feed"
    );
    let failed = tried(status(404));
    assert_eq!(
        (
            failed.url.as_str(),
            plan_request(&failed, later).url.as_str()
        ),
        (URL, URL)
    );
}

#[test]
fn r4_1_the_rate_is_learned_from_dates_and_floods_count_once() {
    let first = document(&[
        ("a", Some("2026-03-01T08:00:00Z")),
        ("b", Some("2026-02-27T08:00:00Z")),
        ("c", Some("2026-02-20T10:00:00Z")),
        ("d", None),
        ("e", None),
    ]);
    let state = after_poll(
        feed(),
        &answer(AnswerKind::Document(Box::new(first)), start()),
        &policy(),
        start(),
        0.0,
    );
    // Three dated entries and one for all undated ones, in ten days.
    assert!((rate_per_day(&state.memory.rhythm, start()) - 4.3 / 11.0).abs() < 1e-9);
    let old: Vec<String> = (0..20)
        .map(|day| format!("2026-02-{:02}T00:00:00Z", day % 25 + 1))
        .collect();
    let keys: Vec<String> = (0..20).map(|n| format!("old {n}")).collect();
    let mut entries: Vec<(&str, Option<&str>)> = keys
        .iter()
        .zip(&old)
        .map(|(key, date)| (key.as_str(), Some(date.as_str())))
        .collect();
    entries.push(("a", None));
    let flooded = after_poll(
        state,
        &answer(AnswerKind::Document(boxed(&entries)), start()),
        &policy(),
        start(),
        0.0,
    );
    assert!((rate_per_day(&flooded.memory.rhythm, start()) - 5.3 / 11.0).abs() < 1e-9);
}

#[test]
fn r4_2_the_interval_follows_the_root_of_the_rate() {
    #[track_caller]
    fn check(per_day: u16, expected_s: u64) {
        let mut rhythm = daily().memory.rhythm;
        rhythm.days = vec![per_day; 28];
        assert_eq!(
            seconds(interval(&rhythm, &policy(), start())),
            expected_s,
            "{per_day} a day"
        );
    }
    // 8640 s divided by the root of (28 n + 0.3) / 29.
    check(1, 8746);
    check(4, 4390);
    check(9, 3600);
    check(0, 84_947);
    let mut asleep = daily().memory.rhythm;
    asleep.newest_entry_at = Some(start() - DAY * 181);
    asleep.days = Vec::new();
    assert_eq!(seconds(interval(&asleep, &policy(), start())), 72 * 3600);
    let fixed = PollPolicy {
        adaptive: false,
        ..policy()
    };
    assert_eq!(interval(&asleep, &fixed, start()), HOUR);
}

#[test]
fn r4_3_a_feed_with_hours_is_polled_more_in_them() {
    let mut state = daily();
    state.memory.rhythm.hours = (0..24)
        .map(|hour| if (11..14).contains(&hour) { 100 } else { 0 })
        .collect();
    let inside = after_poll(
        state.clone(),
        &answer(AnswerKind::NotModified, start()),
        &policy(),
        start(),
        0.0,
    );
    assert!(inside.next_poll_at < start() + Duration::from_secs(8746));
    let evening = start() + HOUR * 8;
    let outside = after_poll(
        state,
        &answer(AnswerKind::NotModified, evening),
        &policy(),
        evening,
        0.0,
    );
    assert!(outside.next_poll_at > evening + Duration::from_secs(8746));
    assert!(outside.next_poll_at <= evening + DAY + Duration::from_secs(1));
}

/// Hours move requests about; how many they are is the rate's business (R4.2).
#[test]
fn r4_3_habits_cost_as_many_requests_as_none() {
    #[track_caller]
    fn check(hours: impl Fn(usize) -> u16) {
        let habits: Vec<u16> = (0..24).map(hours).collect();
        let policy = PollPolicy {
            floor: Duration::from_secs(60),
            ..policy()
        };
        let mut state = daily();
        state.memory.rhythm.hours.clone_from(&habits);
        let (mut now, mut polls) = (start(), 0);
        while now < start() + DAY * 7 {
            let before = state.memory.rhythm.clone();
            state = after_poll(
                state,
                &answer(AnswerKind::NotModified, now),
                &policy,
                now,
                0.0,
            );
            state.memory.rhythm = before;
            // The rate is to stay what it is.
            state.memory.rhythm.first_day = now.as_second() / 86_400 - 27;
            now = state.next_poll_at;
            polls += 1;
        }
        // 604,800 s at 8746 s each.
        assert!((66..=72).contains(&polls), "{polls} with {habits:?}");
    }
    check(|_| 1);
    check(|hour| if hour == 7 { 28 } else { 0 });
    check(|hour| if (9..17).contains(&hour) { 50 } else { 0 });
}

#[test]
fn r4_4_a_feed_of_a_digest_alone_is_polled_shortly_before_it() {
    let digest = PollPolicy {
        digest_at: Some(at("2026-03-03T06:30:00Z")),
        ..policy()
    };
    for (draw, expected) in [
        (0.0, "2026-03-03T06:00:00.001Z"),
        (0.5, "2026-03-03T05:30:00.001Z"),
    ] {
        let after = after_poll(
            daily(),
            &answer(AnswerKind::NotModified, start()),
            &digest,
            start(),
            draw,
        );
        assert_eq!(
            (after.next_poll_at, after.next_poll_reason),
            (at(expected), PollReason::Digest)
        );
    }
    let before = at("2026-03-03T06:00:00Z");
    let after = after_poll(
        daily(),
        &answer(AnswerKind::NotModified, before),
        &digest,
        before,
        0.0,
    );
    assert_eq!(after.next_poll_at, at("2026-03-04T06:00:00.001Z"));
}

#[test]
fn r4_6_a_window_without_a_known_entry_is_polled_within_half_its_span() {
    let mut slow = daily();
    slow.memory.rhythm.days = vec![0; 28];
    let overflow = document(&[
        ("v", Some("2026-03-02T09:00:00Z")),
        ("w", Some("2026-03-02T07:00:00Z")),
        ("x", Some("2026-03-02T05:00:00Z")),
        ("y", Some("2026-03-02T03:00:00Z")),
        ("z", Some("2026-03-02T05:00:00Z")),
    ]);
    // Six hours of entries: three. (By the learned rate alone it would be 3 h 35 min.)
    check(
        slow,
        answer(AnswerKind::Document(Box::new(overflow)), start()),
        10_800,
        PollReason::Cadence,
    );
}

#[test]
fn r5_5_what_failed_while_our_network_was_down_is_due_when_it_is_back() {
    let trouble = AnswerKind::Failed(PollTrouble {
        class: TroubleClass::Dns,
        status: None,
        text: "no address".to_owned(),
    });
    let failed = again(again(daily(), trouble.clone()), trouble);
    assert_eq!(failed.memory.failures, 2);
    let now = start() + HOUR * 3;
    let spread = (HOUR, 0.5);
    let after = |state: &FeedState, since| {
        let policy = policy();
        after_outage(state.clone(), &policy, (since, now), spread)
    };
    let back = after(&failed, start()).unwrap();
    assert_eq!(back.next_poll_at, now + HOUR / 2);
    assert_eq!((back.memory.failures, &back.memory.trouble), (0, &None));
    // Floors and gates stay; what failed before the outage, or by an answer, is none of its doing.
    let mut asked = failed.clone();
    asked.memory.attempt_at = Some(now);
    asked.memory.gate_until = Some(now + HOUR * 2);
    asked.next_poll_at = now + HOUR * 30;
    let gated = after(&asked, start()).unwrap();
    assert_eq!(gated.next_poll_at, now + HOUR * 2);
    assert_eq!(after(&failed, start() + HOUR), None);
    assert_eq!(after(&again(daily(), status(500)), start()), None);
    assert_eq!(after(&daily(), start()), None);
}

/// Five dated entries named with `prefix`, an hour and a half apart: six hours from first to last.
fn six_hours(prefix: &str, newest: Timestamp) -> AnswerKind {
    let trace = |number: u32| EntryTrace {
        mark: entry_mark(&format!("{prefix} {number}")),
        dated_at: Some(newest - Duration::from_secs(5400) * number),
    };
    AnswerKind::Document(Box::new(Document {
        entries: (0..5).map(trace).collect(),
        ..Document::default()
    }))
}

#[test]
fn r4_6_the_interval_stays_short_while_documents_stay_short() {
    let mut slow = daily();
    slow.memory.rhythm = Rhythm {
        observed_since: slow.memory.rhythm.observed_since,
        ..Rhythm::default()
    };
    let wait = |state: &FeedState, now| state.next_poll_at.duration_since(now).as_secs();
    let overflowed = after_poll(
        slow,
        &answer(six_hours("a", start()), start()),
        &policy(),
        start(),
        0.0,
    );
    assert_eq!(wait(&overflowed, start()), 10_800);
    assert_eq!(overflowed.memory.overflowed_at, Some(start()));
    // Unchanged, then overlapping: the document still spans six hours.
    let later = start() + DAY;
    let quiet = after_poll(
        overflowed,
        &answer(AnswerKind::NotModified, later),
        &policy(),
        later,
        0.0,
    );
    assert_eq!(wait(&quiet, later), 10_800);
    let again = answer(six_hours("a", start()), later);
    let known = after_poll(quiet, &again, &policy(), later, 0.0);
    assert_eq!(wait(&known, later), 10_800);
    assert_eq!(known.memory.overflowed_at, Some(start()));
}

#[test]
fn r4_6_beats_r4_4_so_that_a_digest_lacks_nothing() {
    let digest = PollPolicy {
        digest_at: Some(start() + DAY * 7),
        ..policy()
    };
    let polled = answer(six_hours("a", start()), start());
    let after = after_poll(daily(), &polled, &digest, start(), 0.0);
    assert_eq!(
        (
            after.next_poll_at.duration_since(start()).as_secs(),
            after.next_poll_reason
        ),
        (10_800, PollReason::Cadence)
    );
}

#[test]
fn r5_5_our_own_outage_counts_against_nobody() {
    let trouble = PollTrouble {
        class: TroubleClass::Dns,
        status: None,
        text: "no name".to_owned(),
    };
    let after = check(
        daily(),
        answer(AnswerKind::Offline(trouble), start()),
        3600,
        PollReason::Host,
    );
    assert_eq!(
        (after.memory.failures, after.memory.failing_since),
        (0, None)
    );
}

#[test]
fn r5_6_backoff_doubles_up_to_a_week_and_never_stops() {
    let mut state = feed();
    state.memory.rhythm.days = vec![50; 28];
    state.memory.rhythm.first_day = start().as_second() / 86_400 - 27;
    state.memory.rhythm.observed_since = Some(start() - DAY * 40);
    let mut hours = Vec::new();
    for _ in 0..12 {
        let before = state.next_poll_at;
        state = again(state, status(500));
        hours.push(state.next_poll_at.duration_since(before).as_hours());
        assert_eq!(state.next_poll_reason, PollReason::Backoff);
    }
    assert_eq!(hours.get(..4), Some(&[1, 2, 4, 8][..]));
    assert_eq!(hours.last(), Some(&168));
    let jittered = after_poll(
        feed(),
        &answer(status(500), start()),
        &policy(),
        start(),
        0.999,
    );
    let plain = after_poll(
        feed(),
        &answer(status(500), start()),
        &policy(),
        start(),
        0.0,
    );
    let ratio = jittered.next_poll_at.duration_since(start()).as_secs_f64()
        / plain.next_poll_at.duration_since(start()).as_secs_f64();
    assert!((1.2..=1.25).contains(&ratio), "{ratio}");
    assert_eq!(again(state, AnswerKind::NotModified).memory.failures, 0);
}

#[test]
fn r5_7_overdue_feeds_are_spread_over_a_quarter_of_an_hour_at_most() {
    assert_eq!(downtime_spread(500), Duration::from_secs(125));
    assert_eq!(downtime_spread(10_000), Duration::from_secs(900));
}

#[test]
fn r5_10_a_jump_of_the_clock_keeps_real_gaps() {
    let mut state = daily();
    state.memory.attempt_at = Some(start());
    state.memory.gate_until = Some(start() + HOUR * 5);
    state.next_poll_at = start() + HOUR * 5;
    let jump = SignedDuration::from_hours(48);
    let forward = after_clock_jump(state.clone(), &policy(), jump, 0.0);
    assert_eq!(forward.next_poll_at, start() + HOUR * 53);
    let back = after_clock_jump(state.clone(), &policy(), -jump, 0.0);
    assert_eq!(back.next_poll_at, start() + HOUR * 5 - HOUR * 48);
    state.memory.gate_until = None;
    let forward = after_clock_jump(state, &policy(), jump, 0.0);
    assert_eq!(forward.next_poll_at, start() + HOUR * 49);
}

#[test]
fn r5_10_sleep_is_no_jump_of_the_clock() {
    let (nap, night) = (30, 8 * 3600);
    for (walled, lived, expected) in [
        (nap, nap, Passed::Evenly),
        (nap + 59, nap, Passed::Evenly),
        (night, night, Passed::Asleep),
        (
            night,
            nap,
            Passed::Jumped(SignedDuration::from_secs(night - nap)),
        ),
        (
            nap,
            night,
            Passed::Jumped(SignedDuration::from_secs(nap - night)),
        ),
    ] {
        let lived = Duration::from_secs(lived.unsigned_abs());
        let found = passed(SignedDuration::from_secs(walled), lived);
        assert_eq!(found, expected, "{walled} {lived:?}");
    }
}

/// The machine's uptime counts sleep in; so does the clock that schedules are held against.
#[cfg(target_os = "linux")]
#[test]
fn r5_10_the_steady_clock_goes_on_while_the_machine_sleeps() {
    let uptime = || {
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
        Duration::from_secs_f64(seconds)
    };
    let before = uptime();
    let steady = feedmill::clock::Clock::steady();
    // Uptime is cut to hundredths.
    assert!(before <= steady && steady <= uptime() + Duration::from_millis(10));
}

#[test]
fn r6_11_push_stretches_polling_only_while_it_keeps_its_word() {
    let mut state = daily();
    state.memory.pushes.push(PushState {
        hub_url: "https://hub.example/".to_owned(),
        topic_url: URL.to_owned(),
        callback_token: "00".to_owned(),
        secret: None,
        status: "verified".to_owned(),
        since_at: start() - DAY,
        lease_until: Some(start() + DAY * 10),
        next_request_at: None,
        deliveries: 1,
        proven: true,
        ..PushState::default()
    });
    check(
        state.clone(),
        answer(AnswerKind::NotModified, start()),
        86_400,
        PollReason::Push,
    );
    let missed = document(&[("known", None), ("new", Some("2026-03-02T09:30:00Z"))]);
    let mut told = answer(AnswerKind::Document(Box::new(missed)), start());
    told.push_waits = true;
    let unsure = after_poll(state.clone(), &told, &policy(), start(), 0.0);
    assert!(
        unsure.memory.pushes[0].proven,
        "it may be among what waits to be read"
    );
    told.push_waits = false;
    let after = after_poll(state, &told, &policy(), start(), 0.0);
    assert!(!after.memory.pushes[0].proven);
    assert_eq!(after.next_poll_reason, PollReason::Cadence);
}

/// A feed whose hub has proved itself.
fn pushed(mut state: FeedState) -> FeedState {
    state.memory.pushes.push(PushState {
        topic_url: URL.to_owned(),
        status: "verified".to_owned(),
        since_at: start() - DAY,
        lease_until: Some(start() + DAY * 10),
        proven: true,
        ..PushState::default()
    });
    state
}

#[test]
fn r6_11_push_never_shortens() {
    let mut asleep = pushed(daily());
    asleep.memory.rhythm.newest_entry_at = Some(start() - DAY * 181);
    asleep.memory.rhythm.days = Vec::new();
    check(
        asleep,
        answer(AnswerKind::NotModified, start()),
        72 * 3600,
        PollReason::Push,
    );
}

#[test]
fn r6_11_a_hub_that_brings_much_is_not_taken_for_one_that_brings_nothing() {
    let delivered = |count: u32| {
        let mut state = pushed(daily());
        let push = &mut state.memory.pushes[0];
        for number in 0..count {
            push.brought([entry_mark(&format!("thin {number}"))]);
        }
        let date = Some("2026-03-02T09:00:00Z");
        let first = [("known", None), ("thin 0", date), ("thin 1", date)];
        let answer = answer(AnswerKind::Document(boxed(&first)), start());
        after_poll(state, &answer, &policy(), start(), 0.0)
    };
    // A hundred thin deliveries are remembered; of more than can be, nothing is concluded.
    for count in [100, 10_000] {
        let push = &delivered(count).memory.pushes[0];
        assert!(push.proven, "{count}");
    }
    let memory = delivered(100).memory;
    let stored = &PushState::after_poll(memory.pushes.clone(), &memory)[0];
    assert_eq!(
        stored.delivered.len(),
        98,
        "what a poll confirmed is done with"
    );
}

#[test]
fn silence_is_measured_against_the_feeds_own_gaps() {
    let mut rhythm = daily().memory.rhythm;
    rhythm.longest_gap_s = 10 * 86_400;
    rhythm.newest_entry_at = Some(start());
    assert_eq!(silent_since(&rhythm, start() + DAY * 29), None);
    assert_eq!(silent_since(&rhythm, start() + DAY * 31), Some(start()));
    rhythm.longest_gap_s = 3600;
    assert_eq!(silent_since(&rhythm, start() + DAY * 6), None);
    assert_eq!(silent_since(&rhythm, start() + DAY * 8), Some(start()));
}

fn any_answer() -> impl Strategy<Value = (u8, Option<u64>, Option<u64>, f64, u64)> {
    let hint = || prop::option::of(prop_oneof![0..10_000_u64, 0..10_000_000_u64]);
    (0..8_u8, hint(), hint(), 0.0..1.0, 0..200_000_u64)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    /// Whatever is answered in whatever order, no poll comes before floor, freshness and Retry-After allow.
    #[test]
    fn r4_5_never_before_floor_and_gates(answers in prop::collection::vec(any_answer(), 1..40)) {
        let mut state = feed();
        let mut now = start();
        for (kind, lifetime, retry_after, draw, late) in answers {
            let kind = match kind {
                0 => AnswerKind::NotModified,
                1 => AnswerKind::Unchanged,
                2 => AnswerKind::Document(boxed(&[("a", Some("2026-03-02T09:00:00Z")), ("b", None)])),
                3 => status(429),
                4 => status(404),
                5 => AnswerKind::Gone,
                6 => AnswerKind::Document(boxed(&[("c", Some("2040-03-02T09:00:00Z"))])),
                _ => status(500),
            };
            let gone_before = state.standing == FeedStanding::Gone;
            let mut answer = answer(kind, now);
            answer.lifetime = lifetime.map(Duration::from_secs);
            answer.retry_after = retry_after.map(Duration::from_secs);
            let succeeded = !matches!(answer.kind, AnswerKind::Failed(_) | AnswerKind::Gone);
            state = after_poll(state, &answer, &policy(), now, draw);
            let wait = state.next_poll_at.duration_since(now);
            prop_assert!(wait >= SignedDuration::from_secs(3600));
            if let Some(seconds) = retry_after {
                prop_assert!(wait.as_secs().unsigned_abs() >= seconds.min(31 * 86_400));
            }
            if let (Some(seconds), true) = (lifetime, !matches!(answer.kind, AnswerKind::NotModified)) {
                let least = if seconds > 604_800 { 86_400 } else { seconds };
                prop_assert!(wait.as_secs().unsigned_abs() >= least);
            }
            let week = SignedDuration::from_hours(24 * (7 * 5 / 4 + 31 + 3));
            prop_assert!(state.next_poll_reason == PollReason::Never || wait <= week);
            prop_assert!(!(gone_before && succeeded) || state.standing == FeedStanding::Active);
            now = if state.next_poll_reason == PollReason::Never { now + DAY } else { state.next_poll_at };
            now += Duration::from_secs(late);
        }
    }
}
