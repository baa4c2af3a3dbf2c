//! How mail leaves, as checked values.

use std::path::PathBuf;

use super::{Listen, Secret};

/// `[mail]`
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// How.
    pub transport: Transport,
    /// Connections at once.
    pub connections: usize,
    /// Messages on one connection.
    pub per_connection: usize,
    /// Messages per minute over all; 0 is no limit.
    pub rate_per_minute: u32,
    /// Per-recipient envelope senders (`bounce+TOKEN@…`).
    pub verp: bool,
    /// Envelope sender; default the digest's From.
    pub bounce_address: Option<String>,
    /// Maildir in which bounces arrive.
    pub bounce_maildir: Option<PathBuf>,
    /// DKIM signing.
    pub dkim: Option<DkimConfig>,
}

impl MailConfig {
    /// The envelope sender of what `from` sends.
    #[must_use]
    pub fn envelope_from<'a>(&'a self, from: &'a str) -> &'a str {
        self.bounce_address.as_deref().unwrap_or(from)
    }
}

/// How mail leaves.
#[derive(Clone, Debug)]
pub enum Transport {
    /// SMTP submission.
    Smtp {
        /// Host name, for the certificate.
        host: String,
        /// Port.
        port: u16,
        /// TLS.
        tls: MailTls,
        /// Login.
        login: Option<(String, Secret)>,
        /// Further trusted certificates (PEM).
        ca_certificate: Option<PathBuf>,
        /// Name for EHLO; default the From domain.
        hello: Option<String>,
    },
    /// LMTP over TCP or a unix socket.
    Lmtp(Listen),
    /// A Maildir.
    Maildir(PathBuf),
    /// A program that takes a message on standard input, `-f` and the recipient as arguments.
    Sendmail(PathBuf),
}

/// TLS of SMTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// STARTTLS, required.
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// None; only to loopback.
    None,
}

/// `[mail.dkim]`
#[derive(Clone, Debug)]
pub struct DkimConfig {
    /// Signing domain.
    pub domain: String,
    /// Selector.
    pub selector: String,
    /// Private key, PEM (PKCS#8 rsa or ed25519).
    pub key: Secret,
}
