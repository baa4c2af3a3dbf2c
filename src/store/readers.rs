//! The readers: a few connections that cannot write, lent to blocking threads, each read bounded in time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::row::{Outcome, Trouble};
use super::{Result, StoreError, open};

/// No read may hold a snapshot longer: the WAL could not be reset meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pool.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Semaphore,
    path: PathBuf,
}

impl Readers {
    /// A pool of at most `count` connections, opened when first needed.
    pub(super) fn new(path: PathBuf, count: usize) -> Self {
        Self {
            idle: Arc::default(),
            places: Semaphore::new(count.max(1)),
            path,
        }
    }

    /// Lets no more reads begin and closes what is idle.
    pub(super) fn close(&self) {
        self.places.close();
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Runs `work` on one snapshot.
    pub(super) async fn run<T, F>(&self, context: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    {
        let _place = self
            .places
            .acquire()
            .await
            .map_err(|_| StoreError::Closed)?;
        let (idle, path) = (Arc::clone(&self.idle), self.path.clone());
        let done = tokio::task::spawn_blocking(move || {
            let lent = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut conn = match lent {
                Some(conn) => conn,
                None => open::readable(&path).map_err(|trouble| trouble.tell(&path, context))?,
            };
            let outcome = snapshot(&mut conn, work);
            if outcome.is_ok() {
                idle.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(conn);
            }
            outcome.map_err(|trouble| trouble.tell(&path, context))
        });
        done.await.unwrap_or_else(|error| {
            Err(StoreError::Sqlite {
                context: context.to_owned(),
                source: Box::new(error),
            })
        })
    }
}

fn snapshot<T>(conn: &mut Connection, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
    let end = Instant::now() + PATIENCE;
    conn.progress_handler(10_000, Some(move || Instant::now() > end))?;
    conn.prepare_cached("BEGIN")?.execute([])?;
    let outcome = work(conn);
    conn.prepare_cached("COMMIT")
        .and_then(|mut commit| commit.execute([]))
        .map_err(Trouble::Sql)?;
    outcome
}
