//! What hubs brought, read: the oldest first, one of a feed at a time, judged and committed as a poll's document is.
//! Touches neither validators nor schedule, and infers nothing from what a delivery lacks (R6.9). What ends before its
//! commit is read again; what ends the process again and again is given up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::super::document::{self, Reading};
use super::super::findings::{self, Findings};
use super::super::{DRAIN, Poller, Shared, full_text, told};
use crate::model::{Delivery, DeliveryRoom, FeedId, FeedState, PollReport, SideCommit, SideWay};
use crate::store::Result;

/// What may wait to be read.
pub(super) const ROOM: DeliveryRoom = DeliveryRoom {
    rows: 1024,
    bytes: 64 << 20,
};
/// Feeds whose deliveries are read at the same time: article pages may take a while.
const AT_ONCE: usize = 8;
/// A delivery that was begun so often and never ended is not read.
const TRIES: u32 = 5;
/// Longest time between two looks.
const LOOK: Duration = Duration::from_secs(600);

/// Deliveries under way.
#[derive(Default)]
struct UnderWay {
    set: JoinSet<Result<()>>,
    whose: HashMap<Id, (FeedId, i64)>,
}

impl UnderWay {
    fn busy(&self) -> Vec<FeedId> {
        self.whose.values().map(|(feed, _)| *feed).collect()
    }
}

type Ended = std::result::Result<(Id, Result<()>), JoinError>;

impl Poller {
    /// Reads what hubs brought until `stop`; what is under way then may end.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_deliveries(&self, stop: CancellationToken) -> Result<()> {
        let mut under_way = UnderWay::default();
        while !stop.is_cancelled() {
            self.take_up(&mut under_way).await?;
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = under_way.set.join_next_with_id() => self.laid_down(&mut under_way, ended).await?,
                () = self.shared.desk.brought.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        let rest = async {
            while let Some(ended) = under_way.set.join_next_with_id().await {
                self.laid_down(&mut under_way, ended).await?;
            }
            Ok(())
        };
        // What takes longer is read again.
        tokio::time::timeout(DRAIN, rest).await.unwrap_or(Ok(()))
    }

    /// Reads all that waits now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read_deliveries(&self) -> Result<()> {
        let mut under_way = UnderWay::default();
        loop {
            self.take_up(&mut under_way).await?;
            match under_way.set.join_next_with_id().await {
                Some(ended) => self.laid_down(&mut under_way, ended).await?,
                None => return Ok(()),
            }
        }
    }

    async fn take_up(&self, under_way: &mut UnderWay) -> Result<()> {
        while under_way.set.len() < AT_ONCE {
            let next = self
                .shared
                .parts
                .store
                .next_delivery(under_way.busy())
                .await?;
            let Some(delivery) = next else {
                break;
            };
            if delivery.tries > TRIES {
                tracing::error!(
                    "a delivery of feed {} is given up: reading it never ended",
                    delivery.feed.0
                );
                self.shared.parts.store.forget_delivery(delivery.id).await?;
                continue;
            }
            let (shared, whose) = (Arc::clone(&self.shared), (delivery.feed, delivery.id));
            let task = under_way
                .set
                .spawn(async move { shared.read(delivery).await });
            under_way.whose.insert(task.id(), whose);
        }
        Ok(())
    }

    async fn laid_down(&self, under_way: &mut UnderWay, ended: Ended) -> Result<()> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let whose = under_way.whose.remove(&id);
        match (ended, whose) {
            (Ok((_, read)), _) => read,
            (Err(error), Some((_, delivery))) => {
                tracing::error!(error = %error, "reading a delivery ended in a panic");
                self.shared.parts.store.forget_delivery(delivery).await
            }
            (Err(_), None) => Ok(()),
        }
    }
}

impl Shared {
    /// The same path as a poll's document; the base of relative addresses is where polls find it.
    async fn read(&self, delivery: Delivery) -> Result<()> {
        let now = self.parts.clock.now();
        let store = &self.parts.store;
        let Some(feed) = self.still_read(delivery.feed).await? else {
            return store.forget_delivery(delivery.id).await;
        };
        let base = match feed.validators.url.as_str() {
            "" => feed.url.clone(),
            polled => polled.to_owned(),
        };
        let (body, origin) = (delivery.body.clone(), (delivery.content_type.clone(), base));
        let mut read = match document::read(self, &feed, body, origin, now).await {
            Reading::Feed(read) => *read,
            Reading::Same => return store.forget_delivery(delivery.id).await,
            Reading::Nothing(trouble) => {
                tracing::warn!(feed.id = ?feed.key, error = ?trouble.text, "a delivery could not be read");
                return store.forget_delivery(delivery.id).await;
            }
        };
        let offered = read.document.entries.len();
        let (findings, report) = self.commit_pushed(&feed, &delivery, &mut read, now).await?;
        findings
            .tell(&self.parts, (feed.id, &feed.key), offered, &report)
            .await?;
        told::brought(&feed.key, &report);
        self.parts.metrics.entries(report.new, report.changed);
        if report.touched {
            self.parts.touched.notify_one();
        }
        Ok(())
    }

    /// The feed, unless it has left meanwhile: the config or, by its publisher's word, the world.
    async fn still_read(&self, feed: FeedId) -> Result<Option<FeedState>> {
        let feed = self.parts.store.feed_by_id(feed).await?;
        Ok(feed.filter(|feed| self.parts.settings.knows(&feed.key) && feed.standing.is_polled()))
    }

    /// Judged as a poll's entries are: keys used again, a feed taken over, a flood, pages behind the entries.
    async fn commit_pushed(
        &self,
        feed: &FeedState,
        delivery: &Delivery,
        read: &mut document::Read,
        now: Timestamp,
    ) -> Result<(Arc<Findings>, PollReport)> {
        let mut meta = Some(std::mem::take(&mut read.meta));
        let page = findings::Page {
            entries: &mut read.entries,
            meta: &mut meta,
            document: Some(&mut read.document),
            received_at: now,
        };
        let findings = findings::of(&self.parts, feed, page).await?;
        let pages = full_text::read(self, (&feed.key, &[]), &mut read.entries, &findings).await;
        let findings = Arc::new(findings);
        let noting = Arc::clone(&findings);
        let marks: Vec<u32> = read
            .document
            .entries
            .iter()
            .map(|entry| entry.mark)
            .collect();
        let token = delivery.token.clone();
        let note = move |state: &mut FeedState| {
            let pushes = &mut state.memory.pushes;
            // Renewed since it came: then the hub is known by another callback.
            let at = pushes.iter().position(|push| push.callback_token == token);
            if let Some(push) = pushes.get_mut(at.unwrap_or(0)) {
                push.brought(marks);
            }
            // The operator's word is for the next document that says what the feed calls itself, which is a poll's.
            let approved = state.memory.approved;
            noting.note(state);
            state.memory.approved = approved;
            pages.leave(&mut state.memory.pages_due);
        };
        let commit = SideCommit {
            feed: feed.id,
            seen_at: now,
            way: SideWay::Push {
                max_new: self.parts.settings.feed(&feed.key).max_new,
                note: Box::new(note),
            },
            entries: std::mem::take(&mut read.entries),
        };
        let judge = Arc::clone(&self.judge);
        let store = &self.parts.store;
        let report = store.commit_delivery(delivery.id, commit, judge).await?;
        Ok((findings, report))
    }
}
