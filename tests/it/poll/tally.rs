//! What polling comes to (R4.7), as `feeds` tells it: of each feed, and of all of them together.

use std::time::Duration;

use feedmill::cli::{Output, feeds};
use feedmill::fetch::HostGaps;

use super::Paper;
use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

fn rss(entries: &[(&str, &str)]) -> String {
    let item = |(name, date): &(&str, &str)| {
        format!(
            "<item><title>{name}</title><guid isPermaLink=\"false\">{name}</guid><pubDate>{date}</pubDate></item>"
        )
    };
    let items: String = entries.iter().map(item).collect();
    format!("<rss version=\"2.0\"><channel><title>A feed</title>{items}</channel></rss>")
}

async fn shown(world: &World, total: bool, json: bool) -> String {
    let paper = Paper::default();
    let mut out = Output::new(Box::new(paper.clone()));
    let args = feeds::Args {
        total,
        json,
        ..feeds::Args::default()
    };
    let gaps = HostGaps::new(&world.config.fetch, &world.config.feeds);
    feeds::run(&world.store, &gaps, world.clock.now(), args, &mut out)
        .await
        .unwrap();
    paper.text()
}

#[tokio::test]
async fn r4_7_requests_hits_bytes_and_delay_are_told_of_each_feed_and_of_all() {
    let (good, bad) = (Origin::start().await, Origin::start_at("127.0.0.2").await);
    let old = ("a", "Mon, 02 Mar 2026 08:00:00 GMT");
    good.feed("/feed", rss(&[old]));
    // Knows no validators, and always sends the same.
    bad.replace("/feed", Reply::ok(rss(&[old])));
    let feed = |name: &str, url: String| format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\n");
    let config = feed("good", good.url("/feed")) + &feed("bad", bad.url("/feed"));
    let world = World::new(&config).await;
    let day = Duration::from_secs(25 * 3600);
    for _ in 0..3 {
        world.poll().await;
        world.wait(day);
    }
    // Now it is the fifth, 13:00; the poll before was a day and an hour earlier.
    good.feed("/feed", rss(&[("b", "Thu, 05 Mar 2026 11:40:00 GMT"), old]));
    world.poll().await;
    let feeds: serde_json::Value = serde_json::from_str(&shown(&world, false, true).await).unwrap();
    let of = |feed: usize, keys: &[&str]| -> Vec<serde_json::Value> {
        keys.iter().map(|key| feeds[feed][key].clone()).collect()
    };
    let counts = [
        "key",
        "polls",
        "not_modified",
        "unchanged",
        "changed",
        "hits",
        "entries_per_poll",
        "delay_s",
    ];
    let expected = serde_json::json!(["bad", 4, 0, 3, 1, 0, 0.0]);
    assert_eq!(of(0, &counts[..7]), *expected.as_array().unwrap());
    let expected = serde_json::json!(["good", 4, 2, 0, 2, 1, 0.25, 80 * 60]);
    assert_eq!(of(1, &counts), *expected.as_array().unwrap());
    assert_eq!(
        (&feeds[0]["delay_measured"], &feeds[1]["delay_measured"]),
        (&false.into(), &true.into())
    );
    let total: serde_json::Value = serde_json::from_str(&shown(&world, true, true).await).unwrap();
    for (key, value) in [
        ("feeds", 2.0),
        ("polls", 8.0),
        ("hits", 1.0),
        ("hit_percent", 12.5),
        ("spared_percent", 40.0),
        ("delay_s", 4800.0),
    ] {
        assert_eq!(total[key].as_f64(), Some(value), "{key}: {total}");
    }
    let text = shown(&world, true, false).await;
    assert!(
        text.contains("found something new: 12.5 % (1 poll, 1 entry)"),
        "{text}"
    );
    let text = shown(&world, false, false).await;
    assert!(
        text.contains(
            "4 polls, 50 % not modified, 0 KiB received, 0.25 entries a poll, an entry waits 80 min"
        ),
        "{text}"
    );
}
