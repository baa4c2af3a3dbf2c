//! Politeness: one object per host. Takes requests to start and what came of them, gives leave or the instant before
//! which nobody asks that host. Pure but for its lock: time and randomness come in. Refuses nothing for ever.

mod outage;
mod policy;
mod rate;
mod record;
mod shown;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use url::Url;

use crate::config::{FeedConfig, FetchConfig};
use crate::model::HostState;
use outage::Outage;
use policy::Policy;
pub use policy::{HostGaps, host_key};
use rate::Rate;
use record::Record;
pub use shown::wait_for_hosts;

/// What came of a request, as far as the host is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It answered, well or badly.
    Answered,
    /// 429, with its Retry-After.
    Throttled(Option<Duration>),
    /// 503, with its Retry-After.
    Unavailable(Option<Duration>),
    /// 403: sometimes a rate limit in disguise.
    Forbidden,
    /// No name, no connection, no TLS, no answer in time.
    Unreachable,
    /// HTTP/2 broke.
    Http2Broken,
}

/// A signal with what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// What came of it.
    pub signal: Signal,
    /// 304.
    pub not_modified: bool,
    /// Bytes on the wire.
    pub received_bytes: u64,
}

impl From<Signal> for Feedback {
    fn from(signal: Signal) -> Self {
        Self {
            signal,
            not_modified: false,
            received_bytes: 0,
        }
    }
}

/// Why a host is not asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostWait {
    /// Requests to it are spaced.
    Gap,
    /// As many as allowed are in flight; the instant is a guess, [`Hosts::released`] is sharper.
    Busy,
    /// It asked for rest.
    Gate,
    /// It failed too often in a row.
    Breaker,
    /// Our own network seems down.
    Offline,
    /// As many requests as allowed have started within a second, over all hosts.
    Rate,
}

/// Leave to start a request, or not.
#[derive(Debug)]
pub enum Start {
    /// Go; hand the slot back to [`Hosts::finish`].
    Now(Slot),
    /// Not before this.
    NotBefore(Timestamp, HostWait),
}

/// One request in flight. Dropped without [`Hosts::finish`] it frees its place and teaches nothing.
#[derive(Debug)]
pub struct Slot {
    hosts: Hosts,
    key: Option<String>,
    url: String,
    own: bool,
}

impl Slot {
    /// Is it leave for the host of `url`?
    pub(super) fn is_of(&self, url: &Url) -> bool {
        self.key.is_some() && self.key == host_key(url)
    }

    /// As [`Hosts::finish`].
    pub(super) fn finish(self, now: Timestamp, signal: Signal) {
        let hosts = self.hosts.clone();
        hosts.finish(self, now, signal);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            if let Some(record) = self.hosts.lock().records.get_mut(key) {
                record.in_flight = record.in_flight.saturating_sub(1);
            }
            self.hosts.shared.released.notify_waiters();
        }
    }
}

/// What a finished request changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The host's state to store; none for a local file.
    pub state: Option<HostState>,
    /// False while our own network is down: the failure is not the feed's.
    pub counts: bool,
}

/// All hosts; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hosts {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    released: Notify,
}

#[derive(Debug)]
struct Inner {
    policy: Policy,
    records: HashMap<String, Record>,
    outage: Outage,
    rate: Rate,
}

impl Hosts {
    /// No host known yet.
    #[must_use]
    pub fn new(config: &FetchConfig, feeds: &[FeedConfig]) -> Self {
        let inner = Inner {
            policy: Policy::new(config, feeds),
            records: HashMap::new(),
            outage: Outage::default(),
            rate: Rate::default(),
        };
        Self {
            shared: Arc::new(Shared {
                inner: Mutex::new(inner),
                released: Notify::new(),
            }),
        }
    }

    /// Takes a reloaded config; what is known of the hosts stays.
    pub fn reconfigure(&self, config: &FetchConfig, feeds: &[FeedConfig]) {
        self.lock().policy = Policy::new(config, feeds);
    }

    /// Takes what the store remembers, or what a jump of the clock made of it; requests in flight stay counted.
    pub fn load(&self, states: Vec<HostState>) {
        let mut inner = self.lock();
        for state in states {
            match inner.records.get_mut(&state.host) {
                Some(record) => record.state = state,
                None => drop(inner.records.insert(state.host.clone(), Record::of(state))),
            }
        }
    }

    /// Takes what other processes learned meanwhile: nothing is asked before any of them may.
    pub fn merge(&self, states: Vec<HostState>) {
        let mut inner = self.lock();
        for state in states {
            match inner.records.get_mut(&state.host) {
                Some(record) => record.state.merge(&state),
                None => drop(inner.records.insert(state.host.clone(), Record::of(state))),
            }
        }
    }

    /// What the store is to remember, and what people may see.
    #[must_use]
    pub fn states(&self) -> Vec<HostState> {
        let mut states: Vec<_> = self
            .lock()
            .records
            .values()
            .map(|record| record.state.clone())
            .collect();
        states.sort_by(|a, b| a.host.cmp(&b.host));
        states
    }

