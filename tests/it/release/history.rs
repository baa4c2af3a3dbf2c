//! What happened to feeds: what a look tells readers, what it remembers, and how much.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

fn spec(key: &str) -> FeedSpec {
    FeedSpec {
        key: key.to_owned(),
        url: format!("https://{key}.example/feed"),
        title: Some(format!("Feed {key}")),
        groups: Vec::new(),
        priority: 0,
        enabled: true,
        spread: Duration::ZERO,
    }
}

impl Mill {
    async fn wants(&self, keys: &[&str]) {
        let specs = keys.iter().map(|key| spec(key)).collect();
        self.store
            .sync_feeds(specs, self.clock.now())
            .await
            .unwrap();
    }

    async fn change(&self, key: &str, change: impl FnOnce(&mut FeedState) + Send + 'static) {
        let id = self.store.feed(key).await.unwrap().unwrap().id;
        self.store.update_feed(id, Box::new(change)).await.unwrap();
    }

    /// Kinds, keys and details of what the store keeps, after a look an hour later.
    async fn told(&self) -> Vec<(FeedEventKind, String, Option<String>)> {
        self.clock.advance(HOUR);
        self.refresh().await;
        let events = kept(self).await.events.into_iter();
        events
            .map(|event| (event.kind, event.key, event.detail))
            .collect()
    }
}

async fn kept(mill: &Mill) -> FeedHistory {
    let note = mill.store.note(FEED_HISTORY).await.unwrap().unwrap();
    serde_json::from_slice(&note).unwrap()
}

/// The first look tells nothing, as what was there before is no change. Then readers see which feeds came, moved and
/// went, with the titles of today, and the page's bytes stay over a restart.
#[tokio::test]
async fn readers_see_which_feeds_came_moved_and_went() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.refresh().await;
    let page = mill.text("/changes/");
    assert!(page.contains("No feed has come, moved or gone"), "{page}");
    mill.wants(&["a", "c"]).await;
    mill.change("a", |feed| {
        feed.url = String::from("https://key:secret@new.example/a?token=1");
    })
    .await;
    let told = mill.told().await;
    assert_eq!(
        told,
        [
            (FeedEventKind::Removed, String::from("b"), None),
            (
                FeedEventKind::Moved,
                String::from("a"),
                Some(String::from("https://new.example/a"))
            ),
            (FeedEventKind::Added, String::from("c"), None),
        ]
    );
    let page = mill.text("/changes/");
    for line in [
        "<bdi>Feed b</bdi> <span class=\"small\">removed</span>",
        "<bdi>Feed a</bdi> <span class=\"small\">moved to a new address</span>",
        "<bdi>Feed c</bdi> <span class=\"small\">added</span>",
        "<time datetime=\"2026-11-23\">Monday, 23 November 2026</time>",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    for secret in ["new.example", "secret", "token"] {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
    assert!(mill.text("/about/").contains("href=\"/changes/\""));
    mill.clock.advance(30 * DAY);
    mill.refresh().await;
    assert_eq!(page, mill.text("/changes/"), "a month later");
}

/// Every way a feed can fare badly is told once, and once more that it is well again; the operator's own switch is not.
#[tokio::test]
async fn what_befalls_a_feed_is_told_once() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.refresh().await;
    let now = mill.clock.now();
    let notice = |feed: &mut FeedState| feed.memory.notice = Some(String::from("looks odd"));
    mill.change("a", notice).await;
    mill.change("b", move |feed| {
        feed.memory.failures = 3;
        feed.memory.failing_since = Some(now);
        feed.memory.trouble = Some(PollTrouble {
            class: TroubleClass::Dns,
            status: None,
            text: String::from("no such name"),
        });
    })
    .await;
    let detail = |text: &str| Some(text.to_owned());
    let (a, b) = (String::from("a"), String::from("b"));
    let mut expected = vec![(FeedEventKind::Held, a.clone(), detail("looks odd"))];
    assert_eq!(mill.told().await, expected, "an hour's failures are none");
    mill.clock.advance(DAY);
    expected.push((FeedEventKind::Failing, b.clone(), detail("no such name")));
    assert_eq!(mill.told().await, expected);
    assert_eq!(mill.told().await, expected, "told once");
    mill.change("a", |feed| feed.standing = FeedStanding::Quarantined)
        .await;
    mill.change("b", |feed| feed.standing = FeedStanding::Dead)
        .await;
    expected.push((FeedEventKind::Quarantined, a.clone(), detail("looks odd")));
    expected.push((FeedEventKind::Dead, b.clone(), detail("no such name")));
    assert_eq!(mill.told().await, expected);
    let now = mill.clock.now();
    mill.change("a", move |feed| {
        feed.standing = FeedStanding::Active;
        feed.memory.notice = None;
        feed.memory.rhythm.longest_gap_s = 3600;
        feed.memory.rhythm.newest_entry_at = Some(now);
    })
    .await;
    mill.change("b", |feed| {
        feed.standing = FeedStanding::Gone;
        feed.memory.failures = 0;
    })
    .await;
    expected.push((FeedEventKind::Back, a.clone(), None));
    expected.push((FeedEventKind::Gone, b.clone(), detail("no such name")));
    assert_eq!(mill.told().await, expected);
    mill.clock.advance(8 * DAY);
    expected.push((FeedEventKind::Silent, a, None));
    assert_eq!(mill.told().await, expected);
    mill.change("b", |feed| feed.standing = FeedStanding::Active)
        .await;
    expected.push((FeedEventKind::Back, b, None));
    assert_eq!(mill.told().await, expected);
    let off = FeedSpec {
        enabled: false,
        ..spec("b")
    };
    let now = mill.clock.now();
    mill.store
        .sync_feeds(vec![spec("a"), off], now)
        .await
        .unwrap();
    assert_eq!(mill.told().await, expected, "switched off");
    mill.wants(&["a", "b"]).await;
    assert_eq!(mill.told().await, expected, "switched on");
}

/// One feed that comes and goes for ever neither fills the database nor pushes out what readers see.
#[tokio::test]
async fn the_history_is_bounded() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.refresh().await;
    mill.wants(&["a", "b", "c"]).await;
    mill.told().await;
    let mut history = kept(&mill).await;
    let held = FeedEvent {
        kind: FeedEventKind::Held,
        ..history.events[0].clone()
    };
    history.events.extend(std::iter::repeat_n(held, 1000));
    let note = serde_json::to_vec(&history).unwrap();
    mill.store.set_note(FEED_HISTORY, Some(note)).await.unwrap();
    mill.told().await;
    let events = kept(&mill).await.events;
    assert_eq!(events.len(), 201);
    assert_eq!(events[0].kind, FeedEventKind::Added);
}
