//! Upkeep: retention that forgets no key, histories, verified copies.

use super::bench::{Bench, at, dated, entry, linked, strings};
use feedmill::model::*;
use feedmill::store::{RenderedRecord, Store, StoreOptions};

#[tokio::test]
async fn what_retention_took_does_not_come_back_while_its_key_is_kept() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2024-01-01T00:00:00Z").await;
    let old = || dated(entry("1", "Old"), "2024-01-01T00:00:00Z");
    bench.poll("a", "2024-01-01T00:00:01Z", vec![old()]).await;
    bench
        .poll("a", "2026-01-01T00:00:00Z", vec![old(), entry("2", "New")])
        .await;
    let (older, forget) = (at("2025-01-01T00:00:00Z"), at("2023-01-01T00:00:00Z"));
    assert_eq!(bench.store.retain(older, forget).await.unwrap(), 1);
    assert_eq!(bench.titles(&["all"]).await, ["New"]);
    let report = bench
        .poll("a", "2026-01-01T02:00:00Z", vec![old(), entry("2", "New")])
        .await;
    assert_eq!((report.new, report.known), (0, 2));
    assert_eq!(bench.store.last_seq().await.unwrap(), StorySeq(2));
    assert_eq!(bench.store.facts().await.unwrap().entries, 1);
}

#[tokio::test]
async fn a_history_tells_former_keys_revisions_and_the_story() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    bench
        .poll(
            "a",
            "2026-01-01T00:00:00Z",
            vec![linked(entry("1", "One"), "x.example/1")],
        )
        .await;
    bench
        .poll(
            "a",
            "2026-01-01T01:00:00Z",
            vec![linked(entry("other", "One, changed"), "x.example/1")],
        )
        .await;
    for needle in ["x.example/1", "other", "1"] {
        let told = bench.store.history(strings(&[needle])).await.unwrap();
        assert_eq!(told.len(), 1, "{needle}");
        let told = &told[0];
        let at_one = at("2026-01-01T01:00:00Z");
        assert_eq!(
            told.former_keys,
            [("1".to_owned(), "canonical-link".to_owned(), at_one)]
        );
        assert_eq!(told.revisions, [(1, at_one, "One".to_owned(), true)]);
        assert_eq!(told.entry.entry.title, "One, changed");
        assert_eq!(
            told.story.as_ref().map(|story| story.seq),
            Some(StorySeq(1))
        );
    }
    assert!(
        bench
            .store
            .history(strings(&["unknown"]))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_backup_is_a_whole_store_of_its_own() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], "2026-01-01T00:00:00Z").await;
    bench
        .poll("a", "2026-01-01T00:00:00Z", vec![entry("1", "One")])
        .await;
    let path = bench.folder.path().join("copy.db");
    assert!(bench.store.backup(&path).await.unwrap() > 0);
    bench
        .poll("a", "2026-01-01T01:00:00Z", vec![entry("2", "Two")])
        .await;
    bench
        .store
        .backup(&bench.folder.path().join("missing/copy.db"))
        .await
        .unwrap_err();
    // The database itself, however it is named, and what lies beside it.
    for own in [
        "feedmill.db",
        "./feedmill.db",
        "../FOLDER/feedmill.db",
        "feedmill.db-wal",
        "feedmill.db.lock",
    ] {
        let name = bench.folder.path().file_name().unwrap().to_str().unwrap();
        let own = bench.folder.path().join(own.replace("FOLDER", name));
        let refused = bench.store.backup(&own).await.unwrap_err().to_string();
        assert!(refused.contains("choose another name"), "{refused}");
    }
    bench.store.ping().await.unwrap();
    let copy = Store::open(StoreOptions {
        path,
        exclusive: true,
        readers: 1,
    })
    .await
    .unwrap();
    assert_eq!(copy.facts().await.unwrap().entries, 1);
    assert_eq!(copy.secret_key(), bench.store.secret_key());
    copy.close().await.unwrap();
}

#[tokio::test]
async fn notes_and_records_of_published_bytes_are_kept_by_name() {
    let bench = Bench::new().await;
    for (name, value) in [("hub/a", 1), ("hub/b", 2), ("icon/a", 3)] {
        bench.store.set_note(name, Some(vec![value])).await.unwrap();
    }
    bench.store.set_note("hub/b", None).await.unwrap();
    assert_eq!(
        bench.store.notes("hub/").await.unwrap(),
        [("hub/a".to_owned(), vec![1])]
    );
    let record = |hash| RenderedRecord {
        path: "/all.atom".into(),
        hash: [hash; 32],
        changed_at: at("2026-01-01T00:00:00Z"),
    };
    bench.store.record_rendered(vec![record(1)]).await.unwrap();
    bench.store.record_rendered(vec![record(2)]).await.unwrap();
    assert_eq!(bench.store.rendered().await.unwrap(), [record(2)]);
}
