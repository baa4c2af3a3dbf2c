//! The grammar of the rule language. Takes an expression; gives its compiled condition. Refuses unknown fields, values
//! and operators that do not fit a field, regexes that are too long or too large, each with the place in the text.
//!
//! ```text
//! any   = all { "or" all }          all = one { "and" one }
//! one   = "not" one | "(" any ")" | flag | field operator value
//! ```

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use regex::{Regex, RegexBuilder};

use super::complaint::{Complaint, misfit, shown, unfit, unknown_field};
use super::expression::{Condition, FIELDS, Field, Order, TextTest, fold};
use super::lexer::{Token, tokens};

/// Deepest nesting of brackets and `not`.
const DEEPEST: usize = 32;
/// Longest regex, in characters (WEB-10).
const REGEX_CHARS: usize = 1024;
/// Largest compiled regex, in bytes (WEB-10).
const REGEX_BYTES: usize = 1 << 20;
const TEXT_OPERATORS: &str = "==, !=, contains, matches, starts with, ends with, in";
const ORDER_OPERATORS: &str = "==, !=, <, <=, >, >=";

/// Compiles `text`.
pub(super) fn compile(text: &str) -> Result<Condition, Complaint> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(Complaint::at(
            0..text.len(),
            "the expression is empty".into(),
        ));
    }
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.len(),
        depth: 0,
    };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some((token, span)) => Err(Complaint::at(
            span.clone(),
            format!("unexpected {} after the expression", shown(token)),
        )
        .label("`and` or `or` before this?".into())),
    }
}

/// Compiles a regex under the limits; the message tells what is wrong with it.
pub(super) fn regex(pattern: &str) -> Result<Regex, String> {
    let length = pattern.chars().count();
    if length > REGEX_CHARS {
        return Err(format!(
            "the regex has {length} characters, more than {REGEX_CHARS}"
        ));
    }
    RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "the regex is too large once compiled (more than 1 MiB)".to_owned()
            }
            error => {
                let text = error.to_string();
                let reason = text
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error:")
                    .trim();
                format!("the regex cannot be read: {reason}")
            }
        })
}

