//! The door to SQLite: whole deeds in, values out. No SQL, row or transaction leaves this stage.

mod addresses;
mod amended;
mod bands;
mod bounces;
mod codes;
mod commit;
mod deliveries;
mod editions;
mod entries;
mod feeds;
mod fold;
mod held;
mod history;
mod icons;
mod known;
mod ledger;
mod mailing;
mod mark_table;
mod marks;
mod meanwhile;
mod migrations;
mod notes;
mod open;
mod outbox;
mod pack;
mod polling;
mod public_id;
mod question;
mod readers;
mod reading;
mod roster;
mod row;
mod rulings;
mod search;
mod select;
mod shared_error;
mod sieve;
mod sign_ups;
mod snippet;
mod stories;
mod subscribers;
mod upkeep;
mod views;
mod wishes;
mod withdrawn;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::model::*;
pub use known::{Known, Placed};
pub use marks::link_key;
use open::Lock;
use readers::Readers;
use rusqlite::Connection;
use writer::{Outlasts, Writer};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The database file.
    pub path: PathBuf,
    /// The daemon takes the lock against a second daemon; verbs that work beside it do not.
    pub exclusive: bool,
    /// Read connections.
    pub readers: usize,
}

/// Why the store could not do a deed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon holds the lock.
    #[error("{path} is in use by another feedmill (process {holder})", path = path.display())]
    Locked {
        /// File.
        path: PathBuf,
        /// Process id, or "unknown".
        holder: String,
    },
    /// Schema of a later feedmill.
    #[error("{path} was written by a newer feedmill (schema {found}, this one knows {known}); install that version or restore a backup", path = path.display())]
    Newer {
        /// File.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Not a feedmill database.
    #[error("{path} is not a feedmill database", path = path.display())]
    Foreign {
        /// File.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{path} is damaged: {detail}; move it aside and restore a backup (feedmill backup)", path = path.display())]
    Corrupt {
        /// File.
        path: PathBuf,
        /// What the check said.
        detail: String,
    },
    /// No space, or our own bound.
    #[error("disk full while writing {path}", path = path.display())]
    Full {
        /// File.
        path: PathBuf,
    },
    /// The edition's window no longer joins the previous one, or the slot exists: another process froze it.
    #[error("edition {digest} of {slot_at} is frozen already")]
    EditionTaken {
        /// Digest.
        digest: String,
        /// Slot.
        slot_at: Timestamp,
    },
    /// A copy cannot go where the store itself is.
    #[error("{path} belongs to the database in use; choose another name for the copy", path = path.display())]
    OwnFile {
        /// Where it was to go.
        path: PathBuf,
    },
    /// An operator named what is not there.
    #[error("no {what} has the number {id}; see: feedmill why URL")]
    Unknown {
        /// An entry or a story.
        what: &'static str,
        /// As named.
        id: i64,
    },
    /// Anything else.
    #[error("database: {context}")]
    Sqlite {
        /// What was being done.
        context: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// A result of the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What a merged feed's document last looked like: its bytes may change only when content does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedRecord {
    /// Address path, such as `/all.atom`.
    pub path: String,
    /// BLAKE3 of the identity bytes.
    pub hash: [u8; 32],
    /// When they last changed: Last-Modified.
    pub changed_at: Timestamp,
}

/// Sizes and ages for /status and /metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFacts {
    /// Feeds by standing.
    pub feeds: Vec<(FeedStanding, usize)>,
    /// Entries stored.
    pub entries: u64,
    /// Stories visible.
    pub stories: u64,
    /// Highest sequence number.
    pub last_seq: i64,
    /// Messages by standing: those that wait or are under way, and those that failed.
    pub messages: Vec<(MessageStanding, usize)>,
    /// Oldest queued message.
    pub oldest_queued_at: Option<Timestamp>,
    /// Database file, bytes.
    pub size_bytes: u64,
}

/// Where a lane of a digest stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneState {
    /// Last slot, frozen or empty.
    pub last_slot_at: Option<Timestamp>,
    /// End of its window.
    pub until: StorySeq,
    /// When the lane was first seen: slots before this are not owed.
    pub since_at: Option<Timestamp>,
}

/// A handle; cheap to clone. The writer thread ends when the last handle is closed.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    secret: [u8; 32],
    writer: Writer,
    readers: Readers,
    lock: Mutex<Option<Lock>>,
}

impl Inner {
    fn open(options: &StoreOptions) -> Result<Self> {
        open::make_folder(&options.path)?;
        let lock = if options.exclusive {
            Some(Lock::take(&options.path)?)
        } else {
            None
        };
        let conn = open::first(&options.path, lock.as_ref())?;
        let secret = conn.query_row("SELECT secret FROM about", [], |row| row::get_hash(row, 0));
        let told = |error: rusqlite::Error| row::Trouble::Sql(error).tell(&options.path, "opening");
        let secret = secret.map_err(told)?;
        if lock.is_some() {
            let released = outbox::release_claims(&conn);
            released.map_err(|trouble| trouble.tell(&options.path, "opening"))?;
        }
        let writer =
            Writer::start(conn, options.path.clone()).map_err(|error| StoreError::Sqlite {
                context: "starting the writer".to_owned(),
                source: Box::new(error),
            })?;
        let readers = Readers::new(options.path.clone(), options.readers);
        Ok(Self {
            path: options.path.clone(),
            secret,
            writer,
            readers,
            lock: Mutex::new(lock),
        })
    }
}

