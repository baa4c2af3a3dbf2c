//! The mail flow when servers refuse, daemons die and editions overtake each other: whose fault it is, who still gets
//! mail afterwards, and that no story comes twice.

use feedmill::mail::Freezing;
use feedmill::model::{Disposition, MessageStanding, OutboxMessage, SubscriberStanding};

use crate::mail::Post;
use crate::store::bench::at;
use crate::support::smtp::{Act, Script};

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
    let lease = now + std::time::Duration::from_secs(2400);
    let claimed = post.bench.store.claim_messages(now, lease, 9);
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
    let left = post
        .bench
        .store
        .unsubscribe(an.unwrap().subscriber, "asked", post.clock.now());
    left.await.unwrap();
    post.bench.reopen().await;
    post.run_at("2026-03-02T06:31:00Z").await;
    assert_eq!(post.mails(), ["bo: 1"]);
    let store = &post.bench.store;
    let edition = store.editions("morning", 1).await.unwrap().remove(0);
    let messages = store.edition_messages(edition.id).await.unwrap();
    let mut standings: Vec<_> = messages.iter().map(|(standing, _)| *standing).collect();
    standings.sort_by_key(|standing| format!("{standing:?}"));
    assert_eq!(
        standings,
        [MessageStanding::Delivered, MessageStanding::Withdrawn]
    );
}
