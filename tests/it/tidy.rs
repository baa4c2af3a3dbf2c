//! The house rules, read from the sources: layers, doors, first lines, sizes, names, log fields.
//!
//! A planted violation must be found: `findings_of_planted_violations` proves that each rule can fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Values < stages < flows < daemon < cli. A file uses lower layers and its own room only.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["model", "clock", "config", "telemetry"]),
    (
        1,
        &[
            "schedule", "fetch", "parse", "filter", "story", "store", "publish", "digest",
            "deliver", "systemd",
        ],
    ),
    (2, &["poll", "release", "mail", "http"]),
    (3, &["daemon"]),
    (4, &["cli", "main"]),
];

/// Each outside library has one door; the rooms that may name it.
const DOORS: &[(&str, &[&str])] = &[
    ("ammonia", &["parse"]),
    ("annotate_snippets", &["config"]),
    ("axum", &["http"]),
    ("brotli", &["fetch", "publish"]),
    ("clap", &["cli"]),
    ("chrono", &["schedule", "parse"]),
    ("cron", &["schedule"]),
    ("fastbloom", &["store"]),
    ("feed_rs", &["parse"]),
    ("hyper", &["fetch", "http"]),
    ("hyper_util", &["http"]),
    ("mailparse", &["deliver"]),
    ("minijinja", &["digest", "publish"]),
    ("listenfd", &["systemd"]),
    ("mail_builder", &["digest"]),
    ("prometheus_client", &["telemetry"]),
    ("object_store", &["fetch"]),
    ("reqwest", &["fetch"]),
    ("rusqlite", &["store"]),
    ("schemars", &["config"]),
    ("sd_notify", &["systemd"]),
    ("simple_dns", &["deliver"]),
    ("strsim", &["config", "filter"]),
    ("toml", &["config", "digest", "publish"]),
    ("tracing_subscriber", &["telemetry"]),
    ("whatlang", &["parse"]),
    ("winnow", &["filter"]),
];

/// Values among which `config` may use `model`, and nothing else its neighbour.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("config", "model"),
    ("telemetry", "config"),
    ("cli", "main"),
    ("main", "cli"),
];

const DRAWERS: &[&str] = &["utils", "util", "types", "common", "helpers", "misc"];
const MOST_LINES: usize = 400;

struct Source {
    path: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        let inside = self.path.trim_start_matches("src/");
        inside
            .split('/')
            .next()
            .unwrap_or(inside)
            .trim_end_matches(".rs")
    }
}

fn layer(room: &str) -> Option<u8> {
    LAYERS
        .iter()
        .find(|(_, rooms)| rooms.contains(&room))
        .map(|(layer, _)| *layer)
}

/// Code without comments and the contents of strings, so that a name in prose is no use of it.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after_name = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let (kept, end) = match c {
            '/' if rest.starts_with("//") => ("", rest.find('\n')),
            '/' if rest.starts_with("/*") => ("", rest.find("*/").map(|at| at + 2)),
            '"' => ("\"\"", string_end(rest)),
            'r' if raw_hashes(rest).is_some() && (!after_name || code.ends_with('b')) => {
                let close = format!("\"{}", "#".repeat(raw_hashes(rest).unwrap()));
                let from = close.len() + 1;
                (
                    "\"\"",
                    rest[from..].find(&close).map(|at| from + at + close.len()),
                )
            }
            '\'' => char_end(rest).map_or(("'", Some(1)), |end| ("''", Some(end))),
            _ => (&rest[..c.len_utf8()], Some(c.len_utf8())),
        };
        code.push_str(kept);
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    code
}

/// Past the closing quote of the string that `text` begins with.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Some(at + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// How many hashes the raw string has that `text` begins with, if it does.
fn raw_hashes(text: &str) -> Option<usize> {
    let inside = text[1..].trim_start_matches('#');
    inside
        .starts_with('"')
        .then(|| text.len() - 1 - inside.len())
}

/// Past the character that `text` begins with; nothing for a lifetime.
fn char_end(text: &str) -> Option<usize> {
    let mut inside = text.char_indices().skip(1);
    match inside.next()?.1 {
        '\\' => text[3..].find('\'').map(|at| at + 4),
        _ => inside
            .next()
            .filter(|(_, c)| *c == '\'')
            .map(|(at, _)| at + 1),
    }
}

