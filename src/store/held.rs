//! What is stored of a subscriber, for themselves: shown whole, and erased where they ask for it. Rows that left the
//! config with the same address, as a renamed digest leaves them, are theirs too.

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::row::{Outcome, get_at, get_code, get_opt_at};
use super::sign_ups;
use super::subscribers::{one, unsubscribe};
use crate::model::{Held, HeldBounce, HeldMail, SubscriberId, SubscriberRecord};

fn theirs(conn: &Connection, id: SubscriberId) -> Outcome<Vec<SubscriberId>> {
    let sql = "SELECT id FROM subscriber WHERE id = ?1
        OR standing = 5 AND address = (SELECT address FROM subscriber WHERE id = ?1) ORDER BY id";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([id.0], |row| row.get(0).map(SubscriberId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Everything stored of them.
pub(super) fn held(conn: &Connection, id: SubscriberId) -> Outcome<Vec<Held>> {
    let mut held = Vec::new();
    for id in theirs(conn, id)? {
        let Some(SubscriberRecord {
            spec,
            standing,
            reason,
            since_at,
            wishes,
            origin,
            suppressed,
            ..
        }) = one(conn, id)?
        else {
            continue;
        };
        held.push(Held {
            sign_ups: sign_ups::held(conn, &spec)?,
            digest: spec.digest,
            address: spec.address,
            name: spec.name,
            timezone: spec.zone,
            origin,
            standing,
            suppressed,
            reason,
            since_at,
            wishes,
            bounces: listed(conn, id, BOUNCES, bounce)?,
            mails: listed(conn, id, MAILS, mail)?,
        });
    }
    Ok(held)
}

const BOUNCES: &str = "SELECT seen_at, hard, status FROM bounce WHERE subscriber = ?1 ORDER BY id";
const MAILS: &str = "SELECT message_id, queued_at, settled_at, standing FROM message WHERE subscriber = ?1 ORDER BY id";

fn listed<T>(
    conn: &Connection,
    id: SubscriberId,
    sql: &str,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Outcome<Vec<T>> {
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([id.0], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn bounce(row: &Row<'_>) -> rusqlite::Result<HeldBounce> {
    Ok(HeldBounce {
        seen_at: get_at(row, 0)?,
        hard: row.get(1)?,
        status: row.get(2)?,
    })
}

fn mail(row: &Row<'_>) -> rusqlite::Result<HeldMail> {
    Ok(HeldMail {
        message_id: row.get(0)?,
        queued_at: get_at(row, 1)?,
        settled_at: get_opt_at(row, 2)?,
        standing: get_code(row, 3)?,
    })
}

/// Unsubscribes them and deletes mails, bounces, name and wishes. The address stays with the word that it left: the
/// config may go on to name it, and nothing must be sent to it again.
pub(super) fn erase(
    conn: &Connection,
    id: SubscriberId,
    now: Timestamp,
) -> Outcome<Option<SubscriberRecord>> {
    if let Some(known) = one(conn, id)? {
        sign_ups::erase(conn, &known.spec.address)?;
    }
    for row in theirs(conn, id)? {
        for sql in [
            "DELETE FROM message WHERE subscriber = ?1",
            "DELETE FROM bounce WHERE subscriber = ?1",
            "UPDATE subscriber SET name = NULL, own_zone = NULL, own_language = NULL, own_groups = NULL, own_weekday = NULL,
                hard_bounces = 0, soft_bounces = 0 WHERE id = ?1",
        ] {
            conn.prepare_cached(sql)?.execute([row.0])?;
        }
    }
    unsubscribe(conn, id, "erased, as asked by the link in a mail", now)
}
