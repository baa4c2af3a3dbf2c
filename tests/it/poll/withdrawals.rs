//! What publishers take back: when it is believed, what readers get, and how it comes again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use feedmill::cli::{Output, why};
use feedmill::filter::Rules;
use feedmill::model::*;
use feedmill::publish::{OnRequest as _, Shelf, Theme};
use feedmill::release::{Releaser, Tools};
use feedmill::story::Matcher;
use feedmill::telemetry::Metrics;

use crate::support::origin::Origin;
use crate::support::world::World;

const DAY: Duration = Duration::from_secs(25 * 3600);

/// Documents one after the other, a letter an entry, later in the alphabet later in the year; a capital is an entry
/// without a date, `!` a document that had to be mended.
fn check(documents: &str, expected: &[&str]) {
    let mut watched = Withdrawals::default();
    let mut withdrawn = Vec::new();
    for document in documents.split(' ') {
        let listed = document.chars().filter(|letter| letter.is_alphabetic());
        let listed = listed.map(|letter| Listed {
            key: letter.to_string(),
            dated_at: letter.is_lowercase().then(|| {
                let second = i64::from(u32::from(letter)) * 86_400;
                jiff::Timestamp::from_second(1_772_000_000 + second).unwrap()
            }),
        });
        let sound = !document.contains('!');
        let (next, gone) = Matcher::default().withdrawn(&watched, listed.collect(), sound);
        (watched, withdrawn) = (next, gone);
        if !withdrawn.is_empty() {
            break;
        }
    }
    assert_eq!(withdrawn, expected, "{documents}");
}

#[test]
fn only_what_vanishes_from_amid_its_document_twice_is_withdrawn() {
    // Taken back: from the middle, from the top, two at once; without dates, only from the middle.
    check("edcba edba fedba", &["c"]);
    check("edcba dcba fdcba", &["e"]);
    check("fedcba feba gfeba", &["d", "c"]);
    check("EDCBA EDBA FEDBA", &["C"]);
    check("EDCBA DCBA FDCBA", &[]);
    // Once is not enough, nor is an entry that was only away for a while.
    check("edcba edba", &[]);
    check("edcba edba edcba fedcba", &[]);
    // Too old for its document, in either order and with pinned entries at either end.
    check("edcba fedcb gfedc", &[]);
    check("abcde bcdef cdefg", &[]);
    check("ABCDE BCDEF CDEFG", &[]);
    check("EDCBA FEDCB GFEDC", &[]);
    check("aedcb afedc agfed", &[]);
    check("fedcba gfedca hgfeda", &[]);
    // The older ones went meanwhile.
    check("edcba edba jihgf", &[]);
    // A broken feed, one that was mended, an empty one, and one in another order.
    check("hgfedcba hgba ihgba", &[]);
    check("edcba edba! fedba!", &[]);
    check("edcba! edba fedba!", &[]);
    check("edcba  ba", &[]);
    check("edcba eabd feabd", &[]);
    check("ceabd cabd fcabd", &[]);
}

fn rss(entries: &str) -> String {
    let item = |letter: char| {
        let day = u32::from(letter.to_ascii_lowercase()) - u32::from('a') + 1;
        let guid = if letter.is_uppercase() { "again-" } else { "" };
        let letter = letter.to_ascii_lowercase();
        format!(
            "<item><title>Entry {letter}</title><link>https://site.example/page-of-{letter}</link>\
             <guid isPermaLink=\"false\">{guid}{letter}</guid><pubDate>{day} Feb 2026 08:00:00 GMT</pubDate>\
             <description>Of {letter}</description></item>"
        )
    };
    let items: String = entries.chars().map(item).collect();
    format!("<rss version=\"2.0\"><channel><title>A feed</title>{items}</channel></rss>")
}

fn releaser(world: &World) -> (Releaser, Shelf) {
    let shelf = Shelf::default();
    let tools = Tools {
        store: world.store.clone(),
        rules: Rules::default(),
        shelf: shelf.clone(),
        clock: world.clock.clone(),
        metrics: Metrics::default(),
    };
    let theme = Theme::load(None).unwrap();
    (
        Releaser::new(Arc::new(world.config.clone()), Arc::new(theme), tools),
        shelf,
    )
}

/// The merged feed in its formats.
async fn merged(world: &World) -> [String; 4] {
    let (releaser, shelf) = releaser(world);
    let report = releaser.refresh().await.unwrap();
    assert!(report.withheld.is_empty(), "{:?}", report.withheld);
    ["/all.atom", "/all.rss", "/all.json", "/all/"]
        .map(|path| String::from_utf8(shelf.get(path).unwrap().identity.to_vec()).unwrap())
}

