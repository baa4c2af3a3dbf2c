//! When the next poll could change what is served, for `max-age`: asked from the store at most every few seconds, since
//! polls that change nothing move it on without any rendering.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;
use crate::publish::max_age_s;
use crate::store::Store;

/// Seconds for which an answer of the store is good.
const GOOD_S: i64 = 10;
/// No feed is due.
const NEVER: i64 = i64::MAX;

/// The last answer of the store.
#[derive(Debug)]
pub struct Polls {
    asked_at: AtomicI64,
    next_at: AtomicI64,
}

impl Default for Polls {
    fn default() -> Self {
        Self {
            asked_at: AtomicI64::new(i64::MIN),
            next_at: AtomicI64::new(NEVER),
        }
    }
}

impl Polls {
    /// Seconds that readers may keep a document from now on. One request in ten seconds asks the store; one that fails
    /// to answer costs nobody a document.
    pub(super) async fn max_age_s(&self, store: &Store, clock: &Clock) -> u64 {
        let now = clock.now();
        let asked_at = self.asked_at.load(Ordering::Relaxed);
        let stale = !(0..GOOD_S).contains(&now.as_second().saturating_sub(asked_at));
        let mine = stale
            && self
                .asked_at
                .compare_exchange(
                    asked_at,
                    now.as_second(),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if mine {
            match store.next_due_at().await {
                Ok(next) => {
                    let next = next.map_or(NEVER, jiff::Timestamp::as_second);
                    self.next_at.store(next, Ordering::Relaxed);
                }
                Err(error) => {
                    tracing::debug!(error = ?error.to_string(), "the next poll is unknown")
                }
            }
        }
        let next = self.next_at.load(Ordering::Relaxed);
        max_age_s(now, jiff::Timestamp::from_second(next).ok())
    }
}
