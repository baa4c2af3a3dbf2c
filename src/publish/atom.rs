//! Stories to Atom 1.0 (RFC 4287), and to archive documents of RFC 5005. Metadata before the first entry (R7.12),
//! `source` in every entry (R7.16), content as escaped `type="html"` (R7.18).

use crate::config::PublishFormat;
use crate::model::{ParsedEntry, StorySeq, StoryView};

use super::body::{Part, Tag, authors, body, categories, feed_categories, title};
use super::site::{MergedFeed, Site, changed_at, media};
use super::text::{self, line, rfc3339, web_url};
use super::xml::Xml;

/// One document of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// From 1.
    pub number: u32,
    /// None when it is finished; else it is under way, and this is the last story it holds.
    pub until: Option<StorySeq>,
}

impl Volume {
    /// The finished document `number`.
    #[must_use]
    pub fn finished(number: u32) -> Self {
        Self {
            number,
            until: None,
        }
    }
}

/// Where a document stands in the history of its merged feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Atom or JSON Feed.
    pub format: PublishFormat,
    /// Which.
    pub volume: Volume,
    /// Number of the newest finished one; 0 when there is none.
    pub newest: u32,
}

impl Chapter {
    /// The finished document before this one.
    pub(super) fn before(self) -> Option<Volume> {
        let number = self.volume.number.checked_sub(1)?;
        (number > 0).then(|| Volume::finished(number))
    }

    /// The finished document after this one: never one that is under way (R7.22).
    fn after(self) -> Option<Volume> {
        let finished = self.volume.until.is_none() && self.volume.number < self.newest;
        finished.then(|| Volume::finished(self.volume.number + 1))
    }
}

/// The subscription document, or with `chapter` an archive document.
pub(super) fn atom(site: &Site, feed: &MergedFeed<'_>, chapter: Option<Chapter>) -> Vec<u8> {
    let mut xml = Xml::begin();
    let mut names = vec![
        ("xmlns", "http://www.w3.org/2005/Atom"),
        ("xmlns:fh", "http://purl.org/syndication/history/1.0"),
        ("xmlns:media", "http://search.yahoo.com/mrss/"),
    ];
    if !feed.tombstones.is_empty() {
        names.push(("xmlns:at", "http://purl.org/atompub/tombstones/1.0"));
    }
    names.push(("xml:lang", &feed.output.language));
    xml.open("feed", &names);
    head(&mut xml, site, feed);
    history(&mut xml, site, feed, chapter);
    for gone in feed.tombstones {
        let (id, when) = (line(&gone.story.public_id), rfc3339(gone.withdrawn_at));
        xml.empty("at:deleted-entry", &[("ref", &id), ("when", &when)]);
    }
    for story in feed.stories {
        entry(&mut xml, site, feed, story);
    }
    xml.close("feed");
    xml.finish()
}

fn head(xml: &mut Xml, site: &Site, feed: &MergedFeed<'_>) {
    xml.leaf("id", &[], &site.feed_id(feed.output));
    xml.leaf("title", &[], &line(&feed.output.title));
    if let Some(description) = &feed.output.description {
        xml.leaf("subtitle", &[], &line(description));
    }
    xml.leaf("updated", &[], &rfc3339(feed.updated_at()));
    xml.open("author", &[]);
    xml.leaf("name", &[], &line(&feed.output.title));
    let page = site.home(feed.output);
    xml.leaf("uri", &[], &page);
    xml.close("author");
    xml.empty(
        "link",
        &[("rel", "alternate"), ("type", "text/html"), ("href", &page)],
    );
    xml.leaf(
        "generator",
        &[("version", env!("CARGO_PKG_VERSION"))],
        "feedmill",
    );
    xml.leaf("icon", &[], &site.icon());
}

