//! Out of all that an entry says twice, badly or in another vocabulary's words: the one best field of each sort.

mod files;
mod links;

use std::borrow::Cow;

use base64::Engine as _;

use super::super::{date, language};
use super::aside::{EntryAside, Reading};
use super::base::Bases;
use super::entities::{Entities, without_controls};
use super::kinds::Kind;
use super::names::Space;
use super::node::{Form, Node};
use super::people;
use super::repairs::Repairs;
use super::roots::Dialect;
use crate::model::Author;

/// More people than this are not looked at.
const MAX_AUTHORS: usize = 32;
/// More categories than this are not kept.
const MAX_CATEGORIES: usize = 64;

/// The fields of an entry, chosen.
#[derive(Default)]
pub(super) struct Chosen<'n> {
    pub(super) title: Option<Cow<'n, str>>,
    pub(super) summary: Option<Cow<'n, str>>,
    pub(super) content: Option<Cow<'n, str>>,
    pub(super) id: Option<String>,
    pub(super) link: Option<String>,
    pub(super) published: Option<String>,
    pub(super) updated: Option<String>,
    /// Term, scheme, label.
    pub(super) categories: Vec<(String, Option<String>, Option<String>)>,
    /// Address, type, length, running time in seconds.
    pub(super) files: Vec<File>,
    pub(super) aside: EntryAside,
}

/// A file that goes with an entry.
pub(super) struct File {
    pub(super) url: String,
    pub(super) mime: Option<String>,
    pub(super) length: Option<String>,
    pub(super) duration: Option<String>,
}

/// What choosing needs to know beside the entry.
pub(super) struct Chooser<'c> {
    pub(super) entities: &'c Entities,
    pub(super) bases: &'c Bases,
    pub(super) dialect: Dialect,
}

