//! Text on its way into a document: filtered characters, single lines, excerpts, instants in the spellings of the
//! formats, ids. Refuses what XML 1.0 cannot carry and what reorders a line for the eye.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use url::Url;

/// Keeps `Char` of XML 1.0 §2.2, without noncharacters and without the bidi embeddings, overrides and isolates that
/// can make a line read otherwise than it is written.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(allowed) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|&c| allowed(c)).collect())
}

fn allowed(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fdd0}'..='\u{fdef}' => false,
        _ => (c as u32) & 0xfffe != 0xfffe,
    }
}

/// One line: filtered, white space collapsed and trimmed.
pub(super) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in clean(text).split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The beginning of `text` as one line of at most `most` characters, cut between words, with an ellipsis when cut.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in clean(text).split_whitespace() {
        let chars = word.chars().count();
        if length + chars + 1 > most {
            if out.is_empty() {
                out.extend(word.chars().take(most));
            }
            out.push('…');
            return out;
        }
        if !out.is_empty() {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += chars;
    }
    out
}

/// RFC 3339 with upper-case `T` and `Z`, whole seconds (R7.17).
pub(super) fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// RFC 822 with a four-digit year and `GMT` (R7.20).
pub(super) fn rfc822(at: Timestamp) -> String {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .unwrap_or_else(|_| String::from("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// An address that may stand in a link: http or https, absolute, without anything a parser would have to repair.
pub(super) fn web_url(url: Option<&str>) -> Option<String> {
    let url = url?;
    let parsed = Url::parse(url).ok()?;
    let web = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
    if !web {
        return None;
    }
    Some(if iri_shaped(url) {
        url.to_owned()
    } else {
        parsed.to_string()
    })
}

/// An absolute IRI of any scheme, as ids and category schemes must be.
pub(super) fn iri(text: &str) -> Option<&str> {
    (iri_shaped(text) && Url::parse(text).is_ok()).then_some(text)
}

fn iri_shaped(text: &str) -> bool {
    !text.is_empty()
        && clean(text).len() == text.len()
        && !text.chars().any(|c| {
            c.is_whitespace() || matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`')
        })
}

/// The media type of anything.
pub(super) const ANY_MIME: &str = "application/octet-stream";

/// A media type as RFC 9110 8.3.1 shapes it, or nothing: publishers write file endings and free text there.
pub(super) fn mime(text: Option<&str>) -> Option<String> {
    let text = line(text?);
    let mut parts = text.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    if !is_token(kind) || !is_token(subtype) {
        return None;
    }
    let mut mime = format!("{kind}/{subtype}").to_ascii_lowercase();
    let shaped = |part: &&str| {
        let value = |value: &str| is_token(value.trim_matches('"'));
        part.split_once('=')
            .is_some_and(|(name, text)| is_token(name) && value(text))
    };
    for parameter in parts.filter(shaped) {
        mime.push(';');
        mime.push_str(parameter);
    }
    Some(mime)
}

fn is_token(text: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(token)
}

/// A language tag as BCP 47 shapes it, or nothing.
pub(super) fn language(tag: Option<&str>) -> Option<&str> {
    let tag = tag?;
    let mut parts = tag.split('-');
    let first = parts.next()?;
    let shaped = (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
    let rest = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    (shaped && parts.all(rest)).then_some(tag)
}

/// `urn:uuid:` of version 8 (RFC 9562 §5.8) over `parts`: minted once, the same for ever, on every machine.
pub(super) fn urn(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut id = [0u8; 16];
    id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    id[6] = (id[6] & 0x0f) | 0x80;
    id[8] = (id[8] & 0x3f) | 0x80;
    let hex = id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// Text for HTML, escaped.
pub(super) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}
