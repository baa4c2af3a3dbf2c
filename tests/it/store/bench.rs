//! What the store's tests stand on: a file of its own, hand-made documents, and an exact judge.

use std::sync::Arc;
use std::time::Duration;

use feedmill::model::*;
use feedmill::store::{Store, StoreOptions};
use jiff::Timestamp;

/// Same canonical link, same story; same publisher id in the feed, same entry. Nothing else.
#[derive(Default)]
pub(crate) struct Exact;

impl Judge for Exact {
    fn recognise(&self, incoming: &IncomingEntry, candidates: &[Candidate]) -> Option<Recognition> {
        let link = incoming.keys.canonical_link.as_ref()?;
        let known = candidates
            .iter()
            .find(|known| !known.present && known.keys.canonical_link.as_ref() == Some(link))?;
        Some(Recognition {
            entry: known.entry,
            reason: "canonical-link".to_owned(),
        })
    }

    fn join(
        &self,
        incoming: &IncomingEntry,
        candidates: &[Candidate],
    ) -> Option<(StoryId, JoinReason)> {
        let link = incoming.keys.canonical_link.as_ref()?;
        let known = candidates
            .iter()
            .find(|known| known.keys.canonical_link.as_ref() == Some(link))?;
        Some((known.story?, JoinReason::CanonicalLink))
    }

    fn admit(
        &self,
        _: &FeedState,
        fresh: &[&IncomingEntry],
        _: Timestamp,
        max_new: usize,
    ) -> Vec<Standing> {
        let shown = std::iter::repeat_n(Standing::Shown, max_new);
        shown
            .chain(std::iter::repeat(Standing::Backlog))
            .take(fresh.len())
            .collect()
    }

    fn substantial(&self, old: &ParsedEntry, new: &ParsedEntry) -> bool {
        old.title != new.title || old.text.split_whitespace().ne(new.text.split_whitespace())
    }

    fn lead(&self, sightings: &[EntryView]) -> usize {
        let best = sightings
            .iter()
            .map(|sighting| sighting.feed.priority)
            .max();
        sightings
            .iter()
            .position(|sighting| Some(sighting.feed.priority) == best)
            .unwrap_or(0)
    }
}

/// A store in a folder of its own, and the hand of its clock.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
}

/// An instant as written.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(options(&folder)).await.unwrap();
        Self { folder, store }
    }

    /// Closes and opens again.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await.unwrap();
        self.store = Store::open(options(&self.folder)).await.unwrap();
    }

    /// Configures feeds by key, all in group `all`.
    pub(crate) async fn feeds(&self, keys: &[&str], now: &str) -> SyncReport {
        let specs = keys.iter().map(|key| spec(key, &["all"])).collect();
        self.store.sync_feeds(specs, at(now)).await.unwrap()
    }

    pub(crate) async fn state(&self, key: &str) -> FeedState {
        self.store.feed(key).await.unwrap().unwrap()
    }

    /// Polls feed `key` at `now` with a document of `entries`.
    pub(crate) async fn poll(
        &self,
        key: &str,
        now: &str,
        entries: Vec<IncomingEntry>,
    ) -> PollReport {
        self.poll_as(self.state(key).await, now, entries).await
    }

    pub(crate) async fn poll_as(
        &self,
        state: FeedState,
        now: &str,
        entries: Vec<IncomingEntry>,
    ) -> PollReport {
        let commit = commit(state, now, entries);
        self.store
            .commit_poll(commit, Arc::new(Exact))
            .await
            .unwrap()
    }

    /// Visible stories' titles, newest first.
    pub(crate) async fn titles(&self, groups: &[&str]) -> Vec<String> {
        let selection = Selection {
            groups: strings(groups),
            limit: 100,
            ..Selection::default()
        };
        let stories = self.store.select_stories(selection).await.unwrap();
        stories
            .into_iter()
            .map(|story| story.lead.entry.title)
            .collect()
    }
}

pub(crate) fn options(folder: &tempfile::TempDir) -> StoreOptions {
    StoreOptions {
        path: folder.path().join("feedmill.db"),
        exclusive: true,
        readers: 2,
    }
}

pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn spec(key: &str, groups: &[&str]) -> FeedSpec {
    FeedSpec {
        key: key.to_owned(),
        url: format!("https://{key}.example/feed"),
        title: None,
        groups: strings(groups),
        priority: 0,
        enabled: true,
        spread: Duration::ZERO,
    }
}

/// A commit of a poll at `now` that comes back in an hour.
pub(crate) fn commit(mut state: FeedState, now: &str, entries: Vec<IncomingEntry>) -> PollCommit {
    state.next_poll_at = at(now) + Duration::from_secs(3600);
    state.next_poll_reason = PollReason::Floor;
    state.memory.counters.polls += 1;
    PollCommit {
        state,
        meta: None,
        entries,
        completed: Vec::new(),
        withdrawn: Vec::new(),
        host: None,
        seen_at: at(now),
        max_new: 100,
    }
}

/// An entry with this key, title and text, published when seen; its link is unique to feed and key.
pub(crate) fn entry(key: &str, title: &str) -> IncomingEntry {
    let text = format!("{title}. And what there is to say of it.");
    let mut entry = ParsedEntry {
        key: key.to_owned(),
        publisher_id: Some(key.to_owned()),
        link: None,
        title: title.to_owned(),
        authors: vec![Author {
            name: Some("Bình".to_owned()),
            ..Author::default()
        }],
        summary_html: None,
        content_html: Some(SafeHtml::vouched(format!("<p>{text}</p>"))),
        text,
        published_at: None,
        updated_at: None,
        date_flag: Some(DateFlag::Missing),
        enclosures: Vec::new(),
        categories: Vec::new(),
        links: Vec::new(),
        source: None,
        language: Some("en".to_owned()),
        rights: None,
        fingerprint: Fingerprint([0; 32]),
    };
    print(&mut entry);
    IncomingEntry {
        entry,
        verdict: Verdict::Keep,
        tags: Vec::new(),
        keys: MatchKeys::default(),
    }
}

fn print(entry: &mut ParsedEntry) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(entry.title.as_bytes());
    hasher.update(entry.text.as_bytes());
    hasher.update(entry.link.as_deref().unwrap_or_default().as_bytes());
    entry.fingerprint = Fingerprint(*hasher.finalize().as_bytes());
}

/// With a link, canonical as it stands.
pub(crate) fn linked(mut incoming: IncomingEntry, link: &str) -> IncomingEntry {
    incoming.entry.link = Some(format!("https://{link}"));
    incoming.keys.canonical_link = Some(link.to_owned());
    print(&mut incoming.entry);
    incoming
}

/// With a claimed date.
pub(crate) fn dated(mut incoming: IncomingEntry, date: &str) -> IncomingEntry {
    incoming.entry.published_at = Some(at(date));
    incoming.entry.date_flag = None;
    incoming
}

/// With another text.
pub(crate) fn saying(mut incoming: IncomingEntry, text: &str) -> IncomingEntry {
    incoming.entry.content_html = Some(SafeHtml::vouched(format!("<p>{text}</p>")));
    incoming.entry.text = text.to_owned();
    print(&mut incoming.entry);
    incoming
}

/// Dropped by a rule.
pub(crate) fn dropped(mut incoming: IncomingEntry, rule: &str) -> IncomingEntry {
    incoming.verdict = Verdict::Drop {
        rule: rule.to_owned(),
    };
    incoming
}
