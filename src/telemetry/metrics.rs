//! Counters and gauges in the text format that Prometheus scrapes. The door to prometheus-client.
//!
//! Labels are stable words from our own code, never text from outside, so the number of series is bounded.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Counters and gauges; cheap to clone, shared by all flows.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

type Counters = Family<Kind, Counter>;

#[derive(Debug, Default)]
struct Inner {
    registry: Registry,
    polls: Counters,
    received: Counter,
    entries: Counters,
    documents: Counters,
    mail: Counters,
    editions: Counter,
    requests: Counters,
    reload_accepted: Gauge,
    stored: Family<Kind, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut inner = Inner::default();
        inner.reload_accepted.set(1);
        let mut registry = Registry::with_prefix("feedmill");
        registry.register("polls", "Polls that ended, by outcome", inner.polls.clone());
        registry.register_with_unit(
            "received",
            "Bytes of feed bodies on the wire",
            Unit::Bytes,
            inner.received.clone(),
        );
        registry.register("entries", "Entries stored, by kind", inner.entries.clone());
        registry.register(
            "documents",
            "Documents rendered, by kind",
            inner.documents.clone(),
        );
        registry.register(
            "mail_attempts",
            "Attempts to deliver, by disposition",
            inner.mail.clone(),
        );
        registry.register("editions", "Editions frozen", inner.editions.clone());
        registry.register(
            "http_requests",
            "Requests answered, by status class",
            inner.requests.clone(),
        );
        let help = "1 when the last reload was accepted, 0 when the old config stayed";
        registry.register(
            "config_last_reload_success",
            help,
            inner.reload_accepted.clone(),
        );
        registry.register(
            "stored",
            "What the database holds, by kind",
            inner.stored.clone(),
        );
        inner.registry = registry;
        Self(Arc::new(inner))
    }
}

impl Metrics {
    /// One poll ended: `outcome` is a stable word (`new`, `unchanged`, `not_modified`, a trouble class …).
    pub fn poll(&self, outcome: &'static str, received_bytes: u64) {
        count(&self.0.polls, outcome, 1);
        self.0.received.inc_by(received_bytes);
    }

    /// Entries stored by one poll.
    pub fn entries(&self, new: usize, changed: usize) {
        count(&self.0.entries, "new", new as u64);
        count(&self.0.entries, "changed", changed as u64);
    }

    /// A document got new bytes.
    pub fn rendered(&self) {
        count(&self.0.documents, "published", 1);
    }

    /// A document failed its own check and was not published.
    pub fn withheld(&self) {
        count(&self.0.documents, "withheld", 1);
    }

    /// An attempt to deliver ended: `delivered`, `transient`, `permanent`, `released`.
    pub fn mail(&self, disposition: &'static str) {
        count(&self.0.mail, disposition, 1);
    }

    /// An edition was frozen with so many messages.
    pub fn edition(&self, messages: usize) {
        self.0.editions.inc();
        count(&self.0.mail, "queued", messages as u64);
    }

    /// A request was answered.
    pub fn http(&self, status: u16) {
        let class = match status {
            200..=299 => "2xx",
            304 => "304",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        count(&self.0.requests, class, 1);
    }

    /// A reload ended.
    pub fn reload(&self, accepted: bool) {
        self.0.reload_accepted.set(i64::from(accepted));
    }

    /// Sets the gauge `feedmill_stored{kind=…}`.
    pub fn stored(&self, kind: &'static str, value: i64) {
        self.0.stored.get_or_create(&Kind { kind }).set(value);
    }

    /// Everything in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Formatting into a String cannot fail; should the encoder ever, an empty page is the honest answer.
        if encode(&mut text, &self.0.registry).is_err() {
            text.clear();
        }
        text
    }
}

fn count(counters: &Counters, kind: &'static str, by: u64) {
    counters.get_or_create(&Kind { kind }).inc_by(by);
}
