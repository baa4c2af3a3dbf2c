//! Each format, written out by hand from its specification.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::too_many_lines, reason = "values and documents written out")]

use super::bench::{drafts, holds, output, site, story, text};
use feedmill::config::{PublishConfig, PublishFormat};
use feedmill::model::*;
use feedmill::publish::{MergedFeed, Site, Theme, check_document, feed_drafts, front_draft, opml};
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
 <icon>https://news.example.org/icon.svg</icon>
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
  <link rel="related" type="text/html" title="Blog Two" href="https://blog2.example.org/copy"/>
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

/// What publishers write for a media type is not one until it is shaped as one.
#[test]
fn a_media_type_is_one_or_is_left_out() {
    for (written, expected) in [
        ("audio/mpeg", Some("audio/mpeg")),
        (" Audio/MPEG ", Some("audio/mpeg")),
        (
            "audio/ogg; codecs=opus; junk",
            Some("audio/ogg;codecs=opus"),
        ),
        ("application/atom+xml", Some("application/atom+xml")),
        ("mp3", None),
        ("", None),
        ("audio/", None),
        ("audio/mp3 or so", None),
        ("audio/<b>", None),
        ("a/b/c", None),
    ] {
        let mut one = story(1, "One", "<p>x</p>");
        one.lead.entry.enclosures[0].mime = Some(written.to_owned());
        let drafts = drafts(&[one]);
        let json: serde_json::Value = serde_json::from_str(&text(&drafts, "/all.json")).unwrap();
        let any = expected.unwrap_or("application/octet-stream");
        let attachment = &json["items"][0]["attachments"][0];
        assert_eq!(attachment["mime_type"], any, "{written}");
        let rss = text(&drafts, "/all.rss");
        assert!(
            rss.contains(&format!("length=\"1234\" type=\"{any}\"")),
            "{written}"
        );
        let atom = text(&drafts, "/all.atom");
        let typed = expected.map_or_else(String::new, |mime| format!(" type=\"{mime}\""));
        assert!(
            atom.contains(&format!("rel=\"enclosure\"{typed} length")),
            "{written}"
        );
    }
}

/// One enclosure in RSS: the first whose address leads anywhere.
#[test]
fn an_enclosure_that_leads_nowhere_hides_no_other() {
    let mut one = story(1, "One", "<p>x</p>");
    let mut nowhere = one.lead.entry.enclosures[0].clone();
    nowhere.url = String::from("file:///etc/passwd");
    one.lead.entry.enclosures.insert(0, nowhere);
    let rss = text(&drafts(&[one]), "/all.rss");
    assert!(rss.contains("<enclosure url=\"https://blog1.example.org/a.mp3\""));
    assert_eq!(rss.matches("<enclosure").count(), 1);
}

/// A merged feed without a page leads people to the front page.
#[test]
fn without_a_page_the_front_page_is_home() {
    let bare = PublishConfig {
        formats: vec![PublishFormat::Atom, PublishFormat::Rss, PublishFormat::Json],
        ..output("all")
    };
    let site = Site {
        outputs: vec![bare.clone(), output("tech")],
        ..site()
    };
    let stories = [story(1, "One", "<p>x</p>")];
    let feed = MergedFeed {
        output: &bare,
        stories: &stories,
        capped: &[],
        tombstones: &[],
        archive: None,
    };
    let theme = Theme::load(None).unwrap();
    let (drafts, outcome) = feed_drafts(&theme, &site, &feed);
    outcome.unwrap();
    for draft in &drafts {
        let text = std::str::from_utf8(&draft.bytes).unwrap();
        assert!(!text.contains("news.example.org/all/"), "{}", draft.path);
        check_document(draft.content_type, &draft.bytes).unwrap();
    }
    let json: serde_json::Value = serde_json::from_str(&text(&drafts, "/all.json")).unwrap();
    assert_eq!(json["home_page_url"], "https://news.example.org/");
    assert_eq!(json["icon"], "https://news.example.org/icon.svg");
    let front = front_draft(&theme, &site, &[feed, feed]).unwrap();
    let page = String::from_utf8(front.bytes).unwrap();
    assert!(!page.contains("href=\"/all/\"") && page.contains("href=\"/tech/\""));
}

/// R7.17: the publisher's own instant of the last change, unless it lies ahead; never before what we saw.
#[test]
fn updated_is_what_the_publisher_says_within_reason() {
    let first = "2026-11-22T17:30:00Z";
    for (theirs, ours, expected) in [
        (None, first, first),
        (Some("2026-11-22T17:35:00Z"), first, "2026-11-22T17:35:00Z"),
        (Some("2026-11-22T17:40:00Z"), first, "2026-11-22T17:40:00Z"),
        (Some("2026-11-22T17:40:01Z"), first, first),
        (Some("2030-01-01T00:00:00Z"), first, first),
        (Some("2026-11-01T00:00:00Z"), first, first),
        (
            Some("2026-11-22T18:00:00Z"),
            "2026-11-23T05:00:00Z",
            "2026-11-23T05:00:00Z",
        ),
    ] {
        let mut one = story(1, "One", "<p>x</p>");
        one.lead.entry.updated_at = theirs.map(|theirs| theirs.parse().unwrap());
        one.changed_at = ours.parse().unwrap();
        let drafts = drafts(&[one]);
        let atom = text(&drafts, "/all.atom");
        let updated = format!("<updated>{expected}</updated>");
        // Of the feed and of the entry (R7.13).
        assert_eq!(atom.matches(&updated).count(), 2, "{theirs:?}: {atom}");
        assert!(text(&drafts, "/all.json").contains(&format!("\"date_modified\": \"{expected}\"")));
    }
}

