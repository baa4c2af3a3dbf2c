//! The publishing flow: a commit that changed something wakes it; it selects, renders, compares, records, swaps the
//! shelf and writes files. Readers never wait for it, and a document that fails its own check stays as it was.

mod answers;
mod archive;
mod carriers;
mod days;
mod drafts;
mod files;
mod gone;
mod history;
mod hub;
mod request;
mod retry;
mod select;
mod settle;
mod shown;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, PublishConfig};
use crate::fetch::BucketFault;
use crate::filter::Rules;
use crate::publish::{Document, Shelf, Site, Theme};
use crate::store::{RenderedRecord, Store, StoreError};
use crate::telemetry::Metrics;

use drafts::SiteDrafts;
use files::Hand;
pub use hub::{Courier, Draw, system_challenge};
use select::Selected;

/// Least time between two renderings.
const REST: Duration = Duration::from_secs(1);

/// News waits no longer than this for a rendering, however long the last one took.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// How often a merged feed with `max_age` is looked at when nothing happens.
const AGEING: Duration = Duration::from_secs(3600);

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
    site: Arc<Site>,
    /// The same site for files, behind which nothing is made on request.
    still: Arc<Site>,
    theme: Arc<Theme>,
    gone: gone::Gone,
    answers: answers::Answers,
    hub: Arc<hub::Bell>,
    state: Mutex<State>,
}

/// What the flow remembers between renderings; all of it can be lost.
#[derive(Default)]
struct State {
    rendered: Option<HashMap<String, RenderedRecord>>,
    site: Option<(Timestamp, SiteDrafts)>,
    site_lags_s: Option<i64>,
    /// What was withheld at the last rendering, with the reason that the operator was told.
    withheld: BTreeMap<String, String>,
    files: files::Written,
    troubles: retry::Troubles,
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
    /// An object of a bucket.
    #[error("writing {path}", path = path.display())]
    Object {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: BucketFault,
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
        let still = Site {
            live: false,
            ..site.clone()
        };
        Self {
            config,
            tools,
            site: Arc::new(site),
            still: Arc::new(still),
            theme,
            gone: gone::Gone::default(),
            answers: answers::Answers::default(),
            hub: Arc::default(),
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
            self.publish().await;
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

    /// One rendering by the flow itself, which has nobody to hand a failure to: the operator is told of it once.
    pub async fn publish(&self) {
        let outcome = self.render(Hand::Writes).await;
        let mut state = self.state.lock().await;
        match outcome {
            Ok((report, _)) => {
                state.troubles.over(Path::new(""));
                tracing::debug!(
                    changed = report.changed.len(),
                    unchanged = report.unchanged,
                    withheld = report.withheld.len(),
                    written = report.written.len(),
                    "published"
                );
            }
            Err(error) => {
                let now = self.tools.clock.now();
                state.troubles.failed(Path::new(""), &error, now);
            }
        }
    }

    /// How long nothing may be rendered: short while the list of feeds is behind or something has failed, else so long
    /// that stories leave for their age in time.
    async fn patience(&self) -> Duration {
        let state = self.state.lock().await;
        let lag = state.site_lags_s;
        let lag = lag.map(|rest_s| Duration::from_secs(rest_s.unsigned_abs()));
        let pages = state.files.lags().then_some(REST);
        let next = state.troubles.next(self.tools.clock.now());
        [lag, next, pages]
            .into_iter()
            .flatten()
            .fold(AGEING, Duration::min)
    }

    /// One rendering of everything; what did not change keeps its bytes, its tag and its instant.
    ///
    /// # Errors
    /// The store's, and those of writing files; the shelf is swapped before files are written.
    pub async fn refresh(&self) -> Result<Report, ReleaseError> {
        let (report, outcome) = self.render(Hand::Writes).await?;
        outcome.map(|()| report)
    }

    /// The same for someone who asks for it: every file and object is looked at, and put right when it is not what it
    /// should be.
    ///
    /// # Errors
    /// As of [`Self::refresh`].
    pub async fn mend(&self) -> Result<Report, ReleaseError> {
        let (report, outcome) = self.render(Hand::Mends).await?;
        outcome.map(|()| report)
    }

    /// What was done, and what came of writing files.
    async fn render(&self, hand: Hand) -> Result<(Report, Result<(), ReleaseError>), ReleaseError> {
        let mut state = self.state.lock().await;
        self.answers.turn_over();
        let now = self.tools.clock.now();
        let site = self.site_drafts(&mut state, now, true).await?;
        let chosen = self.choose(now).await?;
        let mut report = Report::default();
        let pages = self.pages(&site, &chosen);
        let drafts = self.drafts(site, &chosen, &mut report);
        let (documents, records) = self.settle(&mut state, drafts, now, &mut report).await?;
        self.record(&mut state, records).await?;
        report.touched_outputs = touched(&chosen, &report.changed);
        self.gone.learn(&state, &self.config);
        self.tools.shelf.replace(documents.clone());
        let work = files::Work {
            chosen: &chosen,
            documents: &documents,
            pages: &pages,
            now,
        };
        let outcome = self.write((&mut *state, hand), work, &mut report).await?;
        // Hubs fetch when they are told, and a web server may hand out the files: these must be there before (R6.15).
        if !report.touched_outputs.is_empty() {
            self.hub.wake.notify_one();
        }
        Ok((report, outcome))
    }

    /// Which files would be written or removed now; renders, and changes nothing but the archive bounds.
    ///
    /// # Errors
    /// The store's, and those of reading files.
    pub async fn compare(&self) -> Result<Report, ReleaseError> {
        let mut state = State::default();
        let now = self.tools.clock.now();
        let site = self.site_drafts(&mut state, now, false).await?;
        let chosen = self.choose(now).await?;
        let mut report = Report::default();
        let pages = self.pages(&site, &chosen);
        let drafts = self.drafts(site, &chosen, &mut report);
        let (documents, _) = self.settle(&mut state, drafts, now, &mut report).await?;
        let work = files::Work {
            chosen: &chosen,
            documents: &documents,
            pages: &pages,
            now,
        };
        self.differing(work, &mut report).await?;
        Ok(report)
    }

    async fn choose(&self, now: Timestamp) -> Result<Vec<(PublishConfig, Selected)>, ReleaseError> {
        let mut chosen = Vec::new();
        for output in self.config.publish.values() {
            let mut selected = select::stories(&self.tools, output, now).await?;
            let shown = &selected.stories;
            selected.archive = archive::advance(&self.tools, &self.site, output, shown).await?;
            chosen.push((output.clone(), selected));
        }
        Ok(chosen)
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