struct Parser<'t> {
    tokens: &'t [(Token, Range<usize>)],
    at: usize,
    end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn any(&mut self) -> Result<Condition, Complaint> {
        let mut parts = vec![self.all()?];
        while self.took_word("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 {
            parts.swap_remove(0)
        } else {
            Condition::Any(parts)
        })
    }

    fn all(&mut self) -> Result<Condition, Complaint> {
        let mut parts = vec![self.one()?];
        while self.took_word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 {
            parts.swap_remove(0)
        } else {
            Condition::All(parts)
        })
    }

    fn one(&mut self) -> Result<Condition, Complaint> {
        if self.took_word("not") {
            self.deeper()?;
            let inner = self.one()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.took_sign("(") {
            self.deeper()?;
            let inner = self.any()?;
            self.expect_sign(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, Complaint> {
        let (name, span) = match self.next() {
            Some((Token::Word(name), span)) => (name.as_str(), span.clone()),
            Some((token, span)) => {
                return Err(Complaint::at(
                    span.clone(),
                    format!("expected a field, found {}", shown(token)),
                ));
            }
            None => {
                return Err(Complaint::at(
                    self.end..self.end,
                    "expected a field, found the end of the expression".into(),
                ));
            }
        };
        let Some((name, field)) = FIELDS.iter().find(|(known, _)| *known == name) else {
            return Err(unknown_field(name, span));
        };
        match *field {
            Field::Flag(flag) => Ok(Condition::Flag(flag)),
            Field::Text(field) => {
                let (operator, at) = self.operator(name, TEXT_OPERATORS)?;
                let (test, negated) = self.text_test(name, operator, at)?;
                let condition = Condition::Text(field, test);
                Ok(if negated {
                    Condition::Not(Box::new(condition))
                } else {
                    condition
                })
            }
            Field::Number(field) => {
                let order = self.order(name)?;
                match self.value(name, "a number such as 100")? {
                    (Token::Number(value), _) => Ok(Condition::Number(field, order, *value)),
                    (token, at) => Err(unfit(name, "a number such as 100", token, at)),
                }
            }
            Field::Age => {
                let order = self.order(name)?;
                match self.value(name, "a duration such as 2d")? {
                    (Token::Duration(value), _) => Ok(Condition::Age(order, *value)),
                    (token, at) => Err(unfit(name, "a duration such as 2d", token, at)),
                }
            }
            Field::Instant(field) => {
                let order = self.order(name)?;
                let (token, at) = self.value(name, "a date such as 2026-05-01")?;
                instant(token)
                    .map(|instant| Condition::Instant(field, order, instant))
                    .ok_or_else(|| unfit(name, "a date such as 2026-05-01", token, at))
            }
        }
    }

    /// The test that `operator` and the value behind it make, and whether it is turned round.
    fn text_test(
        &mut self,
        name: &str,
        operator: &str,
        at: Range<usize>,
    ) -> Result<(TextTest, bool), Complaint> {
        let test = match operator {
            "==" | "!=" => TextTest::Equals(self.text(name)?),
            "contains" => TextTest::Contains(self.text(name)?),
            "starts" => {
                self.expect_with("starts")?;
                TextTest::StartsWith(self.text(name)?)
            }
            "ends" => {
                self.expect_with("ends")?;
                TextTest::EndsWith(self.text(name)?)
            }
            "in" => TextTest::In(self.list(name)?),
            "matches" => {
                let (pattern, at) = self.raw_text(name)?;
                TextTest::Matches(regex(pattern).map_err(|message| Complaint::at(at, message))?)
            }
            other => return Err(misfit(name, "text", TEXT_OPERATORS, other, at)),
        };
        Ok((test, operator == "!="))
    }

    fn order(&mut self, name: &str) -> Result<Order, Complaint> {
        let (operator, at) = self.operator(name, ORDER_OPERATORS)?;
        Ok(match operator {
            "==" => Order::Equal,
            "!=" => Order::Unequal,
            "<" => Order::Less,
            "<=" => Order::LessOrEqual,
            ">" => Order::Greater,
            ">=" => Order::GreaterOrEqual,
            other => return Err(misfit(name, "ordered", ORDER_OPERATORS, other, at)),
        })
    }

    fn operator(&mut self, name: &str, known: &str) -> Result<(&'t str, Range<usize>), Complaint> {
        match self.next() {
            Some((Token::Sign(sign), at))
                if matches!(*sign, "==" | "!=" | "<" | "<=" | ">" | ">=") =>
            {
                Ok((*sign, at.clone()))
            }
            Some((Token::Word(word), at)) => Ok((word.as_str(), at.clone())),
            Some((token, at)) => Err(Complaint::at(
                at.clone(),
                format!(
                    "expected an operator after `{name}`, found {}",
                    shown(token)
                ),
            )
            .help(&format!("one of {known}"))),
            None => Err(Complaint::at(
                self.end..self.end,
                format!("expected an operator after `{name}`, found the end of the expression"),
            )
            .help(&format!("one of {known}"))),
        }
    }

    fn text(&mut self, name: &str) -> Result<String, Complaint> {
        self.raw_text(name).map(|(text, _)| fold(text))
    }

    fn raw_text(&mut self, name: &str) -> Result<(&'t str, Range<usize>), Complaint> {
        match self.value(name, "a text in quotes")? {
            (Token::Text(text), at) => Ok((text.as_str(), at)),
            (token, at) => Err(unfit(name, "a text in quotes", token, at)),
        }
    }

    fn list(&mut self, name: &str) -> Result<Vec<String>, Complaint> {
        self.expect_sign("[")?;
        let mut texts = vec![self.text(name)?];
        while self.took_sign(",") {
            if matches!(self.peek(), Some((Token::Sign("]"), _))) {
                break;
            }
            texts.push(self.text(name)?);
        }
        self.expect_sign("]")?;
        Ok(texts)
    }

    fn value(&mut self, name: &str, wanted: &str) -> Result<(&'t Token, Range<usize>), Complaint> {
        let end = self.end;
        self.next()
            .map(|(token, at)| (token, at.clone()))
            .ok_or_else(|| {
                Complaint::at(
                    end..end,
                    format!("`{name}` is compared with {wanted}, found the end of the expression"),
                )
            })
    }

    fn expect_with(&mut self, word: &str) -> Result<(), Complaint> {
        let at = self.here();
        if self.took_word("with") {
            Ok(())
        } else {
            Err(Complaint::at(at, format!("expected `with` after `{word}`")))
        }
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), Complaint> {
        let at = self.here();
        let found = self.peek().map_or_else(
            || "the end of the expression".to_owned(),
            |(token, _)| shown(token),
        );
        if self.took_sign(sign) {
            Ok(())
        } else {
            Err(Complaint::at(
                at,
                format!("expected `{sign}`, found {found}"),
            ))
        }
    }

    fn deeper(&mut self) -> Result<(), Complaint> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Complaint::at(
                self.here(),
                format!("nested deeper than {DEEPEST}"),
            ));
        }
        Ok(())
    }

    fn here(&self) -> Range<usize> {
        self.peek()
            .map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn peek(&self) -> Option<&'t (Token, Range<usize>)> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'t (Token, Range<usize>)> {
        let token = self.tokens.get(self.at);
        self.at += usize::from(token.is_some());
        token
    }

    fn took_word(&mut self, word: &str) -> bool {
        let took = matches!(self.peek(), Some((Token::Word(found), _)) if found == word);
        self.at += usize::from(took);
        took
    }

    fn took_sign(&mut self, sign: &str) -> bool {
        let took = matches!(self.peek(), Some((Token::Sign(found), _)) if *found == sign);
        self.at += usize::from(took);
        took
    }
}

/// A date is midnight UTC; a text may also be an RFC 3339 instant.
fn instant(token: &Token) -> Option<Timestamp> {
    let (Token::Date(text) | Token::Text(text)) = token else {
        return None;
    };
    text.parse::<Timestamp>().ok().or_else(|| {
        let date: Date = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    })
}
