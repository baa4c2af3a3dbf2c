//! WebSub, the side that asks: subscriptions, renewals and their ends, each written down before the hub hears of it.
//! Takes feeds as polls leave them, asks hubs within the politeness of their hosts. Refuses hubs that could not reach us.

mod door;
mod inbox;
mod signature;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Poller, Shared};
use crate::fetch::{self, Signal, Start};
use crate::model::{FeedId, FeedState, PushRenewal, PushState, Pushes};
use crate::schedule::{self, LEASE_S, PushPlan, PushStep};
use crate::store::Result;

/// Longest time between two looks at all subscriptions.
const LOOK: Duration = Duration::from_secs(600);
/// A hub that is busy is asked again no sooner.
const LEAST: Duration = Duration::from_secs(1);

/// Feeds whose subscription wants a look, as polls find them.
#[derive(Default)]
pub(super) struct Desk {
    noted: Mutex<BTreeSet<FeedId>>,
    wake: Notify,
    /// Something was brought that waits to be read.
    brought: Notify,
}

impl Desk {
    pub(super) fn note(&self, feed: FeedId) {
        self.lock().insert(feed);
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeSet<FeedId> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<FeedId>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// For the hosts that redirects lead to.
    pub(super) fn politeness(&self) -> fetch::Politeness {
        fetch::Politeness {
            hosts: self.parts.hosts.clone(),
            draw: (self.parts.draw)(),
        }
    }

    /// What is to be done about a feed's subscriptions.
    pub(super) fn push_plan(&self, state: &FeedState, now: Timestamp) -> PushPlan {
        let wanted = self.parts.settings.feed(&state.key).websub.then_some(());
        schedule::push_plan(state, wanted, now)
    }
}

impl Poller {
    /// Who answers hubs.
    #[must_use]
    pub fn pushes(&self) -> Arc<dyn Pushes> {
        Arc::clone(&self.shared) as _
    }

