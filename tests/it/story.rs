//! Tests of `story`: links, likeness, identity in a feed and across feeds, floods, leads, edits.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a failed unwrap is a failed test; tables are long"
)]

use feedmill::model::{
    Author, Candidate, EntryId, EntryView, FeedId, FeedMeta, FeedStanding, FeedState, FeedView,
    Fingerprint, IncomingEntry, JoinReason, Judge, ParsedEntry, PollMemory, PollReason,
    Recognition, Rhythm, SourceRef, Standing, StoryId, Validators, Verdict,
};
use feedmill::story::{DiffKind, Matcher};
use jiff::Timestamp;
use proptest::prelude::*;

#[path = "../bench/pairs.rs"]
mod pairs;

use pairs::{Verdicts, pairs};

/// An entry with a title and a text, published at noon of a day of May 2026.
fn entry(title: &str, text: &str, link: Option<&str>) -> ParsedEntry {
    ParsedEntry {
        key: format!("{title}{link:?}"),
        publisher_id: None,
        link: link.map(str::to_owned),
        title: title.to_owned(),
        authors: vec![Author::default()],
        summary_html: None,
        content_html: None,
        text: text.to_owned(),
        published_at: Some(day(1)),
        updated_at: None,
        date_flag: None,
        enclosures: Vec::new(),
        categories: Vec::new(),
        links: Vec::new(),
        source: None,
        language: None,
        rights: None,
        fingerprint: Fingerprint([0; 32]),
    }
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_second(1_777_636_800 + (day - 1) * 86_400).unwrap()
}

#[track_caller]
fn canonical(link: &str, expected: Option<&str>) {
    assert_eq!(
        Matcher::default().canonical_link(link).as_deref(),
        expected,
        "{link}"
    );
}

#[test]
fn links_of_one_page_have_one_form() {
    let page = Some("example.org/2026/05/news");
    for link in [
        "https://example.org/2026/05/news",
        "http://example.org/2026/05/news",
        "HTTPS://WWW.Example.ORG/2026/05/news",
        "http://m.example.org/2026/05/news/",
        "https://mobile.example.org:443/2026/05/news",
        "http://example.org:80/2026/05/news#comments",
        "https://example.org/2026//05/./x/../news/index.html",
        "https://example.org/2026/05/news?utm_source=rss&utm_medium=feed&UTM_Campaign=x",
        "https://example.org/2026/05/news?fbclid=a&gclid=b&mc_cid=c&at_medium=RSS&PHPSESSID=1",
        "https://example.org/2026/05/news;jsessionid=0A1B",
        "https://example.org/2026/05/news?ref=rss",
        "https://example.org/2026/05/news/amp",
        "https://amp.example.org/2026/05/news?amp=1",
        "https://example.org/amp/2026/05/news",
        "https://example-org.cdn.ampproject.org/c/s/example.org/2026/05/news",
        "https://www.google.com/amp/s/example.org/2026/05/news",
        "https://example.org/2026/05/%6Eews#:~:text=x",
        "//example.org/2026/05/news",
        "  https://example.org/2026/05/news\n",
        "example.org/2026/05/news",
    ] {
        canonical(link, page);
    }
}

#[test]
fn links_keep_what_names_the_page() {
    canonical("https://example.org/?p=12", Some("example.org/?p=12"));
    canonical(
        "https://example.org/a?b=2&a=1&b=2",
        Some("example.org/a?a=1&b=2"),
    );
    canonical("https://example.org/a?q=x+y", Some("example.org/a?q=x%20y"));
    canonical(
        "https://example.org/a?ref=ab12cd",
        Some("example.org/a?ref=ab12cd"),
    );
    canonical(
        "https://example.org/#!/news/7",
        Some("example.org/#!/news/7"),
    );
    canonical("https://example.org:8080/a", Some("example.org:8080/a"));
    canonical(
        "https://en.m.wikipedia.org/wiki/Hu%E1%BA%BF",
        Some("en.wikipedia.org/wiki/Hu%E1%BA%BF"),
    );
    canonical(
        "https://bücher.example/neu%c3%bc",
        Some("xn--bcher-kva.example/neu%C3%BC"),
    );
    canonical(
        "https://example.org/story.amp.html",
        Some("example.org/story.html"),
    );
    canonical(
        "https://www.youtube.com/watch?v=abcdefghijk&si=zz&feature=share",
        Some("youtube.com/watch?v=abcdefghijk"),
    );
    canonical(
        "https://example.org/watch?feature=night",
        Some("example.org/watch?feature=night"),
    );
    canonical("https://amp.dev/about", Some("amp.dev/about"));
}

