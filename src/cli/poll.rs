//! `feedmill poll`: polls what is due, or the named feeds, once, and says what came of it. Works beside a running
//! daemon: whoever claims a feed first polls it.

use crate::cli::{Exit, Output};
use crate::model::PollReason;
use crate::poll::{HeldFeed, Poller, Summary};
use crate::schedule::Insistence;
use crate::store::Store;

/// Poll what is due once, and exit.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only these feeds, by name or URL, due or not.
    pub feeds: Vec<String>,
    /// Lift our own interval and backoff for the named feeds; what the publisher asked for still holds.
    #[arg(long, requires = "feeds")]
    pub force: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Polls. Fails (exit 1) when every feed that was asked failed, or a named feed is not known.
///
/// # Errors
/// When the store or standard output fails.
pub async fn run(
    store: &Store,
    poller: &Poller,
    args: Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    for name in &args.feeds {
        if store.feed(name).await?.is_none() {
            out.line(&format!(
                "no feed is called {name:?}; `feedmill feeds` lists them"
            ))?;
            return Ok(Exit::Failed);
        }
    }
    let insistence = if args.force {
        Insistence::Forced
    } else {
        Insistence::Polite
    };
    let summary = if args.feeds.is_empty() {
        poller.poll_due().await?
    } else {
        poller.poll_these(&args.feeds, insistence).await?
    };
    if args.json {
        out.json(&summary)?;
    } else {
        print(&summary, out)?;
    }
    let all_failed = summary.polled > 0 && summary.failed == summary.polled;
    Ok(if all_failed { Exit::Failed } else { Exit::Fine })
}

fn print(summary: &Summary, out: &mut Output) -> std::io::Result<()> {
    for (feed, trouble) in &summary.troubles {
        out.line(&format!("{feed}: {trouble}"))?;
    }
    for held in &summary.held {
        out.line(&held_line(held))?;
    }
    out.line(&format!(
        "polled {}: {} changed, {} as before, {} failed; {} new and {} changed entries",
        summary.polled,
        summary.changed,
        summary.unchanged + summary.not_modified,
        summary.failed,
        summary.new_entries,
        summary.changed_entries,
    ))
}

fn held_line(held: &HeldFeed) -> String {
    let until = held.until.strftime("%Y-%m-%d %H:%M:%SZ");
    let why = match held.reason {
        PollReason::Floor | PollReason::Claimed => "its interval (--force lifts it)",
        PollReason::Backoff | PollReason::Confirm => "its failures (--force lifts it)",
        PollReason::Freshness => "the lifetime that the publisher gave its document",
        PollReason::RetryAfter => "the publisher's Retry-After",
        _ => "its host, which needs rest",
    };
    format!("{}: not before {until}, because of {why}", held.feed)
}
