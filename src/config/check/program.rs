//! The sections about the program itself: store, web server, polling, log, retention.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use url::Url;

use super::Check;
use crate::config::raw::{self, Raw};
use crate::config::schema::shown;
use crate::config::{
    FetchConfig, HttpConfig, HubHash, Listen, LogConfig, LogFormat, Problem, RetentionConfig,
    StoreConfig,
};

impl Check<'_> {
    pub(in crate::config) fn store(&mut self, written: &raw::Store) -> StoreConfig {
        let default = || match self.environment.get("STATE_DIRECTORY") {
            // systemd joins several folders with colons.
            Some(folders) => {
                Path::new(folders.split(':').next().unwrap_or_default()).join("feedmill.db")
            }
            None => self.base.join("feedmill.db"),
        };
        let path = match &written.url {
            None => default(),
            Some(url) => match url.strip_prefix("sqlite:") {
                Some(path) if !path.is_empty() => self.base.join(path),
                _ => {
                    let help =
                        "write \"sqlite:\" and the path of the file, relative to this config";
                    self.error("store/url", "this is no database feedmill can use", help);
                    default()
                }
            },
        };
        StoreConfig { path }
    }

    pub(in crate::config) fn http(&mut self, written: &raw::Http) -> HttpConfig {
        let listen = self.listen("http/listen", &written.listen);
        let public_url = written
            .public_url
            .as_ref()
            .and_then(|text| self.public_url(text));
        let admin = written
            .admin
            .as_ref()
            .map(|text| self.listen("http/admin", text));
        if admin.as_ref() == Some(&listen) {
            self.error(
                "http/admin",
                "`admin` and `listen` are the same address",
                "leave `admin` out, or give it a port",
            );
        }
        let tls = match (
            self.path(&written.tls_certificate),
            self.path(&written.tls_key),
        ) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                self.error(
                    "http/tls_certificate",
                    "`tls_certificate` needs `tls_key`",
                    "",
                );
                None
            }
            (None, Some(_)) => {
                self.error("http/tls_key", "`tls_key` needs `tls_certificate`", "");
                None
            }
        };
        HttpConfig {
            public_url: public_url.unwrap_or_else(|| own_url(&listen, tls.is_some())),
            title: written.title.clone(),
            listen,
            admin,
            tls,
            max_connections: written.max_connections as usize,
            max_connections_per_address: written.max_connections_per_address as usize,
            images: written.images,
        }
    }

    fn public_url(&mut self, text: &str) -> Option<Url> {
        let mut url = self.url("http/public_url", text, &["https", "http"])?;
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            self.error(
                "http/public_url",
                "`public_url` is a place, without user, query and fragment",
                "",
            );
            return None;
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Some(url)
    }

    pub(in crate::config) fn fetch(&mut self, raw: &Raw, public_url: &Url) -> FetchConfig {
        let written = &raw.fetch;
        let interval = self.duration("fetch/interval", &written.interval);
        let max_interval = self.duration("fetch/max_interval", &written.max_interval);
        if max_interval < interval {
            let key = if self.at("fetch/max_interval").is_some() {
                "fetch/max_interval"
            } else {
                "fetch/interval"
            };
            self.error(key, "`max_interval` is shorter than `interval`", "");
        }
        let reachable = is_reachable(public_url, &written.allow_networks);
        if self.at("fetch/websub").is_some() && written.websub && !reachable {
            let problem = Problem::warning(
                "hubs cannot reach us without an https `public_url`",
                self.at("fetch/websub"),
            );
            self.tell(problem.help("feeds are polled as if `websub` were false"));
        }
        FetchConfig {
            contact: written
                .contact
                .as_ref()
                .and_then(|text| self.url("fetch/contact", text, &["https", "http"])),
            name_subscribers: written.name_subscribers,
            interval,
            max_interval,
            adaptive: written.adaptive,
            requests_per_day: written.requests_per_day,
            concurrency: written.concurrency as usize,
            per_host: written.per_host as usize,
            starts_per_second: written.starts_per_second as usize,
            host_gap: self.duration("fetch/host_gap", &written.host_gap),
            host_gaps: self.host_gaps(&raw.host),
            timeout: self.duration("fetch/timeout", &written.timeout),
            connect_timeout: self.duration("fetch/connect_timeout", &written.connect_timeout),
            max_body: self.size("fetch/max_body", &written.max_body),
            allow_networks: self.networks("fetch/allow_networks", &written.allow_networks),
            proxy: written
                .proxy
                .as_ref()
                .and_then(|text| self.proxy("fetch/proxy", text)),
            strip_params: written.strip_params.clone(),
            websub: written.websub && reachable,
            min_hub_hash: hub_hash(written.min_hub_hash),
            max_new: written.max_new as usize,
            icons: written.icons,
        }
    }

    fn host_gaps(&mut self, written: &BTreeMap<String, raw::Host>) -> BTreeMap<String, Duration> {
        let mut gaps = BTreeMap::new();
        for (name, host) in written {
            let path = format!("host/{name}");
            // A path cannot lead through a name with a slash; what stands there is marked as a whole.
            let gap = self.duration(&format!("{path}/gap"), &host.gap);
            let known = url::Host::parse(name).ok().map(|host| host.to_string());
            match known.filter(|host| !host.is_empty()) {
                Some(host) => drop(gaps.insert(host.trim_end_matches('.').to_owned(), gap)),
                None => self.error(
                    &path,
                    format!("`{}` is no name of a host", shown(name)),
                    "without scheme, port and path: [host.\"example.org\"]",
                ),
            }
        }
        gaps
    }

    pub(in crate::config) fn proxy(&mut self, path: &str, text: &str) -> Option<Url> {
        self.url(path, text, &["http", "https", "socks5", "socks5h"])
    }

    pub(in crate::config) fn log(&mut self, written: &raw::Log) -> LogConfig {
        if !written.level.split(',').all(is_directive) {
            let problem = Problem::error("this is no log level", self.at("log/level"))
                .nearest(&written.level, LEVELS);
            self.tell(problem.help(
                "error, warn, info, debug or trace, or per part: \"info,feedmill::fetch=debug\"",
            ));
        }
        let format = match written.format {
            raw::LogLook::Auto => LogFormat::Auto,
            raw::LogLook::Plain => LogFormat::Plain,
            raw::LogLook::Json => LogFormat::Json,
            raw::LogLook::Journald => LogFormat::Journald,
        };
        LogConfig {
            level: written.level.clone(),
            format,
        }
    }

    pub(in crate::config) fn retention(&mut self, written: &Raw) -> RetentionConfig {
        let max_age = self.duration("retention/max_age", &written.retention.max_age);
        let keep_seen = self.duration("retention/keep_seen", &written.retention.keep_seen);
        if keep_seen < max_age {
            let key = if self.at("retention/keep_seen").is_some() {
                "retention/keep_seen"
            } else {
                "retention/max_age"
            };
            self.error(
                key,
                "`keep_seen` is shorter than `max_age`",
                "stories would come back after they left",
            );
        }
        RetentionConfig { max_age, keep_seen }
    }
}

