//! The archive documents of a merged feed (RFC 5005): where they begin and end, and their frozen bytes. The bounds are
//! sequence numbers, found once and kept as a note, so that a document, once linked, always holds the same stories.
//!
//! A document is frozen when the next one is finished: from then on it has its `next-archive`, its bytes are kept, and
//! no edit or retention changes them, so that it may be promised as immutable (R7.22). The newest finished one is not
//! promised yet. An edit of an archived story appears in the subscription document, as a change of it always does.
//!
//! Stories that no finished document holds and that the subscription document has no room for are in a volume under
//! way. Its address names the last story it holds, so that the set behind an address is fixed here too: readers that
//! know an address need not ask again, and those that follow the links miss nothing.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::config::{PublishConfig, PublishFormat};
use crate::model::{Selection, StorySeq, StoryView};
use crate::publish::{Chapter, Draft, MergedFeed, Site, Volume, archive_draft, freeze, thaw};
use crate::store::StoreError;

use super::select::{kept, selection};
use super::{ReleaseError, Tools};

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
    bounds: Vec<i64>,
    /// Stories after the last bound, up to the cursor; none in a note that was written before they were kept.
    #[serde(default)]
    open: Option<Vec<i64>>,
}

impl Bounds {
    fn last(&self) -> i64 {
        self.bounds.last().copied().unwrap_or(0)
    }
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

/// Closes documents as far as stories have come. The document that the subscription document, which has `shown`, leads
/// to: the volume under way when it holds a story that is not shown, else the newest finished one.
pub(super) async fn advance(
    tools: &Tools,
    site: &Site,
    output: &PublishConfig,
    shown: &[StoryView],
) -> Result<Option<Volume>, ReleaseError> {
    if formats(output).next().is_none() || output.search.is_some() {
        return Ok(None);
    }
    let begun = read(tools, output).await?;
    let last = tools.store.last_seq().await?.0;
    let mut bounds = begun.clone();
    let caught_up = step(tools, output, &mut bounds, last).await?;
    if bounds != begun {
        let bytes = serde_json::to_vec(&bounds).expect("numbers always have a JSON form");
        tools.store.set_note(&note(output), Some(bytes)).await?;
    }
    let (was, is) = (newest(&begun), newest(&bounds));
    // Frozen before retention or an edit can reach its stories, asked for or not.
    for number in was.unwrap_or(1)..is.unwrap_or(0) {
        for format in formats(output) {
            let volume = Volume::finished(number);
            document(tools, site, output, (format, volume)).await?;
        }
    }
    let mut open = bounds.open.clone().unwrap_or_default();
    if caught_up {
        open.extend(seqs(&window(tools, output, (bounds.cursor, last)).await?));
    }
    let shown: HashSet<i64> = shown.iter().map(|story| story.seq.0).collect();
    let until = open.iter().max().copied();
    Ok(match until {
        Some(until) if open.iter().any(|seq| !shown.contains(seq)) => Some(Volume {
            number: is.unwrap_or(0) + 1,
            until: Some(StorySeq(until)),
        }),
        _ => is.map(Volume::finished),
    })
}

/// Looks at the stories after the cursor, some at a time, and closes a document when there are enough; false when there
/// is more to look at than one rendering may.
async fn step(
    tools: &Tools,
    output: &PublishConfig,
    bounds: &mut Bounds,
    last: i64,
) -> Result<bool, StoreError> {
    let mut open = match bounds.open.take() {
        Some(open) => open,
        None => seqs(&window(tools, output, (bounds.last(), bounds.cursor)).await?),
    };
    let mut steps = 0;
    while bounds.cursor + STEP <= last && steps < MOST_STEPS {
        let until = bounds.cursor + STEP;
        open.extend(seqs(&window(tools, output, (bounds.cursor, until)).await?));
        bounds.cursor = until;
        if open.len() >= ENOUGH {
            open.clear();
            bounds.bounds.push(until);
        }
        steps += 1;
    }
    bounds.open = Some(open);
    Ok(bounds.cursor + STEP > last)
}

fn seqs(stories: &[StoryView]) -> Vec<i64> {
    stories.iter().map(|story| story.seq.0).collect()
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

/// An archive document.
pub(super) struct Made {
    pub(super) draft: Draft,
    /// Its bytes will never change again.
    pub(super) frozen: bool,
}

/// Where kept bytes belong, since an address inside them must stay true.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    url: String,
}

/// The archive document `volume` in `format`, when there is one.
pub(super) async fn document(
    tools: &Tools,
    site: &Site,
    output: &PublishConfig,
    (format, volume): (PublishFormat, Volume),
) -> Result<Option<Made>, ReleaseError> {
    let bounds = read(tools, output).await?;
    let newest = newest(&bounds).unwrap_or(0);
    let Some(span) = span(tools, &bounds, volume).await? else {
        return Ok(None);
    };
    let chapter = Chapter {
        format,
        volume,
        newest,
    };
    let frozen = volume.until.is_none() && volume.number < newest;
    if !frozen {
        let draft = rendered(tools, site, output, (chapter, span)).await?;
        return Ok(draft.map(|draft| Made { draft, frozen }));
    }
    let place = format!(
        "{}/{}/{format:?}",
        note(output).replacen("archive/", "archived/", 1),
        volume.number
    );
    let url = site.public_url.to_string() + &output.name;
    let draft = match kept_bytes(tools, &place).await? {
        Some((kept, bytes)) => {
            let mut draft = archive_draft(site, &empty(output), chapter);
            if kept.url == url {
                draft.bytes = bytes;
                return Ok(Some(Made { draft, frozen }));
            }
            draft.bytes = moved(&bytes, (&kept.url, &url));
            Some(draft)
        }
        None => rendered(tools, site, output, (chapter, span)).await?,
    };
    if let Some(draft) = &draft {
        keep_bytes(tools, &place, (Kept { url }, &draft.bytes)).await?;
    }
    Ok(draft.map(|draft| Made { draft, frozen }))
}

/// The sequence numbers of a volume: after the first, up to the second.
async fn span(
    tools: &Tools,
    bounds: &Bounds,
    volume: Volume,
) -> Result<Option<(i64, i64)>, StoreError> {
    let Some(index) = usize::try_from(volume.number)
        .ok()
        .and_then(|number| number.checked_sub(1))
        .filter(|index| *index <= bounds.bounds.len())
    else {
        return Ok(None);
    };
    let after = index
        .checked_sub(1)
        .map_or(0, |before| bounds.bounds[before]);
    let end = bounds.bounds.get(index).copied();
    let until = match (volume.until, end) {
        (None, end) => end,
        (Some(until), Some(end)) => Some(until.0).filter(|until| *until <= end),
        (Some(until), None) => {
            let last = tools.store.last_seq().await?.0;
            Some(until.0).filter(|until| *until <= last)
        }
    };
    Ok(until
        .filter(|until| *until > after)
        .map(|until| (after, until)))
}

/// None when a volume under way holds nothing.
async fn rendered(
    tools: &Tools,
    site: &Site,
    output: &PublishConfig,
    (chapter, span): (Chapter, (i64, i64)),
) -> Result<Option<Draft>, ReleaseError> {
    let mut stories = window(tools, output, span).await?;
    if stories.is_empty() && chapter.volume.until.is_some() {
        return Ok(None);
    }
    let mut ids = HashSet::new();
    stories.retain(|story| ids.insert(story.public_id.clone()));
    let (site, output) = (site.clone(), output.clone());
    let made = tokio::task::spawn_blocking(move || {
        let feed = MergedFeed {
            stories: &stories,
            ..empty(&output)
        };
        archive_draft(&site, &feed, chapter)
    });
    Ok(Some(made.await?))
}

/// Frozen bytes under another address: what their head says of places is set right, the stories stay as they were.
fn moved(bytes: &[u8], (old, new): (&str, &str)) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let marks = ["<entry", "\"items\""].into_iter();
    let end = marks.filter_map(|mark| text.find(mark)).min();
    let (head, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut parts = head.split(old);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(if part.starts_with(['.', '/']) {
            new
        } else {
            old
        });
        out.push_str(part);
    }
    out.push_str(rest);
    out.into_bytes()
}

fn empty(output: &PublishConfig) -> MergedFeed<'_> {
    MergedFeed {
        output,
        stories: &[],
        capped: &[],
        tombstones: &[],
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