impl Chooser<'_> {
    /// Chooses.
    pub(super) fn choose<'n>(&self, entry: &'n Node<'_>, repairs: &mut Repairs) -> Chosen<'n> {
        let mut chosen = Chosen::default();
        self.titles(entry, &mut chosen, repairs);
        self.texts(entry, &mut chosen, repairs);
        self.addresses(entry, &mut chosen, repairs);
        self.times(entry, &mut chosen);
        self.people(entry, &mut chosen);
        self.words(entry, &mut chosen);
        self.files(entry, &mut chosen);
        chosen.aside.base = self.bases.named(self.text_node(entry)).map(String::from);
        chosen
    }

    /// The element whose base counts for the entry's markup.
    fn text_node<'n, 'a>(&self, entry: &'n Node<'a>) -> &'n Node<'a> {
        [
            Kind::Encoded,
            Kind::Content,
            Kind::Description,
            Kind::Summary,
        ]
        .iter()
        .find_map(|&kind| entry.part(kind))
        .unwrap_or(entry)
    }

    fn titles<'n>(&self, entry: &'n Node<'_>, chosen: &mut Chosen<'n>, repairs: &mut Repairs) {
        let own = entry.part(Kind::Title);
        let found = own
            .or_else(|| entry.part(Kind::DcTitle))
            .or_else(|| media(entry, Kind::MediaTitle))
            .or_else(|| entry.part(Kind::ItunesTitle));
        let Some(node) = found else { return };
        if own.is_none() {
            repairs.note("stand-in-title");
        }
        let (text, reading) = self.text(node, repairs);
        (chosen.title, chosen.aside.title) = (text, reading);
    }

    fn texts<'n>(&self, entry: &'n Node<'_>, chosen: &mut Chosen<'n>, repairs: &mut Repairs) {
        let content = [Kind::Encoded, Kind::Content, Kind::Body]
            .iter()
            .find_map(|&kind| entry.part(kind));
        let own = [Kind::Description, Kind::Summary]
            .iter()
            .find_map(|&kind| entry.part(kind));
        let summary = own
            .or_else(|| entry.part(Kind::DcDescription))
            .or_else(|| entry.part(Kind::ItunesSummary))
            .or_else(|| media(entry, Kind::MediaDescription))
            .or_else(|| entry.part(Kind::ItunesSubtitle))
            .or_else(|| entry.part(Kind::Subtitle));
        if own.is_none() && summary.is_some() && content.is_none() {
            repairs.note("stand-in-text");
        }
        if let Some(node) = content {
            let (text, reading) = self.text(node, repairs);
            (chosen.content, chosen.aside.content) = (text, reading);
        }
        if let Some(node) = summary {
            let (text, reading) = self.text(node, repairs);
            (chosen.summary, chosen.aside.summary) = (text, reading);
        }
    }

    /// The text of an element, where there is any once it is decoded, and how its type says to read it.
    pub(super) fn text<'n>(
        &self,
        node: &'n Node<'_>,
        repairs: &mut Repairs,
    ) -> (Option<Cow<'n, str>>, Reading) {
        let (text, reading) = self.decoded(node, repairs);
        (Some(text).filter(|text| !text.trim().is_empty()), reading)
    }

    fn decoded<'n>(&self, node: &'n Node<'_>, repairs: &mut Repairs) -> (Cow<'n, str>, Reading) {
        let text = Cow::Borrowed(unwrapped(&node.text, repairs));
        if node.form == Form::Markup {
            return (text, Reading::Html);
        }
        if matches!(node.kind, Kind::Encoded | Kind::Body) {
            return (text, Reading::Html);
        }
        let mode = node.attribute("mode", self.entities);
        let kind = node
            .attribute("type", self.entities)
            .unwrap_or_default()
            .to_ascii_lowercase();
        if mode.is_some_and(|mode| mode.eq_ignore_ascii_case("base64"))
            || is_base64_type(&kind, node)
        {
            return match decoded_base64(&node.text, repairs) {
                Some(decoded) => (
                    Cow::Owned(decoded),
                    if kind == "text/plain" {
                        Reading::Plain
                    } else {
                        Reading::Html
                    },
                ),
                None if kind.starts_with("text") => (text, Reading::Guess),
                None => (Cow::Borrowed(""), Reading::Plain),
            };
        }
        let reading = match kind.as_str() {
            "html" | "text/html" | "xhtml" | "application/xhtml+xml" => Reading::Html,
            "text" | "text/plain" | "plain" => Reading::Plain,
            "" if self.dialect.space() == Space::Atom && node.space == Space::Atom => {
                Reading::Plain
            }
            "" => Reading::Guess,
            _ => {
                repairs.note("odd-type");
                Reading::Guess
            }
        };
        if matches!(kind.as_str(), "text/plain") && node.space == Space::Atom {
            repairs.note("odd-type");
        }
        // `type="text"` with tags in it is a wrong label: no reader wants to see tags.
        let reading = if reading == Reading::Plain && looks_escaped(&text) {
            Reading::Guess
        } else {
            reading
        };
        (text, reading)
    }

    fn times(&self, entry: &Node<'_>, chosen: &mut Chosen<'_>) {
        let aside = &mut chosen.aside;
        let mut read = |kinds: &[Kind]| {
            let nodes = kinds.iter().flat_map(|&kind| entry.all(kind));
            let texts: Vec<&str> = nodes.filter_map(Node::value).collect();
            let found = texts.iter().find_map(|text| date::parse(text));
            aside.date_order = aside
                .date_order
                .or_else(|| texts.iter().find_map(|text| date::order_of(text)));
            if found.is_none() && aside.pending_date.is_none() {
                let two =
                    |text: &&&str| date::parse_in(text, Some(date::Order::DayFirst)).is_some();
                aside.pending_date = texts.iter().find(two).map(|text| (*text).to_owned());
            }
            aside.has_unreadable_date |= found.is_none() && !texts.is_empty();
            found.map(|time| time.to_string())
        };
        chosen.published = read(&[Kind::Published, Kind::DcDate, Kind::DcIssued]);
        chosen.updated = read(&[Kind::Updated, Kind::DcModified]);
        if chosen.updated.is_none()
            && let Some(last) = entry.attribute("lastmod", self.entities)
        {
            chosen.updated = date::parse(&last).map(|time| time.to_string());
        }
        chosen.aside.has_updated = chosen.updated.is_some();
    }

    fn people(&self, entry: &Node<'_>, chosen: &mut Chosen<'_>) {
        chosen.aside.authors = self.authors(entry);
        // Where one of them says nothing that can be understood, the other may.
        let said = entry.part(Kind::Language).and_then(Node::value);
        let texts = self.text_node(entry).lang.as_deref();
        chosen.aside.language = said
            .and_then(language::declared)
            .or_else(|| texts.and_then(language::declared));
        chosen.aside.rights = entry
            .part(Kind::Rights)
            .and_then(Node::value)
            .map(str::to_owned);
    }

    /// The authors of a feed or an entry: its own words first, then the stand-ins.
    pub(super) fn authors(&self, holder: &Node<'_>) -> Vec<Author> {
        let of = |kinds: &[Kind]| -> Vec<Author> {
            let parts = holder
                .parts
                .iter()
                .filter(|part| kinds.contains(&part.kind));
            let mut authors: Vec<Author> = Vec::new();
            for author in parts.filter_map(|part| self.author(part)).take(MAX_AUTHORS) {
                people::add(&mut authors, author);
            }
            authors
        };
        let own = of(&[Kind::Author, Kind::Creator]);
        if !own.is_empty() {
            return own;
        }
        let podcast = of(&[Kind::ItunesAuthor]);
        if !podcast.is_empty() {
            return podcast;
        }
        of(&[Kind::Owner])
    }

    fn author(&self, part: &Node<'_>) -> Option<Author> {
        let text = |kind| part.part(kind).and_then(Node::value);
        let mut author = match text(Kind::Name) {
            Some(name) => people::author(name)?,
            None => part.value().and_then(people::author).unwrap_or_default(),
        };
        if let Some(email) = text(Kind::Email) {
            author.email = Some(email.trim_start_matches("mailto:").to_owned());
        }
        author.uri = text(Kind::Uri).map(|uri| self.bases.absolute(part, uri));
        (author != Author::default()).then_some(author)
    }

    fn words(&self, entry: &Node<'_>, chosen: &mut Chosen<'_>) {
        chosen.categories = self.categories(entry);
    }

    pub(super) fn categories(
        &self,
        entry: &Node<'_>,
    ) -> Vec<(String, Option<String>, Option<String>)> {
        let mut categories = Vec::new();
        for part in &entry.parts {
            match part.kind {
                Kind::Category | Kind::Subject | Kind::ItunesCategory => {
                    let attribute = |name| part.attribute(name, self.entities).map(Cow::into_owned);
                    let term = attribute("term")
                        .or_else(|| attribute("text"))
                        .or_else(|| part.value().map(str::to_owned));
                    let scheme = attribute("scheme").or_else(|| attribute("domain"));
                    categories.extend(term.map(|term| (term, scheme, attribute("label"))));
                }
                Kind::Keywords => {
                    let words = part
                        .value()
                        .unwrap_or_default()
                        .split([',', ';'])
                        .map(str::trim);
                    categories.extend(
                        words
                            .filter(|word| !word.is_empty())
                            .map(|word| (word.to_owned(), None, None)),
                    );
                }
                _ => {}
            }
            // One list of words may be longer than all that is kept.
            categories.truncate(MAX_CATEGORIES);
            if categories.len() == MAX_CATEGORIES {
                break;
            }
        }
        categories
    }
}

