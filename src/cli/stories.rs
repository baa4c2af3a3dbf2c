//! `stories split ENTRY` and `stories join ONE OTHER`: the operator's word on what is one story, kept for the future.

use std::sync::Arc;

use super::{Exit, Output};
use crate::clock::Clock;
use crate::model::{EntryId, StoryId};
use crate::store::Store;
use crate::story::Matcher;

/// Arguments of `stories`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(clap::Subcommand, Debug)]
enum Deed {
    /// Take an entry out of its story; it becomes a story of its own, for good.
    Split {
        /// The entry's number, as `why` and `entries` print it.
        entry: i64,
    },
    /// Make two stories one, for good; the one that became visible first stays.
    Join {
        /// A story's number, as `why` prints it.
        one: i64,
        /// Another's.
        other: i64,
    },
}

/// Does it and says what came of it.
///
/// # Errors
/// When there is no such entry or story, or the database cannot be written.
pub async fn run(
    store: &Store,
    (matcher, clock): (&Matcher, &Clock),
    args: Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let (judge, now) = (Arc::new(matcher.clone()), clock.now());
    match args.deed {
        Deed::Split { entry } => {
            let story = store.split_story(EntryId(entry), judge, now).await?;
            out.line(&format!("entry {entry} is story {} now", story.0))?;
        }
        Deed::Join { one, other } => {
            anyhow::ensure!(one != other, "story {one} is one already; name two");
            let pair = (StoryId(one), StoryId(other));
            let kept = store.join_stories(pair, judge, now).await?.0;
            let gone = if kept == one { other } else { one };
            out.line(&format!("story {gone} is part of story {kept} now"))?;
        }
    }
    Ok(Exit::Fine)
}
