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
    Alone,
    Others,
}

/// Something to be done inside a group's transaction.
pub(super) trait Deed: Send {
    /// What its commit must outlast.
    fn outlasts(&self) -> Outlasts;
    /// Does it; the outcome is kept until the commit is known. Where it fails, the connection is as before, or the
    /// transaction is gone with it.
    fn perform(&mut self, conn: &Connection, path: &Path, company: Company);
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

    fn perform(&mut self, conn: &Connection, path: &Path, company: Company) {
        let Some(work) = self.work.take() else { return };
        let done = catch_unwind(AssertUnwindSafe(|| match company {
            Company::Alone => alone(conn, work),
            Company::Others => in_savepoint(conn, work),
        }));
        let done = done.unwrap_or_else(|_| {
            abandon(conn, company);
            Err(Trouble::Store(StoreError::Sqlite {
                context: self.context.to_owned(),
                source: "panicked".into(),
            }))
        });
        self.outcome = Some(done.map_err(|trouble| trouble.tell(path, self.context)));
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

/// `work` in a savepoint: taken back alone where it fails.
fn in_savepoint<T>(conn: &Connection, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
    conn.prepare_cached("SAVEPOINT deed")?.execute([])?;
    match work(conn) {
        Ok(value) => {
            conn.prepare_cached("RELEASE deed")?.execute([])?;
            Ok(value)
        }
        Err(trouble) => {
            abandon(conn, Company::Others);
            Err(trouble)
        }
    }
}

/// `work` as all of its transaction, which is gone where it fails: a savepoint would only keep copies of pages.
pub(super) fn alone<T>(
    conn: &Connection,
    work: impl FnOnce(&Connection) -> Outcome<T>,
) -> Outcome<T> {
    let done = work(conn).inspect_err(|_| abandon(conn, Company::Alone));
    match done {
        Ok(_) if conn.is_autocommit() => Err(Trouble::Store(rolled_back())),
        done => done,
    }
}

/// Takes back what the present deed did; where SQLite has rolled back the whole group already, there is nothing left.
fn abandon(conn: &Connection, company: Company) {
    bands::forget();
    mark_table::recount();
    if conn.is_autocommit() {
        return;
    }
    let back = match company {
        Company::Alone => "ROLLBACK",
        Company::Others => "ROLLBACK TO deed; RELEASE deed",
    };
    if let Err(error) = conn.execute_batch(back) {
        tracing::error!(
            error = format!("{error:#}"),
            "a deed could not be taken back"
        );
    }
}

/// SQLite took the whole transaction back (disk full, I/O error): nothing of it happened.
pub(super) fn rolled_back() -> StoreError {
    StoreError::Sqlite {
        context: "committing".to_owned(),
        source: "rolled back".into(),
    }
}
