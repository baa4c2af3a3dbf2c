//! One host: takes signals and instants, gives when it may be asked again. Pure arithmetic over its stored state.

use std::time::Duration;

use jiff::Timestamp;

use super::{Feedback, HostWait, Signal};
use crate::model::HostState;

const SECOND: Duration = Duration::from_secs(1);
const LARGEST_GAP_MS: u64 = 60_000;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// R5.5.
const BREAKER_AT: u32 = 5;
const BREAKER_FIRST: Duration = Duration::from_secs(15 * 60);
const BREAKER_LONGEST: Duration = Duration::from_secs(6 * 3600);
/// R5.4: two URLs answering 503 within this time are the host's trouble.
const UNAVAILABLE_WINDOW: Duration = Duration::from_secs(600);
const UNAVAILABLE_REST: Duration = Duration::from_secs(900);
/// R2.24.
const HTTP1_MEMORY: Duration = Duration::from_secs(7 * 86_400);

/// What is known of one host.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) state: HostState,
    pub(super) in_flight: usize,
    /// Learned something that the store does not know yet.
    pub(super) changed: bool,
    jitter: Duration,
    throttles: u32,
    unavailable: Vec<(String, Timestamp)>,
    gap_since: Option<Timestamp>,
}

impl Record {
    pub(super) fn new(host: &str) -> Self {
        Self::of(HostState {
            host: host.to_owned(),
            ..HostState::default()
        })
    }

    pub(super) fn of(state: HostState) -> Self {
        let gap_since = state.last_request_at;
        Self {
            state,
            in_flight: 0,
            changed: false,
            jitter: Duration::ZERO,
            throttles: 0,
            unavailable: Vec::new(),
            gap_since,
        }
    }

    /// The gap in force: the config's, or the learned one where it is larger.
    pub(super) fn gap(&self, configured: Duration) -> Duration {
        configured.max(Duration::from_millis(self.state.gap_ms))
    }

    /// Until when and why the host is not asked; none when it may be asked now.
    pub(super) fn wait(
        &self,
        now: Timestamp,
        gap: Duration,
        per_host: usize,
        own: bool,
    ) -> Option<(Timestamp, HostWait)> {
        let later = |at: Option<Timestamp>, wait| at.filter(|at| *at > now).map(|at| (at, wait));
        let half_open = self.state.open_until.is_some();
        let busy = self.in_flight >= if half_open { 1 } else { per_host };
        let spacing = if own {
            Duration::ZERO
        } else {
            gap + self.jitter
        };
        later(self.state.gate_until, HostWait::Gate)
            .or_else(|| later(self.state.open_until, HostWait::Breaker))
            .or_else(|| busy.then(|| (now + SECOND, HostWait::Busy)))
            .or_else(|| {
                later(
                    self.state.last_request_at.map(|at| at + spacing),
                    HostWait::Gap,
                )
            })
    }

    pub(super) fn started(&mut self, now: Timestamp, draw: f64) {
        self.in_flight += 1;
        self.jitter = Duration::from_secs_f64(if (0.0..1.0).contains(&draw) {
            draw
        } else {
            0.0
        });
        self.state.last_request_at = Some(now);
    }

    pub(super) fn count(&mut self, feedback: Feedback) {
        self.changed = true;
        self.state.requests += 1;
        self.state.received_bytes += feedback.received_bytes;
        self.state.not_modified += u64::from(feedback.not_modified);
        self.state.throttled += u64::from(matches!(feedback.signal, Signal::Throttled(_)));
    }

    pub(super) fn learn(
        &mut self,
        url: &str,
        own: bool,
        configured: Duration,
        (now, signal): (Timestamp, Signal),
    ) {
        match signal {
            Signal::Answered => {
                self.throttles = 0;
                self.reachable();
                self.decay_gap(configured, now);
            }
            Signal::Http2Broken => self.state.http1_until = Some(now + HTTP1_MEMORY),
            // An operator's own server serves many sources: one of them throttled says nothing of the rest (R5.4).
            _ if own => self.reachable(),
            Signal::Throttled(rest) => {
                self.reachable();
                self.throttles += 1;
                self.grow_gap(configured, now);
                let unnamed = doubled(HOUR, self.throttles - 1, 7 * DAY);
                self.gate(now + rest.unwrap_or(unnamed));
            }
            Signal::Unavailable(rest) => {
                self.reachable();
                self.grow_gap(configured, now);
                if self.several_unavailable(url, now) {
                    self.gate(now + rest.unwrap_or(UNAVAILABLE_REST));
                }
            }
            Signal::Forbidden => {
                self.grow_gap(configured, now);
                self.failed(now);
            }
            Signal::Unreachable => self.failed(now),
        }
    }

    /// Takes back failures that were not the host's.
    pub(super) fn forgive(&mut self, failures: u32) {
        self.changed = true;
        self.state.failures = self.state.failures.saturating_sub(failures);
        self.state.open_until = None;
    }

    pub(super) fn clear(&mut self) {
        self.changed = true;
        self.state.gate_until = None;
        self.reachable();
    }

    fn reachable(&mut self) {
        self.state.failures = 0;
        self.state.open_until = None;
    }

    fn failed(&mut self, now: Timestamp) {
        self.state.failures = self.state.failures.saturating_add(1);
        if let Some(beyond) = self.state.failures.checked_sub(BREAKER_AT) {
            self.state.open_until = Some(now + doubled(BREAKER_FIRST, beyond, BREAKER_LONGEST));
        }
    }

    /// Never shortened (R2.16).
    fn gate(&mut self, until: Timestamp) {
        self.state.gate_until = self.state.gate_until.max(Some(until));
    }

    fn several_unavailable(&mut self, url: &str, now: Timestamp) -> bool {
        self.unavailable
            .retain(|(known, at)| known != url && *at + UNAVAILABLE_WINDOW >= now);
        self.unavailable.push((url.to_owned(), now));
        self.unavailable.len() >= 2
    }

    fn grow_gap(&mut self, configured: Duration, now: Timestamp) {
        let gap = self.gap(configured).max(SECOND).as_millis();
        self.state.gap_ms = u64::try_from(gap * 2)
            .unwrap_or(LARGEST_GAP_MS)
            .min(LARGEST_GAP_MS);
        self.gap_since = Some(now);
    }

    /// R5.2: ten per cent a clean hour, back to the config's gap.
    fn decay_gap(&mut self, configured: Duration, now: Timestamp) {
        let since = self.gap_since.unwrap_or(now);
        let hours = now.duration_since(since).as_hours();
        for _ in 0..hours.clamp(0, 100) {
            self.state.gap_ms = self.state.gap_ms * 9 / 10;
        }
        if hours > 0 || self.gap_since.is_none() {
            self.gap_since = Some(now);
        }
        if Duration::from_millis(self.state.gap_ms) <= configured {
            self.state.gap_ms = 0;
        }
    }
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(longest)
}
