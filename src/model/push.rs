//! Push as values: what a hub asks and brings, what it is answered, and how the state of a subscription survives a poll
//! that was under way while a hub spoke.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{FeedId, PollMemory};

/// Delivered entries that wait for a poll to confirm them (R6.11).
const DELIVERED: usize = 512;

/// WebSub subscriber state of a feed at one hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PushState {
    /// Hub asked.
    pub hub_url: String,
    /// Topic subscribed to.
    pub topic_url: String,
    /// Last path segment of our callback: the feed's row and 128 random bits, hex.
    pub callback_token: String,
    /// HMAC secret, hex; only where the hub is https.
    pub secret: Option<String>,
    /// `pending`, `verified`, `denied`, `failed`, `leaving`.
    pub status: String,
    /// When the present status began.
    pub since_at: Timestamp,
    /// End of the lease, when verified.
    pub lease_until: Option<Timestamp>,
    /// When to ask (again).
    pub next_request_at: Option<Timestamp>,
    /// Deliveries that passed their signature.
    pub deliveries: u64,
    /// True once a later poll confirmed a delivery (R6.11).
    pub proven: bool,
    /// Requests refused in a row.
    pub failures: u32,
    /// Short hashes of delivered entries that no poll has confirmed yet.
    pub delivered: Vec<u32>,
    /// A renewal under way; the present callback holds until the hub has confirmed it (R6.8).
    pub renewal: Option<PushRenewal>,
}

/// A subscription asked for while another one holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRenewal {
    /// Hub asked.
    pub hub_url: String,
    /// Topic asked for.
    pub topic_url: String,
    /// Its callback.
    pub callback_token: String,
    /// Its secret.
    pub secret: Option<String>,
}

impl PushState {
    /// Does the lease run at `now`?
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.status == "verified" && self.lease_until.is_some_and(|until| until > now)
    }

    /// Was the hub given the callback `token`, confirmed or not?
    #[must_use]
    pub fn has_given(&self, token: &str) -> bool {
        let renewal = self.renewal.as_ref();
        self.callback_token == token
            || renewal.is_some_and(|renewal| renewal.callback_token == token)
    }

    /// Remembers entries that the hub brought.
    pub fn brought(&mut self, marks: impl IntoIterator<Item = u32>) {
        self.deliveries += 1;
        self.delivered.extend(marks);
        let surplus = self.delivered.len().saturating_sub(DELIVERED);
        self.delivered.drain(..surplus);
    }

    /// False when the hub brought more than is remembered: then an entry that is not among it may still have been.
    #[must_use]
    pub fn remembers_all(&self) -> bool {
        self.delivered.len() < DELIVERED
    }

    /// What is stored, with what a poll concluded from an earlier reading of it: hubs speak while a poll is under way,
    /// and what they said must not be undone by its commit. What the last document holds is confirmed.
    #[must_use]
    pub fn after_poll(mut stored: Vec<Self>, polled: &PollMemory) -> Vec<Self> {
        for push in &mut stored {
            let confirmed = |mark: &u32| polled.window.binary_search(mark).is_ok();
            push.delivered.retain(|mark| !confirmed(mark));
            let mut judged = polled.pushes.iter();
            if let Some(judged) = judged.find(|judged| judged.callback_token == push.callback_token)
            {
                push.take_judgement(judged);
            }
        }
        stored
    }

    fn take_judgement(&mut self, judged: &Self) {
        if self.proven && !judged.proven {
            self.next_request_at = judged.next_request_at;
            self.delivered.clear();
        }
        self.proven = judged.proven && self.status == "verified";
    }
}

/// Stored before a feed could have two subscriptions, there is one, and no list.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PushState>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        More(Vec<PushState>),
        One(Box<PushState>),
    }
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::More(pushes) => pushes,
        OneOrMore::One(push) => vec![*push],
    })
}

/// A hub's question about a subscription (R6.6), or its refusal (R6.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushQuestion {
    /// `hub.mode`.
    pub mode: String,
    /// `hub.topic`.
    pub topic: String,
    /// `hub.challenge`.
    pub challenge: Option<String>,
    /// `hub.lease_seconds`.
    pub lease_s: Option<u64>,
}

/// What the hub is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushAnswer {
    /// We asked for this: the challenge comes back.
    Confirm(String),
    /// Heard.
    Heard,
    /// We did not.
    Unknown,
}

/// What a hub brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushDelivery {
    /// As sent.
    pub body: Bytes,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `X-Hub-Signature`.
    pub signature: Option<String>,
}

/// A delivery that waits to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Row identity; ascends in the order of arrival.
    pub id: i64,
    /// Whose.
    pub feed: FeedId,
    /// The callback that it came to.
    pub token: String,
    /// How often it was taken to be read, this time included.
    pub tries: u32,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// As sent.
    pub body: Bytes,
}

/// What may wait to be read, in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryRoom {
    /// Deliveries.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushReceipt {
    /// Stored for good, to be read.
    Taken,
    /// Too much waits to be read: the hub may try again later.
    Full,
    /// Its signature is wrong or missing (R6.10).
    Refused,
    /// Nobody here listens (any more).
    Gone,
    /// Ours: the store failed; the hub may try again.
    Failed,
}

/// A future of an answer.
pub type PushFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who answers hubs. Implemented by the polling flow and handed to the server by the daemon, so that the two flows need
/// not know each other.
pub trait Pushes: Send + Sync {
    /// A hub asks whether we want what it thinks we want.
    fn asked<'a>(&'a self, token: &'a str, question: PushQuestion) -> PushFuture<'a, PushAnswer>;
    /// A hub brings a document.
    fn brought<'a>(&'a self, token: &'a str, delivery: PushDelivery)
    -> PushFuture<'a, PushReceipt>;
}
