//! What a poll finds beside new entries: keys used again, feeds taken over, floods, archives under new ids. Each on a
//! real store and a real socket, told by `feeds`, ended by `feeds approve`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use feedmill::cli::{Exit, Output, feeds};
use feedmill::fetch::HostGaps;
use feedmill::model::{EntryView, FeedStanding, Selection, Standing};
use feedmill::publish::{DaemonFacts, Listed, StatusView, Theme, status_page};

use crate::support::origin::Origin;
use crate::support::world::World;

const DAY: Duration = Duration::from_secs(25 * 3600);

/// Sentences with nothing in common but grammar.
pub(super) const TALES: [(&str, &str); 4] = [
    (
        "Harbour ferry goes electric",
        "The council voted to buy two battery ferries for the crossing, which cut the noise along the quay by half.",
    ),
    (
        "Bakers strike over flour prices",
        "Ovens stayed cold in ninety villages while millers and bakers argued about what a sack of wheat may cost.",
    ),
    (
        "Lost manuscript found in attic",
        "A student cataloguing old choir books came upon leaves that musicologists had believed burnt since 1741.",
    ),
    (
        "Glacier survey ends early",
        "Meltwater streams under the ice made the drilling camp unsafe, so researchers flew out three weeks ahead.",
    ),
];

pub(super) struct Item {
    pub(super) guid: String,
    pub(super) link: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) hour: usize,
}

/// Tale `at` under `guid`, dated by `hour` of 2 March 2026.
pub(super) fn tale(at: usize, guid: &str, hour: usize) -> Item {
    let (title, text) = TALES[at];
    Item {
        guid: guid.to_owned(),
        link: format!("https://site.example/{}", title.replace(' ', "-")),
        title: title.to_owned(),
        text: text.to_owned(),
        hour,
    }
}

fn numbered(at: usize, guid: &str) -> Item {
    Item {
        guid: guid.to_owned(),
        link: format!("https://site.example/notes/number-{at}-of-many"),
        title: format!("Note {at} about the matter of item{at} and thing{at}"),
        text: format!(
            "Words of note{at}, which no other note{at} has said about place{at} before it was number{at}."
        ),
        hour: 8,
    }
}

pub(super) fn document((title, site, language): (&str, &str, &str), items: &[Item]) -> String {
    let item = |item: &Item| {
        format!(
            "<item><title>{}</title><link>{}</link><guid isPermaLink=\"false\">{}</guid>\
             <pubDate>Mon, {:02} Mar 2026 {:02}:00:00 GMT</pubDate><description>{}</description></item>",
            item.title,
            item.link,
            item.guid,
            2 + item.hour / 24,
            item.hour % 24,
            item.text
        )
    };
    let items: String = items.iter().map(item).collect();
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>{title}</title><link>{site}</link>\
         <language>{language}</language><description>d</description>{items}</channel></rss>"
    )
}

pub(super) const OURS: (&str, &str, &str) = ("Site News", "https://site.example/", "en");

async fn world(items: &[Item]) -> (Origin, World) {
    let origin = Origin::start().await;
    origin.feed("/feed", document(OURS, items));
    let world = World::new(&super::one_feed(&origin.url("/feed"))).await;
    world.poll().await;
    (origin, world)
}

pub(super) async fn next(origin: &Origin, world: &World, document: String) {
    origin.feed("/feed", document);
    world.wait(DAY);
    assert_eq!(world.poll().await.changed, 1);
}

/// Title, standing and revision of all entries, oldest first.
async fn entries(world: &World) -> Vec<(String, Standing, u32)> {
    let mut views = world.store.entries(None, 1000).await.unwrap();
    views.reverse();
    let told = |view: EntryView| (view.entry.title, view.standing, view.revision);
    views.into_iter().map(told).collect()
}

