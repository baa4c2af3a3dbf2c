//! `stories split ENTRY` and `stories join INTO FROM`: the operator's word on what is one story, kept for the future.

use super::{Exit, Output};
use crate::clock::Clock;
use crate::model::{EntryId, StoryId};
use crate::store::Store;

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
    /// Make two stories one, for good.
    Join {
        /// The story that stays.
        into: i64,
        /// The story that joins it.
        from: i64,
    },
}

/// Does it and says what came of it.
///
/// # Errors
/// When there is no such entry or story, or the database cannot be written.
pub async fn run(
    store: &Store,
    clock: &Clock,
    args: Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    match args.deed {
        Deed::Split { entry } => {
            let story = store.split_story(EntryId(entry), clock.now()).await?;
            out.line(&format!("entry {entry} is story {} now", story.0))?;
        }
        Deed::Join { into, from } => {
            store
                .join_stories(StoryId(into), StoryId(from), clock.now())
                .await?;
            out.line(&format!("story {from} is part of story {into} now"))?;
        }
    }
    Ok(Exit::Fine)
}
