//! What came back, as a subscriber's history: the facts that decide whether more mail makes sense.

use jiff::Timestamp;
use rusqlite::Connection;

use super::row::{Outcome, get_at};
use super::{Result, Store};
use crate::model::{BounceHistory, SubscriberId};

/// Deliveries looked at: a longer row of failures decides nothing more.
const LATEST: i64 = 30;

impl Store {
    /// Bounces of a subscriber since their standing last changed, so that what was forgiven does not count again.
    pub async fn bounce_history(&self, subscriber: SubscriberId) -> Result<BounceHistory> {
        self.read("reading bounces", move |conn| history(conn, subscriber))
            .await
    }
    /// Hard and soft bounces so far of a digest's subscribers who had any.
    pub async fn bounce_counts(&self, digest: &str) -> Result<Vec<(SubscriberId, u32, u32)>> {
        let digest = digest.to_owned();
        self.read("reading bounces", move |conn| counts(conn, &digest))
            .await
    }
}

fn history(conn: &Connection, id: SubscriberId) -> Outcome<BounceHistory> {
    let sql = "SELECT b.hard, b.seen_at FROM bounce b JOIN subscriber s ON s.id = b.subscriber
        WHERE s.id = ?1 AND b.seen_at >= s.since_at ORDER BY b.seen_at";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([id.0], |row| Ok((row.get::<_, bool>(0)?, get_at(row, 1)?)))?;
    let bounces: Vec<(bool, Timestamp)> = rows.collect::<rusqlite::Result<_>>()?;
    let of = |wanted: bool| {
        let some = bounces.iter().filter(move |(hard, _)| *hard == wanted);
        some.map(|(_, at)| *at).collect::<Vec<_>>()
    };
    let soft_in_a_row = in_a_row(&ended(conn, id)?, &of(false));
    Ok(BounceHistory {
        hard_at: of(true),
        soft_in_a_row,
    })
}

/// When mails were handed over or refused, newest first, and whether they were handed over.
fn ended(conn: &Connection, id: SubscriberId) -> Outcome<Vec<(Timestamp, bool)>> {
    let sql =
        "SELECT settled_at, standing = 2 FROM message WHERE subscriber = ?1 AND standing IN (2, 3)
        ORDER BY settled_at DESC LIMIT ?2";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([id.0, LATEST], |row| Ok((get_at(row, 0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Mails, counted back from the newest, each of which was followed by a soft bounce before the next one. One that was
/// refused for another reason says nothing of the mailbox, and one that arrived ends the row.
fn in_a_row(ended: &[(Timestamp, bool)], soft_at: &[Timestamp]) -> usize {
    let (mut next, mut count) = (Timestamp::MAX, 0);
    for (at, delivered) in ended {
        if soft_at.iter().any(|soft| *at <= *soft && *soft < next) {
            count += 1;
        } else if *delivered {
            break;
        }
        next = *at;
    }
    count
}

fn counts(conn: &Connection, digest: &str) -> Outcome<Vec<(SubscriberId, u32, u32)>> {
    let sql = "SELECT id, hard_bounces, soft_bounces FROM subscriber
        WHERE digest = ?1 AND hard_bounces + soft_bounces > 0 ORDER BY id";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([digest], |row| {
        Ok((SubscriberId(row.get(0)?), row.get(1)?, row.get(2)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
