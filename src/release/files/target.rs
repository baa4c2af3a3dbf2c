//! Where files go, a folder or a bucket: both take pieces, keep books, and are closed with a manifest.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use tokio::task::JoinError;

use crate::config::Files;

use super::Written;
use super::bucket::{Bucket, Memory};
use super::folder::Folder;
use super::ledger::{Closed, Hand, Lasting, Ledger, Placed};

/// Where files go.
pub(super) enum Target {
    Folder(Folder),
    Bucket(Bucket),
}

impl Target {
    pub(super) async fn open(
        root: &Path,
        files: &Files,
        hand: Hand,
        (written, now): (&mut Written, Timestamp),
    ) -> Result<Self, JoinError> {
        let known = std::mem::take(&mut written.known);
        match files {
            Files::Folder(_) => {
                let root = root.to_owned();
                let open = move || Folder::open(root, hand, (known, now));
                Ok(Self::Folder(tokio::task::spawn_blocking(open).await?))
            }
            Files::Bucket(config) => {
                let memory = written.buckets.remove(root);
                let bucket = Bucket::open(config, hand, (known, now), memory).await;
                Ok(Self::Bucket(bucket))
            }
        }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        match self {
            Self::Folder(folder) => &folder.ledger,
            Self::Bucket(bucket) => &bucket.ledger,
        }
    }

    pub(super) fn ledger_mut(&mut self) -> &mut Ledger {
        match self {
            Self::Folder(folder) => &mut folder.ledger,
            Self::Bucket(bucket) => &mut bucket.ledger,
        }
    }

    /// Puts `pieces` in their places, away from the threads that answer readers.
    pub(super) async fn put(self, pieces: Vec<Placed>) -> Result<Self, JoinError> {
        match self {
            Self::Folder(mut folder) => {
                let put = move || {
                    folder.put(pieces);
                    Self::Folder(folder)
                };
                tokio::task::spawn_blocking(put).await
            }
            Self::Bucket(bucket) => bucket.put(pieces).await.map(Self::Bucket),
        }
    }

    /// The manifest, then the end of what is no part any more.
    pub(super) async fn close(
        self,
        (lasting, withheld): (Lasting, BTreeSet<String>),
    ) -> Result<(Closed, Option<Memory>), JoinError> {
        match self {
            Self::Folder(folder) => {
                let close = move || (folder.close(&lasting, &withheld), None);
                tokio::task::spawn_blocking(close).await
            }
            Self::Bucket(bucket) => Ok(bucket.close(&lasting, &withheld).await),
        }
    }
}
