//! Several hubs of a feed (R6.5): two at once, each with a lease, a trust and a patience of its own.

use feedmill::model::PollMemory;

use super::*;

/// Hubs on hosts of their own, so that politeness does not make one wait for the other.
struct Hubs {
    hosts: Vec<Origin>,
}

impl Hubs {
    async fn start(statuses: &[u16]) -> Self {
        let mut hosts = Vec::new();
        for (at, status) in statuses.iter().enumerate() {
            let host = Origin::start_at(&format!("127.0.0.{}", at + 2)).await;
            host.reply("/hub", Reply::status(*status));
            hosts.push(host);
        }
        Self { hosts }
    }

    fn links(&self, these: &[usize], topic: &str) -> String {
        let named = these
            .iter()
            .map(|hub| links(&self.hosts[*hub].url("/hub"), topic));
        named.collect()
    }

    fn asked(&self, hub: usize) -> Vec<HashMap<String, String>> {
        self.hosts[hub].requests().iter().map(form).collect()
    }
}

/// A feed that names the hubs, polled and asked for.
async fn world(origin: &Origin, hubs: &Hubs, these: &[usize]) -> World {
    let topic = origin.url("/feed");
    origin.feed("/feed", rss(&[("a", EARLY)], &hubs.links(these, &topic)));
    let world = World::new(&config(&topic)).await;
    world.poll().await;
    world.poller().push_due().await.unwrap();
    world
}

async fn confirm(world: &World, origin: &Origin, token: &str) {
    let right = question("subscribe", &origin.url("/feed"), 864_000);
    assert_eq!(
        ask(world, token, right).await,
        PushAnswer::Confirm("c-1".to_owned())
    );
}

#[tokio::test]
async fn r6_5_two_hubs_push_at_once_and_no_third() {
    let origin = Origin::start().await;
    let hubs = Hubs::start(&[202, 202, 202]).await;
    let world = world(&origin, &hubs, &[0, 1, 2]).await;
    let counts = |hubs: &Hubs| [0, 1, 2].map(|hub| hubs.asked(hub).len());
    assert_eq!(counts(&hubs), [1, 1, 0]);
    let tokens = [0, 1].map(|hub| token(&hubs.asked(hub)[0]));
    assert_ne!(tokens[0], tokens[1]);
    // The second may confirm first.
    confirm(&world, &origin, &tokens[1]).await;
    confirm(&world, &origin, &tokens[0]).await;
    let body = rss(&[("b", EARLY)], "");
    for token in &tokens {
        assert_eq!(
            deliver(&world, token, &body, None).await,
            PushReceipt::Taken
        );
    }
    assert_eq!(entries(&world).await, 2, "what both bring is there once");
    world.poller().push_due().await.unwrap();
    assert_eq!(counts(&hubs), [1, 1, 0]);
    // Each lease is renewed at its own hub.
    world.wait(DAY * 5 + HOUR);
    world.poller().push_due().await.unwrap();
    assert_eq!(counts(&hubs), [2, 2, 0]);
    let other = "[[feed]]\nname = \"two\"\nurl = \"http://127.0.0.1:1/x\"\n";
    let world = world.restart(Some(other)).await;
    world.poller().push_due().await.unwrap();
    for hub in [0, 1] {
        assert_eq!(hubs.asked(hub)[2]["hub.mode"], "unsubscribe");
    }
    for token in &tokens {
        assert_eq!(deliver(&world, token, &body, None).await, PushReceipt::Gone);
    }
}

#[tokio::test]
async fn r6_5_a_hub_that_refuses_leaves_the_other_alone() {
    let origin = Origin::start().await;
    let hubs = Hubs::start(&[400, 202]).await;
    let world = world(&origin, &hubs, &[0, 1]).await;
    confirm(&world, &origin, &token(&hubs.asked(1)[0])).await;
    // Before the lease's half: a day, then two.
    for _ in 0..4 * 24 {
        world.wait(HOUR);
        world.poller().push_due().await.unwrap();
    }
    assert_eq!((hubs.asked(0).len(), hubs.asked(1).len()), (3, 1));
    let pushes = world.feed("one").await.memory.pushes;
    let statuses: Vec<&str> = pushes.iter().map(|push| push.status.as_str()).collect();
    assert_eq!(statuses, ["failed", "verified"]);
}

