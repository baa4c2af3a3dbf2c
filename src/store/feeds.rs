//! Feeds between polls: what is due, claims, and the row that every poll writes.

mod sync;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::addresses;
use super::codes::Code;
use super::row::{Outcome, get_at, get_code, get_hash, get_json, get_opt_at, json, ms, opt_ms};
use crate::model::{FeedId, FeedState, HostState, PollClaim, PollMemory, PollReason, Validators};
pub(super) use sync::sync;

const STATE: &str = "SELECT f.id, f.key, f.configured_url, f.url, coalesce(f.own_title, m.title), m.site_url, f.groups,
    f.priority, f.standing, f.validators_url, f.etag, f.last_modified, f.body_hash, f.next_poll_at, f.reason,
    f.attempt_at, f.memory FROM feed f LEFT JOIN feed_meta m ON m.feed = f.id";

fn state(row: &Row<'_>) -> rusqlite::Result<FeedState> {
    let mut memory: PollMemory = get_json(row, 16)?;
    memory.attempt_at = memory.attempt_at.max(get_opt_at(row, 15)?);
    let body_hash = match row.get_ref(12)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(get_hash(row, 12)?),
    };
    Ok(FeedState {
        id: FeedId(row.get(0)?),
        key: row.get(1)?,
        configured_url: row.get(2)?,
        url: row.get(3)?,
        title: row.get(4)?,
        site_url: row.get(5)?,
        groups: get_json(row, 6)?,
        priority: row.get(7)?,
        standing: get_code(row, 8)?,
        validators: Validators {
            url: row.get::<_, Option<String>>(9)?.unwrap_or_default(),
            etag: row.get(10)?,
            last_modified: row.get(11)?,
        },
        body_hash,
        next_poll_at: get_at(row, 13)?,
        next_poll_reason: get_code(row, 14)?,
        memory,
    })
}

