//! The verbs that only need the config: check, schema, config, init, import, export.

use std::io::Write;
use std::sync::{Arc, Mutex};

use feedmill::cli::{self, Exit, Global, Output};
use feedmill::config::{Config, Problem};

use super::Folder;

/// What a verb printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs a verb over a folder; gives its end and its output with file names relative to the folder.
fn printed(
    folder: &Folder,
    verb: impl FnOnce(&Global, &mut Output) -> anyhow::Result<Exit>,
) -> (Exit, String) {
    let printed = Printed::default();
    let global = Global {
        config: folder.config(),
        set: Vec::new(),
    };
    let exit = verb(&global, &mut Output::new(Box::new(printed.clone()))).unwrap();
    let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    (
        exit,
        text.replace(&format!("{}/", folder.path().display()), ""),
    )
}

const FEED: &str = "[[feed]]\nurl = \"https://example.org/a?token=hunter2\"\ntitle = \"A & B\"\ngroups = [\"tech\"]\n";

fn check(folder: &Folder, json: bool, extra: impl Fn(&Config) -> Vec<Problem>) -> (Exit, String) {
    printed(folder, |global, out| {
        cli::check::run(
            global,
            cli::check::Args {
                json,
                ..cli::check::Args::default()
            },
            out,
            extra,
        )
    })
}

#[test]
fn check_says_that_all_is_fine() {
    let folder = Folder::of(&[("feedmill.toml", FEED)]);
    assert_eq!(
        check(&folder, false, |_| Vec::new()),
        (
            Exit::Fine,
            "feedmill.toml: fine: 1 feed, 1 merged feed, 0 digests\n".to_owned()
        )
    );
}

#[test]
fn check_ends_with_2_on_an_error_of_its_own_or_of_a_stage() {
    let wrong = Folder::of(&[("feedmill.toml", "languag = \"vi\"\n")]);
    assert_eq!(check(&wrong, false, |_| Vec::new()).0, Exit::Usage);
    let folder = Folder::of(&[("feedmill.toml", FEED)]);
    let (exit, text) = check(&folder, false, |_| {
        vec![Problem::error("cron says no", None)]
    });
    assert_eq!(
        (exit, text.as_str()),
        (Exit::Usage, "error: cron says no\n")
    );
    let (exit, text) = check(&folder, false, |_| {
        vec![Problem::warning("cron wonders", None)]
    });
    assert_eq!(exit, Exit::Fine);
    assert!(text.starts_with("warning: cron wonders\n"), "{text}");
}

#[test]
fn check_as_json_counts_lines_and_columns_from_1() {
    let folder = Folder::of(&[("feedmill.toml", "\n[log]\nđ = 1\n")]);
    let (_, text) = check(&folder, true, |_| Vec::new());
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    // A bare key is ASCII (TOML 1.0), so this is a fault of syntax.
    assert_eq!(found[0]["severity"], "error");
    assert_eq!(
        (found[0]["line"].as_u64(), found[0]["column"].as_u64()),
        (Some(3), Some(1))
    );
}

#[test]
fn config_shows_each_value_with_its_origin_and_no_secret() {
    let folder = Folder::of(&[("feedmill.toml", FEED)]);
    let printed = Printed::default();
    let global = Global {
        config: folder.config(),
        set: vec!["fetch.per_host=2".to_owned()],
    };
    let args = cli::config::Args {
        origin: true,
        json: false,
    };
    cli::config::run(&global, args, &mut Output::new(Box::new(printed.clone()))).unwrap();
    let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    let line = |key: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")))
            .unwrap();
        line.replace(&format!("{}/", folder.path().display()), "")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("fetch.interval"), "fetch.interval = \"1h\" # default");
    assert_eq!(line("fetch.per_host"), "fetch.per_host = 2 # command line");
    assert_eq!(
        line("feed.0.url"),
        "feed.0.url = \"https://example.org/a?*************\" # feedmill.toml:2"
    );
    assert!(!text.contains("hunter2"));
}

#[test]
fn schema_prints_json() {
    let folder = Folder::of(&[("feedmill.toml", "")]);
    let (exit, text) = printed(&folder, |global, out| {
        cli::schema::run(global, cli::schema::Args {}, out)
    });
    assert_eq!(exit, Exit::Fine);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap(),
        feedmill::config::schema()
    );
}

