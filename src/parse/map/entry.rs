//! One entry: feed-rs's view of it and what stood beside, joined; texts made safe, lists cut to their caps (PARSE-3).
//! Takes addresses as the normaliser left them; gives only absolute ones of the web.

use feed_rs::model as raw;
use url::Url;

use super::super::normalise::{EntryAside, Reading, Repairs, people, web_address};
use super::super::{html, identity, text};
use super::{id, instant, line, web};
use crate::model::{
    Author, Category, DateFlag, Enclosure, FeedFormat, Fingerprint, ParsedEntry, ParsedFeed,
    SafeHtml, SourceRef, TextLink,
};

const MAX_CATEGORIES: usize = 32;
const MAX_ENCLOSURES: usize = 16;
const MAX_AUTHORS: usize = 16;
const MAX_LINKS: usize = 16;

/// What holds for all entries of a feed.
pub(super) struct Context {
    pub(super) format: FeedFormat,
    /// The document's own base, else the site.
    pub(super) base: Option<Url>,
}

impl Context {
    pub(super) fn entry(
        &self,
        raw: raw::Entry,
        aside: EntryAside,
        feed: &ParsedFeed,
        repairs: &mut Repairs,
    ) -> ParsedEntry {
        let link = page(&raw);
        let named = aside.base.as_deref().and_then(web_address);
        // RFC 4287 has only `xml:base` and the document; readers fall back to the entry's own page.
        let base = named
            .clone()
            .or_else(|| link.as_deref().and_then(web_address))
            .or_else(|| self.base.clone());
        let (content_html, summary_html) = texts(&raw, &aside, base.as_ref(), repairs);
        let text = content_html
            .as_ref()
            .or(summary_html.as_ref())
            .map(|html| text::of_html(html.as_str()));
        let published_at = raw.published.and_then(instant);
        // feed-rs copies RSS's date of publication; say only what the document says.
        let updated_at = raw
            .updated
            .filter(|_| aside.has_updated || self.format == FeedFormat::Atom)
            .and_then(instant);
        let has_date = published_at.is_some() || updated_at.is_some();
        let mut entry = ParsedEntry {
            key: String::new(),
            publisher_id: id(&raw.id),
            link,
            title: raw
                .title
                .as_ref()
                .and_then(|title| line(&title.content, aside.title))
                .unwrap_or_default(),
            authors: authors(&raw, &aside, feed),
            summary_html,
            content_html,
            text: text.unwrap_or_default(),
            published_at,
            updated_at,
            date_flag: date_flag(has_date, aside.has_unreadable_date),
            enclosures: enclosures(&raw, &aside, base.as_ref()),
            categories: categories(&raw.categories),
            links: links(&raw, &aside, base.as_ref()),
            source: aside
                .source
                .as_ref()
                .and_then(|source| source_of(source, base.as_ref())),
            language: aside.language.clone().or_else(|| feed.language.clone()),
            rights: aside
                .rights
                .as_deref()
                .and_then(|rights| line(rights, Reading::Guess)),
            fingerprint: Fingerprint([0; 32]),
        };
        entry.fingerprint = identity::fingerprint(&entry);
        entry
    }
}

/// The entry's page.
fn page(raw: &raw::Entry) -> Option<String> {
    let is_page = |link: &&raw::Link| {
        link.target.is_none() && link.rel.as_deref().is_none_or(|rel| rel == "alternate")
    };
    raw.links
        .iter()
        .find(is_page)
        .and_then(|link| web(&link.href))
}

fn date_flag(has_date: bool, has_unreadable: bool) -> Option<DateFlag> {
    match (has_date, has_unreadable) {
        (true, _) => None,
        (false, true) => Some(DateFlag::Unreadable),
        (false, false) => Some(DateFlag::Missing),
    }
}

fn texts(
    raw: &raw::Entry,
    aside: &EntryAside,
    base: Option<&Url>,
    repairs: &mut Repairs,
) -> (Option<SafeHtml>, Option<SafeHtml>) {
    let content = raw
        .content
        .as_ref()
        .and_then(|content| content.body.as_deref());
    let summary = raw.summary.as_ref().map(|summary| summary.content.as_str());
    let content_html =
        content.and_then(|content| html::safe(content, aside.content, base, repairs));
    // The same text twice is made safe once.
    let summary_html = match (summary, content) {
        (Some(summary), Some(content)) if summary == content && aside.summary == aside.content => {
            content_html.clone()
        }
        (Some(summary), _) => html::safe(summary, aside.summary, base, repairs),
        (None, _) => None,
    };
    (content_html, summary_html)
}

fn authors(raw: &raw::Entry, aside: &EntryAside, feed: &ParsedFeed) -> Vec<Author> {
    let own = named(&aside.authors);
    if !own.is_empty() {
        return own;
    }
    let mapped: Vec<Author> = raw
        .authors
        .iter()
        .map(|person| Author {
            name: person.name.clone(),
            uri: person.uri.clone(),
            email: person.email.clone(),
        })
        .collect();
    let mapped = named(&mapped);
    if mapped.is_empty() {
        feed.authors.clone()
    } else {
        mapped
    }
}

