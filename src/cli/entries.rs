//! `entries`: what is stored, newest first, whatever became of it.

use super::{Exit, Output};
use crate::model::{EntryView, Standing};
use crate::store::Store;

/// What the verb takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Only entries of this feed (key or URL).
    #[arg(long)]
    pub feed: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Prints the entries.
///
/// # Errors
/// When the store cannot be read.
pub async fn run(store: &Store, args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    let feed = match &args.feed {
        None => None,
        Some(name) => {
            let Some(feed) = store.feed(name).await? else {
                anyhow::bail!("no feed {name:?}; `feedmill feeds` lists them");
            };
            Some(feed.id)
        }
    };
    let entries = store.entries(feed, args.limit).await?;
    if args.json {
        let entries: Vec<EntryView> = entries.into_iter().map(without_addresses).collect();
        out.json(&entries)?;
        return Ok(Exit::Fine);
    }
    for entry in entries {
        let title = plain(&entry.entry.title);
        let when = entry.shown_at.strftime("%Y-%m-%d %H:%M");
        out.line(&format!(
            "{when}  {:<11}  {}  {title}",
            standing(&entry),
            entry.feed.key
        ))?;
    }
    Ok(Exit::Fine)
}

/// Authors' mail addresses are kept for identity only.
pub(super) fn without_addresses(mut view: EntryView) -> EntryView {
    view.entry
        .authors
        .iter_mut()
        .for_each(|author| author.email = None);
    view
}

/// One word for what became of an entry.
pub(super) fn standing(entry: &EntryView) -> &'static str {
    match entry.standing {
        Standing::Shown => "shown",
        Standing::Backlog => "backlog",
        Standing::Dropped => "dropped",
        Standing::Held => "held",
        Standing::Quarantined => "quarantined",
        Standing::Withdrawn => "withdrawn",
    }
}

/// A publisher's words for a terminal: no control characters, no change of direction.
pub(super) fn plain(text: &str) -> String {
    let shown = |letter: &char| {
        !letter.is_control()
            && !matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(shown).collect()
}
