//! When a server wants us back: takes response headers and the instant of receipt, gives lifetime, age and Retry-After.
//! Refuses nothing and never panics: an unreadable value counts as the standards say. Caps are the scheduler's.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use reqwest::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderMap, HeaderName, RETRY_AFTER};

use super::Freshness;

/// RFC 9111, 1.2.2: what a delta too large to hold counts as.
const LONGEST_DELTA: u64 = 1 << 31;
/// R2.15: an over-large Retry-After is honoured for this long.
const LONGEST_RETRY: Duration = Duration::from_secs(31 * 86_400);

/// Reads the caching and retry headers of a response with `status`, received at `received_at`.
#[must_use]
pub fn freshness(status: u16, headers: &HeaderMap, received_at: Timestamp) -> Freshness {
    let retry_after = if (200..300).contains(&status) {
        None
    } else {
        retry_after(headers, received_at)
    };
    Freshness {
        lifetime: lifetime(headers, received_at),
        age: Duration::from_secs(text(headers, &AGE).and_then(delta).unwrap_or(0)),
        retry_after,
    }
}

/// R2.4: `max-age`, else `Expires` − `Date`; `no-cache` and `no-store` are none at all.
fn lifetime(headers: &HeaderMap, received_at: Timestamp) -> Option<Duration> {
    let granted = match cache_control(headers) {
        Some(seconds) => seconds,
        None => expires(headers, received_at)?,
    };
    Some(Duration::from_secs(granted))
}

fn cache_control(headers: &HeaderMap) -> Option<u64> {
    let mut max_age = None;
    for line in headers.get_all(CACHE_CONTROL) {
        for directive in line.to_str().unwrap_or_default().split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-cache" if value.is_empty() => return Some(0),
                "no-store" => return Some(0),
                "max-age" if max_age.is_none() => {
                    max_age = Some(delta(value.trim().trim_matches('"')).unwrap_or(0));
                }
                _ => {}
            }
        }
    }
    max_age
}

/// RFC 9111, 5.3: an invalid date, above all `0`, is in the past.
fn expires(headers: &HeaderMap, received_at: Timestamp) -> Option<u64> {
    if !headers.contains_key(EXPIRES) {
        return None;
    }
    let Some(expires) = text(headers, &EXPIRES).and_then(http_date) else {
        return Some(0);
    };
    let seconds = expires - sent_at(headers, received_at);
    Some(u64::try_from(seconds).unwrap_or(0))
}

/// R2.15: seconds from receipt, or a date relative to the server's own `Date`, so that its clock does not matter.
fn retry_after(headers: &HeaderMap, received_at: Timestamp) -> Option<Duration> {
    if headers.get_all(RETRY_AFTER).iter().nth(1).is_some() {
        return None;
    }
    let value = text(headers, &RETRY_AFTER)?;
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_RETRY));
    }
    let seconds = http_date(value)? - sent_at(headers, received_at);
    let seconds = u64::try_from(seconds).ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY))
}

fn sent_at(headers: &HeaderMap, received_at: Timestamp) -> i64 {
    let date = text(headers, &DATE).and_then(http_date);
    date.unwrap_or_else(|| received_at.as_second())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
}

fn delta(value: &str) -> Option<u64> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(LONGEST_DELTA).min(LONGEST_DELTA))
}

/// R2.1: IMF-fixdate, RFC 850, asctime; as seconds since 1970, which hold the year 9999 too.
fn http_date(value: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(value)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    i64::try_from(since.as_secs()).ok()
}
