//! Likeness of texts without keeping them: a sketch of a text's word pairs, its numbers and its names, and bands by
//! which a store finds sketches that may be alike. Takes folded words; gives 64-bit bands and an opaque sketch. Two
//! sketches tell how alike their texts are to within a few per cent; what is alike enough is `join`'s to say.

use std::cmp::Ordering;

use super::fold::{Folded, mixed};
use crate::model::Gist;

/// Words of a text that are looked at.
pub(super) const WORDS_CAP: usize = 400;
/// Texts below this have no bands: any two short lines are alike.
pub(super) const BANDED_WORDS: usize = 12;
/// Bands are made from the beginning of a text, which a shortened copy has too.
const BANDED_CAP: usize = 200;
/// Texts below this have no sketch.
const SKETCHED_WORDS: usize = 4;
/// Bins of the one-permutation sketch; each keeps one byte, 0 for an empty bin.
const BINS: usize = 128;
/// Bands, and minima in each. Chosen on the labelled pairs; the test `labelled_pairs_are_told_apart` holds them.
const BANDS: usize = 8;
const ROWS: usize = 3;
/// Numbers and names that a sketch keeps of each kind.
const FACTS: usize = 24;
/// First byte of every sketch; another one is not compared.
const VERSION: u8 = 1;

/// What two sketches say of their texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Likeness {
    /// Share of word pairs that both have, of those that either has: 0 to 1.
    pub(super) shared: f64,
    /// Share of the shorter text's word pairs that the longer one has too: 0 to 1.
    pub(super) contained: f64,
    /// Numbers of each.
    pub(super) numbers: Facts,
    /// Names of each.
    pub(super) names: Facts,
}

/// How the facts of one kind compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// In both.
    pub(super) both: u32,
    /// Only in the first.
    pub(super) left: u32,
    /// Only in the second.
    pub(super) right: u32,
}

impl Facts {
    /// Each has facts that the other lacks: something was replaced, not added. The lesser side counts.
    pub(super) fn replaced(self) -> u32 {
        self.left.min(self.right)
    }
}

