//! Ordered steps from an empty file to the present schema, each one transaction with its `user_version`.

use std::path::Path;

use rusqlite::Connection;

use super::open::{APPLICATION_ID, beside};
use super::row::{Outcome, Trouble};
use super::{Result, StoreError};

/// The steps in order; step n leads to version n + 1.
const STEPS: [&str; 14] = [
    include_str!("migrations/0001_begin.sql"),
    include_str!("migrations/0002_counts.sql"),
    include_str!("migrations/0003_withdrawn.sql"),
    include_str!("migrations/0004_wishes.sql"),
    include_str!("migrations/0005_deliveries.sql"),
    include_str!("migrations/0006_addresses.sql"),
    include_str!("migrations/0007_icons.sql"),
    include_str!("migrations/0008_sign_up.sql"),
    include_str!("migrations/0009_weekly.sql"),
    include_str!("migrations/0010_new_marks.sql"),
    include_str!("migrations/0011_letters.sql"),
    include_str!("migrations/0012_lighter_outbox.sql"),
    include_str!("migrations/0013_reply.sql"),
    include_str!("migrations/0014_joined.sql"),
];

/// The version that this feedmill writes.
pub(super) const KNOWN: i64 = STEPS.len() as i64;

fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Refuses a schema of a later feedmill, and a SQLite file that is not ours: one with another name, or with none but
/// something in it.
pub(super) fn refuse_others(conn: &Connection, path: &Path) -> Result<()> {
    let told =
        |error: rusqlite::Error| Trouble::Sql(error).tell(path, "reading the schema's version");
    let found = version(conn).map_err(told)?;
    if !is_ours(conn, found).map_err(told)? {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    if found > KNOWN {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: KNOWN,
        });
    }
    Ok(())
}

fn is_ours(conn: &Connection, version: i64) -> rusqlite::Result<bool> {
    let name: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if name != 0 || version != 0 {
        return Ok(name == APPLICATION_ID);
    }
    let empty = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
    conn.query_row(empty, [], |row| row.get(0))
}

/// Refuses to change the schema under the daemon that works with it.
pub(super) fn refuse_pending(conn: &Connection, path: &Path, holder: &str) -> Result<()> {
    let told =
        |error: rusqlite::Error| Trouble::Sql(error).tell(path, "reading the schema's version");
    let source = match version(conn).map_err(told)? {
        KNOWN => return Ok(()),
        0 => format!("process {holder} is about to make it; try again in a moment"),
        found => format!(
            "it has schema {found}, this feedmill works with {KNOWN}: restart the daemon (process {holder}) first"
        ),
    };
    Err(StoreError::Sqlite {
        context: format!("opening {} beside the daemon", path.display()),
        source: source.into(),
    })
}

/// Brings the file to the present version, after a copy of an older one beside it.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    let told = |trouble: Trouble| trouble.tell(path, "migrating");
    let found = version(conn).map_err(|error| told(error.into()))?;
    if found == KNOWN {
        return Ok(());
    }
    if found == 0 {
        // The name comes before the log: a kill between the two leaves a file that the next start knows as ours.
        let begin =
            format!("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = {APPLICATION_ID}");
        conn.execute_batch(&begin)
            .map_err(|error| told(error.into()))?;
    } else {
        copy_beside(conn, path, found).map_err(told)?;
    }
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        .map_err(|error| told(error.into()))?;
    for (step, to) in STEPS.iter().zip(1..) {
        if to > found {
            apply(conn, step, to).map_err(told)?;
        }
    }
    // The header of the main file must name us at once: the next start reads it without SQLite.
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(|error| told(error.into()))
}

fn copy_beside(conn: &Connection, path: &Path, found: i64) -> Outcome<()> {
    let copy = beside(path, &format!("schema-{found}.backup"));
    if copy.exists() {
        std::fs::remove_file(&copy)?;
    }
    conn.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    Ok(())
}

fn apply(conn: &mut Connection, step: &str, to: i64) -> Outcome<()> {
    let step_in = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if version(&step_in)? >= to {
        // Another process was faster.
        return Ok(());
    }
    step_in.execute_batch(step)?;
    if to == 1 {
        let secret: [u8; 32] = fresh_secret(&step_in)?;
        step_in.execute("INSERT INTO about (id, secret) VALUES (1, ?1)", [secret])?;
    }
    step_in.execute_batch(&format!("PRAGMA user_version = {to}"))?;
    step_in.commit()?;
    Ok(())
}

/// 32 random bytes from SQLite's generator, which the operating system seeds.
fn fresh_secret(conn: &Connection) -> rusqlite::Result<[u8; 32]> {
    conn.query_row("SELECT randomblob(32)", [], |row| row.get(0))
}
