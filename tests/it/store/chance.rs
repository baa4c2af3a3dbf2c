//! Property: whatever order polls, freezes, claims, settles and restarts come in, windows tile the sequence, every
//! story is offered once to each subscriber, and no message is lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;

use super::bench::{Bench, at, entry, linked};
use feedmill::model::*;
use feedmill::store::{Store, StoreError};

use crate::support::roster::roster;

#[derive(Clone, Debug)]
enum Step {
    /// Feed `0` or `1` shows entries `1..=.1`.
    Poll(usize, usize),
    Freeze,
    /// A freeze with a stale window: must be refused.
    StaleFreeze,
    Claim,
    /// Settles the oldest claim: 0 delivered, 1 transient, 2 released, 3 with a lost lease.
    Settle(u8),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2_usize, 1..12_usize).prop_map(|(feed, count)| Step::Poll(feed, count)),
        2 => Just(Step::Freeze),
        1 => Just(Step::StaleFreeze),
        2 => Just(Step::Claim),
        3 => (0..4_u8).prop_map(Step::Settle),
        1 => Just(Step::Restart),
    ]
}

/// What must be true, kept by hand.
#[derive(Default)]
struct Model {
    minutes: i64,
    until: i64,
    slots: i64,
    windows: Vec<(i64, i64)>,
    shown: BTreeSet<usize>,
    queued: BTreeMap<String, Vec<u8>>,
    delivered: BTreeSet<String>,
    offered: Vec<i64>,
    claims: Vec<OutboxMessage>,
}

impl Model {
    fn now(&self) -> Timestamp {
        at("2026-01-01T00:00:00Z") + jiff::SignedDuration::from_mins(self.minutes)
    }
}

struct Run {
    bench: Bench,
    model: Model,
    subscriber: SubscriberId,
}

impl Run {
    async fn begin() -> Self {
        let bench = Bench::new().await;
        bench.feeds(&["f0", "f1"], "2026-01-01T00:00:00Z").await;
        bench
            .store
            .sync_subscribers(roster("d", &["a@example.org"]), at("2026-01-01T00:00:00Z"))
            .await
            .unwrap();
        let subscriber = bench.store.subscribers("d").await.unwrap()[0].id;
        Self {
            bench,
            model: Model::default(),
            subscriber,
        }
    }

    async fn take(&mut self, step: Step) {
        self.model.minutes += 10;
        match step {
            Step::Poll(feed, count) => self.poll(feed, count).await,
            Step::Freeze => self.freeze().await,
            Step::StaleFreeze => self.stale_freeze().await,
            Step::Claim => self.claim().await,
            Step::Settle(how) => self.settle(how).await,
            Step::Restart => {
                self.bench.reopen().await;
                self.bench
                    .feeds(&["f0", "f1"], "2026-01-01T00:00:00Z")
                    .await;
            }
        }
    }

    /// Both feeds show the same pieces of news under keys of their own.
    async fn poll(&mut self, feed: usize, count: usize) {
        let one = |n: usize| {
            linked(
                entry(&format!("{feed}/{n}"), &format!("Story {n}")),
                &format!("x.example/{n}"),
            )
        };
        let now = self.model.now().to_string();
        self.bench
            .poll(&format!("f{feed}"), &now, (1..=count).map(one).collect())
            .await;
        self.model.shown.extend(1..=count);
        let last = self.bench.store.last_seq().await.unwrap();
        assert_eq!(
            last.0,
            self.model.shown.len() as i64,
            "each piece of news has one number, without gaps"
        );
    }

    fn edition(&self, after: i64, until: i64, stories: &[StoryView]) -> FrozenEdition {
        let slot = self.model.slots;
        let bytes = format!("Subject: {slot}\r\n\r\n{after} {until}\r\n").into_bytes();
        let message = FrozenMessage {
            subscriber: self.subscriber,
            message_id: format!("{slot}@news.example"),
            envelope_from: "news@example.org".into(),
            envelope_to: "a@example.org".into(),
            packed: Store::pack_message(&bytes).unwrap(),
            stories: stories.len(),
            after: StorySeq(after),
        };
        FrozenEdition {
            digest: "d".into(),
            lane: "UTC".into(),
            slot_at: at("2026-01-01T00:00:00Z") + jiff::SignedDuration::from_hours(24 * slot),
            frozen_at: self.model.now(),
            after: StorySeq(after),
            until: StorySeq(until),
            standing: EditionStanding::Frozen,
            stories: stories.iter().map(|story| story.id).collect(),
            subject: slot.to_string(),
            web_html: None,
            messages: vec![message],
            served: vec![self.subscriber],
        }
    }

