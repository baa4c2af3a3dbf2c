//! What markup costs the sanitiser, and whether it reads back as it was written: both told in one walk, in linear time.
//! Refuses markup that is nested too deep, has too many attributes or leaves too much formatting open.

use super::super::tokens::{Tag, Token, Tokens, attributes};

/// Browsers stop at 512 levels; no writer means half of that.
const MAX_DEPTH: usize = 256;

/// The sanitiser's time grows with the square of these.
const MAX_ATTRIBUTES: usize = 64;

/// Formatting left open is opened again in each block: tags times open formatting is the work of the HTML parser.
const MAX_REOPENED: usize = 100_000;

/// And their length: a few tags with long attributes, opened again in each of thousands of blocks, would fill the memory.
const MAX_REOPENED_BYTES: usize = 1024 * 1024;

/// What in the markup would cost more than linear time, if anything.
pub(in crate::parse) fn excess(source: &str) -> Option<&'static str> {
    let mut tokens = Tokens::new(source);
    let (mut depth, mut reopened, mut reopened_bytes) = (0_usize, 0_usize, 0_usize);
    // The length of each formatting tag that is open, and of all of them.
    let (mut formatting, mut formatting_bytes) = (Vec::new(), 0_usize);
    while let Some(token) = tokens.next("") {
        match token {
            Token::Start(tag) => {
                if tag.attributes.len() > MAX_ATTRIBUTES * 2
                    && attributes(tag.attributes).nth(MAX_ATTRIBUTES).is_some()
                {
                    return Some("too-many-attributes");
                }
                if is_formatting(tag.name) {
                    let length = tag.name.len() + tag.attributes.len();
                    formatting.push(length);
                    formatting_bytes += length;
                }
                reopened += formatting.len();
                reopened_bytes += formatting_bytes;
                depth += usize::from(nests(&tag));
            }
            Token::End(name) => {
                depth = depth.saturating_sub(usize::from(!closes_itself(name)));
                if is_formatting(name) {
                    formatting_bytes -= formatting.pop().unwrap_or_default();
                }
            }
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some("too-deep-markup");
        }
        if reopened > MAX_REOPENED || reopened_bytes > MAX_REOPENED_BYTES {
            return Some("too-much-formatting");
        }
    }
    None
}

/// Whether a value's closing quote is missing: HTML reads all that follows as part of the value.
pub(super) fn has_torn_value(source: &str) -> bool {
    let mut tokens = Tokens::new(source);
    while let Some(token) = tokens.next("") {
        let is_torn = match token {
            Token::Start(tag) => {
                memchr::memchr_iter(b'"', tag.attributes.as_bytes()).count() % 2 == 1
            }
            Token::Torn => true,
            _ => false,
        };
        if is_torn {
            return true;
        }
    }
    false
}

fn is_formatting(name: &str) -> bool {
    const NAMES: [&str; 14] = [
        "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt",
        "u",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn nests(tag: &Tag<'_>) -> bool {
    !closes_itself(tag.name)
}

/// Elements that have no end, or whose next of the same kind ends them.
fn closes_itself(name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "br", "img", "hr", "wbr", "input", "meta", "link", "source", "track", "col", "area",
        "base", "embed", "param", "p", "li", "dt", "dd", "td", "tr",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether HTML that was just written is read back as the same tree: no content model in it is broken, and nothing stands
/// in a table that the parser would move out of it.
pub(super) fn is_settled(html: &str) -> bool {
    let mut tokens = Tokens::new(html);
    let mut open: Vec<&str> = Vec::new();
    while let Some(token) = tokens.next("") {
        match token {
            Token::Start(tag) => {
                // The sanitiser puts its own last, but for where it has taken another out.
                let is_moved = tag.name == "a" && !tag.attributes.ends_with(" nofollow\"");
                if is_moved || breaks(tag.name, &open) {
                    return false;
                }
                if !is_void(tag.name) {
                    open.push(tag.name);
                }
            }
            Token::End(name) => {
                if let Some(depth) = open.iter().rposition(|outer| *outer == name) {
                    open.truncate(depth);
                }
            }
            Token::Text(text) => {
                let outer = open.last().copied().unwrap_or_default();
                if takes_parts_only(outer) && !text.trim_ascii().is_empty() {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

/// Whether the parser would put an element elsewhere than where it stands, or close something for it.
fn breaks(name: &str, open: &[&str]) -> bool {
    let is_heading = |name: &str| matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6");
    let outer = open.last().copied().unwrap_or_default();
    match name {
        "caption" | "colgroup" | "tbody" | "thead" | "tfoot" => outer != "table",
        "tr" => !matches!(outer, "tbody" | "thead" | "tfoot"),
        "td" | "th" => outer != "tr",
        "col" => outer != "colgroup",
        _ if takes_parts_only(outer) => true,
        "a" => open.contains(&"a"),
        "li" => !matches!(outer, "ul" | "ol"),
        "dt" | "dd" => outer != "dl",
        "rp" | "rt" => outer != "ruby",
        name if is_heading(name) => open.iter().any(|outer| is_heading(outer) || *outer == "p"),
        name if is_block(name) => open.contains(&"p"),
        _ => false,
    }
}

/// Elements that take nothing but the parts of a table.
fn takes_parts_only(name: &str) -> bool {
    matches!(
        name,
        "table" | "tbody" | "thead" | "tfoot" | "tr" | "colgroup"
    )
}

/// Elements of the allow list that have no end.
fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "img" | "hr" | "wbr" | "source" | "track" | "col"
    )
}

/// Elements that end an open paragraph.
fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "ul"
            | "ol"
            | "dl"
            | "pre"
            | "blockquote"
            | "hr"
            | "section"
            | "article"
            | "aside"
            | "header"
            | "footer"
            | "nav"
            | "figure"
            | "figcaption"
            | "hgroup"
            | "details"
            | "summary"
            | "center"
            | "table"
    )
}
