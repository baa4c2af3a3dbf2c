//! Documents to files for any web server: only what changed, each whole or not at all, with precompressed copies and a
//! manifest. A file is written beside its place, synced, renamed, and the folder synced (XML-2).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{PublishConfig, PublishFormat};
use crate::publish::{Document, story_page};

use super::select::Selected;
use super::{Documents, ReleaseError, Releaser, Report, State, archive};

/// What this process has written: file and tag, so that unchanged files are not even read.
#[derive(Default)]
pub(super) struct Written(HashMap<PathBuf, String>);

/// One line of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    /// File, relative to the folder.
    file: String,
    /// How to serve it.
    content_type: String,
    /// Tag of the identity bytes.
    etag: String,
    /// Last change.
    changed_at: String,
    /// Bytes.
    size_bytes: usize,
}

/// A document and the file it goes to.
type Placed = (String, Arc<Document>);

impl Releaser {
    /// Writes what changed for every merged feed that wants files. A folder that fails keeps no other from being
    /// written; the first failure is given back, further ones are told here.
    pub(super) async fn write(
        &self,
        state: &mut State,
        chosen: &[(PublishConfig, Selected)],
        documents: &Documents,
        report: &mut Report,
    ) -> Result<(), ReleaseError> {
        let folders = self.folders(state, chosen, documents).await?;
        let mut failed = Ok(());
        for (dir, placed) in folders {
            let mut known = std::mem::take(&mut state.files.0);
            let task = tokio::task::spawn_blocking(move || {
                let outcome = write_folder(&dir, &placed, &mut known);
                (known, outcome)
            });
            let (known, outcome) = task.await?;
            state.files.0 = known;
            match outcome {
                Ok(written) => report.written.extend(written),
                Err(error) if failed.is_ok() => failed = Err(error),
                Err(error) => {
                    tracing::error!(error = ?anyhow::Error::from(error), "files could not be written");
                }
            }
        }
        failed
    }

    /// Files whose bytes are not what they should be.
    pub(super) async fn differing(
        &self,
        chosen: &[(PublishConfig, Selected)],
        documents: &Documents,
    ) -> Result<Vec<PathBuf>, ReleaseError> {
        let folders = self.folders(&State::default(), chosen, documents).await?;
        let task = tokio::task::spawn_blocking(move || {
            let all = folders.iter().flat_map(|(dir, placed)| {
                placed
                    .iter()
                    .map(move |(file, document)| (dir.join(file), document))
            });
            let differs = |path: &PathBuf, document: &Document| {
                std::fs::read(path).map_or(true, |bytes| document.identity != bytes)
            };
            all.filter(|(path, document)| differs(path, document))
                .map(|(path, _)| path)
                .collect()
        });
        Ok(task.await?)
    }

    async fn folders(
        &self,
        state: &State,
        chosen: &[(PublishConfig, Selected)],
        documents: &Documents,
    ) -> Result<BTreeMap<PathBuf, BTreeMap<String, Arc<Document>>>, ReleaseError> {
        let mut folders: BTreeMap<PathBuf, BTreeMap<String, Arc<Document>>> = BTreeMap::new();
        for (output, selected) in chosen {
            let Some(dir) = &output.files else { continue };
            let folder = folders.entry(self.config.base_dir.join(dir)).or_default();
            folder.extend(self.shared(documents, output));
            folder.extend(self.stories(selected));
            folder.extend(self.archives(state, output, selected.archives).await?);
        }
        Ok(folders)
    }

    /// The merged feed's own documents and those that all share.
    fn shared(
        &self,
        documents: &HashMap<String, Arc<Document>>,
        output: &PublishConfig,
    ) -> Vec<Placed> {
        let own = [format!("/{}.", output.name), format!("/{}/", output.name)];
        let ours = |path: &str| {
            matches!(path, "/" | "/about/" | "/opml" | "/style.css")
                || own.iter().any(|prefix| path.starts_with(prefix))
        };
        let wanted = documents.values().filter(|document| ours(&document.path));
        wanted
            .map(|document| (file_of(&document.path), Arc::clone(document)))
            .collect()
    }

    /// Pages of the stories that the merged feed shows now.
    fn stories(&self, selected: &Selected) -> Vec<Placed> {
        let page = |story| {
            let output = self.shown_by(story)?;
            let html = story_page(&self.theme, &self.site, output, story).ok()?;
            let path = format!("/story/{}/", story.id.0);
            let draft = crate::publish::Draft {
                path: path.clone(),
                content_type: crate::publish::HTML,
                bytes: html.into_bytes(),
                links: Vec::new(),
            };
            Some((
                file_of(&path),
                Arc::new(self.checked(draft, story.changed_at)?),
            ))
        };
        selected.stories.iter().filter_map(page).collect()
    }

