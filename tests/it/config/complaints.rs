//! What is refused or warned of, in the exact words. The cases are in `complaints.txt`: `=== name`, the config, `---`,
//! what is said. To add one, write all three.

use super::{Folder, overrides};
use feedmill::config::Overrides;

const CASES: &str = include_str!("complaints.txt");

#[test]
fn every_complaint_reads_as_written() {
    let cases: Vec<&str> = CASES
        .split("=== ")
        .filter(|case| !case.is_empty())
        .collect();
    assert!(cases.len() > 60, "the cases were split wrongly");
    for case in cases {
        let (name, rest) = case.split_once('\n').unwrap();
        let (toml, expected) = rest.split_once("---\n").unwrap();
        let folder = Folder::of(&[("feedmill.toml", toml)]);
        assert_eq!(
            folder.said(&Overrides::default()).trim_end(),
            expected.trim_end(),
            "{name}"
        );
        assert!(!expected.contains("hunter2"), "{name} shows a secret");
    }
}

/// Complaints about more than one file.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    assert_eq!(
        Folder::of(files).said(&Overrides::default()),
        expected.trim()
    );
}

#[test]
fn key_set_in_two_files_names_both() {
    check(
        &[
            (
                "feedmill.toml",
                "include = [\"feeds.d/*.toml\"]\n[group.tech]\ntitle = \"Technology\"\n",
            ),
            ("feeds.d/a.toml", "[group.tech]\ntitle = \"Technik\"\n"),
        ],
        r#"
error: `title` is set twice
 --> feeds.d/a.toml:2:1
  |
2 | title = "Technik"
  | ^^^^^ second time here
  |
 ::: feedmill.toml:3:1
  |
3 | title = "Technology"
  | ----- first set here
"#,
    );
}

#[test]
fn include_that_goes_in_a_circle() {
    let files = [
        ("feedmill.toml", "include = [\"a.toml\"]\n"),
        ("a.toml", "include = [\"b.toml\"]\n"),
        ("b.toml", "include = [\"a.toml\"]\n"),
    ];
    let said = Folder::of(&files).said(&Overrides::default());
    let expected = r#"
error: includes go in a circle: a.toml is being read already
 --> b.toml:1:12
  |
1 | include = ["a.toml"]
  |            ^^^^^^^^
"#;
    assert_eq!(said, expected.trim());
}

#[test]
fn section_of_the_main_file_in_an_included_one() {
    check(
        &[
            ("feedmill.toml", "include = [\"a.toml\"]\n"),
            ("a.toml", "[http]\nlisten = \"127.0.0.1:80\"\n"),
        ],
        r#"
error: `http` belongs into the main file
 --> a.toml:1:2
  |
1 | [http]
  |  ^^^^
  |
  = help: an included file may hold: feed, filter, group, include
"#,
    );
}

#[test]
fn outline_without_address_is_a_warning_with_its_line() {
    check(
        &[
            ("feedmill.toml", "include = [\"a.opml\"]\n"),
            (
                "a.opml",
                "<opml version=\"2.0\"><body>\n<outline text=\"Blog\" type=\"rss\"/>\n</body></opml>\n",
            ),
        ],
        r#"
warning: this outline has no `xmlUrl` and is left out
 --> a.opml:2:1
  |
2 | <outline text="Blog" type="rss"/>
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn address_in_an_opml_file_is_marked_there() {
    check(
        &[
            ("feedmill.toml", "include = [\"a.opml\"]\n"),
            (
                "a.opml",
                "<opml><body>\n<outline text=\"Blog\" xmlUrl=\"blog.example.org\"/>\n</body></opml>\n",
            ),
        ],
        r#"
error: this is no absolute URL
 --> a.opml:2:30
  |
2 | <outline text="Blog" xmlUrl="blog.example.org"/>
  |                              ^^^^^^^^^^^^^^^^
  |
  = help: write the whole address, beginning with https:// or http://
"#,
    );
}

#[test]
fn wrong_values_of_environment_and_command_line_are_shown_there() {
    let folder = Folder::of(&[("feedmill.toml", "")]);
    let wrong = overrides(
        &[
            ("FEEDMILL_HTTP__LISTN", "x"),
            ("FEEDMILL_FETCH__PER_HOST", "many"),
            ("FEEDMILL_LANGUGE", "vi"),
            ("HOME", "/"),
        ],
        &["log.format=jason", "nonsense", "http=1"],
    );
    let expected = r#"
error: `per_host` must be a whole number, not text
 --> environment:1:26
  |
1 | FEEDMILL_FETCH__PER_HOST=many
  |                          ^^^^

error: unknown key `http.listn`
 --> environment:2:1
  |
2 | FEEDMILL_HTTP__LISTN=x
  | ^^^^^^^^^^^^^^^^^^^^ did you mean `listen`?
  |
  = help: keys allowed here: admin, images, listen, max_connections, max_connections_per_address, public_url, title, tls_certificate, tls_key

warning: this variable sets nothing
 --> environment:3:1
  |
3 | FEEDMILL_LANGUGE=vi
  | ^^^^^^^^^^^^^^^^ did you mean `language`?

error: `jason` is no value for `format`
 --> command line:1:12
  |
1 | log.format=jason
  |            ^^^^^ did you mean `json`?
  |
  = help: it can be: auto, plain, json, journald

error: a setting is KEY=VALUE
 --> command line:2:1
  |
2 | nonsense
  | ^^^^^^^^

error: `http` is a table
 --> command line:3:1
  |
3 | http=1
  | ^^^^
  |
  = help: set one of its keys
"#;
    assert_eq!(folder.said(&wrong), expected.trim());
}

#[test]
fn missing_main_file_says_how_to_begin() {
    let folder = Folder::of(&[("feedmill.toml", "")]);
    std::fs::remove_file(folder.config()).unwrap();
    let expected = "error: cannot read feedmill.toml: there is no such file\n |\n = help: `feedmill init` writes a first one";
    assert_eq!(folder.said(&Overrides::default()), expected);
}

#[test]
fn problems_of_a_stage_are_rendered_in_the_same_style() {
    let config = super::fine("[filter.short]\ndrop = 'title ~ x'\n");
    let at = config.filters["short"].drop.clone().unwrap().at;
    let problem = feedmill::config::Problem::error("unknown operator `~`", Some(at))
        .help("`matches` takes a regular expression");
    let files = [(
        std::path::PathBuf::from("feedmill.toml"),
        config.files[0].1.clone(),
    )];
    let expected = r#"
error: unknown operator `~`
 --> feedmill.toml:2:8
  |
2 | drop = 'title ~ x'
  |        ^^^^^^^^^^^
  |
  = help: `matches` takes a regular expression
"#;
    assert_eq!(
        feedmill::config::render(&[problem], &files),
        expected.trim()
    );
}

#[test]
fn more_than_a_hundred_complaints_are_counted() {
    let toml = "[[feed]]\ntitel = \"x\"\nurl = \"https://example.org/\"\n".repeat(103);
    let said = Folder::of(&[("feedmill.toml", &toml)]).said(&Overrides::default());
    // Each of the 103 has an unknown key, all but the first are listed twice.
    assert!(said.ends_with("\n\nand 105 more"), "{said}");
    assert_eq!(
        said.matches("unknown key `titel`").count() + said.matches("listed twice").count(),
        100
    );
}
