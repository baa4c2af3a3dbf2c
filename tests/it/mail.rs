//! The mail flow on a real store and a real socket: windows that tile, one catch-up, leaving in mid-edition, nothing
//! lost over faults and restarts. And which edition is owed when, by hand from the zone database.

use std::sync::Arc;
use std::time::Duration;

use feedmill::clock::Clock;
use feedmill::config::{Config, Overrides, load};
use feedmill::digest::token;
use feedmill::filter::Rules;
use feedmill::mail::slots::{Owed, owed};
use feedmill::mail::{Ground, Look, Mailer, sync};
use feedmill::model::{
    EditionRecord, EditionStanding, MessageStanding, MessageView, StorySeq, SubscriberStanding,
};
use feedmill::schedule::cron::CronSchedule;
use feedmill::telemetry::Metrics;
use jiff::tz::TimeZone;
use mailparse::{MailHeaderMap as _, parse_mail};
use tokio_util::sync::CancellationToken;

use crate::store::bench::{Bench, at, entry};
use crate::support::smtp::{Act, Peer, Script};

/// A store, a server, and the flow between them.
pub(crate) struct Post {
    pub(crate) bench: Bench,
    pub(crate) peer: Peer,
    pub(crate) clock: Clock,
    pub(crate) config: Arc<Config>,
    entries: usize,
}

const MORNING: &str = "2026-03-02T06:00:00Z";

impl Post {
    pub(crate) async fn start(script: Script, to: &[&str], more: &str) -> Self {
        let bench = Bench::new().await;
        let peer = Peer::start(script).await;
        let names: Vec<String> = to
            .iter()
            .map(|name| format!("\"{name}@example.net\""))
            .collect();
        let text = format!(
            "[http]\npublic_url = \"https://news.example.org/\"\n[[feed]]\nurl = \"https://a.example/feed\"\nname = \"a\"\ngroups = [\"all\"]\n\
             [publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\n\
             [digest.morning]\npublish = \"all\"\ncron = \"30 6 * * *\"\ntimezone = \"UTC\"\nfrom = \"News <news@example.org>\"\nto = [{}]\n{more}\n\
             [mail]\nsmtp = \"127.0.0.1:{}\"\ntls = \"none\"\nconnections = 2\n",
            names.join(", "),
            peer.address.port()
        );
        let path = bench.folder.path().join("feedmill.toml");
        std::fs::write(&path, text).unwrap();
        let config = load(&path, &Overrides::default()).unwrap_or_else(|complaints| {
            panic!(
                "{}",
                feedmill::config::render_complaints(&complaints.list, &complaints.files)
            )
        });
        let clock = Clock::manual(at(MORNING));
        sync(&bench.store, &config, clock.now()).await.unwrap();
        bench.feeds(&["a"], MORNING).await;
        let post = Self {
            bench,
            peer,
            clock,
            config: Arc::new(config),
            entries: 0,
        };
        post.mailer().freeze_due(post.clock.now()).await.unwrap();
        post
    }

    /// A flow as a restart makes it.
    pub(crate) fn mailer(&self) -> Mailer {
        let ground = Ground {
            config: self.config.clone(),
            rules: Rules::default(),
            clock: self.clock.clone(),
            metrics: Metrics::default(),
        };
        Mailer::new(self.bench.store.clone(), ground)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// `n` new stories at the clock's time.
    pub(crate) async fn publish(&mut self, n: usize) {
        let fresh = (1..=n).map(|i| format!("Story {}", self.entries + i));
        let entries = fresh.map(|title| entry(&title, &title)).collect();
        self.entries += n;
        let mut state = self.bench.state("a").await;
        state.next_poll_at = self.clock.now();
        self.bench
            .poll_as(state, &self.clock.now().to_string(), entries)
            .await;
    }

    /// Another server from now on.
    pub(crate) async fn serve(&mut self, script: Script) {
        let path = self.bench.folder.path().join("feedmill.toml");
        let old = format!(":{}\"", self.peer.address.port());
        self.peer = Peer::start(script).await;
        let new = format!(":{}\"", self.peer.address.port());
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(&old, &new)).unwrap();
        self.config = Arc::new(load(&path, &Overrides::default()).unwrap_or_else(|_| panic!()));
    }

