//! When editions come, in words: read off the instants to come, so that every schedule has some.

use jiff::ZonedDateTime;
use jiff::civil::Date;

use crate::digest::language::fill;
use crate::digest::{Issue, Reader};

/// Fewer instants than this show no rhythm.
const LEAST: usize = 3;

/// "Every day at …" or "every Monday at …" where it is so, else when the next edition is due; none where none comes.
pub(super) fn schedule(issue: &Issue, reader: Reader<'_>) -> Option<String> {
    let coming: Vec<ZonedDateTime> = issue
        .coming
        .iter()
        .map(|at| at.to_zoned_datetime(reader.zone.zone.clone()))
        .collect();
    let first = coming.first()?;
    let key = match days_apart(&coming) {
        Some(1) => "schedule_daily",
        Some(7) => "schedule_weekly",
        _ => "schedule_next",
    };
    let language = reader.language;
    let values = [
        ("time", first.strftime("%H:%M").to_string()),
        ("weekday", language.weekday(first).to_owned()),
        ("date", language.date(first.timestamp(), reader.zone)),
    ];
    let values = values
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    Some(fill(language.text(key), &values))
}

/// The days between any two that follow each other, where they are always as many and the time of day is the same.
fn days_apart(coming: &[ZonedDateTime]) -> Option<i64> {
    let first = coming.first().filter(|_| coming.len() >= LEAST)?;
    let apart = |(one, next): (&ZonedDateTime, &ZonedDateTime)| days(one.date(), next.date());
    let gaps: Vec<i64> = coming
        .iter()
        .zip(coming.iter().skip(1))
        .map(apart)
        .collect();
    let even = gaps.iter().all(|days| Some(days) == gaps.first());
    let same_time = coming.iter().all(|at| at.time() == first.time());
    (even && same_time).then(|| gaps.first().copied()).flatten()
}

fn days(from: Date, until: Date) -> i64 {
    from.duration_until(until).as_hours() / 24
}
