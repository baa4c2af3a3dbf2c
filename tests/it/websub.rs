//! The WebSub subscriber against a hub on a raw socket that performs the cases of the recommendation's test suite by
//! number (100–104 discovery, 200–205 subscription, 300–302 delivery), and what we promise beyond it: leases, renewal,
//! refusal, distrust, departure. The clock is moved by hand; one test speaks to the built daemon.

mod delivery;
mod hubs;

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::hmac;
use feedmill::model::{
    FeedStanding, PollReason, PushAnswer, PushDelivery, PushQuestion, PushReceipt, PushState,
    Standing,
};

use crate::support::client;
use crate::support::origin::{Origin, Recorded, Reply};
use crate::support::process::{Home, free_address};
use crate::support::world::World;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// An RSS document: (title, date) an item, and what else stands in its channel.
fn rss(items: &[(&str, &str)], links: &str) -> String {
    let item = |(title, date): &(&str, &str)| {
        format!(
            "<item><title>{title}</title><link>https://site.example/{title}</link>\
             <guid isPermaLink=\"false\">id-{title}</guid><pubDate>{date}</pubDate></item>"
        )
    };
    let items: String = items.iter().map(item).collect();
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel>\
         <title>A feed</title><link>https://site.example/</link><description>d</description>{links}{items}</channel></rss>"
    )
}

const EARLY: &str = "Mon, 02 Mar 2026 08:00:00 GMT";

fn links(hub: &str, topic: &str) -> String {
    format!("<atom:link rel=\"hub\" href=\"{hub}\"/><atom:link rel=\"self\" href=\"{topic}\"/>")
}

fn config(url: &str) -> String {
    format!("[[feed]]\nname = \"one\"\nurl = \"{url}\"\n")
}

fn form(request: &Recorded) -> HashMap<String, String> {
    url::form_urlencoded::parse(request.body())
        .into_owned()
        .collect()
}

/// Polls once, looks after subscriptions once: what the hub at `/hub` was asked.
async fn asked_of(origin: &Origin, world: &World) -> Vec<HashMap<String, String>> {
    world.poll().await;
    world.poller().push_due().await.unwrap();
    origin.requests_to("/hub").iter().map(form).collect()
}

/// A world whose feed names the hub at `/hub` and itself as topic, polled and asked for.
async fn pending() -> (Origin, World, String) {
    let origin = Origin::start().await;
    origin.reply("/hub", Reply::status(202));
    let topic = origin.url("/feed");
    origin.feed(
        "/feed",
        rss(&[("a", EARLY)], &links(&origin.url("/hub"), &topic)),
    );
    let world = World::new(&config(&topic)).await;
    let asked = asked_of(&origin, &world).await;
    assert_eq!(asked.len(), 1);
    let token = token(&asked[0]);
    (origin, world, token)
}

fn token(form: &HashMap<String, String>) -> String {
    let callback = &form["hub.callback"];
    callback.rsplit('/').next().unwrap().to_owned()
}

fn question(mode: &str, topic: &str, lease_s: u64) -> PushQuestion {
    PushQuestion {
        mode: mode.to_owned(),
        topic: topic.to_owned(),
        challenge: Some("c-1".to_owned()),
        lease_s: Some(lease_s),
    }
}

async fn ask(world: &World, token: &str, question: PushQuestion) -> PushAnswer {
    world.poller().pushes().asked(token, question).await
}

/// Brings a delivery and has it read.
async fn deliver(world: &World, token: &str, body: &str, signature: Option<&str>) -> PushReceipt {
    let receipt = bring(world, token, body, signature).await;
    world.poller().read_deliveries().await.unwrap();
    receipt
}

/// Brings a delivery, which is not read yet.
async fn bring(world: &World, token: &str, body: &str, signature: Option<&str>) -> PushReceipt {
    let delivery = PushDelivery {
        body: body.to_owned().into(),
        content_type: Some("application/rss+xml".to_owned()),
        signature: signature.map(str::to_owned),
    };
    world.poller().pushes().brought(token, delivery).await
}

