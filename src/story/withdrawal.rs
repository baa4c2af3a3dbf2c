//! Which entries a publisher took back. Takes what was listed before and a feed's next document; gives what to watch
//! from now on, and the keys that are withdrawn. An entry that is merely too old for its document goes from the end of
//! it, so it is missed only while entries older than it stay, and it is withdrawn only when the next document, too, has
//! them without it. Whatever could have another reason withdraws nothing: too many at once, entries that changed their
//! order, dates that do not fall.

use std::collections::HashSet;

use crate::model::{Listed, Missing, Withdrawals};

/// Entries of a document that are watched, from its top.
const WATCHED: usize = 50;
/// More entries than this do not vanish by intent: the feed is broken.
const AT_ONCE: usize = 3;
/// Older entries that have to stay: a single one may be pinned to the end.
const OLDER: usize = 2;

/// What `document`, all of it in its order, says after what was watched before. One that is not `sound` (mended, empty,
/// of a feed that uses keys again) proves nothing, and what was missed is to be missed anew.
pub(super) fn follow(
    before: &Withdrawals,
    document: Vec<Listed>,
    sound: bool,
) -> (Withdrawals, Vec<String>) {
    let (mut missing, mut withdrawn) = (Vec::new(), Vec::new());
    if sound && !document.is_empty() {
        let present: HashSet<&str> = document.iter().map(|one| one.key.as_str()).collect();
        withdrawn = still_missed(&before.missing, &present);
        if keeps_order(&before.listed, &document) && falls(&before.listed) {
            missing = missed(&before.listed, &present);
        }
        if missing.len() + withdrawn.len() > AT_ONCE {
            missing.clear();
            withdrawn.clear();
        }
    }
    let listed = document.into_iter().take(WATCHED).collect();
    (Withdrawals { listed, missing }, withdrawn)
}

fn still_missed(missing: &[Missing], present: &HashSet<&str>) -> Vec<String> {
    let stays = |key: &String| present.contains(key.as_str());
    missing
        .iter()
        .filter(|one| !stays(&one.key) && one.older.iter().any(stays))
        .map(|one| one.key.clone())
        .collect()
}

/// Entries that are no longer there, while some older than each are.
fn missed(listed: &[Listed], present: &HashSet<&str>) -> Vec<Missing> {
    let stays = |one: &Listed| present.contains(one.key.as_str());
    let mut missing = Vec::new();
    for (at, one) in listed.iter().enumerate() {
        if stays(one) {
            continue;
        }
        let (newer, older) = (&listed[..at], &listed[at + 1..]);
        let between = newer.iter().any(stays);
        let older: Vec<String> = older
            .iter()
            .filter(|that| stays(that) && is_older(that, one, between))
            .map(|that| that.key.clone())
            .take(OLDER)
            .collect();
        if older.len() == OLDER {
            missing.push(Missing {
                key: one.key.clone(),
                older,
            });
        }
    }
    missing
}

/// By their dates. Where one has none, the place alone says it, if what stood on the other side stays as well: a
/// document in either order loses entries at an end.
fn is_older(that: &Listed, one: &Listed, between: bool) -> bool {
    match (that.dated_at, one.dated_at) {
        (Some(that), Some(one)) => that <= one,
        _ => between,
    }
}

/// What is in both stands in the same order in both: a list by popularity does not keep it for long.
fn keeps_order(before: &[Listed], after: &[Listed]) -> bool {
    let keys = |list: &[Listed], other: &[Listed]| -> Vec<String> {
        let other: HashSet<&str> = other.iter().map(|one| one.key.as_str()).collect();
        let both = list.iter().filter(|one| other.contains(one.key.as_str()));
        both.map(|one| one.key.clone()).collect()
    };
    keys(before, after) == keys(after, before)
}

/// Newest first, as far as dates say; the first entry may be pinned.
fn falls(listed: &[Listed]) -> bool {
    let dates: Vec<_> = listed
        .iter()
        .skip(1)
        .filter_map(|one| one.dated_at)
        .collect();
    dates.is_sorted_by(|newer, older| newer >= older)
}
