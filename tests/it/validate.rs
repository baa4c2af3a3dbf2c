//! What a feed validator would report, written from RFC 4287, the RSS profile, JSON Feed 1.1 and RFC 5005, over the
//! merged feeds that come of the whole parsing corpus: whatever came in, what goes out has no error.

mod json;
mod rules;
mod tree;

use feedmill::config::{ContentMode, PublishConfig, PublishFormat};
use feedmill::model::{Selection, StoryView};
use feedmill::publish::{
    Chapter, Draft, MergedFeed, Site, Theme, Volume, archive_draft, check_document, feed_drafts,
};

use crate::corpus;
use crate::publish::bench::output;
use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const BASE: &str = "https://news.example.org";

/// All complaints about a document of ours.
fn complaints(draft: &Draft) -> Vec<String> {
    let own = format!("{BASE}{}", draft.path);
    let text = std::str::from_utf8(&draft.bytes).expect("UTF-8");
    match draft.content_type {
        "application/atom+xml; charset=utf-8" => rules::atom(&tree::parse(text), &own),
        "application/rss+xml; charset=utf-8" => rules::rss(&tree::parse(text), &own),
        "application/feed+json; charset=utf-8" => json::feed(text, &own),
        _ => Vec::new(),
    }
}

fn drafts(theme: &Theme, output: &PublishConfig, stories: &[StoryView]) -> Vec<Draft> {
    let site = Site {
        public_url: format!("{BASE}/").parse().unwrap(),
        outputs: vec![output.clone()],
        ..crate::publish::bench::site()
    };
    let feed = MergedFeed {
        output,
        stories,
        capped: &[],
        tombstones: &[],
        archive: Some(Volume::finished(2)),
    };
    let (mut drafts, outcome) = feed_drafts(theme, &site, &feed);
    outcome.unwrap();
    for format in [PublishFormat::Atom, PublishFormat::Json] {
        for number in [1, 2] {
            let chapter = Chapter {
                format,
                volume: Volume::finished(number),
                newest: 2,
            };
            drafts.push(archive_draft(&site, &feed, chapter));
        }
    }
    drafts
}

/// R7.24 over the corpus, by feed and all together, in every content mode.
#[tokio::test]
async fn the_whole_corpus_republished_has_no_error() {
    let origin = Origin::start().await;
    let mut config = String::from("[fetch]\nhost_gap = \"0s\"\nmax_new = 1000\n");
    let documents = corpus::documents();
    for (index, (name, bytes)) in documents.iter().enumerate() {
        let path = format!("/{index}");
        let kind = if name.ends_with("json") {
            "application/json"
        } else {
            "application/xml"
        };
        origin.reply(&path, Reply::ok(bytes.clone()).header("Content-Type", kind));
        let url = origin.url(&path);
        config.push_str(&format!("[[feed]]\nname = \"c{index}\"\nurl = \"{url}\"\n"));
    }
    let world = World::new(&config).await;
    world.poll().await;
    let theme = Theme::load(None).unwrap();
    let mut found = Vec::new();
    let mut stories_seen = 0;
    for mode in [ContentMode::Full, ContentMode::Summary, ContentMode::Title] {
        for (index, document) in documents.iter().enumerate() {
            let wanted = Selection {
                feeds: vec![format!("c{index}")],
                limit: 1000,
                ..Selection::default()
            };
            let stories = world.store.select_stories(wanted).await.unwrap();
            stories_seen += stories.len();
            let output = PublishConfig {
                content: mode,
                ..output("all")
            };
            let stories = feedmill::publish::fitting(stories, &output);
            for draft in drafts(&theme, &output, &stories) {
                check_document(draft.content_type, &draft.bytes).unwrap();
                let told = complaints(&draft).into_iter();
                found.extend(
                    told.map(|text| format!("{} {mode:?} {}: {text}", document.0, draft.path)),
                );
            }
        }
    }
    assert!(
        stories_seen > 3 * 200,
        "only {stories_seen} stories came through"
    );
    assert!(
        found.is_empty(),
        "{} errors:\n{}",
        found.len(),
        found.join("\n")
    );
}

/// The validator itself can find each mistake: one healthy document, broken in one place at a time.
#[test]
fn each_rule_can_fail() {
    let story = crate::publish::bench::story(1, "One", "<p>x</p>");
    let made = drafts(&Theme::load(None).unwrap(), &output("all"), &[story]);
    let of = |path: &str| {
        made.iter()
            .find(|draft| draft.path == path)
            .unwrap()
            .clone()
    };
    for (path, from, to, complaint) in [
        ("/all.atom", "<updated>", "<updated>x", "no date"),
        ("/all.atom", "rel=\"self\"", "rel=\"via\"", "self"),
        (
            "/all.atom",
            "rel=\"alternate\" type=\"text/html\" href=\"https://news.example.org/all/\"",
            "rel=\"via\" href=\"https://news.example.org/all/\"",
            "alternate",
        ),
        (
            "/all.atom",
            "<generator",
            "<entry/><generator",
            "after the first entry",
        ),
        (
            "/all.atom",
            "type=\"html\">&lt;p",
            "type=\"html\">&lt;script&gt;x&lt;/script&gt;&lt;p",
            "active",
        ),
        (
            "/all.atom",
            "href=\"https://blog1.example.org/1",
            "href=\"/1",
            "absolute",
        ),
        ("/all.atom", "<source>", "<source><id>x</id>", "id"),
        ("/all.atom", "<name>Bình</name>", "<name> </name>", "name"),
        ("/all.atom", "term=\"news\"", "term=\"\"", "term"),
        (
            "/all.atom",
            "<feed ",
            "<feed xml:base=\"https://x.example/\" ",
            "xml:base",
        ),
        ("/all/archive/2.atom", "<fh:archive/>", "", "fh:archive"),
        (
            "/all/archive/2.atom",
            "rel=\"current\"",
            "rel=\"via\"",
            "current",
        ),
        ("/all.rss", "Sun, 22 Nov", "Mon, 22 Nov", "no date"),
        ("/all.rss", "isPermaLink=\"false\"", "", "isPermaLink"),
        ("/all.rss", "<ttl>60", "<ttl>x", "ttl"),
        (
            "/all.rss",
            "<link>https://blog1",
            "<link>//blog1",
            "absolute",
        ),
        (
            "/all.rss",
            "<dc:creator>",
            "<author>x</author><dc:creator>",
            "author",
        ),
        (
            "/all.rss",
            "<docs>",
            "<link>https://x.example/</link><docs>",
            "link",
        ),
        (
            "/all.json",
            "\"version\"",
            "\"title\": \"x\", \"version\"",
            "version",
        ),
        (
            "/all.json",
            "\"date_modified\": \"2026",
            "\"date_modified\": \"x2026",
            "no date",
        ),
        ("/all.json", "/archive/2.json", ".json", "next_url"),
        ("/all.json", "\"content_html\"", "\"_content\"", "content"),
        (
            "/all.json",
            "\"url\": \"https://blog1.example.org/1?",
            "\"url\": \"/1?",
            "absolute",
        ),
    ] {
        let mut draft = of(path);
        assert_eq!(complaints(&draft), Vec::<String>::new(), "{path}");
        let text = String::from_utf8(draft.bytes).unwrap();
        let broken = text.replacen(from, to, 1);
        assert_ne!(text, broken, "{path} holds no {from}");
        draft.bytes = broken.into_bytes();
        let told = complaints(&draft).join("; ");
        assert!(told.contains(complaint), "{path} {from}: {told}");
    }
}