#[test]
fn links_without_identity_have_no_form() {
    for link in [
        "https://example.org",
        "https://www.example.org/",
        "https://example.org/index.html",
        "https://example.org/?utm_source=rss",
        "https://example.org/#top",
        "mailto:an@example.org",
        "javascript:alert(1)",
        "tag:example.org,2026:1",
        "",
        "news",
        "data:text/html,x",
    ] {
        canonical(link, None);
    }
}

#[test]
fn the_operator_names_further_parameters() {
    let matcher = Matcher {
        strip_params: vec!["Tracker".into(), "x_*".into()],
    };
    assert_eq!(
        matcher
            .canonical_link("https://example.org/a?tracker=1&x_y=2&z=3")
            .as_deref(),
        Some("example.org/a?z=3")
    );
}

#[test]
fn a_feed_that_links_every_entry_to_its_site_has_no_links_to_match() {
    let matcher = Matcher::default();
    let home = entry("A", "", Some("https://example.org/blog/"));
    assert_eq!(
        matcher
            .keys(&home, Some("http://www.example.org/blog"))
            .canonical_link,
        None
    );
    assert_eq!(
        matcher.keys(&home, None).canonical_link.as_deref(),
        Some("example.org/blog")
    );
}

#[track_caller]
fn global(id: &str, expected: Option<&str>) {
    let mut entry = entry("", "", None);
    entry.publisher_id = Some(id.to_owned());
    assert_eq!(
        Matcher::default().keys(&entry, None).global_id.as_deref(),
        expected,
        "{id}"
    );
}

