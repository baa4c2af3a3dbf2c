//! WebSub on the publishing side, at the sockets: wishes come through the real router, proofs and deliveries go to a
//! callback that answers as told; the cases are named as the public test suite for hubs numbers them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use feedmill::config::PublishConfig;
use feedmill::fetch::Fetcher;
use feedmill::release::{Courier, system_challenge};

use crate::http::bench::{CALM, Served, start};
use crate::publish::bench::output;
use crate::release::{Mill, pairs};
use crate::support::client::{Response, send};
use crate::support::origin::{Origin, Reply};

const TOPIC: &str = "https://news.example.org/all.atom";
const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

/// How a callback answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Repeats challenges, takes deliveries.
    Willing,
    /// Answers a challenge with something else.
    Wrong,
    /// Sends elsewhere.
    Redirecting,
    /// Repeats challenges, fails at deliveries with this status.
    Failing(u16),
    /// Posts another wish to this hub before it repeats a challenge.
    Hasty(SocketAddr),
}

#[derive(Clone, Debug)]
struct Got {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Got {
    fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    fn query(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://x{}", self.target)).unwrap();
        let found = url.query_pairs().find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    }
}

/// A subscriber's end, in a thread that ends with the last connection after it was dropped.
struct Callback {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    manner: Arc<Mutex<Option<Manner>>>,
}

impl Callback {
    fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let callback = Self {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
            manner: Arc::new(Mutex::new(Some(manner))),
        };
        let (got, manner) = (Arc::clone(&callback.got), Arc::clone(&callback.manner));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(manner) = *manner.lock().unwrap() else {
                    return;
                };
                if let Some(request) = read(&stream) {
                    if let Manner::Hasty(hub) = manner {
                        wish_again(hub, &request);
                    }
                    answer(stream, &request, manner);
                    got.lock().unwrap().push(request);
                }
            }
        });
        callback
    }

    fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = Some(manner);
    }

    fn url(&self) -> String {
        format!("http://{}/callback?mine=1", self.address)
    }

    /// What came since the last look.
    fn take(&self, method: &str) -> Vec<Got> {
        let mut got = self.got.lock().unwrap();
        let (wanted, rest) = got.drain(..).partition(|one: &Got| one.method == method);
        *got = rest;
        wanted
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        *self.manner.lock().unwrap() = None;
        TcpStream::connect(self.address).ok();
    }
}

fn read(stream: &TcpStream) -> Option<Got> {
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Got {
        method,
        target,
        headers,
        body,
    })
}

fn answer(mut stream: TcpStream, request: &Got, manner: Manner) {
    let challenge = request.query("hub.challenge").unwrap_or_default();
    let (status, more, body) = match (manner, request.method.as_str()) {
        (Manner::Redirecting, _) => (302, "Location: /elsewhere\r\n", challenge),
        (Manner::Wrong, "GET") => (200, "", format!("{challenge}x")),
        (Manner::Failing(status), "POST") => (status, "", String::new()),
        _ => (200, "", challenge),
    };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).ok();
}

/// The same wish with another lease, while the first one is being proven.
fn wish_again(hub: SocketAddr, request: &Got) {
    let host = request.all("host")[0];
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.topic", TOPIC)
        .append_pair("hub.callback", &format!("http://{host}/callback?mine=1"))
        .append_pair("hub.lease_seconds", "4000")
        .finish();
    assert_eq!(
        send(hub, "POST", "/websub/hub", &FORM, form.as_bytes()).status,
        202
    );
}

/// A served mill with a story, and who carries for it.
struct Hub {
    mill: Mill,
    served: Served,
    stories: usize,
}

impl Hub {
    async fn new(hubs: &[&str], networks: &[&str]) -> Self {
        let told = PublishConfig {
            tombstones: false,
            hubs: hubs.iter().map(|hub| (*hub).to_owned()).collect(),
            ..output("all")
        };
        let quiet = PublishConfig {
            tombstones: false,
            hubs: Vec::new(),
            ..output("quiet")
        };
        let mut mill = Mill::new(vec![told, quiet]).await;
        let networks = networks.iter().map(|network| network.parse().unwrap());
        mill.config.fetch.allow_networks = networks.collect();
        mill.poll("a", &pairs(&[("0", "Story 0")])).await;
        let served = start(&mill, CALM).await;
        Self {
            mill,
            served,
            stories: 1,
        }
    }

