//! Documents made when they are asked for: story pages, days, pages of one feed, archive documents. Each shows only what some merged feed
//! shows; everything else is not there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::config::{PublishConfig, PublishFormat};
use crate::model::{FeedView, Selection, Standing, StoryId, StoryView};
use crate::publish::{
    Document, Draft, FeedPage, HTML, HubAnswer, Keep, MergedFeed, OnRequest, Pager, check_document,
    day_page, feed_page, finish, story_page,
};

use super::select::{kept, selection};
use super::{ReleaseError, Releaser, Tools, archive, days};

/// Stories on the page of one day.
const DAY_LIMIT: usize = 500;

/// Stories on one page of a feed.
const FEED_LIMIT: usize = 100;

type Answer = Result<Option<Document>, ReleaseError>;

impl OnRequest for Releaser {
    fn document<'a>(
        &'a self,
        path: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Arc<Document>>> + Send + 'a>> {
        Box::pin(async move {
            match self.requested(path).await {
                Ok(document) => document.map(Arc::new),
                Err(error) => {
                    tracing::error!(error = ?anyhow::Error::from(error), "a page could not be made");
                    None
                }
            }
        })
    }

    fn shows(&self, story: &StoryView) -> bool {
        self.shown_by(story).is_some()
    }

    fn is_gone(&self, path: &str) -> bool {
        self.gone.holds(path)
    }

    fn websub<'a>(
        &'a self,
        form: &'a [(String, String)],
    ) -> Pin<Box<dyn Future<Output = HubAnswer> + Send + 'a>> {
        Box::pin(self.take_wish(form))
    }
}

