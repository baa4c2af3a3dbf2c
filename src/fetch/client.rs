//! Clients: takes the config's needs (proxy, certificates, approved networks), gives one client for all feeds without
//! special needs and one for each combination of special ones. Refuses unreadable certificate files.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy, redirect, retry};
use url::Url;

use super::guard::{Guard, Refusal};
use super::host::host_key;
use super::resolve::{Names, Resolver};
use crate::config::{FeedConfig, FetchConfig};

/// Idle connections are worth keeping between spaced requests to one host, not until the next poll.
const IDLE: Duration = Duration::from_secs(5);
const IDLE_PER_HOST: usize = 1;
/// A host with a single feed is not asked again before the connection has grown old: ten thousand of them would hold
/// thousands of sockets open for nothing.
const LONELY: usize = 0;
const HEADER_LIST: u32 = 64 << 10;

/// What makes clients differ.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Needs {
    guard: Guard,
    proxy: Option<Url>,
    client_certificate: Option<PathBuf>,
    ca_certificate: Option<PathBuf>,
    idle_per_host: usize,
}

/// One client with its guard. Built at first use: reading the machine's trust store takes a while.
pub(super) struct Lane {
    pub(super) guard: Guard,
    proxy: Option<Url>,
    identity: Option<Identity>,
    roots: Vec<Certificate>,
    names: Names,
    connect_timeout: Duration,
    idle_per_host: usize,
    any: OnceLock<Client>,
    http1: OnceLock<Client>,
}

/// All clients of a config.
pub(super) struct Lanes {
    shared: Arc<Lane>,
    special: HashMap<String, Arc<Lane>>,
}

impl Lanes {
    pub(super) fn new(config: &FetchConfig, feeds: &[FeedConfig]) -> anyhow::Result<Self> {
        let names = Names::new();
        let plain = Needs {
            guard: Guard::new(config.allow_networks.iter().copied()),
            proxy: config.proxy.clone(),
            client_certificate: None,
            ca_certificate: None,
            idle_per_host: IDLE_PER_HOST,
        };
        let crowd = feeds_per_host(feeds);
        let mut lanes = HashMap::new();
        let shared = lane(&mut lanes, plain.clone(), &names, config.connect_timeout)?;
        let mut special = HashMap::new();
        for feed in feeds {
            let needs = Needs {
                guard: Guard::new(
                    config
                        .allow_networks
                        .iter()
                        .chain(&feed.allow_networks)
                        .copied(),
                ),
                proxy: feed.proxy.clone().or_else(|| config.proxy.clone()),
                client_certificate: feed.client_certificate.clone(),
                ca_certificate: feed.ca_certificate.clone(),
                idle_per_host: if is_lonely(feed, &crowd) {
                    LONELY
                } else {
                    IDLE_PER_HOST
                },
            };
            if needs != plain {
                let lane = lane(&mut lanes, needs, &names, config.connect_timeout)
                    .with_context(|| format!("feed {}", feed.key))?;
                special.insert(feed.key.clone(), lane);
            }
        }
        Ok(Self { shared, special })
    }

    /// The client of a feed; the shared one for a key without special needs.
    pub(super) fn of(&self, feed: &str) -> &Arc<Lane> {
        self.special.get(feed).unwrap_or(&self.shared)
    }

    pub(super) fn shared(&self) -> &Arc<Lane> {
        &self.shared
    }
}

fn feeds_per_host(feeds: &[FeedConfig]) -> HashMap<String, usize> {
    let mut crowd = HashMap::new();
    for host in feeds.iter().filter_map(|feed| host_key(&feed.url.value)) {
        *crowd.entry(host).or_insert(0) += 1;
    }
    crowd
}

fn is_lonely(feed: &FeedConfig, crowd: &HashMap<String, usize>) -> bool {
    host_key(&feed.url.value).is_some_and(|host| crowd.get(&host) == Some(&1))
}

fn lane(
    lanes: &mut HashMap<Needs, Arc<Lane>>,
    needs: Needs,
    names: &Names,
    connect_timeout: Duration,
) -> anyhow::Result<Arc<Lane>> {
    if let Some(lane) = lanes.get(&needs) {
        return Ok(lane.clone());
    }
    let lane = Arc::new(Lane {
        guard: needs.guard.clone(),
        proxy: needs.proxy.clone(),
        identity: needs
            .client_certificate
            .as_deref()
            .map(identity)
            .transpose()?,
        roots: needs
            .ca_certificate
            .as_deref()
            .map(roots)
            .transpose()?
            .unwrap_or_default(),
        names: names.clone(),
        connect_timeout,
        idle_per_host: needs.idle_per_host,
        any: OnceLock::new(),
        http1: OnceLock::new(),
    });
    lanes.insert(needs, lane.clone());
    Ok(lane)
}

fn identity(path: &Path) -> anyhow::Result<Identity> {
    let pem = std::fs::read(path)
        .with_context(|| format!("reading client certificate {}", path.display()))?;
    Identity::from_pem(&pem)
        .with_context(|| format!("{} holds no certificate with its key", path.display()))
}

fn roots(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    let pem = std::fs::read(path)
        .with_context(|| format!("reading trusted certificates {}", path.display()))?;
    Certificate::from_pem_bundle(&pem)
        .with_context(|| format!("{} holds no certificate", path.display()))
}

impl Lane {
    /// The client, HTTP/2 by ALPN.
    pub(super) fn client(&self) -> Result<Client, reqwest::Error> {
        self.built(&self.any, |builder| builder)
    }

    /// The client for hosts whose HTTP/2 is broken (R2.24).
    pub(super) fn http1(&self) -> Result<Client, reqwest::Error> {
        self.built(&self.http1, ClientBuilder::http1_only)
    }

    /// The connected address must pass the guard too; behind a proxy we see only the operator's own proxy.
    pub(super) fn check_peer(&self, peer: Option<SocketAddr>) -> Result<(), Refusal> {
        match peer {
            Some(peer) if self.proxy.is_none() => self.guard.check_address(peer.ip()),
            _ => Ok(()),
        }
    }

    fn built(
        &self,
        place: &OnceLock<Client>,
        variant: fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, reqwest::Error> {
        if let Some(client) = place.get() {
            return Ok(client.clone());
        }
        // A machine without a trust store still polls what needs none; https then says that nobody is trusted.
        let client = match variant(self.builder()?).build() {
            Err(_) if self.roots.is_empty() => {
                variant(self.builder()?).tls_certs_only([]).build()?
            }
            built => built?,
        };
        Ok(place.get_or_init(|| client).clone())
    }

    fn builder(&self) -> Result<ClientBuilder, reqwest::Error> {
        let exempt = self
            .proxy
            .as_ref()
            .and_then(Url::host_str)
            .map(str::to_owned);
        let resolver = Resolver {
            names: self.names.clone(),
            guard: self.guard.clone(),
            exempt,
        };
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(resolver))
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(self.idle_per_host)
            .http2_max_header_list_size(HEADER_LIST)
            .tls_certs_merge(self.roots.iter().cloned());
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(Proxy::all(proxy.clone())?);
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.clone());
        }
        Ok(builder)
    }
}
