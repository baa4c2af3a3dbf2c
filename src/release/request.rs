//! Documents made when they are asked for: story pages, days, pages of one feed, archive documents. Each shows only what
//! some merged feed shows; everything else is not there. Rendered and checked away from the threads that answer readers,
//! a few at once, and kept for whoever asks next.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::Date;

use crate::config::{PublishConfig, PublishFormat};
use crate::model::{IconKind, IconRef, StoryId, StorySeq, StoryView};
use crate::publish::{
    Coding, Document, FeedPage, HTML, HubAnswer, Keep, OnRequest, Page, Site, Theme, Volume,
    check_document, code, day_page, feed_page, plain, story_page,
};

use super::shown::{DayShown, merged, shows};
use super::{ReleaseError, Releaser, archive, shown};

type Answer = Result<Option<Document>, ReleaseError>;

impl OnRequest for Releaser {
    fn document<'a>(
        &'a self,
        path: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Arc<Document>>> + Send + 'a>> {
        Box::pin(async move {
            let place = self.place(path)?;
            let now = self.tools.clock.now();
            if let Some(document) = self.answers.get(path, None, now) {
                return Some(document);
            }
            let turn = self.answers.turn().await;
            // Whoever had the turn before may have made the same.
            if let Some(document) = self.answers.get(path, None, now) {
                return Some(document);
            }
            match self.requested(path, place).await {
                Ok(document) => {
                    let document = Arc::new(document?);
                    self.answers.put(&turn, (&document, None), now);
                    Some(document)
                }
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

    fn coded<'a>(
        &'a self,
        document: Arc<Document>,
        coding: Coding,
    ) -> Pin<Box<dyn Future<Output = Arc<Document>> + Send + 'a>> {
        Box::pin(async move {
            let now = self.tools.clock.now();
            let kept = |document: &Document| {
                let kept = self.answers.get(&document.path, Some(coding), now);
                kept.filter(|kept| kept.etag == document.etag)
            };
            if let Some(coded) = kept(&document) {
                return coded;
            }
            let turn = self.answers.turn().await;
            if let Some(coded) = kept(&document) {
                return coded;
            }
            let bare = Document::clone(&document);
            let made = tokio::task::spawn_blocking(move || code(bare, coding));
            match made.await {
                Ok(coded) => {
                    let coded = Arc::new(coded);
                    self.answers.put(&turn, (&coded, Some(coding)), now);
                    coded
                }
                // A stop: the bytes as they are do as well.
                Err(_) => document,
            }
        })
    }

    fn is_withheld(&self, path: &str) -> bool {
        self.gone.is_due(path) && self.tools.shelf.get(path).is_none()
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

/// What a path asks for.
enum Place<'a> {
    Story(StoryId),
    Icon(IconRef),
    Archive(&'a PublishConfig, (PublishFormat, Volume)),
    Feed(&'a PublishConfig, (String, Option<Date>)),
    Day(&'a PublishConfig, Date),
}

impl Releaser {
    /// Read before anything is looked for: most paths that nobody made are none.
    fn place<'a>(&'a self, path: &'a str) -> Option<Place<'a>> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts[..] {
            ["icon", file] => {
                let (tag, kind) = file.split_once('.')?;
                let (tag, kind) = (tag.to_owned(), IconKind::named(kind)?);
                Some(Place::Icon(IconRef { tag, kind }))
            }
            ["story", id] => Some(Place::Story(StoryId(exact(id)?))),
            [name, "archive", file] => {
                let (volume, format) = match file.split_once('.')? {
                    (volume, "atom") => (volume, PublishFormat::Atom),
                    (volume, "json") => (volume, PublishFormat::Json),
                    _ => return None,
                };
                let output = self.output(name, format)?;
                Some(Place::Archive(output, (format, numbered(volume)?)))
            }
            [name, "archive", day, ""] => {
                let output = self.output(name, PublishFormat::Html)?;
                Some(Place::Day(output, exact(day)?))
            }
            [name, "feed", ref key @ .., day, ""]
                if !key.is_empty() && exact::<Date>(day).is_some() =>
            {
                let output = self.output(name, PublishFormat::Html)?;
                Some(Place::Feed(output, (key.join("/"), exact(day))))
            }
            [name, "feed", ref key @ .., ""] if !key.is_empty() => {
                let output = self.output(name, PublishFormat::Html)?;
                Some(Place::Feed(output, (key.join("/"), None)))
            }
            _ => None,
        }
    }

    async fn requested(&self, path: &str, place: Place<'_>) -> Answer {
        match place {
            Place::Story(id) => self.story(path, id).await,
            Place::Icon(icon) => self.icon(path, icon).await,
            Place::Archive(output, place) => self.archive(output, place).await,
            Place::Feed(output, (key, until)) => self.feed(path, output, (&key, until)).await,
            Place::Day(output, day) => self.day(path, output, day).await,
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
        let output = output.clone();
        self.page(path, move |theme, site| {
            story_page(theme, site, &output, &story)
        })
        .await
    }

    /// Its address names its bytes, so it may be kept for ever.
    async fn icon(&self, path: &str, icon: IconRef) -> Answer {
        let kind = icon.kind.media_type();
        let bytes = self.tools.store.icon(icon).await?;
        Ok(bytes.map(|bytes| Document {
            keep: Keep::Immutable,
            ..plain(path.to_owned(), kind, bytes)
        }))
    }

    async fn day(&self, path: &str, output: &PublishConfig, day: Date) -> Answer {
        let found = shown::day(&self.tools, output, day).await?;
        let told = |found: &DayShown| !found.stories.is_empty() || found.pager.older.is_some();
        let Some(found) = found.filter(told) else {
            return Ok(None);
        };
        let output = output.clone();
        self.page(path, move |theme, site| {
            let feed = merged(&output, &found.stories);
            day_page(theme, site, &feed, day, found.pager)
        })
        .await
    }

    /// One feed's stories in `output`, a page of them up to the end of the day `until`.
    async fn feed(
        &self,
        path: &str,
        output: &PublishConfig,
        (key, until): (&str, Option<Date>),
    ) -> Answer {
        let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy();
        let Some(found) = shown::feed(&self.tools, output, (&key, until)).await? else {
            return Ok(None);
        };
        // A day with more than a page of stories is left behind whole: a link must lead on.
        let older = found.last.and_then(|last| match until {
            Some(until) if last >= until => until.yesterday().ok(),
            _ => Some(last),
        });
        let output = output.clone();
        self.page(path, move |theme, site| {
            let page = FeedPage {
                source: &found.source,
                until,
                older,
            };
            feed_page(theme, site, &merged(&output, &found.stories), page)
        })
        .await
    }

    async fn archive(&self, output: &PublishConfig, place: (PublishFormat, Volume)) -> Answer {
        let Some(finished) = archive::document(&self.tools, &self.site, output, place).await?
        else {
            return Ok(None);
        };
        let keep = if finished.frozen {
            Keep::Immutable
        } else {
            Keep::UntilPoll
        };
        let draft = finished.draft;
        let path = draft.path.clone();
        let made = tokio::task::spawn_blocking(move || {
            let document = plain(draft.path, draft.content_type, draft.bytes);
            let checked = check_document(document.content_type, &document.identity);
            checked.map(|()| Document { keep, ..document })
        });
        Ok(self.told(&path, made.await?))
    }

    /// A page by `make`. The gate stands before these too.
    async fn page<F>(&self, path: &str, make: F) -> Answer
    where
        F: FnOnce(&Theme, &Site) -> Page + Send + 'static,
    {
        let (theme, site, place) = (self.theme(), Arc::clone(&self.site), path.to_owned());
        let made = tokio::task::spawn_blocking(move || {
            let document = plain(place, HTML, make(&theme, &site)?.into_bytes());
            let checked = check_document(HTML, &document.identity);
            checked.map(|()| document)
        });
        Ok(self.told(path, made.await?))
    }

    fn told(&self, path: &str, made: Result<Document, String>) -> Option<Document> {
        made.map_err(|reason| {
            self.tools.metrics.withheld();
            tracing::error!(document.path = ?path, error = ?reason, "a document made on request failed its check");
        })
        .ok()
    }
}

/// What `text` spells, when it is spelt as we do: one document has one address.
fn exact<T: FromStr + ToString>(text: &str) -> Option<T> {
    let read: T = text.parse().ok()?;
    (read.to_string() == text).then_some(read)
}

/// `7`, or `8-1234` for the one that is not finished: up to that story.
fn numbered(text: &str) -> Option<Volume> {
    let (number, until) = match text.split_once('-') {
        Some((number, until)) => (number, Some(StorySeq(exact(until)?))),
        None => (text, None),
    };
    Some(Volume {
        number: exact(number)?,
        until,
    })
}
