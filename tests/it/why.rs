//! `why`: every fate that an entry can have, told in lines, from a real store that real polls filled.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use feedmill::cli::{Exit, Output, why};
use feedmill::filter::Rules;
use feedmill::model::*;
use feedmill::publish::{Shelf, Theme};
use feedmill::release::{Releaser, Tools};
use feedmill::story::Matcher;
use feedmill::telemetry::Metrics;

use crate::support::origin::Origin;
use crate::support::world::World;

const DAY: Duration = Duration::from_secs(25 * 3600);
const TEXT: &str = "The council voted on Tuesday to buy two electric ferries for the harbour crossing, at a price of \
    24 million pounds, after a summer in which the old boats broke down on eleven days and commuters walked.";

struct Item<'a> {
    guid: &'a str,
    link: &'a str,
    title: &'a str,
    text: &'a str,
}

fn item<'a>(guid: &'a str, link: &'a str, title: &'a str) -> Item<'a> {
    Item {
        guid,
        link,
        title,
        text: "Short.",
    }
}

fn rss(title: &str, site: &str, items: &[Item<'_>]) -> String {
    let item = |item: &Item<'_>| {
        format!(
            "<item><title>{}</title><link>{}</link><guid isPermaLink=\"false\">{}</guid>\
             <pubDate>Mon, 02 Mar 2026 08:00:00 GMT</pubDate><description>{}</description></item>",
            item.title, item.link, item.guid, item.text
        )
    };
    let items: String = items.iter().map(item).collect();
    format!(
        "<rss version=\"2.0\"><channel><title>{title}</title><link>{site}</link><language>en</language>{items}\
         </channel></rss>"
    )
}

async fn world(origin: &Origin) -> World {
    World::new(&format!(
        "[filter.no-ads]\ndrop = 'title contains \"advertisement\"'\n\
         [[feed]]\nname = \"one\"\nurl = \"{}\"\nfilters = [\"no-ads\"]\nmax_new = 3\n\
         [[feed]]\nname = \"two\"\nurl = \"{}\"\n\
         [publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\n",
        origin.url("/one"),
        origin.url("/two")
    ))
    .await
}

