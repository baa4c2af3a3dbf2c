//! The one writer: a named thread that commits what has queued up as one group and replies after the commit.
//!
//! Every deed runs behind a panic boundary and, where it has company, in a savepoint, so one bad deed costs the others of
//! its group nothing.
//! An error at COMMIT means that the outcome is unknown: every deed of the group gets an error, the connection is
//! closed and opened again, and callers read back before they decide.

mod deed;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

pub(super) use self::deed::Outlasts;
use self::deed::{Company, Deed, Task, guarded, rolled_back};
use super::row::{Outcome, Trouble};
use super::shared_error::SharedError;
use super::{Result, StoreError, bands, mark_table, open, search};

/// Deeds that may wait; who comes later waits for a place.
const QUEUE: usize = 1024;
/// Deeds that share one commit.
const GROUP: usize = 256;
/// How long the queue must have been empty before the search index is brought up to date.
const QUIET: Duration = Duration::from_secs(2);

/// How long nothing must have been asked of the writer before it gives its memory back.
const REST: Duration = Duration::from_secs(30);

/// The writer's side of the store.
pub(super) struct Writer {
    queue: Mutex<Option<Sender<Box<dyn Deed>>>>,
    places: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread on an opened connection.
    pub(super) fn start(conn: Connection, path: PathBuf) -> std::io::Result<Self> {
        let (queue, deeds) = channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                Desk {
                    conn: Some(conn),
                    path,
                    indexed: false,
                    outlasts: Outlasts::PowerCut,
                }
                .work(&deeds)
            })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            places: Arc::new(Semaphore::new(QUEUE)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues a deed and waits until it is committed.
    pub(super) async fn run<T, F>(
        &self,
        (context, outlasts): (&'static str, Outlasts),
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let task = Task::new((context, outlasts), work, (reply, place));
        self.send(Box::new(task))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    fn send(&self, deed: Box<dyn Deed>) -> Result<()> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue
            .as_ref()
            .ok_or(StoreError::Closed)?
            .send(deed)
            .map_err(|_| StoreError::Closed)
    }

    /// Lets the thread finish what is queued and gives it back to be joined; none the second time.
    pub(super) fn stop(&self) -> Option<JoinHandle<()>> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// What the writer thread holds.
struct Desk {
    conn: Option<Connection>,
    path: PathBuf,
    indexed: bool,
    /// As the connection is set.
    outlasts: Outlasts,
}

impl Desk {
    fn work(mut self, deeds: &Receiver<Box<dyn Deed>>) {
        while let Some(first) = self.next(deeds) {
            let mut group = vec![first];
            group.extend(deeds.try_iter().take(GROUP - 1));
            self.commit(group);
            self.indexed = false;
            if mark_table::is_grown() {
                self.move_marks();
            }
        }
        if let Some(conn) = self.conn.take() {
            open::leave(conn);
        }
    }

    /// The next deed; while none comes, the search index catches up in small steps, then the thread sleeps.
    fn next(&mut self, deeds: &Receiver<Box<dyn Deed>>) -> Option<Box<dyn Deed>> {
        let mut patience = QUIET;
        while !self.indexed {
            match deeds.recv_timeout(patience) {
                Ok(deed) => return Some(deed),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.catch_up(),
            }
            patience = Duration::from_millis(1);
        }
        match deeds.recv_timeout(REST) {
            Ok(deed) => return Some(deed),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => self.rest(),
        }
        deeds.recv().ok()
    }

    /// Nothing to do for a while: what only polls need goes back to the system.
    fn rest(&self) {
        bands::forget();
        if let Some(Err(error)) = self.conn.as_ref().map(Connection::release_memory) {
            tracing::debug!(
                error = format!("{error:#}"),
                "the cache could not be given back"
            );
        }
    }

    fn catch_up(&mut self) {
        match self.group(|conn| search::index_pending(conn, 256)) {
            Ok(left) => self.indexed = left == 0,
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the search index could not be brought up to date"
                );
                self.indexed = true;
            }
        }
    }

    /// Keeps the table of new marks short. What could not be moved now is found where it is, and moved another time.
    fn move_marks(&mut self) {
        let path = &self.path.clone();
        let moved = self.connection_for(Outlasts::Kill).and_then(|conn| {
            mark_table::move_slice(conn).map_err(|error| error.tell(path, "moving marks"))
        });
        if let Err(error) = moved {
            let error = format!("{error:#}");
            tracing::warn!(
                error,
                "marks could not be moved; the next commit tries again"
            );
        }
    }

    /// `work` in a transaction of its own.
    fn group<T>(&mut self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let path = self.path.clone();
        let conn = self.connection_for(Outlasts::PowerCut)?;
        begin(conn).map_err(|trouble| trouble.tell(&path, "indexing"))?;
        let done = guarded("indexing", || work(conn));
        if let Err(trouble) = finish(conn, done.is_ok()) {
            self.conn = None;
            return Err(trouble.tell(&path, "committing"));
        }
        done.map_err(|trouble| trouble.tell(&path, "indexing"))
    }

    fn commit(&mut self, mut group: Vec<Box<dyn Deed>>) {
        let failed = self.attempt(&mut group).err();
        let mut copies = failed.map(|error| SharedError::of(&error, self.path.clone()));
        if copies.is_some() {
            // Unknown whether it is on disk: only a fresh connection tells the truth.
            self.conn = None;
            bands::forget();
        }
        for deed in group {
            deed.reply(copies.as_mut().map(SharedError::next));
        }
    }

    fn attempt(&mut self, group: &mut [Box<dyn Deed>]) -> Result<()> {
        let path = self.path.clone();
        let wanted = group.iter().map(|deed| deed.outlasts()).max();
        let conn = self.connection_for(wanted.unwrap_or(Outlasts::PowerCut))?;
        begin(conn).map_err(|trouble| trouble.tell(&path, "beginning a commit"))?;
        let committed = if let [only] = group {
            let succeeded = only.perform(conn, &path, Company::Alone);
            finish(conn, succeeded)
        } else {
            for deed in group.iter_mut() {
                deed.perform(conn, &path, Company::Others);
                if conn.is_autocommit() {
                    break;
                }
            }
            finish(conn, true)
        };
        committed.map_err(|trouble| trouble.tell(&path, "committing"))
    }

    /// The connection, set so that what it commits next outlasts what it must.
    fn connection_for(&mut self, outlasts: Outlasts) -> Result<&mut Connection> {
        if self.conn.is_none() {
            let opened = open::writable(&self.path)
                .map_err(|trouble| trouble.tell(&self.path, "reopening"))?;
            self.conn = Some(opened);
            self.outlasts = Outlasts::PowerCut;
        }
        let conn = self.conn.as_mut().ok_or(StoreError::Closed)?;
        if self.outlasts != outlasts {
            let mode = match outlasts {
                Outlasts::Kill => "NORMAL",
                Outlasts::PowerCut => "FULL",
            };
            conn.pragma_update(None, "synchronous", mode)
                .map_err(|error| Trouble::Sql(error).tell(&self.path, "committing"))?;
            self.outlasts = outlasts;
        }
        Ok(conn)
    }
}

fn begin(conn: &Connection) -> Outcome<()> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    Ok(())
}

/// Ends a transaction: for good where what was done in it succeeded.
fn finish(conn: &Connection, succeeded: bool) -> Outcome<()> {
    if conn.is_autocommit() {
        return Err(Trouble::Store(rolled_back()));
    }
    if !succeeded {
        conn.execute_batch("ROLLBACK")?;
        return Ok(());
    }
    let committed = conn
        .prepare_cached("COMMIT")
        .and_then(|mut commit| commit.execute([]));
    if committed.is_err() && !conn.is_autocommit() {
        conn.execute_batch("ROLLBACK")?;
    }
    committed?;
    Ok(())
}
