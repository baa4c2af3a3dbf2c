//! Tests of release: a real store, a real folder, a clock moved by hand. What readers are handed, and when it changes.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::too_many_lines, reason = "values written out")]

mod archives;
mod bucket;
mod filed;
mod history;
mod paged;
mod requests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use feedmill::clock::Clock;
use feedmill::config::*;
use feedmill::filter::Rules;
use feedmill::model::*;
use feedmill::publish::{Keep, OnRequest, Shelf, check_document};
use feedmill::release::{Releaser, Report, Tools};
use feedmill::store::{Store, StoreOptions};
use feedmill::telemetry::Metrics;
use jiff::Timestamp;

use super::publish::bench::output;

/// Every entry is its own story and shown.
struct Apart;

impl Judge for Apart {
    fn recognise(&self, _: &IncomingEntry, _: &[Candidate]) -> Option<Recognition> {
        None
    }
    fn join(&self, _: &IncomingEntry, _: &[Candidate]) -> Option<(StoryId, JoinReason)> {
        None
    }
    fn admit(
        &self,
        _: &FeedState,
        fresh: &[&IncomingEntry],
        _: Timestamp,
        _: usize,
    ) -> Vec<Standing> {
        vec![Standing::Shown; fresh.len()]
    }
    fn substantial(&self, old: &ParsedEntry, new: &ParsedEntry) -> bool {
        old.title != new.title
    }
    fn lead(&self, _: &[EntryView]) -> usize {
        0
    }
}

/// A store in a folder, and a flow over it.
pub(crate) struct Mill {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) shelf: Shelf,
    pub(crate) config: Config,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Mill {
    pub(crate) async fn new(outputs: Vec<PublishConfig>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feedmill.db");
        let store = Store::open(StoreOptions {
            path,
            exclusive: true,
            readers: 2,
        })
        .await
        .unwrap();
        let config = config(folder.path(), outputs);
        let clock = Clock::manual(at("2026-11-23T12:00:00.750Z"));
        let mill = Self {
            folder,
            store,
            clock,
            shelf: Shelf::default(),
            config,
        };
        let spec = |key: &str, group: &str| FeedSpec {
            key: key.to_owned(),
            url: format!("https://{key}.example/feed"),
            title: Some(format!("Feed {key}")),
            groups: vec![group.to_owned()],
            priority: 0,
            enabled: true,
            spread: Duration::ZERO,
        };
        mill.store
            .sync_feeds(vec![spec("a", "tech"), spec("b", "home")], mill.clock.now())
            .await
            .unwrap();
        mill
    }

    /// A new flow, as after a restart.
    pub(crate) fn releaser(&self) -> Releaser {
        let tools = Tools {
            store: self.store.clone(),
            rules: Rules::compile(&self.config.filters).unwrap(),
            shelf: self.shelf.clone(),
            clock: self.clock.clone(),
            metrics: Metrics::default(),
        };
        let folder = self.config.templates.as_deref();
        let theme = feedmill::publish::Theme::load(folder).unwrap();
        Releaser::new(Arc::new(self.config.clone()), Arc::new(theme), tools)
    }

    pub(crate) async fn refresh(&self) -> Report {
        self.releaser().refresh().await.unwrap()
    }

    /// Polls `feed`: entries by key and title, each a minute older than the one before.
    pub(crate) async fn poll(&self, feed: &str, entries: &[(String, String)]) {
        let state = self.store.feed(feed).await.unwrap().unwrap();
        let now = self.clock.now();
        let entries = entries
            .iter()
            .enumerate()
            .map(|(index, (key, title))| {
                incoming(
                    feed,
                    key,
                    title,
                    now - Duration::from_secs(60 * index as u64),
                )
            })
            .collect();
        let commit = PollCommit {
            state,
            meta: None,
            entries,
            completed: Vec::new(),
            withdrawn: Vec::new(),
            host: None,
            seen_at: now,
            max_new: 10_000,
        };
        self.store
            .commit_poll(commit, Arc::new(Apart))
            .await
            .unwrap();
    }

    /// One commit, as a poll makes it.
    pub(crate) async fn commit(&self, commit: PollCommit) {
        let judge = Arc::new(Apart);
        self.store.commit_poll(commit, judge).await.unwrap();
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.shelf.get(path).unwrap().identity.to_vec()).unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("public").join(name)
    }
}