fn id_of(atom: &str, title: &str) -> String {
    let end = atom.find(&format!("<title>{title}</title>")).unwrap();
    let (_, id) = atom[..end].rsplit_once("<id>").unwrap();
    id.split_once("</id>").unwrap().0.to_owned()
}

async fn world(origin: &Origin, more: &str) -> World {
    World::new(&format!(
        "[[feed]]\nurl = \"{}\"\n[publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\n{more}",
        origin.url("/feed")
    ))
    .await
}

async fn serve(world: &World, origin: &Origin, entries: &str) {
    origin.feed("/feed", rss(entries));
    world.wait(DAY);
    world.poll().await;
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn told(world: &World) -> String {
    let sink = Sink::default();
    let args = why::Args {
        url: String::from("https://site.example/page-of-c"),
        json: false,
    };
    let mut out = Output::new(Box::new(sink.clone()));
    let (releaser, _) = releaser(world);
    why::run(
        &world.store,
        (&Matcher::default(), &releaser),
        args,
        &mut out,
    )
    .await
    .unwrap();
    drop(out);
    String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
}

async fn visible(world: &World) -> Vec<(String, i64)> {
    let selection = Selection {
        groups: vec![String::from("*")],
        window: Some((StorySeq(0), StorySeq(100))),
        limit: 100,
        ..Selection::default()
    };
    let stories = world.store.select_stories(selection).await.unwrap();
    let named = |story: &StoryView| (story.lead.entry.title.clone(), story.seq.0);
    let mut named: Vec<_> = stories.iter().map(named).collect();
    named.sort();
    named
}

#[tokio::test]
async fn a_withdrawn_story_leaves_a_tombstone_and_comes_back_as_itself() {
    let origin = Origin::start().await;
    let world = world(&origin, "tombstones = true\n").await;
    serve(&world, &origin, "edcba").await;
    let [before, ..] = merged(&world).await;
    let id = id_of(&before, "Entry c");
    let all = visible(&world).await;
    assert!(!before.contains("tombstones"));
    // Missed once, it stays.
    serve(&world, &origin, "edba").await;
    assert_eq!(merged(&world).await[0].matches("Entry c<").count(), 1);
    serve(&world, &origin, "fedba").await;
    let documents = merged(&world).await;
    let when = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let stone = format!("<at:deleted-entry ref=\"{id}\" when=\"{when}\"/>");
    assert_eq!(documents[0].matches(&stone).count(), 1, "{}", documents[0]);
    assert!(documents[0].contains("xmlns:at=\"http://purl.org/atompub/tombstones/1.0\""));
    assert!(documents[0].contains(&format!("<updated>{when}</updated>")));
    for document in &documents {
        assert!(!document.contains("Entry c"), "{document}");
    }
    // No coming edition has it, and the other numbers stay as they are.
    let left = visible(&world).await;
    let kept = |(title, _): &&(String, i64)| title != "Entry c";
    let mut expected: Vec<_> = all.iter().filter(kept).cloned().collect();
    expected.push((String::from("Entry f"), 6));
    assert_eq!(left, expected);
    let lines = told(&world).await;
    assert!(
        lines.contains("  withdrawn  by the publisher on 2026-"),
        "{lines}"
    );
    // The same stories, the same bytes.
    world.wait(DAY);
    assert_eq!(merged(&world).await, documents);
    serve(&world, &origin, "fedcba").await;
    let [after, ..] = merged(&world).await;
    assert!(!after.contains("deleted-entry"));
    assert_eq!(id_of(&after, "Entry c"), id);
    expected.extend(all.iter().filter(|(title, _)| title == "Entry c").cloned());
    expected.sort();
    assert_eq!(visible(&world).await, expected);
    let lines = told(&world).await;
    assert!(
        lines.contains("  shown      no rule drops it") && lines.contains("  published  in all"),
        "{lines}"
    );
}

#[tokio::test]
async fn another_key_or_no_wish_for_it_withdraws_nothing() {
    // Entry c comes under another key, and is recognised.
    let origin = Origin::start().await;
    let renamed = world(&origin, "tombstones = true\n").await;
    for document in ["edcba", "edCba", "fedCba", "gfedCba"] {
        serve(&renamed, &origin, document).await;
    }
    assert!(merged(&renamed).await[0].contains("Entry c"));
    let other = Origin::start().await;
    let unasked = world(&other, "").await;
    for document in ["edcba", "edba", "fedba", "gfedba"] {
        serve(&unasked, &other, document).await;
    }
    assert!(merged(&unasked).await[0].contains("Entry c"));
}

/// A document that says that it is all there is.
fn complete(items: &str) -> String {
    let flag = "<fh:complete xmlns:fh=\"http://purl.org/syndication/history/1.0\"/>";
    items.replacen(
        "<title>A feed</title>",
        &format!("<title>A feed</title>{flag}"),
        1,
    )
}

async fn serve_complete(world: &World, origin: &Origin, entries: &str) {
    origin.feed("/feed", complete(&rss(entries)));
    world.wait(DAY);
    world.poll().await;
}

fn titles(atom: &str) -> String {
    let named = atom.split("<title>Entry ").skip(1);
    let mut letters: Vec<&str> = named.map(|rest| &rest[..1]).collect();
    letters.sort_unstable();
    letters.concat()
}

#[tokio::test]
async fn r3_7_what_a_complete_document_lacks_is_no_longer_current() {
    let origin = Origin::start().await;
    let world = world(&origin, "").await;
    serve_complete(&world, &origin, "edcba").await;
    assert_eq!(titles(&merged(&world).await[0]), "abcde");
    // From amid and from the end, at once.
    serve_complete(&world, &origin, "edb").await;
    for document in merged(&world).await {
        assert!(!document.contains("Entry c") && !document.contains("Entry a"));
        assert!(
            !document.contains("deleted-entry"),
            "nobody wished for tombstones"
        );
    }
    assert_eq!(
        world.store.entries(None, 9).await.unwrap().len(),
        5,
        "all of it stays stored"
    );
    let lines = told(&world).await;
    assert!(
        lines.contains("  withdrawn  by the publisher on 2026-"),
        "{lines}"
    );
    // All of it changes; what comes again is what it was.
    serve_complete(&world, &origin, "gfc").await;
    assert_eq!(titles(&merged(&world).await[0]), "cfg");
    // Nothing at all is more likely a fault than news; so is what had to be mended, and what is not complete.
    serve_complete(&world, &origin, "").await;
    assert_eq!(titles(&merged(&world).await[0]), "cfg");
    origin.feed("/feed", complete(&rss("g")).replace("</rss>", ""));
    world.wait(DAY);
    world.poll().await;
    assert_eq!(titles(&merged(&world).await[0]), "cfg");
    serve(&world, &origin, "g").await;
    assert_eq!(titles(&merged(&world).await[0]), "cfg");
}

#[tokio::test]
async fn r3_7_a_complete_document_leaves_tombstones_where_they_are_wished_for() {
    let origin = Origin::start().await;
    let world = world(&origin, "tombstones = true\n").await;
    serve_complete(&world, &origin, "cba").await;
    let id = id_of(&merged(&world).await[0], "Entry b");
    serve_complete(&world, &origin, "ca").await;
    let stone = format!("<at:deleted-entry ref=\"{id}\"");
    assert!(merged(&world).await[0].contains(&stone));
}

#[tokio::test]
async fn r3_7_a_finished_archive_document_keeps_what_is_no_longer_current() {
    let origin = Origin::start().await;
    let item = |number: &usize| {
        format!(
            "<item><title>Number {number}</title><guid isPermaLink=\"false\">{number}</guid></item>"
        )
    };
    let document = |numbers: Vec<usize>| {
        let items: String = numbers.iter().map(item).collect();
        complete(&format!(
            "<rss version=\"2.0\"><channel><title>A feed</title>{items}</channel></rss>"
        ))
    };
    origin.feed("/feed", document((0..420).collect()));
    let world = World::new(&format!(
        "[fetch]\nmax_new = 500\n[[feed]]\nurl = \"{}\"\n[publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\n",
        origin.url("/feed")
    ))
    .await;
    world.poll().await;
    merged(&world).await;
    let archive = async || {
        let document = releaser(&world).0.document("/all/archive/1.atom").await;
        document.unwrap().identity.to_vec()
    };
    let before = archive().await;
    origin.feed("/feed", document((100..420).collect()));
    world.wait(DAY);
    world.poll().await;
    assert!(!merged(&world).await[0].contains("Number 99<"));
    assert_eq!(archive().await, before);
    assert!(String::from_utf8_lossy(&before).contains("<title>Number "));
}
