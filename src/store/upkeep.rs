//! Upkeep: what is too old leaves, in small commits; copies are made beside the running daemon; sizes are told.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension};

use super::codes::{Code, StoryState};
use super::entries::stored_marks;
use super::ledger::Ledger;
use super::row::{Outcome, get_code, get_opt_at, ms};
use super::views::{Views, member_ids};
use super::{StoreError, StoreFacts, mark_table, open, search};
use crate::model::EntryId;

/// Stories looked at in one commit, so that polls get their turn.
const STEP: i64 = 200;

/// Where a retention run stands: state, instant and id of the last story looked at.
pub(super) type Mark = (i64, i64, i64);

/// One step of a retention run: (deleted stories, where to go on).
pub(super) fn retain(
    conn: &Connection,
    older_than: Timestamp,
    from: Mark,
) -> Outcome<(u64, Option<Mark>)> {
    let sql = "SELECT id, shown_at FROM story WHERE state = ?1 AND (shown_at, id) > (?2, ?3) AND shown_at < ?4
        ORDER BY shown_at, id LIMIT ?5";
    let old: Vec<(i64, i64)> = conn
        .prepare_cached(sql)?
        .query_map([from.0, from.1, from.2, ms(older_than), STEP], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let Some((last, last_ms)) = old.last().copied() else {
        let next = (from.0 < 3).then_some((from.0 + 1, i64::MIN, i64::MIN));
        return Ok((0, next));
    };
    let (mut deleted, mut ledger) = (0, Ledger::default());
    for (story, _) in old {
        if forget_story(conn, &mut ledger, story, older_than)? {
            ledger.moved(StoryState::decode(from.0), None);
            deleted += 1;
        }
    }
    ledger.close(conn)?;
    Ok((deleted, Some((from.0, last_ms, last))))
}

/// Deletes a story unless one of its entries was first seen lately: an old date is no reason to lose fresh news.
fn forget_story(
    conn: &Connection,
    ledger: &mut Ledger,
    story: i64,
    older_than: Timestamp,
) -> Outcome<bool> {
    let members = member_ids(conn, story)?;
    let fresh = "SELECT 1 FROM entry WHERE story = ?1 AND first_seen_at >= ?2";
    if conn
        .prepare_cached(fresh)?
        .exists([story, ms(older_than)])?
    {
        return Ok(false);
    }
    let shown: i64 = conn
        .prepare_cached("SELECT shown_at FROM story WHERE id = ?1")?
        .query_row([story], |row| row.get(0))?;
    for entry in members {
        let feed = forget_entry(conn, entry)?;
        ledger.entries(-1);
        conn.prepare_cached("DELETE FROM shelf WHERE feed = ?1 AND shown_at = ?2 AND story = ?3")?
            .execute([feed, shown, story])?;
    }
    conn.prepare_cached("DELETE FROM story WHERE id = ?1")?
        .execute([story])?;
    Ok(true)
}

/// Deletes an entry; its keys stay, standing for nothing.
fn forget_entry(conn: &Connection, entry: i64) -> Outcome<i64> {
    let Some(view) = Views::default().entry(conn, EntryId(entry))? else {
        return Ok(0);
    };
    mark_table::delete(conn, entry, stored_marks(conn, &view)?)?;
    search::forget(conn, entry)?;
    let mut keys = vec![view.entry.key];
    let mut former = conn.prepare_cached("SELECT key FROM former_key WHERE entry = ?1")?;
    let rows = former.query_map([entry], |row| row.get(0))?;
    keys.extend(rows.collect::<rusqlite::Result<Vec<String>>>()?);
    let mut unbind =
        conn.prepare_cached("UPDATE seen SET entry = NULL WHERE feed = ?1 AND key_hash = ?2")?;
    for key in keys {
        unbind.execute([view.feed.id.0, super::row::hash64(b'k', &key)])?;
    }
    conn.prepare_cached("DELETE FROM ruling WHERE one = ?1 OR other = ?1")?
        .execute([entry])?;
    conn.prepare_cached("DELETE FROM entry WHERE id = ?1")?
        .execute([entry])?;
    Ok(view.feed.id.0)
}

/// The end of a retention run, step by step: lone entries, keys too old to matter, old editions. True while there is
/// more to do.
pub(super) fn trim(
    conn: &Connection,
    older_than: Timestamp,
    forget_before: Timestamp,
) -> Outcome<bool> {
    let lone = "SELECT id FROM entry WHERE story IS NULL AND first_seen_at < ?1 LIMIT ?2";
    let lone: Vec<i64> = conn
        .prepare_cached(lone)?
        .query_map([ms(older_than), STEP], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut ledger = Ledger::default();
    for entry in &lone {
        forget_entry(conn, *entry)?;
        ledger.entries(-1);
    }
    ledger.close(conn)?;
    let keys = "DELETE FROM seen WHERE (feed, key_hash) IN (SELECT feed, key_hash FROM seen
        WHERE entry IS NULL AND seen_at < ?1 LIMIT 5000)";
    let keys = conn.prepare_cached(keys)?.execute([ms(forget_before)])?;
    let editions = "DELETE FROM edition WHERE id IN (SELECT id FROM edition WHERE frozen_at < ?1
        AND id NOT IN (SELECT edition FROM message WHERE standing IN (0, 1)) LIMIT 20)";
    let editions = conn.prepare_cached(editions)?.execute([ms(older_than)])?;
    Ok(!lone.is_empty() || keys > 0 || editions > 0)
}

