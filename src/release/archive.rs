//! The archive documents of a merged feed (RFC 5005): where they begin and end, and their frozen bytes. The bounds are
//! sequence numbers, found once and kept as a note, so that a document, once linked, always holds the same stories.
//!
//! A document is frozen when the next one is finished: from then on it has its `next-archive`, its bytes are kept, and
//! no edit or retention changes them, so that it may be promised as immutable (R7.22). The newest finished one is not
//! promised yet. An edit of an archived story appears in the subscription document, as a change of it always does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{PublishConfig, PublishFormat};
use crate::model::{Selection, StorySeq, StoryView};
use crate::publish::{Chapter, Draft, MergedFeed, Site, archive_draft, freeze, thaw};
use crate::store::StoreError;

use super::Tools;
use super::select::{kept, selection};

/// Sequence numbers looked at in one step.
const STEP: i64 = 50;

/// A document is closed when it holds this many; with the last step it holds at most 200 (R7.22).
const ENOUGH: usize = 150;

/// Steps in one rendering: a database of a million stories is caught up with over several.
const MOST_STEPS: usize = 200;

/// Bounds of the finished documents: document `n` holds the stories after `bounds[n-2]`, up to `bounds[n-1]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bounds {
    cursor: i64,
    pending: usize,
    bounds: Vec<i64>,
}

fn note(output: &PublishConfig) -> String {
    format!(
        "archive/{}",
        output.former_names.first().unwrap_or(&output.name)
    )
}

async fn read(tools: &Tools, output: &PublishConfig) -> Result<Bounds, StoreError> {
    let note = tools.store.note(&note(output)).await?;
    Ok(note
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default())
}

/// Closes documents as far as stories have come; the number of the newest finished one.
pub(super) async fn advance(
    tools: &Tools,
    site: &Site,
    output: &PublishConfig,
) -> Result<Option<u32>, StoreError> {
    if formats(output).next().is_none() || output.search.is_some() {
        return Ok(None);
    }
    let mut bounds = read(tools, output).await?;
    let last = tools.store.last_seq().await?.0;
    let begun = bounds.clone();
    for _ in 0..MOST_STEPS {
        let until = bounds.cursor + STEP;
        if until > last {
            break;
        }
        bounds.pending += window(tools, output, (bounds.cursor, until)).await?.len();
        bounds.cursor = until;
        if bounds.pending >= ENOUGH {
            bounds.pending = 0;
            bounds.bounds.push(until);
        }
    }
    if bounds != begun {
        let bytes = serde_json::to_vec(&bounds).expect("numbers always have a JSON form");
        tools.store.set_note(&note(output), Some(bytes)).await?;
    }
    let (was, is) = (newest(&begun), newest(&bounds));
    // Frozen before retention or an edit can reach its stories, asked for or not.
    for number in was.unwrap_or(1)..is.unwrap_or(0) {
        for format in formats(output) {
            document(tools, site, output, (format, number)).await?;
        }
    }
    Ok(is)
}

fn newest(bounds: &Bounds) -> Option<u32> {
    u32::try_from(bounds.bounds.len())
        .ok()
        .filter(|count| *count > 0)
}

/// Stories of `output` in a half-open window, newest first.
async fn window(
    tools: &Tools,
    output: &PublishConfig,
    (after, until): (i64, i64),
) -> Result<Vec<StoryView>, StoreError> {
    let limit = usize::try_from(until - after).unwrap_or_default();
    let window = Some((StorySeq(after), StorySeq(until)));
    let mut stories = tools
        .store
        .select_stories(Selection {
            window,
            limit,
            ..selection(output)
        })
        .await?;
    // Age is measured at the story's own time: a rule must not empty an archive as the years pass.
    stories.retain(|story| kept(tools, output, story, story.shown_at));
    Ok(stories)
}

