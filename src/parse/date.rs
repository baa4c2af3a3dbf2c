//! Dates as feeds write them to instants: every form seen, in many languages, with or without a zone (none means UTC).
//! Gives nothing where two readings are possible without evidence, and nothing for days that no calendar has.

mod lexer;
mod words;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::Offset;
use unicode_normalization::UnicodeNormalization;

use lexer::{Number, Parts};

/// Longer texts are no dates.
const MAX_LENGTH: usize = 128;

/// Which of the two small numbers of a date such as `05/04/2026` is the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `23/11/2026`.
    DayFirst,
    /// `11/23/2026`.
    MonthFirst,
}

/// Reads a date.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    parse_in(text, None)
}

/// Reads a date, in the order that its siblings prove.
pub(super) fn parse_in(text: &str, order: Option<Order>) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits(text);
    }
    if let Some(time) = canonical(text).or_else(|| mail(text)) {
        return Some(time);
    }
    let folded: String = text.nfc().flat_map(char::to_lowercase).collect();
    resolve(&lexer::parts(&words::without_phrases(&folded))?, order)
}

/// The order that a date proves by a number that can be no month.
pub(super) fn order_of(text: &str) -> Option<Order> {
    let begin = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text[begin..].splitn(3, ['/', '-']);
    let mut small = || {
        let number = numbers.next().filter(|number| number.len() <= 2)?;
        number.parse::<u8>().ok()
    };
    let (first, second) = (small()?, small()?);
    let year = numbers.next()?.bytes().take_while(u8::is_ascii_digit);
    match (first, second) {
        _ if year.count() != 4 => None,
        (13..=31, 1..=12) => Some(Order::DayFirst),
        (1..=12, 13..=31) => Some(Order::MonthFirst),
        _ => None,
    }
}

/// `2026-11-23T10:30:00Z`, whole and nothing else: what most feeds and our own normaliser write.
fn canonical(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let is_plain = bytes.len() >= 20
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes[10] == b'T'
        && bytes[13] == b':';
    // Hours beyond 23 and seconds beyond 59 are for the generous reader.
    if !is_plain || &bytes[11..13] == b"24" || bytes.get(17..19) == Some(b"60") {
        return None;
    }
    text.parse().ok()
}

/// `Mon, 23 Nov 2026 10:30:05 +0000`, whole and nothing else: what most of RSS writes.
fn mail(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let bytes = match bytes.get(3) {
        Some(b',') => bytes.get(5..)?,
        _ => bytes,
    };
    let (day, rest) = two_digits(bytes)?;
    let rest = rest.strip_prefix(b" ")?;
    let month = ENGLISH
        .iter()
        .position(|name| rest.starts_with(name.as_bytes()))?;
    let rest = rest[3..].strip_prefix(b" ")?;
    let year = i16::try_from(number(rest.get(..4)?)?).ok()?;
    let clock = rest.get(4..)?.strip_prefix(b" ")?;
    let is_clock = clock.len() >= 9 && clock[2] == b':' && clock[5] == b':' && clock[8] == b' ';
    let part = |at: usize| {
        clock
            .get(at..at + 2)
            .and_then(number)
            .and_then(|value| i8::try_from(value).ok())
    };
    if !is_clock || year < 1000 {
        return None;
    }
    let date = Date::new(year, i8::try_from(month + 1).ok()?, day).ok()?;
    // Midnight at the end of a day and leap seconds are for the generous reader.
    let time = Time::new(part(0)?, part(3)?, part(6)?, 0).ok()?;
    let offset = match &clock[9..] {
        b"GMT" | b"UTC" | b"Z" => 0,
        [sign @ (b'+' | b'-'), digits @ ..] if digits.len() == 4 => {
            let digits = number(digits)?;
            let seconds = i32::from(digits / 100) * 3600 + i32::from(digits % 100) * 60;
            if digits > 1500 || digits % 100 > 59 {
                return None;
            }
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    Offset::from_seconds(offset)
        .ok()?
        .to_timestamp(date.to_datetime(time))
        .ok()
}

const ENGLISH: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fn two_digits(bytes: &[u8]) -> Option<(i8, &[u8])> {
    let length = bytes
        .iter()
        .take(2)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let value = number(&bytes[..length])?;
    Some((i8::try_from(value).ok()?, &bytes[length..]))
}

fn number(digits: &[u8]) -> Option<u16> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        digits
            .iter()
            .fold(0, |value, digit| value * 10 + u16::from(digit - b'0'))
    })
}

/// Only digits: a day, a second, or the time since 1970 in seconds or milliseconds, told by their number.
fn digits(text: &str) -> Option<Timestamp> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    match text.len() {
        4 => utc(Date::new(part(0, 4)?, 1, 1).ok()?),
        6 if plausible_year(part(0, 4)?) => {
            utc(Date::new(part(0, 4)?, small(part(4, 6)?)?, 1).ok()?)
        }
        8 => utc(Date::new(part(0, 4)?, small(part(4, 6)?)?, small(part(6, 8)?)?).ok()?),
        9 | 10 => Timestamp::from_second(text.parse().ok()?).ok(),
        12 | 13 => Timestamp::from_millisecond(text.parse().ok()?).ok(),
        14 if plausible_year(part(0, 4)?) => {
            let date = Date::new(part(0, 4)?, small(part(4, 6)?)?, small(part(6, 8)?)?).ok()?;
            let time = Time::new(
                small(part(8, 10)?)?,
                small(part(10, 12)?)?,
                small(part(12, 14)?)?,
                0,
            )
            .ok()?;
            Offset::UTC.to_timestamp(date.to_datetime(time)).ok()
        }
        _ => None,
    }
}

fn utc(date: Date) -> Option<Timestamp> {
    Offset::UTC
        .to_timestamp(date.to_datetime(Time::midnight()))
        .ok()
}

