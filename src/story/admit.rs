//! Floods: which new entries readers see. Takes the feed as it was, the new entries and the instant; gives a standing
//! for each, and the line that tells the operator why some are held. Refuses nothing: what is not shown is stored.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::model::{FeedMeta, FeedStanding, FeedState, IncomingEntry, Rhythm, Standing};

use super::link;

/// Entries claimed to be older than this at a later poll come out of an archive.
const ARCHIVE_S: i64 = 30 * 86_400;
/// So many of them are an archive leaking; fewer are a publisher who dates by hand.
const ARCHIVE_MANY: usize = 5;
/// A day brings a flood beyond so many times the usual number of a day …
const FLOOD_RATE: f64 = 5.0;
/// … beyond so many times the first poll's limit …
const FLOOD_FACTOR: usize = 3;
/// … and beyond so many times the most that one day has brought: weekly and monthly feeds come in batches.
const FLOOD_BATCH: usize = 2;
/// Days that the usual number looks back.
const WINDOW_DAYS: i64 = 28;
/// A feed known for less says too little of a day.
const LEAST_DAYS: f64 = 0.125;

/// Standing of each of `fresh`, in their order.
pub(super) fn admit(
    before: &FeedState,
    fresh: &[&IncomingEntry],
    seen_at: Timestamp,
    max_new: usize,
) -> Vec<Standing> {
    if before.standing == FeedStanding::Quarantined {
        return vec![Standing::Quarantined; fresh.len()];
    }
    if !before.memory.seeded {
        return newest_shown(fresh, max_new, Standing::Backlog);
    }
    let leaking = archived(fresh, seen_at).filter(|old| *old).count() >= ARCHIVE_MANY;
    let mut standings: Vec<Standing> = archived(fresh, seen_at)
        .map(|old| {
            if old && leaking {
                Standing::Backlog
            } else {
                Standing::Shown
            }
        })
        .collect();
    let shown: Vec<usize> = (0..fresh.len())
        .filter(|at| standings[*at] == Standing::Shown)
        .collect();
    let today = before.memory.let_through.on(seen_at);
    let limit = flood_limit(before, seen_at, max_new);
    if today + shown.len() > limit {
        let rest: Vec<&IncomingEntry> = shown.iter().map(|at| fresh[*at]).collect();
        let room = max_new.min(limit.saturating_sub(today));
        for (at, standing) in shown.iter().zip(newest_shown(&rest, room, Standing::Held)) {
            standings[*at] = standing;
        }
    }
    standings
}

/// What the operator is told when `admit` holds entries back; none when it does not.
pub(super) fn flood_notice(
    before: &FeedState,
    fresh: &[&IncomingEntry],
    seen_at: Timestamp,
    max_new: usize,
) -> Option<String> {
    let standings = admit(before, fresh, seen_at, max_new);
    let count = |wanted| standings.iter().filter(|one| **one == wanted).count();
    let (shown, held) = (count(Standing::Shown), count(Standing::Held));
    let before_it = match before.memory.let_through.on(seen_at) {
        0 => "at once".to_owned(),
        today => format!("after {today} of the same day"),
    };
    let usual = per_day(&before.memory.rhythm, seen_at);
    (held > 0).then(|| {
        format!(
            "{} new entries {before_it}, usually {usual:.1} a day: the newest {shown} are shown, {held} held back",
            fresh.len()
        )
    })
}

/// Why the feed looks taken over, when its site, title, language and rhythm all change in one poll.
pub(super) fn suspicious(
    before: &FeedState,
    known: &FeedMeta,
    now: &FeedMeta,
    fresh: &[&IncomingEntry],
    seen_at: Timestamp,
) -> Option<String> {
    if !before.memory.seeded || fresh.is_empty() {
        return None;
    }
    let (old_host, new_host) = (site_host(known)?, site_host(now)?);
    let (old_title, new_title) = (known.title.as_deref()?, now.title.as_deref()?);
    let (old_language, new_language) = (language(known)?, language(now)?);
    let usual = per_day(&before.memory.rhythm, seen_at);
    let odd_rhythm =
        fresh.len() as f64 > (3.0 * usual).max(3.0) || awoken(&before.memory.rhythm, seen_at);
    let changed = !related(&old_host, &new_host)
        && old_title.trim().to_lowercase() != new_title.trim().to_lowercase()
        && old_language != new_language
        && odd_rhythm;
    changed.then(|| {
        format!(
            "site {old_host:?} became {new_host:?}, title {old_title:?} became {new_title:?}, language {old_language:?} \
             became {new_language:?}, with {} new entries at once: the feed may have been taken over",
            fresh.len()
        )
    })
}

