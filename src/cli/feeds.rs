//! `feedmill feeds`: the health of each feed: what came last, when the next poll is and why then. Reads the database,
//! also beside a running daemon; `approve` shows what was held back.

mod addresses;
mod health;
mod hosts;
mod total;

use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::output::{FEEDS, counted};
use crate::cli::{Exit, Output};
use crate::fetch::{HostGaps, wait_for_hosts};
use crate::model::{FeedStanding, FeedState};
use crate::store::Store;
use crate::story::Matcher;
use health::{Health, health, print};

/// Show the health of the feeds.
#[derive(clap::Args, Debug, Default)]
pub struct Args {
    /// Only feeds that fail, are silent beyond their rhythm, or are held.
    #[arg(long)]
    pub failing: bool,
    /// Show politeness per host instead: requests, 304 share, 429s, bytes, gap, rest.
    #[arg(long, conflicts_with = "failing")]
    pub hosts: bool,
    /// Show what polling all feeds came to instead: requests, hits, 304 share, bytes, how long an entry waits.
    #[arg(long, conflicts_with_all = ["failing", "hosts"])]
    pub total: bool,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
    /// What to do instead of showing.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What can be done to a feed.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// Show what was held or quarantined of a feed, and trust it again.
    Approve {
        /// Name or URL of the feed.
        feed: String,
    },
    /// Show where a feed was polled before, since when it is not, and why.
    Addresses {
        /// Name or URL of the feed.
        feed: String,
    },
}

/// Shows the feeds, or does what `args` asks.
///
/// # Errors
/// When the store or standard output fails.
pub async fn run(
    store: &Store,
    gaps: &HostGaps,
    now: Timestamp,
    args: Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    match &args.action {
        Some(Action::Approve { feed }) => return approve(store, feed, out).await,
        Some(Action::Addresses { feed }) => {
            return addresses::run(store, feed, (args.json, out)).await;
        }
        None => {}
    }
    if args.hosts {
        hosts::show(&store.hosts().await?, gaps, now, (args.json, out))?;
        return Ok(Exit::Fine);
    }
    let mut feeds = store.feeds(false).await?;
    if args.total {
        total::show(&feeds, args.json, out)?;
        return Ok(Exit::Fine);
    }
    wait_for_hosts(&mut feeds, &store.hosts().await?, now);
    let shown: Vec<Health<'_>> = feeds
        .iter()
        .map(|feed| health(feed, now))
        .filter(|health| !args.failing || health.is_ill())
        .collect();
    if args.json {
        out.json(&shown)?;
    } else {
        for health in &shown {
            print(health, now, out)?;
        }
        let ill = feeds
            .iter()
            .filter(|feed| health(feed, now).is_ill())
            .count();
        let count = counted(feeds.len(), FEEDS);
        out.line(&format!("{count}, {ill} of them not well"))?;
    }
    Ok(Exit::Fine)
}

fn unknown(name: &str, out: &mut Output) -> anyhow::Result<Exit> {
    out.line(&format!(
        "no feed is called {name:?}; `feedmill feeds` lists them"
    ))?;
    Ok(Exit::Failed)
}

async fn approve(store: &Store, name: &str, out: &mut Output) -> anyhow::Result<Exit> {
    let Some(feed) = store.feed(name).await? else {
        return unknown(name, out);
    };
    let judge = Arc::new(Matcher::default());
    let shown = store.approve_feed(feed.id, judge).await?;
    let taken_over = feed.standing == FeedStanding::Quarantined;
    let lift = move |state: &mut FeedState| {
        state.memory.notice = None;
        state.memory.approved |= taken_over;
        state.memory.approvals += 1;
        state.memory.let_through.allow(shown);
    };
    store.update_feed(feed.id, Box::new(lift)).await?;
    out.line(&format!(
        "{}: approved, {shown} held entries are shown now",
        feed.key
    ))?;
    Ok(Exit::Fine)
}
