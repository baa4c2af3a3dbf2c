//! Our own network: takes which hosts were reached when, tells whether it is us who are cut off (R5.5). Then failures
//! count for nobody, and one request at a time goes out to see whether the network is back.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

/// Failures count for nobody while four of five hosts, and at least five of them, fail within this time.
const WINDOW: Duration = Duration::from_secs(120);
const LEAST_HOSTS: usize = 5;
const PROBE_GAP: Duration = Duration::from_secs(15);

/// What was reached lately.
#[derive(Debug, Default)]
pub(super) struct Outage {
    last: HashMap<String, Last>,
    down: Option<Down>,
}

#[derive(Debug)]
struct Last {
    at: Timestamp,
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Down {
    seen_at: Timestamp,
    probed_at: Timestamp,
}

impl Outage {
    /// Notes one result. Gives the hosts whose failures showed us to be cut off, each with their number, at the moment
    /// that this becomes clear.
    pub(super) fn saw(&mut self, host: &str, reached: bool, now: Timestamp) -> Vec<(String, u32)> {
        let last = self.last.entry(host.to_owned()).or_insert(Last {
            at: now,
            failures: 0,
        });
        let recent = last.at + WINDOW >= now;
        last.failures = if reached {
            0
        } else {
            1 + if recent { last.failures } else { 0 }
        };
        last.at = now;
        let was_down = self.is_down(now);
        if (reached && !was_down) || !self.most_fail(now) {
            self.down = None;
            return Vec::new();
        }
        let probed_at = self
            .down
            .filter(|_| was_down)
            .map_or(now, |down| down.probed_at);
        self.down = Some(Down {
            seen_at: now,
            probed_at,
        });
        if was_down {
            Vec::new()
        } else {
            self.failing(now).collect()
        }
    }

    /// True while it is us.
    pub(super) fn is_down(&self, now: Timestamp) -> bool {
        self.down.is_some_and(|down| down.seen_at + WINDOW >= now)
    }

    /// While down: when the next probe may leave, if not now.
    pub(super) fn probe_at(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.down.filter(|_| self.is_down(now))?.probed_at + PROBE_GAP;
        (next > now).then_some(next)
    }

    /// A request left.
    pub(super) fn probed(&mut self, now: Timestamp) {
        if let Some(down) = &mut self.down {
            down.probed_at = now;
        }
    }

    fn most_fail(&self, now: Timestamp) -> bool {
        let failing = self.failing(now).count();
        let seen = self
            .last
            .values()
            .filter(|last| last.at + WINDOW >= now)
            .count();
        failing >= LEAST_HOSTS && failing * 5 >= seen * 4
    }

    fn failing(&self, now: Timestamp) -> impl Iterator<Item = (String, u32)> {
        let recent = move |last: &Last| last.failures > 0 && last.at + WINDOW >= now;
        let failing = self.last.iter().filter(move |(_, last)| recent(last));
        failing.map(|(host, last)| (host.clone(), last.failures))
    }
}
