//! An entry's addresses: its page, its id, what it points to, where it came from.

use std::borrow::Cow;

use super::super::base::web_address;
use super::super::kinds::Kind;
use super::super::names::Space;
use super::super::node::Node;
use super::super::repairs::Repairs;
use super::{Chooser, Chosen, media};
use crate::model::{SourceRef, TextLink};

impl Chooser<'_> {
    pub(super) fn addresses(
        &self,
        entry: &Node<'_>,
        chosen: &mut Chosen<'_>,
        repairs: &mut Repairs,
    ) {
        let mut permalink = None;
        for part in &entry.parts {
            match part.kind {
                Kind::Link => self.plain_link(part, chosen),
                Kind::AtomLink => self.atom_link(part, chosen),
                Kind::Guid => {
                    let Some(guid) = part.value() else { continue };
                    chosen.id = Some(guid.to_owned());
                    if self.is_permalink(part, guid) {
                        permalink = Some(guid.to_owned());
                    }
                }
                Kind::Id => {
                    let Some(id) = part.value() else { continue };
                    chosen.id.get_or_insert_with(|| id.to_owned());
                    // RFC 4287 allows an entry without a link when its id is one, in effect.
                    if permalink.is_none() && web_address(id).is_some() {
                        permalink = Some(id.to_owned());
                    }
                }
                Kind::Comments => self.text_link("comments", part, chosen),
                Kind::CommentFeed => self.text_link("comment-feed", part, chosen),
                Kind::License => self.text_link("license", part, chosen),
                Kind::Transcript => self.text_link("transcript", part, chosen),
                Kind::Chapters => self.text_link("chapters", part, chosen),
                Kind::Thumbnail | Kind::ItunesImage => self.text_link("thumbnail", part, chosen),
                Kind::Source => chosen.aside.source = self.source(part),
                _ => {}
            }
        }
        self.page(entry, permalink, chosen, repairs);
    }

    fn is_permalink(&self, part: &Node<'_>, guid: &str) -> bool {
        let flag = part.attribute("ispermalink", self.entities);
        // In an Atom feed it counts as an id, of which nothing can be denied.
        let is_denied = self.dialect.space() != Space::Atom
            && flag.is_some_and(|flag| flag.eq_ignore_ascii_case("false"));
        !is_denied && web_address(guid).is_some()
    }

    /// The entry's page and id, when its own elements for them are missing or a proxy's.
    fn page(
        &self,
        entry: &Node<'_>,
        permalink: Option<String>,
        chosen: &mut Chosen<'_>,
        repairs: &mut Repairs,
    ) {
        if let Some(link) = entry.part(Kind::OrigLink).and_then(Node::value) {
            chosen.link = Some(self.bases.absolute(entry, link));
        }
        if let Some(href) = entry.attribute("href", self.entities) {
            chosen
                .link
                .get_or_insert_with(|| self.bases.absolute(entry, &href));
        }
        if chosen.link.is_none() && permalink.is_some() {
            repairs.note("permalink-guid");
            chosen.link = permalink;
        }
        if let Some(about) = entry.attribute("about", self.entities) {
            if chosen.link.is_none() && web_address(&about).is_some() {
                chosen.link = Some(about.clone().into_owned());
            }
            chosen.id.get_or_insert_with(|| about.into_owned());
        }
        let identifier = entry.part(Kind::DcIdentifier).and_then(Node::value);
        chosen.id = chosen.id.take().or_else(|| identifier.map(str::to_owned));
        if chosen.link.is_none() {
            chosen.link = media(entry, Kind::MediaPlayer)
                .and_then(|player| player.attribute("url", self.entities))
                .map(|url| self.bases.absolute(entry, &url));
        }
    }

    fn plain_link(&self, part: &Node<'_>, chosen: &mut Chosen<'_>) {
        if part.value().is_none() && part.attribute("href", self.entities).is_some() {
            return self.atom_link(part, chosen);
        }
        if let Some(link) = part.value()
            && chosen.link.is_none()
        {
            chosen.link = Some(self.bases.absolute(part, link));
        }
    }

    fn atom_link(&self, part: &Node<'_>, chosen: &mut Chosen<'_>) {
        let href = part
            .attribute("href", self.entities)
            .or_else(|| part.value().map(|text| text.to_owned().into()));
        let Some(href) = href else { return };
        let url = self.bases.absolute(part, &href);
        let rel = part
            .attribute("rel", self.entities)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let rel = rel
            .rsplit_once("iana.org/assignments/relation/")
            .map_or(rel.as_str(), |(_, rel)| rel);
        let mime = part.attribute("type", self.entities).map(Cow::into_owned);
        match rel {
            "" | "alternate" => {
                // An HTML alternate beats others, the first of its sort wins.
                let is_page = mime.as_deref().is_none_or(|mime| mime.contains("html"));
                if chosen.link.is_none()
                    || (is_page && chosen.aside.links.iter().any(|link| link.rel == "\0weak"))
                {
                    chosen.aside.links.retain(|link| link.rel != "\0weak");
                    chosen.link = Some(url.clone());
                    if !is_page {
                        chosen.aside.links.push(TextLink {
                            rel: "\0weak".to_owned(),
                            url,
                            mime: None,
                        });
                    }
                }
            }
            "enclosure" => self.file(part, "length", chosen),
            "license" | "copyright" => push_link(chosen, "license", url, mime),
            // Comments as a feed are no page for readers; some publishers name them first.
            "replies" | "comments" if mime.as_deref().is_some_and(is_feed) => {
                push_link(chosen, "comment-feed", url, mime);
            }
            "replies" | "comments" => push_link(chosen, "comments", url, mime),
            "via" | "related" => push_link(chosen, rel, url, mime),
            _ => {}
        }
    }

    pub(super) fn text_link(&self, rel: &str, part: &Node<'_>, chosen: &mut Chosen<'_>) {
        let url = ["url", "href", "resource"]
            .iter()
            .find_map(|name| part.attribute(name, self.entities).map(Cow::into_owned))
            .or_else(|| part.value().map(str::to_owned));
        if let Some(url) = url {
            let mime = part.attribute("type", self.entities).map(Cow::into_owned);
            push_link(chosen, rel, self.bases.absolute(part, &url), mime);
        }
    }

    fn source(&self, part: &Node<'_>) -> Option<SourceRef> {
        let link = |wanted: &str| {
            part.all(Kind::AtomLink).find_map(|link| {
                let rel = link
                    .attribute("rel", self.entities)
                    .unwrap_or(Cow::Borrowed("alternate"));
                let href = link.attribute("href", self.entities)?;
                rel.eq_ignore_ascii_case(wanted)
                    .then(|| self.bases.absolute(link, &href))
            })
        };
        let text = |kind| part.part(kind).and_then(Node::value).map(str::to_owned);
        let source = SourceRef {
            id: text(Kind::Id),
            title: text(Kind::Title).or_else(|| part.value().map(str::to_owned)),
            link: link("alternate"),
            feed_url: part
                .attribute("url", self.entities)
                .map(|url| self.bases.absolute(part, &url))
                .or_else(|| link("self")),
        };
        (source != SourceRef::default()).then_some(source)
    }
}

/// Whether a media type is one of feeds.
fn is_feed(mime: &str) -> bool {
    let mime = mime.to_ascii_lowercase();
    ["atom+xml", "rss+xml", "rdf+xml", "feed+json"]
        .iter()
        .any(|known| mime.contains(known))
}

fn push_link(chosen: &mut Chosen<'_>, rel: &str, url: String, mime: Option<String>) {
    if chosen.aside.links.len() < 32 {
        chosen.aside.links.push(TextLink {
            rel: rel.to_owned(),
            url,
            mime,
        });
    }
}
