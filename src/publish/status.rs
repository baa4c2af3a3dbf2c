//! The health of every feed, for people: last result, next poll and why, rhythm, trouble, repairs. Holds nothing that
//! the operator has not published: no user-info, no query, no address of a subscriber.

mod hosts;
mod mail;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Zone;
use crate::model::{
    FeedId, FeedStanding, FeedState, GapSource, HostState, PollCounters, PollReason, PushState,
};

use super::about::feed_title;
use super::language::Language;
use super::page::{Page, size};
use super::site::Site;
use super::text::line;
use super::theme::Theme;
use super::view::{Frame, clock_time};
pub use mail::MailFacts;

/// Facts of the daemon, as numbers; the page names them.
#[derive(Clone, Debug, Default)]
pub struct DaemonFacts {
    /// Entries stored.
    pub entries: u64,
    /// Stories visible.
    pub stories: u64,
    /// Database file, bytes.
    pub size_bytes: u64,
    /// Messages that wait to be sent.
    pub queued: u64,
    /// How mail fares; none where there is no digest.
    pub mail: Option<MailFacts>,
    /// Politeness per host.
    pub hosts: Vec<HostState>,
    /// The gaps in force, by host, and where each comes from.
    pub gaps: HashMap<String, (Duration, GapSource)>,
    /// Feeds that are silent beyond their own rhythm, and since when.
    pub silent: Vec<(FeedId, Timestamp)>,
    /// What lies before this is over.
    pub now: Timestamp,
}

#[derive(Serialize)]
struct StatusPage {
    #[serde(flatten)]
    frame: Frame,
    facts: Vec<Fact>,
    mail: Vec<String>,
    feeds: Vec<Row>,
    more: usize,
    troubled: Option<String>,
    hosts: Vec<hosts::Row>,
}

/// Rows on the page: ten thousand feeds would be six megabytes that nobody scrolls through.
const MOST_ROWS: usize = 500;

/// What the status page is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatusView<'a> {
    /// All feeds that are known.
    pub feeds: &'a [FeedState],
    /// Which of them to list.
    pub listed: Listed,
}

/// Which feeds the status page lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listed {
    /// All, those in trouble first.
    #[default]
    All,
    /// Only those in trouble.
    Troubled,
}

#[derive(Serialize)]
struct Fact {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct Row {
    title: String,
    key: String,
    health: &'static str,
    last: String,
    trouble: Option<String>,
    repairs: Option<String>,
    silent: Option<String>,
    push: Option<String>,
    traffic: String,
    next: String,
    reason: String,
    rhythm: String,
    bars: Vec<Bar>,
    width: usize,
}

#[derive(Serialize)]
struct Bar {
    x: usize,
    y: u32,
    height: u32,
}

/// The status page; feeds in trouble first, then by key.
pub fn status_page(
    theme: &Theme,
    site: &Site,
    zone: &Zone,
    view: &StatusView<'_>,
    facts: &DaemonFacts,
) -> Page {
    let language = theme.language(&site.language);
    let mut shown: Vec<&FeedState> = view
        .feeds
        .iter()
        .filter(|feed| feed.standing != FeedStanding::Removed)
        .collect();
    let silent: HashSet<FeedId> = facts.silent.iter().map(|(id, _)| *id).collect();
    let ill = |feed: &FeedState| troubled(feed, &silent);
    shown.sort_by(|a, b| ill(b).cmp(&ill(a)).then_with(|| a.key.cmp(&b.key)));
    let ailing = shown.iter().filter(|feed| ill(feed)).count();
    let mut polls = PollCounters::default();
    for feed in &shown {
        polls.add(&feed.memory.counters);
    }
    let told = daemon(language, (shown.len(), ailing), &polls, facts);
    if view.listed == Listed::Troubled {
        shown.retain(|feed| ill(feed));
    }
    let more = shown.len().saturating_sub(MOST_ROWS);
    let link = view.listed == Listed::All && shown.first().is_some_and(|feed| ill(feed));
    let page = StatusPage {
        frame: Frame::new(theme, site, &site.language, None).headed(language.text("status_title")),
        facts: told,
        mail: mail::lines(language, zone, facts),
        more,
        troubled: link.then(|| format!("{}status?show=troubled", site.base())),
        feeds: shown
            .into_iter()
            .take(MOST_ROWS)
            .map(|feed| row(language, zone, (feed, ill(feed)), &facts.silent))
            .collect(),
        hosts: hosts::rows(language, zone, facts),
    };
    theme.render("status.html", &page)
}

fn troubled(feed: &FeedState, silent: &HashSet<FeedId>) -> bool {
    let standing = matches!(
        feed.standing,
        FeedStanding::Gone | FeedStanding::Dead | FeedStanding::Quarantined
    );
    standing
        || feed.memory.failures > 0
        || feed.memory.notice.is_some()
        || silent.contains(&feed.id)
}

fn daemon(
    language: &Language,
    (feeds, ailing): (usize, usize),
    polls: &PollCounters,
    facts: &DaemonFacts,
) -> Vec<Fact> {
    let fact = |key: &str, value: String| Fact {
        name: language.text(key).to_owned(),
        value,
    };
    vec![
        fact("about_feeds", feeds.to_string()),
        fact("status_troubled", ailing.to_string()),
        fact("status_hits", percent(polls.hit_percent())),
        fact("status_spared", percent(polls.spared_percent())),
        fact("status_entries", facts.entries.to_string()),
        fact("status_stories", facts.stories.to_string()),
        fact("status_size", size(facts.size_bytes)),
        fact("status_queue", facts.queued.to_string()),
    ]
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| String::from("–"), |share| format!("{share} %"))
}

