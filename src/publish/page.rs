//! The pages that belong to merged feeds: front page, list, archive by day, story, search. Each takes plain
//! values and gives HTML, or why an operator's template failed.

use jiff::civil::Date;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::config::{PublishConfig, PublishFormat, Zone};
use crate::model::{FeedView, SearchHit, StoryView};

use super::body::{Part, body, title};
use super::markup::{Pictures, page_html};
use super::site::{MergedFeed, Site};
use super::text::{self, line, web_url};
use super::theme::Theme;
use super::view::{Capped, Day, Frame, Item, capped, day_of, days};

/// HTML, or why a template failed.
pub type Page = Result<String, String>;

#[derive(Serialize)]
struct ListPage {
    #[serde(flatten)]
    frame: Frame,
    list: Vec<Day>,
    capped: Vec<Capped>,
    empty: String,
    newer: Option<String>,
    older: Option<String>,
}

/// The page of a merged feed.
pub(super) fn list(theme: &Theme, site: &Site, feed: &MergedFeed<'_>) -> Page {
    let output = feed.output;
    let language = theme.language(&output.language);
    let oldest = feed
        .stories
        .last()
        .map(|story| day_of(story.shown_at, &output.timezone));
    let page = ListPage {
        frame: Frame::new(theme, site, &output.language, Some(output))
            .headed(&output.title)
            .described(output.description.as_deref())
            .at(site.home(output)),
        list: days(site, feed.stories, &output.timezone, language),
        capped: capped(feed.capped),
        empty: language.text("empty").to_owned(),
        newer: None,
        older: oldest
            .filter(|_| output.formats.contains(&PublishFormat::Html))
            .filter(|_| site.live || output.search.is_none())
            .map(|day| day_href(site, output, day)),
    };
    theme.render("list.html", &page)
}

fn day_href(site: &Site, output: &PublishConfig, day: Date) -> String {
    format!("{}{}/archive/{day}/", site.base(), output.name)
}

/// Days that a page leads to: the nearest ones that have stories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pager {
    /// Later than the page.
    pub newer: Option<Date>,
    /// Earlier than the page.
    pub older: Option<Date>,
}

/// All stories of one day of a merged feed.
pub fn day_page(
    theme: &Theme,
    site: &Site,
    feed: &MergedFeed<'_>,
    day: Date,
    pager: Pager,
) -> Page {
    let output = feed.output;
    let language = theme.language(&output.language);
    let page = ListPage {
        frame: Frame::new(theme, site, &output.language, Some(output))
            .headed(&language.day(day))
            .at(site.absolute(&format!("{}/archive/{day}/", output.name))),
        list: days(site, feed.stories, &output.timezone, language),
        capped: Vec::new(),
        empty: language.text("empty_day").to_owned(),
        newer: pager.newer.map(|day| day_href(site, output, day)),
        older: pager.older.map(|day| day_href(site, output, day)),
    };
    theme.render("list.html", &page)
}

/// A page of one feed's stories in a merged feed.
#[derive(Clone, Copy, Debug)]
pub struct FeedPage<'a> {
    /// Whose stories.
    pub source: &'a FeedView,
    /// None on the newest page, else its last day.
    pub until: Option<Date>,
    /// Last day of the next, older page.
    pub older: Option<Date>,
}

/// Stories of one feed, as far as the merged feed shows them.
pub fn feed_page(theme: &Theme, site: &Site, feed: &MergedFeed<'_>, page: FeedPage<'_>) -> Page {
    let output = feed.output;
    let language = theme.language(&output.language);
    let own = feed_path(output, &page.source.key);
    let heading = match page.until {
        Some(day) => format!("{} · {}", page.source.title, language.day(day)),
        None => page.source.title.clone(),
    };
    let dated = page.until.map_or(own.clone(), |day| format!("{own}{day}/"));
    let view = ListPage {
        frame: Frame::new(theme, site, &output.language, Some(output))
            .headed(&heading)
            .at(site.absolute(&dated)),
        list: days(site, feed.stories, &output.timezone, language),
        capped: Vec::new(),
        empty: language.text("empty").to_owned(),
        newer: page.until.map(|_| format!("{}{own}", site.base())),
        older: page.older.map(|day| match site.live {
            true => format!("{}{own}{day}/", site.base()),
            false => day_href(site, output, day),
        }),
    };
    theme.render("list.html", &view)
}

/// Address path of a feed's page in a merged feed, without leading slash.
fn feed_path(output: &PublishConfig, key: &str) -> String {
    let set = if is_path(key) { KEPT } else { NON_ALPHANUMERIC };
    format!("{}/feed/{}/", output.name, utf8_percent_encode(key, set))
}

/// What stands in an address as it is, so that file servers find it.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// Longest part of a path that file systems take.
const LONGEST_PART: usize = 200;

/// Can `key` be the path of a folder, and of no page of a day?
fn is_path(key: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.len() <= LONGEST_PART
            && !part.contains(|c: char| c.is_control() || c == '\\')
    };
    let last = key.rsplit('/').next().unwrap_or(key);
    key.split('/').all(plain) && last.parse::<Date>().is_err()
}

/// Path of the file with the newest page of a feed, for keys that can be one.
#[must_use]
pub fn feed_file(output: &PublishConfig, key: &str) -> Option<String> {
    is_path(key).then(|| format!("/{}/feed/{key}/", output.name))
}

#[derive(Serialize)]
struct IndexPage {
    #[serde(flatten)]
    frame: Frame,
    feeds: Vec<Front>,
}

