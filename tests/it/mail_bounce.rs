//! What comes back: reports as mail servers write them, whom they are about, when an address gets no more mail, and the
//! way back. Forged and unrelated mails change nothing.

use feedmill::deliver::bounce::{self, Kind};
use feedmill::digest::token;
use feedmill::mail::bounces::{Taken, take};
use feedmill::model::{SubscriberId, SubscriberRecord, SubscriberStanding};

use crate::store::bench::at;
use crate::support::mailroom::Mailroom;
use crate::support::process::Home;

/// A notification as Postfix writes one.
fn report(to: &str, action: &str, status: &str, message_id: &str) -> Vec<u8> {
    format!(
        "Return-Path: <>\r\nDelivered-To: {to}\r\nFrom: MAILER-DAEMON@mx.example.net (Mail Delivery System)\r\nTo: {to}\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"A/mx\"\r\n\r\n\
         --A/mx\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry. Action: failed\r\n\r\n\
         --A/mx\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.net\r\nArrival-Date: Fri,  1 May 2026 08:30:00 +0200\r\n\r\n\
         Final-Recipient: rfc822; an@example.net\r\nOriginal-Recipient: rfc822;an@example.net\r\n\
         Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; 550 5.1.1 <an@example.net>: no\r\n\t such user\r\n\r\n\
         --A/mx\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: news@example.org\r\nMessage-ID: <{message_id}>\r\nSubject: Hi\r\n\r\n\
         --A/mx--\r\n"
    )
    .into_bytes()
}

#[test]
fn a_report_tells_status_and_whom_it_is_about() {
    let read = bounce::read(&report(
        "bounce+7-abc@example.org",
        "failed",
        "5.1.1",
        "x.y@example.org",
    ))
    .unwrap();
    assert_eq!((read.status.as_str(), read.kind), ("5.1.1", Kind::Hard));
    assert_eq!(read.words[0], "7-abc");
    assert_eq!(read.message_id.as_deref(), Some("x.y@example.org"));
    // A delay is no failure; a comment is no part of the status; what is no status is unclear.
    assert_eq!(
        bounce::read(&report("b@example.org", "delayed", "4.4.1", "x")),
        None
    );
    let status = |text: &str| {
        bounce::read(&report("b@example.org", "failed", text, "x"))
            .unwrap()
            .status
    };
    assert_eq!(status("5.2.2 (full)"), "5.2.2");
    assert_eq!(status("gone"), "5.0.0");
    // A reader's holiday, and bytes that are no mail.
    for other in [
        &b"From: an@example.net\r\nSubject: I am away\r\n\r\nBack on Monday. Status: 5.1.1\r\n"[..],
        b"",
        b"\xff\xfe\x00",
    ] {
        assert_eq!(bounce::read(other), None);
    }
}

#[test]
fn a_status_is_the_address_the_moment_or_the_operator() {
    let cases = [
        ("5.1.1", Kind::Hard),
        ("5.1.2", Kind::Hard),
        ("5.1.10", Kind::Hard),
        ("4.2.2", Kind::Soft),
        ("5.2.2", Kind::Soft),
        ("4.4.7", Kind::Soft),
        ("5.0.0", Kind::Soft),
        ("5.7.1", Kind::Policy),
        ("5.7.515", Kind::Policy),
        ("5.1.8", Kind::Policy),
    ];
    for (status, expected) in cases {
        assert_eq!(bounce::kind(status), expected, "{status}");
    }
}

const CONFIG: &str = "bounce_maildir = \"returned\"\nbounce_address = \"bounce@example.org\"\nverp = true\n\
    [publish.all]\ngroups = [\"*\"]\n[digest.morning]\ncron = \"30 6 * * *\"\ntimezone = \"UTC\"\nfrom = \"news@example.org\"\n\
    to = [\"an@example.net\", \"bo@example.net\"]\n";

async fn room() -> Mailroom {
    Mailroom::new(CONFIG, "2026-05-01T00:00:00Z").await
}

async fn an(room: &Mailroom) -> SubscriberRecord {
    let mut subscribers = room.bench.store.subscribers("morning").await.unwrap();
    let at = subscribers
        .iter()
        .position(|one| one.spec.address == "an@example.net");
    subscribers.remove(at.unwrap())
}

/// A delivered edition on the `day`th, and an's copy of it: envelope sender and Message-ID.
async fn edition(room: &mut Mailroom, day: usize) -> (String, String) {
    room.story().await;
    room.look_at(&format!("2026-05-{day:02}T06:30:00Z")).await;
    let edition = room.editions("morning").await.pop().unwrap();
    let messages = room.bench.store.edition_messages(edition.id).await.unwrap();
    let message = messages
        .into_iter()
        .map(|view| view.message)
        .find(|one| one.envelope_to == "an@example.net")
        .unwrap();
    (message.envelope_from, message.message_id)
}

async fn came_back(room: &Mailroom, mail: &[u8], now: &str) -> Taken {
    take(&room.bench.store, mail, at(now)).await.unwrap()
}

