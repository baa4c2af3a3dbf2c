//! Where feeds were polled before: one row a change, kept as long as the feed is known, which is for ever.

use rusqlite::{Connection, params};

use super::row::{Outcome, get_at, get_json, json, ms};
use super::{Result, Store};
use crate::model::{AddressChange, FeedId};

/// Records a change.
pub(super) fn record(conn: &Connection, feed: FeedId, change: &AddressChange) -> Outcome<()> {
    let sql = "INSERT OR REPLACE INTO former_address (feed, left_at, url, next_url, why) VALUES (?1, ?2, ?3, ?4, ?5)";
    conn.prepare_cached(sql)?.execute(params![
        feed.0,
        ms(change.left_at),
        change.url,
        change.next_url,
        json(&change.why)?,
    ])?;
    Ok(())
}

impl Store {
    /// The changes of a feed's address, the first one first.
    pub async fn address_changes(&self, feed: FeedId) -> Result<Vec<AddressChange>> {
        self.read("reading a feed's addresses", move |conn| {
            let sql = "SELECT left_at, url, next_url, why FROM former_address WHERE feed = ?1 ORDER BY left_at";
            let mut query = conn.prepare_cached(sql)?;
            let rows = query.query_map([feed.0], |row| {
                Ok(AddressChange {
                    left_at: get_at(row, 0)?,
                    url: row.get(1)?,
                    next_url: row.get(2)?,
                    why: get_json(row, 3)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}
