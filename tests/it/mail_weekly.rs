//! One mail a week: chosen on the subscriber's page, every story in it once, whatever was missed or chosen meanwhile.

use feedmill::mail::slots::{is_weekly, weekly_after};
use feedmill::schedule::cron::CronSchedule;
use jiff::tz::TimeZone;

use crate::http::bench::{CALM, start};
use crate::release::{at, pairs};
use crate::subscription::Desk;

const THURSDAY: &str = "act=save&weekday=3";

/// "2026-11-24" with "Chips N" and "Roses N" and its edition.
async fn day(desk: &mut Desk, date: &str) {
    desk.publish().await;
    desk.run_at(&format!("{date}T06:30:00Z")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_in_one_mail_and_every_story_comes_once() {
    let mut desk = Desk::open("self_service = true").await;
    let path = desk.path("an@");
    assert!(desk.page(&path).text().contains("Once a week: Thursday"));
    let page = desk.post(&path, THURSDAY);
    assert!(page.text().contains("<option value=\"3\" selected>"));
    desk.reload().await;
    // A Wednesday, the Thursday, a Friday.
    for date in ["2026-11-25", "2026-11-26", "2026-11-27"] {
        day(&mut desk, date).await;
    }
    let week = "Chips 2, Chips 3, Roses 2, Roses 3";
    assert_eq!(desk.stories("an@")[1..], [week]);
    let words = |name: &str, at: usize| {
        let text = desk.texts(name).remove(at);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(words("an@", 1).contains("every Thursday at 06:30"));
    assert!(words("bo@", 2).contains("every day at 06:30"));
    // What the mail had no room for is behind its link.
    let editions = desk.mill.store.editions("morning", 9).await.unwrap();
    let thursday = editions
        .iter()
        .find(|one| one.slot_at == at("2026-11-26T06:30:00Z"));
    let web = desk
        .mill
        .store
        .edition_page(thursday.unwrap().id)
        .await
        .unwrap();
    assert!(web.unwrap().contains("Chips 2"));
    // Thursday is slept through: the next edition makes up for it.
    desk.publish().await;
    desk.run_at("2026-12-04T08:00:00Z").await;
    assert_eq!(
        desk.stories("an@")[2..],
        ["Chips 4, Chips 5, Roses 4, Roses 5"]
    );
    day(&mut desk, "2026-12-05").await;
    assert_eq!(desk.stories("an@").len(), 3);
    // Back to each: with what came since their last mail.
    desk.post(&path, "act=save&weekday=");
    day(&mut desk, "2026-12-06").await;
    assert_eq!(
        desk.stories("an@")[3..],
        ["Chips 6, Chips 7, Roses 6, Roses 7"]
    );
    assert_eq!(desk.stories("bo@").len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_rests_skips_the_weeks_whose_mail_falls_into_it() {
    let mut desk = Desk::open("self_service = true").await;
    let path = desk.path("an@");
    desk.post(&path, THURSDAY);
    desk.post(&path, "act=pause");
    day(&mut desk, "2026-11-25").await;
    desk.post(&path, "act=resume");
    day(&mut desk, "2026-11-26").await;
    assert_eq!(
        desk.stories("an@")[1..],
        ["Chips 2, Chips 3, Roses 2, Roses 3"]
    );
    desk.post(&path, "act=pause");
    day(&mut desk, "2026-12-03").await;
    desk.post(&path, "act=resume");
    day(&mut desk, "2026-12-10").await;
    assert_eq!(desk.stories("an@")[2..], ["Chips 5, Roses 5"]);
}

/// An edit of what a weekly mail told, in an edition that its reader never got.
#[tokio::test(flavor = "multi_thread")]
async fn corrections_reach_who_was_told_by_the_week() {
    let mut desk = Desk::open("self_service = true\ncorrections = true").await;
    let path = desk.path("an@");
    desk.post(&path, THURSDAY);
    day(&mut desk, "2026-11-25").await;
    day(&mut desk, "2026-11-26").await;
    desk.mill.clock.set(at("2026-11-26T12:00:00Z"));
    desk.mill
        .poll("a", &pairs(&[("2", "Chips two, and dearer")]))
        .await;
    day(&mut desk, "2026-11-27").await;
    day(&mut desk, "2026-12-03").await;
    let told = |name: &str| -> Vec<usize> {
        let texts = desk.texts(name).into_iter().enumerate();
        let corrected = texts.filter(|(_, text)| text.contains("== Corrections =="));
        corrected.map(|(at, _)| at).collect()
    };
    // The week's mail after the edit, and the day's.
    assert_eq!((told("an@"), told("bo@")), (vec![2], vec![3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_days_may_be_chosen() {
    let desk = Desk::open("self_service = true").await;
    let path = desk.path("an@");
    for day in ["7", "-1", "x", "256"] {
        assert_eq!(
            desk.post(&path, &format!("act=save&weekday={day}")).status,
            400,
            "{day}"
        );
    }
    assert_eq!(desk.record("an").await.wishes.weekday, None);
}

/// Who chose a day has it on their page whatever becomes of the schedule, and sends it with whatever else they change.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_was_chosen_may_be_kept_where_editions_have_become_rare() {
    let mut desk = Desk::open("self_service = true").await;
    let (path, other) = (desk.path("an@"), desk.path("bo@"));
    desk.post(&path, THURSDAY);
    let morning = desk.mill.config.digests.get_mut("morning").unwrap();
    morning.cron.value = "30 6 * * 1".to_owned();
    desk.served = start(&desk.mill, CALM).await;
    assert!(
        desk.page(&path)
            .text()
            .contains("<option value=\"3\" selected>")
    );
    assert_eq!(
        desk.post(&path, &format!("{THURSDAY}&language=vi")).status,
        200
    );
    let wishes = desk.record("an").await.wishes;
    assert_eq!(
        (wishes.weekday, wishes.language.as_deref()),
        (Some(3), Some("vi"))
    );
    // Who has none is offered none.
    assert!(!desk.page(&other).text().contains("Once a week"));
    assert_eq!(desk.post(&other, THURSDAY).status, 400);
}

/// By hand from the zone database: Monday is 0; the edition before, this edition, whether it is the week's.
#[test]
fn the_weeks_edition_is_the_first_from_the_day_on() {
    for (zone, day, last, slot, expected) in [
        (
            "UTC",
            0,
            "2026-11-22T18:00:00Z",
            "2026-11-23T06:00:00Z",
            true,
        ),
        (
            "UTC",
            0,
            "2026-11-23T06:00:00Z",
            "2026-11-23T18:00:00Z",
            false,
        ),
        (
            "UTC",
            0,
            "2026-11-23T06:00:00Z",
            "2026-11-24T06:00:00Z",
            false,
        ),
        // Midnight belongs to the day that begins.
        (
            "UTC",
            0,
            "2026-11-22T00:00:00Z",
            "2026-11-23T00:00:00Z",
            true,
        ),
        (
            "UTC",
            0,
            "2026-11-23T00:00:00Z",
            "2026-11-24T00:00:00Z",
            false,
        ),
        // No edition on Sundays: Monday's.
        (
            "UTC",
            6,
            "2026-11-20T06:00:00Z",
            "2026-11-23T06:00:00Z",
            true,
        ),
        // In Tokyo it is Monday already.
        (
            "Asia/Tokyo",
            0,
            "2026-11-21T21:30:00Z",
            "2026-11-22T21:30:00Z",
            true,
        ),
        (
            "UTC",
            0,
            "2026-11-21T21:30:00Z",
            "2026-11-22T21:30:00Z",
            false,
        ),
        // Sunday 2026-09-06 has no midnight in Santiago, and begins at 01:00, 04:00 UTC.
        (
            "America/Santiago",
            6,
            "2026-09-05T10:30:00Z",
            "2026-09-06T09:30:00Z",
            true,
        ),
        (
            "America/Santiago",
            6,
            "2026-09-06T04:00:00Z",
            "2026-09-06T09:30:00Z",
            false,
        ),
        (
            "America/Santiago",
            6,
            "2026-09-06T03:59:59Z",
            "2026-09-06T09:30:00Z",
            true,
        ),
    ] {
        let zone = TimeZone::get(zone).unwrap();
        let slots = (Some(at(last)), at(slot));
        assert_eq!(
            is_weekly(day, slots, &zone),
            expected,
            "{day} {last} {slot}"
        );
    }
    let first = |day| is_weekly(day, (None, at("2026-11-23T06:00:00Z")), &TimeZone::UTC);
    assert!(
        first(0) && !first(1),
        "a lane's first edition is that of its day"
    );
}

#[test]
fn the_coming_ones_follow_the_schedule() {
    for (cron, expected) in [
        (
            "30 6 * * *",
            [
                "2026-11-26T06:30:00Z",
                "2026-12-03T06:30:00Z",
                "2026-12-10T06:30:00Z",
            ],
        ),
        // Not on Thursdays: the next day that has one.
        (
            "0 7 * * 1,5",
            [
                "2026-11-27T07:00:00Z",
                "2026-12-04T07:00:00Z",
                "2026-12-11T07:00:00Z",
            ],
        ),
        (
            "0 0 * * *",
            [
                "2026-11-26T00:00:00Z",
                "2026-12-03T00:00:00Z",
                "2026-12-10T00:00:00Z",
            ],
        ),
    ] {
        let cron = CronSchedule::compile(cron).unwrap();
        let next = |at| cron.next_after(at, &TimeZone::UTC);
        let zone = TimeZone::UTC;
        let coming = weekly_after(&next, 3, at("2026-11-24T06:30:00Z"), &zone);
        let coming: Vec<_> = coming.take(3).collect();
        assert_eq!(coming, expected.map(at));
    }
}
