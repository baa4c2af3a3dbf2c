//! Mail: the outbox drained with every delivery recorded, beside a bare SMTP generator that sends the same bytes and
//! records nothing, into the same sink. The sink is a process of its own, so that its work is not counted. Then the same
//! beside the load generator that mail servers are measured with.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use feedmill::clock::Clock;
use feedmill::config::{self, Config, Overrides};
use feedmill::filter::Rules;
use feedmill::mail::{Ground, Mailer, sync};
use feedmill::model::{EditionStanding, FrozenEdition, FrozenMessage, StorySeq};
use feedmill::store::{Store, StoreOptions};
use feedmill::telemetry::Metrics;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::meter::{measure, row};
use crate::postfix;

/// Takes mail until killed and keeps none; prints its port on standard output.
pub(crate) fn sink() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    for stream in listener.incoming().map_while(Result::ok) {
        std::thread::spawn(move || take(stream));
    }
}

/// One session: commands may come in one piece, so may the body and its dot.
fn take(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut replies = stream.try_clone().ok()?;
    let mut lines = BufReader::with_capacity(128 * 1024, stream);
    replies.write_all(b"220 sink\r\n").ok()?;
    let (mut line, mut answer) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        match line.get(..4)? {
            b"EHLO" => answer.extend_from_slice(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
            b"QUIT" => return replies.write_all(b"221 bye\r\n").ok(),
            b"DATA" => {
                answer.extend_from_slice(b"354 go\r\n");
                replies.write_all(&answer).ok()?;
                answer.clear();
                until_dot(&mut lines)?;
                answer.extend_from_slice(b"250 2.0.0 taken\r\n");
            }
            _ => answer.extend_from_slice(b"250 2.1.0 fine\r\n"),
        }
        if lines.buffer().is_empty() {
            replies.write_all(&answer).ok()?;
            answer.clear();
        }
    }
}

fn until_dot(lines: &mut BufReader<TcpStream>) -> Option<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        if line == b".\r\n" {
            return Some(());
        }
    }
}

/// The sink's process; killed when dropped.
struct Sink {
    child: Child,
    port: u16,
}

impl Sink {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("sink")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            port: line.trim().parse().unwrap(),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A message of `size` bytes: a head and base64-like lines, which compress as badly as mail does.
fn message(size: usize, number: usize) -> Vec<u8> {
    let mut bytes = format!(
        "From: News <news@example.org>\r\nTo: s{number}@example.net\r\nSubject: n\r\nMessage-ID: <{number}.bench@example.org>\r\n\r\n"
    )
    .into_bytes();
    let mut state = 88_172_645_463_325_252_u64 ^ number as u64;
    while bytes.len() + 78 <= size {
        for _ in 0..76 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.push(b'A' + (state % 57) as u8 % 26);
        }
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Runs the measurement with `messages` messages of each kind.
pub(crate) fn run(messages: usize) {
    let sink = Sink::start();
    for (name, size, messages) in [
        ("4 KiB", 4 << 10, messages),
        ("40 KiB", 40 << 10, messages / 2),
    ] {
        for connections in [1, 4] {
            let rates = (0..3).map(|_| {
                let bare = generate(sink.port, size, messages, connections);
                (drain(sink.port, size, messages, connections), bare)
            });
            let (ours, bare) = rates
                .max_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)))
                .unwrap();
            println!(
                "mail, {name:>6}, {connections} connections {ours:>8.0} messages/s, bare generator {bare:>8.0}: {:.2}",
                ours / bare
            );
        }
    }
    drop(sink);
    postfix::compare(messages);
}

/// Messages a second of a client that keeps nothing: envelope in one write, body and dot in another.
fn generate(port: u16, size: usize, messages: usize, connections: usize) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..connections {
            scope.spawn(move || send(port, &message(size, number), messages / connections));
        }
    });
    (messages / connections * connections) as f64 / begun.elapsed().as_secs_f64()
}

