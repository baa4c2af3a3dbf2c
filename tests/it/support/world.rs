//! A small world: a temporary folder with a config and a database, a clock moved by hand, and the polling flow over
//! them. Reopening is a restart: nothing but the folder and the clock survives it.

use std::sync::Arc;
use std::time::Duration;

use feedmill::clock::Clock;
use feedmill::config::{self, Config, Overrides};
use feedmill::fetch::{Fetcher, Hosts};
use feedmill::filter::Rules;
use feedmill::model::FeedState;
use feedmill::poll::{FirstPolls, Parts, Poller, Settings, Summary, feed_specs};
use feedmill::store::{Store, StoreOptions};
use feedmill::story::Matcher;
use feedmill::telemetry::Metrics;
use tokio::sync::Notify;

/// Folder, config, store and clock.
pub struct World {
    /// Gone with the world.
    pub folder: tempfile::TempDir,
    /// As checked.
    pub config: Config,
    /// Open.
    pub store: Store,
    /// Stands until moved.
    pub clock: Clock,
    /// Woken by polls that changed something.
    pub touched: Arc<Notify>,
    poller: Poller,
}

impl World {
    /// A world with `config` (loopback is allowed, a contact is set) at 2026-03-02T10:00:00Z.
    pub async fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
        Self::open(folder, config, clock).await
    }

    async fn open(folder: tempfile::TempDir, text: &str, clock: Clock) -> Self {
        let path = folder.path().join("feedmill.toml");
        std::fs::write(&path, text).unwrap();
        let set = vec!["fetch.allow_networks=[\"127.0.0.0/8\"]".to_owned()];
        let overrides = Overrides {
            set,
            ..Overrides::default()
        };
        let config = config::load(&path, &overrides).unwrap_or_else(|wrong| {
            panic!("{}", config::render_complaints(&wrong.list, &wrong.files))
        });
        let options = StoreOptions {
            path: folder.path().join("feedmill.db"),
            exclusive: true,
            readers: 2,
        };
        let store = Store::open(options).await.unwrap();
        store
            .sync_feeds(feed_specs(&config, FirstPolls::AtOnce), clock.now())
            .await
            .unwrap();
        let hosts = Hosts::new(&config.fetch, &config.feeds);
        hosts.load(store.hosts().await.unwrap());
        let touched = Arc::default();
        let poller = poller(&config, &store, (&clock, &touched), hosts);
        Self {
            folder,
            config,
            store,
            clock,
            touched,
            poller,
        }
    }

    /// A restart, with another config where one is given.
    pub async fn restart(self, config: Option<&str>) -> Self {
        self.store.close().await.unwrap();
        let old = std::fs::read_to_string(self.folder.path().join("feedmill.toml")).unwrap();
        Self::open(self.folder, config.unwrap_or(&old), self.clock).await
    }

    /// The polling flow, without jitter.
    pub fn poller(&self) -> Poller {
        self.poller.clone()
    }

    /// The polling flow of another process beside this one, which has just begun.
    pub async fn another_poller(&self) -> Poller {
        let hosts = Hosts::new(&self.config.fetch, &self.config.feeds);
        hosts.load(self.store.hosts().await.unwrap());
        poller(
            &self.config,
            &self.store,
            (&self.clock, &self.touched),
            hosts,
        )
    }

    /// Polls what is due.
    pub async fn poll(&self) -> Summary {
        self.poller().poll_due().await.unwrap()
    }

    /// Moves the clock.
    pub fn wait(&self, step: Duration) {
        self.clock.advance(step);
    }

    /// What is known of a feed.
    pub async fn feed(&self, key: &str) -> FeedState {
        self.store.feed(key).await.unwrap().unwrap()
    }
}

fn poller(
    config: &Config,
    store: &Store,
    (clock, touched): (&Clock, &Arc<Notify>),
    hosts: Hosts,
) -> Poller {
    Poller::new(Parts {
        store: store.clone(),
        fetcher: Fetcher::new(&config.fetch, &config.feeds).unwrap(),
        hosts,
        rules: Rules::compile(&config.filters).unwrap(),
        matcher: Matcher::default(),
        settings: Settings::of(config),
        clock: clock.clone(),
        metrics: Metrics::default(),
        touched: Arc::clone(touched),
        draw: Arc::new(|| 0.0),
    })
}