    /// Moves the clock to `instant`, freezes what is due, and drains.
    pub(crate) async fn run_at(&self, instant: &str) {
        self.clock.set(at(instant));
        let mailer = self.mailer();
        mailer.freeze_due(self.clock.now()).await.unwrap();
        mailer.drain(&CancellationToken::new()).await.unwrap();
    }

    /// One line an edition, oldest first: slot, window, standing.
    pub(crate) async fn editions(&self) -> Vec<String> {
        let mut editions = self.bench.store.editions("morning", 100).await.unwrap();
        editions.reverse();
        let line = |e: &feedmill::model::EditionRecord| {
            let empty = if e.standing == EditionStanding::Empty {
                " empty"
            } else {
                ""
            };
            format!(
                "{} {}..{}{empty}",
                e.slot_at.strftime("%d %H:%M"),
                e.after.0,
                e.until.0
            )
        };
        editions.iter().map(line).collect()
    }

    /// The newest edition.
    pub(crate) async fn newest(&self) -> EditionRecord {
        let editions = self.bench.store.editions("morning", 1).await;
        editions.unwrap().remove(0)
    }

    /// Its mails, as they are kept.
    pub(crate) async fn kept(&self) -> Vec<MessageView> {
        let edition = self.newest().await.id;
        self.bench.store.edition_messages(edition).await.unwrap()
    }

    /// Recipient and stories of each mail taken: "an: 1 2".
    pub(crate) fn mails(&self) -> Vec<String> {
        let mut mails: Vec<String> = self
            .peer
            .taken()
            .iter()
            .map(|taken| {
                let mail = parse_mail(&taken.bytes).unwrap();
                let text = mail.subparts[0].get_body().unwrap();
                let mut stories: Vec<usize> = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("Story ")?.parse().ok())
                    .collect();
                stories.sort_unstable();
                let stories: Vec<String> = stories.iter().map(usize::to_string).collect();
                format!(
                    "{}: {}",
                    taken.to.split('@').next().unwrap(),
                    stories.join(" ")
                )
            })
            .collect();
        mails.sort();
        mails
    }
}

#[tokio::test]
async fn windows_tile_over_restarts_downtime_and_a_clock_set_back() {
    let mut post = Post::start(Script::default(), &["an", "bo"], "").await;
    post.publish(2).await;
    post.run_at("2026-03-02T06:29:59Z").await;
    assert!(post.editions().await.is_empty());
    post.run_at("2026-03-02T06:30:00Z").await;
    post.run_at("2026-03-02T06:30:01Z").await;
    post.run_at("2026-03-02T06:00:00Z").await;
    post.run_at("2026-03-03T06:30:30Z").await;
    post.publish(1).await;
    // Down for three days: one edition makes up for all.
    post.run_at("2026-03-06T09:00:00Z").await;
    post.publish(1).await;
    post.run_at("2026-03-07T06:30:00Z").await;
    assert_eq!(
        post.editions().await,
        [
            "02 06:30 0..2",
            "03 06:30 2..2 empty",
            "06 06:30 2..3",
            "07 06:30 3..4"
        ]
    );
    assert_eq!(
        post.mails(),
        ["an: 1 2", "an: 3", "an: 4", "bo: 1 2", "bo: 3", "bo: 4"]
    );
    let catch_up = &post.peer.taken()[2].bytes;
    let text = parse_mail(catch_up).unwrap().subparts[0]
        .get_body()
        .unwrap();
    assert!(
        text.contains("From Tuesday, 3 March 2026 to Friday, 6 March 2026"),
        "{text}"
    );
}

#[tokio::test]
async fn a_clock_far_ahead_is_not_believed() {
    let mut post = Post::start(Script::default(), &["an"], "").await;
    post.publish(1).await;
    post.run_at("2026-03-02T06:30:00Z").await;
    post.publish(1).await;
    post.run_at("2031-01-01T12:00:00Z").await;
    assert_eq!(post.editions().await.len(), 1);
    post.run_at("2026-03-03T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1", "an: 2"]);
}