/// `self`, hubs and the chain of archives (R7.22).
fn history(xml: &mut Xml, site: &Site, feed: &MergedFeed<'_>, chapter: Option<Chapter>) {
    let kind = media(PublishFormat::Atom).0;
    let current = site.absolute(&feed.path(PublishFormat::Atom));
    let archive = |volume: Volume| {
        site.absolute(&archive_path(
            &feed.output.name,
            volume,
            PublishFormat::Atom,
        ))
    };
    let mut link =
        |rel: &str, href: &str| xml.empty("link", &[("rel", rel), ("type", kind), ("href", href)]);
    let Some(chapter) = chapter else {
        link("self", &current);
        if let Some(volume) = feed.archive {
            link("prev-archive", &archive(volume));
        }
        for hub in site.hubs(feed.output) {
            xml.empty("link", &[("rel", "hub"), ("href", &hub)]);
        }
        return;
    };
    link("self", &archive(chapter.volume));
    link("current", &current);
    if let Some(before) = chapter.before() {
        link("prev-archive", &archive(before));
    }
    if let Some(after) = chapter.after() {
        link("next-archive", &archive(after));
    }
    xml.empty("fh:archive", &[]);
}

/// Address path of an archive document, without leading slash.
pub(super) fn archive_path(name: &str, volume: Volume, format: PublishFormat) -> String {
    let suffix = if format == PublishFormat::Json {
        "json"
    } else {
        "atom"
    };
    match volume.until {
        None => format!("{name}/archive/{}.{suffix}", volume.number),
        Some(until) => format!("{name}/archive/{}-{}.{suffix}", volume.number, until.0),
    }
}

fn entry(xml: &mut Xml, site: &Site, feed: &MergedFeed<'_>, story: &StoryView) {
    let entry = &story.lead.entry;
    match text::language(entry.language.as_deref()) {
        Some(tag) => xml.open("entry", &[("xml:lang", tag)]),
        None => xml.open("entry", &[]),
    }
    xml.leaf("id", &[], &line(&story.public_id));
    xml.leaf("title", &[], &title(story));
    xml.leaf("published", &[], &rfc3339(story.shown_at));
    xml.leaf("updated", &[], &rfc3339(changed_at(story)));
    for (name, uri) in authors(&entry.authors) {
        person(xml, &name, uri.as_deref());
    }
    links(xml, site, story);
    tags(xml, &categories(story));
    if let Some(rights) = entry
        .rights
        .as_deref()
        .or(story.lead.feed.rights.as_deref())
    {
        xml.leaf("rights", &[], &line(rights));
    }
    if let Some(thumbnail) = thumbnail(entry) {
        xml.empty("media:thumbnail", &[("url", &thumbnail)]);
    }
    source(xml, story);
    let body = body(story, feed.output.content);
    part(xml, "summary", body.summary.as_ref());
    part(xml, "content", body.content.as_ref());
    xml.close("entry");
}