pub(crate) fn pairs(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries
        .iter()
        .map(|(key, title)| ((*key).to_owned(), (*title).to_owned()))
        .collect()
}

fn incoming(feed: &str, key: &str, title: &str, at: Timestamp) -> IncomingEntry {
    let entry = ParsedEntry {
        key: key.to_owned(),
        publisher_id: Some(key.to_owned()),
        link: Some(format!("https://{feed}.example/{key}")),
        title: title.to_owned(),
        authors: Vec::new(),
        summary_html: None,
        content_html: Some(SafeHtml::vouched(format!("<p>{title} in full</p>"))),
        text: format!("{title} in full"),
        published_at: Some(at),
        updated_at: None,
        date_flag: None,
        enclosures: Vec::new(),
        categories: Vec::new(),
        links: Vec::new(),
        source: None,
        language: None,
        rights: None,
        fingerprint: Fingerprint(*blake3::hash(title.as_bytes()).as_bytes()),
    };
    IncomingEntry {
        entry,
        verdict: Verdict::Keep,
        tags: Vec::new(),
        keys: MatchKeys::default(),
    }
}

fn config(base: &Path, outputs: Vec<PublishConfig>) -> Config {
    Config {
        files: Vec::new(),
        warnings: Vec::new(),
        base_dir: base.to_owned(),
        language: String::from("en"),
        timezone: output("x").timezone,
        templates: None,
        store: StoreConfig {
            path: base.join("feedmill.db"),
        },
        http: HttpConfig {
            listen: Listen::Tcp(([127, 0, 0, 1], 0).into()),
            title: None,
            public_url: "https://news.example.org/".parse().unwrap(),
            admin: None,
            tls: None,
            max_connections: 10,
            max_connections_per_address: 10,
            images: false,
        },
        fetch: FetchConfig {
            contact: None,

            name_subscribers: false,
            interval: Duration::from_secs(3600),
            max_interval: Duration::from_secs(86400),
            adaptive: true,
            requests_per_day: None,
            concurrency: 1,
            per_host: 1,
            host_gap: Duration::ZERO,
            host_gaps: BTreeMap::new(),
            starts_per_second: 8,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_body: 1 << 20,
            allow_networks: Vec::new(),
            proxy: None,
            strip_params: Vec::new(),
            websub: false,
            min_hub_hash: HubHash::Sha1,
            max_new: 10,
            icons: true,
        },
        log: LogConfig {
            level: String::from("info"),
            format: LogFormat::Auto,
        },
        filters: BTreeMap::new(),
        groups: BTreeMap::new(),
        feeds: Vec::new(),
        publish: outputs
            .into_iter()
            .map(|output| (output.name.clone(), output))
            .collect(),
        digests: BTreeMap::new(),
        mail: None,
        retention: RetentionConfig {
            max_age: Duration::from_secs(1),
            keep_seen: Duration::from_secs(1),
        },
    }
}

fn drop_rule(name: &str, text: &str) -> FilterConfig {
    FilterConfig {
        name: name.to_owned(),
        drop: Some(Located {
            value: text.to_owned(),
            at: Place::default(),
        }),
        keep: None,
        when: None,
        tag: Vec::new(),
        set_title: None,
        cut: Vec::new(),
        strip_params: Vec::new(),
    }
}

/// Promise 6: same content, same bytes, tag and instant, a month later and after a restart.
#[tokio::test]
async fn bytes_and_their_instant_survive_time_and_restarts() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    let first = mill.refresh().await;
    assert!(
        first.changed.contains(&String::from("/all.atom")),
        "{first:?}"
    );
    assert_eq!(first.touched_outputs, ["all"]);
    let before = mill.shelf.get("/all.atom").unwrap();
    assert_eq!(before.changed_at, Some(at("2026-11-23T12:00:00Z")));

    mill.shelf.replace(Default::default());
    mill.clock.advance(Duration::from_secs(30 * 86400));
    mill.refresh().await;
    let after = mill.shelf.get("/all.atom").unwrap();
    assert_eq!(
        (after.changed_at, &after.etag, &after.identity),
        (before.changed_at, &before.etag, &before.identity)
    );

    let again = mill.refresh().await;
    assert_eq!(again.changed, Vec::<String>::new());

    mill.poll("a", &pairs(&[("2", "Two")])).await;
    mill.refresh().await;
    let later = mill.shelf.get("/all.atom").unwrap();
    assert_eq!(later.changed_at, Some(at("2026-12-23T12:00:00Z")));
    assert_ne!(later.etag, after.etag);
}

