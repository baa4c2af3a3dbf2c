//! The outbox: messages waiting for delivery, taken under a lease, settled once.
//!
//! Nothing is delivered before the server's word is recorded, and a lease that ran out makes a message due again: a
//! crash costs at most one repeat, which carries the same Message-ID.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codes::Code;
use super::row::{Outcome, get_at, get_opt_at, ms};
use super::{pack, sign_ups};
use crate::model::{
    Disposition, EditionId, MessageId, MessageStanding, OutboxMessage, Packed, SubscriberId,
};

/// What [`message`] reads, then where a message stands and what its last attempt came to.
pub(super) const MESSAGE: &str =
    "SELECT id, edition, subscriber, message_id, envelope_from, envelope_to, bytes,
    attempts, queued_at, lease, standing, reply FROM message LEFT JOIN letter ON letter.message = message.id";

/// A message whose bytes are still packed.
pub(super) struct PackedMessage {
    /// Without its bytes.
    message: OutboxMessage,
    packed: Packed,
}

impl PackedMessage {
    pub(super) fn new(message: OutboxMessage, packed: Vec<u8>) -> Self {
        Self {
            message,
            packed: Packed(packed),
        }
    }

    /// With its bytes as they will be sent; with none where the disk has spoilt them.
    pub(super) fn unpacked(self) -> OutboxMessage {
        let bytes = pack::decompress(&self.packed.0).unwrap_or_default();
        OutboxMessage {
            bytes,
            ..self.message
        }
    }
}

/// One of [`MESSAGE`].
pub(super) fn message(row: &Row<'_>) -> Outcome<PackedMessage> {
    let packed: Option<Vec<u8>> = row.get(6)?;
    let message = OutboxMessage {
        id: MessageId(row.get(0)?),
        edition: row.get(1).map(EditionId).map(Some)?,
        subscriber: row.get(2).map(SubscriberId).map(Some)?,
        message_id: row.get(3)?,
        envelope_from: row.get(4)?,
        envelope_to: row.get(5)?,
        bytes: Vec::new(),
        attempts: row.get(7)?,
        queued_at: get_at(row, 8)?,
        lease: row.get(9)?,
    };
    Ok(PackedMessage::new(message, packed.unwrap_or_default()))
}

/// Takes due messages until `lease_until`; those of subscribers who get nothing any more are withdrawn instead. A row
/// taken although it is claimed was on its way when its daemon ended: it may have arrived.
pub(super) fn claim(
    conn: &Connection,
    (now, lease_until): (Timestamp, Timestamp),
    limit: usize,
    in_hand: &[MessageId],
) -> Outcome<Vec<PackedMessage>> {
    let take = "UPDATE message SET standing = 1, due_at = ?2, lease = lease + 1, uncertain = max(uncertain, standing)
        WHERE id = ?1";
    let mut take = conn.prepare_cached(take)?;
    let withdraw = "UPDATE message SET standing = 4, settled_at = ?2 WHERE id = ?1";
    let mut withdraw = conn.prepare_cached(withdraw)?;
    let mut read = conn.prepare_cached(&format!("{MESSAGE} WHERE id = ?1"))?;
    // Somebody waits for these in front of a page; they are few.
    let mut taken = sign_ups::claim(conn, (now, lease_until), limit, in_hand)?;
    while taken.len() < limit {
        let due = due(conn, now, limit - taken.len(), in_hand)?;
        if due.is_empty() {
            break;
        }
        for (id, wanted) in due {
            if !wanted {
                withdraw.execute([id, ms(now)])?;
                continue;
            }
            take.execute([id, ms(lease_until)])?;
            let mut rows = read.query([id])?;
            if let Some(row) = rows.next()? {
                taken.push(message(row)?);
            }
        }
    }
    Ok(taken)
}

/// Messages that are due, the longest first, and whether their subscribers still get mail.
fn due(
    conn: &Connection,
    now: Timestamp,
    limit: usize,
    in_hand: &[MessageId],
) -> Outcome<Vec<(i64, bool)>> {
    let sql = "SELECT id, (SELECT standing FROM subscriber WHERE id = message.subscriber) = 0 FROM message
        WHERE standing IN (0, 1) AND due_at <= ?1 ORDER BY due_at, id";
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query([ms(now)])?;
    let mut due = Vec::with_capacity(limit);
    while due.len() < limit
        && let Some(row) = rows.next()?
    {
        let id = row.get(0)?;
        if !in_hand.contains(&MessageId(id)) {
            due.push((id, row.get(1)?));
        }
    }
    Ok(due)
}

