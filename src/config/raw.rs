//! What may be written: one struct a table, one field a key. The doc comments are the descriptions of the JSON Schema,
//! the `Default` implementations are the only place a default is stated. Means nothing yet: `check` decides that.

mod feed;
pub(super) mod out;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use self::feed::{Feed, FeedAuth};
use self::out::{Digest, Mail, Publish, Retention, S3};

/// A number and a unit: `30s`, `5m`, `1h`, `1d`, `2w`, `3y`; several may follow each other, as in `1h30m`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline, extend("pattern" = "^([0-9]+[smhdwy])+$"))]
pub(super) struct Span(pub(super) String);

/// A number and a unit: `500B`, `64KiB`, `10MiB`, `1GiB`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline, extend("pattern" = "^[0-9]+(B|KiB|MiB|GiB)$"))]
pub(super) struct Size(pub(super) String);

fn span(text: &str) -> Span {
    Span(text.to_owned())
}

/// feedmill's configuration.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "feedmill configuration")]
pub(super) struct Raw {
    /// More files, read in the order of their names. TOML files may hold `[[feed]]`, `[group.NAME]` and `[filter.NAME]`; in
    /// OPML files, folders become groups. `*` and `?` may stand in the file's name. Relative to the file they stand in.
    pub(super) include: Vec<String>,
    /// Language of pages and mails: "en", "vi", "ar", or that of a file `lang/TAG.toml` in `templates`.
    pub(super) language: String,
    /// Time zone of pages and digests, by its IANA name.
    pub(super) timezone: String,
    /// Folder with your own templates, style and language files; what is missing there is taken from the built-in ones.
    pub(super) templates: Option<String>,
    /// The database.
    pub(super) store: Store,
    /// The web server.
    pub(super) http: Http,
    /// How feeds are polled.
    pub(super) fetch: Fetch,
    /// Hosts that are asked otherwise than `[fetch]` says, by name; what is said of one holds for the hosts below it.
    pub(super) host: BTreeMap<String, Host>,
    /// The log.
    pub(super) log: Log,
    /// Rules by name, to be used by groups, feeds, merged feeds and subscribers.
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z0-9][a-z0-9-]*$"}))]
    pub(super) filter: BTreeMap<String, Filter>,
    /// Groups of feeds by name. A group that a feed names needs no table of its own.
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z0-9][a-z0-9-]*$"}))]
    pub(super) group: BTreeMap<String, Group>,
    /// The feeds.
    pub(super) feed: Vec<Feed>,
    /// Merged feeds by name, which is part of their addresses. Where none is configured there is one, `all`.
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z0-9][a-z0-9-]*$"}))]
    pub(super) publish: BTreeMap<String, Publish>,
    /// Object storage.
    pub(super) s3: S3,
    /// Digests by name.
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z0-9][a-z0-9-]*$"}))]
    pub(super) digest: BTreeMap<String, Digest>,
    /// How mail leaves; needed as soon as there is a digest.
    pub(super) mail: Option<Mail>,
    /// How long things are kept.
    pub(super) retention: Retention,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            language: "en".into(),
            timezone: "UTC".into(),
            templates: None,
            store: Store::default(),
            http: Http::default(),
            fetch: Fetch::default(),
            host: BTreeMap::new(),
            log: Log::default(),
            filter: BTreeMap::new(),
            group: BTreeMap::new(),
            feed: Vec::new(),
            publish: BTreeMap::new(),
            s3: S3::default(),
            digest: BTreeMap::new(),
            mail: None,
            retention: Retention::default(),
        }
    }
}

/// The database.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    /// "sqlite:" and the file. Unset: feedmill.db in the service's state folder, else beside the config.
    pub(super) url: Option<String>,
}

/// The web server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    /// Where readers come: an address and port, or "unix:" and a path. A socket handed over by systemd wins.
    pub(super) listen: String,
    /// The site's name, on its pages and in its OPML. Unset: the title of the only merged feed, else the host of `public_url`.
    #[schemars(length(min = 1))]
    pub(super) title: Option<String>,
    /// The address readers type, used in links and mails. Unset: made from `listen`.
    pub(super) public_url: Option<String>,
    /// Where status and metrics answer. Unset: at `listen`, to clients on this machine only.
    pub(super) admin: Option<String>,
    /// Certificate chain (PEM) to speak https.
    pub(super) tls_certificate: Option<String>,
    /// Private key (PEM) of that certificate.
    pub(super) tls_key: Option<String>,
    /// Connections at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) max_connections: u32,
    /// Connections at once from one address; a proxy in front is one, unless it comes by the unix socket.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) max_connections_per_address: u32,
    /// Pages may load the images of entries from their publishers, who then see your readers' addresses.
    pub(super) images: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            title: None,
            public_url: None,
            admin: None,
            tls_certificate: None,
            tls_key: None,
            max_connections: 512,
            max_connections_per_address: 32,
            images: false,
        }
    }
}

