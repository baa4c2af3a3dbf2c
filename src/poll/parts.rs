//! What a poller is built from: the stages ready made, the clock, the draw, and who is told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use url::Url;

use super::Settings;
use crate::clock::Clock;
use crate::fetch::{Fetcher, Hosts, Slot, Start};
use crate::filter::Rules;
use crate::schedule::Draw;
use crate::store::Store;
use crate::story::Matcher;
use crate::telemetry::Metrics;

/// Shortest nap while a host is waited for.
const LEAST_NAP: Duration = Duration::from_millis(20);

/// What a poller is built from.
pub struct Parts {
    /// Where feeds, claims and commits live.
    pub store: Store,
    /// Makes exchanges.
    pub fetcher: Fetcher,
    /// Politeness per host; shared with whoever else asks hosts.
    pub hosts: Hosts,
    /// Rules for entries on their way in.
    pub rules: Rules,
    /// Rules of identity.
    pub matcher: Matcher,
    /// Policies by feed.
    pub settings: Settings,
    /// Wall time.
    pub clock: Clock,
    /// Counts.
    pub metrics: Metrics,
    /// Woken when something that readers see may have changed.
    pub touched: Arc<Notify>,
    /// Randomness: a number in 0..1 at each call.
    pub draw: Arc<dyn Fn() -> Draw + Send + Sync>,
}

impl Parts {
    /// Waits for leave of the host of `url`; none where the host would make it wait for longer than `patience` at once.
    pub(super) async fn leave(&self, url: &Url, patience: Duration) -> Option<Slot> {
        loop {
            let now = self.clock.now();
            match self.hosts.try_start(url, now, (self.draw)()) {
                Start::Now(slot) => return Some(slot),
                Start::NotBefore(at, _) => {
                    let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                    if wait > patience {
                        return None;
                    }
                    tokio::time::sleep(wait.max(LEAST_NAP)).await;
                }
            }
        }
    }
}

/// A draw from the randomness that the standard library seeds its hash maps with.
#[must_use]
pub fn system_draw() -> Draw {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::hash::RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}
