//! Stories to JSON Feed 1.1 (R7.21): `version` first, ids as text, `_source` and `_also_in` as extension objects.

use serde::Serialize;

use crate::config::PublishFormat;
use crate::model::StoryView;

use super::atom::{Chapter, Volume, also_in, archive_path, entry_url, thumbnail};
use super::body::{Part, authors, body, categories, title};
use super::site::{MergedFeed, Site, changed_at};
use super::text::{self, line, rfc3339, web_url};

#[derive(Serialize)]
struct Document {
    version: &'static str,
    title: String,
    home_page_url: String,
    feed_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    authors: Vec<Person>,
    language: String,
    icon: String,
    favicon: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub>,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Person {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Hub {
    r#type: &'static str,
    url: String,
}

#[derive(Serialize)]
struct Item {
    id: String,
    url: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    date_published: String,
    date_modified: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Person>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
    _source: Source,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    _also_in: Vec<Copy>,
}

#[derive(Serialize)]
struct Attachment {
    url: String,
    mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_in_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Source {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_url: Option<String>,
}

#[derive(Serialize)]
struct Copy {
    title: String,
    url: String,
}

/// The document of the newest stories, or with `chapter` one of the archive. `next_url` counts down to 1, so it never
/// leads to where a reader has been (R7.21).
pub(super) fn json_feed(site: &Site, feed: &MergedFeed<'_>, chapter: Option<Chapter>) -> Vec<u8> {
    let output = feed.output;
    let archive =
        |volume: Volume| site.absolute(&archive_path(&output.name, volume, PublishFormat::Json));
    let own = chapter.map_or_else(
        || site.absolute(&feed.path(PublishFormat::Json)),
        |chapter| archive(chapter.volume),
    );
    let next = chapter.map_or(feed.archive, Chapter::before);
    let home = site.home(output);
    let document = Document {
        version: "https://jsonfeed.org/version/1.1",
        title: line(&output.title),
        feed_url: own,
        next_url: next.map(archive),
        description: output.description.as_deref().map(line),
        authors: vec![Person {
            name: line(&output.title),
            url: Some(home.clone()),
        }],
        home_page_url: home,
        language: output.language.clone(),
        icon: site.icon(),
        favicon: site.icon(),
        hubs: site
            .hubs(output)
            .into_iter()
            .filter(|_| chapter.is_none())
            .map(|url| Hub {
                r#type: "WebSub",
                url,
            })
            .collect(),
        items: feed
            .stories
            .iter()
            .map(|story| item(site, feed, story))
            .collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&document)
        .expect("text, numbers and lists always have a JSON form");
    bytes.push(b'\n');
    bytes
}

fn item(site: &Site, feed: &MergedFeed<'_>, story: &StoryView) -> Item {
    let entry = &story.lead.entry;
    let url = entry_url(site, story);
    let body = body(story, feed.output.content);
    let summary = body
        .summary
        .as_ref()
        .filter(|_| body.content.is_some())
        .and_then(plain);
    let (content_html, content_text) = match body.content.as_ref().or(body.summary.as_ref()) {
        Some(Part::Html(html)) => (Some(html.to_string()), None),
        Some(Part::Text(text)) => (None, Some(text.clone())),
        None => (None, Some(title(story))),
    };
    Item {
        id: line(&story.public_id),
        title: title(story),
        content_html,
        content_text,
        summary,
        image: thumbnail(entry),
        date_published: rfc3339(story.shown_at),
        date_modified: rfc3339(changed_at(story)),
        authors: authors(&entry.authors)
            .into_iter()
            .map(|(name, url)| Person { name, url })
            .collect(),
        tags: categories(story)
            .into_iter()
            .map(|(term, _, label)| label.unwrap_or(term))
            .collect(),
        language: text::language(entry.language.as_deref()).map(str::to_owned),
        attachments: attachments(story),
        _source: source(story),
        _also_in: also_in(story, &url)
            .into_iter()
            .map(|(title, url)| Copy { title, url })
            .collect(),
        url,
    }
}

/// JSON Feed's `summary` is text: markup is left out when it holds any.
fn plain(part: &Part<'_>) -> Option<String> {
    match part {
        Part::Html(html) if html.contains(['<', '&']) => None,
        Part::Html(html) => Some(line(html)),
        Part::Text(text) => Some(text.clone()),
    }
}

fn attachments(story: &StoryView) -> Vec<Attachment> {
    let files = story.lead.entry.enclosures.iter();
    files
        .filter_map(|file| {
            Some(Attachment {
                url: web_url(Some(&file.url))?,
                mime_type: text::mime(file.mime.as_deref())
                    .unwrap_or_else(|| String::from(text::ANY_MIME)),
                title: file.title.as_deref().map(line),
                size_in_bytes: file.length_bytes,
                duration_in_seconds: file.duration_s,
            })
        })
        .collect()
}

fn source(story: &StoryView) -> Source {
    let source = story.source();
    Source {
        id: source.id.as_deref().map(line).filter(|id| !id.is_empty()),
        title: line(source.title.as_deref().unwrap_or(&story.lead.feed.title)),
        url: web_url(source.link.as_deref()),
        feed_url: web_url(source.feed_url.as_deref()),
    }
}