/// R7.3: Last-Modified never goes back, not even with the clock.
#[tokio::test]
async fn a_clock_set_back_does_not_move_last_modified_back() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    mill.refresh().await;
    mill.poll("a", &pairs(&[("2", "Two")])).await;
    mill.clock.set(at("2026-11-01T00:00:00Z"));
    mill.refresh().await;
    assert_eq!(
        mill.shelf.get("/all.atom").unwrap().changed_at,
        Some(at("2026-11-23T12:00:01Z"))
    );
}

#[tokio::test]
async fn outputs_show_their_groups_caps_and_rules() {
    let tech = PublishConfig {
        groups: vec![String::from("tech")],
        ..output("tech")
    };
    let few = PublishConfig {
        per_feed: 1,
        ..output("few")
    };
    let ruled = PublishConfig {
        filters: vec![String::from("no-ads")],
        ..output("ruled")
    };
    let one = PublishConfig {
        limit: 1,
        filters: vec![String::from("no-ads")],
        ..output("one")
    };
    let mut mill = Mill::new(vec![tech, few, ruled, one]).await;
    mill.config.filters.insert(
        String::from("no-ads"),
        drop_rule("no-ads", r#"title matches "(?i)advert""#),
    );
    mill.poll(
        "a",
        &pairs(&[("1", "Advert"), ("2", "Two"), ("3", "Three")]),
    )
    .await;
    mill.clock.advance(Duration::from_secs(600));
    mill.poll("b", &pairs(&[("4", "Four")])).await;
    mill.refresh().await;
    let titles = |path: &str| {
        let value: serde_json::Value = serde_json::from_str(&mill.text(path)).unwrap();
        let items = value["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(titles("/tech.json"), "Advert Two Three");
    assert_eq!(titles("/few.json"), "Four Advert");
    assert!(mill.text("/few/").contains("2 more from Feed a"));
    assert_eq!(titles("/ruled.json"), "Four Two Three");
    assert_eq!(titles("/one.json"), "Four");
}

/// R7.22: fixed sets by sequence, complete, linked both ways, the same after more stories came.
#[tokio::test]
async fn archives_hold_the_whole_history_and_stay() {
    let mill = Mill::new(vec![output("all")]).await;
    let entries: Vec<(String, String)> = (0..420)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect();
    mill.poll("a", &entries).await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for number in 1..=2 {
        let document = releaser
            .document(&format!("/all/archive/{number}.atom"))
            .await
            .unwrap();
        check_document(document.content_type, &document.identity).unwrap();
        let text = String::from_utf8(document.identity.to_vec()).unwrap();
        let before = ids.len();
        ids.extend(
            text.split("<entry>")
                .skip(1)
                .map(|entry| entry.split("</id>").next().unwrap().to_owned()),
        );
        assert_eq!(ids.len() - before, 150, "document {number}");
        let frozen = [Keep::Immutable, Keep::UntilPoll][number - 1];
        assert_eq!(document.keep, frozen, "document {number}");
    }
    assert!(releaser.document("/all/archive/3.atom").await.is_none());
    assert!(releaser.document("/all/archive/0.atom").await.is_none());

    let first = releaser.document("/all/archive/1.atom").await.unwrap();
    let more: Vec<(String, String)> = (500..700)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect();
    mill.poll("b", &more).await;
    releaser.refresh().await.unwrap();
    assert_eq!(
        releaser
            .document("/all/archive/1.atom")
            .await
            .unwrap()
            .identity,
        first.identity
    );
    let second = releaser.document("/all/archive/2.atom").await.unwrap();
    assert!(String::from_utf8_lossy(&second.identity).contains("all/archive/3.atom"));
}

#[tokio::test]
async fn stories_and_days_are_made_on_request_and_nothing_else() {
    let tech = PublishConfig {
        groups: vec![String::from("tech")],
        ..output("tech")
    };
    let mill = Mill::new(vec![tech]).await;
    mill.poll("a", &pairs(&[("1", "Seen")])).await;
    mill.poll("b", &pairs(&[("2", "Unseen")])).await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let found = |path: &'static str| {
        let releaser = &releaser;
        async move {
            let document = releaser.document(path).await;
            document.map(|document| String::from_utf8(document.identity.to_vec()).unwrap())
        }
    };
    assert!(found("/story/1").await.unwrap().contains("Seen in full"));
    assert!(
        found("/tech/archive/2026-11-23/")
            .await
            .unwrap()
            .contains("Seen")
    );
    for path in [
        "/story/2",
        "/story/99",
        "/story/x",
        "/story/1/x",
        "/tech/archive/2026-11-22/",
        "/tech/archive/2026-13-01/",
        "/other/archive/2026-11-23/",
        "/tech/archive/../x/",
    ] {
        assert_eq!(found(path).await, None, "{path}");
    }
}

/// XML-2: whole files, only what changed, with copies and a manifest.
#[tokio::test]
async fn files_are_written_whole_and_only_when_they_change() {
    let filed = PublishConfig {
        files: Some(Files::Folder(PathBuf::from("public"))),
        ..output("all")
    };
    let mill = Mill::new(vec![filed]).await;
    let long = (0..30)
        .map(|n| (n.to_string(), format!("Story {n} of many")))
        .collect::<Vec<_>>();
    mill.poll("a", &long).await;
    let report = mill.refresh().await;
    for name in [
        "all.atom",
        "all.rss",
        "all.json",
        "all/index.html",
        "index.html",
        "about/index.html",
        "opml",
    ] {
        assert!(report.written.contains(&mill.file(name)), "{name}");
    }
    let document = mill.shelf.get("/all.atom").unwrap();
    assert_eq!(
        std::fs::read(mill.file("all.atom")).unwrap(),
        document.identity
    );
    assert_eq!(
        std::fs::read(mill.file("all.atom.gz")).unwrap(),
        document.gzip.clone().unwrap()
    );
    assert_eq!(
        std::fs::read(mill.file("all.atom.br")).unwrap(),
        document.brotli.clone().unwrap()
    );
    assert_eq!(
        std::fs::read(mill.file("all.atom.zst")).unwrap(),
        document.zstd.clone().unwrap()
    );
    assert!(mill.file("story/1/index.html").is_file());
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(mill.file("manifest.json")).unwrap()).unwrap();
    let line = manifest
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["file"] == "all.atom")
        .unwrap();
    assert_eq!(line["etag"], document.etag.as_str());
    assert_eq!(line["content_type"], "application/atom+xml; charset=utf-8");

    let releaser = mill.releaser();
    assert_eq!(
        releaser.refresh().await.unwrap().written,
        Vec::<PathBuf>::new()
    );
    assert_eq!(
        releaser.compare().await.unwrap().written,
        Vec::<PathBuf>::new()
    );
    std::fs::write(mill.file("all.rss"), "cut").unwrap();
    assert_eq!(
        releaser.compare().await.unwrap().written,
        [mill.file("all.rss")]
    );
    assert_eq!(mill.refresh().await.written, [mill.file("all.rss")]);

    let leftover = std::fs::read_dir(mill.file("")).unwrap();
    let names: Vec<String> = leftover
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        !names.iter().any(|name| name.ends_with(".new")),
        "{names:?}"
    );
}

