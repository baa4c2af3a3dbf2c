//! What every document of a site shares: its address, its id seed, its merged feeds. Ids come from the seed and the
//! merged feed's first name, never from the address: changing `public_url` changes no id.

use jiff::Timestamp;
use url::Url;

use crate::config::{Config, ContentMode, PublishConfig, PublishFormat};
use crate::model::{FeedView, StoryView};

use super::text;

/// Facts that all documents share.
#[derive(Clone, Debug)]
pub struct Site {
    /// Base of all absolute links; ends with `/`.
    pub public_url: Url,
    /// Made once with the database; ids are minted from it.
    pub id_seed: String,
    /// Pages may load remote images.
    pub images: bool,
    /// Language of pages that belong to no merged feed.
    pub language: String,
    /// Where people may write to us: shown on the about page.
    pub contact: Option<Url>,
    /// Merged feeds by name.
    pub outputs: Vec<PublishConfig>,
}

impl Site {
    /// The site that `config` describes.
    #[must_use]
    pub fn of(config: &Config, id_seed: String) -> Self {
        Self {
            public_url: config.http.public_url.clone(),
            id_seed,
            images: config.http.images,
            language: config.language.clone(),
            contact: config.fetch.contact.clone(),
            outputs: config.publish.values().cloned().collect(),
        }
    }

    /// An absolute address; `path` has no leading slash.
    pub(super) fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    /// Path prefix of every link inside pages; ends with `/`.
    pub(super) fn base(&self) -> &str {
        self.public_url.path()
    }

    /// Title of the site: its only merged feed's, else the host.
    pub(super) fn title(&self) -> String {
        match self.outputs.as_slice() {
            [only] => text::line(&only.title),
            _ => self.public_url.host_str().unwrap_or("feedmill").to_owned(),
        }
    }

    /// Permanent id of a merged feed: survives renaming (by `former_names`) and moving.
    pub(super) fn feed_id(&self, output: &PublishConfig) -> String {
        let name = output.former_names.first().unwrap_or(&output.name);
        text::urn(&[&self.id_seed, "merged feed", name])
    }

    /// The page of a story on this site.
    pub(super) fn story_url(&self, story: &StoryView) -> String {
        self.absolute(&format!("story/{}", story.id.0))
    }

    /// Addresses of the hubs of a merged feed.
    pub(super) fn hubs(&self, output: &PublishConfig) -> Vec<String> {
        let own = |hub: &String| {
            if hub == "self" {
                self.absolute("websub/hub")
            } else {
                hub.clone()
            }
        };
        output.hubs.iter().map(own).collect()
    }
}

/// A merged feed about to be rendered: what it is, and the stories chosen for it, newest first.
#[derive(Clone, Copy, Debug)]
pub struct MergedFeed<'a> {
    /// Its configuration.
    pub output: &'a PublishConfig,
    /// Stories that [`fitting`] left.
    pub stories: &'a [StoryView],
    /// Feeds whose further stories the cap per feed left out, with how many.
    pub capped: &'a [(FeedView, usize)],
    /// Number of the newest finished archive document, if there is one.
    pub archive: Option<u32>,
}

impl MergedFeed<'_> {
    /// Address path of a document.
    pub(super) fn path(&self, format: PublishFormat) -> String {
        path_of(&self.output.name, format)
    }

    /// Latest change among the stories (R7.13); a fixed instant when there is none, never now.
    pub(super) fn updated_at(&self) -> Timestamp {
        updated_at(self.stories)
    }
}

/// Address path of a merged feed's document, without leading slash.
pub(super) fn path_of(name: &str, format: PublishFormat) -> String {
    match format {
        PublishFormat::Atom => format!("{name}.atom"),
        PublishFormat::Rss => format!("{name}.rss"),
        PublishFormat::Json => format!("{name}.json"),
        PublishFormat::Html => format!("{name}/"),
    }
}

/// Media type of a format, and its name for people.
pub(super) fn media(format: PublishFormat) -> (&'static str, &'static str) {
    match format {
        PublishFormat::Atom => ("application/atom+xml", "Atom"),
        PublishFormat::Rss => ("application/rss+xml", "RSS"),
        PublishFormat::Json => ("application/feed+json", "JSON Feed"),
        PublishFormat::Html => ("text/html", "HTML"),
    }
}

/// Latest change among `stories`, or the first second of 2000: plausible to validators, and always the same.
pub(super) fn updated_at(stories: &[StoryView]) -> Timestamp {
    let changes = stories
        .iter()
        .map(|story| story.changed_at.max(story.shown_at));
    changes.max().unwrap_or(Timestamp::constant(946_684_800, 0))
}

/// The newest stories that fit a document: each id once (R7.15), at most `limit`, and no more once the content passes
/// the size target (R7.9). Every format takes the same stories.
#[must_use]
pub fn fitting(stories: Vec<StoryView>, output: &PublishConfig) -> Vec<StoryView> {
    let mut ids = std::collections::HashSet::new();
    let mut bytes = 0;
    let mut kept: Vec<StoryView> = Vec::new();
    for story in stories {
        if kept.len() >= output.limit || (!kept.is_empty() && bytes as u64 > output.max_size) {
            break;
        }
        if ids.insert(story.public_id.clone()) {
            bytes += weight(&story, output.content);
            kept.push(story);
        }
    }
    kept
}

fn weight(story: &StoryView, mode: ContentMode) -> usize {
    let entry = &story.lead.entry;
    let html =
        |part: &Option<crate::model::SafeHtml>| part.as_ref().map_or(0, |html| html.as_str().len());
    let body = match mode {
        ContentMode::Full => html(&entry.content_html) + html(&entry.summary_html),
        ContentMode::Summary => html(&entry.summary_html).max(500),
        ContentMode::Title => 0,
    };
    body + entry.title.len() + 600
}
