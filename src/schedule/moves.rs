//! Permanent redirects and `itunes:new-feed-url`: believed after proof (R2.11, R3.6). Pure.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::answer::{Answer, AnswerKind};
use super::{PollPolicy, between};
use crate::model::{AddressChange, FeedState, MoveReason, RedirectWatch};

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
fn sighted(watch: Option<RedirectWatch>, target: &str, now: Timestamp) -> RedirectWatch {
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

/// Counts evidence for a move, and moves when it suffices (R2.11, R3.6). Validators stay with the URL that sent them.
pub(super) fn note(
    state: &mut FeedState,
    answer: &Answer,
    same_feed: bool,
    (policy, now): (&PollPolicy, Timestamp),
) {
    let trial = state
        .memory
        .announced_move
        .as_ref()
        .is_some_and(|watch| watch.target_url == answer.asked_url);
    if trial && answer.asked_url != state.url {
        let watch = state.memory.announced_move.take();
        if let Some(watch) = watch.filter(|_| same_feed) {
            let (times, since_at) = (watch.count, watch.first_seen_at);
            let why = MoveReason::Announced { times, since_at };
            go(state, watch.target_url, why, now);
            state.memory.redirect = None;
        }
        return;
    }
    state.memory.redirect = match &answer.moved_to {
        Some(target) if same_feed && *target != state.url => {
            Some(sighted(state.memory.redirect.take(), target, now))
        }
        _ => None,
    };
    if let Some(watch) = state
        .memory
        .redirect
        .take_if(|watch| proved(watch, &state.url, now))
    {
        if stays(state, &watch, policy) {
            state.memory.notice = Some(must_be_moved_by_hand(&watch));
            state.memory.redirect = Some(watch);
        } else {
            let (times, since_at) = (watch.count, watch.first_seen_at);
            let why = MoveReason::Redirected { times, since_at };
            go(state, watch.target_url, why, now);
        }
    }
    let announced = match &answer.kind {
        AnswerKind::Document(document) => document.hints.new_feed_url.as_deref(),
        _ => state.memory.hints.new_feed_url.as_deref(),
    };
    let announced = announced
        .filter(|target| *target != state.url)
        .map(str::to_owned);
    let watch = announced.map(|target| sighted(state.memory.announced_move.take(), &target, now));
    state.memory.announced_move = match watch {
        // Not even a trial: what the feed is without its credentials proves nothing.
        Some(watch) if proved(&watch, &state.url, now) && stays(state, &watch, policy) => {
            state.memory.notice = Some(must_be_moved_by_hand(&watch));
            None
        }
        watch => watch,
    };
}

/// From now on the feed is polled at `target`.
fn go(state: &mut FeedState, target: String, why: MoveReason, now: Timestamp) {
    let left = std::mem::replace(&mut state.url, target);
    state.memory.moved = Some(AddressChange {
        left_at: now,
        url: left,
        next_url: state.url.clone(),
        why,
    });
}

/// Credentials go to the origin that the operator gave them for: such a feed is not moved to another by its publisher.
fn stays(state: &FeedState, watch: &RedirectWatch, policy: &PollPolicy) -> bool {
    policy.rooted && !at_home(&state.configured_url, &watch.target_url)
}

fn must_be_moved_by_hand(watch: &RedirectWatch) -> String {
    let target = watch
        .target_url
        .split(['?', '#'])
        .next()
        .unwrap_or_default();
    format!(
        "has moved for good to {target}: its credentials and headers are not sent there until its url in the config says so"
    )
}
