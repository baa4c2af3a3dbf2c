//! What subscribers ask for themselves: kept beside what the config says of them, and stronger than it.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::row::Outcome;
use super::subscribers::{one, set_standing};
use crate::model::{SubscriberId, SubscriberRecord, SubscriberStanding, Wishes};

/// The wishes in four columns from `at` on.
pub(super) fn wishes(row: &Row<'_>, at: usize) -> rusqlite::Result<Wishes> {
    let groups: Option<String> = row.get(at + 2)?;
    Ok(Wishes {
        zone: row.get(at)?,
        language: row.get(at + 1)?,
        groups: groups.and_then(|list| serde_json::from_str(&list).ok()),
        weekday: row.get(at + 3)?,
    })
}

/// Keeps `wishes`; `zone` is the one whose clock counts from now on.
pub(super) fn set(
    conn: &Connection,
    id: SubscriberId,
    wishes: &Wishes,
    zone: &str,
) -> Outcome<Option<SubscriberRecord>> {
    let groups = wishes.groups.as_ref().map(serde_json::to_string);
    let sql = "UPDATE subscriber SET own_zone = ?2, own_language = ?3, own_groups = ?4, zone = ?5, own_weekday = ?6
        WHERE id = ?1";
    conn.prepare_cached(sql)?.execute(params![
        id.0,
        wishes.zone,
        wishes.language,
        groups.transpose()?,
        zone,
        wishes.weekday
    ])?;
    one(conn, id)
}

/// Changes a standing as the subscriber asks, where that is theirs to ask.
pub(super) fn ask(
    conn: &Connection,
    id: SubscriberId,
    standing: SubscriberStanding,
    now: Timestamp,
) -> Outcome<Option<SubscriberRecord>> {
    let Some(known) = one(conn, id)? else {
        return Ok(None);
    };
    if known.may_ask_for(standing) {
        let reason = Some("asked by the link in a mail".to_owned());
        set_standing(conn, id, (standing, reason), now)?;
    }
    one(conn, id)
}

/// Zones of a digest that the config may not name: those that subscribers chose, and of those who signed up.
pub(super) fn zones(conn: &Connection, digest: &str) -> Outcome<Vec<String>> {
    let sql = "SELECT DISTINCT zone FROM subscriber
        WHERE digest = ?1 AND standing <> 5 AND (own_zone IS NOT NULL OR origin = 1) ORDER BY zone";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([digest], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
