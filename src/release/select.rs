//! Which stories a merged feed shows: page by page from the store, through the output's rules and caps, until the
//! limit. Costs the same however many stories there are.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::config::PublishConfig;
use crate::model::{
    FeedId, FeedView, SearchQuery, SearchScope, Selection, StoryView, Tombstone, Verdict,
};
use crate::publish::{Volume, fitting};
use crate::store::StoreError;

use super::Tools;

/// Pages read before giving up on rules that drop nearly everything.
const MOST_PAGES: usize = 20;

/// Hits of a saved search that are looked at.
const SEARCHED: usize = 500;

/// Tombstones in a document: what was taken back before these, readers have heard of.
const TOMBSTONES: usize = 20;

/// What a merged feed shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected {
    /// Newest first.
    pub(super) stories: Vec<StoryView>,
    /// Feeds with more stories than the cap allows.
    pub(super) capped: Vec<(FeedView, usize)>,
    /// Stories that were taken back, where the merged feed tells it.
    pub(super) tombstones: Vec<Tombstone>,
    /// The archive document that the history goes on in.
    pub(super) archive: Option<Volume>,
}

/// The selection of `output`, as far as the store knows it.
pub(super) fn selection(output: &PublishConfig) -> Selection {
    Selection {
        groups: output.groups.clone(),
        feeds: output.feeds.clone(),
        ..Selection::default()
    }
}

/// Whether the rules of `output` keep `story`.
pub(super) fn kept(
    tools: &Tools,
    output: &PublishConfig,
    story: &StoryView,
    now: Timestamp,
) -> bool {
    output.filters.is_empty()
        || tools.rules.judge(&output.filters, &story.lead, now) == Verdict::Keep
}

/// The stories that `output` shows at `now`.
pub(super) async fn stories(
    tools: &Tools,
    output: &PublishConfig,
    now: Timestamp,
) -> Result<Selected, StoreError> {
    let since = output.max_age.and_then(|age| now.checked_sub(age).ok());
    let mut sieve = Sieve {
        tools,
        output,
        now,
        per_feed: HashMap::new(),
        selected: Selected::default(),
    };
    if let Some(text) = &output.search {
        for story in searched(tools, output, text, since).await? {
            if !sieve.take(story) {
                break;
            }
        }
        return Ok(sieve.done());
    }
    let page = output.limit.max(20);
    let mut wanted = Selection {
        since,
        limit: page,
        ..selection(output)
    };
    for _ in 0..MOST_PAGES {
        let stories = tools.store.select_stories(wanted.clone()).await?;
        let last = stories.last().map(|story| (story.shown_at, story.id));
        let short = stories.len() < page;
        let open = stories.into_iter().all(|story| sieve.take(story));
        if !open || short {
            break;
        }
        wanted.before = last;
    }
    let mut selected = sieve.done();
    if output.tombstones {
        selected.tombstones = tombstones(tools, output, (since, now)).await?;
    }
    Ok(selected)
}

/// The last stories that were taken back, of those that the merged feed would show.
async fn tombstones(
    tools: &Tools,
    output: &PublishConfig,
    (since, now): (Option<Timestamp>, Timestamp),
) -> Result<Vec<Tombstone>, StoreError> {
    let wanted = Selection {
        since,
        limit: TOMBSTONES,
        ..selection(output)
    };
    let mut gone = tools.store.tombstones(wanted).await?;
    gone.retain(|gone| kept(tools, output, &gone.story, now));
    Ok(gone)
}

async fn searched(
    tools: &Tools,
    output: &PublishConfig,
    text: &str,
    since: Option<Timestamp>,
) -> Result<Vec<StoryView>, StoreError> {
    let query = SearchQuery {
        text: text.to_owned(),
        scope: SearchScope::Shown {
            groups: output.groups.clone(),
            feeds: output.feeds.clone(),
        },
        offset: 0,
        limit: SEARCHED,
    };
    let hits = tools.store.search(query).await?;
    let mut stories: Vec<StoryView> = hits.into_iter().map(|hit| hit.story).collect();
    stories.retain(|story| since.is_none_or(|since| story.shown_at >= since));
    stories.sort_by_key(|story| std::cmp::Reverse((story.shown_at, story.id)));
    stories.dedup_by_key(|story| story.id);
    Ok(stories)
}

struct Sieve<'a> {
    tools: &'a Tools,
    output: &'a PublishConfig,
    now: Timestamp,
    per_feed: HashMap<FeedId, usize>,
    selected: Selected,
}

impl Sieve<'_> {
    /// Takes a story or leaves it out; false once the limit is reached.
    fn take(&mut self, story: StoryView) -> bool {
        if self.selected.stories.len() >= self.output.limit {
            return false;
        }
        if !kept(self.tools, self.output, &story, self.now) {
            return true;
        }
        let count = self.per_feed.entry(story.lead.feed.id).or_default();
        *count += 1;
        if self.output.per_feed > 0 && *count > self.output.per_feed {
            self.left_out(story.lead.feed);
        } else {
            self.selected.stories.push(story);
        }
        self.selected.stories.len() < self.output.limit
    }

    fn left_out(&mut self, feed: FeedView) {
        match self
            .selected
            .capped
            .iter_mut()
            .find(|(known, _)| known.id == feed.id)
        {
            Some((_, count)) => *count += 1,
            None => self.selected.capped.push((feed, 1)),
        }
    }

    fn done(mut self) -> Selected {
        self.selected.stories = fitting(self.selected.stories, self.output);
        self.selected
    }
}
