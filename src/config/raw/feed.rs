//! What may be written of a feed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// A feed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Feed {
    /// Its address: http, https, or "file:" and a path (relative to the config's folder).
    pub(in crate::config) url: String,
    /// A stable name, for verbs and `feeds =`. Unset: the address without its scheme.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(in crate::config) name: Option<String>,
    /// For people; wins over the publisher's title.
    #[serde(default)]
    pub(in crate::config) title: Option<String>,
    /// Groups it belongs to.
    #[serde(default)]
    pub(in crate::config) groups: Vec<String>,
    /// As in `[fetch]`, for this feed. Unset: that of its groups (the shortest), else that of `[fetch]`.
    #[serde(default)]
    pub(in crate::config) interval: Option<Span>,
    /// Where several feeds carry a story, the one with the highest number leads.
    #[serde(default)]
    #[schemars(range(min = -1000, max = 1000))]
    pub(in crate::config) priority: i32,
    /// How much a delay of its entries weighs against other feeds', in per cent; four times that polls it twice as often.
    #[serde(default = "even")]
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::config) weight: u32,
    /// Rules, after those of its groups.
    #[serde(default)]
    pub(in crate::config) filters: Vec<String>,
    /// Request headers. No secrets here.
    #[serde(default)]
    pub(in crate::config) headers: BTreeMap<String, String>,
    /// Request headers whose values are secret: each with one of credential, file or env.
    #[serde(default)]
    pub(in crate::config) secret_headers: BTreeMap<String, SecretSource>,
    /// Credentials.
    #[serde(default)]
    pub(in crate::config) auth: Option<FeedAuth>,
    /// Proxy for this feed: http, https or socks5 URL.
    #[serde(default)]
    pub(in crate::config) proxy: Option<String>,
    /// Client certificate with its private key, in one PEM file.
    #[serde(default)]
    pub(in crate::config) client_certificate: Option<String>,
    /// Certificates (PEM) to trust for this feed besides the system's.
    #[serde(default)]
    pub(in crate::config) ca_certificate: Option<String>,
    /// As in `[fetch]`, for this feed.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100_000))]
    pub(in crate::config) max_new: Option<u32>,
    /// Read the entries' web pages for their full text.
    #[serde(default)]
    pub(in crate::config) full_text: bool,
    /// Read the feed's archive once, where it has one.
    #[serde(default)]
    pub(in crate::config) backfill: bool,
    /// false keeps the feed and its history without polling it.
    #[serde(default = "yes")]
    pub(in crate::config) enabled: bool,
    /// Networks inside the wall that this feed may live in, besides those of `[fetch]`.
    #[serde(default)]
    pub(in crate::config) allow_networks: Vec<String>,
    /// false never lets a hub push this feed.
    #[serde(default = "yes")]
    pub(in crate::config) websub: bool,
}

fn yes() -> bool {
    true
}

fn even() -> u32 {
    100
}

/// Where a secret comes from; exactly one.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct SecretSource {
    /// Name of a systemd credential.
    pub(in crate::config) credential: Option<String>,
    /// A file that holds it.
    pub(in crate::config) file: Option<String>,
    /// An environment variable that holds it.
    pub(in crate::config) env: Option<String>,
}

/// Credentials of a feed: a user name and a password, or a bearer token.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct FeedAuth {
    /// User name.
    pub(in crate::config) username: Option<String>,
    /// Password: name of a systemd credential.
    pub(in crate::config) password_credential: Option<String>,
    /// Password: a file that holds it.
    pub(in crate::config) password_file: Option<String>,
    /// Password: an environment variable that holds it.
    pub(in crate::config) password_env: Option<String>,
    /// Bearer token: name of a systemd credential.
    pub(in crate::config) bearer_credential: Option<String>,
    /// Bearer token: a file that holds it.
    pub(in crate::config) bearer_file: Option<String>,
    /// Bearer token: an environment variable that holds it.
    pub(in crate::config) bearer_env: Option<String>,
}