/// Ends the claims of a daemon that is gone: due again at once, not when the lease would have run out. They stay claimed
/// rows, because a message may have been accepted without our record of it: [`claim`] marks it, so that no newer edition
/// takes its stories whatever the repeat comes to, and the repeat is the same bytes.
pub(super) fn release_claims(conn: &Connection) -> Outcome<usize> {
    let sql = "UPDATE message SET due_at = min(due_at, queued_at) WHERE standing IN (0, 1) AND standing = 1";
    let released = conn.prepare_cached(sql)?.execute([])?;
    let sql = "UPDATE sign_up SET due_at = min(due_at, asked_at) WHERE standing = 1";
    Ok(released + conn.prepare_cached(sql)?.execute([])?)
}

/// Puts other bytes in the place of a claimed message's; false when the lease was lost.
pub(super) fn replace(
    conn: &Connection,
    (id, lease): (MessageId, i64),
    packed: &Packed,
) -> Outcome<bool> {
    let sql = "UPDATE letter SET bytes = ?3 WHERE message = ?1
        AND EXISTS (SELECT 1 FROM message WHERE id = ?1 AND lease = ?2 AND standing = 1)";
    let changed = conn
        .prepare_cached(sql)?
        .execute(params![id.0, lease, packed.0])?;
    Ok(changed == 1)
}

/// What a disposition comes to in a row.
pub(super) struct Settlement {
    pub(super) standing: i64,
    pub(super) due_at: Timestamp,
    /// 1 where it was an attempt.
    pub(super) counts: i64,
}

impl Settlement {
    fn of(disposition: &Disposition, now: Timestamp) -> Self {
        let (standing, due_at, counts) = match disposition {
            Disposition::Delivered { .. } => (MessageStanding::Delivered, now, 1),
            Disposition::Permanent { .. } => (MessageStanding::Failed, now, 1),
            Disposition::Transient { retry_at, .. } => (MessageStanding::Queued, *retry_at, 1),
            Disposition::Released { retry_at } => (MessageStanding::Queued, *retry_at, 0),
        };
        Self {
            standing: standing.code(),
            due_at,
            counts,
        }
    }
}

/// Records what became of an attempt; false when the lease was lost.
pub(super) fn settle(
    conn: &Connection,
    (id, lease): (MessageId, i64),
    disposition: &Disposition,
    now: Timestamp,
) -> Outcome<bool> {
    let settlement = Settlement::of(disposition, now);
    if id.0 < 0 {
        return sign_ups::settle(conn, (id, lease), &settlement);
    }
    let Settlement {
        standing,
        due_at,
        counts,
    } = settlement;
    let uncertain = i64::from(matches!(
        disposition,
        Disposition::Transient {
            uncertain: true,
            ..
        }
    ));
    // A subscriber who left meanwhile gets no further attempt.
    let sql = "UPDATE message SET due_at = ?3, attempts = attempts + ?4, settled_at = ?5, uncertain = max(uncertain, ?6),
        standing = CASE WHEN ?7 = 0 AND (SELECT standing FROM subscriber WHERE id = message.subscriber) <> 0 THEN 4 ELSE ?7 END,
        reply = coalesce(?8, reply)
        WHERE id = ?1 AND lease = ?2 AND standing = 1";
    let settled = conn.prepare_cached(sql)?.execute(params![
        id.0,
        lease,
        ms(due_at),
        counts,
        ms(now),
        uncertain,
        standing,
        reply(disposition),
    ])?;
    Ok(settled == 1)
}

/// What an attempt came to, in words; none where it was none.
fn reply(disposition: &Disposition) -> Option<&str> {
    match disposition {
        Disposition::Delivered { reply } => Some(reply),
        Disposition::Transient { reason, .. } | Disposition::Permanent { reason, .. } => {
            Some(reason)
        }
        Disposition::Released { .. } => None,
    }
}

/// When the outbox next has something to do.
pub(super) fn next_at(conn: &Connection) -> Outcome<Option<Timestamp>> {
    let least = |sql: &str| {
        conn.prepare_cached(sql)?
            .query_row([], |row| get_opt_at(row, 0))
    };
    let message = least("SELECT min(due_at) FROM message WHERE standing IN (0, 1)")?;
    // One whose mail is not written yet waits for that, not for a time.
    let sign_up =
        least("SELECT min(due_at) FROM sign_up WHERE standing IN (0, 1) AND bytes IS NOT NULL")?;
    Ok(message.into_iter().chain(sign_up).min())
}

/// A message by its Message-ID.
pub(super) fn by_message_id(
    conn: &Connection,
    message_id: &str,
) -> Outcome<Option<(MessageId, SubscriberId)>> {
    let mut query =
        conn.prepare_cached("SELECT id, subscriber FROM message WHERE message_id = ?1")?;
    let read = |row: &Row<'_>| Ok((MessageId(row.get(0)?), SubscriberId(row.get(1)?)));
    Ok(query.query_row([message_id], read).optional()?)
}