/// Formats that have archive documents.
pub(super) fn formats(output: &PublishConfig) -> impl Iterator<Item = PublishFormat> {
    let archived =
        |format: &&PublishFormat| matches!(format, PublishFormat::Atom | PublishFormat::Json);
    output.formats.iter().filter(archived).copied()
}

/// A finished archive document.
pub(super) struct Finished {
    pub(super) draft: Draft,
    pub(super) changed_at: Timestamp,
    /// Its bytes will never change again.
    pub(super) frozen: bool,
}

/// Kept bytes: where they belong, since an address inside them must stay true, and when they last changed.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    url: String,
    changed_at: Timestamp,
}

/// The archive document `number` in `format`, when it is finished.
pub(super) async fn document(
    tools: &Tools,
    site: &Site,
    output: &PublishConfig,
    (format, number): (PublishFormat, u32),
) -> Result<Option<Finished>, StoreError> {
    let bounds = read(tools, output).await?;
    let Some(newest) = newest(&bounds).filter(|newest| (1..=*newest).contains(&number)) else {
        return Ok(None);
    };
    let chapter = Chapter {
        format,
        number,
        newest,
    };
    let place = format!(
        "{}/{number}/{format:?}",
        note(output).replacen("archive/", "archived/", 1)
    );
    let url = site.public_url.to_string() + &output.name;
    if number < newest
        && let Some((kept, bytes)) = kept_bytes(tools, &place).await?
        && kept.url == url
    {
        let mut draft = archive_draft(site, &empty(output), chapter);
        draft.bytes = bytes;
        return Ok(Some(Finished {
            draft,
            changed_at: kept.changed_at,
            frozen: true,
        }));
    }
    let finished = rendered(tools, site, output, (chapter, &bounds)).await?;
    if number < newest {
        let changed_at = finished.changed_at;
        keep_bytes(
            tools,
            &place,
            (Kept { url, changed_at }, &finished.draft.bytes),
        )
        .await?;
    }
    Ok(Some(Finished {
        frozen: number < newest,
        ..finished
    }))
}

async fn rendered(
    tools: &Tools,
    site: &Site,
    output: &PublishConfig,
    (chapter, bounds): (Chapter, &Bounds),
) -> Result<Finished, StoreError> {
    let index = chapter.number as usize;
    let after = index.checked_sub(2).map_or(0, |index| bounds.bounds[index]);
    let mut stories = window(tools, output, (after, bounds.bounds[index - 1])).await?;
    let mut ids = std::collections::HashSet::new();
    stories.retain(|story| ids.insert(story.public_id.clone()));
    let feed = MergedFeed {
        stories: &stories,
        ..empty(output)
    };
    let changes = stories.iter().map(|story| story.changed_at);
    Ok(Finished {
        draft: archive_draft(site, &feed, chapter),
        changed_at: changes.max().unwrap_or(Timestamp::UNIX_EPOCH),
        frozen: false,
    })
}

fn empty(output: &PublishConfig) -> MergedFeed<'_> {
    MergedFeed {
        output,
        stories: &[],
        capped: &[],
        archive: None,
    }
}

/// A note of one line of JSON and the frozen bytes behind it; a torn one is none, and made again.
async fn kept_bytes(tools: &Tools, place: &str) -> Result<Option<(Kept, Vec<u8>)>, StoreError> {
    let note = tools.store.note(place).await?;
    Ok(note.and_then(|note| {
        let line = note.iter().position(|byte| *byte == b'\n')?;
        let kept = serde_json::from_slice(&note[..line]).ok()?;
        Some((kept, thaw(&note[line + 1..])?))
    }))
}

async fn keep_bytes(
    tools: &Tools,
    place: &str,
    (kept, bytes): (Kept, &[u8]),
) -> Result<(), StoreError> {
    let mut note = serde_json::to_vec(&kept).expect("texts always have a JSON form");
    note.push(b'\n');
    note.extend(freeze(bytes));
    tools.store.set_note(place, Some(note)).await
}
