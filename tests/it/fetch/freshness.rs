//! R2.1, R2.4–R2.6, R2.14–R2.16: when a server wants us back. The response is received at noon.

use std::time::Duration;

use feedmill::fetch::{Freshness, freshness};
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{fetcher, first, noon};
use crate::support::origin::{Origin, Reply};

fn read(status: u16, lines: &[(&str, &str)]) -> Freshness {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    freshness(status, &headers, noon())
}

/// What is left of the lifetime on arrival.
fn left(said: &Freshness) -> Option<Duration> {
    Some(said.lifetime?.saturating_sub(said.age))
}

#[track_caller]
fn check_lifetime(lines: &[(&str, &str)], seconds: Option<u64>) {
    assert_eq!(
        left(&read(200, lines)),
        seconds.map(Duration::from_secs),
        "{lines:?}"
    );
}

#[track_caller]
fn check_retry(lines: &[(&str, &str)], seconds: Option<u64>) {
    assert_eq!(
        read(503, lines).retry_after,
        seconds.map(Duration::from_secs),
        "{lines:?}"
    );
}

const DATE: (&str, &str) = ("Date", "Tue, 10 Mar 2026 12:00:00 GMT");

#[test]
fn r2_1_three_date_forms_and_invalid_is_past() {
    for expires in [
        "Tue, 10 Mar 2026 13:00:00 GMT",
        "Tuesday, 10-Mar-26 13:00:00 GMT",
        "Tue Mar 10 13:00:00 2026",
    ] {
        check_lifetime(&[DATE, ("Expires", expires)], Some(3600));
        check_retry(&[DATE, ("Retry-After", expires)], Some(3600));
    }
    for invalid in ["0", "-1", "", "never", "Tue, 10 Mar 2026 11:00:00 GMT"] {
        check_lifetime(&[DATE, ("Expires", invalid)], Some(0));
    }
}

#[test]
fn r2_4_lifetime() {
    check_lifetime(&[], None);
    check_lifetime(&[("Cache-Control", "public")], None);
    check_lifetime(&[("Cache-Control", "public, Max-Age=600")], Some(600));
    check_lifetime(&[("Cache-Control", "max-age=\"600\"")], Some(600));
    check_lifetime(&[("Cache-Control", "s-maxage=60")], None);
    check_lifetime(&[("Cache-Control", "s-maxage=60, max-age=600")], Some(600));
    check_lifetime(&[("Cache-Control", "max-age=600, max-age=60")], Some(600));
    check_lifetime(
        &[("Cache-Control", "public"), ("Cache-Control", "max-age=60")],
        Some(60),
    );
    for zero in [
        "max-age=0",
        "max-age=1.5",
        "max-age=-1",
        "max-age=",
        "max-age",
        "no-cache, max-age=60",
        "no-store",
    ] {
        check_lifetime(&[("Cache-Control", zero)], Some(0));
    }
    check_lifetime(
        &[("Cache-Control", "max-age=99999999999999999999")],
        Some(1 << 31),
    );
    // max-age beats Expires; a skewed server clock does not matter; without Date the receipt counts.
    let expires = ("Expires", "Tue, 10 Mar 2026 13:00:00 GMT");
    check_lifetime(&[("Cache-Control", "max-age=60"), expires], Some(60));
    check_lifetime(
        &[("Date", "Tue, 10 Mar 2026 12:30:00 GMT"), expires],
        Some(1800),
    );
    check_lifetime(&[("Date", "rubbish"), expires], Some(3600));
}

#[test]
fn r2_5_age_is_subtracted() {
    check_lifetime(
        &[("Cache-Control", "max-age=7200"), ("Age", "3600")],
        Some(3600),
    );
    check_lifetime(
        &[
            DATE,
            ("Expires", "Tue, 10 Mar 2026 13:00:00 GMT"),
            ("Age", "600"),
        ],
        Some(3000),
    );
    check_lifetime(&[("Cache-Control", "max-age=60"), ("Age", "61")], Some(0));
    for invalid in ["-5", "x", "1.5", ""] {
        check_lifetime(
            &[("Cache-Control", "max-age=60"), ("Age", invalid)],
            Some(60),
        );
    }
}

