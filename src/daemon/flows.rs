//! The flows of one generation: prepared without any effect, started together, stopped together, each owned by the set
//! in [`Flows`].

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::persist::persist;
use super::troubles::Troubles;
use super::{Generation, Workbench, housekeeping};
use crate::config::{self, RetentionConfig};
use crate::http::{Front, Site};
use crate::mail::{Ground, Mailer};
use crate::poll::{self, FirstPolls, Poller};
use crate::publish::Shelf;
use crate::release::{Courier, Releaser, system_challenge};
use crate::store;

/// A flow that ended although nobody stopped it.
pub(super) struct Ended {
    pub(super) flow: &'static str,
    pub(super) error: anyhow::Error,
}

/// Flows ready to start; making them changes nothing outside, so that a refused config costs nothing. Cheap to clone.
#[derive(Clone)]
pub(super) struct Prepared {
    generation: Generation,
    poller: Poller,
    releaser: Arc<Releaser>,
    mailer: Arc<Mailer>,
    touched: Arc<Notify>,
}

/// Running flows.
pub(super) struct Flows {
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
    stop: CancellationToken,
    prepared: Prepared,
}

impl Prepared {
    /// Builds every flow of `generation`; documents go to `shelf`.
    ///
    /// # Errors
    /// What is wrong with the config beyond what [`Generation::load`] sees, rendered for the operator.
    pub(super) fn of(
        generation: Generation,
        bench: &Workbench,
        shelf: &Shelf,
    ) -> Result<Self, String> {
        let touched = Arc::new(Notify::new());
        let ground = Ground {
            config: Arc::clone(&generation.config),
            rules: generation.rules.clone(),
            clock: bench.clock.clone(),
            metrics: bench.metrics.clone(),
        };
        let mailer = Mailer::new(bench.store.clone(), ground)
            .map_err(|problems| config::render(&problems, &generation.config.files))?;
        Ok(Self {
            poller: generation.poller(bench, &touched),
            releaser: Arc::new(generation.releaser(bench, shelf.clone())),
            mailer: Arc::new(mailer),
            touched,
            generation,
        })
    }

    /// What the server's answers depend on.
    pub(super) fn front(&self) -> Front {
        Front {
            config: Arc::clone(&self.generation.config),
            theme: self.releaser.theme(),
            site: self.releaser.site().clone(),
            on_request: Arc::clone(&self.releaser) as _,
            pushes: self.poller.pushes(),
        }
    }

    /// Makes the stored feeds and subscribers those of the config, renders everything once, then starts the flows.
    ///
    /// # Errors
    /// When the store does not take the feeds and subscribers; nothing is changed then.
    pub(super) async fn start(self, site: &Site, troubles: &Troubles) -> store::Result<Flows> {
        let config = &self.generation.config;
        let feeds = poll::feed_specs(config, FirstPolls::Spread);
        let subscribers = Mailer::subscriber_specs(config);
        site.store
            .sync(feeds, subscribers, site.clock.now())
            .await?;
        site.front.store(Arc::new(self.front()));
        if let Err(error) = self.releaser.refresh().await {
            // A folder of files that cannot be written, say: the shelf is filled before, and the flow tries again.
            tracing::error!(error = ?anyhow::Error::from(error), "publishing failed at the start");
        }
        Ok(self.spawn(site, troubles))
    }

    /// Starts the flows over what is stored.
    pub(super) fn spawn(self, site: &Site, troubles: &Troubles) -> Flows {
        let mut flows = Flows {
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
            prepared: self.clone(),
        };
        let stop = flows.stop.clone();
        flows.add_housekeeping(site, self.generation.config.retention);
        flows.add_polling(&self.poller, troubles);
        let Self {
            releaser,
            mailer,
            touched,
            generation,
            ..
        } = self;
        let courier = Courier::new(&releaser, generation.fetcher, system_challenge);
        let token = stop.clone();
        flows.add("websub", async move {
            courier.run(token).await;
            Ok(())
        });
        let token = stop.clone();
        flows.add("release", async move {
            releaser.run(token, touched).await;
            Ok(())
        });
        flows.add("mail", async move {
            mailer.run(stop, Arc::new(Notify::new())).await;
            Ok(())
        });
        flows
    }
}

impl Flows {
    fn add(
        &mut self,
        name: &'static str,
        flow: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, flow.await) });
    }

    fn add_housekeeping(&mut self, site: &Site, retention: RetentionConfig) {
        let (store, clock) = (site.store.clone(), site.clock.clone());
        let keeping = housekeeping::run(store, retention, clock, self.stop.clone());
        self.add("housekeeping", async move {
            keeping.await;
            Ok(())
        });
    }

    /// What polls: the store may fail it for a while.
    fn add_polling(&mut self, poller: &Poller, troubles: &Troubles) {
        let historian = poller.clone();
        let backfill = move |stop| {
            let historian = historian.clone();
            async move { historian.run_backfill(stop).await }
        };
        let subscriber = poller.clone();
        let push = move |stop| {
            let subscriber = subscriber.clone();
            async move { subscriber.run_push(stop).await }
        };
        let poller = poller.clone();
        let poll = move |stop| {
            let poller = poller.clone();
            async move { poller.run(stop).await.map(drop) }
        };
        let (stop, troubles) = (self.stop.clone(), troubles.clone());
        let kept = persist("backfill", troubles.clone(), stop.clone(), backfill);
        self.add("backfill", kept);
        self.add(
            "push",
            persist("push", troubles.clone(), stop.clone(), push),
        );
        self.add("poll", persist("poll", troubles, stop, poll));
    }

    /// Waits until a flow ends by itself, which none does in health.
    pub(super) async fn ended(&mut self) -> Ended {
        match self.tasks.join_next().await {
            Some(Ok((flow, Err(error)))) => Ended { flow, error },
            Some(Ok((flow, Ok(())))) => Ended {
                flow,
                error: anyhow::anyhow!("without a reason"),
            },
            Some(Err(panic)) => Ended {
                flow: "panicked",
                error: panic.into(),
            },
            None => std::future::pending().await,
        }
    }

    /// Asks all flows to finish what is under way, and waits for them; they can be started again.
    pub(super) async fn stop(mut self) -> Prepared {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok((_, Ok(()))) => {}
                Ok((flow, Err(error))) => {
                    tracing::error!(error = ?format!("{error:#}"), "the {flow} flow failed at the end")
                }
                Err(panic) => tracing::error!(error = ?panic.to_string(), "a flow panicked"),
            }
        }
        self.prepared
    }
}
