//! `why URL`: an entry's whole way in readable lines: where it came from, what the rules said, which story it is part
//! of and why, where that is published, in which editions it was mailed.

use super::entries::{plain, standing, without_addresses};
use super::{Exit, Output};
use crate::model::{EntryHistory, JoinReason, Standing, StoryView};
use crate::release::Releaser;
use crate::store::Store;
use crate::story::Matcher;

/// What the verb takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A link, a publisher's id, or an entry key.
    pub url: String,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Tells the way of every entry that answers to the URL.
///
/// # Errors
/// When the store cannot be read.
pub async fn run(
    store: &Store,
    (matcher, releaser): (&Matcher, &Releaser),
    args: Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let mut needles = vec![args.url.clone()];
    needles.extend(matcher.canonical_link(&args.url));
    let mut histories = store.history(needles).await?;
    for history in &mut histories {
        let story = history.story.as_ref().filter(|story| story.seq.0 > 0);
        if let Some(story) = story {
            history.published_in = releaser.carriers(story.id).await?;
        }
    }
    if args.json {
        for history in &mut histories {
            history.entry = without_addresses(history.entry.clone());
            if let Some(story) = &mut history.story {
                story.lead = without_addresses(story.lead.clone());
            }
        }
        out.json(&histories)?;
    } else {
        for history in &histories {
            tell(history).iter().try_for_each(|line| out.line(line))?;
        }
    }
    if histories.is_empty() && !args.json {
        out.line(&format!("nothing known of {:?}", args.url))?;
    }
    Ok(if histories.is_empty() {
        Exit::Failed
    } else {
        Exit::Fine
    })
}

/// The lines of one entry.
fn tell(history: &EntryHistory) -> Vec<String> {
    let view = &history.entry;
    let mut lines = vec![
        plain(&view.entry.title),
        format!("  entry      {}", view.id.0),
        format!(
            "  fetched    from {} on {}",
            view.feed.key, view.first_seen_at
        ),
        format!("  key        {}", plain(&view.entry.key)),
    ];
    for (key, reason, at) in &history.former_keys {
        lines.push(format!(
            "  recognised on {at} by {reason}; before, its key was {}",
            plain(key)
        ));
    }
    for (revision, at, title, substantial) in &history.revisions {
        let kind = if *substantial {
            "in substance"
        } else {
            "in form only"
        };
        lines.push(format!(
            "  changed    on {at}, {kind}; revision {revision} was {:?}",
            plain(title)
        ));
    }
    lines.push(format!("  {:<10} {}", standing(view), fate(history)));
    if let Some(story) = &history.story {
        lines.extend(joined(history, story));
    }
    for output in &history.published_in {
        lines.push(format!("  published  in {output}"));
    }
    for (digest, slot) in &history.mailed_in {
        lines.push(format!("  mailed     in {digest} of {slot}"));
    }
    lines
}

/// What became of the entry, and what to do about it.
fn fate(history: &EntryHistory) -> String {
    let view = &history.entry;
    let feed = &view.feed.key;
    match view.standing {
        Standing::Shown => "no rule drops it".to_owned(),
        Standing::Backlog => {
            "older than what is shown of a first poll or an archive; searchable, in no digest"
                .to_owned()
        }
        Standing::Dropped => format!(
            "by the rule {}",
            view.dropped_by.as_deref().unwrap_or("of that time")
        ),
        Standing::Held => format!(
            "back: the feed brought far more than usual; `feedmill feeds approve {feed}` shows it"
        ),
        Standing::Quarantined => {
            format!("the feed looks taken over; `feedmill feeds approve {feed}` shows it")
        }
        Standing::Withdrawn => {
            let at = history
                .withdrawn_at
                .map(|at| format!(" on {at}"))
                .unwrap_or_default();
            format!("by the publisher{at}; shown again should the feed have it again")
        }
    }
}

fn joined(history: &EntryHistory, story: &StoryView) -> Vec<String> {
    let own = story
        .sightings
        .iter()
        .find(|sighting| sighting.entry == history.entry.id);
    let reason = match own.map(|sighting| &sighting.reason) {
        Some(JoinReason::First) | None => "which began with it".to_owned(),
        Some(JoinReason::PublisherId) => "joined by its publisher id".to_owned(),
        Some(JoinReason::CanonicalLink) => "joined by its link".to_owned(),
        Some(JoinReason::Text(percent)) => format!("joined by its text, {percent} per cent alike"),
        Some(JoinReason::Operator) => "as the operator decided".to_owned(),
    };
    let mut lines = vec![format!("  story      {}, {reason}", story.id.0)];
    if story.seq.0 > 0 {
        lines.push(format!(
            "  visible    as number {} since {}",
            story.seq.0, story.shown_at
        ));
    }
    let others = story
        .sightings
        .iter()
        .filter(|sighting| sighting.entry != history.entry.id);
    lines.extend(
        others.map(|other| format!("  also in    {}: {}", other.feed.key, plain(&other.title))),
    );
    lines
}
