//! Opening: one daemon per file; what is newer, foreign or damaged is refused and left as it is.

use std::path::Path;

use super::bench::{Bench, at, entry, options};
use feedmill::store::{Store, StoreError, StoreOptions};
use rusqlite::Connection;

/// Opening a file of `bytes` fails as `expected` says, and the bytes stay.
async fn refused(bytes: &[u8], expected: impl Fn(&StoreError) -> bool) {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    std::fs::write(&options.path, bytes).unwrap();
    let error = Store::open(options.clone()).await.err().expect("refused");
    assert!(expected(&error), "{error}");
    assert_eq!(std::fs::read(&options.path).unwrap(), bytes);
}

/// The bytes of a closed store with one entry.
async fn sample() -> Vec<u8> {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    bench
        .poll("a", "2026-01-01T00:00:00Z", vec![entry("1", "One")])
        .await;
    bench.store.close().await.unwrap();
    std::fs::read(options(&bench.folder).path).unwrap()
}

#[tokio::test]
async fn a_file_of_a_newer_feedmill_is_refused_and_untouched() {
    let mut bytes = sample().await;
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    refused(&bytes, |error| {
        matches!(error, StoreError::Newer { found: 99, .. })
    })
    .await;
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_and_untouched() {
    refused(b"title,link\n", |error| {
        matches!(error, StoreError::Foreign { .. })
    })
    .await;
    refused(&[b'x'; 8192], |error| {
        matches!(error, StoreError::Foreign { .. })
    })
    .await;
    let mut bytes = sample().await;
    bytes[68..72].copy_from_slice(&7_u32.to_be_bytes());
    refused(&bytes, |error| matches!(error, StoreError::Foreign { .. })).await;
}

/// A file as a first start leaves it that is killed after `statements`.
fn killed_after(statements: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = options(&folder).path;
    let aside = folder.path().join("aside.db");
    let conn = Connection::open(&aside).unwrap();
    conn.execute_batch(statements).unwrap();
    // Copied while it is open: a kill writes nothing more.
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", aside.display());
        if Path::new(&from).exists() {
            std::fs::copy(&from, format!("{}{suffix}", path.display())).unwrap();
        }
    }
    folder
}

#[tokio::test]
async fn a_first_start_that_was_killed_goes_on_with_the_next() {
    let begun = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;";
    for statements in [
        begun.to_owned(),
        format!("PRAGMA application_id = 0x46444d4c; {begun}"),
        // Between the schema's commit and the checkpoint, by an older feedmill: the name is in the log alone.
        format!(
            "{begun} BEGIN; {} INSERT INTO about (id, secret) VALUES (1, randomblob(32));
             PRAGMA application_id = 0x46444d4c; PRAGMA user_version = 1; COMMIT;",
            include_str!("../../../src/store/migrations/0001_begin.sql")
        ),
    ] {
        let folder = killed_after(&statements);
        let store = Store::open(options(&folder)).await.unwrap();
        store.set_note("kept", Some(vec![1])).await.unwrap();
        store.close().await.unwrap();
        let head = std::fs::read(options(&folder).path).unwrap();
        assert_eq!(&head[68..72], b"FDML");
    }
}

#[tokio::test]
async fn a_small_file_of_another_program_is_refused_and_untouched() {
    let other =
        "PRAGMA journal_mode = WAL; CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);";
    for statements in [
        other.to_owned(),
        format!("PRAGMA user_version = 3; {other}"),
    ] {
        let folder = killed_after(&statements);
        let path = options(&folder).path;
        let log = format!("{}-wal", path.display());
        let before = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
        let error = Store::open(options(&folder)).await.err().expect("refused");
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        let after = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
        assert!(before == after, "its bytes stay");
    }
}

#[tokio::test]
async fn a_cut_file_is_damaged_and_untouched() {
    let bytes = sample().await;
    refused(&bytes[..bytes.len() / 2], |error| {
        matches!(error, StoreError::Corrupt { .. })
    })
    .await;
}

#[tokio::test]
async fn after_an_unclean_end_damage_inside_is_found_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let mut bytes = sample().await;
    let pages = bytes.len() / 4096;
    bytes[4096 * 2..4096 * (pages - 1)].fill(0xa5);
    std::fs::write(&options.path, &bytes).unwrap();
    std::fs::write(folder.path().join("feedmill.db.lock"), "12345\n").unwrap();
    let error = Store::open(options.clone()).await.err().expect("refused");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(std::fs::read(&options.path).unwrap(), bytes);
}

#[tokio::test]
async fn a_second_daemon_is_told_who_holds_the_file_and_a_verb_works_beside_it() {
    let bench = Bench::new().await;
    let second = Store::open(options(&bench.folder))
        .await
        .err()
        .expect("refused");
    let own = std::process::id().to_string();
    assert!(
        matches!(&second, StoreError::Locked { holder, .. } if *holder == own),
        "{second}"
    );
    let verb = Store::open(StoreOptions {
        exclusive: false,
        ..options(&bench.folder)
    })
    .await
    .unwrap();
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    assert_eq!(verb.feeds(false).await.unwrap().len(), 1);
    verb.set_note("from-the-verb", Some(vec![1])).await.unwrap();
    assert_eq!(
        bench.store.note("from-the-verb").await.unwrap(),
        Some(vec![1])
    );
    verb.close().await.unwrap();
    bench.store.close().await.unwrap();
    // Never empty: a block that is there can be written on a full disk too.
    assert_eq!(lock_of(bench.folder.path()), "\n");
}

fn lock_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("feedmill.db.lock")).unwrap()
}

#[tokio::test]
async fn the_secret_and_all_that_was_committed_are_there_after_a_restart() {
    let mut bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    bench
        .poll("a", "2026-01-01T00:00:00Z", vec![entry("1", "One")])
        .await;
    let secret = bench.store.secret_key();
    bench.reopen().await;
    assert_eq!(bench.store.secret_key(), secret);
    assert_eq!(bench.titles(&["all"]).await, ["One"]);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let bench = Bench::new().await;
    bench.store.close().await.unwrap();
    assert!(matches!(bench.store.ping().await, Err(StoreError::Closed)));
    assert!(matches!(
        bench.store.feeds(false).await,
        Err(StoreError::Closed)
    ));
    bench.store.close().await.unwrap();
}

#[tokio::test]
async fn a_panicking_deed_costs_its_group_nothing() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    let id = bench.state("a").await.id;
    let bad = bench
        .store
        .update_feed(id, Box::new(|_| panic!("on purpose")));
    let good = bench.store.set_note("kept", Some(vec![1]));
    let (bad, good) = tokio::join!(bad, good);
    assert!(bad.is_err());
    good.unwrap();
    assert_eq!(bench.store.note("kept").await.unwrap(), Some(vec![1]));
    assert_eq!(
        bench.state("a").await.next_poll_at,
        at("2026-01-01T00:00:00Z")
    );
}
