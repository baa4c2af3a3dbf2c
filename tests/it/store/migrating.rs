//! From an older schema: a copy beside the file, then each step wholly or not at all.

use std::io::Write;
use std::path::Path;

use super::bench::options;
use feedmill::model::{AddressChange, EditionId, MoveReason, SubscriberId, SubscriberOrigin};
use feedmill::store::{Store, StoreOptions};
use rusqlite::Connection;

/// A file as the first feedmill left it: one feed with one entry, and `more`.
fn first_schema(path: &Path, more: &str) {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
        .unwrap();
    conn.execute_batch(include_str!("../../../src/store/migrations/0001_begin.sql"))
        .unwrap();
    conn.execute_batch(
        "PRAGMA application_id = 0x46444d4c; PRAGMA user_version = 1;
         INSERT INTO about (id, secret) VALUES (1, randomblob(32));
         INSERT INTO feed (id, key, configured_url, url, groups, priority, standing, next_poll_at, reason, memory)
             VALUES (1, 'a', 'https://a.example/feed', 'https://a.example/feed', '[]', 0, 0, 0, 0, '{}');
         INSERT INTO story (id, seq, state, lead, shown_at, changed_at, public_id) VALUES (1, 1, 1, 1, 0, 0, 'tag:a,2026:1');
         INSERT INTO entry (id, feed, story, standing, first_seen_at, shown_at, changed_at, revision, key, title, sketch)
             VALUES (1, 1, 1, 0, 0, 0, 0, 1, '1', 'One', x'');",
    )
    .unwrap();
    conn.execute_batch(more).unwrap();
}

fn version(path: &Path) -> i64 {
    Connection::open(path)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn an_older_file_is_copied_beside_and_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    first_schema(&options.path, "");
    let store = Store::open(options.clone()).await.unwrap();
    let facts = store.facts().await.unwrap();
    assert_eq!((facts.entries, facts.stories), (1, 1));
    assert_eq!(store.feeds(false).await.unwrap()[0].key, "a");
    store.close().await.unwrap();
    assert!(version(&options.path) > 1);
    let copy = folder.path().join("feedmill.db.schema-1.backup");
    assert_eq!(version(&copy), 1);
}

/// A feed that had moved by then has an address to tell of, if not why.
#[tokio::test]
async fn r2_11_an_address_left_before_it_was_recorded_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let moved = "UPDATE feed SET url = 'https://b.example/feed', attempt_at = 5000";
    first_schema(&options.path, moved);
    let store = Store::open(options.clone()).await.unwrap();
    let id = store.feed("a").await.unwrap().unwrap().id;
    let change = AddressChange {
        left_at: jiff::Timestamp::from_second(5).unwrap(),
        url: String::from("https://a.example/feed"),
        next_url: String::from("https://b.example/feed"),
        why: MoveReason::Earlier,
    };
    assert_eq!(store.address_changes(id).await.unwrap(), [change]);
    store.close().await.unwrap();
}

/// Who was suppressed before that was a fact of its own stays so, in the config or not.
#[tokio::test]
async fn suppressions_of_an_older_file_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    first_schema(
        &options.path,
        "INSERT INTO subscriber (id, digest, address, zone, standing, kept_standing, since_at, cursor) VALUES
            (1, 'd', 'a@example.org', 'UTC', 0, NULL, 0, 0), (2, 'd', 'b@example.org', 'UTC', 3, NULL, 0, 0),
            (3, 'd', 'c@example.org', 'UTC', 5, 3, 0, 0), (4, 'd', 'd@example.org', 'UTC', 5, 0, 0, 0)",
    );
    let store = Store::open(options).await.unwrap();
    let mut found = Vec::new();
    for id in 1..=4 {
        let one = store.subscriber(SubscriberId(id)).await.unwrap().unwrap();
        assert_eq!(one.origin, SubscriberOrigin::Config);
        found.push(one.suppressed);
    }
    assert_eq!(found, [false, true, true, false]);
}

