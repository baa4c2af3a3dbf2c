//! Rows of entries: insert, change with the old revision kept, rename after a changed key.

use rusqlite::{Connection, params};

use super::bands::Banded;
use super::codes::Code;
use super::commit::{Commit, Fresh};
use super::marks::{self, Marks};
use super::pack;
use super::row::{Outcome, hash64, head64, ms, opt_ms};
use super::stories::Placed;
use super::views::Views;
use super::{mark_table, search, stories};
use crate::model::{
    EntryId, EntryView, FeedId, IncomingEntry, MatchKeys, Recognition, Standing, Verdict,
};

/// A new row in its story, its body and its key.
pub(super) fn insert(
    commit: &Commit<'_>,
    one: &Fresh<'_>,
    id: i64,
    placed: Option<&Placed>,
) -> Outcome<()> {
    let (conn, poll, incoming) = (commit.conn, commit.poll, one.incoming);
    let entry = &incoming.entry;
    let shown_at = ms(entry.shown_at(poll.seen_at));
    let sql = "INSERT INTO entry (id, feed, standing, first_seen_at, shown_at, changed_at, published_at, updated_at,
        revision, key, publisher_id, link, canonical_link, global_id, title, dropped_by, sketch, story, reason)
        VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    conn.prepare_cached(sql)?.execute(params![
        id,
        poll.state.id.0,
        one.standing.code(),
        ms(poll.seen_at),
        shown_at,
        opt_ms(entry.published_at),
        opt_ms(entry.updated_at),
        entry.key,
        entry.publisher_id,
        entry.link,
        incoming.keys.canonical_link,
        incoming.keys.global_id,
        entry.title,
        rule(&incoming.verdict),
        marks::write_sketch(&incoming.keys),
        placed.map(|placed| placed.story),
        placed.map(|placed| placed.reason.code()),
    ])?;
    let body = "INSERT INTO body (entry, pack) VALUES (?1, ?2)";
    conn.prepare_cached(body)?
        .execute(params![id, pack::pack(incoming)?])?;
    let seen =
        "INSERT INTO seen (feed, key_hash, entry, print, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    conn.prepare_cached(seen)?.execute([
        poll.state.id.0,
        one.key_hash,
        id,
        head64(&entry.fingerprint.0),
        ms(poll.seen_at),
    ])?;
    Ok(())
}

fn rule(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Keep => None,
        Verdict::Drop { rule } => Some(rule),
    }
}

/// The entry answers to a new key from now on; the old one stays known.
pub(super) fn rename(
    commit: &mut Commit<'_>,
    incoming: &IncomingEntry,
    key_hash: i64,
    recognition: &Recognition,
) -> Outcome<()> {
    let (conn, poll, entry) = (commit.conn, commit.poll, recognition.entry.0);
    let former = "INSERT OR IGNORE INTO former_key (entry, key, reason, left_at)
        SELECT id, key, ?2, ?3 FROM entry WHERE id = ?1";
    conn.prepare_cached(former)?
        .execute(params![entry, recognition.reason, ms(poll.seen_at)])?;
    let seen = "INSERT OR REPLACE INTO seen (feed, key_hash, entry, print, seen_at)
        SELECT e.feed, ?2, e.id, coalesce(s.print, 0), ?3 FROM entry e
        LEFT JOIN seen s ON s.feed = e.feed AND s.key_hash = ?4 WHERE e.id = ?1";
    let old_key: String = conn
        .prepare_cached("SELECT key FROM entry WHERE id = ?1")?
        .query_row([entry], |row| row.get(0))?;
    conn.prepare_cached(seen)?.execute([
        entry,
        key_hash,
        ms(poll.seen_at),
        hash64(b'k', &old_key),
    ])?;
    let update = "UPDATE entry SET key = ?2 WHERE id = ?1";
    conn.prepare_cached(update)?
        .execute(params![entry, incoming.entry.key])?;
    Ok(())
}

/// Another fingerprint under a known key: a revision, of substance or not. True where no rule drops the entry any more:
/// then it is still to be placed.
pub(super) fn change(
    commit: &mut Commit<'_>,
    incoming: &IncomingEntry,
    entry: i64,
    key_hash: i64,
) -> Outcome<bool> {
    let conn = commit.conn;
    let Some(old) = Views::default().entry(conn, EntryId(entry))? else {
        return Ok(false);
    };
    let substantial = commit.judge.substantial(&old.entry, &incoming.entry);
    keep_revision(commit, &old, substantial)?;
    remark(commit, &old, incoming)?;
    update(commit, &old, incoming, substantial)?;
    let seen = "UPDATE seen SET print = ?3 WHERE feed = ?1 AND key_hash = ?2";
    conn.prepare_cached(seen)?.execute([
        old.feed.id.0,
        key_hash,
        head64(&incoming.entry.fingerprint.0),
    ])?;
    search::reindex(conn, entry)?;
    // Readers have seen what was shown: a rule that drops it now comes too late.
    stories::entry_changed(commit, (entry, old.standing), substantial)?;
    Ok(old.standing == Standing::Dropped && incoming.verdict == Verdict::Keep)
}

