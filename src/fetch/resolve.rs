//! Name look-up for the client: takes a name, gives only addresses that the guard lets pass, so that the address
//! checked is the address connected to. Refuses to wait longer than five seconds or to run more than sixteen at once.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::guard::Guard;

const DEADLINE: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 16;
/// The system's resolver tells no TTL; a minute spares the feeds of one host a look-up each.
const FRESH: Duration = Duration::from_secs(60);
/// How long a known answer stands in for a failing resolver (R5.8).
const STALE: Duration = Duration::from_secs(3600);
const NAMES_KEPT: usize = 20_000;

/// Why a name gave no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// The resolver said no.
    #[error("no address found for {0}")]
    NotFound(String),
    /// The resolver could not ask anyone, or got no answer: the name may well exist.
    #[error("the name {0} cannot be looked up for now: the resolver gets no answer")]
    NotNow(String),
    /// The resolver said nothing.
    #[error("the look-up of {0} took longer than 5 s")]
    Late(String),
    /// Every address lies inside the network.
    #[error(
        "{name} leads to {ip}, an address inside the network; approve it with allow_networks if you mean it"
    )]
    Inside { name: String, ip: IpAddr },
}

/// What the system's resolver said lately; shared by all clients.
#[derive(Clone)]
pub(super) struct Names {
    slots: Arc<Semaphore>,
    known: Arc<Mutex<Known>>,
}

type Known = HashMap<String, (Instant, Arc<[IpAddr]>)>;

impl Names {
    pub(super) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            known: Arc::default(),
        }
    }

    async fn addresses(&self, name: &str) -> Result<Arc<[IpAddr]>, ResolveError> {
        if let Some(known) = self.known(name, FRESH) {
            return Ok(known);
        }
        match timeout(DEADLINE, self.look_up(name)).await {
            Ok(Ok(found)) => Ok(self.remember(name, found)),
            // What does not exist any more is not kept alive by what we remember of it.
            Ok(Err(refusal @ ResolveError::NotFound(_))) => Err(refusal),
            Ok(Err(refusal)) => self.known(name, STALE).ok_or(refusal),
            Err(_) => self
                .known(name, STALE)
                .ok_or_else(|| ResolveError::Late(name.to_owned())),
        }
    }

    /// The slot is held by the thread, not by the waiter: a `getaddrinfo` that nobody waits for still runs.
    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let not_now = || ResolveError::NotNow(name.to_owned());
        let slot = self.slots.clone().acquire_owned().await;
        let slot = slot.map_err(|_| not_now())?;
        let asked = name.to_owned();
        let looked_up = tokio::task::spawn_blocking(move || {
            let _held = slot;
            (asked.as_str(), 0)
                .to_socket_addrs()
                .map(|found| found.map(|address| address.ip()).collect::<Vec<_>>())
        });
        match looked_up.await {
            Ok(Ok(found)) if !found.is_empty() => Ok(found),
            Ok(Err(error)) if is_temporary(&error) => Err(not_now()),
            Ok(_) => Err(ResolveError::NotFound(name.to_owned())),
            Err(_) => Err(not_now()),
        }
    }

    fn known(&self, name: &str, younger_than: Duration) -> Option<Arc<[IpAddr]>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(name)
            .filter(|(at, _)| at.elapsed() < younger_than)
            .map(|(_, found)| found.clone())
    }

    fn remember(&self, name: &str, found: Vec<IpAddr>) -> Arc<[IpAddr]> {
        let found: Arc<[IpAddr]> = found.into();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_KEPT {
            known.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        known.insert(name.to_owned(), (Instant::now(), found.clone()));
        found
    }
}

/// EAI_AGAIN, as the C libraries word it: the standard library hands on the text alone.
fn is_temporary(error: &std::io::Error) -> bool {
    let text = error.to_string();
    ["emporary failure", "Try again"]
        .iter()
        .any(|words| text.contains(words))
}

/// The resolver of one client.
pub(super) struct Resolver {
    pub(super) names: Names,
    pub(super) guard: Guard,
    /// The operator's proxy: the one name that may lead anywhere.
    pub(super) exempt: Option<String>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.names.clone();
        let guard = if self.exempt.as_deref() == Some(name.as_str()) {
            None
        } else {
            Some(self.guard.clone())
        };
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            let vetted = vetted(name.as_str(), &found, guard.as_ref())?;
            Ok(Box::new(vetted.into_iter()) as Addrs)
        })
    }
}

fn vetted(
    name: &str,
    found: &[IpAddr],
    guard: Option<&Guard>,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let passes = |ip: &&IpAddr| guard.is_none_or(|guard| guard.check_address(**ip).is_ok());
    let vetted: Vec<SocketAddr> = found
        .iter()
        .filter(passes)
        .map(|ip| SocketAddr::new(*ip, 0))
        .collect();
    match found.first() {
        Some(ip) if vetted.is_empty() => Err(ResolveError::Inside {
            name: name.to_owned(),
            ip: *ip,
        }),
        _ => Ok(vetted),
    }
}