    fn wish(&self, fields: &[(&str, &str)]) -> Response {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        send(
            self.served.address,
            "POST",
            "/websub/hub",
            &FORM,
            form.as_bytes(),
        )
    }

    fn subscribe(&self, callback: &Callback, more: &[(&str, &str)]) -> u16 {
        let url = callback.url();
        let mut fields = vec![
            ("hub.mode", "subscribe"),
            ("hub.topic", TOPIC),
            ("hub.callback", &url),
        ];
        fields.extend(more);
        self.wish(&fields).status
    }

    fn courier(&self) -> Courier {
        let config = &self.mill.config;
        let fetcher = Fetcher::new(&config.fetch, &config.feeds).unwrap();
        Courier::new(&self.mill.releaser(), fetcher, system_challenge)
    }

    /// A round of a carrier that was just started.
    async fn round(&self) {
        let courier = self.courier();
        let round = tokio::time::timeout(Duration::from_secs(30), courier.round());
        round.await.expect("a round ends").unwrap();
    }

    /// A new story, so that the topics change.
    async fn news(&mut self) {
        let number = self.stories.to_string();
        self.stories += 1;
        self.mill
            .poll("a", &[(number.clone(), format!("Story {number}"))])
            .await;
        self.mill.refresh().await;
    }

    fn wait(&self, seconds: u64) {
        self.mill.clock.advance(Duration::from_secs(seconds));
    }
}

const OPEN: &[&str] = &["127.0.0.0/8"];

/// Cases 100 and 102: accepted before any proof, proven with a challenge, told the whole document with its links.
#[tokio::test(flavor = "multi_thread")]
async fn case_100_a_proven_subscriber_gets_the_document() {
    let mut hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Willing);
    assert_eq!(
        hub.subscribe(&callback, &[("hub.unknown", "x"), ("foo", "bar")]),
        202
    );
    assert!(
        callback.take("GET").is_empty(),
        "202 is independent of the proof"
    );
    hub.round().await;
    let asked = callback.take("GET");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].query("hub.mode").as_deref(), Some("subscribe"));
    assert_eq!(asked[0].query("hub.topic").as_deref(), Some(TOPIC));
    assert_eq!(
        asked[0].query("hub.lease_seconds").as_deref(),
        Some("864000")
    );
    assert_eq!(
        asked[0].query("mine").as_deref(),
        Some("1"),
        "its own query stays"
    );
    assert!(asked[0].query("hub.challenge").unwrap().len() >= 32);
    assert!(callback.take("POST").is_empty(), "what is known is no news");

    hub.news().await;
    hub.wait(1);
    hub.round().await;
    let told = callback.take("POST");
    assert_eq!(told.len(), 1);
    let document = hub.mill.shelf.get("/all.atom").unwrap();
    assert_eq!(told[0].body, document.identity);
    assert_eq!(
        told[0].all("content-type"),
        ["application/atom+xml; charset=utf-8"]
    );
    assert_eq!(
        told[0].all("link"),
        [
            "<https://news.example.org/websub/hub>; rel=\"hub\"",
            "<https://news.example.org/all.atom>; rel=\"self\""
        ]
    );
    assert!(told[0].all("x-hub-signature").is_empty());
    hub.wait(600);
    hub.round().await;
    assert!(callback.take("POST").is_empty(), "told once");
}

/// Who is told to stop begins nothing more, however much is due.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_is_stopped_asks_nobody() {
    let hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Willing);
    assert_eq!(hub.subscribe(&callback, &[]), 202);
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    let courier = hub.courier();
    let run = tokio::time::timeout(Duration::from_secs(30), courier.run(stop));
    run.await.expect("a stopped carrier ends");
    assert!(callback.take("GET").is_empty());
    hub.round().await;
    assert_eq!(callback.take("GET").len(), 1);
}

