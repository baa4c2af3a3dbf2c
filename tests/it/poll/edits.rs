//! Edits in a merged feed: an entry changes where it stands, and only a change of substance moves its `updated`.

use std::sync::Arc;
use std::time::Duration;

use feedmill::filter::Rules;
use feedmill::publish::{Shelf, Theme};
use feedmill::release::{Releaser, Tools};
use feedmill::telemetry::Metrics;

use crate::support::origin::Origin;
use crate::support::world::World;

const DAY: Duration = Duration::from_secs(25 * 3600);

fn releaser(world: &World) -> (Releaser, Shelf) {
    let shelf = Shelf::default();
    let tools = Tools {
        store: world.store.clone(),
        rules: Rules::default(),
        shelf: shelf.clone(),
        clock: world.clock.clone(),
        metrics: Metrics::default(),
    };
    let theme = Theme::load(None).unwrap();
    (
        Releaser::new(Arc::new(world.config.clone()), Arc::new(theme), tools),
        shelf,
    )
}

/// Title, published and updated of each entry of the merged feed, in its order.
async fn merged(world: &World) -> Vec<[String; 3]> {
    let (releaser, shelf) = releaser(world);
    releaser.refresh().await.unwrap();
    let document = shelf.get("/all.atom").unwrap();
    let text = String::from_utf8(document.identity.to_vec()).unwrap();
    let part = |entry: &str, name: &str| {
        let (_, rest) = entry.split_once(&format!("<{name}")).unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    text.split("<entry>")
        .skip(1)
        .map(|entry| ["title", "published", "updated"].map(|name| part(entry, name)))
        .collect()
}

fn rss(items: &[(&str, &str, &str)]) -> String {
    let item = |(id, hour, text): &(&str, &str, &str)| {
        format!(
            "<item><title>{id}</title><link>https://site.example/page-of-{id}</link><guid isPermaLink=\"false\">{id}</guid>\
             <pubDate>Mon, 02 Mar 2026 {hour}:00:00 GMT</pubDate><description>{text}</description></item>"
        )
    };
    let items: String = items.iter().map(item).collect();
    format!("<rss version=\"2.0\"><channel><title>A feed</title>{items}</channel></rss>")
}

#[tokio::test]
async fn an_edited_entry_keeps_its_place() {
    let origin = Origin::start().await;
    let newest = ("newest", "09", "The last of three.");
    origin.feed(
        "/feed",
        rss(&[
            newest,
            ("older", "08", "Ferry \"costs\" 24 million."),
            ("oldest", "07", "The first."),
        ]),
    );
    let world = World::new(&format!(
        "[[feed]]\nurl = \"{}\"\n[publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\n",
        origin.url("/feed")
    ))
    .await;
    world.poll().await;
    let row = |id: &str, published: &str, updated: &str| {
        let instant = |hour: &str| format!("{hour}:00:00Z");
        [id.to_owned(), instant(published), instant(updated)]
    };
    let (nine, eight, seven) = ("2026-03-02T09", "2026-03-02T08", "2026-03-02T07");
    let before = vec![
        row("newest", nine, nine),
        row("older", eight, eight),
        row("oldest", seven, seven),
    ];
    assert_eq!(merged(&world).await, before);
    // Other quotation marks and spaces are no change of substance.
    origin.feed(
        "/feed",
        rss(&[
            newest,
            ("older", "08", "Ferry  “costs” 24 million!"),
            ("oldest", "07", "The first."),
        ]),
    );
    world.wait(DAY);
    assert_eq!(world.poll().await.changed, 1);
    assert_eq!(merged(&world).await, before);
    // Another price is.
    origin.feed(
        "/feed",
        rss(&[
            newest,
            ("older", "08", "Ferry costs 42 million."),
            ("oldest", "07", "The first."),
        ]),
    );
    world.wait(DAY);
    assert_eq!(world.poll().await.changed, 1);
    let mut after = before.clone();
    after[1] = row("older", eight, "2026-03-04T12");
    assert_eq!(merged(&world).await, after);
}
