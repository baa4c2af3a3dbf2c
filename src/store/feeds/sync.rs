//! The feeds of the config and those of the store: who is new, who left, and what another URL or switch changes.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{by_id, write};
use crate::model::{
    AddressChange, FeedId, FeedSpec, FeedStanding, FeedState, MoveReason, PollMemory, PollReason,
    SyncReport, Validators,
};
use crate::store::codes::Code;
use crate::store::row::{Outcome, at, get_code, hash64, json, ms};

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
pub(in crate::store) fn sync(
    conn: &Connection,
    specs: &[FeedSpec],
    now: Timestamp,
) -> Outcome<SyncReport> {
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
    let revived = row.standing == FeedStanding::Disabled && is_given_up(row.kept);
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
    } else if revived && spec.enabled {
        begin_anew(conn, row.id, now)?;
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
        // Switched on again: that is the operator's word against the publisher's (R2.12).
        FeedStanding::Disabled if spec.enabled && is_given_up(row.kept) => FeedStanding::Active,
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

fn is_given_up(standing: Option<FeedStanding>) -> bool {
    matches!(standing, Some(FeedStanding::Gone | FeedStanding::Dead))
}

/// Another configured URL: failures belong to the old one, and so do validators, unless the feed has been polled at the
/// new one already and the operator follows it there.
fn reset_url(conn: &Connection, id: i64, url: &str, now: Timestamp) -> Outcome<()> {
    let Some(mut feed) = by_id(conn, FeedId(id))? else {
        return Ok(());
    };
    let left = std::mem::replace(&mut feed.url, url.to_owned());
    feed.memory.moved = (left != url).then(|| AddressChange {
        left_at: now,
        url: left,
        next_url: url.to_owned(),
        why: MoveReason::Configured,
    });
    if feed.validators.url != url {
        feed.validators = Validators::default();
        feed.body_hash = None;
    }
    feed.memory.redirect = None;
    feed.memory.announced_move = None;
    feed.memory.fresh_until = None;
    feed.memory.fresh_lifetime_s = None;
    forget_failures(&mut feed, now);
    write(conn, &feed)
}

/// The feed that was given up is asked again, as if for the first time.
fn begin_anew(conn: &Connection, id: i64, now: Timestamp) -> Outcome<()> {
    let Some(mut feed) = by_id(conn, FeedId(id))? else {
        return Ok(());
    };
    forget_failures(&mut feed, now);
    write(conn, &feed)
}

/// What failed before is no reason to wait any more; gates are, for the host has not forgotten.
fn forget_failures(feed: &mut FeedState, now: Timestamp) {
    let memory = &mut feed.memory;
    let waits = memory.failures > 0
        || matches!(
            feed.next_poll_reason,
            PollReason::Never | PollReason::Backoff | PollReason::Confirm
        );
    memory.failures = 0;
    memory.failing_since = None;
    memory.missing_since = None;
    memory.gone_at = None;
    memory.trouble = None;
    if waits {
        let gates = [memory.gate_until, memory.fresh_until];
        feed.next_poll_at = gates.into_iter().flatten().fold(now, Timestamp::max);
        feed.next_poll_reason = PollReason::First;
    }
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
