//! Feeds, their groups and rules, as checked values.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::{Located, Secret};

/// `[filter.NAME]`: expressions are compiled by `filter`, which reports problems at their place.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterConfig {
    /// Name.
    pub name: String,
    /// Entries for which this holds are dropped.
    pub drop: Option<Located<String>>,
    /// Entries for which this does not hold are dropped.
    pub keep: Option<Located<String>>,
    /// The remaining actions apply only where this holds.
    pub when: Option<Located<String>>,
    /// Tags to add.
    pub tag: Vec<String>,
    /// Title template: `{title}`, `{author}`, `{feed}`.
    pub set_title: Option<Located<String>>,
    /// Regexes whose matches are cut from summary and content text.
    pub cut: Vec<Located<String>>,
    /// Query parameters to strip from the link.
    pub strip_params: Vec<String>,
}

/// `[group.NAME]`
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GroupConfig {
    /// For people.
    pub title: Option<String>,
    /// Filters for every feed of the group.
    pub filters: Vec<String>,
    /// Floor for feeds of the group that set none.
    pub interval: Option<Duration>,
}

/// `[[feed]]`
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// Stable key: `name`, else derived from the URL.
    pub key: String,
    /// http, https, or file (only from the operator's own config).
    pub url: Located<Url>,
    /// Operator's title.
    pub title: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Floor of this feed, settled from feed, group, `[fetch]`.
    pub interval: Duration,
    /// Higher leads.
    pub priority: i32,
    /// What a delay of its entries counts against other feeds', in per cent.
    pub weight: u32,
    /// Rules: of its groups, then its own.
    pub filters: Vec<String>,
    /// Extra request headers, sent to the configured origin only.
    pub headers: Vec<(String, Secret)>,
    /// HTTP Basic or bearer credentials, sent to the configured origin only.
    pub auth: Option<Auth>,
    /// Proxy of this feed.
    pub proxy: Option<Url>,
    /// Client certificate and key (PEM in one file).
    pub client_certificate: Option<PathBuf>,
    /// Further trusted certificates (PEM).
    pub ca_certificate: Option<PathBuf>,
    /// Entries shown of a first poll or a flood.
    pub max_new: usize,
    /// Fetch article pages for full text.
    pub full_text: bool,
    /// Read RFC 5005 archives once.
    pub backfill: bool,
    /// Polled.
    pub enabled: bool,
    /// Approves networks inside the wall for this feed alone.
    pub allow_networks: Vec<IpNet>,
    /// Subscribe to this feed's hub.
    pub websub: bool,
}

impl FeedConfig {
    /// A file, or a literal address in a network that the operator allowed: their own network, their own rules.
    #[must_use]
    pub fn is_own(&self) -> bool {
        let url = &self.url.value;
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        let allowed = |address: std::net::IpAddr| {
            self.allow_networks.iter().any(|net| net.contains(&address))
        };
        url.scheme() == "file" || literal.is_some_and(allowed)
    }
}

/// Credentials of a feed.
#[derive(Clone, Debug)]
pub enum Auth {
    /// RFC 7617.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: Secret,
    },
    /// RFC 6750.
    Bearer(Secret),
}
