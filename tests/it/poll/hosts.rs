//! What is learned of a host, end to end: shared by its feeds, kept across restarts.

use std::time::Duration;

use super::one_feed;
use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn r2_24_http2_that_broke_is_remembered_across_a_restart() {
    let origin = Origin::start_tls(&["h2", "http/1.1"]).await;
    origin.replace("/feed", Reply::ok(super::rss(&["a"])));
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), origin.authority()).unwrap();
    let path = trusted.path().display();
    let feed = one_feed(&origin.url("/feed"));
    let world = World::new(&format!("{feed}ca_certificate = \"{path}\"\n")).await;
    assert_eq!(world.poll().await.failed, 1);
    let world = world.restart(None).await;
    world.wait(DAY);
    assert_eq!(world.poll().await.changed, 1, "HTTP/1.1 the next time");
    // A week later HTTP/2 is tried again.
    let world = world.restart(None).await;
    world.wait(DAY * 7);
    assert_eq!(world.poll().await.failed, 1);
}
