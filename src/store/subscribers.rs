//! Subscribers: what the config names, what they asked for, what came back. Addresses never leave these rows but to
//! the mail flow, and never enter an error.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codes::Code;
use super::notes;
use super::row::{Outcome, get_at, get_code, ms};
use super::select::last_seq;
use super::wishes;
use crate::model::{
    StorySeq, SubscriberId, SubscriberRecord, SubscriberSpec, SubscriberStanding, mailbox_key,
};

const RECORD: &str =
    "SELECT id, digest, address, name, zone, standing, reason, since_at, cursor, own_zone, own_language, own_groups
    FROM subscriber";

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

/// Makes the stored subscribers those of the config.
pub(super) fn sync(conn: &Connection, specs: &[SubscriberSpec], now: Timestamp) -> Outcome<()> {
    let (mut known, ousted) = known(conn)?;
    let last = last_seq(conn)?;
    let mut begun: HashMap<&str, bool> = HashMap::new();
    let left = left(conn, specs)?;
    let living = living(conn)?;
    for spec in specs {
        let begun = match begun.get(spec.digest.as_str()) {
            Some(begun) => *begun,
            None => *begun
                .entry(&spec.digest)
                .or_insert(has_begun(conn, &spec.digest)?),
        };
        let key = mailbox_key(&spec.address);
        let before = left.get(&key).copied();
        match known.remove(&(spec.digest.clone(), key)) {
            None => match before {
                Some(before) if !begun => move_in(conn, spec, before, now)?,
                _ => add(conn, spec, if begun { last } else { StorySeq(0) }, now)?,
            },
            Some((id, standing)) => {
                if standing == SubscriberStanding::Removed {
                    come_back(conn, id, last, now)?;
                    let before = before.filter(|_| !living.contains(&spec.digest));
                    before.map_or(Ok(()), |before| move_back(conn, id, before))?;
                }
                refresh(conn, id, spec)?;
            }
        }
    }
    for (id, standing) in known.into_values().chain(ousted) {
        if standing != SubscriberStanding::Removed {
            let sql = "UPDATE subscriber SET standing = 5, kept_standing = standing, since_at = ?2 WHERE id = ?1";
            conn.prepare_cached(sql)?.execute([id, ms(now)])?;
            withdraw_queued(conn, id, now)?;
        }
    }
    Ok(())
}

