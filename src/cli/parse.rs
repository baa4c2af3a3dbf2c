//! `parse [FILE|-]`: what feedmill makes of a document, as JSON or as a table for people.
//! Ends with failure, and the reason on standard error, when nothing can be read.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::{Exit, Output};
use crate::model::{ParsedEntry, ParsedFeed};
use crate::parse::{ParseContext, ParseError};

/// Shows what feedmill makes of a document.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The document; `-` or nothing reads standard input.
    pub file: Option<PathBuf>,
    /// The address that the document came from: base of relative addresses.
    #[arg(long, value_name = "URL")]
    pub base: Option<String>,
    /// The `Content-Type` that it came with.
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the verb.
///
/// # Errors
/// When the document cannot be opened, holds no feed, or standard output fails.
pub fn run(args: Args, mut stdin: impl Read, out: &mut Output) -> anyhow::Result<Exit> {
    let bytes = match args.file.as_deref().filter(|file| file.as_os_str() != "-") {
        Some(file) => {
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        None => {
            let mut bytes = Vec::new();
            stdin
                .read_to_end(&mut bytes)
                .context("cannot read standard input")?;
            bytes
        }
    };
    let context = ParseContext {
        content_type: args.content_type,
        base_url: args.base,
    };
    let feed = crate::parse::parse(&bytes, &context).map_err(with_feeds)?;
    if args.json {
        out.json(&as_json(&feed)?)?
    } else {
        print_table(&feed, out)?
    }
    Ok(Exit::Fine)
}

/// A web page's own feeds are what the operator wanted.
fn with_feeds(error: ParseError) -> anyhow::Error {
    match &error {
        ParseError::WebPage { feeds } if !feeds.is_empty() => {
            let feeds = feeds.join(" ");
            anyhow::anyhow!("{error}; it names these feeds: {feeds}")
        }
        _ => anyhow::Error::new(error),
    }
}

fn as_json(feed: &ParsedFeed) -> anyhow::Result<Value> {
    let Value::Object(mut fields) =
        serde_json::to_value(feed).context("cannot write the feed as JSON")?
    else {
        anyhow::bail!("cannot write the feed as JSON");
    };
    fields.insert("authors".to_owned(), json!(names(&feed.authors)));
    fields.insert(
        "updated".to_owned(),
        fields.get("updated_at").cloned().unwrap_or_default(),
    );
    fields.remove("updated_at");
    let entries = feed
        .entries
        .iter()
        .map(entry_json)
        .collect::<anyhow::Result<Vec<_>>>()?;
    fields.insert("entries".to_owned(), Value::Array(entries));
    Ok(Value::Object(fields))
}

fn entry_json(entry: &ParsedEntry) -> anyhow::Result<Value> {
    let enclosures: Vec<Value> = entry
        .enclosures
        .iter()
        .map(|file| {
            json!({
                "url": file.url, "type": file.mime, "length": file.length_bytes,
                "duration": file.duration_s, "title": file.title,
            })
        })
        .collect();
    let author = names(&entry.authors).join(", ");
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("key", json!(entry.key));
    put("publisher_id", json!(entry.publisher_id));
    put("link", json!(entry.link));
    put("title", json!(entry.title));
    put(
        "published",
        json!(entry.published_at.map(|time| time.to_string())),
    );
    put(
        "updated",
        json!(entry.updated_at.map(|time| time.to_string())),
    );
    put("date_flag", json!(entry.date_flag));
    put(
        "author",
        if author.is_empty() {
            Value::Null
        } else {
            json!(author)
        },
    );
    put("summary_html", json!(entry.summary_html));
    put("content_html", json!(entry.content_html));
    put("text", json!(entry.text));
    put("enclosures", Value::Array(enclosures));
    put(
        "categories",
        json!(
            entry
                .categories
                .iter()
                .map(|category| &category.term)
                .collect::<Vec<_>>()
        ),
    );
    put("links", json!(entry.links));
    put("source", json!(entry.source));
    put("language", json!(entry.language));
    put("rights", json!(entry.rights));
    put("fingerprint", json!(format!("{:?}", entry.fingerprint)));
    Ok(Value::Object(fields))
}

/// Names for people to see; mail addresses are private even here.
fn names(authors: &[crate::model::Author]) -> Vec<&str> {
    authors
        .iter()
        .filter_map(|author| author.name.as_deref())
        .collect()
}

fn print_table(feed: &ParsedFeed, out: &mut Output) -> anyhow::Result<()> {
    let field = |name: &str, value: Option<&str>| value.map(|value| format!("{name:<12}{value}"));
    let format = serde_json::to_value(feed.format).ok();
    let head = [
        field("title", feed.title.as_deref()),
        field("site", feed.site_url.as_deref()),
        field("format", format.as_ref().and_then(Value::as_str)),
        field("encoding", Some(&feed.encoding)),
        field("language", feed.language.as_deref()),
        field(
            "updated",
            feed.updated_at.map(|time| time.to_string()).as_deref(),
        ),
    ];
    for line in head.into_iter().flatten() {
        out.line(&line)?;
    }
    for repair in &feed.repairs {
        out.line(&format!(
            "{:<12}{} × {}",
            "repaired", repair.kind, repair.count
        ))?;
    }
    out.line(&format!("{:<12}{}", "entries", feed.entries.len()))?;
    for entry in &feed.entries {
        let time = entry.published_at.or(entry.updated_at);
        let time = time.map_or_else(
            || "-".repeat(16),
            |time| time.strftime("%Y-%m-%d %H:%M").to_string(),
        );
        let title = if entry.title.is_empty() {
            "(no title)"
        } else {
            &entry.title
        };
        out.line(&format!("\n{time}  {title}"))?;
        out.line(&format!(
            "{:18}{}",
            "",
            entry.link.as_deref().unwrap_or(&entry.key)
        ))?;
    }
    Ok(())
}