async fn visible(world: &World) -> usize {
    let all = Selection {
        groups: vec!["*".to_owned()],
        limit: 1000,
        ..Selection::default()
    };
    world.store.select_stories(all).await.unwrap().len()
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What `feeds` prints, with `approve one` where asked for.
async fn feeds(world: &World, action: Option<feeds::Action>) -> String {
    let sink = Sink::default();
    let args = feeds::Args {
        action,
        ..feeds::Args::default()
    };
    let mut out = Output::new(Box::new(sink.clone()));
    let gaps = HostGaps::new(&world.config.fetch, &world.config.feeds);
    let exit = feeds::run(&world.store, &gaps, world.clock.now(), args, &mut out).await;
    assert_eq!(exit.unwrap(), Exit::Fine);
    String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
}

async fn approve(world: &World) -> String {
    let feed = "one".to_owned();
    feeds(world, Some(feeds::Action::Approve { feed })).await
}

/// The page that `/status` shows.
async fn status(world: &World) -> String {
    let theme = Theme::load(None).unwrap();
    let site = feedmill::release::site(&world.config, &world.store);
    let feeds = world.store.feeds(false).await.unwrap();
    let page = status_page(
        &theme,
        &site,
        &world.config.timezone,
        &StatusView {
            feeds: &feeds,
            listed: Listed::All,
        },
        &DaemonFacts::default(),
    );
    page.unwrap()
}

fn shown(at: usize, revision: u32) -> (String, Standing, u32) {
    (TALES[at].0.to_owned(), Standing::Shown, revision)
}

#[tokio::test]
async fn a_guid_used_again_is_another_entry_for_good() {
    let (origin, world) = world(&[tale(0, "latest", 8)]).await;
    let second = document(OURS, &[tale(1, "latest", 30)]);
    next(&origin, &world, second).await;
    assert_eq!(entries(&world).await, [shown(0, 1), shown(1, 1)]);
    // An edit after a restart is one of the second entry.
    let world = world.restart(None).await;
    let mut edited = tale(1, "latest", 30);
    edited.text += " Talks go on.";
    next(&origin, &world, document(OURS, &[edited])).await;
    assert_eq!(entries(&world).await, [shown(0, 1), shown(1, 2)]);
    next(&origin, &world, document(OURS, &[tale(2, "latest", 70)])).await;
    assert_eq!(
        entries(&world).await,
        [shown(0, 1), shown(1, 2), shown(2, 1)]
    );
    let keys = world.store.entries(None, 9).await.unwrap();
    let ends = |at: usize, end: &str| {
        assert!(
            keys[at].entry.key.ends_with(end),
            "{:?}",
            keys[at].entry.key
        )
    };
    ends(0, "#3");
    ends(1, "#2");
}

/// Guids that count from the top: every entry moves one down when a new one comes.
#[tokio::test]
async fn guids_that_count_positions_repeat_nothing() {
    let (origin, world) = world(&[tale(1, "1", 8), tale(0, "2", 7)]).await;
    let three = [tale(2, "1", 30), tale(1, "2", 8), tale(0, "3", 7)];
    next(&origin, &world, document(OURS, &three)).await;
    let four = [
        tale(3, "1", 50),
        tale(2, "2", 30),
        tale(1, "3", 8),
        tale(0, "4", 7),
    ];
    next(&origin, &world, document(OURS, &four)).await;
    let mut titles: Vec<String> = entries(&world)
        .await
        .into_iter()
        .map(|entry| entry.0)
        .collect();
    titles.sort();
    let mut told: Vec<&str> = TALES.iter().map(|tale| tale.0).collect();
    told.sort_unstable();
    assert_eq!(titles, told);
    assert_eq!(visible(&world).await, 4);
}

/// The same without pages: notes and announcements.
#[tokio::test]
async fn entries_without_links_are_told_apart_by_their_words() {
    let bare = |at, guid, hour| Item {
        link: String::new(),
        ..tale(at, guid, hour)
    };
    let (origin, world) = world(&[bare(0, "latest", 8)]).await;
    let second = document(OURS, &[bare(1, "latest", 30)]);
    next(&origin, &world, second).await;
    assert_eq!(entries(&world).await, [shown(0, 1), shown(1, 1)]);
    let mut edited = bare(1, "latest", 31);
    edited.text += " Talks go on.";
    next(&origin, &world, document(OURS, &[edited])).await;
    assert_eq!(entries(&world).await, [shown(0, 1), shown(1, 2)]);
    let (origin, world) = self::world(&[bare(1, "1", 8), bare(0, "2", 7)]).await;
    let three = [bare(2, "1", 30), bare(1, "2", 8), bare(0, "3", 7)];
    next(&origin, &world, document(OURS, &three)).await;
    let mut told = entries(&world).await;
    told.sort_by_key(|one| TALES.iter().position(|tale| tale.0 == one.0));
    assert_eq!(
        told.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(),
        TALES[..3].iter().map(|tale| tale.0).collect::<Vec<_>>()
    );
}

/// Positions again, on the day on which every page moves.
#[tokio::test]
async fn guids_that_count_positions_repeat_nothing_while_pages_move() {
    let moved = |at, guid, hour| {
        let before = tale(at, guid, hour);
        Item {
            link: before
                .link
                .replace("site.example/", "site.example/archive/2026/"),
            ..before
        }
    };
    let (origin, world) = world(&[tale(1, "1", 8), tale(0, "2", 7)]).await;
    let three = [moved(2, "1", 30), moved(1, "2", 8), moved(0, "3", 7)];
    next(&origin, &world, document(OURS, &three)).await;
    let mut titles: Vec<String> = entries(&world)
        .await
        .into_iter()
        .map(|entry| entry.0)
        .collect();
    titles.sort();
    let mut told: Vec<&str> = TALES[..3].iter().map(|tale| tale.0).collect();
    told.sort_unstable();
    assert_eq!(titles, told);
}

#[tokio::test]
async fn an_edit_under_the_same_guid_stays_one_entry() {
    let (origin, world) = world(&[tale(0, "a", 8)]).await;
    let mut edited = tale(0, "a", 30);
    edited.title = "Harbour ferry goes electric at last".to_owned();
    edited.link = "https://site.example/elsewhere/harbour".to_owned();
    next(&origin, &world, document(OURS, &[edited])).await;
    assert_eq!(entries(&world).await.len(), 1);
}

#[tokio::test]
async fn a_feed_that_was_taken_over_waits_for_the_operator() {
    let (origin, world) = world(&[tale(0, "a", 8), tale(1, "b", 7)]).await;
    let theirs = ("Lucky Casino", "https://casino.example/", "tr");
    let spam = |from: usize, to: usize| -> Vec<Item> {
        (from..to)
            .map(|at| numbered(at, &format!("spam-{at}")))
            .collect()
    };
    next(&origin, &world, document(theirs, &spam(0, 6))).await;
    let feed = world.feed("one").await;
    assert_eq!(feed.standing, FeedStanding::Quarantined);
    assert_eq!(visible(&world).await, 2);
    let told = feeds(&world, None).await;
    assert!(
        told.contains("notice: site \"site.example\" became \"casino.example\""),
        "{told}"
    );
    assert!(told.contains("1 of them not well"), "{told}");
    let page = status(&world).await;
    assert!(
        page.contains("<tr class=\"bad\">") && page.contains("became &quot;casino.example&quot;"),
        "{page}"
    );
    // It stays so over polls and restarts, under the name that readers know.
    let world = world.restart(None).await;
    next(&origin, &world, document(theirs, &spam(3, 9))).await;
    assert_eq!(world.feed("one").await.standing, FeedStanding::Quarantined);
    assert_eq!(visible(&world).await, 2);
    let view = world.store.entries(None, 1).await.unwrap().remove(0);
    assert_eq!(
        (view.feed.title.as_str(), view.standing),
        ("Site News", Standing::Quarantined)
    );
    // The operator knows better.
    assert_eq!(
        approve(&world).await,
        "one: approved, 9 held entries are shown now\n"
    );
    assert_eq!(visible(&world).await, 11);
    next(&origin, &world, document(theirs, &spam(6, 20))).await;
    let feed = world.feed("one").await;
    assert_eq!(
        (feed.standing, feed.memory.notice),
        (FeedStanding::Active, None)
    );
    assert_eq!(visible(&world).await, 22);
}

#[tokio::test]
async fn a_flood_is_held_back_until_approved() {
    let (origin, world) = world(&[tale(0, "a", 8)]).await;
    let flood: Vec<Item> = (0..100)
        .map(|at| numbered(at, &format!("n-{at}")))
        .collect();
    next(&origin, &world, document(OURS, &flood)).await;
    let held =
        |all: &[(String, Standing, u32)]| all.iter().filter(|one| one.1 == Standing::Held).count();
    let all = entries(&world).await;
    assert_eq!((all.len(), visible(&world).await + held(&all)), (101, 101));
    assert!(held(&all) >= 50, "{}", held(&all));
    let told = feeds(&world, None).await;
    assert!(told.contains("notice: 100 new entries at once"), "{told}");
    assert_eq!(world.feed("one").await.standing, FeedStanding::Active);
    assert!(approve(&world).await.contains("approved"));
    assert_eq!(visible(&world).await, 101);
    assert!(feeds(&world, None).await.contains("0 of them not well"));
    // The operator's word stands for the next one of that size.
    let again: Vec<Item> = (200..300)
        .map(|at| numbered(at, &format!("n-{at}")))
        .collect();
    next(&origin, &world, document(OURS, &again)).await;
    assert_eq!(visible(&world).await, 201);
}

/// A world whose feed is as old as its first entry, of 2 February.
async fn settled(items: &[Item]) -> (Origin, World) {
    let origin = Origin::start().await;
    let first = document(OURS, items).replacen("02 Mar", "02 Feb", 1);
    origin.feed("/feed", first);
    let config = super::one_feed(&origin.url("/feed")) + "max_new = 10\n";
    let world = World::new(&config).await;
    world.poll().await;
    (origin, world)
}

fn issue(numbers: std::ops::Range<usize>, day: usize) -> Vec<Item> {
    let item = |at| Item {
        hour: 8 + 24 * day,
        ..numbered(at, &format!("n-{at}"))
    };
    numbers.map(item).collect()
}

#[tokio::test]
async fn a_drip_is_held_back_like_a_flood() {
    let (origin, world) = settled(&[tale(0, "a", 8)]).await;
    world.wait(DAY);
    let mut shown = Vec::new();
    for part in 0..3 {
        origin.feed(
            "/feed",
            document(OURS, &issue(part * 20..part * 20 + 20, 1)),
        );
        assert_eq!(world.poll().await.changed, 1);
        shown.push(visible(&world).await);
        world.wait(Duration::from_secs(6 * 3600));
    }
    assert_eq!(shown, [21, 31, 31]);
    let told = feeds(&world, None).await;
    let notice = "notice: 20 new entries after 30 of the same day, usually ";
    assert!(told.contains(notice), "{told}");
}

#[tokio::test]
async fn issues_of_many_entries_come_whole() {
    let (origin, world) = settled(&issue(0..40, 0)).await;
    assert_eq!(visible(&world).await, 10);
    for (number, days) in [(1, 7), (2, 28)] {
        let next = issue(number * 40..number * 40 + 40, days);
        origin.feed("/feed", document(OURS, &next));
        world.clock.set("2026-03-02T11:00:00Z".parse().unwrap());
        world.wait(Duration::from_secs(86_400 * days as u64));
        assert_eq!(world.poll().await.changed, 1);
        assert_eq!(
            visible(&world).await,
            10 + number * 40,
            "{}",
            feeds(&world, None).await
        );
    }
}

#[tokio::test]
async fn an_archive_under_new_ids_is_recognised_and_told() {
    let old: Vec<Item> = (0..80)
        .map(|at| numbered(at, &format!("old-{at}")))
        .collect();
    let (origin, world) = world(&old).await;
    let before = visible(&world).await;
    let new: Vec<Item> = (0..80)
        .map(|at| numbered(at, &format!("new-{at}")))
        .collect();
    next(&origin, &world, document(OURS, &new)).await;
    assert_eq!(
        (entries(&world).await.len(), visible(&world).await),
        (80, before)
    );
    let told = feeds(&world, None).await;
    assert!(
        told.contains("notice: 80 of 80 entries came under new ids"),
        "{told}"
    );
}
