//! A served mill: store, flow, shelf and server in one process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use feedmill::http::{Certificates, Deadlines, Front, Listener, Manners, Polls, Role, Site, serve};
use feedmill::model::{PushAnswer, PushDelivery, PushFuture, PushQuestion, PushReceipt, Pushes};
use feedmill::release::Releaser;
use feedmill::telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::release::Mill;

/// So long that no test meets it.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);
/// So short that a test may wait for it.
pub(crate) const SOON: Duration = Duration::from_millis(200);
/// What a test waits for at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// Deadlines that no test meets.
pub(crate) const CALM: Deadlines = Deadlines {
    head: NEVER,
    answer: NEVER,
    idle: NEVER,
    write: NEVER,
    drain: NEVER,
};

/// A running server.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) site: Arc<Site>,
    pub(crate) stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Served {
    /// Waits until the server has ended, which must be soon.
    pub(crate) async fn ended(self) {
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("the server ends in time").unwrap().unwrap();
    }
}

/// A server whose feeds have no hubs.
struct NoPushes;

impl Pushes for NoPushes {
    fn asked<'a>(&'a self, _: &'a str, _: PushQuestion) -> PushFuture<'a, PushAnswer> {
        Box::pin(async { PushAnswer::Unknown })
    }

    fn brought<'a>(&'a self, _: &'a str, _: PushDelivery) -> PushFuture<'a, PushReceipt> {
        Box::pin(async { PushReceipt::Gone })
    }
}

/// What the server answers from, over a flow that has rendered once.
pub(crate) fn site(mill: &Mill, releaser: Releaser) -> Site {
    let front = Front {
        config: Arc::new(mill.config.clone()),
        theme: releaser.theme(),
        site: releaser.site().clone(),
        on_request: Arc::new(releaser),
        pushes: Arc::new(NoPushes),
        mail_pause: Arc::new(|| None),
    };
    Site {
        store: mill.store.clone(),
        shelf: mill.shelf.clone(),
        front: ArcSwap::from_pointee(front),
        certificates: None,
        metrics: Metrics::default(),
        clock: mill.clock.clone(),
        polls: Polls::default(),
        manners: Manners::default(),
        ready: true.into(),
    }
}

/// Serves `mill` on loopback.
pub(crate) async fn start(mill: &Mill, deadlines: Deadlines) -> Served {
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    start_site(site(mill, releaser), deadlines).await
}

/// Serves with certificates.
pub(crate) async fn start_tls(mill: &Mill, certificates: Certificates) -> Served {
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let site = Site {
        certificates: Some(certificates),
        ..site(mill, releaser)
    };
    start_site(site, CALM).await
}

pub(crate) async fn start_site(site: Site, deadlines: Deadlines) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (site, stop) = (Arc::new(site), CancellationToken::new());
    let serving = serve(
        Listener::Tcp(listener),
        Role::Readers,
        Arc::clone(&site),
        deadlines,
        stop.clone(),
    );
    Served {
        address,
        site,
        stop,
        task: tokio::task::spawn(serving),
    }
}

/// A connection on which nothing is asked yet.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends `bytes` and reads until the server closes; what it sent. A reset after that is an end like any other.
pub(crate) fn until_closed(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    stream.write_all(bytes).ok();
    let mut came = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return came,
            Ok(count) => came.extend_from_slice(&part[..count]),
            Err(error) => {
                let waited = matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
                assert!(!waited, "the server did not close");
                return came;
            }
        }
    }
}

/// Reads up to the end of a response's head.
pub(crate) fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}
