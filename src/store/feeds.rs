//! Feeds between polls: the config's wishes, what is due, claims, and the row that every poll writes.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codes::Code;
use super::row::{
    Outcome, at, get_at, get_code, get_hash, get_json, get_opt_at, hash64, json, ms, opt_ms,
};
use crate::model::{
    FeedId, FeedSpec, FeedStanding, FeedState, HostState, PollClaim, PollMemory, PollReason,
    SyncReport, Validators,
};

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

/// One feed by its push callback token.
pub(super) fn by_callback(conn: &Connection, token: &str) -> Outcome<Option<FeedState>> {
    let sql = format!("{STATE} WHERE f.callback = ?1");
    Ok(conn
        .prepare_cached(&sql)?
        .query_row([token], state)
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
            .push
            .as_ref()
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

/// Stores politeness state.
pub(super) fn save_host(conn: &Connection, host: &HostState) -> Outcome<()> {
    let sql = "INSERT INTO host (host, state) VALUES (?1, ?2) ON CONFLICT (host) DO UPDATE SET state = excluded.state";
    conn.prepare_cached(sql)?
        .execute(params![host.host, json(host)?])?;
    Ok(())
}

/// What a sync compares.
struct Known {
    id: i64,
    url: String,
    title: Option<String>,
    groups: String,
    priority: i32,
    standing: FeedStanding,
    kept: Option<FeedStanding>,
}

/// Makes the stored feeds those of the config.
pub(super) fn sync(conn: &Connection, specs: &[FeedSpec], now: Timestamp) -> Outcome<SyncReport> {
    let mut known = known(conn)?;
    let mut report = SyncReport::default();
    for spec in specs {
        match known.remove(&spec.key) {
            None => {
                add(conn, spec, now)?;
                report.added.push(spec.key.clone());
            }
            Some(row) if row.standing == FeedStanding::Removed => {
                change(conn, spec, &row, now)?;
                report.added.push(spec.key.clone());
            }
            Some(row) => {
                if change(conn, spec, &row, now)? {
                    report.changed.push(spec.key.clone());
                }
            }
        }
    }
    let left = known
        .into_iter()
        .filter(|(_, row)| row.standing != FeedStanding::Removed);
    for (key, row) in left {
        let sql = "UPDATE feed SET standing = 4, kept_standing = coalesce(kept_standing, standing) WHERE id = ?1";
        conn.prepare_cached(sql)?.execute([row.id])?;
        report.removed.push(key);
    }
    report.removed.sort();
    Ok(report)
}

fn known(conn: &Connection) -> Outcome<HashMap<String, Known>> {
    let sql = "SELECT key, id, configured_url, own_title, groups, priority, standing, kept_standing FROM feed";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([], |row| {
        let kept: Option<i64> = row.get(7)?;
        let known = Known {
            id: row.get(1)?,
            url: row.get(2)?,
            title: row.get(3)?,
            groups: row.get(4)?,
            priority: row.get(5)?,
            standing: get_code(row, 6)?,
            kept: kept.and_then(FeedStanding::decode),
        };
        Ok((row.get(0)?, known))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn add(conn: &Connection, spec: &FeedSpec, now: Timestamp) -> Outcome<()> {
    let spread = i64::try_from(spec.spread.as_millis()).unwrap_or(i64::MAX);
    let first = at(ms(now)
        + if spread > 0 {
            hash64(b's', &spec.key).rem_euclid(spread)
        } else {
            0
        });
    let standing = if spec.enabled {
        FeedStanding::Active
    } else {
        FeedStanding::Disabled
    };
    let sql = "INSERT INTO feed (key, configured_url, url, own_title, groups, priority, standing, next_poll_at, reason,
        memory) VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    conn.prepare_cached(sql)?.execute(params![
        spec.key,
        spec.url,
        spec.title,
        json(&spec.groups)?,
        spec.priority,
        standing.code(),
        ms(first),
        PollReason::First.code(),
        json(&PollMemory::default())?,
    ])?;
    put_groups(conn, conn.last_insert_rowid(), &spec.groups)
}

/// Brings a known row to `spec`; true when anything differed.
fn change(conn: &Connection, spec: &FeedSpec, row: &Known, now: Timestamp) -> Outcome<bool> {
    let groups = json(&spec.groups)?;
    let moved = row.url != spec.url;
    let (standing, kept) = wanted_standing(spec, row, moved);
    let other_groups = groups != row.groups;
    let same = !moved && !other_groups && row.title == spec.title && row.priority == spec.priority;
    if same && standing == row.standing {
        return Ok(false);
    }
    let sql = "UPDATE feed SET configured_url = ?2, own_title = ?3, groups = ?4, priority = ?5, standing = ?6,
        kept_standing = ?7 WHERE id = ?1";
    conn.prepare_cached(sql)?.execute(params![
        row.id,
        spec.url,
        spec.title,
        groups,
        spec.priority,
        standing.code(),
        kept.map(|kept| kept.code()),
    ])?;
    if moved {
        reset_url(conn, row.id, &spec.url, now)?;
    }
    if other_groups {
        put_groups(conn, row.id, &spec.groups)?;
    }
    Ok(true)
}

/// The standing that the config asks for, and the one to come back to once it does not.
fn wanted_standing(
    spec: &FeedSpec,
    row: &Known,
    moved: bool,
) -> (FeedStanding, Option<FeedStanding>) {
    let own = match row.standing {
        FeedStanding::Removed | FeedStanding::Disabled => row.kept.unwrap_or(FeedStanding::Active),
        standing => standing,
    };
    let own = match own {
        FeedStanding::Gone | FeedStanding::Dead if moved => FeedStanding::Active,
        FeedStanding::Disabled | FeedStanding::Removed => FeedStanding::Active,
        own => own,
    };
    if spec.enabled {
        (own, None)
    } else {
        (FeedStanding::Disabled, Some(own))
    }
}

/// Another configured URL: validators belong to the old one; gates stay, for the host has not forgotten.
fn reset_url(conn: &Connection, id: i64, url: &str, now: Timestamp) -> Outcome<()> {
    let Some(mut feed) = by_id(conn, FeedId(id))? else {
        return Ok(());
    };
    feed.url = url.to_owned();
    feed.validators = Validators::default();
    feed.body_hash = None;
    feed.memory.redirect = None;
    feed.memory.announced_move = None;
    feed.memory.gone_at = None;
    if feed.next_poll_reason == PollReason::Never {
        feed.next_poll_at = now.max(feed.memory.gate_until.unwrap_or(now));
        feed.next_poll_reason = PollReason::First;
    }
    write(conn, &feed)
}

fn put_groups(conn: &Connection, id: i64, groups: &[String]) -> Outcome<()> {
    conn.prepare_cached("DELETE FROM feed_group WHERE feed = ?1")?
        .execute([id])?;
    let mut insert =
        conn.prepare_cached("INSERT OR IGNORE INTO feed_group (name, feed) VALUES (?1, ?2)")?;
    for group in groups {
        insert.execute(params![group, id])?;
    }
    Ok(())
}