async fn push(world: &World) -> PushState {
    world.feed("one").await.memory.pushes.remove(0)
}

async fn entries(world: &World) -> usize {
    world.store.entries(None, 100).await.unwrap().len()
}

/// As [`pending`], confirmed for ten days.
async fn verified() -> (Origin, World, String) {
    let (origin, world, token) = pending().await;
    let topic = origin.url("/feed");
    assert_eq!(
        ask(&world, &token, question("subscribe", &topic, 864_000)).await,
        PushAnswer::Confirm("c-1".to_owned())
    );
    (origin, world, token)
}

/// One way of naming hub and topic; true where it must lead to a subscription of `/topic` at `/hub`.
#[track_caller]
fn check_discovery(asked: &[HashMap<String, String>], origin: &Origin, case: &str) {
    assert_eq!(asked.len(), 1, "{case}");
    assert_eq!(asked[0]["hub.mode"], "subscribe", "{case}");
    assert_eq!(asked[0]["hub.topic"], origin.url("/topic"), "{case}");
}

#[tokio::test]
async fn case_100_102_103_104_200_discovery_finds_hub_and_topic() {
    let atom = |hub: &str, topic: &str| {
        format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>urn:x:1</id><title>t</title>\
             <updated>2026-03-02T08:00:00Z</updated><link rel=\"hub\" href=\"{hub}\"/>\
             <link rel=\"self\" href=\"{topic}\"/></feed>"
        )
    };
    let nowhere = ("http://127.0.0.1:1/hub", "http://127.0.0.1:1/topic");
    for case in ["100", "102", "103", "104"] {
        let origin = Origin::start().await;
        origin.reply("/hub", Reply::status(202));
        let (hub, topic) = (origin.url("/hub"), origin.url("/topic"));
        // 200 is in each of them: the topic is not the address that is polled.
        let reply = match case {
            "100" => Reply::ok(rss(&[("a", EARLY)], "")),
            "102" => Reply::ok(atom(&hub, &topic)),
            "103" => Reply::ok(rss(&[("a", EARLY)], &links(&hub, &topic))),
            _ => Reply::ok(rss(&[("a", EARLY)], &links(nowhere.0, nowhere.1))),
        };
        let reply = match case {
            "100" | "104" => reply.header("Link", "</hub>; rel=hub, </topic>; rel=\"self\""),
            _ => reply,
        };
        origin.replace("/feed", reply);
        let world = World::new(&config(&origin.url("/feed"))).await;
        check_discovery(&asked_of(&origin, &world).await, &origin, case);
    }
}

#[tokio::test]
async fn case_101_a_web_page_is_no_feed_and_its_hub_is_not_asked() {
    let origin = Origin::start().await;
    origin.reply("/hub", Reply::status(202));
    let page = "<!doctype html><html><head><link rel=hub href=/hub><link rel=self href=/topic></head></html>";
    origin.replace("/feed", Reply::ok(page).header("Content-Type", "text/html"));
    let world = World::new(&config(&origin.url("/feed"))).await;
    assert_eq!(asked_of(&origin, &world).await.len(), 0);
}

/// A hub compares bytes: an address without a path, or with a host in capitals, is another one for it than what a
/// library for addresses makes of it.
#[tokio::test]
async fn r6_2_the_topic_is_asked_for_as_it_was_published() {
    for topic in ["http://News.Example", "https://news.example:443/a b?q"] {
        for header in [true, false] {
            let origin = Origin::start().await;
            origin.reply("/hub", Reply::status(202));
            let named = links(&origin.url("/hub"), topic);
            let reply = match header {
                true => Reply::ok(rss(&[("a", EARLY)], ""))
                    .header("Link", format!("</hub>; rel=hub, <{topic}>; rel=self")),
                false => Reply::ok(rss(&[("a", EARLY)], &named)),
            };
            origin.replace("/feed", reply);
            let world = World::new(&config(&origin.url("/feed"))).await;
            let asked = asked_of(&origin, &world).await;
            assert_eq!(asked.len(), 1, "{topic} {header}");
            assert_eq!(asked[0]["hub.topic"], topic, "{header}");
        }
    }
}

