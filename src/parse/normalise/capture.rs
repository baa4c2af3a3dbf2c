//! The content of one text element, up to its end tag or to what shows that the end tag is missing.
//! Gives characters with references resolved, or HTML when markup stands in the element bare.

use std::borrow::Cow;

use super::super::tokens::{Tag, Token, Tokens};
use super::entities::Entities;
use super::kinds::Model;
use super::names;
use super::node::Form;
use super::repairs::Repairs;

/// How many open elements of bare markup are told apart.
const MAX_OPEN: usize = 96;

/// A stretch of characters.
enum Piece<'a> {
    /// With references.
    Raw(&'a str),
    /// Without.
    Literal(&'a str),
}

/// Collects the content of a text element.
pub(super) struct Capture<'a> {
    name: &'a str,
    model: Model,
    is_xhtml: bool,
    pieces: Vec<Piece<'a>>,
    /// The content as HTML, from the first tag in it on: written at once, so that hostile markup costs no more than it
    /// is long.
    html: Option<String>,
    open: Vec<&'a str>,
    notes: Repairs,
}

/// What an end tag means to a text element.
enum Outcome {
    Inside,
    Done,
    Missing,
}

/// Tells whether a tag can only stand outside of the text element.
pub(super) type EndsIt<'f, 'a> = &'f mut dyn FnMut(&Token<'a>) -> bool;

impl<'a> Capture<'a> {
    /// For the element that `name` has opened.
    pub(super) fn new(name: &'a str, model: Model, is_xhtml: bool) -> Self {
        Self {
            name,
            model,
            is_xhtml,
            pieces: Vec::with_capacity(1),
            html: is_xhtml.then(String::new),
            open: Vec::new(),
            notes: Repairs::default(),
        }
    }

    /// Reads up to the end of the element. False when the document ends first.
    pub(super) fn run(&mut self, tokens: &mut Tokens<'a>, ends_it: EndsIt<'_, 'a>) -> bool {
        loop {
            let before = tokens.position();
            let Some(token) = tokens.next(self.name) else {
                return false;
            };
            let outcome = match token {
                Token::Text(text) => self.text(Piece::Raw(text)),
                Token::Cdata(text) => self.text(Piece::Literal(text)),
                Token::Bare(text) => {
                    self.notes.note("bare-angle-bracket");
                    self.text(Piece::Literal(text))
                }
                Token::OpenCdata(text) => {
                    self.notes.note("unclosed-cdata");
                    self.text(Piece::Literal(text))
                }
                Token::Start(tag) if self.begins_sibling(&token, tag, ends_it) => Outcome::Missing,
                Token::Start(tag) => self.start(tag),
                Token::End(name) => self.end(name, &token, ends_it),
                Token::Doctype(_) | Token::Aside => Outcome::Inside,
                Token::Torn => return false,
            };
            match outcome {
                Outcome::Inside => {}
                Outcome::Done => return true,
                Outcome::Missing => {
                    self.notes.note("unclosed-element");
                    tokens.seek(before);
                    return true;
                }
            }
        }
    }

    fn text(&mut self, piece: Piece<'a>) -> Outcome {
        // In a value, what stands inside of further elements is not the value, unless nothing else is.
        let is_inner = self.model == Model::Value && !self.open.is_empty() && self.has_text();
        match &mut self.html {
            Some(html) => push_html(&piece, self.is_xhtml, html),
            None if is_inner => {}
            None => self.pieces.push(piece),
        }
        Outcome::Inside
    }

