//! What went wrong, for people: takes errors of the client, of decoding, of the guard, gives a class and one line.
//! Refuses to show user-info, query or fragment of any URL.

use std::error::Error;
use std::io;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use url::Url;

use super::coding::CodingFault;
use super::guard::Refusal;
use super::resolve::ResolveError;
use crate::model::{PollTrouble, TroubleClass};

/// A trouble without a status.
pub(super) fn trouble(class: TroubleClass, text: impl Into<String>) -> PollTrouble {
    PollTrouble {
        class,
        status: None,
        text: text.into(),
    }
}

/// `scheme://host:port/path`: what may be shown of a URL.
#[must_use]
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for URLs that cannot hold user-info.
    if url.set_username("").is_err() || url.set_password(None).is_err() {
        return format!("{}:…", url.scheme());
    }
    url.to_string()
}

/// A refused first hop.
pub(super) fn refused(refusal: &Refusal) -> PollTrouble {
    trouble(TroubleClass::Refused, refusal.to_string())
}

/// A body that could not be decoded.
pub(super) fn undecodable(fault: &CodingFault) -> PollTrouble {
    let class = match fault {
        CodingFault::TooLarge(_) | CodingFault::Bomb => TroubleClass::TooLarge,
        _ => TroubleClass::Truncated,
    };
    trouble(class, fault.to_string())
}

/// A final status that is no success.
pub(super) fn bad_status(status: u16, headers: &HeaderMap) -> PollTrouble {
    let challenged = headers
        .get("cf-mitigated")
        .is_some_and(|value| value == "challenge");
    let (class, text) = match status {
        403 if challenged => {
            (TroubleClass::Challenge, "answered 403 with a challenge page for browsers; ask the publisher to let feed readers pass".to_owned())
        }
        429 => (TroubleClass::Throttled, "answered 429: too many requests".to_owned()),
        503 if headers.contains_key(RETRY_AFTER) => (TroubleClass::Throttled, "answered 503: not now, with a time to come back".to_owned()),
        401 => (TroubleClass::Status, "answered 401: it wants credentials".to_owned()),
        404 => (TroubleClass::Status, "answered 404: no such document".to_owned()),
        204 => (TroubleClass::Status, "answered 204: nothing where a feed was".to_owned()),
        206 | 226 => (TroubleClass::Status, format!("answered {status}: a part that nobody asked for")),
        304 => (TroubleClass::Status, "answered 304 to a request without validators".to_owned()),
        _ => (TroubleClass::Status, format!("answered {status}")),
    };
    PollTrouble {
        class,
        status: Some(status),
        text,
    }
}

/// An exchange that failed below HTTP.
pub(super) fn failed(error: &reqwest::Error, url: &Url) -> PollTrouble {
    let host = url.host_str().unwrap_or("the host");
    if let Some(cause) = find::<ResolveError>(error) {
        let class = match cause {
            ResolveError::Inside { .. } => TroubleClass::Refused,
            ResolveError::NotFound(_) | ResolveError::NotNow(_) | ResolveError::Late(_) => {
                TroubleClass::Dns
            }
        };
        return trouble(class, cause.to_string());
    }
    if let Some(cause) = find::<rustls::Error>(error) {
        return trouble(
            TroubleClass::Tls,
            format!("TLS with {host} failed: {cause}"),
        );
    }
    if error.is_timeout() {
        return trouble(
            TroubleClass::Timeout,
            format!("{host} did not answer in time"),
        );
    }
    if error.is_connect() {
        return trouble(
            TroubleClass::Connect,
            format!("no connection to {host}: {}", innermost(error)),
        );
    }
    match find::<hyper::Error>(error) {
        Some(cause) if cause.is_parse() => trouble(
            TroubleClass::Truncated,
            format!("the answer of {host} is not HTTP: {cause}"),
        ),
        Some(cause) if error.is_body() || error.is_decode() => trouble(
            TroubleClass::Truncated,
            format!("the body ends early: {cause}"),
        ),
        _ => trouble(
            TroubleClass::Connect,
            format!("{host} closed the connection: {}", innermost(error)),
        ),
    }
}

/// True when HTTP/2 itself broke, so that HTTP/1.1 is worth the next try (R2.24). A connection that breaks at
/// once shows as a cancelled request; for a broken stream the library offers no predicate, hence its text. A false
/// alarm costs a host HTTP/2 for a week, nothing else.
pub(super) fn is_http2(error: &reqwest::Error, url: &Url) -> bool {
    let broke = |cause: &hyper::Error| {
        cause.is_canceled() || cause.is_closed() || cause.to_string().starts_with("http2 error")
    };
    url.scheme() == "https" && find::<hyper::Error>(error).is_some_and(broke)
}

/// The first `T` in the chain of causes, looking inside `io::Error`, whose `source` skips what it wraps.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

fn innermost(error: &reqwest::Error) -> String {
    let mut last: &dyn Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    // The outermost error would print its URL; any cause below it holds none.
    if std::ptr::addr_eq(last, error) {
        "request failed".to_owned()
    } else {
        last.to_string()
    }
}