fn send(port: u16, message: &[u8], messages: usize) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 4096];
    let mut await_lines = |stream: &mut TcpStream, mut wanted: usize| {
        while wanted > 0 {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the sink hung up");
            wanted -= buffer[..read].iter().filter(|byte| **byte == b'\n').count();
        }
    };
    await_lines(&mut stream, 1);
    stream.write_all(b"EHLO bench\r\n").unwrap();
    await_lines(&mut stream, 3);
    let body = [message, b".\r\n"].concat();
    for _ in 0..messages {
        let envelope = b"MAIL FROM:<news@example.org>\r\nRCPT TO:<s@example.net>\r\nDATA\r\n";
        stream.write_all(envelope).unwrap();
        await_lines(&mut stream, 3);
        stream.write_all(&body).unwrap();
        await_lines(&mut stream, 1);
    }
}

/// Messages a second from the outbox, each recorded before the next one's body leaves.
pub(crate) fn drain(port: u16, size: usize, messages: usize, connections: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Arc::new(read(folder.path(), (port, messages, connections)));
    let store = runtime.block_on(async {
        let path = folder.path().join("bench.db");
        let store = Store::open(StoreOptions {
            path,
            exclusive: true,
            readers: 2,
        })
        .await
        .unwrap();
        queue(&store, &config, size).await;
        store
    });
    let ground = Ground {
        config,
        rules: Rules::default(),
        clock: Clock::system(),
        metrics: Metrics::default(),
    };
    let mailer = Mailer::new(store.clone(), ground).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    // As the daemon has it: a task of its own.
    let drained = async move { mailer.drain(&CancellationToken::new()).await };
    let ((), cost) = measure(|| {
        runtime.block_on(runtime.spawn(drained)).unwrap().unwrap();
    });
    let delivered = runtime.block_on(async {
        let editions = store.editions("bench", 1).await.unwrap();
        store.close().await.unwrap();
        editions[0].messages
    });
    assert_eq!(delivered, (0, messages, 0), "every delivery is recorded");
    row(
        &format!("mail, {messages} of {size} bytes, {connections}"),
        cost,
        "",
    );
    messages as f64 / cost.wall_s
}

fn read(folder: &std::path::Path, (port, messages, connections): (u16, usize, usize)) -> Config {
    let to: Vec<String> = (0..messages)
        .map(|number| format!("\"s{number}@example.net\""))
        .collect();
    let text = format!(
        "[store]\nurl = \"sqlite:bench.db\"\n[publish.all]\ngroups = [\"*\"]\n[digest.bench]\ncron = \"0 6 * * *\"\n\
         from = \"news@example.org\"\nto = [{}]\n[mail]\nsmtp = \"127.0.0.1:{port}\"\ntls = \"none\"\n\
         connections = {connections}\nper_connection = 1000\n",
        to.join(", ")
    );
    let path = folder.join("feedmill.toml");
    std::fs::write(&path, text).unwrap();
    config::load(&path, &Overrides::default()).unwrap_or_else(|complaints| panic!("{complaints}"))
}

/// One edition with a message for every subscriber.
async fn queue(store: &Store, config: &Config, size: usize) {
    let now = Timestamp::now();
    sync(store, config, now).await.unwrap();
    let subscribers = store.subscribers("bench").await.unwrap();
    let letter =
        |(number, subscriber): (usize, &feedmill::model::SubscriberRecord)| FrozenMessage {
            subscriber: subscriber.id,
            message_id: format!("{number}.bench@example.org"),
            envelope_from: "news@example.org".to_owned(),
            envelope_to: subscriber.spec.address.clone(),
            packed: Store::pack_message(&message(size, number)).unwrap(),
            stories: 1,
            after: StorySeq(0),
        };
    let edition = FrozenEdition {
        digest: "bench".to_owned(),
        lane: "UTC".to_owned(),
        slot_at: now,
        frozen_at: now,
        after: StorySeq(0),
        until: StorySeq(0),
        standing: EditionStanding::Frozen,
        stories: Vec::new(),
        subject: "n".to_owned(),
        web_html: None,
        messages: subscribers.iter().enumerate().map(letter).collect(),
        served: Vec::new(),
    };
    store.freeze_edition(edition, Vec::new()).await.unwrap();
}
