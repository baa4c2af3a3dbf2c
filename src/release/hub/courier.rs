//! The flow that carries news out: proofs of wishes, deliveries to subscribers, pings to other hubs. What is to be done
//! follows from the notes and the shelf alone, so nothing is lost by a crash and at most one delivery is repeated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::memory::{self, Mode, Subscription, Told, Wish};
use super::{Bell, Topic, backoff};
use crate::fetch::{Delivery, Fetcher};
use crate::publish::Document;
use crate::release::{Releaser, Tools};
use crate::store::StoreError;

/// Least time between two deliveries or pings of one topic (R6.15).
const REST: Duration = Duration::from_secs(60);
/// What a callback may take.
const CALLBACK: Duration = Duration::from_secs(5);
/// Attempts of a proof, and of a delivery or ping, before it is given up.
const PROOFS: u32 = 3;
const DELIVERIES: u32 = 8;
/// Exchanges at once, and in one round: callbacks that hang hold up the others for less than a minute.
const AT_ONCE: usize = 8;
const IN_ROUND: usize = 64;
/// A look at leases and waits when nothing wakes the flow.
const LOOK: Duration = Duration::from_secs(30);

/// See the module's first lines.
pub struct Courier {
    tools: Tools,
    fetcher: Fetcher,
    topics: BTreeMap<String, Topic>,
    bell: Arc<Bell>,
    draw: Draw,
}

/// Unpredictable bytes for one challenge; none when the system has none, and then nothing is proven.
pub type Draw = fn() -> Option<[u8; 32]>;

/// The system's own.
#[must_use]
pub fn system_challenge() -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok().map(|()| bytes)
}

impl Courier {
    /// Carries for `releaser`, through `fetcher`, whose guard keeps callbacks out of the inside network.
    #[must_use]
    pub fn new(releaser: &Releaser, fetcher: Fetcher, draw: Draw) -> Self {
        Self {
            tools: releaser.tools.clone(),
            fetcher,
            topics: super::topics(&releaser.config),
            bell: Arc::clone(&releaser.hub),
            draw,
        }
    }

    /// Carries until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.carry_on(&stop).await {
                tracing::error!(error = ?anyhow::Error::from(error), "WebSub could not be carried on");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.bell.wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Everything that is due now, once.
    ///
    /// # Errors
    /// The store's; what others answer is never an error of ours.
    pub async fn round(&self) -> Result<(), StoreError> {
        self.carry_on(&CancellationToken::new()).await
    }

    /// A round that begins nothing more once `stop` is asked for; the exchanges under way end within their deadlines.
    async fn carry_on(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let (proven, delivered, pinged) =
            tokio::join!(self.prove(stop), self.deliver(stop), self.ping(stop));
        proven.and(delivered).and(pinged)
    }

    fn document(&self, topic: &str) -> Option<Arc<Document>> {
        let topic = self.topics.get(topic)?;
        self.tools.shelf.get(&topic.path)
    }

    async fn prove(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let now = self.tools.clock.now();
        let wishes = memory::all::<Wish>(&self.tools.store, memory::WISHES).await?;
        let due = wishes.into_iter().filter(|(_, wish)| wish.next_at <= now);
        let due = self.first(due.collect(), |wish| wish.next_at);
        let mut proofs = Vec::new();
        for (name, wish) in due {
            proofs.push(async move {
                let proven = self.is_proven(&wish, now).await;
                self.settle_wish((name, wish), proven, now).await
            });
        }
        settled(proofs, stop).await
    }

