//! One element that means something, with what stands in it: what gathering gives and writing takes.

use std::borrow::Cow;
use std::rc::Rc;

use super::super::tokens::attributes;
use super::entities::Entities;
use super::kinds::Kind;
use super::names::Space;
use super::repairs::Repairs;

/// How the text of a node came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Characters: references resolved.
    Characters,
    /// HTML: markup stood in the element bare.
    Markup,
}

/// An element.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) kind: Kind,
    pub(super) space: Space,
    /// As written.
    pub(super) attributes: &'a str,
    pub(super) text: Cow<'a, str>,
    pub(super) form: Form,
    /// The base of relative addresses in it, when the document names one.
    pub(super) base: Option<Rc<str>>,
    /// `xml:lang` in force.
    pub(super) lang: Option<Rc<str>>,
    pub(super) parts: Vec<Node<'a>>,
}

impl<'a> Node<'a> {
    /// The text without white space around it; `None` when nothing is left.
    pub(super) fn value(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty())
    }

    /// An attribute by its local name in any case, references resolved; `None` when absent or blank.
    pub(super) fn attribute(&self, name: &str, entities: &Entities) -> Option<Cow<'a, str>> {
        attribute(self.attributes, name, entities)
    }

    /// The first part of a kind that has text.
    pub(super) fn part(&self, kind: Kind) -> Option<&Node<'a>> {
        self.parts
            .iter()
            .find(|part| part.kind == kind && part.value().is_some())
    }

    /// All parts of a kind.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Node<'a>> {
        self.parts.iter().filter(move |part| part.kind == kind)
    }
}

/// An attribute of a start tag by its local name.
pub(super) fn attribute<'a>(raw: &'a str, name: &str, entities: &Entities) -> Option<Cow<'a, str>> {
    if raw.is_empty() {
        return None;
    }
    let (_, value) = attributes(raw).find(|(found, _)| {
        let local = found.rsplit_once(':').map_or(*found, |(_, local)| local);
        local.eq_ignore_ascii_case(name)
            && (found.len() == local.len() || !found.starts_with("xmlns"))
    })?;
    // Attributes are short and many of them are addresses: repairs in them are not worth telling.
    let value = entities.decode(value, &mut Repairs::default());
    let value = match value {
        Cow::Borrowed(value) => Cow::Borrowed(value.trim()),
        Cow::Owned(value) => Cow::Owned(value.trim().to_owned()),
    };
    Some(value).filter(|value| !value.is_empty())
}
