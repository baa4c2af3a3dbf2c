//! Markup that is written as the sanitiser would write it, but for attributes that it drops and addresses that it makes
//! absolute: the markup of most feeds. Read and written in one pass, without a tree. Refuses, by `None`, whatever the
//! HTML parser might mend, move or drop; the sanitiser then decides. A property test holds both to the same result.

mod attributes;
mod elements;
mod references;

use memchr::{memchr, memchr_iter};
use url::Url;

use attributes::write_attributes;
use elements::{Element, Role};
use references::{write_text, write_value};

/// Deeper markup is for the guard to judge.
const MAX_OPEN: usize = 48;

/// See [`super::guard::excess`], whose count this is.
const MAX_REOPENED: usize = 100_000;

/// The markup made safe, when that needs no sanitiser.
pub(super) fn tidied(source: &str, base: Option<&Url>) -> Option<String> {
    if source.starts_with('\u{feff}') {
        return None;
    }
    let mut walk = Walk {
        out: String::with_capacity(source.len() + source.len() / 8),
        open: Vec::new(),
        formatting: 0,
        reopened: 0,
        base,
    };
    let mut rest = source;
    while !rest.is_empty() {
        let text = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        write_text(&rest[..text], &mut walk.out)?;
        rest = &rest[text..];
        if rest.is_empty() {
            break;
        }
        let end = tag_end(rest)?;
        match rest[1..end].strip_prefix('/') {
            Some(name) => walk.end(name)?,
            None => walk.start(&rest[1..end])?,
        }
        rest = &rest[end + 1..];
        if walk
            .open
            .last()
            .is_some_and(|element| element.name == "pre")
            && walk.out.ends_with("<pre>")
            && rest.starts_with('\n')
        {
            return None;
        }
    }
    walk.open.is_empty().then_some(walk.out)
}

/// Where the tag ends that `rest` begins with, when no bracket stands in a value.
fn tag_end(rest: &str) -> Option<usize> {
    let end = memchr(b'>', rest.as_bytes())?;
    let inside = &rest.as_bytes()[1..end];
    let is_even = memchr_iter(b'"', inside).count().is_multiple_of(2);
    (is_even && memchr(b'<', inside).is_none()).then_some(end)
}

struct Walk<'b> {
    out: String,
    open: Vec<Element>,
    /// How many formatting elements are open.
    formatting: usize,
    reopened: usize,
    base: Option<&'b Url>,
}

impl Walk<'_> {
    fn start(&mut self, inside: &str) -> Option<()> {
        let length = inside
            .bytes()
            .position(|byte| !byte.is_ascii_lowercase() && !byte.is_ascii_digit())
            .unwrap_or(inside.len());
        let element = elements::find(&inside[..length])?;
        let attributes = match (&inside[length..], element.role) {
            (rest, Role::Void) => rest.strip_suffix('/').unwrap_or(rest),
            (rest, _) => rest,
        };
        if !self.may_open(element) {
            return None;
        }
        if element.role == Role::Formatting {
            self.formatting += 1;
        }
        self.reopened += self.formatting;
        self.out.push('<');
        self.out.push_str(element.name);
        write_attributes(element.name, attributes, self.base, &mut self.out)?;
        self.out.push('>');
        if element.role != Role::Void {
            self.open.push(element);
        }
        Some(())
    }

    /// Whether the parser would put the element where it stands, and close nothing for it.
    fn may_open(&self, element: Element) -> bool {
        let holds = |test: &dyn Fn(&Element) -> bool| self.open.iter().any(test);
        let is_block = matches!(element.role, Role::Block | Role::Item | Role::Heading)
            || element.name == "hr";
        if self.open.len() >= MAX_OPEN || self.reopened > MAX_REOPENED {
            return false;
        }
        if is_block && (self.formatting > 0 || holds(&|open| open.name == "p")) {
            return false;
        }
        match element.role {
            Role::Item => self
                .open
                .last()
                .is_some_and(|outer| matches!(outer.name, "ul" | "ol")),
            Role::Heading => !holds(&|open| open.role == Role::Heading),
            Role::Formatting => element.name != "a" || !holds(&|open| open.name == "a"),
            _ => true,
        }
    }

    fn end(&mut self, name: &str) -> Option<()> {
        let element = self.open.pop_if(|element| element.name == name)?;
        if element.role == Role::Formatting {
            self.formatting -= 1;
        }
        self.out.push_str("</");
        self.out.push_str(element.name);
        self.out.push('>');
        Some(())
    }
}
