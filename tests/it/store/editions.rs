//! Editions, messages and subscribers: one commit each, windows that tile, leases that run out.

use super::bench::{Bench, at, entry};
use feedmill::model::*;
use feedmill::store::{Store, StoreError};

use crate::support::roster::roster;

const NOW: &str = "2026-01-01T00:00:00Z";

fn edition(slot: &str, after: i64, until: i64, messages: Vec<FrozenMessage>) -> FrozenEdition {
    FrozenEdition {
        digest: "morning".into(),
        lane: "UTC".into(),
        slot_at: at(slot),
        frozen_at: at(slot),
        after: StorySeq(after),
        until: StorySeq(until),
        standing: if messages.is_empty() {
            EditionStanding::Empty
        } else {
            EditionStanding::Frozen
        },
        stories: (after + 1..=until).map(StoryId).collect(),
        subject: "News".into(),
        web_html: Some("<p>News</p>".into()),
        served: messages.iter().map(|message| message.subscriber).collect(),
        messages,
    }
}

fn text(number: u32) -> String {
    format!("Subject: News {number}\r\n\r\nHello.\r\n")
}

fn message(to: SubscriberId, number: u32) -> FrozenMessage {
    FrozenMessage {
        subscriber: to,
        message_id: format!("{number}.{}@news.example", to.0),
        envelope_from: "news@example.org".into(),
        envelope_to: "reader@example.org".into(),
        packed: Store::pack_message(text(number).as_bytes()).unwrap(),
        stories: 1,
        after: StorySeq(0),
    }
}

async fn with_subscribers(addresses: &[&str]) -> (Bench, Vec<SubscriberId>) {
    let bench = Bench::new().await;
    bench
        .store
        .sync_subscribers(roster("morning", addresses), at(NOW))
        .await
        .unwrap();
    let ids = bench
        .store
        .subscribers("morning")
        .await
        .unwrap()
        .iter()
        .map(|one| one.id)
        .collect();
    bench.store.lane("morning", "UTC", at(NOW)).await.unwrap();
    (bench, ids)
}

#[tokio::test]
async fn an_edition_is_frozen_once_and_only_where_the_last_one_ended() {
    let (bench, ids) = with_subscribers(&["a@example.org"]).await;
    let freeze = |slot: &'static str, after, until| {
        bench.store.freeze_edition(
            edition(slot, after, until, vec![message(ids[0], until as u32)]),
            Vec::new(),
        )
    };
    freeze("2026-01-01T06:30:00Z", 0, 3).await.unwrap();
    for (slot, after, until) in [
        ("2026-01-01T06:30:00Z", 3, 4),
        ("2026-01-02T06:30:00Z", 2, 4),
        ("2026-01-02T06:30:00Z", 4, 5),
        ("2026-01-02T06:30:00Z", 3, 2),
    ] {
        let refused = freeze(slot, after, until).await;
        assert!(
            matches!(refused, Err(StoreError::EditionTaken { .. })),
            "{slot} {after} {until}"
        );
    }
    freeze("2026-01-02T06:30:00Z", 3, 7).await.unwrap();
    let lane = bench.store.lane("morning", "UTC", at(NOW)).await.unwrap();
    assert_eq!(
        (lane.until, lane.last_slot_at),
        (StorySeq(7), Some(at("2026-01-02T06:30:00Z")))
    );
    let cursor = bench
        .store
        .subscriber(ids[0])
        .await
        .unwrap()
        .unwrap()
        .cursor;
    assert_eq!(cursor, StorySeq(7));
    let editions = bench.store.editions("morning", 9).await.unwrap();
    let windows: Vec<_> = editions
        .iter()
        .map(|one| (one.after.0, one.until.0, one.messages))
        .collect();
    assert_eq!(windows, [(3, 7, (1, 0, 0)), (0, 3, (1, 0, 0))]);
    let web = bench
        .store
        .edition_page(editions[0].id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(web, "<p>News</p>");
}

