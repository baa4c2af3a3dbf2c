//! TLS from files: shaken with what they hold, followed when they change, kept when they break.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use feedmill::http::Certificates;
use tokio_rustls::rustls;

use super::bench::{Served, connect, start_tls};
use crate::publish::bench::output;
use crate::release::Mill;

/// A new self-signed certificate in the two files, changed at a later second than any before it; its DER.
fn write(chain: &Path, key: &Path) -> Vec<u8> {
    static SECOND: AtomicU64 = AtomicU64::new(1_800_000_000);
    let made = rcgen::generate_simple_self_signed(vec![String::from("localhost")]).unwrap();
    std::fs::write(chain, made.cert.pem()).unwrap();
    std::fs::write(key, made.signing_key.serialize_pem()).unwrap();
    let second = Duration::from_secs(SECOND.fetch_add(1, Ordering::Relaxed));
    for path in [chain, key] {
        let file = std::fs::File::options().append(true).open(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + second).unwrap();
    }
    made.cert.der().to_vec()
}

/// Asks over TLS, trusting only `certificate`; the status line.
fn ask(served: &Served, certificate: &[u8]) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = connect(served.address);
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let asked = tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    if let Err(error) = asked {
        return error.to_string();
    }
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_followed_when_their_files_change() {
    let mill = Mill::new(vec![output("all")]).await;
    let (chain, key) = (
        mill.folder.path().join("chain.pem"),
        mill.folder.path().join("key.pem"),
    );
    let first = write(&chain, &key);
    let certificates = Certificates::load(&chain, &key).unwrap();
    let served = start_tls(&mill, certificates.looking_every(Duration::ZERO)).await;
    assert_eq!(ask(&served, &first), "HTTP/1.1 200");

    let second = write(&chain, &key);
    assert_eq!(ask(&served, &second), "HTTP/1.1 200");
    assert!(ask(&served, &first).contains("certificate"));

    std::fs::write(&key, "half a key").unwrap();
    assert_eq!(ask(&served, &second), "HTTP/1.1 200", "the old one stays");

    let third = write(&chain, &key);
    assert_eq!(ask(&served, &third), "HTTP/1.1 200");
}

/// Between looks the files are left alone, until a reload asks for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_reads_certificates_at_once() {
    let mill = Mill::new(vec![output("all")]).await;
    let (chain, key) = (
        mill.folder.path().join("chain.pem"),
        mill.folder.path().join("key.pem"),
    );
    let first = write(&chain, &key);
    let certificates = Certificates::load(&chain, &key).unwrap();
    let served = start_tls(&mill, certificates.looking_every(super::bench::NEVER)).await;
    let second = write(&chain, &key);
    assert_eq!(ask(&served, &first), "HTTP/1.1 200");
    served.site.certificates.as_ref().unwrap().reload();
    assert_eq!(ask(&served, &second), "HTTP/1.1 200");
}

#[test]
fn files_that_hold_no_certificate_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    write(&chain, &key);
    std::fs::write(&key, "nothing").unwrap();
    let told = |error: anyhow::Error| format!("{error:#}");
    let refused = Certificates::load(&chain, &key).map(drop).map_err(told);
    assert!(refused.unwrap_err().contains("http.tls_key"));
    let refused = Certificates::load(&folder.path().join("none"), &key);
    assert!(
        refused
            .map(drop)
            .map_err(told)
            .unwrap_err()
            .contains("http.tls_certificate")
    );
}
