//! What the config says of politeness, and what a host is.

use std::collections::HashSet;
use std::time::Duration;

use url::Url;

use crate::config::{FeedConfig, FetchConfig};
use crate::fetch::guard::Guard;
use crate::model::{GapSource, HostState};

/// What the config says of politeness.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) gaps: HostGaps,
    pub(super) per_host: usize,
    pub(super) starts_per_second: usize,
    /// Foreign hosts that feeds are on.
    pub(super) foreign: usize,
}

impl Policy {
    pub(super) fn new(config: &FetchConfig, feeds: &[FeedConfig]) -> Self {
        let gaps = HostGaps::new(config, feeds);
        let foreign = feeds.iter().map(|feed| &feed.url.value);
        let foreign = foreign
            .filter(|url| !gaps.home.is_own(url))
            .filter_map(host_key);
        Self {
            foreign: foreign.collect::<HashSet<_>>().len(),
            gaps,
            per_host: config.per_host.max(1),
            starts_per_second: config.starts_per_second.max(1),
        }
    }

    /// Is `url` on one of the operator's own servers?
    pub(super) fn is_own(&self, url: &Url) -> bool {
        self.gaps.home.is_own(url)
    }
}

/// The gaps that the config asks for (R5.2): one for all hosts, and those of hosts with a table of their own.
#[derive(Clone, Debug)]
pub struct HostGaps {
    any: Duration,
    own: Vec<(String, Duration)>,
    home: Guard,
}

impl HostGaps {
    /// As configured; networks that a feed of `feeds` may be in are as much the operator's own as those of `[fetch]`.
    #[must_use]
    pub fn new(config: &FetchConfig, feeds: &[FeedConfig]) -> Self {
        let own = config.host_gaps.iter();
        let approved = feeds.iter().flat_map(|feed| &feed.allow_networks);
        let approved = config.allow_networks.iter().chain(approved);
        Self {
            any: config.host_gap,
            home: Guard::new(approved.copied()),
            own: own
                .map(|(name, gap)| (one_of_platform(name).to_owned(), *gap))
                .collect(),
        }
    }

    /// The gap of the host with this [`host_key`]: of the names that it is or is below, the longest counts.
    #[must_use]
    pub fn of(&self, key: &str) -> Duration {
        self.table(key).unwrap_or(self.any)
    }

    /// The gap in force for a host that so much is known of, and where it comes from.
    #[must_use]
    pub fn in_force(&self, host: &HostState) -> (Duration, GapSource) {
        let url = Url::parse(&format!("http://{}/", host.host));
        if url.is_ok_and(|url| self.home.is_own(&url)) {
            return (Duration::ZERO, GapSource::Own);
        }
        let configured = match self.table(&host.host) {
            Some(gap) => (gap, GapSource::Host),
            None => (self.any, GapSource::Fetch),
        };
        let learned = Duration::from_millis(host.gap_ms);
        if learned > configured.0 {
            (learned, GapSource::Learned)
        } else {
            configured
        }
    }

    fn table(&self, key: &str) -> Option<Duration> {
        let host = match key.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => key,
        };
        let meant = self.own.iter().filter(|(name, _)| is_or_below(host, name));
        let longest = meant.max_by_key(|(name, gap)| (name.len(), *gap));
        longest.map(|(_, gap)| *gap)
    }
}

fn is_or_below(host: &str, name: &str) -> bool {
    host.strip_suffix(name)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
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
    let host = one_of_platform(host);
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

fn one_of_platform(host: &str) -> &str {
    let mut platforms = SHARED_PLATFORMS.iter();
    platforms
        .find(|name| is_or_below(host, name))
        .copied()
        .unwrap_or(host)
}