/// Gives up to `pages` free pages back to the disk; true when there may be more.
pub(super) fn shrink(conn: &Connection, pages: usize) -> Outcome<bool> {
    // Each step of this statement frees one page: it has to be walked to its end.
    let mut vacuum = conn.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = vacuum.query([])?;
    let mut freed = 0;
    while rows.next()?.is_some() {
        freed += 1;
    }
    Ok(freed >= pages)
}

/// What is cheap once a day: old rows of logs, exact counts, the planner's statistics, tidier search segments.
pub(super) fn maintain(conn: &Connection, now: Timestamp) -> Outcome<()> {
    super::bands::trim(conn, now)?;
    super::sign_ups::forget(conn, now)?;
    super::ledger::recount(conn)?;
    // A negative number merges what is there into fewer segments, at most so many pages of work at a time.
    conn.execute("INSERT INTO words (words, rank) VALUES ('merge', -500)", [])?;
    conn.execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize")?;
    Ok(())
}

/// A verified copy of `path` at `to`; gives its size.
pub(super) fn backup(path: &Path, to: &Path) -> Outcome<u64> {
    if open::own_files(path).iter().any(|own| is_place_of(to, own)) {
        return Err(StoreError::OwnFile {
            path: to.to_owned(),
        }
        .into());
    }
    let draft = open::beside(to, "part");
    if draft.exists() {
        std::fs::remove_file(&draft)?;
    }
    let made = copy(path, &draft);
    if made.is_err() && draft.exists() {
        std::fs::remove_file(&draft)?;
    }
    made?;
    let file = std::fs::File::open(&draft)?;
    file.sync_all()?;
    std::fs::rename(&draft, to)?;
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(file.metadata()?.len())
}

/// Whether two names, however they are written, are one entry of one folder.
fn is_place_of(one: &Path, other: &Path) -> bool {
    let folder = |path: &Path| {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).canonicalize().ok()
    };
    one.file_name() == other.file_name() && folder(one) == folder(other)
}

fn copy(path: &Path, draft: &Path) -> Outcome<()> {
    let source = open::readable(path)?;
    let mut target = Connection::open(draft)?;
    // One step: a reader's snapshot holds no writer up, and cannot be made to begin again by one.
    Backup::new(&source, &mut target)?.step(-1)?;
    target.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    let verdict: String = target.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail: verdict,
        }
        .into());
    }
    Ok(())
}

/// Sizes.
pub(super) fn facts(conn: &Connection, path: &Path) -> Outcome<StoreFacts> {
    let count = |sql: &str| {
        conn.prepare_cached(sql)?
            .query_row([], |row| row.get::<_, i64>(0))
    };
    let size = |count: i64| u64::try_from(count).unwrap_or(0);
    let oldest = "SELECT queued_at FROM message WHERE standing IN (0, 1) ORDER BY due_at LIMIT 1";
    let oldest = conn
        .prepare_cached(oldest)?
        .query_row([], |row| get_opt_at(row, 0))
        .optional()?
        .flatten();
    Ok(StoreFacts {
        feeds: tally(
            conn,
            "SELECT standing, count(*) FROM feed GROUP BY standing ORDER BY standing",
        )?,
        entries: size(count("SELECT entries FROM about")?),
        stories: size(count("SELECT stories FROM about")?),
        last_seq: count("SELECT last_seq FROM about")?,
        messages: tally(
            conn,
            "SELECT standing, count(*) FROM message WHERE standing IN (0, 1) GROUP BY standing
            UNION ALL SELECT standing, count(*) FROM message WHERE standing = 3 GROUP BY standing",
        )?,
        oldest_queued_at: oldest,
        size_bytes: std::fs::metadata(path)?.len(),
    })
}

fn tally<T: super::codes::Code>(conn: &Connection, sql: &str) -> Outcome<Vec<(T, usize)>> {
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([], |row| {
        let count: i64 = row.get(1)?;
        Ok((get_code(row, 0)?, usize::try_from(count).unwrap_or(0)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
