//! Five-field cron in an IANA zone: the door to the cron crate, which sees civil times only. jiff makes instants of
//! them: asked for zoned times itself, the crate skips the job on the spring day, doubles or storms on the autumn day,
//! and its zone data is stale.

use std::str::FromStr;

use chrono::{DateTime as ChronoTime, Datelike, NaiveDate, Timelike, Utc};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::fields::{Fields, Set};

/// A compiled schedule.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    schedule: cron::Schedule,
    every_hour: bool,
}

/// No gap or overlap is longer than a day (Apia, 2011), so a candidate hidden by one lies within this.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(26);

impl CronSchedule {
    /// Compiles five fields with crontab's meaning. The error is one line for people.
    ///
    /// # Errors
    /// A field out of range or unreadable, both day fields restricted, or a date that never comes.
    pub fn compile(fields: &str) -> Result<Self, String> {
        let read = Fields::read(fields)?;
        let schedule = cron::Schedule::from_str(&crate_dialect(&read))
            .map_err(|error| format!("schedule `{fields}` cannot be read: {error}"))?;
        let this = Self {
            schedule,
            every_hour: read.hours.numbers().count() == 24,
        };
        // 1996 is a leap year: 29 February is found at once, 30 February never.
        let start = jiff::civil::date(1996, 1, 1).at(0, 0, 0, 0);
        if this.civil_after(start).next().is_none() {
            return Err(format!(
                "schedule `{fields}` never comes: no such day in those months"
            ));
        }
        Ok(this)
    }

    /// First instant strictly after `after`, in `zone`: gaps fire at the transition, overlaps at the first pass.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let start = zone.to_datetime(after).checked_sub(LOOK_BACK).ok()?;
        self.civil_after(start)
            .filter_map(|civil| instant_of(civil, zone))
            .find(|instant| *instant > after)
    }

    /// Lines for the operator: times of this schedule that a clock change of the next 400 days skips or repeats.
    #[must_use]
    pub fn warnings(&self, zone: &TimeZone, from: Timestamp) -> Vec<String> {
        if self.every_hour {
            return Vec::new();
        }
        let end = from + SignedDuration::from_hours(400 * 24);
        zone.following(from)
            .take_while(|transition| transition.timestamp() < end)
            .filter_map(|transition| self.warning(transition.timestamp(), zone))
            .collect()
    }

    fn warning(&self, change: Timestamp, zone: &TimeZone) -> Option<String> {
        let second = SignedDuration::from_secs(1);
        let before = zone.to_datetime(change - second).checked_add(second).ok()?;
        let after = zone.to_datetime(change);
        let (low, high) = if before < after {
            (before, after)
        } else {
            (after, before)
        };
        let civil = self
            .civil_after(low.checked_sub(second).ok()?)
            .next()
            .filter(|civil| *civil < high)?;
        let (day, time) = (civil.date(), civil.strftime("%H:%M"));
        Some(if before < after {
            format!(
                "{time} does not exist on {day}, when clocks go forward: that run comes at {}",
                after.strftime("%H:%M")
            )
        } else {
            format!("{time} comes twice on {day}, when clocks go back: only the first of them runs")
        })
    }

    /// Civil times strictly after `start`, as if every day had 24 hours.
    fn civil_after(&self, start: DateTime) -> impl Iterator<Item = DateTime> {
        chrono_of(start)
            .into_iter()
            .flat_map(|start| {
                self.schedule
                    .after(&start)
                    .take_while(|time| time.year() < 2100)
            })
            .filter_map(|time| civil_of(&time))
    }
}

/// The crate wants seconds first and counts weekdays from 1 = Sunday: lists of numbers and names leave no doubt.
fn crate_dialect(fields: &Fields) -> String {
    const NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let list = |set: Set| {
        set.numbers()
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let weekdays: Vec<&str> = fields
        .weekdays
        .numbers()
        .filter_map(|day| NAMES.get(day as usize).copied())
        .collect();
    format!(
        "0 {} {} {} {} {}",
        list(fields.minutes),
        list(fields.hours),
        list(fields.days),
        list(fields.months),
        weekdays.join(",")
    )
}

/// The instant at which the wall clock of `zone` shows `civil`, or jumps over it.
fn instant_of(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(civil).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(civil).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            // Read by the old offset, the time lies at or after the change; one second more, lest a time exactly at
            // the start of the gap finds the change before this one.
            let guess = before.to_timestamp(civil).ok()? + SignedDuration::from_secs(1);
            zone.preceding(guess)
                .next()
                .map(|transition| transition.timestamp())
        }
    }
}

fn chrono_of(civil: DateTime) -> Option<ChronoTime<Utc>> {
    let part = |number: i8| u32::try_from(number).ok();
    let date = NaiveDate::from_ymd_opt(
        civil.year().into(),
        part(civil.month())?,
        part(civil.day())?,
    )?;
    Some(
        date.and_hms_opt(
            part(civil.hour())?,
            part(civil.minute())?,
            part(civil.second())?,
        )?
        .and_utc(),
    )
}

fn civil_of(time: &ChronoTime<Utc>) -> Option<DateTime> {
    let part = |number: u32| i8::try_from(number).ok();
    let year = i16::try_from(time.year()).ok()?;
    DateTime::new(
        year,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        0,
        0,
    )
    .ok()
}
