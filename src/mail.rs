//! Mail: strings digest, store and delivery together. Takes the config and the clock, freezes each edition when its
//! instant comes (one commit: window, messages, cursors), writes to those who sign up, drains the outbox, and counts what
//! comes back. Refuses to freeze on a clock that has run away.
//!
//! What must not be lost is a row: a crash anywhere leaves messages queued or claimed, never forgotten.

pub mod bounces;
mod drain;
mod freeze;
mod pace;
mod sign_ups;
pub mod slots;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, DigestConfig, Problem, Zone};
use crate::deliver::{Deliverer, Signer};
use crate::digest::{Language, Templates, message, offered_languages};
use crate::filter::Rules;
use crate::model::{MessageId, Roster, SubscriberSpec};
use crate::schedule::cron::CronSchedule;
use crate::store::{Result, Store};
use crate::telemetry::Metrics;

pub use freeze::{Freezing, Frozen, Look, MailError, Previewed, Window};

/// What the flow stands on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The config, checked.
    pub config: Arc<Config>,
    /// Its rules, compiled.
    pub rules: Rules,
    /// The time.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
}

/// The mail flow of one config generation; a reload makes a new one.
pub struct Mailer {
    store: Store,
    ground: Ground,
    crons: BTreeMap<String, CronSchedule>,
    languages: BTreeMap<String, Arc<Language>>,
    templates: Arc<Templates>,
    deliverer: Option<Deliverer>,
    signer: Option<Arc<Signer>>,
    pause: Mutex<pace::Pause>,
    turns: pace::Turns,
    in_hand: Mutex<HashSet<MessageId>>,
    grace: Duration,
}

/// Longest sleep between two looks at the schedule: a clock that was set is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Longest sleep between two looks at the outbox: an edition that a verb froze beside the daemon is noticed within it.
const LOOK: Duration = Duration::from_secs(10);
/// Shortest sleep: what is due and cannot be done yet costs little.
const SHORTEST_SLEEP: Duration = Duration::from_millis(50);
/// What stands further ahead was written under a wrong clock: retries and leases end sooner.
const AHEAD: Duration = Duration::from_secs(86_400);
/// How long an answer to a final dot is waited for after the end was asked for.
const GRACE: Duration = Duration::from_secs(20);

impl Mailer {
    /// Compiles schedules, templates, languages, keys and certificates.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn new(store: Store, ground: Ground) -> std::result::Result<Self, Vec<Problem>> {
        let config = ground.config.clone();
        let mut problems = Vec::new();
        let crons = crons(&config, &mut problems);
        let languages = languages(&config, &mut problems);
        let templates = Templates::load(config.templates.as_deref())
            .map_err(|problem| problems.push(problem))
            .ok();
        let (deliverer, signer) = way_out(&config, &mut problems);
        let rate = config.mail.as_ref().map_or(0, |mail| mail.rate_per_minute);
        match templates {
            Some(templates) if problems.is_empty() => Ok(Self {
                store,
                ground,
                crons,
                languages,
                templates: Arc::new(templates),
                deliverer,
                signer,
                pause: Mutex::default(),
                turns: pace::Turns::per_minute(rate),
                in_hand: Mutex::default(),
                grace: GRACE,
            }),
            _ => Err(problems),
        }
    }

    /// With another wait for the answers that are outstanding at the end.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The digests and subscribers that the config names, for [`Store::sync_subscribers`].
    #[must_use]
    pub fn roster(config: &Config) -> Roster {
        let digests = config.digests.values();
        Roster {
            digests: digests
                .map(|digest| (digest.name.clone(), digest.timezone.name.clone()))
                .collect(),
            subscribers: Self::subscriber_specs(config),
        }
    }

    fn subscriber_specs(config: &Config) -> Vec<SubscriberSpec> {
        config
            .digests
            .values()
            .flat_map(|digest| {
                digest
                    .subscribers
                    .iter()
                    .map(move |subscriber| (digest, subscriber))
            })
            .map(|(digest, subscriber)| SubscriberSpec {
                digest: digest.name.clone(),
                address: subscriber.mailbox.address.clone(),
                name: subscriber.mailbox.name.clone(),
                zone: subscriber.timezone.name.clone(),
            })
            .collect()
    }

    /// Freezes what is due and drains the outbox until `stop`, side by side: a silent mail server delays no edition.
    /// `wake` is told when there may be something to do. Returns with all replies in flight recorded, or with those
    /// that did not come within the grace marked as uncertain.
    pub async fn run(&self, stop: CancellationToken, wake: Arc<Notify>) {
        let frozen = Notify::new();
        tokio::join!(
            self.keep_freezing(&stop, &wake, &frozen),
            self.keep_draining(&stop, &frozen)
        );
    }

    async fn keep_freezing(&self, stop: &CancellationToken, wake: &Notify, frozen: &Notify) {
        while !stop.is_cancelled() {
            let now = self.ground.clock.now();
            self.take_returned(now).await;
            if let Err(error) = self.freeze_due(now).await {
                tracing::error!(error = ?format!("{error:#}"), "freezing editions failed, tried again in a minute");
            }
            frozen.notify_one();
            let now = self.ground.clock.now();
            // A store that cannot be read is told of by the freezing itself.
            let slot_at = self.next_slot_at(now).await.unwrap_or_default();
            rest(stop, wake, until(slot_at, now, LONGEST_SLEEP)).await;
        }
    }

    async fn keep_draining(&self, stop: &CancellationToken, frozen: &Notify) {
        while self.deliverer.is_some() && !stop.is_cancelled() {
            if let Err(error) = self.send_all(stop).await {
                tracing::error!(error = ?format!("{error:#}"), "draining the outbox failed, tried again soon");
                rest(stop, frozen, LOOK).await;
                continue;
            }
            let message_at = self.store.next_message_at().await.unwrap_or_default();
            let message_at = message_at.map(|at| at.max(self.pause_until().unwrap_or(at)));
            rest(
                stop,
                frozen,
                until(message_at, self.ground.clock.now(), LOOK),
            )
            .await;
        }
    }

    async fn send_all(&self, stop: &CancellationToken) -> Result<()> {
        self.write_sign_ups(self.ground.clock.now()).await?;
        self.drain(stop).await
    }

    /// A clock that was ahead by more than a day, and is right again, must silence nothing until it has caught up.
    async fn mend(&self, now: Timestamp) -> Result<()> {
        let (lanes, messages) = self.store.mend_clock(now, now + AHEAD).await?;
        if !lanes.is_empty() || messages > 0 {
            tracing::warn!(
                "the clock was ahead and went back: {} schedules and {messages} waiting mails go by the present time again",
                lanes.len()
            );
        }
        Ok(())
    }

    /// When the next edition of any digest and lane is due after `now`.
    async fn next_slot_at(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let mut slots = Vec::new();
        for digest in self.ground.config.digests.values() {
            let Some(cron) = self.crons.get(&digest.name) else {
                continue;
            };
            let lanes = self.lanes(digest).await?;
            slots.extend(
                lanes
                    .iter()
                    .filter_map(|lane| cron.next_after(now, &lane.zone)),
            );
        }
        Ok(slots.into_iter().min())
    }

    /// The zones whose clocks call a digest: those of the config, and those that subscribers chose.
    async fn lanes(&self, digest: &DigestConfig) -> Result<Vec<Zone>> {
        let own = self.store.own_zones(&digest.name).await?;
        Ok(slots::lanes(digest, &own))
    }

    /// Until when the queue rests, and what the server said; told of a rest that is over, too.
    #[must_use]
    pub fn pause(&self) -> Option<(Timestamp, String)> {
        let pause = self
            .pause
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Some((pause.until?, pause.reason.clone()))
    }

    fn pause_until(&self) -> Option<Timestamp> {
        self.pause
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .until
    }
}

