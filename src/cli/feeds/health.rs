//! One feed as `feedmill feeds` shows it: a block of lines, or an object. Shows no query of an address, which may hold a
//! key, and nothing that moves a terminal's cursor.

use jiff::Timestamp;

use crate::cli::Output;
use crate::cli::output::counted;
use crate::model::{DelayEstimate, FeedStanding, FeedState, PollReason, PushState, Repair};
use crate::schedule::silent_since;

/// One feed as shown.
#[derive(Debug, serde::Serialize)]
pub(super) struct Health<'a> {
    key: &'a str,
    title: Option<&'a str>,
    url: &'a str,
    standing: FeedStanding,
    last_result: String,
    last_poll_at: Option<Timestamp>,
    last_success_at: Option<Timestamp>,
    next_poll_at: Option<Timestamp>,
    next_poll_reason: PollReason,
    polls: u64,
    not_modified: u64,
    not_modified_percent: Option<u64>,
    unchanged: u64,
    changed: u64,
    unconditional: u64,
    received_bytes: u64,
    hits: u64,
    entries_per_poll: Option<f64>,
    delay_s: Option<u64>,
    delay_measured: Option<bool>,
    failures: u32,
    failing_since: Option<Timestamp>,
    silent_since: Option<Timestamp>,
    repairs: &'a [Repair],
    notice: Option<&'a str>,
    pushes: Vec<PushHealth<'a>>,
}

/// A subscription as shown: neither its callback nor its secret.
#[derive(Debug, serde::Serialize)]
struct PushHealth<'a> {
    hub: &'a str,
    status: &'a str,
    lease_until: Option<Timestamp>,
    deliveries: u64,
    proven: bool,
}

impl Health<'_> {
    pub(super) fn is_ill(&self) -> bool {
        self.failures > 0
            || self.silent_since.is_some()
            || self.notice.is_some()
            || matches!(
                self.standing,
                FeedStanding::Gone | FeedStanding::Dead | FeedStanding::Quarantined
            )
    }
}

/// The feed as it stands at `now`.
pub(super) fn health(feed: &FeedState, now: Timestamp) -> Health<'_> {
    let memory = &feed.memory;
    let counters = &memory.counters;
    let delay = feed.delay_estimate();
    let polled = feed.standing.is_polled() && feed.next_poll_reason != PollReason::Never;
    Health {
        key: &feed.key,
        title: feed.title.as_deref(),
        url: without_secrets(&feed.url),
        standing: feed.standing,
        last_result: last_result(feed),
        last_poll_at: memory.attempt_at,
        last_success_at: memory.success_at,
        next_poll_at: polled.then_some(feed.next_poll_at),
        next_poll_reason: feed.next_poll_reason,
        polls: counters.polls,
        not_modified: counters.not_modified,
        not_modified_percent: (counters.not_modified * 100).checked_div(counters.polls),
        unchanged: counters.unchanged,
        changed: counters.changed,
        unconditional: counters.unconditional,
        received_bytes: counters.received_bytes,
        hits: counters.hits,
        entries_per_poll: counters.entries_per_poll(),
        delay_s: delay.map(|delay| delay.duration().as_secs()),
        delay_measured: delay.map(|delay| matches!(delay, DelayEstimate::Measured(_))),
        failures: memory.failures,
        failing_since: memory.failing_since,
        silent_since: silent_since(&memory.rhythm, now),
        repairs: &memory.repairs,
        notice: memory.notice.as_deref(),
        pushes: memory.pushes.iter().map(push_health).collect(),
    }
}

fn push_health(push: &PushState) -> PushHealth<'_> {
    PushHealth {
        hub: without_secrets(&push.hub_url),
        status: &push.status,
        lease_until: push.lease_until,
        deliveries: push.deliveries,
        proven: push.proven,
    }
}

/// Up to the query, which may hold a key; with user-info, nothing.
pub(super) fn without_secrets(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let authority = url
        .split_once("://")
        .map_or("", |(_, rest)| rest)
        .split('/')
        .next()
        .unwrap_or_default();
    if authority.contains('@') {
        "(address with a password)"
    } else {
        url
    }
}

fn last_result(feed: &FeedState) -> String {
    let memory = &feed.memory;
    match (&memory.trouble, memory.success_at) {
        (Some(trouble), _) => trouble.text.clone(),
        (None, None) => "not polled yet".to_owned(),
        (None, Some(_))
            if memory.changed_at.is_some() && memory.changed_at == memory.success_at =>
        {
            "new entries".to_owned()
        }
        (None, Some(_)) => "fine".to_owned(),
    }
}

