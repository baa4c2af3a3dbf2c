//! The publishing flow: a commit that changed something wakes it; it selects, renders, compares, records, swaps the
//! shelf and writes files. Readers never wait for it, and a document that fails its own check stays as it was.

mod archive;
mod carriers;
mod days;
mod files;
mod gone;
mod hub;
mod request;
mod select;
mod settle;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, PublishConfig};
use crate::filter::Rules;
use crate::publish::{
    Document, Draft, MergedFeed, Shelf, Site, Theme, feed_drafts, front_draft, site_drafts,
};
use crate::store::{RenderedRecord, Store, StoreError};
use crate::telemetry::Metrics;

pub use hub::{Courier, Draw, system_challenge};
use select::Selected;

/// Least time between two renderings.
const REST: Duration = Duration::from_secs(1);

/// News waits no longer than this for a rendering, however long the last one took.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// How often a merged feed with `max_age` is looked at when nothing happens.
const AGEING: Duration = Duration::from_secs(3600);

/// How long the list of feeds may be old on the about page and in the OPML, and so much longer for each feed in it:
/// reading ten thousand feeds each minute would cost more than the stories.
const FEEDS_REST_S: i64 = 60;
const FEEDS_PER_S: usize = 16;

/// Stories of each merged feed on the front page.
const FRONT_STORIES: usize = 5;

/// What the flow works with.
#[derive(Clone)]
pub struct Tools {
    /// Stories, and what was last rendered.
    pub store: Store,
    /// Rules of outputs.
    pub rules: Rules,
    /// Where documents are handed out.
    pub shelf: Shelf,
    /// Instants for Last-Modified and `max_age`.
    pub clock: Clock,
    /// Counts.
    pub metrics: Metrics,
}

/// The flow, built for one configuration; a reload builds a new one.
pub struct Releaser {
    config: Arc<Config>,
    tools: Tools,
    site: Site,
    theme: Arc<Theme>,
    gone: gone::Gone,
    hub_wake: Arc<Notify>,
    state: Mutex<State>,
}

/// What the flow remembers between renderings; all of it can be lost.
#[derive(Default)]
struct State {
    rendered: Option<HashMap<String, RenderedRecord>>,
    site: Option<(Timestamp, SiteDrafts)>,
    site_lags_s: Option<i64>,
    files: files::Written,
}

/// Drafts that depend on the list of feeds alone, made once per list; a refused template is told each time.
#[derive(Clone)]
struct SiteDrafts {
    rest_s: i64,
    made: Vec<Draft>,
    outcome: Result<(), String>,
}

/// Finished documents by path.
type Documents = HashMap<String, Arc<Document>>;

/// What a rendering did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Paths with new bytes.
    pub changed: Vec<String>,
    /// How many documents stayed as they were.
    pub unchanged: usize,
    /// Paths that failed their check, or templates that failed, with the reason.
    pub withheld: Vec<(String, String)>,
    /// Files written.
    pub written: Vec<PathBuf>,
    /// Merged feeds whose stories changed, by name: what hubs are told.
    pub touched_outputs: Vec<String>,
}

