//! What every document of a site shares: its address, its id seed, its merged feeds. Ids come from the seed and the
//! merged feed's first name, never from the address: changing `public_url` changes no id.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use crate::config::{Config, ContentMode, GroupConfig, PublishConfig, PublishFormat};
use crate::model::{FeedView, StoryView, Tombstone};

use super::atom::Volume;
use super::text;

/// How far a publisher's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(600);

/// Facts that all documents share.
#[derive(Clone, Debug)]
pub struct Site {
    /// Base of all absolute links; ends with `/`.
    pub public_url: Url,
    /// The operator's name for it; none: its only merged feed's title, else the host.
    pub name: Option<String>,
    /// Made once with the database; ids are minted from it.
    pub id_seed: String,
    /// Pages may load remote images.
    pub images: bool,
    /// Pages show the pictures of feeds.
    pub icons: bool,
    /// Pages may lead to what is only made on request; files have nothing of it behind them.
    pub live: bool,
    /// Stories that have a page of their own here, where not all have: as files, those that were shown once.
    pub held: Option<Arc<HashSet<i64>>>,
    /// Least time between two polls of a feed.
    pub interval: Duration,
    /// Language of pages that belong to no merged feed.
    pub language: String,
    /// Where people may write to us: shown on the about page.
    pub contact: Option<Url>,
    /// Whether some digest lets anybody subscribe.
    pub sign_up: bool,
    /// What groups are called where it is not their name.
    pub group_titles: BTreeMap<String, String>,
    /// Merged feeds by name.
    pub outputs: Vec<PublishConfig>,
}

impl Site {
    /// The site that `config` describes.
    #[must_use]
    pub fn of(config: &Config, id_seed: String) -> Self {
        Self {
            public_url: config.http.public_url.clone(),
            name: config.http.title.clone(),
            id_seed,
            images: config.http.images,
            icons: config.fetch.icons,
            live: true,
            held: None,
            interval: interval(config),
            language: config.language.clone(),
            contact: config.fetch.contact.clone(),
            sign_up: config.digests.values().any(|digest| digest.sign_up),
            group_titles: group_titles(config),
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

    /// Minutes that readers may keep a copy: as long as no poll can change it, an hour at most. Follows from the config
    /// and not from the next poll, since it stands in the bytes.
    pub(super) fn ttl_minutes(&self) -> u64 {
        (self.interval.as_secs() / 60).clamp(5, 60)
    }

    /// Path of the page that people are led to for a merged feed, without leading slash: its own, else the front page.
    pub(super) fn home_of(&self, output: &PublishConfig) -> String {
        if output.formats.contains(&PublishFormat::Html) {
            path_of(&output.name, PublishFormat::Html)
        } else {
            String::new()
        }
    }

    /// Address of that page.
    pub(super) fn home(&self, output: &PublishConfig) -> String {
        self.absolute(&self.home_of(output))
    }

    /// Address of the site's picture.
    pub(super) fn icon(&self) -> String {
        self.absolute("icon.svg")
    }

    /// Title of the site: the operator's, else its only merged feed's, else the host.
    pub(super) fn title(&self) -> String {
        let named = self.name.as_deref().map(text::line);
        if let Some(name) = named.filter(|name| !name.is_empty()) {
            return name;
        }
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

    /// Has `story` a page of its own on this site?
    pub(super) fn holds(&self, story: &StoryView) -> bool {
        let held = self.held.as_ref();
        held.is_none_or(|held| held.contains(&story.id.0))
    }

    /// The same as a link inside pages. As a file it is the index of a folder, which is asked for with a slash.
    pub(super) fn story_path(&self, story: &StoryView) -> String {
        let slash = if self.live { "" } else { "/" };
        format!("{}story/{}{slash}", self.base(), story.id.0)
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

/// The least time between two polls of any feed.
fn interval(config: &Config) -> Duration {
    let own = config.feeds.iter().map(|feed| feed.interval);
    own.min().unwrap_or(config.fetch.interval)
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
    /// Stories that were taken back, the last one first.
    pub tombstones: &'a [Tombstone],
    /// The archive document that the history goes on in, if there is one.
    pub archive: Option<Volume>,
}

impl MergedFeed<'_> {
    /// Address path of a document.
    pub(super) fn path(&self, format: PublishFormat) -> String {
        path_of(&self.output.name, format)
    }

    /// Latest change among the stories (R7.13), their going included; a fixed instant when there is none, never now.
    pub(super) fn updated_at(&self) -> Timestamp {
        let gone = self.tombstones.iter().map(|gone| gone.withdrawn_at);
        gone.fold(updated_at(self.stories), Timestamp::max)
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
    let changes = stories.iter().map(changed_at);
    changes.max().unwrap_or(Timestamp::constant(946_684_800, 0))
}

/// When a story changed last (R7.17): what its publisher says, unless that lies in the future of what we saw; never
/// before it was shown, and never before a change that we saw ourselves.
pub(super) fn changed_at(story: &StoryView) -> Timestamp {
    let ours = story.changed_at.max(story.shown_at);
    let seen = story.lead.first_seen_at.max(story.changed_at) + SKEW;
    let theirs = story.lead.entry.updated_at.filter(|at| *at <= seen);
    theirs.map_or(ours, |theirs| theirs.max(ours))
}

/// The newest stories that fit a document: each id once (R7.15), at most `limit`, and no more once the content passes
/// the size target (R7.9). Every format takes the same stories.
#[must_use]
pub fn fitting(stories: Vec<StoryView>, output: &PublishConfig) -> Vec<StoryView> {
    let mut ids = HashSet::new();
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

fn group_titles(config: &Config) -> BTreeMap<String, String> {
    let titled =
        |(name, group): (&String, &GroupConfig)| Some((name.clone(), group.title.clone()?));
    config.groups.iter().filter_map(titled).collect()
}
