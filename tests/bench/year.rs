//! A year of made-up feeds with a known truth, polled through the whole flow from files: new stories, edits, reposts by
//! aggregators, sites that move, archives under new ids, entries published again, archives that leak, floods, takeovers.
//! A reader looks at the merged feed at every evening and remembers ids, as feed readers do. Seeded: the same numbers give
//! the same year. Every item carries its truth as a category, which identity does not look at.

#![allow(
    clippy::unwrap_used,
    reason = "what cannot be lived through may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use feedmill::clock::Clock;
use feedmill::config::{self, Overrides};
use feedmill::fetch::{Fetcher, Hosts};
use feedmill::filter::Rules;
use feedmill::model::{FeedStanding, Standing, StoryId};
use feedmill::poll::{FirstPolls, Parts, Poller, Settings, feed_specs};
use feedmill::store::{Store, StoreOptions};
use feedmill::story::Matcher;
use feedmill::telemetry::Metrics;
use jiff::Timestamp;

#[path = "year/feeds.rs"]
mod feeds;
#[path = "year/reader.rs"]
mod reader;

use feeds::Planet;
use reader::Reader;

/// How large a year.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Feeds.
    pub(super) feeds: usize,
    /// Days.
    pub(super) days: u32,
    /// Of the generator.
    pub(super) seed: u64,
    /// How many times as much befalls a feed as in a common year.
    pub(super) haste: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Score {
    /// Polls that ended.
    pub(super) polls: usize,
    /// Things that feeds told, each counted once wherever it appeared.
    pub(super) truths: usize,
    /// Entries stored.
    pub(super) entries: usize,
    /// Stories shown.
    pub(super) stories: usize,
    /// Copies by aggregators.
    pub(super) copies: usize,
    /// Copies shown as a story of their own.
    pub(super) split: usize,
    /// Truths that share a story with another one.
    pub(super) wrongly_joined: usize,
    /// Truths that one and the same feed showed twice.
    pub(super) repeated: usize,
    /// Truths that were overwritten by another one.
    pub(super) lost: usize,
    /// Feeds taken over, and of them those quarantined.
    pub(super) takeovers: (usize, usize),
    /// Entries of intruders that were shown.
    pub(super) spam_shown: usize,
    /// Entries that came in floods, and of them those shown.
    pub(super) flooded: (usize, usize),
    /// Honest feeds in quarantine.
    pub(super) wrongly_quarantined: usize,
    /// Truths that the reader of the merged feed got again under another id.
    pub(super) read_again: usize,
    /// Stories that the reader never got, since another one had their id.
    pub(super) hidden: usize,
    /// What happened, by name.
    pub(super) events: BTreeMap<&'static str, usize>,
    /// Entries that were joined wrongly or repeated, for people.
    pub(super) cases: Vec<String>,
}

/// Lives through it.
#[must_use]
pub(super) fn live(size: Size) -> Score {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(lived(size))
}

async fn lived(size: Size) -> Score {
    let folder = tempfile::tempdir().unwrap();
    let mut planet = Planet::new(size.feeds, size.seed, size.haste);
    let clock = Clock::manual(instant(0));
    planet.write(folder.path());
    let (store, poller, mut reader) = mill(folder.path(), size.feeds, &clock).await;
    let mut polls = 0;
    for day in 0..size.days {
        if day > 0 {
            planet.live(i64::from(day));
            planet.write(folder.path());
        }
        clock.set(instant(i64::from(day)));
        let summary = poller.poll_due().await.unwrap();
        assert_eq!(
            (summary.polled, summary.failed),
            (size.feeds, 0),
            "day {day}"
        );
        polls += summary.polled;
        reader.read().await;
    }
    let mut score = judged(&store, &planet).await;
    score.polls = polls;
    (score.read_again, score.hidden) = (reader.again, reader.hidden);
    store.close().await.unwrap();
    score
}

/// An hour before midnight: everything of the day is out.
fn instant(day: i64) -> Timestamp {
    Timestamp::from_second(feeds::BEGIN_S + day * 86_400 + 23 * 3600).unwrap()
}

