//! Permanent redirects and `itunes:new-feed-url`: believed after proof (R2.11, R3.6). Pure.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::between;
use crate::model::RedirectWatch;

/// Sightings that prove a move.
const SIGHTINGS: u32 = 3;
/// Time over which they must be spread: a captive portal does not last so long.
const PROOF_TIME: Duration = Duration::from_secs(72 * 3600);

/// May what proves who we are, given for the feed configured at `configured`, go to `url`? To its own origin, and to the
/// same host once it speaks TLS.
#[must_use]
pub fn at_home(configured: &str, url: &str) -> bool {
    let (Ok(configured), Ok(url)) = (Url::parse(configured), Url::parse(url)) else {
        return false;
    };
    configured.origin() == url.origin() || upgrade(&configured, &url)
}

/// Counts one more sighting of a move to `target`; another target starts over.
pub(super) fn sighted(watch: Option<RedirectWatch>, target: &str, now: Timestamp) -> RedirectWatch {
    match watch {
        Some(mut watch) if watch.target_url == target => {
            watch.count = watch.count.saturating_add(1);
            watch
        }
        _ => RedirectWatch {
            target_url: target.to_owned(),
            count: 1,
            first_seen_at: now,
        },
    }
}

/// Has `watch` proved that the feed at `from` moved?
pub(super) fn proved(watch: &RedirectWatch, from: &str, now: Timestamp) -> bool {
    let (Ok(old), Ok(new)) = (Url::parse(from), Url::parse(&watch.target_url)) else {
        return false;
    };
    if upgrade(&old, &new) {
        return true;
    }
    new.scheme() == "https"
        && watch.count >= SIGHTINGS
        && between(watch.first_seen_at, now) >= PROOF_TIME
}

/// The same host, now over TLS, on the schemes' own ports.
fn upgrade(old: &Url, new: &Url) -> bool {
    old.scheme() == "http"
        && new.scheme() == "https"
        && old.host_str() == new.host_str()
        && (old.port(), new.port()) == (None, None)
}
