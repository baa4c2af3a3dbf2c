//! What is written where: one line for each file, as the manifest tells it, and what of it this process knows to be in
//! its place. Folders and buckets keep their books here and differ only in how bytes get there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{PublishConfig, PublishFormat};
use crate::publish::{Document, Draft, Keep, check_document, finish, plain};
use crate::release::ReleaseError;

/// Where the lines are.
pub(super) const MANIFEST: &str = "manifest.json";

/// Copies that web servers hand out as they are.
pub(super) const COPIES: [&str; 3] = ["gz", "br", "zst"];

/// Below this, a document may have no copy for good reason.
const SMALL: usize = 4096;

/// What goes into a file.
pub(in crate::release) enum Piece {
    /// Finished.
    Document(Arc<Document>),
    /// Checked and coded only when its bytes are new.
    Draft(Draft, Keep),
}

impl Piece {
    /// The bytes as they are.
    pub(super) fn bare(&self) -> Document {
        match self {
            Self::Document(document) => Document::clone(document),
            Self::Draft(draft, keep) => Document {
                keep: *keep,
                ..plain(draft.path.clone(), draft.content_type, draft.bytes.clone())
            },
        }
    }
}

/// A file, and what goes into it.
pub(in crate::release) type Placed = (String, Piece);

/// Whether files are changed, or only compared with what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::release) enum Hand {
    /// Writes, and takes the manifest's word for what is there.
    Writes,
    /// Writes, and takes nobody's word.
    Mends,
    /// Only tells what is not as it should be.
    Compares,
}

/// One line of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// File, relative to the folder.
    pub(super) file: String,
    /// How to serve it.
    pub(super) content_type: String,
    /// For how long readers may keep it.
    #[serde(default)]
    pub(super) cache_control: String,
    /// Tag of the identity bytes.
    pub(super) etag: String,
    /// Last change.
    changed_at: String,
    /// Bytes.
    size_bytes: usize,
}

/// See the module's first lines.
pub(super) struct Ledger {
    /// Folder, or address of a bucket.
    root: PathBuf,
    pub(super) hand: Hand,
    now: Timestamp,
    known: HashMap<PathBuf, String>,
    before: BTreeMap<String, Line>,
    lines: BTreeMap<String, Line>,
    /// Files that show nothing any more, and do not last.
    empty: BTreeSet<String>,
    pub(super) touched: Vec<PathBuf>,
    outcome: Result<(), ReleaseError>,
}

/// What is left once all is in its place.
pub(in crate::release) struct Closed {
    pub(in crate::release) known: HashMap<PathBuf, String>,
    /// Files that were written or removed, or would have been.
    pub(in crate::release) touched: Vec<PathBuf>,
    /// The first failure; everything else was tried all the same.
    pub(in crate::release) outcome: Result<(), ReleaseError>,
}

impl Ledger {
    /// Books of `root`, which this process knows by tag and whose manifest had the lines `before`.
    pub(super) fn open(
        root: PathBuf,
        hand: Hand,
        (known, now): (HashMap<PathBuf, String>, Timestamp),
        before: BTreeMap<String, Line>,
    ) -> Self {
        Self {
            root,
            hand,
            now,
            known,
            before,
            lines: BTreeMap::new(),
            empty: BTreeSet::new(),
            touched: Vec::new(),
            outcome: Ok(()),
        }
    }

    /// Where `file` is.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Has this process written `file`?
    pub(super) fn knows(&self, file: &str) -> bool {
        self.known.contains_key(&self.path(file))
    }

    /// Is `file` part of what is published, as far as is known now?
    pub(super) fn has(&self, file: &str) -> bool {
        self.lines.contains_key(file)
            || self.before.contains_key(file) && !self.empty.contains(file)
    }

