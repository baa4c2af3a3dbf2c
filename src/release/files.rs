//! Documents to files for any web server, in a folder or a bucket: only what changed, each whole or not at all, with
//! precompressed copies and a manifest. One document after the other, so that a long archive costs no memory.

mod bucket;
mod folder;
mod ledger;
mod paging;
mod target;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Files, PublishConfig, PublishFormat};
use crate::model::IconRef;
use crate::publish::{Document, Draft, HTML, Keep, Volume, plain, story_page};

use super::retry::Troubles;
use super::select::Selected;
use super::{Documents, ReleaseError, Releaser, Report, State, archive};
use bucket::Memory;
pub(super) use ledger::Hand;
use ledger::{Lasting, Ledger, Piece, Placed};
use paging::Round;
use target::Target;

/// What this process has written: file and tag, so that unchanged files are not even read; and what buckets hold.
#[derive(Default)]
pub(super) struct Written {
    known: HashMap<PathBuf, String>,
    buckets: HashMap<PathBuf, Memory>,
    /// How far the look at pages of days and feeds has come, by place and merged feed.
    rounds: BTreeMap<(PathBuf, String), Round>,
}

/// What a rendering made.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) chosen: &'a [(PublishConfig, Selected)],
    pub(super) documents: &'a Documents,
    /// Pages as files.
    pub(super) pages: &'a [Draft],
    pub(super) now: Timestamp,
}

/// Merged feeds by the place where their files go.
type Outputs<'a> = Vec<&'a (PublishConfig, Selected)>;

impl Written {
    /// Is there a page of a day or a feed that this process has not looked at?
    pub(super) fn lags(&self) -> bool {
        self.rounds.values().any(Round::is_under_way)
    }
}

impl Releaser {
    /// Writes what changed for every merged feed that wants files. A folder that fails keeps no other from being
    /// written, and is left alone for a while; the first failure is given back.
    pub(super) async fn write(
        &self,
        (state, hand): (&mut State, Hand),
        work: Work<'_>,
        report: &mut Report,
    ) -> Result<Result<(), ReleaseError>, ReleaseError> {
        let written = std::mem::take(&mut state.files);
        let mut troubles = std::mem::take(&mut state.troubles);
        let filled = self
            .fill_all((hand, written, &mut troubles), work, report)
            .await;
        state.troubles = troubles;
        let (written, outcome) = filled?;
        state.files = written;
        Ok(outcome)
    }

    /// Files, copies and manifests that are not what they should be, and those that should not be there.
    pub(super) async fn differing(
        &self,
        work: Work<'_>,
        report: &mut Report,
    ) -> Result<(), ReleaseError> {
        let mut troubles = Troubles::default();
        let hand = (Hand::Compares, Written::default(), &mut troubles);
        self.fill_all(hand, work, report).await?.1
    }

    async fn fill_all(
        &self,
        (hand, mut written, troubles): (Hand, Written, &mut Troubles),
        work: Work<'_>,
        report: &mut Report,
    ) -> Result<(Written, Result<(), ReleaseError>), ReleaseError> {
        let withheld = report.withheld.iter().map(|(path, _)| file_of(path));
        let withheld: BTreeSet<String> = withheld.collect();
        let mut first = Ok(());
        for (root, (files, outputs)) in self.targets(work.chosen) {
            if hand == Hand::Writes && troubles.rests(&root, work.now) {
                continue;
            }
            let target = Target::open(&root, files, hand, (&mut written, work.now)).await?;
            let target = self
                .fill(target, &outputs, (&root, &mut written, work))
                .await?;
            let lasting = Lasting::of(outputs.iter().map(|(output, _)| output));
            let closed = target.close((lasting, withheld.clone())).await?;
            let (closed, memory) = closed;
            written.known = closed.known;
            let memory = memory.map(|memory| (root.clone(), memory));
            written.buckets.extend(memory);
            report.written.extend(closed.touched);
            match closed.outcome {
                Ok(()) => troubles.over(&root),
                Err(error) => {
                    // What was looked at may not be there: everything is looked at again.
                    written.rounds.retain(|(place, _), _| *place != root);
                    if hand == Hand::Writes {
                        troubles.failed(&root, &error, work.now);
                    } else if first.is_err() {
                        tracing::error!(error = ?anyhow::Error::from(error), "files failed, too");
                        continue;
                    }
                    first = first.and(Err(error));
                }
            }
        }
        Ok((written, first))
    }

