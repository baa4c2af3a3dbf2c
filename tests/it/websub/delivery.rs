//! What hubs bring (R6.9): kept before the answer, read after it, the oldest first, within bounds, through a kill.

use feedmill::model::{DeliveryRoom, PushDelivery, PushReceipt};

use super::*;

/// What a channel says that lists all there is (RFC 5005).
const COMPLETE: &str = "<fh:complete xmlns:fh=\"http://purl.org/syndication/history/1.0\"/>";

fn delivery(bytes: usize) -> PushDelivery {
    PushDelivery {
        body: vec![b' '; bytes].into(),
        ..PushDelivery::default()
    }
}

async fn titles(world: &World) -> Vec<String> {
    let entries = world.store.entries(None, 100).await.unwrap();
    entries.into_iter().map(|view| view.entry.title).collect()
}

#[tokio::test]
async fn r6_9_a_delivery_is_kept_before_the_answer_and_read_after_it() {
    let (_origin, world, token) = verified().await;
    let id = world.feed("one").await.id;
    let before = push(&world).await;
    for title in ["b", "no feed", "c"] {
        let body = match title {
            "no feed" => title.to_owned(),
            title => rss(&[(title, EARLY)], ""),
        };
        assert_eq!(bring(&world, &token, &body, None).await, PushReceipt::Taken);
    }
    assert_eq!(titles(&world).await, ["a"], "nothing of it was read yet");
    assert_eq!(push(&world).await, before);
    assert!(world.store.awaits_delivery(id).await.unwrap());
    let world = world.restart(None).await;
    world.poller().read_deliveries().await.unwrap();
    assert_eq!(titles(&world).await, ["c", "b", "a"]);
    assert_eq!(push(&world).await.deliveries, 2);
    assert!(!world.store.awaits_delivery(id).await.unwrap());
}

#[tokio::test]
async fn r6_9_deliveries_of_a_feed_are_read_in_the_order_in_which_they_came() {
    let (_origin, world, token) = verified().await;
    for version in 1..=5 {
        let body = rss(&[("b", EARLY)], "").replace("<title>b", &format!("<title>b {version}"));
        bring(&world, &token, &body, None).await;
    }
    world.poller().read_deliveries().await.unwrap();
    assert_eq!(titles(&world).await, ["b 5", "a"]);
}

#[tokio::test]
async fn r6_9_what_waits_is_bounded_and_one_feed_leaves_room_for_others() {
    let (origin, world, _) = verified().await;
    let two = format!(
        "{}[[feed]]\nname = \"two\"\nurl = \"http://127.0.0.1:1/x\"\n",
        config(&origin.url("/feed"))
    );
    let world = world.restart(Some(&two)).await;
    let (one, two) = (world.feed("one").await.id, world.feed("two").await.id);
    let room = DeliveryRoom {
        rows: 8,
        bytes: 4000,
    };
    let keep = async |feed, bytes| {
        let callback = (feed, "t".to_owned());
        let now = world.clock.now();
        let kept = world
            .store
            .keep_delivery(callback, delivery(bytes), room, now);
        kept.await.unwrap()
    };
    // A quarter is one feed's: two of eight rows, 1000 of 4000 bytes.
    assert!(!keep(one, 1001).await);
    assert!(keep(one, 500).await && keep(one, 500).await);
    assert!(!keep(one, 0).await);
    assert!(keep(two, 1000).await);
    assert!(!keep(two, 1).await);
    // The first of each feed, the oldest first.
    let first = world.store.next_delivery(vec![]).await.unwrap().unwrap();
    assert_eq!((first.feed, first.tries, first.body.len()), (one, 1, 500));
    let second = world.store.next_delivery(vec![one]).await.unwrap().unwrap();
    assert_eq!(second.feed, two);
    assert_eq!(
        world.store.next_delivery(vec![one, two]).await.unwrap(),
        None
    );
    world.store.forget_delivery(first.id).await.unwrap();
    assert!(keep(one, 500).await);
}

#[tokio::test]
async fn r6_9_a_delivery_that_ends_the_process_each_time_is_given_up() {
    let (_origin, world, token) = verified().await;
    bring(&world, &token, &rss(&[("bad", EARLY)], ""), None).await;
    bring(&world, &token, &rss(&[("b", EARLY)], ""), None).await;
    for tries in 1..=5 {
        let taken = world.store.next_delivery(vec![]).await.unwrap().unwrap();
        assert_eq!(taken.tries, tries);
    }
    world.poller().read_deliveries().await.unwrap();
    assert_eq!(titles(&world).await, ["b", "a"]);
}