#[tokio::test]
async fn r6_2_without_self_there_is_no_subscription() {
    let origin = Origin::start().await;
    let hub = format!("<atom:link rel=\"hub\" href=\"{}\"/>", origin.url("/hub"));
    origin.feed("/feed", rss(&[("a", EARLY)], &hub));
    let world = World::new(&config(&origin.url("/feed"))).await;
    assert_eq!(asked_of(&origin, &world).await.len(), 0);
}

#[tokio::test]
async fn case_201_202_the_topic_is_the_self_behind_a_redirect() {
    for status in [302, 301] {
        let origin = Origin::start().await;
        origin.reply("/hub", Reply::status(202));
        origin.reply("/feed", Reply::redirect(status, "/real"));
        let document = rss(
            &[("a", EARLY)],
            &links(&origin.url("/hub"), &origin.url("/topic")),
        );
        origin.feed("/real", document);
        let world = World::new(&config(&origin.url("/feed"))).await;
        check_discovery(
            &asked_of(&origin, &world).await,
            &origin,
            &status.to_string(),
        );
    }
}

#[tokio::test]
async fn case_203_204_a_hub_that_moved_is_asked_with_the_same_body() {
    for status in [307, 308] {
        let origin = Origin::start().await;
        origin.reply("/old", Reply::redirect(status, "/hub"));
        origin.reply("/hub", Reply::status(202));
        let document = rss(
            &[("a", EARLY)],
            &links(&origin.url("/old"), &origin.url("/topic")),
        );
        origin.feed("/feed", document);
        let world = World::new(&config(&origin.url("/feed"))).await;
        check_discovery(
            &asked_of(&origin, &world).await,
            &origin,
            &status.to_string(),
        );
        let (old, new) = (origin.requests_to("/old"), origin.requests_to("/hub"));
        assert_eq!(new[0].method, "POST");
        assert_eq!(old[0].body(), new[0].body());
        assert_eq!(push(&world).await.status, "pending");
    }
}