/// Known entries whose pages were read at last: what readers have becomes whole where it stands. That is no edit.
pub(super) fn complete(commit: &mut Commit<'_>) -> Outcome<()> {
    let poll = commit.poll;
    let completed = |one: &&IncomingEntry| poll.completed.contains(&one.entry.key);
    for incoming in poll.entries.iter().filter(completed) {
        let seen = commit.seen(hash64(b'k', &incoming.entry.key))?;
        let entry = seen.and_then(|seen| seen.entry).map(EntryId);
        let Some(id) = entry else { continue };
        let Some(mut view) = Views::default().entry(commit.conn, id)? else {
            continue;
        };
        let whole = &incoming.entry;
        view.entry.summary_html.clone_from(&whole.summary_html);
        view.entry.content_html.clone_from(&whole.content_html);
        view.entry.text.clone_from(&whole.text);
        let body = "INSERT OR REPLACE INTO body (entry, pack) VALUES (?1, ?2)";
        let pack = pack::pack_entry(&view.entry, &view.tags)?;
        commit
            .conn
            .prepare_cached(body)?
            .execute(params![id.0, pack])?;
        search::reindex(commit.conn, id.0)?;
        stories::entry_changed(commit, (id.0, view.standing), false)?;
    }
    Ok(())
}

/// Revisions kept of an entry: the first, and the newest. Some publishers word their entries anew at every poll.
const REVISIONS: u32 = 10;

/// What the entry was; its text only where the change is one of substance.
fn keep_revision(commit: &Commit<'_>, old: &EntryView, substantial: bool) -> Outcome<()> {
    let sql =
        "INSERT OR REPLACE INTO revision (entry, revision, replaced_at, title, substantial, pack)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let pack = if substantial {
        pack::compress(old.entry.text.as_bytes())?
    } else {
        Vec::new()
    };
    commit.conn.prepare_cached(sql)?.execute(params![
        old.id.0,
        old.revision,
        ms(commit.poll.seen_at),
        old.entry.title,
        substantial,
        pack,
    ])?;
    let sql = "DELETE FROM revision WHERE entry = ?1 AND revision > 1 AND revision <= ?2";
    let oldest = i64::from(old.revision) + 1 - i64::from(REVISIONS);
    if oldest > 0 {
        commit
            .conn
            .prepare_cached(sql)?
            .execute([old.id.0, oldest])?;
    }
    Ok(())
}

/// Marks that no longer hold go, new ones come with the rest of the commit.
fn remark(commit: &mut Commit<'_>, old: &EntryView, incoming: &IncomingEntry) -> Outcome<()> {
    let before = stored_marks(commit.conn, old)?;
    let after = Marks::of(&incoming.entry, &incoming.keys).all();
    mark_table::delete(commit.conn, old.id.0, before.difference(&after).copied())?;
    commit
        .marks
        .extend(after.difference(&before).map(|hash| (*hash, old.id.0)));
    commit.banded.extend(Banded::of(old.id.0, &incoming.keys));
    Ok(())
}

/// The marks of an entry as stored.
pub(super) fn stored_marks(
    conn: &Connection,
    entry: &EntryView,
) -> Outcome<std::collections::BTreeSet<i64>> {
    let mut keys: MatchKeys = conn
        .prepare_cached("SELECT sketch FROM entry WHERE id = ?1")?
        .query_row([entry.id.0], |row| {
            Ok(marks::read_sketch(
                row.get_ref(0)?.as_blob().unwrap_or_default(),
            ))
        })?;
    keys.canonical_link = entry.canonical_link.clone();
    keys.global_id = conn
        .prepare_cached("SELECT global_id FROM entry WHERE id = ?1")?
        .query_row([entry.id.0], |row| row.get(0))?;
    Ok(Marks::of(&entry.entry, &keys).all())
}

fn update(
    commit: &Commit<'_>,
    old: &EntryView,
    incoming: &IncomingEntry,
    substantial: bool,
) -> Outcome<()> {
    let entry = &incoming.entry;
    let changed_at = if substantial {
        commit.poll.seen_at.max(old.shown_at)
    } else {
        old.changed_at
    };
    let dropped_by = if old.standing == Standing::Dropped {
        rule(&incoming.verdict)
    } else {
        None
    };
    let sql = "UPDATE entry SET changed_at = ?2, published_at = ?3, updated_at = ?4, revision = revision + 1,
        publisher_id = ?5, link = ?6, canonical_link = ?7, global_id = ?8, title = ?9, dropped_by = ?10, sketch = ?11
        WHERE id = ?1";
    commit.conn.prepare_cached(sql)?.execute(params![
        old.id.0,
        ms(changed_at),
        opt_ms(entry.published_at),
        opt_ms(entry.updated_at),
        entry.publisher_id,
        entry.link,
        incoming.keys.canonical_link,
        incoming.keys.global_id,
        entry.title,
        dropped_by,
        marks::write_sketch(&incoming.keys),
    ])?;
    let body = "INSERT OR REPLACE INTO body (entry, pack) VALUES (?1, ?2)";
    commit
        .conn
        .prepare_cached(body)?
        .execute(params![old.id.0, pack::pack(incoming)?])?;
    Ok(())
}

/// Entries newest first, optionally of one feed.
pub(super) fn newest(
    conn: &Connection,
    feed: Option<FeedId>,
    limit: usize,
) -> Outcome<Vec<EntryView>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids: Vec<i64> = match feed {
        Some(feed) => {
            let mut query = conn
                .prepare_cached("SELECT id FROM entry WHERE feed = ?1 ORDER BY id DESC LIMIT ?2")?;
            query
                .query_map([feed.0, limit], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?
        }
        None => {
            let mut query =
                conn.prepare_cached("SELECT id FROM entry ORDER BY id DESC LIMIT ?1")?;
            query
                .query_map([limit], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?
        }
    };
    let mut views = Views::default();
    let mut entries = Vec::with_capacity(ids.len());
    for id in ids {
        entries.extend(views.entry(conn, EntryId(id))?);
    }
    Ok(entries)
}
