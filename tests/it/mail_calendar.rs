//! Promise 4: the windows of a digest tile the sequence across daylight saving, downtime, clock jumps and edits of the
//! config, and no subscriber gets a story twice. Every expected instant is by hand from the zone database.

use std::collections::BTreeMap;

use feedmill::mail::Look;
use feedmill::model::SubscriberStanding;
use jiff::Timestamp;

use crate::store::bench::at;
use crate::support::mailroom::Mailroom;

/// Zone, cron, when the daemon first sees the digest, when it looks, and the slots it must freeze.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const BERLIN: &str = "Europe/Berlin";
const NEW_YORK: &str = "America/New_York";
const LORD_HOWE: &str = "Australia/Lord_Howe";
const SANTIAGO: &str = "America/Santiago";
const CASABLANCA: &str = "Africa/Casablanca";
const SAIGON: &str = "Asia/Ho_Chi_Minh";

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Berlin: +1, +2 from 29 March 01:00Z to 25 October 01:00Z.
    (BERLIN, "30 6 * * *", "2026-01-10T00:00Z", &["2026-01-10T05:29:59Z", "2026-01-10T05:30Z", "2026-01-11T05:30Z"], &["2026-01-10T05:30Z", "2026-01-11T05:30Z"]),
    (BERLIN, "30 6 * * *", "2026-03-28T00:00Z", &["2026-03-28T05:30Z", "2026-03-29T04:29:59Z", "2026-03-29T04:30Z"], &["2026-03-28T05:30Z", "2026-03-29T04:30Z"]),
    // 02:30 does not exist on the 29th: at the change.
    (BERLIN, "30 2 * * *", "2026-03-28T00:00Z", &["2026-03-28T01:30Z", "2026-03-29T00:59:59Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"], &["2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"]),
    (BERLIN, "0 2 * * *", "2026-03-29T00:00Z", &["2026-03-29T00:59:59Z", "2026-03-29T01:00Z"], &["2026-03-29T01:00Z"]),
    (BERLIN, "0 3 * * *", "2026-03-29T00:00Z", &["2026-03-29T00:59:59Z", "2026-03-29T01:00Z"], &["2026-03-29T01:00Z"]),
    // Two times that are one instant on that day are one edition.
    (BERLIN, "0 2,3 * * *", "2026-03-29T00:00Z", &["2026-03-29T01:00Z", "2026-03-29T01:00:01Z", "2026-03-30T00:00Z", "2026-03-30T01:00Z"], &["2026-03-29T01:00Z", "2026-03-30T00:00Z", "2026-03-30T01:00Z"]),
    (BERLIN, "30 6 * * *", "2026-10-24T00:00Z", &["2026-10-24T04:30Z", "2026-10-25T04:30Z", "2026-10-25T05:30Z"], &["2026-10-24T04:30Z", "2026-10-25T05:30Z"]),
    // 02:30 comes twice on 25 October: the first.
    (BERLIN, "30 2 * * *", "2026-10-24T12:00Z", &["2026-10-25T00:29:59Z", "2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-26T01:30Z"], &["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
    (BERLIN, "0 3 * * *", "2026-10-24T12:00Z", &["2026-10-25T01:00Z", "2026-10-25T02:00Z"], &["2026-10-25T02:00Z"]),
    (BERLIN, "0 2 * * *", "2026-10-24T12:00Z", &["2026-10-25T00:00Z", "2026-10-25T01:00Z"], &["2026-10-25T00:00Z"]),
    // Mondays.
    (BERLIN, "0 7 * * 1", "2026-03-22T00:00Z", &["2026-03-23T06:00Z", "2026-03-29T05:00Z", "2026-03-30T05:00Z"], &["2026-03-23T06:00Z", "2026-03-30T05:00Z"]),
    // Down over the gap: one edition makes up for three.
    (BERLIN, "30 2 * * *", "2026-03-27T12:00Z", &["2026-03-28T01:30Z", "2026-03-31T12:00Z"], &["2026-03-28T01:30Z", "2026-03-31T00:30Z"]),
    (BERLIN, "0 * * * *", "2026-03-29T00:30Z", &["2026-03-29T01:00Z", "2026-03-29T02:00Z"], &["2026-03-29T01:00Z", "2026-03-29T02:00Z"]),
    (BERLIN, "0 * * * *", "2026-10-24T23:30Z", &["2026-10-25T00:00Z", "2026-10-25T01:00Z", "2026-10-25T02:00Z"], &["2026-10-25T00:00Z", "2026-10-25T02:00Z"]),
    // New York: -5, -4 from 8 March 07:00Z to 1 November 06:00Z.
    (NEW_YORK, "30 6 * * *", "2026-03-07T00:00Z", &["2026-03-07T11:30Z", "2026-03-08T10:29:59Z", "2026-03-08T10:30Z"], &["2026-03-07T11:30Z", "2026-03-08T10:30Z"]),
    (NEW_YORK, "30 2 * * *", "2026-03-08T00:00Z", &["2026-03-08T06:59:59Z", "2026-03-08T07:00Z"], &["2026-03-08T07:00Z"]),
    (NEW_YORK, "30 1 * * *", "2026-10-31T12:00Z", &["2026-11-01T05:30Z", "2026-11-01T06:30Z", "2026-11-02T06:30Z"], &["2026-11-01T05:30Z", "2026-11-02T06:30Z"]),
    (NEW_YORK, "0 8 1 * *", "2026-01-15T00:00Z", &["2026-02-01T13:00Z", "2026-03-01T13:00Z", "2026-04-01T12:00Z"], &["2026-02-01T13:00Z", "2026-03-01T13:00Z", "2026-04-01T12:00Z"]),
    (NEW_YORK, "0 8 29 2 *", "2028-02-01T00:00Z", &["2028-02-28T13:00Z", "2028-02-29T13:00Z", "2028-03-01T13:00Z"], &["2028-02-29T13:00Z"]),
    // Monday to Friday, the change on the Sunday between.
    (NEW_YORK, "0 8 * * 1-5", "2026-03-05T20:00Z", &["2026-03-06T13:00Z", "2026-03-07T13:00Z", "2026-03-08T12:00Z", "2026-03-09T12:00Z"], &["2026-03-06T13:00Z", "2026-03-09T12:00Z"]),
    (NEW_YORK, "0 0 1 1 *", "2026-12-01T00:00Z", &["2027-01-01T04:59:59Z", "2027-01-01T05:00Z"], &["2027-01-01T05:00Z"]),
    // The clock is set back, and comes by again.
    (NEW_YORK, "30 6 * * *", "2026-06-01T00:00Z", &["2026-06-01T10:30Z", "2026-06-01T09:00Z", "2026-06-01T10:30Z", "2026-06-02T10:30Z"], &["2026-06-01T10:30Z", "2026-06-02T10:30Z"]),
    (NEW_YORK, "30 6 * * *", "2026-06-01T00:00Z", &["2026-06-01T11:10Z"], &["2026-06-01T10:30Z"]),
    // Back at 10:00, after the slot of 06:30: that of 12:30 is near and carries all.
    (NEW_YORK, "30 6,12 * * *", "2026-06-01T00:00Z", &["2026-06-01T14:00Z", "2026-06-01T16:30Z"], &["2026-06-01T16:30Z"]),
    // Lord Howe: half an hour; +11 until 4 April 15:00Z, +10:30, +11 from 3 October 15:30Z.
    (LORD_HOWE, "30 6 * * *", "2026-04-03T12:00Z", &["2026-04-03T19:30Z", "2026-04-04T19:30Z", "2026-04-04T20:00Z"], &["2026-04-03T19:30Z", "2026-04-04T20:00Z"]),
    (LORD_HOWE, "45 1 * * *", "2026-04-04T00:00Z", &["2026-04-04T14:45Z", "2026-04-04T15:15Z", "2026-04-05T15:15Z"], &["2026-04-04T14:45Z", "2026-04-05T15:15Z"]),
    (LORD_HOWE, "15 1 * * *", "2026-04-04T00:00Z", &["2026-04-04T14:15Z", "2026-04-04T15:00Z"], &["2026-04-04T14:15Z"]),
    (LORD_HOWE, "15 2 * * *", "2026-10-03T00:00Z", &["2026-10-03T15:29:59Z", "2026-10-03T15:30Z"], &["2026-10-03T15:30Z"]),
    (LORD_HOWE, "30 2 * * *", "2026-10-03T00:00Z", &["2026-10-03T15:29:59Z", "2026-10-03T15:30Z"], &["2026-10-03T15:30Z"]),
    (LORD_HOWE, "30 6 * * *", "2026-10-02T12:00Z", &["2026-10-02T20:00Z", "2026-10-03T19:30Z"], &["2026-10-02T20:00Z", "2026-10-03T19:30Z"]),
    // Santiago changes at midnight: -3 until 5 April 03:00Z, -4, -3 from 6 September 04:00Z.
    (SANTIAGO, "0 0 * * *", "2026-09-05T00:00Z", &["2026-09-05T04:00Z", "2026-09-06T04:00Z", "2026-09-07T03:00Z"], &["2026-09-05T04:00Z", "2026-09-06T04:00Z", "2026-09-07T03:00Z"]),
    (SANTIAGO, "30 0 * * *", "2026-09-06T00:00Z", &["2026-09-06T03:59:59Z", "2026-09-06T04:00Z"], &["2026-09-06T04:00Z"]),
    (SANTIAGO, "30 23 * * *", "2026-04-04T12:00Z", &["2026-04-05T02:30Z", "2026-04-05T03:30Z", "2026-04-06T03:30Z"], &["2026-04-05T02:30Z", "2026-04-06T03:30Z"]),
    (SANTIAGO, "0 0 * * *", "2026-04-04T12:00Z", &["2026-04-05T03:00Z", "2026-04-05T04:00Z"], &["2026-04-05T04:00Z"]),
    (SANTIAGO, "0 0 * * 0", "2026-08-29T00:00Z", &["2026-08-30T04:00Z", "2026-09-06T04:00Z", "2026-09-13T03:00Z"], &["2026-08-30T04:00Z", "2026-09-06T04:00Z", "2026-09-13T03:00Z"]),
    // Casablanca: +1, but 0 in Ramadan, from 15 February 02:00Z to 22 March 02:00Z.
    (CASABLANCA, "30 2 * * *", "2026-02-14T12:00Z", &["2026-02-15T01:30Z", "2026-02-15T02:30Z", "2026-02-16T02:30Z"], &["2026-02-15T01:30Z", "2026-02-16T02:30Z"]),
    (CASABLANCA, "30 2 * * *", "2026-03-21T12:00Z", &["2026-03-22T01:59:59Z", "2026-03-22T02:00Z"], &["2026-03-22T02:00Z"]),
    (CASABLANCA, "30 6 * * *", "2026-02-14T00:00Z", &["2026-02-14T05:30Z", "2026-02-15T06:30Z"], &["2026-02-14T05:30Z", "2026-02-15T06:30Z"]),
    (CASABLANCA, "30 6 * * *", "2026-03-21T00:00Z", &["2026-03-21T06:30Z", "2026-03-22T05:30Z"], &["2026-03-21T06:30Z", "2026-03-22T05:30Z"]),
    // Saigon: +7, always.
    (SAIGON, "30 6 * * *", "2026-03-28T00:00Z", &["2026-03-28T23:30Z", "2026-03-29T23:30Z"], &["2026-03-28T23:30Z", "2026-03-29T23:30Z"]),
    (SAIGON, "0 7 31 * *", "2026-01-15T00:00Z", &["2026-01-31T00:00Z", "2026-02-28T00:00Z", "2026-03-03T00:00Z", "2026-03-31T00:00Z"], &["2026-01-31T00:00Z", "2026-03-31T00:00Z"]),
    // A clock years ahead is not believed; what came meanwhile is not lost.
    (SAIGON, "30 6 * * *", "2026-06-01T00:00Z", &["2026-06-01T23:30Z", "2031-06-01T23:30Z", "2026-06-02T23:30Z"], &["2026-06-01T23:30Z", "2026-06-02T23:30Z"]),
];

fn digest(name: &str, cron: &str, zone: &str) -> String {
    format!(
        "[publish.all]\ngroups = [\"*\"]\n[digest.{name}]\ncron = \"{cron}\"\ntimezone = \"{zone}\"\n\
         from = \"news@example.org\"\nto = [\"an@example.net\"]\n"
    )
}

/// Windows of each lane join, and every recipient's stories are each in one mail only.
async fn check_tiled(room: &Mailroom, name: &str) {
    let mut until: BTreeMap<String, i64> = BTreeMap::new();
    for edition in room.editions(name).await {
        let end = until.insert(edition.lane.clone(), edition.until.0);
        assert!(edition.after <= edition.until);
        if let Some(end) = end {
            assert_eq!(
                end, edition.after.0,
                "{} of {}",
                edition.slot_at, edition.lane
            );
        }
    }
    for (to, line) in room.numbers(name).await {
        let mut numbers: Vec<&str> = line.split([' ', ',']).filter(|n| !n.is_empty()).collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all, "{to} got a story twice: {line}");
    }
}

