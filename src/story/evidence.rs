//! What two entries have in common, as one value: title, text, numbers, names, time. Takes match keys and titles; gives
//! `Evidence` and the two bars that decide on it: the same text, the same story. Decides nothing about links and ids.

use jiff::Timestamp;

use crate::model::{Candidate, IncomingEntry, MatchKeys};

use super::fold::{folded, mixed};
use super::similarity::{Likeness, likeness, overlap};

/// Two entries farther apart are no near-duplicates, however alike.
const WINDOW_S: i64 = 3 * 86_400;
/// Words of a title that are compared.
const TITLE_CAP: usize = 40;
/// From so many words on, the text speaks for itself, and not the title alone.
const TELLING_WORDS: u32 = 12;
/// The lowest share of word pairs that makes two telling texts one story: that of long texts under one title.
const LOWEST_BAR: f64 = 0.45 - TITLE_BONUS;
/// By so much an equal title lowers the bar.
const TITLE_BONUS: f64 = 0.15;

/// What two entries have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// The titles are equal after folding.
    pub(super) title_equal: bool,
    /// Share of words that both titles have: 0 to 1.
    pub(super) title_shared: f64,
    /// Words of the longer title.
    pub(super) title_words: usize,
    /// Of the texts; none where one is too short.
    pub(super) text: Option<Likeness>,
    /// Words of the shorter text.
    pub(super) words: u32,
    /// Seconds between them; none where one is undated.
    pub(super) apart_s: Option<i64>,
}

/// A title as comparison sees it, folded once for all that it is compared with.
pub(super) struct Headline {
    /// In order.
    words: Vec<u64>,
    /// Sorted, each once.
    set: Vec<u64>,
}

impl Headline {
    /// Of a title, without the site's name behind it.
    pub(super) fn of(title: &str) -> Self {
        let words = folded(title_core(title), TITLE_CAP).words;
        let mut set = words.clone();
        set.sort_unstable();
        set.dedup();
        Self { words, set }
    }

    /// Share of words that both have, of those that either has: 0 to 1.
    fn shared(&self, other: &Self) -> f64 {
        let both = self
            .set
            .iter()
            .filter(|word| other.set.binary_search(word).is_ok())
            .count();
        let either = self.set.len() + other.set.len() - both;
        if either == 0 {
            0.0
        } else {
            both as f64 / either as f64
        }
    }
}

impl Evidence {
    /// Of an incoming entry, whose title is `headline`, and a stored one.
    pub(super) fn of(incoming: &IncomingEntry, headline: &Headline, known: &Candidate) -> Self {
        let text = likeness(
            (&incoming.keys.sketch, incoming.keys.words),
            (&known.keys.sketch, known.keys.words),
        );
        let words = incoming.keys.words.min(known.keys.words);
        let mut evidence = Self::with_titles(headline, &Headline::of(&known.title), text, words);
        let known_at = known.published_at.unwrap_or(known.first_seen_at);
        evidence.apart_s = incoming.entry.published_at.map(|at| apart_s(at, known_at));
        evidence
    }

    /// Of two titles with their keys, without time.
    pub(super) fn between(left: (&str, &MatchKeys), right: (&str, &MatchKeys)) -> Self {
        let text = likeness(
            (&left.1.sketch, left.1.words),
            (&right.1.sketch, right.1.words),
        );
        let words = left.1.words.min(right.1.words);
        Self::with_titles(&Headline::of(left.0), &Headline::of(right.0), text, words)
    }

    fn with_titles(left: &Headline, right: &Headline, text: Option<Likeness>, words: u32) -> Self {
        Self {
            title_equal: !left.words.is_empty() && left.words == right.words,
            title_shared: left.shared(right),
            title_words: left.words.len().max(right.words.len()),
            text,
            words,
            apart_s: None,
        }
    }

    /// Close enough in time for a near-duplicate; an undated entry counts as of now, which the store's offer covers.
    pub(super) fn near(&self) -> bool {
        self.apart_s.is_none_or(|apart_s| apart_s <= WINDOW_S)
    }