    /// Asks the callback to repeat a challenge made for this one question.
    async fn is_proven(&self, wish: &Wish, now: Timestamp) -> bool {
        let Ok(mut url) = Url::parse(&wish.callback) else {
            return false;
        };
        let Some(nonce) = (self.draw)() else {
            return false;
        };
        let challenge = blake3::Hash::from(nonce).to_hex();
        let mode = match wish.mode {
            Mode::Subscribe => "subscribe",
            Mode::Unsubscribe => "unsubscribe",
        };
        url.query_pairs_mut()
            .append_pair("hub.mode", mode)
            .append_pair("hub.topic", &wish.topic)
            .append_pair("hub.challenge", &challenge);
        if wish.mode == Mode::Subscribe {
            let lease = wish.lease_s.to_string();
            url.query_pairs_mut()
                .append_pair("hub.lease_seconds", &lease);
        }
        let answered = tokio::time::timeout(CALLBACK, self.fetcher.get_directly(&url, now)).await;
        matches!(answered, Ok(Ok(answer))
            if (200..300).contains(&answer.status) && answer.body == challenge.as_bytes())
    }

    async fn settle_wish(
        &self,
        (name, wish): (String, Wish),
        proven: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let store = &self.tools.store;
        let _desk = self.bell.desk.lock().await;
        // Posted anew while this one was being proven: that one has a proof of its own before it.
        if store.note(&name).await? != Some(memory::bytes(&wish)) {
            return Ok(());
        }
        if !proven {
            let attempts = wish.attempts + 1;
            let next_at = now + backoff(attempts);
            let again = Wish {
                attempts,
                next_at,
                ..wish
            };
            let kept = (attempts < PROOFS).then(|| memory::bytes(&again));
            return store.set_note(&name, kept).await;
        }
        let place = wish.subscription();
        let subscription = match wish.mode {
            Mode::Unsubscribe => None,
            Mode::Subscribe => {
                let told = self
                    .document(&wish.topic)
                    .map(|document| document.etag.clone());
                Some(memory::bytes(&Subscription {
                    lease_until: now + Duration::from_secs(wish.lease_s),
                    topic: wish.topic,
                    callback: wish.callback,
                    secret: wish.secret,
                    told,
                    attempts: 0,
                    next_at: now,
                }))
            }
        };
        store.set_note(&place, subscription).await?;
        store.set_note(&name, None).await
    }

