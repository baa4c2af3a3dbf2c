//! A poll is one commit: known, changed, recognised, dropped and joined entries.

use std::sync::Arc;

use super::bench::{Bench, Exact, at, commit, dated, dropped, entry, linked, saying, strings};
use feedmill::model::*;

#[tokio::test]
async fn a_second_poll_of_the_same_document_finds_nothing_new() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    let document = || vec![entry("1", "One"), entry("2", "Two")];
    let first = bench.poll("a", "2026-01-01T00:00:01Z", document()).await;
    assert_eq!((first.new, first.stories, first.touched), (2, 2, true));
    let second = bench.poll("a", "2026-01-01T01:00:01Z", document()).await;
    assert_eq!(
        second,
        PollReport {
            known: 2,
            ..PollReport::default()
        }
    );
    assert_eq!(bench.titles(&["*"]).await, ["Two", "One"]);
}

#[tokio::test]
async fn the_same_link_in_two_feeds_is_one_story_with_two_sightings() {
    let bench = Bench::new().await;
    bench.feeds(&["a", "b"], "2026-01-01T00:00:00Z").await;
    bench
        .poll(
            "a",
            "2026-01-01T00:00:01Z",
            vec![linked(entry("1", "One"), "x.example/1")],
        )
        .await;
    let report = bench
        .poll(
            "b",
            "2026-01-01T00:00:02Z",
            vec![linked(entry("9", "One again"), "x.example/1")],
        )
        .await;
    assert_eq!(
        (report.new, report.joined, report.stories, report.touched),
        (1, 1, 0, true)
    );
    let selection = Selection {
        groups: strings(&["all"]),
        limit: 10,
        ..Selection::default()
    };
    let stories = bench.store.select_stories(selection).await.unwrap();
    assert_eq!(stories.len(), 1);
    assert_eq!(stories[0].lead.entry.title, "One");
    assert_eq!(
        stories[0]
            .also_in()
            .iter()
            .map(|also| also.feed.key.as_str())
            .collect::<Vec<_>>(),
        ["b"]
    );
    assert_eq!(stories[0].seq, StorySeq(1));
}

#[tokio::test]
async fn an_entry_under_another_key_is_recognised_and_not_published_again() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    bench
        .poll(
            "a",
            "2026-01-01T00:00:01Z",
            vec![linked(entry("1", "One"), "x.example/1")],
        )
        .await;
    let moved = || vec![linked(entry("other", "One"), "x.example/1")];
    let report = bench.poll("a", "2026-01-01T01:00:01Z", moved()).await;
    assert_eq!((report.new, report.recognised), (0, 1));
    let again = bench.poll("a", "2026-01-01T02:00:01Z", moved()).await;
    assert_eq!((again.known, again.recognised), (1, 0));
    assert_eq!(bench.titles(&["*"]).await, ["One"]);
}

#[tokio::test]
async fn a_change_keeps_place_and_id_and_moves_changed_at_only_with_substance() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    let one = || dated(entry("1", "One"), "2025-12-31T00:00:00Z");
    bench.poll("a", "2026-01-01T00:00:01Z", vec![one()]).await;
    let spaced = saying(one(), &one().entry.text.replace(' ', "  "));
    let report = bench.poll("a", "2026-01-01T01:00:01Z", vec![spaced]).await;
    assert_eq!(report.changed, 1);
    let story = bench.store.story(StoryId(1)).await.unwrap().unwrap();
    assert_eq!(story.changed_at, at("2025-12-31T00:00:00Z"));
    bench
        .poll(
            "a",
            "2026-01-01T02:00:01Z",
            vec![saying(one(), "Other words.")],
        )
        .await;
    let after = bench.store.story(StoryId(1)).await.unwrap().unwrap();
    assert_eq!(after.changed_at, at("2026-01-01T02:00:01Z"));
    assert_eq!(
        (after.shown_at, &after.public_id, after.seq),
        (story.shown_at, &story.public_id, story.seq)
    );
    assert_eq!(
        (after.lead.entry.text.as_str(), after.lead.revision),
        ("Other words.", 3)
    );
}

#[tokio::test]
async fn a_dropped_entry_is_stored_with_the_rule_and_seen_by_no_reader() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    let report = bench
        .poll(
            "a",
            "2026-01-01T00:00:01Z",
            vec![dropped(entry("1", "Ad"), "no-ads")],
        )
        .await;
    assert_eq!(
        (report.dropped, report.stories, report.touched),
        (1, 0, false)
    );
    assert!(bench.titles(&["*"]).await.is_empty());
    let entries = bench.store.entries(None, 10).await.unwrap();
    assert_eq!(
        (entries[0].standing, entries[0].dropped_by.as_deref()),
        (Standing::Dropped, Some("no-ads"))
    );
}

#[tokio::test]
async fn what_a_rule_keeps_after_an_edit_comes_in_as_new_entries_do() {
    let bench = Bench::new().await;
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
    bench.feeds(&["a", "b"], early).await;
    bench
        .poll("a", early, vec![linked(entry("1", "One"), "x/1")])
        .await;
    let ads = [("2", "x/1"), ("3", "x/3"), ("4", "x/4")];
    let ads = ads.map(|(key, link)| dropped(linked(entry(key, "An ad"), link), "no-ads"));
    bench.poll("b", early, ads.into()).await;
    assert_eq!(bench.titles(&["all"]).await, ["One"]);
    let mended = [("2", "x/1"), ("3", "x/3"), ("4", "x/4")];
    let mended = mended.map(|(key, link)| linked(entry(key, &format!("Reworded {key}")), link));
    let mut poll = commit(bench.state("b").await, late, mended.into());
    poll.max_new = 2;
    let report = bench
        .store
        .commit_poll(poll, Arc::new(Exact))
        .await
        .unwrap();
    // A copy of a known story, a story of its own, and one too many for a poll.
    assert_eq!((report.changed, report.joined, report.stories), (3, 1, 1));
    assert_eq!(bench.titles(&["all"]).await, ["Reworded 3", "One"]);
    let story = bench.store.story(StoryId(1)).await.unwrap().unwrap();
    assert_eq!(story.also_in().len(), 1);
    let query = SearchQuery {
        text: "reworded".to_owned(),
        limit: 9,
        ..SearchQuery::default()
    };
    assert_eq!(bench.store.search(query).await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_entry_worded_anew_at_every_poll_keeps_few_revisions() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    for number in 0..30_u8 {
        let spaces = " ".repeat(usize::from(number) + 1);
        let words = if number == 29 {
            "Other words"
        } else {
            "The same words"
        };
        let one = saying(entry("1", "One"), &words.replace(' ', &spaces));
        bench.poll("a", "2026-01-01T01:00:00Z", vec![one]).await;
    }
    let needles = vec!["1".to_owned()];
    let history = bench.store.history(needles).await.unwrap().remove(0);
    assert_eq!(history.entry.revision, 30);
    let kept: Vec<u32> = history.revisions.iter().map(|one| one.0).collect();
    assert_eq!(kept, [1, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    // Only what changed in substance keeps its text.
    let path = super::bench::options(&bench.folder).path;
    let conn = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT count(*) FROM revision WHERE length(pack) > 0";
    let texts: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(texts, 1);
}
