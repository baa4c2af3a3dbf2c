//! Finding feeds on a page within the politeness budget: what is asked of the site, in which order, and what is printed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use feedmill::cli::{self, Exit, Output};
use feedmill::clock::Clock;
use feedmill::fetch::{Fetcher, Hosts};
use feedmill::poll::Scout;

use crate::support::origin::{Origin, Reply};
use crate::support::process::Home;
use crate::support::world::World;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn rss(title: &str) -> String {
    format!(
        "<rss version=\"2.0\"><channel><title>{title}</title><link>https://site.example/</link>\
         <description>d</description><item><title>x</title><guid isPermaLink=\"false\">x</guid></item></channel></rss>"
    )
}

fn page(head: &str) -> Reply {
    let page = format!("<!doctype html><html><head>{head}</head><body>Hello</body></html>");
    Reply::ok(page).header("Content-Type", "text/html")
}

async fn discover(origin: &Origin, path: &str, json: bool) -> (Exit, String) {
    let world = World::new("[[feed]]\nname = \"known\"\nurl = \"https://known.example/\"\n").await;
    let scout = Scout {
        fetcher: Fetcher::new(&world.config.fetch, &[]).unwrap(),
        hosts: Hosts::new(&world.config.fetch, &[]),
        clock: Clock::system(),
        draw: Arc::new(|| 0.0),
    };
    let paper = Paper::default();
    let mut out = Output::new(Box::new(paper.clone()));
    let url = origin.url(path);
    let args = cli::discover::Args { url, json };
    let exit = cli::discover::run((&scout, &world.store), &world.config, args, &mut out).await;
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    (exit.unwrap(), text)
}

fn asked(origin: &Origin) -> Vec<String> {
    let requests = origin.requests().into_iter();
    requests.map(|request| request.target).collect()
}

#[tokio::test]
async fn r1_9_a_feed_is_found_with_one_request() {
    let origin = Origin::start().await;
    origin.feed("/feed", rss("Itself"));
    let (exit, text) = discover(&origin, "/feed", false).await;
    let url = origin.url("/feed");
    let block = format!("# Itself (1 entries; the address itself)\n[[feed]]\nurl = \"{url}\"\n\n");
    assert_eq!((exit, text), (Exit::Fine, block));
    assert_eq!(asked(&origin), ["/feed"]);
}

/// The binary: found, pasted into the config, polled.
#[tokio::test]
async fn r1_9_the_document_that_was_found_is_the_first_one() {
    let origin = Origin::start().await;
    let link = "<link rel=\"alternate\" type=\"application/rss+xml\" href=\"/feed\">";
    origin.replace("/", page(link));
    origin.feed("/feed", rss("Found"));
    let home = Home::new("[fetch]\nallow_networks = [\"127.0.0.0/8\"]\n");
    let found = home.run(&["discover", &origin.url("/")]);
    let block = String::from_utf8(found.stdout).unwrap();
    let config = std::fs::read_to_string(home.path("feedmill.toml")).unwrap();
    std::fs::write(home.path("feedmill.toml"), format!("{config}\n{block}")).unwrap();
    let polled = home.run(&["poll", "--json"]);
    let summary: serde_json::Value = serde_json::from_slice(&polled.stdout).unwrap();
    assert_eq!(
        (&summary["changed"], &summary["new_entries"]),
        (&1.into(), &1.into())
    );
    assert_eq!(asked(&origin), ["/", "/feed"], "one GET each");
    // The next one is conditional, after the interval; by hand at once.
    let key = origin.url("/feed");
    let polled = home.run(&["poll", &key, "--force", "--json"]);
    let summary: serde_json::Value = serde_json::from_slice(&polled.stdout).unwrap();
    assert_eq!(summary["not_modified"], 1, "{summary}");
}

#[tokio::test]
async fn links_and_headers_of_a_page_are_read_within_the_budget() {
    let origin = Origin::start().await;
    let link = |path: &str| {
        format!("<link rel=\"alternate\" type=\"application/rss+xml\" href=\"{path}\">")
    };
    let head: String = ["/1", "/2", "/3"].map(link).concat();
    let links = "</4>; rel=\"alternate\", </5>; rel=\"alternate\", </1>; rel=\"alternate\"";
    origin.replace("/", page(&head).header("Link", links));
    for path in ["/1", "/2", "/4", "/5"] {
        origin.feed(path, rss(path));
    }
    let (exit, text) = discover(&origin, "/", true).await;
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let found: Vec<(&str, &str)> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|feed| {
            (
                feed["title"].as_str().unwrap_or("-"),
                feed["by"].as_str().unwrap(),
            )
        })
        .collect();
    let wanted = [
        ("/1", "link"),
        ("/2", "link"),
        ("/4", "header"),
        ("-", "header"),
    ];
    assert_eq!((exit, found.as_slice()), (Exit::Fine, wanted.as_slice()));
    assert_eq!(asked(&origin), ["/", "/1", "/2", "/3", "/4"]);
}

