//! `feedmill feeds --hosts`: politeness per host, as their operators see us: requests, the share answered 304, requests
//! to slow down, bytes, the gap kept, and until when nobody asks. Shows host names only, never addresses of feeds.

use jiff::Timestamp;

use crate::cli::Output;
use crate::fetch::HostGaps;
use crate::model::{GapSource, HostState};

/// One host as shown.
#[derive(Debug, serde::Serialize)]
struct Politeness<'a> {
    host: &'a str,
    requests: u64,
    not_modified_percent: Option<u64>,
    throttled: u64,
    received_bytes: u64,
    gap_s: f64,
    gap_from: GapSource,
    gate_until: Option<Timestamp>,
    breaker_until: Option<Timestamp>,
    http1_until: Option<Timestamp>,
    failures: u32,
}

/// Prints the table, hosts with most requests first; what is over at `now` is not shown.
pub(super) fn show(
    hosts: &[HostState],
    gaps: &HostGaps,
    now: Timestamp,
    (json, out): (bool, &mut Output),
) -> std::io::Result<()> {
    let mut shown: Vec<Politeness<'_>> = hosts
        .iter()
        .map(|host| politeness(host, gaps, now))
        .collect();
    shown.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.host.cmp(b.host)));
    if json {
        return out.json(&shown);
    }
    out.line(&row(&[
        "HOST", "REQUESTS", "304", "429", "KIB", "GAP", "FROM", "REST",
    ]))?;
    for host in &shown {
        print(host, out)?;
    }
    out.line(&format!("{} hosts", shown.len()))
}

fn politeness<'a>(host: &'a HostState, gaps: &HostGaps, now: Timestamp) -> Politeness<'a> {
    let ahead = |at: Option<Timestamp>| at.filter(|at| *at > now);
    let (gap, gap_from) = gaps.in_force(host);
    Politeness {
        host: &host.host,
        requests: host.requests,
        not_modified_percent: (host.not_modified * 100).checked_div(host.requests),
        throttled: host.throttled,
        received_bytes: host.received_bytes,
        gap_s: gap.as_secs_f64(),
        gap_from,
        gate_until: ahead(host.gate_until),
        breaker_until: ahead(host.open_until),
        http1_until: ahead(host.http1_until),
        failures: host.failures,
    }
}

fn print(host: &Politeness<'_>, out: &mut Output) -> std::io::Result<()> {
    let share = host
        .not_modified_percent
        .map_or_else(|| "–".to_owned(), |share| format!("{share} %"));
    let until = |word: &str, at: Option<Timestamp>| {
        at.map(|at| format!("{word} until {}", at.strftime("%Y-%m-%d %H:%M:%SZ")))
    };
    let rest = [
        until("gate", host.gate_until),
        until("breaker", host.breaker_until),
        until("HTTP/1.1", host.http1_until),
    ];
    let rest = rest.into_iter().flatten().collect::<Vec<_>>().join(", ");
    out.line(&row(&[
        host.host,
        &host.requests.to_string(),
        &share,
        &host.throttled.to_string(),
        &(host.received_bytes / 1024).to_string(),
        &format!("{} s", host.gap_s),
        from(host.gap_from),
        &rest,
    ]))
}

fn from(source: GapSource) -> &'static str {
    match source {
        GapSource::Own => "own net",
        GapSource::Fetch => "[fetch]",
        GapSource::Host => "[host]",
        GapSource::Learned => "learned",
    }
}

fn row(cells: &[&str; 8]) -> String {
    let [host, requests, share, throttled, bytes, gap, from, rest] = cells;
    format!(
        "{host:<32} {requests:>8} {share:>6} {throttled:>5} {bytes:>9} {gap:>7} {from:<7}  {rest}"
    )
    .trim_end()
    .to_owned()
}
