//! An SMTP peer on a loopback socket that follows a script: it can refuse, fall silent, hang up or crawl at every step,
//! and remembers envelopes and bytes. Written from the RFCs, not from the client.

#![allow(
    clippy::unwrap_used,
    reason = "where a test's peer cannot stand up, the test has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What the peer does at a step instead of what is usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Says this line.
    Say(&'static str),
    /// Says this line and hangs up.
    SayAndClose(&'static str),
    /// Hangs up without a word.
    Close,
    /// Never says another word.
    Silence,
}

/// The peer's script.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// Lines of the EHLO reply after the first.
    pub(crate) offers: Vec<&'static str>,
    /// By step: `connect`, `EHLO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `body` (in the middle of it), `dot`.
    pub(crate) acts: BTreeMap<&'static str, Act>,
    /// By recipient, at RCPT.
    pub(crate) recipients: BTreeMap<&'static str, Act>,
    /// After so many accepted messages on one connection, MAIL gets this.
    pub(crate) session_limit: Option<(usize, Act)>,
    /// Connections beyond so many are refused at the greeting.
    pub(crate) most_connections: Option<usize>,
    /// Takes the message, keeps it, then does this instead of answering the final dot, so many times in all.
    pub(crate) after_dot: Option<(usize, Act)>,
    /// At the final dot of a message with more bytes, says this line.
    pub(crate) refused_beyond: Option<(usize, &'static str)>,
    /// Keeps the message of these final dots (counted over all connections), and never answers them.
    pub(crate) unanswered: BTreeSet<usize>,
    /// Writes replies byte by byte.
    pub(crate) crawl: bool,
    /// TLS, for STARTTLS or (with `implicit`) from the first byte.
    pub(crate) tls: Option<TlsAcceptor>,
    /// TLS from the first byte.
    pub(crate) implicit: bool,
    /// Speaks LMTP.
    pub(crate) lmtp: bool,
}

/// One accepted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// MAIL's path and parameters.
    pub(crate) from: String,
    /// RCPT's path.
    pub(crate) to: String,
    /// The message, dots unstuffed.
    pub(crate) bytes: Vec<u8>,
    /// Number of the connection it came on.
    pub(crate) connection: usize,
    /// It came under TLS.
    pub(crate) secure: bool,
}

#[derive(Default)]
struct Memory {
    taken: Vec<Taken>,
    commands: Vec<String>,
    connections: usize,
    dots: usize,
}

/// A running peer; ends with the value.
pub(crate) struct Peer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
    count: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Peer {
    /// Listens on a free port.
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let memory = Arc::new(Mutex::new(Memory::default()));
        let mut tasks = JoinSet::new();
        let shared = memory.clone();
        let (told, count) = watch::channel(0);
        let told = Arc::new(told);
        tasks.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut memory = shared.lock().unwrap();
                    memory.connections += 1;
                    memory.connections
                };
                let (script, memory, told) = (script.clone(), shared.clone(), told.clone());
                sessions.spawn(async move {
                    // A client that hangs up in the middle is what some tests are about.
                    drop(serve(stream, script, (memory, told), number).await);
                });
            }
        });
        Self {
            address,
            memory,
            count,
            _tasks: tasks,
        }
    }

    /// Waits until so many messages have been taken.
    pub(crate) async fn has_taken(&self, messages: usize) {
        let mut count = self.count.clone();
        let waiting = count.wait_for(|count| *count >= messages);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
        waited.expect("the peer was sent too little").unwrap();
    }

    /// Messages taken so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.memory.lock().unwrap().taken.clone()
    }

    /// Commands heard so far, without the words of AUTH.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.memory.lock().unwrap().commands.clone()
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.memory.lock().unwrap().connections
    }
}

