//! What comes in: filters, groups, feeds. References must exist, each feed has one key, no interval is shorter than
//! politeness allows.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::Check;
use crate::config::diagnose::Complaint;
use crate::config::raw::{self, Raw};
use crate::config::schema::{is_name, shown};
use crate::config::{FeedConfig, FetchConfig, FilterConfig, GroupConfig, Located, Problem};

/// No publisher is asked more often than this.
const LEAST_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// What feeds are checked against.
struct Surroundings<'a> {
    fetch: &'a FetchConfig,
    filters: &'a BTreeMap<String, FilterConfig>,
    groups: &'a BTreeMap<String, GroupConfig>,
}

impl Check<'_> {
    pub(in crate::config) fn filters(&mut self, raw: &Raw) -> BTreeMap<String, FilterConfig> {
        let checked = |(name, written): (&String, &raw::Filter)| {
            let key = |key: &str| format!("filter/{name}/{key}");
            let cut = written.cut.iter().enumerate();
            let filter = FilterConfig {
                name: name.clone(),
                drop: self.located(&key("drop"), &written.drop),
                keep: self.located(&key("keep"), &written.keep),
                when: self.located(&key("when"), &written.when),
                tag: written.tag.clone(),
                set_title: self.located(&key("set_title"), &written.set_title),
                cut: cut
                    .filter_map(|(i, text)| {
                        self.located(&key(&format!("cut/{i}")), &Some(text.clone()))
                    })
                    .collect(),
                strip_params: written.strip_params.clone(),
            };
            (name.clone(), filter)
        };
        raw.filter.iter().map(checked).collect()
    }

    pub(in crate::config) fn located(
        &self,
        path: &str,
        written: &Option<String>,
    ) -> Option<Located<String>> {
        let at = self.around(path).unwrap_or_default();
        written.clone().map(|value| Located { value, at })
    }

    /// Names that must exist, each complaint with the nearest one that does.
    pub(in crate::config) fn known<'n>(
        &mut self,
        (what, path): (&str, &str),
        written: &[String],
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for (index, name) in written.iter().enumerate() {
            if names.clone().any(|known| known == name) {
                if !found.contains(name) {
                    found.push(name.clone());
                }
                continue;
            }
            let at = self.around(&format!("{path}/{index}"));
            let problem = Problem::error(format!("unknown {what} `{}`", shown(name)), at)
                .nearest(name, names.clone());
            self.tell(problem);
        }
        found
    }

    /// The configured groups and those that feeds name.
    pub(in crate::config) fn groups(
        &mut self,
        raw: &Raw,
        filters: &BTreeMap<String, FilterConfig>,
    ) -> BTreeMap<String, GroupConfig> {
        let mut groups = BTreeMap::new();
        for (name, written) in &raw.group {
            let path = format!("group/{name}/filters");
            let filters = self.known(
                ("filter", &path),
                &written.filters,
                filters.keys().map(String::as_str),
            );
            let interval = written.interval.as_ref();
            let interval =
                interval.map(|written| self.duration(&format!("group/{name}/interval"), written));
            groups.insert(
                name.clone(),
                GroupConfig {
                    title: written.title.clone(),
                    filters,
                    interval,
                },
            );
        }
        for (index, feed) in raw.feed.iter().enumerate() {
            for (position, name) in feed.groups.iter().enumerate() {
                if is_name(name) {
                    groups.entry(name.clone()).or_default();
                } else {
                    let path = format!("feed/{index}/groups/{position}");
                    let help =
                        "a name is made of a-z, 0-9 and -, and begins with a letter or digit";
                    self.error(
                        &path,
                        format!("`{}` cannot be a group's name", shown(name)),
                        help,
                    );
                }
            }
        }
        groups
    }

    pub(in crate::config) fn feeds(
        &mut self,
        raw: &Raw,
        fetch: &FetchConfig,
        filters: &BTreeMap<String, FilterConfig>,
        groups: &BTreeMap<String, GroupConfig>,
    ) -> Vec<FeedConfig> {
        let around = Surroundings {
            fetch,
            filters,
            groups,
        };
        let mut feeds: Vec<FeedConfig> = Vec::new();
        let mut by_address: HashMap<String, usize> = HashMap::new();
        let mut by_key: HashMap<String, usize> = HashMap::new();
        for (index, written) in raw.feed.iter().enumerate() {
            let path = format!("feed/{index}");
            let Some(url) = self.feed_url(&path, &written.url) else {
                continue;
            };
            let address = address(&url, self.base);
            if let Some(first) = by_address.get(&address).and_then(|at| feeds.get_mut(*at)) {
                self.listed_twice(first, written, &path);
                continue;
            }
            if written.name.as_ref().is_some_and(|name| !is_plain(name)) {
                let help = "a name is one word, such as \"office-news\"";
                self.error(&format!("{path}/name"), "this cannot name a feed", help);
            }
            let key = written.name.clone().unwrap_or_else(|| address.clone());
            if let Some(first) = by_key.get(&key).map(|at| &feeds[*at]) {
                let problem = Problem::error(
                    format!("two feeds are named `{}`", shown(&key)),
                    self.around(&format!("{path}/name")),
                );
                let also = Some((first.url.at.clone(), "the first one".to_owned()));
                self.complaints.push(Complaint { problem, also });
                continue;
            }
            by_address.insert(address, feeds.len());
            by_key.insert(key.clone(), feeds.len());
            let feed = self.feed(&path, key, url, (written, &around));
            feeds.push(feed);
        }
        feeds
    }

    fn listed_twice(&mut self, first: &mut FeedConfig, second: &raw::Feed, path: &str) {
        let problem = Problem::warning("feed listed twice", self.at(&format!("{path}/url")))
            .label("second time here");
        let help = "the first one counts, with the groups of both; put all groups on one entry";
        let also = Some((first.url.at.clone(), "first listed here".to_owned()));
        self.complaints.push(Complaint {
            problem: problem.help(help),
            also,
        });
        for group in &second.groups {
            if is_name(group) && !first.groups.contains(group) {
                first.groups.push(group.clone());
            }
        }
    }

    fn feed(
        &mut self,
        path: &str,
        key: String,
        url: Url,
        (written, around): (&raw::Feed, &Surroundings<'_>),
    ) -> FeedConfig {
        let names = around.filters.keys().map(String::as_str);
        let own = self.known(
            ("filter", &format!("{path}/filters")),
            &written.filters,
            names,
        );
        let groups: Vec<String> = written
            .groups
            .iter()
            .filter(|name| is_name(name))
            .cloned()
            .collect();
        let mut filters: Vec<String> = Vec::new();
        let of_groups = groups
            .iter()
            .filter_map(|name| around.groups.get(name))
            .flat_map(|group| group.filters.clone());
        for name in of_groups.chain(own) {
            if !filters.contains(&name) {
                filters.push(name);
            }
        }
        let mut allow_networks = around.fetch.allow_networks.clone();
        allow_networks
            .extend(self.networks(&format!("{path}/allow_networks"), &written.allow_networks));
        let interval = self.interval(path, (written, around), &url, &allow_networks);
        FeedConfig {
            key,
            title: written.title.clone(),
            interval,
            priority: written.priority,
            weight: written.weight,
            filters,
            headers: self.headers(path, written),
            auth: written
                .auth
                .as_ref()
                .and_then(|auth| self.auth(&format!("{path}/auth"), auth)),
            proxy: written
                .proxy
                .as_ref()
                .and_then(|text| self.proxy(&format!("{path}/proxy"), text)),
            client_certificate: self.path(&written.client_certificate),
            ca_certificate: self.path(&written.ca_certificate),
            max_new: written
                .max_new
                .map_or(around.fetch.max_new, |max_new| max_new as usize),
            full_text: written.full_text,
            backfill: written.backfill,
            enabled: written.enabled,
            allow_networks,
            websub: written.websub && around.fetch.websub,
            url: Located {
                value: url,
                at: self.around(&format!("{path}/url")).unwrap_or_default(),
            },
            groups,
        }
    }

    fn feed_url(&mut self, path: &str, written: &str) -> Option<Url> {
        let path = format!("{path}/url");
        if let Some(file) = written.strip_prefix("file:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            let absolute = std::path::absolute(self.base.join(file)).ok();
            let url = absolute
                .filter(|_| !file.is_empty())
                .and_then(|path| Url::from_file_path(path).ok());
            if url.is_none() {
                self.error(
                    &path,
                    "this is no file",
                    "\"file:feeds/office.xml\" or \"file:///var/lib/office.xml\"",
                );
            }
            return url;
        }
        let url = self.url(&path, written, &["https", "http"])?;
        if !url.username().is_empty() || url.password().is_some() {
            let help = "write auth = { username = \"…\", password_file = \"…\" } instead";
            self.error(
                &path,
                "secrets are not written in the config, nor in an address",
                help,
            );
            return None;
        }
        Some(url)
    }

    /// The feed's own interval, else the shortest of its groups, else that of `[fetch]`.
    fn interval(
        &mut self,
        path: &str,
        (written, around): (&raw::Feed, &Surroundings<'_>),
        url: &Url,
        allowed: &[IpNet],
    ) -> Duration {
        let own = written
            .interval
            .as_ref()
            .map(|span| (format!("{path}/interval"), span));
        let (place, interval) = if let Some((place, span)) = own {
            let interval = self.duration(&place, span);
            (place, interval)
        } else {
            let of_group = |name: &String| {
                Some((
                    format!("group/{name}/interval"),
                    around.groups.get(name)?.interval?,
                ))
            };
            let shortest = written
                .groups
                .iter()
                .filter_map(of_group)
                .min_by_key(|(_, interval)| *interval);
            shortest.unwrap_or(("fetch/interval".to_owned(), around.fetch.interval))
        };
        if interval < LEAST_INTERVAL && !at_home(url, allowed) {
            self.too_short(&place);
        }
        interval
    }

    /// Says it once for each place where an interval is written, not for each feed.
    fn too_short(&mut self, path: &str) {
        let problem = Problem::error(
            "no feed may be polled more often than every 15m",
            self.around(path),
        );
        let help = "your own network, your own rules: shorter is allowed for file: feeds and for feeds whose address is \
                    a literal one inside `allow_networks`";
        let complaint = Complaint::from(problem.help(help));
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }
}

/// A name is typed on command lines and shown in tables.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && !name.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Whether a feed is the operator's own: a file, or a literal address in a network they approved. A name does not
/// count, as it may lead elsewhere tomorrow.
fn at_home(url: &Url, allowed: &[IpNet]) -> bool {
    let inside =
        |address: std::net::IpAddr| allowed.iter().any(|network| network.contains(&address));
    match url.host() {
        _ if url.scheme() == "file" => true,
        Some(url::Host::Ipv4(address)) => inside(address.into()),
        Some(url::Host::Ipv6(address)) => inside(address.into()),
        _ => false,
    }
}

/// What makes two URLs the same feed, and the key of a feed without a name: the address without scheme, user-info and
/// fragment. A query may hold a token, so it enters as a hash. Files count from the config's folder, which may move.
fn address(url: &Url, base: &Path) -> String {
    if url.scheme() == "file" {
        let path = url.to_file_path().unwrap_or_default();
        let base = std::path::absolute(base).unwrap_or_default();
        return path
            .strip_prefix(&base)
            .unwrap_or(&path)
            .display()
            .to_string();
    }
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    let host = url.host_str().unwrap_or_default();
    match url.query() {
        Some(query) => format!(
            "{host}{port}{path}+{}",
            &blake3::hash(query.as_bytes()).to_hex()[..8]
        ),
        None => format!("{host}{port}{path}"),
    }
}