    /// Archive documents; the newest is looked at again, as it got its `next-archive` since.
    async fn archives(
        &self,
        state: &State,
        output: &PublishConfig,
        newest: Option<u32>,
    ) -> Result<Vec<Placed>, ReleaseError> {
        let mut placed = Vec::new();
        let Some(dir) = output
            .files
            .as_ref()
            .map(|dir| self.config.base_dir.join(dir))
        else {
            return Ok(placed);
        };
        let newest = newest.unwrap_or(0);
        let numbered = |format| (1..=newest).map(move |number| (format, number));
        for (format, number) in archive::formats(output).flat_map(numbered) {
            let file = format!("{}/archive/{number}.{}", output.name, suffix(format));
            if number + 1 < newest && state.files.0.contains_key(&dir.join(&file)) {
                continue;
            }
            let place = (format, number);
            let made = archive::document(&self.tools, &self.site, output, place).await?;
            let document = made.and_then(|finished| self.archived(finished));
            placed.extend(document.map(|document| (file, Arc::new(document))));
        }
        Ok(placed)
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

fn write_folder(
    dir: &Path,
    placed: &BTreeMap<String, Arc<Document>>,
    known: &mut HashMap<PathBuf, String>,
) -> Result<Vec<PathBuf>, ReleaseError> {
    let mut written = Vec::new();
    let mut manifest = read_manifest(dir);
    for file in left(&manifest, placed) {
        remove(&dir.join(&file))?;
        known.remove(&dir.join(&file));
        manifest.remove(&file);
    }
    for (file, document) in placed {
        let path = dir.join(file);
        if known.get(&path) != Some(&document.etag) {
            write_document(&path, document, &mut written)?;
            known.insert(path, document.etag.clone());
        }
        manifest.insert(file.clone(), line(file, document));
    }
    let lines: Vec<&Line> = manifest.values().collect();
    let mut bytes =
        serde_json::to_vec_pretty(&lines).expect("text and numbers always have a JSON form");
    bytes.push(b'\n');
    replace(&dir.join("manifest.json"), &bytes, &mut written)?;
    Ok(written)
}

/// Files of the manifest that no merged feed makes any more: of one that left, or of a format that did. Pages of
/// stories and archive documents that were written once stay, as readers may have links to them.
fn left(
    manifest: &BTreeMap<String, Line>,
    placed: &BTreeMap<String, Arc<Document>>,
) -> Vec<String> {
    let lasting = |file: &str| match file.split_once('/') {
        Some(("story", _)) => true,
        Some((name, rest)) => {
            let here = |suffix: &str| placed.contains_key(&format!("{name}{suffix}"));
            let kept = [".atom", ".rss", ".json", "/index.html"]
                .into_iter()
                .any(here);
            rest.starts_with("archive/") && kept
        }
        None => false,
    };
    let files = manifest.keys();
    files
        .filter(|file| !placed.contains_key(*file) && !lasting(file))
        .cloned()
        .collect()
}

/// Removes a file and its copies.
fn remove(path: &Path) -> Result<(), ReleaseError> {
    for suffix in ["", ".gz", ".br", ".zst"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ReleaseError::File { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Lines of files that are still there: stories that have left the front stay reachable.
fn read_manifest(dir: &Path) -> BTreeMap<String, Line> {
    let bytes = std::fs::read(dir.join("manifest.json")).unwrap_or_default();
    let lines: Vec<Line> = serde_json::from_slice(&bytes).unwrap_or_default();
    let there = lines
        .into_iter()
        .filter(|line| inside(&line.file) && dir.join(&line.file).is_file());
    there.map(|line| (line.file.clone(), line)).collect()
}

/// A manifest that someone else wrote must not lead out of its folder.
fn inside(file: &str) -> bool {
    let plain = |part| matches!(part, std::path::Component::Normal(_));
    Path::new(file).components().all(plain)
}

fn line(file: &str, document: &Document) -> Line {
    Line {
        file: file.to_owned(),
        content_type: document.content_type.to_owned(),
        etag: document.etag.clone(),
        changed_at: document.changed_at.to_string(),
        size_bytes: document.identity.len(),
    }
}

/// Precompressed copies first: a server that prefers them must not find an old one beside a new original for long.
fn write_document(
    path: &Path,
    document: &Document,
    written: &mut Vec<PathBuf>,
) -> Result<(), ReleaseError> {
    let codings = [
        ("gz", &document.gzip),
        ("br", &document.brotli),
        ("zst", &document.zstd),
    ];
    for (suffix, coded) in codings {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(suffix);
        let copy = PathBuf::from(name);
        match coded {
            Some(bytes) => replace(&copy, bytes, written)?,
            None if copy.exists() => {
                std::fs::remove_file(&copy)
                    .map_err(|source| ReleaseError::File { path: copy, source })?;
            }
            None => {}
        }
    }
    replace(path, &document.identity, written)
}

/// Writes `bytes` to `path` unless they are there already.
fn replace(path: &Path, bytes: &[u8], written: &mut Vec<PathBuf>) -> Result<(), ReleaseError> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    swap(path, bytes).map_err(|source| ReleaseError::File {
        path: path.to_owned(),
        source,
    })?;
    written.push(path.to_owned());
    Ok(())
}

fn swap(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}
