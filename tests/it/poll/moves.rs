//! Feeds that move for good: what moves with them, and what stays where the operator put it.

use std::time::Duration;

use feedmill::cli::{Output, feeds};
use feedmill::fetch::HostGaps;
use feedmill::model::{AddressChange, MoveReason};

use super::{Paper, one_feed, rss};
use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const HOURS_40: Duration = Duration::from_secs(40 * 3600);

/// An http origin that says for good that its feed is at the https one.
async fn moved() -> (Origin, Origin, tempfile::NamedTempFile) {
    let (old, new) = (
        Origin::start().await,
        Origin::start_tls(&["http/1.1"]).await,
    );
    old.replace("/feed", Reply::redirect(301, &new.url("/feed")));
    new.feed("/feed", rss(&["a"]));
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), new.authority()).unwrap();
    (old, new, trusted)
}

/// Its feed in the config, `more` added.
fn config(old: &Origin, trusted: &tempfile::NamedTempFile, more: &str) -> String {
    let path = trusted.path().display();
    let feed = one_feed(&old.url("/feed"));
    format!("{feed}ca_certificate = \"{path}\"\n{more}")
}

/// Credentials, as the operator gives them.
fn secrets(folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter2").unwrap();
    format!(
        "headers = {{ X-Key = \"k\" }}\nauth.username = \"an\"\nauth.password_file = \"{}\"\n",
        file.display()
    )
}

fn carries_proofs(origin: &Origin) -> Vec<bool> {
    let asked = origin.requests().into_iter();
    asked
        .map(|request| {
            request.header("authorization").is_some() || request.header("x-key").is_some()
        })
        .collect()
}

async fn poll_over_three_days(world: &World) {
    for _ in 0..4 {
        assert_eq!(world.poll().await.failed, 0);
        world.wait(HOURS_40);
    }
}

#[tokio::test]
async fn r2_11_a_feed_without_credentials_moves_after_proof() {
    let (old, new, trusted) = moved().await;
    let world = World::new(&config(&old, &trusted, "")).await;
    poll_over_three_days(&world).await;
    assert_eq!(world.feed("one").await.url, new.url("/feed"));
    assert_eq!(old.requests().len(), 3);
}

#[tokio::test]
async fn r2_11_credentials_go_nowhere_but_to_the_origin_in_the_config() {
    let (old, new, trusted) = moved().await;
    let folder = tempfile::tempdir().unwrap();
    let text = config(&old, &trusted, &secrets(&folder));
    let world = World::new(&text).await;
    poll_over_three_days(&world).await;
    let feed = world.feed("one").await;
    assert_eq!(feed.url, old.url("/feed"), "moved by hand or not at all");
    let notice = feed.memory.notice.unwrap();
    assert!(notice.contains(&new.url("/feed")), "{notice}");
    assert_eq!(carries_proofs(&old), [true; 4]);
    assert_eq!(carries_proofs(&new), [false; 4]);
}

#[tokio::test]
async fn r2_11_a_feed_that_moved_before_it_had_credentials_takes_none_along() {
    let (old, new, trusted) = moved().await;
    let world = World::new(&config(&old, &trusted, "")).await;
    poll_over_three_days(&world).await;
    assert_eq!(world.feed("one").await.url, new.url("/feed"));
    let folder = tempfile::tempdir().unwrap();
    let text = config(&old, &trusted, &secrets(&folder));
    let world = world.restart(Some(&text)).await;
    let before = new.requests().len();
    world.poll().await;
    assert_eq!(new.requests().len(), before + 1);
    assert!(!carries_proofs(&new).contains(&true));
}

async fn changes(world: &World) -> Vec<AddressChange> {
    let id = world.store.feed("one").await.unwrap().unwrap().id;
    world.store.address_changes(id).await.unwrap()
}

