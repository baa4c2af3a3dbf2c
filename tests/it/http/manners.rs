//! Clients that are slow, silent, greedy or many, and what becomes of a stop while they are there.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use feedmill::http::{Deadlines, Door, Listener, Manners, Role, Site, serve};
use feedmill::publish::finish;
use tokio_util::sync::CancellationToken;

use super::bench::{CALM, SOON, connect, head, site, start, start_site, until_closed};
use crate::publish::bench::output;
use crate::release::{Mill, at, pairs};
use crate::support::client::request;

const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

async fn mill() -> Mill {
    let mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    mill
}

/// WEB-2: half a head, and no head at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let slow = Deadlines { head: SOON, ..CALM };
    let served = start(&mill().await, slow).await;
    let half = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    let came = until_closed(&mut connect(served.address), half);
    assert!(!came.starts_with(b"HTTP/1.1 200"), "{came:?}");
}

/// WEB-2: nothing was ever said, nothing is said any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_closed() {
    let silent = Deadlines { idle: SOON, ..CALM };
    let served = start(&mill().await, silent).await;
    assert_eq!(until_closed(&mut connect(served.address), b""), b"");
    let came = until_closed(&mut connect(served.address), ASK);
    assert!(came.starts_with(b"HTTP/1.1 200"), "{came:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_not_endless() {
    let served = start(&mill().await, CALM).await;
    let many: String = (0..65).map(|n| format!("X-{n}: 1\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "a".repeat(20_000));
    for (what, fields) in [("65 fields", many), ("20,000 bytes", long)] {
        let ask = format!("GET /healthz HTTP/1.1\r\n{fields}\r\n");
        let came = until_closed(&mut connect(served.address), ask.as_bytes());
        assert!(
            came.starts_with(b"HTTP/1.1 431"),
            "{what}: {}",
            String::from_utf8_lossy(&came)
        );
    }
    let fits: String = (0..63).map(|n| format!("X-{n}: 1\r\n")).collect();
    let ask = format!(
        "GET /healthz HTTP/1.1\r\nConnection: close\r\n{fields}\r\n",
        fields = fits
    );
    let came = until_closed(&mut connect(served.address), ask.as_bytes());
    assert!(came.starts_with(b"HTTP/1.1 200"), "64 fields");
}

/// The third connection of an address with two is closed unheard; its place is free again once one has ended.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_so_many_connections_and_no_more() {
    let mut mill = mill().await;
    mill.config.http.max_connections_per_address = 2;
    let served = start(&mill, CALM).await;
    let mut open: Vec<_> = (0..2).map(|_| connect(served.address)).collect();
    for stream in &mut open {
        stream.write_all(ASK).unwrap();
        assert!(head(stream).starts_with("HTTP/1.1 200"));
    }
    assert_eq!(until_closed(&mut connect(served.address), ASK), b"");
    open.pop();
    let mut tries = 0;
    while until_closed(
        &mut connect(served.address),
        b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
    )
    .is_empty()
    {
        tries += 1;
        assert!(tries < 100_000, "the place is never free again");
    }
}

/// R7.10: one whole feed a minute for each client and document, a few at once; asking conditionally is always free.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_whole_feeds_too_often_has_to_wait() {
    let mill = mill().await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let site = Site {
        manners: Manners::for_everyone(),
        ..site(&mill, releaser)
    };
    let served = start_site(site, CALM).await;
    let ask = |path: &str, headers: &[(&str, &str)]| request(served.address, "GET", path, headers);
    for _ in 0..10 {
        assert_eq!(ask("/all.atom", &[]).status, 200);
    }
    let refused = ask("/all.atom", &[]);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("60"))
    );
    assert!(refused.text().contains("Too many requests"));
    for polite in [
        ("If-None-Match", "\"other\""),
        ("If-Modified-Since", "Mon, 01 Jan 2024 00:00:00 GMT"),
    ] {
        assert_eq!(ask("/all.atom", &[polite]).status, 200, "{polite:?}");
    }
    for other in ["/all.rss", "/all/", "/story/1"] {
        assert_eq!(ask(other, &[]).status, 200, "{other}");
    }
    mill.clock.advance(Duration::from_secs(59));
    assert_eq!(ask("/all.atom", &[]).header("retry-after"), Some("1"));
    mill.clock.advance(Duration::from_secs(1));
    assert_eq!(ask("/all.atom", &[]).status, 200);
    assert_eq!(ask("/all.atom", &[]).status, 429);
}