#[tokio::test]
async fn r6_3_the_request_names_callback_and_lease_and_no_secret_to_a_hub_in_the_clear() {
    let (origin, world, token) = pending().await;
    let asked = form(&origin.requests_to("/hub")[0]);
    assert_eq!(asked["hub.lease_seconds"], "864000");
    assert!(!asked.contains_key("hub.secret"));
    let random = token.split_once('-').unwrap().1;
    assert!(random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(push(&world).await.callback_token, token);
}

#[tokio::test]
async fn r6_6_case_205_only_what_was_asked_for_is_confirmed() {
    let (origin, world, token) = pending().await;
    let topic = origin.url("/feed");
    for (name, given) in [
        (
            token.as_str(),
            question("subscribe", &origin.url("/other"), 60),
        ),
        (token.as_str(), question("unsubscribe", &topic, 60)),
        (token.as_str(), question("", &topic, 60)),
        (
            "1-00000000000000000000000000000000",
            question("subscribe", &topic, 60),
        ),
        ("zz", question("subscribe", &topic, 60)),
    ] {
        assert_eq!(ask(&world, name, given).await, PushAnswer::Unknown);
    }
    assert_eq!(push(&world).await.status, "pending");
    let right = question("subscribe", &topic, 864_000);
    let confirmed = PushAnswer::Confirm("c-1".to_owned());
    assert_eq!(ask(&world, &token, right.clone()).await, confirmed);
    // Asked once, confirmed once.
    assert_eq!(ask(&world, &token, right).await, PushAnswer::Unknown);
}

#[tokio::test]
async fn r6_4_a_refusal_rests_a_day_then_doubles_to_a_week() {
    let origin = Origin::start().await;
    origin.reply("/hub", Reply::status(400).body("no such topic"));
    let document = rss(
        &[("a", EARLY)],
        &links(&origin.url("/hub"), &origin.url("/feed")),
    );
    origin.feed("/feed", document);
    let world = World::new(&config(&origin.url("/feed"))).await;
    assert_eq!(asked_of(&origin, &world).await.len(), 1);
    let mut gaps = Vec::new();
    let mut hours = 0;
    while gaps.len() < 4 {
        world.wait(HOUR);
        hours += 1;
        world.poller().push_due().await.unwrap();
        if origin.requests_to("/hub").len() == gaps.len() + 2 {
            gaps.push(std::mem::take(&mut hours));
        }
        assert!(hours < 400, "{gaps:?}");
    }
    assert_eq!(gaps, [24, 48, 96, 168]);
}

#[tokio::test]
async fn r6_7_a_denied_subscription_rests_a_week_and_polling_goes_on() {
    let (origin, world, token) = pending().await;
    let denied = PushQuestion {
        challenge: None,
        ..question("denied", &origin.url("/feed"), 0)
    };
    assert_eq!(ask(&world, &token, denied).await, PushAnswer::Heard);
    assert_eq!(push(&world).await.status, "denied");
    world.wait(DAY * 7 - HOUR);
    assert_eq!(asked_of(&origin, &world).await.len(), 1);
    world.wait(HOUR * 2);
    assert_eq!(asked_of(&origin, &world).await.len(), 2);
    assert!(world.feed("one").await.memory.counters.polls >= 2);
}

#[tokio::test]
async fn r6_8_a_lease_is_renewed_at_half_with_a_callback_of_its_own() {
    let (origin, world, old) = verified().await;
    world.wait(DAY * 5 - HOUR);
    assert_eq!(asked_of(&origin, &world).await.len(), 1);
    world.wait(HOUR * 2);
    let asked = asked_of(&origin, &world).await;
    assert_eq!(asked.len(), 2);
    let new = token(&asked[1]);
    assert_ne!(new, old);
    // Until the hub confirms, the old one holds.
    let topic = origin.url("/feed");
    let body = rss(&[("b", EARLY)], "");
    assert_eq!(deliver(&world, &old, &body, None).await, PushReceipt::Taken);
    assert_eq!(deliver(&world, &new, &body, None).await, PushReceipt::Gone);
    let confirmed = ask(&world, &new, question("subscribe", &topic, 864_000)).await;
    assert_eq!(confirmed, PushAnswer::Confirm("c-1".to_owned()));
    assert_eq!(deliver(&world, &new, &body, None).await, PushReceipt::Taken);
    assert_eq!(deliver(&world, &old, &body, None).await, PushReceipt::Gone);
    assert_eq!(
        push(&world).await.lease_until,
        Some(world.clock.now() + DAY * 10)
    );
}

#[tokio::test]
async fn r6_8_near_the_end_renewal_is_tried_hourly_and_a_lapsed_lease_stretches_nothing() {
    let (origin, world, token) = verified().await;
    prove(&origin, &world, &token).await;
    assert_eq!(world.feed("one").await.next_poll_reason, PollReason::Push);
    origin.replace("/hub", Reply::status(500));
    world.wait(DAY * 8);
    world.poller().push_due().await.unwrap();
    let before = origin.requests_to("/hub").len();
    for _ in 0..5 {
        world.wait(HOUR);
        world.poller().push_due().await.unwrap();
    }
    assert_eq!(origin.requests_to("/hub").len(), before + 5);
    world.wait(DAY);
    world.poller().push_due().await.unwrap();
    let feed = world.feed("one").await;
    assert_ne!(feed.next_poll_reason, PollReason::Push);
    assert!(feed.next_poll_at <= world.clock.now());
    let body = rss(&[("z", EARLY)], "");
    assert_eq!(
        deliver(&world, &token, &body, None).await,
        PushReceipt::Gone
    );
}

#[tokio::test]
async fn case_300_a_delivery_is_stored_and_touches_neither_validators_nor_schedule() {
    let (origin, world, token) = verified().await;
    let before = world.feed("one").await;
    let body = rss(&[("b", EARLY)], "");
    assert_eq!(
        deliver(&world, &token, &body, None).await,
        PushReceipt::Taken
    );
    // Only the new entry was in it: nothing is inferred from what was not.
    assert_eq!(entries(&world).await, 2);
    let after = world.feed("one").await;
    assert_eq!(
        (
            after.validators,
            after.body_hash,
            after.next_poll_at,
            after.next_poll_reason
        ),
        (
            before.validators,
            before.body_hash,
            before.next_poll_at,
            before.next_poll_reason
        )
    );
    assert_eq!(after.memory.window, before.memory.window);
    // Again: nothing new, and no harm.
    assert_eq!(
        deliver(&world, &token, &body, None).await,
        PushReceipt::Taken
    );
    assert_eq!(entries(&world).await, 2);
    assert_eq!(
        deliver(&world, &token, "no feed", None).await,
        PushReceipt::Taken
    );
    assert_eq!(
        deliver(&world, "1-ff", &body, None).await,
        PushReceipt::Gone
    );
    let world = world.restart(None).await;
    assert_eq!(entries(&world).await, 2);
    assert_eq!(origin.requests_to("/feed").len(), 1);
}

/// What a hub brings is judged as a poll's document is.
#[tokio::test]
async fn a_delivery_neither_reuses_keys_nor_takes_over_nor_floods() {
    let item = |guid: &str, title: &str, text: &str, day: u8| {
        format!(
            "<item><title>{title}</title><link>https://site.example/{}</link>\
             <guid isPermaLink=\"false\">{guid}</guid><pubDate>{day:02} Mar 2026 08:00:00 GMT</pubDate>\
             <description>{text}</description></item>",
            title.replace(' ', "-")
        )
    };
    let feed = |(title, site, language): (&str, &str, &str), items: &str| {
        rss(&[], items)
            .replace(
                "<title>A feed<",
                &format!("<language>{language}</language><title>{title}<"),
            )
            .replace("https://site.example/</link>", &format!("{site}</link>"))
    };
    let ours = ("A feed", "https://site.example/", "en");
    let first = item(
        "latest",
        "Harbour ferry goes electric",
        "Two battery ferries cut the noise.",
        1,
    );
    let second = item(
        "latest",
        "Bakers strike over flour",
        "Ovens stayed cold in ninety villages.",
        2,
    );
    let (origin, world, token) = verified().await;
    let hub = links(&origin.url("/hub"), &origin.url("/feed"));
    origin.feed("/feed", feed(ours, &format!("{hub}{first}")));
    world.wait(25 * HOUR);
    world.poll().await;
    assert_eq!(
        deliver(&world, &token, &feed(ours, &second), None).await,
        PushReceipt::Taken
    );
    let titles = async || {
        let views = world.store.entries(None, 2).await.unwrap().into_iter();
        Vec::from_iter(views.map(|view| view.entry.title))
    };
    assert_eq!(
        titles().await,
        ["Bakers strike over flour", "Harbour ferry goes electric"]
    );
    // The poll that follows knows it by the same key.
    origin.feed("/feed", feed(ours, &format!("{hub}{second}")));
    world.wait(25 * HOUR);
    world.poll().await;
    assert_eq!(entries(&world).await, 3);
    let many: String = (0..90)
        .map(|at| {
            item(
                &format!("n{at}"),
                &format!("Note {at}"),
                &format!("Words{at}."),
                2,
            )
        })
        .collect();
    deliver(&world, &token, &feed(ours, &many), None).await;
    let notice = world.feed("one").await.memory.notice.unwrap();
    assert!(notice.starts_with("90 new entries"), "{notice}");
    let theirs = ("Lucky Casino", "https://casino.example/", "tr");
    let spam: String = (0..60)
        .map(|at| {
            item(
                &format!("s{at}"),
                &format!("Win {at}"),
                &format!("Luck{at}."),
                2,
            )
        })
        .collect();
    deliver(&world, &token, &feed(theirs, &spam), None).await;
    let taken = world.feed("one").await;
    assert_eq!(taken.standing, FeedStanding::Quarantined);
    let newest = world.store.entries(None, 60).await.unwrap();
    assert!(
        newest
            .iter()
            .all(|view| view.entry.title.starts_with("Win "))
    );
    assert!(newest.iter().all(|view| view.standing != Standing::Shown));
}

#[tokio::test]
async fn r6_3_a_hub_behind_tls_gets_a_secret_by_the_feeds_own_way() {
    let hub = Origin::start_tls(&["http/1.1"]).await;
    hub.reply("/hub", Reply::status(202));
    let origin = Origin::start().await;
    let topic = origin.url("/feed");
    let document = rss(&[("a", EARLY)], &links(&hub.url("/hub"), &topic));
    origin.feed("/feed", document);
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), hub.authority()).unwrap();
    let path = trusted.path().display();
    let world = World::new(&format!("{}ca_certificate = \"{path}\"\n", config(&topic))).await;
    world.poll().await;
    world.poller().push_due().await.unwrap();
    let asked = form(&hub.requests()[0]);
    let secret = &asked["hub.secret"];
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(push(&world).await.secret.as_ref(), Some(secret));
    // It is what deliveries are held against.
    let token = token(&asked);
    let confirmed = ask(&world, &token, question("subscribe", &topic, 864_000)).await;
    assert_eq!(confirmed, PushAnswer::Confirm("c-1".to_owned()));
    let body = rss(&[("b", EARLY)], "");
    let unsigned = deliver(&world, &token, &body, None).await;
    assert_eq!(unsigned, PushReceipt::Refused);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let signature = format!("sha256={hex}");
    let signed = deliver(&world, &token, &body, Some(&signature)).await;
    assert_eq!(signed, PushReceipt::Taken);
}