/// What an older feedmill has queued is sent as it was written.
#[tokio::test]
async fn a_mail_that_waits_in_an_older_file_keeps_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let mail = b"Subject: one\r\n\r\nText\r\n";
    let packed = Store::pack_message(mail).unwrap().0;
    let hex: String = packed.iter().map(|byte| format!("{byte:02x}")).collect();
    let queued = format!(
        "INSERT INTO subscriber (id, digest, address, zone, standing, since_at, cursor)
             VALUES (1, 'd', 'a@example.org', 'UTC', 0, 0, 0);
         INSERT INTO edition (id, digest, lane, slot_at, frozen_at, after, until, standing, subject, stories)
             VALUES (1, 'd', 'UTC', 0, 0, 0, 0, 0, 'one', 1);
         INSERT INTO message (id, edition, subscriber, message_id, envelope_from, envelope_to, stories, after, standing,
             queued_at, due_at, bytes) VALUES (7, 1, 1, '7@example.org', 'n@example.org', 'a@example.org', 1, 0, 0, 0, 0, x'{hex}');
         INSERT INTO attempt VALUES (7, 1, 0, 'transient', '451 first'), (7, 2, 5, 'transient', '451 second')"
    );
    first_schema(&options.path, &queued);
    let store = Store::open(options).await.unwrap();
    let kept = store.edition_messages(EditionId(1)).await.unwrap();
    assert_eq!(kept[0].reply.as_deref(), Some("451 second"));
    let [now, until] = [60, 600].map(|second| jiff::Timestamp::from_second(second).unwrap());
    let taken = store.claim_messages(now, until, 5, Vec::new()).await;
    let taken = taken.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].id.0, taken[0].bytes.as_slice()), (7, &mail[..]));
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_old_schema_whole() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    // The step's last table is there already: it fails after its first statements.
    first_schema(&options.path, "CREATE TABLE band (id INTEGER)");
    let error = Store::open(options.clone()).await.err().expect("refused");
    assert_eq!(error.to_string(), "database: migrating");
    assert_eq!(version(&options.path), 1);
    let conn = Connection::open(&options.path).unwrap();
    assert!(conn.prepare("SELECT entries FROM about").is_err());
    conn.execute_batch("DROP TABLE band").unwrap();
    drop(conn);
    let store = Store::open(options).await.unwrap();
    assert_eq!(store.facts().await.unwrap().entries, 1);
}

/// As [`options`], for a verb.
fn beside(folder: &tempfile::TempDir) -> StoreOptions {
    StoreOptions {
        exclusive: false,
        ..options(folder)
    }
}

#[tokio::test]
async fn a_verb_changes_no_schema_under_a_running_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let path = options(&folder).path;
    first_schema(&path, "");
    // The older daemon: it holds the lock and has named itself.
    let mut lock = std::fs::File::create(folder.path().join("feedmill.db.lock")).unwrap();
    lock.write_all(b"12345\n").unwrap();
    lock.lock().unwrap();
    let refused = Store::open(beside(&folder)).await.err().expect("refused");
    let told = format!("{:#}", anyhow::Error::from(refused));
    assert!(
        told.contains("restart the daemon (process 12345) first"),
        "{told}"
    );
    assert_eq!(version(&path), 1);
    assert!(!folder.path().join("feedmill.db.schema-1.backup").exists());

    lock.unlock().unwrap();
    let store = Store::open(beside(&folder)).await.unwrap();
    assert_eq!(store.facts().await.unwrap().entries, 1);
    store.close().await.unwrap();
    assert!(version(&path) > 1);
}

#[tokio::test]
async fn a_verb_makes_no_database_under_a_daemon_that_is_about_to() {
    let folder = tempfile::tempdir().unwrap();
    let lock = std::fs::File::create(folder.path().join("feedmill.db.lock")).unwrap();
    lock.lock().unwrap();
    let refused = Store::open(beside(&folder)).await.err().expect("refused");
    let told = format!("{:#}", anyhow::Error::from(refused));
    assert!(
        told.contains("process unknown is about to make it"),
        "{told}"
    );
}