fn releaser(world: &World) -> Releaser {
    let tools = Tools {
        store: world.store.clone(),
        rules: Rules::compile(&world.config.filters).unwrap(),
        shelf: Shelf::default(),
        clock: world.clock.clone(),
        metrics: Metrics::default(),
    };
    let theme = Theme::load(None).unwrap();
    Releaser::new(Arc::new(world.config.clone()), Arc::new(theme), tools)
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

async fn why(world: &World, url: &str, json: bool) -> (Exit, String) {
    let sink = Sink::default();
    let args = why::Args {
        url: url.to_owned(),
        json,
    };
    let mut out = Output::new(Box::new(sink.clone()));
    let rules = (&Matcher::default(), &releaser(world));
    let exit = why::run(&world.store, rules, args, &mut out).await.unwrap();
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    (exit, text)
}

/// `why url` prints each of `lines`, in whatever place.
async fn tells(world: &World, url: &str, lines: &[&str]) {
    let (exit, told) = why(world, url, false).await;
    assert_eq!(exit, Exit::Fine, "{url}: {told}");
    for line in lines {
        assert!(
            told.lines().any(|known| known.starts_with(line)),
            "{url}: no {line:?} in\n{told}"
        );
    }
}

#[tokio::test]
async fn shown_joined_dropped_and_backlog_are_told() {
    let origin = Origin::start().await;
    let page = "https://one.example/2026/ferry-goes-electric";
    let mut ferry = item("ferry", page, "Council approves electric ferry");
    ferry.text = TEXT;
    let mut copy = item(
        "copy",
        "https://two.example/harbour-crossing",
        "Council approves electric ferry",
    );
    copy.text = TEXT;
    let ad = item(
        "ad",
        "https://one.example/buy-this-boat",
        "An advertisement",
    );
    let rest = [
        item("b", "https://one.example/second-thing-of-all", "Second"),
        item("c", "https://one.example/third-thing-of-all", "Third"),
        item("d", "https://one.example/fourth-thing-of-all", "Fourth"),
    ];
    let items: Vec<Item<'_>> = [ferry, ad].into_iter().chain(rest).collect();
    origin.feed("/one", rss("One", "https://one.example/", &items));
    origin.feed("/two", rss("Two", "https://two.example/", &[]));
    let world = world(&origin).await;
    world.poll().await;
    origin.feed("/two", rss("Two", "https://two.example/", &[copy]));
    world.wait(DAY);
    world.poll().await;

    let shown = [
        "Council approves electric ferry",
        "  fetched    from one on 2026-03-02T10:00:00Z",
        "  shown      no rule drops it",
        "  visible    as number ",
        "  also in    two: Council approves electric ferry",
        "  published  in all",
    ];
    tells(&world, &format!("{page}?utm_source=mail#top"), &shown).await;
    let joined = [
        "  fetched    from two",
        "  also in    one: Council approves electric ferry",
        "  published  in all",
    ];
    tells(&world, "https://two.example/harbour-crossing", &joined).await;
    let (_, told) = why(&world, "https://two.example/harbour-crossing", false).await;
    assert!(
        told.contains("joined by its text, 100 per cent alike"),
        "{told}"
    );
    tells(
        &world,
        "https://one.example/buy-this-boat",
        &["  dropped    by the rule no-ads"],
    )
    .await;
    let backlog = ["  backlog    older than what is shown of a first poll"];
    tells(&world, "https://one.example/fourth-thing-of-all", &backlog).await;
    let (exit, told) = why(&world, "https://nowhere.example/", false).await;
    assert_eq!(
        (exit, told.as_str()),
        (
            Exit::Failed,
            "nothing known of \"https://nowhere.example/\"\n"
        )
    );
    let (_, json) = why(&world, page, true).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["published_in"], serde_json::json!(["all"]));
}

#[tokio::test]
async fn joined_by_id_by_link_and_by_the_operator_are_told() {
    let origin = Origin::start().await;
    let page = "https://one.example/2026/ferry-goes-electric";
    let one = [
        item(
            "urn:uuid:60a76c80-d399-11d9-b93c-0003939e0af6",
            "https://one.example/seven",
            "Seventh tale of all",
        ),
        item("ferry", page, "Council approves electric ferry"),
        item(
            "apart",
            "https://one.example/bakers-strike",
            "Bakers strike",
        ),
    ];
    let tracked = format!("{page}?utm_source=two");
    let two = [
        item(
            "urn:uuid:60a76c80-d399-11d9-b93c-0003939e0af6",
            "https://two.example/copied",
            "A tale retold",
        ),
        item("copy", &tracked, "Electric ferry at last"),
        item(
            "other",
            "https://two.example/ovens-stay-cold",
            "Ovens stay cold",
        ),
    ];
    origin.feed("/one", rss("One", "https://one.example/", &one));
    origin.feed("/two", rss("Two", "https://two.example/", &[]));
    let world = world(&origin).await;
    world.poll().await;
    origin.feed("/two", rss("Two", "https://two.example/", &two));
    world.wait(DAY);
    world.poll().await;
    let story = async |link: &str| {
        let needles = vec![Matcher::default().canonical_link(link).unwrap()];
        let history = world.store.history(needles).await.unwrap().remove(0);
        (history.entry.id, history.story.unwrap().id)
    };
    let says = async |link: &str, reason: &str| {
        let number = story(link).await.1.0;
        tells(&world, link, &[&format!("  story      {number}, {reason}")]).await;
    };
    says("https://two.example/copied", "joined by its publisher id").await;
    let (_, told) = why(&world, page, false).await;
    assert!(told.contains("joined by its link"), "{told}");
    let (entry, ovens) = story("https://two.example/ovens-stay-cold").await;
    let (_, bakers) = story("https://one.example/bakers-strike").await;
    let judge = || Arc::new(Matcher::default());
    let now = world.clock.now();
    let pair = (ovens, bakers);
    world.store.join_stories(pair, judge(), now).await.unwrap();
    says(
        "https://two.example/ovens-stay-cold",
        "as the operator decided",
    )
    .await;
    world.store.split_story(entry, judge(), now).await.unwrap();
    says(
        "https://two.example/ovens-stay-cold",
        "as the operator decided",
    )
    .await;
}

