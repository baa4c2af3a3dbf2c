//! Which entries are one story: pure rules of identity, likeness, flood and lead. Takes parsed entries and what the
//! store offers as possibly the same; gives keys to search by, and verdicts. Knows no database and no clock: the same
//! values give the same verdict, in every process, for ever.

mod admit;
mod boilerplate;
mod edit;
mod evidence;
mod fold;
mod global_id;
mod join;
mod lead;
mod link;
mod recognise;
mod similarity;
mod tracking;
mod withdrawal;

use jiff::Timestamp;

use crate::model::{
    Candidate, EntryView, FeedMeta, FeedState, IncomingEntry, JoinReason, Judge, Listed, MatchKeys,
    ParsedEntry, Recognition, Standing, StoryId, Withdrawals,
};

pub use edit::DiffKind;

/// The rules, with what the operator may tune.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// Query parameters to strip from links, beside the built-in list; `name*` stands for all that begin so.
    pub strip_params: Vec<String>,
}

impl Matcher {
    /// What identity compares, for an entry of a feed whose site is `site_url`.
    #[must_use]
    pub fn keys(&self, entry: &ParsedEntry, site_url: Option<&str>) -> MatchKeys {
        let text = fold::folded(boilerplate::stripped(&entry.text), similarity::WORDS_CAP);
        let title = fold::folded(&entry.title, 40);
        let link = entry
            .link
            .as_deref()
            .and_then(|link| self.canonical_link(link));
        // The site's own address ends as the link does; most entries are spared a second look at it.
        let is_home = |form: &String| {
            let path = form.split('?').next().unwrap_or_default();
            let tail = path.rsplit('/').next().unwrap_or_default();
            site_url.is_some_and(|site| {
                site.contains(tail) && self.canonical_link(site).as_ref() == Some(form)
            })
        };
        let sketch = similarity::sketch(&text, &title);
        MatchKeys {
            canonical_link: link.filter(|form| !is_home(form)),
            global_id: entry
                .publisher_id
                .as_deref()
                .and_then(|id| global_id::global_id(id, &self.strip_params)),
            title_key: evidence::title_key(&entry.title),
            bands: similarity::bands(&text.words),
            gist: similarity::gist(&sketch),
            sketch,
            words: u32::try_from(text.words.len()).unwrap_or(u32::MAX),
            page_key: None,
            numbers: numbers_key(&text.numbers, &title.numbers),
        }
    }

    /// The canonical form of a link (also for `why URL`); none where it names no page.
    #[must_use]
    pub fn canonical_link(&self, link: &str) -> Option<String> {
        link::canonical(link, &self.strip_params)
    }

    /// The canonical form of the address at which an article's page was found, behind redirects or by its own word;
    /// none where it may be the page of many: a front page, a wall.
    #[must_use]
    pub fn page_form(&self, address: &str) -> Option<String> {
        self.canonical_link(address)
            .filter(|form| link::names_article(form))
    }

    /// Whether `new`, which came under the key of `old`, is clearly another entry: other link, unlike title, unlike
    /// text and a newer date. The publisher uses the key again.
    #[must_use]
    pub fn reuses_key(&self, old: &ParsedEntry, new: &ParsedEntry) -> bool {
        recognise::reuses_key((old, &self.keys(old, None)), (new, &self.keys(new, None)))
    }

    /// What the operator is told when `admit` holds entries back; none when it does not.
    #[must_use]
    pub fn flood_notice(
        &self,
        before: &FeedState,
        fresh: &[&IncomingEntry],
        seen_at: Timestamp,
        max_new: usize,
    ) -> Option<String> {
        admit::flood_notice(before, fresh, seen_at, max_new)
    }

    /// Why a feed looks taken over: site, title, language and rhythm all changed in one poll. None for an honest one.
    #[must_use]
    pub fn suspicious(
        &self,
        before: &FeedState,
        (known, now): (&FeedMeta, &FeedMeta),
        fresh: &[&IncomingEntry],
        seen_at: Timestamp,
    ) -> Option<String> {
        admit::suspicious(before, known, now, fresh, seen_at)
    }

    /// What to watch from now on, and the keys of entries that their publisher took back, going by the next `document`
    /// of a feed; one that is not `sound` proves nothing.
    #[must_use]
    pub fn withdrawn(
        &self,
        before: &Withdrawals,
        document: Vec<Listed>,
        sound: bool,
    ) -> (Withdrawals, Vec<String>) {
        withdrawal::follow(before, document, sound)
    }

    /// Runs of words that tell how `new_text` came out of `old_text`, for a corrections section; empty when only
    /// typography differs.
    #[must_use]
    pub fn word_diff(&self, old_text: &str, new_text: &str) -> Vec<(DiffKind, String)> {
        edit::word_diff(old_text, new_text)
    }
}

impl Judge for Matcher {
    fn recognise(&self, incoming: &IncomingEntry, candidates: &[Candidate]) -> Option<Recognition> {
        recognise::recognise(incoming, candidates)
    }

    fn join(
        &self,
        incoming: &IncomingEntry,
        candidates: &[Candidate],
    ) -> Option<(StoryId, JoinReason)> {
        join::join(incoming, candidates)
    }

    fn admit(
        &self,
        before: &FeedState,
        fresh: &[&IncomingEntry],
        seen_at: Timestamp,
        max_new: usize,
    ) -> Vec<Standing> {
        admit::admit(before, fresh, seen_at, max_new)
    }

    fn substantial(&self, old: &ParsedEntry, new: &ParsedEntry) -> bool {
        edit::substantial(old, new)
    }

    fn lead(&self, sightings: &[EntryView]) -> usize {
        lead::lead(sightings)
    }
}

/// All numbers of an entry as one hash, order and repeats aside; none without numbers.
fn numbers_key(text: &[u16], title: &[u16]) -> Option<i64> {
    let mut numbers: Vec<u16> = text.iter().chain(title).copied().collect();
    numbers.sort_unstable();
    numbers.dedup();
    (!numbers.is_empty()).then(|| {
        numbers
            .iter()
            .fold(0, |hash, number| fold::mixed(hash ^ u64::from(*number)))
            .cast_signed()
    })
}
