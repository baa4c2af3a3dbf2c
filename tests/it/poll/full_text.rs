//! Full text: pages are read politely, extracted, made safe, and every failure leaves the feed's own words.

use std::time::Duration;

use feedmill::model::{EntryView, ParsedEntry, Selection};

use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const DAY: Duration = Duration::from_secs(25 * 3600);
const LONG: &str = "The ferry company said on Monday that both boats will be rebuilt over the winter, that the crossing \
    stays open with a smaller vessel, and that season tickets remain valid until the first of May at the least.";

fn rss(link: &str) -> String {
    format!(
        "<rss version=\"2.0\"><channel><title>A feed</title><item><title>Ferry</title><link>{link}</link>\
         <guid isPermaLink=\"false\">ferry</guid><description>In short.</description></item></channel></rss>"
    )
}

fn page() -> String {
    let paragraphs = format!("<p>{LONG}</p>").repeat(6);
    format!(
        "<!doctype html><html><head><title>Ferry</title><script>steal()</script></head><body>\
         <nav><a href=\"/\">Home</a> <a href=\"/about\">About</a></nav>\
         <article><h1>Ferry</h1>{paragraphs}<p onclick=\"steal()\">Read <a href=\"/more\">more</a>, or \
         <a href=\"javascript:steal()\">not</a>.</p><iframe src=\"https://evil.example/\"></iframe>\
         <img src=\"/boat.png\" onerror=\"steal()\"></article><footer>All rights reserved</footer></body></html>"
    )
}

fn html(body: impl Into<Vec<u8>>) -> Reply {
    Reply::ok(body).header("Content-Type", "text/html; charset=utf-8")
}

/// A world with one feed whose only entry links to `link`.
async fn world(origin: &Origin, link: &str) -> World {
    origin.feed("/feed", rss(link));
    let url = origin.url("/feed");
    World::new(&format!(
        "[[feed]]\nname = \"one\"\nurl = \"{url}\"\nfull_text = true\n"
    ))
    .await
}

async fn entry(world: &World) -> ParsedEntry {
    let mut entries = world.store.entries(None, 9).await.unwrap();
    assert_eq!(entries.len(), 1);
    entries.remove(0).entry
}

#[tokio::test]
async fn an_articles_page_is_read_once_and_made_safe() {
    let origin = Origin::start().await;
    origin.replace("/article", html(page()));
    origin.replace(
        "/robots.txt",
        Reply::ok("User-agent: *\nDisallow: /private/\n"),
    );
    let world = world(&origin, &origin.url("/article")).await;
    world.poll().await;
    let told = entry(&world).await;
    assert!(
        told.text.contains("season tickets remain valid")
            && !told.text.contains("All rights reserved")
    );
    let content = told.content_html.unwrap();
    let content = content.as_str();
    assert!(content.contains("season tickets remain valid"), "{content}");
    for active in [
        "script",
        "steal",
        "iframe",
        "onerror",
        "onclick",
        "javascript:",
    ] {
        assert!(!content.contains(active), "{active} in {content}");
    }
    assert!(
        content.contains(&format!("href=\"{}\"", origin.url("/more"))),
        "{content}"
    );
    // The next document says nothing new of the entry: no page is asked for, no edit is seen.
    origin.feed(
        "/feed",
        rss(&origin.url("/article")).replace("A feed", "The feed"),
    );
    world.wait(DAY);
    world.poll().await;
    let view = world.store.entries(None, 9).await.unwrap().remove(0);
    assert_eq!(
        (view.revision, view.entry.text.contains("season tickets")),
        (1, true)
    );
    assert_eq!(origin.requests_to("/article").len(), 1);
    assert_eq!(origin.requests_to("/robots.txt").len(), 1);
}

#[tokio::test]
async fn robots_are_asked_once_a_day() {
    let origin = Origin::start().await;
    origin.replace("/article", html(page()));
    let world = world(&origin, &origin.url("/article")).await;
    world.poll().await;
    let edited = |words: &str| rss(&origin.url("/article")).replace("In short.", words);
    origin.feed("/feed", edited("In other words."));
    world.wait(Duration::from_secs(23 * 3600));
    world.poll().await;
    assert_eq!(
        (
            origin.requests_to("/article").len(),
            origin.requests_to("/robots.txt").len()
        ),
        (2, 1)
    );
    origin.feed("/feed", edited("In third words."));
    world.wait(DAY);
    world.poll().await;
    assert_eq!(
        (
            origin.requests_to("/article").len(),
            origin.requests_to("/robots.txt").len()
        ),
        (3, 2)
    );
}

