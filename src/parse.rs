//! Bytes to [`ParsedFeed`]: encoding settled, normalised, mapped, made safe once. The door to feed-rs and the sanitiser.
//! Refuses what holds no feed, saying why; a web page's own feeds are named.

mod article;
mod charset;
pub mod date;
mod html;
mod icon;
mod identity;
mod json;
mod language;
mod map;
mod normalise;
mod text;
mod tokens;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::model::{ParsedFeed, SafeHtml};
pub use article::{Article, article};
pub use icon::icon_kind;
use normalise::{Normalised, Reading, Repairs};

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
    let (normalised, encoding) = normalised(bytes, context, &mut repairs)?;
    map::feed(normalised, encoding, repairs)
}

/// Bytes to the text that they mean, without regard to what it holds: the first stage of [`parse`].
#[must_use]
pub fn decoded(bytes: &[u8], context: &ParseContext) -> String {
    let kind = context.content_type.as_deref();
    let mut repairs = Repairs::default();
    let decoded = charset::decode(bytes, kind, context.base_url.as_deref(), &mut repairs);
    decoded.text.into_owned()
}

/// Bytes to the canonical RSS 2.0, Atom 1.0 or JSON Feed that feed-rs is given: the second stage of [`parse`].
///
/// # Errors
/// When the document holds no feed.
pub fn canonical(bytes: &[u8], context: &ParseContext) -> Result<String, ParseError> {
    normalised(bytes, context, &mut Repairs::default()).map(|(normalised, _)| normalised.document)
}

/// Markup made safe, addresses absolute against `base`: what [`parse`] does to every text that is HTML.
#[must_use]
pub fn safe_html(source: &str, base: Option<&str>) -> Option<SafeHtml> {
    let base = base.and_then(normalise::web_address);
    html::safe(
        source,
        Reading::Html,
        base.as_ref(),
        &mut Repairs::default(),
    )
}

fn normalised(
    bytes: &[u8],
    context: &ParseContext,
    repairs: &mut Repairs,
) -> Result<(Normalised, &'static str), ParseError> {
    let address = context.base_url.as_deref();
    let decoded = charset::decode(bytes, context.content_type.as_deref(), address, repairs);
    let text = charset::undoubled(decoded.text, repairs);
    let text =
        text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    if text.trim_end_matches('\0').trim().is_empty() {
        return Err(ParseError::Empty);
    }
    let is_json = ["{", "//", "/*"]
        .iter()
        .any(|begin| text.starts_with(begin));
    let normalised = if is_json {
        json::normalise(text, address, repairs)
            // Junk before the root may begin with a brace.
            .or_else(|error| normalise::normalise(text, address, repairs).map_err(|_| error))?
    } else {
        normalise::normalise(text, address, repairs)?
    };
    Ok((normalised, decoded.encoding))
}