/// Cases 101 and 106: signed where there is a secret; JSON Feed with its own media type.
#[tokio::test(flavor = "multi_thread")]
async fn case_101_a_delivery_is_signed_with_the_secret() {
    let mut hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Willing);
    let url = callback.url();
    let answer = hub.wish(&[
        ("hub.mode", "subscribe"),
        ("hub.topic", "https://news.example.org/all.json"),
        ("hub.callback", &url),
        ("hub.secret", "a shared word"),
    ]);
    assert_eq!(answer.status, 202);
    hub.round().await;
    hub.news().await;
    hub.wait(1);
    hub.round().await;
    let told = &callback.take("POST")[0];
    assert_eq!(
        told.all("content-type"),
        ["application/feed+json; charset=utf-8"]
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"a shared word");
    let given = told.all("x-hub-signature")[0]
        .strip_prefix("sha256=")
        .unwrap();
    let bytes: Vec<u8> = (0..given.len() / 2)
        .map(|at| u8::from_str_radix(&given[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    aws_lc_rs::hmac::verify(&key, &told.body, &bytes).expect("the signature of the body");
}

/// Cases 103 and 104: renewing replaces, leaving ends, and both must be proven.
#[tokio::test(flavor = "multi_thread")]
async fn case_103_renewing_replaces_and_case_104_leaving_ends() {
    let mut hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Willing);
    hub.subscribe(&callback, &[("hub.secret", "first")]);
    hub.round().await;
    hub.subscribe(
        &callback,
        &[("hub.secret", "second"), ("hub.lease_seconds", "1000")],
    );
    hub.round().await;
    let asked = callback.take("GET");
    assert_eq!(asked[1].query("hub.lease_seconds").as_deref(), Some("1000"));
    assert_ne!(
        asked[0].query("hub.challenge"),
        asked[1].query("hub.challenge")
    );
    hub.news().await;
    hub.wait(61);
    hub.round().await;
    let told = callback.take("POST");
    assert_eq!(told.len(), 1, "one for a topic and a callback");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"second");
    let tag = aws_lc_rs::hmac::sign(&key, &told[0].body);
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(told[0].all("x-hub-signature"), [format!("sha256={hex}")]);

    let url = callback.url();
    let leave = [
        ("hub.mode", "unsubscribe"),
        ("hub.topic", TOPIC),
        ("hub.callback", url.as_str()),
    ];
    callback.becomes(Manner::Wrong);
    assert_eq!(hub.wish(&leave).status, 202);
    hub.round().await;
    callback.becomes(Manner::Willing);
    hub.news().await;
    hub.wait(70);
    assert_eq!(callback.take("GET").len(), 1);
    hub.round().await;
    let asked = callback.take("GET");
    assert_eq!(asked[0].query("hub.mode").as_deref(), Some("unsubscribe"));
    assert_eq!(asked[0].query("hub.lease_seconds"), None);
    callback.take("POST");
    hub.news().await;
    hub.wait(600);
    hub.round().await;
    assert!(callback.take("POST").is_empty());
}

/// A lease ends when it was said to end; unrenewed, nothing more is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_never_perpetual() {
    let mut hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Willing);
    for (asked, granted) in [("1", "300"), ("99999999999", "2592000"), ("600", "600")] {
        assert_eq!(
            hub.subscribe(&callback, &[("hub.lease_seconds", asked)]),
            202
        );
        hub.round().await;
        let got = callback.take("GET");
        assert_eq!(got[0].query("hub.lease_seconds").as_deref(), Some(granted));
    }
    hub.news().await;
    hub.wait(601);
    hub.round().await;
    assert!(callback.take("POST").is_empty());
}

/// A challenge that is not repeated, or repeated elsewhere, proves nothing; three tries and the wish is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_proven_is_not_told() {
    for manner in [Manner::Wrong, Manner::Redirecting] {
        let mut hub = Hub::new(&["self"], OPEN).await;
        let callback = Callback::new(manner);
        assert_eq!(hub.subscribe(&callback, &[]), 202);
        let mut asked = Vec::new();
        for _ in 0..6 {
            hub.round().await;
            asked.extend(callback.take("GET"));
            hub.wait(600);
        }
        assert_eq!(asked.len(), 3, "{manner:?}");
        assert!(asked.iter().all(|one| one.target.starts_with("/callback")));
        hub.news().await;
        hub.round().await;
        assert!(callback.take("POST").is_empty(), "{manner:?}");
    }
}