    fn has_text(&self) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Raw(text) | Piece::Literal(text) => !text.trim_ascii().is_empty(),
        })
    }

    fn begins_sibling(&self, token: &Token<'a>, tag: Tag<'a>, ends_it: EndsIt<'_, 'a>) -> bool {
        if self.is_xhtml && self.open.contains(&"div") {
            return false;
        }
        // `title` and `link` are HTML's too: outside any markup they can only be the next element.
        let (_, local) = names::split(tag.name);
        let is_next = self.open.is_empty() && matches!(&*local, "title" | "link");
        (is_next && !self.is_xhtml) || ends_it(token)
    }

    fn start(&mut self, tag: Tag<'a>) -> Outcome {
        if !tag.is_empty && !is_void(tag.name) && self.open.len() < MAX_OPEN {
            self.open.push(tag.name);
        }
        if self.model == Model::Text {
            let pieces = &mut self.pieces;
            let html = self.html.get_or_insert_with(|| {
                let mut html = String::new();
                for piece in pieces.drain(..) {
                    push_html(&piece, false, &mut html);
                }
                html
            });
            push_tag(tag, html);
        }
        Outcome::Inside
    }

    fn end(&mut self, name: &'a str, token: &Token<'a>, ends_it: EndsIt<'_, 'a>) -> Outcome {
        if let Some(depth) = self
            .open
            .iter()
            .rposition(|open| open.eq_ignore_ascii_case(name))
        {
            self.open.truncate(depth);
            if let Some(html) = &mut self.html {
                html.push_str("</");
                html.push_str(unprefixed(name));
                html.push('>');
            }
            return Outcome::Inside;
        }
        if name.eq_ignore_ascii_case(self.name) {
            if name != self.name {
                self.notes.note("mismatched-case");
            }
            return Outcome::Done;
        }
        if ends_it(token) {
            return Outcome::Missing;
        }
        // Neither opened here nor outside: a slip of the publisher's pen.
        self.notes.note("stray-end-tag");
        Outcome::Inside
    }

    /// The content, and whether it is HTML.
    pub(super) fn finish(self, entities: &Entities, repairs: &mut Repairs) -> (Cow<'a, str>, Form) {
        repairs.merge(self.notes);
        if let Some(html) = self.html {
            if !self.is_xhtml {
                repairs.note("bare-markup");
            }
            return (Cow::Owned(entities.expand_own(html, repairs)), Form::Markup);
        }
        let mut text = Cow::Borrowed("");
        for piece in self.pieces {
            let piece = match piece {
                Piece::Raw(text) => entities.decode(text, repairs),
                Piece::Literal(text) => Cow::Borrowed(text),
            };
            // White space around a CDATA section is layout, and most CDATA sections have some.
            if text.trim_ascii().is_empty() {
                text = piece;
            } else {
                text.to_mut().push_str(&piece);
            }
        }
        (text, Form::Characters)
    }
}

/// Appends characters as HTML reads them.
fn push_html(piece: &Piece<'_>, is_xhtml: bool, html: &mut String) {
    match piece {
        Piece::Raw(text) if !is_xhtml && has_escaped_tag(text) => {
            html.push_str(
                &text
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&amp;", "&"),
            );
        }
        Piece::Literal(text) if is_xhtml => push_escaped(text, html),
        Piece::Raw(text) | Piece::Literal(text) => html.push_str(text),
    }
}

fn push_tag(tag: Tag<'_>, html: &mut String) {
    let name = unprefixed(tag.name);
    html.push('<');
    html.push_str(name);
    html.push_str(tag.attributes);
    html.push('>');
    // HTML does not know `<a/>`: it would take all that follows for the link.
    if tag.is_empty && !is_void(name) {
        html.push_str("</");
        html.push_str(name);
        html.push('>');
    }
}

fn unprefixed(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn has_escaped_tag(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memmem::find_iter(bytes, b"&lt;").any(|at| {
        bytes
            .get(at + 4)
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/')
    })
}

fn push_escaped(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            _ => out.push(character),
        }
    }
}

/// HTML's elements without an end tag.
fn is_void(name: &str) -> bool {
    const VOID: [&str; 14] = [
        "br", "img", "hr", "input", "meta", "link", "area", "base", "col", "embed", "param",
        "source", "track", "wbr",
    ];
    VOID.iter().any(|void| void.eq_ignore_ascii_case(name))
}
