//! What the config says of each feed, ready for use: policy, rules, request parts. Made once per config.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::audience::Audience;
use super::digest_times::DigestTimes;
use crate::config::{Auth, Config, FeedConfig, FetchConfig, HubHash, PublishConfig, Secret};
use crate::fetch::{Guard, Readers};
use crate::model::{FeedSpec, FeedState, SubscriberRecord};
use crate::schedule::{Demand, PollPolicy, affordable, at_home};

/// What the config says of one feed.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// When; `digest_at` is filled in at each use.
    policy: PollPolicy,
    /// Rules for its entries, in order.
    pub filters: Vec<String>,
    /// Extra headers.
    headers: Vec<(String, Secret)>,
    /// Credentials.
    auth: Option<Auth>,
    /// Entries shown of a first poll or a flood.
    pub max_new: usize,
    /// Article pages are read.
    pub full_text: bool,
    /// May hubs push it?
    pub websub: bool,
    /// Notice what its publisher takes back?
    pub withdrawals: bool,
    /// Read its archives once?
    pub backfill: bool,
    /// Digests that are its only readers, as indices.
    digests: Vec<usize>,
}

/// Settings of all feeds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settings(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    feeds: HashMap<String, Arc<FeedSettings>>,
    digests: DigestTimes,
    fallback: Arc<FeedSettings>,
    concurrency: usize,
    min_hub_hash: HubHash,
    public_url: Url,
    own: Guard,
    requests_per_day: Option<u32>,
    /// What the budget affords as of late.
    kappa: Mutex<Option<f64>>,
    audience: Option<Audience>,
    /// As last counted, by key.
    readers: Mutex<HashMap<String, u32>>,
}

impl Settings {
    /// From a checked config.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let digests = DigestTimes::of(config);
        let feeds = config.feeds.iter().map(|feed| {
            let mut settings = FeedSettings::of(feed, &config.fetch);
            settings.digests = digests.only_readers(config, feed);
            let draws = |output: &PublishConfig| output.draws(&feed.key, &feed.groups);
            let mut outputs = config.publish.values();
            settings.withdrawals = outputs.any(|output| output.tombstones && draws(output));
            (feed.key.clone(), Arc::new(settings))
        });
        Self(Arc::new(Inner {
            feeds: feeds.collect(),
            digests,
            fallback: Arc::new(FeedSettings::fallback(&config.fetch)),
            concurrency: config.fetch.concurrency.max(1),
            min_hub_hash: config.fetch.min_hub_hash,
            public_url: config.http.public_url.clone(),
            own: Guard::new(config.fetch.allow_networks.iter().copied()),
            requests_per_day: config.fetch.requests_per_day,
            kappa: Mutex::default(),
            audience: Audience::of(config),
            readers: Mutex::default(),
        }))
    }

    /// Requests in flight.
    pub(super) fn concurrency(&self) -> usize {
        self.0.concurrency
    }

    /// The weakest hash that a hub's signature may have.
    pub(super) fn min_hub_hash(&self) -> HubHash {
        self.0.min_hub_hash
    }

    /// Keys of the feeds whose archives are to be read.
    pub(super) fn backfilling(&self) -> Vec<String> {
        let feeds = self.0.feeds.iter().filter(|(_, feed)| feed.backfill);
        let mut keys: Vec<String> = feeds.map(|(key, _)| key.clone()).collect();
        keys.sort();
        keys
    }

    /// Where `hub` can reach us: anyone over https, over http only a hub inside the operator's own networks.
    pub(super) fn callback(&self, hub: &Url, token: &str) -> Option<String> {
        let base = &self.0.public_url;
        (base.scheme() == "https" || self.0.own.is_own(hub))
            .then(|| format!("{base}websub/{token}"))
    }

    /// Does the config name the feed with `key`? One that it does not is not ours to poll: we know neither its rules nor
    /// how it wants to be asked.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.0.feeds.contains_key(key)
    }

    /// Of the feed with `key`; those of `[fetch]` for one that left the config a moment ago.
    pub(super) fn feed(&self, key: &str) -> &Arc<FeedSettings> {
        self.0.feeds.get(key).unwrap_or(&self.0.fallback)
    }

    /// The feed's policy as it stands at `now`.
    #[must_use]
    pub fn policy(&self, key: &str, now: Timestamp) -> PollPolicy {
        let feed = self.feed(key);
        PollPolicy {
            digest_at: self.0.digests.next(&feed.digests, now),
            kappa: self.budget().and_then(|_| *self.kappa()),
            ..feed.policy.clone()
        }
    }

    /// Requests a day that all polls together may cost.
    #[must_use]
    pub fn budget(&self) -> Option<u32> {
        self.0.requests_per_day
    }

    /// Makes the budget last for `feeds`: from now on policies go by what it affords. Does nothing where there is none.
    pub fn ration(&self, feeds: &[FeedState], now: Timestamp) {
        let Some(budget) = self.budget() else {
            return;
        };
        let known = feeds.iter().filter(|state| self.knows(&state.key));
        let demands: Vec<Demand> = known
            .filter_map(|state| Demand::of(state, &self.policy(&state.key, now), now))
            .collect();
        *self.kappa() = Some(affordable(&demands, f64::from(budget)));
    }

    /// Digests whose subscribers are to be counted for publishers.
    pub(super) fn counted_digests(&self) -> Vec<String> {
        let audience = self.0.audience.as_ref();
        audience.map(Audience::digests).unwrap_or_default()
    }

    /// Counts readers anew, from the subscribers of [`Self::counted_digests`].
    pub(super) fn count_readers(&self, subscribers: &[Vec<SubscriberRecord>]) {
        if let Some(audience) = &self.0.audience {
            *held(&self.0.readers) = audience.count(subscribers);
        }
    }

    /// What the feed's publisher is told of its readers: nothing where there is none.
    pub(super) fn readers(&self, feed: &FeedState) -> Option<Readers> {
        self.0.audience.as_ref()?;
        let subscribers = *held(&self.0.readers).get(&feed.key)?;
        (subscribers > 0).then_some(Readers {
            subscribers,
            feed_id: feed.id.0,
        })
    }

    fn kappa(&self) -> MutexGuard<'_, Option<f64>> {
        held(&self.0.kappa)
    }
}