#[tokio::test]
async fn an_entry_stays_whole_when_the_feed_words_its_summary_anew() {
    let summary = "Two boats of the harbour line are rebuilt over the winter, with tickets valid until May; 3 comments";
    let feed =
        |origin: &Origin, words: &str| rss(&origin.url("/article")).replace("In short.", words);
    let origin = Origin::start().await;
    origin.replace("/article", html(page()));
    let world = world(&origin, &origin.url("/article")).await;
    origin.feed("/feed", feed(&origin, summary));
    world.poll().await;
    // One word more or less does not have the page read again, and is no edit of what readers have.
    for (count, revision) in [("4 comments", 2), ("5 comments", 3)] {
        origin.feed(
            "/feed",
            feed(&origin, &summary.replace("3 comments", count)),
        );
        world.wait(DAY);
        world.poll().await;
        let view = world.store.entries(None, 9).await.unwrap().remove(0);
        assert_eq!(view.revision, revision);
        assert_eq!(view.changed_at, view.shown_at);
        assert!(
            view.entry.text.contains("season tickets"),
            "{}",
            view.entry.text
        );
        let summary = view.entry.summary_html.unwrap();
        assert!(summary.as_str().contains(count), "{}", summary.as_str());
    }
    assert_eq!(origin.requests_to("/article").len(), 1);
    // Other words do, and where the page is gone by then, its text stays all the same.
    origin.replace("/article", Reply::status(404));
    origin.feed(
        "/feed",
        feed(&origin, "The council has taken the decision back."),
    );
    world.wait(DAY);
    world.poll().await;
    let view = world.store.entries(None, 9).await.unwrap().remove(0);
    assert_eq!(origin.requests_to("/article").len(), 2);
    assert_eq!(view.changed_at, view.shown_at);
    assert!(
        view.entry.text.contains("season tickets"),
        "{}",
        view.entry.text
    );
}

/// The entry keeps the feed's words; the page was asked for `asked` times.
async fn falls_back(origin: &Origin, link: &str, asked: usize) {
    let world = world(origin, link).await;
    assert_eq!(world.poll().await.new_entries, 1);
    let told = entry(&world).await;
    assert_eq!(
        (told.text.as_str(), told.title.as_str()),
        ("In short.", "Ferry")
    );
    assert_eq!(origin.requests_to("/article").len(), asked, "{link}");
}

#[tokio::test]
async fn what_robots_forbid_is_not_asked_for() {
    for (rules, asked) in [
        (Reply::ok("User-agent: *\nDisallow: /\n"), 0),
        (
            Reply::ok("User-agent: feedmill\nDisallow: /article\n\nUser-agent: *\nAllow: /\n"),
            0,
        ),
        (Reply::status(500), 0),
        (Reply::close(), 0),
    ] {
        let origin = Origin::start().await;
        origin.replace("/article", html(page()));
        origin.replace("/robots.txt", rules);
        falls_back(&origin, &origin.url("/article"), asked).await;
    }
}

#[tokio::test]
async fn a_page_that_does_not_come_or_says_no_more_changes_nothing() {
    for reply in [
        Reply::status(404),
        Reply::status(429).header("Retry-After", "60"),
        Reply::close(),
        html("<html><body><p>In short.</p></body></html>"),
        html("<div>".repeat(5_000)),
        Reply::ok(page()).header("Content-Type", "application/pdf"),
        html(vec![b'x'; 3 << 20]),
    ] {
        let origin = Origin::start().await;
        origin.replace("/article", reply);
        falls_back(&origin, &origin.url("/article"), 1).await;
    }
}

/// Promise 8: nothing that a feed points to makes us connect inside the network.
#[tokio::test]
async fn links_into_the_network_are_not_followed() {
    for link in [
        "http://10.0.0.1/article",
        "http://[::1]/article",
        "file:///etc/passwd",
        "http://169.254.169.254/article",
    ] {
        let origin = Origin::start().await;
        falls_back(&origin, link, 0).await;
    }
    let origin = Origin::start().await;
    origin.replace("/article", Reply::redirect(302, "http://10.0.0.1/secret"));
    falls_back(&origin, &origin.url("/article"), 1).await;
}

