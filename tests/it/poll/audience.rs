//! Readers of a feed as its publisher is told them (R2.26): real ones, each once, and nobody unasked.

use feedmill::mail::Mailer;
use feedmill::model::{SubscriberStanding, Wishes};

use crate::support::origin::Origin;
use crate::support::world::World;

const DIGESTS: &str = "
[publish.all]
groups = [\"*\"]
[publish.tech]
groups = [\"tech\"]
[digest.daily]
publish = \"all\"
cron = \"30 6 * * *\"
from = \"news@example.org\"
to = [\"an@example.org\", \"binh@example.org\"]
[[digest.daily.subscriber]]
address = \"chi@example.org\"
groups = [\"art\"]
[digest.weekly]
publish = \"tech\"
cron = \"30 6 * * 1\"
from = \"news@example.org\"
to = [\"An@Example.org\", \"dung@example.org\"]
[mail]
maildir = \"mail\"
";

async fn agent(world: &World, origin: &Origin, path: &str) -> String {
    world.wait(std::time::Duration::from_secs(25 * 3600));
    world.poll().await;
    let asked = origin.requests_to(path);
    asked.last().unwrap().header("user-agent").unwrap()
}

#[tokio::test]
async fn r2_26_each_active_subscriber_of_a_digest_that_brings_the_feed_counts_once() {
    let (tech, art) = (Origin::start().await, Origin::start_at("127.0.0.2").await);
    for origin in [&tech, &art] {
        origin.feed(
            "/feed",
            "<rss version=\"2.0\"><channel><title>x</title></channel></rss>",
        );
    }
    let feed = |name: &str, origin: &Origin| {
        format!(
            "[[feed]]\nname = \"{name}\"\nurl = \"{}\"\ngroups = [\"{name}\"]\n",
            origin.url("/feed")
        )
    };
    let feeds = feed("tech", &tech) + &feed("art", &art);
    let silent = World::new(&(feeds.clone() + DIGESTS)).await;
    let sync = async |world: &World| {
        let roster = Mailer::roster(&world.config);
        let now = world.clock.now();
        world.store.sync_subscribers(roster, now).await.unwrap();
    };
    sync(&silent).await;
    let plain = concat!("feedmill/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        agent(&silent, &tech, "/feed").await,
        plain,
        "not unless the operator says so"
    );
    let told = format!("[fetch]\nname_subscribers = true\n{feeds}{DIGESTS}");
    let world = silent.restart(Some(&told)).await;
    let says = |count: u32, id: i64| format!("{plain} ({count} subscribers; feed-id={id})");
    let (tech_id, art_id) = (world.feed("tech").await.id.0, world.feed("art").await.id.0);
    // An has both digests, in two spellings; Chi wants art alone.
    assert_eq!(agent(&world, &tech, "/feed").await, says(3, tech_id));
    assert_eq!(agent(&world, &art, "/feed").await, says(3, art_id));
    let of = async |digest: &str, name: &str| {
        let all = world.store.subscribers(digest).await.unwrap().into_iter();
        let mut these = all.filter(|one| one.spec.address.starts_with(name));
        these.next().unwrap().id
    };
    let now = world.clock.now();
    let gone = of("daily", "binh").await;
    let standing = world
        .store
        .set_standing(gone, SubscriberStanding::Suppressed, None, now);
    standing.await.unwrap();
    let picky = Wishes {
        groups: Some(vec!["tech".to_owned()]),
        ..Wishes::default()
    };
    let chi = of("daily", "chi").await;
    let wishes = world.store.set_wishes(chi, picky, "UTC".to_owned());
    wishes.await.unwrap();
    assert_eq!(agent(&world, &tech, "/feed").await, says(3, tech_id));
    assert_eq!(agent(&world, &art, "/feed").await, says(1, art_id));
    // Groups that are all gone are no choice any more, as in the mail: everything is left.
    let stale = Wishes {
        groups: Some(vec!["closed".to_owned()]),
        ..Wishes::default()
    };
    let wishes = world.store.set_wishes(chi, stale, "UTC".to_owned());
    wishes.await.unwrap();
    assert_eq!(agent(&world, &tech, "/feed").await, says(3, tech_id));
    assert_eq!(agent(&world, &art, "/feed").await, says(2, art_id));
    for (digest, name) in [("daily", "an@"), ("daily", "chi")] {
        let id = of(digest, name).await;
        world.store.unsubscribe(id, "asked", now).await.unwrap();
    }
    assert_eq!(
        agent(&world, &art, "/feed").await,
        plain,
        "nobody is no number"
    );
}
