//! Whether a text is meant as HTML or as plain text, as readers of feeds expect it told; double escaping undone on proof.
//! Takes texts whose type the document does not say.

use std::borrow::Cow;

use super::super::normalise::Repairs;
use super::{decoded, of_html};

/// Whether text is meant as HTML: it holds a tag that HTML has, or a reference.
pub(in crate::parse) fn looks_like_html(text: &str) -> bool {
    let bytes = text.as_bytes();
    if memchr::memchr2(b'<', b'&', bytes).is_none() {
        return false;
    }
    has_known_tag(text) || has_reference(text)
}

fn has_reference(text: &str) -> bool {
    matches!(decoded(text), Cow::Owned(decoded) if decoded != text)
}

fn has_known_tag(text: &str) -> bool {
    memchr::memchr_iter(b'<', text.as_bytes()).any(|at| {
        let rest = &text[at + 1..];
        let name = rest.strip_prefix('/').unwrap_or(rest);
        let end = name
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(name.len());
        let closes = matches!(
            name.as_bytes().get(end),
            Some(b'>' | b' ' | b'/' | b'\n' | b'\t' | b'\r')
        );
        closes && is_html_name(&name[..end])
    })
}

fn is_html_name(name: &str) -> bool {
    let mut lower = [0_u8; 12];
    let Some(slot) = lower.get_mut(..name.len()).filter(|slot| !slot.is_empty()) else {
        return false;
    };
    slot.copy_from_slice(name.as_bytes());
    slot.make_ascii_lowercase();
    HTML_NAMES
        .binary_search_by(|known| known.as_bytes().cmp(slot))
        .is_ok()
}

/// The elements of HTML, old ones too; sorted.
const HTML_NAMES: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "applet",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "bdi",
    "bdo",
    "big",
    "blink",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "legend",
    "li",
    "link",
    "main",
    "map",
    "mark",
    "marquee",
    "math",
    "menu",
    "meta",
    "nav",
    "noscript",
    "object",
    "ol",
    "option",
    "p",
    "param",
    "picture",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "script",
    "section",
    "select",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

/// HTML escaped once too often, with proof: no tag as it is, and whole elements one level down.
pub(in crate::parse) fn once_escaped<'t>(source: &'t str, repairs: &mut Repairs) -> Cow<'t, str> {
    let is_suspect = !source.contains('<')
        && (source.contains("&lt;/")
            || source.contains("&lt;br")
            || source.contains("&lt;img")
            || source.contains("&lt;p&gt;"));
    if !is_suspect {
        return Cow::Borrowed(source);
    }
    let decoded = decoded(source);
    if !has_known_tag(&decoded) {
        return Cow::Borrowed(source);
    }
    repairs.note("double-escaping");
    Cow::Owned(decoded.into_owned())
}

/// The text of a title, before it is cut to one line.
pub(in crate::parse) fn inline(source: &str, is_html: Option<bool>) -> String {
    match is_html {
        Some(false) => source.to_owned(),
        Some(true) => of_html(source),
        None if has_known_element(source) => of_html(source),
        None => decoded(source).into_owned(),
    }
}

/// Whether a title holds an element, not just a word in angle brackets: `<b>…</b>`, `<br>`, but not `use <div>`.
fn has_known_element(source: &str) -> bool {
    has_known_tag(source)
        && (source.contains("</")
            || source.contains("/>")
            || source.contains("<br")
            || source.contains("<img"))
}