#[tokio::test]
async fn a_mail_tells_who_sent_it_and_how_to_leave() {
    let mut post = Post::start(Script::default(), &["an"], "").await;
    post.publish(3).await;
    post.run_at("2026-03-02T06:30:00Z").await;
    let taken = &post.peer.taken()[0];
    assert_eq!(taken.from.split('>').next(), Some("<news@example.org"));
    let mail = parse_mail(&taken.bytes).unwrap();
    let link = mail.headers.get_first_value("List-Unsubscribe").unwrap();
    let word = link
        .trim_matches(['<', '>'])
        .strip_prefix("https://news.example.org/unsubscribe/")
        .unwrap();
    let store = &post.bench.store;
    let holder = token::claimed(word).unwrap();
    let spec = store.subscriber(holder).await.unwrap().unwrap().spec;
    assert_eq!(spec.address, "an@example.net");
    let key = store.secret_key();
    assert_eq!(
        token::read(token::UNSUBSCRIBE, "morning", word, &key),
        Some(holder)
    );
    for _ in 0..2 {
        let left = store.unsubscribe(holder, "asked", post.clock.now());
        let left = left.await.unwrap().unwrap();
        assert_eq!(left.standing, SubscriberStanding::Unsubscribed);
    }
    // The config still names them: they stay away.
    sync(store, &post.config, post.clock.now()).await.unwrap();
    post.publish(1).await;
    post.run_at("2026-03-03T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1 2 3"]);
}

#[tokio::test]
async fn who_leaves_while_the_edition_runs_gets_no_more_of_it() {
    let acts = [("MAIL", Act::Say("451 4.3.0 later"))].into();
    let mut post = Post::start(
        Script {
            acts,
            ..Script::default()
        },
        &["an"],
        "",
    )
    .await;
    post.publish(1).await;
    post.run_at("2026-03-02T06:30:00Z").await;
    let store = &post.bench.store;
    let subscriber = store.subscribers("morning").await.unwrap().remove(0);
    store
        .unsubscribe(subscriber.id, "asked", post.clock.now())
        .await
        .unwrap();
    assert_eq!(
        post.kept()
            .await
            .iter()
            .map(|view| view.standing)
            .collect::<Vec<_>>(),
        [MessageStanding::Withdrawn]
    );
}

#[tokio::test]
async fn what_never_went_out_is_merged_into_the_next_edition_and_the_next() {
    // Two days of a recipient deferred: the third edition carries all three days, once.
    let recipients = [("an@example.net", Act::Say("451 4.7.1 greylisted"))].into();
    let mut post = Post::start(
        Script {
            recipients,
            ..Script::default()
        },
        &["an", "bo"],
        "",
    )
    .await;
    for day in 2..=3 {
        post.publish(1).await;
        post.run_at(&format!("2026-03-0{day}T06:30:00Z")).await;
    }
    post.publish(1).await;
    assert_eq!(post.mails(), ["bo: 1", "bo: 2"]);
    post.serve(Script::default()).await;
    post.run_at("2026-03-04T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1 2 3", "bo: 3"]);
    // The page that the mails lead to tells what any of them does, and so do the edition's number and subject.
    let edition = post.newest().await;
    let page = post
        .bench
        .store
        .edition_page(edition.id)
        .await
        .unwrap()
        .unwrap();
    for n in 1..=3 {
        assert!(page.contains(&format!("Story {n}<")), "{page}");
    }
    assert_eq!(edition.stories, 3);
    assert!(
        edition.subject.contains("3 new stories"),
        "{}",
        edition.subject
    );
}

