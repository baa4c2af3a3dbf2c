//! Subject, text and HTML of an edition for one class of readers: takes stories, gives finished words in which only
//! the unsubscribe address is still a mark. Keeps the byte budget by leaving out, in this order: full text, summaries,
//! whole stories, which then count as "and N more".
//!
//! Feed markup never gets here: paragraphs are made from an entry's text and escaped, so a mail holds no active content,
//! no picture and no remote load by construction.

use std::collections::BTreeMap;

use serde::Serialize;

use super::language::{Language, fill};
use super::select::{Heading, Picked, Section, pick};
use super::subject::{cut, subject};
use super::text::{clean_line, paragraphs};
use super::{Issue, Purpose, Reader, Templates, text};
use crate::config::ContentMode;
use crate::model::StoryView;

mod address;
mod plain;

use address::{encoded_len, language_tag, plain_url};

/// Stands where a subscriber's unsubscribe address goes. A control character: cleaned text cannot contain it.
pub(super) const MARK: &str = "\u{1}";
/// Decoded HTML beyond this may be clipped by mail programs whatever its encoding (email.md §2.2).
const MOST_DECODED: usize = 90_000;
/// Characters of a summary.
const SUMMARY: usize = 320;
/// Stories that make a table of contents worth its place.
const CONTENTS_FROM: usize = 3;

/// Finished words for one class of readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// One line.
    pub subject: String,
    /// Plain text, LF lines.
    pub text: String,
    /// HTML.
    pub html: String,
    /// Stories shown.
    pub shown: usize,
    /// Stories in all: the shown and the counted ones.
    pub total: usize,
}

impl Rendition {
    /// Puts one subscriber's unsubscribe address (or nothing) where it belongs.
    #[must_use]
    pub(super) fn addressed(&self, unsubscribe_url: &str) -> (String, String) {
        let escaped = unsubscribe_url.replace('&', "&amp;").replace('"', "&quot;");
        (
            self.text.replace(MARK, unsubscribe_url),
            self.html.replace(MARK, &escaped),
        )
    }
}

