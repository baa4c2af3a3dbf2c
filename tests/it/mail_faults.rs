//! The mail flow when servers refuse, daemons die and editions overtake each other: whose fault it is, who still gets
//! mail afterwards, and that no story comes twice.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use feedmill::mail::Freezing;
use feedmill::model::{Disposition, MessageStanding, OutboxMessage, SubscriberStanding};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::mail::Post;
use crate::store::bench::at;
use crate::support::smtp::{Act, Peer, Script};

/// Everyone's standing, and (hard, soft) bounces so far, after `days` editions that a server refuses with `words`.
async fn refused(days: usize, words: &'static str) -> (Vec<SubscriberStanding>, Vec<(u32, u32)>) {
    let script = Script {
        acts: [("RCPT", Act::Say(words))].into(),
        ..Script::default()
    };
    let mut post = Post::start(script, &["an", "bo"], "").await;
    for day in 2..2 + days {
        post.publish(1).await;
        post.run_at(&format!("2026-03-{day:02}T06:30:00Z")).await;
    }
    let store = &post.bench.store;
    let subscribers = store.subscribers("morning").await.unwrap();
    let counts = store.bounce_counts("morning").await.unwrap();
    (
        subscribers.iter().map(|one| one.standing).collect(),
        counts
            .iter()
            .map(|(_, hard, soft)| (*hard, *soft))
            .collect(),
    )
}

#[tokio::test]
async fn a_fault_of_the_sender_suppresses_nobody() {
    let (active, gone) = (SubscriberStanding::Active, SubscriberStanding::Suppressed);
    for (words, standing, counted) in [
        // Postfix refuses a sender at RCPT.
        ("550 5.1.8 sender unknown", active, vec![]),
        ("550 5.7.1 not from you", active, vec![]),
        ("550 you are on a list", active, vec![(0, 3); 2]),
        ("552 5.2.2 mailbox full", active, vec![(0, 3); 2]),
        ("550 5.1.1 unknown", gone, vec![(2, 0); 2]),
    ] {
        let found = refused(3, words).await;
        assert_eq!(found, (vec![standing; 2], counted), "{words}");
    }
}

#[tokio::test]
async fn ten_mails_in_a_row_refused_for_the_mailbox_suppress() {
    for (days, standing) in [
        (9, SubscriberStanding::Active),
        (10, SubscriberStanding::Suppressed),
    ] {
        let (standings, _) = refused(days, "552 5.2.2 mailbox full").await;
        assert_eq!(standings, [standing; 2], "after {days} days");
    }
}

const LATER: Act = Act::Say("451 4.3.0 later");

fn deferring() -> Script {
    Script {
        acts: [("RCPT", LATER)].into(),
        ..Script::default()
    }
}

/// Everything due, claimed as a connection does that comes no further.
async fn claim(post: &Post) -> Vec<OutboxMessage> {
    let now = post.clock.now();
    let lease = now + Duration::from_secs(2400);
    let claimed = post.bench.store.claim_messages(now, lease, 9, Vec::new());
    claimed.await.unwrap()
}

