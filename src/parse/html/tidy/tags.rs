//! Tags, comments and what is dropped unread, as HTML's tokeniser tells where they end. Refuses what it would mend.

use memchr::{memchr, memmem};

/// The guard's limit is far above what is simple.
const MAX_ATTRIBUTES: usize = 32;

/// An attribute as written: its value without the quotes, references not resolved.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'s> {
    pub(super) name: &'s str,
    pub(super) raw: &'s str,
}

/// The name of the start tag that `rest` begins with, and what follows the tag; its attributes go to `attributes`.
pub(super) fn start<'s>(
    rest: &'s str,
    attributes: &mut Vec<Attribute<'s>>,
) -> Option<(&'s str, &'s str)> {
    attributes.clear();
    let (name, mut rest) = name(&rest[1..])?;
    loop {
        // A slash that does not end the tag is as good as a space.
        let at = rest
            .bytes()
            .position(|byte| !is_space(byte) && byte != b'/')?;
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('>') {
            return Some((name, after));
        }
        if attributes.len() >= MAX_ATTRIBUTES {
            return None;
        }
        let (attribute, after) = attribute(rest)?;
        attributes.push(attribute);
        rest = after;
    }
}

/// The name of the end tag that `rest` begins with, and what follows the tag.
pub(super) fn end(rest: &str) -> Option<(&str, &str)> {
    let (name, rest) = name(&rest[2..])?;
    let at = rest.bytes().position(|byte| !is_space(byte))?;
    Some((name, rest[at..].strip_prefix('>')?))
}

/// What follows the comment, declaration or instruction that `rest` begins with; the sanitiser drops them all.
pub(super) fn behind_aside(rest: &str) -> Option<&str> {
    let Some(comment) = rest.strip_prefix("<!--") else {
        let is_bogus = rest.starts_with("<?")
            || !matches!(rest.as_bytes().get(2), Some(b'd' | b'D' | b'-'))
                && !rest.starts_with("<![CDATA[");
        let end = memchr(b'>', rest.as_bytes()).filter(|_| is_bogus)?;
        return Some(&rest[end + 1..]);
    };
    let end = memmem::find(comment.as_bytes(), b"-->")?;
    let inside = &comment[..end];
    // Other ends of a comment, which nobody means.
    let is_odd = inside.starts_with('>') || inside.starts_with("->") || inside.contains("--!>");
    (!is_odd).then(|| &comment[end + 3..])
}

/// What follows the end tag of an element whose content is not looked into.
pub(super) fn behind_raw<'s>(rest: &'s str, name: &str) -> Option<&'s str> {
    let bytes = rest.as_bytes();
    for at in memmem::find_iter(bytes, b"</") {
        let behind = at + 2 + name.len();
        let is_end = bytes
            .get(at + 2..behind)
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        let ends_there = |byte: &u8| is_space(*byte) || matches!(byte, b'/' | b'>');
        if is_end && bytes.get(behind).is_some_and(ends_there) {
            // A comment in a script can hide the end of the script.
            let is_simple = memmem::find(&bytes[..at], b"<!--").is_none();
            return end(&rest[at..])
                .filter(|_| is_simple)
                .map(|(_, after)| after);
        }
    }
    None
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | 0x0c)
}

/// A name as HTML and XML spell them, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_name =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'_' | b'.');
    let length = text.bytes().position(|byte| !is_name(byte))?;
    let ends = is_space(text.as_bytes()[length]) || matches!(text.as_bytes()[length], b'>' | b'/');
    (ends && text.as_bytes()[0].is_ascii_alphabetic()).then(|| text.split_at(length))
}

fn attribute(text: &str) -> Option<(Attribute<'_>, &str)> {
    let is_name =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'_' | b'.' | b'@');
    let length = text
        .bytes()
        .position(|byte| !is_name(byte))
        .filter(|&length| length > 0)?;
    let (name, rest) = text.split_at(length);
    let blank = |text: &str| text.bytes().position(|byte| !is_space(byte));
    let at = blank(rest)?;
    let Some(rest) = rest[at..].strip_prefix('=') else {
        let ends = at > 0 || matches!(rest.as_bytes()[0], b'/' | b'>');
        return ends.then_some((Attribute { name, raw: "" }, rest));
    };
    let rest = &rest[blank(rest)?..];
    let (raw, after) = match rest.as_bytes()[0] {
        quote @ (b'"' | b'\'') => {
            let inside = &rest[1..];
            let end = memchr(quote, inside.as_bytes())?;
            (&inside[..end], &inside[end + 1..])
        }
        b'>' => return None,
        _ => rest.split_at(
            rest.bytes()
                .position(|byte| is_space(byte) || byte == b'>')?,
        ),
    };
    Some((Attribute { name, raw }, after))
}
