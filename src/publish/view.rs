//! Values as templates see them: everything already text, addresses checked, times in the page's zone. Holds no clock
//! and no relative time, so a page changes only when its stories do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::config::{PublishConfig, PublishFormat, Zone};
use crate::model::{FeedView, StoryView};

use super::atom::{also_in, entry_url};
use super::body::{authors, title};
use super::language::Language;
use super::site::{Site, media, path_of};
use super::text::{self, excerpt, line, rfc3339, web_url};
use super::theme::Theme;

/// Characters of a story's beginning on a list.
const EXCERPT: usize = 300;

/// What every page has.
#[derive(Serialize)]
pub(super) struct Frame {
    lang: String,
    t: BTreeMap<String, String>,
    site: SiteView,
    heading: String,
    description: Option<String>,
    canonical: Option<String>,
    alternates: Vec<Alternate>,
    query: String,
}

#[derive(Serialize)]
struct SiteView {
    title: String,
    base: String,
    style: String,
    search: bool,
    sign_up: bool,
    nav: Vec<NavItem>,
}

#[derive(Serialize)]
struct NavItem {
    title: String,
    href: String,
    here: bool,
}

/// An autodiscovery link.
#[derive(Serialize)]
struct Alternate {
    r#type: &'static str,
    title: String,
    name: &'static str,
    href: String,
}

impl Frame {
    /// A frame in `language`; `output` is the merged feed that the page belongs to.
    pub(super) fn new(
        theme: &Theme,
        site: &Site,
        language: &str,
        output: Option<&PublishConfig>,
    ) -> Self {
        let base = site.base();
        // The front page is the only merged feed's own; where there are others, it leads to each that has a page.
        let paged = |output: &&PublishConfig| {
            site.outputs.len() > 1 && output.formats.contains(&PublishFormat::Html)
        };
        let nav = site.outputs.iter().filter(paged).map(|each| NavItem {
            title: line(&each.title),
            href: format!("{base}{}", path_of(&each.name, PublishFormat::Html)),
            here: output.is_some_and(|output| output.name == each.name),
        });
        let linked: Vec<&PublishConfig> = match (output, site.outputs.as_slice()) {
            (Some(output), _) => vec![output],
            (None, [only]) => vec![only],
            (None, _) => Vec::new(),
        };
        Self {
            lang: text::language(Some(language)).unwrap_or("en").to_owned(),
            t: theme.language(language).texts().clone(),
            site: SiteView {
                title: site.title(),
                base: base.to_owned(),
                style: theme.style_tag().to_owned(),
                search: site.live,
                sign_up: site.live && site.sign_up,
                nav: nav.collect(),
            },
            heading: String::new(),
            description: None,
            canonical: None,
            alternates: linked
                .into_iter()
                .flat_map(|output| alternates(site, output))
                .collect(),
            query: String::new(),
        }
    }

    pub(super) fn headed(mut self, heading: &str) -> Self {
        self.heading = line(heading);
        self
    }

    pub(super) fn described(mut self, description: Option<&str>) -> Self {
        self.description = description.map(line);
        self
    }

    pub(super) fn at(mut self, canonical: String) -> Self {
        self.canonical = Some(canonical);
        self
    }

    pub(super) fn asking(mut self, query: &str) -> Self {
        self.query = line(query);
        self
    }
}

fn alternates(site: &Site, output: &PublishConfig) -> Vec<Alternate> {
    let feeds = output
        .formats
        .iter()
        .filter(|format| **format != PublishFormat::Html);
    feeds
        .map(|&format| {
            let (kind, name) = media(format);
            Alternate {
                r#type: kind,
                title: format!("{} ({name})", line(&output.title)),
                name,
                href: format!("{}{}", site.base(), path_of(&output.name, format)),
            }
        })
        .collect()
}

/// A name with a page.
#[derive(Serialize)]
pub(super) struct Named {
    pub(super) title: String,
    pub(super) url: Option<String>,
}

/// A story on a page.
#[derive(Serialize)]
pub(super) struct Item {
    pub(super) title: String,
    url: String,
    permalink: String,
    datetime: String,
    time: String,
    date: String,
    day: String,
    short_day: String,
    lang: Option<String>,
    excerpt: String,
    source: Named,
    icon: Option<String>,
    authors: String,
    also: Vec<Named>,
}

impl Item {
    pub(super) fn new(site: &Site, story: &StoryView, zone: &Zone, language: &Language) -> Self {
        let entry = &story.lead.entry;
        let url = entry_url(site, story);
        let at = story.shown_at.to_zoned_datetime(zone.zone.clone());
        let source = story.source();
        let names: Vec<String> = authors(&entry.authors)
            .into_iter()
            .map(|(name, _)| name)
            .take(4)
            .collect();
        Self {
            title: title(story),
            permalink: match site.holds(story) {
                true => site.story_path(story),
                false => url.clone(),
            },
            datetime: rfc3339(story.shown_at),
            time: format!("{:02}:{:02}", at.hour(), at.minute()),
            date: at.date().to_string(),
            day: language.day(at.date()),
            short_day: language.short_day(at.date()),
            lang: text::language(entry.language.as_deref()).map(str::to_owned),
            excerpt: lead_text(story),
            source: Named {
                title: line(source.title.as_deref().unwrap_or(&story.lead.feed.title)),
                url: web_url(source.link.as_deref()),
            },
            icon: icon(site, story),
            authors: names.join(", "),
            also: also_in(story, &url)
                .into_iter()
                .map(|(title, url)| Named {
                    title,
                    url: Some(url),
                })
                .collect(),
            url,
        }
    }
}

/// The picture of the story's feed; an entry that came with a source of its own is of another.
fn icon(site: &Site, story: &StoryView) -> Option<String> {
    let own = site.icons && story.lead.entry.source.is_none();
    let icon = story.lead.feed.icon.as_ref().filter(|_| own);
    icon.map(|icon| format!("{}{}", site.base(), icon.path()))
}

/// The beginning of the text, unless it only repeats the title.
fn lead_text(story: &StoryView) -> String {
    let entry = &story.lead.entry;
    let begun = excerpt(&entry.text, EXCERPT);
    if begun == line(&entry.title) {
        String::new()
    } else {
        begun
    }
}

/// A day with its stories.
#[derive(Serialize)]
pub(super) struct Day {
    date: String,
    title: String,
    stories: Vec<Item>,
}

/// Stories under their days in `zone`, in the order given.
pub(super) fn days(
    site: &Site,
    stories: &[StoryView],
    zone: &Zone,
    language: &Language,
) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for story in stories {
        let date = day_of(story.shown_at, zone);
        let item = Item::new(site, story, zone, language);
        match days.last_mut() {
            Some(day) if day.date == date.to_string() => day.stories.push(item),
            _ => days.push(Day {
                date: date.to_string(),
                title: language.day(date),
                stories: vec![item],
            }),
        }
    }
    days
}

/// The civil day of an instant.
pub(super) fn day_of(at: Timestamp, zone: &Zone) -> Date {
    at.to_zoned_datetime(zone.zone.clone()).date()
}

/// An instant for people: date and time in `zone`.
pub(super) fn clock_time(at: Timestamp, zone: &Zone) -> String {
    at.to_zoned_datetime(zone.zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// A feed whose further stories were left out.
#[derive(Serialize)]
pub(super) struct Capped {
    title: String,
    count: usize,
}

/// The caps, as lines.
pub(super) fn capped(feeds: &[(FeedView, usize)]) -> Vec<Capped> {
    feeds
        .iter()
        .map(|(feed, count)| Capped {
            title: line(&feed.title),
            count: *count,
        })
        .collect()
}
