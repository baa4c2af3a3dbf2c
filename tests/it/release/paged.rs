//! Pages of days and of single feeds as files: all of them, each when it changes, and no more.

use super::*;

/// A mill that writes files and shows `limit` stories.
async fn filed(limit: usize) -> Mill {
    let all = PublishConfig {
        files: Some(Files::Folder(PathBuf::from("public"))),
        limit,
        ..output("all")
    };
    Mill::new(vec![all]).await
}

fn read(mill: &Mill, file: &str) -> String {
    std::fs::read_to_string(mill.file(file)).unwrap_or_else(|_| panic!("no {file}"))
}

fn day(n: u8) -> String {
    format!("all/archive/2026-11-{n}/index.html")
}

/// Renders until everything was looked at, as the flow does.
async fn settle(releaser: &Releaser) -> Vec<PathBuf> {
    let mut written = Vec::new();
    for _ in 0..8 {
        written.extend(releaser.refresh().await.unwrap().written);
    }
    written
}

const A_DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn days_and_feeds_are_files_that_lead_to_each_other() {
    let mill = filed(1).await;
    let releaser = mill.releaser();
    for (key, feed) in [("1", "a"), ("2", "b"), ("3", "a")] {
        mill.poll(feed, &pairs(&[(key, &format!("Story {key}"))]))
            .await;
        releaser.refresh().await.unwrap();
        mill.clock.advance(A_DAY);
    }
    for (n, newer, older) in [
        (23, Some(24), None),
        (24, Some(25), Some(23)),
        (25, None, Some(24)),
    ] {
        let page = read(&mill, &day(n));
        let link = |rel: &str, to: u8| format!("rel=\"{rel}\" href=\"/all/archive/2026-11-{to}/\"");
        let has = |rel: &str, to: Option<u8>| to.is_none_or(|to| page.contains(&link(rel, to)));
        assert!(has("next", newer) && has("prev", older), "{n}: {page}");
        assert_eq!(page.contains("rel=\"next\""), newer.is_some(), "{n}");
        assert_eq!(page.contains("rel=\"prev\""), older.is_some(), "{n}");
        assert!(!page.contains("<form"), "no search among files");
        assert!(mill.file(&format!("{}.gz", day(n))).is_file());
    }
    assert!(read(&mill, "all/index.html").contains("href=\"/all/archive/2026-11-25/\""));
    let feed = read(&mill, "all/feed/a/index.html");
    assert!(feed.contains("Story 1") && feed.contains("Story 3") && !feed.contains("Story 2"));
    assert!(read(&mill, "story/3/index.html").contains("href=\"/all/feed/a/\""));
    assert!(
        mill.refresh().await.written.is_empty(),
        "a restart writes nothing"
    );
    assert!(mill.releaser().compare().await.unwrap().written.is_empty());

    let further = pairs(&[("4", "Story 4")]);
    mill.poll("b", &further).await;
    let written = releaser.refresh().await.unwrap().written;
    assert!(written.contains(&mill.file(&day(26))) && written.contains(&mill.file(&day(25))));
    for untouched in [day(23), day(24), String::from("all/feed/a/index.html")] {
        assert!(!written.contains(&mill.file(&untouched)), "{untouched}");
    }
    let manifest = read(&mill, "manifest.json");
    assert!(manifest.contains(&day(23)) && manifest.contains("\"all/feed/b/index.html\""));
}

/// Also where no poll touches what the newest page shows.
#[tokio::test]
async fn an_edit_and_a_withdrawal_far_back_come_into_their_pages() {
    let mill = filed(1).await;
    let releaser = mill.releaser();
    for key in ["1", "2", "3", "4"] {
        mill.poll("a", &pairs(&[(key, &format!("Story {key}"))]))
            .await;
        settle(&releaser).await;
        mill.clock.advance(A_DAY);
    }
    mill.clock.set(at("2026-11-23T12:00:00.750Z"));
    mill.poll("a", &pairs(&[("1", "Story 1, corrected")])).await;
    mill.clock.set(at("2026-11-27T12:00:00Z"));
    settle(&releaser).await;
    assert!(read(&mill, &day(23)).contains("corrected"));
    assert!(read(&mill, "all/feed/a/index.html").contains("corrected"));

    let state = mill.store.feed("a").await.unwrap().unwrap();
    let commit = PollCommit {
        state,
        meta: None,
        entries: vec![incoming(
            "a",
            "4",
            "Story 4",
            at("2026-11-26T12:00:00.750Z"),
        )],
        completed: Vec::new(),
        withdrawn: vec![String::from("2")],
        host: None,
        seen_at: mill.clock.now(),
        max_new: 1,
    };
    mill.commit(commit).await;
    settle(&releaser).await;
    assert!(!mill.file(&day(24)).exists() && !mill.file(&format!("{}.gz", day(24))).exists());
    assert!(!read(&mill, "manifest.json").contains(&day(24)));
    let (before, after) = (read(&mill, &day(23)), read(&mill, &day(25)));
    assert!(
        before.contains("href=\"/all/archive/2026-11-25/\""),
        "{before}"
    );
    assert!(
        after.contains("href=\"/all/archive/2026-11-23/\""),
        "{after}"
    );
    assert!(!read(&mill, "all/feed/a/index.html").contains("Story 2"));
    assert!(mill.releaser().compare().await.unwrap().written.is_empty());
}

/// A history that was there before the files: some pages with each rendering; stories without a page here lead to
/// where they came from.
#[tokio::test]
async fn a_long_history_is_written_bit_by_bit() {
    let mill = filed(2).await;
    for n in 0..90 {
        let entries: Vec<(String, String)> = (0..2)
            .map(|m| (format!("{n}-{m}"), format!("Story {n} {m}")))
            .collect();
        mill.clock.set(at("2026-08-01T12:00:00Z") + A_DAY * n);
        mill.poll("a", &entries).await;
    }
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    assert!(mill.file("all/archive/2026-10-29/index.html").is_file());
    assert!(
        !mill.file("all/archive/2026-08-01/index.html").exists(),
        "all at once"
    );
    settle(&releaser).await;
    let first = read(&mill, "all/archive/2026-08-01/index.html");
    assert!(
        first.contains("<p class=\"when\"><a href=\"https://a.example/0-1\""),
        "{first}"
    );
    let last = read(&mill, "all/archive/2026-10-29/index.html");
    assert!(
        last.contains("<p class=\"when\"><a href=\"/story/180/\""),
        "{last}"
    );
    let feed = read(&mill, "all/feed/a/index.html");
    assert!(
        feed.contains("rel=\"prev\" href=\"/all/archive/2026-09-09/\""),
        "{feed}"
    );
    assert!(mill.releaser().compare().await.unwrap().written.is_empty());
    let by_hand = mill.folder.path().join("public");
    std::fs::remove_dir_all(&by_hand).unwrap();
    mill.releaser().mend().await.unwrap();
    assert!(
        mill.file("all/archive/2026-08-01/index.html").is_file(),
        "by hand all at once"
    );
}

/// No page of a day or a feed stays behind its merged feed.
#[tokio::test]
async fn pages_leave_with_their_merged_feed() {
    let mut mill = filed(5).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    mill.refresh().await;
    let (of_day, of_feed) = (mill.file(&day(23)), mill.file("all/feed/a/index.html"));
    assert!(of_day.is_file() && of_feed.is_file());
    mill.config.publish.get_mut("all").unwrap().formats = vec![PublishFormat::Atom];
    mill.refresh().await;
    assert!(!of_day.exists() && !of_feed.exists());
}
