//! The polling flow over a real store and a real socket, with a clock moved by hand: what a publisher sees of us, and
//! what is stored, across restarts, failures and bad documents.

mod audience;
mod backfill;
mod budget;
mod edits;
mod findings;
mod full_text;
mod hosts;
mod icons;
mod moves;
mod public_ids;
mod publisher;
mod tally;
mod withdrawals;

use std::time::Duration;

use feedmill::cli::{self, Exit, Output};
use feedmill::fetch::HostGaps;
use feedmill::model::{FeedStanding, PollReason, TroubleClass};
use feedmill::poll::Summary;
use feedmill::schedule::Insistence;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// An RSS document with an item per title.
pub(super) fn rss(titles: &[&str]) -> String {
    let item = |title: &&str| {
        format!(
            "<item><title>{title}</title><link>https://site.example/{title}</link>\
             <guid isPermaLink=\"false\">id-{title}</guid>\
             <pubDate>Mon, 02 Mar 2026 08:00:00 GMT</pubDate>\
             <description>All about {title}.</description></item>"
        )
    };
    let items: String = titles.iter().map(item).collect();
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>A feed</title>\
         <link>https://site.example/</link><description>d</description>{items}</channel></rss>"
    )
}

fn one_feed(url: &str) -> String {
    format!("[[feed]]\nname = \"one\"\nurl = \"{url}\"\n")
}

/// A world with one feed at `/feed`, which serves `document`.
async fn world(document: &str) -> (Origin, World) {
    let origin = Origin::start().await;
    origin.feed("/feed", document);
    let world = World::new(&one_feed(&origin.url("/feed"))).await;
    (origin, world)
}

fn counts(summary: &Summary) -> [usize; 5] {
    [
        summary.polled,
        summary.changed,
        summary.not_modified,
        summary.failed,
        summary.new_entries,
    ]
}

