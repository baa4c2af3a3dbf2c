//! A store of many entries beside one of ten thousand, in one run: what a poll, a page of a merged feed, its rendering
//! in every format, a page of search, a start and the watchdog's question cost in each. `cargo bench -- million 1000000`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feedmill::clock::Clock;
use feedmill::config::{Overrides, load};
use feedmill::filter::Rules;
use feedmill::model::*;
use feedmill::publish::{Shelf, Theme};
use feedmill::release::{Releaser, Tools};
use feedmill::store::{Store, StoreOptions};
use feedmill::story::Matcher;
use feedmill::telemetry::Metrics;
use jiff::Timestamp;

use crate::documents::Dice;
use crate::meter::rss_mb;

/// The smaller store.
const FEW: usize = 10_000;
/// Entries of one document.
const DOCUMENT: usize = 20;
/// Each thing is done so often; the median counts.
const TIMES: usize = 41;

/// Median milliseconds by what was done.
type Costs = Vec<(&'static str, f64)>;

/// Compares `entries` with ten thousand.
pub(crate) fn run(entries: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let few = runtime.block_on(costs(FEW));
    let little = rss_mb();
    let many = runtime.block_on(costs(entries));
    let much = rss_mb();
    println!("{FEW} and {entries} entries");
    println!(
        "{:<28} {little:>9.0} MB {much:>9.0} MB  {:>6.2}",
        "memory after it",
        much / little
    );
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        println!(
            "{what:<28} {few:>9.3} ms {many:>9.3} ms  {:>6.2}",
            many / few
        );
    }
}

async fn costs(entries: usize) -> Costs {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        path: folder.path().join("bench.db"),
        exclusive: true,
        readers: 2,
    };
    let store = Store::open(options.clone()).await.unwrap();
    // As many feeds in both: only what is stored differs.
    let feeds = FEW / DOCUMENT;
    let mut now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    store.sync_feeds(specs(feeds), now).await.unwrap();
    let step = Duration::from_secs(180 * 86_400) / u32::try_from(entries / FEW).unwrap();
    for round in 0..entries / FEW {
        fill(&store, feeds, round, now).await;
        now += step;
    }
    store.search(query()).await.unwrap();
    store.maintain(now).await.unwrap();
    let mut costs = questions(&store, feeds, entries / FEW, now).await;
    costs.push((
        "rendering of a merged feed",
        renderings(&store, feeds, entries, now).await,
    ));
    store.close().await.unwrap();
    drop(store);
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let store = Store::open(options.clone()).await.unwrap();
        times.push(begun.elapsed());
        store.close().await.unwrap();
    }
    costs.push(("open", median(times)));
    costs
}

async fn questions(store: &Store, feeds: usize, round: usize, now: Timestamp) -> Costs {
    let mut costs = Costs::new();
    let page = |groups: &[&str]| Selection {
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        limit: 50,
        ..Selection::default()
    };
    costs.push(("commit of a poll", {
        let mut times = Vec::new();
        for index in 0..TIMES {
            let commit = commit(store, index % feeds, (round + index / feeds, 1), now).await;
            let begun = Instant::now();
            store.commit_poll(commit, judge()).await.unwrap();
            times.push(begun.elapsed());
        }
        median(times)
    }));
    macro_rules! timed {
        ($what:literal, $question:expr) => {{
            let mut times = Vec::new();
            for _ in 0..TIMES {
                let begun = Instant::now();
                $question.await.unwrap();
                times.push(begun.elapsed());
            }
            costs.push(($what, median(times)));
        }};
    }
    timed!("page of everything", store.select_stories(page(&["*"])));
    timed!("page of a group", store.select_stories(page(&["tenth"])));
    timed!(
        "page of a rare group",
        store.select_stories(page(&["rare"]))
    );
    let until = store.last_seq().await.unwrap();
    let window = Selection {
        window: Some((StorySeq(until.0 - 50), until)),
        ..page(&["*"])
    };
    timed!("window of an edition", store.select_stories(window.clone()));
    timed!("page of search", store.search(query()));
    timed!("due feeds", store.due_feeds(now, 256));
    timed!("facts", store.facts());
    costs
}