/// A template that fails at run time withholds its page only, and the last good one stays.
#[tokio::test]
async fn a_page_that_cannot_be_made_leaves_the_last_good_one() {
    let mut mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    mill.refresh().await;
    let good = mill.text("/all/");
    let templates = mill.folder.path().join("templates");
    std::fs::create_dir(&templates).unwrap();
    std::fs::write(templates.join("list.html"), "{{ nosuch }}").unwrap();
    mill.config.templates = Some(templates);
    mill.poll("a", &pairs(&[("2", "Two")])).await;
    let report = mill.refresh().await;
    assert!(
        report.withheld.iter().any(|(path, _)| path == "/all/"),
        "{report:?}"
    );
    assert_eq!(mill.text("/all/"), good);
    assert!(mill.text("/all.atom").contains("<title>Two</title>"));
}

/// One rendering at start, one for each burst of touches, and an end when told.
#[tokio::test]
async fn the_flow_follows_touches_and_ends() {
    let mill = Mill::new(vec![output("all")]).await;
    let (stop, touched) = (
        tokio_util::sync::CancellationToken::new(),
        Arc::new(tokio::sync::Notify::new()),
    );
    mill.poll("a", &pairs(&[("1", "One")])).await;
    let releaser = mill.releaser();
    let driver = async {
        while mill.shelf.get("/all.atom").is_none() {
            tokio::task::yield_now().await;
        }
        mill.poll("a", &pairs(&[("2", "Two")])).await;
        touched.notify_one();
        while !mill.text("/all.atom").contains("<title>Two</title>") {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(releaser.run(stop.clone(), Arc::clone(&touched)), driver);
}

/// R7.22: what is promised as immutable is: an edit and the retention of its stories change no byte.
#[tokio::test]
async fn a_frozen_archive_document_outlives_edits_and_retention() {
    let mill = Mill::new(vec![output("all")]).await;
    let entries: Vec<(String, String)> = (0..420)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect();
    mill.poll("a", &entries).await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    for path in ["/all/archive/1.atom", "/all/archive/1.json"] {
        let first = releaser.document(path).await.unwrap();
        assert_eq!(first.keep, Keep::Immutable);
        let edited: Vec<(String, String)> = entries
            .iter()
            .map(|(key, title)| (key.clone(), format!("{title}, corrected after {path}")))
            .collect();
        mill.poll("a", &edited).await;
        mill.refresh().await;
        assert!(mill.text("/all.atom").contains("corrected"));
        let again = mill.releaser().document(path).await.unwrap();
        assert_eq!(
            (&again.identity, again.changed_at),
            (&first.identity, first.changed_at)
        );
        check_document(first.content_type, &first.identity).unwrap();
    }
    let first = releaser.document("/all/archive/1.atom").await.unwrap();
    let later = mill.clock.now() + Duration::from_secs(86_400 * 400);
    mill.store.retain(later, later).await.unwrap();
    let again = mill
        .releaser()
        .document("/all/archive/1.atom")
        .await
        .unwrap();
    assert_eq!(again.identity, first.identity);
}

/// R7.21: `next_url` leads from the newest stories down to the first document and ends there.
#[tokio::test]
async fn next_url_leads_through_the_archive_once() {
    let mill = Mill::new(vec![output("all")]).await;
    let entries: Vec<(String, String)> = (0..420)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect();
    mill.poll("a", &entries).await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let mut next = Some(String::from("https://news.example.org/all.json"));
    let mut visited = Vec::new();
    while let Some(url) = next {
        let path = url.strip_prefix("https://news.example.org").unwrap();
        let document = match mill.shelf.get(path) {
            Some(document) => document,
            None => releaser.document(path).await.unwrap(),
        };
        let value: serde_json::Value = serde_json::from_slice(&document.identity).unwrap();
        assert_eq!(value["feed_url"], url.as_str());
        next = value["next_url"].as_str().map(str::to_owned);
        visited.push(path.to_owned());
    }
    assert_eq!(
        visited,
        [
            "/all.json",
            "/all/archive/3-420.json",
            "/all/archive/2.json",
            "/all/archive/1.json"
        ]
    );
}

/// Days lead to the nearest days that have stories, over any silence, and nowhere at both ends.
#[tokio::test]
async fn days_lead_to_days_that_have_stories() {
    let mill = Mill::new(vec![output("all")]).await;
    let days = ["2023-01-05", "2026-02-28", "2026-03-01", "2026-11-22"];
    for (number, day) in days.iter().enumerate() {
        mill.clock.set(at(&format!("{day}T05:00:00Z")));
        let title = format!("Day {number}");
        mill.poll("a", &[(number.to_string(), title)]).await;
    }
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let around = [
        ("2023-01-05", None, Some("2026-02-28")),
        ("2026-02-28", Some("2023-01-05"), Some("2026-03-01")),
        ("2026-03-01", Some("2026-02-28"), Some("2026-11-22")),
        ("2026-11-22", Some("2026-03-01"), None),
        ("2026-06-01", Some("2026-03-01"), Some("2026-11-22")),
        ("2027-06-01", Some("2026-11-22"), None),
    ];
    for (day, older, newer) in around {
        let path = format!("/all/archive/{day}/");
        let page = releaser.document(&path).await.unwrap();
        let page = String::from_utf8(page.identity.to_vec()).unwrap();
        let link = |rel: &str| {
            let (_, rest) = page.split_once(&format!("rel=\"{rel}\" href=\"/all/archive/"))?;
            rest.split_once('/').map(|(day, _)| day.to_owned())
        };
        assert_eq!(link("prev").as_deref(), older, "{day}");
        assert_eq!(link("next").as_deref(), newer, "{day}");
    }
    let before = releaser.document("/all/archive/2020-01-01/").await;
    assert!(before.is_none(), "nothing is older and nothing is there");
}

/// A feed's stories by page, to the first one.
#[tokio::test]
async fn a_feed_has_pages_of_its_own() {
    let mill = Mill::new(vec![output("all")]).await;
    for day in 1..=5 {
        mill.clock.set(at(&format!("2026-11-0{day}T05:00:00Z")));
        let entries: Vec<(String, String)> = (0..45)
            .map(|n| (format!("{day}-{n}"), format!("Story {day}-{n}.")))
            .collect();
        mill.poll("a", &entries).await;
        mill.poll("b", &[(format!("b{day}"), format!("Other {day}"))])
            .await;
    }
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    let (mut path, mut seen) = (
        String::from("/all/feed/a/"),
        std::collections::BTreeSet::new(),
    );
    let mut pages = 0;
    loop {
        let page = releaser.document(&path).await.unwrap();
        let page = String::from_utf8(page.identity.to_vec()).unwrap();
        assert!(!page.contains("Other"), "{path}");
        pages += 1;
        for day in 1..=5 {
            let here = (0..45).filter(|n| page.contains(&format!("Story {day}-{n}.<")));
            seen.extend(here.map(|n| (day, n)));
        }
        match page.split_once("rel=\"prev\" href=\"") {
            Some((_, rest)) => path = rest.split_once('"').unwrap().0.to_owned(),
            None => break,
        }
        assert!(pages < 10, "the pages never end");
    }
    assert_eq!(seen.len(), 225);
    assert!(releaser.document("/all/feed/nosuch/").await.is_none());
    assert!(releaser.document("/all/feed/a/x/").await.is_none());
}

/// Files of a merged feed or a format that left the config go; pages of stories and archives stay.
#[tokio::test]
async fn files_of_what_left_are_removed() {
    let filed = |name: &str| PublishConfig {
        files: Some(Files::Folder(PathBuf::from("public"))),
        ..output(name)
    };
    let mut mill = Mill::new(vec![filed("all"), filed("old")]).await;
    let entries: Vec<(String, String)> = (0..210)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect();
    mill.poll("a", &entries).await;
    mill.refresh().await;
    let stays = [
        "all.atom",
        "all/archive/1.atom",
        "index.html",
        "about/index.html",
    ];
    let leaves = [
        "old.atom",
        "old.atom.gz",
        "old/index.html",
        "old/archive/1.atom",
        "all.rss",
        "all.rss.br",
    ];
    for name in stays.iter().chain(&leaves) {
        assert!(mill.file(name).is_file(), "{name}");
    }
    std::fs::write(mill.file("note.txt"), "the operator's own").unwrap();
    mill.config.publish.remove("old");
    mill.config
        .publish
        .get_mut("all")
        .unwrap()
        .formats
        .remove(1);
    mill.refresh().await;
    for name in stays.iter().chain(&["note.txt"]) {
        assert!(mill.file(name).is_file(), "{name}");
    }
    for name in leaves {
        assert!(!mill.file(name).exists(), "{name}");
    }
    let manifest = std::fs::read_to_string(mill.file("manifest.json")).unwrap();
    assert!(!manifest.contains("old"), "{manifest}");
}
