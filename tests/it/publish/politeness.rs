//! The status page's table of hosts: who rests first, then who was asked most; what is over is not shown.

use std::time::Duration;

use feedmill::model::{GapSource, HostState};
use feedmill::publish::{DaemonFacts, StatusView, Theme, status_page};
use jiff::Timestamp;

use super::bench::{holds, output, site};

#[test]
fn the_status_page_tells_politeness_per_host() {
    let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    let host = |name: &str, requests, gate_until| HostState {
        host: name.to_owned(),
        requests,
        gate_until,
        not_modified: requests / 2,
        throttled: 3,
        gap_ms: 4000,
        ..HostState::default()
    };
    let hour = Duration::from_secs(3600);
    let facts = DaemonFacts {
        hosts: vec![
            host("busy.example", 40, None),
            host("rested.example", 41, Some(now - hour)),
            host("resting.example", 4, Some(now + hour)),
        ],
        gaps: [
            ("busy.example", 2500, GapSource::Fetch),
            ("rested.example", 60_000, GapSource::Host),
        ]
        .map(|(host, ms, from)| (host.to_owned(), (Duration::from_millis(ms), from)))
        .into(),
        now,
        ..DaemonFacts::default()
    };
    let theme = Theme::load(None).unwrap();
    let zone = output("all").timezone;
    let page = status_page(&theme, &site(), &zone, &StatusView::default(), &facts).unwrap();
    let cells = "<td>40</td><td>50 %</td><td>3</td>";
    holds(
        &page,
        &[
            "<h2 id=\"hosts\">Politeness</h2>",
            cells,
            "<td>3 s<span class=\"small\">for all hosts</span></td>",
            "<td>60 s<span class=\"small\">for this host</span></td>",
            "<td>4 s<span class=\"small\">learned</span></td>",
        ],
    );
    for name in ["feeds", "hosts", "daemon"] {
        let named = format!("aria-labelledby=\"{name}\"");
        assert!(
            page.matches(&named).count() <= 1,
            "two landmarks named {name}"
        );
    }
    let place = |name: &str| page.find(name).unwrap();
    assert!(place("resting.example") < place("rested.example"));
    assert!(place("rested.example") < place("busy.example"));
    assert_eq!(page.matches("<tr class=\"bad\">").count(), 1);
    let none = status_page(
        &theme,
        &site(),
        &zone,
        &StatusView::default(),
        &DaemonFacts::default(),
    )
    .unwrap();
    assert!(!none.contains("Politeness"));
}
