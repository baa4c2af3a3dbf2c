//! WebSub on the publishing side (R6.13–R6.15, facts §6c): the built-in hub takes wishes to be told, proves them, tells
//! them; other hubs are pinged. Everything that must not be lost is a note in the store. Refuses topics that are not ours
//! and anything beyond its bounds; what a caller sent is never echoed.

mod courier;
mod memory;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use url::Url;

use crate::config::{Config, PublishConfig, PublishFormat};
use crate::publish::HubAnswer;
use crate::store::StoreError;

pub use courier::{Courier, Draw, system_challenge};

use super::Releaser;
use memory::{Mode, Wish};

/// Lease when none is asked for (the Recommendation suggests ten days), and the bounds of what is granted.
const LEASE_S: u64 = 10 * 86_400;
const LEASES_S: std::ops::RangeInclusive<u64> = 300..=30 * 86_400;
/// Wishes that wait for their proof, and subscriptions, at most: a flood of wishes must not fill the database.
const MOST_WISHES: usize = 500;
const MOST_SUBSCRIPTIONS: usize = 10_000;
/// Wishes that wait for one host of callbacks: no one host takes all the places.
const MOST_OF_HOST: usize = 50;
/// Longest address of a callback.
const MOST_URL_BYTES: usize = 2_000;
/// `hub.secret` is shorter than this, says the Recommendation.
const SECRET_BYTES: usize = 200;

/// What taking wishes and carrying news share.
#[derive(Default)]
pub(super) struct Bell {
    /// There is something to do.
    pub(super) wake: Notify,
    /// Held while a note is read, judged and written, so that no wish or subscription is overwritten unseen.
    pub(super) desk: Mutex<()>,
}

/// A document that hubs tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    /// On the shelf.
    pub(super) path: String,
    /// Hubs elsewhere.
    pub(super) hubs: Vec<String>,
    /// Whether the built-in hub serves it.
    pub(super) own: bool,
}

/// Topics by address.
pub(super) fn topics(config: &Config) -> BTreeMap<String, Topic> {
    let told = config
        .publish
        .values()
        .filter(|output| !output.hubs.is_empty());
    let each = |output: &PublishConfig| {
        let suffix = |format: &PublishFormat| match format {
            PublishFormat::Atom => Some("atom"),
            PublishFormat::Rss => Some("rss"),
            PublishFormat::Json => Some("json"),
            PublishFormat::Html => None,
        };
        let (own, hubs): (Vec<_>, Vec<_>) =
            output.hubs.iter().cloned().partition(|hub| hub == "self");
        let topic = |suffix: &str| {
            let file = format!("{}.{suffix}", output.name);
            let topic = Topic {
                path: format!("/{file}"),
                hubs: hubs.clone(),
                own: !own.is_empty(),
            };
            (format!("{}{file}", config.http.public_url), topic)
        };
        let suffixes = output.formats.iter().filter_map(suffix);
        suffixes.map(topic).collect::<Vec<_>>()
    };
    told.flat_map(each).collect()
}

impl Releaser {
    /// Takes a wish to be told or to be told no more: 202 before and independent of its proof.
    pub(super) async fn take_wish(&self, form: &[(String, String)]) -> HubAnswer {
        let wish = match self.wish(form) {
            Ok(wish) => wish,
            Err(reason) => return HubAnswer::Refused(reason),
        };
        match self.keep_wish(&wish).await {
            Ok(true) => {
                self.hub.wake.notify_one();
                HubAnswer::Accepted
            }
            Ok(false) => HubAnswer::Busy,
            Err(error) => {
                tracing::error!(error = ?anyhow::Error::from(error), "a WebSub wish could not be kept");
                HubAnswer::Busy
            }
        }
    }

    async fn keep_wish(&self, wish: &Wish) -> Result<bool, StoreError> {
        let store = &self.tools.store;
        let name = wish.note();
        let _desk = self.hub.desk.lock().await;
        let waiting = memory::all::<Wish>(store, memory::WISHES).await?;
        if !waiting.iter().any(|(known, _)| *known == name) {
            let host = |wish: &Wish| {
                Url::parse(&wish.callback)
                    .ok()?
                    .host_str()
                    .map(str::to_owned)
            };
            let ours = host(wish);
            let of_host = waiting.iter().filter(|(_, other)| host(other) == ours);
            if of_host.count() >= MOST_OF_HOST || !self.has_place(wish).await? {
                return Ok(false);
            }
            if waiting.len() >= MOST_WISHES {
                // A wish that has failed a proof makes room: whoever meant it may post it again.
                let failed = waiting.iter().filter(|(_, other)| other.attempts > 0);
                let Some((worst, _)) = failed.max_by_key(|(_, other)| other.attempts) else {
                    return Ok(false);
                };
                store.set_note(worst, None).await?;
            }
        }
        store.set_note(&name, Some(memory::bytes(wish))).await?;
        Ok(true)
    }

    /// Is there room for the subscription? Who has one may always renew it and leave.
    async fn has_place(&self, wish: &Wish) -> Result<bool, StoreError> {
        let store = &self.tools.store;
        let known = store.note(&wish.subscription()).await?.is_some();
        let full = async || {
            let subscribed = store.notes(memory::SUBSCRIPTIONS).await?;
            Ok::<_, StoreError>(subscribed.len() >= MOST_SUBSCRIPTIONS)
        };
        Ok(known || wish.mode == Mode::Unsubscribe || !full().await?)
    }

    /// Unknown parameters are ignored (case 102).
    fn wish(&self, form: &[(String, String)]) -> Result<Wish, &'static str> {
        let field = |name: &str| {
            let found = form.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let mode = match field("hub.mode") {
            Some("subscribe") => Mode::Subscribe,
            Some("unsubscribe") => Mode::Unsubscribe,
            _ => return Err("hub.mode must be subscribe or unsubscribe\n"),
        };
        let topic = field("hub.topic").ok_or("hub.topic is missing\n")?;
        if !topics(&self.config)
            .get(topic)
            .is_some_and(|topic| topic.own)
        {
            return Err("hub.topic is no topic of this hub\n");
        }
        let callback = field("hub.callback")
            .filter(|url| url.len() <= MOST_URL_BYTES)
            .and_then(|url| Url::parse(url).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or("hub.callback is no http address\n")?;
        let secret = field("hub.secret").filter(|secret| !secret.is_empty());
        if secret.is_some_and(|secret| secret.len() >= SECRET_BYTES) {
            return Err("hub.secret is too long\n");
        }
        let lease_s = match field("hub.lease_seconds").map(str::parse::<u64>) {
            None => LEASE_S,
            Some(Ok(asked)) => asked.clamp(*LEASES_S.start(), *LEASES_S.end()),
            Some(Err(_)) => return Err("hub.lease_seconds is no number\n"),
        };
        Ok(Wish {
            mode,
            topic: topic.to_owned(),
            callback: callback.into(),
            secret: secret.map(str::to_owned),
            lease_s,
            attempts: 0,
            next_at: self.tools.clock.now(),
        })
    }
}

/// Wait before attempt number `attempts`: a minute, doubled each time.
fn backoff(attempts: u32) -> Duration {
    Duration::from_secs(60 << attempts.saturating_sub(1).min(6))
}