#[tokio::test]
async fn held_recognised_edited_and_mailed_are_told() {
    let origin = Origin::start().await;
    let page = "https://one.example/2026/ferry-goes-electric";
    let mut ferry = item("ferry", page, "Council approves electric ferry");
    ferry.text = TEXT;
    origin.feed("/one", rss("One", "https://one.example/", &[ferry]));
    origin.feed("/two", rss("Two", "https://two.example/", &[]));
    let world = world(&origin).await;
    world.poll().await;
    mail(&world).await;
    let mut renamed = item("ferry-2", page, "Council approves two electric ferries");
    renamed.text = TEXT;
    let links: Vec<String> = (0..40)
        .map(|at| format!("https://one.example/flood/number-{at}-of-many"))
        .collect();
    let names: Vec<String> = (0..40).map(|at| format!("Number{at}")).collect();
    let flood = links
        .iter()
        .zip(&names)
        .map(|(link, name)| item(name, link, name));
    let items: Vec<Item<'_>> = std::iter::once(renamed).chain(flood).collect();
    origin.feed("/one", rss("One", "https://one.example/", &items));
    world.wait(DAY);
    world.poll().await;
    let told = [
        "  recognised on 2026-03-03T11:00:00Z by canonical-link; before, its key was ",
        "  changed    on 2026-03-03T11:00:00Z, in substance; revision 1 was \"Council approves electric ferry\"",
        "  shown      no rule drops it",
        "  mailed     in morning of 2026-03-02T10:00:00Z",
    ];
    tells(&world, page, &told).await;
    let held = [
        "  held       back: the feed brought far more than usual; `feedmill feeds approve one` shows it",
    ];
    tells(&world, &links[39], &held).await;
}

#[tokio::test]
async fn quarantined_is_told() {
    let origin = Origin::start().await;
    origin.feed(
        "/one",
        rss(
            "One",
            "https://one.example/",
            &[item("a", "https://one.example/first-thing", "First")],
        ),
    );
    origin.feed("/two", rss("Two", "https://two.example/", &[]));
    let world = world(&origin).await;
    world.poll().await;
    let links: Vec<String> = (0..6)
        .map(|at| format!("https://casino.example/win/number-{at}-of-many"))
        .collect();
    let spam: Vec<Item<'_>> = links.iter().map(|link| item(link, link, link)).collect();
    let document = rss("Casino", "https://casino.example/", &spam);
    origin.feed("/one", document.replace("<language>en<", "<language>tr<"));
    world.wait(DAY);
    world.poll().await;
    let told = ["  quarantined the feed looks taken over; `feedmill feeds approve one` shows it"];
    tells(&world, &links[2], &told).await;
}

/// An edition with the first story in it.
async fn mail(world: &World) {
    let (store, now) = (&world.store, world.clock.now());
    store.lane("morning", "UTC", now).await.unwrap();
    let all = Selection {
        groups: vec!["*".to_owned()],
        limit: 1,
        ..Selection::default()
    };
    let story = store.select_stories(all).await.unwrap().remove(0);
    let edition = FrozenEdition {
        digest: "morning".into(),
        lane: "UTC".into(),
        slot_at: now,
        frozen_at: now,
        after: StorySeq(0),
        until: story.seq,
        standing: EditionStanding::Frozen,
        stories: vec![story.id],
        subject: "News".into(),
        web_html: None,
        messages: Vec::new(),
        served: Vec::new(),
    };
    store.freeze_edition(edition, Vec::new()).await.unwrap();
}
