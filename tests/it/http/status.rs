//! The operator's feed: what befell the feeds, the same bytes for the same history, for no page of another site.

use feedmill::model::{FeedStanding, FeedState};
use feedmill::publish::check_document;

use super::bench::{CALM, start};
use crate::publish::bench::output;
use crate::release::Mill;
use crate::support::client::get;

async fn quarantined(mill: &Mill, standing: FeedStanding) {
    let id = mill.store.feed("a").await.unwrap().unwrap().id;
    let change = move |feed: &mut FeedState| {
        feed.standing = standing;
        feed.memory.notice = match standing {
            FeedStanding::Quarantined => Some(String::from("shares <nothing> with what it was")),
            _ => None,
        };
    };
    mill.store.update_feed(id, Box::new(change)).await.unwrap();
    mill.refresh().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_feed_tells_what_befell_the_feeds() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = start(&mill, CALM).await;
    let empty = get(served.address, "/status.atom");
    assert_eq!(empty.status, 200);
    assert!(!empty.text().contains("<entry>"), "{}", empty.text());
    quarantined(&mill, FeedStanding::Quarantined).await;
    let first = get(served.address, "/status.atom");
    let kind = "application/atom+xml; charset=utf-8";
    assert_eq!(first.header("content-type"), Some(kind));
    check_document(kind, first.text().as_bytes()).unwrap();
    for part in [
        "<title>Feed a: quarantined: nothing of it is shown</title>",
        "<updated>2026-11-23T12:00:00Z</updated>",
        "a: shares &lt;nothing&gt; with what it was",
        "href=\"https://news.example.org/status.atom\"",
    ] {
        assert!(first.text().contains(part), "{part}: {}", first.text());
    }
    assert_eq!(first.header("access-control-allow-origin"), None);
    assert_eq!(
        first.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
    let page = get(served.address, "/status");
    assert!(page.text().contains("href=\"/status.atom\""));
    mill.clock.advance(std::time::Duration::from_secs(3600));
    mill.refresh().await;
    assert_eq!(
        get(served.address, "/status.atom").body,
        first.body,
        "an hour and a restart later"
    );
    quarantined(&mill, FeedStanding::Active).await;
    let second = get(served.address, "/status.atom");
    let ids = |text: &str| -> Vec<String> {
        let ids = text.split("<id>").skip(2);
        ids.map(|rest| rest[..45].to_owned()).collect()
    };
    let (before, after) = (ids(first.text()), ids(second.text()));
    assert_eq!((before.len(), after.len()), (1, 2));
    assert_eq!(after[1], before[0], "an entry keeps its id");
    assert!(second.text().contains("<title>Feed a: well again</title>"));
}
