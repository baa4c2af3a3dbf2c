//! Text and values between reading and writing: references resolved as HTML does, escaped as its serialiser does.
//! Takes the references that feeds are full of; refuses others, and characters that the parser changes.

use std::borrow::Cow;

use memchr::memchr;

/// Longest reference that is tried, without its mark.
const MAX_REFERENCE: usize = 8;

/// Writes text of the source.
pub(super) fn write_text(source: &str, out: &mut String) -> Option<()> {
    // Mostly nothing in it is special: look once, copy once.
    let special = |byte: u8| matches!(byte, b'&' | b'>' | 0xc2 | b'\r' | 0);
    let mut rest = source;
    while let Some(at) = rest.bytes().position(special) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match rest.as_bytes()[0] {
            b'>' => {
                out.push_str("&gt;");
                1
            }
            b'&' => {
                let (character, length) = reference(rest)?;
                push_escaped(character, out);
                length
            }
            0xc2 => {
                let character = rest.chars().next()?;
                push_escaped(character, out);
                character.len_utf8()
            }
            _ => return None,
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
    Some(())
}

/// Writes a value that has been decoded.
pub(super) fn write_value(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '"' => out.push_str("&quot;"),
            _ => push_escaped(character, out),
        }
    }
}

fn push_escaped(character: char, out: &mut String) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\u{a0}' => out.push_str("&nbsp;"),
        _ => out.push(character),
    }
}

/// A value of the source with its references resolved.
pub(super) fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    if raw.bytes().any(|byte| matches!(byte, b'\r' | 0)) {
        return None;
    }
    if memchr(b'&', raw.as_bytes()).is_none() {
        return Some(Cow::Borrowed(raw));
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (character, length) = reference(&rest[at..])?;
        out.push(character);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// The character of the reference that `text` begins with, and its length.
fn reference(text: &str) -> Option<(char, usize)> {
    if text.as_bytes().get(1) == Some(&b' ') {
        return Some(('&', 1));
    }
    let bytes = text.as_bytes();
    let window = &bytes[1..bytes.len().min(MAX_REFERENCE + 2)];
    let length = memchr(b';', window)?;
    let name = text.get(1..=length)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "nbsp" => '\u{a0}',
        "rsquo" => '\u{2019}',
        "lsquo" => '\u{2018}',
        "rdquo" => '\u{201d}',
        "ldquo" => '\u{201c}',
        "ndash" => '\u{2013}',
        "mdash" => '\u{2014}',
        "hellip" => '\u{2026}',
        _ => numbered(name)?,
    };
    Some((character, length + 2))
}

/// The character of `#8217` or `#x2019`, but none that HTML reads as another.
fn numbered(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let (digits, radix) = match digits.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, radix).ok()?;
    let is_sound = matches!(number, 0x20..=0x7e | 0xa0..=0xfdcf | 0xfdf0..=0xfffd);
    char::from_u32(number).filter(|_| is_sound)
}
