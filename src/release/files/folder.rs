//! One folder of files: what is in it, what has to change, what may stay. A file is written beside its place, synced,
//! renamed, and the folder synced (XML-2); what no merged feed makes any more is removed last, when nothing leads to it.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::publish::Document;
use crate::release::ReleaseError;

use super::ledger::{
    COPIES, Closed, Hand, Lasting, Ledger, MANIFEST, Piece, Placed, copies, lines,
};

/// See the module's first lines.
pub(super) struct Folder {
    pub(super) ledger: Ledger,
}

impl Folder {
    /// The folder `dir`, whose files this process knows by tag.
    pub(super) fn open(
        dir: PathBuf,
        hand: Hand,
        known: (HashMap<PathBuf, String>, Timestamp),
    ) -> Self {
        let manifest = std::fs::read(dir.join(MANIFEST)).unwrap_or_default();
        let before = lines(&manifest, |file| dir.join(file).is_file());
        Self {
            ledger: Ledger::open(dir, hand, known, before),
        }
    }

    /// Puts `pieces` in their places.
    pub(super) fn put(&mut self, pieces: Vec<Placed>) {
        for (file, piece) in pieces {
            let bare = piece.bare();
            let drafted = matches!(piece, Piece::Draft(..));
            let there = drafted && self.is_there(&file, &bare);
            if there || self.ledger.is_written(&file, &bare) {
                self.ledger.placed(file, &bare);
                continue;
            }
            let Some(document) = self.ledger.finished(&file, piece, &bare) else {
                continue;
            };
            match self.write(&file, &document) {
                Ok(()) => self.ledger.placed(file, &bare),
                Err(error) => self.ledger.failed(&file, error),
            }
        }
    }

    /// Bytes that are in the file already: its copies were made of the same bytes, and are not made again to see that.
    fn is_there(&self, file: &str, bare: &Document) -> bool {
        let path = self.ledger.path(file);
        let copied = |suffix: &str| copy(&path, suffix).is_file();
        self.ledger.is_told(file, bare, copied)
            && std::fs::read(&path).is_ok_and(|bytes| bytes == bare.identity)
    }

    /// Precompressed copies first: a server that prefers them must not find an old one beside a new original for long.
    fn write(&mut self, file: &str, document: &Document) -> Result<(), ReleaseError> {
        let path = self.ledger.path(file);
        for (suffix, _, coded) in copies(document) {
            let copy = copy(&path, suffix);
            match coded {
                Some(bytes) => self.replace(&copy, bytes)?,
                None => self.remove(&copy)?,
            }
        }
        self.replace(&path, &document.identity)
    }

    /// Everything is in its place: the manifest, then the end of what nothing makes any more. What failed its check stays.
    pub(super) fn close(mut self, lasting: &Lasting, withheld: &BTreeSet<String>) -> Closed {
        let (manifest, left) = self.ledger.settle(lasting, withheld);
        if let Err(error) = self.replace(&self.ledger.path(MANIFEST), &manifest) {
            self.ledger.fail(error);
        }
        for file in left {
            let path = self.ledger.path(&file);
            let copies = COPIES.iter().map(|suffix| copy(&path, suffix));
            for path in copies.chain([path.clone()]).collect::<Vec<_>>() {
                if let Err(error) = self.remove(&path) {
                    self.ledger.fail(error);
                }
            }
            self.ledger.forget(&file);
        }
        self.ledger.closed().0
    }

    /// Writes `bytes` to `path` unless they are there already.
    fn replace(&mut self, path: &Path, bytes: &[u8]) -> Result<(), ReleaseError> {
        if std::fs::read(path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        if self.ledger.hand != Hand::Compares {
            swap(path, bytes).map_err(|source| ReleaseError::File {
                path: path.to_owned(),
                source,
            })?;
        }
        self.ledger.touched.push(path.to_owned());
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> Result<(), ReleaseError> {
        if !path.exists() {
            return Ok(());
        }
        if self.ledger.hand != Hand::Compares {
            std::fs::remove_file(path).map_err(|source| ReleaseError::File {
                path: path.to_owned(),
                source,
            })?;
        }
        self.ledger.touched.push(path.to_owned());
        Ok(())
    }
}

fn copy(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
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
