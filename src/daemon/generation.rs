//! One generation of the daemon: the config, and what the stages compile from it. Built whole or not at all.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Launch;
use crate::clock::Clock;
use crate::config::{self, Config, Overrides, Problem};
use crate::digest;
use crate::fetch::{Fetcher, Hosts};
use crate::filter::Rules;
use crate::poll::{self, Parts, Poller, Settings};
use crate::publish::{self, Shelf, Theme};
use crate::release::{Releaser, Tools};
use crate::schedule::cron::CronSchedule;
use crate::store::{self, Store};
use crate::story::Matcher;
use crate::telemetry::Metrics;

/// See the module's first line.
#[derive(Clone)]
pub struct Generation {
    /// Checked values.
    pub config: Arc<Config>,
    /// Compiled rules.
    pub rules: Rules,
    /// Rules of identity.
    pub matcher: Matcher,
    /// Pages' templates, style and languages.
    pub theme: Arc<Theme>,
    /// HTTP clients for the config's feeds.
    pub fetcher: Fetcher,
}

impl Generation {
    /// Reads the config and compiles everything in it.
    ///
    /// # Errors
    /// Everything that is wrong, at once, rendered for the operator.
    pub fn load(launch: &Launch) -> Result<Self, String> {
        let overrides = Overrides::of_process(launch.set.clone());
        let config = config::load(&launch.config, &overrides)
            .map_err(|complaints| complaints.to_string())?;
        Self::compile(config)
    }

    /// Logs what is odd in the config, though it holds; by itself, as the log is set up by what it says.
    pub(super) fn tell_warnings(&self) {
        for warning in &self.config.warnings {
            tracing::warn!(error = ?warning.problem.message, "config");
        }
    }

    fn compile(config: Config) -> Result<Self, String> {
        let problems = stage_problems(&config);
        if problems.iter().any(|problem| !problem.warning) {
            return Err(config::render(&problems, &config.files));
        }
        let render = |problems: Vec<Problem>| config::render(&problems, &config.files);
        let rules = Rules::compile(&config.filters).map_err(render)?;
        let theme = Arc::new(Theme::load(config.templates.as_deref()).map_err(render)?);
        let fetcher = Fetcher::new(&config.fetch, &config.feeds)
            .map_err(|error| format!("error: {error:#}"))?;
        let matcher = Matcher {
            strip_params: config.fetch.strip_params.clone(),
        };
        Ok(Self {
            rules,
            matcher,
            theme,
            fetcher,
            config: Arc::new(config),
        })
    }
}

/// What a generation's flows share with the process: the same before and after a reload.
#[derive(Clone)]
pub struct Workbench {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// Politeness per host, which no reload forgets.
    pub hosts: Hosts,
}

impl Workbench {
    /// Over `store`, with what it knows of the hosts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn over(store: Store, clock: Clock, generation: &Generation) -> store::Result<Self> {
        let hosts = Hosts::new(&generation.config.fetch, &generation.config.feeds);
        hosts.load(store.hosts().await?);
        Ok(Self {
            store,
            clock,
            metrics: Metrics::default(),
            hosts,
        })
    }
}

impl Generation {
    /// The polling flow; `touched` is told when something that readers see may have changed.
    #[must_use]
    pub fn poller(&self, bench: &Workbench, touched: &Arc<Notify>) -> Poller {
        Poller::new(Parts {
            store: bench.store.clone(),
            fetcher: self.fetcher.clone(),
            hosts: bench.hosts.clone(),
            rules: self.rules.clone(),
            matcher: self.matcher.clone(),
            settings: Settings::of(&self.config),
            clock: bench.clock.clone(),
            metrics: bench.metrics.clone(),
            touched: Arc::clone(touched),
            draw: Arc::new(poll::system_draw),
        })
    }

    /// The publishing flow, over `shelf`.
    #[must_use]
    pub fn releaser(&self, bench: &Workbench, shelf: Shelf) -> Releaser {
        let tools = Tools {
            store: bench.store.clone(),
            rules: self.rules.clone(),
            shelf,
            clock: bench.clock.clone(),
            metrics: bench.metrics.clone(),
        };
        Releaser::new(Arc::clone(&self.config), Arc::clone(&self.theme), tools)
    }
}

/// What is wrong with the texts in the config that only a stage can read: rules, schedules, templates.
#[must_use]
pub fn stage_problems(config: &Config) -> Vec<Problem> {
    let mut problems = Rules::compile(&config.filters).err().unwrap_or_default();
    for digest in config.digests.values() {
        if let Err(message) = CronSchedule::compile(&digest.cron.value) {
            problems.push(Problem::error(message, Some(digest.cron.at.clone())));
        }
    }
    if let Some(folder) = &config.templates {
        problems.extend(publish::check_templates(folder));
        problems.extend(digest::check_templates(folder));
    }
    problems
}