#[tokio::test]
async fn r6_9_a_delivery_neither_erases_nor_withdraws() {
    let (origin, world, token) = verified().await;
    let named = links(&origin.url("/hub"), &origin.url("/feed"));
    let buries = format!(
        "{}[publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\ntombstones = true\n",
        config(&origin.url("/feed"))
    );
    let world = world.restart(Some(&buries)).await;
    let document = |days: &[(&str, u8)], links: &str| {
        let dates = days
            .iter()
            .map(|(_, day)| format!("{day:02} Feb 2026 08:00:00 GMT"));
        let dates: Vec<String> = dates.collect();
        let titles = days.iter().map(|(title, _)| *title);
        let items: Vec<(&str, &str)> = titles.zip(dates.iter().map(String::as_str)).collect();
        rss(&items, links)
    };
    let all = [("e", 5), ("d", 4), ("c", 3), ("b", 2)];
    origin.feed("/feed", document(&all, &named));
    world.wait(DAY + HOUR);
    world.poll().await;
    // Twice amid a document is how a poll finds that an entry was taken back.
    for newest in ["f", "g", "h"] {
        let body = document(&[(newest, 6), ("e", 5), ("b", 2)], "");
        deliver(&world, &token, &body, None).await;
    }
    let shown = world.store.entries(None, 100).await.unwrap();
    assert_eq!(shown.len(), 8);
    assert!(shown.iter().all(|view| view.standing == Standing::Shown));
}

/// What a hub brought may be newer than the document that a poll got: one that calls itself complete and lacks it does
/// not take it back.
#[tokio::test]
async fn r6_9_r3_7_a_complete_document_takes_back_nothing_that_only_a_hub_has_brought() {
    let (origin, world, token) = verified().await;
    let named = links(&origin.url("/hub"), &origin.url("/feed")) + COMPLETE;
    let body = rss(&[("pushed", EARLY)], COMPLETE);
    assert_eq!(
        deliver(&world, &token, &body, None).await,
        PushReceipt::Taken
    );
    origin.feed("/feed", rss(&[("b", EARLY)], &named));
    world.wait(DAY + HOUR);
    world.poll().await;
    assert_eq!(shown(&world).await, ["b", "pushed"]);
    // Once a document has had it, the next one may.
    for titles in [["b", "pushed"].as_slice(), &["b"]] {
        let items: Vec<(&str, &str)> = titles.iter().map(|title| (*title, EARLY)).collect();
        origin.feed("/feed", rss(&items, &named));
        world.wait(DAY + HOUR);
        world.poll().await;
    }
    assert_eq!(shown(&world).await, ["b"]);
}

/// Titles of what readers see, the newest first.
async fn shown(world: &World) -> Vec<String> {
    let entries = world.store.entries(None, 9).await.unwrap().into_iter();
    let shown = entries.filter(|view| view.standing == Standing::Shown);
    shown.map(|view| view.entry.title).collect()
}

#[tokio::test]
async fn r6_9_r3_7_what_a_hub_brings_while_a_complete_document_is_fetched_stays() {
    let (origin, world, token) = verified().await;
    let named = links(&origin.url("/hub"), &origin.url("/feed")) + COMPLETE;
    origin.replace("/feed", Reply::ok(rss(&[("b", EARLY)], &named)).hold());
    world.wait(DAY + HOUR);
    let before = origin.requests().len();
    let poller = world.poller();
    let hub = async {
        origin.seen(before + 1).await;
        let body = rss(&[("pushed", EARLY)], COMPLETE);
        let taken = deliver(&world, &token, &body, None).await;
        assert_eq!(taken, PushReceipt::Taken);
        origin.release();
    };
    let (polled, ()) = tokio::join!(poller.poll_due(), hub);
    assert_eq!(polled.unwrap().new_entries, 1);
    assert_eq!(shown(&world).await, ["b", "pushed"]);
}

#[tokio::test]
async fn r6_11_what_a_hub_brings_while_a_poll_is_under_way_was_not_missed() {
    let (origin, world, token) = verified().await;
    prove(&origin, &world, &token).await;
    let named = links(&origin.url("/hub"), &origin.url("/feed"));
    let items = [("c", "Wed, 04 Mar 2026 10:00:00 GMT"), ("a", EARLY)];
    origin.replace("/feed", Reply::ok(rss(&items, &named)).hold());
    world.wait(DAY + HOUR);
    let before = origin.requests().len();
    let poller = world.poller();
    let hub = async {
        origin.seen(before + 1).await;
        let taken = deliver(&world, &token, &rss(&items[..1], ""), None).await;
        assert_eq!(taken, PushReceipt::Taken);
        origin.release();
    };
    let (polled, ()) = tokio::join!(poller.poll_due(), hub);
    assert_eq!(polled.unwrap().changed, 1);
    assert!(push(&world).await.proven);
}

