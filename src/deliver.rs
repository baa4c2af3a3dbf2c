//! One message to one recipient: takes finished bytes and an envelope, gives an [`Outcome`]. Knows where in the
//! conversation it failed, because only that tells whether the server may have the message. Refuses to run a server's
//! words into the log with addresses in them.
//!
//! The SMTP conversation is our own on tokio and rustls: the stock client sends DATA, body and dot in one call, so it
//! cannot tell a failure before the final dot (certainly not sent) from one after it (perhaps sent), its timeout does
//! not cover the conversation, it drops the connection at a refused recipient, and it speaks no LMTP.

pub mod bounce;
mod dkim;
mod dns;
mod halt;
mod latch;
mod local;
mod outcome;
mod parts;
mod preflight;
mod reply;
mod smtp;
mod wire;

use std::time::Duration;

use rustls::ClientConfig;
use std::sync::Arc;

use crate::config::{MailConfig, Transport};
use crate::model::OutboxMessage;

pub use dkim::Signer;
pub use dns::{MailHost, Resolver};
pub use halt::Halt;
pub use latch::Latch;
pub use outcome::{Outcome, settled};
pub use parts::{lighter, part};
pub use preflight::{Finding, Sender, Signature, Verdict, preflight};

/// Longest waits of each step (RFC 5321 §4.5.3.2). Too short a last one makes duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// TCP and TLS.
    pub connect: Duration,
    /// The server's first words.
    pub greeting: Duration,
    /// EHLO, AUTH, MAIL, RCPT, RSET.
    pub command: Duration,
    /// DATA.
    pub data: Duration,
    /// Writing the message.
    pub body: Duration,
    /// The answer to the final dot.
    pub dot: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            body: minutes(3),
            dot: minutes(10),
        }
    }
}

/// Why mail cannot be set up at all.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// A certificate file.
    #[error("cannot use the certificates in {path}: {detail}")]
    Certificate {
        /// File.
        path: String,
        /// What is wrong.
        detail: String,
    },
    /// The signing key.
    #[error("cannot use the DKIM key: {0}")]
    Key(String),
    /// The machine's trusted certificates.
    #[error("cannot read the system's trusted certificates")]
    Trust(#[source] rustls::Error),
}

/// How mail leaves, ready to use.
#[derive(Clone, Debug)]
pub struct Deliverer {
    transport: Transport,
    tls: Option<Arc<ClientConfig>>,
    hello: String,
    deadlines: Deadlines,
}

impl Deliverer {
    /// Reads certificates; connects to nothing. `hello` names us where the config does not.
    ///
    /// # Errors
    /// When a certificate file is unusable.
    pub fn new(config: &MailConfig, hello: &str) -> Result<Self, DeliverError> {
        let mut hello = hello.to_owned();
        let mut tls = None;
        if let Transport::Smtp {
            tls: mode,
            ca_certificate,
            hello: named,
            ..
        } = &config.transport
        {
            tls = wire::client_config(*mode, ca_certificate.as_deref())?;
            hello = named.clone().unwrap_or(hello);
        }
        Ok(Self {
            transport: config.transport.clone(),
            tls,
            hello,
            deadlines: Deadlines::default(),
        })
    }

    /// With other deadlines.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// A line to the server (or the folder, or the program), ready for the first message.
    ///
    /// # Errors
    /// [`Outcome::Unavailable`]: nothing was tried for anyone.
    pub async fn open(&self) -> Result<Line, Outcome> {
        match &self.transport {
            Transport::Smtp { .. } | Transport::Lmtp(_) => smtp::Session::open(
                &self.transport,
                self.tls.clone(),
                &self.hello,
                self.deadlines,
            )
            .await
            .map(Line::Smtp),
            Transport::Maildir(folder) => Ok(Line::Maildir(folder.clone())),
            Transport::Sendmail(program) => Ok(Line::Sendmail(program.clone(), self.deadlines.dot)),
        }
    }
}

/// An open line; one message at a time.
#[derive(Debug)]
pub enum Line {
    /// SMTP or LMTP.
    Smtp(smtp::Session),
    /// A Maildir.
    Maildir(std::path::PathBuf),
    /// A program and how long it may take.
    Sendmail(std::path::PathBuf, Duration),
}

impl Line {
    /// Sends one message, or as much of it as `halt` leaves time for.
    pub async fn send(&mut self, message: &OutboxMessage, halt: &Halt) -> Outcome {
        self.send_through(message, halt, &mut Latch::open()).await
    }

    /// Sends one message as [`Self::send`] does; its body does not leave before `latch` opens.
    pub async fn send_through(
        &mut self,
        message: &OutboxMessage,
        halt: &Halt,
        latch: &mut Latch,
    ) -> Outcome {
        if let Some(refusal) = outcome::unusable_envelope(message) {
            return refusal;
        }
        // Only a server has an envelope to be told beforehand.
        if !matches!(self, Self::Smtp(_)) && halt.before(latch.passed()).await != Some(true) {
            return Outcome::held_back();
        }
        match self {
            Self::Smtp(session) => session.send(message, halt, latch).await,
            Self::Maildir(folder) => local::keep(folder, message).await,
            Self::Sendmail(program, deadline) => {
                let piped = halt.within(local::pipe(program, *deadline, message)).await;
                piped.unwrap_or_else(Outcome::cut_short)
            }
        }
    }

    /// Whether another message may be sent on it.
    #[must_use]
    pub fn usable(&self) -> bool {
        match self {
            Self::Smtp(session) => session.usable(),
            Self::Maildir(_) | Self::Sendmail(..) => true,
        }
    }

    /// Says goodbye; what the server answers does not matter any more.
    pub async fn close(self) {
        if let Self::Smtp(session) = self {
            session.quit().await;
        }
    }
}
