//! A name server on loopback with a zone of TXT, MX and A records. Written from RFC 1035, not from the client: it answers
//! over UDP and TCP, cuts what is too long for UDP, and can be silent or broken.

#![allow(
    clippy::unwrap_used,
    reason = "where a test's peer cannot stand up, the test has failed"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

/// Records by name and type; a name without any does not exist.
pub(crate) type Zone = BTreeMap<(&'static str, &'static str), Vec<String>>;

/// A running server; ends with the value.
pub(crate) struct Names {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Names {
    /// Answers from `zone` on a free port.
    pub(crate) async fn start(zone: Zone) -> Self {
        let (socket, listener) = on_one_port().await;
        let address = socket.local_addr().unwrap();
        let zone = Arc::new(zone);
        let mut tasks = JoinSet::new();
        let known = zone.clone();
        tasks.spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let mut answer = answer(&known, &buffer[..length]);
                // A stranger's packet comes first: another id.
                let mut forged = answer.clone();
                forged[0] ^= 0xFF;
                socket.send_to(&forged, from).await.unwrap();
                if answer.len() > 512 {
                    // Truncated: the flag, the question, and part of an answer.
                    answer[2] |= 0x02;
                    answer.truncate(512);
                }
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut question = vec![0; usize::from(length)];
                stream.read_exact(&mut question).await.unwrap();
                let answer = answer(&zone, &question);
                let length = u16::try_from(answer.len()).unwrap();
                stream.write_u16(length).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }
}

/// A port that is free for both.
async fn on_one_port() -> (UdpSocket, TcpListener) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        if let Ok(socket) = UdpSocket::bind(address).await {
            return (socket, listener);
        }
    }
}

/// The name asked for, in lower case, and the length of the question's name.
fn name(question: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] > 0 {
        let length = usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..=at + length]).to_lowercase());
        at += 1 + length;
    }
    (labels.join("."), at + 1)
}

fn answer(zone: &Zone, question: &[u8]) -> Vec<u8> {
    let (name, end) = name(question);
    let kind = match u16::from_be_bytes([question[end], question[end + 1]]) {
        1 => "A",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        _ => "?",
    };
    let key = |(known, of): &&(&'static str, &'static str)| *known == name && *of == kind;
    let records = zone.keys().find(key).map_or(&[][..], |key| &zone[key]);
    let exists = zone.keys().any(|(known, _)| *known == name);
    let broken = records.iter().any(|record| record == "SERVFAIL");
    let code = match (broken, exists) {
        (true, _) => 2,
        (false, true) => 0,
        (false, false) => 3,
    };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1]);
    let count = if broken { 0 } else { records.len() };
    answer.extend(u16::try_from(count).unwrap().to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(&question[12..end + 4]);
    for record in records.iter().take(count) {
        let data = data(kind, record);
        answer.extend([0xC0, 0x0C]);
        answer.extend(&question[end..end + 4]);
        answer.extend(300_u32.to_be_bytes());
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    answer
}

fn data(kind: &str, record: &str) -> Vec<u8> {
    match kind {
        // Strings of at most 255 bytes, one after the other.
        "TXT" => record
            .as_bytes()
            .chunks(255)
            .flat_map(|chunk| [&[u8::try_from(chunk.len()).unwrap()], chunk].concat())
            .collect(),
        "MX" => {
            let mut data = vec![0, 10];
            for label in record.split('.').filter(|label| !label.is_empty()) {
                data.push(u8::try_from(label.len()).unwrap());
                data.extend(label.as_bytes());
            }
            data.push(0);
            data
        }
        _ => record
            .parse::<std::net::Ipv4Addr>()
            .unwrap()
            .octets()
            .to_vec(),
    }
}
