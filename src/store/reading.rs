//! The deeds around stories: selecting, telling, searching, and the operator's rulings.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::views::Views;
use super::{Result, Store, entries, history, rulings, search, select};
use crate::model::*;

impl Store {
    /// Visible stories, newest first (`shown_at`, then id), one page.
    pub async fn select_stories(&self, selection: Selection) -> Result<Vec<StoryView>> {
        self.read("selecting stories", move |conn| {
            select::stories(conn, &selection)
        })
        .await
    }
    /// One story.
    pub async fn story(&self, id: StoryId) -> Result<Option<StoryView>> {
        self.read("reading a story", move |conn| {
            Views::default().story(conn, id)
        })
        .await
    }
    /// The story that an operator joined `id` to; none where it is one of its own, or never was.
    pub async fn joined_to(&self, id: StoryId) -> Result<Option<StoryId>> {
        self.read("reading a story", move |conn| rulings::joined_to(conn, id))
            .await
    }
    /// Highest assigned sequence number.
    pub async fn last_seq(&self) -> Result<StorySeq> {
        self.read("reading the last number", move |conn| {
            select::last_seq(conn)
        })
        .await
    }
    /// Entries for the `entries` verb, newest first, optionally of one feed, all standings.
    pub async fn entries(&self, feed: Option<FeedId>, limit: usize) -> Result<Vec<EntryView>> {
        self.read("reading entries", move |conn| {
            entries::newest(conn, feed, limit)
        })
        .await
    }
    /// Everything known of entries whose link, canonical link, publisher id or key is one of `needles`.
    pub async fn history(&self, needles: Vec<String>) -> Result<Vec<EntryHistory>> {
        self.read("reading a history", move |conn| history::of(conn, &needles))
            .await
    }
    /// Splits an entry off its story, for good; gives its own.
    pub async fn split_story(
        &self,
        entry: EntryId,
        judge: Arc<dyn Judge>,
        now: Timestamp,
    ) -> Result<StoryId> {
        self.write("splitting a story", move |conn| {
            rulings::split(conn, entry, &*judge, now)
        })
        .await
    }
    /// Joins two stories, for good; gives the one that stays, which has the lower sequence number.
    pub async fn join_stories(
        &self,
        stories: (StoryId, StoryId),
        judge: Arc<dyn Judge>,
        now: Timestamp,
    ) -> Result<StoryId> {
        self.write("joining stories", move |conn| {
            rulings::join(conn, stories, &*judge, now)
        })
        .await
    }
    /// Shows what was held or quarantined of a feed; gives how many entries.
    pub async fn approve_feed(&self, id: FeedId, judge: Arc<dyn Judge>) -> Result<usize> {
        self.write("approving a feed", move |conn| {
            rulings::approve(conn, id, &*judge)
        })
        .await
    }
    /// Ranked search.
    pub async fn search(&self, query: SearchQuery) -> Result<Vec<SearchHit>> {
        self.search_among(query, |_: &StoryView| true).await
    }
    /// Ranked search among the stories that `shows` lets through.
    pub async fn search_among(
        &self,
        query: SearchQuery,
        shows: impl Fn(&StoryView) -> bool + Send + 'static,
    ) -> Result<Vec<SearchHit>> {
        self.index().await?;
        self.read("searching", move |conn| search::find(conn, &query, &shows))
            .await
    }
    /// Those of `stories` that answer a search, without ranking or limit.
    pub async fn matching_stories(
        &self,
        text: &str,
        stories: Vec<StoryId>,
    ) -> Result<HashSet<StoryId>> {
        self.index().await?;
        let text = text.to_owned();
        self.read("searching", move |conn| {
            search::matching(conn, &text, &stories)
        })
        .await
    }
    async fn index(&self) -> Result<()> {
        while self.read("looking at the index", search::is_behind).await? {
            self.write("indexing", |conn| search::index_pending(conn, 2_000))
                .await?;
        }
        Ok(())
    }
}