/// The refusal comes after the first mail was withdrawn.
#[tokio::test]
async fn an_edition_that_is_refused_has_withdrawn_nothing() {
    let (bench, ids) = with_subscribers(&["a@example.org", "b@example.org"]).await;
    let messages = vec![message(ids[0], 1), message(ids[1], 2)];
    let first = edition("2026-01-01T06:30:00Z", 0, 3, messages);
    let first = bench.store.freeze_edition(first, Vec::new()).await.unwrap();
    let [now, lease] = [at("2026-01-01T07:00:00Z"), at("2026-01-01T08:00:00Z")];
    let claimed = bench.store.claim_messages(now, lease, 1, Vec::new());
    let claimed = claimed.await.unwrap().remove(0).id;
    let kept = bench.store.edition_messages(first).await.unwrap();
    let queued = kept.iter().map(|view| view.message.id);
    let queued = queued.filter(|id| *id != claimed).collect::<Vec<_>>()[0];
    let next = edition("2026-01-02T06:30:00Z", 3, 4, vec![message(ids[0], 3)]);
    let refused = bench.store.freeze_edition(next, vec![queued, claimed]);
    assert!(matches!(refused.await, Err(StoreError::Sqlite { .. })));
    let kept = bench.store.edition_messages(first).await.unwrap();
    let standing = |id| {
        kept.iter()
            .find(|view| view.message.id == id)
            .unwrap()
            .standing
    };
    assert_eq!(standing(queued), MessageStanding::Queued);
    assert_eq!(standing(claimed), MessageStanding::Claimed);
    assert_eq!(bench.store.editions("morning", 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lease_that_ran_out_makes_a_message_due_again_with_the_same_bytes() {
    let (mut bench, ids) = with_subscribers(&["a@example.org"]).await;
    let slot = "2026-01-01T06:30:00Z";
    bench
        .store
        .freeze_edition(edition(slot, 0, 1, vec![message(ids[0], 1)]), Vec::new())
        .await
        .unwrap();
    let until = at("2026-01-01T06:40:00Z");
    let first = bench
        .store
        .claim_messages(at(slot), until, 10, Vec::new())
        .await
        .unwrap();
    assert_eq!(first.len(), 1);
    assert!(
        bench
            .store
            .claim_messages(at("2026-01-01T06:39:00Z"), until, 10, Vec::new())
            .await
            .unwrap()
            .is_empty()
    );
    bench.reopen().await;
    let later = at("2026-01-01T07:00:00Z");
    let second = bench
        .store
        .claim_messages(until, later, 10, Vec::new())
        .await
        .unwrap();
    assert_eq!(
        (&second[0].message_id, &second[0].bytes),
        (&first[0].message_id, &first[0].bytes)
    );
    let done = || Disposition::Delivered {
        reply: "250 ok".into(),
    };
    assert!(
        !bench
            .store
            .settle_message(first[0].id, first[0].lease, done(), until)
            .await
            .unwrap()
    );
    assert!(
        bench
            .store
            .settle_message(second[0].id, second[0].lease, done(), until)
            .await
            .unwrap()
    );
    assert!(
        !bench
            .store
            .settle_message(second[0].id, second[0].lease, done(), until)
            .await
            .unwrap()
    );
    assert_eq!(bench.store.next_message_at().await.unwrap(), None);
}

#[tokio::test]
async fn a_transient_refusal_counts_and_waits_a_release_waits_only() {
    let (bench, ids) = with_subscribers(&["a@example.org"]).await;
    let slot = "2026-01-01T06:30:00Z";
    bench
        .store
        .freeze_edition(edition(slot, 0, 1, vec![message(ids[0], 1)]), Vec::new())
        .await
        .unwrap();
    let retry_at = at("2026-01-01T07:30:00Z");
    let lease = at("2026-01-01T06:35:00Z");
    let claimed = bench
        .store
        .claim_messages(at(slot), lease, 1, Vec::new())
        .await
        .unwrap();
    let released = Disposition::Released { retry_at: at(slot) };
    bench
        .store
        .settle_message(claimed[0].id, claimed[0].lease, released, at(slot))
        .await
        .unwrap();
    let claimed = bench
        .store
        .claim_messages(at(slot), lease, 1, Vec::new())
        .await
        .unwrap();
    assert_eq!(claimed[0].attempts, 0);
    let transient = Disposition::Transient {
        reason: "451".into(),
        retry_at,
        uncertain: false,
    };
    bench
        .store
        .settle_message(claimed[0].id, claimed[0].lease, transient, at(slot))
        .await
        .unwrap();
    assert_eq!(bench.store.next_message_at().await.unwrap(), Some(retry_at));
    let claimed = bench
        .store
        .claim_messages(retry_at, at("2026-01-01T08:00:00Z"), 1, Vec::new())
        .await
        .unwrap();
    assert_eq!(claimed[0].attempts, 1);
}

#[tokio::test]
async fn who_unsubscribes_gets_nothing_that_is_queued_and_stays_so_through_config_edits() {
    let (bench, ids) = with_subscribers(&["a@example.org", "b@example.org"]).await;
    let slot = "2026-01-01T06:30:00Z";
    let messages = vec![message(ids[0], 1), message(ids[1], 1)];
    bench
        .store
        .freeze_edition(edition(slot, 0, 1, messages), Vec::new())
        .await
        .unwrap();
    let left = SubscriberStanding::Unsubscribed;
    bench
        .store
        .set_standing(ids[0], left, Some("one click".into()), at(slot))
        .await
        .unwrap();
    let claimed = bench
        .store
        .claim_messages(at(slot), at("2026-01-01T07:00:00Z"), 9, Vec::new())
        .await
        .unwrap();
    assert_eq!(
        claimed
            .iter()
            .filter_map(|one| one.subscriber)
            .collect::<Vec<_>>(),
        [ids[1]]
    );
    bench
        .store
        .sync_subscribers(roster("morning", &["b@example.org"]), at(slot))
        .await
        .unwrap();
    assert_eq!(bench.store.subscribers("morning").await.unwrap().len(), 1);
    let both = roster("morning", &["a@example.org", "b@example.org"]);
    bench.store.sync_subscribers(both, at(slot)).await.unwrap();
    assert_eq!(
        bench
            .store
            .subscriber(ids[0])
            .await
            .unwrap()
            .unwrap()
            .standing,
        left
    );
}

#[tokio::test]
async fn a_new_subscriber_of_a_running_digest_is_owed_only_what_comes() {
    let (bench, ids) = with_subscribers(&["a@example.org"]).await;
    bench.feeds(&["a"], NOW).await;
    bench
        .poll("a", NOW, vec![entry("1", "One"), entry("2", "Two")])
        .await;
    let both = roster("morning", &["a@example.org", "b@example.org"]);
    bench.store.sync_subscribers(both, at(NOW)).await.unwrap();
    let cursors: Vec<_> = bench
        .store
        .subscribers("morning")
        .await
        .unwrap()
        .iter()
        .map(|one| one.cursor.0)
        .collect();
    assert_eq!((ids.len(), cursors), (1, vec![0, 2]));
}

#[tokio::test]
async fn bounces_are_counted_by_kind() {
    let (bench, ids) = with_subscribers(&["a@example.org"]).await;
    assert_eq!(
        bench
            .store
            .record_bounce(ids[0], false, "4.2.2", at(NOW))
            .await
            .unwrap(),
        (0, 1)
    );
    assert_eq!(
        bench
            .store
            .record_bounce(ids[0], true, "5.1.1", at(NOW))
            .await
            .unwrap(),
        (1, 1)
    );
}

#[tokio::test]
async fn claims_of_a_daemon_that_is_gone_are_due_at_once_and_never_merged() {
    let (mut bench, ids) = with_subscribers(&["an@example.org", "bo@example.org"]).await;
    let messages = ids.iter().map(|id| message(*id, 1)).collect();
    let frozen = edition("2026-01-01T06:00:00Z", 0, 0, messages);
    bench
        .store
        .freeze_edition(frozen, Vec::new())
        .await
        .unwrap();
    let (now, lease) = (at("2026-01-01T06:00:01Z"), at("2026-01-01T06:40:01Z"));
    let first = bench
        .store
        .claim_messages(now, lease, 1, Vec::new())
        .await
        .unwrap();
    assert_eq!(first.len(), 1);
    bench.reopen().await;
    // Perhaps accepted without our record: its stories must not go into another mail.
    let mergeable = bench.store.undelivered("morning").await.unwrap();
    assert_eq!(mergeable.len(), 1);
    assert_ne!(mergeable[0].1, first[0].id);
    let again = bench
        .store
        .claim_messages(now, lease, 9, Vec::new())
        .await
        .unwrap();
    assert_eq!(again.len(), 2);
    let repeat = again
        .iter()
        .find(|message| message.id == first[0].id)
        .unwrap();
    assert_eq!(repeat.bytes, first[0].bytes);
    assert!(repeat.lease > first[0].lease);
    let late = Disposition::Delivered {
        reply: "250 ok".into(),
    };
    let settled = bench
        .store
        .settle_message(first[0].id, first[0].lease, late, now);
    assert!(!settled.await.unwrap(), "the old claim has ended");
}
