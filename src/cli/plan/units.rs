//! Stored entries of the last days, gathered into what readers see once: the members of a story together; an entry that
//! a rule dropped by itself, unless it has the page of a story, which it would then have joined.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::model::{EntryId, EntryView, Standing, StoryId};
use crate::store::{Result, Store};

/// Entries read at once.
const PAGE: usize = 500;

/// A story, or an entry that could be one.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) story: Option<StoryId>,
    /// Never empty; newest first.
    pub(super) entries: Vec<EntryView>,
}

/// What came in since `since`, newest first.
pub(super) async fn since(store: &Store, since: Timestamp) -> Result<Vec<Unit>> {
    let mut gathered = Gathered::default();
    let mut before: Option<EntryId> = None;
    loop {
        let page = store.entries_before(before, PAGE).await?;
        before = page.last().map(|(view, _)| view.id);
        let full = page.len() == PAGE;
        for (view, story) in page {
            if view.first_seen_at < since {
                return Ok(gathered.units);
            }
            gathered.take(view, story);
        }
        if !full {
            return Ok(gathered.units);
        }
    }
}

#[derive(Default)]
struct Gathered {
    units: Vec<Unit>,
    by_story: HashMap<StoryId, usize>,
    by_link: HashMap<String, usize>,
}

impl Gathered {
    fn take(&mut self, mut view: EntryView, story: Option<StoryId>) {
        // Rules read the text; the markup of a week of entries would only fill memory.
        view.entry.content_html = None;
        if !matches!(view.standing, Standing::Shown | Standing::Dropped) {
            return;
        }
        let by_story = story.and_then(|story| self.by_story.get(&story));
        let by_link = || {
            let link = view.canonical_link.as_ref().filter(|_| story.is_none())?;
            self.by_link.get(link)
        };
        let at = match by_story.or_else(by_link) {
            Some(at) => *at,
            None => {
                self.units.push(Unit {
                    story,
                    entries: Vec::new(),
                });
                self.units.len() - 1
            }
        };
        if let Some(story) = story {
            self.by_story.insert(story, at);
        }
        if let Some(link) = &view.canonical_link {
            self.by_link.entry(link.clone()).or_insert(at);
        }
        if let Some(unit) = self.units.get_mut(at) {
            unit.story = unit.story.or(story);
            unit.entries.push(view);
        }
    }
}
