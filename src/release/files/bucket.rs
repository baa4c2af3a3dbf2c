//! Files in a bucket of object storage: the same objects as in a folder, each with its type, coding and lifetime as
//! headers. The storage compares nothing, so the manifest tells what is there: it is read once, with the list of keys,
//! and written last. The first request that fails ends the writing until the next rendering: a storage that does not
//! answer must not be asked a thousand times.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use tokio::task::JoinError;

use crate::config::BucketConfig;
use crate::fetch::{self, BucketFault, Object};
use crate::publish::{Document, Keep};
use crate::release::ReleaseError;

use super::ledger::{
    COPIES, Closed, Hand, Lasting, Ledger, Line, MANIFEST, Placed, copies, kept_for, lines,
};

/// Documents written at once.
const AT_ONCE: usize = 8;

/// What is known of a bucket between two renderings: nobody else writes there.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    client: Arc<fetch::Bucket>,
    lines: BTreeMap<String, Line>,
    keys: BTreeSet<String>,
    /// The manifest as it is there.
    manifest: Bytes,
}

/// See the module's first lines.
pub(super) struct Bucket {
    pub(super) ledger: Ledger,
    /// None when the storage could not be asked.
    client: Option<Arc<fetch::Bucket>>,
    keys: BTreeSet<String>,
    manifest: Bytes,
    /// A request failed: no other is made.
    stopped: Arc<AtomicBool>,
}

/// What came of one document.
struct Written {
    file: String,
    bare: Document,
    /// Keys that were written, or would have been.
    put: Vec<String>,
    /// Keys that were removed, or would have been.
    removed: Vec<String>,
    fault: Option<(String, BucketFault)>,
}

/// How a bucket is named to people.
pub(super) fn address(config: &BucketConfig) -> PathBuf {
    let root = PathBuf::from(format!("s3://{}", config.name));
    if config.prefix.is_empty() {
        root
    } else {
        root.join(&config.prefix)
    }
}

impl Bucket {
    /// The bucket of `config`, as it was left by this process or as its manifest tells.
    pub(super) async fn open(
        config: &BucketConfig,
        hand: Hand,
        known: (HashMap<PathBuf, String>, Timestamp),
        memory: Option<Memory>,
    ) -> Self {
        let root = address(config);
        let read = match memory {
            Some(memory) => Ok(memory),
            None => remembered(config).await,
        };
        let (memory, fault) = match read {
            Ok(memory) => (Some(memory), None),
            Err(fault) => (None, Some(fault)),
        };
        let (client, memory) = match memory {
            Some(memory) => (Some(Arc::clone(&memory.client)), Some(memory)),
            None => (None, None),
        };
        let (before, keys, manifest) = memory.map_or_else(Default::default, |memory| {
            (memory.lines, memory.keys, memory.manifest)
        });
        let mut bucket = Self {
            ledger: Ledger::open(root, hand, known, before),
            client,
            keys,
            manifest,
            stopped: Arc::default(),
        };
        if let Some(fault) = fault {
            bucket.refused(MANIFEST, fault);
        }
        bucket
    }

    /// Puts `pieces` in their places, some at once.
    pub(super) async fn put(mut self, pieces: Vec<Placed>) -> Result<Self, JoinError> {
        let Some(client) = self.client.clone().filter(|_| !self.is_stopped()) else {
            return Ok(self);
        };
        let sorted = tokio::task::spawn_blocking(move || {
            let due = self.due(pieces);
            (self, due)
        });
        let (mut this, due) = sorted.await?;
        let hand = this.ledger.hand;
        let one = |(file, bare, document): (String, Document, Document)| {
            let (client, stopped) = (Arc::clone(&client), Arc::clone(&this.stopped));
            let left: Vec<String> = copies(&document)
                .into_iter()
                .filter(|(_, _, coded)| coded.is_none())
                .map(|(suffix, ..)| format!("{file}.{suffix}"))
                .filter(|key| this.keys.contains(key))
                .collect();
            async move {
                let mut written = Written {
                    file,
                    bare,
                    put: Vec::new(),
                    removed: Vec::new(),
                    fault: None,
                };
                if stopped.load(Ordering::Relaxed) {
                    return None;
                }
                written.write(&client, hand, (&document, left)).await;
                if written.fault.is_some() {
                    stopped.store(true, Ordering::Relaxed);
                }
                Some(written)
            }
        };
        let done: Vec<_> = stream::iter(due.into_iter().map(one))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for written in done.into_iter().flatten() {
            this.take(written);
        }
        Ok(this)
    }

    /// What has to be asked or written; the rest is in its place.
    fn due(&mut self, pieces: Vec<Placed>) -> Vec<(String, Document, Document)> {
        let mut due = Vec::new();
        for (file, piece) in pieces {
            let bare = piece.bare();
            let copied = |suffix: &str| self.keys.contains(&format!("{file}.{suffix}"));
            if self.ledger.is_written(&file, &bare) || self.ledger.is_told(&file, &bare, copied) {
                self.ledger.placed(file, &bare);
            } else if let Some(document) = self.ledger.finished(&file, piece, &bare) {
                due.push((file, bare, document));
            }
        }
        due
    }