/// As if the hub had been told one; ours are on loopback, in the clear, and are told none.
async fn share_a_secret(world: &World) {
    let id = world.feed("one").await.id;
    let with_secret = |state: &mut feedmill::model::FeedState| {
        state.memory.pushes[0].secret = Some("a secret".to_owned());
    };
    world
        .store
        .update_feed(id, Box::new(with_secret))
        .await
        .unwrap();
}

fn sign(name: &str, algorithm: hmac::Algorithm, key: &[u8], body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(algorithm, key), body.as_bytes());
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    format!("{name}={hex}")
}

#[tokio::test]
async fn r6_10_min_hub_hash_refuses_weaker_signatures() {
    let (origin, world, token) = verified().await;
    share_a_secret(&world).await;
    let strict = "[fetch]\nmin_hub_hash = \"sha384\"\n".to_owned() + &config(&origin.url("/feed"));
    let world = world.restart(Some(&strict)).await;
    let body = rss(&[("b", EARLY)], "");
    for (name, algorithm, receipt) in [
        (
            "sha1",
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            PushReceipt::Refused,
        ),
        ("SHA256", hmac::HMAC_SHA256, PushReceipt::Refused),
        ("sha384", hmac::HMAC_SHA384, PushReceipt::Taken),
        ("sha512", hmac::HMAC_SHA512, PushReceipt::Taken),
    ] {
        let signature = sign(name, algorithm, b"a secret", &body);
        let taken = deliver(&world, &token, &body, Some(&signature)).await;
        assert_eq!(taken, receipt, "{name}");
    }
    assert_eq!(entries(&world).await, 2);
}

