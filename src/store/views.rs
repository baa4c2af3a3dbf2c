//! Rows as readers' values: feeds, entries, stories, each loaded by id within one snapshot.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row};

use super::codes::StoryState;
use super::icons::icon_ref;
use super::pack;
use super::row::{Outcome, get_at, get_code, get_json, get_opt_at};
use crate::model::{
    EntryId, EntryView, FeedId, FeedMeta, FeedView, Fingerprint, ParsedEntry, Sighting, StoryId,
    StorySeq, StoryView,
};

/// Feeds met during one read: stories of a page share them.
#[derive(Default)]
pub(super) struct Views {
    feeds: HashMap<i64, FeedView>,
}

/// Columns of [`short_entry`].
const ENTRY: &str =
    "id, feed, standing, reason, first_seen_at, shown_at, changed_at, published_at, updated_at,
    revision, key, publisher_id, link, canonical_link, title, dropped_by, story";

/// A story's own row.
pub(super) struct StoryRow {
    pub(super) seq: Option<i64>,
    pub(super) state: StoryState,
    pub(super) lead: i64,
    pub(super) shown_ms: i64,
    pub(super) changed_ms: i64,
    pub(super) public_id: String,
}

/// A story's own row.
pub(super) fn story_row(conn: &Connection, id: i64) -> Outcome<Option<StoryRow>> {
    let sql = "SELECT seq, state, lead, shown_at, changed_at, public_id FROM story WHERE id = ?1";
    let read = |row: &Row<'_>| {
        Ok(StoryRow {
            seq: row.get(0)?,
            state: get_code(row, 1)?,
            lead: row.get(2)?,
            shown_ms: row.get(3)?,
            changed_ms: row.get(4)?,
            public_id: row.get(5)?,
        })
    };
    Ok(conn.prepare_cached(sql)?.query_row([id], read).optional()?)
}

impl Views {
    fn feed(&mut self, conn: &Connection, id: i64) -> Outcome<FeedView> {
        if let Some(known) = self.feeds.get(&id) {
            return Ok(known.clone());
        }
        let sql = "SELECT f.id, f.key, f.own_title, f.url, f.groups, f.priority, f.standing, m.entry_updated_at, m.meta, i.tag, i.kind
            FROM feed f LEFT JOIN feed_meta m ON m.feed = f.id LEFT JOIN feed_icon o ON o.feed = f.id
            LEFT JOIN icon i ON i.url = o.url WHERE f.id = ?1";
        let view = conn.prepare_cached(sql)?.query_row([id], feed_view)?;
        self.feeds.insert(id, view.clone());
        Ok(view)
    }

    /// An entry without its body.
    fn short(&mut self, conn: &Connection, row: &Row<'_>) -> Outcome<EntryView> {
        let feed = self.feed(conn, row.get(1)?)?;
        Ok(short_entry(row, feed)?)
    }

    /// An entry with its body.
    pub(super) fn entry(&mut self, conn: &Connection, id: EntryId) -> Outcome<Option<EntryView>> {
        let sql = format!("SELECT {ENTRY} FROM entry WHERE id = ?1");
        let mut query = conn.prepare_cached(&sql)?;
        let mut rows = query.query([id.0])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let mut view = self.short(conn, row)?;
        fill(conn, &mut view)?;
        Ok(Some(view))
    }

    /// All entries of a story with their bodies, by first sight.
    pub(super) fn members(&mut self, conn: &Connection, story: i64) -> Outcome<Vec<EntryView>> {
        let ids = member_ids(conn, story)?;
        let mut members = Vec::with_capacity(ids.len());
        for id in ids {
            members.extend(self.entry(conn, EntryId(id))?);
        }
        Ok(members)
    }

    /// A story with its lead's body and its sightings.
    pub(super) fn story(&mut self, conn: &Connection, id: StoryId) -> Outcome<Option<StoryView>> {
        let Some(row) = story_row(conn, id.0)? else {
            return Ok(None);
        };
        let Some(lead) = self.entry(conn, EntryId(row.lead))? else {
            return Ok(None);
        };
        let mut sightings = self.sightings(conn, id.0)?;
        sightings.sort_by_key(|sighting| {
            (
                sighting.entry != lead.id,
                sighting.first_seen_at,
                sighting.entry,
            )
        });
        Ok(Some(StoryView {
            id,
            seq: StorySeq(row.seq.unwrap_or(0)),
            public_id: row.public_id,
            shown_at: super::row::at(row.shown_ms),
            changed_at: super::row::at(row.changed_ms),
            lead,
            sightings,
        }))
    }

