//! Proof of life for the watchdog, and the line that `systemctl status` shows.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::troubles::Troubles;
use crate::http::Site;
use crate::model::{FeedStanding, MessageStanding};
use crate::store::{StoreError, StoreFacts};
use crate::systemd::{self, Notice};

/// How often the status line is renewed where no watchdog asks for more.
const STATUS_EVERY: Duration = Duration::from_secs(15);

/// Beats at least twice in the watchdog's interval.
pub(super) struct Pulse {
    ticks: Interval,
    troubles: Troubles,
}

impl Pulse {
    /// The status line begins with `troubles`.
    pub(super) fn new(troubles: Troubles) -> Self {
        let every = systemd::watchdog().map_or(STATUS_EVERY, |limit| (limit / 3).min(STATUS_EVERY));
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, troubles }
    }

    /// The next beat is due.
    pub(super) async fn next(&mut self) {
        self.ticks.tick().await;
    }

    /// A round trip through the writer thread, then the watchdog is told: a hung writer leads to a restart. An error is
    /// an answer too: on a full disk or under another process's lock a restart would end serving and mend nothing.
    pub(super) async fn beat(&self, site: &Site) {
        let alive = async {
            site.store.ping().await?;
            site.store.facts().await
        };
        match tokio::time::timeout(self.patience(), alive).await {
            Ok(Ok(facts)) => {
                if self.troubles.mended("database") {
                    tracing::info!("the database answers again");
                }
                self.tell(&line(&facts));
                measure(site, &facts);
            }
            Ok(Err(StoreError::Closed)) => tracing::error!("the database is closed"),
            Ok(Err(error)) => {
                let text = format!("{:#}", anyhow::Error::from(error));
                let line = format!("the database fails: {text}");
                if self.troubles.note("database", &line) {
                    tracing::error!(error = ?text, "the database fails");
                }
                self.tell("");
            }
            Err(_) => tracing::error!("the database did not answer in time"),
        }
    }

    /// Longer than the writer may wait for a lock (10 s) behind a group that waited as long.
    fn patience(&self) -> Duration {
        self.ticks.period() * 3 / 2
    }

    fn tell(&self, line: &str) {
        systemd::notify(Notice::Watchdog);
        systemd::notify(Notice::Status(&self.troubles.before(line)));
    }
}

fn line(facts: &StoreFacts) -> String {
    let active = feeds(facts, FeedStanding::Active);
    let queued =
        messages(facts, MessageStanding::Queued) + messages(facts, MessageStanding::Claimed);
    format!(
        "{active} feeds polled, {} stories, {queued} messages waiting",
        facts.stories
    )
}

fn feeds(facts: &StoreFacts, standing: FeedStanding) -> usize {
    facts
        .feeds
        .iter()
        .filter(|(of, _)| *of == standing)
        .map(|(_, count)| count)
        .sum()
}

fn messages(facts: &StoreFacts, standing: MessageStanding) -> usize {
    facts
        .messages
        .iter()
        .filter(|(of, _)| *of == standing)
        .map(|(_, count)| count)
        .sum()
}

fn measure(site: &Site, facts: &StoreFacts) {
    let big = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let some = |count: usize| big(count as u64);
    site.metrics
        .stored("feeds_active", some(feeds(facts, FeedStanding::Active)));
    site.metrics.stored(
        "feeds_gone",
        some(feeds(facts, FeedStanding::Gone) + feeds(facts, FeedStanding::Dead)),
    );
    site.metrics.stored(
        "feeds_quarantined",
        some(feeds(facts, FeedStanding::Quarantined)),
    );
    site.metrics.stored("entries", big(facts.entries));
    site.metrics.stored("stories", big(facts.stories));
    site.metrics.stored(
        "messages_queued",
        some(messages(facts, MessageStanding::Queued)),
    );
    site.metrics.stored(
        "messages_failed",
        some(messages(facts, MessageStanding::Failed)),
    );
    site.metrics.stored("database_bytes", big(facts.size_bytes));
}
