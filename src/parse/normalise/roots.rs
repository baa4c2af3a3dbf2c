//! Where the feed begins: junk before it passed over, its dialect told by its root in any version, case or namespace.
//! Refuses web pages, naming the feeds that they point to, and documents without any root of a feed.

use super::super::ParseError;
use super::super::tokens::{Tag, Token, Tokens, attributes, find_end_tag};
use super::entities::Entities;
use super::names::{self, Space};
use super::repairs::Repairs;
use crate::model::FeedFormat;

/// How a document is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `rss`, or a bare channel or items of it.
    Rss,
    /// RDF around RSS 0.90, 1.0 or 1.1.
    Rdf,
    /// `feed`, any version.
    Atom,
    /// Microsoft's channel.
    Cdf,
    /// One Atom entry as a document.
    LoneEntry,
}

impl Dialect {
    /// What names without prefix belong to.
    pub(super) fn space(self) -> Space {
        match self {
            Self::Atom | Self::LoneEntry => Space::Atom,
            Self::Rss | Self::Rdf | Self::Cdf => Space::Core,
        }
    }

    /// As told to the outside.
    pub(super) fn format(self) -> FeedFormat {
        match self {
            Self::Rss => FeedFormat::Rss,
            Self::Rdf => FeedFormat::Rdf,
            Self::Atom | Self::LoneEntry => FeedFormat::Atom,
            Self::Cdf => FeedFormat::Cdf,
        }
    }
}

/// A root, with the tokens behind its start tag.
pub(super) struct Root<'a> {
    pub(super) tag: Tag<'a>,
    pub(super) dialect: Dialect,
    pub(super) tokens: Tokens<'a>,
}

/// Finds the root of a feed.
pub(super) fn find<'a>(
    text: &'a str,
    entities: &mut Entities,
    repairs: &mut Repairs,
) -> Result<Root<'a>, ParseError> {
    let mut tokens = Tokens::new(text);
    let mut page = Page::default();
    let mut first: Option<&str> = None;
    let mut has_junk = false;
    loop {
        match tokens.next("") {
            Some(Token::Start(tag)) => {
                let found = dialect_of(tag, first.is_none())
                    .filter(|&dialect| page.admits(tag, dialect, first.is_some()));
                if let Some(dialect) = found {
                    if has_junk || first.is_some() {
                        repairs.note("junk-before-root");
                    }
                    note_root(tag, dialect, repairs);
                    return Ok(Root {
                        tag,
                        dialect,
                        tokens,
                    });
                }
                page.look_at(tag, entities);
                page.pass_over(tag, text, &mut tokens);
                first.get_or_insert(tag.name);
            }
            Some(Token::Doctype(doctype)) => {
                page.is_page |= doctype.to_ascii_lowercase().contains("doctype html");
                entities.declare(doctype, repairs);
            }
            Some(Token::Text(text) | Token::Bare(text)) => {
                has_junk |= !text.trim_ascii().is_empty()
            }
            Some(_) => {}
            None => break,
        }
    }
    Err(match first {
        _ if page.is_page => ParseError::WebPage { feeds: page.feeds },
        Some(name) => ParseError::NotAFeed(format!("its root element is {:?}", shortened(name))),
        None => ParseError::NotAFeed("it has no markup".to_owned()),
    })
}

fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}

fn dialect_of(tag: Tag<'_>, is_first: bool) -> Option<Dialect> {
    let (_, local) = names::split(tag.name);
    match &*local {
        "rss" => Some(Dialect::Rss),
        "feed" => Some(Dialect::Atom),
        "rdf" => Some(Dialect::Rdf),
        "channel" if is_first => {
            let is_cdf = attributes(tag.attributes).any(|(name, _)| {
                ["href", "base", "lastmod", "self"]
                    .iter()
                    .any(|own| name.eq_ignore_ascii_case(own))
            });
            // RSS 1.1 is RDF with `Channel` as its root.
            let is_rdf = tag.attributes.contains("net/rss1.1");
            Some(match (is_cdf, is_rdf) {
                (_, true) => Dialect::Rdf,
                (true, _) => Dialect::Cdf,
                _ if tag.name == "CHANNEL" => Dialect::Cdf,
                _ => Dialect::Rss,
            })
        }
        "entry" if is_first => Some(Dialect::LoneEntry),
        "item" if is_first => Some(Dialect::Rss),
        _ => None,
    }
}