#[tokio::test]
async fn two_hard_bounces_a_day_apart_suppress_and_resuming_forgives() {
    let mut room = room().await;
    let (sender, _) = edition(&mut room, 1).await;
    assert!(sender.starts_with("bounce+"), "{sender}");
    let id = an(&room).await.id;
    let counted = |suppressed| Taken::Counted {
        subscriber: id,
        hard: true,
        suppressed,
    };
    let mail = report(&sender, "failed", "5.1.1", "unknown");
    assert_eq!(
        came_back(&room, &mail, "2026-05-01T07:00:00Z").await,
        counted(false)
    );
    assert_eq!(
        came_back(&room, &mail, "2026-05-01T23:00:00Z").await,
        counted(false)
    );
    assert_eq!(
        came_back(&room, &mail, "2026-05-02T07:00:00Z").await,
        counted(true)
    );
    let suppressed = an(&room).await;
    assert_eq!(suppressed.standing, SubscriberStanding::Suppressed);
    assert_eq!(
        suppressed.reason.as_deref(),
        Some("bounced: no such address (5.1.1)")
    );
    assert_eq!(
        room.bench.store.bounce_counts("morning").await.unwrap(),
        [(id, 3, 0)]
    );
    // No mail for them; the config names them still, and that changes nothing.
    room.configure(CONFIG).await;
    room.story().await;
    room.look_at("2026-05-03T06:30:00Z").await;
    let numbers = room.numbers("morning").await;
    assert_eq!(
        (
            numbers["an@example.net"].as_str(),
            numbers["bo@example.net"].as_str()
        ),
        ("1", "1, 2")
    );
    // Taken back, they begin anew.
    let resumed = at("2026-05-03T08:00:00Z");
    let store = &room.bench.store;
    store
        .set_standing(id, SubscriberStanding::Active, None, resumed)
        .await
        .unwrap();
    assert_eq!(
        came_back(&room, &mail, "2026-05-03T09:00:00Z").await,
        counted(false)
    );
    assert_eq!(an(&room).await.standing, SubscriberStanding::Active);
}

#[tokio::test]
async fn ten_mails_in_a_row_that_bounce_softly_suppress() {
    for (good, expected) in [
        (None, SubscriberStanding::Suppressed),
        (Some(5), SubscriberStanding::Active),
    ] {
        let mut room = room().await;
        for day in 1..=10 {
            let (_, message_id) = edition(&mut room, day).await;
            if good == Some(day) {
                continue;
            }
            // Found by the mail it returns, twice the same: that is one mail that came back.
            let mail = report("bounce@example.org", "failed", "5.2.2", &message_id);
            for minute in [40, 41] {
                let taken =
                    came_back(&room, &mail, &format!("2026-05-{day:02}T06:{minute}:00Z")).await;
                assert!(
                    matches!(taken, Taken::Counted { hard: false, .. }),
                    "{taken:?}"
                );
            }
        }
        assert_eq!(an(&room).await.standing, expected, "a good day: {good:?}");
    }
}

#[tokio::test]
async fn policy_strangers_and_forgeries_count_for_nothing() {
    let mut room = room().await;
    let (sender, message_id) = edition(&mut room, 1).await;
    let now = "2026-05-01T07:00:00Z";
    let policy = came_back(&room, &report(&sender, "failed", "5.7.1", &message_id), now).await;
    assert!(matches!(policy, Taken::Policy { .. }), "{policy:?}");
    let id = an(&room).await.id;
    let other_key = token::bounce_word("morning", id, &[7; 32]);
    for to in [
        format!("bounce+{other_key}@example.org"),
        format!("bounce+{}-{}@example.org", id.0, "0".repeat(24)),
        "bounce+@example.org".to_owned(),
        format!(
            "bounce+{}@example.org",
            token::bounce_word("morning", SubscriberId(999), &[7; 32])
        ),
    ] {
        let taken = came_back(
            &room,
            &report(&to, "failed", "5.1.1", "guessed@example.org"),
            now,
        )
        .await;
        assert_eq!(taken, Taken::NotOurs, "{to}");
    }
    assert!(
        room.bench
            .store
            .bounce_counts("morning")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_flow_takes_what_lies_in_the_maildir() {
    let mut room = room().await;
    let (sender, _) = edition(&mut room, 1).await;
    let folder = room.bench.folder.path().join("returned");
    std::fs::create_dir_all(folder.join("new")).unwrap();
    std::fs::write(
        folder.join("new/1.mx"),
        report(&sender, "failed", "5.1.1", "x"),
    )
    .unwrap();
    std::fs::write(folder.join("new/2.mx"), "Subject: I am away\r\n\r\nhi\r\n").unwrap();
    let (stop, wake) = (
        tokio_util::sync::CancellationToken::new(),
        std::sync::Arc::default(),
    );
    let mailer = room.mailer();
    let flow = mailer.run(stop.clone(), wake);
    let seen = async {
        while folder.join("new/2.mx").exists() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = async { tokio::join!(flow, seen) };
    tokio::time::timeout(std::time::Duration::from_secs(30), both)
        .await
        .unwrap();
    assert_eq!(
        room.bench.store.bounce_counts("morning").await.unwrap(),
        [(an(&room).await.id, 1, 0)]
    );
    assert!(folder.join("cur/1.mx:2,S").exists() && folder.join("cur/2.mx:2,S").exists());
}

#[test]
fn the_verb_takes_a_mail_on_standard_input_and_the_readme_tells_of_it() {
    // Standard input is empty here: no bounce, and no failure that the mail server would report in its turn.
    let home = Home::new(
        "[store]\nurl = \"sqlite:feedmill.db\"\n[[feed]]\nurl = \"https://a.example/feed\"\n",
    );
    assert_eq!(home.verb(&["bounce"]), "no bounce of a mail of ours\n");
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    assert!(readme.contains("| `bounce` |"));
}
