//! What is learned of a host, end to end: shared by its feeds, kept across restarts.

use std::time::Duration;

use feedmill::model::PollReason;

use super::{one_feed, rss};
use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn r2_24_http2_that_broke_is_remembered_across_a_restart() {
    let origin = Origin::start_tls(&["h2", "http/1.1"]).await;
    origin.replace("/feed", Reply::ok(super::rss(&["a"])));
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), origin.authority()).unwrap();
    let path = trusted.path().display();
    let feed = one_feed(&origin.url("/feed"));
    let world = World::new(&format!("{feed}ca_certificate = \"{path}\"\n")).await;
    assert_eq!(world.poll().await.failed, 1);
    let world = world.restart(None).await;
    world.wait(DAY);
    assert_eq!(world.poll().await.changed, 1, "HTTP/1.1 the next time");
    // A week later HTTP/2 is tried again.
    let world = world.restart(None).await;
    world.wait(DAY * 7);
    assert_eq!(world.poll().await.failed, 1);
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A world of feeds on strangers' hosts: names that lead nowhere, asked by way of a proxy that plays them all.
async fn strangers(proxy: &Origin, urls: &[&str]) -> World {
    let mut config = format!("[fetch]\nproxy = \"http://{}\"\n", proxy.address());
    for url in urls {
        let key = url.trim_start_matches("http://").replace('/', "-");
        config.push_str(&format!("[[feed]]\nname = \"{key}\"\nurl = \"{url}\"\n"));
        proxy.feed(url, rss(&[&key]));
    }
    World::new(&config).await
}

fn asked(proxy: &Origin) -> Vec<String> {
    let asked = proxy.requests().into_iter();
    asked
        .map(|request| request.target.trim_start_matches("http://").to_owned())
        .collect()
}

#[tokio::test]
async fn r5_2_feeds_of_one_stranger_are_asked_one_after_the_other() {
    let proxy = Origin::start().await;
    let urls = [
        "http://a.example/1",
        "http://a.example/2",
        "http://b.example/1",
    ];
    let world = strangers(&proxy, &urls).await;
    let first = world.poll().await;
    assert_eq!((first.polled, first.held.len()), (2, 1));
    assert_eq!(first.held[0].reason, PollReason::Host);
    world.wait(SECOND);
    assert_eq!(world.poll().await.polled, 0);
    world.wait(SECOND);
    assert_eq!(world.poll().await.polled, 1);
    let mut all = asked(&proxy);
    all.sort();
    assert_eq!(all, ["a.example/1", "a.example/2", "b.example/1"]);
}

#[tokio::test]
async fn r5_4_a_429_of_one_feed_rests_its_host_and_no_other() {
    let proxy = Origin::start().await;
    let urls = [
        "http://a.example/1",
        "http://a.example/2",
        "http://b.example/1",
    ];
    let world = strangers(&proxy, &urls).await;
    let busy = Reply::status(429).header("Retry-After", "7200");
    proxy.replace("http://a.example/1", busy.clone());
    proxy.replace("http://a.example/2", busy);
    world.poll().await;
    world.wait(SECOND * 60);
    assert_eq!(
        world.poll().await.polled,
        0,
        "neither the feed nor its sibling"
    );
    // Neither a restart nor an impatient operator changes that.
    let world = world.restart(None).await;
    world.wait(HOUR);
    let keys = ["a.example-1", "a.example-2"].map(str::to_owned);
    let insistence = feedmill::schedule::Insistence::Forced;
    let forced = world.poller().poll_these(&keys, insistence).await.unwrap();
    assert_eq!((forced.polled, forced.held.len()), (0, 2));
    let mut all = asked(&proxy);
    all.sort();
    assert_eq!(all[1..], ["b.example/1"]);
    proxy.feed("http://a.example/1", rss(&["x"]));
    proxy.feed("http://a.example/2", rss(&["y"]));
    let mut polled = 0;
    for _ in 0..5 {
        world.wait(HOUR);
        polled += world.poll().await.changed;
    }
    assert_eq!(polled, 2, "rest is over");
}