#[tokio::test]
async fn r6_5_each_hub_is_trusted_for_what_it_brought_itself() {
    let origin = Origin::start().await;
    let hubs = Hubs::start(&[202, 202]).await;
    let world = world(&origin, &hubs, &[0, 1]).await;
    let tokens = [0, 1].map(|hub| token(&hubs.asked(hub)[0]));
    for token in &tokens {
        confirm(&world, &origin, token).await;
    }
    let named = hubs.links(&[0, 1], &origin.url("/feed"));
    let proven = async |world: &World| {
        let pushes = world.feed("one").await.memory.pushes;
        pushes.iter().map(|push| push.proven).collect::<Vec<bool>>()
    };
    let bring = async |tokens: &[String], title: &str, date: &str| {
        for token in tokens {
            deliver(&world, token, &rss(&[(title, date)], ""), None).await;
        }
        origin.feed("/feed", rss(&[(title, date), ("a", EARLY)], &named));
        world.wait(DAY + HOUR);
        world.poll().await;
    };
    let march = |day: u8| format!("{day:02} Mar 2026 10:30:00 GMT");
    bring(&tokens[..1], "b", &march(2)).await;
    assert_eq!(proven(&world).await, [true, false]);
    assert_eq!(world.feed("one").await.next_poll_reason, PollReason::Push);
    bring(&tokens, "c", &march(3)).await;
    assert_eq!(proven(&world).await, [true, true]);
    // The first misses one: the other still stretches polling.
    bring(&tokens[1..], "d", &march(4)).await;
    assert_eq!(proven(&world).await, [false, true]);
    assert_eq!(world.feed("one").await.next_poll_reason, PollReason::Push);
    bring(&[], "e", &march(5)).await;
    assert_eq!(proven(&world).await, [false, false]);
    assert_ne!(world.feed("one").await.next_poll_reason, PollReason::Push);
}

#[tokio::test]
async fn r6_5_a_feed_that_changes_its_hub_is_asked_for_there_while_the_old_lease_runs_out() {
    let origin = Origin::start().await;
    let hubs = Hubs::start(&[202, 202]).await;
    let world = world(&origin, &hubs, &[0]).await;
    confirm(&world, &origin, &token(&hubs.asked(0)[0])).await;
    let named = hubs.links(&[1], &origin.url("/feed"));
    origin.feed("/feed", rss(&[("b", EARLY), ("a", EARLY)], &named));
    world.wait(DAY + HOUR);
    world.poll().await;
    world.poller().push_due().await.unwrap();
    assert_eq!((hubs.asked(0).len(), hubs.asked(1).len()), (1, 1));
    confirm(&world, &origin, &token(&hubs.asked(1)[0])).await;
    for _ in 0..11 {
        world.wait(DAY);
        world.poller().push_due().await.unwrap();
    }
    let pushes = world.feed("one").await.memory.pushes;
    let left: Vec<&str> = pushes.iter().map(|push| push.hub_url.as_str()).collect();
    assert_eq!(left, [hubs.hosts[1].url("/hub")]);
    assert_eq!(
        hubs.asked(0).len(),
        1,
        "nothing more is asked of the old one"
    );
}

/// What was stored before a feed could have two subscriptions.
#[test]
fn r6_5_a_single_subscription_of_old_is_read_as_a_list_of_one() {
    let old = r#"{"failures":2,"push":{"hub_url":"https://hub.example/","status":"verified","deliveries":7}}"#;
    let memory: PollMemory = serde_json::from_str(old).unwrap();
    assert_eq!(memory.failures, 2);
    let [push] = memory.pushes.as_slice() else {
        panic!("{memory:?}");
    };
    assert_eq!(
        (push.hub_url.as_str(), push.deliveries),
        ("https://hub.example/", 7)
    );
    let new = serde_json::to_string(&memory).unwrap();
    assert_eq!(serde_json::from_str::<PollMemory>(&new).unwrap(), memory);
}