/// Clients are told apart by address, with version 6 by network; a proxy on this machine and the unix socket are spared.
#[test]
fn a_client_is_a_household_and_no_proxy() {
    let now = at("2026-11-23T12:00:00Z");
    let taken = |manners: &Manners, address: &str| {
        let door = Door::Tcp(address.parse().unwrap());
        (0..100)
            .filter(|_| manners.exceeded(door, "/all.atom", now).is_none())
            .count()
    };
    let manners = Manners::default();
    assert_eq!(taken(&manners, "192.0.2.1"), 10);
    assert_eq!(taken(&manners, "192.0.2.2"), 10);
    assert_eq!(taken(&manners, "2001:db8:0:1::1"), 10);
    assert_eq!(taken(&manners, "2001:db8:0:1::2"), 0);
    assert_eq!(taken(&manners, "2001:db8:0:2::1"), 10);
    assert_eq!(taken(&manners, "127.0.0.1"), 100);
    assert_eq!(manners.exceeded(Door::Unix, "/all.atom", now), None);
    let door = Door::Tcp("192.0.2.1".parse().unwrap());
    let before = at("2020-01-01T00:00:00Z");
    assert_eq!(
        manners.exceeded(door, "/all.atom", before),
        Some(60),
        "a clock set back"
    );
}

/// Sign-ups are counted by network, apart from what is read.
#[test]
fn a_network_signs_up_a_few_at_a_time() {
    let now = at("2026-11-23T12:00:00Z");
    let manners = Manners::default();
    let taken = |address: &str| {
        let door = Door::Tcp(address.parse().unwrap());
        (0..100)
            .filter(|_| manners.signs_up_too_often(door, now).is_none())
            .count()
    };
    assert_eq!(taken("192.0.2.1"), 5);
    assert_eq!(taken("192.0.2.99"), 0);
    assert_eq!(taken("192.0.3.1"), 5);
    assert_eq!(taken("2001:db8:0:1::1"), 5);
    assert_eq!(taken("2001:db8:0:1::2"), 0);
    assert_eq!(taken("127.0.0.1"), 100);
    let door = Door::Tcp("192.0.2.1".parse().unwrap());
    assert_eq!(manners.signs_up_too_often(door, now), Some(600));
    assert_eq!(manners.exceeded(door, "/all.atom", now), None);
    let later = at("2026-11-23T12:10:00Z");
    assert_eq!(manners.signs_up_too_often(door, later), None);
}

/// Over all addresses: the third is neither refused nor heard until a place is free.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_house_lets_clients_wait() {
    let mut mill = mill().await;
    mill.config.http.max_connections = 2;
    let served = start(&mill, CALM).await;
    let mut open: Vec<_> = (0..2).map(|_| connect(served.address)).collect();
    for stream in &mut open {
        stream.write_all(ASK).unwrap();
        assert!(head(stream).starts_with("HTTP/1.1 200"));
    }
    let mut third = connect(served.address);
    third.write_all(ASK).unwrap();
    third.set_read_timeout(Some(SOON)).unwrap();
    let waited = third.read(&mut [0]).expect_err("heard in a full house");
    assert!(matches!(
        waited.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    open.pop();
    third
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    assert!(head(&mut third).starts_with("HTTP/1.1 200"));
}

/// A document larger than any socket buffer.
fn large(mill: &Mill) {
    let bytes: Vec<u8> = (0..16_000_000_u32).map(|n| (n % 251) as u8).collect();
    let document = finish(
        String::from("/large"),
        "application/octet-stream",
        bytes,
        at("2026-11-23T12:00:00Z"),
    );
    let mut all: HashMap<_, _> = (*mill.shelf.all()).clone();
    all.insert(String::from("/large"), Arc::new(document));
    mill.shelf.replace(all);
}

const ASK_LARGE: &[u8] = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n";

/// A stop lets whoever reads finish.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_under_way_is_finished_after_a_stop() {
    let mill = mill().await;
    let served = start(&mill, CALM).await;
    large(&mill);
    let mut stream = connect(served.address);
    stream.write_all(ASK_LARGE).unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 200"));
    served.stop.cancel();
    let mut body = Vec::new();
    stream.read_to_end(&mut body).unwrap();
    assert_eq!(body.len(), 16_000_000);
    served.ended().await;
}

/// A reader that takes nothing holds up neither the drain nor, without a stop, its own place.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_is_cut_off() {
    for deadlines in [
        Deadlines {
            drain: SOON,
            ..CALM
        },
        Deadlines {
            write: SOON,
            ..CALM
        },
    ] {
        let mill = mill().await;
        let served = start(&mill, deadlines).await;
        large(&mill);
        let mut stream = connect(served.address);
        stream.write_all(ASK_LARGE).unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 200"));
        served.stop.cancel();
        served.ended().await;
        let mut body = Vec::new();
        let read = stream.read_to_end(&mut body);
        assert!(read.is_err() || body.len() < 16_000_000, "{deadlines:?}");
    }
}

/// The unix socket serves readers; who may open it is the operator's machine's affair, so it is no loopback client.
#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_serves_readers() {
    let mill = mill().await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let path = mill.folder.path().join("http.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let stop = CancellationToken::new();
    let site = Arc::new(site(&mill, releaser));
    let serving = tokio::task::spawn(serve(
        Listener::Unix(listener),
        Role::Readers,
        site,
        CALM,
        stop.clone(),
    ));
    for (page, status) in [("/all.atom", "200"), ("/status", "404")] {
        let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let ask = format!("GET {page} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{page}");
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}
