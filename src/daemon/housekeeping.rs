//! What the daemon does for the database by itself: once a day old stories leave it, and its indexes are kept small.
//! Never more than a few hundred rows in one commit, so that polls and mail go on.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::RetentionConfig;
use crate::store::{Result, Store};

/// After the start: the first polls go before.
const FIRST: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(86_400);

/// Keeps house until `stop`. A run that fails is told, and the next one tries again.
pub(super) async fn run(
    store: Store,
    retention: RetentionConfig,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut rest = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
        rest = DAY;
        tokio::select! {
            () = stop.cancelled() => return,
            done = once(&store, retention, &clock) => match done {
                Ok(0) => {}
                Ok(deleted) => tracing::info!(stories.n = deleted, "stories too old to keep were deleted"),
                Err(error) => tracing::error!(error = ?anyhow::Error::from(error), "housekeeping failed"),
            },
        }
    }
}

/// One run of housekeeping; gives how many stories were deleted.
///
/// # Errors
/// The store's.
pub async fn once(store: &Store, retention: RetentionConfig, clock: &Clock) -> Result<u64> {
    let now = clock.now();
    let before = |age: Duration| now.checked_sub(age).unwrap_or(jiff::Timestamp::MIN);
    let deleted = store
        .retain(before(retention.max_age), before(retention.keep_seen))
        .await?;
    store.maintain(now).await?;
    Ok(deleted)
}