/// A poll that finds what the hub should have brought forgets what it did bring: not before its document was judged.
#[tokio::test]
async fn r6_9_r3_7_a_complete_document_that_shows_a_miss_takes_back_nothing_that_a_hub_has_brought()
{
    let (origin, world, token) = verified().await;
    prove(&origin, &world, &token).await;
    deliver(&world, &token, &rss(&[("pushed", EARLY)], ""), None).await;
    let named = links(&origin.url("/hub"), &origin.url("/feed")) + COMPLETE;
    let missed = [("c", "Wed, 04 Mar 2026 10:00:00 GMT"), ("a", EARLY)];
    origin.feed("/feed", rss(&missed, &named));
    world.wait(DAY + HOUR);
    world.poll().await;
    assert!(!push(&world).await.proven);
    assert_eq!(shown(&world).await, ["c", "pushed", "a"]);
}

#[tokio::test]
async fn r6_9_what_waits_for_a_feed_that_left_is_forgotten() {
    let (_origin, world, token) = verified().await;
    let id = world.feed("one").await.id;
    bring(&world, &token, &rss(&[("b", EARLY)], ""), None).await;
    let other = "[[feed]]\nname = \"two\"\nurl = \"http://127.0.0.1:1/x\"\n";
    let world = world.restart(Some(other)).await;
    world.poller().read_deliveries().await.unwrap();
    assert!(!world.store.awaits_delivery(id).await.unwrap());
    assert_eq!(titles(&world).await, ["a"]);
}

/// A hub is answered while an article's page keeps us waiting; what is then cut off by `kill -9` is read after it.
#[tokio::test]
async fn r6_9_a_kill_loses_no_delivery_and_a_full_house_says_when_to_come_again() {
    let origin = Origin::start().await;
    origin.reply("/hub", Reply::status(202));
    origin.replace("/robots.txt", Reply::ok("").hold());
    let topic = origin.url("/feed");
    let named = links(&origin.url("/hub"), &topic);
    origin.feed("/feed", rss(&[("a", EARLY)], &named));
    let listen = free_address();
    let home = Home::new(&format!(
        "[http]\nlisten = \"{listen}\"\n[fetch]\nallow_networks = [\"127.0.0.0/8\"]\n{}",
        config(&topic)
    ));
    let mut daemon = home.start();
    daemon.wait_for(|_| !origin.requests_to("/hub").is_empty());
    let path = format!("/websub/{}", token(&form(&origin.requests_to("/hub")[0])));
    let topic: String = url::form_urlencoded::byte_serialize(topic.as_bytes()).collect();
    let query = format!(
        "{path}?hub.mode=subscribe&hub.topic={topic}&hub.challenge=c&hub.lease_seconds=864000"
    );
    assert_eq!(client::get(listen, &query).status, 200);
    home.write(
        "feedmill.toml",
        format!(
            "[http]\nlisten = \"{listen}\"\n[fetch]\nallow_networks = [\"127.0.0.0/8\"]\n{}full_text = true\n",
            config(&origin.url("/feed"))
        ),
    );
    home.verb(&["reload"]);
    let article = origin.url("/article");
    let brought = |number: usize| {
        rss(&[("pushed", EARLY)], "")
            .replace("https://site.example/pushed", &article)
            .replace("<title>pushed", &format!("<title>pushed {number}"))
    };
    let post = |number| {
        let kind = [("Content-Type", "application/rss+xml")];
        client::send(listen, "POST", &path, &kind, brought(number).as_bytes())
    };
    for number in 1..=256 {
        assert_eq!(post(number).status, 202, "{number}");
    }
    let refused = post(257);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("120"))
    );
    daemon.wait_for(|_| !origin.requests_to("/robots.txt").is_empty());
    assert!(!home.verb(&["entries"]).contains("pushed"));
    daemon.kill();
    origin.replace("/robots.txt", Reply::status(404));
    origin.replace("/article", Reply::status(404));
    let mut daemon = home.start();
    daemon.wait_for(|_| home.verb(&["entries"]).contains("pushed"));
    assert!(daemon.stop().success());
}
