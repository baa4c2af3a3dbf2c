//! `plan`: what a changed config would add and remove, told by the built binary over stored history, without a trace.

use crate::support::process::Home;

const CONFIG: &str = r#"
[filter.no-ads]
drop = 'title contains "advertisement"'

[[feed]]
name = "rivers"
url = "file:///FOLDER/rivers.xml"
groups = ["water"]
filters = ["no-ads"]

[[feed]]
name = "roads"
url = "file:///FOLDER/roads.xml"
groups = ["land"]

[publish.all]
title = "Everything"
groups = ["*"]

[publish.wet]
title = "Wet"
groups = ["water"]

[digest.morning]
publish = "wet"
cron = "30 6 * * *"
from = "News <news@example.org>"
to = ["an@example.org"]

[mail]
maildir = "mail"
"#;

fn rss(name: &str, titles: &[&str]) -> String {
    let item = |title: &&str| {
        format!(
            "<item><title>{title}</title><link>https://{name}.example/{}</link><guid>https://{name}.example/{}</guid>\
             <description>All there is to say of {title}, in the words of {name}.</description></item>",
            title.replace(' ', "-"),
            title.replace(' ', "-")
        )
    };
    let items: String = titles.iter().map(item).collect();
    format!("<rss version=\"2.0\"><channel><title>{name}</title>{items}</channel></rss>")
}

fn home() -> Home {
    let home = Home::new("");
    let folder = home.path("x");
    let folder = folder
        .parent()
        .unwrap()
        .to_str()
        .unwrap()
        .trim_start_matches('/')
        .to_owned();
    home.write("feedmill.toml", CONFIG.replace("FOLDER", &folder));
    home.write(
        "rivers.xml",
        rss(
            "rivers",
            &[
                "The Loire rises",
                "An advertisement for boats",
                "Dredging begins",
            ],
        ),
    );
    home.write("roads.xml", rss("roads", &["A bridge is closed"]));
    home.verb(&["poll"]);
    home
}

/// What `plan` prints when the config is changed by `(from, to)`.
#[track_caller]
fn check(changes: &[(&str, &str)], expected: &[&str]) {
    let home = home();
    let mut changed = std::fs::read_to_string(home.path("feedmill.toml")).unwrap();
    for (from, to) in changes {
        assert!(changed.contains(from), "{from}");
        changed = changed.replace(from, to);
    }
    home.write("new.toml", changed);
    let before = home.verb(&["entries", "--json"]);
    let new = home.path("new.toml");
    let told = home.verb(&["plan", "--with", new.to_str().unwrap()]);
    let mut lines: Vec<&str> = told.lines().skip(1).collect();
    // Stories of one poll have no order worth telling.
    lines.sort_by_key(|line| !line.starts_with("publish all"));
    let mut missing: Vec<&str> = expected
        .iter()
        .copied()
        .filter(|line| !lines.contains(line))
        .collect();
    missing.extend(lines.iter().filter(|line| !expected.contains(line)));
    assert_eq!(missing, [""; 0], "{told}");
    assert_eq!(home.verb(&["entries", "--json"]), before);
}

#[test]
fn the_same_config_changes_nothing() {
    check(
        &[],
        &[
            "publish all: 3 stories, was 3",
            "publish wet: 2 stories, was 2",
            "digest morning: 2 stories, was 2",
        ],
    );
}

#[test]
fn a_rule_taken_away_brings_back_what_it_dropped() {
    check(
        &[("filters = [\"no-ads\"]", "")],
        &[
            "publish all: 4 stories, was 3",
            "  + An advertisement for boats  [rivers]  was dropped by no-ads",
            "publish wet: 3 stories, was 2",
            "digest morning: 3 stories, was 2",
        ],
    );
}

#[test]
fn a_new_rule_of_an_output_names_what_goes() {
    check(
        &[
            (
                "[publish.wet]",
                "[filter.no-dredging]\ndrop = 'title contains \"dredging\"'\n\n[publish.wet]",
            ),
            (
                "groups = [\"water\"]\n\n[digest",
                "groups = [\"water\"]\nfilters = [\"no-dredging\"]\n\n[digest",
            ),
        ],
        &[
            "publish all: 3 stories, was 3",
            "publish wet: 1 story, was 2",
            "  - Dredging begins  [rivers]  dropped by no-dredging",
            "digest morning: 1 story, was 2",
        ],
    );
}

#[test]
fn groups_feeds_and_outputs_that_come_and_go_are_told() {
    check(
        &[
            ("groups = [\"land\"]", "groups = [\"land\", \"water\"]"),
            (
                "[publish.all]\ntitle = \"Everything\"\ngroups = [\"*\"]",
                "[publish.dry]\ntitle = \"Dry\"\ngroups = [\"land\"]",
            ),
        ],
        &[
            "publish all: 0 stories, was 3",
            "  - The Loire rises  [rivers]  no merged feed of this config",
            "  - Dredging begins  [rivers]  no merged feed of this config",
            "  - A bridge is closed  [roads]  no merged feed of this config",
            "publish dry: 1 story, was 0",
            "  + A bridge is closed  [roads]  was no merged feed of this config",
            "publish wet: 3 stories, was 2",
            "  + A bridge is closed  [roads]  was from no feed or group of it",
            "digest morning: 3 stories, was 2",
        ],
    );
}

#[test]
fn json_tells_the_same_and_a_refused_config_ends_with_2() {
    let home = home();
    let text = std::fs::read_to_string(home.path("feedmill.toml")).unwrap();
    home.write("new.toml", text.replace("filters = [\"no-ads\"]", ""));
    let told = home.verb(&["plan", "--with", "new.toml", "--days", "1", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told[0]["name"], "all");
    assert_eq!(
        (told[0]["before"].as_u64(), told[0]["after"].as_u64()),
        (Some(3), Some(4))
    );
    assert_eq!(told[0]["added"][0]["title"], "An advertisement for boats");
    assert_eq!(told[0]["added"][0]["reason"], "was dropped by no-ads");
    home.write(
        "new.toml",
        text.replace("title contains", "title resembles"),
    );
    let refused = home.run(&["plan", "--with", "new.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("resembles"));
}

#[test]
fn rewritten_titles_are_said_to_be_judged_as_rewritten() {
    let home = home();
    let text = std::fs::read_to_string(home.path("feedmill.toml")).unwrap();
    let old = text.replace(
        "[filter.no-ads]\n",
        "[filter.no-ads]\nset_title = \"{title}\"\n",
    );
    home.write("feedmill.toml", old);
    let same = home.path("feedmill.toml");
    let told = home.verb(&["plan", "--with", same.to_str().unwrap()]);
    assert_eq!(
        told.lines().nth(1),
        Some("(titles and texts that set_title and cut have rewritten are judged as rewritten)")
    );
}

/// Found among all stories of these days, however many match better elsewhere.
#[test]
fn a_saved_search_is_asked_of_each_story() {
    check(
        &[(
            "title = \"Wet\"\n",
            "title = \"Wet\"\nsearch = '-dredging'\n",
        )],
        &[
            "publish all: 3 stories, was 3",
            "publish wet: 1 story, was 2",
            "  - Dredging begins  [rivers]  not found by its search",
            "digest morning: 1 story, was 2",
            "  - Dredging begins  [rivers]  not found by its search",
        ],
    );
}