/// Authors with names on one line and addresses of the web.
pub(super) fn named(authors: &[Author]) -> Vec<Author> {
    let clean = authors.iter().map(|author| Author {
        name: author
            .name
            .as_deref()
            .and_then(|name| line(name, Reading::Guess)),
        uri: author.uri.as_deref().and_then(web),
        email: author
            .email
            .as_deref()
            .map(text::one_line)
            .filter(|email| email.contains('@')),
    });
    let mut out: Vec<Author> = Vec::new();
    for author in clean.filter(|author| *author != Author::default()) {
        if out.len() < MAX_AUTHORS {
            people::add(&mut out, author);
        }
    }
    out
}

fn enclosures(raw: &raw::Entry, aside: &EntryAside, base: Option<&Url>) -> Vec<Enclosure> {
    let mapped = raw
        .media
        .iter()
        .flat_map(|media| &media.content)
        .filter_map(|content| {
            Some(Enclosure {
                url: web(content.url.as_ref()?.as_str())?,
                mime: content.content_type.as_ref().map(ToString::to_string),
                length_bytes: content.size.filter(|&size| size > 0),
                duration_s: content.duration.map(|duration| duration.as_secs()),
                title: None,
            })
        });
    let own = aside.files.iter().filter_map(|file| {
        Some(Enclosure {
            url: html::absolute(&file.url, base).and_then(|url| web(&url))?,
            mime: file.mime.clone(),
            length_bytes: file.length_bytes,
            duration_s: file.duration_s,
            title: file
                .title
                .as_deref()
                .and_then(|title| line(title, Reading::Plain)),
        })
    });
    let mut enclosures: Vec<Enclosure> = mapped.chain(own).take(MAX_ENCLOSURES).collect();
    for enclosure in &mut enclosures {
        let titled = aside
            .file_titles
            .iter()
            .find(|(url, _)| web(url).is_some_and(|url| url == enclosure.url));
        if let (None, Some((_, title))) = (&enclosure.title, titled) {
            enclosure.title = line(title, Reading::Guess);
        }
        if enclosure.mime.is_none() {
            enclosure.mime = guessed_mime(&enclosure.url).map(str::to_owned);
        }
    }
    if let Some(first) = enclosures
        .first_mut()
        .filter(|first| first.duration_s.is_none())
    {
        first.duration_s = aside.duration_s;
    }
    enclosures
}

/// The media type that a file's name shows.
fn guessed_mime(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "ogg" | "oga" => "audio/ogg",
        "opus" => "audio/opus",
        "wav" => "audio/wav",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "epub" => "application/epub+zip",
        _ => return None,
    })
}

fn categories(raw: &[raw::Category]) -> Vec<Category> {
    let written = raw.iter().map(|category| {
        let (scheme, label) = (category.scheme.as_deref(), category.label.as_deref());
        (category.term.as_str(), scheme, label)
    });
    read_categories(written)
}

/// Categories as written: term, scheme, label.
pub(super) fn read_categories<'a>(
    written: impl Iterator<Item = (&'a str, Option<&'a str>, Option<&'a str>)>,
) -> Vec<Category> {
    let mut out: Vec<Category> = Vec::new();
    for (term, scheme, label) in written {
        let Some(term) = line(term, Reading::Guess) else {
            continue;
        };
        let label = label
            .and_then(|label| line(label, Reading::Guess))
            .filter(|label| *label != term);
        let scheme = scheme
            .map(text::one_line)
            .filter(|scheme| !scheme.is_empty());
        let category = Category {
            term,
            scheme,
            label,
        };
        if out.len() < MAX_CATEGORIES && !out.contains(&category) {
            out.push(category);
        }
    }
    out
}

fn links(raw: &raw::Entry, aside: &EntryAside, base: Option<&Url>) -> Vec<TextLink> {
    let mut out: Vec<TextLink> = Vec::new();
    let comments = raw
        .links
        .iter()
        .filter(|link| link.target == Some(raw::LinkTarget::Comments))
        .map(|link| TextLink {
            rel: "comments".to_owned(),
            url: link.href.clone(),
            mime: None,
        });
    for mut link in aside.links.iter().cloned().chain(comments) {
        let Some(url) = html::absolute(&link.url, base).and_then(|url| web(&url)) else {
            continue;
        };
        link.url = url;
        link.mime = link.mime.as_deref().map(text::one_line);
        if out.len() < MAX_LINKS
            && !out
                .iter()
                .any(|known| known.rel == link.rel && known.url == link.url)
        {
            out.push(link);
        }
    }
    out
}

fn source_of(source: &SourceRef, base: Option<&Url>) -> Option<SourceRef> {
    let address = |url: &Option<String>| {
        url.as_deref()
            .and_then(|url| html::absolute(url, base))
            .and_then(|url| web(&url))
    };
    let source = SourceRef {
        id: source.id.as_deref().and_then(id),
        title: source
            .title
            .as_deref()
            .and_then(|title| line(title, Reading::Guess)),
        link: address(&source.link),
        feed_url: address(&source.feed_url),
    };
    (source != SourceRef::default()).then_some(source)
}
