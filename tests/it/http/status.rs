//! The operator's page and feed: how mail fares; what befell the feeds, in the same bytes for the same history, and for
//! no page of another site.

use std::sync::Arc;

use feedmill::http::Front;
use feedmill::model::{EditionStanding, FeedStanding, FeedState, FrozenEdition, StorySeq};
use feedmill::publish::check_document;

use super::bench::{CALM, site, start, start_site};
use crate::publish::bench::output;
use crate::release::Mill;
use crate::support::client::{get, request};

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
    let tag = first.header("etag").unwrap().to_owned();
    let since = first.header("last-modified").unwrap().to_owned();
    assert_eq!(since, "Mon, 23 Nov 2026 12:00:00 GMT");
    let asked = |headers: &[(&str, &str)]| request(served.address, "GET", "/status.atom", headers);
    for held in [
        ("If-None-Match", tag.as_str()),
        ("If-Modified-Since", since.as_str()),
    ] {
        let same = asked(&[held]);
        assert_eq!((same.status, same.body.len()), (304, 0), "{held:?}");
        assert_eq!(same.header("etag"), Some(tag.as_str()));
        assert_eq!(same.header("last-modified"), Some(since.as_str()));
        assert_eq!(same.header("cache-control"), Some("private, no-cache"));
        assert_eq!(same.header("content-type"), None);
        assert_eq!(same.header("access-control-allow-origin"), None);
    }
    quarantined(&mill, FeedStanding::Active).await;
    assert_eq!(asked(&[("If-None-Match", &tag)]).status, 200);
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

/// A digest that sent nothing yet, one that did, and a queue that rests: why, but not whose mail was refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_says_how_mail_fares() {
    let mut mill = Mill::new(vec![output("all")]).await;
    let digests = "[digest.morning]\ntitle = \"Good morning\"\ncron = \"30 6 * * *\"\nfrom = \"news@example.org\"\n\
        [digest.weekly]\ncron = \"30 6 * * 1\"\nfrom = \"news@example.org\"\n[mail]\nmaildir = \"m\"\n";
    let fares = async |mill: &Mill| {
        let releaser = mill.releaser();
        releaser.refresh().await.unwrap();
        let site = site(mill, releaser);
        let front = site.front.load();
        let until = mill.clock.now() + std::time::Duration::from_secs(60);
        let reason = String::from("450 4.7.1 <an@example.org>: greylisted");
        site.front.store(Arc::new(Front {
            config: Arc::clone(&front.config),
            theme: Arc::clone(&front.theme),
            site: front.site.clone(),
            on_request: Arc::clone(&front.on_request),
            pushes: Arc::clone(&front.pushes),
            mail_pause: Arc::new(move || Some((until, reason.clone()))),
        }));
        get(start_site(site, CALM).await.address, "/status")
    };
    let without = fares(&mill).await;
    assert!(!without.text().contains("<h2 id=\"mail\">"), "no digest");
    mill.config.digests = crate::config::fine(digests).digests;
    let slot_at = mill.clock.now();
    let edition = FrozenEdition {
        digest: String::from("morning"),
        lane: String::from("UTC"),
        slot_at,
        frozen_at: slot_at,
        after: StorySeq(0),
        until: StorySeq(0),
        standing: EditionStanding::Frozen,
        stories: Vec::new(),
        subject: String::from("News"),
        web_html: None,
        messages: Vec::new(),
        served: Vec::new(),
    };
    mill.store
        .freeze_edition(edition, Vec::new())
        .await
        .unwrap();
    let page = fares(&mill).await;
    for line in [
        "<h2 id=\"mail\">Mail</h2>",
        "Nothing is sent until 2026-11-23 19:01: 450 4.7.1 … greylisted<",
        "Good morning: edition of 2026-11-23 19:00 with 0 stories; 0 delivered, 0 waiting, 0 failed<",
        ": no edition yet<",
    ] {
        assert!(page.text().contains(line), "{line}: {}", page.text());
    }
    assert!(!page.text().contains("an@example.org"));
}
