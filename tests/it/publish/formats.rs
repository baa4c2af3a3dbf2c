//! Each format, written out by hand from its specification.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::too_many_lines, reason = "values and documents written out")]

use super::bench::{drafts, holds, story, text};
use feedmill::model::*;
use feedmill::publish::opml;
use jiff::Timestamp;

/// R7.12–R7.19, RFC 4287: written out by hand.
#[test]
fn atom_is_what_the_rfc_asks_for() {
    let expected = r#"<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0" xmlns:media="http://search.yahoo.com/mrss/" xml:lang="en">
 <id>ID</id>
 <title>Everything &amp; more</title>
 <updated>2026-11-23T05:00:00Z</updated>
 <author>
  <name>Everything &amp; more</name>
  <uri>https://news.example.org/all/</uri>
 </author>
 <link rel="alternate" type="text/html" href="https://news.example.org/all/"/>
 <generator version="VERSION">feedmill</generator>
 <link rel="self" type="application/atom+xml" href="https://news.example.org/all.atom"/>
 <link rel="prev-archive" type="application/atom+xml" href="https://news.example.org/all/archive/3.atom"/>
 <link rel="hub" href="https://news.example.org/websub/hub"/>
 <entry xml:lang="vi">
  <id>tag:blog1.example.org,2026:1</id>
  <title>Một &lt;tin&gt; &amp; hai</title>
  <published>2026-11-22T17:30:00Z</published>
  <updated>2026-11-23T05:00:00Z</updated>
  <author>
   <name>Bình</name>
   <uri>https://binh.example.org/</uri>
  </author>
  <link rel="alternate" type="text/html" href="https://blog1.example.org/1?a=1&amp;b=2"/>
  <link rel="related" type="text/html" title="Also in Blog Two" href="https://blog2.example.org/copy"/>
  <link rel="replies" type="text/html" href="https://blog1.example.org/c"/>
  <link rel="enclosure" type="audio/mpeg" length="1234" href="https://blog1.example.org/a.mp3"/>
  <category term="news"/>
  <media:thumbnail url="https://blog1.example.org/t.png"/>
  <source>
   <id>tag:blog1.example.org,2020:feed</id>
   <title>Blog One</title>
   <updated>2026-11-23T06:00:00Z</updated>
   <link rel="self" href="https://blog1.example.org/feed.xml"/>
   <link rel="alternate" type="text/html" href="https://blog1.example.org/"/>
  </source>
  <content type="html">&lt;p&gt;Xin chào &amp;amp; tạm biệt&lt;/p&gt;</content>
 </entry>
</feed>
"#;
    let drafts = drafts(&[story(
        1,
        "Một <tin> & hai",
        "<p>Xin chào &amp; tạm biệt</p>",
    )]);
    let atom = text(&drafts, "/all.atom");
    let id = atom
        .split("<id>")
        .nth(1)
        .unwrap()
        .split("</id>")
        .next()
        .unwrap();
    assert!(id.starts_with("urn:uuid:"), "{id}");
    let expected = expected
        .replace("ID", id)
        .replace("VERSION", env!("CARGO_PKG_VERSION"));
    assert_eq!(atom, expected);
}

/// R7.20, the RSS best practices profile.
#[test]
fn rss_is_what_the_profile_asks_for() {
    let drafts = drafts(&[story(1, "A < B & C", "<p>x</p>")]);
    let rss = text(&drafts, "/all.rss");
    holds(
        &rss,
        &[
            "<title>A &#x3C; B &#x26; C</title>",
            "<guid isPermaLink=\"false\">tag:blog1.example.org,2026:1</guid>",
            "<pubDate>Sun, 22 Nov 2026 17:30:00 GMT</pubDate>",
            "<lastBuildDate>Mon, 23 Nov 2026 05:00:00 GMT</lastBuildDate>",
            "<source url=\"https://blog1.example.org/feed.xml\">Blog One</source>",
            "<dc:creator>Bình</dc:creator>",
            "<enclosure url=\"https://blog1.example.org/a.mp3\" length=\"1234\" type=\"audio/mpeg\"/>",
            "<atom:link rel=\"self\" type=\"application/rss+xml\" href=\"https://news.example.org/all.rss\"/>",
            "<description>&lt;p&gt;x&lt;/p&gt;</description>",
        ],
    );
    let mut both = story(2, "Two", "<p>long</p>");
    both.lead.entry.summary_html = Some(SafeHtml::vouched(String::from("short")));
    let rss = text(&self::drafts(&[both]), "/all.rss");
    assert!(
        rss.find("<description>short").unwrap()
            < rss.find("<content:encoded>&lt;p&gt;long").unwrap()
    );
}

/// R7.21, JSON Feed 1.1.
#[test]
fn json_is_what_the_format_asks_for() {
    let drafts = drafts(&[story(1, "One", "<p>x</p>")]);
    let json = text(&drafts, "/all.json");
    assert!(json.starts_with("{\n  \"version\": \"https://jsonfeed.org/version/1.1\""));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["feed_url"], "https://news.example.org/all.json");
    assert_eq!(value["home_page_url"], "https://news.example.org/all/");
    let item = &value["items"][0];
    assert_eq!(item["id"], "tag:blog1.example.org,2026:1");
    assert_eq!(item["content_html"], "<p>x</p>");
    assert_eq!(item["date_published"], "2026-11-22T17:30:00Z");
    assert_eq!(item["date_modified"], "2026-11-23T05:00:00Z");
    assert_eq!(item["_source"]["title"], "Blog One");
    assert_eq!(
        item["_also_in"],
        serde_json::json!([{"title": "Blog Two", "url": "https://blog2.example.org/copy"}])
    );
    assert_eq!(item["attachments"][0]["duration_in_seconds"], 65);
}

#[test]
fn no_document_holds_a_mail_address() {
    let mut story = story(1, "One", "<p>x</p>");
    story.lead.entry.authors.push(Author {
        name: Some(String::from("an@example.org (An)")),
        uri: None,
        email: None,
    });
    for draft in drafts(std::slice::from_ref(&story)) {
        let text = String::from_utf8(draft.bytes).unwrap();
        assert!(
            !text.contains("binh@") && !text.contains("an@"),
            "{}",
            draft.path
        );
    }
}

#[test]
fn opml_has_groups_as_folders_and_no_secrets() {
    let state = |key: &str, url: &str, groups: &[&str]| FeedState {
        id: FeedId(1),
        key: key.to_owned(),
        configured_url: url.to_owned(),
        url: url.to_owned(),
        title: None,
        site_url: None,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        priority: 0,
        standing: FeedStanding::Active,
        validators: Validators::default(),
        body_hash: None,
        next_poll_at: Timestamp::UNIX_EPOCH,
        next_poll_reason: PollReason::First,
        memory: PollMemory::default(),
    };
    let feeds = [
        state("b", "https://b.example/f?x=1&y=2", &["tech"]),
        state("a", "https://a.example/f", &["tech", "home"]),
        state("c", "https://user:word@c.example/f", &[]),
        state("d", "https://d.example/f", &[]),
    ];
    let outlines: Vec<String> = String::from_utf8(opml("Mine", &feeds))
        .unwrap()
        .lines()
        .filter(|line| line.contains("<outline"))
        .map(|line| {
            line.split('"')
                .filter(|part| part.starts_with("http") || ["tech", "home"].contains(part))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let expected = [
        "home home",
        "https://a.example/f",
        "tech tech",
        "https://a.example/f",
        "https://b.example/f?x=1&amp;y=2",
        "https://d.example/f",
    ];
    assert_eq!(outlines, expected);
}