/// Sleeps, unless woken or stopped.
async fn rest(stop: &CancellationToken, wake: &Notify, sleep: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = wake.notified() => {}
        () = tokio::time::sleep(sleep) => {}
    }
}

/// How long nothing is due, `longest` at most.
fn until(next_at: Option<Timestamp>, now: Timestamp, longest: Duration) -> Duration {
    let wait = next_at.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
    wait.unwrap_or(longest).clamp(SHORTEST_SLEEP, longest)
}

fn problem(message: String, digest: Option<&DigestConfig>) -> Problem {
    Problem {
        message,
        at: digest.map(|digest| digest.cron.at.clone()),
        label: None,
        help: None,
        warning: false,
    }
}

fn crons(config: &Config, problems: &mut Vec<Problem>) -> BTreeMap<String, CronSchedule> {
    let mut crons = BTreeMap::new();
    for digest in config.digests.values() {
        match CronSchedule::compile(&digest.cron.value) {
            Ok(cron) => drop(crons.insert(digest.name.clone(), cron)),
            Err(message) => problems.push(problem(message, Some(digest))),
        }
    }
    crons
}

fn languages(config: &Config, problems: &mut Vec<Problem>) -> BTreeMap<String, Arc<Language>> {
    let mut codes = vec!["en".to_owned(), config.language.clone()];
    for digest in config.digests.values() {
        codes.extend(offered_languages(config, digest));
    }
    codes.sort();
    codes.dedup();
    let mut languages = BTreeMap::new();
    for code in codes {
        match Language::load(&code, config.templates.as_deref()) {
            Ok(language) => drop(languages.insert(code, Arc::new(language))),
            Err(message) => problems.push(problem(message, None)),
        }
    }
    languages
}

fn way_out(
    config: &Config,
    problems: &mut Vec<Problem>,
) -> (Option<Deliverer>, Option<Arc<Signer>>) {
    let Some(mail) = &config.mail else {
        return (None, None);
    };
    let from = config
        .digests
        .values()
        .next()
        .map_or("localhost", |digest| digest.from.address.as_str());
    let mut keep = |message: String| problems.push(problem(message, None));
    let deliverer = Deliverer::new(mail, &message::domain(from))
        .map_err(|error| keep(error.to_string()))
        .ok();
    let signer = mail
        .dkim
        .as_ref()
        .map(Signer::new)
        .transpose()
        .map_err(|error| keep(error.to_string()))
        .ok()
        .flatten();
    (deliverer, signer.map(Arc::new))
}

/// The words of a language, or the English ones where that is not loaded.
fn language<'a>(
    languages: &'a BTreeMap<String, Arc<Language>>,
    code: &str,
) -> std::result::Result<&'a Language, String> {
    let found = languages.get(code).or_else(|| languages.get("en"));
    found
        .map(Arc::as_ref)
        .ok_or_else(|| "no language is loaded".to_owned())
}

/// A message with its signature in front, where we sign.
fn signed(
    signer: Option<&Signer>,
    bytes: Vec<u8>,
    at: Timestamp,
) -> std::result::Result<Vec<u8>, String> {
    match signer {
        Some(signer) => signer.sign(&bytes, at).map_err(|error| error.to_string()),
        None => Ok(bytes),
    }
}

/// Makes the stored subscribers those of the config.
///
/// # Errors
/// When the store fails.
pub async fn sync(store: &Store, config: &Config, now: Timestamp) -> Result<()> {
    store.sync_subscribers(Mailer::roster(config), now).await
}