/// A wish that comes while an earlier one of the same callback is proven is proven too, and is the one that counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_wish_posted_during_a_proof_is_not_lost() {
    let hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Hasty(hub.served.address));
    assert_eq!(
        hub.subscribe(&callback, &[("hub.lease_seconds", "5000")]),
        202
    );
    hub.round().await;
    callback.becomes(Manner::Willing);
    hub.round().await;
    let leases: Vec<_> = callback
        .take("GET")
        .iter()
        .map(|asked| asked.query("hub.lease_seconds").unwrap())
        .collect();
    assert_eq!(leases, ["5000", "4000"]);
    hub.round().await;
    assert!(callback.take("GET").is_empty(), "the wish is settled");
}

/// One host of callbacks takes a share of the places and not all; whoever has a subscription may renew it and leave,
/// however many there are.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_wishes_keeps_nobody_out() {
    let hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Willing);
    assert_eq!(hub.subscribe(&callback, &[]), 202);
    hub.round().await;
    let wish = |mode: &str, url: &str| {
        hub.wish(&[
            ("hub.mode", mode),
            ("hub.topic", TOPIC),
            ("hub.callback", url),
        ])
        .status
    };
    let flood = (0..60).map(|n| wish("subscribe", &format!("http://flood.example/{n}")));
    let statuses: Vec<u16> = flood.collect();
    assert_eq!(statuses[..50], [202; 50]);
    assert_eq!(statuses[50..], [503; 10]);
    assert_eq!(wish("subscribe", "http://other.example/"), 202);

    for n in 0..10_000 {
        let name = format!("hub/subscription/made-up-{n}");
        hub.mill
            .store
            .set_note(&name, Some(b"x".to_vec()))
            .await
            .unwrap();
    }
    assert_eq!(wish("subscribe", "http://new.example/"), 503);
    assert_eq!(wish("subscribe", &callback.url()), 202, "renewing");
    assert_eq!(wish("unsubscribe", &callback.url()), 202, "leaving");
}

/// When all places are taken by wishes that failed a proof already, a new one gets the place of one of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_failed_makes_room() {
    let hub = Hub::new(&["self"], &[]).await;
    let wish = |url: &str| {
        hub.wish(&[
            ("hub.mode", "subscribe"),
            ("hub.topic", TOPIC),
            ("hub.callback", url),
        ])
        .status
    };
    for n in 0..500 {
        assert_eq!(
            wish(&format!("http://127.0.0.{}/{n}", n % 200 + 1)),
            202,
            "{n}"
        );
    }
    assert_eq!(wish("http://new.example/"), 503);
    hub.round().await;
    assert_eq!(wish("http://new.example/"), 202);
}

/// Failures are retried later and later, not for ever, and cost the subscription nothing; 410 ends it.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_retried_within_bounds_and_410_ends_them() {
    let mut hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Failing(500));
    hub.subscribe(&callback, &[]);
    hub.round().await;
    hub.news().await;
    hub.wait(1);
    hub.round().await;
    hub.round().await;
    assert_eq!(callback.take("POST").len(), 1, "not again at once");
    for _ in 0..20 {
        hub.wait(7200);
        hub.round().await;
    }
    assert_eq!(callback.take("POST").len(), 7, "eight attempts in all");
    callback.becomes(Manner::Willing);
    hub.news().await;
    hub.wait(7200);
    hub.round().await;
    let told = callback.take("POST");
    assert_eq!(told.len(), 1, "the subscription has outlived its failures");
    assert_eq!(
        told[0].body,
        hub.mill.shelf.get("/all.atom").unwrap().identity
    );

    callback.becomes(Manner::Failing(410));
    hub.news().await;
    hub.wait(7200);
    hub.round().await;
    assert_eq!(callback.take("POST").len(), 1);
    callback.becomes(Manner::Willing);
    hub.news().await;
    hub.wait(7200);
    hub.round().await;
    assert!(callback.take("POST").is_empty());
}

/// R6.15: at most once a minute, and then with the newest bytes.
#[tokio::test(flavor = "multi_thread")]
async fn news_within_a_minute_are_told_together() {
    let mut hub = Hub::new(&["self"], OPEN).await;
    let callback = Callback::new(Manner::Willing);
    hub.subscribe(&callback, &[]);
    hub.round().await;
    for _ in 0..3 {
        hub.news().await;
        hub.wait(10);
        hub.round().await;
    }
    assert_eq!(callback.take("POST").len(), 1);
    hub.wait(60);
    hub.round().await;
    let told = callback.take("POST");
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].body,
        hub.mill.shelf.get("/all.atom").unwrap().identity
    );
}

