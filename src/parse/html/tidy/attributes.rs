//! Attributes as the sanitiser leaves them: those of the allow list, addresses absolute, `rel` added, and the places that
//! it changes when it takes one out. Takes them as written.

use std::borrow::Cow;

use url::{ParseError, Url};

use super::super::elements::{Element, GENERIC};
use super::super::{MAX_URL, REL, is_plain, kept};
use super::references::{decoded_value, write_value};
use super::tags::Attribute;

/// Writes the attributes that stay of those that stand in a start tag.
pub(super) fn write_attributes(
    element: &Element,
    found: &[Attribute<'_>],
    base: Option<&Url>,
    out: &mut String,
) -> Option<()> {
    let mut list: Vec<(&'static str, Option<Cow<'_, str>>)> = Vec::new();
    let mut refused = 0_u32;
    for attribute in found {
        let Some((place, name)) = allowed(element, attribute.name) else {
            continue;
        };
        // The first of a name counts.
        let mark = 1 << place;
        if refused & mark != 0 || list.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let value = decoded_value(attribute.raw)?;
        if is_address(name) && !may_pass(&value) {
            refused |= mark;
            continue;
        }
        list.push((name, filtered(element.name, name, value, base)));
    }
    if element.name == "a" {
        list.push(("rel", Some(Cow::Borrowed(REL))));
    }
    // The sanitiser fills the place of an attribute that its filter refuses with the last one.
    for at in (0..list.len()).rev() {
        if list[at].1.is_none() {
            list.swap_remove(at);
        }
    }
    // Read again, its own comes last.
    if let Some(at) = list.iter().position(|(name, _)| *name == "rel") {
        let rel = list.remove(at);
        list.push(rel);
    }
    for (name, value) in &list {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        write_value(value.as_deref().unwrap_or_default(), out);
        out.push('"');
    }
    Some(())
}

/// An attribute of the allow list, and its place there.
fn allowed(element: &Element, written: &str) -> Option<(usize, &'static str)> {
    let names = element.attributes.iter().chain(&GENERIC);
    names
        .enumerate()
        .find(|(_, name)| name.eq_ignore_ascii_case(written))
        .map(|(place, name)| (place, *name))
}

/// Whose scheme the sanitiser looks at before it asks its filter.
fn is_address(name: &str) -> bool {
    matches!(name, "href" | "src" | "poster")
}

fn may_pass(value: &str) -> bool {
    if is_plain(value) {
        return true;
    }
    match Url::parse(value) {
        Ok(url) => matches!(url.scheme(), "http" | "https" | "mailto"),
        Err(error) => error == ParseError::RelativeUrlWithoutBase,
    }
}

fn filtered<'v>(
    tag: &str,
    name: &str,
    value: Cow<'v, str>,
    base: Option<&Url>,
) -> Option<Cow<'v, str>> {
    match value {
        Cow::Borrowed(value) => kept(tag, name, value, base),
        Cow::Owned(value) if is_plain(&value) && value.len() <= MAX_URL && is_address(name) => {
            Some(Cow::Owned(value))
        }
        Cow::Owned(value) => {
            kept(tag, name, &value, base).map(|value| Cow::Owned(value.into_owned()))
        }
    }
}
