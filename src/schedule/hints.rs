//! What a document says of when to come back (R3): waits that lengthen, and hours and days to stay away.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{DAY, HOUR, between, later, scaled};
use crate::model::PollHints;

/// No hint keeps us away longer than this (R2.8), but one that says the feed has ended.
const CAP: Duration = Duration::from_secs(7 * 86_400);
/// skipHours and skipDays together defer no longer (R3.3).
const SKIP_CAP: Duration = Duration::from_secs(72 * 3600);

/// The least wait that ttl, `sy:*` and `expired` ask for (R3.1, R3.4, R3.8).
pub(super) fn least_wait(hints: &PollHints) -> Duration {
    let ttl = hints.ttl_s.map_or(Duration::ZERO, |seconds| {
        Duration::from_secs(seconds).min(CAP)
    });
    // Longer periods are no floor: many a generator writes "monthly" and posts weekly.
    let period = hints
        .update_period_s
        .map(Duration::from_secs)
        .filter(|period| *period <= DAY);
    let ended = if hints.expired {
        DAY * 30
    } else {
        Duration::ZERO
    };
    ttl.max(period.unwrap_or(Duration::ZERO)).max(ended)
}

/// `at`, or the first minute after it that is in no skipped hour or day (R3.2, R3.3), and a little more.
pub(super) fn outside_skips(hints: &PollHints, at: Timestamp, draw: f64) -> Timestamp {
    let hours = hints.skip_hours & 0x00ff_ffff;
    let days = hints.skip_days & 0x7f;
    if (hours == 0 || hours == 0x00ff_ffff) && (days == 0 || days == 0x7f) {
        return at;
    }
    let (hours, days) = (
        if hours == 0x00ff_ffff { 0 } else { hours },
        if days == 0x7f { 0 } else { days },
    );
    let mut allowed = at;
    while skipped(hours, days, allowed) {
        let into_hour = allowed.as_second().rem_euclid(3600);
        let rest = HOUR - Duration::from_secs(into_hour.unsigned_abs());
        allowed = later(allowed, rest);
        if between(at, allowed) >= SKIP_CAP {
            return later(at, SKIP_CAP);
        }
    }
    if allowed == at {
        at
    } else {
        later(allowed, scaled(Duration::from_secs(600), draw))
    }
}

fn skipped(hours: u32, days: u8, at: Timestamp) -> bool {
    let time = TimeZone::UTC.to_datetime(at);
    let weekday = time.weekday().to_monday_zero_offset();
    hours & (1 << time.hour()) != 0 || days & (1 << weekday) != 0
}
