//! The schedule stage: when a feed is polled next, and when a digest is due. Instants are computed by hand from the
//! requirement that names the test; cron's are those of each zone's published clock changes.

mod after_poll;
mod budget;
mod hints;
mod tally;

use feedmill::schedule::cron::CronSchedule;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

#[track_caller]
fn check_cron(fields: &str, zone: &str, after: &str, expected: &[&str]) {
    let schedule = CronSchedule::compile(fields).expect("a schedule");
    let zone = TimeZone::get(zone).expect("a zone");
    let mut from = at(after);
    for expected in expected {
        from = schedule.next_after(from, &zone).expect("a next time");
        assert_eq!(from, at(expected), "{fields} after {after}");
    }
}

#[test]
fn cron_fires_a_skipped_time_at_the_change() {
    // Berlin springs at 2027-03-28T01:00Z from 02:00 to 03:00.
    check_cron(
        "30 2 * * *",
        "Europe/Berlin",
        "2027-03-27T12:00:00Z",
        &["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"],
    );
    check_cron(
        "0 2 * * *",
        "Europe/Berlin",
        "2027-03-27T12:00:00Z",
        &["2027-03-28T01:00:00Z", "2027-03-29T00:00:00Z"],
    );
    check_cron(
        "30 2 * * 0",
        "Europe/Berlin",
        "2027-03-27T12:00:00Z",
        &["2027-03-28T01:00:00Z", "2027-04-04T00:30:00Z"],
    );
    check_cron(
        "59 1 * * *",
        "Europe/Berlin",
        "2027-03-27T12:00:00Z",
        &["2027-03-28T00:59:00Z"],
    );
    check_cron(
        "0 3 * * *",
        "Europe/Berlin",
        "2027-03-27T12:00:00Z",
        &["2027-03-28T01:00:00Z", "2027-03-29T01:00:00Z"],
    );
    // New York springs at 2027-03-14T07:00Z.
    check_cron(
        "30 2 * * *",
        "America/New_York",
        "2027-03-13T12:00:00Z",
        &["2027-03-14T07:00:00Z", "2027-03-15T06:30:00Z"],
    );
    // Cairo springs at midnight, 2027-04-30 00:00 to 01:00 (Friday).
    check_cron(
        "0 0 * * *",
        "Africa/Cairo",
        "2027-04-29T12:00:00Z",
        &["2027-04-29T22:00:00Z", "2027-04-30T21:00:00Z"],
    );
    check_cron(
        "30 0 * * *",
        "Africa/Cairo",
        "2027-04-29T12:00:00Z",
        &["2027-04-29T22:00:00Z", "2027-04-30T21:30:00Z"],
    );
    // Santiago springs at midnight, 2027-09-05 04:00Z.
    check_cron(
        "0 0 * * *",
        "America/Santiago",
        "2027-09-04T12:00:00Z",
        &["2027-09-05T04:00:00Z", "2027-09-06T03:00:00Z"],
    );
    // Lord Howe springs by half an hour, 2027-10-02T15:30Z, from 02:00 to 02:30.
    check_cron(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2027-10-02T00:00:00Z",
        &["2027-10-02T15:30:00Z", "2027-10-03T15:15:00Z"],
    );
    // Apia had no 30 December 2011.
    check_cron(
        "0 12 * * *",
        "Pacific/Apia",
        "2011-12-30T00:00:00Z",
        &["2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"],
    );
}

