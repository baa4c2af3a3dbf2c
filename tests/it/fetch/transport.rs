//! The ways to an origin: through a SOCKS5 proxy, with a client certificate, over HTTP/2; each against a small peer on
//! loopback that speaks just that.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use feedmill::fetch::{Fetcher, Outcome};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use super::{body, config, failure, feed, first, noon, request};
use crate::support::origin::{Origin, Reply};

/// A SOCKS5 proxy (RFC 1928) without authentication that connects everyone to `target`; what it was asked for.
async fn socks(
    target: SocketAddr,
    tasks: &mut JoinSet<()>,
) -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    tasks.spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut head = [0; 2];
            client.read_exact(&mut head).await.unwrap();
            let mut methods = vec![0; usize::from(head[1])];
            client.read_exact(&mut methods).await.unwrap();
            client.write_all(&[5, 0]).await.unwrap();
            let mut command = [0; 4];
            client.read_exact(&mut command).await.unwrap();
            let length = match command[3] {
                1 => 4,
                3 => usize::from(client.read_u8().await.unwrap()),
                other => panic!("address type {other}"),
            };
            let mut destination = vec![0; length + 2];
            client.read_exact(&mut destination).await.unwrap();
            noted.lock().unwrap().push(destination);
            let mut origin = TcpStream::connect(target).await.unwrap();
            client
                .write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
                .await
                .unwrap();
            tokio::io::copy_bidirectional(&mut client, &mut origin)
                .await
                .ok();
        }
    });
    (address, asked)
}

#[tokio::test]
async fn r5_a_feed_behind_a_socks5_proxy_is_asked_through_it() {
    let origin = Origin::start().await;
    origin.reply("/feed", Reply::ok("through"));
    let mut tasks = JoinSet::new();
    let (proxy, asked) = socks(origin.address(), &mut tasks).await;
    // With `socks5h` the proxy looks names up: nobody here knows this one.
    for (scheme, url) in [
        ("socks5", origin.url("/feed")),
        ("socks5h", "http://feeds.example/feed".to_owned()),
    ] {
        let mut proxied = feed("a", &url);
        proxied.proxy = Some(format!("{scheme}://{proxy}").parse().unwrap());
        let fetcher = Fetcher::new(&config(), &[proxied]).unwrap();
        let report = first(&fetcher, &url).await;
        assert_eq!(
            body(&report),
            Some(b"through".as_slice()),
            "{scheme}: {:?}",
            report.outcome
        );
    }
    let port = origin.address().port().to_be_bytes();
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[0], [&[127, 0, 0, 1], port.as_slice()].concat());
    assert_eq!(
        asked[1],
        [b"feeds.example".as_slice(), &80_u16.to_be_bytes()].concat()
    );
}

struct Identity {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

fn identity(name: &str) -> Identity {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    Identity {
        certificate: made.cert,
        key: made.signing_key,
    }
}

/// A TLS peer: `client`, where given, is the only one it talks to.
fn acceptor(server: &Identity, client: Option<&Identity>, protocols: &[&str]) -> TlsAcceptor {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client {
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.certificate.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::Pkcs8(server.key.serialize_der().into());
    let chain = vec![server.certificate.der().clone()];
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers every request over TLS with its HTTP version; what it saw.
async fn serve(
    acceptor: TlsAcceptor,
    tasks: &mut JoinSet<()>,
) -> (SocketAddr, Arc<Mutex<Vec<Version>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(socket) = acceptor.accept(socket).await else {
                continue;
            };
            let noted = noted.clone();
            let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
                noted.lock().unwrap().push(request.version());
                async {
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"secure"))))
                }
            });
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            connections.spawn(async move {
                server
                    .serve_connection(TokioIo::new(socket), answer)
                    .await
                    .ok();
            });
        }
    });
    (address, seen)
}

#[tokio::test]
async fn r5_a_client_certificate_is_shown_to_the_feed_that_has_one() {
    let (server, client) = (identity("127.0.0.1"), identity("reader"));
    let mut tasks = JoinSet::new();
    let acceptor = acceptor(&server, Some(&client), &["http/1.1"]);
    let (address, _) = serve(acceptor, &mut tasks).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let url = format!("https://{address}/feed");
    let mut known = feed("a", &url);
    known.ca_certificate = Some(write("ca.pem", server.certificate.pem()));
    let stranger = known.clone();
    let pem = format!("{}{}", client.certificate.pem(), client.key.serialize_pem());
    known.client_certificate = Some(write("client.pem", pem));
    let report = first(&Fetcher::new(&config(), &[known]).unwrap(), &url).await;
    assert_eq!(
        body(&report),
        Some(b"secure".as_slice()),
        "{:?}",
        report.outcome
    );
    let report = first(&Fetcher::new(&config(), &[stranger]).unwrap(), &url).await;
    let (class, text) = failure(&report);
    assert!(!text.is_empty(), "{class:?}");
}

#[tokio::test]
async fn r2_24_http_2_is_spoken_where_it_is_offered_on_one_connection() {
    let server = identity("127.0.0.1");
    let mut tasks = JoinSet::new();
    let (address, seen) = serve(acceptor(&server, None, &["h2", "http/1.1"]), &mut tasks).await;
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, server.certificate.pem()).unwrap();
    let feeds = ["a", "b"].map(|key| {
        let mut feed = feed(key, &format!("https://{address}/{key}"));
        feed.ca_certificate = Some(authority.clone());
        feed
    });
    let fetcher = Fetcher::new(&config(), &feeds).unwrap();
    for _ in 0..2 {
        let report = fetcher
            .fetch(request(&format!("https://{address}/a")), noon())
            .await;
        assert!(
            matches!(report.outcome, Outcome::Fresh { .. }),
            "{:?}",
            report.outcome
        );
        assert!(!report.http2_broken);
    }
    assert_eq!(*seen.lock().unwrap(), [Version::HTTP_2, Version::HTTP_2]);
    // Told that its HTTP/2 is broken, the host gets HTTP/1.1.
    fetcher.prefer_http1(
        &address.to_string(),
        noon() + std::time::Duration::from_secs(60),
    );
    first(&fetcher, &format!("https://{address}/a")).await;
    assert_eq!(seen.lock().unwrap().last(), Some(&Version::HTTP_11));
}
