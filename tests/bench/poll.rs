//! Polling: cold (everything is new) and warm (everything answers 304), beside a bare client that makes the same
//! requests. The origin is a process of its own, so that its work is not counted.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use feedmill::clock::Clock;
use feedmill::config::{self, Config, Overrides};
use feedmill::fetch::{Fetcher, Hosts};
use feedmill::filter::Rules;
use feedmill::model::{SearchQuery, SearchScope};
use feedmill::poll::{FirstPolls, Parts, Poller, Settings, Summary, feed_specs};
use feedmill::store::{Store, StoreOptions};
use feedmill::story::Matcher;
use feedmill::telemetry::Metrics;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::documents::document;
use crate::meter::{Cost, measure, peak_mb, row, rss_mb};

/// Requests in flight, as feedmill's default.
const CONCURRENCY: usize = 256;

struct Planet {
    origin: Child,
    port: u16,
    feeds: usize,
}

impl Planet {
    fn start(feeds: usize) -> Self {
        let mut origin = Command::new(std::env::current_exe().unwrap())
            .args(["origin", &feeds.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(origin.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            origin,
            port: line.trim().parse().unwrap(),
            feeds,
        }
    }

    /// Each feed on an address of its own: as many hosts as feeds.
    fn url(&self, number: usize) -> String {
        let (high, low) = (number / 250, number % 250 + 1);
        format!(
            "http://127.{}.{}.{low}:{}/{number}",
            1 + high / 250,
            high % 250,
            self.port
        )
    }

    fn config(&self, folder: &std::path::Path) -> Config {
        let mut text = String::from(
            "[store]\nurl = \"sqlite:bench.db\"\n[fetch]\nallow_networks = [\"127.0.0.0/8\"]\ninterval = \"15m\"\n",
        );
        for number in 0..self.feeds {
            text.push_str(&format!("[[feed]]\nurl = \"{}\"\n", self.url(number)));
        }
        let path = folder.join("feedmill.toml");
        std::fs::write(&path, text).unwrap();
        config::load(&path, &Overrides::default())
            .unwrap_or_else(|complaints| panic!("{complaints}"))
    }
}

impl Drop for Planet {
    fn drop(&mut self) {
        self.origin.kill().unwrap();
        self.origin.wait().unwrap();
    }
}

/// Runs the measurement with `feeds` feeds.
pub(crate) fn run(feeds: usize) {
    let planet = Planet::start(feeds);
    let folder = tempfile::tempdir().unwrap();
    let config = Arc::new(planet.config(folder.path()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let clock = Clock::manual("2026-11-23T08:00:00Z".parse().unwrap());
    let (store, poller) = runtime.block_on(poller(&config, &clock));

    println!("{feeds} feeds");
    let (summary, cold) = measure(|| runtime.block_on(poller.poll_due()).unwrap());
    row("poll, cold", cold, &told(&summary));
    // The writer indexes words when it has nothing else to do: by now, and not while something else is measured.
    let ((), indexed) = measure(|| runtime.block_on(index(&store)));
    row("what the cold poll left to be indexed", indexed, "");
    clock.advance(Duration::from_secs(3 * 24 * 3600));
    let (summary, warm) = measure(|| runtime.block_on(poller.poll_due()).unwrap());
    row("poll, warm", warm, &told(&summary));
    drop(poller);
    runtime.block_on(store.close()).unwrap();
    let bare_full = bare(&runtime, &planet, Validators::Without);
    row("bare client, full answers", bare_full, "");
    let floor = floor(&planet, folder.path());
    row("bare parser and insert", floor, "feed-rs, one row an entry");
    println!(
        "cold poll / (bare client + bare parser and insert): {:.2} of the CPU time",
        cold.cpu_s / (bare_full.cpu_s + floor.cpu_s)
    );
    let bare_304 = bare(&runtime, &planet, Validators::With);
    row("bare client, 304", bare_304, "");
    println!(
        "warm poll / bare client: {:.2} of the CPU time\n",
        warm.cpu_s / bare_304.cpu_s
    );
}

/// What a pass asked and got, and the memory of this process by then.
fn told(summary: &Summary) -> String {
    format!(
        "{} requests, {} entries, {} not modified, {:.1} MB received; memory {:.0} MB, peak {:.0} MB",
        summary.polled,
        summary.new_entries,
        summary.not_modified,
        summary.received_bytes as f64 / 1e6,
        rss_mb(),
        peak_mb()
    )
}

/// Returns once every word is indexed: a search waits for that.
async fn index(store: &Store) {
    let query = SearchQuery {
        text: "word".to_owned(),
        scope: SearchScope::Stored,
        offset: 0,
        limit: 1,
    };
    store.search(query).await.unwrap();
}

async fn poller(config: &Arc<Config>, clock: &Clock) -> (Store, Poller) {
    let options = StoreOptions {
        path: config.store.path.clone(),
        exclusive: true,
        readers: 2,
    };
    let store = Store::open(options).await.unwrap();
    store
        .sync_feeds(feed_specs(config, FirstPolls::AtOnce), clock.now())
        .await
        .unwrap();
    let poller = Poller::new(Parts {
        store: store.clone(),
        fetcher: Fetcher::new(&config.fetch, &config.feeds).unwrap(),
        hosts: Hosts::new(&config.fetch, &config.feeds),
        rules: Rules::default(),
        matcher: Matcher::default(),
        settings: Settings::of(config),
        clock: clock.clone(),
        metrics: Metrics::default(),
        touched: Arc::new(Notify::new()),
        draw: Arc::new(|| 0.5),
    });
    (store, poller)
}

/// The same documents through the bare parser into one table, some hundred feeds in a transaction.
fn floor(planet: &Planet, folder: &std::path::Path) -> Cost {
    let documents: Vec<String> = (0..planet.feeds).map(|number| document(number).1).collect();
    let mut conn = rusqlite::Connection::open(folder.join("floor.db")).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE entry (feed INTEGER, id TEXT, title TEXT, link TEXT, body TEXT, PRIMARY KEY (feed, id));",
    )
    .unwrap();
    let ((), cost) = measure(|| {
        for (chunk, documents) in documents.chunks(CONCURRENCY).enumerate() {
            let group = conn.transaction().unwrap();
            for (index, text) in documents.iter().enumerate() {
                let feed = feed_rs::parser::parse(text.as_bytes()).unwrap();
                let mut insert = group
                    .prepare_cached("INSERT OR IGNORE INTO entry VALUES (?1, ?2, ?3, ?4, ?5)")
                    .unwrap();
                for entry in feed.entries {
                    let body = entry.content.and_then(|content| content.body);
                    let body = body.or(entry.summary.map(|summary| summary.content));
                    let title = entry.title.map(|title| title.content);
                    let link = entry.links.first().map(|link| link.href.clone());
                    let feed = chunk * CONCURRENCY + index;
                    insert
                        .execute((i64::try_from(feed).unwrap(), entry.id, title, link, body))
                        .unwrap();
                }
            }
            group.commit().unwrap();
        }
    });
    cost
}

#[derive(Clone, Copy)]
enum Validators {
    With,
    Without,
}

/// The same requests with nothing around them.
fn bare(runtime: &tokio::runtime::Runtime, planet: &Planet, validators: Validators) -> Cost {
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(1)
        .build()
        .unwrap();
    let ((), cost) = measure(|| {
        runtime.block_on(async {
            let mut requests = JoinSet::new();
            for number in 0..planet.feeds {
                if requests.len() == CONCURRENCY {
                    requests.join_next().await.unwrap().unwrap();
                }
                let mut request = client
                    .get(planet.url(number))
                    .header("Accept-Encoding", "gzip");
                if matches!(validators, Validators::With) {
                    request = request.header("If-None-Match", format!("\"v1-{number}\""));
                }
                requests.spawn(async move {
                    request.send().await.unwrap().bytes().await.unwrap().len()
                });
            }
            while requests.join_next().await.is_some() {}
        });
    });
    cost
}
