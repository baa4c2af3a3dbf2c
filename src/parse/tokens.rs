//! Text to markup tokens, tolerantly: every input yields a sequence that covers it, in linear time, borrowing only.
//! Refuses nothing; what is no markup comes out as text. Knows XML's shapes, not its rules.

use memchr::{memchr, memchr2, memchr3, memmem};

/// One piece of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Character data, references not yet resolved.
    Text(&'a str),
    /// A `<` that opens nothing, with the text up to the next `<`.
    Bare(&'a str),
    /// The inside of a CDATA section.
    Cdata(&'a str),
    /// The inside of a CDATA section that nobody closed.
    OpenCdata(&'a str),
    /// A start tag, or an empty-element tag.
    Start(Tag<'a>),
    /// The name in an end tag.
    End(&'a str),
    /// A document type declaration: its inside.
    Doctype(&'a str),
    /// Comment or instruction.
    Aside,
    /// A tag, comment or instruction that the end of the document cuts off.
    Torn,
}

/// A start tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// As written, with its prefix.
    pub(super) name: &'a str,
    /// What stands between the name and the closing bracket, without a final slash.
    pub(super) attributes: &'a str,
    /// Whether it ends in `/>`.
    pub(super) is_empty: bool,
}

/// Walks over a document.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    cdata_end: Ahead,
    comment_end: Ahead,
    instruction_end: Ahead,
    declarations: u32,
}

/// The next place of a mark, remembered: a document full of openings that are never closed is still read in linear time.
#[derive(Clone, Debug)]
struct Ahead {
    mark: &'static str,
    /// The next place at or after any position asked for so far that lies before it; `None` when there is none left.
    next: Option<usize>,
    is_known: bool,
}

impl Ahead {
    fn of(mark: &'static str) -> Self {
        Self {
            mark,
            next: None,
            is_known: false,
        }
    }

    /// Where the mark next stands in `text` at or after `from`. `from` never falls.
    fn find(&mut self, text: &str, from: usize) -> Option<usize> {
        if !self.is_known || self.next.is_some_and(|next| next < from) {
            self.next =
                memmem::find(&text.as_bytes()[from..], self.mark.as_bytes()).map(|at| from + at);
            self.is_known = true;
        }
        self.next
    }
}

/// How many declarations of markup are looked for: enough for any feed, and a bound for hostile ones.
const MAX_DECLARATIONS: u32 = 8;

impl<'a> Tokens<'a> {
    /// Starts at the beginning of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            cdata_end: Ahead::of("]]>"),
            comment_end: Ahead::of("-->"),
            instruction_end: Ahead::of("?>"),
            declarations: 0,
        }
    }

    /// The byte at which the next token starts.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes back (or ahead) to a byte where a token starts.
    pub(super) fn seek(&mut self, position: usize) {
        self.at = position;
    }

    /// How many bytes are still to be read.
    pub(super) fn left(&self) -> usize {
        self.text.len().saturating_sub(self.at)
    }

    /// The next token; `open` is the element whose end tag also ends a CDATA section that is never closed.
    pub(super) fn next(&mut self, open: &str) -> Option<Token<'a>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let bytes = rest.as_bytes();
        if bytes[0] != b'<' {
            let length = memchr(b'<', bytes).unwrap_or(rest.len());
            return Some(self.take(length, Token::Text(&rest[..length])));
        }
        Some(match bytes.get(1) {
            Some(b'!') => self.declaration(rest, open),
            Some(b'?') => self.instruction(rest),
            Some(b'/') if bytes.get(2).is_some_and(|&byte| begins_name(byte)) => self.end_tag(rest),
            Some(&byte) if begins_name(byte) => self.start_tag(rest),
            _ => self.bare(rest),
        })
    }

    fn take(&mut self, length: usize, token: Token<'a>) -> Token<'a> {
        self.at += length;
        token
    }

    fn bare(&mut self, rest: &'a str) -> Token<'a> {
        let bytes = rest.as_bytes();
        // A run of them is one token, so that it costs no more than it is long.
        let length = memchr::memchr_iter(b'<', bytes)
            .skip(1)
            .find(|at| {
                bytes
                    .get(at + 1)
                    .is_some_and(|&byte| begins_name(byte) || matches!(byte, b'/' | b'!' | b'?'))
            })
            .unwrap_or(rest.len());
        self.take(length, Token::Bare(&rest[..length]))
    }

    fn declaration(&mut self, rest: &'a str, open: &str) -> Token<'a> {
        if let Some(inside) = rest.strip_prefix("<![CDATA[") {
            return self.cdata(inside, open);
        }
        if rest.starts_with("<!--") {
            return match self.comment_end.find(self.text, self.at + 4) {
                Some(end) => self.take(end + 3 - self.at, Token::Aside),
                // Never closed: give up the opening only, so that what follows is not lost.
                None => self.take(4, Token::Aside),
            };
        }
        self.declarations = self.declarations.saturating_add(1);
        if !bytes_begin(rest, 2, u8::is_ascii_alphabetic) || self.declarations > MAX_DECLARATIONS {
            return self.bare(rest);
        }
        match doctype_end(rest.as_bytes()) {
            Some(end) => self.take(end + 1, Token::Doctype(&rest[2..end])),
            None => self.bare(rest),
        }
    }

    fn cdata(&mut self, inside: &'a str, open: &str) -> Token<'a> {
        let begin = self.at + 9;
        let end = self.cdata_end.find(self.text, begin).map(|end| end - begin);
        let span = &inside[..end.unwrap_or(inside.len())];
        // A second opening before the end, with our own element ended in between, shows that the first was never closed.
        let is_suspect = end.is_none() || memmem::find(span.as_bytes(), b"<![CDATA[").is_some();
        let torn_at = if is_suspect {
            find_end_tag(span, open)
        } else {
            None
        };
        match (torn_at, end) {
            (Some(at), _) => self.take(9 + at, Token::OpenCdata(&inside[..at])),
            (None, Some(end)) => self.take(9 + end + 3, Token::Cdata(&inside[..end])),
            (None, None) => self.take(9 + inside.len(), Token::OpenCdata(inside)),
        }
    }

    fn instruction(&mut self, rest: &'a str) -> Token<'a> {
        let bytes = rest.as_bytes();
        let close = self
            .instruction_end
            .find(self.text, self.at)
            .map(|end| end + 2 - self.at);
        let bracket = memchr(b'>', bytes).map(|end| end + 1);
        let next_tag = memchr(b'<', &bytes[1..]).map(|at| at + 1);
        match (close, bracket) {
            // `<?xml … >` without its question mark: end at the bracket when a tag begins before the mark comes.
            (Some(close), Some(bracket))
                if next_tag.is_some_and(|at| at < close && bracket <= at) =>
            {
                self.take(bracket, Token::Aside)
            }
            (Some(close), _) => self.take(close, Token::Aside),
            (None, Some(bracket)) => self.take(bracket, Token::Aside),
            (None, None) => self.take(rest.len(), Token::Torn),
        }
    }

    fn end_tag(&mut self, rest: &'a str) -> Token<'a> {
        let bytes = rest.as_bytes();
        match memchr2(b'>', b'<', &bytes[2..]).map(|at| at + 2) {
            Some(end) if bytes[end] == b'>' => {
                self.take(end + 1, Token::End(name_of(&rest[2..end])))
            }
            Some(end) => self.take(end, Token::End(name_of(&rest[2..end]))),
            None => self.take(rest.len(), Token::Torn),
        }
    }

    fn start_tag(&mut self, rest: &'a str) -> Token<'a> {
        let Some(end) = tag_end(rest.as_bytes()) else {
            return self.take(rest.len(), Token::Torn);
        };
        let (inside, length) = match end {
            TagEnd::Bracket(at) => (&rest[1..at], at + 1),
            TagEnd::Runaway(at) => (&rest[1..at], at),
        };
        let is_empty = inside.ends_with('/');
        let inside = inside.strip_suffix('/').unwrap_or(inside);
        let name = name_of(inside);
        self.take(
            length,
            Token::Start(Tag {
                name,
                attributes: &inside[name.len()..],
                is_empty,
            }),
        )
    }
}

enum TagEnd {
    /// The closing bracket.
    Bracket(usize),
    /// No bracket before the next tag: it ends where that one begins.
    Runaway(usize),
}

/// Finds the end of a start tag, over quoted values, but not over a quote that nobody closes.
fn tag_end(bytes: &[u8]) -> Option<TagEnd> {
    let next_tag = |at: usize| memchr(b'<', &bytes[at..]).map_or(bytes.len(), |next| at + next);
    let (mut at, mut limit) = (1, 0);
    loop {
        // Never looks beyond the next tag, and for that only once: a document of tags that do not end, or of quotes and
        // attributes without end, is still read in linear time.
        if at > limit {
            limit = next_tag(at);
        }
        let Some(stop) = memchr3(b'>', b'"', b'\'', &bytes[at..limit]).map(|stop| at + stop) else {
            return (limit < bytes.len()).then_some(TagEnd::Runaway(limit));
        };
        if bytes[stop] == b'>' {
            return Some(TagEnd::Bracket(stop));
        }
        // Only a quote after an equals sign opens a value; another is a stray one.
        let opens = bytes[..stop]
            .iter()
            .rev()
            .find(|byte| !byte.is_ascii_whitespace())
            == Some(&b'=');
        if !opens {
            at = stop + 1;
            continue;
        }
        let value = &bytes[stop + 1..];
        match memchr(bytes[stop], value) {
            Some(close) if !is_runaway(&value[..close]) => at = stop + 1 + close + 1,
            _ => return memchr(b'>', value).map(|end| TagEnd::Bracket(stop + 1 + end)),
        }
    }
}

/// A value that spans a whole tag end and the beginning of the next is one whose closing quote is missing.
fn is_runaway(value: &[u8]) -> bool {
    memchr::memchr_iter(b'>', value).any(|at| matches!(value.get(at + 1), Some(b'<' | b'\n')))
}

fn doctype_end(bytes: &[u8]) -> Option<usize> {
    let end = memchr2(b'>', b'[', bytes)?;
    if bytes[end] == b'>' {
        return Some(end);
    }
    let close = end + memchr(b']', &bytes[end..])?;
    let subset_end = memmem::find(&bytes[end..], b"]>").map_or(close, |at| end + at);
    memchr(b'>', &bytes[subset_end..]).map(|at| subset_end + at)
}

/// Where `</name` begins, with or without regard to case.
pub(super) fn find_end_tag(text: &str, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, b"</").find(|&at| {
        let begin = at + 2;
        bytes
            .get(begin..begin + name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
            && bytes
                .get(begin + name.len())
                .is_none_or(|byte| matches!(byte, b'>' | b' ' | b'\t' | b'\r' | b'\n'))
    })
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn bytes_begin(text: &str, at: usize, test: fn(&u8) -> bool) -> bool {
    text.as_bytes().get(at).is_some_and(test)
}

fn name_of(inside: &str) -> &str {
    let end = inside
        .bytes()
        .position(|byte| {
            matches!(
                byte,
                b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'"' | b'\'' | b'=' | 0x0c
            )
        })
        .unwrap_or(inside.len());
    &inside[..end]
}

/// Walks over the attributes of a start tag: name and raw value, quotes optional, values optional.
pub(super) fn attributes(raw: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| {
            c.is_ascii_whitespace() || matches!(c, '/' | '"' | '\'' | '=')
        });
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/' | '"' | '\''))
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            rest = after;
            return Some((name, ""));
        };
        let value = value.trim_start();
        let (value, after) = match value.as_bytes().first() {
            Some(&quote @ (b'"' | b'\'')) => {
                let inside = &value[1..];
                let close = memchr(quote, inside.as_bytes()).unwrap_or(inside.len());
                (
                    &inside[..close],
                    inside.get(close + 1..).unwrap_or_default(),
                )
            }
            _ => value.split_at(
                value
                    .find(|c: char| c.is_ascii_whitespace())
                    .unwrap_or(value.len()),
            ),
        };
        rest = after;
        Some((name, value))
    })
}
