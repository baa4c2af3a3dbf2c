//! The deeds of polling: feeds, claims, polls, hosts.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Result, Store, commit, feeds, roster};
use crate::model::*;

impl Store {
    /// Makes the stored feeds and subscribers those of the config, in one commit: all of it or nothing.
    pub async fn sync(
        &self,
        feeds: Vec<FeedSpec>,
        roster: Roster,
        now: Timestamp,
    ) -> Result<SyncReport> {
        self.write("syncing with the config", move |conn| {
            let report = feeds::sync(conn, &feeds, now)?;
            roster::sync(conn, &roster, now)?;
            Ok(report)
        })
        .await
    }
    /// Makes the stored feeds those of the config; keeps the history of the ones that left.
    pub async fn sync_feeds(&self, specs: Vec<FeedSpec>, now: Timestamp) -> Result<SyncReport> {
        self.write("syncing the feeds", move |conn| {
            feeds::sync(conn, &specs, now)
        })
        .await
    }
    /// Polled feeds due at `now`, most overdue first.
    pub async fn due_feeds(&self, now: Timestamp, limit: usize) -> Result<Vec<FeedState>> {
        self.read("reading what is due", move |conn| {
            feeds::due(conn, now, limit)
        })
        .await
    }
    /// When the next feed is due, if any is polled at all.
    pub async fn next_due_at(&self) -> Result<Option<Timestamp>> {
        self.read("reading what is due", feeds::next_due).await
    }
    /// Claims: durable when this returns. False where another process was faster.
    pub async fn begin_polls(&self, claims: Vec<PollClaim>) -> Result<Vec<bool>> {
        self.write("claiming polls", move |conn| feeds::claim(conn, &claims))
            .await
    }
    /// One poll, one commit.
    pub async fn commit_poll(
        &self,
        commit: PollCommit,
        judge: Arc<dyn Judge>,
    ) -> Result<PollReport> {
        self.write("committing a poll", move |conn| {
            commit::poll(conn, &commit, judge.as_ref())
        })
        .await
    }
    /// Changes only the polling side of a feed (push state, manual due, approval), with what `change` makes of it.
    pub async fn update_feed(
        &self,
        id: FeedId,
        change: Box<dyn FnOnce(&mut FeedState) + Send>,
    ) -> Result<()> {
        self.write("changing a feed", move |conn| {
            let Some(mut feed) = feeds::by_id(conn, id)? else {
                return Ok(());
            };
            change(&mut feed);
            feeds::write(conn, &feed)
        })
        .await
    }
    /// All feeds, in the config's order of keys; removed ones only when asked.
    pub async fn feeds(&self, with_removed: bool) -> Result<Vec<FeedState>> {
        self.read("reading the feeds", move |conn| {
            feeds::all(conn, with_removed)
        })
        .await
    }
    /// One feed by key or URL.
    pub async fn feed(&self, key_or_url: &str) -> Result<Option<FeedState>> {
        let name = key_or_url.to_owned();
        self.read("reading a feed", move |conn| feeds::by_name(conn, &name))
            .await
    }
    /// Feed by its row.
    pub async fn feed_by_id(&self, id: FeedId) -> Result<Option<FeedState>> {
        self.read("reading a feed", move |conn| feeds::by_id(conn, id))
            .await
    }
    /// Feeds that a hub knows of, those that left the config too.
    pub async fn pushed_feeds(&self) -> Result<Vec<FeedState>> {
        self.read("reading the subscriptions", feeds::pushed).await
    }
    /// Entries that came by another way than a poll, one commit: durable when this returns.
    pub async fn commit_side(
        &self,
        commit: SideCommit,
        judge: Arc<dyn Judge>,
    ) -> Result<PollReport> {
        self.write("committing entries", move |conn| {
            commit::side(conn, commit, judge.as_ref())
        })
        .await
    }
    /// Politeness state of all hosts.
    pub async fn hosts(&self) -> Result<Vec<HostState>> {
        self.read("reading the hosts", feeds::hosts).await
    }
    /// Politeness state of the hosts that asked for rest, by whomever they were asked.
    pub async fn gated_hosts(&self) -> Result<Vec<HostState>> {
        self.read("reading the hosts", feeds::gated_hosts).await
    }
    /// Stores politeness state after a jump of the clock: in place of what is stored.
    pub async fn replace_hosts(&self, hosts: Vec<HostState>) -> Result<()> {
        self.write("saving the hosts", move |conn| {
            hosts
                .iter()
                .try_for_each(|host| feeds::replace_host(conn, host))
        })
        .await
    }
    /// Stores politeness state of hosts outside a poll; a gate that another process has stored is not shortened.
    pub async fn save_hosts(&self, hosts: Vec<HostState>) -> Result<()> {
        self.write("saving the hosts", move |conn| {
            hosts
                .iter()
                .try_for_each(|host| feeds::save_host(conn, host))
        })
        .await
    }
}
