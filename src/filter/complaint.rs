//! What is said of a wrong rule. Takes what was found and what was wanted; gives one line with the place in the
//! expression, and where it helps the nearest name or the operators that fit.

use std::ops::Range;

use super::expression::FIELDS;
use super::lexer::Token;

/// What is wrong with an expression, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Bytes of the expression.
    pub(super) span: Range<usize>,
    /// One line, lower case, no full stop.
    pub(super) message: String,
    /// Beside the marked text.
    pub(super) label: Option<String>,
    /// What to do.
    pub(super) help: Option<String>,
}

impl Complaint {
    pub(super) fn at(span: Range<usize>, message: String) -> Self {
        Self {
            span,
            message,
            label: None,
            help: None,
        }
    }

    pub(super) fn label(mut self, label: String) -> Self {
        self.label = Some(label);
        self
    }

    pub(super) fn help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }
}

pub(super) fn unknown_field(name: &str, span: Range<usize>) -> Complaint {
    let nearest = FIELDS
        .iter()
        .map(|(known, _)| (strsim::osa_distance(name, known), *known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4);
    let complaint = Complaint::at(span, format!("unknown field `{name}`"));
    match nearest {
        Some((_, known)) => complaint.label(format!("did you mean `{known}`?")),
        None => complaint.help(&format!(
            "fields are {}",
            FIELDS.map(|(known, _)| known).join(", ")
        )),
    }
}

pub(super) fn unfit(name: &str, wanted: &str, token: &Token, at: Range<usize>) -> Complaint {
    Complaint::at(
        at,
        format!(
            "`{name}` is compared with {wanted}, not with {}",
            shown(token)
        ),
    )
}

pub(super) fn misfit(
    name: &str,
    kind: &str,
    known: &str,
    found: &str,
    at: Range<usize>,
) -> Complaint {
    Complaint::at(at, format!("`{name}` is {kind}: `{found}` does not fit"))
        .help(&format!("one of {known}"))
}

pub(super) fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Text(text) => format!("the text {text:?}"),
        Token::Number(number) => format!("the number {number}"),
        Token::Duration(seconds) => format!("a duration of {seconds} s"),
        Token::Date(date) => format!("the date {date}"),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}