#[tokio::test]
async fn r5_4_a_429_that_another_process_got_holds_here_too() {
    let proxy = Origin::start().await;
    let urls = ["http://a.example/1", "http://a.example/2"];
    let world = strangers(&proxy, &urls).await;
    world.poll().await;
    world.wait(SECOND * 2);
    world.poll().await;
    // The daemon, which read the hosts when it began; then `feedmill poll` beside it.
    let daemon = world.poller();
    world.wait(HOUR * 30);
    let busy = Reply::status(429).header("Retry-After", "7200");
    proxy.replace("http://a.example/1", busy.clone());
    proxy.replace("http://a.example/2", busy);
    let verb = world.another_poller().await;
    let keys = ["a.example-1".to_owned()];
    let insistence = feedmill::schedule::Insistence::Polite;
    assert_eq!(verb.poll_these(&keys, insistence).await.unwrap().polled, 1);
    let gate = world.clock.now() + HOUR * 2;
    let stored = async || world.store.hosts().await.unwrap()[0].gate_until;
    assert_eq!(stored().await, Some(gate));
    // The daemon's next pass knows, and nothing that it stores shortens the gate.
    world.wait(SECOND * 90);
    let asked_before = asked(&proxy).len();
    assert_eq!(daemon.poll_due().await.unwrap().polled, 0);
    assert_eq!(asked(&proxy).len(), asked_before);
    assert_eq!(stored().await, Some(gate));
    // And people are told so, of the sibling too.
    let mut feeds = world.store.feeds(false).await.unwrap();
    let hosts = world.store.hosts().await.unwrap();
    let planned = feeds[1].next_poll_at;
    feedmill::fetch::wait_for_hosts(&mut feeds, &hosts, world.clock.now());
    assert!(planned < gate);
    let shown = (feeds[1].next_poll_at, feeds[1].next_poll_reason);
    assert_eq!(shown, (gate, PollReason::Host));
    feedmill::fetch::wait_for_hosts(&mut feeds, &hosts, gate);
    assert_eq!(feeds[1].next_poll_at, gate, "what is over moves nothing");
}

#[tokio::test]
async fn r5_5_an_outage_of_our_own_costs_a_small_install_nothing() {
    let proxy = Origin::start().await;
    let urls = [
        "http://a.example/1",
        "http://b.example/1",
        "http://c.example/1",
    ];
    let world = strangers(&proxy, &urls).await;
    assert_eq!(world.poll().await.changed, 3);
    world.wait(HOUR * 25);
    for url in urls {
        proxy.replace(url, Reply::close());
    }
    for _ in 0..40 {
        world.poll().await;
        world.wait(SECOND * 20 * 60);
    }
    for url in urls {
        proxy.feed(url, rss(&["back"]));
    }
    // The first success tells that we are back; within the hour every feed is as if nothing had been.
    let mut changed = 0;
    for _ in 0..8 {
        changed += world.poll().await.changed;
        world.wait(SECOND * 10 * 60);
    }
    assert_eq!(changed, 3);
    for feed in world.store.feeds(false).await.unwrap() {
        let memory = feed.memory;
        assert_eq!((memory.failures, memory.trouble), (0, None), "{}", feed.key);
    }
    let hosts = world.store.hosts().await.unwrap();
    assert!(
        hosts
            .iter()
            .all(|host| host.failures == 0 && host.open_until.is_none())
    );
}

#[tokio::test]
async fn r5_1_a_redirect_asks_the_host_it_leads_to_for_leave() {
    let proxy = Origin::start().await;
    let urls = ["http://a.example/1", "http://b.example/1"];
    let world = strangers(&proxy, &urls).await;
    for (from, to) in [
        (urls[0], "http://c.example/x"),
        (urls[1], "http://c.example/y"),
    ] {
        proxy.replace(from, Reply::redirect(302, to));
        let busy = Reply::status(429).header("Retry-After", "7200");
        proxy.replace(to, busy);
    }
    let poll = async |key: &str| {
        let keys = [key.to_owned()];
        let insistence = feedmill::schedule::Insistence::Polite;
        world.poller().poll_these(&keys, insistence).await.unwrap()
    };
    poll("a.example-1").await;
    assert_eq!(asked(&proxy), ["a.example/1", "c.example/x"]);
    let gate = world.clock.now() + HOUR * 2;
    // The second feed stops where the redirect would lead: that is nobody's failure.
    poll("b.example-1").await;
    assert_eq!(asked(&proxy)[2..], ["b.example/1"]);
    let held = world.feed("b.example-1").await;
    assert_eq!(
        (held.memory.failures, held.next_poll_reason),
        (0, PollReason::Host)
    );
    assert!(held.next_poll_at >= gate);
    let host = world.store.hosts().await.unwrap();
    let gated = host.iter().find(|host| host.host == "c.example").unwrap();
    // The exchange counts by a clock of its own, which goes on while the test's stands.
    assert!(gated.gate_until.is_some_and(|until| until >= gate));
    assert_eq!(gated.requests, 1);
    proxy.feed("http://c.example/y", rss(&["y"]));
    world.wait(HOUR * 3);
    assert_eq!(poll("b.example-1").await.changed, 1);
}
