//! Search: the words of any language, however they are written; fields, phrases, exclusions, dates; marked snippets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use crate::store::bench::{Bench, Exact, at, commit, dated, entry, saying, spec, strings};
use feedmill::model::*;

const NOW: &str = "2026-01-01T00:00:00Z";

async fn with(titles: &[&str]) -> Bench {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let entries = titles
        .iter()
        .enumerate()
        .map(|(number, title)| entry(&number.to_string(), title));
    let document = entries.map(|one| saying(one, "Nothing more.")).collect();
    bench.poll("a", NOW, document).await;
    bench
}

async fn find(bench: &Bench, text: &str) -> Vec<String> {
    let query = SearchQuery {
        text: text.to_owned(),
        limit: 10,
        ..SearchQuery::default()
    };
    let hits = bench.store.search(query).await.unwrap();
    hits.into_iter()
        .map(|hit| hit.story.lead.entry.title)
        .collect()
}

/// Asking for each word finds exactly the one title.
#[track_caller]
fn check(title: &'static str, words: &[&'static str]) -> impl Future<Output = ()> {
    let words = words.to_vec();
    async move {
        let bench = with(&[title, "Something else entirely"]).await;
        for word in words {
            assert_eq!(find(&bench, word).await, [title], "{word}");
        }
    }
}

#[tokio::test]
async fn words_without_tone_marks_find_words_with_them() {
    check(
        "Đường sắt Việt Nam được nâng cấp, ông Nguyễn nói",
        &["duong", "viet", "nguyen", "DUOC", "Đường", "nâng cấp"],
    )
    .await;
    check("Đất và Đức", &["dat", "duc"]).await;
    check(
        "Die Straße nach Łódź und Tromsø",
        &["strasse", "straße", "lodz", "tromso"],
    )
    .await;
    check("ILIK ılık İstanbul", &["ilik", "istanbul"]).await;
}

#[tokio::test]
async fn composed_and_decomposed_letters_are_the_same() {
    check("Vie\u{302}\u{323}t Nam", &["Vi\u{1ec7}t", "viet"]).await;
    check("Vi\u{1ec7}t Nam", &["Vie\u{323}\u{302}t"]).await;
    check("ＦＵＬＬ ｗｉｄｔｈ", &["full", "width"]).await;
}

#[tokio::test]
async fn scripts_without_spaces_are_found_by_any_part() {
    check(
        "日本語の記事",
        &["日本", "日本語", "記事", "語の", "事", "日"],
    )
    .await;
    check("今日新闻报道", &["新闻", "今日新闻", "道"]).await;
    check("한국에서 온 소식", &["한국", "소식"]).await;
    check("ข่าววันนี้", &["ข่าว"]).await;
}

#[tokio::test]
async fn what_a_searcher_types_is_never_syntax() {
    let bench = with(&["A plain title"]).await;
    for text in [
        "\"",
        "title:",
        "NEAR(",
        "a* OR",
        "-",
        "(plain",
        "plain)",
        "{title}:x",
        "\"plain",
        "^plain",
        "''",
        "*",
        "OR",
        "OR OR",
        "plain OR OR title",
        "plain OR -title",
        "-\"",
        "-feed:",
    ] {
        find(&bench, text).await;
    }
    assert_eq!(find(&bench, "\"plain title").await, ["A plain title"]);
    assert!(find(&bench, "plain AND title").await.is_empty());
}

#[tokio::test]
async fn phrases_prefixes_fields_and_exclusions() {
    let bench = with(&["The red fox", "The fox is red", "A foxtrot"]).await;
    let cases: &[(&str, &[&str])] = &[
        ("\"red fox\"", &["The red fox"]),
        ("fox* -\"is red\" -trot", &["A foxtrot", "The red fox"]),
        ("title:foxtrot", &["A foxtrot"]),
        (
            "author:Binh fox*",
            &["A foxtrot", "The fox is red", "The red fox"],
        ),
        ("author:fox", &[]),
        ("feed:a foxtrot", &["A foxtrot"]),
        ("feed:b foxtrot", &[]),
        ("group:all foxtrot", &["A foxtrot"]),
        ("lang:en foxtrot", &["A foxtrot"]),
        ("lang:vi foxtrot", &[]),
    ];
    for (text, expected) in cases {
        let mut found = find(&bench, text).await;
        found.sort();
        assert_eq!(found, *expected, "{text}");
    }
}

#[tokio::test]
async fn dates_bound_and_titles_come_before_texts() {
    let bench = Bench::new().await;
    bench
        .store
        .sync_feeds(vec![spec("a", &["all"])], at(NOW))
        .await
        .unwrap();
    let old = dated(entry("1", "Harvest begins"), "2025-06-01T12:00:00Z");
    let new = dated(
        saying(entry("2", "Weather"), "A word on the harvest."),
        "2025-06-03T12:00:00Z",
    );
    bench.poll("a", NOW, vec![old, new]).await;
    assert_eq!(find(&bench, "harvest").await, ["Harvest begins", "Weather"]);
    assert_eq!(find(&bench, "harvest after:2025-06-02").await, ["Weather"]);
    assert_eq!(
        find(&bench, "harvest before:2025-06-02").await,
        ["Harvest begins"]
    );
}

#[tokio::test]
async fn a_snippet_shows_the_publishers_own_letters_with_the_match_marked() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let text = "Hôm nay, đường sắt Việt Nam mở lại.";
    bench
        .poll("a", NOW, vec![saying(entry("1", "Tin"), text)])
        .await;
    let query = SearchQuery {
        text: "duong \"viet nam\"".into(),
        limit: 1,
        ..SearchQuery::default()
    };
    let hits = bench.store.search(query).await.unwrap();
    let marked: Vec<_> = hits[0]
        .snippet
        .iter()
        .filter(|(_, is_match)| *is_match)
        .map(|(run, _)| run.as_str())
        .collect();
    assert_eq!(marked, ["đường", "Việt Nam"]);
    assert_eq!(
        hits[0]
            .snippet
            .iter()
            .map(|(run, _)| run.as_str())
            .collect::<String>(),
        text
    );
}

