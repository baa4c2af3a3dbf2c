//! Every document of `tests/corpus` against the expectation beside it, and what must hold for all of them.
//!
//! An expectation is a list of claims, one a line: `0.title = Words`, `0.content ~ <p>part</p>`, `repair !~ truncated`.
//! `=` is the whole value (nothing: absent), `~` a part of it, `!~` no part of it. `given base = URL` and
//! `given type = TYPE` set what came with the document. `#` begins a comment.

use std::path::{Path, PathBuf};

use feedmill::model::{ParsedEntry, ParsedFeed};
use feedmill::parse::{ParseContext, ParseError, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The documents of the corpus, by name.
pub(crate) fn documents() -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the corpus is there")
        .map(|entry| entry.expect("readable folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension != "expect" && extension != "md")
        })
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path
                .file_name()
                .expect("a file has a name")
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read(&path).expect("readable document"))
        })
        .collect()
}

struct Claim {
    key: String,
    operator: &'static str,
    value: String,
}

struct Expectation {
    context: ParseContext,
    claims: Vec<Claim>,
}

fn expectation(name: &str) -> Expectation {
    let path = folder().join(format!("{name}.expect"));
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{name} has no expectation"));
    let mut expectation = Expectation {
        context: ParseContext::default(),
        claims: Vec::new(),
    };
    for line in text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
    {
        let found = [" !~", " ~", " ="]
            .iter()
            .filter_map(|operator| line.find(operator).map(|at| (at, *operator)))
            .min_by_key(|(at, _)| *at);
        let (at, operator) = found.unwrap_or_else(|| panic!("{name}: no operator in {line:?}"));
        let (key, value) = (&line[..at], line[at + operator.len()..].trim());
        match key {
            "given base" => expectation.context.base_url = Some(value.to_owned()),
            "given type" => expectation.context.content_type = Some(value.to_owned()),
            _ => expectation.claims.push(Claim {
                key: key.to_owned(),
                operator: operator.trim(),
                value: value.replace("\\n", "\n"),
            }),
        }
    }
    assert!(!expectation.claims.is_empty(), "{name} claims nothing");
    expectation
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn value_of(feed: &ParsedFeed, key: &str) -> String {
    if let Some((index, field)) = key.split_once('.')
        && let Ok(index) = index.parse::<usize>()
    {
        return feed.entries.get(index).map_or_else(
            || "(no such entry)".to_owned(),
            |entry| entry_value(entry, field),
        );
    }
    match key {
        "format" => format!("{:?}", feed.format),
        "encoding" => feed.encoding.clone(),
        "title" => text(feed.title.as_ref()),
        "description" => text(feed.description.as_ref()),
        "site" => text(feed.site_url.as_ref()),
        "language" => text(feed.language.as_ref()),
        "id" => text(feed.publisher_id.as_ref()),
        "icon" => text(feed.icon_url.as_ref()),
        "rights" => text(feed.rights.as_ref()),
        "updated" => text(feed.updated_at),
        "author" => feed
            .authors
            .iter()
            .filter_map(|author| author.name.clone())
            .collect::<Vec<_>>()
            .join(", "),
        "entries" => feed.entries.len().to_string(),
        "repair" => feed
            .repairs
            .iter()
            .map(|repair| repair.kind.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        _ => hint_value(&feed.hints, key),
    }
}

fn hint_value(hints: &feedmill::model::PollHints, key: &str) -> String {
    match key {
        "ttl" => text(hints.ttl_s),
        "skip-hours" => format!("{:b}", hints.skip_hours),
        "skip-days" => format!("{:b}", hints.skip_days),
        "period" => text(hints.update_period_s),
        "new-feed" => text(hints.new_feed_url.as_ref()),
        "archive" => text(hints.prev_archive_url.as_ref()),
        "next" => text(hints.next_page_url.as_ref()),
        "complete" => hints.complete.to_string(),
        "expired" => hints.expired.to_string(),
        "hubs" => hints.hub_urls.join(" "),
        "self" => text(hints.self_url.as_ref()),
        _ => panic!("unknown key {key:?}"),
    }
}

fn entry_value(entry: &ParsedEntry, field: &str) -> String {
    match field {
        "key" => entry.key.clone(),
        "id" => text(entry.publisher_id.as_ref()),
        "link" => text(entry.link.as_ref()),
        "title" => entry.title.clone(),
        "published" => text(entry.published_at),
        "updated" => text(entry.updated_at),
        "flag" => text(entry.date_flag.map(|flag| format!("{flag:?}"))),
        "author" => entry
            .authors
            .iter()
            .filter_map(|author| author.name.clone())
            .collect::<Vec<_>>()
            .join(", "),
        "email" => entry
            .authors
            .iter()
            .filter_map(|author| author.email.clone())
            .collect::<Vec<_>>()
            .join(", "),
        "uri" => entry
            .authors
            .iter()
            .filter_map(|author| author.uri.clone())
            .collect::<Vec<_>>()
            .join(", "),
        "summary" => text(entry.summary_html.as_ref().map(|html| html.as_str())),
        "content" => text(entry.content_html.as_ref().map(|html| html.as_str())),
        "text" => entry.text.clone(),
        "files" => {
            let file = |file: &feedmill::model::Enclosure| {
                format!(
                    "{} {} {} {}",
                    file.url,
                    text(file.mime.as_ref()),
                    text(file.length_bytes),
                    text(file.duration_s)
                )
            };
            entry
                .enclosures
                .iter()
                .map(|one| file(one).trim_end().to_owned())
                .collect::<Vec<_>>()
                .join(" | ")
        }
        "file-titles" => entry
            .enclosures
            .iter()
            .filter_map(|file| file.title.clone())
            .collect::<Vec<_>>()
            .join(" | "),
        "categories" => {
            let word = |category: &feedmill::model::Category| {
                format!(
                    "{} {} {}",
                    category.term,
                    text(category.scheme.as_ref()),
                    text(category.label.as_ref())
                )
            };
            entry
                .categories
                .iter()
                .map(|one| word(one).trim_end().to_owned())
                .collect::<Vec<_>>()
                .join(" | ")
        }
        "links" => entry
            .links
            .iter()
            .map(|link| format!("{} {}", link.rel, link.url))
            .collect::<Vec<_>>()
            .join(" | "),
        "source" | "source-id" | "source-link" | "source-feed" => source_value(entry, field),
        "language" => text(entry.language.as_ref()),
        "rights" => text(entry.rights.as_ref()),
        _ => panic!("unknown entry field {field:?}"),
    }
}

fn source_value(entry: &ParsedEntry, field: &str) -> String {
    let Some(source) = entry.source.clone() else {
        return String::new();
    };
    text(match field {
        "source" => source.title,
        "source-id" => source.id,
        "source-link" => source.link,
        _ => source.feed_url,
    })
}

fn complaints(name: &str, bytes: &[u8]) -> Vec<String> {
    let Expectation { context, claims } = expectation(name);
    let outcome = parse(bytes, &context);
    let mut complaints = Vec::new();
    for Claim {
        key,
        operator,
        value,
    } in claims
    {
        let found = match (&outcome, key.as_str()) {
            (Err(error), "error") => error.to_string(),
            (Err(ParseError::WebPage { feeds }), "feeds") => feeds.join(" "),
            (Ok(_), "error") => String::new(),
            (Err(error), _) => format!("(error: {error})"),
            (Ok(feed), key) => value_of(feed, key),
        };
        let holds = match operator {
            "=" => found == value,
            "~" => found.contains(&value),
            _ => !found.contains(&value),
        };
        if !holds {
            complaints.push(format!(
                "{name}: {key} {operator} {value:?}, but it is {found:?}"
            ));
        }
    }
    complaints
}

#[test]
fn every_document_reads_as_expected() {
    let documents = documents();
    assert!(
        documents.len() >= 300,
        "the corpus has only {} documents",
        documents.len()
    );
    let complaints: Vec<String> = documents
        .iter()
        .flat_map(|(name, bytes)| complaints(name, bytes))
        .collect();
    assert!(
        complaints.is_empty(),
        "{} claims fail:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn parsing_is_a_function() {
    for (name, bytes) in documents() {
        let context = expectation(&name).context;
        assert_eq!(parse(&bytes, &context), parse(&bytes, &context), "{name}");
    }
}

#[test]
fn keys_are_unique_in_their_feed() {
    for (name, bytes) in documents() {
        let Ok(feed) = parse(&bytes, &expectation(&name).context) else {
            continue;
        };
        let mut keys: Vec<&str> = feed
            .entries
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count, "{name}");
        assert!(keys.iter().all(|key| !key.is_empty()), "{name}");
    }
}

/// The table of the folder's README names every document's kind, and no kind that has no document.
#[test]
fn the_table_is_complete() {
    let readme = std::fs::read_to_string(folder().join("README.md")).expect("a README");
    let kinds: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let names: Vec<String> = documents().into_iter().map(|(name, _)| name).collect();
    for name in &names {
        assert!(
            kinds.iter().any(|kind| name.starts_with(kind)),
            "{name} is not in the table"
        );
    }
    for kind in kinds {
        assert!(
            names.iter().any(|name| name.starts_with(kind)),
            "no document begins with {kind}"
        );
    }
}
