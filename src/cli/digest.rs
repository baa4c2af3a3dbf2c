//! `feedmill digest`: what is to come, what it will look like, what was sent, who gets it. Works beside the running
//! daemon; only `send`, `resume` and `unsubscribe` change anything.

mod args;
mod show;

use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::output::counted;
use super::{Exit, Output};
use crate::clock::Clock;
use crate::config::{Config, DigestConfig, Zone};
use crate::digest::message::ascii_address;
use crate::filter::Rules;
use crate::mail::{Freezing, Frozen, Ground, Mailer, slots};
use crate::model::{SubscriberOrigin, SubscriberRecord, SubscriberStanding};
use crate::schedule::cron::CronSchedule;
use crate::store::Store;
use crate::telemetry::Metrics;

pub use args::{DigestArgs as Args, DigestVerb};

/// Runs the verb.
///
/// # Errors
/// With the reason, for people.
pub async fn run(
    config: Arc<Config>,
    store: Store,
    args: Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let clock = Clock::system();
    let now = clock.now();
    let scene = Scene {
        config,
        store,
        clock,
    };
    match args.verb {
        DigestVerb::Next { name, count, json } => scene.next(&name, (count, json), out).await,
        DigestVerb::Preview(args) => scene.preview(&args, out).await,
        DigestVerb::Show(args) => scene.show(&args, out).await,
        DigestVerb::Send {
            name,
            to: Some(address),
        } => {
            let reply = scene
                .mailer()?
                .send_test(&name, &address, now)
                .await
                .map_err(anyhow::Error::msg)?;
            out.line(&format!("test copy sent: {reply}"))?;
            Ok(Exit::Fine)
        }
        DigestVerb::Send { name, to: None } => scene.send(&name, now, out).await,
        DigestVerb::Editions { name, json } => scene.editions(&name, json, out).await,
        DigestVerb::Subscribers { name, json } => scene.subscribers(&name, json, out).await,
        DigestVerb::Resume { name, address } => {
            scene
                .stand(&name, &address, SubscriberStanding::Active, out)
                .await
        }
        DigestVerb::Unsubscribe { name, address } => {
            scene
                .stand(&name, &address, SubscriberStanding::Unsubscribed, out)
                .await
        }
    }
}

struct Scene {
    config: Arc<Config>,
    store: Store,
    clock: Clock,
}

/// One coming instant.
#[derive(Serialize)]
struct Coming {
    zone: String,
    local: String,
    utc: Timestamp,
    clock_change: bool,
}

/// One subscriber as shown to the operator.
#[derive(Serialize)]
struct Shown {
    subscriber: i64,
    address: String,
    zone: String,
    origin: SubscriberOrigin,
    standing: SubscriberStanding,
    suppressed: bool,
    /// The day of one edition a week, 0 is Monday; none for each edition.
    weekday: Option<i8>,
    reason: Option<String>,
    since: Timestamp,
    hard_bounces: u32,
    soft_bounces: u32,
}

impl Scene {
    fn digest(&self, name: &str) -> anyhow::Result<&DigestConfig> {
        match self.config.digests.get(name) {
            Some(digest) => Ok(digest),
            None => {
                let names: Vec<&str> = self.config.digests.keys().map(String::as_str).collect();
                bail!(
                    "no digest is named {name:?}; the config has: {}",
                    names.join(", ")
                )
            }
        }
    }

    async fn lanes(&self, digest: &DigestConfig) -> anyhow::Result<Vec<Zone>> {
        let own = self.store.own_zones(&digest.name).await?;
        Ok(slots::lanes(digest, &own))
    }

    fn mailer(&self) -> anyhow::Result<Mailer> {
        let words = |problems: Vec<crate::config::Problem>| {
            anyhow::Error::msg(
                problems
                    .into_iter()
                    .map(|problem| problem.message)
                    .collect::<Vec<_>>()
                    .join("; "),
            )
        };
        let rules = Rules::compile(&self.config.filters).map_err(words)?;
        let ground = Ground {
            config: self.config.clone(),
            rules,
            clock: self.clock.clone(),
            metrics: Metrics::default(),
        };
        Mailer::new(self.store.clone(), ground).map_err(words)
    }

    async fn next(
        &self,
        name: &str,
        (count, json): (usize, bool),
        out: &mut Output,
    ) -> anyhow::Result<Exit> {
        let digest = self.digest(name)?;
        let cron = CronSchedule::compile(&digest.cron.value).map_err(anyhow::Error::msg)?;
        let mut coming = Vec::new();
        for lane in self.lanes(digest).await? {
            let mut at = self.clock.now();
            let mut offset = lane.zone.to_offset(at);
            for _ in 0..count {
                let Some(next) = cron.next_after(at, &lane.zone) else {
                    break;
                };
                let local = next
                    .to_zoned_datetime(lane.zone.clone())
                    .strftime("%a %Y-%m-%d %H:%M %Z")
                    .to_string();
                let changed = lane.zone.to_offset(next) != offset;
                coming.push(Coming {
                    zone: lane.name.clone(),
                    local,
                    utc: next,
                    clock_change: changed,
                });
                (at, offset) = (next, lane.zone.to_offset(next));
            }
        }
        if json {
            out.json(&coming)?;
            return Ok(Exit::Fine);
        }
        for slot in coming {
            let mark = if slot.clock_change {
                "  (clocks change before it)"
            } else {
                ""
            };
            out.line(&format!(
                "{:<24} {}  {}{mark}",
                slot.zone, slot.local, slot.utc
            ))?;
        }
        Ok(Exit::Fine)
    }