#[test]
fn cron_fires_a_repeated_time_once() {
    // Berlin falls at 2026-10-25T01:00Z from 03:00 to 02:00.
    check_cron(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    );
    // Asked inside the second pass.
    check_cron(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-25T01:10:00Z",
        &["2026-10-26T01:30:00Z"],
    );
    check_cron(
        "0 2 * * *",
        "Europe/Berlin",
        "2026-10-25T00:00:00Z",
        &["2026-10-26T01:00:00Z"],
    );
    check_cron(
        "0 3 * * *",
        "Europe/Berlin",
        "2026-10-25T01:10:00Z",
        &["2026-10-25T02:00:00Z"],
    );
    check_cron(
        "30 1 * * *",
        "America/New_York",
        "2026-10-31T12:00:00Z",
        &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    );
    check_cron(
        "30 23 * * *",
        "Africa/Cairo",
        "2026-10-28T22:00:00Z",
        &["2026-10-29T20:30:00Z", "2026-10-30T21:30:00Z"],
    );
    check_cron(
        "30 23 * * *",
        "America/Santiago",
        "2026-04-04T00:00:00Z",
        &["2026-04-04T02:30:00Z", "2026-04-05T02:30:00Z"],
    );
    check_cron(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2027-04-03T00:00:00Z",
        &["2027-04-03T14:45:00Z", "2027-04-04T15:15:00Z"],
    );
}

#[test]
fn cron_means_what_crontab_means() {
    check_cron(
        "30 6 * * *",
        "Asia/Ho_Chi_Minh",
        "2026-11-23T00:00:00Z",
        &["2026-11-23T23:30:00Z"],
    );
    check_cron(
        "0 8 * * 7",
        "UTC",
        "2026-11-23T00:00:00Z",
        &["2026-11-29T08:00:00Z"],
    );
    check_cron(
        "0 8 * * 0",
        "UTC",
        "2026-11-23T00:00:00Z",
        &["2026-11-29T08:00:00Z"],
    );
    check_cron(
        "0 8 * * mon-fri",
        "UTC",
        "2026-11-27T09:00:00Z",
        &["2026-11-30T08:00:00Z"],
    );
    check_cron(
        "0 8 * * 5-7",
        "UTC",
        "2026-11-27T09:00:00Z",
        &["2026-11-28T08:00:00Z", "2026-11-29T08:00:00Z"],
    );
    check_cron(
        "*/20 9-10 * * *",
        "UTC",
        "2026-11-23T09:30:00Z",
        &["2026-11-23T09:40:00Z", "2026-11-23T10:00:00Z"],
    );
    check_cron(
        "5,35 0 1 jan,JUL *",
        "UTC",
        "2026-11-23T00:00:00Z",
        &[
            "2027-01-01T00:05:00Z",
            "2027-01-01T00:35:00Z",
            "2027-07-01T00:05:00Z",
        ],
    );
    check_cron(
        "0 0 29 2 *",
        "UTC",
        "2026-11-23T00:00:00Z",
        &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
    );
    check_cron(
        "0 0 31 * *",
        "UTC",
        "2026-11-23T00:00:00Z",
        &[
            "2026-12-31T00:00:00Z",
            "2027-01-31T00:00:00Z",
            "2027-03-31T00:00:00Z",
        ],
    );
    check_cron(
        "@daily",
        "UTC",
        "2026-11-23T00:00:00Z",
        &["2026-11-24T00:00:00Z"],
    );
    check_cron(
        "0 * * * *",
        "UTC",
        "2026-11-23T00:00:00Z",
        &["2026-11-23T01:00:00Z"],
    );
}

#[test]
fn cron_refuses_with_a_line_for_people() {
    #[track_caller]
    fn check(fields: &str, expected: &str) {
        let text = CronSchedule::compile(fields).expect_err("refused");
        assert!(text.contains(expected), "{fields}: {text}");
    }
    check("0 6 * *", "has 4");
    check("0 0 6 * * *", "has 6");
    check("0 25 * * *", "hour `25`: 25 is not between 0 and 23");
    check("60 0 * * *", "minute `60`: 60 is not between 0 and 59");
    check("0 0 0 * *", "day of month `0`: 0 is not between 1 and 31");
    check("0 0 * * 8", "day of week `8`");
    check("0 22-2 * * *", "runs backwards");
    check("*/0 * * * *", "step `0`");
    check("0 0 1 * 1", "both restricted");
    check("0 0 30 2 *", "never comes");
    check("0 0 31 feb,apr *", "never comes");
    check("0 six * * *", "`six` is neither");
    check("+1 0 * * *", "`+1` is neither");
    check("@noon", "`@noon` is not known");
    check("", "has 0");
}