#[tokio::test]
async fn a_mail_that_may_have_arrived_is_repeated_not_merged() {
    let after_dot = Some((1, Act::Close));
    let mut post = Post::start(
        Script {
            after_dot,
            ..Script::default()
        },
        &["an"],
        "",
    )
    .await;
    post.publish(1).await;
    post.run_at("2026-03-02T06:30:00Z").await;
    post.publish(1).await;
    post.run_at("2026-03-03T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1", "an: 1", "an: 2"]);
    let taken = post.peer.taken();
    let repeats: Vec<_> = taken
        .iter()
        .filter(|mail| mail.bytes == taken[0].bytes)
        .collect();
    assert_eq!(repeats.len(), 2, "the repeat has the same bytes");
}

#[tokio::test]
async fn one_refused_recipient_does_not_stop_the_others() {
    let recipients = [("bo@example.net", Act::Say("550 5.1.1 unknown"))].into();
    let script = Script {
        recipients,
        session_limit: Some((1, Act::Say("452 4.5.3 too many"))),
        ..Script::default()
    };
    let mut post = Post::start(script, &["an", "bo", "cy", "du"], "").await;
    post.publish(1).await;
    post.run_at("2026-03-02T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1", "cy: 1", "du: 1"]);
    assert_eq!(post.newest().await.messages, (0, 3, 1));
    let kept = post.kept().await;
    let bo = kept
        .iter()
        .find(|view| view.standing == MessageStanding::Failed);
    let reply = bo.unwrap().reply.as_deref();
    assert_eq!(reply, Some("550 5.1.1 unknown"));
}

#[tokio::test]
async fn a_server_that_is_down_costs_no_attempts() {
    let acts = [("connect", Act::SayAndClose("421 4.3.2 down"))].into();
    let mut post = Post::start(
        Script {
            acts,
            ..Script::default()
        },
        &["an"],
        "",
    )
    .await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    let mailer = post.mailer();
    assert_eq!(mailer.pause(), None);
    mailer.freeze_due(post.clock.now()).await.unwrap();
    mailer.drain(&CancellationToken::new()).await.unwrap();
    let (until, reason) = mailer.pause().unwrap();
    assert_eq!(until, at("2026-03-02T06:30:15Z"));
    assert!(reason.contains("4.3.2 down"), "{reason}");
    let messages = post.kept().await;
    assert_eq!(
        (messages[0].standing, messages[0].message.attempts),
        (MessageStanding::Queued, 0)
    );
    assert!(post.bench.store.next_message_at().await.unwrap().unwrap() > post.clock.now());
}