fn hub_hash(written: raw::HubHash) -> HubHash {
    match written {
        raw::HubHash::Sha1 => HubHash::Sha1,
        raw::HubHash::Sha256 => HubHash::Sha256,
        raw::HubHash::Sha384 => HubHash::Sha384,
        raw::HubHash::Sha512 => HubHash::Sha512,
    }
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Can a hub reach us? Over https anywhere; over http only inside networks that the operator approved.
fn is_reachable(public_url: &Url, allowed: &[String]) -> bool {
    let address = match public_url.host() {
        Some(url::Host::Ipv4(address)) => Some(address.into()),
        Some(url::Host::Ipv6(address)) => Some(address.into()),
        _ => None,
    };
    let approved = |address: std::net::IpAddr| {
        let nets = allowed
            .iter()
            .filter_map(|net| net.parse::<ipnet::IpNet>().ok());
        nets.into_iter().any(|net| net.contains(&address))
    };
    public_url.scheme() == "https" || address.is_some_and(approved)
}

/// `level` or `part=level`. A lone word that is no level would be taken for a part by the log itself, and silence it.
fn is_directive(text: &str) -> bool {
    let level = text.rsplit_once('=').map_or(
        text,
        |(part, level)| if part.contains('=') { "" } else { level },
    );
    LEVELS.contains(&level.trim())
}

/// Our address as readers on this machine type it.
fn own_url(listen: &Listen, tls: bool) -> Url {
    let scheme = if tls { "https" } else { "http" };
    let address = match listen {
        Listen::Tcp(address) if address.ip().is_unspecified() => {
            format!("localhost:{}", address.port())
        }
        Listen::Tcp(address) => address.to_string(),
        Listen::Unix(_) => "localhost".to_owned(),
    };
    let fallback = || Url::parse("http://localhost/").expect("a literal that parses");
    Url::parse(&format!("{scheme}://{address}/")).unwrap_or_else(|_| fallback())
}