#[tokio::test]
async fn a_feed_is_fetched_stored_and_asked_conditionally() {
    let (origin, world) = world(&rss(&["a", "b"])).await;
    assert_eq!(counts(&world.poll().await), [1, 1, 0, 0, 2]);
    assert_eq!(counts(&world.poll().await), [0, 0, 0, 0, 0]);
    world.wait(HOUR * 25);
    assert_eq!(counts(&world.poll().await), [1, 0, 1, 0, 0]);
    origin.feed("/feed", rss(&["c", "a", "b"]));
    world.wait(HOUR * 25);
    assert_eq!(counts(&world.poll().await), [1, 1, 0, 0, 1]);
    let asked = origin.requests();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].header("if-none-match"), None);
    assert!(
        asked[1].header("if-none-match").is_some()
            && asked[1].header("if-modified-since").is_some()
    );
    let memory = world.feed("one").await.memory;
    assert_eq!(
        (
            memory.counters.polls,
            memory.counters.not_modified,
            memory.counters.unconditional
        ),
        (3, 1, 1)
    );
    assert_eq!(world.store.entries(None, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn r1_15_the_same_body_is_not_parsed_again() {
    let origin = Origin::start().await;
    origin.replace("/feed", Reply::ok(rss(&["a"])));
    let world = World::new(&one_feed(&origin.url("/feed"))).await;
    world.poll().await;
    world.wait(HOUR * 25);
    let summary = world.poll().await;
    assert_eq!(
        (summary.polled, summary.unchanged, summary.changed),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn r1_12_restarts_ask_nothing_early() {
    let (origin, mut world) = world(&rss(&["a"])).await;
    world.poll().await;
    for _ in 0..20 {
        world.wait(Duration::from_secs(30));
        world = world.restart(None).await;
        world.poll().await;
    }
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn r1_12_a_claim_is_durable_before_the_request_leaves() {
    let origin = Origin::start().await;
    origin.replace("/feed", Reply::ok(rss(&["a"])).hold());
    let world = World::new(&one_feed(&origin.url("/feed"))).await;
    let poller = world.poller();
    tokio::select! {
        _ = poller.poll_due() => panic!("the answer is held"),
        () = origin.seen(1) => {}
    }
    // Cut off in the middle of the exchange, as by a kill.
    drop(poller);
    let world = world.restart(None).await;
    world.wait(MINUTE * 59);
    world.poll().await;
    assert_eq!(origin.requests().len(), 1);
    origin.feed("/feed", rss(&["a"]));
    world.wait(MINUTE * 2);
    assert_eq!(counts(&world.poll().await), [1, 1, 0, 0, 1]);
}

#[tokio::test]
async fn r1_8_validators_are_stored_with_the_entries_that_they_describe() {
    let (origin, world) = world(&rss(&["a"])).await;
    world.poll().await;
    let known = world.feed("one").await.validators;
    let newer = Reply::ok(rss(&["b", "a"])).header("ETag", "\"newer\"");
    origin.replace("/feed", newer.hold_after(20));
    world.wait(HOUR * 25);
    let poller = world.poller();
    tokio::select! {
        _ = poller.poll_due() => panic!("the body is held"),
        () = origin.seen(2) => {}
    }
    drop(poller);
    let world = world.restart(None).await;
    assert_eq!(world.feed("one").await.validators, known);
    origin.replace("/feed", Reply::status(304));
    world.wait(HOUR * 25);
    world.poll().await;
    let asked = origin.requests();
    let tag = asked[2].header_bytes("if-none-match").map(<[u8]>::to_vec);
    assert_eq!(tag, known.etag);
    assert_eq!(world.store.entries(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn r2_10_a_temporary_redirect_changes_nothing() {
    for status in [302, 303, 307] {
        let origin = Origin::start().await;
        origin.replace("/feed", Reply::redirect(status, "/elsewhere"));
        origin.feed("/elsewhere", rss(&["a"]));
        let world = World::new(&one_feed(&origin.url("/feed"))).await;
        for _ in 0..5 {
            assert_eq!(world.poll().await.failed, 0);
            world.wait(HOUR * 30);
        }
        let feed = world.feed("one").await;
        assert_eq!(
            (feed.url, feed.memory.redirect),
            (origin.url("/feed"), None)
        );
        assert_eq!(origin.requests_to("/feed").len(), 5);
        // The validators are those of the document, and go to it alone.
        let counters = feed.memory.counters;
        assert_eq!((counters.not_modified, counters.unconditional), (4, 1));
    }
}

#[tokio::test]
async fn r2_23_the_charset_of_the_response_is_read() {
    let latin = |declared: &str| {
        let text = rss(&["caf\u{e9}"]).replace("<?xml version=\"1.0\"?>", declared);
        text.chars().map(|c| c as u8).collect::<Vec<u8>>()
    };
    let declared = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>";
    for (content_type, body) in [
        ("text/xml; charset=iso-8859-1", latin("")),
        ("application/rss+xml", latin(declared)),
        // What the header says is wrong, what the document says fits.
        ("text/xml; charset=utf-8", latin(declared)),
        // `text/xml` alone is not US-ASCII any more.
        ("text/xml", rss(&["caf\u{e9}"]).into_bytes()),
    ] {
        let origin = Origin::start().await;
        let reply = Reply::ok(body).header("Content-Type", content_type);
        origin.replace("/feed", reply);
        let world = World::new(&one_feed(&origin.url("/feed"))).await;
        world.poll().await;
        let entries = world.store.entries(None, 10).await.unwrap();
        assert_eq!(entries[0].entry.title, "caf\u{e9}", "{content_type}");
    }
}

#[tokio::test]
async fn r5_9_two_processes_on_one_store_ask_once() {
    let (origin, world) = world(&rss(&["a"])).await;
    let (one, other) = (world.poller(), world.another_poller().await);
    let (one, other) = tokio::join!(one.poll_due(), other.poll_due());
    assert_eq!(one.unwrap().polled + other.unwrap().polled, 1);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn r5_12_nothing_beside_the_feed_is_asked_for() {
    let origin = Origin::start().await;
    let beside = format!(
        "<image><url>{0}/logo.png</url></image><docs>{0}/docs</docs>\
         <cloud domain=\"{1}\" port=\"{2}\" path=\"/rpc\" protocol=\"http-post\"/><item>",
        origin.url(""),
        origin.address().ip(),
        origin.address().port()
    );
    let document = rss(&["a"]).replacen("<item>", &beside, 1);
    let document = document.replace("https://site.example/", &origin.url("/"));
    origin.feed("/feed", document);
    let world = World::new(&one_feed(&origin.url("/feed"))).await;
    for _ in 0..40 {
        world.poll().await;
        world.poller().push_due().await.unwrap();
        world.wait(HOUR * 24);
    }
    assert!(origin.requests().len() >= 20);
    assert_eq!(origin.requests_to("/feed").len(), origin.requests().len());
}

#[tokio::test]
async fn r5_13_one_address_written_in_several_ways_is_asked_once() {
    let origin = Origin::start().await;
    origin.feed("/feed", rss(&["a"]));
    let (url, shout) = (origin.url("/feed"), origin.url("/feed#part"));
    let shout = shout.replacen("http", "HTTP", 1);
    let config = format!("[[feed]]\nurl = \"{url}\"\n[[feed]]\nurl = \"{shout}\"\n");
    let world = World::new(&config).await;
    assert_eq!(world.poll().await.polled, 1);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn r2_19_a_web_page_costs_neither_entries_nor_validators() {
    let (origin, world) = world(&rss(&["a"])).await;
    world.poll().await;
    let validators = world.feed("one").await.validators;
    origin.replace(
        "/feed",
        Reply::ok("<!doctype html><html><body>Sign in</body></html>"),
    );
    world.wait(HOUR * 25);
    assert_eq!(counts(&world.poll().await), [1, 0, 0, 1, 0]);
    let feed = world.feed("one").await;
    assert_eq!(
        feed.memory.trouble.map(|trouble| trouble.class),
        Some(TroubleClass::NotAFeed)
    );
    assert_eq!(feed.next_poll_reason, PollReason::Backoff);
    assert_eq!(feed.validators, validators);
    assert_eq!(world.store.entries(None, 10).await.unwrap().len(), 1);
    origin.feed("/feed", rss(&["a"]));
    world.wait(HOUR * 25);
    assert_eq!(counts(&world.poll().await), [1, 0, 1, 0, 0]);
}

#[tokio::test]
async fn r2_12_a_gone_feed_is_asked_twice_in_a_year() {
    let origin = Origin::start().await;
    origin.replace("/feed", Reply::status(410));
    let world = World::new(&one_feed(&origin.url("/feed"))).await;
    for _ in 0..365 {
        world.poll().await;
        world.wait(HOUR * 24);
    }
    assert_eq!(origin.requests().len(), 2);
    assert_eq!(world.feed("one").await.standing, FeedStanding::Gone);
}

#[tokio::test]
async fn by_hand_floor_and_gates_hold_and_force_lifts_the_floor() {
    let (origin, world) = world(&rss(&["a"])).await;
    let keys = ["one".to_owned()];
    world.poll().await;
    world.wait(MINUTE * 10);
    let held = world
        .poller()
        .poll_these(&keys, Insistence::Polite)
        .await
        .unwrap();
    assert_eq!((held.polled, held.held[0].reason), (0, PollReason::Floor));
    let forced = world
        .poller()
        .poll_these(&keys, Insistence::Forced)
        .await
        .unwrap();
    assert_eq!((forced.polled, forced.not_modified), (1, 1));
    origin.replace("/feed", Reply::status(503).header("Retry-After", "86400"));
    world.wait(MINUTE * 10);
    world
        .poller()
        .poll_these(&keys, Insistence::Forced)
        .await
        .unwrap();
    world.wait(HOUR * 23);
    let gated = world
        .poller()
        .poll_these(&keys, Insistence::Forced)
        .await
        .unwrap();
    assert_eq!(
        (gated.polled, gated.held[0].reason),
        (0, PollReason::RetryAfter)
    );
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn many_feeds_of_few_hosts_are_each_asked_once() {
    let mut origins = Vec::new();
    let mut config = String::new();
    for host in 1..=3 {
        let origin = Origin::start_at(&format!("127.0.0.{host}")).await;
        for feed in 0..100 {
            let path = format!("/{feed}");
            origin.feed(&path, rss(&[&format!("story-{host}-{feed}")]));
            config.push_str(&format!(
                "[[feed]]\nname = \"f{host}-{feed}\"\nurl = \"{}\"\n",
                origin.url(&path)
            ));
        }
        origins.push(origin);
    }
    let world = World::new(&config).await;
    assert_eq!(counts(&world.poll().await), [300, 300, 0, 0, 300]);
    world.wait(HOUR * 25);
    assert_eq!(counts(&world.poll().await), [300, 0, 300, 0, 0]);
    for origin in &origins {
        assert_eq!(origin.requests().len(), 200);
    }
}

#[tokio::test]
async fn the_daemons_loop_polls_wakes_publishing_and_ends_when_told() {
    let (origin, world) = world(&rss(&["a"])).await;
    let stop = CancellationToken::new();
    let poller = world.poller();
    let mut running = tokio::task::JoinSet::new();
    let token = stop.clone();
    running.spawn(async move { poller.run(token).await.unwrap() });
    tokio::select! {
        () = world.touched.notified() => stop.cancel(),
        ended = running.join_next() => panic!("ended by itself: {ended:?}"),
    }
    let summary = running.join_next().await.unwrap().unwrap();
    assert_eq!(counts(&summary), [1, 1, 0, 0, 1]);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn a_clock_that_jumps_makes_nothing_due_early() {
    let (origin, world) = world(&rss(&["a"])).await;
    world.poll().await;
    world.wait(MINUTE);
    let jump = SignedDuration::from_hours(72);
    world.clock.set(world.clock.now() + jump);
    world.poller().clock_jumped(jump).await.unwrap();
    world.poll().await;
    world.wait(MINUTE * 58);
    world.poll().await;
    assert_eq!(origin.requests().len(), 1);
    world.wait(HOUR * 25);
    world.poll().await;
    assert_eq!(origin.requests().len(), 2);
}

/// What a verb prints, kept for the test.
#[derive(Clone, Default)]
struct Paper(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn the_verb_poll_says_what_came_of_it() {
    let origin = Origin::start().await;
    origin.feed("/feed", rss(&["a", "b"]));
    origin.replace("/bad", Reply::status(500));
    let config = format!(
        "{}[[feed]]\nname = \"bad\"\nurl = \"{}\"\n",
        one_feed(&origin.url("/feed")),
        origin.url("/bad")
    );
    let world = World::new(&config).await;
    let run = async |feeds: &[&str]| {
        let paper = Paper::default();
        let mut out = Output::new(Box::new(paper.clone()));
        let feeds = feeds.iter().map(|&feed| feed.to_owned()).collect();
        let args = cli::poll::Args {
            feeds,
            force: false,
            json: false,
        };
        let exit = cli::poll::run(&world.store, &world.poller(), args, &mut out)
            .await
            .unwrap();
        (exit, paper.text())
    };
    let (exit, text) = run(&[]).await;
    assert_eq!(exit, Exit::Fine);
    assert!(text.starts_with("bad: "), "{text}");
    assert!(
        text.ends_with("polled 2: 1 changed, 0 as before, 1 failed; 2 new and 0 changed entries\n"),
        "{text}"
    );
    let (exit, text) = run(&["bad"]).await;
    assert_eq!(exit, Exit::Fine);
    assert!(
        text.starts_with("bad: not before 2026-03-02 14:22:54Z, because of its failures"),
        "{text}"
    );
    assert_eq!(run(&["nobody"]).await.0, Exit::Failed);
}

#[tokio::test]
async fn r5_15_the_verb_feeds_says_how_each_is_and_when_it_is_next() {
    let origin = Origin::start().await;
    origin.feed("/feed", rss(&["a", "b"]));
    origin.replace("/bad", Reply::status(500));
    let config = format!(
        "{}[[feed]]\nname = \"bad\"\nurl = \"{}?key=secret\"\n",
        one_feed(&origin.url("/feed")),
        origin.url("/bad")
    );
    let world = World::new(&config).await;
    world.poll().await;
    let run = async |hosts, failing, json| {
        let paper = Paper::default();
        let mut out = Output::new(Box::new(paper.clone()));
        let args = cli::feeds::Args {
            hosts,
            failing,
            json,
            ..cli::feeds::Args::default()
        };
        let gaps = HostGaps::new(&world.config.fetch, &world.config.feeds);
        cli::feeds::run(&world.store, &gaps, world.clock.now(), args, &mut out)
            .await
            .unwrap();
        paper.text()
    };
    let all = run(false, false, false).await;
    assert!(
        all.contains("next: 2026-03-02 14:22:54Z (rest after failures)"),
        "{all}"
    );
    assert!(all.ends_with("2 feeds, 1 of them not well\n"), "{all}");
    let failing: serde_json::Value = serde_json::from_str(&run(false, true, true).await).unwrap();
    assert_eq!(failing.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&failing[0]["key"], &failing[0]["failures"]),
        (&"bad".into(), &1.into())
    );
    assert!(!run(false, true, true).await.contains("secret"));
    let text = run(true, false, false).await;
    let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
    let host = origin.address().to_string();
    assert_eq!(row[..4], [host.as_str(), "2", "0", "%"], "{text}");
    assert!(text.ends_with("1 hosts\n"), "{text}");
    let hosts: serde_json::Value = serde_json::from_str(&run(true, false, true).await).unwrap();
    assert_eq!(
        (&hosts[0]["requests"], &hosts[0]["throttled"]),
        (&2.into(), &0.into())
    );
    assert!(hosts[0]["received_bytes"].as_u64() > Some(100));
}

#[tokio::test]
async fn r5_10_a_clock_set_back_while_we_were_down_keeps_nobody_waiting_for_ever() {
    let (origin, world) = world(&rss(&["a"])).await;
    world.poll().await;
    let gap = world
        .feed("one")
        .await
        .next_poll_at
        .duration_since(world.clock.now());
    world
        .clock
        .set(world.clock.now() - SignedDuration::from_hours(24 * 365));
    let world = world.restart(None).await;
    assert_eq!(world.poll().await.polled, 0);
    let feed = world.feed("one").await;
    assert_eq!(feed.next_poll_at.duration_since(world.clock.now()), gap);
    let host = &world.store.hosts().await.unwrap()[0];
    assert!(host.last_request_at.unwrap() <= world.clock.now());
    let world = world.restart(None).await;
    assert_eq!(world.feed("one").await.next_poll_at, feed.next_poll_at);
    world.wait(Duration::try_from(gap).unwrap() + MINUTE);
    assert_eq!(counts(&world.poll().await), [1, 0, 1, 0, 0]);
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn r2_11_two_feeds_that_moved_to_one_address_are_polled_once() {
    let origin = Origin::start_tls(&["http/1.1"]).await;
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, origin.authority()).unwrap();
    origin.feed("/new", rss(&["a", "b"]));
    let feed = |name: &str| {
        origin.reply(&format!("/{name}"), Reply::redirect(301, "/new"));
        let url = origin.url(&format!("/{name}"));
        format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\nca_certificate = {authority:?}\n")
    };
    let world = World::new(&["one", "two"].map(feed).concat()).await;
    for _ in 0..6 {
        world.poll().await;
        world.wait(HOUR * 25);
    }
    let (one, two) = (world.feed("one").await, world.feed("two").await);
    assert_eq!(
        (&one.url, &two.url),
        (&origin.url("/new"), &origin.url("/new"))
    );
    let stopped = [&one, &two].map(|feed| feed.next_poll_reason == PollReason::Never);
    assert_eq!(stopped.iter().filter(|stopped| **stopped).count(), 1);
    let notice = if stopped[0] {
        one.memory.notice
    } else {
        two.memory.notice
    };
    let other = if stopped[0] { "two" } else { "one" };
    assert!(notice.unwrap().contains(&format!("{other:?}")));
    let before = origin.requests().len();
    assert_eq!(world.poll().await.polled, 1);
    assert_eq!(origin.requests().len(), before + 1);
    // What both had is one story each.
    assert_eq!(world.store.facts().await.unwrap().stories, 2);
}