impl Store {
    async fn write<T: Send + 'static>(
        &self,
        context: &'static str,
        deed: impl FnOnce(&Connection) -> row::Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let lasting = (context, Outlasts::PowerCut);
        self.0.writer.run(lasting, deed).await
    }

    /// As [`Self::write`], for what may be done again after a power cut, and is done too often to wait for the disk.
    async fn write_lightly<T: Send + 'static>(
        &self,
        context: &'static str,
        deed: impl FnOnce(&Connection) -> row::Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.0.writer.run((context, Outlasts::Kill), deed).await
    }

    async fn read<T: Send + 'static>(
        &self,
        context: &'static str,
        question: impl FnOnce(&Connection) -> row::Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.0.readers.run(context, question).await
    }

    /// Opens, checks, migrates (after a backup beside the file).
    pub async fn open(options: StoreOptions) -> Result<Self> {
        let path = options.path.clone();
        let opened = tokio::task::spawn_blocking(move || Inner::open(&options)).await;
        let opened = opened.map_err(|error| StoreError::Sqlite {
            context: "opening".to_owned(),
            source: Box::new(error),
        })?;
        tracing::debug!(?path, "the store is open");
        Ok(Self(Arc::new(opened?)))
    }
    /// Commits what is queued, checkpoints, ends the writer thread.
    pub async fn close(&self) -> Result<()> {
        self.0.readers.close();
        let Some(thread) = self.0.writer.stop() else {
            return Ok(());
        };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            return Err(StoreError::Sqlite {
                context: "closing".to_owned(),
                source: "the writer panicked".into(),
            });
        }
        let lock = self
            .0
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        lock.map_or(Ok(()), Lock::release)
    }
    /// A writer round trip: proof of life for the watchdog.
    pub async fn ping(&self) -> Result<()> {
        self.write("being alive", move |conn| {
            Ok(conn.query_row("SELECT 1", [], |_| Ok(()))?)
        })
        .await
    }
    /// Process id of the daemon that holds the database, if one does; "unknown" where it could not write it down.
    pub async fn holder(&self) -> Result<Option<String>> {
        open::holder(&self.0.path)
    }

    // --- publishing --------------------------------------------------------------------------------------------
    /// What was last published at each path.
    pub async fn rendered(&self) -> Result<Vec<RenderedRecord>> {
        self.read("reading what was published", move |conn| {
            notes::rendered(conn)
        })
        .await
    }
    /// Records new bytes.
    pub async fn record_rendered(&self, records: Vec<RenderedRecord>) -> Result<()> {
        self.write("recording what was published", move |conn| {
            notes::record(conn, &records)
        })
        .await
    }
    /// A value kept by name: small durable facts of flows (hub subscriptions, icons) as JSON or bytes.
    pub async fn note(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let name = name.to_owned();
        self.read("reading a note", move |conn| notes::one(conn, &name))
            .await
    }
    /// Names and values of notes whose name begins with `prefix`.
    pub async fn notes(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let prefix = prefix.to_owned();
        self.read("reading notes", move |conn| notes::beginning(conn, &prefix))
            .await
    }
    /// Sets or (with none) removes a note.
    pub async fn set_note(&self, name: &str, value: Option<Vec<u8>>) -> Result<()> {
        let name = name.to_owned();
        self.write("keeping a note", move |conn| {
            notes::set(conn, &name, value.as_deref())
        })
        .await
    }

    // --- upkeep ------------------------------------------------------------------------------------------------
    /// Deletes stories older than `older_than` (keys stay until `forget_before`), trims, checkpoints. Returns deleted.
    pub async fn retain(&self, older_than: Timestamp, forget_before: Timestamp) -> Result<u64> {
        let (mut deleted, mut from) = (0, Some((0, i64::MIN, i64::MIN)));
        while let Some(mark) = from {
            let step = move |conn: &Connection| upkeep::retain(conn, older_than, mark);
            let (gone, next) = self.write("deleting old stories", step).await?;
            deleted += gone;
            from = next;
        }
        let trim = move |conn: &Connection| upkeep::trim(conn, older_than, forget_before);
        while self.write("trimming", trim).await? {}
        while self
            .write("shrinking", |conn| upkeep::shrink(conn, 1_000))
            .await?
        {}
        Ok(deleted)
    }
    /// What keeps the file fast over the years, in small commits; once a day.
    pub async fn maintain(&self, now: Timestamp) -> Result<()> {
        self.write("maintaining", move |conn| upkeep::maintain(conn, now))
            .await
    }
    /// Online copy to `to`, verified, moved into place.
    pub async fn backup(&self, to: &Path) -> Result<u64> {
        let (path, to) = (self.0.path.clone(), to.to_owned());
        let copy = move || {
            upkeep::backup(&path, &to).map_err(|trouble| trouble.tell(&path, "making a backup"))
        };
        let copied = tokio::task::spawn_blocking(copy).await;
        copied.unwrap_or_else(|error| {
            Err(StoreError::Sqlite {
                context: "making a backup".to_owned(),
                source: Box::new(error),
            })
        })
    }
    /// Sizes.
    pub async fn facts(&self) -> Result<StoreFacts> {
        let path = self.0.path.clone();
        self.read("counting", move |conn| upkeep::facts(conn, &path))
            .await
    }
}
