//! `feedmill feeds --total`: what polling all feeds came to since each was added (R4.7).

use super::health::POLLS;
use crate::cli::Output;
use crate::cli::output::{FEEDS, counted};
use crate::model::{FeedState, PollCounters};

/// All feeds together.
#[derive(Debug, serde::Serialize)]
struct Total {
    feeds: usize,
    polls: u64,
    hits: u64,
    hit_percent: Option<f64>,
    not_modified: u64,
    unchanged: u64,
    changed: u64,
    /// Of the answers that had nothing new, those that cost no body.
    spared_percent: Option<f64>,
    unconditional: u64,
    received_bytes: u64,
    entries: u64,
    entries_per_poll: Option<f64>,
    delay_s: Option<u64>,
}

/// Prints it.
pub(super) fn show(feeds: &[FeedState], json: bool, out: &mut Output) -> std::io::Result<()> {
    let mut sum = PollCounters::default();
    for feed in feeds {
        sum.add(&feed.memory.counters);
    }
    let total = Total {
        feeds: feeds.len(),
        polls: sum.polls,
        hits: sum.hits,
        hit_percent: sum.hit_percent(),
        not_modified: sum.not_modified,
        unchanged: sum.unchanged,
        changed: sum.changed,
        spared_percent: sum.spared_percent(),
        unconditional: sum.unconditional,
        received_bytes: sum.received_bytes,
        entries: sum.entries,
        entries_per_poll: sum.entries_per_poll(),
        delay_s: sum.mean_wait().map(|wait| wait.as_secs()),
    };
    if json {
        return out.json(&total);
    }
    let percent = |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{share} %"));
    out.line(&format!(
        "{}, {}, {} KiB received",
        counted(total.feeds, FEEDS),
        counted(total.polls, POLLS),
        total.received_bytes / 1024
    ))?;
    out.line(&format!(
        "  found something new: {} ({}, {})",
        percent(total.hit_percent),
        counted(total.hits, POLLS),
        counted(total.entries, ["entry", "entries"])
    ))?;
    out.line(&format!(
        "  had nothing and cost no body: {} ({} not modified, {} the same body)",
        percent(total.spared_percent),
        total.not_modified,
        total.unchanged
    ))?;
    out.line(&format!(
        "  asked without validators: {}",
        total.unconditional
    ))?;
    let waits = total.delay_s.map_or("–".to_owned(), |delay| {
        format!("{} min", delay.div_ceil(60))
    });
    out.line(&format!("  an entry waits for us: {waits}"))
}