fn small(value: i16) -> Option<i8> {
    i8::try_from(value).ok()
}

fn plausible_year(year: i16) -> bool {
    (1970..=2199).contains(&year)
}

/// The instant that the parts of a date mean together.
fn resolve(parts: &Parts, order: Option<Order>) -> Option<Timestamp> {
    let date = date_of(parts, order)?;
    let (datetime, carry_days) = match parts.time {
        None => (date.to_datetime(Time::midnight()), 0),
        Some(time) => clock_of(date, time, parts.is_afternoon)?,
    };
    let datetime = if carry_days > 0 {
        datetime.tomorrow().ok()?
    } else {
        datetime
    };
    let offset = Offset::from_seconds(parts.offset_s.unwrap_or(0)).ok()?;
    offset.to_timestamp(datetime).ok()
}

fn clock_of(
    date: Date,
    (hour, minute, second, nanosecond): (i16, i16, i16, i32),
    is_afternoon: Option<bool>,
) -> Option<(DateTime, u8)> {
    let hour = match is_afternoon {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    // Midnight at the end of a day, as ISO 8601 had it.
    let (hour, carry) = if hour == 24 && minute == 0 && second == 0 {
        (0, 1)
    } else {
        (hour, 0)
    };
    // A leap second: clocks of computers repeat the one before.
    let second = if second == 60 { 59 } else { second };
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanosecond).ok()?;
    Some((date.to_datetime(time), carry))
}

fn date_of(parts: &Parts, order: Option<Order>) -> Option<Date> {
    let numbers = &parts.numbers;
    let civil = |year: i16, month: i16, day: i16| Date::new(year, small(month)?, small(day)?).ok();
    if let Some(year) = parts.year {
        // Marked by words, as in East Asia.
        let month = parts
            .month
            .or_else(|| numbers.first().map(|number| number.value))?;
        return civil(year, month, parts.day.unwrap_or(1));
    }
    if let Some(month) = parts.month {
        let (year, day) = year_and_day(numbers, parts.day)?;
        return civil(year, month, day);
    }
    if let Some((first, second)) = parts.either_month {
        let (year, day) = year_and_day(numbers, parts.day)?;
        return agreeing(
            [civil(year, first, day), civil(year, second, day)],
            parts.weekday,
        );
    }
    match numbers.as_slice() {
        [year] if year.length == 4 => civil(year.value, 1, 1),
        [year, day] if year.length == 4 && day.length == 3 => ordinal(year.value, day.value),
        [year, month] if year.length == 4 && month.length <= 2 => civil(year.value, month.value, 1),
        [month, year] if year.length == 4 && month.length <= 2 => civil(year.value, month.value, 1),
        [year, month, day] if year.length == 4 => civil(year.value, month.value, day.value),
        [first, second, year] if year.length == 4 => by_evidence(
            first.value,
            second.value,
            year.value,
            first.separator,
            (parts.weekday, order),
        ),
        // Two digits for the year: only dots tell the order, or a month that cannot be one.
        [day, month, year] if day.separator == '.' => {
            civil(century(year.value), month.value, day.value)
        }
        [month, day, year] if day.value > 12 && month.value <= 12 && day.separator == '/' => {
            civil(century(year.value), month.value, day.value)
        }
        _ => None,
    }
}

/// Day and month in whichever order the numbers, the dots, the weekday or the siblings prove.
fn by_evidence(
    first: i16,
    second: i16,
    year: i16,
    separator: char,
    (weekday, order): (Option<Weekday>, Option<Order>),
) -> Option<Date> {
    let civil = |month: i16, day: i16| Date::new(year, small(month)?, small(day)?).ok();
    let (day_first, month_first) = (civil(second, first), civil(first, second));
    match (day_first, month_first) {
        (Some(_), Some(_)) if separator == '.' || first == second => day_first,
        (Some(_), Some(_)) if weekday.is_some() => agreeing([day_first, month_first], weekday),
        (Some(_), Some(_)) => match order? {
            Order::DayFirst => day_first,
            Order::MonthFirst => month_first,
        },
        (one, other) => one.or(other),
    }
}

/// The one of two readings that falls on the weekday that the text names.
fn agreeing(readings: [Option<Date>; 2], weekday: Option<Weekday>) -> Option<Date> {
    let weekday = weekday?;
    let mut matching = readings
        .into_iter()
        .flatten()
        .filter(|date| date.weekday() == weekday);
    let found = matching.next()?;
    matching.next().is_none().then_some(found)
}

fn year_and_day(numbers: &[Number], marked_day: Option<i16>) -> Option<(i16, i16)> {
    match (numbers, marked_day) {
        ([year], Some(day)) => Some((full_year(year), day)),
        ([year], None) if year.length == 4 => Some((year.value, 1)),
        ([first, second], None) => match (first.length, second.length) {
            (4, 1 | 2) => Some((first.value, second.value)),
            (1 | 2, 3 | 4) => Some((second.value, first.value)),
            (1 | 2, 2) if first.value <= 31 => Some((century(second.value), first.value)),
            _ => None,
        },
        _ => None,
    }
}

fn full_year(number: &Number) -> i16 {
    if number.length <= 2 {
        century(number.value)
    } else {
        number.value
    }
}

/// RFC 2822, section 4.3: 00 to 49 are after 2000, 50 to 999 count from 1900.
fn century(year: i16) -> i16 {
    match year {
        0..=49 => year + 2000,
        50..=999 => year + 1900,
        _ => year,
    }
}

fn ordinal(year: i16, day: i16) -> Option<Date> {
    Date::new(year, 1, 1)
        .ok()?
        .with()
        .day_of_year(day)
        .build()
        .ok()
}
