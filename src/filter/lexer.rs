//! Words of the rule language. Takes an expression; gives its tokens, each with its byte range. Refuses characters that
//! begin no token and texts that do not end.

use std::ops::Range;

use winnow::Parser;
use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{alt, delimited, not, opt, peek, repeat, terminated};
use winnow::error::ContextError;
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{any, none_of, one_of, take_while};

use super::complaint::Complaint;

/// Longest expression that is read, in bytes.
const LONGEST: usize = 4096;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A field, or one of the language's own words.
    Word(String),
    /// `'…'` or `"…"`, taken apart.
    Text(String),
    /// `12`, `0.5`.
    Number(f64),
    /// `2d`, `1h30m`, in seconds.
    Duration(f64),
    /// `2026-05-01`.
    Date(String),
    /// `==`, `<`, `(`, …
    Sign(&'static str),
}

type Input<'a> = LocatingSlice<&'a str>;
type Read<T> = Result<T, ContextError>;

/// The tokens of `text`, in order.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Complaint> {
    if text.len() > LONGEST {
        return Err(Complaint::at(
            0..text.len(),
            format!("the expression is longer than {LONGEST} bytes"),
        ));
    }
    let mut input = Input::new(text);
    let mut tokens = Vec::new();
    loop {
        if multispace0::<_, ContextError>
            .parse_next(&mut input)
            .is_err()
            || input.eof_offset() == 0
        {
            return Ok(tokens);
        }
        let start = input.current_token_start();
        match token.with_span().parse_next(&mut input) {
            Ok(found) => tokens.push(found),
            Err(_) => return Err(unreadable(text, start)),
        }
    }
}

fn unreadable(text: &str, start: usize) -> Complaint {
    let rest = &text[start..];
    let first = rest.chars().next().unwrap_or(' ');
    let at = start..start + first.len_utf8();
    match first {
        '"' | '\'' => Complaint::at(
            start..text.len(),
            format!("this text has no closing {first}"),
        ),
        '=' => Complaint::at(at, "`=` compares nothing".into()).help("write == for equal"),
        '&' => Complaint::at(at, "unexpected `&`".into()).help("write and"),
        '|' => Complaint::at(at, "unexpected `|`".into()).help("write or"),
        '!' => Complaint::at(at, "unexpected `!`".into()).help("write not"),
        '0'..='9' => {
            let end = rest
                .find(|char: char| !char.is_alphanumeric() && char != '.')
                .unwrap_or(rest.len());
            Complaint::at(
                start..start + end,
                format!("{:?} is neither a number nor a duration", &rest[..end]),
            )
            .help("durations are written 90s, 30m, 12h, 2d, 1w")
        }
        _ => Complaint::at(at, format!("unexpected character {first:?}")),
    }
}

fn token(input: &mut Input<'_>) -> Read<Token> {
    alt((text, date, duration, number, word, sign)).parse_next(input)
}

/// `\\`, `\"` and `\'` are what they escape; any other backslash stays, so that regexes may be written plainly.
fn text(input: &mut Input<'_>) -> Read<Token> {
    let quote = one_of(['"', '\'']).parse_next(input)?;
    let piece = alt((
        ('\\', one_of(['\\', '"', '\''])).map(|(_, escaped)| escaped),
        none_of(quote),
    ));
    let text: String = terminated(repeat(0.., piece), quote).parse_next(input)?;
    Ok(Token::Text(text))
}

fn date(input: &mut Input<'_>) -> Read<Token> {
    let digits = |count: usize| take_while(count..=count, |char: char| char.is_ascii_digit());
    terminated((digits(4), '-', digits(2), '-', digits(2)).take(), ends)
        .map(|date: &str| Token::Date(date.to_owned()))
        .parse_next(input)
}

fn duration(input: &mut Input<'_>) -> Read<Token> {
    let unit = one_of(['s', 'm', 'h', 'd', 'w']).map(|unit| match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86_400.0,
        _ => 604_800.0,
    });
    let part = (digit1.parse_to::<f64>(), unit).map(|(count, unit): (f64, f64)| count * unit);
    let sum = repeat(1.., part).fold(|| 0.0, |sum, part: f64| sum + part);
    terminated(sum, ends).map(Token::Duration).parse_next(input)
}

fn number(input: &mut Input<'_>) -> Read<Token> {
    terminated((digit1, opt(('.', digit1))).take().parse_to::<f64>(), ends)
        .map(Token::Number)
        .parse_next(input)
}

fn word(input: &mut Input<'_>) -> Read<Token> {
    let begins = |char: char| char.is_alphabetic() || char == '_';
    (
        one_of(begins),
        take_while(0.., |char: char| char.is_alphanumeric() || char == '_'),
    )
        .take()
        .map(|word: &str| Token::Word(word.to_owned()))
        .parse_next(input)
}

fn sign(input: &mut Input<'_>) -> Read<Token> {
    alt((
        alt((
            "==".value("=="),
            "!=".value("!="),
            "<=".value("<="),
            ">=".value(">="),
        )),
        alt((
            "<".value("<"),
            ">".value(">"),
            "(".value("("),
            ")".value(")"),
        )),
        alt(("[".value("["), "]".value("]"), ",".value(","))),
    ))
    .map(Token::Sign)
    .parse_next(input)
}

/// A number does not run into a word.
fn ends(input: &mut Input<'_>) -> Read<()> {
    not(peek(delimited(
        (),
        any.verify(|char: &char| char.is_alphanumeric() || *char == '.'),
        (),
    )))
    .parse_next(input)
}