#[tokio::test]
async fn a_crash_and_then_a_refusal_do_not_merge_what_may_have_arrived() {
    let mut post = Post::start(deferring(), &["an"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    post.mailer().freeze_due(post.clock.now()).await.unwrap();
    // The server took it; the daemon died before it could say so.
    assert_eq!(claim(&post).await.len(), 1);
    post.bench.reopen().await;
    post.run_at("2026-03-02T06:31:00Z").await;
    post.publish(1).await;
    post.serve(Script::default()).await;
    post.run_at("2026-03-03T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1", "an: 2"]);
}

#[tokio::test]
async fn an_edition_sent_past_one_under_way_is_not_repeated() {
    let mut post = Post::start(Script::default(), &["an"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    post.mailer().freeze_due(post.clock.now()).await.unwrap();
    let under_way = claim(&post).await.remove(0);
    // `digest send` beside the daemon.
    post.publish(1).await;
    let now = at("2026-03-02T07:00:00Z");
    let sent = Freezing {
        digest: "morning".to_owned(),
        lane: post.config.digests["morning"].timezone.clone(),
        slot_at: now,
        since_at: None,
    };
    post.clock.set(now);
    post.mailer().freeze(&sent, now).await.unwrap();
    post.run_at("2026-03-02T07:00:01Z").await;
    let deferred = Disposition::Transient {
        reason: "451".to_owned(),
        retry_at: at("2026-03-03T06:30:00Z"),
        uncertain: false,
    };
    let (store, now) = (&post.bench.store, post.clock.now());
    let settled = store.settle_message(under_way.id, under_way.lease, deferred, now);
    assert!(settled.await.unwrap());
    post.publish(1).await;
    post.run_at("2026-03-03T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1", "an: 2", "an: 3"]);
}

#[tokio::test]
async fn who_left_is_not_sent_what_a_dead_daemon_had_claimed() {
    let mut post = Post::start(Script::default(), &["an", "bo"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    post.mailer().freeze_due(post.clock.now()).await.unwrap();
    let claimed = claim(&post).await;
    let an = claimed
        .iter()
        .find(|one| one.envelope_to.starts_with("an@"));
    let left =
        post.bench
            .store
            .unsubscribe(an.unwrap().subscriber.unwrap(), "asked", post.clock.now());
    left.await.unwrap();
    post.bench.reopen().await;
    post.run_at("2026-03-02T06:31:00Z").await;
    assert_eq!(post.mails(), ["bo: 1"]);
    let mut standings: Vec<_> = post.kept().await.iter().map(|view| view.standing).collect();
    standings.sort_by_key(|standing| format!("{standing:?}"));
    assert_eq!(
        standings,
        [MessageStanding::Delivered, MessageStanding::Withdrawn]
    );
}

/// Changes the stored mail to an.
async fn spoilt(post: &mut Post, with: &str) {
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    post.mailer().freeze_due(post.clock.now()).await.unwrap();
    let file = rusqlite::Connection::open(post.bench.folder.path().join("feedmill.db")).unwrap();
    let to_an = "message = (SELECT id FROM message WHERE envelope_to = 'an@example.net')";
    let changed = file.execute(&with.replace("TO_AN", to_an), []);
    assert_eq!(changed.unwrap(), 1);
}

#[tokio::test]
async fn a_claim_of_one_passes_over_a_damaged_mail() {
    let mut post = Post::start(Script::default(), &["an", "bo"], "").await;
    spoilt(&mut post, "DELETE FROM letter WHERE TO_AN").await;
    let now = post.clock.now();
    let lease = now + Duration::from_secs(2400);
    let claimed = post.bench.store.claim_messages(now, lease, 1, Vec::new());
    let claimed = claimed.await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].envelope_to, "bo@example.net");
}

/// As a disk leaves it: a byte turned in the middle, nothing, or not even a row.
#[tokio::test]
async fn a_damaged_mail_holds_up_no_other_and_its_stories_come_with_the_next() {
    for with in [
        "UPDATE letter SET bytes = CAST(substr(bytes, 1, 400) || x'00' || substr(bytes, 402) AS BLOB) WHERE TO_AN",
        "UPDATE letter SET bytes = x'' WHERE TO_AN",
        "DELETE FROM letter WHERE TO_AN",
    ] {
        let mut post = Post::start(Script::default(), &["an", "bo"], "").await;
        spoilt(&mut post, with).await;
        post.run_at("2026-03-02T06:30:00Z").await;
        assert_eq!(post.mails(), ["bo: 1"], "{with}");
        // It is looked at again hours later, not at once: nothing turns in circles.
        let next = post.bench.store.next_message_at().await.unwrap();
        assert_eq!(next, Some(at("2026-03-02T09:30:00Z")));
        post.run_at("2026-03-02T09:30:00Z").await;
        post.bench.reopen().await;
        post.run_at("2026-03-02T15:00:00Z").await;
        let kept = post.kept().await;
        let sizes: Vec<bool> = kept
            .iter()
            .map(|view| view.message.bytes.is_empty())
            .collect();
        assert_eq!(sizes, [true, false], "the others are shown");
        post.publish(1).await;
        post.run_at("2026-03-03T06:30:00Z").await;
        assert_eq!(post.mails(), ["an: 1 2", "bo: 1", "bo: 2"], "{with}");
    }
}

/// A mailer that waits this long for outstanding answers at the end, and no test for more.
const GRACE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

/// Until `done` says so; what it waits for happens on the same thread.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    while !done().await {
        tokio::task::yield_now().await;
    }
}