/// What `feeds addresses one` prints.
async fn told(world: &World, json: bool) -> String {
    let paper = Paper::default();
    let mut out = Output::new(Box::new(paper.clone()));
    let feed = "one".to_owned();
    let args = feeds::Args {
        json,
        action: Some(feeds::Action::Addresses { feed }),
        ..feeds::Args::default()
    };
    let gaps = HostGaps::new(&world.config.fetch, &world.config.feeds);
    let shown = feeds::run(&world.store, &gaps, world.clock.now(), args, &mut out);
    shown.await.unwrap();
    paper.text()
}

#[tokio::test]
async fn r2_11_every_address_is_kept_with_when_and_why() {
    let (old, new, trusted) = moved().await;
    old.replace("/feed", Reply::redirect(301, &new.url("/feed?key=secret")));
    new.feed("/feed", rss(&["a"]));
    let world = World::new(&config(&old, &trusted, "")).await;
    let begun = world.clock.now();
    poll_over_three_days(&world).await;
    let redirected = AddressChange {
        left_at: begun + HOURS_40 * 2,
        url: old.url("/feed"),
        next_url: new.url("/feed?key=secret"),
        why: MoveReason::Redirected {
            times: 3,
            since_at: begun,
        },
    };
    assert_eq!(changes(&world).await, std::slice::from_ref(&redirected));
    assert_eq!(
        told(&world, false).await,
        format!(
            "{}  until 2026-03-05 (its server redirected for good, 3 times since 2026-03-02)\n{}  now\n",
            old.url("/feed"),
            new.url("/feed")
        )
    );
    // The operator follows: no other address, and no document asked for anew.
    let path = trusted.path().display();
    let followed = |url: String| format!("{}ca_certificate = \"{path}\"\n", one_feed(&url));
    let world = world
        .restart(Some(&followed(new.url("/feed?key=secret"))))
        .await;
    assert_eq!(changes(&world).await, std::slice::from_ref(&redirected));
    assert_eq!(world.poll().await.not_modified, 1);
    // The operator goes elsewhere, and back; the feed leaves the config, and comes again.
    new.feed("/other", rss(&["a"]));
    let world = world.restart(Some(&followed(new.url("/other")))).await;
    let at_first = world.clock.now();
    world.wait(HOURS_40);
    let world = world.restart(Some(&followed(new.url("/feed")))).await;
    let other = "[[feed]]\nname = \"two\"\nurl = \"http://127.0.0.1:1/x\"\n";
    let world = world.restart(Some(other)).await;
    let world = world.restart(Some(&followed(new.url("/feed")))).await;
    let configured = |left_at, url: &str, next_url: &str| AddressChange {
        left_at,
        url: new.url(url),
        next_url: new.url(next_url),
        why: MoveReason::Configured,
    };
    let expected = [
        redirected,
        configured(at_first, "/feed?key=secret", "/other"),
        configured(at_first + HOURS_40, "/other", "/feed"),
    ];
    assert_eq!(changes(&world).await, expected);
    let json: serde_json::Value = serde_json::from_str(&told(&world, true).await).unwrap();
    assert_eq!(
        (&json[0]["why"], &json[0]["times"]),
        (&"redirected".into(), &3.into())
    );
    assert_eq!(json[2]["why"], "configured");
    assert!(!json.to_string().contains("secret"));
}

#[tokio::test]
async fn r3_6_an_announced_address_is_kept_with_when_and_why() {
    let (old, new, trusted) = moved().await;
    let announcing = format!(
        "<itunes:new-feed-url>{}</itunes:new-feed-url><item>",
        new.url("/feed")
    );
    let document = rss(&["a"])
        .replace(
            "<rss ",
            "<rss xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\" ",
        )
        .replacen("<item>", &announcing, 1);
    old.feed("/feed", document);
    let world = World::new(&config(&old, &trusted, "")).await;
    let begun = world.clock.now();
    for _ in 0..6 {
        world.poll().await;
        world.wait(HOURS_40);
    }
    let changes = changes(&world).await;
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (&changes[0].url, &changes[0].next_url),
        (&old.url("/feed"), &new.url("/feed"))
    );
    let MoveReason::Announced { times, since_at } = changes[0].why else {
        panic!("{changes:?}");
    };
    assert!(times >= 3 && since_at == begun);
}
