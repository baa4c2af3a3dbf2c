//! The polling flow: due feeds → leave of their hosts → one batch of durable claims → conditional GET → parse, filter,
//! story keys → one commit each. Takes the stages ready made, gives a [`Summary`]; returning means that every poll it
//! started has ended. Refuses to poll by a clock that is older than this program.

mod audience;
mod backfill;
mod digest_times;
mod discover;
mod document;
mod findings;
mod first;
mod full_text;
mod icons;
mod one;
mod pace;
mod parts;
mod push;
mod settings;
mod summary;
mod told;
mod waiting;
mod withdrawals;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::model::{FeedState, Judge, PollClaim};
use crate::schedule::{self, Insistence, Passed};
use crate::store::Result;

pub use discover::{FoundBy, FoundFeed, Scout};
pub use document::replacement_named;
pub use first::{FirstDocument, keep_discovered};
pub use one::{Ended, Outcome};
use pace::{ClockWatch, Pace};
pub use parts::{Parts, system_draw};
pub use settings::{FeedSettings, FirstPolls, Settings, feed_specs};
pub use summary::{HeldFeed, Summary};
use waiting::{Ready, Waiting};

/// Claims in one commit.
const BATCH: usize = 256;
/// Due feeds kept in memory while their hosts make them wait.
const WAITING: usize = 8192;
/// How long a stop waits for polls in flight.
const DRAIN: Duration = Duration::from_secs(30);
/// Longest sleep: clock jumps are noticed, and feeds that another process made due.
const NAP: Duration = Duration::from_secs(30);
/// So often what is known of the hosts is stored, for whoever asks beside the daemon.
const HOSTS_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// A pass by hand waits no longer than this for a host.
const PATIENCE: Duration = Duration::from_secs(30);

/// Polls feeds. Cheap to clone.
#[derive(Clone)]
pub struct Poller {
    shared: Arc<Shared>,
}

/// What every poll in flight holds.
struct Shared {
    parts: Parts,
    judge: Arc<dyn Judge>,
    /// One permit per core: parsing is the only thing here that needs a processor.
    cores: Semaphore,
    /// Feeds whose subscription wants a look.
    desk: push::Desk,
    /// What `discover` read last, once a first poll has asked for it.
    discovered: OnceCell<Vec<first::Kept>>,
}

/// One pass: polls in flight, and feeds that wait for their hosts.
struct Pass {
    set: JoinSet<Ended>,
    waiting: Waiting,
    pace: Option<Pace>,
    summary: Summary,
}