#[derive(Serialize)]
struct Front {
    name: String,
    title: String,
    href: Option<String>,
    description: Option<String>,
    stories: Vec<Item>,
}

/// The front page of a site with several merged feeds: the newest of each.
pub(super) fn index(theme: &Theme, site: &Site, fronts: &[MergedFeed<'_>]) -> Page {
    let language = theme.language(&site.language);
    let feeds = fronts.iter().map(|feed| Front {
        name: feed.output.name.clone(),
        title: line(&feed.output.title),
        href: Some(site.home_of(feed.output))
            .filter(|path| !path.is_empty())
            .map(|path| format!("{}{path}", site.base())),
        description: feed.output.description.as_deref().map(line),
        stories: feed
            .stories
            .iter()
            .map(|story| Item::new(site, story, &feed.output.timezone, language))
            .collect(),
    });
    let page = IndexPage {
        feeds: feeds.collect(),
        frame: Frame::new(theme, site, &site.language, None)
            .headed(&site.title())
            .at(site.absolute("")),
    };
    theme.render("index.html", &page)
}

#[derive(Serialize)]
struct StoryPage {
    #[serde(flatten)]
    frame: Frame,
    item: Item,
    html: String,
    /// There is nothing elsewhere that it leads to.
    is_original: bool,
    files: Vec<File>,
    comments: Option<String>,
    feed: Option<String>,
}

#[derive(Serialize)]
struct File {
    url: String,
    title: String,
    note: String,
}

/// The page of one story, in the zone and with the content mode of `output`.
pub fn story_page(theme: &Theme, site: &Site, output: &PublishConfig, story: &StoryView) -> Page {
    let language = theme.language(&output.language);
    let pictures = if site.images {
        Pictures::Lazy
    } else {
        Pictures::Described
    };
    let body = body(story, output.content);
    let html = match body.content.as_ref().or(body.summary.as_ref()) {
        Some(Part::Html(html)) => page_html(html, pictures),
        Some(Part::Text(text)) => format!("<p>{}</p>", text::escape_html(text)),
        None => String::new(),
    };
    let comments = story
        .lead
        .entry
        .links
        .iter()
        .find(|link| link.rel == "comments");
    let page = StoryPage {
        frame: Frame::new(theme, site, &output.language, Some(output))
            .headed(&title(story))
            .at(site.story_url(story)),
        item: Item::new(site, story, &output.timezone, language),
        html,
        is_original: web_url(story.lead.entry.link.as_deref()).is_none(),
        files: files(story),
        feed: (output.formats.contains(&PublishFormat::Html)
            && (site.live || output.search.is_none() && is_path(&story.lead.feed.key)))
        .then(|| format!("{}{}", site.base(), feed_path(output, &story.lead.feed.key))),
        comments: comments.and_then(|link| web_url(Some(&link.url))),
    };
    theme.render("story.html", &page)
}

fn files(story: &StoryView) -> Vec<File> {
    let file = |file: &crate::model::Enclosure| {
        let url = web_url(Some(&file.url))?;
        let name = url
            .split('?')
            .next()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or(&url)
            .to_owned();
        let size = file.length_bytes.filter(|bytes| *bytes > 0).map(size);
        let minutes = file
            .duration_s
            .map(|seconds| format!("{}:{:02}", seconds / 60, seconds % 60));
        let mime = text::mime(file.mime.as_deref());
        let note = [mime, size, minutes]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" · ");
        Some(File {
            title: file.title.as_deref().map(line).unwrap_or(name),
            url,
            note,
        })
    };
    story
        .lead
        .entry
        .enclosures
        .iter()
        .filter_map(file)
        .collect()
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

/// What a search found, for its page.
#[derive(Clone, Debug, Default)]
pub struct SearchView<'a> {
    /// As typed.
    pub query: &'a str,
    /// This page's hits.
    pub hits: &'a [SearchHit],
    /// Why the query could not be read.
    pub problem: Option<&'a str>,
    /// Where the previous page is, relative to the site's base.
    pub newer: Option<String>,
    /// Where the next page is, relative to the site's base.
    pub older: Option<String>,
}

#[derive(Serialize)]
struct SearchPage {
    #[serde(flatten)]
    frame: Frame,
    problem: Option<String>,
    hits: Vec<Hit>,
    newer: Option<String>,
    older: Option<String>,
}

#[derive(Serialize)]
struct Hit {
    item: Item,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    text: String,
    r#match: bool,
}

/// The page of a search, times in `zone`.
pub fn search_page(theme: &Theme, site: &Site, zone: &Zone, view: &SearchView<'_>) -> Page {
    let language = theme.language(&site.language);
    let heading = match view.query.trim() {
        "" => language.text("search").to_owned(),
        query => language.filled("search_title", &[("query", query)]),
    };
    let hits = view.hits.iter().map(|hit| Hit {
        item: Item::new(site, &hit.story, zone, language),
        runs: hit
            .snippet
            .iter()
            .map(|(text, hit)| Run {
                text: text::clean(text).into_owned(),
                r#match: *hit,
            })
            .collect(),
    });
    let page = SearchPage {
        hits: hits.collect(),
        frame: Frame::new(theme, site, &site.language, None)
            .headed(&heading)
            .asking(view.query),
        problem: view.problem.map(line),
        newer: view
            .newer
            .as_ref()
            .map(|path| format!("{}{path}", site.base())),
        older: view
            .older
            .as_ref()
            .map(|path| format!("{}{path}", site.base())),
    };
    theme.render("search.html", &page)
}
