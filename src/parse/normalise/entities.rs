//! References to characters: XML's own, HTML's, numeric ones and those of an internal DTD, resolved once, within bounds.
//! Gives text without characters that XML forbids. Refuses nothing: what is no reference stays as it was written.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

use memchr::memchr;
use web_atoms::{C1_REPLACEMENTS, NAMED_ENTITIES};

use super::repairs::Repairs;

/// The longest reference looked for; HTML's longest name has 32 letters.
const MAX_REFERENCE: usize = 40;
/// The longest replacement text of an entity of the document's own.
const MAX_OWN_ENTITY: usize = 16 * 1024;

/// Resolves references; knows the entities that the document defines itself.
#[derive(Debug)]
pub(crate) struct Entities {
    own: HashMap<String, String>,
    /// How many bytes the document's own entities may still add: bounds memory whatever they are made of.
    budget: Cell<usize>,
}

impl Entities {
    /// For a document of `length` bytes.
    pub(crate) fn new(length: usize) -> Self {
        Self {
            own: HashMap::new(),
            budget: Cell::new(length.max(64 * 1024)),
        }
    }

    /// Reads the entity declarations of a document type declaration; parameter and external entities are ignored.
    pub(super) fn declare(&mut self, doctype: &str, repairs: &mut Repairs) {
        for declaration in doctype.split("<!ENTITY").skip(1) {
            let declaration = declaration.trim_start();
            let Some((name, rest)) = declaration.split_once(|c: char| c.is_ascii_whitespace())
            else {
                continue;
            };
            let rest = rest.trim_start();
            let Some(quote @ ('"' | '\'')) = rest.chars().next() else {
                continue;
            };
            let Some(end) = rest[1..].find(quote) else {
                continue;
            };
            if name == "%" || self.own.contains_key(name) || self.own.len() >= 1024 {
                continue;
            }
            let value = self.decode(&rest[1..=end], repairs);
            if value.len() <= MAX_OWN_ENTITY {
                let value = value.into_owned();
                self.own.insert(name.to_owned(), value);
            }
        }
    }

    /// `raw` with its references resolved once.
    pub(crate) fn decode<'a>(&self, raw: &'a str, repairs: &mut Repairs) -> Cow<'a, str> {
        let Some(first) = memchr(b'&', raw.as_bytes()) else {
            return Cow::Borrowed(raw);
        };
        let mut out = String::with_capacity(raw.len());
        out.push_str(&raw[..first]);
        let mut rest = &raw[first..];
        loop {
            let used = self.resolve(rest, &mut out, repairs);
            rest = &rest[used..];
            match memchr(b'&', rest.as_bytes()) {
                Some(next) => {
                    out.push_str(&rest[..next]);
                    rest = &rest[next..];
                }
                None => break,
            }
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// HTML with the document's own entities replaced: nobody behind knows them. HTML's stay as they are.
    pub(super) fn expand_own(&self, html: String, repairs: &mut Repairs) -> String {
        if self.own.is_empty() || memchr(b'&', html.as_bytes()).is_none() {
            return html;
        }
        let mut out = String::with_capacity(html.len());
        let mut rest = &*html;
        while let Some(at) = memchr(b'&', rest.as_bytes()) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let used = self.own_value(rest).map_or(1, |(value, length)| {
                repairs.note("document-entity");
                out.push_str(value);
                length
            });
            if used == 1 {
                out.push('&');
            }
            rest = &rest[used..];
        }
        out.push_str(rest);
        out
    }

    /// The value of the document's own entity that `rest` begins with, and the length of the reference.
    fn own_value(&self, rest: &str) -> Option<(&str, usize)> {
        let window = &rest.as_bytes()[1..rest.len().min(MAX_REFERENCE)];
        let length = memchr(b';', window)?;
        let value = self.own.get(rest.get(1..=length)?)?;
        let left = self.budget.get().checked_sub(value.len())?;
        self.budget.set(left);
        Some((value, length + 2))
    }

    /// Resolves the reference that `rest` begins with into `out`; returns how many bytes of `rest` it was.
    fn resolve(&self, rest: &str, out: &mut String, repairs: &mut Repairs) -> usize {
        let bytes = rest.as_bytes();
        // The five of XML first: nearly all there are.
        let simple = match bytes.get(1) {
            Some(b'l') if bytes.starts_with(b"&lt;") => Some(('<', 4)),
            Some(b'g') if bytes.starts_with(b"&gt;") => Some(('>', 4)),
            Some(b'q') if bytes.starts_with(b"&quot;") => Some(('"', 6)),
            Some(b'a') if bytes.starts_with(b"&amp;") => Some(('&', 5)),
            Some(b'a') if bytes.starts_with(b"&apos;") => Some(('\'', 6)),
            Some(b'#') => return numeric(rest, out, repairs),
            _ => None,
        };
        if let Some((character, length)) = simple {
            out.push(character);
            return length;
        }
        self.named(rest, out, repairs).unwrap_or_else(|| {
            repairs.note("bare-ampersand");
            out.push('&');
            1
        })
    }

    fn named(&self, rest: &str, out: &mut String, repairs: &mut Repairs) -> Option<usize> {
        let window = &rest.as_bytes()[1..rest.len().min(MAX_REFERENCE)];
        let length = window
            .iter()
            .position(|byte| !is_name_byte(*byte))
            .unwrap_or(window.len());
        let name = rest.get(1..=length).filter(|name| !name.is_empty())?;
        if window.get(length) != Some(&b';') {
            return legacy(name, window.get(length).copied(), out, repairs);
        }
        if let Some(value) = self.own.get(name) {
            let left = self.budget.get().checked_sub(value.len())?;
            self.budget.set(left);
            out.push_str(value);
            repairs.note("document-entity");
            return Some(length + 2);
        }
        push_html(rest.get(1..length + 2)?, out)?;
        repairs.note("html-entity");
        Some(length + 2)
    }
}