    /// Where files go, and whose.
    fn targets<'a>(
        &self,
        chosen: &'a [(PublishConfig, Selected)],
    ) -> BTreeMap<PathBuf, (&'a Files, Outputs<'a>)> {
        let mut targets: BTreeMap<PathBuf, (&Files, Outputs<'_>)> = BTreeMap::new();
        for each in chosen {
            if let Some(files) = &each.0.files {
                let root = match files {
                    Files::Folder(dir) => self.config.base_dir.join(dir),
                    Files::Bucket(config) => bucket::address(config),
                };
                let (_, outputs) = targets.entry(root).or_insert((files, Vec::new()));
                outputs.push(each);
            }
        }
        targets
    }

    /// Puts everything that `outputs` publish in its place, which remembers what failed: what others lead to first, so
    /// that no link leads nowhere for long, and the front page last.
    async fn fill(
        &self,
        mut target: Target,
        outputs: &[&(PublishConfig, Selected)],
        (root, written, work): (&Path, &mut Written, Work<'_>),
    ) -> Result<Target, ReleaseError> {
        let mut pieces: BTreeMap<(u8, String), Piece> = BTreeMap::new();
        for (output, selected) in outputs {
            let shared = self.shared(work, output).into_iter();
            for (file, piece) in shared.chain(self.stories(selected)) {
                pieces.insert((rank(&file), file), piece);
            }
        }
        let icons = self.icons(target.ledger(), outputs).await?;
        target = target.put(icons).await?;
        let mut rest = pieces.split_off(&(LISTS, String::new()));
        target = target.put(batch(pieces)).await?;
        for (output, selected) in outputs {
            for place in self.volumes(target.ledger(), output, selected) {
                match archive::document(&self.tools, &self.still, output, place).await {
                    Ok(Some(made)) => {
                        let keep = if made.frozen {
                            Keep::Immutable
                        } else {
                            Keep::UntilPoll
                        };
                        let file = file_of(&made.draft.path);
                        target = target
                            .put(vec![(file, Piece::Draft(made.draft, keep))])
                            .await?;
                    }
                    Ok(None) => {}
                    Err(error) => target.ledger_mut().fail(error),
                }
            }
        }
        for each in outputs {
            let round = (root.to_owned(), each.0.name.clone());
            let round = written.rounds.entry(round).or_default();
            target = self.history(target, each, round).await?;
        }
        let front = rest.split_off(&(FRONT, String::new()));
        target = target.put(batch(rest)).await?;
        Ok(target.put(batch(front)).await?)
    }

    /// The merged feed's own documents and those that all share; pages as they are for files.
    fn shared(&self, work: Work<'_>, output: &PublishConfig) -> Vec<Placed> {
        let own = [format!("/{}.", output.name), format!("/{}/", output.name)];
        let ours = |path: &str| {
            matches!(
                path,
                "/" | "/about/" | "/changes/" | "/opml" | "/style.css" | "/icon.svg"
            ) || own.iter().any(|prefix| path.starts_with(prefix))
        };
        let documents = work.documents.values();
        let finished = documents
            .filter(|document| document.content_type != HTML && ours(&document.path))
            .map(|document| {
                let piece = Piece::Document(Arc::clone(document));
                (file_of(&document.path), piece)
            });
        let pages = work.pages.iter().filter(|draft| ours(&draft.path));
        let page = |draft: &Draft| Piece::Draft(draft.clone(), Keep::UntilPoll);
        let pages = pages.map(|draft| (file_of(&draft.path), page(draft)));
        finished.chain(pages).collect()
    }

    /// Pictures of the feeds of those stories, as far as this process has not written them.
    async fn icons(
        &self,
        ledger: &Ledger,
        outputs: &[&(PublishConfig, Selected)],
    ) -> Result<Vec<Placed>, ReleaseError> {
        let shown = outputs.iter().flat_map(|(_, selected)| &selected.stories);
        let icons = shown.filter_map(|story| story.lead.feed.icon.as_ref());
        let icons: BTreeMap<String, &IconRef> = icons
            .filter(|_| self.still.icons)
            .map(|icon| (icon.path(), icon))
            .filter(|(file, _)| !ledger.knows(file))
            .collect();
        let mut placed = Vec::new();
        for (file, icon) in icons {
            let bytes = self.tools.store.icon(icon.clone()).await?;
            placed.extend(bytes.map(|bytes| {
                let bare = plain(format!("/{file}"), icon.kind.media_type(), bytes);
                let keep = Keep::Immutable;
                (file, Piece::Document(Arc::new(Document { keep, ..bare })))
            }));
        }
        Ok(placed)
    }

    /// Pages of the stories that the merged feed shows now.
    fn stories(&self, selected: &Selected) -> Vec<Placed> {
        let page = |story| {
            let output = self.shown_by(story)?;
            let html = story_page(&self.theme, &self.still, output, story).ok()?;
            let draft = Draft::page(format!("/story/{}/", story.id.0), html);
            Some((file_of(&draft.path), Piece::Draft(draft, Keep::UntilPoll)))
        };
        selected.stories.iter().filter_map(page).collect()
    }

    /// Archive documents to write: the finished ones that this process has not written yet, the newest finished one as
    /// it may have changed, and the one under way.
    fn volumes(
        &self,
        ledger: &Ledger,
        output: &PublishConfig,
        selected: &Selected,
    ) -> Vec<(PublishFormat, Volume)> {
        let Some(last) = selected.archive else {
            return Vec::new();
        };
        let newest = last.number - u32::from(last.until.is_some());
        let mut volumes = Vec::new();
        for format in archive::formats(output) {
            for number in 1..=newest {
                let file = format!("{}/archive/{number}.{}", output.name, suffix(format));
                if number + 1 >= newest || !ledger.knows(&file) {
                    volumes.push((format, Volume::finished(number)));
                }
            }
            volumes.extend(last.until.map(|_| (format, last)));
        }
        volumes
    }
}

/// From this rank on, documents lead to others.
const LISTS: u8 = 1;
/// The front page, which leads to everything.
const FRONT: u8 = 2;

/// Style and stories before the documents that name them.
fn rank(file: &str) -> u8 {
    match file {
        "index.html" => FRONT,
        "style.css" | "icon.svg" => 0,
        file if file.starts_with("story/") || file.starts_with("icon/") => 0,
        _ => LISTS,
    }
}

fn batch(pieces: BTreeMap<(u8, String), Piece>) -> Vec<Placed> {
    let pieces = pieces.into_iter();
    pieces.map(|((_, file), piece)| (file, piece)).collect()
}

fn suffix(format: PublishFormat) -> &'static str {
    match format {
        PublishFormat::Json => "json",
        _ => "atom",
    }
}

/// `/` is `index.html`, a path that ends with a slash is the `index.html` of its folder.
fn file_of(path: &str) -> String {
    let path = path.trim_start_matches('/');
    if path.is_empty() || path.ends_with('/') {
        format!("{path}index.html")
    } else {
        path.to_owned()
    }
}