/// The address guard: a callback inside the network is never connected to.
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_inside_the_network_hears_nothing() {
    let mut hub = Hub::new(&["self"], &[]).await;
    let callback = Callback::new(Manner::Willing);
    assert_eq!(hub.subscribe(&callback, &[]), 202);
    for _ in 0..4 {
        hub.round().await;
        hub.wait(600);
    }
    hub.news().await;
    hub.round().await;
    assert!(callback.got.lock().unwrap().is_empty());
}

/// Only wishes that make sense, only for our own topics; nothing of them is echoed.
#[tokio::test(flavor = "multi_thread")]
async fn wishes_that_make_no_sense_are_refused() {
    let hub = Hub::new(&["self"], OPEN).await;
    let good = [
        ("hub.mode", "subscribe"),
        ("hub.topic", TOPIC),
        ("hub.callback", "https://sub.example/evil"),
    ];
    let long = "s".repeat(200);
    for (name, value) in [
        ("hub.mode", "publish"),
        ("hub.mode", ""),
        ("hub.topic", "https://evil.example/all.atom"),
        ("hub.topic", "https://news.example.org/quiet.atom"),
        ("hub.topic", "https://news.example.org/all/"),
        ("hub.callback", "evil"),
        ("hub.callback", "ftp://sub.example/evil"),
        ("hub.callback", "file:///etc/evil"),
        ("hub.secret", &long),
        ("hub.lease_seconds", "evil"),
    ] {
        let mut fields: Vec<_> = good
            .iter()
            .filter(|(known, _)| *known != name)
            .copied()
            .collect();
        fields.push((name, value));
        let answer = hub.wish(&fields);
        assert_eq!(answer.status, 400, "{name}={value}");
        assert!(!answer.text().contains("evil") && !answer.text().contains("sss"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(hub.wish(&good).status, 202);
    let at = hub.served.address;
    assert_eq!(send(at, "POST", "/websub/hub", &[], b"x").status, 400);
    assert_eq!(send(at, "GET", "/websub/hub", &[], b"").status, 405);
    let flood = vec![b'x'; 100_000];
    assert_eq!(send(at, "POST", "/websub/hub", &FORM, &flood).status, 400);
}

/// A hub without the `self` of the config takes no wishes.
#[tokio::test(flavor = "multi_thread")]
async fn without_self_there_is_no_hub() {
    let hub = Hub::new(&["https://hub.example.org/"], OPEN).await;
    let callback = Callback::new(Manner::Willing);
    assert_eq!(hub.subscribe(&callback, &[]), 400);
}

/// R6.15: other hubs are pinged when the bytes changed, with both names of the topic, retried, and not again after a
/// restart.
#[tokio::test(flavor = "multi_thread")]
async fn other_hubs_are_pinged_when_something_changed() {
    let origin = Origin::start().await;
    for status in [500, 204, 204, 204, 204] {
        origin.reply("/hub", Reply::status(status));
    }
    let mut hub = Hub::new(&[&origin.url("/hub")], OPEN).await;
    hub.mill
        .config
        .publish
        .get_mut("all")
        .unwrap()
        .formats
        .truncate(1);
    let pings = || origin.requests_to("/hub").len();
    hub.round().await;
    assert_eq!(pings(), 1);
    hub.wait(59);
    hub.round().await;
    assert_eq!(pings(), 1, "a failed ping waits a minute");
    hub.wait(1);
    hub.round().await;
    assert_eq!(pings(), 2);
    for _ in 0..3 {
        hub.wait(600);
        hub.round().await;
    }
    assert_eq!(pings(), 2, "no news, no ping");
    let ping = origin.requests_to("/hub").pop().unwrap();
    let raw = String::from_utf8(ping.raw.clone()).unwrap();
    let form = raw.split("\r\n\r\n").nth(1).unwrap();
    let topic = "https%3A%2F%2Fnews.example.org%2Fall.atom";
    assert_eq!(
        form,
        format!("hub.mode=publish&hub.url={topic}&hub.topic={topic}")
    );
    for _ in 0..3 {
        hub.news().await;
        hub.round().await;
        hub.wait(10);
    }
    assert_eq!(pings(), 3, "one a minute");
    hub.wait(60);
    hub.round().await;
    assert_eq!(pings(), 4);
}