    fn take(&mut self, written: Written) {
        for key in written.put {
            self.ledger.touched.push(self.ledger.path(&key));
            self.keys.insert(key);
        }
        for key in written.removed {
            self.ledger.touched.push(self.ledger.path(&key));
            self.keys.remove(&key);
        }
        match written.fault {
            None => self.ledger.placed(written.file, &written.bare),
            Some((key, fault)) => {
                self.ledger.keep(&written.file);
                self.refused(&key, fault);
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn refused(&mut self, key: &str, source: BucketFault) {
        self.stopped.store(true, Ordering::Relaxed);
        let path = self.ledger.path(key);
        self.ledger.fail(ReleaseError::Object { path, source });
    }

    /// Everything is in its place: the manifest, then the end of what nothing makes any more. After a failure neither: what
    /// the old manifest names is still there.
    pub(super) async fn close(
        mut self,
        lasting: &Lasting,
        withheld: &BTreeSet<String>,
    ) -> (Closed, Option<Memory>) {
        let Some(client) = self.client.clone().filter(|_| !self.is_stopped()) else {
            return (self.ledger.closed().0, None);
        };
        let (manifest, left) = self.ledger.settle(lasting, withheld);
        let last = self.finish(&client, manifest, left).await;
        if let Err((key, fault)) = last {
            self.refused(&key, fault);
        }
        let whole = !self.is_stopped();
        let (closed, lines) = self.ledger.closed();
        let memory = whole.then_some(Memory {
            client,
            lines,
            keys: self.keys,
            manifest: self.manifest,
        });
        (closed, memory)
    }

    async fn finish(
        &mut self,
        client: &fetch::Bucket,
        manifest: Vec<u8>,
        left: Vec<String>,
    ) -> Result<(), (String, BucketFault)> {
        let manifest = Bytes::from(manifest);
        let object = Object {
            bytes: manifest.clone(),
            content_type: String::from("application/json"),
            content_encoding: None,
            cache_control: kept_for(Keep::UntilPoll).to_owned(),
        };
        let hand = self.ledger.hand;
        let same = hand == Hand::Writes && self.manifest == manifest;
        if !same && exchange(client, hand, (MANIFEST, Some(object))).await? {
            self.ledger.touched.push(self.ledger.path(MANIFEST));
        }
        self.manifest = manifest;
        for file in left {
            let copies = COPIES.iter().map(|suffix| format!("{file}.{suffix}"));
            for key in copies.chain([file.clone()]) {
                if !self.keys.contains(&key) {
                    continue;
                }
                exchange(client, hand, (&key, None)).await?;
                self.ledger.touched.push(self.ledger.path(&key));
                self.keys.remove(&key);
            }
            self.ledger.forget(&file);
        }
        Ok(())
    }
}

impl Written {
    /// Copies first, as in a folder.
    async fn write(
        &mut self,
        client: &fetch::Bucket,
        hand: Hand,
        (document, left): (&Document, Vec<String>),
    ) {
        for (key, object) in objects(&self.file, document) {
            match exchange(client, hand, (&key, Some(object))).await {
                Ok(true) => self.put.push(key),
                Ok(false) => {}
                Err(fault) => {
                    self.fault = Some(fault);
                    return;
                }
            }
        }
        for key in left {
            match exchange(client, hand, (&key, None)).await {
                Ok(true) => self.removed.push(key),
                Ok(false) => {}
                Err(fault) => {
                    self.fault = Some(fault);
                    return;
                }
            }
        }
    }
}

/// Brings one object to what it should be, or only tells whether it is not; true when there was a difference.
async fn exchange(
    client: &fetch::Bucket,
    hand: Hand,
    (key, wanted): (&str, Option<Object>),
) -> Result<bool, (String, BucketFault)> {
    let told = |fault| (key.to_owned(), fault);
    if hand != Hand::Writes && client.get(key).await.map_err(told)? == wanted {
        return Ok(false);
    }
    match wanted {
        _ if hand == Hand::Compares => {}
        Some(object) => client.put(key, object).await.map_err(told)?,
        None => client.remove(key).await.map_err(told)?,
    }
    Ok(true)
}

/// The copies of a document, then itself.
fn objects(file: &str, document: &Document) -> Vec<(String, Object)> {
    let object = |bytes: &Bytes, coding: Option<&str>| Object {
        bytes: bytes.clone(),
        content_type: document.content_type.to_owned(),
        content_encoding: coding.map(str::to_owned),
        cache_control: kept_for(document.keep).to_owned(),
    };
    let coded = copies(document)
        .into_iter()
        .filter_map(|(suffix, coding, bytes)| {
            Some((format!("{file}.{suffix}"), object(bytes?, Some(coding))))
        });
    let plain = (file.to_owned(), object(&document.identity, None));
    coded.chain([plain]).collect()
}

/// The storage's own account of what is there.
async fn remembered(config: &BucketConfig) -> Result<Memory, BucketFault> {
    let client = fetch::Bucket::open(config)?;
    let keys = client.keys().await?;
    let manifest = client.get(MANIFEST).await?;
    let manifest = manifest.map(|object| object.bytes).unwrap_or_default();
    Ok(Memory {
        client: Arc::new(client),
        lines: lines(&manifest, |file| keys.contains(file)),
        keys,
        manifest,
    })
}