/// The entities that HTML allows without a semicolon; not before a letter or `=`, so that addresses stay whole.
fn legacy(name: &str, next: Option<u8>, out: &mut String, repairs: &mut Repairs) -> Option<usize> {
    if next.is_some_and(|byte| byte == b'=' || byte.is_ascii_alphanumeric()) {
        return None;
    }
    push_html(name, out)?;
    repairs.note("missing-semicolon");
    Some(name.len() + 1)
}

fn push_html(name: &str, out: &mut String) -> Option<()> {
    let &(first, second) = NAMED_ENTITIES.get(name)?;
    out.push(char::from_u32(first).filter(|&character| character != '\0')?);
    if let Some(second) = char::from_u32(second).filter(|&character| character != '\0') {
        out.push(second);
    }
    Some(())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || byte >= 0x80
}

/// `&#…`: decimal or hexadecimal; what XML forbids is dropped, windows-1252 numbers mean what browsers take them for.
fn numeric(rest: &str, out: &mut String, repairs: &mut Repairs) -> usize {
    let bytes = rest.as_bytes();
    let is_hex = matches!(bytes.get(2), Some(b'x' | b'X'));
    let begin = if is_hex { 3 } else { 2 };
    let radix: u32 = if is_hex { 16 } else { 10 };
    let mut code: u32 = 0;
    let mut at = begin;
    while let Some(digit) = bytes
        .get(at)
        .and_then(|&byte| char::from(byte).to_digit(radix))
    {
        code = code.saturating_mul(radix).saturating_add(digit);
        at += 1;
    }
    if at == begin {
        repairs.note("bare-ampersand");
        out.push('&');
        return 1;
    }
    let has_semicolon = bytes.get(at) == Some(&b';');
    if !has_semicolon {
        repairs.note("missing-semicolon");
    }
    match code {
        0x80..=0x9f => {
            repairs.note("windows-1252-reference");
            out.extend(C1_REPLACEMENTS[(code - 0x80) as usize]);
        }
        _ => match char::from_u32(code).filter(|&character| is_xml_char(character)) {
            Some(character) => out.push(character),
            None => repairs.note("illegal-reference"),
        },
    }
    at + usize::from(has_semicolon)
}

/// XML 1.0 `Char`, without the noncharacters that it allows.
pub(crate) fn is_xml_char(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

/// The document without the characters that XML forbids; borrowed when there are none.
pub(crate) fn without_controls<'a>(text: &'a str, repairs: &mut Repairs) -> Cow<'a, str> {
    // One sweep that the compiler turns into vector code: nearly every document is clean.
    let suspects = text.as_bytes().iter().fold(0_usize, |count, &byte| {
        count + usize::from(byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'))
    });
    let has_noncharacters = memchr::memmem::find(text.as_bytes(), b"\xef\xbf\xbe").is_some()
        || memchr::memmem::find(text.as_bytes(), b"\xef\xbf\xbf").is_some();
    let has_c1 = memchr::memchr_iter(0xc2, text.as_bytes()).any(|at| {
        text.as_bytes()
            .get(at + 1)
            .is_some_and(|byte| (0x80..=0x9f).contains(byte))
    });
    if suspects == 0 && !has_noncharacters && !has_c1 {
        return Cow::Borrowed(text);
    }
    let clean: String = text
        .chars()
        .filter(|&character| is_xml_char(character))
        .map(|character| match character {
            // Numbers of windows-1252 that were taken for Unicode's on the way here.
            '\u{80}'..='\u{9f}' => {
                C1_REPLACEMENTS[u32::from(character) as usize - 0x80].unwrap_or(character)
            }
            _ => character,
        })
        .collect();
    repairs.note("control-character");
    Cow::Owned(clean)
}
