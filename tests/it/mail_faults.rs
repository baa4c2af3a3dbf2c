//! The mail flow when servers refuse: whose fault it is, and who still gets mail afterwards.

use feedmill::model::SubscriberStanding;

use crate::mail::Post;
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
