//! Everything known of an entry, for `why`: former keys, revisions, its story, the editions that carried it.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, params};

use super::marks::needle;
use super::row::{Outcome, get_at, hash64};
use super::views::{Views, story_of};
use super::withdrawn::withdrawn_at;
use crate::model::{EntryHistory, EntryId, StoryId};

/// Entries told of at most.
const MOST: usize = 50;

/// Histories of the entries that answer to one of `needles`.
pub(super) fn of(conn: &Connection, needles: &[String]) -> Outcome<Vec<EntryHistory>> {
    let mut views = Views::default();
    let mut histories = Vec::new();
    for entry in find(conn, needles)?.into_iter().take(MOST) {
        let Some(view) = views.entry(conn, EntryId(entry))? else {
            continue;
        };
        let story = story_of(conn, entry)?;
        histories.push(EntryHistory {
            entry: view,
            story: story
                .map(|story| views.story(conn, StoryId(story)))
                .transpose()?
                .flatten(),
            former_keys: former_keys(conn, entry)?,
            revisions: revisions(conn, entry)?,
            withdrawn_at: withdrawn_at(conn, entry)?,
            published_in: Vec::new(),
            mailed_in: story
                .map(|story| mailed_in(conn, story))
                .transpose()?
                .unwrap_or_default(),
        });
    }
    Ok(histories)
}

fn find(conn: &Connection, needles: &[String]) -> Outcome<BTreeSet<i64>> {
    let mut found = BTreeSet::new();
    let mut by_mark = conn.prepare_cached("SELECT entry FROM any_mark WHERE hash = ?1 LIMIT 50")?;
    let sql = "SELECT s.entry FROM feed f JOIN seen s ON s.feed = f.id AND s.key_hash = ?1 WHERE s.entry IS NOT NULL";
    let mut by_key = conn.prepare_cached(sql)?;
    for text in needles {
        for hash in needle(text) {
            let mut rows = by_mark.query([hash])?;
            while let Some(row) = rows.next()? {
                found.insert(row.get(0)?);
            }
        }
        let mut rows = by_key.query([hash64(b'k', text)])?;
        while let Some(row) = rows.next()? {
            found.insert(row.get(0)?);
        }
    }
    Ok(found)
}

fn former_keys(conn: &Connection, entry: i64) -> Outcome<Vec<(String, String, jiff::Timestamp)>> {
    let sql = "SELECT key, reason, left_at FROM former_key WHERE entry = ?1 ORDER BY left_at";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([entry], |row| {
        Ok((row.get(0)?, row.get(1)?, get_at(row, 2)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn revisions(conn: &Connection, entry: i64) -> Outcome<Vec<(u32, jiff::Timestamp, String, bool)>> {
    let sql = "SELECT revision, replaced_at, title, substantial FROM revision WHERE entry = ?1 ORDER BY revision";
    let mut query = conn.prepare_cached(sql)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, get_at(row, 1)?, row.get(2)?, row.get(3)?));
    let rows = query.query_map(params![entry], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Editions that carried it, but for those whose mails were all taken over by the next.
fn mailed_in(conn: &Connection, story: i64) -> Outcome<Vec<(String, jiff::Timestamp)>> {
    let sql = "SELECT e.digest, e.slot_at FROM edition_story s JOIN edition e ON e.id = s.edition
        WHERE s.story = ?1 AND (EXISTS (SELECT 1 FROM message m WHERE m.edition = e.id AND m.standing <> 4)
            OR NOT EXISTS (SELECT 1 FROM message m WHERE m.edition = e.id))
        ORDER BY e.slot_at";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([story], |row| Ok((row.get(0)?, get_at(row, 1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
