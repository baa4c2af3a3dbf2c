//! One deed in the writer's hands: performed behind a panic boundary, taken back where it fails, replied to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::super::row::{Outcome, Trouble};
use super::super::{Result, StoreError, bands, mark_table};

/// What a commit must outlast before its callers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Outlasts {
    /// The end of the process, however sudden. A power cut may take it back whole, with all that was committed after it.
    Kill,
    /// A power cut too: the disk has said so.
    PowerCut,
}

/// Whether a deed shares its transaction with others.
#[derive(Clone, Copy)]
pub(super) enum Company {
    /// It is all of it, and is taken back by rolling that back: a savepoint would only keep copies of pages.
    Alone,
    Others,
}

/// Something to be done inside a group's transaction.
pub(super) trait Deed: Send {
    /// What its commit must outlast.
    fn outlasts(&self) -> Outlasts;
    /// Does it and says whether it succeeded; the outcome is kept until the commit is known. What failed alone is for the
    /// caller to roll back.
    fn perform(&mut self, conn: &Connection, path: &Path, company: Company) -> bool;
    /// Tells the caller, `failed` when the commit did not succeed.
    fn reply(self: Box<Self>, failed: Option<StoreError>);
}

/// What was asked for, and where its answer goes.
pub(super) struct Task<F, T> {
    context: &'static str,
    outlasts: Outlasts,
    work: Option<F>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
    _place: OwnedSemaphorePermit,
}

impl<F, T> Task<F, T> {
    pub(super) fn new(
        (context, outlasts): (&'static str, Outlasts),
        work: F,
        (reply, place): (oneshot::Sender<Result<T>>, OwnedSemaphorePermit),
    ) -> Self {
        Self {
            context,
            outlasts,
            work: Some(work),
            outcome: None,
            reply,
            _place: place,
        }
    }
}

impl<T, F> Deed for Task<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> Outcome<T> + Send,
{
    fn outlasts(&self) -> Outlasts {
        self.outlasts
    }

    fn perform(&mut self, conn: &Connection, path: &Path, company: Company) -> bool {
        let Some(work) = self.work.take() else {
            return true;
        };
        let done = match company {
            Company::Alone => guarded(self.context, || work(conn)),
            Company::Others => in_savepoint(conn, || guarded(self.context, || work(conn))),
        };
        let succeeded = done.is_ok();
        if !succeeded {
            // What is kept beside the database may tell of what was taken back.
            bands::forget();
            mark_table::recount();
        }
        self.outcome = Some(done.map_err(|trouble| trouble.tell(path, self.context)));
        succeeded
    }

    fn reply(self: Box<Self>, failed: Option<StoreError>) {
        let outcome = match (failed, self.outcome) {
            (Some(error), Some(Ok(_)) | None) => Err(error),
            (_, Some(outcome)) => outcome,
            (None, None) => Err(StoreError::Closed),
        };
        // A caller that went away does not want to know; what it asked for is done all the same.
        drop(self.reply.send(outcome));
    }
}

/// `work`; a panic is an error like others.
pub(super) fn guarded<T>(context: &'static str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Trouble::Store(StoreError::Sqlite {
            context: context.to_owned(),
            source: "panicked".into(),
        }))
    })
}

/// `work` in a savepoint: taken back where it fails, and nothing else of its transaction.
fn in_savepoint<T>(conn: &Connection, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    conn.prepare_cached("SAVEPOINT deed")?.execute([])?;
    let done = work();
    // Where SQLite has rolled back the whole group already, there is nothing left.
    if conn.is_autocommit() {
        return done;
    }
    if done.is_err() {
        conn.execute_batch("ROLLBACK TO deed")?;
    }
    conn.prepare_cached("RELEASE deed")?.execute([])?;
    done
}

/// SQLite took the whole transaction back (disk full, I/O error): nothing of it happened.
pub(super) fn rolled_back() -> StoreError {
    StoreError::Sqlite {
        context: "committing".to_owned(),
        source: "rolled back".into(),
    }
}
