//! Sign-ups: asked for, rationed, mailed, confirmed. What is done for an address that is known, for one that is not and
//! for one that gets no mail is the same but for the mail's standing, so that neither answer nor time tells them apart.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::outbox::{PackedMessage, Settlement};
use super::row::{Outcome, get_at, get_opt_at, ms};
use super::select::last_seq;
use super::subscribers::{is_suppressed, of_mailbox, set_standing};
use super::{Result, Store, roster};
use crate::model::{
    Admission, Confirmation, HeldSignUp, MessageId, OutboxMessage, SignUp, SignUpMail,
    SignUpRecord, SubscriberId, SubscriberRecord, SubscriberSpec, SubscriberStanding, mailbox_key,
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// Mails that one person may be sent in an hour and in a day, whoever asks for them.
const IN_AN_HOUR: i64 = 1;
const IN_A_DAY: i64 = 3;
/// Sign-ups that are taken in an hour from everyone together.
const FROM_ALL: i64 = 300;

impl Store {
    /// Records a sign-up with the mail that it causes: sent unless the person had enough of them, or the address is
    /// suppressed.
    pub async fn ask_to_subscribe(
        &self,
        asked: SignUp,
        (id, expires_at): (MessageId, Timestamp),
        now: Timestamp,
    ) -> Result<Admission> {
        self.write("recording a sign-up", move |conn| {
            ask(conn, &asked, (id, expires_at), now)
        })
        .await
    }
    /// One sign-up, as long as it is remembered.
    pub async fn sign_up(&self, id: MessageId) -> Result<Option<SignUpRecord>> {
        self.read("reading a sign-up", move |conn| one_of(conn, id))
            .await
    }
    /// Sign-ups whose mail is to be sent and not written yet.
    pub async fn unwritten_sign_ups(&self, now: Timestamp) -> Result<Vec<SignUpRecord>> {
        self.read("reading sign-ups", move |conn| unwritten(conn, now))
            .await
    }
    /// Fixes the mail of a sign-up; one that is there stays as it is.
    pub async fn write_sign_up(&self, id: MessageId, mail: SignUpMail) -> Result<()> {
        self.write("writing the mail of a sign-up", move |conn| {
            write(conn, id, &mail)
        })
        .await
    }
    /// Makes a subscriber of whom a sign-up is about, once; `zone` is the digest's.
    pub async fn confirm_sign_up(
        &self,
        id: MessageId,
        zone: String,
        now: Timestamp,
    ) -> Result<Confirmation> {
        self.write("confirming a sign-up", move |conn| {
            confirm(conn, id, &zone, now)
        })
        .await
    }
}

/// Whom mails are rationed for: tags after `+` reach the same mailbox.
fn person(address: &str) -> String {
    let key = mailbox_key(address);
    let (local, domain) = key.rsplit_once('@').unwrap_or((&key, ""));
    let local = local.split('+').next().unwrap_or(local);
    format!("{local}@{domain}")
}

fn ask(
    conn: &Connection,
    asked: &SignUp,
    (id, expires_at): (MessageId, Timestamp),
    now: Timestamp,
) -> Outcome<Admission> {
    forget(conn, now)?;
    let count = "SELECT count(*) FROM sign_up WHERE asked_at > ?1";
    let all: i64 = conn
        .prepare_cached(count)?
        .query_row([ms(now - HOUR)], |row| row.get(0))?;
    if all >= FROM_ALL {
        return Ok(Admission::Crowded);
    }
    let person = person(&asked.address);
    let enough = has_enough(conn, &person, now)?;
    let suppressed = is_suppressed(conn, &mailbox_key(&asked.address))?;
    let standing = if enough || suppressed { 4 } else { 0 };
    let sql = "INSERT OR IGNORE INTO sign_up (id, digest, address, person, zone, language, asked_at, expires_at, standing, due_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?7)";
    conn.prepare_cached(sql)?.execute(params![
        id.0,
        asked.digest,
        asked.address,
        person,
        asked.zone,
        asked.language,
        ms(now),
        ms(expires_at),
        standing
    ])?;
    Ok(Admission::Taken)
}

fn has_enough(conn: &Connection, person: &str, now: Timestamp) -> Outcome<bool> {
    let sql = "SELECT count(*), coalesce(sum(asked_at > ?2), 0) FROM sign_up WHERE person = ?1 AND asked_at > ?3 AND standing <> 4";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let (day, hour) = conn
        .prepare_cached(sql)?
        .query_row(params![person, ms(now - HOUR), ms(now - DAY)], read)?;
    Ok(hour >= IN_AN_HOUR || day >= IN_A_DAY)
}

/// What expired was never confirmed, or is a subscriber by now: nothing of it is kept.
pub(super) fn forget(conn: &Connection, now: Timestamp) -> Outcome<()> {
    let sql = "DELETE FROM sign_up WHERE expires_at <= ?1";
    conn.prepare_cached(sql)?.execute([ms(now)])?;
    Ok(())
}

/// Deletes what someone asked with an address, in all its spellings.
pub(super) fn erase(conn: &Connection, address: &str) -> Outcome<()> {
    let sql = "DELETE FROM sign_up WHERE person = ?1";
    conn.prepare_cached(sql)?.execute([person(address)])?;
    Ok(())
}

/// What was asked with a subscriber's address for their digest, for themselves.
pub(super) fn held(conn: &Connection, spec: &SubscriberSpec) -> Outcome<Vec<HeldSignUp>> {
    let sql = "SELECT asked_at, expires_at, confirmed_at FROM sign_up WHERE person = ?1 AND digest = ?2 ORDER BY asked_at";
    let mut query = conn.prepare_cached(sql)?;
    let read = |row: &Row<'_>| {
        Ok(HeldSignUp {
            asked_at: get_at(row, 0)?,
            expires_at: get_at(row, 1)?,
            confirmed_at: get_opt_at(row, 2)?,
        })
    };
    let rows = query.query_map([person(&spec.address), spec.digest.clone()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

const RECORD: &str =
    "SELECT id, digest, address, zone, language, asked_at, expires_at, confirmed_at FROM sign_up";

fn record(row: &Row<'_>) -> rusqlite::Result<SignUpRecord> {
    Ok(SignUpRecord {
        id: MessageId(row.get(0)?),
        asked: SignUp {
            digest: row.get(1)?,
            address: row.get(2)?,
            zone: row.get(3)?,
            language: row.get(4)?,
        },
        asked_at: get_at(row, 5)?,
        expires_at: get_at(row, 6)?,
        confirmed_at: get_opt_at(row, 7)?,
    })
}

fn one_of(conn: &Connection, id: MessageId) -> Outcome<Option<SignUpRecord>> {
    let mut query = conn.prepare_cached(&format!("{RECORD} WHERE id = ?1"))?;
    Ok(query.query_row([id.0], record).optional()?)
}

fn unwritten(conn: &Connection, now: Timestamp) -> Outcome<Vec<SignUpRecord>> {
    let sql = format!(
        "{RECORD} WHERE standing IN (0, 1) AND bytes IS NULL AND expires_at > ?1 ORDER BY due_at, id"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map([ms(now)], record)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn write(conn: &Connection, id: MessageId, mail: &SignUpMail) -> Outcome<()> {
    let sql = "UPDATE sign_up SET message_id = ?2, envelope_from = ?3, envelope_to = ?4, bytes = ?5
        WHERE id = ?1 AND bytes IS NULL";
    conn.prepare_cached(sql)?.execute(params![
        id.0,
        mail.message_id,
        mail.envelope_from,
        mail.envelope_to,
        mail.packed.0
    ])?;
    Ok(())
}

fn confirm(conn: &Connection, id: MessageId, zone: &str, now: Timestamp) -> Outcome<Confirmation> {
    let found = one_of(conn, id)?.filter(|found| found.expires_at > now);
    let Some(SignUpRecord {
        asked,
        confirmed_at,
        ..
    }) = found
    else {
        return Ok(Confirmation::Unknown);
    };
    if confirmed_at.is_some() {
        return Ok(Confirmation::Spent);
    }
    let mailbox = mailbox_key(&asked.address);
    if is_suppressed(conn, &mailbox)? {
        return Ok(Confirmation::Suppressed);
    }
    // Whoever holds the link has the mail: an attempt that is still to be made would only repeat it.
    let spend = "UPDATE sign_up SET confirmed_at = ?2, standing = CASE standing WHEN 0 THEN 4 ELSE standing END WHERE id = ?1";
    conn.prepare_cached(spend)?.execute([id.0, ms(now)])?;
    let subscriber = match of_mailbox(conn, &asked.digest, &mailbox)? {
        Some(known) => take_back(conn, &known, now)?,
        None => insert(conn, &asked, zone, now)?,
    };
    let wishes = "UPDATE subscriber SET own_zone = coalesce(?2, own_zone), own_language = coalesce(?3, own_language),
        zone = coalesce(?2, zone) WHERE id = ?1";
    let (chosen, language) = (&asked.zone, &asked.language);
    conn.prepare_cached(wishes)?
        .execute(params![subscriber.0, chosen, language])?;
    Ok(Confirmation::Subscribed(subscriber))
}

const REASON: &str = "asked by signing up";

/// To confirm is to ask again: who left, rested or was dropped from the config gets what comes from now on.
fn take_back(conn: &Connection, known: &SubscriberRecord, now: Timestamp) -> Outcome<SubscriberId> {
    if known.standing == SubscriberStanding::Removed {
        roster::come_back(conn, known.id.0, last_seq(conn)?, now)?;
        let sql = "UPDATE subscriber SET origin = 1 WHERE id = ?1";
        conn.prepare_cached(sql)?.execute([known.id.0])?;
    }
    let active = SubscriberStanding::Active;
    if known.standing != active {
        set_standing(conn, known.id, (active, Some(REASON.to_owned())), now)?;
    }
    Ok(known.id)
}

/// Somebody new: no backlog is owed.
fn insert(conn: &Connection, asked: &SignUp, zone: &str, now: Timestamp) -> Outcome<SubscriberId> {
    let sql =
        "INSERT INTO subscriber (digest, address, zone, standing, reason, since_at, cursor, origin)
        VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, 1)";
    conn.prepare_cached(sql)?.execute(params![
        asked.digest,
        asked.address,
        zone,
        REASON,
        ms(now),
        last_seq(conn)?.0
    ])?;
    Ok(SubscriberId(conn.last_insert_rowid()))
}

/// Takes due mails until `lease_until`, as the outbox does; those whose link has run out are withdrawn instead.
pub(super) fn claim(
    conn: &Connection,
    (now, lease_until): (Timestamp, Timestamp),
    limit: usize,
    in_hand: &[MessageId],
) -> Outcome<Vec<PackedMessage>> {
    let sql = "SELECT id, expires_at > ?1 FROM sign_up
        WHERE standing IN (0, 1) AND due_at <= ?1 AND bytes IS NOT NULL ORDER BY due_at, id LIMIT ?2";
    let most = i64::try_from(limit + in_hand.len()).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([ms(now), most], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut due: Vec<(i64, bool)> = rows.collect::<rusqlite::Result<_>>()?;
    due.retain(|(id, _)| !in_hand.contains(&MessageId(*id)));
    let mut taken = Vec::new();
    for (id, valid) in due.into_iter().take(limit) {
        if !valid {
            let withdraw = "UPDATE sign_up SET standing = 4 WHERE id = ?1";
            conn.prepare_cached(withdraw)?.execute([id])?;
            continue;
        }
        let take = "UPDATE sign_up SET standing = 1, due_at = ?2, lease = lease + 1 WHERE id = ?1
            RETURNING id, message_id, envelope_from, envelope_to, bytes, attempts, asked_at, lease";
        let mut take = conn.prepare_cached(take)?;
        let mut rows = take.query([id, ms(lease_until)])?;
        while let Some(row) = rows.next()? {
            taken.push(mail(row)?);
        }
    }
    Ok(taken)
}

fn mail(row: &Row<'_>) -> Outcome<PackedMessage> {
    let message = OutboxMessage {
        id: MessageId(row.get(0)?),
        edition: None,
        subscriber: None,
        message_id: row.get(1)?,
        envelope_from: row.get(2)?,
        envelope_to: row.get(3)?,
        bytes: Vec::new(),
        attempts: row.get(5)?,
        queued_at: get_at(row, 6)?,
        lease: row.get(7)?,
    };
    Ok(PackedMessage::new(message, row.get(4)?))
}

/// Records what became of an attempt; false when the lease was lost.
pub(super) fn settle(
    conn: &Connection,
    (id, lease): (MessageId, i64),
    settlement: &Settlement,
) -> Outcome<bool> {
    let sql = "UPDATE sign_up SET standing = ?3, due_at = ?4, attempts = attempts + ?5
        WHERE id = ?1 AND lease = ?2 AND standing = 1";
    let changed = conn.prepare_cached(sql)?.execute(params![
        id.0,
        lease,
        settlement.standing,
        ms(settlement.due_at),
        settlement.counts
    ])?;
    Ok(changed == 1)
}
