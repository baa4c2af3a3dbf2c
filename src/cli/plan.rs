//! `plan --with FILE`: what a changed config would have added to and removed from each merged feed and digest over the
//! last days, judged anew from stored entries, those that rules dropped among them. Nothing of it is applied; where a
//! merged feed is a saved search, the search index is brought up to date first, as any search does. Caps (`limit`,
//! `per_feed`, `max_stories`) are left aside: they decide how much of this fits, not what it is. Titles and texts that a
//! rule rewrote are stored as rewritten, and judged so; the output says where that may matter.

mod outcome;
mod units;
mod weigh;

use std::path::PathBuf;

use jiff::Timestamp;

use super::entries::plain;
use super::output::counted;
use super::{Exit, Global, Output};
use crate::daemon::Generation;
use crate::store::{Store, StoreOptions};

pub use outcome::{Change, Outcome};

/// What the verb takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The changed config.
    #[arg(long, value_name = "FILE")]
    pub with: PathBuf,
    /// How many days back.
    #[arg(long, default_value_t = 7)]
    pub days: u16,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Compares and prints; ends with 2 where one of the configs is refused.
///
/// # Errors
/// When the store cannot be read.
pub async fn run(
    global: &Global,
    now: Timestamp,
    args: Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let changed = Global {
        config: args.with.clone(),
        set: global.set.clone(),
    };
    let (old, new) = match (
        Generation::load(&global.launch()),
        Generation::load(&changed.launch()),
    ) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(complaints), _) | (_, Err(complaints)) => {
            out.complain(&complaints)?;
            return Ok(Exit::Usage);
        }
    };
    let path = old.config.store.path.clone();
    if !path.exists() {
        anyhow::bail!(super::no_database(&path));
    }
    let store = Store::open(StoreOptions {
        path,
        exclusive: false,
        readers: 1,
    })
    .await?;
    let outcomes = weigh::compare(&store, (&old, &new), now, args.days).await;
    store.close().await?;
    let outcomes = outcomes?;
    if args.json {
        out.json(&outcomes)?;
        return Ok(Exit::Fine);
    }
    out.line(&format!(
        "over the last {}, {} in place of {}:",
        counted(args.days, ["day", "days"]),
        args.with.display(),
        global.config.display()
    ))?;
    if rewrites(&old) {
        out.line(REWRITTEN)?;
    }
    outcomes
        .iter()
        .flat_map(lines)
        .try_for_each(|line| out.line(&line))?;
    Ok(Exit::Fine)
}

/// What stands above the outcomes where stored entries may not be what publishers wrote.
const REWRITTEN: &str =
    "(titles and texts that set_title and cut have rewritten are judged as rewritten)";

fn rewrites(generation: &Generation) -> bool {
    let filters = generation.config.filters.values();
    filters
        .into_iter()
        .any(|filter| filter.set_title.is_some() || !filter.cut.is_empty())
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![format!(
        "{} {}: {}, was {}",
        outcome.kind,
        outcome.name,
        counted(outcome.after, ["story", "stories"]),
        outcome.before
    )];
    let line = |sign: &str, change: &Change| {
        format!(
            "  {sign} {}  [{}]  {}",
            plain(&change.title),
            change.feed,
            change.reason
        )
    };
    lines.extend(outcome.added.iter().map(|change| line("+", change)));
    lines.extend(outcome.removed.iter().map(|change| line("-", change)));
    lines
}