#[tokio::test]
async fn r2_6_freshness_of_every_answer() {
    let origin = Origin::start().await;
    let hour = |reply: Reply| reply.header("Cache-Control", "max-age=3600");
    origin
        .reply("/", hour(Reply::ok("<rss/>").header("ETag", "a")))
        .reply("/", hour(Reply::status(304)));
    for status in [404, 410, 429, 500, 503] {
        origin.reply("/", hour(Reply::status(status)));
    }
    let fetcher = fetcher();
    let mut report = first(&fetcher, &origin.url("/")).await;
    for _ in 0..7 {
        assert_eq!(
            report.freshness.lifetime,
            Some(Duration::from_secs(3600)),
            "{:?}",
            report.outcome
        );
        report = super::next(&fetcher, &origin.url("/"), &report).await;
    }
}

#[tokio::test]
async fn r2_6_a_redirects_lifetime_is_not_the_feeds() {
    let origin = Origin::start().await;
    let year = |reply: Reply| reply.header("Cache-Control", "max-age=31536000");
    origin.reply("/cut", Reply::ok("<rss/>").cut_at(3));
    origin.reply("/none", Reply::status(503));
    for target in ["/cut", "/none", "http://127.0.0.1:1/", "http://10.0.0.1/"] {
        origin.replace("/", year(Reply::redirect(301, target)));
        let report = first(&fetcher(), &origin.url("/")).await;
        assert_eq!(report.freshness.lifetime, None, "{target}");
    }
}

#[test]
fn r2_14_where_retry_after_counts() {
    for status in [301, 302, 304, 403, 429, 500, 503] {
        assert_eq!(
            read(status, &[("Retry-After", "60")]).retry_after,
            Some(Duration::from_secs(60))
        );
    }
    assert_eq!(read(200, &[("Retry-After", "60")]).retry_after, None);
}

#[tokio::test]
async fn r2_14_retry_after_on_a_redirect_on_the_way() {
    let origin = Origin::start().await;
    origin
        .reply("/", Reply::redirect(302, "/x").header("Retry-After", "120"))
        .reply("/x", Reply::ok("<rss/>"));
    let report = first(&fetcher(), &origin.url("/")).await;
    assert_eq!(report.freshness.retry_after, Some(Duration::from_secs(120)));
}

#[test]
fn r2_15_forms_of_retry_after() {
    const MONTH: u64 = 31 * 86_400;
    check_retry(&[("Retry-After", "0")], Some(0));
    check_retry(&[("Retry-After", " 86400 ")], Some(86_400));
    check_retry(&[("Retry-After", "1000000000000")], Some(MONTH));
    check_retry(
        &[("Retry-After", "99999999999999999999999999")],
        Some(MONTH),
    );
    // The server's clock runs an hour ahead: only the distance counts.
    let ahead = ("Date", "Tue, 10 Mar 2026 13:00:00 GMT");
    check_retry(
        &[ahead, ("Retry-After", "Tue, 10 Mar 2026 13:05:00 GMT")],
        Some(300),
    );
    check_retry(
        &[("Retry-After", "Tue, 10 Mar 2026 12:05:00 GMT")],
        Some(300),
    );
    check_retry(
        &[("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT")],
        Some(MONTH),
    );
    for absent in [
        "-1",
        "1.5",
        "",
        "soon",
        "60, 60",
        "+60",
        "Tue, 10 Mar 2026 11:59:59 GMT",
    ] {
        check_retry(&[("Retry-After", absent)], None);
    }
    check_retry(&[("Retry-After", "60"), ("Retry-After", "90")], None);
}

#[test]
fn r2_16_nothing_below_31_days_is_shortened() {
    check_retry(&[("Retry-After", "2678400")], Some(2_678_400));
    check_retry(&[("Retry-After", "2678399")], Some(2_678_399));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r2_15_no_header_value_panics(name in "(cache-control|expires|age|date|retry-after)", value: Vec<u8>, max in "[a-z0-9=, \"-]{0,24}") {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        headers.append("cache-control", HeaderValue::from_str(&max).unwrap());
        let said = freshness(429, &headers, noon());
        prop_assert!(said.retry_after.is_none_or(|after| after <= Duration::from_secs(31 * 86_400)));
    }
}
