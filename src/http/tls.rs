//! TLS from certificate files: takes their paths, gives what shakes hands. Files that change are read again, looked at
//! when a client comes and at most every ten seconds; new ones that cannot be used leave the old ones in force, since a
//! certificate tool may be half-way through writing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Least time between two looks at the files.
const LOOK: Duration = Duration::from_secs(10);

/// A certificate chain and its key, as the files have them.
pub struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    look: Duration,
    state: Mutex<State>,
}

struct State {
    acceptor: TlsAcceptor,
    stamp: Stamp,
    looked: Instant,
}

/// Change times of both files.
type Stamp = (Option<SystemTime>, Option<SystemTime>);

impl Certificates {
    /// Reads both files (PEM).
    ///
    /// # Errors
    /// When one cannot be read, holds nothing of the kind, or the key is not the certificate's.
    pub fn load(chain: &Path, key: &Path) -> anyhow::Result<Self> {
        let stamp = stamp(chain, key);
        let state = State {
            acceptor: read(chain, key)?,
            stamp,
            looked: Instant::now(),
        };
        Ok(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            look: LOOK,
            state: Mutex::new(state),
        })
    }

    /// Another least time between looks at the files.
    #[must_use]
    pub fn looking_every(self, look: Duration) -> Self {
        Self { look, ..self }
    }

    /// Reads the files now, whether they look changed or not; the old ones stay when they cannot be used.
    pub fn reload(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.renew(&mut state);
    }

    /// What shakes hands with the next client.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= self.look {
            state.looked = Instant::now();
            if stamp(&self.chain, &self.key) != state.stamp {
                self.renew(&mut state);
            }
        }
        state.acceptor.clone()
    }

    fn renew(&self, state: &mut State) {
        // The stamp comes first: what changes while it is read is read again.
        state.stamp = stamp(&self.chain, &self.key);
        match read(&self.chain, &self.key) {
            Ok(acceptor) => {
                state.acceptor = acceptor;
                tracing::info!("certificates read again");
            }
            Err(error) => {
                tracing::error!(error = ?format!("{error:#}"), "new certificates refused, the old ones stay");
            }
        }
    }
}

fn stamp(chain: &Path, key: &Path) -> Stamp {
    let changed = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|meta| meta.modified())
            .ok()
    };
    (changed(chain), changed(key))
}

fn read(chain: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let help = || format!("http.tls_certificate: {}", chain.display());
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(help)?;
    let secret = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("http.tls_key: {}", key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, secret)
        .with_context(help)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
