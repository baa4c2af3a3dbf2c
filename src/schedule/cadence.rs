//! The learned rhythm: how often a feed has something new, and the interval that buys the most freshness per request
//! (R4.1–R4.3). Pure.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{DAY, Demand, Document, HOUR, PollPolicy, between, later};
use crate::model::Rhythm;

/// Interval in days for one entry a day. The square root minimises the mean delay for a given number of requests.
pub(super) const KAPPA_DAYS: f64 = 0.10;
/// Days that the rate looks back.
const WINDOW_DAYS: i64 = 28;
/// Without a new entry for so many days a feed is asleep.
const ASLEEP_DAYS: u32 = 180;
/// Interval of a feed that is asleep.
pub(super) const ASLEEP: Duration = Duration::from_secs(72 * 3600);
/// Fewer entries than this say nothing of the hour of the day.
const PROFILE_ENTRIES: u32 = 12;
/// Bins are halved above this sum, so that an old habit fades.
const PROFILE_CAP: u32 = 400;

/// Entries per day, by R4.1: a feed never seen to post still has a little.
#[must_use]
pub fn rate_per_day(rhythm: &Rhythm, now: Timestamp) -> f64 {
    let today = day_of(now);
    let seen: u32 = rhythm
        .days
        .iter()
        .enumerate()
        .filter(|(index, _)| {
            let day = rhythm.first_day + i64::try_from(*index).unwrap_or(0);
            day > today - WINDOW_DAYS && day <= today
        })
        .map(|(_, count)| u32::from(*count))
        .sum();
    let observed = rhythm
        .observed_since
        .map_or(Duration::ZERO, |since| between(since, now));
    let days = (observed.as_secs_f64() / DAY.as_secs_f64()).min(28.0);
    (f64::from(seen) + 0.3) / (days + 1.0)
}

/// Time from one poll to the next by the rhythm alone, within floor and ceiling (R4.2).
#[must_use]
pub fn interval(rhythm: &Rhythm, policy: &PollPolicy, now: Timestamp) -> Duration {
    Demand::by_rhythm(rhythm, policy, now).interval(policy.kappa.unwrap_or(KAPPA_DAYS))
}

/// Is the interval another one than it would be without a budget of requests?
pub(super) fn is_rationed(rhythm: &Rhythm, policy: &PollPolicy, now: Timestamp) -> bool {
    policy.kappa.is_some_and(|kappa| {
        let demand = Demand::by_rhythm(rhythm, policy, now);
        demand.interval(kappa) != demand.interval(KAPPA_DAYS)
    })
}

/// Nothing new for so long that the feed is asked every third day; one that never had an entry counts from when it was
/// first seen. An operator who wants feeds polled more often than daily wants that of sleeping ones too.
pub(super) fn is_asleep(rhythm: &Rhythm, policy: &PollPolicy, now: Timestamp) -> bool {
    let since = rhythm.newest_entry_at.or(rhythm.observed_since);
    policy.ceiling >= DAY && since.is_some_and(|at| between(at, now) > DAY * ASLEEP_DAYS)
}

/// The instant after `start` by which the profile expects as much as a feed without habits has after `plain` (R4.3).
pub(super) fn by_profile(
    rhythm: &Rhythm,
    policy: &PollPolicy,
    start: Timestamp,
    plain: Duration,
) -> Duration {
    if rhythm.hours.len() != 24
        || recent(rhythm, start) < PROFILE_ENTRIES
        || plain <= policy.floor
        || plain >= DAY
    {
        return plain;
    }
    // The square root again: it is the interval that follows the rate's root. One more in each hour, since none is
    // without any chance.
    let root = |count: u16| (f64::from(count) + 1.0).sqrt();
    // Their own mean, not the root of the counts' mean: a day with habits costs as many requests as one without.
    let mean = rhythm.hours.iter().map(|count| root(*count)).sum::<f64>() / 24.0;
    let mut wanted = plain.as_secs_f64();
    let (mut at, limit) = (start, policy.ceiling.max(policy.floor));
    for _ in 0..=48 {
        let hour = usize::try_from(TimeZone::UTC.to_datetime(at).hour()).unwrap_or(0);
        let count = rhythm.hours.get(hour).copied().unwrap_or(0);
        let weight = root(count) / mean;
        let left = HOUR.as_secs_f64() - (at.as_second().rem_euclid(3600)) as f64;
        if weight * left >= wanted {
            at = later(at, Duration::from_secs_f64(wanted / weight));
            break;
        }
        wanted -= weight * left;
        at = later(at, Duration::from_secs_f64(left));
    }
    between(start, at).clamp(policy.floor, limit)
}

