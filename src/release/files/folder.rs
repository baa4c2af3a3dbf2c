//! One folder of files: what is in it, what has to change, what may stay. A file is written beside its place, synced,
//! renamed, and the folder synced (XML-2); what no merged feed makes any more is removed last, when nothing leads to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinError;

use crate::publish::{Document, Draft, check_document, finish, plain};
use crate::release::ReleaseError;

/// Copies that web servers hand out as they are.
const COPIES: [&str; 3] = ["gz", "br", "zst"];

/// Below this, a document may have no copy for good reason.
const SMALL: usize = 4096;

/// What goes into a file.
pub(super) enum Piece {
    /// Finished.
    Document(Arc<Document>),
    /// Checked and coded only when its bytes are new.
    Draft(Draft),
}

/// Whether files are changed, or only compared with what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hand {
    Writes,
    Compares,
}

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

/// See the module's first lines.
pub(super) struct Folder {
    dir: PathBuf,
    hand: Hand,
    now: Timestamp,
    known: HashMap<PathBuf, String>,
    before: BTreeMap<String, Line>,
    lines: BTreeMap<String, Line>,
    touched: Vec<PathBuf>,
    outcome: Result<(), ReleaseError>,
}

/// What is left of a folder once all is in it.
pub(super) struct Closed {
    pub(super) known: HashMap<PathBuf, String>,
    /// Files that were written or removed, or would have been.
    pub(super) touched: Vec<PathBuf>,
    /// The first failure; everything else was tried all the same.
    pub(super) outcome: Result<(), ReleaseError>,
}

impl Folder {
    /// The folder `dir`, whose files this process knows by tag.
    pub(super) fn open(
        dir: PathBuf,
        hand: Hand,
        (known, now): (HashMap<PathBuf, String>, Timestamp),
    ) -> Self {
        Self {
            before: read_manifest(&dir),
            dir,
            hand,
            now,
            known,
            lines: BTreeMap::new(),
            touched: Vec::new(),
            outcome: Ok(()),
        }
    }

    /// Has this process written `file`?
    pub(super) fn knows(&self, file: &str) -> bool {
        self.known.contains_key(&self.dir.join(file))
    }

    /// Puts `pieces` in their places, away from the threads that answer readers.
    pub(super) async fn put(mut self, pieces: Vec<(String, Piece)>) -> Result<Self, JoinError> {
        let task = tokio::task::spawn_blocking(move || {
            for (file, piece) in pieces {
                self.place(file, piece);
            }
            self
        });
        task.await
    }

    fn place(&mut self, file: String, piece: Piece) {
        let path = self.dir.join(&file);
        let bare = match &piece {
            Piece::Document(document) => Document::clone(document),
            Piece::Draft(draft) => {
                plain(draft.path.clone(), draft.content_type, draft.bytes.clone())
            }
        };
        if self.known.get(&path) != Some(&bare.etag) {
            let outcome = match piece {
                Piece::Document(document) => self.write(&path, &document),
                Piece::Draft(_) if self.is_there(&file, &bare) => Ok(()),
                Piece::Draft(draft) => {
                    if let Err(reason) = check_document(draft.content_type, &draft.bytes) {
                        self.refuse(&path, &bare, &reason);
                        return self.keep(&file);
                    }
                    let bytes = draft.bytes;
                    let document = finish(draft.path, draft.content_type, bytes, self.now);
                    self.write(&path, &document)
                }
            };
            match outcome {
                Ok(()) => {
                    self.known.insert(path, bare.etag.clone());
                }
                Err(error) => {
                    self.fail(error);
                    return self.keep(&file);
                }
            }
        }
        let line = self.line(&file, &bare);
        self.lines.insert(file, line);
    }

    /// A draft whose bytes are in the file already: its copies were made of the same bytes, and are not made again to
    /// see that.
    fn is_there(&self, file: &str, bare: &Document) -> bool {
        let path = self.dir.join(file);
        let line = self.before.get(file);
        let told = line.is_some_and(|line| line.etag == bare.etag);
        let same = || std::fs::read(&path).is_ok_and(|bytes| bytes == bare.identity);
        let copied = || COPIES.iter().all(|suffix| copy(&path, suffix).is_file());
        let small = bare.identity.len() < SMALL;
        self.hand == Hand::Writes && told && same() && (small || copied())
    }