    async fn deliver(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let now = self.tools.clock.now();
        let known = memory::all::<Subscription>(&self.tools.store, memory::SUBSCRIPTIONS).await?;
        let (lasting, ended): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|(_, subscription)| subscription.lease_until > now);
        for (name, _) in ended {
            self.settle_subscription(&name, |now_kept| {
                Some(now_kept).filter(|kept| kept.lease_until > now)
            })
            .await?;
        }
        let due = lasting.into_iter().filter(|(_, subscription)| {
            let document = self.document(&subscription.topic);
            document.is_some_and(|new| is_news(subscription, &new, now))
        });
        let due = self.first(due.collect(), |subscription| subscription.next_at);
        let carried = due.into_iter().filter_map(|(name, subscription)| {
            let document = self.document(&subscription.topic)?;
            Some(self.carry((name, subscription), document, now))
        });
        settled(carried.collect(), stop).await
    }

    /// Those that have waited longest; the others in a round that follows at once.
    fn first<T>(
        &self,
        mut due: Vec<(String, T)>,
        next_at: impl Fn(&T) -> Timestamp,
    ) -> Vec<(String, T)> {
        if due.len() > IN_ROUND {
            due.sort_by_key(|(_, one)| next_at(one));
            due.truncate(IN_ROUND);
            self.bell.wake.notify_one();
        }
        due
    }

    /// Changes a subscription as it is now: it may have been renewed or ended while its callback was spoken to.
    async fn settle_subscription(
        &self,
        name: &str,
        change: impl FnOnce(Subscription) -> Option<Subscription>,
    ) -> Result<(), StoreError> {
        let _desk = self.bell.desk.lock().await;
        let note = self.tools.store.note(name).await?;
        let Some(kept) = note.and_then(|note| serde_json::from_slice(&note).ok()) else {
            return Ok(());
        };
        let changed = change(kept).map(|changed| memory::bytes(&changed));
        self.tools.store.set_note(name, changed).await
    }

    /// The whole document, with its links, signed when there is a secret. 410 ends the subscription; other failures
    /// do not, since it was granted until the end of its lease.
    async fn carry(
        &self,
        (name, subscription): (String, Subscription),
        document: Arc<Document>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let delivery = Delivery {
            content_type: document.content_type,
            body: document.identity.clone(),
            links: &document.links,
            signature: subscription
                .secret
                .as_deref()
                .map(|secret| signature(secret, &document.identity)),
        };
        let status = match Url::parse(&subscription.callback) {
            Ok(url) => {
                let posted = self.fetcher.post_body(&url, delivery, now);
                match tokio::time::timeout(CALLBACK, posted).await {
                    Ok(Ok(answer)) => Some(answer.status),
                    _ => None,
                }
            }
            Err(_) => Some(410),
        };
        let (tag, attempts) = (document.etag.clone(), subscription.attempts + 1);
        let next = match status {
            Some(410) => None,
            Some(200..300) => Some((Some(tag), 0, now + REST)),
            _ if attempts >= DELIVERIES => Some((Some(tag), 0, now + REST)),
            _ => Some((subscription.told.clone(), attempts, now + backoff(attempts))),
        };
        self.settle_subscription(&name, |kept| {
            let (told, attempts, next_at) = next?;
            Some(Subscription {
                told,
                attempts,
                next_at,
                ..kept
            })
        })
        .await
    }

    async fn ping(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let now = self.tools.clock.now();
        let known: BTreeMap<String, Told> = memory::all(&self.tools.store, memory::TOLD)
            .await?
            .into_iter()
            .collect();
        let mut due = Vec::new();
        for (url, topic) in &self.topics {
            let Some(document) = self.tools.shelf.get(&topic.path) else {
                continue;
            };
            for hub in &topic.hubs {
                let name = memory::told(url, hub);
                let told = known.get(&name).cloned().unwrap_or_default();
                if told.tag != document.etag && told.next_at <= now {
                    let news = (url.clone(), hub.clone(), document.etag.clone());
                    due.push(self.tell((name, told), news, now));
                }
            }
        }
        settled(due, stop).await
    }

    /// `hub.url` and `hub.topic`, as some hubs read the one and some the other.
    async fn tell(
        &self,
        (name, told): (String, Told),
        (topic, hub, tag): (String, String, String),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let form = [
            ("hub.mode", "publish"),
            ("hub.url", topic.as_str()),
            ("hub.topic", topic.as_str()),
        ];
        let heard = match Url::parse(&hub) {
            Ok(hub) => self.fetcher.post_form(&hub, &form, now).await,
            Err(_) => return Ok(()),
        };
        let heard = heard.is_ok_and(|answer| (200..300).contains(&answer.status));
        let attempts = told.attempts + 1;
        let next = if heard || attempts >= DELIVERIES {
            Told {
                tag,
                attempts: 0,
                next_at: now + REST,
            }
        } else {
            tracing::warn!(server.address = ?hub, attempt = attempts, "a hub did not take a ping");
            Told {
                attempts,
                next_at: now + backoff(attempts),
                ..told
            }
        };
        self.tools
            .store
            .set_note(&name, Some(memory::bytes(&next)))
            .await
    }
}

fn is_news(subscription: &Subscription, document: &Document, now: Timestamp) -> bool {
    subscription.next_at <= now && subscription.told.as_ref() != Some(&document.etag)
}

/// A few at a time, none begun after `stop`; the first error of the store is told once all have ended.
async fn settled<F>(tasks: Vec<F>, stop: &CancellationToken) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let ended: Vec<_> = futures_util::stream::iter(tasks)
        .take_until(stop.cancelled())
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    ended.into_iter().collect()
}

/// `X-Hub-Signature` of a body.
fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body);
    let hex = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256={}", hex.collect::<String>())
}
