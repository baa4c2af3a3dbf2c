//! Our own network: takes which hosts were reached when, tells whether it is us who are cut off (R5.5). Then failures
//! count for nobody, and one request at a time goes out to see whether the network is back.
//!
//! Two signs: many hosts fail within two minutes, or one living host after the other does, however long that takes,
//! while none is reached: a few feeds are polled hours apart.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

/// Failures count for nobody while four of five hosts, and at least five of them, fail within this time.
const WINDOW: Duration = Duration::from_secs(120);
const LEAST_HOSTS: usize = 5;
/// Where fewer than that are all there are, they are doubted no longer than this.
const LONGEST_DOUBT: Duration = Duration::from_secs(86_400);
const PROBE_GAP: Duration = Duration::from_secs(15);

/// What was reached lately.
#[derive(Debug, Default)]
pub(super) struct Outage {
    last: HashMap<String, Last>,
    run: Run,
    down: Option<Down>,
    recovered: Option<Timestamp>,
}

#[derive(Debug)]
struct Last {
    at: Timestamp,
    failures: u32,
}

/// Living hosts that failed since one was reached.
#[derive(Debug, Default)]
struct Run {
    hosts: HashMap<String, u32>,
    since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Down {
    since: Timestamp,
    seen_at: Timestamp,
    probed_at: Timestamp,
}

/// What is known of the host of a result, and of all others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Its last result before those of the outage was no failure.
    pub(super) living: bool,
    /// So many hosts are not known to be dead.
    pub(super) all_living: usize,
}

impl Outage {
    /// A host was reached. It is not us, unless nearly all others fail at the same time.
    pub(super) fn reached(&mut self, host: &str, now: Timestamp) {
        self.note(host, true, now);
        let was_down = self.is_down(now);
        self.run = Run::default();
        if !was_down {
            self.down = None;
        } else if !self.most_fail(now) {
            self.recovered = self.down.take().map(|down| down.since);
        }
    }

    /// A host was not reached. Gives the hosts whose failures showed us to be cut off, each with their number, at the
    /// moment that this becomes clear.
    pub(super) fn failed(
        &mut self,
        host: &str,
        standing: Standing,
        now: Timestamp,
    ) -> Vec<(String, u32)> {
        self.note(host, false, now);
        let was_down = self.is_down(now);
        if standing.living {
            *self.run.hosts.entry(host.to_owned()).or_insert(0) += 1;
            self.run.since.get_or_insert(now);
        }
        let none_reached = self.all_fail(standing.all_living, now);
        if !none_reached && !self.most_fail(now) {
            self.down = None;
            return Vec::new();
        }
        let before = self.down.filter(|_| was_down);
        let window = now.checked_sub(WINDOW).unwrap_or(now);
        self.down = Some(Down {
            since: before.map_or(self.run.since.unwrap_or(window), |down| down.since),
            seen_at: now,
            probed_at: before.map_or(now, |down| down.probed_at),
        });
        match (was_down, none_reached) {
            (true, _) => Vec::new(),
            (false, true) => self.run.hosts.clone().into_iter().collect(),
            (false, false) => self.failing(now).collect(),
        }
    }

    /// Did `host` fail lately, while none was reached?
    pub(super) fn doubts(&self, host: &str) -> bool {
        self.run.hosts.contains_key(host)
    }

    /// True while it is us.
    pub(super) fn is_down(&self, now: Timestamp) -> bool {
        let lasts = |down: Down| match self.run.hosts.len() {
            LEAST_HOSTS.. => true,
            // Of so few hosts all failed: believed for a day.
            1.. if self.run.since == Some(down.since) => down.since + LONGEST_DOUBT >= now,
            _ => down.seen_at + WINDOW >= now,
        };
        self.down.is_some_and(lasts)
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

    /// Once after each outage: since when we were cut off.
    pub(super) fn take_recovery(&mut self) -> Option<Timestamp> {
        self.recovered.take()
    }

    fn note(&mut self, host: &str, reached: bool, now: Timestamp) {
        let last = self.last.entry(host.to_owned()).or_insert(Last {
            at: now,
            failures: 0,
        });
        let recent = last.at + WINDOW >= now;
        last.failures = match (reached, recent) {
            (true, _) => 0,
            (false, true) => 1 + last.failures,
            (false, false) => 1,
        };
        last.at = now;
    }

    /// Has every host failed, or five of them, and none been reached since?
    fn all_fail(&self, all_living: usize, now: Timestamp) -> bool {
        let failing = self.run.hosts.len();
        let doubted = |since: Timestamp| since + LONGEST_DOUBT >= now;
        // Where there is one host only, nothing tells its end from ours.
        let all = all_living >= 2 && failing >= all_living;
        failing >= LEAST_HOSTS || all && self.run.since.is_some_and(doubted)
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
