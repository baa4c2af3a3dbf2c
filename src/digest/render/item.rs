//! One story as the page shows it: clean words, plain addresses, as much text as there is room for.

use serde::Serialize;

use super::address::{language_tag, plain_url};
use crate::config::ContentMode;
use crate::digest::Reader;
use crate::digest::language::{Language, fill};
use crate::digest::subject::cut;
use crate::digest::text::{clean_line, paragraphs};
use crate::model::StoryView;

/// Characters of a summary.
const SUMMARY: usize = 320;

/// A story as the template sees it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Item {
    pub(super) title: String,
    pub(super) url: Option<String>,
    pub(super) host: Option<String>,
    pub(super) lang: Option<String>,
    pub(super) feed: String,
    pub(super) author: Option<String>,
    pub(super) time: String,
    pub(super) also: Vec<Also>,
    pub(super) paragraphs: Vec<String>,
}

/// Where else a story appeared.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Also {
    pub(super) title: String,
    pub(super) url: Option<String>,
}

/// `story` for `reader`, with its text as far as `content` goes.
pub(super) fn item(story: &StoryView, reader: Reader<'_>, content: ContentMode) -> Item {
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
            let summary = cut(&clean_line(entry_text), SUMMARY);
            if summary.is_empty() {
                Vec::new()
            } else {
                vec![summary]
            }
        }
    }
}