#[tokio::test]
async fn r6_10_case_301_302_a_delivery_must_carry_its_signature() {
    let (_origin, world, token) = verified().await;
    share_a_secret(&world).await;
    let bad = rss(&[("bad", EARLY)], "");
    let wrong = [
        None,
        Some(sign("sha256", hmac::HMAC_SHA256, b"another", &bad)),
        Some(sign("sha1", hmac::HMAC_SHA256, b"a secret", &bad)),
        Some(sign("md5", hmac::HMAC_SHA256, b"a secret", &bad)),
        Some("sha256=".to_owned()),
        Some("sha256=zz".to_owned()),
        Some("nonsense".to_owned()),
    ];
    for signature in wrong {
        let receipt = deliver(&world, &token, &bad, signature.as_deref()).await;
        assert_eq!(receipt, PushReceipt::Refused, "{signature:?}");
    }
    assert_eq!(entries(&world).await, 1);
    let methods = [
        ("sha1", hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        ("sha256", hmac::HMAC_SHA256),
        ("sha384", hmac::HMAC_SHA384),
        ("SHA512", hmac::HMAC_SHA512),
    ];
    for (count, (name, algorithm)) in methods.into_iter().enumerate() {
        let body = rss(&[(name, EARLY)], "");
        let signature = sign(name, algorithm, b"a secret", &body);
        let receipt = deliver(&world, &token, &body, Some(&signature)).await;
        assert_eq!(receipt, PushReceipt::Taken, "{name}");
        assert_eq!(entries(&world).await, count + 2);
    }
}

/// A delivery, and a poll a day later that finds what it brought.
async fn prove(origin: &Origin, world: &World, token: &str) {
    let named = links(&origin.url("/hub"), &origin.url("/feed"));
    let date = "Mon, 02 Mar 2026 10:30:00 GMT";
    world.wait(HOUR);
    let body = rss(&[("b", date)], "");
    assert_eq!(deliver(world, token, &body, None).await, PushReceipt::Taken);
    assert!(!push(world).await.proven);
    origin.feed("/feed", rss(&[("b", date), ("a", EARLY)], &named));
    world.wait(DAY);
    assert_eq!(world.poll().await.changed, 1);
}

#[tokio::test]
async fn r6_11_polling_is_stretched_once_a_poll_confirms_a_delivery_and_not_after_a_miss() {
    let (origin, world, token) = verified().await;
    assert_ne!(world.feed("one").await.next_poll_reason, PollReason::Push);
    prove(&origin, &world, &token).await;
    let feed = world.feed("one").await;
    assert!(feed.memory.pushes[0].proven);
    assert_eq!(feed.next_poll_reason, PollReason::Push);
    // An hour-old entry that no hub brought.
    let named = links(&origin.url("/hub"), &origin.url("/feed"));
    let missed = [("c", "Wed, 04 Mar 2026 10:00:00 GMT"), ("a", EARLY)];
    origin.feed("/feed", rss(&missed, &named));
    world.wait(DAY + HOUR);
    assert_eq!(world.poll().await.changed, 1);
    let feed = world.feed("one").await;
    let push = &feed.memory.pushes[0];
    assert!(!push.proven && push.status == "verified");
    assert_eq!(push.next_request_at, Some(world.clock.now() + DAY));
    assert_ne!(feed.next_poll_reason, PollReason::Push);
}

#[tokio::test]
async fn r6_12_a_removed_feed_is_unsubscribed_and_its_callback_is_gone() {
    let (origin, world, token) = verified().await;
    let world = world
        .restart(Some(
            "[[feed]]\nname = \"two\"\nurl = \"http://127.0.0.1:1/x\"\n",
        ))
        .await;
    world.poller().push_due().await.unwrap();
    let asked = form(origin.requests_to("/hub").last().unwrap());
    assert_eq!(asked["hub.mode"], "unsubscribe");
    assert_eq!(asked["hub.topic"], origin.url("/feed"));
    let body = rss(&[("b", EARLY)], "");
    assert_eq!(
        deliver(&world, &token, &body, None).await,
        PushReceipt::Gone
    );
    let gone = question("unsubscribe", &origin.url("/feed"), 0);
    let confirmed = PushAnswer::Confirm("c-1".to_owned());
    assert_eq!(ask(&world, &token, gone.clone()).await, confirmed);
    world.wait(HOUR * 2);
    world.poller().push_due().await.unwrap();
    assert_eq!(ask(&world, &token, gone).await, PushAnswer::Unknown);
    assert_eq!(origin.requests_to("/hub").len(), 2);
}

#[tokio::test]
async fn r6_9_what_a_hub_says_while_a_poll_is_under_way_survives_its_commit() {
    let (origin, world, token) = pending().await;
    let named = links(&origin.url("/hub"), &origin.url("/feed"));
    origin.replace("/feed", Reply::ok(rss(&[("b", EARLY)], &named)).hold());
    world.wait(DAY + HOUR);
    let before = origin.requests().len();
    let poller = world.poller();
    let hub = async {
        origin.seen(before + 1).await;
        let topic = origin.url("/feed");
        // The pending hour is long over, but nobody has looked since: the hub's word still counts.
        let answer = ask(&world, &token, question("subscribe", &topic, 864_000)).await;
        assert_eq!(answer, PushAnswer::Confirm("c-1".to_owned()));
        let brought = rss(&[("c", EARLY)], "");
        assert_eq!(
            deliver(&world, &token, &brought, None).await,
            PushReceipt::Taken
        );
        origin.release();
    };
    let (polled, ()) = tokio::join!(poller.poll_due(), hub);
    assert_eq!(polled.unwrap().new_entries, 1);
    let push = push(&world).await;
    assert_eq!((push.status.as_str(), push.deliveries), ("verified", 1));
    assert_eq!(entries(&world).await, 3);
}

#[tokio::test]
async fn websub_false_asks_no_hub() {
    let (origin, world, _) = verified().await;
    let off = format!("{}websub = false\n", config(&origin.url("/feed")));
    let world = world.restart(Some(&off)).await;
    world.poller().push_due().await.unwrap();
    let asked = form(origin.requests_to("/hub").last().unwrap());
    assert_eq!(asked["hub.mode"], "unsubscribe");
}

/// The wire: what a hub sees of the built daemon, byte for byte.
#[tokio::test]
async fn the_daemon_subscribes_confirms_and_takes_deliveries() {
    let origin = Origin::start().await;
    origin.reply("/hub", Reply::status(202));
    let topic = origin.url("/feed");
    origin.feed(
        "/feed",
        rss(&[("a", EARLY)], &links(&origin.url("/hub"), &topic)),
    );
    let listen = free_address();
    let home = Home::new(&format!(
        "[http]\nlisten = \"{listen}\"\n[fetch]\nallow_networks = [\"127.0.0.0/8\"]\n{}",
        config(&topic)
    ));
    let mut daemon = home.start();
    daemon.wait_for(|_| !origin.requests_to("/hub").is_empty());
    let asked = form(&origin.requests_to("/hub")[0]);
    let path = format!("/websub/{}", token(&asked));
    assert_eq!(asked["hub.callback"], format!("http://{listen}{path}"));
    let topic: String = url::form_urlencoded::byte_serialize(topic.as_bytes()).collect();
    let query = |topic: &str| {
        format!(
            "{path}?hub.mode=subscribe&hub.topic={topic}&hub.challenge=a+b%26c&hub.lease_seconds=864000"
        )
    };
    assert_eq!(
        client::get(listen, &query("http%3A%2F%2Fother%2F")).status,
        404
    );
    assert_eq!(client::get(listen, &path).status, 404);
    let confirmed = client::get(listen, &query(&topic));
    assert_eq!(
        (confirmed.status, confirmed.body.as_slice()),
        (200, b"a b&c".as_slice())
    );
    assert_eq!(
        confirmed.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(confirmed.header("x-content-type-options"), Some("nosniff"));
    let body = rss(&[("pushed", EARLY)], "");
    let kind = [("Content-Type", "application/rss+xml")];
    let post = |path: &str, body: &str| client::send(listen, "POST", path, &kind, body.as_bytes());
    assert_eq!(post(&path, &body).status, 202);
    assert_eq!(post("/websub/1-0", &body).status, 410);
    daemon.wait_for(|_| home.verb(&["entries"]).contains("pushed"));
    let health = home.verb(&["feeds"]);
    assert!(health.contains("push: verified until 20"), "{health}");
    assert!(health.contains("1 delivery, not proven yet"), "{health}");
    assert!(!home.verb(&["feeds", "--json"]).contains(&token(&asked)));
    let large = format!("{body}{}", " ".repeat(3 << 20));
    let answered = client::send(listen, "POST", &path, &kind, large.as_bytes());
    assert_eq!(answered.status, 413);
    assert!(daemon.stop().success());
}