/// How feeds are polled.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Fetch {
    /// A page about you; becomes part of the User-Agent, so that publishers can reach you.
    pub(super) contact: Option<String>,
    /// Tell publishers, in the User-Agent, how many subscribers of digests get their feed.
    pub(super) name_subscribers: bool,
    /// A feed is never polled more often than this; 15m or more.
    pub(super) interval: Span,
    /// A feed is polled at least this often, unless its server asks for rest.
    pub(super) max_interval: Span,
    /// Learn each feed's rhythm between `interval` and `max_interval`; false polls at `interval`.
    pub(super) adaptive: bool,
    /// Requests a day to all feeds that are to be spent where they buy most freshness. Unset: as many as rhythms ask for.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(super) requests_per_day: Option<u32>,
    /// Requests at once.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) concurrency: u32,
    /// Requests at once to one host.
    #[schemars(range(min = 1, max = 16))]
    pub(super) per_host: u32,
    /// Least time between the starts of two requests to one host.
    pub(super) host_gap: Span,
    /// Requests started a second, over all hosts but those in `allow_networks`.
    #[schemars(range(min = 1, max = 1_000))]
    pub(super) starts_per_second: u32,
    /// Time a poll may take from connecting to the last byte.
    pub(super) timeout: Span,
    /// Time that connecting may take, TLS included.
    pub(super) connect_timeout: Span,
    /// Largest document, after decompression.
    pub(super) max_body: Size,
    /// Networks inside the wall that feeds may live in.
    pub(super) allow_networks: Vec<String>,
    /// Proxy for all feeds that set none: http, https or socks5 URL.
    pub(super) proxy: Option<String>,
    /// Query parameters that tell no two pages apart, beside the built-in list of tracking parameters.
    pub(super) strip_params: Vec<String>,
    /// Let hubs push new entries where feeds offer it; needs an https `public_url`.
    pub(super) websub: bool,
    /// Weakest hash with which a hub may sign what it pushes; others are refused.
    pub(super) min_hub_hash: HubHash,
    /// Entries shown of a feed's first poll, or of a sudden flood.
    #[schemars(range(min = 0, max = 100_000))]
    pub(super) max_new: u32,
    /// Fetch the pictures of feeds, once a month, and show them beside the feeds' names.
    pub(super) icons: bool,
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            contact: None,
            name_subscribers: false,
            interval: span("1h"),
            max_interval: span("1d"),
            adaptive: true,
            requests_per_day: None,
            concurrency: 256,
            per_host: 1,
            host_gap: span("2s"),
            starts_per_second: 8,
            timeout: span("30s"),
            connect_timeout: span("10s"),
            max_body: Size("10MiB".into()),
            allow_networks: Vec::new(),
            proxy: None,
            strip_params: Vec::new(),
            websub: true,
            min_hub_hash: HubHash::Sha1,
            max_new: 10,
            icons: true,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum HubHash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// How one host is asked.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Host {
    /// Least time between the starts of two requests to it, instead of `host_gap` of `[fetch]`.
    pub(super) gap: Span,
}

/// The log.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    /// error, warn, info, debug or trace; or per part, as in "info,feedmill::fetch=debug".
    pub(super) level: String,
    /// How lines look; auto is the journal under systemd and plain text otherwise.
    pub(super) format: LogLook,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: LogLook::Auto,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogLook {
    Auto,
    Plain,
    Json,
    Journald,
}

/// A rule. Expressions look like `title matches "(?i)sale"`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Filter {
    /// Entries for which this holds are dropped.
    pub(super) drop: Option<String>,
    /// Entries for which this does not hold are dropped.
    pub(super) keep: Option<String>,
    /// The remaining keys apply only to entries for which this holds.
    pub(super) when: Option<String>,
    /// Tags to add.
    pub(super) tag: Vec<String>,
    /// A new title, in which {title}, {author} and {feed} are replaced.
    pub(super) set_title: Option<String>,
    /// Regular expressions whose matches are cut from the text.
    pub(super) cut: Vec<String>,
    /// Query parameters to cut from the link.
    pub(super) strip_params: Vec<String>,
}

/// A group of feeds.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Group {
    /// For people. Unset: the group's name.
    pub(super) title: Option<String>,
    /// Rules for every feed of the group, in this order.
    pub(super) filters: Vec<String>,
    /// `interval` for feeds of the group that set none.
    pub(super) interval: Option<Span>,
}