/// A certificate for `localhost` and 127.0.0.1: acceptor and PEM.
pub(crate) fn certificate() -> (TlsAcceptor, String) {
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
            .unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

struct Session {
    stream: BufReader<Box<dyn Both>>,
    script: Script,
    memory: Arc<Mutex<Memory>>,
    told: Arc<watch::Sender<usize>>,
    number: usize,
    accepted: usize,
    secure: bool,
}

/// Ends a session.
struct Over;
type Step<T> = Result<T, Over>;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

async fn serve(
    stream: tokio::net::TcpStream,
    script: Script,
    (memory, told): (Arc<Mutex<Memory>>, Arc<watch::Sender<usize>>),
    number: usize,
) -> Step<()> {
    stream.set_nodelay(true)?;
    let secure = script.implicit;
    let stream: Box<dyn Both> = match &script.tls {
        Some(tls) if script.implicit => Box::new(tls.accept(stream).await?),
        _ => Box::new(stream),
    };
    let mut session = Session {
        stream: BufReader::new(stream),
        script,
        memory,
        told,
        number,
        accepted: 0,
        secure,
    };
    if session
        .script
        .most_connections
        .is_some_and(|most| number > most)
    {
        return session
            .act(Act::SayAndClose("421 4.7.0 too many connections"))
            .await;
    }
    session.step("connect", "220 peer.example ESMTP").await?;
    session.commands().await
}

impl Session {
    async fn commands(mut self) -> Step<()> {
        let (mut from, mut to) = (None, None);
        loop {
            let line = self.line().await?;
            let upper = line.to_ascii_uppercase();
            let verb = upper
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_owned();
            let shown = if verb == "AUTH" {
                "AUTH".to_owned()
            } else {
                line.clone()
            };
            self.memory.lock().unwrap().commands.push(shown);
            match verb.as_str() {
                "EHLO" if !self.script.lmtp => self.hello().await?,
                "LHLO" if self.script.lmtp => self.hello().await?,
                "STARTTLS" if self.script.tls.is_some() => self = self.starttls().await?,
                "AUTH" => self.auth(&line).await?,
                "MAIL" => from = self.mail(&line).await?,
                "RCPT" => to = self.rcpt(&line, from.is_some()).await?,
                "DATA" => self.data(from.take(), to.take()).await?,
                "RSET" => {
                    (from, to) = (None, None);
                    self.say("250 2.0.0 reset").await?;
                }
                "QUIT" => {
                    self.say("221 bye").await?;
                    return Err(Over);
                }
                _ => self.say("502 5.5.1 what?").await?,
            }
        }
    }

    async fn line(&mut self) -> Step<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(Over);
        }
        assert!(line.ends_with("\r\n"), "a command ends in CRLF: {line:?}");
        Ok(line.trim_end().to_owned())
    }

    async fn say(&mut self, line: &str) -> Step<()> {
        let bytes = format!("{line}\r\n").into_bytes();
        let pieces: Vec<&[u8]> = if self.script.crawl {
            bytes.chunks(1).collect()
        } else {
            vec![&bytes]
        };
        for piece in pieces {
            self.stream.get_mut().write_all(piece).await?;
            self.stream.get_mut().flush().await?;
        }
        Ok(())
    }

    async fn act(&mut self, act: Act) -> Step<()> {
        match act {
            Act::Say(line) => self.say(line).await,
            Act::SayAndClose(line) => {
                self.say(line).await?;
                Err(Over)
            }
            Act::Close => Err(Over),
            Act::Silence => std::future::pending().await,
        }
    }

    /// The scripted act at `step`, or `usual`. True when the usual was done.
    async fn step(&mut self, step: &str, usual: &str) -> Step<bool> {
        match self.script.acts.get(step).cloned() {
            Some(act) => self.act(act).await.map(|()| false),
            None => self.say(usual).await.map(|()| true),
        }
    }

    async fn hello(&mut self) -> Step<()> {
        if self.script.acts.contains_key("EHLO") {
            return self.step("EHLO", "").await.map(drop);
        }
        let mut lines = vec!["peer.example"];
        lines.extend(self.script.offers.clone());
        if self.script.tls.is_some() && !self.secure {
            lines.push("STARTTLS");
        }
        let last = lines.len() - 1;
        for (at, line) in lines.iter().enumerate() {
            self.say(&format!("250{}{line}", if at == last { ' ' } else { '-' }))
                .await?;
        }
        Ok(())
    }

    async fn starttls(mut self) -> Step<Self> {
        if !self.step("STARTTLS", "220 go").await? {
            return Ok(self);
        }
        let tls = self.script.tls.clone().ok_or(Over)?;
        let stream: Box<dyn Both> = Box::new(tls.accept(self.stream.into_inner()).await?);
        Ok(Self {
            stream: BufReader::new(stream),
            secure: true,
            ..self
        })
    }

    async fn auth(&mut self, line: &str) -> Step<()> {
        if line.eq_ignore_ascii_case("AUTH LOGIN") {
            for prompt in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                self.say(prompt).await?;
                self.line().await?;
            }
        }
        self.step("AUTH", "235 2.7.0 in").await.map(drop)
    }

    async fn mail(&mut self, line: &str) -> Step<Option<String>> {
        if let Some((limit, act)) = self
            .script
            .session_limit
            .clone()
            .filter(|(limit, _)| self.accepted >= *limit)
        {
            assert!(self.accepted >= limit);
            return self.act(act).await.map(|()| None);
        }
        let done = self.step("MAIL", "250 2.1.0 sender").await?;
        Ok(done.then(|| line.get(10..).unwrap_or_default().to_owned()))
    }

    async fn rcpt(&mut self, line: &str, begun: bool) -> Step<Option<String>> {
        if !begun {
            return self.say("503 5.5.1 MAIL first").await.map(|()| None);
        }
        let to = line
            .get(9..)
            .unwrap_or_default()
            .trim_end_matches('>')
            .to_owned();
        if let Some(act) = self.script.recipients.get(to.as_str()).cloned() {
            return self.act(act).await.map(|()| None);
        }
        Ok(self
            .step("RCPT", "250 2.1.5 recipient")
            .await?
            .then_some(to))
    }

    async fn data(&mut self, from: Option<String>, to: Option<String>) -> Step<()> {
        let (Some(from), Some(to)) = (from, to) else {
            return self.say("503 5.5.1 RCPT first").await;
        };
        if !self.step("DATA", "354 go").await? {
            return Ok(());
        }
        if self.script.acts.contains_key("body") {
            let mut some = [0; 64];
            self.stream.read_exact(&mut some).await?;
            return self.step("body", "").await.map(drop);
        }
        let bytes = self.body().await?;
        let dots = {
            let mut memory = self.memory.lock().unwrap();
            memory.dots += 1;
            memory.dots
        };
        if self.script.acts.contains_key("dot") {
            return self.step("dot", "").await.map(drop);
        }
        let beyond = self.script.refused_beyond;
        if let Some((_, words)) = beyond.filter(|(most, _)| bytes.len() > *most) {
            return self.say(words).await;
        }
        self.memory.lock().unwrap().taken.push(Taken {
            from,
            to,
            bytes,
            connection: self.number,
            secure: self.secure,
        });
        self.accepted += 1;
        self.told.send_modify(|count| *count += 1);
        if self.script.unanswered.contains(&dots) {
            return self.act(Act::Silence).await;
        }
        match self
            .script
            .after_dot
            .clone()
            .filter(|(times, _)| dots <= *times)
        {
            Some((_, act)) => self.act(act).await,
            None => {
                self.say("250 2.0.0 queued as Q1 for <someone@example.net>")
                    .await
            }
        }
    }

    async fn body(&mut self) -> Step<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(Over);
            }
            assert!(line.ends_with(b"\r\n"), "no bare line feed on the wire");
            if line == b".\r\n" {
                return Ok(bytes);
            }
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}
