//! Subject, text and HTML of an edition for one class of readers: takes stories, gives finished words in which only
//! the unsubscribe address is still a mark. Keeps the byte budget by leaving out, in this order: full text, summaries,
//! whole stories, which then count as "and N more" of their feed; the web copy, to which the mail then points, has them.
//!
//! Feed markup never gets here: paragraphs are made from an entry's text and escaped, so a mail holds no active content,
//! no picture and no remote load by construction.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::language::{Language, fill};
use super::select::{Heading, Picked, Room, Section, pick};
use super::subject::{cut, subject};
use super::text::clean_line;
use super::{Issue, Matter, Purpose, Reader, Templates};
use crate::config::ContentMode;

mod address;
mod corrections;
mod item;
mod plain;
mod schedule;

use address::encoded_len;
use corrections::{Corrected, Piece, corrected};
use item::{Also, Item, item};

/// Stands where a subscriber's unsubscribe address goes. A control character: cleaned text cannot contain it.
pub(super) const MARK: &str = "\u{1}";
/// Stands where the address of a subscriber's own page goes.
pub(super) const WISHES_MARK: &str = "\u{2}";
/// Decoded HTML beyond this may be clipped by mail programs whatever its encoding (email.md §2.2).
const MOST_DECODED: usize = 90_000;
/// Bytes of a web copy: far more than a mail may have, and still a page that a phone can show.
const WEB_BYTES: usize = 4 << 20;
/// Stories of a web copy.
const WEB_STORIES: usize = 5_000;
/// Feeds of one section of which it is told how many stories are not shown.
const MORE_FROM: usize = 8;
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
    /// Puts one subscriber's addresses (or nothing) where they belong.
    #[must_use]
    pub(super) fn addressed(&self, unsubscribe_url: &str, wishes_url: &str) -> (String, String) {
        let escaped = |url: &str| url.replace('&', "&amp;").replace('"', "&quot;");
        let put = |text: &str, leave: &str, wishes: &str| {
            text.replace(MARK, leave).replace(WISHES_MARK, wishes)
        };
        (
            put(&self.text, unsubscribe_url, wishes_url),
            put(&self.html, &escaped(unsubscribe_url), &escaped(wishes_url)),
        )
    }
}

/// What the HTML template sees as `page`.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Page {
    lang: String,
    dir: String,
    web: bool,
    subject: String,
    title: String,
    date: String,
    count: Option<String>,
    period: Option<String>,
    preheader: String,
    test: bool,
    contents: bool,
    nothing: bool,
    shortened: bool,
    sections: Vec<PageSection>,
    corrections: Vec<Corrected>,
    more: Option<String>,
    more_url: String,
    web_url: String,
    unsubscribe_url: Option<String>,
    wishes_url: Option<String>,
    why: String,
    schedule: Option<String>,
    zone: String,
    footer: Option<String>,
}

impl Page {
    /// Why one gets this, when editions come, whose clock the times follow.
    fn reason(&self) -> String {
        let parts = [Some(&self.why), self.schedule.as_ref(), Some(&self.zone)];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join(" ")
    }
}

#[derive(Clone, Debug, Default, Serialize)]
struct PageSection {
    heading: Option<String>,
    count: String,
    items: Vec<Item>,
    more: Vec<String>,
}