/// Text without a CDATA section that was put into another: HTML would take it for a comment.
fn unwrapped<'t>(text: &'t str, repairs: &mut Repairs) -> &'t str {
    let mut inner = text;
    while let Some(rest) = inner.trim_ascii().strip_prefix("<![CDATA[") {
        inner = rest.strip_suffix("]]>").unwrap_or(rest);
    }
    if inner.len() < text.len() {
        repairs.note("double-cdata");
    }
    inner
}

/// A Media RSS element of an entry, in its groups and contents too.
fn media<'n, 'a>(entry: &'n Node<'a>, kind: Kind) -> Option<&'n Node<'a>> {
    let has = |part: &&Node<'a>| {
        part.kind == kind && (part.value().is_some() || kind == Kind::MediaPlayer)
    };
    let holders = entry
        .parts
        .iter()
        .filter(|part| matches!(part.kind, Kind::MediaGroup | Kind::MediaContent));
    let inner = holders.flat_map(|holder| {
        let nested = holder.parts.iter().flat_map(|part| part.parts.iter());
        holder.parts.iter().chain(nested)
    });
    entry.parts.iter().chain(inner).find(has)
}

/// Text whose type says something else than text or markup is base64 by Atom's rules.
fn is_base64_type(kind: &str, node: &Node<'_>) -> bool {
    node.space == Space::Atom
        && kind.contains('/')
        && !kind.starts_with("text/")
        && !kind.ends_with("xml")
        && !kind.contains("html")
        && !node.text.contains('<')
}

/// The text, without what no document may hold and only an encoded one can bring.
fn decoded_base64(text: &str, repairs: &mut Repairs) -> Option<String> {
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(compact)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(without_controls(&text, repairs).into_owned())
}

/// Whether text that claims to be plain holds a whole element.
fn looks_escaped(text: &str) -> bool {
    text.contains("</p>")
        || text.contains("</a>")
        || text.contains("<br")
        || text.contains("</div>")
}