/// Stories after one poll of a feed whose pages are read, with `links`, and of a feed that links to `target`.
async fn stories_of(origin: &Origin, links: &[&str], target: &str) -> usize {
    let feed = |title: &str, links: &[String]| {
        let item = |(at, link): (usize, &String)| {
            format!(
                "<item><title>{title}</title><link>{link}</link><guid isPermaLink=\"false\">{title} {at}</guid>\
                 <description>Part {at} of what {title} is about.</description></item>"
            )
        };
        let items: String = links.iter().enumerate().map(item).collect();
        format!("<rss version=\"2.0\"><channel><title>A feed</title>{items}</channel></rss>")
    };
    let links: Vec<String> = links.iter().map(|link| origin.url(link)).collect();
    origin.feed("/one", feed("The ferry line is rebuilt", &links));
    origin.feed(
        "/two",
        feed("Ferry line rebuilt, says the owner", &[origin.url(target)]),
    );
    let world = World::new(&format!(
        "[[feed]]\nurl = \"{}\"\nfull_text = true\n[[feed]]\nurl = \"{}\"\n",
        origin.url("/one"),
        origin.url("/two")
    ))
    .await;
    world.poll().await;
    let selection = Selection {
        groups: vec![String::from("*")],
        limit: 9,
        ..Selection::default()
    };
    world.store.select_stories(selection).await.unwrap().len()
}

#[tokio::test]
async fn the_page_that_was_found_joins_copies_under_other_links() {
    const PAGE: &str = "/2026/the-ferry-line-is-rebuilt";
    let origin = Origin::start().await;
    origin.replace(PAGE, html(page()));
    origin.replace("/go/17", Reply::redirect(302, &origin.url(PAGE)));
    assert_eq!(stories_of(&origin, &["/go/17"], PAGE).await, 1);
    // By the page's own word.
    let canonical = format!("<head><link rel=\"canonical\" href=\"{PAGE}\">");
    origin.replace("/print/17", html(page().replace("<head>", &canonical)));
    assert_eq!(stories_of(&origin, &["/print/17"], PAGE).await, 1);
    // A page that several links lead to is none of theirs.
    origin.replace("/go/18", Reply::redirect(302, &origin.url(PAGE)));
    assert_eq!(stories_of(&origin, &["/go/17", "/go/18"], PAGE).await, 3);
    assert_eq!(stories_of(&origin, &["/article"], PAGE).await, 2);
}

#[tokio::test]
async fn pages_beyond_those_of_one_poll_are_read_later() {
    let origin = Origin::start().await;
    let feed = |name: &str| {
        let item = |at: usize| {
            let link = origin.url(&format!("/page-{at}"));
            format!(
                "<item><title>Entry {at}</title><link>{link}</link><description>In short.</description></item>"
            )
        };
        let items: String = (0..20).map(item).collect();
        format!("<rss version=\"2.0\"><channel><title>{name}</title>{items}</channel></rss>")
    };
    for at in 0..20 {
        origin.replace(&format!("/page-{at}"), html(page()));
    }
    origin.feed("/feed", feed("First"));
    let url = origin.url("/feed");
    let world = World::new(&format!("[[feed]]\nurl = \"{url}\"\nfull_text = true\n")).await;
    let mut read = Vec::new();
    for name in ["First", "Second", "Third", "Fourth"] {
        origin.feed("/feed", feed(name));
        world.wait(DAY);
        world.poll().await;
        let entries = world.store.entries(None, 99).await.unwrap();
        let whole = |view: &&EntryView| view.entry.text.contains("season tickets remain valid");
        read.push(entries.iter().filter(whole).count());
        // What was short becomes whole; it has not been edited.
        assert!(entries.iter().all(|view| view.revision == 1));
    }
    assert_eq!(read, [8, 16, 20, 20]);
    let asked = (0..20).map(|at| origin.requests_to(&format!("/page-{at}")).len());
    assert_eq!(asked.collect::<Vec<_>>(), [1; 20]);
}
