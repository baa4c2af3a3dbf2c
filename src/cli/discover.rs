//! `feedmill discover URL`: which feeds a page has, as blocks ready for the config. Asks few documents, spaced as polls
//! are; changes nothing but what is remembered of the hosts asked and of what was read.

use url::Url;

use crate::cli::{Exit, Output};
use crate::config::Config;
use crate::poll::{FoundBy, FoundFeed, Scout, keep_discovered};
use crate::store::Store;

/// Find the feeds of a page.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Address of a page or a feed; `https://` may be left out.
    #[arg(value_name = "URL")]
    pub url: String,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Prints what `scout` finds. Fails (exit 1) when nothing is found.
///
/// # Errors
/// When the page cannot be read, or standard output fails.
pub async fn run(
    (scout, store): (&Scout, &Store),
    config: &Config,
    args: Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let url = address(&args.url)?;
    let feeds = match scout.discover(&url).await {
        Ok(feeds) => feeds,
        Err(trouble) => anyhow::bail!("{}: {}", args.url, trouble.text),
    };
    // The document read now is the one that the feed's first poll comes by.
    keep_discovered(store, &feeds, scout.clock.now()).await?;
    if args.json {
        out.json(&feeds)?;
    } else {
        for feed in &feeds {
            out.line(&block(feed, config))?;
        }
        if feeds.is_empty() {
            out.line(&format!("{}: no feed was found", args.url))?;
        }
    }
    Ok(if feeds.is_empty() {
        Exit::Failed
    } else {
        Exit::Fine
    })
}

fn address(given: &str) -> anyhow::Result<Url> {
    let whole = if given.contains("://") {
        given.to_owned()
    } else {
        format!("https://{given}")
    };
    Url::parse(&whole).map_err(|error| anyhow::anyhow!("{given:?} is no address: {error}"))
}

/// A block to be copied: what is told of the feed stands in comments, so that strangers' words never become settings.
fn block(feed: &FoundFeed, config: &Config) -> String {
    let title: String = feed
        .title
        .as_deref()
        .unwrap_or("(no title)")
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    let entries = match feed.entries {
        Some(count) => format!("{count} entries"),
        None => "named by the page, not asked".to_owned(),
    };
    let by = match feed.by {
        FoundBy::Itself => "the address itself",
        FoundBy::Header => "a Link header",
        FoundBy::Link => "a link of the page",
        FoundBy::UsualPath => "a usual path",
    };
    let known = config
        .feeds
        .iter()
        .find(|known| known.url.value.as_str() == feed.url)
        .map_or_else(String::new, |known| {
            format!("# in the config already, as {:?}\n", known.key)
        });
    let url = toml_text(&feed.url);
    format!("# {title} ({entries}; {by})\n{known}[[feed]]\nurl = {url}\n")
}

/// A TOML basic string; an address holds no control characters, JSON's escapes are TOML's.
fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