async fn mill(folder: &Path, count: usize, clock: &Clock) -> (Store, Poller, Reader) {
    let path = folder.join("feedmill.toml");
    let feed = |number: usize| {
        let file = folder.join(format!("{number}.xml"));
        format!(
            "[[feed]]\nname = \"f{number}\"\nurl = \"file://{}\"\n",
            file.display()
        )
    };
    let text: String = (0..count).map(feed).collect();
    let merged = "[publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\nlimit = 1000\nper_feed = 0\nformats = [\"json\"]\n\
        content = \"title\"\nmax_size = \"100MiB\"\n";
    std::fs::write(
        &path,
        format!("[fetch]\nmax_interval = \"12h\"\n{merged}{text}"),
    )
    .unwrap();
    let config =
        config::load(&path, &Overrides::default()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let options = StoreOptions {
        path: folder.join("feedmill.db"),
        exclusive: true,
        readers: 2,
    };
    let store = Store::open(options).await.unwrap();
    store
        .sync_feeds(feed_specs(&config, FirstPolls::AtOnce), clock.now())
        .await
        .unwrap();
    let poller = Poller::new(Parts {
        store: store.clone(),
        fetcher: Fetcher::new(&config.fetch, &config.feeds).unwrap(),
        hosts: Hosts::new(&config.fetch, &config.feeds),
        rules: Rules::default(),
        matcher: Matcher::default(),
        settings: Settings::of(&config),
        clock: clock.clone(),
        metrics: Metrics::default(),
        touched: Arc::default(),
        draw: Arc::new(|| 0.0),
    });
    let reader = Reader::new(store.clone(), config, clock.clone());
    (store, poller, reader)
}

/// One stored entry as far as the truth is concerned.
struct Told {
    truth: usize,
    feed: String,
    standing: Standing,
    story: Option<StoryId>,
    /// Key, link and title, for people.
    face: String,
}

async fn told(store: &Store) -> Vec<Told> {
    let (mut told, mut before) = (Vec::new(), None);
    loop {
        let page = store.entries_before(before, 500).await.unwrap();
        let Some((last, _)) = page.last() else {
            return told;
        };
        before = Some(last.id);
        for (view, story) in page {
            let truth = view.entry.categories.iter().find_map(|category| {
                category
                    .term
                    .strip_prefix("truth-")
                    .and_then(|number| number.parse().ok())
            });
            told.push(Told {
                truth: truth.unwrap(),
                face: format!(
                    "{} {} {:?}",
                    view.entry.key,
                    view.entry.link.as_deref().unwrap_or("-"),
                    view.entry.title
                ),
                feed: view.feed.key,
                standing: view.standing,
                story,
            });
        }
    }
}

async fn judged(store: &Store, planet: &Planet) -> Score {
    let entries = told(store).await;
    let mut stories_of: HashMap<usize, HashSet<StoryId>> = HashMap::new();
    let mut truths_of: HashMap<StoryId, BTreeSet<usize>> = HashMap::new();
    let mut by_feed: HashMap<(usize, &str), usize> = HashMap::new();
    let mut spam_shown = 0;
    for entry in &entries {
        let Some(story) = entry.story.filter(|_| entry.standing == Standing::Shown) else {
            continue;
        };
        spam_shown += usize::from(planet.spam.contains(&entry.truth));
        stories_of.entry(entry.truth).or_default().insert(story);
        truths_of.entry(story).or_default().insert(entry.truth);
        *by_feed.entry((entry.truth, &entry.feed)).or_default() += 1;
    }
    let came_in_flood = |entry: &&Told| {
        let feed = planet.flooded.get(&entry.truth);
        feed.is_some_and(|feed| entry.feed == format!("f{feed}"))
    };
    let shown = |entry: &&Told| entry.standing == Standing::Shown;
    let flooded = entries.iter().filter(came_in_flood);
    let flooded = (flooded.clone().count(), flooded.filter(shown).count());
    let stored: HashSet<usize> = entries.iter().map(|entry| entry.truth).collect();
    let quarantined: BTreeSet<String> = store
        .feeds(false)
        .await
        .unwrap()
        .into_iter()
        .filter(|feed| feed.standing == FeedStanding::Quarantined)
        .map(|feed| feed.key)
        .collect();
    let taken: BTreeSet<String> = planet
        .taken
        .iter()
        .map(|number| format!("f{number}"))
        .collect();
    Score {
        polls: 0,
        truths: planet.told.len(),
        entries: entries.len(),
        stories: truths_of.len(),
        copies: planet.copies,
        split: stories_of.values().map(|stories| stories.len() - 1).sum(),
        wrongly_joined: truths_of.values().map(|truths| truths.len() - 1).sum(),
        repeated: by_feed.values().map(|count| count - 1).sum(),
        lost: planet
            .told
            .iter()
            .filter(|truth| !stored.contains(truth))
            .count(),
        takeovers: (taken.len(), taken.intersection(&quarantined).count()),
        spam_shown,
        flooded,
        read_again: 0,
        hidden: 0,
        wrongly_quarantined: quarantined.difference(&taken).count(),
        events: planet.events.clone(),
        cases: cases(&entries, &truths_of, &by_feed),
    }
}

/// One line for each entry of a story that tells two truths, and for each that its feed shows twice.
fn cases(
    entries: &[Told],
    truths_of: &HashMap<StoryId, BTreeSet<usize>>,
    by_feed: &HashMap<(usize, &str), usize>,
) -> Vec<String> {
    let is_case = |entry: &&Told| {
        let truths = entry.story.and_then(|story| truths_of.get(&story));
        let shown = by_feed.get(&(entry.truth, entry.feed.as_str()));
        truths.is_some_and(|truths| truths.len() > 1) || shown.is_some_and(|count| *count > 1)
    };
    let line = |entry: &Told| {
        let story = entry.story.map_or(0, |story| story.0);
        let Told {
            truth, feed, face, ..
        } = entry;
        format!("story {story}: truth {truth} in {feed}: {face}")
    };
    let mut cases: Vec<String> = entries.iter().filter(is_case).map(line).collect();
    cases.sort();
    cases
}

/// Lives a year with `feeds` feeds and prints what came of it.
#[allow(
    dead_code,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "for the benchmark alone"
)]
pub(super) fn run(feeds: usize) {
    let start = std::time::Instant::now();
    let size = Size {
        feeds,
        days: 365,
        seed: 5,
        haste: 1,
    };
    let score = live(size);
    println!(
        "a year of {feeds} feeds in {:.1} s: {score:#?}",
        start.elapsed().as_secs_f64()
    );
}