    /// Keeps subscriptions until `stop`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_push(&self, stop: CancellationToken) -> Result<()> {
        let mut next = self.push_due().await?;
        loop {
            let nap = next.map_or(LOOK, |at| self.until(at)).clamp(LEAST, LOOK);
            let noted = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.shared.desk.wake.notified() => true,
                () = tokio::time::sleep(nap) => false,
            };
            // A request to a hub that hangs must not hold up the end; what was to be said is written down.
            let looked = async {
                if noted {
                    self.push_noted().await
                } else {
                    self.push_due().await
                }
            };
            let found = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                found = looked => found?,
            };
            next = match (noted, found) {
                (true, Some(found)) => Some(next.map_or(found, |next| next.min(found))),
                (true, None) => next,
                (false, found) => found,
            };
        }
    }

    /// One look at every subscription and at what polls have found since: gives when there is more to do.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn push_due(&self) -> Result<Option<Timestamp>> {
        let mut next = None;
        for state in self.shared.parts.store.pushed_feeds().await? {
            self.look(&state, &mut next).await?;
        }
        let noted = self.push_noted().await?;
        Ok(next.into_iter().chain(noted).min())
    }

    async fn push_noted(&self) -> Result<Option<Timestamp>> {
        let mut next = None;
        for id in self.shared.desk.take() {
            if let Some(state) = self.shared.parts.store.feed_by_id(id).await? {
                self.look(&state, &mut next).await?;
            }
        }
        Ok(next)
    }

    async fn look(&self, state: &FeedState, next: &mut Option<Timestamp>) -> Result<()> {
        let now = self.shared.parts.clock.now();
        let PushPlan { steps, again_at } = self.shared.push_plan(state, now);
        let mut again = again_at;
        for step in steps {
            again = again.into_iter().chain(self.step(state, step).await?).min();
        }
        *next = next.iter().copied().chain(again).min();
        Ok(())
    }

    /// Gives when to look again.
    async fn step(&self, state: &FeedState, step: PushStep) -> Result<Option<Timestamp>> {
        match step {
            PushStep::Subscribe { hub, topic, renews } => {
                self.subscribe(state, (hub, topic), renews).await
            }
            PushStep::Unsubscribe(token) => self.unsubscribe(state, &token).await,
            PushStep::GiveUp(token) => self.refused(state.id, &token, None).await,
            PushStep::Lapse(token) => self.lapse(state, token).await,
            PushStep::Forget(token) => {
                let forget = move |state: &mut FeedState| {
                    let pushes = &mut state.memory.pushes;
                    pushes.retain(|push| push.callback_token != token);
                };
                let store = &self.shared.parts.store;
                store.update_feed(state.id, Box::new(forget)).await?;
                Ok(None)
            }
        }
    }

    /// Asks `hub` for `topic`, where it holds the subscription `renews` or none; gives when to look again.
    async fn subscribe(
        &self,
        state: &FeedState,
        (hub, topic): (String, String),
        renews: Option<String>,
    ) -> Result<Option<Timestamp>> {
        let parts = &self.shared.parts;
        let now = parts.clock.now();
        let token = format!("{:x}-{}", state.id.0, signature::random_hex::<16>());
        let reachable = Url::parse(&hub)
            .ok()
            .and_then(|url| Some((parts.settings.callback(&url, &token)?, url)));
        let Some((callback, url)) = reachable else {
            return Ok(None);
        };
        let slot = match parts.hosts.try_start(&url, now, (parts.draw)()) {
            Start::Now(slot) => slot,
            Start::NotBefore(at, _) => {
                self.shared.desk.lock().insert(state.id);
                return Ok(Some(at));
            }
        };
        let renewal = PushRenewal {
            secret: (url.scheme() == "https").then(signature::random_hex::<32>),
            hub_url: hub,
            topic_url: topic,
            callback_token: token,
        };
        let asking = renewal.clone();
        let change = move |state: &mut FeedState| {
            schedule::push_asking(state, asking, renews.as_deref(), now);
        };
        parts.store.update_feed(state.id, Box::new(change)).await?;
        let lease = LEASE_S.to_string();
        let mut form = vec![
            ("hub.mode", "subscribe"),
            ("hub.topic", renewal.topic_url.as_str()),
            ("hub.callback", callback.as_str()),
            ("hub.lease_seconds", lease.as_str()),
        ];
        form.extend(
            renewal
                .secret
                .as_deref()
                .map(|secret| ("hub.secret", secret)),
        );
        let refused = self.ask(&state.key, &url, &form, slot).await;
        tracing::info!(
            feed.id = ?state.key, server.address = ?url.host_str(), error = ?refused.as_ref().err(),
            "asked a hub to push"
        );
        match refused {
            Ok(()) => self.next_request(state.id).await,
            Err(refusal) => {
                let token = &renewal.callback_token;
                self.refused(state.id, token, refusal.retry_after).await
            }
        }
    }

    /// The hub that was given the callback `token`, for a subscription or its renewal, refused.
    async fn refused(
        &self,
        feed: FeedId,
        token: &str,
        retry_after: Option<Duration>,
    ) -> Result<Option<Timestamp>> {
        let now = self.shared.parts.clock.now();
        let token = token.to_owned();
        let change = move |state: &mut FeedState| {
            let mut pushes = state.memory.pushes.iter_mut();
            if let Some(push) = pushes.find(|push| push.has_given(&token)) {
                schedule::push_refused(push, retry_after, now);
            }
        };
        self.shared
            .parts
            .store
            .update_feed(feed, Box::new(change))
            .await?;
        self.next_request(feed).await
    }

    async fn next_request(&self, feed: FeedId) -> Result<Option<Timestamp>> {
        let state = self.shared.parts.store.feed_by_id(feed).await?;
        let pushes = state.map(|state| state.memory.pushes).unwrap_or_default();
        Ok(pushes.iter().filter_map(|push| push.next_request_at).min())
    }

    /// Tells the hub that we listen no more; from now on the callback answers 410 (R6.12).
    async fn unsubscribe(&self, state: &FeedState, token: &str) -> Result<Option<Timestamp>> {
        let parts = &self.shared.parts;
        let mut pushes = state.memory.pushes.iter();
        let Some(push) = pushes.find(|push| push.callback_token == token) else {
            return Ok(None);
        };
        let left = |push: &mut PushState, now| {
            push.status = "leaving".to_owned();
            push.since_at = now;
            push.renewal = None;
        };
        self.end(state, token.to_owned(), left).await?;
        let now = parts.clock.now();
        let hub = Url::parse(&push.hub_url).ok();
        let callback = hub
            .as_ref()
            .and_then(|hub| parts.settings.callback(hub, &push.callback_token));
        if let (Some(hub), Some(callback)) = (hub, callback)
            && let Start::Now(slot) = parts.hosts.try_start(&hub, now, (parts.draw)())
        {
            let form = [
                ("hub.mode", "unsubscribe"),
                ("hub.topic", push.topic_url.as_str()),
                ("hub.callback", callback.as_str()),
            ];
            // A hub that cannot be told finds 410 at the callback, and its lease ends.
            let told = self.ask(&state.key, &hub, &form, slot).await;
            tracing::info!(
                feed.id = ?state.key, server.address = ?hub.host_str(), error = ?told.as_ref().err(),
                "told a hub to push no more"
            );
        }
        Ok(Some(now + SignedDuration::from_hours(1)))
    }

    /// The lease ran out: polling as ever, and the hub is asked anew.
    async fn lapse(&self, state: &FeedState, token: String) -> Result<Option<Timestamp>> {
        let failed = |push: &mut PushState, now| {
            push.status = "failed".to_owned();
            push.since_at = now;
            push.lease_until = None;
            push.renewal = None;
        };
        self.end(state, token, failed).await?;
        let now = self.shared.parts.clock.now();
        let next = self.next_request(state.id).await?;
        Ok(Some(next.unwrap_or(now).max(now)))
    }

    /// Changes the subscription `token` of a feed into one that has ended: nothing is stretched by it any more.
    async fn end(
        &self,
        state: &FeedState,
        token: String,
        change: fn(&mut PushState, Timestamp),
    ) -> Result<()> {
        let parts = &self.shared.parts;
        let now = parts.clock.now();
        let policy = parts.settings.policy(&state.key, now);
        let change = move |state: &mut FeedState| {
            let mut pushes = state.memory.pushes.iter_mut();
            if let Some(push) = pushes.find(|push| push.callback_token == token) {
                change(push, now);
            }
            schedule::unstretched(state, &policy, now);
        };
        parts.store.update_feed(state.id, Box::new(change)).await
    }

    /// Posts to a hub of `feed` within its host's politeness, and the way that the feed itself is asked.
    async fn ask(
        &self,
        feed: &str,
        hub: &Url,
        form: &[(&str, &str)],
        slot: fetch::Slot,
    ) -> std::result::Result<(), HubRefusal> {
        let parts = &self.shared.parts;
        let now = parts.clock.now();
        let fetcher = parts.fetcher.by_way_of(feed);
        let answer = fetcher.post_form(hub, form, now).await;
        let signal = match &answer {
            Ok(answer) if answer.status == 429 => Signal::Throttled(answer.retry_after),
            Ok(_) => Signal::Answered,
            Err(trouble) if trouble.class.is_unreachable() => Signal::Unreachable,
            Err(_) => Signal::Answered,
        };
        parts.hosts.finish(slot, parts.clock.now(), signal);
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(HubRefusal {
                status: Some(answer.status),
                text: said(&answer.body),
                retry_after: answer.retry_after,
            }),
            Err(trouble) => Err(HubRefusal {
                status: trouble.status,
                text: trouble.text,
                retry_after: None,
            }),
        }
    }
}

/// Why a hub did not take a request.
#[derive(Debug)]
struct HubRefusal {
    #[expect(dead_code, reason = "read by the log, through Debug")]
    status: Option<u16>,
    #[expect(dead_code, reason = "read by the log, through Debug")]
    text: String,
    retry_after: Option<Duration>,
}

/// The first words of a refusal (R6.4), up to where it repeats our callback: whoever knows that may speak for the hub.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.split("websub").next().unwrap_or_default();
    text.chars().take(200).collect()
}