#[tokio::test]
async fn r5_11_usual_paths_are_tried_where_robots_txt_allows_them() {
    let origin = Origin::start().await;
    origin.replace("/blog", page(""));
    origin.reply(
        "/robots.txt",
        Reply::ok("User-agent: *\nDisallow: /feed.xml\n"),
    );
    origin.feed("/feed.xml", rss("Closed"));
    origin.feed("/atom.xml", rss("Open"));
    let (exit, text) = discover(&origin, "/blog", false).await;
    assert_eq!(exit, Exit::Fine);
    assert!(
        text.starts_with("# Open (1 entries; a usual path)\n"),
        "{text}"
    );
    // `/feed` matches the rule for `/feed.xml` in no reading of it.
    assert_eq!(
        asked(&origin),
        ["/blog", "/robots.txt", "/feed", "/atom.xml"]
    );
    let origin = Origin::start().await;
    origin.replace("/", page(""));
    origin.reply("/robots.txt", Reply::status(503));
    assert_eq!(discover(&origin, "/", false).await.0, Exit::Failed);
    assert_eq!(asked(&origin), ["/", "/robots.txt"]);
}

#[tokio::test]
async fn a_strangers_title_never_becomes_a_setting() {
    let origin = Origin::start().await;
    origin.feed("/feed", rss("x&#10;[store]&#13;url = 'y'"));
    let (_, text) = discover(&origin, "/feed", false).await;
    let table: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let url = format!("url = \"{}\"", origin.url("/feed"));
    assert_eq!(table, ["[[feed]]", url.as_str(), ""]);
}

/// The binary over a config whose feeds moved, went, turned into pages or are silent: what it says, and the patch.
#[tokio::test]
async fn check_online_proposes_a_patch_and_edits_nothing() {
    let origin = Origin::start().await;
    origin.feed("/fine", rss("Fine"));
    origin.feed("/new", rss("Moved"));
    origin.reply("/moved", Reply::redirect(301, "/new"));
    origin.reply("/gone", Reply::status(410));
    let link = |to: &str| {
        page(&format!(
            "<link rel=\"alternate\" type=\"application/rss+xml\" href=\"{to}\">"
        ))
    };
    origin.replace("/page", link("/new"));
    origin.replace("/named", link("/other"));
    origin.feed("/other", rss("Other"));
    origin.replace("/lost", link("/nowhere"));
    let announcing = |to: &str| {
        let told = format!(
            "<itunes:new-feed-url>{}</itunes:new-feed-url><item>",
            origin.url(to)
        );
        let space = "<rss xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\"";
        rss("A")
            .replacen("<item>", &told, 1)
            .replacen("<rss", space, 1)
    };
    origin.feed("/pod", announcing("/other"));
    origin.feed("/liar", announcing("/nowhere"));
    origin.reply("/broken", Reply::status(500));
    let feed = |name: &str| {
        format!(
            "[[feed]]\nname = \"{name}\"\nurl = \"{}/{name}\"\n\n",
            origin.url("")
        )
    };
    let names = [
        "fine", "moved", "gone", "page", "broken", "named", "lost", "pod", "liar",
    ];
    let feeds: String = names.map(feed).concat();
    let text = format!("[fetch]\nallow_networks = [\"127.0.0.0/8\"]\n\n{feeds}");
    let home = Home::new(&text);
    let output = home.run(&["check", "--online"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    let new = origin.url("/new");
    for line in [
        format!("moved: has moved for good to {new}"),
        "gone: may be gone (410): it is asked once more in a day, to be sure".to_owned(),
        format!("page: is a web page, which names the feed {new}"),
        format!("pod: says that it moves to {}", origin.url("/other")),
        "1 of 9 feeds are fine".to_owned(),
        format!("-url = \"{}\"\n+url = \"{new}\"", origin.url("/moved")),
        format!("-url = \"{}\"\n+url = \"{new}\"", origin.url("/page")),
        format!("-url = \"{}\"", origin.url("/named")),
        format!("-url = \"{}\"", origin.url("/pod")),
    ] {
        assert!(said.contains(&line), "{line:?} is not in {said}");
    }
    // What one 410 says is not yet true, and where no feed was read none is proposed.
    assert!(!said.contains("+enabled = false"), "{said}");
    assert!(
        !said.contains(&format!("+url = \"{}\"", origin.url("/nowhere"))),
        "{said}"
    );
    assert!(said.contains("broken: fails: "), "{said}");
    let path = home.path("feedmill.toml");
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    let once = [
        "/fine", "/moved", "/new", "/gone", "/page", "/broken", "/other",
    ];
    assert!(once.iter().all(|path| origin.requests_to(path).len() == 1));
    // A second look asks nothing again of what is there: every floor holds.
    let asked = |origin: &Origin| {
        let asked = origin.requests().into_iter();
        asked.filter(|request| request.target != "/nowhere").count()
    };
    let before = asked(&origin);
    let output = home.run(&["check", "--online", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["feeds"].as_array().map(Vec::len), Some(9));
    assert_eq!(report["feeds"][1]["verdict"], "moved");
    assert!(report["patch"].as_str().unwrap().starts_with("--- "));
    assert_eq!(asked(&origin), before);
}
