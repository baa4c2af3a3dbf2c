//! Stories: entries that are the same piece of news, and what readers see of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FeedId, FeedStanding, Gist, ParsedEntry, SourceRef};

/// Row identity of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryId(pub i64);

/// Row identity of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoryId(pub i64);

/// Sequence number of a story: assigned in the commit that first makes it visible, gapless, the only order that
/// windows use. 0 stands for "before the first".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct StorySeq(pub i64);

/// What the rules said of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Shown.
    Keep,
    /// Stored, not shown, with the rule's name.
    Drop {
        /// Name of the `[filter.*]`.
        rule: String,
    },
}

/// Whether an entry counts for what readers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Shown.
    Shown,
    /// Older than the first poll's limit: searchable, in archives, never in a merged feed's head or a digest.
    Backlog,
    /// Dropped by a rule.
    Dropped,
    /// Held back by the rate breaker.
    Held,
    /// Its feed is quarantined.
    Quarantined,
    /// The publisher took it back.
    Withdrawn,
}

/// What identity compares: derived from an entry by `story`, indexed by `store`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchKeys {
    /// The link without tracking, scheme, `www.`, fragment…; equal strings are the same page.
    pub canonical_link: Option<String>,
    /// The publisher id, where it is global by its form (tag:, urn:uuid:, a permalink, a DOI…).
    pub global_id: Option<String>,
    /// Hash of the folded title, where the title says enough.
    pub title_key: Option<i64>,
    /// Bands of the sketch, for the index; empty for texts too short to compare.
    pub bands: Vec<i64>,
    /// The sketch itself, opaque to the store.
    pub sketch: Vec<u8>,
    /// Of the sketch: enough to see what has little in common. Kept with the bands, not stored.
    pub gist: Gist,
    /// Number of words the sketch was made from.
    pub words: u32,
    /// What the address is indexed by at which its page was found, where that is not its link.
    pub page_key: Option<i64>,
    /// Numbers that occur in the text, hashed together: near-duplicates with other numbers are other news.
    pub numbers: Option<i64>,
}

/// An entry on its way into the store.
#[derive(Clone, Debug)]
pub struct IncomingEntry {
    /// As parsed and rewritten by the rules.
    pub entry: ParsedEntry,
    /// What the rules said.
    pub verdict: Verdict,
    /// Tags that rules added.
    pub tags: Vec<String>,
    /// What identity compares.
    pub keys: MatchKeys,
}

/// A stored entry that might be the same entry or the same story as an incoming one.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Row.
    pub entry: EntryId,
    /// Its story, if it has one.
    pub story: Option<StoryId>,
    /// Its feed.
    pub feed: FeedId,
    /// Its key.
    pub key: String,
    /// Its publisher id.
    pub publisher_id: Option<String>,
    /// Its title.
    pub title: String,
    /// What identity compares.
    pub keys: MatchKeys,
    /// Claimed publication.
    pub published_at: Option<Timestamp>,
    /// First seen.
    pub first_seen_at: Timestamp,
    /// Its link or the address of its page is one of those of the incoming entry.
    pub same_page: bool,
    /// Still present in the document being committed (under its own key).
    pub present: bool,
}

/// An incoming entry recognised as a known entry of the same feed under another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognition {
    /// The known entry.
    pub entry: EntryId,
    /// `canonical-link`, `publisher-id`, `title-and-date`, `text`.
    pub reason: String,
}

/// Why an entry was joined to a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinReason {
    /// The story began with it.
    First,
    /// Same publisher id, global by form.
    PublisherId,
    /// Same canonical link.
    CanonicalLink,
    /// Near-duplicate text, with the likeness in per cent.
    Text(u8),
    /// The operator joined them.
    Operator,
}

