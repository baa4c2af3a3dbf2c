//! `feedmill export`: the configured feeds as OPML or JSON.

use crate::cli::{Exit, Global, Output};
use crate::config::{self, FeedConfig, Overrides};

/// Print the configured feeds as OPML.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(serde::Serialize)]
struct Feed<'a> {
    name: &'a str,
    url: &'a str,
    title: Option<&'a str>,
    groups: &'a [String],
    enabled: bool,
}

/// Prints the feeds.
///
/// # Errors
/// `config::Complaints` when the config is not valid; otherwise when standard output fails.
pub fn run(global: &Global, args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    let config = config::load(&global.config, &Overrides::of_process(global.set.clone()))?;
    if args.json {
        out.json(&config.feeds.iter().map(feed).collect::<Vec<_>>())?;
    } else {
        out.line(config::export_opml(&config).trim_end())?;
    }
    Ok(Exit::Fine)
}

fn feed(feed: &FeedConfig) -> Feed<'_> {
    Feed {
        name: &feed.key,
        url: feed.url.value.as_str(),
        title: feed.title.as_deref(),
        groups: &feed.groups,
        enabled: feed.enabled,
    }
}
