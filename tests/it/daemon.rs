//! The whole way of the data in the built binary: feeds on an origin, the merged feed over HTTP, reload, drain, what a
//! newcomer and an operator see.

mod logs;
mod stopping;
mod troubles;
mod verbs;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use rustix::process::Signal;

use crate::support::client::{self, request};
use crate::support::origin::{Origin, Reply};
use crate::support::planet::{Made, distinct_stories, document, planet};
use crate::support::process::{Daemon, Home, free_address};

/// A daemon's config: feeds on loopback, everything of a first poll shown.
pub(crate) fn config(listen: SocketAddr, feeds: &[(String, String)], more: &str) -> String {
    let mut text = format!(
        "[http]\nlisten = \"{listen}\"\n[store]\nurl = \"sqlite:feedmill.db\"\n\
         [fetch]\nallow_networks = [\"127.0.0.0/8\"]\nmax_new = 1000\nper_host = 16\nmax_body = \"1MiB\"\ntimeout = \"5s\"\n{more}\n"
    );
    for (name, url) in feeds {
        text.push_str(&format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\n"));
    }
    text
}

/// A merged feed that cuts nothing off.
pub(crate) const ALL: &str = "[publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\nlimit = 5000\nper_feed = 0\n\
     max_size = \"100MiB\"\ncontent = \"title\"\n";

/// Puts the planet on the origin; name and address of each feed.
pub(crate) fn settle(origin: &Origin, feeds: &[Made]) -> Vec<(String, String)> {
    let place = |feed: &Made| {
        let path = format!("/{}.{}", feed.name, feed.dialect);
        origin.feed(&path, document(feed));
        (feed.name.clone(), origin.url(&path))
    };
    feeds.iter().map(place).collect()
}

/// Entries of the merged feed `all`, as JSON Feed has them.
pub(crate) fn merged(address: SocketAddr) -> Vec<serde_json::Value> {
    let response = client::get(address, "/all.json");
    assert_eq!(response.status, 200);
    let document: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    document["items"].as_array().unwrap().clone()
}

/// Waits until the merged feed holds `count` entries; each status line of the daemon is an occasion to look.
#[track_caller]
pub(crate) fn wait_for_merged(
    daemon: &mut Daemon,
    address: SocketAddr,
    count: usize,
) -> Vec<serde_json::Value> {
    let mut found = Vec::new();
    let came = daemon.look_for(|line| {
        if line.starts_with("STATUS=") {
            found = merged(address);
        }
        found.len() == count
    });
    let log = daemon.log();
    assert!(
        came.is_some(),
        "{} entries of {count}: {:?}; log:\n{log}",
        found.len(),
        titles(&found)
    );
    found
}

fn titles(items: &[serde_json::Value]) -> BTreeSet<String> {
    items
        .iter()
        .map(|item| item["title"].as_str().unwrap().to_owned())
        .collect()
}

/// Feeds that no reader can make sense of, each broken in its own way.
fn broken(origin: &Origin) -> Vec<(String, String)> {
    let rss = "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Torn</title><item><title>Half of a ti";
    origin.reply(
        "/web-page",
        Reply::ok("<!DOCTYPE html><html><head><title>Hello</title></head><body>Hi</body></html>"),
    );
    origin.reply("/empty", Reply::ok(""));
    origin.reply("/failing", Reply::status(500));
    origin.reply("/torn", Reply::ok(rss).cut_at(40));
    origin.reply(
        "/garbage",
        Reply::ok("\u{1f}\u{8b}garbage").header("Content-Encoding", "gzip"),
    );
    origin.reply("/loop-a", Reply::redirect(302, &origin.url("/loop-b")));
    origin.reply("/loop-b", Reply::redirect(302, &origin.url("/loop-a")));
    origin.reply(
        "/endless",
        Reply::endless(
            "<rss version=\"2.0\"><channel>",
            "<item><title>more</title></item>",
        ),
    );
    origin.reply("/bomb", Reply::ok(vec![b' '; 64 << 20]).gzip());
    [
        "web-page", "empty", "failing", "torn", "garbage", "loop-a", "endless", "bomb",
    ]
    .iter()
    .map(|name| ((*name).to_owned(), origin.url(&format!("/{name}"))))
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_feeds_become_one_merged_feed_with_each_story_once() {
    let origin = Origin::start().await;
    let planet = planet(200, 10);
    let mut feeds = settle(&origin, &planet);
    feeds.extend(broken(&origin));
    let listen = free_address();
    let home = Home::new(&config(
        listen,
        &feeds,
        &format!("interval = \"3s\"\nadaptive = false\n{ALL}"),
    ));
    let mut daemon = home.start();
    let truth = distinct_stories(&planet);
    assert_eq!(
        truth.len(),
        1_950,
        "200 feeds of 10 entries, one of which every fourth feed copies"
    );
    let items = wait_for_merged(&mut daemon, listen, truth.len());
    assert_eq!(titles(&items), truth, "each story once, none missing");
    let copied = items
        .iter()
        .filter(|item| {
            item["_also_in"]
                .as_array()
                .is_some_and(|list| !list.is_empty())
        })
        .count();
    assert_eq!(copied, 50, "every copied story says where else it appeared");

    // The second poll of every feed is conditional, and answered 304.
    for (_, url) in feeds.iter().take(200) {
        let path = url.split_once("://").unwrap().1.split_once('/').unwrap().1;
        let path = format!("/{path}");
        daemon.wait_for(|_| origin.requests_to(&path).len() > 1);
        let again = &origin.requests_to(&path)[1];
        assert!(
            again.header("if-none-match").is_some(),
            "{path}: {}",
            again.golden()
        );
        assert!(again.header("if-modified-since").is_some(), "{path}");
    }
    assert_eq!(merged(listen).len(), truth.len(), "nothing new came of it");
    let health: serde_json::Value = serde_json::from_str(&home.verb(&["feeds", "--json"])).unwrap();
    let failing: BTreeSet<&str> = health
        .as_array()
        .unwrap()
        .iter()
        .filter(|feed| feed["failures"].as_u64() > Some(0))
        .map(|feed| feed["key"].as_str().unwrap())
        .collect();
    let expected: BTreeSet<&str> = [
        "web-page", "empty", "failing", "torn", "garbage", "loop-a", "endless", "bomb",
    ]
    .into();
    assert_eq!(failing, expected, "each broken feed is named, and no other");
    assert!(daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_obeys_http() {
    let origin = Origin::start().await;
    let planet = planet(4, 5);
    let listen = free_address();
    let home = Home::new(&config(listen, &settle(&origin, &planet), ALL));
    let mut daemon = home.start();
    wait_for_merged(&mut daemon, listen, 19);

    for (path, kind) in [
        ("/all.atom", "application/atom+xml; charset=utf-8"),
        ("/all.rss", "application/rss+xml; charset=utf-8"),
        ("/all.json", "application/feed+json; charset=utf-8"),
        ("/all/", "text/html; charset=utf-8"),
    ] {
        let full = client::get(listen, path);
        assert_eq!(
            (full.status, full.header("content-type")),
            (200, Some(kind)),
            "{path}"
        );
        assert_eq!(full.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(full.header("vary"), Some("Accept-Encoding"));
        let tag = full.header("etag").unwrap();
        let since = full.header("last-modified").unwrap();

        let head = request(listen, "HEAD", path, &[]);
        assert_eq!(
            (head.status, head.body.len(), head.header("etag")),
            (200, 0, Some(tag))
        );
        assert_eq!(
            head.header("content-length"),
            Some(full.body.len().to_string().as_str())
        );

        let suffixed = format!("{}-gzip\"", tag.trim_end_matches('"'));
        let weak = format!("W/{tag}");
        for told in [
            tag,
            &weak,
            &suffixed,
            tag.trim_matches('"'),
            "*",
            &format!("\"x\", {tag}"),
        ] {
            let again = request(
                listen,
                "GET",
                path,
                &[("If-None-Match", told), ("Accept-Encoding", "br")],
            );
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {told}");
            assert_eq!(again.header("etag"), Some(tag));
            assert_eq!(again.header("cache-control"), full.header("cache-control"));
            assert_eq!(again.header("last-modified"), Some(since));
        }
        assert_eq!(
            request(listen, "GET", path, &[("If-Modified-Since", since)]).status,
            304
        );
        // A tag that does not match decides alone, whatever the date says (RFC 9110 13.2.2).
        let other = [("If-None-Match", "\"other\""), ("If-Modified-Since", since)];
        assert_eq!(request(listen, "GET", path, &other).status, 200);

        let gzip = request(listen, "GET", path, &[("Accept-Encoding", "gzip")]);
        assert_eq!(
            (gzip.header("content-encoding"), gzip.header("etag")),
            (Some("gzip"), Some(tag)),
            "{path}"
        );
        let mut plain = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(&gzip.body[..]),
            &mut plain,
        )
        .unwrap();
        assert_eq!(plain, full.body);
        let refused = request(
            listen,
            "GET",
            path,
            &[("Accept-Encoding", "gzip;q=0, br;q=0, zstd;q=0")],
        );
        assert_eq!(refused.header("content-encoding"), None);

        let posted = request(listen, "POST", path, &[]);
        assert_eq!(
            (posted.status, posted.header("allow")),
            (405, Some("GET, HEAD"))
        );
        assert_eq!(
            client::get(listen, &format!("{path}?_=123")).body,
            full.body
        );
    }
    assert_eq!(client::get(listen, "/nothing-here").status, 404);
    assert_eq!(client::get(listen, "/healthz").status, 200);
    assert_eq!(client::get(listen, "/readyz").status, 200);
    assert!(
        client::get(listen, "/metrics")
            .text()
            .contains("feedmill_polls_total")
    );
    assert!(client::get(listen, "/status").text().contains("feed-3"));
    assert!(client::get(listen, "/opml").text().contains("feed-2"));
    // Through a proxy, loopback is the whole world.
    assert_eq!(
        request(
            listen,
            "GET",
            "/status",
            &[("X-Forwarded-For", "192.0.2.7")]
        )
        .status,
        404
    );
    let evil = request(
        listen,
        "GET",
        "/nothing-here",
        &[("X-Forwarded-Host", "evil.test")],
    );
    assert!(!evil.text().contains("evil"));
    assert!(daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_protected() {
    let origin = Origin::start().await;
    let listen = free_address();
    let home = Home::new(&config(listen, &settle(&origin, &planet(4, 3)), ALL));
    let mut daemon = home.start();
    wait_for_merged(&mut daemon, listen, 11);
    for path in [
        "/",
        "/all/",
        "/all.atom",
        "/all.rss",
        "/all.json",
        "/style.css",
        "/opml",
        "/about/",
        "/search?q=bridge",
        "/search.json?q=bridge",
        "/story/1",
        "/story/999999",
        "/status",
        "/metrics",
        "/healthz",
        "/readyz",
        "/nothing",
        "/unsubscribe/nobody",
        "/digest/none/1",
        "/all/archive/2026-11-01/",
        "/all/archive/not-a-day/",
    ] {
        let answer = client::get(listen, path);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.starts_with("default-src 'none'"),
            "{path}: {policy:?}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_all_or_nothing() {
    let origin = Origin::start().await;
    let planet = planet(4, 3);
    let feeds = settle(&origin, &planet);
    let listen = free_address();
    let home = Home::new(&config(listen, &feeds[..2], ALL));
    let mut daemon = home.start();
    wait_for_merged(&mut daemon, listen, 6);

    home.write("feedmill.toml", config(listen, &feeds, "concurency = 3\n"));
    let refused = home.run(&["reload"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        told.contains("unknown key `concurency`") && told.contains("did you mean `concurrency`?"),
        "{told}"
    );
    // The signal without the verb: the daemon itself refuses.
    daemon.signal(Signal::HUP);
    daemon.wait_for_status("reload refused");
    daemon.wait_for(|line| line == "READY=1");
    assert!(daemon.log().contains("config refused, the old one stays"));
    assert_eq!(merged(listen).len(), 6, "the old config stays");
    assert!(
        client::get(listen, "/metrics")
            .text()
            .contains("feedmill_config_last_reload_success 0")
    );

    home.write("feedmill.toml", config(listen, &feeds, ALL));
    assert_eq!(home.verb(&["reload"]), "reloaded\n");
    wait_for_merged(&mut daemon, listen, 11);
    assert!(
        client::get(listen, "/metrics")
            .text()
            .contains("feedmill_config_last_reload_success 1")
    );
    for (name, url) in &feeds {
        let path = format!("/{}", url.rsplit('/').next().unwrap());
        assert_eq!(
            origin.requests_to(&path).len(),
            1,
            "{name}: the reload polled nothing before its floor"
        );
    }
    assert!(daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_and_a_taken_port_are_refused_in_one_line() {
    let listen = free_address();
    let home = Home::new(&config(listen, &[], ALL));
    let daemon = home.start();
    let id = daemon.id().to_string();
    let second = home.run(&["run"]);
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        told.contains("is in use by another feedmill") && told.contains(&id),
        "{told}"
    );

    let other = Home::new(&config(listen, &[], ALL));
    let taken = other.run(&["run"]);
    let told = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!(taken.status.code(), Some(1));
    assert!(
        told.contains(&format!("cannot listen on {listen}")),
        "{told}"
    );
    daemon.signal(Signal::INT);
    assert!(daemon.ended().success());
}
