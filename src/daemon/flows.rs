//! The flows of one generation: prepared without any effect, started together, stopped together, each a task of
//! [`Flows`].

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::persist::persist;
use super::tasks::{Ended, Tasks};
use super::troubles::Troubles;
use super::{Generation, Workbench, housekeeping};
use crate::config::{self, RetentionConfig};
use crate::fetch::Hosts;
use crate::http::{Front, Site};
use crate::mail::{Ground, Mailer};
use crate::poll::{self, FirstPolls, Poller};
use crate::publish::Shelf;
use crate::release::{Courier, Releaser, system_challenge};
use crate::store;

/// Flows ready to start; making them changes nothing outside, so that a refused config costs nothing. Cheap to clone.
#[derive(Clone)]
pub(super) struct Prepared {
    generation: Generation,
    poller: Poller,
    releaser: Arc<Releaser>,
    mailer: Arc<Mailer>,
    hosts: Hosts,
    touched: Arc<Notify>,
}

/// Running flows.
pub(super) struct Flows {
    tasks: Tasks,
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
            hosts: bench.hosts.clone(),
            touched,
            generation,
        })
    }

    /// What the server's answers depend on.
    pub(super) fn front(&self) -> Front {
        let mailer = Arc::clone(&self.mailer);
        Front {
            mail_pause: Arc::new(move || mailer.pause()),
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
        let roster = Mailer::roster(config);
        site.store.sync(feeds, roster, site.clock.now()).await?;
        site.front.store(Arc::new(self.front()));
        self.releaser.publish().await;
        Ok(self.spawn(site, troubles))
    }

    /// Starts the flows over what is stored.
    pub(super) fn spawn(self, site: &Site, troubles: &Troubles) -> Flows {
        let mut flows = Flows {
            tasks: Tasks::default(),
            prepared: self.clone(),
        };
        let stop = flows.tasks.stopped();
        // What is known of the hosts outlives a reload; how they are to be asked does not.
        let config = &self.generation.config;
        self.hosts.reconfigure(&config.fetch, &config.feeds);
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
        flows.tasks.add("websub", async move {
            courier.run(token).await;
            Ok(())
        });
        let token = stop.clone();
        flows.tasks.add("release", async move {
            releaser.run(token, touched).await;
            Ok(())
        });
        flows.tasks.add("mail", async move {
            mailer.run(stop, Arc::new(Notify::new())).await;
            Ok(())
        });
        flows
    }
}

impl Flows {
    fn add_housekeeping(&mut self, site: &Site, retention: RetentionConfig) {
        let (store, clock) = (site.store.clone(), site.clock.clone());
        let keeping = housekeeping::run(store, retention, clock, self.tasks.stopped());
        self.tasks.add("housekeeping", async move {
            keeping.await;
            Ok(())
        });
    }

    /// What polls: the store may fail it for a while.
    fn add_polling(&mut self, poller: &Poller, troubles: &Troubles) {
        let part = (poller, troubles);
        self.keep("backfill", part, |poller, stop| async move {
            poller.run_backfill(stop).await
        });
        if self.prepared.generation.config.fetch.icons {
            self.keep("icons", part, |poller, stop| async move {
                poller.run_icons(stop).await
            });
        }
        self.keep("push", part, |poller, stop| async move {
            poller.run_push(stop).await
        });
        self.keep("deliveries", part, |poller, stop| async move {
            poller.run_deliveries(stop).await
        });
        self.keep("poll", part, |poller, stop| async move {
            poller.run(stop).await.map(drop)
        });
    }

    /// Adds a part of polling that goes on after an error.
    fn keep<Running>(
        &mut self,
        name: &'static str,
        (poller, troubles): (&Poller, &Troubles),
        run: impl Fn(Poller, CancellationToken) -> Running + Send + 'static,
    ) where
        Running: Future<Output = store::Result<()>> + Send + 'static,
    {
        let poller = poller.clone();
        let run = move |stop| run(poller.clone(), stop);
        let kept = persist(name, troubles.clone(), self.tasks.stopped(), run);
        self.tasks.add(name, kept);
    }

    /// Waits until a flow ends by itself, which none does in health.
    pub(super) async fn ended(&mut self) -> Ended {
        self.tasks.ended().await
    }

    /// Lets them finish what is under way until `deadline`; they can be started again.
    pub(super) async fn stop(self, deadline: Instant) -> Prepared {
        self.tasks.stop(deadline).await;
        self.prepared
    }
}
