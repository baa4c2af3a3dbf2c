//! `search WORDS`: ranked stories with the matching text.

use super::entries::{plain, without_addresses};
use super::{Exit, Output};
use crate::model::{SearchHit, SearchQuery};
use crate::store::Store;

/// Arguments of `search`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Words, "phrases", prefix*, -without, one OR other, title: author: feed: group: lang: after: before: and -feed: …
    #[arg(required = true, num_args = 1..)]
    words: Vec<String>,
    /// Most hits.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the hits, best first; 1 when there is none.
///
/// # Errors
/// When the database cannot be read.
pub async fn run(store: &Store, args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    let query = SearchQuery {
        text: args.words.join(" "),
        limit: args.limit,
        ..SearchQuery::default()
    };
    let mut hits = store.search(query).await?;
    if args.json {
        for hit in &mut hits {
            hit.story.lead = without_addresses(hit.story.lead.clone());
        }
        out.json(&hits)?;
    } else {
        for hit in &hits {
            show(hit, out)?;
        }
    }
    Ok(if hits.is_empty() {
        Exit::Failed
    } else {
        Exit::Fine
    })
}

fn show(hit: &SearchHit, out: &mut Output) -> std::io::Result<()> {
    let story = &hit.story;
    let marked: String = hit
        .snippet
        .iter()
        .map(|(text, is_match)| {
            if *is_match {
                format!("[{text}]")
            } else {
                text.clone()
            }
        })
        .collect();
    out.line(&format!(
        "{}  {}",
        story.shown_at.strftime("%Y-%m-%d"),
        plain(&story.lead.entry.title)
    ))?;
    out.line(&format!(
        "    {}",
        story.lead.entry.link.as_deref().unwrap_or("(no link)")
    ))?;
    out.line(&format!(
        "    {}: {}",
        plain(&story.lead.feed.title),
        plain(marked.trim())
    ))
}
