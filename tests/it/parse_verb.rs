//! `feedmill parse` as a process: what it prints, what it refuses, and how it ends.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::process::Home;

const FEED: &str = "<rss version='2.0'><channel><title>Feed</title><item><title>One</title><link>1</link>\
    <pubDate>Mon, 23 Nov 2026 10:30:00 +0700</pubDate><author>jane@example.org (Jane)</author><category>News</category>\
    <description>&lt;p&gt;Hi&lt;/p&gt;</description><enclosure url='http://example.org/a.mp3' length='5' type='audio/mpeg'/></item>\
    <item><title>Two</title><pubDate>soon</pubDate></item></channel></rss>";

/// Runs the verb with a document on standard input.
fn piped(arguments: &[&str], document: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_feedmill"))
        .arg("parse")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(document).ok();
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_entry_has_every_field() {
    let home = Home::new("");
    home.write("feed.xml", FEED);
    let found = json(&home.run(&["parse", "--json", "feed.xml"]));
    let entries = found["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        for name in [
            "key",
            "publisher_id",
            "link",
            "title",
            "published",
            "updated",
            "author",
            "summary_html",
            "content_html",
            "enclosures",
            "categories",
        ] {
            assert!(entry.get(name).is_some(), "no {name} in {entry}");
        }
        for name in ["published", "updated"] {
            let time = &entry[name];
            assert!(
                time.is_null() || time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
                "{time}"
            );
        }
    }
    let one = &entries[0];
    assert_eq!(one["published"], "2026-11-23T03:30:00Z");
    assert_eq!(one["updated"], Value::Null);
    assert_eq!(one["author"], "Jane");
    assert_eq!(one["summary_html"], "<p>Hi</p>");
    assert_eq!(one["content_html"], Value::Null);
    assert_eq!(one["categories"][0], "News");
    assert_eq!(one["enclosures"][0]["url"], "http://example.org/a.mp3");
    assert_eq!(entries[1]["published"], Value::Null);
    assert_eq!(entries[1]["author"], Value::Null);
    assert!(
        !found.to_string().contains("jane@example.org"),
        "the mail address is private"
    );
}

#[test]
fn repairs_are_told_by_name_and_count() {
    let document = "<rss><channel><title>Feed</title><item><title>R & D</title></item>\
        <item><title>Q & A</title></item></channel></rss>";
    let found = json(&piped(&["--json"], document.as_bytes()));
    let repairs: Vec<(&str, u64)> = found["repairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|repair| {
            (
                repair["kind"].as_str().unwrap(),
                repair["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(repairs, [("bare-ampersand", 2), ("missing-version", 1)]);
    let table = String::from_utf8(piped(&[], document.as_bytes()).stdout).unwrap();
    assert!(
        table.contains("repaired    bare-ampersand × 2")
            && table.contains("repaired    missing-version × 1"),
        "{table}"
    );
}

#[test]
fn standard_input_and_base() {
    for arguments in [
        &["--json", "--base", "https://site.example/feed", "-"][..],
        &["--json", "--base", "https://site.example/feed"],
    ] {
        let found = json(&piped(arguments, FEED.as_bytes()));
        assert_eq!(found["entries"][0]["link"], "https://site.example/1");
    }
    let table = piped(&[], FEED.as_bytes());
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.contains("Feed") && table.contains("2026-11-23 03:30  One"),
        "{table}"
    );
}

#[test]
fn what_is_unreadable_is_refused_with_its_reason() {
    for (document, reason) in [
        (&b""[..], "empty"),
        (b"just words", "no feed"),
        (
            b"<html><head><title>x</title></head><body>x</body></html>",
            "web page",
        ),
        (
            b"{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[",
            "broken JSON",
        ),
        (b"\x89PNG\r\n\x1a\n\0\0", "feed"),
    ] {
        let output = piped(&["--json"], document);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(output.stdout.is_empty());
        assert!(complaint.contains(reason), "{complaint}");
    }
    let missing = Home::new("").run(&["parse", "nowhere.xml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("nowhere.xml"));
}

#[test]
fn a_closed_pipe_is_quiet() {
    let items = "<item><title>Words of a title that take room</title></item>".repeat(400);
    let document = format!("<rss version='2.0'><channel>{items}</channel></rss>");
    let mut child = Command::new(env!("CARGO_BIN_EXE_feedmill"))
        .args(["parse", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child
        .stdin
        .take()
        .unwrap()
        .write_all(document.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Four megabytes of what takes most room for its length are read in eight times that, and what the program itself takes.
#[test]
fn memory_is_bounded() {
    const LENGTH: usize = 4 << 20;
    let filled = |head: &str, piece: &str, tail: &str| {
        format!("{head}{}{tail}", piece.repeat(LENGTH / piece.len()))
    };
    let documents = [
        filled(
            "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[0",
            ",0",
            "]}",
        ),
        filled(
            "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{}",
            ",{}",
            "]}",
        ),
        filled(
            "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":1}",
            ",{\"id\":1}",
            "]}",
        ),
        filled(
            "{\"version\":\"https://jsonfeed.org/version/1.1\",\"x\":[[]",
            ",[]",
            "],\"items\":[]}",
        ),
        filled(
            "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":1,\"tags\":[0",
            ",0",
            "]}]}",
        ),
        filled(
            "<rss version='2.0'><channel>",
            "<item/>",
            "</channel></rss>",
        ),
        filled(
            "<rss version='2.0'><channel><item>",
            "<a/>",
            "</item></channel></rss>",
        ),
        filled(
            "<rss version='2.0'><channel><item><description>",
            "<p>x",
            "</description></item></channel></rss>",
        ),
    ];
    let limit_kb = (8 * LENGTH + (40 << 20)) / 1024;
    let home = Home::new("");
    for document in documents {
        home.write("hostile", &document);
        let script = format!("ulimit -d {limit_kb} && exec \"$0\" parse hostile");
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_feedmill")])
            .current_dir(home.path(""))
            .stdout(Stdio::null())
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {complaint}", &document[..90]);
    }
}