/// From a new story to the shelf: selecting, rendering in every format, checking, coding, recording. The archive is
/// caught up with before, as a daemon is that has run for a while.
async fn renderings(store: &Store, feeds: usize, entries: usize, now: Timestamp) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feedmill.toml");
    let config =
        "[[feed]]\nurl = \"https://site0.example/feed\"\n[publish.all]\ngroups = [\"*\"]\n";
    std::fs::write(&path, config).unwrap();
    let config = load(&path, &Overrides::default()).unwrap_or_else(|_| panic!("a bad config"));
    let tools = Tools {
        store: store.clone(),
        rules: Rules::compile(&config.filters).unwrap(),
        shelf: Shelf::default(),
        clock: Clock::manual(now),
        metrics: Metrics::default(),
    };
    let clock = tools.clock.clone();
    let theme = Arc::new(Theme::load(None).unwrap());
    let releaser = Releaser::new(Arc::new(config), theme, tools);
    for _ in 0..entries / FEW + 2 {
        releaser.refresh().await.unwrap();
    }
    let mut times = Vec::new();
    for index in 0..TIMES {
        let round = (entries / FEW + 1 + index / feeds, 1);
        clock.advance(Duration::from_secs(1));
        let commit = commit(store, (index + TIMES) % feeds, round, clock.now()).await;
        store.commit_poll(commit, judge()).await.unwrap();
        let begun = Instant::now();
        let report = releaser.refresh().await.unwrap();
        times.push(begun.elapsed());
        assert!(!report.touched_outputs.is_empty(), "nothing was rendered");
    }
    median(times)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn query() -> SearchQuery {
    SearchQuery {
        text: "harvest bridge".to_owned(),
        limit: 20,
        ..SearchQuery::default()
    }
}

fn judge() -> Arc<dyn Judge> {
    Arc::new(Matcher::default())
}

fn specs(feeds: usize) -> Vec<FeedSpec> {
    let groups = |number: usize| {
        let of = [("tenth", 10), ("rare", 250)];
        let carried = of.iter().filter(|(_, each)| number.is_multiple_of(*each));
        carried.map(|(name, _)| (*name).to_owned()).collect()
    };
    let spec = |number: usize| FeedSpec {
        key: format!("feed{number}"),
        url: format!("https://site{number}.example/feed"),
        title: Some(format!("Site {number}")),
        groups: groups(number),
        priority: 0,
        enabled: true,
        spread: Duration::ZERO,
    };
    (0..feeds).map(spec).collect()
}

/// One document of each feed, committed as the poller does: many at once.
async fn fill(store: &Store, feeds: usize, round: usize, now: Timestamp) {
    let mut commits = tokio::task::JoinSet::new();
    for feed in 0..feeds {
        let commit = commit(store, feed, (round, DOCUMENT), now).await;
        let store = store.clone();
        commits.spawn(async move { store.commit_poll(commit, judge()).await.unwrap() });
        if commits.len() >= 256 {
            commits.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = commits.join_next().await {
        done.unwrap();
    }
}

async fn commit(
    store: &Store,
    feed: usize,
    (round, count): (usize, usize),
    now: Timestamp,
) -> PollCommit {
    let mut state = store.feed(&format!("feed{feed}")).await.unwrap().unwrap();
    state.next_poll_at = now + Duration::from_secs(3600);
    state.memory.seeded = true;
    let entries = (0..count).map(|index| entry(feed, round * 100 + index, now));
    PollCommit {
        state,
        meta: None,
        entries: entries.collect(),
        completed: Vec::new(),
        withdrawn: Vec::new(),
        host: None,
        seen_at: now,
        max_new: DOCUMENT,
    }
}

fn entry(feed: usize, number: usize, now: Timestamp) -> IncomingEntry {
    let mut dice = Dice::new((feed as u64) << 32 | number as u64);
    let (title, text) = (dice.words(8), dice.words(90));
    let id = format!("tag:site{feed}.example,2026:{number}");
    let mut print = [0; 32];
    print[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let entry = ParsedEntry {
        key: id.clone(),
        publisher_id: Some(id),
        link: Some(format!("https://site{feed}.example/{number}")),
        title,
        authors: Vec::new(),
        summary_html: None,
        content_html: Some(SafeHtml::vouched(format!("<p>{text}</p>"))),
        text,
        published_at: Some(now),
        updated_at: None,
        date_flag: None,
        enclosures: Vec::new(),
        categories: Vec::new(),
        links: Vec::new(),
        source: None,
        language: Some("en".to_owned()),
        rights: None,
        fingerprint: Fingerprint(print),
    };
    let keys = Matcher::default().keys(&entry, None);
    IncomingEntry {
        entry,
        verdict: Verdict::Keep,
        tags: Vec::new(),
        keys,
    }
}
