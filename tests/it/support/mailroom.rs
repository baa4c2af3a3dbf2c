//! The mail flow over a real store with a clock moved by hand; mail leaves into a Maildir. A reload is a new config over
//! the same store.

use std::collections::BTreeMap;
use std::sync::Arc;

use feedmill::clock::Clock;
use feedmill::config::{Config, Overrides, load, render_complaints};
use feedmill::filter::Rules;
use feedmill::mail::{Ground, Mailer, sync};
use feedmill::model::{EditionRecord, IncomingEntry, MessageView};
use feedmill::telemetry::Metrics;
use mailparse::parse_mail;
use tokio_util::sync::CancellationToken;

use crate::store::bench::{Bench, at, entry};

/// Store, clock and config.
pub(crate) struct Mailroom {
    pub(crate) bench: Bench,
    pub(crate) clock: Clock,
    pub(crate) config: Arc<Config>,
    stories: usize,
}

impl Mailroom {
    /// Feeds `a` and `b`, and what `more` says of merged feeds and digests, first seen at `now`.
    pub(crate) async fn new(more: &str, now: &str) -> Self {
        let bench = Bench::new().await;
        let clock = Clock::manual(at(now));
        let config = read(&bench, more);
        bench.feeds(&["a", "b"], now).await;
        let room = Self {
            bench,
            clock,
            config,
            stories: 0,
        };
        sync(&room.bench.store, &room.config, room.clock.now())
            .await
            .unwrap();
        room.look().await;
        room
    }

    /// A reload with another config.
    pub(crate) async fn configure(&mut self, more: &str) {
        self.config = read(&self.bench, more);
        sync(&self.bench.store, &self.config, self.clock.now())
            .await
            .unwrap();
    }

    /// A flow as a restart makes it.
    pub(crate) fn mailer(&self) -> Mailer {
        let rules =
            Rules::compile(&self.config.filters).unwrap_or_else(|problems| panic!("{problems:?}"));
        let ground = Ground {
            config: self.config.clone(),
            rules,
            clock: self.clock.clone(),
            metrics: Metrics::default(),
        };
        Mailer::new(self.bench.store.clone(), ground)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// Freezes what is due and sends what is queued.
    pub(crate) async fn look(&self) {
        let mailer = self.mailer();
        mailer.freeze_due(self.clock.now()).await.unwrap();
        mailer.drain(&CancellationToken::new()).await.unwrap();
    }

    /// Moves the clock, then does what is due.
    pub(crate) async fn look_at(&self, instant: &str) {
        self.clock.set(at(instant));
        self.look().await;
    }

    /// The next story, "Story N", in feed `a`.
    pub(crate) async fn story(&mut self) {
        self.stories += 1;
        let title = format!("Story {}", self.stories);
        self.entry("a", entry(&title, &title)).await;
    }

    /// An entry in a feed, seen now.
    pub(crate) async fn entry(&self, feed: &str, entry: IncomingEntry) {
        let mut state = self.bench.state(feed).await;
        state.next_poll_at = self.clock.now();
        self.bench
            .poll_as(state, &self.clock.now().to_string(), vec![entry])
            .await;
    }

    /// Editions of a digest, oldest first.
    pub(crate) async fn editions(&self, digest: &str) -> Vec<EditionRecord> {
        let mut editions = self.bench.store.editions(digest, 1000).await.unwrap();
        editions.sort_by_key(|edition| edition.id);
        editions
    }

    /// Plain text of every mail of a digest by recipient, in the order frozen.
    pub(crate) async fn texts(&self, digest: &str) -> BTreeMap<String, Vec<String>> {
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for edition in self.editions(digest).await {
            let messages = self.bench.store.edition_messages(edition.id).await.unwrap();
            for MessageView { message, .. } in messages {
                let mail = parse_mail(&message.bytes).unwrap();
                let text = mail.subparts[0].get_body().unwrap();
                texts.entry(message.envelope_to).or_default().push(text);
            }
        }
        texts
    }

    /// Numbers of the stories in every mail, by recipient: "1 2, 3".
    pub(crate) async fn numbers(&self, digest: &str) -> BTreeMap<String, String> {
        let one = |text: &String| {
            let mut numbers: Vec<usize> = text
                .lines()
                .filter_map(|line| line.strip_prefix("Story ")?.parse().ok())
                .collect();
            numbers.sort_unstable();
            let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
            numbers.join(" ")
        };
        let texts = self.texts(digest).await;
        let line = |texts: Vec<String>| texts.iter().map(one).collect::<Vec<_>>().join(", ");
        texts
            .into_iter()
            .map(|(to, texts)| (to, line(texts)))
            .collect()
    }
}

fn read(bench: &Bench, more: &str) -> Arc<Config> {
    let text = format!(
        "[http]\npublic_url = \"https://news.example.org/\"\n\
         [[feed]]\nurl = \"https://a.example/feed\"\nname = \"a\"\ngroups = [\"all\"]\n\
         [[feed]]\nurl = \"https://b.example/feed\"\nname = \"b\"\ngroups = [\"all\"]\n\
         [mail]\nmaildir = \"mail\"\n{more}\n"
    );
    let path = bench.folder.path().join("feedmill.toml");
    std::fs::write(&path, text).unwrap();
    let config = load(&path, &Overrides::default());
    Arc::new(
        config.unwrap_or_else(|wrong| panic!("{}", render_complaints(&wrong.list, &wrong.files))),
    )
}