async fn check((zone, cron, begin, looks, slots): Case) {
    let named = format!("{zone} {cron} from {begin}");
    let mut room = Mailroom::new(&digest("morning", cron, zone), begin).await;
    let mut frozen = 0;
    for look in looks {
        room.clock.set(at(look));
        room.story().await;
        room.look().await;
        let editions = room.editions("morning").await;
        if let Some(last) = editions.last().filter(|_| editions.len() > frozen) {
            frozen = editions.len();
            assert!(last.slot_at <= at(look), "{named}: before its time");
        }
    }
    let editions = room.editions("morning").await;
    let found: Vec<Timestamp> = editions.iter().map(|edition| edition.slot_at).collect();
    let expected: Vec<Timestamp> = slots.iter().map(|slot| at(slot)).collect();
    assert_eq!(found, expected, "{named}");
    assert_eq!(editions[0].after.0, 0, "{named}");
    check_tiled(&room, "morning").await;
    // Nothing up to the last window is missing.
    let numbers = room.numbers("morning").await;
    let got = numbers["an@example.net"]
        .split([' ', ','])
        .filter(|n| !n.is_empty());
    assert_eq!(
        got.count() as i64,
        editions.last().unwrap().until.0,
        "{named}"
    );
}

#[tokio::test]
async fn forty_days_of_the_calendar_in_six_zones() {
    assert!(CASES.len() >= 40);
    for case in CASES {
        check(*case).await;
    }
}