    /// The file stays as it was; the operator is told once for each kind of bytes.
    fn refuse(&mut self, path: &Path, bare: &Document, reason: &str) {
        let mark = format!("refused {}", bare.etag);
        let last = self.known.insert(path.to_owned(), mark.clone());
        if last.as_ref() != Some(&mark) {
            tracing::error!(document.path = ?bare.path, error = ?reason, "a document failed its check and was not written");
        }
    }

    fn keep(&mut self, file: &str) {
        if let Some(line) = self.before.get(file) {
            self.lines.insert(file.to_owned(), line.clone());
        }
    }

    /// Remembers the first failure.
    pub(super) fn fail(&mut self, error: ReleaseError) {
        if self.outcome.is_ok() {
            self.outcome = Err(error);
        }
    }

    /// The instant of the last change is the document's own, else the one at which its present bytes were first put here.
    fn line(&self, file: &str, document: &Document) -> Line {
        let before = self.before.get(file);
        let same = before.filter(|line| line.etag == document.etag);
        let changed_at = match (document.changed_at, same) {
            (Some(at), _) => at.to_string(),
            (None, Some(line)) => line.changed_at.clone(),
            (None, None) => self.now.to_string(),
        };
        Line {
            file: file.to_owned(),
            content_type: document.content_type.to_owned(),
            etag: document.etag.clone(),
            changed_at,
            size_bytes: document.identity.len(),
        }
    }

    /// Precompressed copies first: a server that prefers them must not find an old one beside a new original for long.
    fn write(&mut self, path: &Path, document: &Document) -> Result<(), ReleaseError> {
        let codings = [&document.gzip, &document.brotli, &document.zstd];
        for (suffix, coded) in COPIES.into_iter().zip(codings) {
            let copy = copy(path, suffix);
            match coded {
                Some(bytes) => self.replace(&copy, bytes)?,
                None => self.remove(&copy)?,
            }
        }
        self.replace(path, &document.identity)
    }

    /// Everything is in its place: the manifest, then the end of what `names` make no more. What failed its check stays.
    pub(super) fn close(mut self, names: &BTreeSet<String>, withheld: &BTreeSet<String>) -> Closed {
        let before = std::mem::take(&mut self.before);
        let mut left = Vec::new();
        for (file, line) in before {
            if self.lines.contains_key(&file) {
                continue;
            }
            if withheld.contains(&file) || lasts(&file, names) {
                self.lines.insert(file, line);
            } else {
                left.push(file);
            }
        }
        let lines: Vec<&Line> = self.lines.values().collect();
        let mut bytes =
            serde_json::to_vec_pretty(&lines).expect("text and numbers always have a JSON form");
        bytes.push(b'\n');
        if let Err(error) = self.replace(&self.dir.join("manifest.json"), &bytes) {
            self.fail(error);
        }
        for file in left {
            let path = self.dir.join(file);
            let copies = COPIES.iter().map(|suffix| copy(&path, suffix));
            let gone = copies.chain([path.clone()]).collect::<Vec<_>>();
            for path in gone {
                if let Err(error) = self.remove(&path) {
                    self.fail(error);
                }
            }
            self.known.remove(&path);
        }
        Closed {
            known: self.known,
            touched: self.touched,
            outcome: self.outcome,
        }
    }

    /// Writes `bytes` to `path` unless they are there already.
    fn replace(&mut self, path: &Path, bytes: &[u8]) -> Result<(), ReleaseError> {
        if std::fs::read(path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        if self.hand == Hand::Writes {
            swap(path, bytes).map_err(|source| ReleaseError::File {
                path: path.to_owned(),
                source,
            })?;
        }
        self.touched.push(path.to_owned());
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> Result<(), ReleaseError> {
        if !path.exists() {
            return Ok(());
        }
        if self.hand == Hand::Writes {
            std::fs::remove_file(path).map_err(|source| ReleaseError::File {
                path: path.to_owned(),
                source,
            })?;
        }
        self.touched.push(path.to_owned());
        Ok(())
    }
}

fn copy(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Pages of stories and finished archive documents that were written once stay, as readers may have links to them.
fn lasts(file: &str, names: &BTreeSet<String>) -> bool {
    match file.split_once('/') {
        Some(("story", _)) => true,
        Some((name, rest)) => {
            let number = rest
                .strip_prefix("archive/")
                .and_then(|rest| rest.split('.').next());
            let finished = number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
            finished && names.contains(name)
        }
        None => false,
    }
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
    let plain = |part| matches!(part, Component::Normal(_));
    Path::new(file).components().all(plain)
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
