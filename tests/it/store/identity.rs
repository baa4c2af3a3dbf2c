//! Identity across feeds: one entry of a feed in a story, rulings that hold for entries that come later, texts found
//! again after a restart, and counters that agree with what they count.

use std::sync::Arc;

use super::bench::{Bench, Exact, at, commit, dated, dropped, entry, linked, saying};
use feedmill::clock::Clock;
use feedmill::config::RetentionConfig;
use feedmill::daemon::keep_house;
use feedmill::model::*;
use feedmill::story::Matcher;
use std::time::Duration;

const NOW: &str = "2026-01-01T00:00:00Z";

#[tokio::test]
async fn a_story_takes_one_entry_of_a_feed() {
    let bench = Bench::new().await;
    bench.feeds(&["a", "b"], NOW).await;
    bench
        .poll("a", NOW, vec![linked(entry("1", "One"), "x/1")])
        .await;
    let both = ["2", "3"].map(|key| linked(entry(key, key), "x/1"));
    let report = bench.poll("b", NOW, both.into()).await;
    assert_eq!((report.new, report.joined, report.stories), (2, 1, 1));
    let first = bench.store.story(StoryId(1)).await.unwrap().unwrap();
    let members: Vec<&str> = first
        .sightings
        .iter()
        .map(|sighting| sighting.feed.key.as_str())
        .collect();
    assert_eq!(members, ["a", "b"]);
}

#[tokio::test]
async fn what_the_operator_split_does_not_come_back_under_a_new_key() {
    let bench = Bench::new().await;
    bench.feeds(&["a", "b", "c"], NOW).await;
    bench
        .poll("a", NOW, vec![linked(entry("1", "One"), "x/1")])
        .await;
    let two = || linked(entry("2", "Two"), "x/1");
    assert_eq!(bench.poll("b", NOW, vec![two()]).await.joined, 1);
    bench
        .store
        .split_story(EntryId(2), Arc::new(Exact), at(NOW))
        .await
        .unwrap();
    let three = linked(entry("3", "Three"), "x/1");
    let report = bench
        .poll("b", "2026-01-01T01:00:00Z", vec![two(), three])
        .await;
    assert_eq!((report.new, report.joined, report.stories), (1, 0, 1));
    // Of another feed the operator said nothing.
    let four = linked(entry("4", "Four"), "x/1");
    assert_eq!(bench.poll("c", NOW, vec![four]).await.joined, 1);
}

#[tokio::test]
async fn a_copied_text_is_found_after_a_restart_and_after_a_deed_that_was_taken_back() {
    let mut bench = Bench::new().await;
    bench.feeds(&["a", "b", "c"], NOW).await;
    assert_eq!(copy(&bench, "a").await.joined, 0);
    bench.reopen().await;
    assert_eq!(copy(&bench, "b").await.joined, 1);
    let id = bench.state("a").await.id;
    bench
        .store
        .update_feed(id, Box::new(|_| panic!("on purpose")))
        .await
        .unwrap_err();
    assert_eq!(copy(&bench, "c").await.joined, 1);
    let story = bench.store.story(StoryId(1)).await.unwrap().unwrap();
    let reasons: Vec<&JoinReason> = story
        .sightings
        .iter()
        .map(|sighting| &sighting.reason)
        .collect();
    assert!(
        matches!(
            reasons[..],
            [JoinReason::First, JoinReason::Text(_), JoinReason::Text(_)]
        ),
        "{reasons:?}"
    );
}

/// Polls `feed` with an entry that shares nothing but its text with those of the other feeds.
async fn copy(bench: &Bench, feed: &str) -> PollReport {
    let words = "the old ferry across the wide river stops this winter because nobody repairs engines from so many \
        years ago any more and the council would rather build a footbridge that children can use to reach the new \
        library on the northern bank where the market used to be before the flood took its roof away";
    let mut incoming = saying(entry(feed, &format!("{feed} reports")), words);
    incoming.keys = Matcher::default().keys(&incoming.entry, None);
    assert!(!incoming.keys.bands.is_empty());
    let poll = commit(bench.state(feed).await, NOW, vec![incoming]);
    let judge = Arc::new(Matcher::default());
    bench.store.commit_poll(poll, judge).await.unwrap()
}