/// Rooms that `text` names after `crate::`, in `use crate::{a, b}` too.
fn rooms_used(text: &str) -> BTreeSet<String> {
    let code = code(text);
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names: Vec<String> = match rest.strip_prefix('{') {
            Some(list) => first_names(list),
            None => vec![word(rest)],
        };
        rooms.extend(names.into_iter().filter(|name| !name.is_empty()));
    }
    rooms
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The first path segments of a brace list, nested lists skipped.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (0_usize, Vec::new(), true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && !c.is_whitespace() => {
                names.push(word(&list[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

fn findings(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let room = source.room();
    if room == "lib" {
        return found;
    }
    let Some(own) = layer(room) else {
        return vec![format!("{}: `{room}` is no room of the house", source.path)];
    };
    for used in rooms_used(&source.text) {
        let allowed = used == room
            || layer(&used).is_none_or(|layer| layer < own)
            || NEIGHBOURS.contains(&(room, used.as_str()));
        if !allowed {
            found.push(format!("{}: `{room}` may not use `{used}`", source.path));
        }
    }
    let code = code(&source.text);
    for (library, doors) in DOORS {
        let named = [format!("{library}::"), format!("use {library};")]
            .iter()
            .any(|name| {
                code.match_indices(name.as_str())
                    .any(|(at, _)| !follows_name(&code, at))
            });
        if named && !doors.contains(&room) {
            found.push(format!(
                "{}: `{library}` has its door in {}",
                source.path,
                doors.join(", ")
            ));
        }
    }
    if !source.text.starts_with("//! ") {
        found.push(format!(
            "{}: no first line that says what the file is",
            source.path
        ));
    }
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        found.push(format!(
            "{}: {lines} lines, more than {MOST_LINES}",
            source.path
        ));
    }
    let stem = Path::new(&source.path)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    if DRAWERS.contains(&stem) {
        found.push(format!("{}: a drawer, not a room", source.path));
    }
    found.extend(
        fields_used(&code)
            .into_iter()
            .filter(|field| !feedmill::telemetry::FIELDS.contains(&field.as_str()))
            .map(|field| {
                format!(
                    "{}: log field `{field}` is not in telemetry::FIELDS",
                    source.path
                )
            }),
    );
    found
}

/// Is the match at `at` the tail of a longer path or name?
fn follows_name(code: &str, at: usize) -> bool {
    code[..at]
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
}

/// Names before ` = ` inside the parentheses of a tracing macro.
fn fields_used(code: &str) -> Vec<String> {
    let mut fields = Vec::new();
    for level in [
        "error!(", "warn!(", "info!(", "debug!(", "trace!(", "_span!(",
    ] {
        for (at, _) in code.match_indices(level) {
            let traced = code[..at].ends_with("tracing::") || level == "_span!(";
            let arguments = code[at + level.len()..]
                .split(");")
                .next()
                .unwrap_or_default();
            for argument in arguments.split(',').map(str::trim).filter(|_| traced) {
                let Some((name, value)) = argument.split_once(" = ") else {
                    continue;
                };
                let named =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
                if name.chars().all(named) && !value.is_empty() && name != "_" {
                    fields.push(name.to_owned());
                }
            }
        }
    }
    fields
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 40, "the sources were not found");
    let found: Vec<String> = paths
        .into_iter()
        .map(|path| Source {
            path: path.strip_prefix(root).unwrap().display().to_string(),
            text: std::fs::read_to_string(&path).unwrap(),
        })
        .flat_map(|source| findings(&source))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[track_caller]
fn planted(path: &str, text: &str, expected: &str) {
    let found = findings(&Source {
        path: path.into(),
        text: text.into(),
    });
    assert_eq!(found, [expected], "{text}");
}

#[test]
fn findings_of_planted_violations() {
    let head = "//! A file.\n";
    planted(
        "src/story/link.rs",
        &format!("{head}use crate::store::Store;\n"),
        "src/story/link.rs: `story` may not use `store`",
    );
    planted(
        "src/poll.rs",
        &format!("{head}use crate::{{model::FeedId, release::Releaser}};\n"),
        "src/poll.rs: `poll` may not use `release`",
    );
    planted(
        "src/model/feed.rs",
        &format!("{head}fn f(_: crate::config::Config) {{}}\n"),
        "src/model/feed.rs: `model` may not use `config`",
    );
    planted(
        "src/publish/page.rs",
        &format!("{head}fn f(_: rusqlite::Connection) {{}}\n"),
        "src/publish/page.rs: `rusqlite` has its door in store",
    );
    planted(
        "src/http/pages.rs",
        &format!("{head}use reqwest::Client;\n"),
        "src/http/pages.rs: `reqwest` has its door in fetch",
    );
    planted(
        "src/story/lead.rs",
        "fn f() {}\n",
        "src/story/lead.rs: no first line that says what the file is",
    );
    planted(
        "src/story/utils.rs",
        head,
        "src/story/utils.rs: a drawer, not a room",
    );
    planted(
        "src/kitchen.rs",
        head,
        "src/kitchen.rs: `kitchen` is no room of the house",
    );
    planted(
        "src/poll.rs",
        &format!("{head}fn f() {{ tracing::info!(feed.colour = 1, \"x\"); }}\n"),
        "src/poll.rs: log field `feed.colour` is not in telemetry::FIELDS",
    );
    planted(
        "src/poll.rs",
        &format!("{head}{}", "\n".repeat(400)),
        "src/poll.rs: 401 lines, more than 400",
    );
}

#[test]
fn prose_and_longer_names_are_no_use() {
    let text = "//! A file.\n// see crate::store::Store and rusqlite::Row\nuse crate::model::FeedId;\n\
         fn f<'a>() { micron::cron_like(\"\\\"crate::store\", r#\"\"rusqlite::\"#, '\"', '\\'', b\"reqwest::\"); }\n";
    assert_eq!(
        findings(&Source {
            path: "src/story.rs".into(),
            text: text.into()
        }),
        Vec::<String>::new()
    );
}

#[test]
fn code_after_a_string_with_slashes_is_read() {
    planted(
        "src/story.rs",
        "//! A file.\nfn f() { (\"https://a\", crate::store::x()); }\n",
        "src/story.rs: `story` may not use `store`",
    );
}

/// Asks Cargo which packages are built; the lock file also names what other platforms would need.
fn is_built(package: &str) -> bool {
    let tree = std::process::Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    tree.lines()
        .any(|line| line.split(' ').next() == Some(package))
}

#[test]
fn one_tls_provider_is_in_the_tree() {
    assert!(is_built("aws-lc-rs"));
    for other in ["ring", "openssl", "native-tls"] {
        assert!(!is_built(other), "{other} is in the tree");
    }
}