fn row(
    language: &Language,
    zone: &Zone,
    (feed, ill): (&FeedState, bool),
    silent: &[(FeedId, Timestamp)],
) -> Row {
    let memory = &feed.memory;
    let health = match (ill, memory.success_at) {
        (true, _) => "bad",
        (false, Some(_)) if feed.standing == FeedStanding::Active => "good",
        _ => "idle",
    };
    let kinds: Vec<String> = memory
        .repairs
        .iter()
        .map(|repair| format!("{} ×{}", line(&repair.kind), repair.count))
        .collect();
    let polls = !matches!(feed.next_poll_reason, PollReason::Never);
    let days = &memory.rhythm.days;
    let total: u32 = days.iter().map(|count| u32::from(*count)).sum();
    Row {
        title: feed_title(feed),
        key: line(&feed.key),
        health,
        last: last_result(language, zone, feed),
        trouble: memory
            .trouble
            .as_ref()
            .filter(|_| memory.failures > 0)
            .map(|trouble| line(&trouble.text))
            .or(memory.notice.as_deref().map(line)),
        repairs: (!kinds.is_empty())
            .then(|| language.filled("status_repairs", &[("list", &kinds.join(", "))])),
        silent: silent
            .iter()
            .find(|(id, _)| *id == feed.id)
            .map(|(_, since)| {
                language.filled("status_silent", &[("time", &clock_time(*since, zone))])
            }),
        push: push(language, feed),
        traffic: traffic(language, feed),
        next: if polls {
            clock_time(feed.next_poll_at, zone)
        } else {
            String::from("–")
        },
        reason: language.text(reason_key(feed.next_poll_reason)).to_owned(),
        rhythm: language.filled(
            "status_rhythm_label",
            &[
                ("count", &days.len().to_string()),
                ("total", &total.to_string()),
            ],
        ),
        bars: bars(days),
        width: days.len() * 4,
    }
}

/// What the last poll came to.
fn last_result(language: &Language, zone: &Zone, feed: &FeedState) -> String {
    let memory = &feed.memory;
    let polled = memory.success_at.or(memory.attempt_at);
    match (feed.standing, memory.failing_since, memory.success_at) {
        (FeedStanding::Active, Some(since), _) if memory.failures > 0 => language.filled(
            "status_failures",
            &[
                ("count", &memory.failures.to_string()),
                ("time", &clock_time(since, zone)),
            ],
        ),
        (FeedStanding::Active, _, Some(at)) => {
            let key = if memory.ok_at == Some(at) {
                "result_fresh"
            } else {
                "result_same"
            };
            language.filled(key, &[("time", &clock_time(at, zone))])
        }
        (FeedStanding::Active, _, None) if polled.is_none() => {
            language.text("status_never").to_owned()
        }
        (standing, _, _) => language.text(standing_key(standing)).to_owned(),
    }
}

/// What became of the feed's subscriptions, where it has any: the best of them.
fn push(language: &Language, feed: &FeedState) -> Option<String> {
    let rank = |push: &&PushState| (push.status == "verified", push.proven);
    let push = feed.memory.pushes.iter().max_by_key(rank)?;
    Some(match (push.status.as_str(), push.proven) {
        ("verified", true) => language.text("status_push_proven").to_owned(),
        ("verified", false) => language.text("status_push_verified").to_owned(),
        (state, _) => language.filled("status_push_none", &[("state", state)]),
    })
}

/// Polls, the share of them answered 304, bytes, and how long an entry waits for us.
fn traffic(language: &Language, feed: &FeedState) -> String {
    let counters = &feed.memory.counters;
    let delay = feed.delay_estimate();
    let delay = delay.map(|delay| delay.duration().as_secs().div_ceil(60).to_string());
    let values = [
        ("polls", counters.polls.to_string()),
        ("share", hosts::share(counters.not_modified, counters.polls)),
        ("size", size(counters.received_bytes)),
        ("delay", delay.unwrap_or_else(|| String::from("–"))),
    ];
    let values = values
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    language.filled("status_traffic", &values)
}

/// One bar a day, scaled to the busiest; a quiet day keeps one unit, so that the line of days is seen.
fn bars(days: &[u16]) -> Vec<Bar> {
    let most = u32::from(days.iter().copied().max().unwrap_or(0).max(1));
    let bar = |(index, count): (usize, &u16)| {
        let height = 1 + u32::from(*count) * 19 / most;
        Bar {
            x: index * 4,
            y: 20 - height,
            height,
        }
    };
    days.iter().enumerate().map(bar).collect()
}

fn standing_key(standing: FeedStanding) -> &'static str {
    match standing {
        FeedStanding::Active => "standing_active",
        FeedStanding::Gone => "standing_gone",
        FeedStanding::Dead => "standing_dead",
        FeedStanding::Disabled => "standing_disabled",
        FeedStanding::Removed => "standing_removed",
        FeedStanding::Quarantined => "standing_quarantined",
    }
}

fn reason_key(reason: PollReason) -> &'static str {
    match reason {
        PollReason::First => "reason_first",
        PollReason::Floor => "reason_floor",
        PollReason::Cadence => "reason_cadence",
        PollReason::Budget => "reason_budget",
        PollReason::Freshness => "reason_freshness",
        PollReason::RetryAfter => "reason_retry_after",
        PollReason::Backoff => "reason_backoff",
        PollReason::Hint => "reason_hint",
        PollReason::Digest => "reason_digest",
        PollReason::Push => "reason_push",
        PollReason::Host => "reason_host",
        PollReason::Claimed => "reason_claimed",
        PollReason::Manual => "reason_manual",
        PollReason::Confirm => "reason_confirm",
        PollReason::Never => "reason_never",
    }
}
