//! What of an entry a document carries, by the merged feed's content mode. The same for every format.

use std::borrow::Cow;

use crate::config::ContentMode;
use crate::model::{Author, Category, FeedView, ParsedEntry, SafeHtml, StoryView};

use super::text;

/// Characters of a summary that we cut ourselves.
const EXCERPT: usize = 500;

/// The parts of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Body<'a> {
    /// Short form.
    pub(super) summary: Option<Part<'a>>,
    /// Long form.
    pub(super) content: Option<Part<'a>>,
}

/// One part: markup, or plain text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Safe markup, filtered.
    Html(Cow<'a, str>),
    /// One paragraph of text.
    Text(String),
}

impl Part<'_> {
    /// As markup.
    pub(super) fn html(&self) -> Cow<'_, str> {
        match self {
            Self::Html(html) => Cow::Borrowed(html),
            Self::Text(text) => Cow::Owned(text::escape_html(text)),
        }
    }
}

/// What of `story` a document in `mode` carries.
pub(super) fn body(story: &StoryView, mode: ContentMode) -> Body<'_> {
    let mut body = parts(story, mode);
    if body == Body::default() {
        // An entry without content has a summary (R7.19), if only of its name.
        body.summary = Some(Part::Text(title(story)));
    }
    body
}

fn parts(story: &StoryView, mode: ContentMode) -> Body<'_> {
    let entry = &story.lead.entry;
    let summary = html(entry.summary_html.as_ref());
    match mode {
        ContentMode::Full => {
            let content = html(entry.content_html.as_ref());
            match (content, summary) {
                (Some(content), summary) if summary.as_ref() == Some(&content) => Body {
                    summary: None,
                    content: Some(content),
                },
                (Some(content), summary) => Body {
                    summary,
                    content: Some(content),
                },
                (None, summary) => Body {
                    summary: None,
                    content: summary,
                },
            }
        }
        ContentMode::Summary => Body {
            summary: summary.or_else(|| beginning(entry)),
            content: None,
        },
        ContentMode::Title => Body::default(),
    }
}

fn html(part: Option<&SafeHtml>) -> Option<Part<'_>> {
    let html = text::clean(part?.as_str());
    (!html.trim().is_empty()).then_some(Part::Html(html))
}

fn beginning(entry: &ParsedEntry) -> Option<Part<'_>> {
    let text = text::excerpt(&entry.text, EXCERPT);
    (!text.is_empty()).then_some(Part::Text(text))
}

/// Title of a story: never empty, as an empty `title` helps no reader.
pub(super) fn title(story: &StoryView) -> String {
    let title = text::line(&story.lead.entry.title);
    if !title.is_empty() {
        return title;
    }
    let begun = text::excerpt(&story.lead.entry.text, 80);
    if begun.is_empty() {
        text::line(&story.lead.feed.title)
    } else {
        begun
    }
}

/// Authors by name, with their page; never a mail address.
pub(super) fn authors(authors: &[Author]) -> Vec<(String, Option<String>)> {
    authors
        .iter()
        .filter_map(|author| {
            let uri = text::web_url(author.uri.as_deref());
            let name = author
                .name
                .as_deref()
                .map(text::line)
                .filter(|name| !name.is_empty() && !mail_like(name));
            Some((name.or_else(|| uri.clone())?, uri))
        })
        .collect()
}

/// A "name" that is an address, as RSS's `author` often is.
fn mail_like(name: &str) -> bool {
    name.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')'))
        .any(|word| {
            word.split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        })
}

/// A category: term, scheme, label.
pub(super) type Tag<'a> = (String, Option<&'a str>, Option<String>);

/// Categories and the rules' tags.
pub(super) fn categories(story: &StoryView) -> Vec<Tag<'_>> {
    let mut found = named(&story.lead.entry.categories);
    found.extend(
        story
            .lead
            .tags
            .iter()
            .map(|tag| (text::line(tag), None, None)),
    );
    each_once(found)
}

/// Categories that a publisher gave to a feed.
pub(super) fn feed_categories(feed: &FeedView) -> Vec<Tag<'_>> {
    each_once(named(&feed.categories))
}

fn named(categories: &[Category]) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    for Category {
        term,
        scheme,
        label,
    } in categories
    {
        let term = text::line(term);
        let label = label.as_deref().map(text::line);
        let label = label.filter(|label| !label.is_empty() && *label != term);
        found.push((term, scheme.as_deref().and_then(text::iri), label));
    }
    found
}

fn each_once(mut found: Vec<Tag<'_>>) -> Vec<Tag<'_>> {
    let mut seen = std::collections::HashSet::new();
    found.retain(|(term, scheme, _)| !term.is_empty() && seen.insert((term.clone(), *scheme)));
    found
}
