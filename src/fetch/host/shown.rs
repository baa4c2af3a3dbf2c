//! What a host's rest means for the feeds on it, as people are told: their own schedules do not know of it.

use std::collections::HashMap;

use jiff::Timestamp;
use url::Url;

use super::host_key;
use crate::model::{FeedState, HostState, PollReason};

/// Puts the next poll of each feed whose host is at rest where the rest ends: the sibling of a feed that was answered
/// 429 has a plan of its own, which its host will not let it keep.
pub fn wait_for_hosts(feeds: &mut [FeedState], hosts: &[HostState], now: Timestamp) {
    let until = |host: &HostState| {
        let rest = host.gate_until.max(host.open_until)?;
        (rest > now).then(|| (host.host.clone(), rest))
    };
    let resting: HashMap<String, Timestamp> = hosts.iter().filter_map(until).collect();
    if resting.is_empty() {
        return;
    }
    for feed in feeds {
        let host = Url::parse(&feed.url).ok().and_then(|url| host_key(&url));
        let rest = host.and_then(|host| resting.get(&host));
        if let Some(rest) = rest.filter(|rest| **rest > feed.next_poll_at) {
            feed.next_poll_at = *rest;
            feed.next_poll_reason = PollReason::Host;
        }
    }
}