fn tags(xml: &mut Xml, tags: &[Tag<'_>]) {
    for (term, scheme, label) in tags {
        let mut attributes = vec![("term", term.as_str())];
        attributes.extend(scheme.map(|scheme| ("scheme", scheme)));
        attributes.extend(label.as_deref().map(|label| ("label", label)));
        xml.empty("category", &attributes);
    }
}

fn part(xml: &mut Xml, name: &str, part: Option<&Part<'_>>) {
    match part {
        Some(Part::Html(html)) => xml.leaf(name, &[("type", "html")], html),
        Some(Part::Text(text)) => xml.leaf(name, &[], text),
        None => {}
    }
}

fn person(xml: &mut Xml, name: &str, uri: Option<&str>) {
    xml.open("author", &[]);
    xml.leaf("name", &[], name);
    if let Some(uri) = uri {
        xml.leaf("uri", &[], uri);
    }
    xml.close("author");
}

fn links(xml: &mut Xml, site: &Site, story: &StoryView) {
    let entry = &story.lead.entry;
    let page = entry_url(site, story);
    xml.empty(
        "link",
        &[("rel", "alternate"), ("type", "text/html"), ("href", &page)],
    );
    for (feed, url) in also_in(story, &page) {
        xml.empty(
            "link",
            &[
                ("rel", "related"),
                ("type", "text/html"),
                ("title", &feed),
                ("href", &url),
            ],
        );
    }
    for link in &entry.links {
        let Some(url) = web_url(Some(&link.url)) else {
            continue;
        };
        let rel = match link.rel.as_str() {
            "comments" => "replies",
            "license" => "license",
            "via" => "via",
            "related" => "related",
            _ => continue,
        };
        let mime = text::mime(link.mime.as_deref());
        xml.empty(
            "link",
            &[
                ("rel", rel),
                ("type", mime.as_deref().unwrap_or("text/html")),
                ("href", &url),
            ],
        );
    }
    for file in &entry.enclosures {
        let Some(url) = web_url(Some(&file.url)) else {
            continue;
        };
        let length = file.length_bytes.map(|length| length.to_string());
        let (mime, name) = (
            text::mime(file.mime.as_deref()),
            file.title.as_deref().map(line),
        );
        let mut attributes = vec![("rel", "enclosure")];
        attributes.extend(mime.as_deref().map(|mime| ("type", mime)));
        attributes.extend(length.as_deref().map(|length| ("length", length)));
        attributes.extend(name.as_deref().map(|name| ("title", name)));
        attributes.push(("href", &url));
        xml.empty("link", &attributes);
    }
}

/// The entry's page, else the story's page here: an entry always leads somewhere (R7.19).
pub(super) fn entry_url(site: &Site, story: &StoryView) -> String {
    web_url(story.lead.entry.link.as_deref()).unwrap_or_else(|| site.story_url(story))
}

/// Other feeds' copies of a story that have a page of their own: feed title and address.
pub(super) fn also_in(story: &StoryView, page: &str) -> Vec<(String, String)> {
    let mut seen = vec![page.to_owned()];
    let mut found = Vec::new();
    for sighting in story.also_in() {
        let Some(url) = web_url(sighting.link.as_deref()) else {
            continue;
        };
        if !seen.contains(&url) {
            seen.push(url.clone());
            found.push((line(&sighting.feed.title), url));
        }
    }
    found
}

/// A picture that stands for the entry.
pub(super) fn thumbnail(entry: &ParsedEntry) -> Option<String> {
    let link = entry.links.iter().find(|link| link.rel == "thumbnail")?;
    web_url(Some(&link.url))
}

fn source(xml: &mut Xml, story: &StoryView) {
    let source = story.source();
    let feed = &story.lead.feed;
    let feed_url = web_url(source.feed_url.as_deref());
    let name = source
        .title
        .as_deref()
        .map(line)
        .filter(|title| !title.is_empty())
        .unwrap_or_else(|| line(&feed.title));
    let id = source.id.as_deref().and_then(text::iri).map(str::to_owned);
    let id = id
        .or_else(|| feed_url.clone())
        .unwrap_or_else(|| text::urn(&["source", &feed.key, &name]));
    xml.open("source", &[]);
    xml.leaf("id", &[], &id);
    xml.leaf("title", &[], &name);
    xml.leaf(
        "updated",
        &[],
        &rfc3339(feed.updated_at.unwrap_or(story.changed_at)),
    );
    if let Some(url) = &feed_url {
        xml.empty("link", &[("rel", "self"), ("href", url)]);
    }
    if let Some(url) = web_url(source.link.as_deref()) {
        xml.empty(
            "link",
            &[("rel", "alternate"), ("type", "text/html"), ("href", &url)],
        );
    }
    // What follows is the polled feed's own; an entry that came with a source of its own is of another.
    let own = story.lead.entry.source.is_none();
    if authors(&story.lead.entry.authors).is_empty() {
        let known = authors(&feed.authors);
        match known.as_slice() {
            known @ [_, ..] if own => known
                .iter()
                .for_each(|(name, uri)| person(xml, name, uri.as_deref())),
            _ => person(xml, &name, None),
        }
    }
    if own && story.lead.entry.categories.is_empty() {
        tags(xml, &feed_categories(feed));
    }
    if let Some(rights) = feed.rights.as_deref().filter(|_| own) {
        xml.leaf("rights", &[], &line(rights));
    }
    if let Some(icon) = web_url(feed.icon_url.as_deref()).filter(|_| own) {
        xml.leaf("icon", &[], &icon);
    }
    xml.close("source");
}