/// The pure rules of identity, called by the store inside the commit, where the candidates cannot change any more.
/// Implemented by `story`; the store knows only this trait.
pub trait Judge: Send + Sync {
    /// Is `incoming`, whose key is unknown in its feed, one of `candidates` of the same feed under another key?
    fn recognise(&self, incoming: &IncomingEntry, candidates: &[Candidate]) -> Option<Recognition>;
    /// Which story of `candidates` (other feeds) is `incoming` part of?
    fn join(
        &self,
        incoming: &IncomingEntry,
        candidates: &[Candidate],
    ) -> Option<(StoryId, JoinReason)>;
    /// Standing of each of `fresh` (new and kept by the rules, document order) given the feed as it was.
    fn admit(
        &self,
        before: &super::FeedState,
        fresh: &[&IncomingEntry],
        seen_at: Timestamp,
        max_new: usize,
    ) -> Vec<Standing>;
    /// Is the change from `old` to `new` one of substance (not typography, trackers, white space)?
    fn substantial(&self, old: &ParsedEntry, new: &ParsedEntry) -> bool;
    /// Which sighting leads? Index into `sightings`, which is not empty.
    fn lead(&self, sightings: &[EntryView]) -> usize;
}

/// A feed as shown beside its entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedView {
    /// Row.
    pub id: FeedId,
    /// Stable key.
    pub key: String,
    /// Title, never empty: the operator's, the publisher's, else the host.
    pub title: String,
    /// The feed's address, as polled.
    pub url: String,
    /// The feed's site.
    pub site_url: Option<String>,
    /// The feed's own id.
    pub publisher_id: Option<String>,
    /// Language.
    pub language: Option<String>,
    /// Icon address.
    pub icon_url: Option<String>,
    /// Rights.
    pub rights: Option<String>,
    /// The feed's authors.
    #[serde(default)]
    pub authors: Vec<super::Author>,
    /// The feed's categories.
    #[serde(default)]
    pub categories: Vec<super::Category>,
    /// Its picture, where we keep one.
    #[serde(default)]
    pub icon: Option<super::IconRef>,
    /// Groups.
    pub groups: Vec<String>,
    /// Higher leads.
    pub priority: i32,
    /// Newest `updated` seen among its entries, for Atom's source.
    pub updated_at: Option<Timestamp>,
    /// Whether polled.
    pub standing: FeedStanding,
}

/// A stored entry as readers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryView {
    /// Row.
    pub id: EntryId,
    /// Its feed.
    pub feed: FeedView,
    /// As stored (the last revision).
    pub entry: ParsedEntry,
    /// Canonical link.
    pub canonical_link: Option<String>,
    /// Standing.
    pub standing: Standing,
    /// Rule that dropped it.
    pub dropped_by: Option<String>,
    /// Tags that rules added.
    pub tags: Vec<String>,
    /// Fixed at first sight.
    pub first_seen_at: Timestamp,
    /// Publication shown: claimed where believable, else first seen. Fixed at first sight.
    pub shown_at: Timestamp,
    /// Last change of substance: what Atom's `updated` says. Equal to `shown_at` until there is one.
    pub changed_at: Timestamp,
    /// 1 for the first.
    pub revision: u32,
}

/// One entry's membership in a story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// The entry's feed.
    pub feed: FeedView,
    /// The entry.
    pub entry: EntryId,
    /// Title as in that feed.
    pub title: String,
    /// Link as in that feed.
    pub link: Option<String>,
    /// When first seen there.
    pub first_seen_at: Timestamp,
    /// Why joined.
    pub reason: JoinReason,
    /// Standing of the entry.
    pub standing: Standing,
}

/// A story as readers see it: the lead entry, and where else it appeared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoryView {
    /// Row.
    pub id: StoryId,
    /// 0 while not visible.
    pub seq: StorySeq,
    /// Id in every output, minted once and stored (R7.14): the lead's own id where it is a global IRI when the story
    /// became visible, else `urn:uuid:…` v5-style of feed key and publisher id.
    pub public_id: String,
    /// Order of merged feeds: publication shown, fixed when the story became visible.
    pub shown_at: Timestamp,
    /// Last change of substance.
    pub changed_at: Timestamp,
    /// The best copy.
    pub lead: EntryView,
    /// All sightings, the lead's first, then by first sight. Only those whose standing is `Shown` are for readers.
    pub sightings: Vec<Sighting>,
}

