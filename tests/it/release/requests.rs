//! What is made on request: once for many, a few at once, by no other method than reading.

use feedmill::publish::Coding;

use super::*;

/// The same document for whoever asks within a minute, until the next rendering; then a new one.
#[tokio::test]
async fn what_was_made_is_kept_until_it_may_be_old() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let first = releaser.document("/story/1").await.unwrap();
    mill.clock.advance(Duration::from_secs(59));
    let again = releaser.document("/story/1").await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "made twice within a minute");
    mill.clock.advance(Duration::from_secs(1));
    let later = releaser.document("/story/1").await.unwrap();
    assert!(
        !Arc::ptr_eq(&first, &later),
        "kept for longer than a minute"
    );
    releaser.refresh().await.unwrap();
    let rendered = releaser.document("/story/1").await.unwrap();
    assert!(!Arc::ptr_eq(&later, &rendered), "kept over a rendering");
    assert_eq!(rendered.identity, first.identity);

    mill.poll("a", &pairs(&[("1", "One, corrected")])).await;
    releaser.refresh().await.unwrap();
    let corrected = releaser.document("/story/1").await.unwrap();
    assert!(String::from_utf8_lossy(&corrected.identity).contains("corrected"));
}

/// No coding that nobody asked for, and each once.
#[tokio::test]
async fn codings_are_made_for_who_takes_them() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let plain = releaser.document("/story/1").await.unwrap();
    assert!(plain.identity.len() >= 1024, "too small to be coded");
    assert!(plain.gzip.is_none() && plain.brotli.is_none() && plain.zstd.is_none());
    let coded = releaser.coded(Arc::clone(&plain), Coding::Gzip).await;
    assert!(coded.gzip.is_some() && coded.brotli.is_none() && coded.zstd.is_none());
    assert_eq!(
        (&coded.etag, &coded.identity),
        (&plain.etag, &plain.identity)
    );
    let again = releaser.coded(plain, Coding::Gzip).await;
    assert!(Arc::ptr_eq(&coded, &again));
}

/// A crowd that asks for everything is answered, with bounds on what is made at once and on what is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_answered() {
    let mill = Mill::new(vec![output("all")]).await;
    let entries: Vec<(String, String)> = (0..600)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect();
    mill.poll("a", &entries).await;
    let releaser = Arc::new(mill.releaser());
    releaser.refresh().await.unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for id in 1..=600 {
        let releaser = Arc::clone(&releaser);
        asked.spawn(async move { releaser.document(&format!("/story/{id}")).await.is_some() });
    }
    let answered = asked.join_all().await;
    assert_eq!(answered.iter().filter(|answered| **answered).count(), 600);
}

/// Promise 9, R7: what fails its check stays as it was on the shelf; after a restart it is missing, but withheld.
#[tokio::test]
async fn a_document_that_fails_its_check_is_withheld_and_told_once() {
    let mut mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    mill.refresh().await;
    let good = mill.text("/all/");
    let templates = mill.folder.path().join("templates");
    std::fs::create_dir(&templates).unwrap();
    let page = "<!doctype html><script>1</script></html>";
    std::fs::write(templates.join("list.html"), page).unwrap();
    mill.config.templates = Some(templates.clone());
    let problems = feedmill::publish::check_templates(&templates);
    assert!(
        problems
            .iter()
            .any(|problem| problem.message.contains("list.html: holds a script")),
        "{problems:?}"
    );

    mill.poll("a", &pairs(&[("2", "Two")])).await;
    let releaser = mill.releaser();
    for _ in 0..3 {
        let report = releaser.refresh().await.unwrap();
        let withheld: Vec<&str> = report
            .withheld
            .iter()
            .map(|(path, _)| path.as_str())
            .collect();
        let withheld: std::collections::BTreeSet<&str> = withheld.into_iter().collect();
        assert_eq!(Vec::from_iter(withheld), ["/", "/all/"], "{report:?}");
    }
    assert_eq!(mill.text("/all/"), good);
    assert!(!releaser.is_withheld("/all/"), "the last good one is there");

    mill.shelf.replace(Default::default());
    let restarted = mill.releaser();
    restarted.refresh().await.unwrap();
    assert!(mill.shelf.get("/all/").is_none());
    assert!(restarted.is_withheld("/all/") && !restarted.is_gone("/all/"));
    assert!(!restarted.is_withheld("/all.atom") && !restarted.is_withheld("/other/"));
}
