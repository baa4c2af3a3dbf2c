//! The HTTP flow: finished documents from the shelf to whoever asks, and the few pages that depend on the question.
//!
//! Readers get bytes that `release` finished before; nothing is rendered for them. Only search, single stories, the
//! web copy of an edition, the pages of signing up and leaving, a subscriber's own page and the operator's pages are made
//! on demand. The door to axum and hyper. Refuses what is not asked politely: slow clients, endless headers, foreign methods.

mod accept;
mod admin;
mod conditional;
mod documents;
mod front;
mod headers;
mod hub;
mod hubs;
mod manners;
mod offers;
mod pages;
mod polls;
mod routes;
mod search;
mod sign_up;
mod status;
mod subscribers;
mod subscription;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::publish::Shelf;
use crate::store::Store;
use crate::telemetry::Metrics;

pub use accept::{Deadlines, Door, Listener};
pub use front::{Front, MailPause};
pub use manners::Manners;
pub use polls::Polls;
pub use tls::Certificates;

/// What the server answers from. One for the life of the process; a reload swaps `front`.
pub struct Site {
    /// Stories, editions, subscribers.
    pub store: Store,
    /// Finished documents.
    pub shelf: Shelf,
    /// What depends on the config in force.
    pub front: ArcSwap<Front>,
    /// TLS on TCP listeners; none leaves it to a proxy.
    pub certificates: Option<Certificates>,
    /// Counters.
    pub metrics: Metrics,
    /// Time.
    pub clock: Clock,
    /// When the next poll could change what is served.
    pub polls: Polls,
    /// Who takes more than is polite.
    pub manners: Manners,
    /// True once the first release has filled the shelf.
    pub ready: AtomicBool,
}

impl Site {
    /// Has everything been rendered once, so that readers find what they look for?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

/// Which addresses a listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Readers; the operator's pages only for loopback clients.
    Readers,
    /// Readers, and no operator's pages at all: they have a listener of their own.
    ReadersOnly,
    /// The operator's pages.
    Admin,
}

/// Serves `listener` until `stop`, then lets answers under way finish within the deadline of draining.
///
/// # Errors
/// When the listener itself fails for good.
pub async fn serve(
    listener: Listener,
    role: Role,
    site: Arc<Site>,
    deadlines: Deadlines,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = routes::router(role, Arc::clone(&site));
    accept::serve(listener, (site, router), deadlines, stop).await
}
