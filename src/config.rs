//! The operator's file as checked values. `raw` is what may be written, `check` turns it into these; everything past
//! this module can rely on them. Holds no default of its own: `raw` states each, `config/feedmill.toml` shows it.

mod check;
mod diagnose;
mod feeds;
mod load;
mod mailing;
mod opml;
mod opml_out;
mod origin;
mod outputs;
mod overrides;
mod raw;
mod read;
mod schema;
mod secret;
mod tree;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use url::Url;

pub use diagnose::{Complaint, Complaints, render, render_complaints};
pub use feeds::{Auth, FeedConfig, FilterConfig, GroupConfig};
pub use load::load;
pub use mailing::{DkimConfig, MailConfig, MailTls, Transport};
pub use opml::{OpmlFeed, feeds_toml, opml_feeds};
pub use opml_out::export_opml;
pub use origin::{Origin, Setting, settings};
pub use outputs::{
    BucketConfig, ContentMode, DigestConfig, EmptyPolicy, Files, Mailbox, Offer, PublishConfig,
    PublishFormat, SUBJECT_PLACES, Sections, SubscriberConfig,
};
pub use overrides::Overrides;
pub use schema::schema;
pub use secret::Secret;
pub use values::mail_address;

/// Where in which file a value was written; for diagnostics that come after checking.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Place {
    /// Index into [`Config::files`].
    pub file: usize,
    /// Byte range of the value's token in that file's text, quotes included.
    pub span: std::ops::Range<usize>,
}

/// A value with the place it was written at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub at: Place,
}

/// One complaint about the config, made by `check` or by a stage that compiles a value (a rule, a template).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, one line, lower case, no full stop.
    pub message: String,
    /// Where; none for the file as a whole.
    pub at: Option<Place>,
    /// Beside the marked text: "did you mean …?".
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Only worth saying, not an error.
    pub warning: bool,
}

/// The whole config, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Files read, main file first, with their text (for diagnostics).
    pub files: Vec<(PathBuf, String)>,
    /// Folder of the main file; relative paths are relative to it.
    pub base_dir: PathBuf,
    /// Page and mail texts: "en", "vi", or a language file of `templates`.
    pub language: String,
    /// Default zone.
    pub timezone: Zone,
    /// Overrides of templates, style and language files.
    pub templates: Option<PathBuf>,
    /// Database.
    pub store: StoreConfig,
    /// Web server.
    pub http: HttpConfig,
    /// Politeness and limits of polling.
    pub fetch: FetchConfig,
    /// Log.
    pub log: LogConfig,
    /// Rules by name.
    pub filters: BTreeMap<String, FilterConfig>,
    /// Groups by name; every group named by a feed is here.
    pub groups: BTreeMap<String, GroupConfig>,
    /// Feeds, each key once.
    pub feeds: Vec<FeedConfig>,
    /// Merged feeds by name.
    pub publish: BTreeMap<String, PublishConfig>,
    /// Digests by name.
    pub digests: BTreeMap<String, DigestConfig>,
    /// How mail leaves.
    pub mail: Option<MailConfig>,
    /// How long things are kept.
    pub retention: RetentionConfig,
    /// What is worth saying though nothing is wrong.
    pub warnings: Vec<Complaint>,
}

impl Config {
    /// The groups that a merged feed draws from, as (name, title).
    #[must_use]
    pub fn groups_of(&self, publish: &PublishConfig) -> Vec<(String, String)> {
        let every = publish.groups.iter().any(|name| name == "*");
        let named = self
            .groups
            .iter()
            .filter(|(name, _)| every || publish.groups.contains(name));
        named
            .map(|(name, group)| (name.clone(), group.title.as_ref().unwrap_or(name).clone()))
            .collect()
    }

    /// The groups that subscribers of `digest` may choose among.
    #[must_use]
    pub fn offer(&self, digest: &DigestConfig) -> Offer {
        let publish = self.publish.get(&digest.publish);
        let groups = publish.map(|publish| self.groups_of(publish));
        let names = groups.into_iter().flatten().map(|(name, _)| name);
        Offer(names.collect())
    }
}

/// A zone with its name, as the name is what people and the database see.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// IANA name.
    pub name: String,
    /// Its rules.
    pub zone: TimeZone,
}

impl Zone {
    /// The zone of an IANA name.
    ///
    /// # Errors
    /// When the zone database has none of this name.
    pub fn named(name: &str) -> Result<Self, jiff::Error> {
        let (name, zone) = (name.to_owned(), TimeZone::get(name)?);
        Ok(Self { name, zone })
    }
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// SQLite file.
    pub path: PathBuf,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// TCP.
    Tcp(SocketAddr),
    /// Unix socket.
    Unix(PathBuf),
}

/// `[http]`
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where readers come.
    pub listen: Listen,
    /// The site's name; none: its only merged feed's, else the host of `public_url`.
    pub title: Option<String>,
    /// Base of all absolute links, ends with `/`. Default: `http://` and the TCP address of `listen`.
    pub public_url: Url,
    /// Status and metrics; none: loopback clients of `listen` only.
    pub admin: Option<Listen>,
    /// Certificate chain and key files (PEM).
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Connections at once.
    pub max_connections: usize,
    /// Connections at once from one address.
    pub max_connections_per_address: usize,
    /// Pages may load remote images.
    pub images: bool,
}

/// `[fetch]`
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// Part of the User-Agent.
    pub contact: Option<Url>,
    /// The User-Agent of polls names the readers of the feed.
    pub name_subscribers: bool,
    /// Floor of every feed.
    pub interval: Duration,
    /// Ceiling of the cadence.
    pub max_interval: Duration,
    /// Learn each feed's rhythm between floor and ceiling; false polls at the floor.
    pub adaptive: bool,
    /// Requests a day that the cadence spends on all feeds together; none: as many as their rhythms ask for.
    pub requests_per_day: Option<u32>,
    /// Requests in flight.
    pub concurrency: usize,
    /// Requests in flight per host.
    pub per_host: usize,
    /// Least gap between request starts to one host.
    pub host_gap: Duration,
    /// The same for hosts of their own table and those below them, by lower-case ASCII name.
    pub host_gaps: BTreeMap<String, Duration>,
    /// Most request starts a second over all hosts but the operator's own.
    pub starts_per_second: usize,
    /// Total deadline of one fetch.
    pub timeout: Duration,
    /// Deadline of connecting, TLS included.
    pub connect_timeout: Duration,
    /// Cap after decompression, bytes.
    pub max_body: u64,
    /// Networks inside the wall that feeds may live in.
    pub allow_networks: Vec<IpNet>,
    /// Proxy for every feed without its own.
    pub proxy: Option<Url>,
    /// Query parameters to strip from links, beside the built-in list.
    pub strip_params: Vec<String>,
    /// Subscribe to WebSub hubs where feeds name one (needs a public https `public_url`).
    pub websub: bool,
    /// Weakest hash of a hub's signature.
    pub min_hub_hash: HubHash,
    /// Entries shown of a first poll or a flood.
    pub max_new: usize,
    /// Fetch the pictures of feeds, and show them.
    pub icons: bool,
}

/// Hashes of hubs' signatures (R6.10), weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HubHash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A tracing filter such as `info` or `feedmill=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Journal under systemd, plain otherwise.
    Auto,
    /// One line of text an event.
    Plain,
    /// One JSON object an event.
    Json,
    /// The journal's own protocol.
    Journald,
}

/// `[retention]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionConfig {
    /// Older stories leave the database.
    pub max_age: Duration,
    /// How long their keys stay.
    pub keep_seen: Duration,
}
