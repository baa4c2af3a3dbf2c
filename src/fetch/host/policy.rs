//! What the config says of politeness, and what a host is.

use std::collections::HashSet;
use std::time::Duration;

use url::Url;

use crate::config::{FeedConfig, FetchConfig};
use crate::fetch::guard::Guard;

/// What the config says of politeness.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) gap: Duration,
    pub(super) per_host: usize,
    pub(super) starts_per_second: usize,
    pub(super) own: Guard,
    /// Foreign hosts that feeds are on.
    pub(super) foreign: usize,
}

impl Policy {
    pub(super) fn new(config: &FetchConfig, feeds: &[FeedConfig]) -> Self {
        let approved = config
            .allow_networks
            .iter()
            .chain(feeds.iter().flat_map(|feed| &feed.allow_networks));
        let own = Guard::new(approved.copied());
        let foreign = feeds.iter().map(|feed| &feed.url.value);
        let foreign = foreign.filter(|url| !own.is_own(url)).filter_map(host_key);
        Self {
            foreign: foreign.collect::<HashSet<_>>().len(),
            gap: config.host_gap,
            per_host: config.per_host.max(1),
            starts_per_second: config.starts_per_second.max(1),
            own,
        }
    }
}

/// Platforms on which many names are one server with one patience.
const SHARED_PLATFORMS: [&str; 8] = [
    "reddit.com",
    "substack.com",
    "tumblr.com",
    "medium.com",
    "blogspot.com",
    "wordpress.com",
    "livejournal.com",
    "youtube.com",
];

/// The unit of politeness: `host`, or `host:port` where the port is not the usual one; none for a local file.
#[must_use]
pub fn host_key(url: &Url) -> Option<String> {
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())?
        .trim_end_matches('.');
    let platform = SHARED_PLATFORMS.iter().find(|name| {
        host.strip_suffix(**name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    let host = platform.copied().unwrap_or(host);
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}