    fn sightings(&mut self, conn: &Connection, story: i64) -> Outcome<Vec<Sighting>> {
        let sql = "SELECT feed, id, title, link, first_seen_at, coalesce(reason, 0), standing FROM entry WHERE story = ?1";
        let mut query = conn.prepare_cached(sql)?;
        let mut rows = query.query([story])?;
        let mut sightings = Vec::new();
        while let Some(row) = rows.next()? {
            sightings.push(Sighting {
                feed: self.feed(conn, row.get(0)?)?,
                entry: EntryId(row.get(1)?),
                title: row.get(2)?,
                link: row.get(3)?,
                first_seen_at: get_at(row, 4)?,
                reason: get_code(row, 5)?,
                standing: get_code(row, 6)?,
            });
        }
        Ok(sightings)
    }
}

/// Entries of a story, oldest first.
pub(super) fn member_ids(conn: &Connection, story: i64) -> Outcome<Vec<i64>> {
    let mut query = conn.prepare_cached("SELECT id FROM entry WHERE story = ?1 ORDER BY id")?;
    let ids = query.query_map([story], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

fn feed_view(row: &Row<'_>) -> rusqlite::Result<FeedView> {
    let meta: FeedMeta = match row.get_ref(8)? {
        rusqlite::types::ValueRef::Null => FeedMeta::default(),
        _ => get_json(row, 8)?,
    };
    let url: String = row.get(3)?;
    let host = || {
        let host = url
            .split_once("://")
            .map_or(url.as_str(), |(_, rest)| rest)
            .split(['/', '?', '#'])
            .next();
        host.and_then(|host| host.rsplit('@').next())
            .filter(|host| !host.is_empty())
            .unwrap_or("feed")
            .to_owned()
    };
    let title = row
        .get::<_, Option<String>>(2)?
        .or(meta.title)
        .filter(|title| !title.trim().is_empty());
    Ok(FeedView {
        id: FeedId(row.get(0)?),
        key: row.get(1)?,
        title: title.unwrap_or_else(host),
        site_url: meta.site_url,
        publisher_id: meta.publisher_id,
        language: meta.language,
        icon_url: meta.icon_url,
        rights: meta.rights,
        authors: meta.authors,
        categories: meta.categories,
        groups: get_json(row, 4)?,
        priority: row.get(5)?,
        updated_at: get_opt_at(row, 7)?,
        standing: get_code(row, 6)?,
        icon: icon_ref(row.get(9)?, row.get(10)?),
        url,
    })
}

fn short_entry(row: &Row<'_>, feed: FeedView) -> rusqlite::Result<EntryView> {
    let entry = ParsedEntry {
        key: row.get(10)?,
        publisher_id: row.get(11)?,
        link: row.get(12)?,
        title: row.get(14)?,
        authors: Vec::new(),
        summary_html: None,
        content_html: None,
        text: String::new(),
        published_at: get_opt_at(row, 7)?,
        updated_at: get_opt_at(row, 8)?,
        date_flag: None,
        enclosures: Vec::new(),
        categories: Vec::new(),
        links: Vec::new(),
        source: None,
        language: None,
        rights: None,
        fingerprint: Fingerprint([0; 32]),
    };
    Ok(EntryView {
        id: EntryId(row.get(0)?),
        feed,
        entry,
        canonical_link: row.get(13)?,
        standing: get_code(row, 2)?,
        dropped_by: row.get(15)?,
        tags: Vec::new(),
        first_seen_at: get_at(row, 4)?,
        shown_at: get_at(row, 5)?,
        changed_at: get_at(row, 6)?,
        revision: row.get(9)?,
    })
}

fn fill(conn: &Connection, view: &mut EntryView) -> Outcome<()> {
    let mut query = conn.prepare_cached("SELECT pack FROM body WHERE entry = ?1")?;
    let blob: Option<Vec<u8>> = query.query_row([view.id.0], |row| row.get(0)).optional()?;
    if let Some(blob) = blob {
        view.tags = pack::unpack(&blob)?.fill(&mut view.entry);
    }
    Ok(())
}

/// The story of an entry.
pub(super) fn story_of(conn: &Connection, entry: i64) -> Outcome<Option<i64>> {
    let mut query = conn.prepare_cached("SELECT story FROM entry WHERE id = ?1")?;
    Ok(query
        .query_row([entry], |row| row.get(0))
        .optional()?
        .flatten())
}