/// Digests that somebody gets: one that is not among them comes into the config just now, perhaps again.
fn living(conn: &Connection) -> Outcome<HashSet<String>> {
    let mut query =
        conn.prepare_cached("SELECT DISTINCT digest FROM subscriber WHERE standing <> 5")?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Mailboxes of digests that leave the config just now. A digest that comes in the same moment is that one under a new
/// name: nobody gets a story again for it, and who had left stays away.
fn left(conn: &Connection, specs: &[SubscriberSpec]) -> Outcome<HashMap<String, i64>> {
    let mut query = conn.prepare_cached(
        "SELECT address, digest, id FROM subscriber WHERE standing <> 5 ORDER BY cursor",
    )?;
    let mut rows = query.query([])?;
    let mut left = HashMap::new();
    while let Some(row) = rows.next()? {
        let digest: String = row.get(1)?;
        if !specs.iter().any(|spec| spec.digest == digest) {
            left.insert(mailbox_key(&row.get::<_, String>(0)?), row.get(2)?);
        }
    }
    Ok(left)
}

fn move_in(conn: &Connection, spec: &SubscriberSpec, before: i64, now: Timestamp) -> Outcome<()> {
    let sql =
        "INSERT INTO subscriber (digest, address, name, zone, standing, reason, since_at, cursor, own_zone, own_language, own_groups)
        SELECT ?1, ?2, ?3, coalesce(own_zone, ?4), standing, reason, ?5, cursor, own_zone, own_language, own_groups
        FROM subscriber WHERE id = ?6";
    conn.prepare_cached(sql)?.execute(params![
        spec.digest,
        spec.address,
        spec.name,
        spec.zone,
        ms(now),
        before
    ])?;
    let after = conn.last_insert_rowid().to_string();
    notes::set(conn, &moved(SubscriberId(before)), Some(after.as_bytes()))
}

/// A digest that goes back to a name it had: the old row goes on with what was wished and served under the other name.
fn move_back(conn: &Connection, id: i64, before: i64) -> Outcome<()> {
    let sql = "UPDATE subscriber SET (standing, reason, cursor, own_zone, own_language, own_groups) =
        (SELECT standing, reason, cursor, own_zone, own_language, own_groups FROM subscriber WHERE id = ?2) WHERE id = ?1";
    conn.prepare_cached(sql)?.execute([id, before])?;
    notes::set(conn, &moved(SubscriberId(id)), None)?;
    let after = id.to_string();
    notes::set(conn, &moved(SubscriberId(before)), Some(after.as_bytes()))
}

fn moved(id: SubscriberId) -> String {
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

type Known = HashMap<(String, String), (i64, SubscriberStanding)>;

/// Rows by digest and mailbox, and those whose place another has taken: of rows that differ in spelling only the living
/// one counts, the newest of several.
fn known(conn: &Connection) -> Outcome<(Known, Vec<(i64, SubscriberStanding)>)> {
    let sql = "SELECT digest, address, id, standing FROM subscriber ORDER BY standing <> 5, id";
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query([])?;
    let (mut known, mut ousted) = (Known::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let key = (row.get(0)?, mailbox_key(&row.get::<_, String>(1)?));
        ousted.extend(known.insert(key, (row.get(2)?, get_code(row, 3)?)));
    }
    Ok((known, ousted))
}

/// A digest that has begun owes a new subscriber only what comes from now on.
fn has_begun(conn: &Connection, digest: &str) -> Outcome<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM edition WHERE digest = ?1)
        OR EXISTS (SELECT 1 FROM subscriber WHERE digest = ?1)";
    Ok(conn
        .prepare_cached(sql)?
        .query_row([digest], |row| row.get(0))?)
}

fn add(conn: &Connection, spec: &SubscriberSpec, cursor: StorySeq, now: Timestamp) -> Outcome<()> {
    let sql = "INSERT INTO subscriber (digest, address, name, zone, standing, since_at, cursor)
        VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)";
    conn.prepare_cached(sql)?.execute(params![
        spec.digest,
        spec.address,
        spec.name,
        spec.zone,
        ms(now),
        cursor.0
    ])?;
    Ok(())
}

fn refresh(conn: &Connection, id: i64, spec: &SubscriberSpec) -> Outcome<()> {
    let sql = "UPDATE subscriber SET name = ?2, zone = coalesce(own_zone, ?3)
        WHERE id = ?1 AND (name IS NOT ?2 OR zone <> coalesce(own_zone, ?3))";
    conn.prepare_cached(sql)?
        .execute(params![id, spec.name, spec.zone])?;
    // An old row may have this very spelling: then ours stays as it is.
    let sql = "UPDATE OR IGNORE subscriber SET address = ?2 WHERE id = ?1 AND address <> ?2";
    conn.prepare_cached(sql)?
        .execute(params![id, spec.address])?;
    Ok(())
}

/// As they were; what went by while the config did not name them is not owed.
fn come_back(conn: &Connection, id: i64, last: StorySeq, now: Timestamp) -> Outcome<()> {
    let sql = "UPDATE subscriber SET standing = coalesce(kept_standing, 0), kept_standing = NULL, since_at = ?2,
        cursor = max(cursor, ?3) WHERE id = ?1";
    conn.prepare_cached(sql)?.execute([id, ms(now), last.0])?;
    Ok(())
}

fn withdraw_queued(conn: &Connection, id: i64, now: Timestamp) -> Outcome<()> {
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
    let sql = "UPDATE subscriber SET standing = ?2, reason = ?3, since_at = ?4, kept_standing = NULL WHERE id = ?1";
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
