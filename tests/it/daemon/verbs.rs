//! Verbs beside the running daemon: what it polls is changed by its reload alone, whole or not at all.

use std::collections::BTreeSet;
use std::time::Duration;

use feedmill::model::FeedSpec;

use super::{ALL, config, merged, settle, wait_for_merged};
use crate::support::origin::{Origin, Reply};
use crate::support::planet::planet;
use crate::support::process::{Home, free_address};
use crate::support::world::World;

/// Keys of the feeds that the verb `feeds` lists.
fn listed(home: &Home) -> BTreeSet<String> {
    let feeds: serde_json::Value = serde_json::from_str(&home.verb(&["feeds", "--json"])).unwrap();
    let key = |feed: &serde_json::Value| feed["key"].as_str().unwrap().to_owned();
    feeds.as_array().unwrap().iter().map(key).collect()
}

fn keys(feeds: &[(String, String)]) -> BTreeSet<String> {
    feeds.iter().map(|(name, _)| name.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_config_changes_nothing_before_the_reload() {
    let origin = Origin::start().await;
    let listen = free_address();
    let feeds = settle(&origin, &planet(4, 3));
    let home = Home::new(&config(listen, &feeds[..2], ALL));
    let mut daemon = home.start();
    wait_for_merged(&mut daemon, listen, 6);

    home.write("feedmill.toml", config(listen, &feeds[1..], ALL));
    assert_eq!(listed(&home), keys(&feeds[..2]));
    assert_eq!(
        home.run(&["poll", &feeds[3].0]).status.code(),
        Some(1),
        "not a feed yet"
    );
    let left = home.run(&["poll", &feeds[0].0, "--force"]);
    let told = String::from_utf8(left.stdout).unwrap();
    assert!(told.contains("the config does not name it"), "{told}");
    for verb in ["entries", "search Bridge", "backup copy.db", "publish"] {
        home.verb(&verb.split(' ').collect::<Vec<_>>());
    }
    assert_eq!(listed(&home), keys(&feeds[..2]));
    assert_eq!(origin.requests().len(), 2, "no feed was asked for it");
    assert_eq!(merged(listen).len(), 6);

    assert_eq!(home.verb(&["reload"]), "reloaded\n");
    wait_for_merged(&mut daemon, listen, 11);
    assert_eq!(listed(&home), keys(&feeds[1..]));
    assert!(daemon.stop().success());
    // Without a daemon the verb sees to it itself.
    home.write("feedmill.toml", config(listen, &feeds[..1], ALL));
    assert_eq!(listed(&home), keys(&feeds[..1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_taken_by_the_verb_reload_is_spread() {
    let listen = free_address();
    let home = Home::new(&config(listen, &[], ALL));
    let daemon = home.start();
    // Documentation addresses: the guard refuses them before anything is sent.
    let many: Vec<(String, String)> = (0..60)
        .map(|n| (format!("f{n}"), format!("https://192.0.2.{n}/feed")))
        .collect();
    home.write("feedmill.toml", config(listen, &many, ALL));
    assert_eq!(home.verb(&["reload"]), "reloaded\n");
    let db = rusqlite::Connection::open(home.path("feedmill.db")).unwrap();
    let instants: i64 = db
        .query_row(
            "SELECT count(DISTINCT next_poll_at) FROM feed WHERE attempt_at IS NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(
        instants > 20,
        "first polls of 60 feeds at {instants} instants"
    );
    assert!(daemon.stop().success());
}

#[tokio::test]
async fn a_feed_that_the_own_config_does_not_name_is_not_polled() {
    let origin = Origin::start().await;
    origin.feed(
        "/a",
        "<rss version=\"2.0\"><channel><title>A</title></channel></rss>",
    );
    origin.feed(
        "/b",
        "<rss version=\"2.0\"><channel><title>B</title></channel></rss>",
    );
    let world = World::new(&format!(
        "[[feed]]\nname = \"a\"\nurl = \"{}\"\n",
        origin.url("/a")
    ))
    .await;
    let spec = |key: &str| FeedSpec {
        key: key.to_owned(),
        url: origin.url(&format!("/{key}")),
        title: None,
        groups: Vec::new(),
        priority: 0,
        enabled: true,
        spread: Duration::ZERO,
    };
    let now = world.clock.now();
    let both = vec![spec("a"), spec("b")];
    world.store.sync_feeds(both, now).await.unwrap();
    assert_eq!(world.poll().await.polled, 1);
    assert_eq!(origin.requests_to("/b").len(), 0);
}

#[test]
fn a_verb_that_finds_no_database_makes_none_and_says_what_to_set() {
    let home = Home::new(&config(free_address(), &[], ALL));
    for verb in [
        &["feeds"][..],
        &["entries"],
        &["search", "x"],
        &["backup", "copy.db"],
        &["publish"],
        &["reload"],
        &["plan", "--with", "feedmill.toml"],
    ] {
        let output = home.run(verb);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {told}");
        let path = home.path("feedmill.db").display().to_string();
        assert!(
            told.contains(&path) && told.contains("store.url"),
            "{verb:?}: {told}"
        );
        assert!(!home.path("feedmill.db").exists(), "{verb:?}");
    }
    home.verb(&["poll"]);
    assert!(home.path("feedmill.db").exists());
}

#[test]
fn man_and_completions_name_every_verb() {
    let home = Home::new("");
    let man = home.verb(&["man"]);
    assert!(man.contains(".TH feedmill 1"), "{man}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.verb(&["completions", shell]);
        for verb in [
            "run",
            "feeds",
            "discover",
            "digest",
            "reload",
            "completions",
        ] {
            assert!(script.contains(verb), "{verb} for {shell}");
            assert!(man.contains(&format!("feedmill\\-{verb}")), "{verb}: {man}");
        }
    }
    assert_eq!(
        home.run(&["completions", "teletype"]).status.code(),
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_publish_and_export_do_what_they_say() {
    let origin = Origin::start().await;
    let feeds = settle(&origin, &planet(2, 3));
    let text = config(
        free_address(),
        &feeds,
        &format!("{ALL}files = \"public\"\n"),
    );
    let home = Home::new(&text);
    home.verb(&["poll"]);
    let entries = home.verb(&["entries", "--json"]);

    let told = home.verb(&["backup", "copy.db"]);
    assert!(told.ends_with(" bytes, verified\n"), "{told}");
    let copy = Home::new(&text);
    copy.write("feedmill.db", std::fs::read(home.path("copy.db")).unwrap());
    assert_eq!(copy.verb(&["entries", "--json"]), entries);

    assert_eq!(
        home.run(&["publish", "--check"]).status.code(),
        Some(1),
        "nothing is written yet"
    );
    home.verb(&["publish"]);
    for file in [
        "all.atom",
        "all.rss",
        "all.json",
        "all/index.html",
        "manifest.json",
    ] {
        assert!(home.path(&format!("public/{file}")).is_file(), "{file}");
    }
    home.verb(&["publish", "--check"]);

    let opml = home.verb(&["export"]);
    for (_, url) in &feeds {
        assert!(opml.contains(&format!("xmlUrl=\"{url}\"")), "{opml}");
    }
}

/// What is known of a host outlives a reload; how it is asked is the new config's.
#[tokio::test(flavor = "multi_thread")]
async fn r5_1_per_host_takes_effect_on_reload() {
    let origin = Origin::start().await;
    let held =
        || Reply::ok("<rss version=\"2.0\"><channel><title>x</title></channel></rss>").hold();
    origin.replace("/a", Reply::status(404));
    let more = ["b", "c", "d", "e", "f", "g"];
    for name in more {
        origin.replace(&format!("/{name}"), held());
    }
    let listen = free_address();
    let config = |per_host: u32, feeds: &[&str]| {
        let feed = |name: &&str| {
            format!(
                "[[feed]]\nname = \"{name}\"\nurl = \"{}\"\n",
                origin.url(&format!("/{name}"))
            )
        };
        let feeds: String = feeds.iter().map(feed).collect();
        format!(
            "[http]\nlisten = \"{listen}\"\n[fetch]\nallow_networks = [\"127.0.0.0/8\"]\nper_host = {per_host}\n{feeds}"
        )
    };
    let home = Home::new(&config(1, &["a"]));
    let mut daemon = home.start();
    daemon.wait_for(|_| !origin.requests_to("/a").is_empty());
    home.write(
        "feedmill.toml",
        config(6, &["a", "b", "c", "d", "e", "f", "g"]),
    );
    home.verb(&["reload"]);
    // One after the other, each until its first byte is given up, they would take longer than a test waits.
    daemon.wait_for(|_| {
        let asked = |name: &&str| !origin.requests_to(&format!("/{name}")).is_empty();
        more.iter().all(asked)
    });
    origin.release();
    assert!(daemon.stop().success());
}