#[test]
fn cron_warns_of_clock_changes() {
    let zone = TimeZone::get("Europe/Berlin").expect("a zone");
    let of = |fields: &str| {
        CronSchedule::compile(fields)
            .expect("a schedule")
            .warnings(&zone, at("2026-11-23T00:00:00Z"))
    };
    assert_eq!(
        of("30 2 * * *"),
        [
            "02:30 does not exist on 2027-03-28, when clocks go forward: that run comes at 03:00",
            "02:30 comes twice on 2027-10-31, when clocks go back: only the first of them runs",
        ]
    );
    assert_eq!(of("30 6 * * *"), [""; 0]);
    assert_eq!(of("0 * * * *"), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 120, ..ProptestConfig::default() })]

    /// Near clock changes and away from them, a daily time runs at the first instant whose wall clock has reached it.
    #[test]
    fn cron_runs_once_a_day(minute in 0..60i8, hour in 0..24i8, zone in 0..6usize, day in 0..2000i64, second in 0..86_400i64) {
        let zone = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "America/Santiago", "Australia/Lord_Howe",
            "Asia/Ho_Chi_Minh"][zone];
        let zone = TimeZone::get(zone).expect("a zone");
        let anchor = at("2024-01-01T00:00:00Z") + SignedDuration::from_secs(day * 86_400);
        // Half of the cases begin shortly before a change, where all the mistakes are.
        let change = zone.following(anchor).next().map(|change| change.timestamp() - SignedDuration::from_hours(20));
        let after = change.filter(|_| day % 2 == 0).unwrap_or(anchor) + SignedDuration::from_secs(second);
        let ours = CronSchedule::compile(&format!("{minute} {hour} * * *")).expect("a schedule").next_after(after, &zone);
        prop_assert_eq!(ours, Some(first_reached(minute, hour, after, &zone)));
    }

    /// Where there is no zone, a program that no one here wrote finds the same times.
    #[test]
    fn cron_agrees_with_croner(
        fields in "([0-5]?[0-9]|[0-2][0-9]-3[0-9]|\\*/(7|15)) ([0-9]|1[0-9]|2[0-3]|\\*|3-9/2) (\\*|[1-9]|1[0-9],31) (\\*|[1-9]|2-11/3) \\*",
        second in 0..400_000_000i64,
    ) {
        let Ok(schedule) = CronSchedule::compile(&fields) else { return Ok(()) };
        let theirs: croner::Cron = fields.parse().expect("croner reads it");
        let after = at("2020-01-01T00:00:00Z") + SignedDuration::from_secs(second);
        let civil = chrono::DateTime::from_timestamp(after.as_second(), 0).expect("in range");
        let theirs = theirs.find_next_occurrence(&civil, false).expect("a next time").timestamp();
        prop_assert_eq!(schedule.next_after(after, &TimeZone::UTC).map(Timestamp::as_second), Some(theirs));
    }
}

/// The first run after `after` of a daily time, found by watching the wall clock minute by minute.
fn first_reached(minute: i8, hour: i8, after: Timestamp, zone: &TimeZone) -> Timestamp {
    let today = zone.to_datetime(after).date();
    (-1..4)
        .map(|days| {
            let civil = today
                .checked_add(SignedDuration::from_hours(24 * days))
                .expect("in range")
                .at(hour, minute, 0, 0);
            let mut now = TimeZone::UTC.to_timestamp(civil).expect("in range")
                - SignedDuration::from_hours(14);
            while zone.to_datetime(now) < civil {
                now += SignedDuration::from_mins(1);
            }
            now
        })
        .find(|run| *run > after)
        .expect("a run within four days")
}