    async fn freeze(&mut self) {
        let lane = self
            .bench
            .store
            .lane("d", "UTC", self.model.now())
            .await
            .unwrap();
        assert_eq!(lane.until.0, self.model.until, "windows tile");
        let until = self.bench.store.last_seq().await.unwrap();
        let window = Some((lane.until, until));
        let selection = Selection {
            groups: vec!["*".into()],
            window,
            limit: 1_000,
            ..Selection::default()
        };
        let stories = self.bench.store.select_stories(selection).await.unwrap();
        self.model.slots += 1;
        let edition = self.edition(lane.until.0, until.0, &stories);
        let message = &edition.messages[0];
        self.model.queued.insert(
            message.message_id.clone(),
            Store::unpack_message(&message.packed).unwrap(),
        );
        self.model
            .offered
            .extend(stories.iter().map(|story| story.id.0));
        self.model.windows.push((lane.until.0, until.0));
        self.model.until = until.0;
        self.bench
            .store
            .freeze_edition(edition, Vec::new())
            .await
            .unwrap();
    }

    async fn stale_freeze(&mut self) {
        let slot = self.model.slots + 1_000;
        let mut edition = self.edition(self.model.until + 1, self.model.until + 2, &[]);
        edition.slot_at = at("2026-01-01T00:00:00Z") + jiff::SignedDuration::from_hours(24 * slot);
        edition.messages.clear();
        let refused = self.bench.store.freeze_edition(edition, Vec::new()).await;
        assert!(matches!(refused, Err(StoreError::EditionTaken { .. })));
    }

    async fn claim(&mut self) {
        let now = self.model.now();
        let lease = now + jiff::SignedDuration::from_mins(25);
        let claimed = self
            .bench
            .store
            .claim_messages(now, lease, 2, Vec::new())
            .await
            .unwrap();
        for message in &claimed {
            assert_eq!(
                self.model.queued.get(&message.message_id),
                Some(&message.bytes),
                "the same bytes each time"
            );
            assert!(
                !self.model.delivered.contains(&message.message_id),
                "nothing delivered is sent again"
            );
        }
        self.model
            .claims
            .retain(|old| claimed.iter().all(|new| new.id != old.id));
        self.model.claims.extend(claimed);
    }

    async fn settle(&mut self, how: u8) {
        if self.model.claims.is_empty() {
            return;
        }
        let message = self.model.claims.remove(0);
        let now = self.model.now();
        let (disposition, lease) = match how {
            0 => (
                Disposition::Delivered {
                    reply: "250".into(),
                },
                message.lease,
            ),
            1 => (
                Disposition::Transient {
                    reason: "451".into(),
                    retry_at: now,
                    uncertain: false,
                },
                message.lease,
            ),
            2 => (Disposition::Released { retry_at: now }, message.lease),
            _ => (
                Disposition::Delivered {
                    reply: "250".into(),
                },
                message.lease - 1,
            ),
        };
        let settled = self
            .bench
            .store
            .settle_message(message.id, lease, disposition, now)
            .await
            .unwrap();
        assert_eq!(settled, how != 3);
        if how == 0 {
            self.model.delivered.insert(message.message_id);
        }
    }

    /// With everything claimed and delivered, nothing is missing and nothing came twice.
    async fn end(mut self) {
        self.freeze().await;
        for _ in 0..self.model.queued.len() + 1 {
            self.model.minutes += 60;
            self.claim().await;
            while !self.model.claims.is_empty() {
                self.settle(0).await;
            }
        }
        assert_eq!(
            self.model.delivered,
            self.model.queued.keys().cloned().collect(),
            "no message is lost"
        );
        let mut offered = self.model.offered.clone();
        offered.sort_unstable();
        assert_eq!(
            offered,
            (1..=self.model.shown.len() as i64).collect::<Vec<_>>(),
            "each story once"
        );
        let editions = self.bench.store.editions("d", 1_000).await.unwrap();
        let windows: Vec<_> = editions
            .iter()
            .rev()
            .map(|one| (one.after.0, one.until.0))
            .collect();
        assert_eq!(windows, self.model.windows);
        self.bench.store.close().await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_is_lost_and_each_story_is_offered_once(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut run = Run::begin().await;
            for step in steps {
                run.take(step).await;
            }
            run.end().await;
        });
    }
}
