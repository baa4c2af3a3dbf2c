//! Markup made safe in one pass, without a tree: what the HTML parser would read as it is written, or mend in one of the
//! plain ways that most writers rely on. Refuses, by `None`, all other; the sanitiser then decides. A property test holds
//! both to the same result.

mod attributes;
mod nesting;
mod references;
mod tags;

use memchr::memchr;
use url::Url;

use super::super::text;
use super::elements::{self, Element, Role};
use super::pictures;
use attributes::write_attributes;
use references::write_text;
use tags::Attribute;

/// Deeper markup is for the guard to judge.
const MAX_OPEN: usize = 48;

/// See [`super::guard::excess`], whose count this is.
const MAX_REOPENED: usize = 100_000;

/// The parser drops it where it begins to read, which it does anew behind some elements.
const MARK: char = '\u{feff}';

/// The markup made safe, when that needs no sanitiser.
pub(super) fn tidied(source: &str, base: Option<&Url>) -> Option<String> {
    if source.starts_with(MARK) || memchr(0, source.as_bytes()).is_some() {
        return None;
    }
    let source = text::with_line_feeds(source);
    let mut walk = Walk {
        out: String::with_capacity(source.len() + source.len() / 8),
        open: Vec::new(),
        attributes: Vec::new(),
        formatting: 0,
        reopened: 0,
        pre: usize::MAX,
        base,
    };
    let mut rest = &*source;
    loop {
        let text = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        walk.text(&rest[..text])?;
        rest = &rest[text..];
        rest = match rest.as_bytes() {
            [] => break,
            [_, b'a'..=b'z' | b'A'..=b'Z', ..] => walk.start(rest)?,
            [_, b'/', ..] => walk.end(rest)?,
            [_, b'!' | b'?', ..] => tags::behind_aside(rest)?,
            _ => {
                walk.text("&lt;")?;
                &rest[1..]
            }
        };
    }
    walk.close_down_to(0);
    Some(walk.out)
}

/// An element that is open.
#[derive(Clone, Copy)]
struct Open<'s> {
    element: &'static Element,
    written: &'s str,
}

struct Walk<'s> {
    out: String,
    open: Vec<Open<'s>>,
    /// Of the tag at hand.
    attributes: Vec<Attribute<'s>>,
    /// How many formatting elements are open.
    formatting: usize,
    reopened: usize,
    /// Where the content of the last `pre` begins.
    pre: usize,
    base: Option<&'s Url>,
}

impl<'s> Walk<'s> {
    fn text(&mut self, text: &str) -> Option<()> {
        if text.is_empty() {
            return Some(());
        }
        if self.takes_parts_only() {
            let is_blank = text.bytes().all(|byte| byte.is_ascii_whitespace());
            self.out.push_str(text);
            return is_blank.then_some(());
        }
        // Each reading drops a line end behind `<pre>`.
        let text = match self.out.len() == self.pre {
            true => text.trim_start_matches('\n'),
            false => text,
        };
        write_text(text, &mut self.out)
    }

    fn start(&mut self, rest: &'s str) -> Option<&'s str> {
        let (written, rest) = tags::start(rest, &mut self.attributes)?;
        let element = elements::find(written)?;
        self.make_room(element)?;
        if element.role == Role::Raw {
            return tags::behind_raw(rest, written).filter(|rest| !rest.starts_with(MARK));
        }
        if element.name == "meta" && rest.starts_with(MARK) {
            return None;
        }
        if element.role == Role::Formatting {
            self.formatting += 1;
        }
        self.reopened += self.formatting;
        if self.open.len() >= MAX_OPEN || self.reopened > MAX_REOPENED {
            return None;
        }
        if element.is_kept {
            self.write_tag(element)?;
        }
        if !matches!(element.role, Role::Void | Role::Column) {
            self.open.push(Open { element, written });
        }
        if element.name == "pre" {
            self.pre = self.out.len();
        }
        Some(rest)
    }

    fn write_tag(&mut self, element: &'static Element) -> Option<()> {
        let begin = self.out.len();
        self.out.push('<');
        self.out.push_str(element.name);
        let attributes = self.out.len();
        write_attributes(element, &self.attributes, self.base, &mut self.out)?;
        if element.name != "img" {
            self.out.push('>');
        } else if pictures::is_tracker(&self.out[attributes..]) {
            self.out.truncate(begin);
        } else {
            self.out.push_str(pictures::PICTURE);
        }
        Some(())
    }

    fn end(&mut self, rest: &'s str) -> Option<&'s str> {
        let (written, rest) = tags::end(rest)?;
        let element = elements::find(written)?;
        let is_it = |open: &Open<'_>| {
            std::ptr::eq(open.element, element) && open.written.eq_ignore_ascii_case(written)
        };
        match self.open.iter().rposition(is_it) {
            Some(depth) => {
                let above = &self.open[depth + 1..];
                let is_implied = |open: &Open<'_>| nesting::ends_with(open.element, element);
                above.iter().all(is_implied).then_some(())?;
                self.close_down_to(depth);
            }
            None => self.may_ignore(element).then_some(())?,
        }
        Some(rest)
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(Open { element, .. }) = self.open.pop() else {
                return;
            };
            if element.role == Role::Formatting {
                self.formatting -= 1;
            }
            if element.is_kept {
                self.out.push_str("</");
                self.out.push_str(element.name);
                self.out.push('>');
            }
        }
    }
}