#[tokio::test]
async fn each_zone_has_windows_of_its_own() {
    let people = [("an", SAIGON), ("bo", BERLIN), ("cy", NEW_YORK)];
    let mut text = "[publish.all]\ngroups = [\"*\"]\n[digest.morning]\ncron = \"30 6 * * *\"\nfrom = \"news@example.org\"\n".to_owned();
    for (name, zone) in people {
        text.push_str(&format!(
            "[[digest.morning.subscriber]]\naddress = \"{name}@example.net\"\ntimezone = \"{zone}\"\n"
        ));
    }
    // Saigon 23:30Z the day before, Berlin 04:30Z after the change of the 29th, New York 10:30Z.
    let mut room = Mailroom::new(&text, "2026-03-28T12:00Z").await;
    for look in [
        "2026-03-28T23:30Z",
        "2026-03-29T04:30Z",
        "2026-03-29T10:30Z",
        "2026-03-29T23:30Z",
        "2026-03-30T04:30Z",
    ] {
        room.clock.set(at(look));
        room.story().await;
        room.look().await;
    }
    check_tiled(&room, "morning").await;
    let expected = [("an", "1, 2 3 4"), ("bo", "1 2, 3 4 5"), ("cy", "1 2 3")];
    let expected = expected.map(|(name, line)| (format!("{name}@example.net"), line.to_owned()));
    assert_eq!(room.numbers("morning").await, expected.into());
}

