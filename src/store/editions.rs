//! Editions: one commit each, so that the windows of a lane tile the sequence whatever happens between two of them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codes::Code;
use super::row::{Outcome, get_at, get_code, get_opt_at, ms};
use super::select::last_seq;
use super::{LaneState, StoreError, pack};
use crate::model::{
    EditionId, EditionRecord, FrozenEdition, FrozenMessage, MessageId, MessageView, StorySeq,
    SubscriberId, SubscriberStanding,
};

/// Where a lane stands; made at first sight.
pub(super) fn lane(
    conn: &Connection,
    digest: &str,
    lane: &str,
    now: Timestamp,
) -> Outcome<LaneState> {
    if let Some(known) = known_lane(conn, digest, lane)? {
        return Ok(known);
    }
    let until = lane_start(conn, digest, lane)?;
    let sql = "INSERT INTO lane (digest, lane, since_at, until) VALUES (?1, ?2, ?3, ?4)";
    conn.prepare_cached(sql)?
        .execute(params![digest, lane, ms(now), until.0])?;
    Ok(LaneState {
        last_slot_at: None,
        until,
        since_at: Some(now),
    })
}

/// Where a lane stands, or would begin.
pub(super) fn look_at_lane(conn: &Connection, digest: &str, lane: &str) -> Outcome<LaneState> {
    if let Some(known) = known_lane(conn, digest, lane)? {
        return Ok(known);
    }
    Ok(LaneState {
        until: lane_start(conn, digest, lane)?,
        ..LaneState::default()
    })
}

/// Brings back to `now` what stands after `limit`: slots of lanes, given as (digest, lane), and waits of messages, as
/// their number.
pub(super) fn mend_clock(
    conn: &Connection,
    now: Timestamp,
    limit: Timestamp,
) -> Outcome<(Vec<(String, String)>, usize)> {
    let sql = "UPDATE lane SET last_slot_at = min(last_slot_at, ?1), since_at = min(since_at, ?1)
        WHERE last_slot_at > ?2 OR since_at > ?2 RETURNING digest, lane";
    let mut lanes = conn.prepare_cached(sql)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let lanes = lanes
        .query_map([ms(now), ms(limit)], read)?
        .collect::<rusqlite::Result<_>>()?;
    let sql = "UPDATE message SET due_at = ?1 WHERE standing IN (0, 1) AND due_at > ?2";
    let messages = conn.prepare_cached(sql)?.execute([ms(now), ms(limit)])?;
    let sql = "UPDATE sign_up SET due_at = ?1 WHERE standing IN (0, 1) AND due_at > ?2";
    let sign_ups = conn.prepare_cached(sql)?.execute([ms(now), ms(limit)])?;
    Ok((lanes, messages + sign_ups))
}

fn known_lane(conn: &Connection, digest: &str, lane: &str) -> Outcome<Option<LaneState>> {
    let sql = "SELECT last_slot_at, until, since_at FROM lane WHERE digest = ?1 AND lane = ?2";
    let read = |row: &Row<'_>| {
        Ok(LaneState {
            last_slot_at: get_opt_at(row, 0)?,
            until: StorySeq(row.get(1)?),
            since_at: get_opt_at(row, 2)?,
        })
    };
    Ok(conn
        .prepare_cached(sql)?
        .query_row([digest, lane], read)
        .optional()?)
}

/// A new lane begins where its subscribers stand (they may come from another zone); a digest's first at the beginning.
fn lane_start(conn: &Connection, digest: &str, lane: &str) -> Outcome<StorySeq> {
    let sql =
        "SELECT min(cursor) FROM subscriber WHERE digest = ?1 AND zone = ?2 AND standing <> 5";
    let least: Option<i64> = conn
        .prepare_cached(sql)?
        .query_row([digest, lane], |row| row.get(0))?;
    if let Some(least) = least {
        return Ok(StorySeq(least));
    }
    let begun = conn
        .prepare_cached("SELECT 1 FROM edition WHERE digest = ?1 LIMIT 1")?
        .exists([digest])?;
    if begun {
        last_seq(conn)
    } else {
        Ok(StorySeq(0))
    }
}