fn note_root(tag: Tag<'_>, dialect: Dialect, repairs: &mut Repairs) {
    let (prefix, local) = names::split(tag.name);
    match (dialect, &*local) {
        (Dialect::Rss, "rss") => {
            let version = attributes(tag.attributes)
                .find(|(name, _)| *name == "version")
                .map(|(_, value)| value.trim());
            match version {
                None => repairs.note("missing-version"),
                Some("2.0" | "0.91" | "0.92") => {}
                Some(_) => repairs.note("odd-version"),
            }
            if tag.name != "rss" {
                repairs.note("odd-root");
            }
        }
        (Dialect::Rss, _) => repairs.note("missing-root"),
        (Dialect::Atom, _) => {
            let uri = attributes(tag.attributes)
                .find(|(name, _)| match name.strip_prefix("xmlns") {
                    Some(rest) => rest.strip_prefix(':').unwrap_or(rest) == prefix,
                    None => false,
                })
                .map(|(_, value)| value.trim());
            match uri {
                Some("http://www.w3.org/2005/Atom") => {}
                Some(uri) if uri.contains("purl.org/atom") => repairs.note("old-atom"),
                Some(_) => repairs.note("namespace-variant"),
                None => repairs.note("missing-namespace"),
            }
        }
        _ => {}
    }
}

/// What a web page says of itself.
#[derive(Default)]
struct Page {
    is_page: bool,
    feeds: Vec<String>,
    /// A script that nobody closed: no further end tag needs to be looked for.
    has_open_script: bool,
}

impl Page {
    /// Whether an element can be the root of a feed where it stands. Pages show pieces of feeds, and their pictures
    /// describe themselves in RDF: such a one must say that it is a feed.
    fn admits(&self, tag: Tag<'_>, dialect: Dialect, is_inside: bool) -> bool {
        let names_feed = || {
            attributes(tag.attributes).any(|(name, value)| {
                name.starts_with("xmlns")
                    && !value.trim().is_empty()
                    && names::space_of_uri(value)
                        .is_some_and(|(space, _)| matches!(space, Space::Core | Space::Atom))
            })
        };
        let has_version = || attributes(tag.attributes).any(|(name, _)| name == "version");
        match dialect {
            Dialect::Rdf => !is_inside || names_feed(),
            _ => !self.is_page || has_version() || names_feed(),
        }
    }

    /// Walks past what is not markup in a page.
    fn pass_over<'a>(&mut self, tag: Tag<'_>, text: &'a str, tokens: &mut Tokens<'a>) {
        let is_script = ["script", "style", "textarea"]
            .iter()
            .any(|name| tag.name.eq_ignore_ascii_case(name));
        if !is_script || tag.is_empty || self.has_open_script {
            return;
        }
        match find_end_tag(&text[tokens.position()..], tag.name) {
            Some(end) => tokens.seek(tokens.position() + end),
            None => self.has_open_script = true,
        }
    }

    fn look_at(&mut self, tag: Tag<'_>, entities: &Entities) {
        if tag.name.eq_ignore_ascii_case("html") || tag.name.eq_ignore_ascii_case("head") {
            self.is_page = true;
        }
        if !tag.name.eq_ignore_ascii_case("link") || self.feeds.len() >= 16 {
            return;
        }
        let attribute = |name| super::node::attribute(tag.attributes, name, entities);
        let is_alternate = attribute("rel").is_some_and(|rel| {
            rel.split_ascii_whitespace()
                .any(|word| word.eq_ignore_ascii_case("alternate"))
        });
        let is_feed = attribute("type").is_some_and(|kind| {
            let kind = kind.to_ascii_lowercase();
            ["rss+xml", "atom+xml", "feed+json", "rdf+xml"]
                .iter()
                .any(|known| kind.contains(known))
        });
        if is_alternate
            && is_feed
            && let Some(href) = attribute("href")
        {
            self.feeds.push(href.into_owned());
        }
    }
}