    /// The same words, but for a few: two states of one entry.
    pub(super) fn same_text(&self) -> bool {
        match &self.text {
            Some(text) => {
                text.shared >= 0.6 && text.numbers.replaced() <= 1 + text.numbers.both / 2
            }
            None => false,
        }
    }

    /// Nothing in common: neither title nor text, and there is enough of both to say so.
    pub(super) fn unlike(&self) -> bool {
        !self.title_equal
            && self.title_shared < 0.3
            && self.text.is_none_or(|text| text.contained < 0.15)
    }

    /// Likeness in per cent where the two are one story by their words alone.
    pub(super) fn same_story(&self) -> Option<u8> {
        if !self.near() {
            return None;
        }
        let Some(text) = self.text.filter(|_| self.words >= TELLING_WORDS) else {
            return self.same_headline().then_some(100);
        };
        let share = if self.title_equal {
            text.shared.max(text.contained * 0.9)
        } else {
            text.shared
        };
        let percent = (share * 100.0).round() as u8;
        (share >= self.bar() && facts_agree(&text)).then_some(percent)
    }

    /// The bar that the share of word pairs must reach. Shorter texts prove less; an equal title proves much.
    fn bar(&self) -> f64 {
        let by_length: f64 = match self.words {
            0..30 => 0.6,
            30..60 => 0.5,
            _ => 0.45,
        };
        if self.title_equal {
            by_length - TITLE_BONUS
        } else {
            by_length
        }
    }

    /// Two entries that are hardly more than a headline.
    fn same_headline(&self) -> bool {
        let texts_agree = self
            .text
            .is_none_or(|text| text.shared >= 0.8 && text.numbers.replaced() == 0);
        self.title_equal
            && self.title_words >= 6
            && texts_agree
            && self.apart_s.is_some_and(|apart_s| apart_s <= 86_400)
    }
}

/// Two texts that are long enough to say it have too little in common for [`Evidence::same_story`], whatever their
/// titles are: the usual outcome, told from the sketches alone.
pub(super) fn texts_apart(left: &MatchKeys, right: &MatchKeys) -> bool {
    left.words.min(right.words) >= TELLING_WORDS
        && overlap((&left.sketch, left.words), (&right.sketch, right.words))
            .is_some_and(|share| share < LOWEST_BAR)
}

/// Other numbers are other news: 2–1 is not 3–1, Monday's rate not Tuesday's. Names say so too, where many are replaced.
fn facts_agree(text: &Likeness) -> bool {
    let numbers = text.numbers.replaced();
    // Numbers that only one of the two has were added with words of their own, or they stand where the other has its:
    // then the shorter text is not found in the longer.
    let one_sided = text.numbers.left + text.numbers.right > 0;
    let numbers_agree = match numbers {
        0 => !one_sided || text.contained >= 0.8,
        _ => text.shared >= 0.8 && text.numbers.both >= 3 * numbers,
    };
    // German writes every noun as a name, so that a share is asked for, not a count.
    let names_agree = text.names.replaced() <= text.names.both / 4;
    numbers_agree && names_agree
}

/// Seconds between two instants.
pub(super) fn apart_s(left: Timestamp, right: Timestamp) -> i64 {
    (left.as_second() - right.as_second()).abs()
}

/// Hash of a folded title; none where the title says too little to stand for its entry.
pub(super) fn title_key(title: &str) -> Option<i64> {
    let words = folded(title_core(title), TITLE_CAP).words;
    let says_enough = words.len() >= 4 && title.len() >= 18;
    says_enough.then(|| {
        words
            .iter()
            .fold(0, |hash, word| mixed(hash ^ word))
            .cast_signed()
    })
}

/// A title without the site's name behind it: `… - VnExpress`, `… | BBC News`.
pub(super) fn title_core(title: &str) -> &str {
    for mark in [" | ", " - ", " – ", " — "] {
        if let Some((core, site)) = title.rsplit_once(mark) {
            let short = site.len() <= 30 && site.split_whitespace().count() <= 4;
            let numbered = site.bytes().any(|byte| byte.is_ascii_digit());
            if short && !numbered && core.split_whitespace().count() >= 4 {
                return core;
            }
        }
    }
    title
}