fn recent(rhythm: &Rhythm, now: Timestamp) -> u32 {
    let first = day_of(now) - WINDOW_DAYS;
    let days = rhythm
        .days
        .iter()
        .zip(rhythm.first_day..)
        .filter(|(_, day)| *day > first);
    days.map(|(count, _)| u32::from(*count)).sum()
}

/// Learns from the entries of `document` whose marks are not among `known` (R4.1).
pub fn learn(rhythm: &mut Rhythm, document: &Document, known: &Known<'_>, now: Timestamp) {
    let fresh: Vec<Option<Timestamp>> = document
        .entries
        .iter()
        .filter(|entry| known.is_new(entry.mark))
        .map(|entry| entry.dated_at)
        .collect();
    let first = rhythm.observed_since.is_none();
    if first {
        let oldest = document
            .entries
            .iter()
            .filter_map(|entry| entry.dated_at)
            .filter(|at| *at <= now)
            .min();
        rhythm.observed_since = Some(oldest.unwrap_or(now));
    }
    let before = rhythm.newest_entry_at;
    let mut undated = 0_u32;
    let flood = !first && fresh.len() >= 5 && fresh.len() * 2 > document.entries.len();
    for dated_at in &fresh {
        let believable = dated_at.filter(|at| *at <= later(now, Duration::from_secs(600)));
        match believable {
            Some(at) if !flood || before.is_none_or(|before| at > before) => {
                count(rhythm, at.min(now), now)
            }
            // Dates of before what we knew, or none at all, many at once: an import, not a burst of news.
            Some(_) => {}
            None => undated += 1,
        }
    }
    let all_at_once = first || flood;
    for _ in 0..if all_at_once { undated.min(1) } else { undated } {
        count(rhythm, now, now);
    }
    if flood && rhythm.newest_entry_at == before {
        count(rhythm, now, now);
    }
}

/// Marks of the entries that the last document held.
pub struct Known<'a>(pub(super) &'a [u32]);

impl Known<'_> {
    /// A long document keeps only its lowest marks, so a higher one than all of them says nothing.
    pub(super) fn is_new(&self, mark: u32) -> bool {
        let judged = self.0.len() < super::after_poll::MARKS
            || self.0.last().is_some_and(|last| mark <= *last);
        judged && self.0.binary_search(&mark).is_err()
    }

    pub(super) fn holds(&self, mark: u32) -> bool {
        self.0.binary_search(&mark).is_ok()
    }
}

fn count(rhythm: &mut Rhythm, at: Timestamp, now: Timestamp) {
    count_day(rhythm, day_of(at), day_of(now));
    if between(at, now) < DAY * 60 {
        rhythm.hours.resize(24, 0);
        let hour = usize::try_from(TimeZone::UTC.to_datetime(at).hour()).unwrap_or(0);
        if let Some(bin) = rhythm.hours.get_mut(hour) {
            *bin = bin.saturating_add(1);
        }
        if rhythm.hours.iter().map(|bin| u32::from(*bin)).sum::<u32>() > PROFILE_CAP {
            rhythm.hours.iter_mut().for_each(|bin| *bin /= 2);
        }
    }
    if let Some(newest) = rhythm.newest_entry_at
        && at > newest
    {
        rhythm.longest_gap_s = rhythm.longest_gap_s.max(between(newest, at).as_secs());
    }
    rhythm.newest_entry_at = Some(rhythm.newest_entry_at.map_or(at, |newest| newest.max(at)));
}

fn count_day(rhythm: &mut Rhythm, day: i64, today: i64) {
    let oldest = today - WINDOW_DAYS + 1;
    let mut days = vec![0_u16; usize::try_from(WINDOW_DAYS).unwrap_or(28)];
    for (number, bin) in rhythm
        .days
        .iter()
        .zip(rhythm.first_day..)
        .map(|(count, day)| (day - oldest, *count))
    {
        if let Some(slot) = usize::try_from(number)
            .ok()
            .and_then(|index| days.get_mut(index))
        {
            *slot = bin;
        }
    }
    if let Some(slot) = usize::try_from(day - oldest)
        .ok()
        .and_then(|index| days.get_mut(index))
    {
        *slot = slot.saturating_add(1);
    }
    rhythm.first_day = oldest;
    rhythm.days = days;
}

fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

/// Since when a feed is silent beyond its own measure: three times its longest gap, a week at least.
#[must_use]
pub fn silent_since(rhythm: &Rhythm, now: Timestamp) -> Option<Timestamp> {
    let newest = rhythm.newest_entry_at?;
    let patience = Duration::from_secs(rhythm.longest_gap_s)
        .saturating_mul(3)
        .max(DAY * 7);
    (rhythm.longest_gap_s > 0 && between(newest, now) > patience).then_some(newest)
}
