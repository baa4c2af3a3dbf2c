//! Postfix's load generator and sink as peers: the outbox drained into the sink with every delivery recorded, beside the
//! generator that sends messages of the same size over as many connections and records nothing. Both are looked for on
//! PATH; without them this says so and compares nothing.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::mail::drain;
use crate::nginx::found;

/// Pairs of which the median is told: a busy machine makes single ones swing.
const PAIRS: usize = 5;

/// Ended when dropped.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Prints the ratios of the outbox, `messages` of each kind, to the generator.
pub(crate) fn compare(messages: usize) {
    let (Some(source), Some(sink)) = (found("smtp-source"), found("smtp-sink")) else {
        println!("mail, beside smtp-source: smtp-source or smtp-sink is not installed");
        return;
    };
    let (_sink, address) = start(&sink);
    for (name, size, messages) in [
        ("4 KiB", 4 << 10, messages),
        ("40 KiB", 40 << 10, messages / 2),
    ] {
        for connections in [1, 4] {
            let mut pairs: Vec<(f64, f64)> = (0..PAIRS)
                .map(|_| {
                    let theirs = generate(&source, address, (size, messages, connections));
                    (drain(address.port(), size, messages, connections), theirs)
                })
                .collect();
            pairs.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
            let (ours, theirs) = pairs[PAIRS / 2];
            println!(
                "mail, {name:>6}, {connections} connections {ours:>8.0} messages/s, smtp-source {theirs:>8.0}: {:.2}",
                ours / theirs
            );
        }
    }
}

fn start(sink: &Path) -> (Sink, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut command = Command::new(sink);
    if std::env::var("USER").map_or(true, |user| user == "root") {
        command.args(["-u", "nobody"]);
    }
    let child = command
        .args([&address.to_string(), "2000"])
        .spawn()
        .unwrap();
    let sink = Sink(child);
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "smtp-sink does not answer"
        );
        std::thread::yield_now();
    }
    (sink, address)
}

/// Messages a second of the generator, each connection kept for all its messages.
fn generate(source: &Path, address: SocketAddr, load: (usize, usize, usize)) -> f64 {
    let (size, messages, connections) = load;
    let begun = Instant::now();
    let status = Command::new(source)
        .args(["-d", "-s", &connections.to_string()])
        .args(["-l", &size.to_string(), "-m", &messages.to_string()])
        .args(["-f", "news@example.org", "-t", "s@example.net"])
        .arg(address.to_string())
        .status()
        .unwrap();
    assert!(status.success(), "smtp-source failed");
    messages as f64 / begun.elapsed().as_secs_f64()
}
