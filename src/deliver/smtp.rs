//! The SMTP and LMTP conversation: takes one message and one recipient per transaction on a connection that is used
//! again. Every step has its deadline, and every failure knows on which side of the final dot it happened.

mod transaction;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;

use super::reply::Reply;
use super::wire::{Broken, Wire};
use super::{Deadlines, Halt, Latch, Outcome};
use crate::config::{MailTls, Secret, Transport};

/// What the server said it can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Features {
    pipelining: bool,
    smtputf8: bool,
    starttls: bool,
    auth: Vec<String>,
    /// 0: no limit told.
    size: usize,
}

/// One connection, logged in.
#[derive(Debug)]
pub struct Session {
    wire: Wire,
    deadlines: Deadlines,
    features: Features,
    taken: usize,
    alive: bool,
}

type Step<T> = Result<T, Outcome>;

impl Session {
    /// Connects, greets, encrypts, logs in: whatever fails here fails for everyone.
    pub(super) async fn open(
        transport: &Transport,
        tls: Option<Arc<ClientConfig>>,
        hello: &str,
        deadlines: Deadlines,
    ) -> Step<Self> {
        match transport {
            Transport::Smtp {
                host,
                port,
                tls: mode,
                login,
                ..
            } => {
                let wire = Wire::tcp(host, *port, deadlines.connect)
                    .await
                    .map_err(|broken| down("connecting", &broken))?;
                let mut session = Self::new(wire, deadlines);
                if let (MailTls::Implicit, Some(config)) = (mode, &tls) {
                    session = session.encrypt(config.clone(), host).await?;
                }
                session.greet(&format!("EHLO {hello}")).await?;
                if let (MailTls::Starttls, Some(config)) = (mode, tls) {
                    session = session.starttls(config, host).await?;
                    session.hello(&format!("EHLO {hello}")).await?;
                }
                if let Some((user, password)) = login {
                    session.login(user, password).await?;
                }
                Ok(session)
            }
            Transport::Lmtp(place) => {
                let wire = Wire::local(place, deadlines.connect)
                    .await
                    .map_err(|broken| down("connecting", &broken))?;
                let mut session = Self::new(wire, deadlines);
                session.greet(&format!("LHLO {hello}")).await?;
                Ok(session)
            }
            Transport::Maildir(_) | Transport::Sendmail(_) => {
                Err(unavailable("this transport has no server"))
            }
        }
    }

    fn new(wire: Wire, deadlines: Deadlines) -> Self {
        Self {
            wire,
            deadlines,
            features: Features::default(),
            taken: 0,
            alive: true,
        }
    }

    pub(super) fn usable(&self) -> bool {
        self.alive
    }

    pub(super) async fn quit(mut self) {
        // Best effort: the server has all it needs, and closes by itself should the word be lost.
        if self.alive
            && let Err(broken) = self.wire.write(b"QUIT\r\n", self.deadlines.connect).await
        {
            tracing::debug!(error = ?broken.to_string(), "connection was gone before QUIT");
        }
    }

    async fn greet(&mut self, hello: &str) -> Step<()> {
        let greeting = self
            .wire
            .reply(self.deadlines.greeting)
            .await
            .map_err(|broken| down("waiting for the greeting", &broken))?;
        if !greeting.positive() {
            return Err(unavailable(&format!(
                "the server does not greet: {}",
                greeting.words()
            )));
        }
        self.hello(hello).await
    }

    async fn hello(&mut self, hello: &str) -> Step<()> {
        let reply = self.ask(hello).await?;
        if !reply.positive() {
            return Err(unavailable(&format!("EHLO refused: {}", reply.words())));
        }
        self.features = features(&reply);
        Ok(())
    }

    /// One command while setting up.
    async fn ask(&mut self, command: &str) -> Step<Reply> {
        let verb = command.split(' ').next().unwrap_or_default().to_owned();
        self.command(command)
            .await
            .map_err(|broken| down(&verb, &broken))
    }

    async fn command(&mut self, command: &str) -> Result<Reply, Broken> {
        self.wire
            .write(format!("{command}\r\n").as_bytes(), self.deadlines.command)
            .await?;
        self.wire.reply(self.deadlines.command).await
    }

    async fn starttls(mut self, config: Arc<ClientConfig>, host: &str) -> Step<Self> {
        if !self.features.starttls {
            return Err(unavailable(
                "the server does not offer STARTTLS, and the config requires it",
            ));
        }
        let reply = self.ask("STARTTLS").await?;
        if reply.code != 220 {
            return Err(unavailable(&format!("STARTTLS refused: {}", reply.words())));
        }
        self.encrypt(config, host).await
    }

    async fn encrypt(self, config: Arc<ClientConfig>, host: &str) -> Step<Self> {
        let wire = self
            .wire
            .encrypted(config, host, self.deadlines.connect)
            .await;
        let wire = wire.map_err(|broken| match broken {
            Broken::Gone(error) => unavailable(&format!("TLS failed: {error}")),
            other => down("TLS", &other),
        })?;
        // RFC 3207 §4.2: what was learned before TLS is forgotten.
        Ok(Self::new(wire, self.deadlines))
    }

    async fn login(&mut self, user: &str, password: &Secret) -> Step<()> {
        let offers = |name: &str| self.features.auth.iter().any(|offer| offer == name);
        let reply = if offers("PLAIN") {
            let word = STANDARD.encode(format!("\0{user}\0{}", password.reveal()));
            self.ask(&format!("AUTH PLAIN {word}")).await?
        } else if offers("LOGIN") {
            self.login_in_steps(user, password).await?
        } else {
            return Err(unavailable(
                "the server offers neither AUTH PLAIN nor AUTH LOGIN",
            ));
        };
        match reply.code {
            235 => Ok(()),
            _ => Err(unavailable(&format!("login refused: {}", reply.words()))),
        }
    }

    async fn login_in_steps(&mut self, user: &str, password: &Secret) -> Step<Reply> {
        let mut reply = self.ask("AUTH LOGIN").await?;
        for word in [user, password.reveal()] {
            if reply.code != 334 {
                return Ok(reply);
            }
            reply = self
                .command(&STANDARD.encode(word))
                .await
                .map_err(|broken| down("AUTH", &broken))?;
        }
        Ok(reply)
    }
}

fn features(reply: &Reply) -> Features {
    let mut features = Features::default();
    for line in reply.lines.iter().skip(1) {
        let line = line.to_ascii_uppercase();
        let mut words = line.split([' ', '=']);
        match words.next() {
            Some("PIPELINING") => features.pipelining = true,
            Some("SMTPUTF8") => features.smtputf8 = true,
            Some("STARTTLS") => features.starttls = true,
            Some("SIZE") => {
                features.size = words.next().and_then(|size| size.parse().ok()).unwrap_or(0)
            }
            Some("AUTH") => features.auth = words.map(str::to_owned).collect(),
            _ => {}
        }
    }
    features
}

fn unavailable(reason: &str) -> Outcome {
    Outcome::Unavailable {
        reason: reason.to_owned(),
    }
}

fn down(step: &str, broken: &Broken) -> Outcome {
    unavailable(&format!("{step}: {broken}"))
}
