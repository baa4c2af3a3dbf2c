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
}

/// A question taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) terms: Vec<Term>,
    pub(super) feeds: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) languages: Vec<String>,
    pub(super) after: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
}

/// Most words of one question: more is no question.
const MOST: usize = 32;

/// Takes `text` apart; what is no known field is words.
pub(super) fn parse(text: &str) -> Question {
    let mut question = Question::default();
    for piece in pieces(text).into_iter().take(MOST) {
        question.take(&piece);
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
            "feed" if !excluded && !plain.is_empty() => self.feeds.push(plain.to_owned()),
            "group" if !excluded && !plain.is_empty() => self.groups.push(plain.to_owned()),
            "lang" if !excluded && !plain.is_empty() => {
                self.languages.push(plain.to_ascii_lowercase())
            }
            "after" if !excluded && day(plain).is_some() => self.after = day(plain),
            "before" if !excluded && day(plain).is_some() => self.before = day(plain),
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
        });
    }

    /// The question in FTS5's words; none where it asks for no word.
    pub(super) fn fts(&self) -> Option<String> {
        let of = |excluded: bool| {
            self.terms
                .iter()
                .filter(move |term| term.excluded == excluded)
                .map(Term::fts)
        };
        let wanted: Vec<String> = of(false).collect();
        if wanted.is_empty() {
            return None;
        }
        let mut fts = format!("({})", wanted.join(" AND "));
        of(true).for_each(|term| fts.push_str(&format!(" NOT {term}")));
        Some(fts)
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