/// Polled feeds due at `now`, most overdue first.
pub(super) fn due(conn: &Connection, now: Timestamp, limit: usize) -> Outcome<Vec<FeedState>> {
    let sql = format!(
        "{STATE} WHERE f.standing IN (0, 2, 5) AND f.next_poll_at <= ?1 ORDER BY f.next_poll_at LIMIT ?2"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(
        params![ms(now), i64::try_from(limit).unwrap_or(i64::MAX)],
        state,
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// When the next feed is due.
pub(super) fn next_due(conn: &Connection) -> Outcome<Option<Timestamp>> {
    let sql =
        "SELECT next_poll_at FROM feed WHERE standing IN (0, 2, 5) ORDER BY next_poll_at LIMIT 1";
    Ok(conn
        .prepare_cached(sql)?
        .query_row([], |row| get_at(row, 0))
        .optional()?)
}

/// All feeds by key.
pub(super) fn all(conn: &Connection, with_removed: bool) -> Outcome<Vec<FeedState>> {
    let sql = format!("{STATE} WHERE ?1 OR f.standing <> 4 ORDER BY f.key");
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map([with_removed], state)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One feed by row.
pub(super) fn by_id(conn: &Connection, id: FeedId) -> Outcome<Option<FeedState>> {
    let sql = format!("{STATE} WHERE f.id = ?1");
    Ok(conn
        .prepare_cached(&sql)?
        .query_row([id.0], state)
        .optional()?)
}

/// One feed by key, else by URL (those still configured first).
pub(super) fn by_name(conn: &Connection, name: &str) -> Outcome<Option<FeedState>> {
    let by_key = format!("{STATE} WHERE f.key = ?1");
    if let Some(found) = conn
        .prepare_cached(&by_key)?
        .query_row([name], state)
        .optional()?
    {
        return Ok(Some(found));
    }
    let by_url = format!(
        "{STATE} WHERE f.url = ?1 OR f.configured_url = ?1 ORDER BY f.standing = 4, f.id LIMIT 1"
    );
    Ok(conn
        .prepare_cached(&by_url)?
        .query_row([name], state)
        .optional()?)
}

/// Feeds with a subscription to a hub, whatever became of it and of them.
pub(super) fn pushed(conn: &Connection) -> Outcome<Vec<FeedState>> {
    let sql = format!("{STATE} WHERE f.callback IS NOT NULL ORDER BY f.id");
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map([], state)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Claims: moves the schedule on before a request leaves, where no one else has.
pub(super) fn claim(conn: &Connection, claims: &[PollClaim]) -> Outcome<Vec<bool>> {
    let sql = "UPDATE feed SET next_poll_at = ?2, reason = ?3, attempt_at = ?4 WHERE id = ?1 AND next_poll_at = ?5";
    let mut update = conn.prepare_cached(sql)?;
    let mut won = Vec::with_capacity(claims.len());
    for claim in claims {
        let moved = update.execute(params![
            claim.feed.0,
            ms(claim.next_poll_at),
            PollReason::Claimed.code(),
            ms(claim.attempt_at),
            ms(claim.expected_next_poll_at),
        ])?;
        won.push(moved == 1);
    }
    Ok(won)
}

/// Writes what a poll made of a feed. What the config owns stays, also where it changed under the running poll: then
/// the URL and the validators of the old one are not written.
pub(super) fn write(conn: &Connection, feed: &FeedState) -> Outcome<()> {
    let sql = "UPDATE feed SET next_poll_at = ?2, reason = ?3, attempt_at = ?4, callback = ?5, memory = ?6,
        standing = CASE WHEN standing IN (3, 4) THEN standing ELSE ?7 END,
        url = ?8, validators_url = ?9, etag = ?10, last_modified = ?11, body_hash = ?12
        WHERE id = ?1 AND configured_url = ?13";
    let validators = &feed.validators;
    let moved = conn.prepare_cached(sql)?.execute(params![
        feed.id.0,
        ms(feed.next_poll_at),
        feed.next_poll_reason.code(),
        opt_ms(feed.memory.attempt_at),
        feed.memory
            .pushes
            .first()
            .map(|push| push.callback_token.as_str()),
        json(&feed.memory)?,
        feed.standing.code(),
        feed.url,
        (!validators.url.is_empty()).then_some(&validators.url),
        validators.etag,
        validators.last_modified,
        feed.body_hash,
        feed.configured_url,
    ])?;
    match &feed.memory.moved {
        Some(change) if moved > 0 => addresses::record(conn, feed.id, change)?,
        _ => {}
    }
    if moved == 0 {
        let sql = "UPDATE feed SET attempt_at = ?2, memory = ?3 WHERE id = ?1";
        conn.prepare_cached(sql)?.execute(params![
            feed.id.0,
            opt_ms(feed.memory.attempt_at),
            json(&feed.memory)?
        ])?;
    }
    Ok(())
}

/// Politeness state of all hosts.
pub(super) fn hosts(conn: &Connection) -> Outcome<Vec<HostState>> {
    let mut query = conn.prepare_cached("SELECT state FROM host ORDER BY host")?;
    let rows = query.query_map([], |row| get_json(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Hosts that asked for rest, over or not.
pub(super) fn gated_hosts(conn: &Connection) -> Outcome<Vec<HostState>> {
    let sql = "SELECT state FROM host WHERE instr(state, '\"gate_until\"') > 0";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([], |row| get_json(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Stores politeness state beside what other processes have stored since it was read.
pub(super) fn save_host(conn: &Connection, host: &HostState) -> Outcome<()> {
    let mut query = conn.prepare_cached("SELECT state FROM host WHERE host = ?1")?;
    let stored: Option<HostState> = query
        .query_row([&host.host], |row| get_json(row, 0))
        .optional()?;
    match stored {
        Some(stored) => {
            let mut merged = host.clone();
            merged.merge(&stored);
            replace_host(conn, &merged)
        }
        None => replace_host(conn, host),
    }
}

/// Stores politeness state in place of what is stored.
pub(super) fn replace_host(conn: &Connection, host: &HostState) -> Outcome<()> {
    let sql = "INSERT INTO host (host, state) VALUES (?1, ?2) ON CONFLICT (host) DO UPDATE SET state = excluded.state";
    conn.prepare_cached(sql)?
        .execute(params![host.host, json(host)?])?;
    Ok(())
}