/// Bands of a text for the store's index; none for short texts.
pub(super) fn bands(words: &[u64]) -> Vec<i64> {
    if words.len() < BANDED_WORDS {
        return Vec::new();
    }
    let mut minima = [u32::MAX; BANDS * ROWS];
    for pair in pairs(&words[..words.len().min(BANDED_CAP)]) {
        let low = pair as u32;
        for (at, minimum) in minima.iter_mut().enumerate() {
            *minimum = (*minimum).min((low ^ SALTS[at]).wrapping_mul(FACTORS[at]));
        }
    }
    minima
        .chunks_exact(ROWS)
        .enumerate()
        .map(|(band, rows)| {
            let seed = (band as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            rows.iter()
                .fold(seed, |hash, row| mixed(hash ^ u64::from(*row)))
                .cast_signed()
        })
        .collect()
}

/// The sketch of a text with the numbers of its title; empty for a text of a few words.
pub(super) fn sketch(text: &Folded, title: &Folded) -> Vec<u8> {
    if text.words.len() < SKETCHED_WORDS {
        return Vec::new();
    }
    let mut bytes = vec![VERSION];
    // A number that comes again counts again: "2 degrees, 29 per cent" is not "2 degrees, 2 per cent". The title only
    // tells those again that the text has.
    let mut numbers = text.numbers.clone();
    let more = title.numbers.iter();
    numbers.extend(more.filter(|number| !text.numbers.contains(number)));
    put_facts(&mut bytes, numbers);
    let mut names = text.names.clone();
    names.sort_unstable();
    names.dedup();
    put_facts(&mut bytes, names);
    let mut bins = [u32::MAX; BINS];
    for pair in pairs(&text.words) {
        let (bin, value) = ((pair >> 57) as usize, (pair >> 20) as u32);
        bins[bin] = bins[bin].min(value);
    }
    bytes.extend(bins.iter().map(|bin| {
        if *bin == u32::MAX {
            0
        } else {
            (bin % 255) as u8 + 1
        }
    }));
    bytes
}

/// Two bits of each bin of a sketch. Nothing where there is no sketch.
pub(super) fn gist(sketch: &[u8]) -> Gist {
    let bins = parts(sketch).map_or(&[][..], |(_, _, bins)| bins);
    let plane = |at: u8| {
        bins.iter()
            .fold(0, |plane, bin| plane << 1 | u128::from(bin >> at & 1))
    };
    Gist {
        low: plane(0),
        high: plane(1),
    }
}

/// Compares two sketches made from `left_words` and `right_words` words; none where either has no sketch.
pub(super) fn likeness(left: (&[u8], u32), right: (&[u8], u32)) -> Option<Likeness> {
    let (left_numbers, left_names, left_bins) = parts(left.0)?;
    let (right_numbers, right_names, right_bins) = parts(right.0)?;
    let (shared, contained) = shares((left_bins, left.1), (right_bins, right.1));
    Some(Likeness {
        shared,
        contained,
        numbers: compared(left_numbers, right_numbers),
        names: compared(left_names, right_names),
    })
}

/// The larger of `shared` and `contained` of [`likeness`], without the facts: enough to see that two texts are apart.
pub(super) fn overlap(left: (&[u8], u32), right: (&[u8], u32)) -> Option<f64> {
    let (_, _, left_bins) = parts(left.0)?;
    let (_, _, right_bins) = parts(right.0)?;
    let (shared, contained) = shares((left_bins, left.1), (right_bins, right.1));
    Some(shared.max(contained))
}

/// Shares of word pairs: of those that either has, and of the shorter text's those that the longer has too.
fn shares(left: (&[u8], u32), right: (&[u8], u32)) -> (f64, f64) {
    let (mut used, mut equal) = (0_u32, 0_u32);
    for (left, right) in left.0.iter().zip(right.0) {
        used += u32::from(*left | *right != 0);
        equal += u32::from(*left != 0 && left == right);
    }
    let shared = f64::from(equal) / f64::from(used.max(1));
    let (fewer, more) = (
        f64::from(left.1.min(right.1)),
        f64::from(left.1.max(right.1)),
    );
    let contained = (shared * (fewer + more) / ((1.0 + shared) * fewer.max(1.0))).min(1.0);
    (shared, contained)
}

/// Neighbouring words as one hash; a text of one word has that word.
fn pairs(words: &[u64]) -> impl Iterator<Item = u64> {
    words
        .windows(2)
        .map(|pair| mixed(pair[0].rotate_left(1) ^ pair[1]))
}

/// Writes the count and the smallest of `facts`, sorted.
fn put_facts(bytes: &mut Vec<u8>, mut facts: Vec<u16>) {
    facts.sort_unstable();
    facts.truncate(FACTS);
    bytes.push(facts.len() as u8);
    bytes.extend(facts.iter().flat_map(|fact| fact.to_be_bytes()));
}

/// Numbers, names and bins of a sketch of the present version.
fn parts(sketch: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let rest = sketch.strip_prefix(&[VERSION])?;
    let (count, rest) = rest.split_first()?;
    let (numbers, rest) = rest.split_at_checked(usize::from(*count) * 2)?;
    let (count, rest) = rest.split_first()?;
    let (names, bins) = rest.split_at_checked(usize::from(*count) * 2)?;
    (bins.len() == BINS).then_some((numbers, names, bins))
}

/// Compares two sorted lists; where one is full, what lies beyond its end is unknown, not missing: even another of the
/// fact that it ends with.
fn compared(left: &[u8], right: &[u8]) -> Facts {
    let fact = |pair: &[u8]| u16::from_be_bytes([pair[0], pair[1]]);
    let is_full = |bytes: &[u8]| bytes.len() == FACTS * 2;
    let (is_left_full, is_right_full) = (is_full(left), is_full(right));
    let mut left = left.chunks_exact(2).map(fact).peekable();
    let mut right = right.chunks_exact(2).map(fact).peekable();
    let mut facts = Facts::default();
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return facts,
            (None, _) if is_left_full => return facts,
            (_, None) if is_right_full => return facts,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.cmp(other),
        };
        match order {
            Ordering::Less => facts.left += 1,
            Ordering::Greater => facts.right += 1,
            Ordering::Equal => facts.both += 1,
        }
        if order.is_le() {
            left.next();
        }
        if order.is_ge() {
            right.next();
        }
    }
}

/// One odd factor and one salt for each minimum, from the generator of `mixed`.
const FACTORS: [u32; BANDS * ROWS] = series(0x5851_F42D_4C95_7F2D, 1);
const SALTS: [u32; BANDS * ROWS] = series(0x1405_7B7E_F767_814F, 0);

const fn series(seed: u64, low_bit: u32) -> [u32; BANDS * ROWS] {
    let mut series = [0; BANDS * ROWS];
    let mut state = seed;
    let mut at = 0;
    while at < series.len() {
        state = state
            .wrapping_mul(0x5851_F42D_4C95_7F2D)
            .wrapping_add(0x1405_7B7E_F767_814F);
        series[at] = (state >> 32) as u32 | low_bit;
        at += 1;
    }
    series
}
