//! R3.7: archives are walked once, on the feed's own host, and what they hold is no news.

use std::collections::HashSet;

use feedmill::model::Standing;

use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

fn atom(entry: &str, link: &str) -> String {
    format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>urn:x:feed</id><title>t</title>\
         <updated>2026-03-02T08:00:00Z</updated>{link}<entry><id>urn:x:{entry}</id><title>{entry}</title>\
         <updated>2026-03-01T08:00:00Z</updated><link href=\"https://site.example/{entry}\"/></entry></feed>"
    )
}

fn before(url: &str) -> String {
    format!("<link rel=\"prev-archive\" href=\"{url}\"/>")
}

async fn world(origin: &Origin, more: &str) -> World {
    let url = origin.url("/feed");
    World::new(&format!(
        "[[feed]]\nname = \"one\"\nurl = \"{url}\"\n{more}\n"
    ))
    .await
}

fn asked(origin: &Origin) -> Vec<String> {
    let requests = origin.requests().into_iter();
    requests.map(|request| request.target).collect()
}

#[tokio::test]
async fn r3_7_archives_are_read_once_and_are_no_news() {
    let origin = Origin::start().await;
    origin.feed("/feed", atom("new", &before("/2")));
    origin.feed("/2", atom("old", &before("/1")));
    // A loop ends where it would close.
    origin.feed("/1", atom("oldest", &before("/2")));
    let world = world(&origin, "backfill = true").await;
    let mut done = HashSet::new();
    world.poller().backfill(&mut done).await.unwrap();
    assert_eq!((asked(&origin).len(), done.len()), (0, 0));
    world.poll().await;
    world.poller().backfill(&mut done).await.unwrap();
    assert_eq!(asked(&origin), ["/feed", "/2", "/1"]);
    assert_eq!(done.len(), 1);
    let entries = world.store.entries(None, 10).await.unwrap();
    let standing = |title: &str| {
        let entry = entries
            .iter()
            .find(|entry| entry.entry.key.ends_with(&format!(":{title}")));
        entry.map(|entry| entry.standing)
    };
    assert_eq!(standing("new"), Some(Standing::Shown));
    assert_eq!(standing("old"), Some(Standing::Backlog));
    assert_eq!(standing("oldest"), Some(Standing::Backlog));
    let world = world.restart(None).await;
    world.poller().backfill(&mut HashSet::new()).await.unwrap();
    assert_eq!(asked(&origin).len(), 3);
}

#[tokio::test]
async fn r3_7_no_archive_is_asked_unasked_elsewhere_or_beyond_twenty() {
    let origin = Origin::start().await;
    origin.feed("/feed", atom("new", &before("/1")));
    let world = world(&origin, "").await;
    world.poll().await;
    world.poller().backfill(&mut HashSet::new()).await.unwrap();
    assert_eq!(asked(&origin), ["/feed"]);

    let other = Origin::start_at("127.0.0.9").await;
    origin.feed("/feed", atom("new", &before(&other.url("/1"))));
    let world = self::world(&origin, "backfill = true").await;
    world.poll().await;
    world.poller().backfill(&mut HashSet::new()).await.unwrap();
    assert_eq!(asked(&other).len(), 0);

    let origin = Origin::start().await;
    origin.feed("/feed", atom("new", &before("/0")));
    for at in 0..30 {
        origin.feed(
            &format!("/{at}"),
            atom(&format!("e{at}"), &before(&format!("/{}", at + 1))),
        );
    }
    let world = self::world(&origin, "backfill = true").await;
    world.poll().await;
    world.poller().backfill(&mut HashSet::new()).await.unwrap();
    assert_eq!(asked(&origin).len(), 21);
}

#[tokio::test]
async fn r3_7_a_failing_archive_ends_the_walk() {
    let origin = Origin::start().await;
    origin.feed("/feed", atom("new", &before("/1")));
    origin.reply("/1", Reply::status(500));
    let world = world(&origin, "backfill = true").await;
    world.poll().await;
    let mut done = HashSet::new();
    world.poller().backfill(&mut done).await.unwrap();
    world.poller().backfill(&mut HashSet::new()).await.unwrap();
    assert_eq!(asked(&origin), ["/feed", "/1"]);
}