/// Prints the block.
pub(super) fn print(health: &Health<'_>, now: Timestamp, out: &mut Output) -> std::io::Result<()> {
    let title = health
        .title
        .map(|title| format!("  {}", plain(title)))
        .unwrap_or_default();
    out.line(&format!("{}{title}", health.key))?;
    out.line(&format!(
        "  last: {}{}",
        plain(&health.last_result),
        ago(health.last_poll_at, now)
    ))?;
    out.line(&format!("  next: {}", next_line(health)))?;
    out.line(&traffic_line(health))?;
    if let Some(since) = health.failing_since {
        out.line(&format!(
            "  failing since {} ({})",
            day(since),
            counted(health.failures, ["time", "times"])
        ))?;
    }
    if let Some(since) = health.silent_since {
        out.line(&format!(
            "  silent since {}, longer than its own rhythm explains",
            day(since)
        ))?;
    }
    if !health.repairs.is_empty() {
        let repairs: Vec<String> = health
            .repairs
            .iter()
            .map(|repair| format!("{} ×{}", plain(&repair.kind), repair.count))
            .collect();
        out.line(&format!("  repaired: {}", repairs.join(", ")))?;
    }
    for push in &health.pushes {
        out.line(&push_line(push))?;
    }
    health.notice.map_or(Ok(()), |notice| {
        out.line(&format!("  notice: {}", plain(notice)))
    })
}

/// What asking it costs, and what it brings.
fn traffic_line(health: &Health<'_>) -> String {
    let share = health
        .not_modified_percent
        .map_or(String::new(), |share| format!(", {share} % not modified"));
    let found = health.entries_per_poll.map_or(String::new(), |entries| {
        format!(", {entries} entries a poll")
    });
    let waits = health.delay_s.map_or(String::new(), |delay| {
        let about = if health.delay_measured == Some(true) {
            ""
        } else {
            "about "
        };
        format!(", an entry waits {about}{} min", delay.div_ceil(60))
    });
    format!(
        "  {}{share}, {} KiB received{found}{waits}",
        counted(health.polls, POLLS),
        health.received_bytes / 1024
    )
}

fn push_line(push: &PushHealth<'_>) -> String {
    let until = push
        .lease_until
        .map_or(String::new(), |until| format!(" until {}", day(until)));
    let proven = if push.proven {
        "proven"
    } else {
        "not proven yet"
    };
    format!(
        "  push: {}{until}, {}, {proven}, by {}",
        push.status,
        counted(push.deliveries, ["delivery", "deliveries"]),
        plain(push.hub)
    )
}

fn next_line(health: &Health<'_>) -> String {
    let Some(at) = health.next_poll_at else {
        return match health.standing {
            FeedStanding::Gone => "never: the publisher took the feed away (410)".to_owned(),
            FeedStanding::Active => "never: another feed is polled in its place".to_owned(),
            _ => "never: switched off in the config".to_owned(),
        };
    };
    let why = match health.next_poll_reason {
        PollReason::First => "first poll",
        PollReason::Floor => "its interval",
        PollReason::Cadence => "its learned rhythm",
        PollReason::Budget => "its learned rhythm, within the budget of requests",
        PollReason::Freshness => "the publisher's max-age",
        PollReason::RetryAfter => "the publisher's Retry-After",
        PollReason::Backoff => "rest after failures",
        PollReason::Hint => "the document's own schedule",
        PollReason::Digest => "shortly before its digest",
        PollReason::Push => "its hub pushes",
        PollReason::Host => "its host needs rest",
        PollReason::Claimed => "being polled now, or cut off in a poll",
        PollReason::Manual => "asked by hand",
        PollReason::Confirm => "once more, to confirm that it is gone",
        PollReason::Never => "not polled",
    };
    format!("{} ({why})", at.strftime("%Y-%m-%d %H:%M:%SZ"))
}

/// For [`counted`].
pub(super) const POLLS: [&str; 2] = ["poll", "polls"];

/// The day, UTC.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn ago(at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(at) = at else { return String::new() };
    let minutes = now.duration_since(at).as_mins().max(0);
    match minutes {
        0..=119 => format!(", {minutes} min ago"),
        120..=2879 => format!(", {} h ago", minutes / 60),
        _ => format!(", {} days ago", minutes / 1440),
    }
}

/// One line of what strangers wrote, without what moves a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}
