//! What holds for documents of every format: sizes, ids, archives, codings, the gate.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::too_many_lines, reason = "values and documents written out")]

use super::bench::{at, drafts, output, site, story, text};
use feedmill::config::{ContentMode, PublishConfig, PublishFormat};
use feedmill::model::StoryView;
use feedmill::publish::{
    Chapter, HTML, MergedFeed, Site, Theme, Volume, archive_draft, check_document, feed_drafts,
    finish, fitting, max_age_s,
};
use jiff::Timestamp;

/// Promise 6, R7.13: same input, same bytes; an empty feed says no time of today.
#[test]
fn bytes_follow_the_stories_alone() {
    let stories: Vec<StoryView> = (1..20).map(|id| story(id, "Title", "<p>x</p>")).collect();
    assert_eq!(drafts(&stories), drafts(&stories));
    assert!(text(&drafts(&[]), "/all.atom").contains("<updated>2000-01-01T00:00:00Z</updated>"));
}

/// "Changing `public_url` changes no id", nor does renaming with the former name kept.
#[test]
fn ids_outlive_addresses_and_names() {
    let theme = Theme::load(None).unwrap();
    let id = |site: &Site, output: &PublishConfig| {
        let feed = MergedFeed {
            output,
            stories: &[],
            capped: &[],
            tombstones: &[],
            archive: None,
        };
        let atom = text(
            &feed_drafts(&theme, site, &feed).0,
            &format!("/{}.atom", output.name),
        );
        atom.split("<id>")
            .nth(1)
            .unwrap()
            .split("</id>")
            .next()
            .unwrap()
            .to_owned()
    };
    let first = id(&site(), &output("all"));
    let moved = Site {
        public_url: "https://other.example/".parse().unwrap(),
        ..site()
    };
    assert_eq!(id(&moved, &output("all")), first);
    let renamed = PublishConfig {
        former_names: vec![String::from("all")],
        ..output("new")
    };
    assert_eq!(id(&site(), &renamed), first);
    assert_ne!(id(&site(), &output("new")), first);
}

/// R7.9, R7.15.
#[test]
fn a_document_ends_at_its_limit_and_at_its_size() {
    let small: Vec<StoryView> = (0..80).map(|id| story(id, "T", "x")).collect();
    assert_eq!(fitting(small.clone(), &output("all")).len(), 50);
    let large: Vec<StoryView> = (0..50)
        .map(|id| story(id, "T", &"x".repeat(60_000)))
        .collect();
    assert_eq!(fitting(large, &output("all")).len(), 5);
    assert_eq!(
        fitting(vec![small[0].clone(), small[0].clone()], &output("all")).len(),
        1
    );
}

#[test]
fn content_modes_carry_what_they_say() {
    let theme = Theme::load(None).unwrap();
    let stories = [story(1, "One", "<p>the long form</p>")];
    let atom = |content| {
        let output = PublishConfig {
            content,
            ..output("all")
        };
        let feed = MergedFeed {
            output: &output,
            stories: &stories,
            capped: &[],
            tombstones: &[],
            archive: None,
        };
        text(&feed_drafts(&theme, &site(), &feed).0, "/all.atom")
    };
    assert!(atom(ContentMode::Full).contains("the long form"));
    let summary = atom(ContentMode::Summary);
    assert!(
        summary.contains("<summary>Plain text of the story.</summary>")
            && !summary.contains("the long form")
    );
    let title = atom(ContentMode::Title);
    // R7.19: no content, so a summary, and that is the title.
    assert!(title.contains("<summary>One</summary>") && !title.contains("<content"));
    assert!(!title.contains("Plain text"));
}

/// R7.6.
#[test]
fn max_age_ends_with_the_next_poll() {
    let now = at("2026-11-23T12:00:00Z");
    assert_eq!(max_age_s(now, Some(at("2026-11-23T12:20:00Z"))), 1200);
    assert_eq!(max_age_s(now, Some(at("2026-11-23T11:00:00Z"))), 300);
    assert_eq!(max_age_s(now, Some(at("2026-11-25T12:00:00Z"))), 3600);
    assert_eq!(max_age_s(now, None), 3600);
}

