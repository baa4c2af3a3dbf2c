//! Subscribers: what the config names, what they asked for, what came back. Addresses never leave these rows but to
//! the mail flow, and never enter an error.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codes::Code;
use super::notes;
use super::row::{Outcome, get_at, get_code, ms};
use super::wishes;
use crate::model::{
    StorySeq, SubscriberId, SubscriberRecord, SubscriberSpec, SubscriberStanding, mailbox_key,
};

const RECORD: &str =
    "SELECT id, digest, address, name, zone, standing, reason, since_at, cursor, own_zone, own_language, own_groups,
    own_weekday, origin, suppressed FROM subscriber";

fn record(row: &Row<'_>) -> rusqlite::Result<SubscriberRecord> {
    Ok(SubscriberRecord {
        id: SubscriberId(row.get(0)?),
        spec: SubscriberSpec {
            digest: row.get(1)?,
            address: row.get(2)?,
            name: row.get(3)?,
            zone: row.get(4)?,
        },
        standing: get_code(row, 5)?,
        reason: row.get(6)?,
        since_at: get_at(row, 7)?,
        wishes: wishes::wishes(row, 9)?,
        cursor: StorySeq(row.get(8)?),
        origin: get_code(row, 13)?,
        suppressed: row.get(14)?,
    })
}

/// Subscribers of a digest, all standings but Removed.
pub(super) fn of_digest(conn: &Connection, digest: &str) -> Outcome<Vec<SubscriberRecord>> {
    let sql = format!("{RECORD} WHERE digest = ?1 AND standing <> 5 ORDER BY id");
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map([digest], record)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One subscriber.
pub(super) fn one(conn: &Connection, id: SubscriberId) -> Outcome<Option<SubscriberRecord>> {
    let sql = format!("{RECORD} WHERE id = ?1");
    Ok(conn
        .prepare_cached(&sql)?
        .query_row([id.0], record)
        .optional()?)
}

pub(super) fn moved(id: SubscriberId) -> String {
    format!("subscriber.moved.{}", id.0)
}

/// Renames followed at most: a circle of them ends.
const RENAMES: usize = 8;

/// The rows of a subscriber from `id` on, as their digest got other names: the last is the one that counts.
fn line(conn: &Connection, id: SubscriberId) -> Outcome<Vec<SubscriberRecord>> {
    let mut line: Vec<SubscriberRecord> = one(conn, id)?.into_iter().collect();
    while let Some(last) = line.last().filter(|_| line.len() < RENAMES) {
        if last.standing != SubscriberStanding::Removed {
            break;
        }
        let note = notes::one(conn, &moved(last.id))?;
        let text = note.and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(next) = text.and_then(|text| text.parse().ok()).map(SubscriberId) else {
            break;
        };
        let Some(next) = one(conn, next)? else { break };
        line.push(next);
    }
    Ok(line)
}

/// The row under which a subscriber goes on, after whatever renames.
pub(super) fn present(conn: &Connection, id: SubscriberId) -> Outcome<Option<SubscriberRecord>> {
    Ok(line(conn, id)?.pop())
}

/// Unsubscribes whoever went by `id`: once is for ever, also where the config names them again later.
pub(super) fn unsubscribe(
    conn: &Connection,
    id: SubscriberId,
    reason: &str,
    now: Timestamp,
) -> Outcome<Option<SubscriberRecord>> {
    let left = SubscriberStanding::Unsubscribed;
    for row in line(conn, id)? {
        if row.standing == SubscriberStanding::Removed {
            let sql = "UPDATE subscriber SET kept_standing = ?2, reason = ?3 WHERE id = ?1";
            conn.prepare_cached(sql)?
                .execute(params![row.id.0, left.code(), reason])?;
        } else if row.standing != left {
            set_standing(conn, row.id, (left, Some(reason.to_owned())), now)?;
        }
    }
    present(conn, id)
}

pub(super) fn withdraw_queued(conn: &Connection, id: i64, now: Timestamp) -> Outcome<()> {
    let sql =
        "UPDATE message SET standing = 4, settled_at = ?2 WHERE subscriber = ?1 AND standing = 0";
    conn.prepare_cached(sql)?.execute([id, ms(now)])?;
    Ok(())
}

/// Changes a standing; who gets nothing any more gets nothing that is queued either.
pub(super) fn set_standing(
    conn: &Connection,
    id: SubscriberId,
    (standing, reason): (SubscriberStanding, Option<String>),
    now: Timestamp,
) -> Outcome<()> {
    // A suppression stays on record while its subscriber rests or leaves: only who sets Active over it lifts it.
    let sql =
        "UPDATE subscriber SET standing = ?2, reason = ?3, since_at = ?4, kept_standing = NULL,
        suppressed = CASE ?2 WHEN 0 THEN 0 WHEN 3 THEN 1 ELSE suppressed END WHERE id = ?1";
    conn.prepare_cached(sql)?
        .execute(params![id.0, standing.code(), reason, ms(now)])?;
    if standing != SubscriberStanding::Active {
        withdraw_queued(conn, id.0, now)?;
    }
    Ok(())
}

/// Counts a bounce; gives (hard, soft) so far.
pub(super) fn bounce(
    conn: &Connection,
    id: SubscriberId,
    (hard, status): (bool, &str),
    now: Timestamp,
) -> Outcome<(u32, u32)> {
    let sql = "INSERT INTO bounce (subscriber, hard, status, seen_at) VALUES (?1, ?2, ?3, ?4)";
    conn.prepare_cached(sql)?
        .execute(params![id.0, hard, status, ms(now)])?;
    let sql = "UPDATE subscriber SET hard_bounces = hard_bounces + ?2, soft_bounces = soft_bounces + 1 - ?2
        WHERE id = ?1 RETURNING hard_bounces, soft_bounces";
    let mut update = conn.prepare_cached(sql)?;
    Ok(update.query_row(params![id.0, hard], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// The row of a mailbox in a digest, the living one where there are several.
pub(super) fn of_mailbox(
    conn: &Connection,
    digest: &str,
    mailbox: &str,
) -> Outcome<Option<SubscriberRecord>> {
    let sql = format!("{RECORD} WHERE digest = ?1 ORDER BY standing = 5, id DESC");
    let mut query = conn.prepare_cached(&sql)?;
    for row in query.query_map([digest], record)? {
        let row = row?;
        if mailbox_key(&row.spec.address) == mailbox {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Whether mail to a mailbox has come back, in whatever digest, and nobody has lifted that. Looks at every such
/// address, so that the answer takes the same time whatever it is.
pub(super) fn is_suppressed(conn: &Connection, mailbox: &str) -> Outcome<bool> {
    let mut query = conn.prepare_cached("SELECT address FROM subscriber WHERE suppressed = 1")?;
    let mut suppressed = false;
    for address in query.query_map([], |row| row.get::<_, String>(0))? {
        suppressed |= mailbox_key(&address?) == mailbox;
    }
    Ok(suppressed)
}
