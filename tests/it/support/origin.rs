//! A fake origin server on a raw loopback socket: takes scripted replies per path, gives the exact bytes it was asked.
//! It lives in its own thread, so that a test may block; it is gone when dropped. It never sleeps: a reply that is to
//! be late waits for [`Origin::release`].
//!
//! ```ignore
//! let origin = Origin::start().await;                      // or Origin::start_at("127.0.0.7") for another host
//! origin.feed("/a", "<rss>…</rss>");                       // ETag, Last-Modified, 304 when they come back
//! origin.reply("/b", Reply::status(503).header("Retry-After", "60"));
//! origin.reply("/b", Reply::ok("…").gzip());               // the second request; the last reply repeats
//! origin.reply("/c", Reply::redirect(301, &origin.url("/a")));
//! … poll origin.url("/a") …
//! assert_eq!(origin.requests()[0].header("if-none-match"), None);
//! ```
//!
//! A path without script answers 404. A query is ignored unless the script names it.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod peer;
mod reply;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

use peer::Peer;
pub use reply::{Reply, gzip};

/// One request as received.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Head and body, every byte.
    pub raw: Vec<u8>,
    /// `GET`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// When it was complete.
    pub at: std::time::Instant,
}

impl Recorded {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<String> {
        self.header_bytes(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// A header's exact octets.
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        self.lines().skip(1).find_map(|line| {
            let colon = line.iter().position(|b| *b == b':')?;
            line[..colon]
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| line[colon + 1..].trim_ascii())
        })
    }

    /// Header lines sorted, the request line first: what a golden test compares.
    pub fn golden(&self) -> String {
        let mut lines: Vec<_> = self
            .lines()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        lines[1..].sort();
        lines.join("\n")
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.raw[head_len(&self.raw).unwrap_or(self.raw.len())..]
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let head = &self.raw[..head_len(&self.raw).unwrap_or(self.raw.len())];
        head.split(|b| *b == b'\n')
            .map(|line| line.trim_ascii_end())
            .filter(|line| !line.is_empty())
    }
}

fn head_len(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| at + 4)
}

#[derive(Default)]
struct Script {
    replies: HashMap<String, Vec<Reply>>,
    requests: Vec<Recorded>,
    connections: usize,
    greeting: Option<Vec<u8>>,
}

/// The server.
pub struct Origin {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    released: watch::Sender<bool>,
    seen: watch::Receiver<usize>,
    authority: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Origin {
    /// An origin on 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1").await
    }

    /// An origin on any loopback address, so that several are several hosts.
    pub async fn start_at(ip: &str) -> Self {
        Self::serve(ip, None)
    }

    /// An https origin on 127.0.0.1 with its own authority ([`Origin::authority`]), offering `protocols` by ALPN.
    /// HTTP/2 is not spoken: where it is chosen, the connection breaks with garbage.
    pub async fn start_tls(protocols: &[&str]) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![
            "127.0.0.1".to_owned(),
            "localhost".to_owned(),
        ])
        .unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Self::serve(
            "127.0.0.1",
            Some((TlsAcceptor::from(Arc::new(config)), made.cert.pem())),
        )
    }

    fn serve(ip: &str, tls: Option<(TlsAcceptor, String)>) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let (released, release) = watch::channel(false);
        let (noted, seen) = watch::channel(0);
        let (stop, stopped) = oneshot::channel();
        let (acceptor, authority) = tls.unzip();
        let peer = Peer {
            script: script.clone(),
            release,
            noted: Arc::new(noted),
            acceptor,
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                tokio::select! {
                    () = peer.accept(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            script,
            released,
            seen,
            authority,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Absolute URL of `path`.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.authority.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate to trust, PEM; only of an https origin.
    pub fn authority(&self) -> &str {
        self.authority.as_deref().unwrap()
    }

    /// Appends an answer for `path`; requests take them in order, the last one repeats.
    pub fn reply(&self, path: &str, reply: Reply) -> &Self {
        self.script
            .lock()
            .unwrap()
            .replies
            .entry(path.to_owned())
            .or_default()
            .push(reply);
        self
    }

    /// Forgets the script of `path` and answers with `reply` from now on.
    pub fn replace(&self, path: &str, reply: Reply) -> &Self {
        self.script
            .lock()
            .unwrap()
            .replies
            .insert(path.to_owned(), vec![reply]);
        self
    }

    /// Serves a document well: validators made from its bytes, 304 when they come back. Call again to change it.
    pub fn feed(&self, path: &str, document: impl Into<Vec<u8>>) -> &Self {
        let document = document.into();
        let hash = blake3::hash(&document).to_hex();
        let second = u64::from_str_radix(&hash[..6], 16).unwrap();
        let changed = httpdate::fmt_http_date(
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(second * 60),
        );
        let reply = Reply::ok(document)
            .header("Content-Type", "application/xml")
            .header("ETag", format!("\"{}\"", &hash[..16]))
            .header("Last-Modified", changed);
        self.replace(path, reply.honouring_validators())
    }

    /// Sends these bytes on every new connection and closes it: a peer that does not speak HTTP or TLS.
    pub fn greet(&self, bytes: impl Into<Vec<u8>>) -> &Self {
        self.script.lock().unwrap().greeting = Some(bytes.into());
        self
    }

    /// Everything asked so far, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.script.lock().unwrap().requests.clone()
    }

    /// Everything asked so far of one path.
    pub fn requests_to(&self, path: &str) -> Vec<Recorded> {
        self.requests()
            .into_iter()
            .filter(|request| request.target == path)
            .collect()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.script.lock().unwrap().connections
    }

    /// Waits until at least `count` requests have arrived.
    pub async fn seen(&self, count: usize) {
        self.seen
            .clone()
            .wait_for(|seen| *seen >= count)
            .await
            .unwrap();
    }

    /// Lets every held answer go on, now and later.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