/// R7.22.
#[test]
fn archives_form_a_chain() {
    let output = output("all");
    let feed = MergedFeed {
        output: &output,
        stories: &[story(1, "One", "x")],
        capped: &[],
        tombstones: &[],
        archive: None,
    };
    let links = |number| {
        let atom = String::from_utf8(
            archive_draft(
                &site(),
                &feed,
                Chapter {
                    format: PublishFormat::Atom,
                    volume: Volume::finished(number),
                    newest: 3,
                },
            )
            .bytes,
        )
        .unwrap();
        assert!(atom.contains("<fh:archive/>"));
        let rels = ["self", "current", "prev-archive", "next-archive"];
        let href = |rel: &str| {
            let rest = atom.split(&format!("<link rel=\"{rel}\"")).nth(1)?;
            Some(
                rest.split("href=\"https://news.example.org/")
                    .nth(1)?
                    .split('"')
                    .next()?
                    .to_owned(),
            )
        };
        rels.map(|rel| href(rel).unwrap_or_default()).join(" ")
    };
    assert_eq!(links(1), "all/archive/1.atom all.atom  all/archive/2.atom");
    assert_eq!(
        links(2),
        "all/archive/2.atom all.atom all/archive/1.atom all/archive/3.atom"
    );
    assert_eq!(links(3), "all/archive/3.atom all.atom all/archive/2.atom ");
}

/// The gate: each fault planted in a good document is found.
#[test]
fn the_gate_refuses_what_readers_could_not_read() {
    let drafts = drafts(&[story(1, "One", "<p>x</p>"), story(2, "Two", "<p>y</p>")]);
    let faults = [
        ("/all.atom", "</entry>", "", "not well-formed"),
        ("/all.atom", "2026:2</id>", "2026:1</id>", "occurs twice"),
        (
            "/all.atom",
            "<updated>2026-11-23T05",
            "<updated>1986-11-23T05",
            "before 1990",
        ),
        ("/all.atom", "<title>One", "<title>\u{1}One", "U+0001"),
        (
            "/all.atom",
            "<generator",
            "<entry/><generator",
            "after the first entry",
        ),
        (
            "/all.rss",
            "<guid isPermaLink=\"false\">tag:blog1.example.org,2026:2</guid>",
            "",
            "no guid",
        ),
        ("/all.json", "\"items\": [", "\"items\": [,", "not JSON"),
        ("/all.json", "2026:2\"", "2026:1\"", "occurs twice"),
        ("/all/", "</main>", "<script>x</script></main>", "script"),
    ];
    for (path, from, to, complaint) in faults {
        let draft = drafts.iter().find(|draft| draft.path == path).unwrap();
        check_document(draft.content_type, &draft.bytes).unwrap();
        let broken = text(&drafts, path).replacen(from, to, 1);
        let refusal = check_document(draft.content_type, broken.as_bytes()).unwrap_err();
        assert!(refusal.contains(complaint), "{path} {from:?}: {refusal}");
    }
}

/// R7.1, R7.2: one tag, every coding says the same.
#[test]
fn codings_decode_to_the_same_bytes() {
    use std::io::Read;
    let bytes = "the same words ".repeat(500).into_bytes();
    let document = finish(
        String::from("/x"),
        HTML,
        bytes.clone(),
        Timestamp::UNIX_EPOCH,
    );
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&document.gzip.as_ref().unwrap()[..])
        .read_to_end(&mut plain)
        .unwrap();
    assert_eq!(plain, bytes);
    plain.clear();
    brotli::Decompressor::new(&document.brotli.as_ref().unwrap()[..], 4096)
        .read_to_end(&mut plain)
        .unwrap();
    assert_eq!(plain, bytes);
    assert_eq!(
        zstd::decode_all(&document.zstd.as_ref().unwrap()[..]).unwrap(),
        bytes
    );
    let small = finish(
        String::from("/x"),
        HTML,
        b"short".to_vec(),
        Timestamp::UNIX_EPOCH,
    );
    assert!(small.gzip.is_none() && small.brotli.is_none() && small.zstd.is_none());
    assert_ne!(small.etag, document.etag);
}
