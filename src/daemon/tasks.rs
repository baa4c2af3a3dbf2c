//! Named tasks with one owner: told to stop together, waited for, cut off where one does not end in time.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A task that ended although nobody stopped it.
#[derive(Debug)]
pub struct Ended {
    /// Name of the task.
    pub task: &'static str,
    /// Why.
    pub error: anyhow::Error,
}

/// See the module's first line. Dropping it cuts all off.
#[derive(Debug, Default)]
pub struct Tasks {
    set: JoinSet<anyhow::Result<()>>,
    names: HashMap<Id, &'static str>,
    stop: CancellationToken,
}

impl Tasks {
    /// Cancelled when the tasks are to end.
    #[must_use]
    pub fn stopped(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts one.
    pub fn add(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until one ends by itself, which none does in health.
    pub async fn ended(&mut self) -> Ended {
        let Some(joined) = self.set.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let (task, outcome) = self.named(joined);
        let error = outcome
            .err()
            .unwrap_or_else(|| anyhow::anyhow!("without a reason"));
        Ended { task, error }
    }

    /// Asks all to finish what is under way, and waits for them until `deadline`. What is cut off then is as after a
    /// kill: claims and leases stand. Gives the names of what was cut off.
    pub async fn stop(mut self, deadline: Instant) -> Vec<&'static str> {
        self.stop.cancel();
        while let Ok(Some(joined)) =
            tokio::time::timeout_at(deadline, self.set.join_next_with_id()).await
        {
            if let (task, Err(error)) = self.named(joined) {
                tracing::error!(error = ?format!("{error:#}"), "the {task} flow failed at the end");
            }
        }
        for task in self.names.values() {
            tracing::warn!("the {task} flow did not end in time and is cut off");
        }
        self.set.shutdown().await;
        self.names.into_values().collect()
    }

    /// Which one ended, and how.
    fn named(
        &mut self,
        joined: Result<(Id, anyhow::Result<()>), JoinError>,
    ) -> (&'static str, anyhow::Result<()>) {
        let (id, outcome) = match joined {
            Ok(ended) => ended,
            Err(panic) => (panic.id(), Err(panic.into())),
        };
        (self.names.remove(&id).unwrap_or("unnamed"), outcome)
    }
}
