//! Serving: the built daemon hands out a merged feed over kept-alive connections, beside a bare responder that writes
//! the same number of bytes from memory, and beside nginx over the files that the daemon wrote. Plain, gzip and 304. Then
//! clients that are slow and heads that have no end, with the daemon's memory.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::meter::memory_of;
use crate::nginx;

/// Connections at once, beside the bare responder.
const CONNECTIONS: usize = 16;
/// Clients of each kind that mean ill.
const FLOOD: usize = 500;

/// A daemon over one file feed; killed when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Runs the measurement with `requests` requests of each kind.
pub(crate) fn run(requests: usize) {
    let folder = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (_, document) = crate::documents::document(1);
    std::fs::write(folder.path().join("feed.xml"), document).unwrap();
    let config = format!(
        "[store]\nurl = \"sqlite:bench.db\"\n[http]\nlisten = \"{address}\"\nmax_connections = 4096\n\
         max_connections_per_address = 4096\n[fetch]\nmax_new = 100\n[[feed]]\nurl = \"file:feed.xml\"\n\
         [publish.all]\nfiles = \"public\"\n"
    );
    std::fs::write(folder.path().join("feedmill.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_feedmill"));
    command
        .arg("--config")
        .arg(folder.path().join("feedmill.toml"))
        .arg("run");
    let daemon = Daemon(command.stderr(Stdio::null()).spawn().unwrap());
    let whole = wait_for_feed(address);
    let tag = header(&whole, "etag").expect("a merged feed has an ETag");
    for (kind, headers) in [
        ("plain", String::new()),
        ("gzip", "Accept-Encoding: gzip\r\n".to_owned()),
        ("304", format!("If-None-Match: {tag}\r\n")),
    ] {
        let request = format!("GET /all.atom HTTP/1.1\r\nHost: bench\r\n{headers}\r\n");
        let length = exchange(&mut connect(address), &request).len();
        let ours = rate(address, &request, requests);
        let bare = rate(responder(length), &request, requests);
        println!(
            "serve, {kind:<5} {length:>7} bytes {ours:>10.0} requests/s, bare responder {bare:>10.0}: {:.2}",
            ours / bare
        );
    }
    nginx::compare(address, &folder.path().join("public"));
    flood(address, daemon.0.id());
}

/// Clients that never finish their question, that never take their answer, and that ask with heads of 64 kB: what the
/// daemon holds for them, and how long a reader waits beside them.
fn flood(address: SocketAddr, process: u32) {
    let ask = "GET /all.atom HTTP/1.1\r\nHost: bench\r\n\r\n";
    let waited = || {
        let begun = Instant::now();
        let length = exchange(&mut connect(address), ask).len();
        assert!(length > 1000, "a reader was not served");
        begun.elapsed().as_secs_f64() * 1000.0
    };
    let tell = |what: &str| {
        let memory = memory_of(process);
        println!(
            "serve, {what:<40} {memory:>6.1} MB {:>8.2} ms for a reader",
            waited()
        );
    };
    tell("before any flood");
    let half = "GET /all.atom HTTP/1.1\r\nHost: bench\r\nX-Slow: ";
    let slow: Vec<TcpStream> = (0..FLOOD).map(|_| said(address, half)).collect();
    tell("clients that never finish asking");
    let deaf: Vec<TcpStream> = (0..FLOOD).map(|_| said(address, &ask.repeat(20))).collect();
    tell("and clients that take no answer");
    drop((slow, deaf));
    let long = format!("GET / HTTP/1.1\r\nX-Long: {}", "a".repeat(64 * 1024));
    let long: Vec<TcpStream> = (0..FLOOD).map(|_| said(address, &long)).collect();
    tell("heads of 64 kB");
    drop(long);
    tell("after the floods");
}

/// A connection on which something was said; being cut off meanwhile is an answer too.
fn said(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(text.as_bytes()).ok();
    stream
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
}

/// The first answer that holds stories.
fn wait_for_feed(address: SocketAddr) -> Vec<u8> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if TcpStream::connect(address).is_ok() {
            let answer = exchange(
                &mut connect(address),
                "GET /all.atom HTTP/1.1\r\nHost: bench\r\n\r\n",
            );
            if answer.windows(7).any(|window| window == b"<entry>") {
                return answer;
            }
        }
        std::thread::yield_now();
    }
    panic!("the daemon published nothing within a minute");
}

pub(crate) fn header(answer: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(answer);
    let line = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with(name))?;
    line.split_once(": ").map(|(_, value)| value.to_owned())
}

/// One request, one whole answer.
pub(crate) fn exchange(stream: &mut TcpStream, request: &str) -> Vec<u8> {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        answer.extend_from_slice(&buffer[..read]);
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let length =
            header(&answer[..end], "content-length").and_then(|length| length.parse().ok());
        if read == 0 || answer.len() >= end + 4 + length.unwrap_or(0_usize) {
            return answer;
        }
    }
}

/// Requests per second over all connections.
fn rate(address: SocketAddr, request: &str, requests: usize) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut stream = connect(address);
                for _ in 0..requests / CONNECTIONS {
                    exchange(&mut stream, request);
                }
            });
        }
    });
    (requests / CONNECTIONS * CONNECTIONS) as f64 / begun.elapsed().as_secs_f64()
}

/// Answers every request with so many bytes, made before; lives until the process ends.
fn responder(length: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let head = |body: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n");
    let body = length.saturating_sub(head(length).len());
    let mut answer = head(body).into_bytes();
    answer.resize(answer.len() + body, b'x');
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            std::thread::spawn(move || respond(stream, &answer));
        }
    });
    address
}

fn respond(mut stream: TcpStream, answer: &[u8]) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) && stream.write_all(answer).is_ok() {}
}
