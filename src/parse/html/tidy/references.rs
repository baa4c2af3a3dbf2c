//! Text and values between reading and writing: references resolved as HTML does, escaped as its serialiser does.
//! Refuses characters that the parser changes.

use std::borrow::Cow;

use memchr::{memchr, memchr3};
use web_atoms::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// HTML's longest name has 32 letters.
const MAX_NAME: usize = 33;
/// The longest name that needs no semicolon.
const MAX_BARE_NAME: usize = 6;

/// Where a reference stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Value,
}

/// What a reference means: one or two characters, and how long it was.
struct Meaning {
    first: char,
    second: Option<char>,
    length: usize,
}

/// Writes text of the source.
pub(super) fn write_text(source: &str, out: &mut String) -> Option<()> {
    // Mostly nothing in it is special: look once, copy once.
    let mut rest = source;
    while let Some(at) = memchr3(b'&', b'>', 0xc2, rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match rest.as_bytes()[0] {
            b'>' => {
                out.push_str("&gt;");
                1
            }
            b'&' => {
                let meaning = reference(rest, Place::Text)?;
                push_escaped(meaning.first, out);
                if let Some(second) = meaning.second {
                    push_escaped(second, out);
                }
                meaning.length
            }
            _ => {
                let character = rest.chars().next()?;
                push_escaped(character, out);
                character.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
    Some(())
}

/// Writes a value that has been decoded.
pub(super) fn write_value(value: &str, out: &mut String) {
    let is_special = |byte: u8| matches!(byte, b'"' | b'&' | b'<' | b'>' | 0xc2);
    let mut rest = value;
    while let Some(at) = rest.bytes().position(is_special) {
        out.push_str(&rest[..at]);
        let character = rest[at..].chars().next().unwrap_or_default();
        match character {
            '"' => out.push_str("&quot;"),
            _ => push_escaped(character, out),
        }
        rest = &rest[at + character.len_utf8()..];
    }
    out.push_str(rest);
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
pub(super) fn decoded_value(raw: &str) -> Option<Cow<'_, str>> {
    if memchr(b'&', raw.as_bytes()).is_none() {
        return Some(Cow::Borrowed(raw));
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let meaning = reference(&rest[at..], Place::Value)?;
        out.push(meaning.first);
        out.extend(meaning.second);
        rest = &rest[at + meaning.length..];
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// The meaning of the reference that `text` begins with; an ampersand that begins none means itself.
fn reference(text: &str, place: Place) -> Option<Meaning> {
    let bytes = text.as_bytes();
    let one = |first, length| Meaning {
        first,
        second: None,
        length,
    };
    let frequent = [
        ("&amp;", '&'),
        ("&nbsp;", '\u{a0}'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
    ];
    if let Some((name, character)) = frequent.iter().find(|(name, _)| text.starts_with(name)) {
        return Some(one(*character, name.len()));
    }
    if bytes.get(1) == Some(&b'#') {
        return numbered(text).map(|(first, length)| one(first, length));
    }
    let name = &bytes[1..bytes.len().min(MAX_NAME + 2)];
    let length = name
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric())
        .unwrap_or(name.len());
    if length > MAX_NAME - 1 {
        return None;
    }
    Some(named(text, length, place).unwrap_or(one('&', 1)))
}

/// The meaning of the name of `length` letters behind the ampersand that `text` begins with.
fn named(text: &str, length: usize, place: Place) -> Option<Meaning> {
    let meaning = |end: usize| {
        let &(first, second) = NAMED_ENTITIES.get(text.get(1..end)?)?;
        let real = |code| char::from_u32(code).filter(|&character| character != '\0');
        Some(Meaning {
            first: real(first)?,
            second: real(second),
            length: end,
        })
    };
    let next = text.as_bytes().get(length + 1);
    if next == Some(&b';')
        && let Some(meaning) = meaning(length + 2)
    {
        return Some(meaning);
    }
    match place {
        // Addresses are full of ampersands: there a name without semicolon counts only where it cannot be another's.
        Place::Value if next == Some(&b'=') => None,
        Place::Value => meaning(length + 1),
        Place::Text => (1..=length.min(MAX_BARE_NAME))
            .rev()
            .find_map(|length| meaning(length + 1)),
    }
}

/// The character of `&#8217;`, `&#x2019;` or `&#150;`, which means windows-1252's, and the length; none for those that
/// HTML reads as another or that the parser treats apart.
fn numbered(text: &str) -> Option<(char, usize)> {
    let digits = &text[2..];
    let (digits, radix, begin) = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, 3),
        None => (digits, 10, 2),
    };
    let length = digits
        .bytes()
        .position(|byte| !char::from(byte).is_digit(radix))
        .unwrap_or(digits.len());
    let number = u32::from_str_radix(&digits[..length], radix).ok()?;
    let character = match number {
        0x80..=0x9f => C1_REPLACEMENTS[(number - 0x80) as usize]?,
        0x20..=0x7e | 0xa0..=0xfdcf | 0xfdf0..=0xfffd | 0x1_0000..=0x1_fffd => {
            char::from_u32(number)?
        }
        _ => return None,
    };
    let has_semicolon = digits.as_bytes().get(length) == Some(&b';');
    Some((character, begin + length + usize::from(has_semicolon)))
}