impl Poller {
    /// Over `parts`; nothing runs until one of the methods is awaited.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let judge: Arc<dyn Judge> = Arc::new(parts.matcher.clone());
        for (host, until) in parts.hosts.without_http2() {
            parts.fetcher.prefer_http1(&host, until);
        }
        Self {
            shared: Arc::new(Shared {
                parts,
                judge,
                cores: Semaphore::new(cores),
                desk: push::Desk::default(),
                discovered: OnceCell::new(),
            }),
        }
    }

    /// Polls what falls due until `stop`; then, and after an error, starts nothing more and lets what is in flight end.
    ///
    /// # Errors
    /// When the store cannot be read or claims cannot be made durable.
    pub async fn run(&self, stop: CancellationToken) -> Result<Summary> {
        let mut pass = self.begin().await?;
        let ran = self.turns(&mut pass, &stop).await;
        let finished = self.finish(pass).await;
        ran.and(finished)
    }

    async fn turns(&self, pass: &mut Pass, stop: &CancellationToken) -> Result<()> {
        let mut watch = ClockWatch::start(&self.shared.parts.clock);
        pass.pace = self.pace().await?;
        let mut hosts_kept_at = self.shared.parts.clock.now();
        let mut stock_at = hosts_kept_at;
        while !stop.is_cancelled() {
            match watch.look(&self.shared.parts.clock) {
                Passed::Evenly => {}
                Passed::Asleep => pass.pace = self.pace().await?,
                Passed::Jumped(jump) => {
                    self.clock_jumped(jump).await?;
                    pass.waiting = Waiting::default();
                }
            }
            let wake = if watch.plausible(&self.shared.parts.clock) {
                self.fill(pass).await?
            } else {
                None
            };
            hosts_kept_at = self.keep_hosts(hosts_kept_at).await?;
            stock_at = self.take_stock_hourly(stock_at).await?;
            let nap = wake.map_or(NAP, |at| self.until(at)).min(NAP);
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = pass.set.join_next() => self.ended(pass, ended),
                () = tokio::time::sleep(nap) => {}
            }
            while let Some(ended) = pass.set.try_join_next() {
                self.ended(pass, ended);
            }
        }
        Ok(())
    }

    /// Polls until nothing is due that may be asked now: the verb `poll`, and tests with a clock of their own.
    ///
    /// # Errors
    /// When the store cannot be read or claims cannot be made durable.
    pub async fn poll_due(&self) -> Result<Summary> {
        let mut pass = self.begin().await?;
        self.drive(&mut pass, None).await?;
        self.finish(pass).await
    }

    /// Polls the feeds named by `keys` (or URLs), due or not; what holds one back is in the summary.
    ///
    /// # Errors
    /// When the store cannot be read or claims cannot be made durable.
    pub async fn poll_these(&self, keys: &[String], insistence: Insistence) -> Result<Summary> {
        let now = self.shared.parts.clock.now();
        let mut pass = self.begin().await?;
        for key in keys {
            let Some(state) = self.shared.parts.store.feed(key).await? else {
                continue;
            };
            if !self.shared.parts.settings.knows(&state.key) {
                let unknown = "the config does not name it".to_owned();
                pass.summary.troubles.push((state.key, unknown));
                continue;
            }
            let policy = self.shared.parts.settings.policy(&state.key, now);
            match schedule::manual_poll_at(&state, &policy, insistence) {
                Some((until, reason)) if until > now => {
                    pass.summary.held.push(HeldFeed {
                        feed: state.key,
                        until,
                        reason,
                    });
                }
                _ => pass.waiting.push(state, now),
            }
        }
        self.drive(&mut pass, Some(())).await?;
        self.finish(pass).await
    }

    /// Runs a pass to its end; with `only`, nothing but what waits in it already.
    async fn drive(&self, pass: &mut Pass, only: Option<()>) -> Result<()> {
        loop {
            let wake = match only {
                Some(()) => self.start_waiting(pass).await?,
                None => self.fill(pass).await?,
            };
            if let Some(ended) = pass.set.join_next().await {
                self.ended(pass, ended);
                while let Some(ended) = pass.set.try_join_next() {
                    self.ended(pass, ended);
                }
                continue;
            }
            if pass.waiting.is_empty() {
                return Ok(());
            }
            let before = self.shared.parts.clock.now();
            let nap = wake.map_or(Duration::ZERO, |at| self.until(at));
            if nap <= PATIENCE {
                tokio::time::sleep(nap).await;
            }
            if self.shared.parts.clock.now() == before || nap > PATIENCE {
                let until = wake.unwrap_or(before);
                pass.summary.held.extend(pass.waiting.drain(until));
                return Ok(());
            }
        }
    }

    async fn begin(&self) -> Result<Pass> {
        if let Some(jump) = self.set_back() {
            // What was moved already, before a crash say, was asked in what is the past now.
            let now = self.shared.parts.clock.now();
            self.move_schedules(jump, now).await?;
        }
        self.hear_of_hosts().await?;
        self.take_stock().await?;
        Ok(Pass {
            set: JoinSet::new(),
            waiting: Waiting::default(),
            pace: None,
            summary: Summary::default(),
        })
    }

    /// Starts what is due and may be asked; gives the instant at which there is more to do.
    async fn fill(&self, pass: &mut Pass) -> Result<Option<Timestamp>> {
        let parts = &self.shared.parts;
        if let Some(since) = parts.hosts.take_recovery() {
            self.network_is_back(since).await?;
        }
        loop {
            let now = parts.clock.now();
            let room = parts.settings.concurrency().saturating_sub(pass.set.len());
            if room == 0 {
                return Ok(None);
            }
            let mut more = false;
            if pass.waiting.wants_more(now, WAITING) {
                let due = self.due(now, pass.waiting.len() + BATCH).await?;
                more = pass.waiting.refill(due, now);
                if !more && pass.waiting.is_empty() {
                    let next = parts.store.next_due_at().await?;
                    // What is due and not taken is not ours to poll: whoever else it is for is awaited, not asked.
                    pass.waiting.quiet(next.filter(|at| *at > now));
                }
            }
            let wake = self.start_waiting(pass).await?;
            if !more {
                return Ok(wake.into_iter().chain(pass.waiting.quiet_until()).min());
            }
        }
    }

    /// Up to `most` due feeds that the config names. The store may hold others while another process, or a reload, has
    /// a config of its own.
    async fn due(&self, now: Timestamp, mut most: usize) -> Result<Vec<FeedState>> {
        let parts = &self.shared.parts;
        loop {
            let mut due = parts.store.due_feeds(now, most).await?;
            let all = due.len() < most;
            due.retain(|state| parts.settings.knows(&state.key));
            if all || !due.is_empty() {
                return Ok(due);
            }
            most *= 2;
        }
    }

    /// Starts feeds whose hosts give leave, after one commit of their claims; gives the next instant a host allows.
    async fn start_waiting(&self, pass: &mut Pass) -> Result<Option<Timestamp>> {
        let parts = &self.shared.parts;
        loop {
            let now = parts.clock.now();
            let room = parts
                .settings
                .concurrency()
                .saturating_sub(pass.set.len())
                .min(BATCH);
            let (ready, wake) = pass.waiting.ready(parts, &mut pass.pace, now, room);
            if ready.is_empty() {
                return Ok(wake);
            }
            self.start(pass, ready, now).await?;
        }
    }

    async fn start(&self, pass: &mut Pass, ready: Vec<Ready>, now: Timestamp) -> Result<()> {
        let parts = &self.shared.parts;
        let claims = ready
            .iter()
            .map(|ready| self.claim(&ready.state, now))
            .collect();
        let won = parts.store.begin_polls(claims).await?;
        for (ready, won) in ready.into_iter().zip(won) {
            if won {
                pass.set
                    .spawn(one::poll(Arc::clone(&self.shared), ready, now));
            }
        }
        Ok(())
    }

    fn claim(&self, state: &FeedState, now: Timestamp) -> PollClaim {
        let policy = self.shared.parts.settings.policy(&state.key, now);
        PollClaim {
            feed: state.id,
            expected_next_poll_at: state.next_poll_at,
            attempt_at: now,
            next_poll_at: schedule::claim_until(state, &policy, now),
        }
    }

    fn ended(&self, pass: &mut Pass, ended: std::result::Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(ended) => {
                if let Some(host) = &ended.host {
                    pass.waiting.released(host, self.shared.parts.clock.now());
                }
                pass.summary.add(ended);
            }
            // The claim stands, so the feed rests for its floor; the panic itself is a bug of ours.
            Err(error) => tracing::error!(error = %error, "a poll ended in a panic"),
        }
    }

    /// Lets polls in flight end, within bounds; what is cut off keeps its claim.
    async fn finish(&self, mut pass: Pass) -> Result<Summary> {
        let deadline = tokio::time::Instant::now() + DRAIN;
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, pass.set.join_next()).await {
            self.ended(&mut pass, ended);
        }
        pass.set.shutdown().await;
        if pass.summary.polled > 0 {
            let changed = self.shared.parts.hosts.take_changed();
            self.shared.parts.store.save_hosts(changed).await?;
        }
        Ok(pass.summary)
    }

    /// Stores what was learned of hosts and reads what others were told by them, once a minute; gives the instant of the
    /// last time.
    async fn keep_hosts(&self, kept_at: Timestamp) -> Result<Timestamp> {
        let now = self.shared.parts.clock.now();
        if (SignedDuration::ZERO..HOSTS_EVERY).contains(&now.duration_since(kept_at)) {
            return Ok(kept_at);
        }
        let changed = self.shared.parts.hosts.take_changed();
        if !changed.is_empty() {
            self.shared.parts.store.save_hosts(changed).await?;
        }
        self.hear_of_hosts().await?;
        Ok(now)
    }

    /// What hosts told other processes holds here too.
    async fn hear_of_hosts(&self) -> Result<()> {
        let gated = self.shared.parts.store.gated_hosts().await?;
        self.shared.parts.hosts.merge(gated);
        Ok(())
    }

    fn until(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.shared.parts.clock.now()))
            .unwrap_or(Duration::ZERO)
    }

    /// After downtime, what is overdue is spread instead of asked at once (R5.7).
    async fn pace(&self) -> Result<Option<Pace>> {
        let now = self.shared.parts.clock.now();
        let due = self.shared.parts.store.due_feeds(now, 4 * 900).await?;
        Ok(Pace::of(&due, now))
    }
}
