//! The socket under an SMTP conversation: plain, TLS or a unix socket, with a deadline on every step.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::DeliverError;
use super::reply::{MOST_LINES, Reply};
use crate::config::{Listen, MailTls};

/// Longest reply line taken; RFC 5321 allows 512 bytes.
const MOST_LINE: u64 = 4096;

/// Something to read from and write to.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a step did not end well. Everything is certain: what was written, what was not.
#[derive(Debug)]
pub(super) enum Broken {
    /// The deadline passed.
    Silence,
    /// The other side hung up, or the network did.
    Gone(std::io::Error),
    /// Words that are no reply.
    Nonsense,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silence => f.write_str("the server fell silent"),
            Self::Gone(error) => write!(f, "the connection broke: {}", error.kind()),
            Self::Nonsense => f.write_str("the server's answer is no SMTP reply"),
        }
    }
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error)
    }
}

/// A conversation's socket.
pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// Connects over TCP. Nagle is off: body and dot would otherwise wait for the other side's delayed ACK.
    pub(super) async fn tcp(host: &str, port: u16, deadline: Duration) -> Result<Self, Broken> {
        let connecting = async {
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        };
        Ok(Self::over(Box::new(within(deadline, connecting).await?)))
    }

    /// Connects to where LMTP listens.
    pub(super) async fn local(place: &Listen, deadline: Duration) -> Result<Self, Broken> {
        match place {
            Listen::Tcp(address) => {
                Self::tcp(&address.ip().to_string(), address.port(), deadline).await
            }
            Listen::Unix(path) => Ok(Self::over(Box::new(
                within(deadline, UnixStream::connect(path)).await?,
            ))),
        }
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Goes on under TLS. What the server sent before the handshake is refused: it would be taken for words said
    /// under TLS (the STARTTLS injection of 2011 and its cousins).
    pub(super) async fn encrypted(
        self,
        config: Arc<ClientConfig>,
        host: &str,
        deadline: Duration,
    ) -> Result<Self, Broken> {
        if !self.stream.buffer().is_empty() {
            return Err(Broken::Nonsense);
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidInput, "no server name"))?;
        let connecting = TlsConnector::from(config).connect(name, self.stream.into_inner());
        Ok(Self::over(Box::new(within(deadline, connecting).await?)))
    }

    /// Writes all of `bytes`.
    pub(super) async fn write(&mut self, bytes: &[u8], deadline: Duration) -> Result<(), Broken> {
        let stream = self.stream.get_mut();
        within(deadline, async {
            stream.write_all(bytes).await?;
            stream.flush().await
        })
        .await
    }

    /// Reads one whole reply; the deadline covers all its lines.
    pub(super) async fn reply(&mut self, deadline: Duration) -> Result<Reply, Broken> {
        tokio::time::timeout(deadline, self.read_reply())
            .await
            .unwrap_or(Err(Broken::Silence))
    }

    async fn read_reply(&mut self) -> Result<Reply, Broken> {
        let mut reply = Reply::default();
        while reply.lines.len() < MOST_LINES {
            let mut bytes = Vec::new();
            let read = (&mut self.stream)
                .take(MOST_LINE)
                .read_until(b'\n', &mut bytes)
                .await?;
            if read == 0 {
                return Err(Broken::Gone(std::io::ErrorKind::UnexpectedEof.into()));
            }
            let text = String::from_utf8_lossy(&bytes);
            let (code, last, words) =
                Reply::line(text.trim_end_matches(['\r', '\n'])).ok_or(Broken::Nonsense)?;
            if reply.code != 0 && reply.code != code {
                return Err(Broken::Nonsense);
            }
            reply.code = code;
            reply.lines.push(words.to_owned());
            if last {
                return Ok(reply);
            }
        }
        Err(Broken::Nonsense)
    }
}

async fn within<T>(
    deadline: Duration,
    step: impl Future<Output = std::io::Result<T>>,
) -> Result<T, Broken> {
    match tokio::time::timeout(deadline, step).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Broken::Silence),
    }
}

/// TLS with the system's trusted certificates and those in `extra`; none where TLS is off.
pub(super) fn client_config(
    mode: MailTls,
    extra: Option<&Path>,
) -> Result<Option<Arc<ClientConfig>>, DeliverError> {
    if mode == MailTls::None {
        return Ok(None);
    }
    let roots = extra.map(certificates).transpose()?.unwrap_or_default();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        Verifier::new_with_extra_roots(roots, provider.clone()).map_err(DeliverError::Trust)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(DeliverError::Trust)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Some(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, DeliverError> {
    let unusable = |detail: String| DeliverError::Certificate {
        path: path.display().to_string(),
        detail,
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| unusable(error.to_string()))?
        .collect();
    let found = found.map_err(|error| unusable(error.to_string()))?;
    if found.is_empty() {
        Err(unusable("no certificate in it".to_owned()))
    } else {
        Ok(found)
    }
}