    /// Hosts whose HTTP/2 broke, and until when they are spoken to without it (R2.24).
    #[must_use]
    pub fn without_http2(&self) -> Vec<(String, Timestamp)> {
        let inner = self.lock();
        let records = inner.records.values();
        records
            .filter_map(|record| Some((record.state.host.clone(), record.state.http1_until?)))
            .collect()
    }

    /// What was learned since the last call: for the store, from time to time.
    #[must_use]
    pub fn take_changed(&self) -> Vec<HostState> {
        let mut inner = self.lock();
        let changed = inner.records.values_mut().filter(|record| record.changed);
        changed
            .map(|record| {
                record.changed = false;
                record.state.clone()
            })
            .collect()
    }

    /// Leave to ask `url` at `now`. `draw` in [0, 1) is the jitter of the gap after this request, in seconds.
    #[must_use]
    pub fn try_start(&self, url: &Url, now: Timestamp, draw: f64) -> Start {
        let Some(key) = host_key(url) else {
            return Start::Now(Slot {
                hosts: self.clone(),
                key: None,
                url: String::new(),
                own: true,
            });
        };
        let mut inner = self.lock();
        let own = inner.policy.is_own(url);
        match inner.start(&key, own, now, draw) {
            Some((at, wait)) => Start::NotBefore(at, wait),
            None => Start::Now(Slot {
                hosts: self.clone(),
                key: Some(key),
                url: url.to_string(),
                own,
            }),
        }
    }

    /// Learns what came of the request of `slot`.
    pub fn finish(&self, slot: Slot, now: Timestamp, feedback: impl Into<Feedback>) -> Finished {
        let Some(key) = &slot.key else {
            return Finished {
                state: None,
                counts: true,
            };
        };
        self.lock()
            .learn((key, &slot.url), slot.own, now, feedback.into())
    }

    /// Forgets the gate and the breaker of `host`: for an operator who knows better, never for an impatient poll.
    pub fn clear(&self, host: &str) {
        if let Some(record) = self.lock().records.get_mut(host) {
            record.clear();
        }
    }

    /// True while most hosts fail: it is our network, not theirs.
    #[must_use]
    pub fn offline(&self, now: Timestamp) -> bool {
        self.lock().outage.is_down(now)
    }

    /// Once after each outage of our own network: since when we were cut off.
    #[must_use]
    pub fn take_recovery(&self) -> Option<Timestamp> {
        self.lock().outage.take_recovery()
    }

    /// Waits until some request ends.
    pub async fn released(&self) {
        self.shared.released.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn start(
        &mut self,
        key: &str,
        own: bool,
        now: Timestamp,
        draw: f64,
    ) -> Option<(Timestamp, HostWait)> {
        if !own && let Some(at) = self.outage.probe_at(now) {
            return Some((at, HostWait::Offline));
        }
        let record = self
            .records
            .entry(key.to_owned())
            .or_insert_with(|| Record::new(key));
        let gap = if own {
            Duration::ZERO
        } else {
            record.gap(self.policy.gaps.of(key))
        };
        if let Some(wait) = record.wait(now, gap, self.policy.per_host, own) {
            return Some(wait);
        }
        // The operator's own servers have no strangers' patience to spare.
        if !own {
            if let Some(at) = self.rate.turn(now, self.policy.starts_per_second) {
                return Some((at, HostWait::Rate));
            }
            self.rate.started(now);
            self.outage.probed(now);
        }
        record.started(now, draw);
        None
    }

    /// Of a host that failed: is it one that was reached before, and how many such are there?
    fn standing(&self, key: &str) -> outage::Standing {
        let is_dead =
            |record: &&Record| record.state.failures > 0 && !self.outage.doubts(&record.state.host);
        let dead = self.records.values().filter(is_dead).count();
        outage::Standing {
            living: self.records.get(key).is_none_or(|record| !is_dead(&record)),
            all_living: self.policy.foreign.saturating_sub(dead),
        }
    }

    fn learn(
        &mut self,
        (key, url): (&str, &str),
        own: bool,
        now: Timestamp,
        feedback: Feedback,
    ) -> Finished {
        let reached = feedback.signal != Signal::Unreachable;
        if !own && reached {
            self.outage.reached(key, now);
        } else if !own {
            // The failures that showed us to be cut off were ours too.
            for (host, failures) in self.outage.failed(key, self.standing(key), now) {
                if let Some(record) = self.records.get_mut(&host) {
                    record.forgive(failures);
                }
            }
        }
        let counts = reached || own || !self.outage.is_down(now);
        let gap = self.policy.gaps.of(key);
        let record = self
            .records
            .entry(key.to_owned())
            .or_insert_with(|| Record::new(key));
        record.count(feedback);
        if counts {
            record.learn(url, own, gap, (now, feedback.signal));
        }
        Finished {
            state: Some(record.state.clone()),
            counts,
        }
    }
}
