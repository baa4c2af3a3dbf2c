//! Cutting text out of safe markup. Takes markup that `parse` made safe and regexes; gives the markup without what they
//! match. Only text between tags is deleted, and pairs of tags that stand empty afterwards: nothing is ever added, so
//! what was safe stays safe.

use std::ops::Range;

use regex::Regex;

use crate::model::SafeHtml;

/// Elements that part lines of text.
const BLOCKS: [&str; 22] = [
    "p",
    "div",
    "br",
    "li",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "pre",
    "table",
    "tr",
    "hr",
    "section",
    "article",
    "figure",
    "figcaption",
    "dd",
];
/// Elements that say nothing when empty.
const HOLLOW: [&str; 14] = [
    "p", "div", "span", "a", "b", "i", "em", "strong", "small", "li", "ul", "ol", "h2", "h3",
];

/// Text of markup with the place of each character in it.
#[derive(Debug, Default)]
struct Flat {
    text: String,
    /// For each byte of `text` that begins a character: where it came from; empty for line breaks of blocks.
    origins: Vec<(usize, Range<usize>)>,
}

/// The plain text of markup: blocks on lines of their own.
pub(super) fn text(markup: &SafeHtml) -> String {
    flat(markup.as_str()).text
}

/// `markup` without what `regexes` match in its text.
pub(super) fn cut(markup: &SafeHtml, regexes: &[Regex]) -> SafeHtml {
    let mut html = markup.as_str().to_owned();
    let mut changed = false;
    for regex in regexes {
        let flat = flat(&html);
        let doomed = doomed(&flat, regex);
        changed |= !doomed.is_empty();
        for range in doomed.into_iter().rev() {
            html.replace_range(range, "");
        }
    }
    SafeHtml::vouched(if changed { without_hollows(html) } else { html })
}

/// Byte ranges of the markup that the matches cover, in order, none of them touching a tag.
fn doomed(flat: &Flat, regex: &Regex) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for found in regex
        .find_iter(&flat.text)
        .filter(|found| !found.is_empty())
    {
        let first = flat.origins.partition_point(|(at, _)| *at < found.start());
        for (_, origin) in flat.origins[first..]
            .iter()
            .take_while(|(at, _)| *at < found.end())
        {
            match ranges.last_mut() {
                Some(last) if last.end == origin.start => last.end = origin.end,
                _ if origin.is_empty() => {}
                _ => ranges.push(origin.clone()),
            }
        }
    }
    ranges
}

fn flat(html: &str) -> Flat {
    let mut flat = Flat::default();
    let mut at = 0;
    while at < html.len() {
        if html[at..].starts_with('<') {
            let end = tag_end(html, at);
            if BLOCKS.contains(&tag_name(&html[at..end]).as_str())
                && !flat.text.is_empty()
                && !flat.text.ends_with('\n')
            {
                flat.origins.push((flat.text.len(), at..at));
                flat.text.push('\n');
            }
            at = end;
        } else {
            let (char, length) = decoded(&html[at..]);
            flat.origins.push((flat.text.len(), at..at + length));
            flat.text.push(char);
            at += length;
        }
    }
    flat
}

/// End of the tag that begins at `at`; `>` inside a quoted attribute does not end it.
fn tag_end(html: &str, at: usize) -> usize {
    let mut quote = None;
    for (offset, byte) in html.bytes().enumerate().skip(at) {
        match (quote, byte) {
            (None, b'>') => return offset + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    html.len()
}

fn tag_name(tag: &str) -> String {
    tag.trim_start_matches(['<', '/'])
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
}

/// The character at the beginning of `html`, with an entity read, and its length in bytes.
fn decoded(html: &str) -> (char, usize) {
    let first = html.chars().next().unwrap_or(' ');
    if first != '&' {
        return (first, first.len_utf8());
    }
    let entity = html
        .bytes()
        .take(10)
        .position(|byte| byte == b';')
        .map(|end| &html[1..end]);
    let char = entity.and_then(|name| match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{A0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    });
    match (char, entity) {
        (Some(char), Some(name)) => (char, name.len() + 2),
        _ => ('&', 1),
    }
}

/// Deletes pairs of tags with nothing but white space between them, inner ones first.
fn without_hollows(html: String) -> String {
    // One pass with a stack: each opening tag remembers where it began and what was kept before it.
    let mut kept = String::with_capacity(html.len());
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    let mut at = 0;
    while at < html.len() {
        if !html[at..].starts_with('<') {
            let end = html[at..]
                .find('<')
                .map_or(html.len(), |offset| at + offset);
            kept.push_str(&html[at..end]);
            at = end;
            continue;
        }
        let end = tag_end(&html, at);
        let (tag, name) = (&html[at..end], tag_name(&html[at..end]));
        let start = kept.len();
        kept.push_str(tag);
        if !tag.starts_with("</") {
            open.push((name, start, kept.len()));
        } else if let Some(depth) = open.iter().rposition(|(open, _, _)| *open == name) {
            let (_, opened, inside) = open[depth].clone();
            open.truncate(depth);
            if HOLLOW.contains(&name.as_str()) && kept[inside..start].trim().is_empty() {
                kept.truncate(opened);
            }
        }
        at = end;
    }
    kept
}
