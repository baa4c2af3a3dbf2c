//! DNS questions about mail: the door to the packet library. Asks the system's name servers, or the one it is told, for
//! TXT and MX records; over UDP, and over TCP where an answer is cut. A name that does not exist has no records, which
//! is an answer; a server that does not answer is an error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE, header_buffer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

/// How long a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Each server is asked so often: UDP loses packets.
const ROUNDS: usize = 2;
const PORT: u16 = 53;

/// Whom to ask.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
}

/// Where a domain takes its mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailHost {
    /// The servers that its MX records name.
    Named(Vec<String>),
    /// The domain's own address: no MX records.
    Itself,
    /// It takes none: a null MX (RFC 7505).
    Refuses,
    /// There is no such host.
    Nowhere,
}

impl Resolver {
    /// The system's, from `/etc/resolv.conf`; this machine's own where that names none, as the C library has it.
    #[must_use]
    pub fn system() -> Self {
        let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        let mut servers: Vec<SocketAddr> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok())
            .map(|address: IpAddr| SocketAddr::new(address, PORT))
            .collect();
        if servers.is_empty() {
            servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        Self { servers }
    }

    /// Only this one.
    #[must_use]
    pub fn at(server: SocketAddr) -> Self {
        Self {
            servers: vec![server],
        }
    }

    /// The TXT records of `name`, each as one text.
    ///
    /// # Errors
    /// One line when no server answers.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let text = |data: &RData<'_>| match data {
            RData::TXT(text) => String::try_from(text.clone()).ok(),
            _ => None,
        };
        self.ask(name, TYPE::TXT, text).await
    }

    /// Where `domain` takes its mail.
    ///
    /// # Errors
    /// As [`Resolver::texts`].
    pub async fn mail_host(&self, domain: &str) -> Result<MailHost, String> {
        let host = |data: &RData<'_>| match data {
            RData::MX(mx) => Some(mx.exchange.to_string()),
            _ => None,
        };
        let named = self.ask(domain, TYPE::MX, host).await?;
        if named.iter().any(|host| host.trim_matches('.').is_empty()) {
            return Ok(MailHost::Refuses);
        }
        if !named.is_empty() {
            return Ok(MailHost::Named(named));
        }
        let address = |data: &RData<'_>| matches!(data, RData::A(_) | RData::AAAA(_)).then_some(());
        for kind in [TYPE::A, TYPE::AAAA] {
            if !self.ask(domain, kind, address).await?.is_empty() {
                return Ok(MailHost::Itself);
            }
        }
        Ok(MailHost::Nowhere)
    }

    /// What `read` makes of the answers; nothing where the name does not exist.
    async fn ask<T>(
        &self,
        name: &str,
        kind: TYPE,
        read: impl Fn(&RData<'_>) -> Option<T>,
    ) -> Result<Vec<T>, String> {
        let mut id = [0; 2];
        SystemRandom::new()
            .fill(&mut id)
            .map_err(|_| "no randomness".to_owned())?;
        let id = u16::from_be_bytes(id);
        let question = question(id, name, kind).map_err(|error| format!("{name}: {error}"))?;
        let mut trouble = format!("{name}: no name server is known");
        for server in self
            .servers
            .iter()
            .cycle()
            .take(self.servers.len() * ROUNDS)
        {
            let asked = tokio::time::timeout(PATIENCE, exchange(*server, id, &question)).await;
            let answer = asked.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
            match answer
                .map_err(|error| error.kind().to_string())
                .and_then(|bytes| records(&bytes, &read))
            {
                Ok(records) => return Ok(records),
                Err(error) => {
                    trouble = format!("{name}: the name server {server} does not answer: {error}")
                }
            }
        }
        Err(trouble)
    }
}

fn question(id: u16, name: &str, kind: TYPE) -> simple_dns::Result<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(
        Name::new(name)?,
        kind.into(),
        CLASS::IN.into(),
        false,
    ));
    packet.build_bytes_vec()
}

fn records<T>(bytes: &[u8], read: impl Fn(&RData<'_>) -> Option<T>) -> Result<Vec<T>, String> {
    let packet = Packet::parse(bytes).map_err(|error| error.to_string())?;
    match packet.rcode() {
        RCODE::NoError | RCODE::NameError => {}
        code => return Err(format!("{code:?}")),
    }
    let answers = packet.answers.iter();
    Ok(answers.filter_map(|record| read(&record.rdata)).collect())
}

/// One question to one server; what is no answer to it is not listened to.
async fn exchange(server: SocketAddr, id: u16, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let own: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((own, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = buffer.get(..length).unwrap_or_default();
        match answers(answer, id) {
            Some(true) => return over_tcp(server, question).await,
            Some(false) => return Ok(answer.to_vec()),
            None => {}
        }
    }
}

/// Whether the packet answers question `id`, and is cut. Looks at its head alone: a cut one may not parse as a whole.
fn answers(packet: &[u8], id: u16) -> Option<bool> {
    let is = |flag| header_buffer::has_flags(packet, flag).unwrap_or(false);
    let ours = header_buffer::id(packet) == Ok(id) && is(PacketFlag::RESPONSE);
    ours.then(|| is(PacketFlag::TRUNCATION))
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    let framed = [&length.to_be_bytes(), question].concat();
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
