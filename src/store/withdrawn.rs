//! Entries that their publisher took back: they and their stories leave what readers see, and come again under the same
//! id and number when a document has them again.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::codes::Code;
use super::commit::Commit;
use super::row::{Outcome, get_at, get_code, hash64, ms};
use super::select::{is_member, members};
use super::views::{Views, story_of};
use super::{Result, Store, stories};
use crate::model::{FeedId, Selection, Standing, StoryId, Tombstone};

/// Takes back what the poll says, and shows again what is among the entries `present` in its document.
pub(super) fn follow(commit: &mut Commit<'_>, present: &HashSet<i64>) -> Outcome<()> {
    for entry in of_feed(commit)? {
        if present.contains(&entry) {
            let shown = commit.guarded(Standing::Shown);
            let sql = "DELETE FROM withdrawn WHERE entry = ?1";
            commit.conn.prepare_cached(sql)?.execute([entry])?;
            restand(commit, entry, shown)?;
        }
    }
    let poll = commit.poll;
    for key in &poll.withdrawn {
        let known = shown_under(commit, key)?;
        // It may be there under another key.
        if let Some(entry) = known.filter(|entry| !present.contains(entry)) {
            let sql =
                "INSERT OR REPLACE INTO withdrawn (entry, feed, withdrawn_at) VALUES (?1, ?2, ?3)";
            commit
                .conn
                .prepare_cached(sql)?
                .execute([entry, poll.state.id.0, ms(poll.seen_at)])?;
            restand(commit, entry, Standing::Withdrawn)?;
        }
    }
    Ok(())
}

fn of_feed(commit: &Commit<'_>) -> Outcome<Vec<i64>> {
    let sql = "SELECT entry FROM withdrawn WHERE feed = ?1";
    let mut query = commit.conn.prepare_cached(sql)?;
    let rows = query.query_map([commit.poll.state.id.0], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The entry that readers see under a key of the feed.
fn shown_under(commit: &Commit<'_>, key: &str) -> Outcome<Option<i64>> {
    let sql = "SELECT e.id, e.standing FROM seen s JOIN entry e ON e.id = s.entry
        WHERE s.feed = ?1 AND s.key_hash = ?2";
    let mut query = commit.conn.prepare_cached(sql)?;
    let found: Option<(i64, Standing)> = query
        .query_row([commit.poll.state.id.0, hash64(b'k', key)], |row| {
            Ok((row.get(0)?, get_code(row, 1)?))
        })
        .optional()?;
    Ok(found
        .filter(|(_, standing)| *standing == Standing::Shown)
        .map(|(entry, _)| entry))
}

fn restand(commit: &mut Commit<'_>, entry: i64, standing: Standing) -> Outcome<()> {
    let sql = "UPDATE entry SET standing = ?2 WHERE id = ?1";
    commit
        .conn
        .prepare_cached(sql)?
        .execute([entry, standing.code()])?;
    match story_of(commit.conn, entry)? {
        Some(story) => stories::settle(commit, story),
        None => Ok(()),
    }
}

impl Store {
    /// Keys of the feed's entries that readers see.
    pub async fn shown_keys(&self, feed: FeedId) -> Result<Vec<String>> {
        self.read("reading what a feed shows", move |conn| {
            let sql = "SELECT key FROM entry WHERE feed = ?1 AND standing = ?2";
            let mut query = conn.prepare_cached(sql)?;
            let rows = query.query_map([feed.0, Standing::Shown.code()], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Stories of `selection` that were published and of which nothing is left, the last withdrawn first. Of the
    /// selection's bounds, `since` and `limit` count.
    pub async fn tombstones(&self, selection: Selection) -> Result<Vec<Tombstone>> {
        self.read("reading withdrawn stories", move |conn| {
            tombstones(conn, &selection)
        })
        .await
    }
}

fn tombstones(conn: &Connection, selection: &Selection) -> Outcome<Vec<Tombstone>> {
    let sql = "SELECT s.id, w.withdrawn_at FROM withdrawn w JOIN entry e ON e.id = w.entry
        JOIN story s ON s.id = e.story WHERE s.state = 3 AND s.shown_at >= ?1
        ORDER BY w.withdrawn_at DESC, w.entry DESC";
    let members = members(conn, selection)?;
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query(params![selection.since.map_or(i64::MIN, ms)])?;
    let (mut views, mut told) = (Views::default(), HashSet::new());
    let mut found = Vec::new();
    while found.len() < selection.limit {
        let Some(row) = rows.next()? else {
            break;
        };
        let story: i64 = row.get(0)?;
        if told.insert(story) && is_member(conn, &members, story, Standing::Withdrawn)? {
            let view = views.story(conn, StoryId(story))?;
            let withdrawn_at = get_at(row, 1)?;
            found.extend(view.map(|story| Tombstone {
                story,
                withdrawn_at,
            }));
        }
    }
    Ok(found)
}

/// When the publisher took an entry back.
pub(super) fn withdrawn_at(conn: &Connection, entry: i64) -> Outcome<Option<jiff::Timestamp>> {
    let sql = "SELECT withdrawn_at FROM withdrawn WHERE entry = ?1";
    let mut query = conn.prepare_cached(sql)?;
    Ok(query.query_row([entry], |row| get_at(row, 0)).optional()?)
}
