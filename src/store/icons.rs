//! Pictures of feeds: which are to be looked for, what was found, and the bytes behind an address of ours.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::row::{Outcome, get_at, get_json, ms};
use super::{Result, Store};
use crate::model::{
    FeedId, FeedMeta, IconAnswer, IconCommit, IconFound, IconKind, IconRef, IconWish, KnownIcon,
    Validators,
};

impl Store {
    /// Polled feeds whose picture was not looked for, or is to be looked for again.
    pub async fn due_icons(&self, now: Timestamp, limit: usize) -> Result<Vec<IconWish>> {
        self.read("looking for icons", move |conn| due(conn, now, limit))
            .await
    }

    /// What is known of an address that was asked for a picture.
    pub async fn known_icon(&self, url: &str) -> Result<Option<KnownIcon>> {
        let url = url.to_owned();
        self.read("reading an icon", move |conn| known(conn, &url))
            .await
    }

    /// Keeps what came of looking for one feed's picture; true when pages show another one now.
    pub async fn commit_icon(&self, commit: IconCommit, now: Timestamp) -> Result<bool> {
        self.write_lightly("keeping an icon", move |conn| keep(conn, &commit, now))
            .await
    }

    /// The picture itself.
    pub async fn icon(&self, icon: IconRef) -> Result<Option<Vec<u8>>> {
        self.read("reading an icon", move |conn| bytes(conn, &icon))
            .await
    }
}

fn due(conn: &Connection, now: Timestamp, limit: usize) -> Outcome<Vec<IconWish>> {
    let sql = "SELECT f.id, f.key, f.url, m.meta FROM feed f JOIN feed_meta m ON m.feed = f.id
        LEFT JOIN feed_icon i ON i.feed = f.id
        WHERE f.standing IN (0, 2, 5) AND coalesce(i.look_at, 0) <= ?1 ORDER BY coalesce(i.look_at, 0), f.id LIMIT ?2";
    let mut query = conn.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![ms(now), limit], |row| {
        let meta: FeedMeta = get_json(row, 3)?;
        Ok(IconWish {
            feed: FeedId(row.get(0)?),
            key: row.get(1)?,
            url: row.get(2)?,
            icon_url: meta.icon_url,
            site_url: meta.site_url,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn known(conn: &Connection, url: &str) -> Outcome<Option<KnownIcon>> {
    let sql = "SELECT asked_at, tag IS NOT NULL, coalesce(validators_url, ''), etag, last_modified FROM icon WHERE url = ?1";
    let mut query = conn.prepare_cached(sql)?;
    let known = query.query_row([url], |row| {
        Ok(KnownIcon {
            asked_at: get_at(row, 0)?,
            shown: row.get(1)?,
            validators: Validators {
                url: row.get(2)?,
                etag: row.get(3)?,
                last_modified: row.get(4)?,
            },
        })
    });
    Ok(known.optional()?)
}

fn keep(conn: &Connection, commit: &IconCommit, now: Timestamp) -> Outcome<bool> {
    let before = shown(conn, commit.feed)?;
    for (url, answer) in &commit.asked {
        answered(conn, (url, answer), now)?;
    }
    let old: Option<String> = conn
        .prepare_cached("SELECT url FROM feed_icon WHERE feed = ?1")?
        .query_row([commit.feed.0], |row| row.get(0))
        .optional()?
        .flatten();
    let url = match &commit.found {
        IconFound::At(url) => Some(url),
        IconFound::Nowhere => None,
        IconFound::Unknown => old.as_ref(),
    };
    let sql = "INSERT INTO feed_icon (feed, url, look_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (feed) DO UPDATE SET url = excluded.url, look_at = excluded.look_at";
    conn.prepare_cached(sql)?
        .execute(params![commit.feed.0, url, ms(commit.look_at)])?;
    if let Some(old) = old.as_ref().filter(|old| Some(*old) != url) {
        let sql = "DELETE FROM icon WHERE url = ?1 AND NOT EXISTS (SELECT 1 FROM feed_icon WHERE url = ?1)";
        conn.prepare_cached(sql)?.execute([old])?;
    }
    Ok(shown(conn, commit.feed)? != before)
}

fn answered(
    conn: &Connection,
    (url, answer): (&String, &IconAnswer),
    now: Timestamp,
) -> Outcome<()> {
    let sql = "INSERT INTO icon (url, asked_at, validators_url, etag, last_modified, tag, kind, bytes)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (url) DO UPDATE SET asked_at = excluded.asked_at,
        validators_url = excluded.validators_url, etag = excluded.etag, last_modified = excluded.last_modified,
        tag = excluded.tag, kind = excluded.kind, bytes = excluded.bytes";
    let same = "UPDATE icon SET asked_at = ?2 WHERE url = ?1";
    let none = "INSERT OR REPLACE INTO icon (url, asked_at) VALUES (?1, ?2)";
    let now = ms(now);
    match answer {
        IconAnswer::New {
            icon,
            bytes,
            validators,
        } => conn.prepare_cached(sql)?.execute(params![
            url,
            now,
            validators.url,
            validators.etag,
            validators.last_modified,
            icon.tag,
            icon.kind.name(),
            bytes
        ])?,
        IconAnswer::None => conn.prepare_cached(none)?.execute(params![url, now])?,
        IconAnswer::Same => conn.prepare_cached(same)?.execute(params![url, now])?,
    };
    Ok(())
}

/// The tag of the picture that pages show.
fn shown(conn: &Connection, feed: FeedId) -> Outcome<Option<String>> {
    let sql = "SELECT i.tag FROM feed_icon f JOIN icon i ON i.url = f.url WHERE f.feed = ?1";
    let tag = conn
        .prepare_cached(sql)?
        .query_row([feed.0], |row| row.get(0));
    Ok(tag.optional()?.flatten())
}

fn bytes(conn: &Connection, icon: &IconRef) -> Outcome<Option<Vec<u8>>> {
    let sql = "SELECT bytes FROM icon WHERE tag = ?1 AND kind = ?2 LIMIT 1";
    let mut query = conn.prepare_cached(sql)?;
    let found = query.query_row([icon.tag.as_str(), icon.kind.name()], |row| row.get(0));
    Ok(found.optional()?)
}

/// A picture of a row's two columns.
pub(super) fn icon_ref(tag: Option<String>, kind: Option<String>) -> Option<IconRef> {
    let kind = IconKind::named(&kind?)?;
    Some(IconRef { tag: tag?, kind })
}
