//! Promises 1 and 7 on the built binary: killed at many moments, it ends with what an undisturbed run holds, and asks
//! no feed twice within its floor.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::daemon::{ALL, config, settle, wait_for_merged};
use crate::support::origin::Origin;
use crate::support::planet::{distinct_stories, planet};
use crate::support::process::{Home, free_address};

/// Floor of every feed in this test: its own network may be asked this often.
const FLOOR: Duration = Duration::from_secs(3);
/// Between the daemon's decision and the origin's note of it, on a busy machine.
const SLACK: Duration = Duration::from_millis(700);

/// What a database holds: (feed, key) → (title, standing), and per story title the feeds that carry it.
#[derive(Debug, PartialEq)]
struct Content {
    entries: BTreeMap<(String, String), (String, String)>,
    stories: BTreeMap<String, Vec<String>>,
}

fn content(home: &Home, merged: &[serde_json::Value]) -> Content {
    let listed: serde_json::Value =
        serde_json::from_str(&home.verb(&["entries", "--limit", "100000", "--json"])).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let entry = |view: &serde_json::Value| {
        let key = (text(&view["feed"]["key"]), text(&view["entry"]["key"]));
        (
            key,
            (text(&view["entry"]["title"]), text(&view["standing"])),
        )
    };
    let story = |item: &serde_json::Value| {
        let also = item["_also_in"].as_array().cloned().unwrap_or_default();
        let mut feeds: Vec<String> = also.iter().map(|place| text(&place["title"])).collect();
        feeds.push(text(&item["_source"]["title"]));
        feeds.sort();
        (text(&item["title"]), feeds)
    };
    Content {
        entries: listed.as_array().unwrap().iter().map(entry).collect(),
        stories: merged.iter().map(story).collect(),
    }
}

async fn undisturbed() -> Content {
    let origin = Origin::start().await;
    let planet = planet(40, 10);
    let listen = free_address();
    let home = Home::new(&config(
        listen,
        &settle(&origin, &planet),
        &format!("interval = \"1h\"\n{ALL}"),
    ));
    let mut daemon = home.start();
    let merged = wait_for_merged(&mut daemon, listen, distinct_stories(&planet).len());
    let content = content(&home, &merged);
    assert!(daemon.stop().success());
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_change_nothing_and_no_feed_is_asked_within_its_floor() {
    let expected = undisturbed().await;
    let origin = Origin::start().await;
    let planet = planet(40, 10);
    let listen = free_address();
    let more = format!(
        "interval = \"{}s\"\nadaptive = false\n{ALL}",
        FLOOR.as_secs()
    );
    let home = Home::new(&config(listen, &settle(&origin, &planet), &more));
    let mut asked = 0;
    // Kill moments are counted in requests: spread, the same in every run, and no clock is needed.
    for round in 0..20_usize {
        let daemon = home.start_unready();
        asked = origin.requests().len().max(asked) + 1 + (round * 7) % 13;
        let seen = tokio::time::timeout(Duration::from_secs(60), origin.seen(asked)).await;
        assert!(seen.is_ok(), "round {round}: {asked} requests never came");
        daemon.kill();
    }
    let mut daemon = home.start();
    let merged = wait_for_merged(&mut daemon, listen, distinct_stories(&planet).len());
    assert_eq!(content(&home, &merged), expected);
    assert!(daemon.stop().success());

    let mut last = BTreeMap::new();
    for request in origin.requests() {
        if let Some(before) = last.insert(request.target.clone(), request.at) {
            let gap = request.at.duration_since(before);
            assert!(
                gap + SLACK >= FLOOR,
                "{} was asked again after {gap:?}",
                request.target
            );
        }
    }
    assert_eq!(last.len(), 40, "every feed was asked");
}
