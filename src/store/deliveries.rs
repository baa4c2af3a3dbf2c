//! What hubs brought, until it is read: rows in the order of arrival, bounded in number and bytes. Gives the oldest of a
//! feed first; refuses what would not fit.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::row::{Outcome, json, ms};
use super::{Result, Store, commit};
use crate::model::{Delivery, DeliveryRoom, FeedId, Judge, PollReport, PushDelivery, SideCommit};

/// One feed may fill this part of the room, so that a hub that floods leaves some for the others.
const SHARE: u64 = 4;

impl Store {
    /// Keeps what a hub brought at the callback `token` of `feed`: durable when this returns true, false where there is
    /// no room for it.
    pub async fn keep_delivery(
        &self,
        (feed, token): (FeedId, String),
        delivery: PushDelivery,
        room: DeliveryRoom,
        now: Timestamp,
    ) -> Result<bool> {
        self.write("keeping a delivery", move |conn| {
            keep(conn, (feed, &token), &delivery, room, now)
        })
        .await
    }

    /// The oldest delivery of the feed whose turn it is, which is none of `busy`; that it is read now is durable.
    pub async fn next_delivery(&self, busy: Vec<FeedId>) -> Result<Option<Delivery>> {
        self.write("taking a delivery", move |conn| next(conn, &busy))
            .await
    }

    /// Does something that a hub brought for `feed` still wait to be read?
    pub async fn awaits_delivery(&self, feed: FeedId) -> Result<bool> {
        self.read("looking for deliveries", move |conn| {
            let sql = "SELECT 1 FROM delivery WHERE feed = ?1 LIMIT 1";
            Ok(conn.prepare_cached(sql)?.exists([feed.0])?)
        })
        .await
    }

    /// Entries of a delivery, and the delivery itself gone, in one commit.
    pub async fn commit_delivery(
        &self,
        delivery: i64,
        commit: SideCommit,
        judge: Arc<dyn Judge>,
    ) -> Result<PollReport> {
        self.write("committing a delivery", move |conn| {
            let report = commit::side(conn, commit, judge.as_ref())?;
            forget(conn, delivery)?;
            Ok(report)
        })
        .await
    }

    /// A delivery that there is nothing to read in.
    pub async fn forget_delivery(&self, delivery: i64) -> Result<()> {
        self.write("forgetting a delivery", move |conn| forget(conn, delivery))
            .await
    }
}

fn keep(
    conn: &Connection,
    (feed, token): (FeedId, &str),
    delivery: &PushDelivery,
    room: DeliveryRoom,
    now: Timestamp,
) -> Outcome<bool> {
    let more = delivery.body.len() as u64;
    let sql = "SELECT count(*), coalesce(sum(length(body)), 0) FROM delivery WHERE ?1 IS NULL OR feed = ?1";
    let mut query = conn.prepare_cached(sql)?;
    let mut fits = |feed: Option<i64>, part: u64| {
        query.query_row([feed], |row| {
            let (rows, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
            let (rows, bytes) = (rows.unsigned_abs(), bytes.unsigned_abs());
            Ok(rows < room.rows / part && bytes + more <= room.bytes / part)
        })
    };
    if !fits(None, 1)? || !fits(Some(feed.0), SHARE)? {
        return Ok(false);
    }
    let sql = "INSERT INTO delivery (feed, token, received_at, content_type, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    conn.prepare_cached(sql)?.execute(params![
        feed.0,
        token,
        ms(now),
        delivery.content_type,
        &delivery.body[..],
    ])?;
    Ok(true)
}

fn next(conn: &Connection, busy: &[FeedId]) -> Outcome<Option<Delivery>> {
    let sql = "UPDATE delivery SET tries = tries + 1 WHERE id = (SELECT min(id) FROM delivery
        WHERE feed NOT IN (SELECT value FROM json_each(?1)))
        RETURNING id, feed, token, tries, content_type, body";
    let busy: Vec<i64> = busy.iter().map(|feed| feed.0).collect();
    let mut query = conn.prepare_cached(sql)?;
    Ok(query.query_row([json(&busy)?], delivery).optional()?)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        feed: FeedId(row.get(1)?),
        token: row.get(2)?,
        tries: row.get(3)?,
        content_type: row.get(4)?,
        body: Bytes::from(row.get::<_, Vec<u8>>(5)?),
    })
}

fn forget(conn: &Connection, delivery: i64) -> Outcome<()> {
    let sql = "DELETE FROM delivery WHERE id = ?1";
    conn.prepare_cached(sql)?.execute([delivery])?;
    Ok(())
}
