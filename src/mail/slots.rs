//! Which edition is owed: pure functions from schedule, last slot and now. Missed slots make one catch-up edition; a
//! clock that went back owes nothing; a clock absurdly ahead is not believed.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::{DigestConfig, Zone};

/// The next instant strictly after the given one.
pub type Next<'a> = &'a dyn Fn(Timestamp) -> Option<Timestamp>;

/// What is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Nothing yet.
    Nothing,
    /// The edition of this slot.
    Slot {
        /// The latest slot that has come.
        slot_at: Timestamp,
        /// The last slot served, where others were missed between.
        since_at: Option<Timestamp>,
    },
    /// The clock says that more than a year has been slept through: more likely it is wrong.
    Unbelievable,
}

/// A lane that has been silent for longer is a clock gone wrong; the operator may still `digest send`.
const BELIEVABLE: Duration = Duration::from_secs(400 * 86_400);
/// A slot later than this has been missed.
const LATE: Duration = Duration::from_secs(3600);
/// A late edition waits for the next regular one when that is nearer than this.
const LEAST_GAP: Duration = Duration::from_secs(4 * 3600);
const DAY_S: u64 = 86_400;

/// What a lane owes at `now`, its last slot (or its beginning) being `last`.
#[must_use]
pub fn owed(next: Next<'_>, last: Timestamp, now: Timestamp, began: bool) -> Owed {
    let Some(first) = next(last).filter(|first| *first <= now) else {
        return Owed::Nothing;
    };
    // Counted from the first slot owed: a digest of every fourth year is silent for longer by right.
    if now > first + BELIEVABLE {
        return Owed::Unbelievable;
    }
    let slot_at = latest(next, first, now);
    let missed = slot_at != first;
    let late = now > slot_at + LATE;
    let soon = next(slot_at)
        .is_some_and(|coming| coming <= now + LEAST_GAP && coming >= slot_at + LEAST_GAP);
    if late && soon {
        return Owed::Nothing;
    }
    Owed::Slot {
        slot_at,
        since_at: (missed && began).then_some(last),
    }
}

/// The latest slot in `first..=now`, found without walking years of minutes: from ever longer ago until one is there.
fn latest(next: Next<'_>, first: Timestamp, now: Timestamp) -> Timestamp {
    let starts = [3600, DAY_S, 32 * DAY_S].map(|seconds| now - Duration::from_secs(seconds));
    let start = starts
        .into_iter()
        .filter(|start| *start > first)
        .find_map(|start| next(start).filter(|at| *at <= now));
    let mut slot_at = start.unwrap_or(first);
    while let Some(later) = next(slot_at).filter(|later| *later <= now) {
        slot_at = later;
    }
    slot_at
}

/// Whether the edition of `slot_at` is the one that readers get who want one a week, from the beginning of `weekday` (0 is
/// Monday) on: no other came since then. `last` is the lane's edition before. A day without editions, or one that was
/// slept through, is made up for by the next edition.
#[must_use]
pub fn is_weekly(
    weekday: i8,
    (last, slot_at): (Option<Timestamp>, Timestamp),
    zone: &TimeZone,
) -> bool {
    let date = slot_at.to_zoned_datetime(zone.clone()).date();
    let past = i64::from(date.weekday().to_monday_zero_offset() - weekday).rem_euclid(7);
    match last {
        Some(last) => begin(date, -past, zone).is_some_and(|begin| last < begin),
        None => past == 0,
    }
}

/// The instants after `slot_at` of editions that such readers get, without end.
pub fn weekly_after<'a>(
    next: Next<'a>,
    weekday: i8,
    slot_at: Timestamp,
    zone: &'a TimeZone,
) -> impl Iterator<Item = Timestamp> + 'a {
    let one = move |after: &Timestamp| {
        let date = after.to_zoned_datetime(zone.clone()).date();
        let ahead = i64::from(weekday - date.weekday().to_monday_zero_offset()).rem_euclid(7);
        let ahead = if ahead == 0 { 7 } else { ahead };
        // An edition at the very beginning of the day is of that day.
        next(
            begin(date, ahead, zone)?
                .checked_sub(Duration::from_millis(1))
                .ok()?,
        )
    };
    std::iter::successors(one(&slot_at), one)
}

/// The first instant of the day that is `days` after `date`.
fn begin(date: Date, days: i64, zone: &TimeZone) -> Option<Timestamp> {
    let date = date
        .checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()?;
    zone.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

/// The zones whose clocks call a digest: the subscribers', or its own while it has none, and those named in `own`, which
/// subscribers chose for themselves.
#[must_use]
pub fn lanes(digest: &DigestConfig, own: &[String]) -> Vec<Zone> {
    let mut zones: Vec<Zone> = digest
        .subscribers
        .iter()
        .map(|subscriber| subscriber.timezone.clone())
        .collect();
    if zones.is_empty() {
        zones.push(digest.timezone.clone());
    }
    zones.extend(own.iter().filter_map(|name| Zone::named(name).ok()));
    zones.sort_by(|a, b| a.name.cmp(&b.name));
    zones.dedup_by(|a, b| a.name == b.name);
    zones
}