/// Entries and visible stories as the file holds them.
fn counted(bench: &Bench) -> (i64, i64) {
    let path = super::bench::options(&bench.folder).path;
    let conn = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM story WHERE state = 1)";
    conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
}

#[track_caller]
fn agree(facts: &feedmill::store::StoreFacts, counted: (i64, i64), expected: (u64, u64)) {
    assert_eq!((facts.entries, facts.stories), expected);
    let signed = |count| i64::try_from(count).unwrap();
    assert_eq!(counted, (signed(expected.0), signed(expected.1)));
}

/// Rows of the log of bands as the first schema had them: one word of gist, and nothing said of it.
fn as_of_old(bench: &Bench) {
    let conn = rusqlite::Connection::open(super::bench::options(&bench.folder).path).unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (id, mut pack): (i64, Vec<u8>) = conn
        .query_row("SELECT id, pack FROM band", [], read)
        .unwrap();
    // Entry, count, low word, high word, bands.
    assert_eq!((pack.len(), pack[4]), (4 + 1 + 16 + 16 + 8 * 4, 0x80 | 8));
    pack[4] = 8;
    pack.drain(21..37);
    conn.execute("UPDATE band SET pack = ?2 WHERE id = ?1", (id, pack))
        .unwrap();
}

#[tokio::test]
async fn a_copied_text_is_found_in_a_log_of_bands_of_the_first_schema() {
    let mut bench = Bench::new().await;
    bench.feeds(&["a", "b"], NOW).await;
    assert_eq!(copy(&bench, "a").await.joined, 0);
    as_of_old(&bench);
    bench.reopen().await;
    assert_eq!(copy(&bench, "b").await.joined, 1);
}

#[tokio::test]
async fn counters_agree_with_what_is_stored_through_joins_splits_and_housekeeping() {
    let bench = Bench::new().await;
    bench.feeds(&["a", "b"], "2024-01-01T00:00:00Z").await;
    let old = dated(linked(entry("1", "Old"), "x/1"), "2024-01-01T00:00:00Z");
    let other = dated(linked(entry("2", "Other"), "x/2"), "2024-01-01T00:00:00Z");
    let third = dated(linked(entry("3", "Third"), "x/3"), "2024-01-01T00:00:00Z");
    let rest = vec![old, other, third, dropped(entry("4", "Ad"), "no-ads")];
    let mut poll = commit(bench.state("a").await, "2024-01-01T00:00:01Z", rest);
    poll.max_new = 1;
    bench
        .store
        .commit_poll(poll, Arc::new(Exact))
        .await
        .unwrap();
    agree(&bench.store.facts().await.unwrap(), counted(&bench), (4, 1));
    // Joining makes the backlog story visible; splitting leaves it as it was and makes one more.
    bench
        .poll("b", NOW, vec![linked(entry("5", "New"), "x/2")])
        .await;
    agree(&bench.store.facts().await.unwrap(), counted(&bench), (5, 2));
    bench
        .store
        .split_story(EntryId(5), Arc::new(Exact), at(NOW))
        .await
        .unwrap();
    agree(&bench.store.facts().await.unwrap(), counted(&bench), (5, 2));
    bench
        .store
        .join_stories((StoryId(1), StoryId(4)), Arc::new(Exact), at(NOW))
        .await
        .unwrap();
    agree(&bench.store.facts().await.unwrap(), counted(&bench), (5, 1));
    let day = Duration::from_secs(86_400);
    let retention = RetentionConfig {
        max_age: day * 400,
        keep_seen: day * 1_000,
    };
    // The joined story has a fresh member and stays, what was lately shown stays; the third and the advertisement go.
    let deleted = keep_house(&bench.store, retention, &Clock::manual(at(NOW)))
        .await
        .unwrap();
    assert_eq!(deleted, 1);
    agree(&bench.store.facts().await.unwrap(), counted(&bench), (3, 1));
}
