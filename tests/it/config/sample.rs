//! `config/feedmill.toml` and the schema: the sample is valid, shows every key, and shows true defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use feedmill::config::{self, Overrides};
use regex::Regex;
use serde_json::Value;

use super::Folder;

fn sample() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/feedmill.toml"))
        .unwrap()
}

/// The sample with the marks before `key = value` taken away: `# ` before defaults, `#? ` before examples.
fn without_marks(text: &str, mark: &str) -> String {
    let pattern = Regex::new(&format!("(?m)^{}([A-Za-z_.-]+ = )", regex::escape(mark))).unwrap();
    pattern.replace_all(text, "$1").into_owned()
}

fn settings(toml: &str) -> BTreeMap<String, Value> {
    let folder = Folder::of(&[("feedmill.toml", toml)]);
    match config::settings(&folder.config(), &Overrides::default()) {
        Ok(settings) => settings
            .into_iter()
            .map(|setting| (setting.key, setting.value))
            .collect(),
        Err(complaints) => panic!("{complaints}"),
    }
}

#[test]
fn sample_is_fine_and_every_shown_default_is_the_real_one() {
    let shown = without_marks(&sample(), "# ");
    assert!(shown.lines().count() == sample().lines().count() && shown != sample());
    assert_eq!(settings(&sample()), settings(&shown));
}

#[test]
fn a_shown_default_that_is_not_real_would_be_found() {
    let wrong = without_marks(
        &sample().replace("# per_host = 1\n", "# per_host = 2\n"),
        "# ",
    );
    assert_ne!(settings(&sample()), settings(&wrong));
}

#[test]
fn examples_of_the_sample_fit_the_schema() {
    let all = without_marks(&without_marks(&sample(), "#? "), "# ");
    let folder = Folder::of(&[("feedmill.toml", &all)]);
    let said = folder.said(&Overrides::default());
    // Secrets that are not there, and choices of which only one can be taken.
    for wrong in ["unknown", "must be", "is no ", "set twice", "needs"] {
        assert!(!said.contains(wrong), "{said}");
    }
}

/// Every key of the schema as `section.key`, names written as `*`, lists of tables like tables.
fn keys(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let schema = schema["anyOf"]
        .as_array()
        .and_then(|parts| parts.iter().find(|part| part["type"] != "null"))
        .unwrap_or(schema);
    let inner = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        keys(schema, &inner(key), found);
    }
    if schema["additionalProperties"].is_object() {
        keys(&schema["additionalProperties"], &inner("*"), found);
    } else if schema["items"]["properties"].is_object() {
        keys(&schema["items"], path, found);
    } else if !schema["properties"].is_object() {
        found.insert(path.to_owned());
    }
}

/// The same of what the sample shows, marked or live.
fn shown() -> BTreeSet<String> {
    let header = Regex::new(r#"^\[\[?([a-z0-9]+)(\.[a-z-]+|\."[a-z.]+")?(\.[a-z]+)?\]"#).unwrap();
    let key = Regex::new(r"^(?:#\??\s)?([A-Za-z_.-]+) = ").unwrap();
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in sample().lines() {
        if let Some(captures) = header.captures(line) {
            section = captures.get(1).map_or("", |part| part.as_str()).to_owned() + ".";
            section += if captures.get(2).is_some() { "*." } else { "" };
            section += &captures
                .get(3)
                .map_or(String::new(), |part| format!("{}.", &part.as_str()[1..]));
        } else if let Some(captures) = key.captures(line) {
            found.insert(format!("{section}{}", &captures[1]));
        }
    }
    found
}

#[test]
fn sample_shows_every_key_of_the_schema() {
    let mut known = BTreeSet::new();
    keys(&config::schema(), "", &mut known);
    assert!(known.len() > 100, "the walk missed most keys");
    let shown: BTreeSet<String> = shown()
        .into_iter()
        .map(|key| {
            Regex::new(r"secret_headers\.[^.]+$")
                .unwrap()
                .replace(&key, "secret_headers.*")
                .into_owned()
        })
        .collect();
    // A table of headers has no keys of its own; the sources of a secret header stand in one line.
    let bare = |key: &&String| !key.ends_with(".*") && !key.contains("secret_headers.*.");
    let missing: Vec<&String> = known
        .iter()
        .filter(bare)
        .filter(|key| !shown.contains(*key))
        .collect();
    assert!(
        missing.is_empty(),
        "not in config/feedmill.toml: {missing:?}"
    );
}

#[test]
fn schema_is_draft_07_closed_and_describes_every_key() {
    fn walk(schema: &Value, path: &str) {
        if let Some(properties) = schema["properties"].as_object() {
            assert!(
                schema["additionalProperties"] == Value::Bool(false),
                "{path} takes unknown keys"
            );
            for (key, inner) in properties {
                assert!(
                    inner["description"].is_string(),
                    "{path}.{key} has no description"
                );
                walk(inner, &format!("{path}.{key}"));
            }
        }
        for part in schema["anyOf"].as_array().into_iter().flatten() {
            walk(part, path);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                walk(&schema[inner], path);
            }
        }
        assert!(schema["$ref"].is_null(), "{path} refers elsewhere");
    }
    let schema = config::schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    walk(&schema, "");
}

#[test]
fn files_named_in_the_settings_are_not_touched_by_checking() {
    let folder = Folder::of(&[("feedmill.toml", &sample())]);
    folder.load(&Overrides::default()).unwrap();
    let names: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(names, [folder.config()]);
}
