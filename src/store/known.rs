//! Stored entries as they stand: what is known of a document before it is committed (which keys are new, which entries
//! it words anew; bodies are loaded for those alone), and the whole history page by page.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row};

use super::row::{Outcome, get_json, hash64, head64};
use super::views::Views;
use super::{Result, Store};
use crate::model::{EntryId, EntryView, FeedId, FeedMeta, Fingerprint, StoryId};

/// A document's entries against what is stored.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The feed's own words as of its last document.
    pub meta: Option<FeedMeta>,
    /// Keys that the feed never had.
    pub unknown: HashSet<String>,
    /// Stored entries that the document words otherwise: the key asked for, and the entry as it stands.
    pub reworded: Vec<(String, EntryView)>,
}

impl Store {
    /// What is known of `entries` of a feed, each a key with its fingerprint.
    pub async fn known(&self, feed: FeedId, entries: Vec<(String, Fingerprint)>) -> Result<Known> {
        self.read("reading what is known of a document", move |conn| {
            known(conn, feed, entries)
        })
        .await
    }
}

fn known(conn: &Connection, feed: FeedId, entries: Vec<(String, Fingerprint)>) -> Outcome<Known> {
    let mut known = Known {
        meta: meta(conn, feed)?,
        ..Known::default()
    };
    let mut views = Views::default();
    let mut seen =
        conn.prepare_cached("SELECT entry, print FROM seen WHERE feed = ?1 AND key_hash = ?2")?;
    for (key, fingerprint) in entries {
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: Option<(Option<i64>, i64)> = seen
            .query_row([feed.0, hash64(b'k', &key)], read)
            .optional()?;
        match found {
            None => {
                known.unknown.insert(key);
            }
            Some((Some(entry), print)) if print != head64(&fingerprint.0) => {
                let view = views.entry(conn, EntryId(entry))?;
                known.reworded.extend(view.map(|view| (key, view)));
            }
            Some(_) => {}
        }
    }
    Ok(known)
}

fn meta(conn: &Connection, feed: FeedId) -> Outcome<Option<FeedMeta>> {
    let mut query = conn.prepare_cached("SELECT meta FROM feed_meta WHERE feed = ?1")?;
    Ok(query
        .query_row([feed.0], |row| get_json(row, 0))
        .optional()?)
}

/// An entry with the number of its story, if it has one.
pub type Placed = (EntryView, Option<StoryId>);

impl Store {
    /// Stored entries, whatever became of them, newest first: one page, only those before `before`.
    pub async fn entries_before(
        &self,
        before: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<Placed>> {
        self.read("reading entries", move |conn| page(conn, before, limit))
            .await
    }
}

fn page(conn: &Connection, before: Option<EntryId>, limit: usize) -> Outcome<Vec<Placed>> {
    let sql = "SELECT id, story FROM entry WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let before = before.map_or(i64::MAX, |id| id.0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(sql)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?));
    let ids: Vec<(i64, Option<i64>)> = query
        .query_map([before, limit], read)?
        .collect::<rusqlite::Result<_>>()?;
    let mut views = Views::default();
    let mut placed = Vec::with_capacity(ids.len());
    for (id, story) in ids {
        let view = views.entry(conn, EntryId(id))?;
        placed.extend(view.map(|view| (view, story.map(StoryId))));
    }
    Ok(placed)
}