#[tokio::test]
async fn empty_days_are_skipped_or_told() {
    for (policy, mails) in [("empty = \"skip\"", 0), ("empty = \"send\"", 1)] {
        let post = Post::start(Script::default(), &["an"], policy).await;
        post.run_at("2026-03-02T06:30:00Z").await;
        assert_eq!(
            (post.editions().await.len(), post.peer.taken().len()),
            (1, mails),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a_preview_changes_nothing_and_a_test_copy_is_not_recorded() {
    let mut post = Post::start(Script::default(), &["an"], "").await;
    post.publish(2).await;
    let mailer = post.mailer();
    let reader = post
        .bench
        .store
        .subscribers("morning")
        .await
        .unwrap()
        .remove(0);
    let now = post.clock.now();
    let look = Look {
        reader: Some(&reader),
        ..Look::default()
    };
    let preview = mailer.preview("morning", look, now).await.unwrap();
    assert_eq!(preview.rendition.total, 2);
    mailer
        .send_test("morning", "me@example.net", now)
        .await
        .unwrap();
    let taken = &post.peer.taken()[0];
    assert_eq!(taken.to, "me@example.net");
    let mail = parse_mail(&taken.bytes).unwrap();
    assert!(
        mail.headers
            .get_first_value("Subject")
            .unwrap()
            .starts_with("[test] ")
    );
    assert!(mail.headers.get_first_value("List-Unsubscribe").is_none());
    assert!(post.editions().await.is_empty());
    assert_eq!(
        post.bench
            .store
            .lane("morning", "UTC", now)
            .await
            .unwrap()
            .until,
        StorySeq(0)
    );
    post.run_at("2026-03-02T06:30:00Z").await;
    assert_eq!(post.mails(), ["an: 1 2", "me: 1 2"]);
}

#[tokio::test]
async fn a_running_flow_ends_when_it_is_told() {
    let mut post = Post::start(Script::default(), &["an"], "").await;
    post.publish(1).await;
    post.clock.set(at("2026-03-02T06:30:00Z"));
    let (stop, wake) = (
        CancellationToken::new(),
        Arc::new(tokio::sync::Notify::new()),
    );
    let mailer = post.mailer();
    let flow = mailer.run(stop.clone(), wake);
    let watch = async {
        while post.peer.taken().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(flow, watch);
    assert_eq!(post.newest().await.messages, (0, 1, 0));
}

/// What `cron` in `zone` owes at `now` when `last` was the last slot.
#[track_caller]
fn check_owed(cron: &str, zone: &str, last: &str, now: &str, expected: Option<(&str, bool)>) {
    let (cron, zone) = (
        CronSchedule::compile(cron).unwrap(),
        TimeZone::get(zone).unwrap(),
    );
    let found = owed(
        &|after| cron.next_after(after, &zone),
        at(last),
        at(now),
        true,
    );
    let expected = expected.map_or(Owed::Nothing, |(slot, missed)| Owed::Slot {
        slot_at: at(slot),
        since_at: missed.then(|| at(last)),
    });
    assert_eq!(found, expected);
}

#[test]
fn gaps_and_folds_owe_one_edition() {
    // Berlin 2026-03-29: 02:00 becomes 03:00, so that 02:30 does not exist.
    let gap = ("30 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00Z");
    check_owed(gap.0, gap.1, gap.2, "2026-03-29T00:59:59Z", None);
    check_owed(
        gap.0,
        gap.1,
        gap.2,
        "2026-03-29T01:45:00Z",
        Some(("2026-03-29T01:00:00Z", false)),
    );
    check_owed(
        gap.0,
        gap.1,
        "2026-03-29T01:00:00Z",
        "2026-03-29T23:00:00Z",
        None,
    );
    // New York 2026-11-01: 01:30 comes twice, at 05:30Z and 06:30Z.
    let fold = ("30 1 * * *", "America/New_York");
    check_owed(
        fold.0,
        fold.1,
        "2026-10-31T05:30:00Z",
        "2026-11-01T05:30:00Z",
        Some(("2026-11-01T05:30:00Z", false)),
    );
    check_owed(
        fold.0,
        fold.1,
        "2026-11-01T05:30:00Z",
        "2026-11-01T06:30:00Z",
        None,
    );
}

#[test]
fn missed_slots_are_one_and_a_near_one_is_waited_for() {
    let daily = ("30 6 * * *", "UTC", "2026-03-02T06:30:00Z");
    check_owed(
        daily.0,
        daily.1,
        daily.2,
        "2026-03-05T07:00:00Z",
        Some(("2026-03-05T06:30:00Z", true)),
    );
    // Back at 03:00, three and a half hours before the next: that one carries all.
    check_owed(daily.0, daily.1, daily.2, "2026-03-05T03:00:00Z", None);
    check_owed(
        daily.0,
        daily.1,
        daily.2,
        "2026-03-05T06:30:00Z",
        Some(("2026-03-05T06:30:00Z", true)),
    );
    // Every minute, for a month: found without walking through it.
    check_owed(
        "* * * * *",
        "UTC",
        daily.2,
        "2026-04-02T06:30:30Z",
        Some(("2026-04-02T06:30:00Z", true)),
    );
    check_owed(daily.0, daily.1, daily.2, "2026-03-01T00:00:00Z", None);
    // Silent for four years by right.
    check_owed(
        "0 8 29 2 *",
        "UTC",
        "2028-02-29T08:00:00Z",
        "2032-02-29T08:00:00Z",
        Some(("2032-02-29T08:00:00Z", false)),
    );
    let (cron, utc) = (CronSchedule::compile(daily.0).unwrap(), TimeZone::UTC);
    let far = at(daily.2) + Duration::from_secs(402 * 86_400);
    assert_eq!(
        owed(
            &|after| cron.next_after(after, &utc),
            at(daily.2),
            far,
            true
        ),
        Owed::Unbelievable
    );
}
