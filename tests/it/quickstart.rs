//! `config/quickstart/`: what a newcomer starts first is complete and needs nothing but itself.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use feedmill::config::{self, Config, Overrides, Transport};

use crate::daemon::merged;
use crate::support::client;
use crate::support::process::{Home, free_address};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/quickstart")
}

fn quickstart() -> Config {
    match config::load(&folder().join("feedmill.toml"), &Overrides::default()) {
        Ok(config) => config,
        Err(complaints) => panic!("{complaints}"),
    }
}

fn text(feed: &config::FeedConfig) -> String {
    std::fs::read_to_string(feed.url.value.to_file_path().unwrap()).unwrap()
}

#[test]
fn its_config_is_fine_and_its_feeds_are_files_beside_it() {
    let config = quickstart();
    assert!(
        config.warnings.is_empty(),
        "{}",
        config::render_complaints(&config.warnings, &config.files)
    );
    assert!(config.feeds.len() >= 5);
    for feed in &config.feeds {
        assert!(
            feed.url.value.to_file_path().unwrap().starts_with(folder()),
            "{}",
            feed.key
        );
        assert!(!text(feed).is_empty());
    }
    assert_eq!(config.store.path, folder().join("var/feedmill.db"));
    assert!(
        matches!(&config.mail.as_ref().unwrap().transport, Transport::Maildir(path) if *path == folder().join("var/mail"))
    );
    assert_eq!(config.digests["news"].cron.value, "* * * * *");
    assert_eq!(
        std::fs::read_to_string(folder().join(".gitignore")).unwrap(),
        "/var/\n"
    );
}

#[test]
fn its_feeds_are_of_four_formats_and_three_languages() {
    let all: String = quickstart().feeds.iter().map(text).collect();
    for mark in [
        "<rss version=\"2.0\"",
        "<rdf:RDF",
        "http://www.w3.org/2005/Atom\" xml:lang",
        "https://jsonfeed.org/version/1.1",
    ] {
        assert!(all.contains(mark), "no feed with {mark}");
    }
    for mark in [
        "<language>vi</language>",
        "<dc:language>fr</dc:language>",
        "\"language\": \"en\"",
    ] {
        assert!(all.contains(mark), "no feed with {mark}");
    }
}

#[test]
fn several_feeds_carry_the_same_stories() {
    let texts: BTreeMap<String, String> = quickstart()
        .feeds
        .iter()
        .map(|feed| (feed.key.clone(), text(feed)))
        .collect();
    let carriers = |mark: &str| -> Vec<&str> {
        texts
            .iter()
            .filter(|(_, text)| text.contains(mark))
            .map(|(key, _)| key.as_str())
            .collect()
    };
    assert_eq!(
        carriers("https://federation.example.org/conference-2027"),
        ["grants", "lyon", "newsdesk", "saigon"]
    );
    assert_eq!(
        carriers("tag:rivers.example.org,2026:autumn-clean-up"),
        ["newsdesk", "rivers"]
    );
    assert_eq!(
        carriers("https://libraries.example.org/sundays"),
        ["libraries", "newsdesk"]
    );
    assert_eq!(
        carriers("https://grants.example.org/calls/small-repairs"),
        ["grants", "libraries"]
    );
}

/// A copy, so that the test leaves nothing in the source.
fn copied() -> Home {
    let home = Home::new(&std::fs::read_to_string(folder().join("feedmill.toml")).unwrap());
    for feed in std::fs::read_dir(folder().join("feeds")).unwrap() {
        let feed = feed.unwrap();
        let name = format!("feeds/{}", feed.file_name().display());
        home.write(&name, std::fs::read(feed.path()).unwrap());
    }
    home
}

/// As README says: within a minute the page, the merged feed with every story once, and the digest as a file.
#[test]
fn the_daemon_shows_every_story_once_and_leaves_an_edition() {
    let home = copied();
    let listen = free_address();
    let mut daemon = home.start_with(&[("FEEDMILL_HTTP__LISTEN", &listen.to_string())]);
    let mails = || -> Vec<PathBuf> {
        let new = std::fs::read_dir(home.path("var/mail/new"));
        let files = new.into_iter().flatten();
        files.map(|file| file.unwrap().path()).collect()
    };
    let mut items = Vec::new();
    daemon.wait_for(|line| {
        if line.starts_with("STATUS=") {
            items = merged(listen);
        }
        items.len() == 47 && !mails().is_empty()
    });
    let ids: BTreeSet<&str> = items
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 47, "each story once");
    let conference = "https://federation.example.org/conference-2027";
    let told: Vec<_> = items
        .iter()
        .filter(|item| item["url"] == conference)
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0]["_also_in"].as_array().unwrap().len(),
        3,
        "four offices carry it"
    );
    for path in ["/", "/all/", "/all.atom", "/all.rss", "/status"] {
        assert_eq!(client::get(listen, path).status, 200, "{path}");
    }
    let front = client::get(listen, "/");
    assert!(
        front.text().contains("<h1>Federation of offices</h1>"),
        "the site has a name, not an address: {}",
        front.text()
    );
    let mail = std::fs::read_to_string(&mails()[0]).unwrap();
    assert!(
        mail.contains("Message-ID: <") && mail.contains("List-Id: "),
        "{mail}"
    );
    assert!(daemon.stop().success());
}