/// Why a rendering could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The store.
    #[error("reading stories to publish")]
    Store(#[from] StoreError),
    /// A file.
    #[error("writing {path}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The rendering task ended early.
    #[error("rendering was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Facts that all documents of this database share; ids come from its key, not from any address.
#[must_use]
pub fn site(config: &Config, store: &Store) -> Site {
    let seed = blake3::derive_key("feedmill 2026 ids of merged feeds", &store.secret_key());
    Site::of(config, blake3::Hash::from(seed).to_hex().to_string())
}

impl Releaser {
    /// A flow for `config`, rendering with `theme`.
    #[must_use]
    pub fn new(config: Arc<Config>, theme: Arc<Theme>, tools: Tools) -> Self {
        let site = site(&config, &tools.store);
        Self {
            config,
            tools,
            site,
            theme,
            gone: gone::Gone::default(),
            hub_wake: Arc::default(),
            state: Mutex::new(State::default()),
        }
    }

    /// The configuration it was built for.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Facts of the site, for the server's own pages.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Templates and texts, for the server's own pages.
    #[must_use]
    pub fn theme(&self) -> Arc<Theme> {
        Arc::clone(&self.theme)
    }

    /// Renders at once and then whenever `touched` says so, until `stop`. Rests between renderings: a second, or ten
    /// times what the last one took, so that publishing never takes more than a tenth of a core.
    pub async fn run(&self, stop: CancellationToken, touched: Arc<Notify>) {
        loop {
            let begun = Instant::now();
            match self.refresh().await {
                Ok(report) => tracing::debug!(
                    changed = report.changed.len(),
                    unchanged = report.unchanged,
                    withheld = report.withheld.len(),
                    written = report.written.len(),
                    "published"
                ),
                Err(error) => {
                    tracing::error!(error = ?anyhow::Error::from(error), "publishing failed")
                }
            }
            let rest = (begun.elapsed() * 10).clamp(REST, LONGEST_REST);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = touched.notified() => {}
                () = tokio::time::sleep(self.patience().await) => {}
            }
        }
    }

    /// How long nothing may be rendered: short while the list of feeds is behind, else so long that stories leave for
    /// their age in time.
    async fn patience(&self) -> Duration {
        let lags_s = self.state.lock().await.site_lags_s;
        lags_s.map_or(AGEING, |rest_s| Duration::from_secs(rest_s.unsigned_abs()))
    }

    /// One rendering of everything; what did not change keeps its bytes, its tag and its instant.
    ///
    /// # Errors
    /// The store's, and those of writing files; the shelf is swapped before files are written.
    pub async fn refresh(&self) -> Result<Report, ReleaseError> {
        let mut state = self.state.lock().await;
        let now = self.tools.clock.now();
        let site = self.site_drafts(&mut state, now).await?;
        let chosen = self.choose(now).await?;
        let mut report = Report::default();
        let drafts = self.drafts(site, &chosen, &mut report);
        let (documents, records) = self.settle(&mut state, drafts, now, &mut report).await?;
        self.record(&mut state, records).await?;
        report.touched_outputs = touched(&chosen, &report.changed);
        let news = !report.touched_outputs.is_empty();
        self.gone.learn(&state, &self.config);
        self.tools.shelf.replace(documents.clone());
        if news {
            self.hub_wake.notify_one();
        }
        self.write(&mut state, &chosen, &documents, &mut report)
            .await?;
        Ok(report)
    }

    /// Which files would be written now; renders, and changes nothing but the archive bounds.
    ///
    /// # Errors
    /// The store's, and those of reading files.
    pub async fn compare(&self) -> Result<Report, ReleaseError> {
        let mut state = State::default();
        let now = self.tools.clock.now();
        let site = self.site_drafts(&mut state, now).await?;
        let chosen = self.choose(now).await?;
        let mut report = Report::default();
        let drafts = self.drafts(site, &chosen, &mut report);
        let (documents, _) = self.settle(&mut state, drafts, now, &mut report).await?;
        report.written = self.differing(&chosen, &documents).await?;
        Ok(report)
    }

    /// Drafts of the list of feeds, as they were made or anew. The list itself is not kept: it is the largest thing
    /// that is ever read.
    async fn site_drafts(
        &self,
        state: &mut State,
        now: Timestamp,
    ) -> Result<SiteDrafts, ReleaseError> {
        if let Some((made_at, site)) = &state.site {
            let age = now.as_second() - made_at.as_second();
            if (0..site.rest_s).contains(&age) {
                state.site_lags_s = Some(site.rest_s);
                return Ok(site.clone());
            }
        }
        let feeds = self.tools.store.feeds(false).await?;
        let more = i64::try_from(feeds.len() / FEEDS_PER_S).unwrap_or(0);
        let (made, outcome) = site_drafts(&self.theme, &self.site, &feeds);
        let site = SiteDrafts {
            rest_s: FEEDS_REST_S + more,
            made,
            outcome,
        };
        state.site_lags_s = None;
        state.site = Some((now, site.clone()));
        Ok(site)
    }

    async fn choose(&self, now: Timestamp) -> Result<Vec<(PublishConfig, Selected)>, ReleaseError> {
        let mut chosen = Vec::new();
        for output in self.config.publish.values() {
            let mut selected = select::stories(&self.tools, output, now).await?;
            selected.archives = archive::advance(&self.tools, &self.site, output).await?;
            chosen.push((output.clone(), selected));
        }
        Ok(chosen)
    }

    fn drafts(
        &self,
        site: SiteDrafts,
        chosen: &[(PublishConfig, Selected)],
        report: &mut Report,
    ) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for (output, selected) in chosen {
            let feed = MergedFeed {
                output,
                stories: &selected.stories,
                capped: &selected.capped,
                archive: selected.archives,
            };
            let (made, outcome) = feed_drafts(&self.theme, &self.site, &feed);
            drafts.extend(made);
            if let Err(reason) = outcome {
                report.withheld.push((format!("/{}/", output.name), reason));
            }
        }
        let front = if chosen.len() == 1 {
            usize::MAX
        } else {
            FRONT_STORIES
        };
        let fronts: Vec<MergedFeed<'_>> = chosen
            .iter()
            .map(|(output, selected)| MergedFeed {
                output,
                stories: &selected.stories[..selected.stories.len().min(front)],
                capped: &selected.capped,
                archive: selected.archives,
            })
            .collect();
        match front_draft(&self.theme, &self.site, &fronts) {
            Ok(draft) => drafts.push(draft),
            Err(reason) => report.withheld.push((String::from("/"), reason)),
        }
        drafts.extend(site.made);
        if let Err(reason) = site.outcome {
            report.withheld.push((String::from("/about/"), reason));
        }
        drafts
    }
}

fn touched(chosen: &[(PublishConfig, Selected)], changed: &[String]) -> Vec<String> {
    let of = |name: &str| {
        let (file, page) = (format!("/{name}."), format!("/{name}/"));
        changed
            .iter()
            .any(|path| path.starts_with(&file) || *path == page)
    };
    chosen
        .iter()
        .map(|(output, _)| output.name.clone())
        .filter(|name| of(name))
        .collect()
}
