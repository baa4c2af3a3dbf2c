//! What pages beside the newest one show: the stories of a day, those of one feed.

use jiff::civil::Date;

use crate::config::PublishConfig;
use crate::model::{FeedView, Selection, Standing, StoryView};
use crate::publish::{MergedFeed, Pager};
use crate::store::StoreError;

use super::select::{kept, selection};
use super::{Tools, days};

/// Stories on the page of one day.
const DAY_LIMIT: usize = 500;

/// Stories on one page of a feed.
const FEED_LIMIT: usize = 100;

/// A day, and the nearest ones that have stories.
pub(super) struct DayShown {
    pub(super) stories: Vec<StoryView>,
    pub(super) pager: Pager,
}

/// The stories of a day in the zone of `output`.
pub(super) async fn day(
    tools: &Tools,
    output: &PublishConfig,
    day: Date,
) -> Result<Option<DayShown>, StoreError> {
    let Some((begins, ends)) = days::bounds(day, &output.timezone.zone) else {
        return Ok(None);
    };
    let wanted = Selection {
        since: Some(begins),
        until: Some(ends),
        limit: DAY_LIMIT,
        ..selection(output)
    };
    let mut stories = tools.store.select_stories(wanted).await?;
    stories.retain(|story| kept(tools, output, story, story.shown_at));
    let pager = Pager {
        newer: days::after(tools, output, day).await?,
        older: days::before(tools, output, begins).await?,
    };
    Ok(Some(DayShown { stories, pager }))
}

/// A page of one feed's stories.
pub(super) struct FeedShown {
    pub(super) source: FeedView,
    pub(super) stories: Vec<StoryView>,
    /// The last day on the page, when there are further stories.
    pub(super) last: Option<Date>,
}

/// One feed's stories in `output`, a page of them up to the end of the day `until`.
pub(super) async fn feed(
    tools: &Tools,
    output: &PublishConfig,
    (key, until): (&str, Option<Date>),
) -> Result<Option<FeedShown>, StoreError> {
    let zone = &output.timezone.zone;
    let ends = until
        .and_then(|day| days::bounds(day, zone))
        .map(|(_, ends)| ends);
    if until.is_some() && ends.is_none() {
        return Ok(None);
    }
    let wanted = Selection {
        groups: Vec::new(),
        feeds: vec![key.to_owned()],
        until: ends,
        limit: FEED_LIMIT + 1,
        ..Selection::default()
    };
    let mut stories = tools.store.select_stories(wanted).await?;
    let further = stories.len() > FEED_LIMIT;
    let last = stories.last().map(|story| days::of(story.shown_at, zone));
    stories.truncate(FEED_LIMIT);
    stories.retain(|story| shows(tools, output, story));
    let source = stories.iter().find_map(|story| source(story, key));
    Ok(source.map(|source| FeedShown {
        source,
        stories,
        last: last.filter(|_| further),
    }))
}

fn source(story: &StoryView, key: &str) -> Option<FeedView> {
    let sightings = story.sightings.iter().map(|sighting| &sighting.feed);
    let mut feeds = sightings.chain(std::iter::once(&story.lead.feed));
    feeds.find(|feed| feed.key == key).cloned()
}

/// Does `output` show `story`, now or in its archive?
pub(super) fn shows(tools: &Tools, output: &PublishConfig, story: &StoryView) -> bool {
    let visible = story.seq.0 > 0 && story.lead.standing == Standing::Shown;
    let carried = |feed: &FeedView| output.draws(&feed.key, &feed.groups);
    let shown = story
        .sightings
        .iter()
        .filter(|sighting| sighting.standing == Standing::Shown);
    let carries = carried(&story.lead.feed) || shown.map(|sighting| &sighting.feed).any(carried);
    visible && carries && kept(tools, output, story, story.shown_at)
}

/// `stories` as a part of `output`.
pub(super) fn merged<'a>(output: &'a PublishConfig, stories: &'a [StoryView]) -> MergedFeed<'a> {
    MergedFeed {
        output,
        stories,
        capped: &[],
        tombstones: &[],
        archive: None,
    }
}