fn held<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FeedSettings {
    /// The headers and credentials that a request to `url` may carry: those of the config, where the feed's publisher has
    /// not moved it away from where the config has it.
    pub(super) fn proofs(
        &self,
        configured_url: &str,
        url: &Url,
    ) -> (Vec<(String, Secret)>, Option<Auth>) {
        if at_home(configured_url, url.as_str()) {
            (self.headers.clone(), self.auth.clone())
        } else {
            (Vec::new(), None)
        }
    }

    fn of(feed: &FeedConfig, fetch: &FetchConfig) -> Self {
        Self {
            policy: PollPolicy {
                floor: feed.interval,
                weight: f64::from(feed.weight) / 100.0,
                rooted: feed.auth.is_some() || !feed.headers.is_empty(),
                ..Self::fallback(fetch).policy
            },
            filters: feed.filters.clone(),
            headers: feed.headers.clone(),
            auth: feed.auth.clone(),
            max_new: feed.max_new,
            full_text: feed.full_text,
            websub: feed.websub,
            withdrawals: false,
            backfill: feed.backfill,
            digests: Vec::new(),
        }
    }

    fn fallback(fetch: &FetchConfig) -> Self {
        let policy = PollPolicy {
            floor: fetch.interval,
            ceiling: fetch.max_interval,
            adaptive: fetch.adaptive,
            weight: 1.0,
            kappa: None,
            digest_at: None,
            rooted: false,
        };
        let (filters, headers) = (Vec::new(), Vec::new());
        Self {
            policy,
            filters,
            headers,
            auth: None,
            max_new: fetch.max_new,
            full_text: false,
            websub: false,
            withdrawals: false,
            backfill: false,
            digests: Vec::new(),
        }
    }
}

/// When feeds that the store has never seen are polled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstPolls {
    /// At once: the operator waits for them.
    AtOnce,
    /// An import of many is spread at one a second over up to its interval (R5.7).
    Spread,
}

/// So few first polls that nobody has to spread them.
const FEW: usize = 16;

/// The config's feeds as the store keeps them.
#[must_use]
pub fn feed_specs(config: &Config, first: FirstPolls) -> Vec<FeedSpec> {
    let foreign = config.feeds.iter().filter(|feed| !feed.is_own()).count();
    let spread = match first {
        FirstPolls::Spread if foreign > FEW => {
            Duration::from_secs(u64::try_from(foreign).unwrap_or(u64::MAX))
        }
        _ => Duration::ZERO,
    };
    let spec = |feed: &FeedConfig| FeedSpec {
        key: feed.key.clone(),
        url: feed.url.value.to_string(),
        title: feed.title.clone(),
        groups: feed.groups.clone(),
        priority: feed.priority,
        enabled: feed.enabled,
        spread: if feed.is_own() {
            Duration::ZERO
        } else {
            spread.min(feed.interval)
        },
    };
    config.feeds.iter().map(spec).collect()
}
