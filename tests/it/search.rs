//! Search: the words of any language, however they are written; fields, phrases, exclusions, dates; marked snippets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::store::bench::{Bench, at, dated, entry, saying, spec};
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