/// Window, selection, messages and cursors in one; refused where the window does not join the last one.
pub(super) fn freeze(
    conn: &Connection,
    edition: &FrozenEdition,
    withdraw: &[MessageId],
) -> Outcome<EditionId> {
    let taken = || StoreError::EditionTaken {
        digest: edition.digest.clone(),
        slot_at: edition.slot_at,
    };
    let stands = lane(conn, &edition.digest, &edition.lane, edition.frozen_at)?;
    let exists = "SELECT 1 FROM edition WHERE digest = ?1 AND lane = ?2 AND slot_at = ?3";
    let exists = conn.prepare_cached(exists)?.exists(params![
        edition.digest,
        edition.lane,
        ms(edition.slot_at)
    ])?;
    if exists || stands.until != edition.after || edition.until < edition.after {
        return Err(taken().into());
    }
    withdraw_all(conn, withdraw, edition.frozen_at)?;
    let id = insert(conn, edition)?;
    let mut story =
        conn.prepare_cached("INSERT OR IGNORE INTO edition_story VALUES (?1, ?2, ?3)")?;
    for (position, one) in (0_i64..).zip(&edition.stories) {
        story.execute([one.0, id, position])?;
    }
    for message in &edition.messages {
        queue(conn, id, message, edition.frozen_at)?;
    }
    let mut cursor =
        conn.prepare_cached("UPDATE subscriber SET cursor = max(cursor, ?2) WHERE id = ?1")?;
    for served in &edition.served {
        cursor.execute([served.0, edition.until.0])?;
    }
    let sql = "UPDATE lane SET until = ?3, last_slot_at = ?4 WHERE digest = ?1 AND lane = ?2";
    let moved = params![
        edition.digest,
        edition.lane,
        edition.until.0,
        ms(edition.slot_at)
    ];
    conn.prepare_cached(sql)?.execute(moved)?;
    Ok(EditionId(id))
}

fn insert(conn: &Connection, edition: &FrozenEdition) -> Outcome<i64> {
    let web = edition
        .web_html
        .as_ref()
        .map(|html| pack::compress(html.as_bytes()))
        .transpose()?;
    let sql = "INSERT INTO edition (digest, lane, slot_at, frozen_at, after, until, standing, subject, stories, web)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    conn.prepare_cached(sql)?.execute(params![
        edition.digest,
        edition.lane,
        ms(edition.slot_at),
        ms(edition.frozen_at),
        edition.after.0,
        edition.until.0,
        edition.standing.code(),
        edition.subject,
        i64::try_from(edition.stories.len()).unwrap_or(i64::MAX),
        web,
    ])?;
    Ok(conn.last_insert_rowid())
}

/// A message that is on its way may arrive: an edition that repeats its stories must not be frozen.
fn withdraw_all(conn: &Connection, messages: &[MessageId], now: Timestamp) -> Outcome<()> {
    let mut update = conn.prepare_cached(
        "UPDATE message SET standing = 4, settled_at = ?2 WHERE id = ?1 AND standing = 0",
    )?;
    for message in messages {
        if update.execute([message.0, ms(now)])? == 0 {
            let source = "a message to be withdrawn is not queued any more".into();
            return Err(StoreError::Sqlite {
                context: "freezing an edition".to_owned(),
                source,
            }
            .into());
        }
    }
    Ok(())
}

/// Queued, or withdrawn at once where the subscriber left while the edition was rendered.
fn queue(conn: &Connection, edition: i64, message: &FrozenMessage, now: Timestamp) -> Outcome<()> {
    let sql = "INSERT INTO message (edition, subscriber, message_id, envelope_from, envelope_to, stories, standing,
        queued_at, due_at, after) SELECT ?1, id, ?3, ?4, ?5, ?6, CASE standing WHEN ?8 THEN 0 ELSE 4 END, ?7, ?7, ?9
        FROM subscriber WHERE id = ?2";
    let queued = conn.prepare_cached(sql)?.execute(params![
        edition,
        message.subscriber.0,
        message.message_id,
        message.envelope_from,
        message.envelope_to,
        i64::try_from(message.stories).unwrap_or(i64::MAX),
        ms(now),
        SubscriberStanding::Active.code(),
        message.after.0,
    ])?;
    if queued == 1 {
        let sql = "INSERT INTO letter (message, bytes) VALUES (?1, ?2)";
        conn.prepare_cached(sql)?
            .execute(params![conn.last_insert_rowid(), message.packed.0])?;
    }
    Ok(())
}

const RECORD: &str = "SELECT e.id, e.digest, e.lane, e.slot_at, e.frozen_at, e.after, e.until, e.standing, e.subject,
    e.stories FROM edition e";

