//! What the tests of publish stand on: a site, a merged feed, a story with everything.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::too_many_lines, reason = "values and documents written out")]

use feedmill::config::{ContentMode, PublishConfig, PublishFormat, Zone};
use feedmill::model::*;
use feedmill::publish::{Draft, MergedFeed, Site, Theme, Volume, feed_drafts};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A merged feed of every format, in Ho Chi Minh City's time.
pub(crate) fn output(name: &str) -> PublishConfig {
    PublishConfig {
        name: name.to_owned(),
        title: String::from("Everything & more"),
        description: None,
        groups: vec![String::from("*")],
        feeds: Vec::new(),
        filters: Vec::new(),
        limit: 50,
        per_feed: 0,
        max_size: 250 << 10,
        max_age: None,
        formats: vec![
            PublishFormat::Atom,
            PublishFormat::Rss,
            PublishFormat::Json,
            PublishFormat::Html,
        ],
        content: ContentMode::Full,
        search: None,
        tombstones: false,
        hubs: vec![String::from("self")],
        files: None,
        language: String::from("en"),
        timezone: Zone {
            name: String::from("Asia/Ho_Chi_Minh"),
            zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
        },
        former_names: Vec::new(),
    }
}

pub(crate) fn site() -> Site {
    Site {
        public_url: "https://news.example.org/".parse().unwrap(),
        name: None,
        id_seed: String::from("seed"),
        images: false,
        icons: true,
        held: None,
        live: true,
        interval: std::time::Duration::from_secs(3600),
        language: String::from("en"),
        contact: None,
        sign_up: true,
        group_titles: Default::default(),
        outputs: vec![output("all"), output("tech")],
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn feed(id: i64, title: &str) -> FeedView {
    FeedView {
        id: FeedId(id),
        key: format!("feed-{id}"),
        title: title.to_owned(),
        url: format!("https://blog{id}.example.org/feed.xml"),
        site_url: Some(format!("https://blog{id}.example.org/")),
        publisher_id: Some(format!("tag:blog{id}.example.org,2020:feed")),
        language: None,
        icon_url: None,
        rights: None,
        authors: Vec::new(),
        categories: Vec::new(),
        icon: None,
        groups: vec![String::from("tech")],
        priority: 0,
        updated_at: Some(at("2026-11-23T06:00:00Z")),
        standing: FeedStanding::Active,
    }
}

/// A story with one lead in feed 1.
pub(crate) fn story(id: i64, title: &str, html: &str) -> StoryView {
    let shown = at("2026-11-22T17:30:00Z");
    let entry = ParsedEntry {
        key: format!("k{id}"),
        publisher_id: None,
        link: Some(format!("https://blog1.example.org/{id}?a=1&b=2")),
        title: title.to_owned(),
        authors: vec![Author {
            name: Some(String::from("Bình")),
            uri: Some(String::from("https://binh.example.org/")),
            email: Some(String::from("binh@example.org")),
        }],
        summary_html: None,
        content_html: Some(SafeHtml::vouched(html.to_owned())),
        text: String::from("Plain text of the story."),
        published_at: Some(shown),
        updated_at: None,
        date_flag: None,
        enclosures: vec![Enclosure {
            url: String::from("https://blog1.example.org/a.mp3"),
            mime: Some(String::from("audio/mpeg")),
            length_bytes: Some(1234),
            duration_s: Some(65),
            title: None,
        }],
        categories: vec![Category {
            term: String::from("news"),
            scheme: None,
            label: None,
        }],
        links: vec![
            TextLink {
                rel: String::from("comments"),
                url: String::from("https://blog1.example.org/c"),
                mime: None,
            },
            TextLink {
                rel: String::from("thumbnail"),
                url: String::from("https://blog1.example.org/t.png"),
                mime: None,
            },
        ],
        source: None,
        language: Some(String::from("vi")),
        rights: None,
        fingerprint: Fingerprint([0; 32]),
    };
    let lead = EntryView {
        id: EntryId(id),
        feed: feed(1, "Blog One"),
        entry,
        canonical_link: None,
        standing: Standing::Shown,
        dropped_by: None,
        tags: Vec::new(),
        first_seen_at: shown,
        shown_at: shown,
        changed_at: at("2026-11-23T05:00:00Z"),
        revision: 2,
    };
    let sighting = |feed: FeedView, entry: i64, link: &str| Sighting {
        feed,
        entry: EntryId(entry),
        title: title.to_owned(),
        link: Some(link.to_owned()),
        first_seen_at: shown,
        reason: JoinReason::First,
        standing: Standing::Shown,
    };
    StoryView {
        id: StoryId(id),
        seq: StorySeq(id),
        public_id: format!("tag:blog1.example.org,2026:{id}"),
        shown_at: shown,
        changed_at: at("2026-11-23T05:00:00Z"),
        sightings: vec![
            sighting(lead.feed.clone(), id, "https://blog1.example.org/1"),
            sighting(
                feed(2, "Blog Two"),
                id + 1000,
                "https://blog2.example.org/copy",
            ),
        ],
        lead,
    }
}

pub(crate) fn drafts(stories: &[StoryView]) -> Vec<Draft> {
    let output = output("all");
    let feed = MergedFeed {
        output: &output,
        stories,
        capped: &[],
        tombstones: &[],
        archive: Some(Volume::finished(3)),
    };
    let theme = Theme::load(None).unwrap();
    let (drafts, outcome) = feed_drafts(&theme, &site(), &feed);
    outcome.unwrap();
    drafts
}

pub(crate) fn text(drafts: &[Draft], path: &str) -> String {
    let draft = drafts.iter().find(|draft| draft.path == path).unwrap();
    String::from_utf8(draft.bytes.clone()).unwrap()
}

#[track_caller]
pub(crate) fn holds(document: &str, parts: &[&str]) {
    for part in parts {
        assert!(document.contains(part), "no {part} in\n{document}");
    }
}
