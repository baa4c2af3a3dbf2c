//! The accept loop: a cap on connections, in all and per address, deadlines on silence and on slow readers, a bounded
//! drain. hyper's own defaults close neither a silent client nor end a graceful shutdown while one is there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use super::{Site, documents};

/// How long a client may keep us waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// The whole request head, and a TLS handshake, must be here within this time.
    pub head: Duration,
    /// An answer must be made within this time, the request's body included.
    pub answer: Duration,
    /// A connection on which nothing moves is closed after this time.
    pub idle: Duration,
    /// A reader that takes no byte for this time is cut off.
    pub write: Duration,
    /// How long answers under way may take after a stop.
    pub drain: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            write: Duration::from_secs(20),
            drain: Duration::from_secs(5),
        }
    }
}

/// Pause after `accept` failed, as it does when file descriptors run out, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Most header fields of a request.
const MAX_HEADERS: usize = 64;
/// Most bytes of a request head.
const HEAD_BYTES: usize = 16 * 1024;

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// Unix socket.
    Unix(UnixListener),
}

/// Who is at the door: the peer's address where it has one. Forwarded headers are never trusted for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A TCP client.
    Tcp(IpAddr),
    /// A client of the unix socket: the operator's own machine decides who may open it.
    Unix,
}

/// A connection as it was accepted.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Connections per address.
#[derive(Clone, Default)]
struct Crowd(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place in the crowd; given back when dropped.
struct Place(Crowd, Option<IpAddr>);

impl Crowd {
    fn admit(&self, door: Door, most: usize) -> Option<Place> {
        let Door::Tcp(address) = door else {
            return Some(Place(self.clone(), None));
        };
        let mut crowd = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = crowd.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place(self.clone(), Some(address)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.1 else { return };
        let mut crowd = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = crowd.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                crowd.remove(&address);
            }
        }
    }
}

/// Accepts until `stop`; see the module's first lines.
pub(super) async fn serve(
    listener: Listener,
    (site, router): (Arc<Site>, Router),
    deadlines: Deadlines,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let limits = site.front.load().config.http.clone();
    let seats = Arc::new(Semaphore::new(limits.max_connections));
    let crowd = Crowd::default();
    let mut connections = JoinSet::new();
    loop {
        // The seat is taken before the accept, so that a full house leaves clients in the kernel's queue.
        let seat = tokio::select! {
            () = stop.cancelled() => break,
            seat = Arc::clone(&seats).acquire_owned() => seat.map_err(std::io::Error::other)?,
        };
        let (stream, door) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(error = ?error.to_string(), "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        if let Some(place) = crowd.admit(door, limits.max_connections_per_address) {
            let turn = Turn {
                site: Arc::clone(&site),
                router: router.clone(),
                door,
                deadlines,
                stop: stop.clone(),
            };
            connections.spawn(turn.converse(stream, (seat, place)));
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    drain(connections, deadlines.drain).await;
    Ok(())
}

async fn drain(mut connections: JoinSet<()>, deadline: Duration) {
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(deadline, all).await.is_err() {
        tracing::info!("readers that did not finish in time were cut off");
        connections.shutdown().await;
    }
}

async fn accept(listener: &Listener) -> std::io::Result<(Stream, Door)> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Stream::Tcp(stream), Door::Tcp(peer.ip().to_canonical())))
        }
        Listener::Unix(listener) => Ok((Stream::Unix(listener.accept().await?.0), Door::Unix)),
    }
}

/// One connection.
struct Turn {
    site: Arc<Site>,
    router: Router,
    door: Door,
    deadlines: Deadlines,
    stop: CancellationToken,
}

impl Turn {
    /// `held` are its seat and its place in the crowd.
    async fn converse(self, stream: Stream, held: (OwnedSemaphorePermit, Place)) {
        let ended = match (stream, &self.site.certificates) {
            (Stream::Unix(stream), _) => self.talk(stream).await,
            (Stream::Tcp(stream), None) => self.talk(stream).await,
            (Stream::Tcp(stream), Some(certificates)) => {
                let shaken = certificates.acceptor().accept(stream);
                match tokio::time::timeout(self.deadlines.head, shaken).await {
                    Ok(Ok(stream)) => self.talk(stream).await,
                    Ok(Err(error)) => Err(error.into()),
                    Err(elapsed) => Err(elapsed.into()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = ?error.to_string(), "a connection ended early");
        }
        drop(held);
    }

    async fn talk<S>(self, stream: S) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let Self {
            site,
            router,
            door,
            deadlines,
            stop,
        } = self;
        let mut stream = TimeoutStream::new(stream);
        stream.set_read_timeout(Some(deadlines.idle));
        stream.set_write_timeout(Some(deadlines.write));
        let service = service_fn(move |request| {
            let asked = documents::Asked {
                site: Arc::clone(&site),
                door,
                deadline: deadlines.answer,
            };
            documents::answer(asked, router.clone(), request)
        });
        let builder = builder(deadlines);
        let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service);
        tokio::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    }
}

fn builder(deadlines: Deadlines) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(HEAD_BYTES as u32);
    builder
}
