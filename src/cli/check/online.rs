//! `feedmill check --online`: the mail's way out, and the feeds of the config. Each feed is asked once, as politely as by
//! any poll (floor, gates and gaps hold, so that one asked a moment ago is judged by that answer), and moved, gone and
//! mistaken addresses are told, with a patch that mends them. The operator's files are read and never written.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use url::Url;

use super::patch::{Change, Edit, patch};
use super::{Args, mail};
use crate::cli::{Exit, Output};
use crate::config::{Config, FeedConfig};
use crate::deliver::{self, Finding};
use crate::model::{FeedStanding, FeedState, TroubleClass};
use crate::poll::{FoundBy, Poller, Scout, replacement_named};
use crate::schedule::Insistence;
use crate::store::Store;

/// What was found of a feed's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
enum Verdict {
    /// A feed, where the config says.
    Fine,
    /// It has moved for good (301, 308).
    Moved {
        /// Where to.
        to: String,
    },
    /// Its document says that it moves (`itunes:new-feed-url`).
    Announced {
        /// Where to.
        to: String,
    },
    /// The publisher took it away (410), and said so twice.
    Gone,
    /// It said so once: asked again in a day.
    GoneOnce,
    /// Something else is there.
    NotAFeed {
        /// A feed that the page names.
        replacement: Option<String>,
    },
    /// No answer, or an error.
    Unreachable {
        /// One line.
        why: String,
    },
    /// Never asked yet, and its host does not let us now.
    Unknown,
}

/// One feed as told.
#[derive(Serialize)]
struct Told<'a> {
    key: &'a str,
    #[serde(flatten)]
    verdict: Verdict,
    asked_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Report<'a> {
    feeds: &'a [Told<'a>],
    mail: &'a [Finding],
    patch: &'a str,
}

/// Asks every feed and the mail's way out once and tells. Fails (exit 1) when one is not fine.
///
/// # Errors
/// When the store or standard output fails.
pub async fn run(
    (store, poller, scout): (&Store, &Poller, &Scout),
    config: &Config,
    args: &Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let feeds: Vec<&FeedConfig> = config.feeds.iter().filter(|feed| feed.enabled).collect();
    let mut keys = Vec::new();
    for feed in &feeds {
        let state = store.feed(&feed.key).await?;
        // 410 twice was a request never to come back.
        if state.is_none_or(|state| state.standing != FeedStanding::Gone) {
            keys.push(feed.key.clone());
        }
    }
    poller.poll_these(&keys, Insistence::Polite).await?;
    let mut addresses = Addresses::of(store, scout).await?;
    let (mut told, mut edits) = (Vec::new(), Vec::new());
    for feed in feeds {
        let Some(state) = store.feed(&feed.key).await? else {
            continue;
        };
        let verdict = verdict(&state);
        if addresses.bears_out(&verdict).await? {
            edits.extend(edit(feed, &verdict));
        }
        told.push(Told {
            key: &feed.key,
            verdict,
            asked_at: state.memory.attempt_at,
        });
    }
    let patch = patch(&config.files, &edits);
    let mail = mail::findings(config, args.resolver).await;
    let report = Report {
        feeds: &told,
        mail: &mail,
        patch: &patch,
    };
    if args.json {
        out.json(&report)?;
    } else {
        tell(&report, out)?;
    }
    let fine = told.iter().all(|told| told.verdict == Verdict::Fine) && mail.iter().all(passes);
    Ok(if fine { Exit::Fine } else { Exit::Failed })
}

/// Addresses that may be proposed: a feed was read there, by a poll or by asking once now.
struct Addresses<'a> {
    scout: &'a Scout,
    store: &'a Store,
    read: HashSet<String>,
}

impl<'a> Addresses<'a> {
    async fn of(store: &'a Store, scout: &'a Scout) -> anyhow::Result<Self> {
        let feeds = store.feeds(false).await?.into_iter();
        let read = feeds
            .filter(|feed| feed.memory.trouble.is_none() && feed.memory.success_at.is_some())
            .flat_map(|feed| {
                let moved = feed.memory.redirect.map(|watch| watch.target_url);
                [Some(feed.url), Some(feed.validators.url), moved]
            });
        Ok(Self {
            scout,
            store,
            read: read.flatten().collect(),
        })
    }

