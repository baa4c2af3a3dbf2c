//! Documents to files for any web server: only what changed, each whole or not at all, with precompressed copies and a
//! manifest. One document after the other, so that a long archive costs no memory.

mod folder;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{PublishConfig, PublishFormat};
use crate::publish::{Draft, HTML, Volume, story_page};

use super::select::Selected;
use super::{Documents, ReleaseError, Releaser, Report, State, archive};
use folder::{Folder, Hand, Piece};

/// What this process has written: file and tag, so that unchanged files are not even read.
#[derive(Default)]
pub(super) struct Written(HashMap<PathBuf, String>);

/// What a rendering made.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) chosen: &'a [(PublishConfig, Selected)],
    pub(super) documents: &'a Documents,
    /// Pages as files.
    pub(super) pages: &'a [Draft],
    pub(super) now: Timestamp,
}

/// A file, and what goes into it.
type Placed = (String, Piece);

impl Releaser {
    /// Writes what changed for every merged feed that wants files. A folder that fails keeps no other from being
    /// written; the first failure is given back, further ones are told here.
    pub(super) async fn write(
        &self,
        state: &mut State,
        work: Work<'_>,
        report: &mut Report,
    ) -> Result<(), ReleaseError> {
        let known = std::mem::take(&mut state.files.0);
        let (known, outcome) = self.fill_all((Hand::Writes, known), work, report).await?;
        state.files.0 = known;
        outcome
    }

    /// Files, copies and manifests that are not what they should be, and those that should not be there.
    pub(super) async fn differing(
        &self,
        work: Work<'_>,
        report: &mut Report,
    ) -> Result<(), ReleaseError> {
        let hand = (Hand::Compares, HashMap::new());
        self.fill_all(hand, work, report).await?.1
    }

    async fn fill_all(
        &self,
        (hand, mut known): (Hand, HashMap<PathBuf, String>),
        work: Work<'_>,
        report: &mut Report,
    ) -> Result<(HashMap<PathBuf, String>, Result<(), ReleaseError>), ReleaseError> {
        let withheld = report.withheld.iter().map(|(path, _)| file_of(path));
        let withheld: BTreeSet<String> = withheld.collect();
        let mut first = Ok(());
        for (dir, outputs) in self.folders(work.chosen) {
            let folder = Folder::open(dir, hand, (known, work.now));
            let folder = self.fill(folder, &outputs, work).await?;
            let names = outputs.iter().map(|(output, _)| output.name.clone());
            let (names, withheld) = (names.collect(), withheld.clone());
            let close = move || folder.close(&names, &withheld);
            let closed = tokio::task::spawn_blocking(close).await?;
            known = closed.known;
            report.written.extend(closed.touched);
            match closed.outcome {
                Err(error) if first.is_ok() => first = Err(error),
                Err(error) => {
                    tracing::error!(error = ?anyhow::Error::from(error), "files could not be written");
                }
                Ok(()) => {}
            }
        }
        Ok((known, first))
    }

    fn folders<'a>(
        &self,
        chosen: &'a [(PublishConfig, Selected)],
    ) -> BTreeMap<PathBuf, Vec<&'a (PublishConfig, Selected)>> {
        let mut folders: BTreeMap<PathBuf, Vec<&'a (PublishConfig, Selected)>> = BTreeMap::new();
        for each in chosen {
            if let Some(dir) = &each.0.files {
                let dir = self.config.base_dir.join(dir);
                folders.entry(dir).or_default().push(each);
            }
        }
        folders
    }

    /// Puts everything that `outputs` publish into `folder`, which remembers what failed.
    async fn fill(
        &self,
        mut folder: Folder,
        outputs: &[&(PublishConfig, Selected)],
        work: Work<'_>,
    ) -> Result<Folder, ReleaseError> {
        let mut pieces: BTreeMap<String, Piece> = BTreeMap::new();
        for (output, selected) in outputs {
            pieces.extend(self.shared(work, output));
            pieces.extend(self.stories(selected));
        }
        folder = folder.put(pieces.into_iter().collect()).await?;
        for (output, selected) in outputs {
            for place in self.volumes(&folder, output, selected) {
                match archive::document(&self.tools, &self.still, output, place).await {
                    Ok(Some(made)) => {
                        let piece = (file_of(&made.draft.path), Piece::Draft(made.draft));
                        folder = folder.put(vec![piece]).await?;
                    }
                    Ok(None) => {}
                    Err(error) => folder.fail(error),
                }
            }
        }
        Ok(folder)
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
        let pages = pages.map(|draft| (file_of(&draft.path), Piece::Draft(draft.clone())));
        finished.chain(pages).collect()
    }

    /// Pages of the stories that the merged feed shows now.
    fn stories(&self, selected: &Selected) -> Vec<Placed> {
        let page = |story| {
            let output = self.shown_by(story)?;
            let html = story_page(&self.theme, &self.still, output, story).ok()?;
            let draft = Draft {
                path: format!("/story/{}/", story.id.0),
                content_type: HTML,
                bytes: html.into_bytes(),
                links: Vec::new(),
            };
            Some((file_of(&draft.path), Piece::Draft(draft)))
        };
        selected.stories.iter().filter_map(page).collect()
    }

    /// Archive documents to write: the finished ones that this process has not written yet, the newest finished one as
    /// it may have changed, and the one under way.
    fn volumes(
        &self,
        folder: &Folder,
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
                if number + 1 >= newest || !folder.knows(&file) {
                    volumes.push((format, Volume::finished(number)));
                }
            }
            volumes.extend(last.until.map(|_| (format, last)));
        }
        volumes
    }
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