#[tokio::test]
async fn a_changed_entry_is_found_by_its_new_words_only() {
    let bench = with(&["Old words"]).await;
    assert_eq!(find(&bench, "old").await, ["Old words"]);
    bench
        .poll(
            "a",
            "2026-01-01T02:00:00Z",
            vec![entry("0", "Newer phrase")],
        )
        .await;
    assert!(find(&bench, "old").await.is_empty());
    assert_eq!(find(&bench, "phrase").await, ["Newer phrase"]);
}

#[tokio::test]
async fn what_is_left_out_needs_no_word_beside_it() {
    let bench = with(&["The red fox", "A blue bird", "A red bird"]).await;
    let all: &[&str] = &["A blue bird", "A red bird", "The red fox"];
    let cases: &[(&str, &[&str])] = &[
        ("-red", &["A blue bird"]),
        ("-fox -blue", &["A red bird"]),
        ("feed:a -bird", &["The red fox"]),
        ("-\"red bird\" -re*", &["A blue bird"]),
        ("-title:red", &["A blue bird"]),
        ("-elsewhere", all),
        ("-feed:a", &[]),
        ("-feed:b", all),
        ("-group:all bird", &[]),
        ("-lang:en bird", &[]),
        ("-lang:vi fox", &["The red fox"]),
        ("-after:2026-01-02 fox", &["The red fox"]),
        ("-before:2026-01-02 fox", &[]),
    ];
    for (text, expected) in cases {
        let mut found = find(&bench, text).await;
        found.sort();
        assert_eq!(found, *expected, "{text}");
    }
    // An edition asks of each story, not for the best.
    let stories: Vec<StoryId> = (1..=3).map(StoryId).collect();
    let matching = bench.store.matching_stories("-red", stories).await.unwrap();
    assert_eq!(Vec::from_iter(matching), [StoryId(2)]);
}

#[tokio::test]
async fn or_stands_between_two_terms() {
    let bench = with(&["The red fox", "A blue bird", "A red bird"]).await;
    let cases: &[(&str, &[&str])] = &[
        ("fox OR blue", &["A blue bird", "The red fox"]),
        ("red fox OR blue", &["The red fox"]),
        ("fox OR bird -red", &["A blue bird"]),
        ("\"red bird\" OR title:fox", &["A red bird", "The red fox"]),
        ("fox or blue", &[]),
        ("blue OR", &["A blue bird"]),
    ];
    for (text, expected) in cases {
        let mut found = find(&bench, text).await;
        found.sort();
        assert_eq!(found, *expected, "{text}");
    }
}

#[tokio::test]
async fn a_scope_is_what_its_groups_and_feeds_show() {
    let bench = Bench::new().await;
    let specs = vec![spec("a", &["open"]), spec("b", &["closed"]), spec("c", &[])];
    bench.store.sync_feeds(specs, at(NOW)).await.unwrap();
    for feed in ["a", "b", "c"] {
        let shown = entry("1", &format!("Harvest of {feed}"));
        let old = dated(entry("0", "Harvest of old"), "2020-01-01T00:00:00Z");
        let mut poll = commit(bench.state(feed).await, NOW, vec![shown, old]);
        poll.max_new = 1;
        bench
            .store
            .commit_poll(poll, Arc::new(Exact))
            .await
            .unwrap();
    }
    let within = async |groups: &[&str], feeds: &[&str]| {
        let query = SearchQuery {
            text: "harvest".to_owned(),
            scope: SearchScope::Shown {
                groups: strings(groups),
                feeds: strings(feeds),
            },
            limit: 10,
            ..SearchQuery::default()
        };
        let hits = bench.store.search(query).await.unwrap();
        let titles = hits.into_iter().map(|hit| hit.story.lead.entry.title);
        Vec::from_iter(std::collections::BTreeSet::from_iter(titles))
    };
    assert!(within(&[], &[]).await.is_empty());
    assert_eq!(within(&[], &["a"]).await, ["Harvest of a"]);
    assert_eq!(within(&["closed"], &[]).await, ["Harvest of b"]);
    assert_eq!(
        within(&["open"], &["c"]).await,
        ["Harvest of a", "Harvest of c"]
    );
    assert_eq!(within(&["*"], &[]).await.len(), 3);
    // The operator finds what readers never saw.
    assert_eq!(find(&bench, "harvest old").await.len(), 3);
}

/// More entries say the word than a search looks at.
#[tokio::test]
async fn a_common_word_hides_neither_a_rare_feed_nor_an_old_day() {
    let bench = Bench::new().await;
    bench
        .feeds(&["rare", "flood"], "2025-01-01T00:00:00Z")
        .await;
    let first = dated(entry("1", "Weather of old"), "2025-01-01T00:00:00Z");
    bench
        .poll("rare", "2025-01-01T00:00:00Z", vec![first])
        .await;
    let many = (0..6_100).map(|number| entry(&number.to_string(), "Weather"));
    bench.poll("flood", NOW, many.collect()).await;
    for text in [
        "feed:rare weather",
        "weather before:2025-06-01",
        "feed:rare",
        "-feed:flood",
        "before:2025-06-01 -rain",
    ] {
        assert_eq!(find(&bench, text).await, ["Weather of old"], "{text}");
    }
    assert_eq!(find(&bench, "weather after:2025-06-01").await.len(), 10);
}