impl StoryView {
    /// Where else the story appeared: shown sightings but the lead's, one per feed.
    #[must_use]
    pub fn also_in(&self) -> Vec<&Sighting> {
        let mut seen = vec![self.lead.feed.id];
        self.sightings
            .iter()
            .filter(|sighting| {
                sighting.standing == Standing::Shown && sighting.entry != self.lead.id
            })
            .filter(|sighting| {
                let fresh = !seen.contains(&sighting.feed.id);
                seen.push(sighting.feed.id);
                fresh
            })
            .collect()
    }

    /// Source of a republished lead: the entry's own `source`, else its feed.
    #[must_use]
    pub fn source(&self) -> SourceRef {
        self.lead.entry.source.clone().unwrap_or_else(|| SourceRef {
            id: self.lead.feed.publisher_id.clone(),
            title: Some(self.lead.feed.title.clone()),
            link: self.lead.feed.site_url.clone(),
            feed_url: Some(self.lead.feed.url.clone()),
        })
    }
}

/// Which stories an output draws from. Rules of the output are applied by the caller, page by page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Groups; `["*"]` is every feed. A story is in when one of its shown sightings' feeds carries one of them.
    pub groups: Vec<String>,
    /// Single feeds by key, in addition.
    pub feeds: Vec<String>,
    /// Only stories shown before this point: (`shown_at`, id) of the last one of the previous page.
    pub before: Option<(Timestamp, StoryId)>,
    /// Not older than this (`shown_at`).
    pub since: Option<Timestamp>,
    /// Not newer than this (`shown_at`, exclusive): for archives by day.
    pub until: Option<Timestamp>,
    /// Sequence window, half open: after the first, up to and including the second.
    pub window: Option<(StorySeq, StorySeq)>,
    /// Also stories that were only ever backlog (for archives).
    pub with_backlog: bool,
    /// At most.
    pub limit: usize,
}

/// What `why` tells of one entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryHistory {
    /// The entry as stored.
    pub entry: EntryView,
    /// Its story, if any.
    pub story: Option<StoryView>,
    /// Former keys by which it was recognised, with the reason and when.
    pub former_keys: Vec<(String, String, Timestamp)>,
    /// Earlier revisions: (revision, instant, title, of substance).
    pub revisions: Vec<(u32, Timestamp, String, bool)>,
    /// When the publisher took it back.
    pub withdrawn_at: Option<Timestamp>,
    /// Outputs that publish the story now.
    pub published_in: Vec<String>,
    /// Editions it was mailed in: (digest, slot instant).
    pub mailed_in: Vec<(String, Timestamp)>,
}

/// What a search looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SearchScope {
    /// All stories, what readers were never shown among them: the operator's search.
    #[default]
    Stored,
    /// What readers may see: visible stories of these groups (`*` is every feed) and, in addition, these feeds. Neither
    /// group nor feed is no story.
    Shown {
        /// Groups, as in [`Selection`].
        groups: Vec<String>,
        /// Feeds by key.
        feeds: Vec<String>,
    },
}

/// A search over all stories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// As typed: words, "phrases", prefix*, `one OR other`, `title:` `author:` `feed:` `group:` `lang:` `after:`
    /// `before:`, each with `-` for what must not be.
    pub text: String,
    /// What is looked at.
    pub scope: SearchScope,
    /// Skip.
    pub offset: usize,
    /// At most.
    pub limit: usize,
}

/// One hit, best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchHit {
    /// The story.
    pub story: StoryView,
    /// Text around the match as (text, is a match) runs.
    pub snippet: Vec<(String, bool)>,
}