/// An edition, its messages counted.
fn record(conn: &Connection, row: &Row<'_>) -> rusqlite::Result<EditionRecord> {
    let size = |count: i64| usize::try_from(count).unwrap_or(0);
    let sql =
        "SELECT count(*) FILTER (WHERE standing IN (0, 1)), count(*) FILTER (WHERE standing = 2),
        count(*) FILTER (WHERE standing = 3) FROM message WHERE edition = ?1";
    let messages = conn
        .prepare_cached(sql)?
        .query_row([row.get::<_, i64>(0)?], |row| {
            Ok((size(row.get(0)?), size(row.get(1)?), size(row.get(2)?)))
        })?;
    Ok(EditionRecord {
        id: EditionId(row.get(0)?),
        digest: row.get(1)?,
        lane: row.get(2)?,
        slot_at: get_at(row, 3)?,
        frozen_at: get_at(row, 4)?,
        after: StorySeq(row.get(5)?),
        until: StorySeq(row.get(6)?),
        standing: get_code(row, 7)?,
        subject: row.get(8)?,
        stories: size(row.get(9)?),
        messages,
    })
}

/// Editions of a digest, newest first.
pub(super) fn of_digest(
    conn: &Connection,
    digest: &str,
    limit: usize,
) -> Outcome<Vec<EditionRecord>> {
    let sql = format!("{RECORD} WHERE e.digest = ?1 ORDER BY e.slot_at DESC, e.id DESC LIMIT ?2");
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(
        params![digest, i64::try_from(limit).unwrap_or(i64::MAX)],
        |row| record(conn, row),
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One edition.
pub(super) fn one(conn: &Connection, id: EditionId) -> Outcome<Option<EditionRecord>> {
    let mut query = conn.prepare_cached(&format!("{RECORD} WHERE e.id = ?1"))?;
    Ok(query
        .query_row([id.0], |row| record(conn, row))
        .optional()?)
}

/// Web copy of an edition.
pub(super) fn page(conn: &Connection, id: EditionId) -> Outcome<Option<String>> {
    let mut query = conn.prepare_cached("SELECT web FROM edition WHERE id = ?1")?;
    let web: Option<Option<Vec<u8>>> = query.query_row([id.0], |row| row.get(0)).optional()?;
    let Some(web) = web.flatten() else {
        return Ok(None);
    };
    let html = String::from_utf8_lossy(&pack::decompress(&web)?).into_owned();
    Ok(Some(html))
}

/// Messages of an edition, with bytes.
pub(super) fn messages(conn: &Connection, id: EditionId) -> Outcome<Vec<MessageView>> {
    let sql = format!("{} WHERE edition = ?1 ORDER BY id", super::outbox::MESSAGE);
    let mut query = conn.prepare_cached(&sql)?;
    let mut rows = query.query([id.0])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        messages.push(MessageView {
            message: super::outbox::message(row)?.unpacked(),
            standing: get_code(row, 10)?,
            reply: row.get(11)?,
        });
    }
    Ok(messages)
}
/// Editions of a digest whose slot lies in the second from `second` on, one lane each: found by their key.
pub(super) fn in_second(
    conn: &Connection,
    digest: &str,
    second: Timestamp,
) -> Outcome<Vec<EditionRecord>> {
    let sql = format!(
        "{RECORD} WHERE e.digest = ?1 AND e.lane IN (SELECT lane FROM lane WHERE digest = ?1)
        AND e.slot_at >= ?2 AND e.slot_at < ?2 + 1000"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(params![digest, ms(second)], |row| record(conn, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Queued messages of a digest with the start of their window: what a newer edition may carry instead. Not those that a
/// later message has overtaken which arrived or may have: from their start on, its stories would come again.
pub(super) fn undelivered(
    conn: &Connection,
    digest: &str,
) -> Outcome<Vec<(SubscriberId, MessageId, StorySeq)>> {
    // The first of the two conditions is the index's own, which knows what waits from years of what does not.
    let sql = "SELECT m.subscriber, m.id, m.after FROM message m INDEXED BY message_due JOIN edition e ON e.id = m.edition
        WHERE m.standing IN (0, 1) AND m.standing = 0 AND m.uncertain = 0 AND e.digest = ?1 AND NOT EXISTS (
            SELECT 1 FROM message later WHERE later.subscriber = m.subscriber AND later.id > m.id
            AND (later.standing IN (1, 2) OR later.uncertain = 1)
        ) ORDER BY m.id";
    let mut query = conn.prepare_cached(sql)?;
    let read = |row: &Row<'_>| {
        Ok((
            SubscriberId(row.get(0)?),
            MessageId(row.get(1)?),
            StorySeq(row.get(2)?),
        ))
    };
    let rows = query.query_map([digest], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
