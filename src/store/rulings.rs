//! What the operator decides of stories, for good: split, joined, approved; and what that forbids to entries that come
//! later.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::StoreError;
use super::ledger::Ledger;
use super::marks::Found;
use super::public_id::uuid_of;
use super::row::{Outcome, ms};
use super::stories::{put, settle_story};
use super::views::{StoryRow, Views, story_of, story_row};
use crate::model::{EntryId, FeedId, JoinReason, Judge, StoryId};

/// Leaves the candidates that a new entry of `feed` may be joined to. A story has one entry of a feed, unless the
/// operator says otherwise; and what the operator split from a copy of the same feed does not come back with a new one.
pub(super) fn sift(conn: &Connection, feed: FeedId, found: &mut Found) -> Outcome<()> {
    if found.others.is_empty() {
        return Ok(());
    }
    let mut barred: HashSet<i64> = HashSet::new();
    for own in &found.own {
        barred.extend(apart_from(conn, own.entry.0)?);
    }
    let mut has =
        conn.prepare_cached("SELECT 1 FROM entry WHERE story = ?1 AND feed = ?2 LIMIT 1")?;
    let stories: HashSet<i64> = found
        .others
        .iter()
        .filter_map(|one| Some(one.story?.0))
        .collect();
    for story in stories {
        if has.exists([story, feed.0])? {
            barred.insert(story);
        }
    }
    found
        .others
        .retain(|one| one.story.is_some_and(|story| !barred.contains(&story.0)));
    Ok(())
}

/// Stories of the entries that the operator split from `entry`.
fn apart_from(conn: &Connection, entry: i64) -> Outcome<Vec<i64>> {
    let sql = "SELECT e.story FROM ruling r JOIN entry e ON e.id = r.other
            WHERE r.one = ?1 AND NOT r.together AND e.story IS NOT NULL
        UNION SELECT e.story FROM ruling r JOIN entry e ON e.id = r.one
            WHERE r.other = ?1 AND NOT r.together AND e.story IS NOT NULL";
    let mut query = conn.prepare_cached(sql)?;
    let stories = query.query_map([entry], |row| row.get(0))?;
    Ok(stories.collect::<rusqlite::Result<_>>()?)
}

/// Splits an entry off its story into one of its own, for good.
pub(super) fn split(
    conn: &Connection,
    entry: EntryId,
    judge: &dyn Judge,
    now: Timestamp,
) -> Outcome<StoryId> {
    let story = story_of(conn, entry.0)?.ok_or_else(|| unknown("entry", entry.0))?;
    let Some(view) = Views::default().entry(conn, entry)? else {
        return Err(unknown("entry", entry.0).into());
    };
    let others: Vec<i64> = super::views::member_ids(conn, story)?
        .into_iter()
        .filter(|id| *id != entry.0)
        .collect();
    if others.is_empty() {
        return Ok(StoryId(story));
    }
    unshelve(conn, story, view.feed.id.0)?;
    let public_id = uuid_of(&[&view.feed.key, &view.entry.key, "split"]);
    let sql = "INSERT INTO story (seq, state, lead, shown_at, changed_at, public_id) VALUES (NULL, 0, ?1, ?2, ?3, ?4)";
    conn.prepare_cached(sql)?.execute(params![
        entry.0,
        ms(view.shown_at),
        ms(view.changed_at),
        public_id
    ])?;
    let own = conn.last_insert_rowid();
    put(conn, entry.0, own, &JoinReason::Operator)?;
    for other in others {
        rule(conn, (entry.0, other), false, now)?;
    }
    let mut ledger = Ledger::default();
    settle_story(conn, &mut ledger, own, judge)?;
    settle_story(conn, &mut ledger, story, judge)?;
    ledger.close(conn)?;
    Ok(StoryId(own))
}

