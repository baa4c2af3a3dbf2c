//! Small durable facts: what was last published at each path, and values that flows keep by name.

use rusqlite::{Connection, OptionalExtension, params};

use super::RenderedRecord;
use super::row::{Outcome, get_at, get_hash, ms};

/// What was last published at each path.
pub(super) fn rendered(conn: &Connection) -> Outcome<Vec<RenderedRecord>> {
    let mut query =
        conn.prepare_cached("SELECT path, hash, changed_at FROM rendered ORDER BY path")?;
    let rows = query.query_map([], |row| {
        Ok(RenderedRecord {
            path: row.get(0)?,
            hash: get_hash(row, 1)?,
            changed_at: get_at(row, 2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records new bytes.
pub(super) fn record(conn: &Connection, records: &[RenderedRecord]) -> Outcome<()> {
    let sql = "INSERT INTO rendered (path, hash, changed_at) VALUES (?1, ?2, ?3) ON CONFLICT (path) DO UPDATE SET
        hash = excluded.hash, changed_at = excluded.changed_at";
    let mut insert = conn.prepare_cached(sql)?;
    for record in records {
        insert.execute(params![record.path, record.hash, ms(record.changed_at)])?;
    }
    Ok(())
}

/// One note.
pub(super) fn one(conn: &Connection, name: &str) -> Outcome<Option<Vec<u8>>> {
    let mut query = conn.prepare_cached("SELECT value FROM note WHERE name = ?1")?;
    Ok(query.query_row([name], |row| row.get(0)).optional()?)
}

/// Notes whose name begins with `prefix`.
pub(super) fn beginning(conn: &Connection, prefix: &str) -> Outcome<Vec<(String, Vec<u8>)>> {
    let sql = "SELECT name, value FROM note WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1 ORDER BY name";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Sets or removes a note.
pub(super) fn set(conn: &Connection, name: &str, value: Option<&[u8]>) -> Outcome<()> {
    match value {
        Some(value) => {
            let sql = "INSERT INTO note (name, value) VALUES (?1, ?2)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            conn.prepare_cached(sql)?.execute(params![name, value])?;
        }
        None => {
            conn.prepare_cached("DELETE FROM note WHERE name = ?1")?
                .execute([name])?;
        }
    }
    Ok(())
}
