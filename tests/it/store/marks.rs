//! Marks in their two tables: found in either, whoever moved them, and gone from both with their entry.

use rusqlite::Connection;

use super::bench::{Bench, at, entry, linked};
use feedmill::model::{JoinReason, StoryId};

const NOW: &str = "2026-01-01T00:00:00Z";

/// More marks than the short table keeps, of entries that are not there.
const MANY: &str =
    "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 140000)
    INSERT INTO new_mark (hash, entry, feed) SELECT random(), 1000000 + n, 99 FROM number";

fn file(bench: &Bench) -> Connection {
    Connection::open(bench.folder.path().join("feedmill.db")).unwrap()
}

fn count(conn: &Connection, table: &str) -> i64 {
    conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
        row.get(0)
    })
    .unwrap()
}

/// Feeds `a`, with an entry, and others that are to link to it.
async fn planet(others: &[&str]) -> Bench {
    let bench = Bench::new().await;
    let keys: Vec<&str> = ["a"].iter().chain(others).copied().collect();
    bench.feeds(&keys, NOW).await;
    bench
        .poll("a", NOW, vec![linked(entry("1", "One"), "x/1")])
        .await;
    bench
}

/// The entry of feed `key` joins the story of `a` by its link.
async fn joins(bench: &Bench, key: &str) {
    let copy = linked(entry(key, key), "x/1");
    assert_eq!(bench.poll(key, NOW, vec![copy]).await.joined, 1, "{key}");
    let story = bench.store.story(StoryId(1)).await.unwrap().unwrap();
    let last = story.sightings.last().unwrap();
    assert_eq!(last.reason, JoinReason::CanonicalLink);
}

#[tokio::test]
async fn a_long_list_of_new_marks_is_moved_and_what_was_moved_is_found() {
    let mut bench = planet(&["b", "c", "d"]).await;
    file(&bench).execute_batch(MANY).unwrap();
    let before = count(&file(&bench), "any_mark");
    bench.reopen().await;
    // Each commit that finds the list too long moves a sixteenth of the hashes' range; b's own marks come in between.
    joins(&bench, "b").await;
    // It is moved after the answer, and before the next commit.
    bench.poll("c", NOW, vec![entry("n1", "Number 1")]).await;
    let moved = count(&file(&bench), "mark");
    assert!((7_000..20_000).contains(&moved), "{moved}");
    for key in 2..40 {
        let more = entry(&format!("n{key}"), &format!("Number {key}"));
        bench.poll("c", NOW, vec![more]).await;
    }
    let conn = file(&bench);
    assert!(count(&conn, "new_mark") <= 131_072);
    let known: i64 = conn
        .query_row("SELECT moved_marks FROM about", [], |row| row.get(0))
        .unwrap();
    assert_eq!(known, count(&conn, "mark"));
    assert!(count(&conn, "any_mark") > before);
    conn.execute_batch("DELETE FROM new_mark WHERE feed = 99")
        .unwrap();
    joins(&bench, "d").await;
}

#[tokio::test]
async fn what_another_process_moved_is_found() {
    let bench = planet(&["b", "c"]).await;
    // The writer has looked into the long table once, when nothing was there.
    joins(&bench, "b").await;
    file(&bench)
        .execute_batch(
            "BEGIN; INSERT INTO mark SELECT * FROM new_mark; DELETE FROM new_mark;
             UPDATE about SET moved_marks = moved_marks + (SELECT count(*) FROM mark); COMMIT",
        )
        .unwrap();
    joins(&bench, "c").await;
}

#[tokio::test]
async fn an_entry_that_is_forgotten_leaves_no_mark_in_either_table() {
    let bench = planet(&[]).await;
    let conn = file(&bench);
    conn.execute_batch(
        "INSERT INTO mark SELECT * FROM new_mark ORDER BY hash LIMIT 1;
         DELETE FROM new_mark WHERE hash IN (SELECT hash FROM mark)",
    )
    .unwrap();
    assert!(count(&conn, "mark") == 1 && count(&conn, "new_mark") > 0);
    let (older, forget) = (at("2027-01-01T00:00:00Z"), at("2020-01-01T00:00:00Z"));
    assert_eq!(bench.store.retain(older, forget).await.unwrap(), 1);
    assert_eq!(count(&conn, "any_mark"), 0);
}