#[test]
fn ids_are_global_by_their_form_alone() {
    global(
        "tag:blog.example.org,2026-05:/7",
        Some("tag:blog.example.org,2026-05:/7"),
    );
    global("tag:localhost:3000,2005:Post/1", None);
    global(
        "urn:uuid:1225C695-CFB8-4EBB-AAAA-80DA344EFA6A",
        Some("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a"),
    );
    global(
        "1225c695-cfb8-4ebb-aaaa-80da344efa6a",
        Some("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a"),
    );
    global("urn:uuid:00000000-0000-0000-0000-000000000000", None);
    global("https://doi.org/10.1000/ABC.1", Some("doi:10.1000/abc.1"));
    global("doi:10.1000/abc.1", Some("doi:10.1000/abc.1"));
    global("yt:video:dQw4w9WgXcQ", Some("yt:video:dQw4w9WgXcQ"));
    global("http://www.example.org/?p=123", Some("example.org/?p=123"));
    global(
        "https://example.org/2026/05/a-long-title?utm_source=rss",
        Some("example.org/2026/05/a-long-title"),
    );
    global("https://example.org/news", None);
    global("https://example.org/", None);
    global("1234567890123", None);
    global("post-17", None);
    global("", None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn canonical_links_are_settled(link in "(https?://)?(www\\.|m\\.|amp\\.)?[a-z]{1,3}\\.(m\\.)?[a-z]{2}(:[0-9]{2,3})?(/|/[a-zA-Z0-9%._;~=-]{0,9}){0,4}(\\?[a-z0-9&=%+_]{0,12})?(#!?[a-z%/]{0,5})?") {
        let matcher = Matcher::default();
        if let Some(form) = matcher.canonical_link(&link) {
            prop_assert_eq!(matcher.canonical_link(&form), Some(form.clone()), "{}", link);
        }
    }

    #[test]
    fn keys_are_a_function(title in "\\PC{0,60}", text in "\\PC{0,400}", link in "\\PC{0,40}") {
        let matcher = Matcher::default();
        let entry = entry(&title, &text, Some(&link));
        prop_assert_eq!(matcher.keys(&entry, None), matcher.keys(&entry.clone(), None));
    }
}

fn incoming(entry: ParsedEntry) -> IncomingEntry {
    let keys = Matcher::default().keys(&entry, None);
    IncomingEntry {
        entry,
        verdict: Verdict::Keep,
        tags: Vec::new(),
        keys,
    }
}

fn candidate(id: i64, feed: i64, entry: &ParsedEntry) -> Candidate {
    Candidate {
        entry: EntryId(id),
        story: Some(StoryId(id * 10)),
        feed: FeedId(feed),
        key: entry.key.clone(),
        publisher_id: entry.publisher_id.clone(),
        title: entry.title.clone(),
        keys: Matcher::default().keys(entry, None),
        published_at: entry.published_at,
        first_seen_at: day(1),
        same_page: false,
        present: false,
    }
}

#[test]
fn labelled_pairs_are_told_apart() {
    let pairs = pairs();
    let languages: std::collections::BTreeSet<&str> =
        pairs.iter().map(|pair| &pair.name[..2]).collect();
    assert!(
        pairs.len() >= 300 && languages.len() >= 6,
        "{} pairs, {languages:?}",
        pairs.len()
    );
    let Verdicts {
        chosen_on,
        reported,
        wrong,
    } = Verdicts::of(&pairs);
    assert!(
        reported.precision() >= 0.99 && reported.recall() >= 0.95,
        "{reported:?}: {wrong:#?}"
    );
    assert!(
        chosen_on.precision() >= 0.99 && chosen_on.recall() >= 0.95,
        "{chosen_on:?}: {wrong:#?}"
    );
}

#[test]
fn every_two_items_of_the_corpus_are_two_stories() {
    let pairs = pairs();
    let mut items: Vec<&(String, String)> = pairs.iter().map(|pair| &pair.left).collect();
    items.dedup();
    let entries: Vec<ParsedEntry> = items
        .iter()
        .map(|(title, text)| entry(title, text, None))
        .collect();
    let candidates: Vec<Candidate> = entries
        .iter()
        .zip(1..)
        .map(|(entry, id)| candidate(id, id, entry))
        .collect();
    for (entry, own) in entries.iter().zip(1..) {
        let others: Vec<Candidate> = candidates
            .iter()
            .filter(|other| other.entry != EntryId(own))
            .cloned()
            .collect();
        assert_eq!(
            Matcher::default().join(&incoming(entry.clone()), &others),
            None,
            "{}",
            entry.title
        );
    }
}

const LONG: &str = "The council voted on Tuesday to buy two electric ferries for the harbour crossing, replacing diesel boats \
    that have been in service since 1987. The first boat should enter service by the spring of 2028, once charging \
    points have been built at both piers, and tickets will cost as much as today.";
const OTHER: &str = "Rovers came from behind to beat United at Milton Park on Saturday and reach the cup final for the first \
    time in years. Jamie Ellis equalised with a header and substitute Ravi Nair scored the winner deep in stoppage time.";

#[track_caller]
fn recognised(known: &ParsedEntry, new: &ParsedEntry, expected: Option<&str>) {
    let found = Matcher::default().recognise(&incoming(new.clone()), &[candidate(7, 1, known)]);
    let expected = expected.map(|reason| Recognition {
        entry: EntryId(7),
        reason: reason.to_owned(),
    });
    assert_eq!(found, expected, "{known:#?} {new:#?}");
}

#[test]
fn an_entry_is_recognised_under_a_changed_key() {
    let page = Some("https://example.org/2026/electric-ferries-come");
    let known = entry("Council approves electric ferry", LONG, page);
    let at = |title: &str, text: &str, link: Option<&str>, published: i64| {
        let mut new = entry(title, text, link);
        new.key = "another".into();
        new.published_at = Some(day(published));
        new
    };
    // The guid changed, nothing else; then the link's parameters, then the title, then the text.
    recognised(
        &known,
        &at(&known.title, LONG, page, 1),
        Some("canonical-link"),
    );
    recognised(
        &known,
        &at(
            &known.title,
            LONG,
            Some("http://www.example.org/2026/electric-ferries-come/?utm_source=x#c"),
            1,
        ),
        Some("canonical-link"),
    );
    recognised(
        &known,
        &at("Ferries go electric at last", LONG, page, 1),
        Some("canonical-link"),
    );
    recognised(
        &known,
        &at(&known.title, OTHER, page, 1),
        Some("canonical-link"),
    );
    // The page's address stayed, all it says is new.
    recognised(&known, &at("Rovers in the final", OTHER, page, 9), None);
    // The site moved.
    recognised(
        &known,
        &at(
            &known.title,
            LONG,
            Some("https://blog.example.com/p/electric-ferries-come.html"),
            5,
        ),
        Some("moved-link"),
    );
    // Renumbered archive: other links, the same title and time.
    recognised(
        &known,
        &at(&known.title, "", Some("https://example.org/node/9"), 1),
        Some("title-and-date"),
    );
    // A copy within days, and next week's issue of a series.
    recognised(
        &known,
        &at(&known.title, LONG, Some("https://example.org/node/9"), 2),
        Some("text"),
    );
    recognised(
        &known,
        &at(&known.title, LONG, Some("https://example.org/node/9"), 8),
        None,
    );
    recognised(
        &known,
        &at(
            "Rovers in the final",
            OTHER,
            Some("https://example.org/node/9"),
            1,
        ),
        None,
    );
}

#[test]
fn publisher_ids_that_are_global_prove_an_entry() {
    let mut known = entry("Council approves electric ferry", LONG, None);
    known.publisher_id = Some("https://example.org/?p=77".into());
    let mut new = entry(
        "Council approves ferry",
        OTHER,
        Some("https://example.org/a/b"),
    );
    new.publisher_id = Some("http://www.example.org/?p=77".into());
    recognised(&known, &new, Some("publisher-id"));
    new.title = "Rovers in the final".into();
    recognised(&known, &new, None);
}

#[test]
fn an_entry_that_is_still_there_is_not_recognised_as_another() {
    let known = entry(
        "Council approves electric ferry",
        LONG,
        Some("https://example.org/2026/electric-ferries-come"),
    );
    let mut present = candidate(7, 1, &known);
    present.present = true;
    assert_eq!(
        Matcher::default().recognise(&incoming(known.clone()), &[present.clone()]),
        None
    );
    let found = Matcher::default().recognise(
        &incoming(known.clone()),
        &[present, candidate(9, 1, &known), candidate(8, 1, &known)],
    );
    assert_eq!(
        found,
        Some(Recognition {
            entry: EntryId(8),
            reason: "canonical-link".into()
        })
    );
}

#[test]
fn a_shared_changelog_link_does_not_make_entries_one() {
    let page = Some("https://example.org/changelog");
    let known = entry("Version 3.8.1 of the compiler", LONG, page);
    recognised(
        &known,
        &entry("Version 3.8.2 of the compiler", OTHER, page),
        None,
    );
    recognised(
        &known,
        &entry("Version 3.8.1 of the compiler", LONG, page),
        Some("canonical-link"),
    );
}

#[test]
fn a_key_is_used_again_when_all_else_is_new() {
    let old = entry(
        "Council approves electric ferry",
        LONG,
        Some("https://example.org/ferry-is-approved"),
    );
    let mut new = entry(
        "Rovers in the final",
        OTHER,
        Some("https://example.org/rovers-in-final"),
    );
    let matcher = Matcher::default();
    assert!(!matcher.reuses_key(&old, &new), "not newer");
    new.published_at = Some(day(2));
    assert!(matcher.reuses_key(&old, &new));
    for same in [
        ParsedEntry {
            title: old.title.clone(),
            ..new.clone()
        },
        ParsedEntry {
            text: old.text.clone(),
            ..new.clone()
        },
        ParsedEntry {
            link: old.link.clone(),
            ..new.clone()
        },
        ParsedEntry {
            link: None,
            ..new.clone()
        },
    ] {
        assert!(!matcher.reuses_key(&old, &same), "{same:#?}");
    }
}

#[track_caller]
fn joins(new: &ParsedEntry, known: &[Candidate], expected: Option<(i64, JoinReason)>) {
    let expected = expected.map(|(story, reason)| (StoryId(story), reason));
    assert_eq!(
        Matcher::default().join(&incoming(new.clone()), known),
        expected,
        "{new:#?}"
    );
}

#[test]
fn entries_join_by_id_then_link_then_text() {
    let page = Some("https://example.org/2026/electric-ferries-come");
    let mut by_id = entry("Ferries", "", None);
    by_id.publisher_id = Some("tag:example.org,2026:ferries".into());
    let by_link = entry("A linked list: ferries", OTHER, page);
    let by_text = entry("Council approves electric ferry", LONG, None);
    let mut new = entry("Council approves electric ferry", LONG, page);
    new.publisher_id = Some("tag:example.org,2026:ferries".into());
    let known = [
        candidate(1, 1, &by_text),
        candidate(2, 2, &by_link),
        candidate(3, 3, &by_id),
    ];
    joins(&new, &known, Some((30, JoinReason::PublisherId)));
    joins(&new, &known[..2], Some((20, JoinReason::CanonicalLink)));
    joins(&new, &known[..1], Some((10, JoinReason::Text(100))));
    joins(
        &entry("Rovers in the final", OTHER, None),
        &known[..1],
        None,
    );
    // Of equals, the oldest story; without a story, none.
    let mut homeless = candidate(4, 4, &by_text);
    homeless.story = None;
    joins(
        &new,
        &[
            homeless,
            candidate(6, 6, &by_text),
            candidate(5, 5, &by_text),
        ],
        Some((50, JoinReason::Text(100))),
    );
}

#[test]
fn text_joins_within_three_days_only_and_links_whenever() {
    let known = candidate(
        1,
        1,
        &entry(
            "Council approves electric ferry",
            LONG,
            Some("https://example.org/2026/electric-ferries-come"),
        ),
    );
    let later = |day_of_may: i64, link: Option<&str>| {
        let mut entry = entry("Council approves electric ferry", LONG, link);
        entry.published_at = Some(day(day_of_may));
        entry
    };
    joins(
        &later(4, None),
        std::slice::from_ref(&known),
        Some((10, JoinReason::Text(100))),
    );
    joins(&later(5, None), std::slice::from_ref(&known), None);
    joins(
        &later(300, Some("http://m.example.org/2026/electric-ferries-come")),
        &[known],
        Some((10, JoinReason::CanonicalLink)),
    );
}

#[test]
fn a_page_that_a_feed_links_to_all_the_time_joins_nothing_by_itself() {
    let page = Some("https://example.org/status");
    let known = [candidate(1, 1, &entry("Disk replaced", LONG, page))];
    joins(&entry("Rovers in the final", OTHER, page), &known, None);
    joins(
        &entry("Disk replaced", LONG, page),
        &known,
        Some((10, JoinReason::CanonicalLink)),
    );
    // The link looks like an article's, but the feed gives it twice.
    let page = Some("https://example.org/liveblog-7");
    let known = [
        candidate(1, 1, &entry("Disk replaced", LONG, page)),
        candidate(2, 1, &entry("Disk full", "", page)),
    ];
    joins(&entry("Rovers in the final", OTHER, page), &known, None);
    joins(
        &entry("Rovers in the final", OTHER, page),
        &known[..1],
        Some((10, JoinReason::CanonicalLink)),
    );
}

/// Characters of scripts without spaces count as words: a line of them is text enough, a greeting is not.
#[test]
fn short_texts_without_spaces_join_by_text() {
    let line = "今天上午市政府宣布地铁三号线将于五月开通";
    let known = |text: &str| [candidate(1, 1, &entry("快讯", text, None))];
    let retold = entry("本地新闻", line, None);
    assert!(!Matcher::default().keys(&retold, None).bands.is_empty());
    joins(&retold, &known(line), Some((10, JoinReason::Text(100))));
    let other = "今天上午市政府宣布图书馆二期将于九月停工";
    joins(&entry("本地新闻", other, None), &known(line), None);
    joins(&entry("早", "大家早上好", None), &known("大家早上好"), None);
}

#[test]
fn headlines_alone_join_when_they_say_enough_on_the_same_day() {
    let long = "Council approves electric ferry for the harbour";
    let known = |title: &str| [candidate(1, 1, &entry(title, "", None))];
    joins(
        &entry(
            "COUNCIL APPROVES ELECTRIC FERRY for the harbour - Coastal News",
            "",
            None,
        ),
        &known(long),
        Some((10, JoinReason::Text(100))),
    );
    joins(
        &entry("Weather for today", "", None),
        &known("Weather for today"),
        None,
    );
    let mut later = entry(long, "", None);
    later.published_at = Some(day(3));
    joins(&later, &known(long), None);
}

/// A feed polled before, with `per_day` entries on each of the last 28 days.
fn feed(per_day: u16, seeded: bool) -> FeedState {
    let first_day = day(1).as_second() / 86_400 - 28;
    let rhythm = Rhythm {
        first_day,
        days: vec![per_day; 28],
        newest_entry_at: Some(day(1)),
        ..Rhythm::default()
    };
    FeedState {
        id: FeedId(1),
        key: "f".into(),
        configured_url: "https://example.org/feed".into(),
        url: "https://example.org/feed".into(),
        title: None,
        site_url: None,
        groups: Vec::new(),
        priority: 0,
        standing: FeedStanding::Active,
        validators: Validators::default(),
        body_hash: None,
        next_poll_at: day(1),
        next_poll_reason: PollReason::First,
        memory: PollMemory {
            seeded,
            rhythm,
            ok_at: Some(day(1)),
            ..PollMemory::default()
        },
    }
}

/// Standings of entries published on the given days of May (0: undated), seen on the first: S, B, H or Q for each.
#[track_caller]
fn admits(before: &FeedState, days: &[i64], max_new: usize, expected: &str) {
    let fresh: Vec<IncomingEntry> = days
        .iter()
        .map(|at| {
            let mut entry = entry("t", "", None);
            entry.published_at = (*at != 0).then(|| day(*at));
            incoming(entry)
        })
        .collect();
    let standings =
        Matcher::default().admit(before, &fresh.iter().collect::<Vec<_>>(), day(1), max_new);
    let told: String = standings
        .iter()
        .map(|standing| match standing {
            Standing::Shown => 'S',
            Standing::Backlog => 'B',
            Standing::Held => 'H',
            Standing::Quarantined => 'Q',
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, expected, "{days:?}");
}

#[test]
fn a_first_poll_shows_the_newest_entries() {
    let first = feed(0, false);
    admits(&first, &[-3, -1, -2, -4], 2, "BSSB");
    admits(&first, &[0, 0, 0], 2, "SSB");
    admits(&first, &[-9, 0, -1, 0], 2, "BBSS");
    admits(&first, &[1], 0, "B");
    admits(&first, &[], 5, "");
}

#[test]
fn a_flood_is_held_but_for_its_newest() {
    let quiet = feed(1, true);
    admits(&quiet, &[1; 6], 2, "SSSSSS");
    admits(&quiet, &[1, 0, -1, -2, -3, -4, -5], 2, "SSHHHHH");
    // A feed that always brings this much, and one that was away.
    admits(&feed(10, true), &[1; 12], 2, "SSSSSSSSSSSS");
    let mut away = feed(1, true);
    away.memory.ok_at = Some(day(-1));
    admits(&away, &[1; 10], 2, "SSSSSSSSSS");
    let mut taken = feed(1, true);
    taken.standing = FeedStanding::Quarantined;
    admits(&taken, &[1, 1], 2, "QQ");
}

#[test]
fn a_batch_that_the_feed_is_known_for_is_no_flood() {
    let mut weekly = feed(0, true);
    admits(&weekly, &[1; 7], 2, "SSHHHHH");
    weekly.memory.let_through.allow(12);
    admits(&weekly, &[1; 24], 2, &"S".repeat(24));
    assert!(flooded(&weekly, 25));
}

#[test]
fn a_young_feed_is_measured_by_its_age() {
    // Ten entries in two days are five a day, not ten in four weeks.
    let mut young = feed(0, true);
    young.memory.rhythm.days[26..].copy_from_slice(&[5, 5]);
    young.memory.rhythm.observed_since = Some(day(-1));
    assert!(!flooded(&young, 25));
    assert!(flooded(&young, 26));
    young.memory.rhythm.observed_since = Some(day(-40));
    assert!(flooded(&young, 9));
}

#[test]
fn what_comes_in_drops_is_counted_by_the_day() {
    let mut quiet = feed(1, true);
    quiet.memory.let_through.add(5, day(1));
    admits(&quiet, &[1], 2, "S");
    admits(&quiet, &[1, 1, 1], 2, "SHH");
    quiet.memory.let_through.add(1, day(1));
    admits(&quiet, &[1], 2, "H");
    // The day before does not count against today, and tells what the feed can bring.
    let mut rested = feed(1, true);
    rested.memory.let_through.add(6, day(-1));
    rested.memory.let_through.add(1, day(1));
    assert!(!flooded(&rested, 11));
    assert!(flooded(&rested, 12));
}

/// Whether `count` entries at once are held back in part.
fn flooded(before: &FeedState, count: usize) -> bool {
    let fresh = vec![incoming(entry("t", "", None)); count];
    let fresh: Vec<&IncomingEntry> = fresh.iter().collect();
    let notice = Matcher::default().flood_notice(before, &fresh, day(1), 2);
    notice.is_some()
}

#[test]
fn an_archive_that_leaks_goes_to_the_backlog() {
    let known = feed(1, true);
    admits(&known, &[1, -40, -41, -42, -43], 5, "SSSSS");
    admits(&known, &[1, -40, -41, -42, -43, -44], 5, "SBBBBB");
}

#[test]
fn the_operator_is_told_of_a_flood() {
    let fresh = vec![incoming(entry("t", "", None)); 40];
    let fresh: Vec<&IncomingEntry> = fresh.iter().collect();
    let matcher = Matcher::default();
    assert_eq!(
        matcher
            .flood_notice(&feed(2, true), &fresh, day(1), 5)
            .as_deref(),
        Some("40 new entries at once, usually 2.0 a day: the newest 5 are shown, 35 held back")
    );
    assert_eq!(
        matcher.flood_notice(&feed(2, true), &fresh[..3], day(1), 5),
        None
    );
}

#[test]
fn a_feed_is_suspicious_when_everything_changes_at_once() {
    let meta = |site: &str, title: &str, language: &str| FeedMeta {
        site_url: Some(site.into()),
        title: Some(title.into()),
        language: Some(language.into()),
        ..FeedMeta::default()
    };
    let known = meta("https://example.org/", "Ferries", "en-GB");
    let taken = meta("https://casino.test/", "Lucky slots", "ru");
    let fresh = vec![incoming(entry("t", "", None)); 9];
    let fresh: Vec<&IncomingEntry> = fresh.iter().collect();
    let told = |before: &FeedState, now: &FeedMeta, count: usize| {
        Matcher::default().suspicious(before, (&known, now), &fresh[..count], day(1))
    };
    assert_eq!(
        told(&feed(1, true), &taken, 9).as_deref(),
        Some(
            "site \"example.org\" became \"casino.test\", title \"Ferries\" became \"Lucky slots\", language \"en\" became \"ru\", with 9 new entries at once: the feed may have been taken over"
        )
    );
    assert_eq!(told(&feed(1, false), &taken, 9), None);
    assert_eq!(told(&feed(1, true), &taken, 3), None);
    assert_eq!(
        told(
            &feed(1, true),
            &meta("https://www.example.org/", "Lucky slots", "ru"),
            9
        ),
        None
    );
    assert_eq!(
        told(
            &feed(1, true),
            &meta("https://casino.test/", "ferries ", "ru"),
            9
        ),
        None
    );
    assert_eq!(
        told(
            &feed(1, true),
            &meta("https://casino.test/", "Lucky slots", "en"),
            9
        ),
        None
    );
}

/// A sighting on `site` that links to `link`, first shown on a day of May.
fn view(id: i64, site: &str, link: &str, shown: i64) -> EntryView {
    EntryView {
        id: EntryId(id),
        feed: FeedView {
            id: FeedId(id),
            key: format!("f{id}"),
            title: site.into(),
            url: format!("{site}feed"),
            site_url: Some(site.into()),
            publisher_id: None,
            language: None,
            icon_url: None,
            rights: None,
            authors: Vec::new(),
            categories: Vec::new(),
            icon: None,
            groups: Vec::new(),
            priority: 0,
            updated_at: None,
            standing: FeedStanding::Active,
        },
        entry: entry("t", "text", Some(link)),
        canonical_link: None,
        standing: Standing::Shown,
        dropped_by: None,
        tags: Vec::new(),
        first_seen_at: day(shown),
        shown_at: day(shown),
        changed_at: day(shown),
        revision: 1,
    }
}

#[test]
fn the_authors_own_copy_leads() {
    let page = "https://blog.example.org/a-post";
    let copy = view(1, "https://planet.test/", page, 1);
    let own = view(2, "https://www.blog.example.org/", page, 5);
    let lead = |views: &[&EntryView]| {
        Matcher::default().lead(&views.iter().map(|view| (*view).clone()).collect::<Vec<_>>())
    };
    assert_eq!(lead(&[&copy]), 0);
    assert_eq!(lead(&[&copy, &own]), 1);
    // What the operator declares goes first, but never before what readers may see.
    let mut preferred = copy.clone();
    preferred.feed.priority = 1;
    assert_eq!(lead(&[&preferred, &own]), 0);
    preferred.standing = Standing::Held;
    assert_eq!(lead(&[&preferred, &own]), 1);
    // A feed that republishes says so with a source.
    let mut republished = view(3, "https://blog.example.org/", page, 1);
    republished.entry.source = Some(SourceRef {
        link: Some("https://elsewhere.test/".into()),
        ..SourceRef::default()
    });
    assert_eq!(lead(&[&republished, &own]), 1);
    // Then the earliest, the longest, the first known.
    let mut earlier = own.clone();
    (earlier.id, earlier.shown_at) = (EntryId(9), day(4));
    assert_eq!(lead(&[&own, &earlier]), 1);
    let mut longer = own.clone();
    (longer.id, longer.entry.text) = (EntryId(9), "longer text".into());
    assert_eq!(lead(&[&own, &longer]), 1);
    let mut newer = own.clone();
    newer.id = EntryId(9);
    assert_eq!(lead(&[&newer, &own]), 1);
}

#[track_caller]
fn edited_in_substance(old: &str, new: &str, expected: bool) {
    let found = Matcher::default().substantial(&entry("t", old, None), &entry("t", new, None));
    assert_eq!(found, expected, "{old:?} {new:?}");
    assert_eq!(
        Matcher::default().word_diff(old, new).is_empty(),
        !expected,
        "{old:?} {new:?}"
    );
}

#[test]
fn words_are_substance_and_typography_is_not() {
    edited_in_substance("It's \"new\" -- and good", "It’s “new” — and good", false);
    edited_in_substance("a  b\nc", "a b c", false);
    edited_in_substance("Hoà bình thuý", "hòa bình thúy", false);
    edited_in_substance("cafe\u{301}", "café", false);
    edited_in_substance("12 dead", "13 dead", true);
    edited_in_substance("cấm", "cầm", true);
    edited_in_substance("a b c", "a b", true);
    edited_in_substance("costs 5", "costs 5%", true);
    let (old, mut new) = (entry("Old title", "x", None), entry("New title", "x", None));
    assert!(Matcher::default().substantial(&old, &new));
    new.title.clone_from(&old.title);
    new.link = Some("https://example.org/x?utm_source=y".into());
    assert!(!Matcher::default().substantial(&old, &new));
}

#[test]
fn a_word_diff_is_short() {
    let told: Vec<String> = Matcher::default()
        .word_diff(
            "One two three four five six seven the storm left 12,000 homes without power on Sunday night in the north, police said.",
            "One two three four five six seven the storm left 30,000 homes without any power on Sunday night in the north, police said.",
        )
        .into_iter()
        .map(|(kind, words)| match kind {
            DiffKind::Same => words,
            DiffKind::Removed => format!("[-{words}-]"),
            DiffKind::Added => format!("[+{words}+]"),
            DiffKind::Gap => "…".into(),
        })
        .collect();
    assert_eq!(
        told.join(" "),
        "… seven the storm left [-12,000-] [+30,000+] homes without [+any+] power on Sunday night …"
    );
}

/// Seen where a template tells of room 0: its one number stands in every other text of the template too.
#[test]
fn numbers_that_stand_in_place_of_others_are_other_news() {
    let told = |report: u32, office: u32| {
        entry(
            &format!("Bridge {report} opens after session {office}-0"),
            &format!(
                "Report number {report} from office {office}: the Bridge opens. Visitors of room 0 are told in \
                 writing, and the next meeting takes up item {report} of the list."
            ),
            None,
        )
    };
    for (report, office) in [(80, 8), (160, 16), (240, 24)] {
        joins(&told(0, 0), &[candidate(1, 2, &told(report, office))], None);
        joins(&told(report, office), &[candidate(1, 2, &told(0, 0))], None);
    }
}

/// A sketch keeps so many numbers and no more: what a list was cut off at says nothing of those behind it.
#[test]
fn a_number_that_a_full_sketch_cannot_hold_is_not_missing() {
    let told = |often: (usize, usize), numbers: (u32, u32)| {
        let list = |number: u32, often: usize| format!("{number} ").repeat(often);
        entry(
            "Tide table of the northern harbours for the coming week",
            &format!(
                "The harbour office has published the tide table of the northern harbours for the coming week, and \
                 asks every skipper to read it before leaving: {}{}and the tower keeps the same hours as before.",
                list(numbers.0, often.0),
                list(numbers.1, often.1),
            ),
            None,
        )
    };
    // Whichever of the two sorts last.
    for numbers in [(7, 300), (300, 7)] {
        let (long, short) = (told((23, 8), numbers), told((15, 8), numbers));
        for (new, known) in [(&long, &short), (&short, &long)] {
            let joined = Matcher::default().join(&incoming(new.clone()), &[candidate(1, 2, known)]);
            assert!(
                matches!(joined, Some((_, JoinReason::Text(_)))),
                "{joined:?} for {numbers:?}"
            );
        }
    }
}
