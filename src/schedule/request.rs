//! What the next request leaves out, and where it goes: the starving 304 (R1.14), Apache's suffixed ETag (R2.3), an
//! announced move on trial (R3.6).

use jiff::Timestamp;

use super::{DAY, between, moves, rate_per_day};
use crate::model::FeedState;

/// How to ask next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPlan {
    /// Where to.
    pub url: String,
    /// Send no validators this once: the server may be answering 304 to whatever carries one.
    pub without_validators: bool,
    /// Send If-Modified-Since alone: the server does not know its own suffixed ETag again.
    pub without_etag: bool,
}

/// How to ask `state`'s feed at `now`.
#[must_use]
pub fn plan_request(state: &FeedState, now: Timestamp) -> RequestPlan {
    let memory = &state.memory;
    let announced = memory
        .announced_move
        .as_ref()
        .filter(|watch| moves::proved(watch, &state.url, now));
    RequestPlan {
        url: announced.map_or_else(|| state.url.clone(), |watch| watch.target_url.clone()),
        without_validators: starving(state, now),
        without_etag: memory
            .etag_quirk_since
            .is_some_and(|since| between(since, now) < DAY * 30)
            && state.validators.last_modified.is_some(),
    }
}

/// Five or more entries were to be expected since the last 200, a week or more ago (R1.14).
fn starving(state: &FeedState, now: Timestamp) -> bool {
    let memory = &state.memory;
    let Some(ok_at) = memory.ok_at else {
        return false;
    };
    let silent = between(ok_at, now);
    let dropped = memory.validators_dropped_at.map(|at| between(at, now));
    let expected = rate_per_day(&memory.rhythm, now) * silent.as_secs_f64() / DAY.as_secs_f64();
    silent >= DAY * 7 && expected >= 5.0 && dropped.is_none_or(|since| since >= DAY * 7)
}