    /// Files that are part of it, as far as is known now.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let files = self.lines.keys().chain(self.before.keys());
        files.map(String::as_str)
    }

    /// Nothing is left that `file` could show.
    pub(super) fn is_empty(&mut self, file: &str) {
        self.empty.insert(file.to_owned());
    }

    /// Has this process put the very bytes there?
    pub(super) fn is_written(&self, file: &str, bare: &Document) -> bool {
        self.known.get(&self.path(file)) == Some(&bare.etag)
    }

    /// Does the manifest say that the very bytes are there, with the same headers? `copied` tells whether a copy is.
    pub(super) fn is_told(
        &self,
        file: &str,
        bare: &Document,
        copied: impl Fn(&str) -> bool,
    ) -> bool {
        let told = self.before.get(file).is_some_and(|line| {
            line.etag == bare.etag
                && line.content_type == bare.content_type
                && line.cache_control == kept_for(bare.keep)
        });
        let small = bare.identity.len() < SMALL;
        self.hand == Hand::Writes && told && (small || COPIES.iter().all(|suffix| copied(suffix)))
    }

    /// A draft as a document to be written; none when it fails its check: the file stays as it was, and the operator is
    /// told once for each kind of bytes.
    pub(super) fn finished(
        &mut self,
        file: &str,
        piece: Piece,
        bare: &Document,
    ) -> Option<Document> {
        let (draft, keep) = match piece {
            Piece::Document(document) => return Some(Document::clone(&document)),
            Piece::Draft(draft, keep) => (draft, keep),
        };
        if let Err(reason) = check_document(draft.content_type, &draft.bytes) {
            let mark = format!("refused {}", bare.etag);
            let last = self.known.insert(self.path(file), mark.clone());
            if last.as_ref() != Some(&mark) {
                tracing::error!(document.path = ?bare.path, error = ?reason, "a document failed its check and was not written");
            }
            self.keep(file);
            return None;
        }
        let made = finish(draft.path, draft.content_type, draft.bytes, self.now);
        Some(Document { keep, ..made })
    }

    /// `file` has its bytes.
    pub(super) fn placed(&mut self, file: String, bare: &Document) {
        self.known.insert(self.path(&file), bare.etag.clone());
        let line = self.line(&file, bare);
        self.lines.insert(file, line);
    }

    /// `file` stays as it was.
    pub(super) fn failed(&mut self, file: &str, error: ReleaseError) {
        self.fail(error);
        self.keep(file);
    }

    /// Remembers the first failure.
    pub(super) fn fail(&mut self, error: ReleaseError) {
        if self.outcome.is_ok() {
            self.outcome = Err(error);
        }
    }

    /// What the manifest said of `file` goes on to hold.
    pub(super) fn keep(&mut self, file: &str) {
        if let Some(line) = self.before.get(file) {
            self.lines.insert(file.to_owned(), line.clone());
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
            cache_control: kept_for(document.keep).to_owned(),
            etag: document.etag.clone(),
            changed_at,
            size_bytes: document.identity.len(),
        }
    }

    /// Everything is in its place: the manifest, and the files that nothing makes any more. What failed its check stays,
    /// and so does what lasts.
    pub(super) fn settle(
        &mut self,
        lasting: &Lasting,
        withheld: &BTreeSet<String>,
    ) -> (Vec<u8>, Vec<String>) {
        let mut left = Vec::new();
        for (file, line) in std::mem::take(&mut self.before) {
            if self.lines.contains_key(&file) {
                continue;
            }
            let lasts = lasting.holds(&file) && !self.empty.contains(&file);
            if withheld.contains(&file) || lasts {
                self.lines.insert(file, line);
            } else {
                left.push(file);
            }
        }
        let lines: Vec<&Line> = self.lines.values().collect();
        let mut bytes =
            serde_json::to_vec_pretty(&lines).expect("text and numbers always have a JSON form");
        bytes.push(b'\n');
        (bytes, left)
    }

    /// `file` is not there any more.
    pub(super) fn forget(&mut self, file: &str) {
        self.known.remove(&self.path(file));
    }

    pub(super) fn closed(self) -> (Closed, BTreeMap<String, Line>) {
        let closed = Closed {
            known: self.known,
            touched: self.touched,
            outcome: self.outcome,
        };
        (closed, self.lines)
    }
}

/// `Cache-Control` of what nobody answers for at the moment of asking: as short as R7.6 allows, since the next poll is
/// not known when the bytes are put there.
pub(super) fn kept_for(keep: Keep) -> &'static str {
    match keep {
        Keep::UntilPoll => "public, max-age=300",
        Keep::Immutable => "public, max-age=31536000, immutable",
    }
}

/// What stays though a rendering did not make it: pages of stories with the pictures on them, and finished archive
/// documents, as readers may have links to them; pages of days and feeds until their turn comes.
#[derive(Clone, Default)]
pub(in crate::release) struct Lasting {
    archived: BTreeSet<String>,
    paged: BTreeSet<String>,
}

impl Lasting {
    /// What the merged feeds at one place make.
    pub(super) fn of<'a>(outputs: impl Iterator<Item = &'a PublishConfig>) -> Self {
        let mut lasting = Self::default();
        for output in outputs {
            lasting.archived.insert(output.name.clone());
            if output.formats.contains(&PublishFormat::Html) && output.search.is_none() {
                lasting.paged.insert(output.name.clone());
            }
        }
        lasting
    }

    fn holds(&self, file: &str) -> bool {
        let Some((name, rest)) = file.split_once('/') else {
            return false;
        };
        let archived = rest
            .strip_prefix("archive/")
            .and_then(|rest| rest.split('.').next())
            .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
        let paged = rest.ends_with("/index.html")
            && (rest.starts_with("archive/") || rest.starts_with("feed/"));
        matches!(name, "story" | "icon")
            || archived && self.archived.contains(name)
            || paged && self.paged.contains(name)
    }
}

/// Lines of a manifest whose files are still there: stories that have left the front stay reachable.
pub(super) fn lines(bytes: &[u8], is_there: impl Fn(&str) -> bool) -> BTreeMap<String, Line> {
    let lines: Vec<Line> = serde_json::from_slice(bytes).unwrap_or_default();
    let there = lines
        .into_iter()
        .filter(|line| inside(&line.file) && is_there(&line.file));
    there.map(|line| (line.file.clone(), line)).collect()
}

/// A manifest that someone else wrote must not lead out of its folder.
fn inside(file: &str) -> bool {
    let plain = |part| matches!(part, Component::Normal(_));
    Path::new(file).components().all(plain)
}

/// A document's copy in a coding, by the ending of its name.
pub(super) fn copies(
    document: &Document,
) -> [(&'static str, &'static str, Option<&bytes::Bytes>); 3] {
    let codings = [&document.gzip, &document.brotli, &document.zstd];
    let names = ["gzip", "br", "zstd"];
    std::array::from_fn(|at| (COPIES[at], names[at], codings[at].as_ref()))
}