/// What the HTML template sees as `page`.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Page {
    lang: String,
    dir: String,
    subject: String,
    title: String,
    date: String,
    count: Option<String>,
    period: Option<String>,
    preheader: String,
    test: bool,
    contents: bool,
    nothing: bool,
    sections: Vec<PageSection>,
    more: Option<String>,
    more_url: String,
    web_url: String,
    unsubscribe_url: Option<String>,
    why: String,
    zone: String,
    footer: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct PageSection {
    heading: Option<String>,
    count: String,
    items: Vec<Item>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Item {
    title: String,
    url: Option<String>,
    host: Option<String>,
    lang: Option<String>,
    feed: String,
    author: Option<String>,
    time: String,
    also: Vec<Also>,
    paragraphs: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Also {
    title: String,
    url: Option<String>,
}

/// Renders `stories` for `reader`.
///
/// # Errors
/// One line when even the built-in template fails, which no input should bring about.
pub fn render(
    issue: &Issue,
    reader: Reader<'_>,
    stories: &[&StoryView],
    templates: &Templates,
) -> Result<Rendition, String> {
    let budget = issue.max_bytes;
    let mut content = issue.content;
    let mut limit = issue.max_stories;
    loop {
        let picked = pick(issue, stories, limit);
        let page = page(issue, reader, &picked, content);
        let html = templates
            .html(&page, reader.language.texts())
            .map_err(|error| error.to_string())?;
        let fits = html.len() <= MOST_DECODED && encoded_len(&html) <= budget;
        match (fits, content) {
            (false, ContentMode::Full) => content = ContentMode::Summary,
            (false, ContentMode::Summary) => content = ContentMode::Title,
            (false, ContentMode::Title) if picked.shown > 1 => limit = picked.shown * 3 / 4,
            _ => {
                let text = plain::plain_text(&page, reader.language);
                return Ok(Rendition {
                    subject: page.subject,
                    text,
                    html,
                    shown: picked.shown,
                    total: picked.total,
                });
            }
        }
    }
}

/// A page with everything on it, to try an operator's template on.
pub(super) fn sample_page() -> (Page, BTreeMap<String, String>) {
    let also = vec![Also {
        title: "Another".to_owned(),
        url: Some("https://other.example/a".to_owned()),
    }];
    let item = Item {
        title: "Title".to_owned(),
        paragraphs: vec!["Text.".to_owned()],
        also,
        ..Item::default()
    };
    let section = PageSection {
        heading: Some("Heading".to_owned()),
        count: "1".to_owned(),
        items: vec![item],
    };
    let page = Page {
        sections: vec![section],
        contents: true,
        more: Some("more".to_owned()),
        ..Page::default()
    };
    let texts = Language::load("en", None)
        .map(|language| language.texts().clone())
        .unwrap_or_default();
    (page, texts)
}

fn page(issue: &Issue, reader: Reader<'_>, picked: &Picked<'_>, content: ContentMode) -> Page {
    let language = reader.language;
    let sections: Vec<PageSection> = picked
        .sections
        .iter()
        .map(|section| page_section(section, reader, content))
        .collect();
    let titles: Vec<&str> = sections
        .iter()
        .flat_map(|section| &section.items)
        .map(|item| item.title.as_str())
        .collect();
    let count = (picked.total > 0).then(|| language.count("new", picked.total));
    let list = clean_line(&issue.title);
    let hidden = picked.total - picked.shown;
    Page {
        lang: language.code().to_owned(),
        dir: language.direction().to_owned(),
        subject: subject(
            issue,
            reader,
            picked.total,
            titles.first().copied().unwrap_or_default(),
        ),
        date: language.date(issue.slot_at, reader.zone),
        period: issue.since_at.map(|since| {
            let from = language.date(since, reader.zone);
            fill(
                language.text("period"),
                &[
                    ("from", &from),
                    ("until", &language.date(issue.slot_at, reader.zone)),
                ],
            )
        }),
        preheader: preheader(
            count.as_deref().unwrap_or(language.text("nothing")),
            &titles,
        ),
        test: reader.purpose == Purpose::Test,
        contents: picked.shown >= CONTENTS_FROM,
        nothing: picked.total == 0,
        more: (hidden > 0).then(|| language.count("more", hidden)),
        more_url: issue.page_url.to_string(),
        web_url: issue.web_url.to_string(),
        unsubscribe_url: (reader.purpose == Purpose::Mail).then(|| MARK.to_owned()),
        why: fill(
            language.text(if reader.purpose == Purpose::Web {
                "why_web"
            } else {
                "why"
            }),
            &[("list", &list)],
        ),
        zone: fill(language.text("zone"), &[("zone", &reader.zone.name)]),
        footer: issue.footer.as_deref().map(clean_line),
        title: list,
        count,
        sections,
    }
}

fn page_section(section: &Section<'_>, reader: Reader<'_>, content: ContentMode) -> PageSection {
    PageSection {
        heading: section.heading.as_ref().map(|heading| match heading {
            Heading::Named(title) => clean_line(title),
            Heading::Other => reader.language.text("other").to_owned(),
        }),
        count: reader.language.count("section", section.stories.len()),
        items: section
            .stories
            .iter()
            .map(|story| item(story, reader, content))
            .collect(),
    }
}

fn item(story: &StoryView, reader: Reader<'_>, content: ContentMode) -> Item {
    let entry = &story.lead.entry;
    let url = entry.link.as_deref().and_then(plain_url);
    Item {
        title: title(&entry.title, &entry.text, reader.language),
        host: url
            .as_ref()
            .and_then(|url| url.host_str().map(str::to_owned)),
        url: url.map(String::from),
        lang: entry
            .language
            .as_deref()
            .or(story.lead.feed.language.as_deref())
            .and_then(language_tag),
        feed: clean_line(&story.lead.feed.title),
        author: author(story, reader.language),
        time: reader.language.short_date(story.shown_at, reader.zone),
        also: story
            .also_in()
            .into_iter()
            .map(|seen| Also {
                title: clean_line(&seen.feed.title),
                url: seen.link.as_deref().and_then(plain_url).map(String::from),
            })
            .collect(),
        paragraphs: body(&entry.text, content),
    }
}

fn title(title: &str, text: &str, language: &Language) -> String {
    let clean = clean_line(title);
    let clean = if clean.is_empty() {
        cut(&clean_line(text), 80)
    } else {
        clean
    };
    if clean.is_empty() {
        language.text("untitled").to_owned()
    } else {
        cut(&clean, 300)
    }
}

fn author(story: &StoryView, language: &Language) -> Option<String> {
    let names: Vec<String> = story
        .lead
        .entry
        .authors
        .iter()
        .filter_map(|author| author.name.as_deref())
        .map(clean_line)
        .collect();
    let names: Vec<String> = names
        .into_iter()
        .filter(|name| !name.is_empty())
        .take(3)
        .collect();
    (!names.is_empty()).then(|| {
        fill(
            language.text("by"),
            &[("author", &cut(&names.join(", "), 100))],
        )
    })
}

fn body(entry_text: &str, content: ContentMode) -> Vec<String> {
    match content {
        ContentMode::Title => Vec::new(),
        ContentMode::Full => paragraphs(entry_text),
        ContentMode::Summary => {
            let summary = cut(&text::clean_line(entry_text), SUMMARY);
            if summary.is_empty() {
                Vec::new()
            } else {
                vec![summary]
            }
        }
    }
}

/// 40 to 110 characters that a list of mails shows after the subject: counts and top titles.
fn preheader(count: &str, titles: &[&str]) -> String {
    let all = titles
        .iter()
        .skip(1)
        .chain(titles.first())
        .copied()
        .take(4)
        .collect::<Vec<_>>()
        .join(" · ");
    cut(
        &if all.is_empty() {
            count.to_owned()
        } else {
            format!("{count}: {all}")
        },
        110,
    )
}
