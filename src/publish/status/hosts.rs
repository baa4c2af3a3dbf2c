//! Politeness per host on the status page: those that asked for rest first, then those asked most. Takes what the store
//! keeps of hosts, gives rows; a host is a name and never an address of a feed.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::DaemonFacts;
use crate::config::Zone;
use crate::model::{GapSource, HostState};
use crate::publish::language::Language;
use crate::publish::page::size;
use crate::publish::text::line;
use crate::publish::view::clock_time;

/// Rows shown: whoever polls thousands of hosts reads `feedmill feeds --hosts`.
const SHOWN: usize = 100;

#[derive(Serialize)]
pub(super) struct Row {
    name: String,
    health: &'static str,
    requests: u64,
    share: String,
    throttled: u64,
    size: String,
    gap: String,
    gap_from: String,
    rest: String,
}

/// The hosts of the page.
pub(super) fn rows(language: &Language, zone: &Zone, facts: &DaemonFacts) -> Vec<Row> {
    let mut hosts: Vec<(&HostState, Option<Timestamp>)> = facts
        .hosts
        .iter()
        .map(|host| (host, rest_until(host, facts.now)))
        .collect();
    hosts.sort_by(|(a, rest_a), (b, rest_b)| {
        let rank = |host: &HostState, rest: &Option<Timestamp>| {
            (Reverse(rest.is_some()), Reverse(host.requests))
        };
        rank(a, rest_a)
            .cmp(&rank(b, rest_b))
            .then_with(|| a.host.cmp(&b.host))
    });
    hosts.truncate(SHOWN);
    hosts
        .into_iter()
        .map(|(host, rest)| {
            let learned = (Duration::from_millis(host.gap_ms), GapSource::Learned);
            let (gap, from) = *facts.gaps.get(&host.host).unwrap_or(&learned);
            Row {
                gap: format!("{} s", gap.as_millis().div_ceil(1000)),
                gap_from: language.text(gap_key(from)).to_owned(),
                ..row(host, rest, zone)
            }
        })
        .collect()
}

/// Gate or breaker, whichever ends later.
fn rest_until(host: &HostState, now: Timestamp) -> Option<Timestamp> {
    host.gate_until.max(host.open_until).filter(|at| *at > now)
}

fn row(host: &HostState, rest: Option<Timestamp>, zone: &Zone) -> Row {
    Row {
        name: line(&host.host),
        health: if rest.is_some() { "bad" } else { "good" },
        requests: host.requests,
        share: share(host.not_modified, host.requests),
        throttled: host.throttled,
        size: size(host.received_bytes),
        gap: String::new(),
        gap_from: String::new(),
        rest: rest.map_or_else(|| String::from("–"), |at| clock_time(at, zone)),
    }
}

fn gap_key(from: GapSource) -> &'static str {
    match from {
        GapSource::Own => "gap_own",
        GapSource::Fetch => "gap_fetch",
        GapSource::Host => "gap_host",
        GapSource::Learned => "gap_learned",
    }
}

/// A part of a whole in per cent.
pub(super) fn share(part: u64, whole: u64) -> String {
    (part * 100)
        .checked_div(whole)
        .map_or_else(|| String::from("–"), |share| format!("{share} %"))
}