/// The flow on a server that falls silent, stopped once `reached`: (attempts, whether a newer edition may take over).
async fn stopped(script: Script, reached: &str) -> (u32, bool) {
    let mut post = Post::start(script, &["an"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    let (stop, mailer) = (CancellationToken::new(), post.mailer().with_grace(GRACE));
    let watch = async {
        let heard = async || {
            post.peer
                .commands()
                .iter()
                .any(|line| line.starts_with(reached))
        };
        until(heard).await;
        until(async || reached != "DATA" || post.peer.taken().len() == 1).await;
        stop.cancel();
    };
    let both = async { tokio::join!(mailer.run(stop.clone(), Arc::default()), watch) };
    // The silent server is waited for up to ten minutes, and the end within the grace.
    tokio::time::timeout(PATIENCE, both).await.unwrap();
    let view = post.kept().await.remove(0);
    assert_eq!(view.standing, MessageStanding::Queued);
    let undelivered = post.bench.store.undelivered("morning").await;
    let free = !undelivered.unwrap().is_empty();
    (view.message.attempts, free)
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_silent_server() {
    let silent = |step| Script {
        acts: [(step, Act::Silence)].into(),
        ..Script::default()
    };
    assert_eq!(stopped(silent("EHLO"), "EHLO").await, (0, true));
    assert_eq!(stopped(silent("RCPT"), "RCPT").await, (0, true));
    let unanswered = Script {
        unanswered: [1].into(),
        ..Script::default()
    };
    assert_eq!(stopped(unanswered, "DATA").await, (1, false));
}

#[tokio::test]
async fn a_silent_server_delays_no_edition() {
    let script = Script {
        unanswered: [1].into(),
        ..Script::default()
    };
    let mut post = Post::start(script, &["an"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    let (stop, wake) = (CancellationToken::new(), Arc::new(Notify::new()));
    let mailer = post.mailer().with_grace(GRACE);
    let watch = async {
        until(async || post.peer.taken().len() == 1).await;
        post.clock.set(at("2026-03-03T06:30:00Z"));
        wake.notify_one();
        until(async || post.editions().await.len() == 2).await;
        stop.cancel();
    };
    let both = async { tokio::join!(mailer.run(stop.clone(), wake.clone()), watch) };
    tokio::time::timeout(PATIENCE, both).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_jumps_sends_nothing_twice() {
    let script = Script {
        unanswered: [1].into(),
        ..Script::default()
    };
    let mut post = Post::start(script, &["an"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    let mailer = post.mailer().with_grace(GRACE);
    mailer.freeze_due(post.clock.now()).await.unwrap();
    let stop = CancellationToken::new();
    let jump = async {
        until(async || post.peer.taken().len() == 1).await;
        // Past every lease, while the answer to the final dot is still to come.
        post.clock.set(at("2026-03-03T00:00:00Z"));
        mailer.drain(&CancellationToken::new()).await.unwrap();
        stop.cancel();
    };
    let both = async { tokio::join!(mailer.drain(&stop), jump) };
    let (drained, ()) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    drained.unwrap();
    assert_eq!(post.mails(), ["an: 1"]);
}

#[tokio::test]
async fn a_connection_too_many_does_not_hold_up_the_others() {
    let script = Script {
        most_connections: Some(1),
        ..Script::default()
    };
    let mut post = Post::start(script, &["an", "bo", "cy", "du", "ed", "fy"], "").await;
    post.publish(1).await;
    post.run_at("2026-03-02T06:30:00Z").await;
    assert_eq!(post.peer.taken().len(), 6);
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn says(&self, words: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock().unwrap()).contains(words)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
    (log, tracing::subscriber::set_default(subscriber.finish()))
}

/// No delivery can be recorded.
const FULL: &str = "CREATE TRIGGER full BEFORE UPDATE OF standing ON message WHEN new.standing = 2
    BEGIN SELECT RAISE(ABORT, 'disk full'); END";

#[tokio::test]
async fn a_delivery_that_cannot_be_recorded_is_not_repeated() {
    let mut post = Post::start(Script::default(), &["an", "bo"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    let mailer = post.mailer();
    mailer.freeze_due(post.clock.now()).await.unwrap();
    let file = rusqlite::Connection::open(post.bench.folder.path().join("feedmill.db")).unwrap();
    file.execute_batch(FULL).unwrap();
    let (log, _guard) = listen();
    let room = async {
        until(async || log.says("could not be recorded")).await;
        file.execute_batch("DROP TRIGGER full").unwrap();
    };
    let stop = CancellationToken::new();
    let both = async { tokio::join!(mailer.drain(&stop), room) };
    let (drained, ()) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    drained.unwrap();
    post.run_at("2026-03-02T12:00:00Z").await;
    assert_eq!(post.mails(), ["an: 1", "bo: 1"]);
    assert_eq!(post.newest().await.messages, (0, 2, 0));
}

#[tokio::test]
async fn a_body_waits_for_the_record_of_the_delivery_before_it() {
    let mut post = Post::start(Script::default(), &["an", "bo", "ci"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    let mailer = post.mailer().with_grace(GRACE);
    mailer.freeze_due(post.clock.now()).await.unwrap();
    let file = rusqlite::Connection::open(post.bench.folder.path().join("feedmill.db")).unwrap();
    file.execute_batch(FULL).unwrap();
    let stop = CancellationToken::new();
    let watch = async {
        let announced = |peer: &Peer| {
            peer.commands()
                .iter()
                .filter(|line| *line == "DATA")
                .count()
        };
        until(async || announced(&post.peer) == 3).await;
        stop.cancel();
    };
    let both = async { tokio::join!(mailer.drain(&stop), watch) };
    let (drained, ()) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    drained.unwrap_err();
    // Two lines. The third was told while the one before it was not on record, and never begun: those two can come twice.
    let sorted = |post: &Post| {
        let mut mails = post.mails();
        mails.sort();
        mails
    };
    assert_eq!(sorted(&post), ["an: 1", "bo: 1"]);
    file.execute_batch("DROP TRIGGER full").unwrap();
    drop(mailer);
    post.bench.reopen().await;
    post.run_at("2026-03-02T06:31:00Z").await;
    assert_eq!(sorted(&post), ["an: 1", "an: 1", "bo: 1", "bo: 1", "ci: 1"]);
}

#[tokio::test]
async fn a_clock_that_was_ahead_for_a_while_silences_nothing() {
    let mut post = Post::start(deferring(), &["an"], "").await;
    post.publish(1).await;
    post.run_at("2026-09-01T06:30:00Z").await;
    post.serve(Script::default()).await;
    post.run_at("2026-03-02T07:00:00Z").await;
    assert_eq!(post.mails(), ["an: 1"], "what was deferred until September");
    post.publish(1).await;
    post.run_at("2026-03-03T06:29:59Z").await;
    assert_eq!(post.mails().len(), 1);
    post.run_at("2026-03-03T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1", "an: 2"]);
    assert_eq!(post.editions().await, ["03 06:30 1..2", "01 06:30 0..1"]);
}

#[tokio::test]
async fn a_mail_too_large_for_the_server_goes_as_text_alone() {
    let announced = Script {
        offers: vec!["SIZE 6000", "8BITMIME"],
        ..Script::default()
    };
    for large in [
        announced,
        // Refused once its size is known.
        Script {
            refused_beyond: Some((6000, "552 5.3.4 Message too big for system")),
            ..Script::default()
        },
        Script {
            refused_beyond: Some((6000, "552 Message size exceeds maximum permitted")),
            ..Script::default()
        },
    ] {
        let mut post = Post::start(large, &["an"], "").await;
        post.publish(10).await;
        post.run_at("2026-03-02T06:30:00Z").await;
        let taken = post.peer.taken();
        assert_eq!(taken.len(), 1);
        let mail = mailparse::parse_mail(&taken[0].bytes).unwrap();
        assert_eq!(
            (mail.ctype.mimetype.as_str(), mail.subparts.len()),
            ("text/plain", 0)
        );
        let text = mail.get_body().unwrap();
        for n in 1..=10 {
            assert!(text.contains(&format!("Story {n}\r\n")), "{text}");
        }
        assert!(text.contains("https://news.example.org/unsubscribe/"));
        let names: Vec<String> = mail
            .headers
            .iter()
            .map(mailparse::MailHeader::get_key)
            .collect();
        let begin = [
            "Date",
            "From",
            "To",
            "Subject",
            "Message-ID",
            "MIME-Version",
        ];
        assert_eq!(names[..6], begin);
        for name in [
            "List-Id",
            "List-Unsubscribe",
            "Auto-Submitted",
            "Content-Type",
        ] {
            assert_eq!(
                names.iter().filter(|found| *found == name).count(),
                1,
                "{name}"
            );
        }
        // What is kept is what went, for a repeat and for `digest show`.
        let kept = post.kept().await.remove(0);
        assert_eq!(kept.standing, MessageStanding::Delivered);
        assert_eq!(kept.message.bytes, taken[0].bytes);
    }
}

#[tokio::test]
async fn a_mail_whose_text_is_too_large_is_the_operators_to_see_to() {
    let script = Script {
        offers: vec!["SIZE 500"],
        ..Script::default()
    };
    let mut post = Post::start(script, &["an"], "").await;
    for day in 2..5 {
        post.publish(1).await;
        post.run_at(&format!("2026-03-{day:02}T06:30:00Z")).await;
    }
    assert_eq!(post.kept().await[0].standing, MessageStanding::Failed);
    let subscribers = post.bench.store.subscribers("morning").await.unwrap();
    assert_eq!(subscribers[0].standing, SubscriberStanding::Active);
    assert!(
        post.bench
            .store
            .bounce_counts("morning")
            .await
            .unwrap()
            .is_empty()
    );
}
