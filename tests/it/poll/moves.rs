//! Feeds that move for good: what moves with them, and what stays where the operator put it.

use std::time::Duration;

use super::{one_feed, rss};
use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const HOURS_40: Duration = Duration::from_secs(40 * 3600);

/// An http origin that says for good that its feed is at the https one.
async fn moved() -> (Origin, Origin, tempfile::NamedTempFile) {
    let (old, new) = (
        Origin::start().await,
        Origin::start_tls(&["http/1.1"]).await,
    );
    old.replace("/feed", Reply::redirect(301, &new.url("/feed")));
    new.feed("/feed", rss(&["a"]));
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), new.authority()).unwrap();
    (old, new, trusted)
}

/// Its feed in the config, `more` added.
fn config(old: &Origin, trusted: &tempfile::NamedTempFile, more: &str) -> String {
    let path = trusted.path().display();
    let feed = one_feed(&old.url("/feed"));
    format!("{feed}ca_certificate = \"{path}\"\n{more}")
}

/// Credentials, as the operator gives them.
fn secrets(folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter2").unwrap();
    format!(
        "headers = {{ X-Key = \"k\" }}\nauth.username = \"an\"\nauth.password_file = \"{}\"\n",
        file.display()
    )
}

fn carries_proofs(origin: &Origin) -> Vec<bool> {
    let asked = origin.requests().into_iter();
    asked
        .map(|request| {
            request.header("authorization").is_some() || request.header("x-key").is_some()
        })
        .collect()
}

async fn poll_over_three_days(world: &World) {
    for _ in 0..4 {
        assert_eq!(world.poll().await.failed, 0);
        world.wait(HOURS_40);
    }
}

#[tokio::test]
async fn r2_11_a_feed_without_credentials_moves_after_proof() {
    let (old, new, trusted) = moved().await;
    let world = World::new(&config(&old, &trusted, "")).await;
    poll_over_three_days(&world).await;
    assert_eq!(world.feed("one").await.url, new.url("/feed"));
    assert_eq!(old.requests().len(), 3);
}

#[tokio::test]
async fn r2_11_credentials_go_nowhere_but_to_the_origin_in_the_config() {
    let (old, new, trusted) = moved().await;
    let folder = tempfile::tempdir().unwrap();
    let text = config(&old, &trusted, &secrets(&folder));
    let world = World::new(&text).await;
    poll_over_three_days(&world).await;
    let feed = world.feed("one").await;
    assert_eq!(feed.url, old.url("/feed"), "moved by hand or not at all");
    let notice = feed.memory.notice.unwrap();
    assert!(notice.contains(&new.url("/feed")), "{notice}");
    assert_eq!(carries_proofs(&old), [true; 4]);
    assert_eq!(carries_proofs(&new), [false; 4]);
}

#[tokio::test]
async fn r2_11_a_feed_that_moved_before_it_had_credentials_takes_none_along() {
    let (old, new, trusted) = moved().await;
    let world = World::new(&config(&old, &trusted, "")).await;
    poll_over_three_days(&world).await;
    assert_eq!(world.feed("one").await.url, new.url("/feed"));
    let folder = tempfile::tempdir().unwrap();
    let text = config(&old, &trusted, &secrets(&folder));
    let world = world.restart(Some(&text)).await;
    let before = new.requests().len();
    world.poll().await;
    assert_eq!(new.requests().len(), before + 1);
    assert!(!carries_proofs(&new).contains(&true));
}