impl Releaser {
    async fn requested(&self, path: &str) -> Answer {
        let mut parts = path.trim_start_matches('/').split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("story"), Some(id), None, None) => match id.parse() {
                Ok(id) => self.story(path, StoryId(id)).await,
                Err(_) => Ok(None),
            },
            (Some(name), Some("archive"), Some(file), None) => {
                let (number, format) = match file.split_once('.') {
                    Some((number, "atom")) => (number.parse(), PublishFormat::Atom),
                    Some((number, "json")) => (number.parse(), PublishFormat::Json),
                    _ => return Ok(None),
                };
                match (self.output(name, format), number) {
                    (Some(output), Ok(number)) => self.archive(output, (format, number)).await,
                    _ => Ok(None),
                }
            }
            (Some(name), Some("feed"), Some(key), Some(rest)) => {
                let until = match (rest, parts.next()) {
                    ("", None) => None,
                    (day, Some("")) => match day.parse() {
                        Ok(day) => Some(day),
                        Err(_) => return Ok(None),
                    },
                    _ => return Ok(None),
                };
                match self.output(name, PublishFormat::Html) {
                    Some(output) => self.feed(path, output, (key, until)).await,
                    None => Ok(None),
                }
            }
            (Some(name), Some("archive"), Some(day), Some("")) => {
                match (self.output(name, PublishFormat::Html), day.parse()) {
                    (Some(output), Ok(day)) => self.day(path, output, day).await,
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    fn output(&self, name: &str, format: PublishFormat) -> Option<&PublishConfig> {
        self.config
            .publish
            .get(name)
            .filter(|output| output.formats.contains(&format))
    }

    /// The merged feed that shows `story`, if any does.
    pub(super) fn shown_by(&self, story: &StoryView) -> Option<&PublishConfig> {
        let mut outputs = self.config.publish.values();
        outputs.find(|output| shows(&self.tools, output, story))
    }

    async fn story(&self, path: &str, id: StoryId) -> Answer {
        let Some(story) = self.tools.store.story(id).await? else {
            return Ok(None);
        };
        let Some(output) = self.shown_by(&story) else {
            return Ok(None);
        };
        let page = story_page(&self.theme, &self.site, output, &story);
        Ok(self.page(path, page, story.changed_at))
    }

    async fn day(&self, path: &str, output: &PublishConfig, day: Date) -> Answer {
        let zone = &output.timezone.zone;
        let Some((begins, ends)) = days::bounds(day, zone) else {
            return Ok(None);
        };
        let wanted = Selection {
            since: Some(begins),
            until: Some(ends),
            limit: DAY_LIMIT,
            ..selection(output)
        };
        let mut stories = self.tools.store.select_stories(wanted).await?;
        stories.retain(|story| kept(&self.tools, output, story, story.shown_at));
        let pager = Pager {
            newer: days::after(&self.tools, output, day).await?,
            older: days::before(&self.tools, output, begins).await?,
        };
        if stories.is_empty() && pager.older.is_none() {
            return Ok(None);
        }
        let changed_at = stories
            .iter()
            .map(|story| story.changed_at)
            .max()
            .unwrap_or(begins);
        let feed = MergedFeed {
            output,
            stories: &stories,
            capped: &[],
            archive: None,
        };
        Ok(self.page(
            path,
            day_page(&self.theme, &self.site, &feed, day, pager),
            changed_at,
        ))
    }

    /// One feed's stories in `output`, a page of them up to the end of the day `until`.
    async fn feed(
        &self,
        path: &str,
        output: &PublishConfig,
        (key, until): (&str, Option<Date>),
    ) -> Answer {
        let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy();
        let zone = &output.timezone.zone;
        let ends = until
            .and_then(|day| days::bounds(day, zone))
            .map(|(_, ends)| ends);
        if until.is_some() && ends.is_none() {
            return Ok(None);
        }
        let wanted = Selection {
            groups: Vec::new(),
            feeds: vec![key.clone().into_owned()],
            until: ends,
            limit: FEED_LIMIT + 1,
            ..Selection::default()
        };
        let mut stories = self.tools.store.select_stories(wanted).await?;
        let further = stories.len() > FEED_LIMIT;
        let last = stories.last().map(|story| days::of(story.shown_at, zone));
        stories.truncate(FEED_LIMIT);
        stories.retain(|story| shows(&self.tools, output, story));
        let Some(source) = stories.iter().find_map(|story| source(story, &key)) else {
            return Ok(None);
        };
        // A day with more than a page of stories is left behind whole: a link must lead on.
        let older = last.filter(|_| further).and_then(|last| match until {
            Some(until) if last >= until => until.yesterday().ok(),
            _ => Some(last),
        });
        let feed = MergedFeed {
            output,
            stories: &stories,
            capped: &[],
            archive: None,
        };
        let changed_at = stories.iter().map(|story| story.changed_at).max();
        let page = FeedPage {
            source: &source,
            until,
            older,
        };
        let page = feed_page(&self.theme, &self.site, &feed, page);
        Ok(self.page(path, page, changed_at.unwrap_or_default()))
    }

    async fn archive(&self, output: &PublishConfig, place: (PublishFormat, u32)) -> Answer {
        let Some(finished) = archive::document(&self.tools, &self.site, output, place).await?
        else {
            return Ok(None);
        };
        Ok(self.archived(finished))
    }

    /// Finished, and promised as immutable once frozen.
    pub(super) fn archived(&self, finished: archive::Finished) -> Option<Document> {
        let document = self.checked(finished.draft, finished.changed_at)?;
        let keep = if finished.frozen {
            Keep::Immutable
        } else {
            Keep::UntilPoll
        };
        Some(Document { keep, ..document })
    }

    fn page(
        &self,
        path: &str,
        page: Result<String, String>,
        changed_at: Timestamp,
    ) -> Option<Document> {
        match page {
            Ok(html) => {
                let draft = Draft {
                    path: path.to_owned(),
                    content_type: HTML,
                    bytes: html.into_bytes(),
                    links: Vec::new(),
                };
                self.checked(draft, changed_at)
            }
            Err(reason) => {
                self.tools.metrics.withheld();
                tracing::error!(error = ?reason, "a template failed");
                None
            }
        }
    }

    /// The gate stands before these too.
    pub(super) fn checked(&self, draft: Draft, changed_at: Timestamp) -> Option<Document> {
        if let Err(reason) = check_document(draft.content_type, &draft.bytes) {
            self.tools.metrics.withheld();
            tracing::error!(document.path = ?draft.path, error = ?reason, "a document failed its check");
            return None;
        }
        let changed_at = Timestamp::from_second(changed_at.as_second()).unwrap_or(changed_at);
        Some(finish(
            draft.path,
            draft.content_type,
            draft.bytes,
            changed_at,
        ))
    }
}

/// Does `output` show `story`, now or in its archive?
fn shows(tools: &Tools, output: &PublishConfig, story: &StoryView) -> bool {
    let visible = story.seq.0 > 0 && story.lead.standing == Standing::Shown;
    let carried = |feed: &FeedView| {
        let grouped = output
            .groups
            .iter()
            .any(|group| feed.groups.contains(group));
        grouped || output.feeds.contains(&feed.key)
    };
    let shown = story
        .sightings
        .iter()
        .filter(|sighting| sighting.standing == Standing::Shown);
    let carries = output.groups.iter().any(|group| group == "*")
        || carried(&story.lead.feed)
        || shown.map(|sighting| &sighting.feed).any(carried);
    visible && carries && kept(tools, output, story, story.shown_at)
}

fn source(story: &StoryView, key: &str) -> Option<FeedView> {
    let sightings = story.sightings.iter().map(|sighting| &sighting.feed);
    let mut feeds = sightings.chain(std::iter::once(&story.lead.feed));
    feeds.find(|feed| feed.key == key).cloned()
}