/// Joins two stories, for good, and gives the one that stays: the one with the lower sequence number, since windows and
/// readers know it longer.
pub(super) fn join(
    conn: &Connection,
    (one, other): (StoryId, StoryId),
    judge: &dyn Judge,
    now: Timestamp,
) -> Outcome<StoryId> {
    let rows = (known_story(conn, one)?, known_story(conn, other)?);
    if one == other {
        return Ok(one);
    }
    let is_newer = rows.0.seq.unwrap_or(i64::MAX) > rows.1.seq.unwrap_or(i64::MAX);
    let (into, from, gone) = if is_newer {
        (other, one, rows.0)
    } else {
        (one, other, rows.1)
    };
    let kept = super::views::member_ids(conn, into.0)?;
    for entry in super::views::member_ids(conn, from.0)? {
        if let Some(view) = Views::default().entry(conn, EntryId(entry))? {
            conn.prepare_cached(
                "DELETE FROM shelf WHERE feed = ?1 AND shown_at = ?2 AND story = ?3",
            )?
            .execute([view.feed.id.0, gone.shown_ms, from.0])?;
        }
        put(conn, entry, into.0, &JoinReason::Operator)?;
        // With each of them: an earlier split from any must not keep later copies apart.
        for known in &kept {
            rule(conn, (*known, entry), true, now)?;
        }
    }
    conn.prepare_cached("UPDATE OR IGNORE edition_story SET story = ?2 WHERE story = ?1")?
        .execute([from.0, into.0])?;
    conn.prepare_cached("UPDATE joined_story SET story = ?2 WHERE story = ?1")?
        .execute([from.0, into.0])?;
    conn.prepare_cached("INSERT OR REPLACE INTO joined_story VALUES (?1, ?2)")?
        .execute([from.0, into.0])?;
    conn.prepare_cached("DELETE FROM story WHERE id = ?1")?
        .execute([from.0])?;
    let mut ledger = Ledger::default();
    ledger.moved(Some(gone.state), None);
    settle_story(conn, &mut ledger, into.0, judge)?;
    ledger.close(conn)?;
    Ok(into)
}

/// The story that one was joined to which is no more.
pub(super) fn joined_to(conn: &Connection, id: StoryId) -> Outcome<Option<StoryId>> {
    let sql = "SELECT story FROM joined_story WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM story WHERE id = ?1)";
    let mut query = conn.prepare_cached(sql)?;
    Ok(query
        .query_row([id.0], |row| row.get(0).map(StoryId))
        .optional()?)
}

fn known_story(conn: &Connection, id: StoryId) -> Outcome<StoryRow> {
    Ok(story_row(conn, id.0)?.ok_or_else(|| unknown("story", id.0))?)
}

fn unshelve(conn: &Connection, story: i64, feed: i64) -> Outcome<()> {
    if let Some(row) = story_row(conn, story)? {
        conn.prepare_cached("DELETE FROM shelf WHERE feed = ?1 AND shown_at = ?2 AND story = ?3")?
            .execute([feed, row.shown_ms, story])?;
    }
    Ok(())
}

fn rule(
    conn: &Connection,
    (one, other): (i64, i64),
    together: bool,
    now: Timestamp,
) -> Outcome<()> {
    let sql =
        "INSERT OR REPLACE INTO ruling (one, other, together, ruled_at) VALUES (?1, ?2, ?3, ?4)";
    conn.prepare_cached(sql)?.execute(params![
        one.min(other),
        one.max(other),
        together,
        ms(now)
    ])?;
    Ok(())
}

fn unknown(what: &'static str, id: i64) -> StoreError {
    StoreError::Unknown { what, id }
}

/// Shows what was held or quarantined of a feed; gives how many entries.
pub(super) fn approve(conn: &Connection, feed: FeedId, judge: &dyn Judge) -> Outcome<usize> {
    let sql = "SELECT id, coalesce(story, 0) FROM entry WHERE feed = ?1 AND standing IN (3, 4) ORDER BY shown_at, id";
    let held: Vec<(i64, i64)> = conn
        .prepare_cached(sql)?
        .query_map([feed.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut ledger = Ledger::default();
    for (entry, story) in &held {
        conn.prepare_cached("UPDATE entry SET standing = 0 WHERE id = ?1")?
            .execute([entry])?;
        settle_story(conn, &mut ledger, *story, judge)?;
    }
    ledger.close(conn)?;
    let sql = "UPDATE feed SET standing = 0 WHERE id = ?1 AND standing = 5";
    conn.prepare_cached(sql)?.execute([feed.0])?;
    Ok(held.len())
}