#[tokio::test]
async fn edits_of_the_config_lose_and_repeat_nothing() {
    let utc = "UTC";
    let mut room = Mailroom::new(&digest("morning", "30 6 * * *", utc), "2026-05-01T00:00Z").await;
    room.story().await;
    room.look_at("2026-05-01T06:30Z").await;
    // Another time on the same day.
    room.story().await;
    room.configure(&digest("morning", "0 18 * * *", utc)).await;
    room.look_at("2026-05-01T18:00Z").await;
    // Another zone: 20:00 in Saigon is 13:00Z.
    room.story().await;
    room.configure(&digest("morning", "0 20 * * *", SAIGON))
        .await;
    room.look_at("2026-05-02T00:00Z").await;
    room.look_at("2026-05-02T13:00Z").await;
    // And back.
    room.story().await;
    room.configure(&digest("morning", "0 18 * * *", utc)).await;
    room.look_at("2026-05-03T18:00Z").await;
    check_tiled(&room, "morning").await;
    assert_eq!(
        room.numbers("morning").await["an@example.net"],
        "1, 2, 3, 4"
    );
    // Another name: goes on where it was.
    let before = room
        .bench
        .store
        .subscribers("morning")
        .await
        .unwrap()
        .remove(0);
    room.configure(&digest("daily", "0 18 * * *", utc)).await;
    room.look().await;
    room.story().await;
    room.look_at("2026-05-04T18:00Z").await;
    assert_eq!(room.numbers("daily").await["an@example.net"], "5");
    check_tiled(&room, "daily").await;
    // Who leaves by the address in a mail from before the change leaves under the new name.
    let store = &room.bench.store;
    let left = store.unsubscribe(before.id, "asked", room.clock.now());
    assert_eq!(left.await.unwrap().unwrap().spec.digest, "daily");
    // Under a third name, under the first again, and where nobody names them for a while, who left stays away.
    for name in ["evening", "morning", "daily"] {
        room.configure(&digest(name, "0 18 * * *", utc)).await;
        let people = room.bench.store.subscribers(name).await.unwrap();
        let standings: Vec<_> = people.iter().map(|one| one.standing).collect();
        assert_eq!(standings, [SubscriberStanding::Unsubscribed], "{name}");
    }
    room.configure(&digest("evening", "0 18 * * *", utc)).await;
    room.story().await;
    room.look_at("2026-05-05T18:00Z").await;
    assert!(
        room.numbers("evening").await.is_empty(),
        "who left stays away"
    );
}

