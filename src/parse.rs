//! Bytes to [`ParsedFeed`]: encoding settled, normalised, mapped, made safe once. The door to feed-rs and the sanitiser.
//! Refuses what holds no feed, saying why; a web page's own feeds are named.

mod article;
mod charset;
pub mod date;
mod html;
mod identity;
mod json;
mod language;
mod map;
mod normalise;
mod text;
mod tokens;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::model::ParsedFeed;
pub use article::{Article, article};
use normalise::Repairs;

/// What the outside knows of a document.
#[derive(Clone, Debug, Default)]
pub struct ParseContext {
    /// `Content-Type` of the response.
    pub content_type: Option<String>,
    /// The URL it came from: base of relative addresses.
    pub base_url: Option<String>,
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but white space.
    #[error("the document is empty")]
    Empty,
    /// A web page; with the feeds that it names, if any.
    #[error("the document is a web page, not a feed")]
    WebPage {
        /// `link rel=alternate` feed addresses.
        feeds: Vec<String>,
    },
    /// Something else.
    #[error("the document is no feed: {0}")]
    NotAFeed(String),
    /// A cap was hit, or the parser gave up.
    #[error("the feed cannot be read: {0}")]
    Unreadable(String),
}

/// Parses. Pure, bounded in time, stack and memory; never panics. Same bytes and context, same result.
///
/// # Errors
/// When the document holds no feed, or none that can be read.
pub fn parse(bytes: &[u8], context: &ParseContext) -> Result<ParsedFeed, ParseError> {
    catch_unwind(AssertUnwindSafe(|| parse_unguarded(bytes, context)))
        .unwrap_or_else(|_| Err(ParseError::Unreadable("the parser gave up".to_owned())))
}

fn parse_unguarded(bytes: &[u8], context: &ParseContext) -> Result<ParsedFeed, ParseError> {
    let mut repairs = Repairs::default();
    let address = context.base_url.as_deref();
    let decoded = charset::decode(
        bytes,
        context.content_type.as_deref(),
        address,
        &mut repairs,
    );
    let text = decoded
        .text
        .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    if text.trim_end_matches('\0').trim().is_empty() {
        return Err(ParseError::Empty);
    }
    let is_json = ["{", "//", "/*"]
        .iter()
        .any(|begin| text.starts_with(begin));
    let normalised = if is_json {
        json::normalise(text, address, &mut repairs)
            // Junk before the root may begin with a brace.
            .or_else(|error| normalise::normalise(text, address, &mut repairs).map_err(|_| error))?
    } else {
        normalise::normalise(text, address, &mut repairs)?
    };
    map::feed(normalised, decoded.encoding, repairs)
}