/// R7.16: what the entry lacks and its feed says.
#[test]
fn a_source_says_whose_rights_and_picture() {
    let mut one = story(1, "One", "<p>x</p>");
    one.lead.feed.rights = Some(String::from("© Blog <One>"));
    one.lead.feed.icon_url = Some(String::from("https://blog1.example.org/i.png"));
    let atom = text(&drafts(&[one]), "/all.atom");
    let (_, source) = atom.split_once("<source>").unwrap();
    let (source, _) = source.split_once("</source>").unwrap();
    assert!(
        source.contains("<rights>© Blog &lt;One&gt;</rights>"),
        "{source}"
    );
    assert!(
        source.contains("<icon>https://blog1.example.org/i.png</icon>"),
        "{source}"
    );
}

/// R7.16: author and categories of the feed, where the entry has none of its own; of no feed but its own.
#[test]
fn a_source_says_whose_author_and_categories() {
    let with = |change: fn(&mut StoryView)| {
        let mut one = story(1, "One", "<p>x</p>");
        one.lead.entry.authors.clear();
        one.lead.entry.categories.clear();
        one.lead.feed.authors = vec![Author {
            name: Some(String::from("Ada")),
            email: None,
            uri: Some(String::from("https://blog1.example.org/ada")),
        }];
        one.lead.feed.categories = vec![Category {
            term: String::from("rivers"),
            scheme: Some(String::from("https://blog1.example.org/tags")),
            label: Some(String::from("Rivers & lakes")),
        }];
        change(&mut one);
        let atom = text(&drafts(&[one]), "/all.atom");
        let (_, source) = atom.split_once("<source>").unwrap();
        source.split_once("</source>").unwrap().0.to_owned()
    };
    let person = "<author>\n    <name>Ada</name>\n    <uri>https://blog1.example.org/ada</uri>";
    let category = "<category term=\"rivers\" scheme=\"https://blog1.example.org/tags\" label=\"Rivers &amp; lakes\"/>";
    let bare = with(|_| {});
    assert!(bare.contains(person) && bare.contains(category), "{bare}");
    let own = with(|one| {
        one.lead.entry.authors = one.lead.feed.authors.clone();
        one.lead.entry.categories = vec![Category {
            term: String::from("own"),
            scheme: None,
            label: None,
        }];
    });
    assert!(
        !own.contains("<author>") && !own.contains("<category"),
        "{own}"
    );
    let others = with(|one| {
        one.lead.entry.source = Some(SourceRef {
            id: None,
            title: Some(String::from("Another")),
            link: None,
            feed_url: None,
        });
    });
    assert!(others.contains("<name>Another</name>"), "{others}");
    assert!(
        !others.contains("Ada") && !others.contains("<category"),
        "{others}"
    );
}

/// R7.19: an entry without content has a summary, in every format.
#[test]
fn an_entry_without_content_has_a_summary() {
    let mut one = story(1, "Only <a> title", "");
    one.lead.entry.text = String::new();
    let drafts = drafts(&[one]);
    assert!(text(&drafts, "/all.atom").contains("<summary>Only &lt;a&gt; title</summary>"));
    assert!(
        text(&drafts, "/all.rss")
            .contains("<description>Only &amp;lt;a&amp;gt; title</description>")
    );
    assert!(text(&drafts, "/all.json").contains("\"content_text\": \"Only <a> title\""));
}

/// R7.20: as long as no poll can change it, and the same bytes until the config changes.
#[test]
fn ttl_is_the_least_gap_between_polls() {
    for (interval_s, minutes) in [(60, 5), (900, 15), (3600, 60), (86_400, 60)] {
        let site = Site {
            interval: std::time::Duration::from_secs(interval_s),
            ..site()
        };
        let output = output("all");
        let feed = MergedFeed {
            output: &output,
            stories: &[],
            capped: &[],
            tombstones: &[],
            archive: None,
        };
        let (drafts, _) = feed_drafts(&Theme::load(None).unwrap(), &site, &feed);
        let ttl = format!("<ttl>{minutes}</ttl>");
        assert!(text(&drafts, "/all.rss").contains(&ttl), "{interval_s}");
    }
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
    let titles = [("tech".to_owned(), "Technology & more".to_owned())].into();
    let outlines: Vec<String> = String::from_utf8(opml("Mine", &feeds, &titles))
        .unwrap()
        .lines()
        .filter(|line| line.contains("<outline"))
        .map(|line| {
            line.split('"')
                .filter(|part| {
                    part.starts_with("http")
                        || ["tech", "Technology &amp; more", "home"].contains(part)
                })
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let expected = [
        "home home",
        "https://a.example/f",
        "Technology &amp; more Technology &amp; more",
        "https://a.example/f",
        "https://b.example/f?x=1&amp;y=2",
        "https://d.example/f",
    ];
    assert_eq!(outlines, expected);
}