#[tokio::test]
async fn another_spelling_of_an_address_is_the_same_subscriber() {
    let digest = |address: &str| {
        format!(
            "[publish.all]\ngroups = [\"*\"]\n[digest.morning]\ncron = \"30 6 * * *\"\ntimezone = \"UTC\"\n\
             from = \"news@example.org\"\n[[digest.morning.subscriber]]\naddress = \"{address}\"\ngroups = [\"all\"]\n"
        )
    };
    for (before, after) in [
        ("An@example.net", "an@example.net"),
        ("an@b\u{fc}cher.example", "an@xn--bcher-kva.example"),
    ] {
        let mut room = Mailroom::new(&digest(before), "2026-05-01T00:00Z").await;
        let one = async |room: &Mailroom| {
            let people = room.bench.store.subscribers("morning").await.unwrap();
            assert_eq!(people.len(), 1);
            people.into_iter().next().unwrap()
        };
        let known = one(&room).await;
        let left = room
            .bench
            .store
            .unsubscribe(known.id, "asked", at("2026-05-01T01:00Z"));
        left.await.unwrap();
        room.configure(&digest(after)).await;
        let renamed = one(&room).await;
        assert_eq!(
            (renamed.id, renamed.standing, renamed.spec.address.as_str()),
            (known.id, SubscriberStanding::Unsubscribed, after)
        );
    }
}

#[tokio::test]
async fn a_preview_of_a_digest_that_was_never_seen_leaves_no_trace() {
    let mut room =
        Mailroom::new(&digest("morning", "30 6 * * *", "UTC"), "2026-05-01T00:00Z").await;
    room.configure(&digest("evening", "0 18 * * *", BERLIN))
        .await;
    let preview = room.mailer();
    let now = room.clock.now();
    preview
        .preview("evening", Look::default(), now)
        .await
        .unwrap();
    let later = at("2026-05-02T00:00Z");
    let lane = room
        .bench
        .store
        .lane("evening", BERLIN, later)
        .await
        .unwrap();
    assert_eq!(lane.since_at, Some(later), "seen for the first time");
}
