//! Archives of a feed (RFC 5005 `prev-archive`, JSON Feed `next_url`), read once where the operator asks for `backfill`:
//! at most twenty documents, on the feed's own host, spaced as polls are. What they hold is history, not news. Refuses
//! other hosts and documents that it has read; a document that fails ends the walk, and is not asked again (R3.7).

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::document::{self, Reading};
use super::{Poller, told};
use crate::fetch::{FetchRequest, Outcome, Start, host_key};
use crate::model::{FeedState, PollHints, PollReport, SideCommit, SideWay, Validators};
use crate::store::Result;

/// Documents of one feed.
const MOST: usize = 20;
/// How often feeds that have not been polled yet are looked at.
const LOOK: Duration = Duration::from_secs(60);
/// Between two tries at a busy host, at least.
const LEAST: Duration = Duration::from_millis(10);

/// How far the walk came: kept as a note, written with every document.
#[derive(Default, Serialize, Deserialize)]
struct Walk {
    read: Vec<String>,
    next: Option<String>,
}

/// What one look at a feed came to.
enum Step {
    /// One document further.
    Further,
    /// Not before this.
    Later(Timestamp),
    /// First the feed itself must be polled.
    Unpolled,
    /// Nothing is left to read.
    Done,
}

impl Poller {
    /// Reads archives until `stop`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_backfill(&self, stop: CancellationToken) -> Result<()> {
        let mut done = HashSet::new();
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                next = self.backfill(&mut done) => next?,
            };
            let left = self.shared.parts.settings.backfilling().len() > done.len();
            let nap = next.map_or(LOOK, |at| self.until(at)).clamp(LEAST, LOOK);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(nap), if left => {}
            }
        }
    }

    /// Reads what may be read now of every feed that is not in `done`; gives when there is more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn backfill(&self, done: &mut HashSet<String>) -> Result<Option<Timestamp>> {
        let mut next: Option<Timestamp> = None;
        for key in self.shared.parts.settings.backfilling() {
            while !done.contains(&key) {
                match self.backfill_step(&key).await? {
                    Step::Further => {}
                    Step::Unpolled => break,
                    Step::Later(at) => {
                        next = next.into_iter().chain([at]).min();
                        break;
                    }
                    Step::Done => {
                        done.insert(key.clone());
                    }
                }
            }
        }
        Ok(next)
    }

    async fn backfill_step(&self, key: &str) -> Result<Step> {
        let parts = &self.shared.parts;
        let polled = parts.store.feed(key).await?;
        let Some(feed) = polled.filter(|feed| feed.memory.seeded) else {
            return Ok(Step::Unpolled);
        };
        let note = format!("backfill.{key}");
        let walk: Walk = match parts.store.note(&note).await? {
            // A note of another version's making: the walk is over rather than begun anew.
            Some(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            None => Walk {
                read: Vec::new(),
                next: older(&feed.memory.hints),
            },
        };
        let Some(url) = wanted(&walk, &feed) else {
            return Ok(Step::Done);
        };
        let now = parts.clock.now();
        let gate = feed.memory.gate_until.filter(|gate| *gate > now);
        if let Some(gate) = gate {
            return Ok(Step::Later(gate));
        }
        let slot = match parts.hosts.try_start(&url, now, (parts.draw)()) {
            Start::Now(slot) => slot,
            Start::NotBefore(at, _) => return Ok(Step::Later(at)),
        };
        let request = self.archive_request(&feed, &url);
        let report = parts.fetcher.fetch(request, now).await;
        parts
            .hosts
            .finish(slot, parts.clock.now(), report.feedback());
        let next = match report.outcome {
            Outcome::Fresh { body, content_type } if is_home(&report.last_url, &feed) => {
                self.keep_archive(&feed, body, (content_type, report.last_url))
                    .await?
            }
            _ => {
                told::archived(key, &PollReport::default(), Some("it could not be fetched"));
                None
            }
        };
        let mut read = walk.read;
        read.push(url.into());
        let walk = serde_json::to_vec(&Walk { read, next }).unwrap_or_default();
        parts.store.set_note(&note, Some(walk)).await?;
        Ok(Step::Further)
    }

    /// As a first poll of the feed.
    fn archive_request(&self, feed: &FeedState, url: &Url) -> FetchRequest {
        let settings = self.shared.parts.settings.feed(&feed.key);
        let (headers, auth) = settings.proofs(&feed.configured_url, url);
        FetchRequest {
            url: url.clone(),
            validators: Validators::default(),
            without_etag: false,
            headers,
            auth,
            feed: feed.key.clone(),
            readers: None,
            politeness: Some(self.shared.politeness()),
        }
    }

    /// Stores the document's entries as history; gives the document before it.
    async fn keep_archive(
        &self,
        feed: &FeedState,
        body: bytes::Bytes,
        origin: (Option<String>, String),
    ) -> Result<Option<String>> {
        let now = self.shared.parts.clock.now();
        let read = match document::read(&self.shared, feed, body, origin, now).await {
            Reading::Feed(read) => *read,
            Reading::Same => return Ok(None),
            Reading::Nothing(trouble) => {
                told::archived(&feed.key, &PollReport::default(), Some(&trouble.text));
                return Ok(None);
            }
        };
        let commit = SideCommit {
            feed: feed.id,
            entries: read.entries,
            seen_at: now,
            way: SideWay::Archive,
        };
        let judge = std::sync::Arc::clone(&self.shared.judge);
        let report = self.shared.parts.store.commit_side(commit, judge).await?;
        told::archived(&feed.key, &report, None);
        Ok(older(&read.document.hints))
    }
}

/// Where older entries are. A page of a paged feed may change under us, an archive does not: archives first.
fn older(hints: &PollHints) -> Option<String> {
    let urls = [&hints.prev_archive_url, &hints.next_page_url];
    urls.into_iter().find_map(Clone::clone)
}

/// The next document, where it may be asked for.
fn wanted(walk: &Walk, feed: &FeedState) -> Option<Url> {
    let next = walk.next.as_ref()?;
    let known = walk.read.contains(next) || *next == feed.url || *next == feed.configured_url;
    let url = Url::parse(next)
        .ok()
        .filter(|_| !known && walk.read.len() < MOST)?;
    is_home(url.as_str(), feed).then_some(url)
}

/// Is `url` on the host that the feed is on?
fn is_home(url: &str, feed: &FeedState) -> bool {
    let host = |url: &str| Url::parse(url).ok().and_then(|url| host_key(&url));
    let home = host(url);
    home.is_some() && (home == host(&feed.url) || home == host(&feed.validators.url))
}