/// Renders `matter` for `reader`.
///
/// # Errors
/// One line when even the built-in template fails, which no input should bring about.
pub fn render(
    issue: &Issue,
    reader: Reader<'_>,
    matter: &Matter<'_>,
    templates: &Templates,
) -> Result<Rendition, String> {
    let (mut room, decoded, encoded) = bounds(issue, reader.purpose);
    let mut content = issue.content;
    loop {
        let picked = pick(issue, &matter.stories, room);
        let page = page(issue, reader, (&picked, matter), content);
        let html = templates
            .html(&page, reader.language.texts())
            .map_err(|error| error.to_string())?;
        let fits = html.len() <= decoded && encoded_len(&html) <= encoded;
        match (fits, content) {
            (false, ContentMode::Full) => content = ContentMode::Summary,
            (false, ContentMode::Summary) => content = ContentMode::Title,
            (false, ContentMode::Title) if picked.shown > 1 => room.stories = picked.shown * 3 / 4,
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

/// Room for stories, and most bytes of the HTML, decoded and encoded.
fn bounds(issue: &Issue, purpose: Purpose) -> (Room, usize, usize) {
    match purpose {
        Purpose::Web => {
            let room = Room {
                stories: WEB_STORIES,
                per_feed: 0,
            };
            (room, WEB_BYTES, usize::MAX)
        }
        Purpose::Mail | Purpose::Test => {
            let room = Room {
                stories: issue.max_stories,
                per_feed: issue.per_feed,
            };
            (room, MOST_DECODED, issue.max_bytes)
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
        items: vec![item.clone()],
        more: vec!["and 1 more from Another".to_owned()],
    };
    let piece = Piece {
        kind: "added",
        words: "Words.".to_owned(),
    };
    let correction = Corrected {
        item,
        changes: vec![vec![piece]],
    };
    let page = Page {
        sections: vec![section],
        corrections: vec![correction],
        contents: true,
        more: Some("more".to_owned()),
        ..Page::default()
    };
    let texts = Language::load("en", None)
        .map(|language| language.texts().clone())
        .unwrap_or_default();
    (page, texts)
}

fn page(
    issue: &Issue,
    reader: Reader<'_>,
    (picked, matter): (&Picked<'_>, &Matter<'_>),
    content: ContentMode,
) -> Page {
    let language = reader.language;
    let web = reader.purpose == Purpose::Web;
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
    let top = titles.first().copied().unwrap_or_default();
    Page {
        lang: language.code().to_owned(),
        dir: language.direction().to_owned(),
        subject: subject(issue, reader, picked.total, top),
        date: language.date(issue.slot_at, reader.zone),
        period: issue.since_at.map(|since| period(issue, since, reader)),
        preheader: preheader(
            count.as_deref().unwrap_or(language.text("nothing")),
            &titles,
        ),
        test: reader.purpose == Purpose::Test,
        contents: picked.shown >= CONTENTS_FROM,
        nothing: picked.total == 0,
        shortened: !web && content != issue.content,
        corrections: corrected(&matter.corrections, reader, content),
        more: (hidden > 0).then(|| language.count("more", hidden)),
        more_url: issue.page_url.to_string(),
        web_url: issue.web_url.to_string(),
        unsubscribe_url: (reader.purpose == Purpose::Mail).then(|| MARK.to_owned()),
        wishes_url: (reader.purpose == Purpose::Mail && issue.self_service)
            .then(|| WISHES_MARK.to_owned()),
        why: fill(
            language.text(if web { "why_web" } else { "why" }),
            &[("list", &list)],
        ),
        schedule: schedule::schedule(issue, reader),
        zone: fill(language.text("zone"), &[("zone", &reader.zone.name)]),
        footer: issue.footer.as_deref().map(clean_line),
        web,
        title: list,
        count,
        sections,
    }
}

fn period(issue: &Issue, since: Timestamp, reader: Reader<'_>) -> String {
    let date = |at| reader.language.date(at, reader.zone);
    fill(
        reader.language.text("period"),
        &[("from", &date(since)), ("until", &date(issue.slot_at))],
    )
}

fn page_section(section: &Section<'_>, reader: Reader<'_>, content: ContentMode) -> PageSection {
    let hidden = |(feed, count): &(&str, usize)| {
        let more = reader.language.count("more_from", *count);
        fill(&more, &[("feed", &clean_line(feed))])
    };
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
        more: section.hidden.iter().take(MORE_FROM).map(hidden).collect(),
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
