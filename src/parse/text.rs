//! Plain text: of markup, for search, likeness and mail; of titles, as one honest line; and back into markup.
//! Tells markup from plain text as readers of feeds expect it. Linear, without a tree.

mod looks;
mod render;

use std::borrow::Cow;

use super::normalise::Repairs;
use super::normalise::entities::Entities;
pub(super) use looks::{inline, looks_like_html, once_escaped};
pub(super) use render::of_html;

/// Longest title, in characters (PARSE-3).
const MAX_TITLE: usize = 512;

/// Text with HTML's references resolved once.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        Entities::new(0)
            .decode(text, &mut Repairs::default())
            .into_owned(),
    )
}

/// Text as HTML that shows just that text.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            _ => out.push(character),
        }
    }
    out
}

/// HTML knows one end of a line.
pub(super) fn with_line_feeds(source: &str) -> Cow<'_, str> {
    match memchr::memchr(b'\r', source.as_bytes()) {
        Some(_) => Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n")),
        None => Cow::Borrowed(source),
    }
}

/// Plain text as HTML: blank lines part paragraphs, single line ends are kept where there are paragraphs.
pub(super) fn paragraphs(text: &str) -> String {
    let text = with_line_feeds(text.trim());
    if !text.contains('\n') {
        return escaped(&text);
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut lines = text.lines().map(str::trim).peekable();
    while lines.peek().is_some() {
        let mut paragraph = String::new();
        while let Some(line) = lines.next_if(|line| !line.is_empty()) {
            if !paragraph.is_empty() {
                paragraph.push_str("<br>");
            }
            paragraph.push_str(&escaped(line));
        }
        if !paragraph.is_empty() {
            out.push_str("<p>");
            out.push_str(&paragraph);
            out.push_str("</p>");
        }
        while lines.next_if(|line| line.is_empty()).is_some() {}
    }
    out
}

/// One line of text: controls and characters that turn the writing direction cut, white space collapsed, not too long.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4 * MAX_TITLE));
    let mut count = 0;
    let mut owes_space = false;
    for character in text.chars() {
        if character.is_whitespace() {
            owes_space = !out.is_empty();
            continue;
        }
        if is_deceptive(character) {
            continue;
        }
        if count >= MAX_TITLE - 1 {
            out.push('…');
            break;
        }
        if owes_space {
            out.push(' ');
            count += 1;
            owes_space = false;
        }
        out.push(character);
        count += 1;
    }
    out
}

/// Markup without the characters that show text in another order than it is in (those that right-to-left text needs
/// stay), and without the controls that no document may hold and only a string of JSON can bring. Where one was cut,
/// spaces at the ends go too.
pub(super) fn without_unseen(html: &str) -> Cow<'_, str> {
    const OVERRIDES: [char; 2] = ['\u{202d}', '\u{202e}'];
    let bytes = html.as_bytes();
    let has_any = |mark: &[u8]| memchr::memmem::find(bytes, mark).is_some();
    let has_control = |part: &[u8]| part.iter().fold(false, |has, byte| has | is_bare(*byte));
    let is_unseen = bytes.chunks(64).any(has_control);
    match is_unseen || has_any(b"\xe2\x80\xad") || has_any(b"\xe2\x80\xae") {
        true => {
            let is_cut = |character: char| {
                OVERRIDES.contains(&character)
                    || u8::try_from(character).is_ok_and(|byte| byte < 0x80 && is_bare(byte))
            };
            // What stood at an end may have kept spaces from being cut there.
            Cow::Owned(html.replace(is_cut, "").trim().to_owned())
        }
        false => Cow::Borrowed(html),
    }
}

/// A control of ASCII that is no space.
fn is_bare(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0x7f
}

/// Characters that no single line needs and that can make it read as something else.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || u32::from(character) & 0xfffe == 0xfffe
        || matches!(character, '\u{fdd0}'..='\u{fdef}')
}

/// The beginning of a text, up to `max` bytes and the end of a character.
pub(super) fn head(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