fn archived<'a>(
    fresh: &'a [&IncomingEntry],
    seen_at: Timestamp,
) -> impl Iterator<Item = bool> + 'a {
    fresh.iter().map(move |incoming| {
        incoming
            .entry
            .published_at
            .is_some_and(|at| seen_at.as_second() - at.as_second() > ARCHIVE_S)
    })
}

/// The newest `max_new` are shown, the others get `otherwise`. Undated entries keep their place in the document, which
/// publishers order newest first: each counts as old as the dated entry before it.
fn newest_shown(fresh: &[&IncomingEntry], max_new: usize, otherwise: Standing) -> Vec<Standing> {
    let mut last = None;
    let mut order: Vec<(Reverse<Option<Timestamp>>, usize)> = Vec::with_capacity(fresh.len());
    let first_date = fresh
        .iter()
        .find_map(|incoming| incoming.entry.published_at);
    for (at, incoming) in fresh.iter().enumerate() {
        last = incoming.entry.published_at.or(last).or(first_date);
        order.push((Reverse(last), at));
    }
    order.sort();
    let mut standings = vec![otherwise; fresh.len()];
    for (_, at) in order.into_iter().take(max_new) {
        standings[at] = Standing::Shown;
    }
    standings
}

fn flood_limit(before: &FeedState, seen_at: Timestamp, max_new: usize) -> usize {
    let usual = per_day(&before.memory.rhythm, seen_at);
    // After a time away the feed may bring what it would have brought by the day.
    let away_days = before.memory.ok_at.map_or(0.0, |at| {
        (seen_at.as_second() - at.as_second()).max(0) as f64 / 86_400.0
    });
    let by_rate = (FLOOD_RATE * usual * away_days.max(1.0)).min(1e6) as usize;
    let by_batch = FLOOD_BATCH.saturating_mul(before.memory.let_through.most as usize);
    by_rate.max(by_batch).max(FLOOD_FACTOR * max_new)
}

/// Entries a day, over as long as the feed is known and four weeks at most.
fn per_day(rhythm: &Rhythm, seen_at: Timestamp) -> f64 {
    let oldest = seen_at.as_second().div_euclid(86_400) - WINDOW_DAYS;
    let days = rhythm.days.iter().zip(rhythm.first_day..);
    let total: u32 = days
        .filter(|(_, day)| *day >= oldest)
        .map(|(count, _)| u32::from(*count))
        .sum();
    let known_days = rhythm.observed_since.map_or(WINDOW_DAYS as f64, |since| {
        (seen_at.as_second() - since.as_second()) as f64 / 86_400.0
    });
    f64::from(total) / known_days.clamp(LEAST_DAYS, WINDOW_DAYS as f64)
}

/// A feed that slept far longer than ever before and for a month at least.
fn awoken(rhythm: &Rhythm, seen_at: Timestamp) -> bool {
    rhythm.newest_entry_at.is_some_and(|at| {
        let silence_s = seen_at.as_second() - at.as_second();
        silence_s > ARCHIVE_S && silence_s.unsigned_abs() > 2 * rhythm.longest_gap_s
    })
}

fn site_host(meta: &FeedMeta) -> Option<String> {
    link::host_of(meta.site_url.as_deref()?)
}

fn language(meta: &FeedMeta) -> Option<String> {
    let tag = meta.language.as_deref()?;
    tag.split(['-', '_'])
        .next()
        .map(str::to_ascii_lowercase)
        .filter(|tag| !tag.is_empty())
}

/// One host is the other, or lies below it.
pub(super) fn related(left: &str, right: &str) -> bool {
    let below = |lower: &str, upper: &str| {
        lower
            .strip_suffix(upper)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    below(left, right) || below(right, left)
}