    /// Is the address that `verdict` would put into the config a feed's? What takes none out of the air is.
    async fn bears_out(&mut self, verdict: &Verdict) -> anyhow::Result<bool> {
        let url = match verdict {
            Verdict::Moved { to }
            | Verdict::Announced { to }
            | Verdict::NotAFeed {
                replacement: Some(to),
            } => to,
            _ => return Ok(true),
        };
        if self.read.contains(url) {
            return Ok(true);
        }
        let Ok(address) = Url::parse(url) else {
            return Ok(false);
        };
        let note = format!("check-online/{url}");
        if self.was_read_lately(&note).await? {
            return Ok(true);
        }
        let found = self.scout.discover(&address).await.unwrap_or_default();
        let is_feed = found.iter().any(|feed| feed.by == FoundBy::Itself);
        if is_feed {
            self.read.insert(url.clone());
            let now = serde_json::to_vec(&self.scout.clock.now())?;
            self.store.set_note(&note, Some(now)).await?;
        }
        Ok(is_feed)
    }

    /// A second look within a day asks nothing again.
    async fn was_read_lately(&self, note: &str) -> anyhow::Result<bool> {
        let Some(kept) = self.store.note(note).await? else {
            return Ok(false);
        };
        let at: Timestamp = serde_json::from_slice(&kept)?;
        let age = self.scout.clock.now().duration_since(at);
        Ok((SignedDuration::ZERO..SignedDuration::from_hours(24)).contains(&age))
    }
}

fn verdict(state: &FeedState) -> Verdict {
    let memory = &state.memory;
    let moved = memory.redirect.as_ref().map(|watch| &watch.target_url);
    let moved = moved.or((state.url != state.configured_url).then_some(&state.url));
    match (&memory.trouble, moved) {
        _ if state.standing == FeedStanding::Gone => Verdict::Gone,
        _ if memory.gone_at.is_some() => Verdict::GoneOnce,
        (Some(trouble), _) if trouble.class == TroubleClass::NotAFeed => Verdict::NotAFeed {
            replacement: replacement_named(trouble).map(str::to_owned),
        },
        (Some(trouble), _) => Verdict::Unreachable {
            why: trouble.text.clone(),
        },
        (None, Some(target)) => Verdict::Moved { to: target.clone() },
        (None, None) if memory.success_at.is_none() => Verdict::Unknown,
        (None, None) => match &memory.announced_move {
            Some(watch) => Verdict::Announced {
                to: watch.target_url.clone(),
            },
            None => Verdict::Fine,
        },
    }
}

fn edit(feed: &FeedConfig, verdict: &Verdict) -> Option<Edit> {
    let change = match verdict {
        Verdict::Moved { to } | Verdict::Announced { to } => Change::Url(to.clone()),
        Verdict::NotAFeed {
            replacement: Some(url),
        } => Change::Url(url.clone()),
        Verdict::Gone => Change::Disable,
        _ => return None,
    };
    Some(Edit {
        at: feed.url.at.clone(),
        change,
    })
}

fn passes(finding: &Finding) -> bool {
    use deliver::Verdict::{Doubtful, Fine};
    matches!(finding.verdict, Fine | Doubtful)
}

fn tell(report: &Report<'_>, out: &mut Output) -> std::io::Result<()> {
    let (told, patch) = (report.feeds, report.patch);
    tell_mail(report.mail, out)?;
    for told in told.iter().filter(|told| told.verdict != Verdict::Fine) {
        let text = match &told.verdict {
            Verdict::Fine => continue,
            Verdict::Moved { to } => format!("has moved for good to {to}"),
            Verdict::Announced { to } => format!("says that it moves to {to}"),
            Verdict::Gone => "is gone: its publisher took it away (410)".to_owned(),
            Verdict::GoneOnce => {
                "may be gone (410): it is asked once more in a day, to be sure".to_owned()
            }
            Verdict::NotAFeed { replacement: None } => {
                "is no feed; `feedmill discover` may find one".to_owned()
            }
            Verdict::NotAFeed {
                replacement: Some(url),
            } => format!("is a web page, which names the feed {url}"),
            Verdict::Unreachable { why } => format!("fails: {why}"),
            Verdict::Unknown => "was not asked: its host needs rest".to_owned(),
        };
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        out.line(&format!("{}: {text}", told.key))?;
    }
    let fine = told.iter().filter(|told| told.verdict == Verdict::Fine);
    out.line(&format!(
        "{} of {} feeds are fine",
        fine.count(),
        told.len()
    ))?;
    if !patch.is_empty() {
        out.line("\nThis would mend the config (`patch -p0`):\n")?;
        out.line(patch.trim_end())?;
    }
    Ok(())
}

fn tell_mail(findings: &[Finding], out: &mut Output) -> std::io::Result<()> {
    for finding in findings {
        let verdict = format!("{:?}", finding.verdict).to_lowercase();
        let text: String = finding.text.chars().filter(|c| !c.is_control()).collect();
        out.line(&format!("mail {}: {verdict}: {text}", finding.check))?;
        if let Some(advice) = &finding.advice {
            out.line(&format!("  {advice}"))?;
        }
    }
    Ok(())
}
