//! Days of a merged feed in its zone: their bounds, and the nearest ones that have stories.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::config::PublishConfig;
use crate::model::{Selection, StoryView};
use crate::store::StoreError;

use super::Tools;
use super::select::{kept, selection};

/// Stories looked at where rules may drop some.
const LOOK: usize = 100;

/// First instant of `day`, and of the day after.
pub(super) fn bounds(day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let begin = |day: Date| {
        let zoned = day.to_zoned_datetime(zone.clone()).ok()?;
        Some(zoned.timestamp())
    };
    Some((begin(day)?, begin(day.tomorrow().ok()?)?))
}

/// The civil day of an instant.
pub(super) fn of(at: Timestamp, zone: &TimeZone) -> Date {
    at.to_zoned_datetime(zone.clone()).date()
}

/// The last day with stories that ends at or before `begins`.
pub(super) async fn before(
    tools: &Tools,
    output: &PublishConfig,
    begins: Timestamp,
) -> Result<Option<Date>, StoreError> {
    let newest = between(tools, output, (None, Some(begins))).await?;
    Ok(newest
        .first()
        .map(|story| of(story.shown_at, &output.timezone.zone)))
}

/// The first day with stories after `day`. The store reads newest first, so the span of days is halved until one is
/// left: a dozen questions for the longest silence.
pub(super) async fn after(
    tools: &Tools,
    output: &PublishConfig,
    day: Date,
) -> Result<Option<Date>, StoreError> {
    let zone = &output.timezone.zone;
    let Ok(mut low) = day.tomorrow() else {
        return Ok(None);
    };
    let begins = bounds(low, zone).map(|(begins, _)| begins);
    let newest = between(tools, output, (begins, None)).await?;
    let Some(mut high) = newest.first().map(|story| of(story.shown_at, zone)) else {
        return Ok(None);
    };
    while low < high {
        let middle = low.saturating_add(((high - low).get_days() / 2).days());
        let span = (
            bounds(low, zone).map(|(begins, _)| begins),
            bounds(middle, zone).map(|(_, ends)| ends),
        );
        match between(tools, output, span).await?.first() {
            Some(story) => high = of(story.shown_at, zone),
            None => low = middle.tomorrow().unwrap_or(high),
        }
    }
    Ok(Some(high))
}

/// Newest stories of a span that the rules keep.
async fn between(
    tools: &Tools,
    output: &PublishConfig,
    (since, until): (Option<Timestamp>, Option<Timestamp>),
) -> Result<Vec<StoryView>, StoreError> {
    let limit = if output.filters.is_empty() { 1 } else { LOOK };
    let wanted = Selection {
        since,
        until,
        limit,
        ..selection(output)
    };
    let mut stories = tools.store.select_stories(wanted).await?;
    stories.retain(|story| kept(tools, output, story, story.shown_at));
    Ok(stories)
}