    async fn send(&self, name: &str, now: Timestamp, out: &mut Output) -> anyhow::Result<Exit> {
        let digest = self.digest(name)?;
        let mailer = self.mailer()?;
        crate::mail::sync(&self.store, &self.config, now).await?;
        for lane in self.lanes(digest).await? {
            let freezing = Freezing {
                digest: name.to_owned(),
                lane: lane.clone(),
                slot_at: now,
                since_at: None,
            };
            match mailer.freeze(&freezing, now).await? {
                Frozen::Edition { id, messages } => {
                    out.line(&format!(
                        "edition {} for {}: {} queued",
                        id.0,
                        lane.name,
                        counted(messages, ["message", "messages"])
                    ))?;
                }
                Frozen::Taken => out.line(&format!(
                    "{}: another process froze this edition just now",
                    lane.name
                ))?,
            }
        }
        Ok(Exit::Fine)
    }

    async fn editions(&self, name: &str, json: bool, out: &mut Output) -> anyhow::Result<Exit> {
        self.digest(name)?;
        let editions = self.store.editions(name, 100).await?;
        if json {
            out.json(&editions)?;
            return Ok(Exit::Fine);
        }
        for edition in editions {
            let (queued, delivered, failed) = edition.messages;
            out.line(&format!(
                "{:>5}  {}  {:<20} stories {:>4}  {queued} queued, {delivered} delivered, {failed} failed  {}",
                edition.id.0, edition.slot_at, edition.lane, edition.stories, edition.subject
            ))?;
        }
        Ok(Exit::Fine)
    }

    async fn subscribers(&self, name: &str, json: bool, out: &mut Output) -> anyhow::Result<Exit> {
        self.digest(name)?;
        let mut shown: Vec<Shown> = self
            .store
            .subscribers(name)
            .await?
            .into_iter()
            .map(shown)
            .collect();
        for (id, hard, soft) in self.store.bounce_counts(name).await? {
            if let Some(one) = shown.iter_mut().find(|one| one.subscriber == id.0) {
                (one.hard_bounces, one.soft_bounces) = (hard, soft);
            }
        }
        if json {
            out.json(&shown)?;
            return Ok(Exit::Fine);
        }
        for one in shown {
            let reason = one
                .reason
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default();
            let standing = format!("{:?}", one.standing).to_lowercase();
            let bounces = match (one.hard_bounces, one.soft_bounces) {
                (0, 0) => String::new(),
                (hard, soft) => format!(", {hard} hard and {soft} soft bounces"),
            };
            let origin = match one.origin {
                SubscriberOrigin::Config => "config",
                SubscriberOrigin::Own => "self",
            };
            let before = if one.suppressed && one.standing != SubscriberStanding::Suppressed {
                ", suppressed before"
            } else {
                ""
            };
            let weekly = one.weekday.map_or("", |_| ", once a week");
            out.line(&format!(
                "{:>5}  {:<32} {:<24} {origin:<6} {standing}{reason}{weekly}{before}{bounces}",
                one.subscriber, one.address, one.zone
            ))?;
        }
        Ok(Exit::Fine)
    }

    async fn stand(
        &self,
        name: &str,
        address: &str,
        standing: SubscriberStanding,
        out: &mut Output,
    ) -> anyhow::Result<Exit> {
        self.digest(name)?;
        let subscribers = self.store.subscribers(name).await?;
        let found = find(&subscribers, address)
            .with_context(|| format!("digest {name} has no such subscriber"))?;
        let reason = Some("by the operator".to_owned());
        self.store
            .set_standing(found.id, standing, reason, self.clock.now())
            .await?;
        out.line(&format!(
            "subscriber {} is now {}",
            found.id.0,
            format!("{standing:?}").to_lowercase()
        ))?;
        Ok(Exit::Fine)
    }
}

/// The subscriber with this address or row number.
fn find<'a>(subscribers: &'a [SubscriberRecord], who: &str) -> Option<&'a SubscriberRecord> {
    let row = who.parse().ok();
    subscribers.iter().find(|one| {
        let known = &one.spec.address;
        known == who || ascii_address(known) == ascii_address(who) || Some(one.id.0) == row
    })
}

fn shown(record: SubscriberRecord) -> Shown {
    Shown {
        subscriber: record.id.0,
        address: record.spec.address,
        zone: record.spec.zone,
        origin: record.origin,
        standing: record.standing,
        suppressed: record.suppressed,
        weekday: record.wishes.weekday,
        reason: record.reason,
        since: record.since_at,
        hard_bounces: 0,
        soft_bounces: 0,
    }
}
