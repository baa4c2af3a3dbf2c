//! What holds inside an element: its base, its language, and what names mean.

use std::borrow::Cow;
use std::rc::Rc;

use url::Url;

use super::super::super::tokens::{Tag, attributes};
use super::super::kinds::meaning;
use super::super::names::{self, Space, Spelling};
use super::super::roots::Dialect;
use super::Gather;

/// What holds inside an element.
pub(super) struct Scope {
    pub(super) base: Option<Rc<str>>,
    pub(super) lang: Option<Rc<str>>,
    pub(super) inherited: Option<Space>,
    pub(super) space: Option<Space>,
    pub(super) bound: usize,
}

impl<'a> Gather<'a, '_> {
    /// What an element's attributes say on names, addresses and language in it.
    pub(super) fn scope_of(&mut self, tag: Tag<'a>) -> Scope {
        let outer = self.stack.last();
        let is_root = outer.is_none();
        let mut scope = Scope {
            base: outer.and_then(|frame| frame.base.clone()),
            lang: outer.and_then(|frame| frame.lang.clone()),
            inherited: outer.and_then(|frame| frame.space),
            space: None,
            bound: self.prefixes.len(),
        };
        if !says_xml(tag.attributes) {
            scope.space = scope.inherited;
            return scope;
        }
        for (name, value) in attributes(tag.attributes) {
            match name {
                "xml:base" => {
                    scope.base = joined(
                        scope.base.as_deref(),
                        &self.entities.decode(value, self.repairs),
                    )
                }
                "xml:lang" => {
                    scope.lang = Some(value.trim().into()).filter(|lang: &Rc<str>| !lang.is_empty())
                }
                "xmlns" => {
                    scope.space = names::space_of_uri(value)
                        .map(|(space, _)| space)
                        .or(Some(Space::Unknown))
                }
                _ => {
                    if let Some(prefix) = name.strip_prefix("xmlns:") {
                        self.bind(prefix, value);
                    }
                }
            }
        }
        scope.inherited = match scope.space {
            // A default namespace on the feed or an entry names the dialect, whatever it says.
            Some(_) if is_root || self.is_structure(tag.name) => None,
            Some(space) => Some(space),
            None => scope.inherited,
        };
        scope.space = scope.inherited;
        scope
    }

    fn is_structure(&self, name: &str) -> bool {
        let (_, local) = names::split(name);
        matches!(
            &*local,
            "channel" | "item" | "entry" | "feed" | "rss" | "rdf"
        )
    }

    fn bind(&mut self, prefix: &'a str, uri: &str) {
        let space = match (names::space_of_uri(uri), names::space_of_prefix(prefix)) {
            (Some((space, Spelling::Known)), _) => space,
            (Some((space, Spelling::Variant)), _) | (None, Some(space)) => {
                self.repairs.note("namespace-variant");
                space
            }
            (None, None) => Space::Unknown,
        };
        if self.prefixes.len() < 256 {
            self.prefixes.push((prefix, space));
        }
    }

    /// The space and the local part of an element's name.
    pub(super) fn resolve(
        &mut self,
        name: &'a str,
        unprefixed: Option<Space>,
    ) -> (Space, Cow<'a, str>) {
        let (prefix, local) = names::split(name);
        if prefix.is_empty() {
            return (unprefixed.unwrap_or(self.dialect.space()), local);
        }
        let space = match space_of(&self.prefixes, prefix) {
            Some(space) => space,
            None => match names::space_of_prefix(prefix) {
                Some(space) => {
                    self.repairs.note("undeclared-prefix");
                    space
                }
                None => Space::Unknown,
            },
        };
        // RSS elements under a prefix are RSS elements; Atom's stay Atom's.
        (space, local)
    }
}

fn space_of(prefixes: &[(&str, Space)], prefix: &str) -> Option<Space> {
    prefixes
        .iter()
        .rev()
        .find(|(bound, _)| *bound == prefix)
        .map(|&(_, space)| space)
}

/// Whether a start tag inside a text element shows that the text element was never closed: no HTML element has that name.
pub(super) fn is_sibling(prefixes: &[(&str, Space)], dialect: Dialect, name: &str) -> bool {
    let (prefix, local) = names::split(name);
    if prefix.is_empty() {
        return match &*local {
            "item" | "entry" | "guid" | "pubdate" | "lastbuilddate" | "enclosure"
            | "description" | "updated" | "published" | "managingeditor" => true,
            "content" | "author" | "category" | "comments" | "id" | "issued" | "modified" => {
                dialect != Dialect::Cdf
            }
            _ => false,
        };
    }
    let space = space_of(prefixes, prefix).or_else(|| names::space_of_prefix(prefix));
    space.is_some_and(|space| space != Space::Xhtml && meaning(space, &local).is_some())
}

fn joined(outer: Option<&str>, own: &str) -> Option<Rc<str>> {
    let own = own.trim();
    if let Ok(url) = Url::parse(own) {
        // A base that is no web address would turn every relative address into something else.
        return matches!(url.scheme(), "http" | "https")
            .then(|| url.as_str().into())
            .or_else(|| outer.map(Into::into));
    }
    match outer
        .and_then(|outer| Url::parse(outer).ok())
        .and_then(|outer| outer.join(own).ok())
    {
        Some(url) => Some(url.as_str().into()),
        // Relative to the document's own address, which is not known here.
        None if outer.is_none() && !own.is_empty() => Some(own.into()),
        None => outer.map(Into::into),
    }
}

/// Whether attributes may say anything on names, bases or languages.
fn says_xml(attributes: &str) -> bool {
    let bytes = attributes.as_bytes();
    memchr::memchr_iter(b'x', bytes).any(|at| bytes[at..].starts_with(b"xml"))
}
