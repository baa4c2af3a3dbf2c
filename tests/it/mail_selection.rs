//! A digest shows what its merged feed selects — feeds, rules, age, saved search — and as much of it as the config says.

use crate::store::bench::{at, entry, saying};
use crate::support::mailroom::Mailroom;

const SEEN: &str = "2026-05-01T05:00:00Z";
const SLOT: &str = "2026-05-01T06:30:00Z";

fn config(publish: &str, digest: &str) -> String {
    format!(
        "[filter.calm]\ndrop = 'title contains \"loud\"'\n[publish.all]\n{publish}\n[digest.morning]\ncron = \"30 6 * * *\"\n\
         timezone = \"UTC\"\nfrom = \"news@example.org\"\nto = [\"an@example.net\"]\n{digest}\n"
    )
}

/// Titles in the one mail, sorted; empty where there was none.
async fn titles(publish: &str) -> Vec<String> {
    let room = Mailroom::new(&config(publish, ""), "2026-04-20T05:00:00Z").await;
    room.entry("a", entry("old", "Old rocket")).await;
    room.clock.set(at(SEEN));
    let stories = [
        ("a", "Rocket in a", "It flew."),
        ("b", "Rocket in b", "It flew too."),
        ("a", "A loud rocket", "Bang."),
        ("b", "Gardens", "Roses, and in the end a rocket."),
        ("a", "Kitchens", "Soup."),
    ];
    for (feed, title, text) in stories {
        room.entry(feed, saying(entry(title, title), text)).await;
    }
    room.look_at(SLOT).await;
    let texts = room.texts("morning").await;
    let Some(text) = texts
        .get("an@example.net")
        .map(|texts| texts.last().unwrap().clone())
    else {
        return Vec::new();
    };
    let mut titles: Vec<String> = ["Old rocket"]
        .into_iter()
        .chain(stories.map(|(_, title, _)| title))
        .filter(|title| text.lines().any(|line| line == *title))
        .map(str::to_owned)
        .collect();
    titles.sort();
    titles
}

#[tokio::test]
async fn an_edition_selects_as_its_merged_feed_does() {
    let all = [
        "A loud rocket",
        "Gardens",
        "Kitchens",
        "Old rocket",
        "Rocket in a",
        "Rocket in b",
    ];
    let without = |gone: &[&str]| -> Vec<&str> {
        all.into_iter()
            .filter(|title| !gone.contains(title))
            .collect()
    };
    let cases = [
        ("groups = [\"*\"]", all.to_vec()),
        (
            "feeds = [\"b\"]\ngroups = []",
            vec!["Gardens", "Rocket in b"],
        ),
        (
            "groups = [\"*\"]\nfilters = [\"calm\"]",
            without(&["A loud rocket"]),
        ),
        (
            "groups = [\"*\"]\nmax_age = \"3d\"",
            without(&["Old rocket"]),
        ),
        (
            "groups = [\"*\"]\nsearch = \"rocket\"",
            without(&["Kitchens"]),
        ),
        (
            "groups = [\"*\"]\nsearch = \"title:rocket\"",
            without(&["Kitchens", "Gardens"]),
        ),
        (
            "feeds = [\"b\"]\ngroups = []\nsearch = \"title:rocket\"\nmax_age = \"3d\"",
            vec!["Rocket in b"],
        ),
        (
            "groups = [\"*\"]\nsearch = \"nothing-says-this\"",
            Vec::new(),
        ),
    ];
    for (publish, expected) in cases {
        assert_eq!(titles(publish).await, expected, "{publish}");
    }
}

/// Whether the mail holds the story's beginning, and its end.
async fn shown(publish: &str, digest: &str) -> (bool, bool) {
    let publish = format!("groups = [\"*\"]\n{publish}");
    let room = Mailroom::new(&config(&publish, digest), SEEN).await;
    let long = format!("Beginning. {} Ending.", "Middle words. ".repeat(60));
    room.entry("a", saying(entry("one", "Story 1"), &long))
        .await;
    room.look_at(SLOT).await;
    let text = room.texts("morning").await["an@example.net"][0].clone();
    (text.contains("Beginning."), text.contains("Ending."))
}

#[tokio::test]
async fn a_story_is_told_as_far_as_the_config_says() {
    let cases = [
        ("", "", (true, false)),
        ("", "content = \"summary\"", (true, false)),
        ("", "content = \"full\"", (true, true)),
        ("", "content = \"title\"", (false, false)),
        // The merged feed's own bound holds too.
        ("content = \"summary\"", "content = \"full\"", (true, false)),
        ("content = \"title\"", "content = \"full\"", (false, false)),
    ];
    for (publish, digest, expected) in cases {
        assert_eq!(shown(publish, digest).await, expected, "{publish} {digest}");
    }
}
