//! What a searcher typed, taken apart. Nothing of it reaches FTS5 as syntax: only folded words in quotes do.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::fold;

/// Words in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Folded, at least one.
    pub(super) words: Vec<String>,
    /// The last word may go on.
    pub(super) prefix: bool,
    /// `title` or `author`; none for anywhere.
    pub(super) column: Option<&'static str>,
    /// Must not occur.
    pub(super) excluded: bool,
    /// Stands after `OR`: it or the term before it is enough.
    alternative: bool,
}

/// Names given to one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// One of them, where there are any.
    pub(super) wanted: Vec<String>,
    /// None of them.
    pub(super) excluded: Vec<String>,
}

impl Names {
    fn push(&mut self, name: String, excluded: bool) {
        if excluded {
            self.excluded.push(name);
        } else {
            self.wanted.push(name);
        }
    }
}

/// A question taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) terms: Vec<Term>,
    pub(super) feeds: Names,
    pub(super) groups: Names,
    pub(super) languages: Names,
    pub(super) after: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
}

/// Most words of one question: more is no question.
const MOST: usize = 32;

/// Takes `text` apart; what is no known field is words. `OR` in capitals stands between two wanted terms; elsewhere it
/// is a word, or nothing at the end.
pub(super) fn parse(text: &str) -> Question {
    let mut question = Question::default();
    let (mut after_term, mut after_or) = (false, false);
    for piece in pieces(text).into_iter().take(MOST) {
        if piece == "OR" && after_term {
            (after_term, after_or) = (false, true);
            continue;
        }
        let known = question.terms.len();
        question.take(&piece);
        let term = question.terms.get_mut(known).filter(|term| !term.excluded);
        after_term = term.is_some();
        if let Some(term) = term {
            term.alternative = after_or;
        }
        after_or = false;
    }
    question
}

/// Splits at white space outside quotes.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quoted = false;
    for letter in text.chars() {
        let letter = if matches!(letter, '“' | '”' | '„' | '«' | '»') {
            '"'
        } else {
            letter
        };
        quoted ^= letter == '"';
        if letter.is_whitespace() && !quoted {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

impl Question {
    fn take(&mut self, piece: &str) {
        let (excluded, rest) = match piece.strip_prefix('-') {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, piece),
        };
        let (field, value) = rest.split_once(':').unwrap_or(("", rest));
        let plain = value.trim_matches('"');
        match field.to_ascii_lowercase().as_str() {
            "title" => self.words(value, Some("title"), excluded),
            "author" => self.words(value, Some("author"), excluded),
            "feed" if !plain.is_empty() => self.feeds.push(plain.to_owned(), excluded),
            "group" if !plain.is_empty() => self.groups.push(plain.to_owned(), excluded),
            "lang" if !plain.is_empty() => {
                self.languages.push(plain.to_ascii_lowercase(), excluded);
            }
            // What is not after a day is before it.
            "after" if excluded && day(plain).is_some() => self.before = day(plain),
            "before" if excluded && day(plain).is_some() => self.after = day(plain),
            "after" if day(plain).is_some() => self.after = day(plain),
            "before" if day(plain).is_some() => self.before = day(plain),
            _ => self.words(rest, None, excluded),
        }
    }

    fn words(&mut self, text: &str, column: Option<&'static str>, excluded: bool) {
        let words = fold::asked(text);
        let Some(last) = words.last() else { return };
        let prefix = text.trim_end_matches('"').ends_with('*') || fold::is_lone(last);
        self.terms.push(Term {
            words,
            prefix,
            column,
            excluded,
            alternative: false,
        });
    }

    /// What must be said, and what must not beside it, in FTS5's words; none where no word is asked for.
    pub(super) fn said(&self) -> Option<String> {
        let mut all: Vec<String> = Vec::new();
        for term in self.terms.iter().filter(|term| !term.excluded) {
            match all.last_mut() {
                Some(last) if term.alternative => {
                    last.push_str(&format!(" OR {}", term.fts()));
                }
                _ => all.push(term.fts()),
            }
        }
        if all.is_empty() {
            return None;
        }
        let mut fts = format!("(({}))", all.join(") AND ("));
        if let Some(unsaid) = self.unsaid() {
            fts.push_str(&format!(" NOT {unsaid}"));
        }
        Some(fts)
    }

    /// What must not be said, in FTS5's words; none where nothing is left out.
    pub(super) fn unsaid(&self) -> Option<String> {
        let excluded = self.terms.iter().filter(|term| term.excluded);
        let excluded: Vec<String> = excluded.map(Term::fts).collect();
        (!excluded.is_empty()).then(|| format!("({})", excluded.join(" OR ")))
    }
}

impl Term {
    fn fts(&self) -> String {
        let column = self
            .column
            .map(|column| format!("{column} : "))
            .unwrap_or_default();
        let star = if self.prefix { "*" } else { "" };
        format!("({column}\"{}\"{star})", self.words.join(" "))
    }
}

fn day(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}
