//! Keeps a flow going that the store has failed: a full disk or a lock held too long must not end serving and mail with
//! it (promise 9). Refuses to go on only where the store is closed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::troubles::Troubles;
use crate::store::{self, StoreError};

/// The first rest after an error; each further one is twice as long.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// A flow that has run so long is well: the database may make it wait ten seconds for a read and as long for a write.
const WELL: Duration = Duration::from_secs(30);

/// Runs what `run` makes until `stop`, again after each error.
///
/// # Errors
/// [`StoreError::Closed`]: nothing can be done any more.
pub(super) async fn persist<Running>(
    part: &'static str,
    troubles: Troubles,
    stop: CancellationToken,
    run: impl Fn(CancellationToken) -> Running,
) -> anyhow::Result<()>
where
    Running: Future<Output = store::Result<()>>,
{
    let mut rest = FIRST_REST;
    loop {
        let mut running = std::pin::pin!(run(stop.clone()));
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = tokio::time::sleep(WELL) => {
                if troubles.mended(part) {
                    tracing::info!("the {part} flow goes on");
                }
                rest = FIRST_REST;
                running.await
            }
        };
        match ended {
            Ok(()) => break,
            Err(StoreError::Closed) => return Err(StoreError::Closed.into()),
            Err(error) => rests(part, &troubles, error),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(rest) => {}
        }
        rest = (rest * 2).min(LONGEST_REST);
    }
    troubles.mended(part);
    Ok(())
}

/// An error that stays the same is told once.
fn rests(part: &'static str, troubles: &Troubles, error: StoreError) {
    let text = format!("{:#}", anyhow::Error::from(error));
    if troubles.note(part, &format!("{part} rests: {text}")) {
        tracing::error!(error = ?text, "the {part} flow rests, then begins again");
    }
}