#[test]
fn init_writes_a_config_that_is_fine_and_overwrites_nothing() {
    let folder = Folder::of(&[("feedmill.toml", "")]);
    let init = |folder: &Folder| {
        printed(folder, |global, out| {
            cli::init::run(global, cli::init::Args {}, out)
        })
        .0
    };
    assert_eq!(init(&folder), Exit::Usage);
    assert_eq!(std::fs::read_to_string(folder.config()).unwrap(), "");
    std::fs::remove_file(folder.config()).unwrap();
    assert_eq!(init(&folder), Exit::Fine);
    assert_eq!(check(&folder, false, |_| Vec::new()).0, Exit::Fine);
    assert_eq!(init(&folder), Exit::Usage);
}

const OPML: &str = "<opml version=\"2.0\"><body><outline text=\"Tin \\ tức\">\
    <outline text=\"Bản &quot;tin&quot;\" xmlUrl=\"https://example.org/b\"/>\
    <outline text=\"A\" xmlUrl=\"https://example.org/a?token=hunter2\"/>\
    <outline text=\"P\" xmlUrl=\"file:///etc/passwd\"/></outline></body></opml>";

fn import(folder: &Folder, name: Option<&str>) -> (Exit, String) {
    let args = cli::import::Args {
        file: folder.path().join("list.opml"),
        name: name.map(str::to_owned),
    };
    printed(folder, |global, out| cli::import::run(global, args, out))
}

#[test]
fn import_writes_new_feeds_into_a_new_file() {
    let main = format!("include = [\"feeds.d/*.toml\"]\n{FEED}");
    let folder = Folder::of(&[("feedmill.toml", &main), ("list.opml", OPML)]);
    let (exit, text) = import(&folder, None);
    let expected = "left out, for an address that is neither http nor https: 1 feed\n\
                    wrote feeds.d/list.toml: 1 feed, 1 more configured already\n";
    assert_eq!((exit, text.as_str()), (Exit::Fine, expected));
    let config = folder
        .load(&feedmill::config::Overrides::default())
        .unwrap();
    assert_eq!(config.feeds[1].title.as_deref(), Some("Bản \"tin\""));
    assert_eq!(config.feeds[1].groups, ["tin-tuc"]);
    assert_eq!(
        std::fs::read_to_string(folder.config()).unwrap(),
        main,
        "the operator's file is untouched"
    );
    assert_eq!(
        import(&folder, None).1.lines().last(),
        Some("nothing to import: 2 feeds configured already")
    );
}

#[test]
fn import_overwrites_nothing_and_stays_in_its_folder() {
    let folder = Folder::of(&[
        ("feedmill.toml", ""),
        ("list.opml", OPML),
        ("feeds.d/list.toml", "# mine\n"),
    ]);
    assert_eq!(import(&folder, None).0, Exit::Usage);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("feeds.d/list.toml")).unwrap(),
        "# mine\n"
    );
    assert_eq!(import(&folder, Some("../other.toml")).0, Exit::Usage);
    let (exit, text) = import(&folder, Some("other.toml"));
    assert_eq!(exit, Exit::Fine);
    assert!(text.contains("it is not read yet"), "{text}");
}

#[test]
fn export_can_be_included_again() {
    let folder = Folder::of(&[("feedmill.toml", FEED)]);
    let export = |json| {
        printed(&folder, |global, out| {
            cli::export::run(global, cli::export::Args { json }, out)
        })
        .1
    };
    let opml = export(false);
    let again = Folder::of(&[
        ("feedmill.toml", "include = [\"a.opml\"]\n"),
        ("a.opml", &opml),
    ]);
    let config = again.load(&feedmill::config::Overrides::default()).unwrap();
    assert_eq!(
        config.feeds[0].url.value.as_str(),
        "https://example.org/a?token=hunter2"
    );
    assert_eq!(config.feeds[0].title.as_deref(), Some("A & B"));
    assert_eq!(config.feeds[0].groups, ["tech"]);
    let json: serde_json::Value = serde_json::from_str(&export(true)).unwrap();
    assert_eq!(json[0]["groups"][0], "tech");
}
