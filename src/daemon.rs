//! The composition root: builds a generation from the config, starts the flows, owns every task, reloads all or
//! nothing, drains on a signal. Leaving [`run`] means that everything it started has ended.

mod flows;
mod generation;
mod housekeeping;
mod listen;
mod persist;
mod pulse;
mod reload;
mod signals;
mod tasks;
mod troubles;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::http::{Certificates, Manners, Polls, Site};
use crate::publish::Shelf;
use crate::store::{Store, StoreOptions};
use crate::systemd::{self, Notice};
use crate::telemetry;

use flows::{Flows, Prepared};
use pulse::Pulse;
use reload::Reload;
use signals::{Signal, Signals};
use troubles::Troubles;

pub use generation::{Generation, Workbench, stage_problems};
pub use housekeeping::once as keep_house;
pub use tasks::{Ended, Tasks};

/// Read connections of the daemon.
const READERS: usize = 4;
/// What is under way may take so long to finish: a little longer than the bounds that flows set themselves (30 s), so
/// that they end in their own way.
const DRAIN: Duration = Duration::from_secs(32);
/// From the wish to stop to the end of all flows, also where a reload was under way; the unit kills later than that.
pub const STOPS_WITHIN: Duration = Duration::from_secs(40);
/// The note under which a reload leaves its outcome for the verb `reload`.
pub const RELOAD_NOTE: &str = "daemon.reload";

const AT_ONCE: &str = "stopped at once, as asked twice";

/// What a daemon is started with.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// The config file.
    pub config: PathBuf,
    /// `KEY=VALUE` overrides from the command line.
    pub set: Vec<String>,
}

/// How a daemon ended in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Asked to stop; everything under way was finished.
    Drained,
    /// It never began: what is wrong with the config, rendered for the operator.
    Refused(String),
}

/// Runs until a signal ends it.
///
/// # Errors
/// When something that everything rests on fails: the database, the listener, a flow.
pub async fn run(launch: &Launch) -> anyhow::Result<Outcome> {
    // First of all: a signal that nobody listens to ends the process, and a migration may take its time.
    let mut signals = Signals::listen()?;
    let generation = match Generation::load(launch) {
        Ok(generation) => generation,
        Err(complaints) => return Ok(Outcome::Refused(complaints)),
    };
    telemetry::init(&generation.config.log)?;
    generation.tell_warnings();
    let store = tokio::select! {
        opened = open_store(&generation.config) => opened?,
        () = signals.stop() => return Ok(Outcome::Drained),
    };
    let bench = Workbench::over(store, Clock::system(), &generation).await?;
    let shelf = Shelf::default();
    let prepared = match Prepared::of(generation, &bench, &shelf) {
        Ok(prepared) => prepared,
        Err(complaints) => {
            bench.store.close().await?;
            return Ok(Outcome::Refused(complaints));
        }
    };
    let store = bench.store.clone();
    let site = Arc::new(site(&bench, shelf, &prepared)?);
    let outcome = supervise((launch, &bench), prepared, (&site, signals)).await;
    systemd::notify(Notice::Stopping);
    store.close().await?;
    outcome
}

fn site(bench: &Workbench, shelf: Shelf, prepared: &Prepared) -> anyhow::Result<Site> {
    let front = prepared.front();
    let certificates = match &front.config.http.tls {
        Some((chain, key)) => Some(Certificates::load(chain, key)?),
        None => None,
    };
    Ok(Site {
        front: ArcSwap::from_pointee(front),
        certificates,
        store: bench.store.clone(),
        shelf,
        manners: Manners::default(),
        polls: Polls::default(),
        metrics: bench.metrics.clone(),
        clock: bench.clock.clone(),
        ready: false.into(),
    })
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let path = config.store.path.clone();
    let store = Store::open(StoreOptions {
        path: path.clone(),
        exclusive: true,
        readers: READERS,
    })
    .await?;
    tracing::info!(store.path = ?path, "database open");
    Ok(store)
}

/// Starts everything, then waits for whatever comes: a signal, the watchdog's turn, a flow that ended.
async fn supervise(
    (launch, bench): (&Launch, &Workbench),
    prepared: Prepared,
    (site, mut signals): (&Arc<Site>, Signals),
) -> anyhow::Result<Outcome> {
    let stop_serving = CancellationToken::new();
    let config = Arc::clone(&site.front.load().config);
    let mut servers = listen::open(&config, site, &stop_serving).await?;
    let troubles = Troubles::default();
    let mut flows = prepared.start(site, &troubles).await?;
    site.ready.store(true, Ordering::Release);
    systemd::notify(Notice::Ready);
    let reload = Reload {
        launch,
        bench,
        site,
        troubles: &troubles,
    };
    let mut pulse = Pulse::new(troubles.clone());
    let wished_at = loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Stop => break Instant::now(),
                Signal::Reload => match attended(reload.run(flows), (&mut signals, &mut pulse), site).await {
                    Some((reloaded, wish)) => {
                        flows = reloaded;
                        if let Some(wished_at) = wish {
                            break wished_at;
                        }
                    }
                    None => return Ok(Outcome::Drained),
                },
            },
            () = pulse.next() => pulse.beat(site).await,
            ended = flows.ended() => return fail(ended),
            Some(server) = servers.join_next() => server?.context("the web server ended")?,
        }
    };
    let deadline = (wished_at + STOPS_WITHIN).min(Instant::now() + DRAIN);
    drain((flows, deadline), signals, servers, &stop_serving).await;
    Ok(Outcome::Drained)
}

/// Waits for `work` while the watchdog hears of us. Gives also when the operator wished meanwhile that the daemon stops;
/// gives nothing, and the work up, where that was wished twice.
async fn attended<T>(
    work: impl Future<Output = T>,
    (signals, pulse): (&mut Signals, &mut Pulse),
    site: &Site,
) -> Option<(T, Option<Instant>)> {
    let mut work = std::pin::pin!(work);
    let mut wished_at = None;
    loop {
        tokio::select! {
            done = &mut work => return Some((done, wished_at)),
            () = pulse.next() => pulse.beat(site).await,
            () = signals.stop() => {
                if wished_at.replace(Instant::now()).is_some() {
                    tracing::warn!("{AT_ONCE}");
                    return None;
                }
                systemd::notify(Notice::Stopping);
            }
        }
    }
}

/// Lets what is under way finish; a second signal to stop ends it at once.
async fn drain(
    (flows, deadline): (Flows, Instant),
    mut signals: Signals,
    mut servers: JoinSet<std::io::Result<()>>,
    stop_serving: &CancellationToken,
) {
    tracing::info!("stopping");
    systemd::notify(Notice::Stopping);
    stop_serving.cancel();
    let orderly = async {
        flows.stop(deadline).await;
        while servers.join_next().await.is_some() {}
    };
    tokio::select! {
        () = orderly => tracing::info!("stopped"),
        () = signals.stop() => tracing::warn!("{AT_ONCE}"),
    }
}

fn fail(ended: Ended) -> anyhow::Result<Outcome> {
    Err(ended.error).with_context(|| format!("the {} flow ended", ended.task))
}
