//! Attributes as the sanitiser leaves them: those of the allow list, in their order, addresses absolute, `rel` added.
//! Takes quoted values only; refuses what the sanitiser would take out, since it puts the others in another order then.

use memchr::memchr;
use url::Url;

use super::super::pictures::is_hidden;
use super::super::{MAX_URL, absolute, candidates, is_plain};
use super::references::decoded;
use super::write_value;

/// The guard's limit is far above what is simple.
const MAX_ATTRIBUTES: usize = 32;

/// What becomes of an attribute.
enum Fate {
    Kept,
    Address,
    Candidates,
    Dropped,
    /// Dropped, unless it hides a picture: the sanitiser's walk takes that one out.
    Style,
    /// For the sanitiser to decide.
    Unsure,
}

fn fate(tag: &str, name: &str) -> Fate {
    match (tag, name) {
        ("img", "style") => Fate::Style,
        (_, "title" | "lang" | "dir") => Fate::Kept,
        ("a", "href") | ("img", "src") => Fate::Address,
        ("img", "srcset") => Fate::Candidates,
        ("img", "alt" | "width" | "height" | "sizes") => Fate::Kept,
        (
            _,
            "cite" | "datetime" | "start" | "reversed" | "longdesc" | "hreflang" | "align" | "span",
        ) => Fate::Unsure,
        _ => Fate::Dropped,
    }
}

/// Writes the attributes of a start tag; `raw` is what stands between its name and its end.
pub(super) fn write_attributes(
    tag: &str,
    raw: &str,
    base: Option<&Url>,
    out: &mut String,
) -> Option<()> {
    let mut rest = raw;
    let mut seen: Vec<&str> = Vec::new();
    loop {
        let next = rest.trim_ascii_start();
        if next.is_empty() {
            break;
        }
        // Attributes stand apart.
        if next.len() == rest.len() || seen.len() >= MAX_ATTRIBUTES {
            return None;
        }
        let (name, value, after) = attribute(next)?;
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        write_attribute(tag, name, value, base, out)?;
        rest = after;
    }
    if tag == "a" {
        out.push_str(" rel=\"noopener noreferrer nofollow\"");
    }
    Some(())
}

/// Name, raw value and what follows.
fn attribute(text: &str) -> Option<(&str, &str, &str)> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let length = text
        .bytes()
        .position(|byte| !is_name(byte))
        .filter(|&length| length > 0)?;
    let (name, rest) = text.split_at(length);
    let rest = rest.strip_prefix('=')?;
    let quote = *rest
        .as_bytes()
        .first()
        .filter(|byte| matches!(byte, b'"' | b'\''))?;
    let inside = &rest[1..];
    let end = memchr(quote, inside.as_bytes())?;
    Some((name, &inside[..end], &inside[end + 1..]))
}

fn write_attribute(
    tag: &str,
    name: &str,
    raw: &str,
    base: Option<&Url>,
    out: &mut String,
) -> Option<()> {
    let made;
    let value = match fate(tag, name) {
        Fate::Dropped => return Some(()),
        Fate::Unsure => return None,
        Fate::Style => {
            let is_shown = !is_hidden(&decoded(raw)?);
            return is_shown.then_some(());
        }
        Fate::Kept => {
            made = decoded(raw)?;
            &*made
        }
        Fate::Address => {
            made = decoded(raw)?;
            if is_plain(&made) && made.len() <= MAX_URL {
                &*made
            } else {
                &address(&made, base)?
            }
        }
        Fate::Candidates => {
            made = decoded(raw)?;
            if !made.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return None;
            }
            &candidates(&made, base)?
        }
    };
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    write_value(value, out);
    out.push('"');
    Some(())
}

/// An address of the web, made absolute.
fn address(value: &str, base: Option<&Url>) -> Option<String> {
    let is_simple = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
    absolute(value, base).filter(|url| is_simple && url.starts_with("http"))
}
