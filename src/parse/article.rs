//! A web page's main content: takes the bytes of an article's page, gives its text and safe markup. The door to the
//! extractor. Refuses pages that no writer made: too large, too deep; and pages in which it finds no article.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dom_smoothie::{Config, Readability};
use url::Url;

use super::html;
use super::normalise::{Reading, Repairs};
use super::{charset, text};
use crate::model::SafeHtml;

/// Elements of a page beyond which it is not looked at.
const MOST_ELEMENTS: usize = 20_000;

/// What a page is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Article {
    /// Markup, as safe as an entry's own.
    pub html: SafeHtml,
    /// Its text.
    pub text: String,
    /// The address that it gives as its own.
    pub canonical_url: Option<String>,
}

/// The main content of `page`, which came from `url`; none where there is none to be found.
#[must_use]
pub fn article(page: &[u8], content_type: Option<&str>, url: &str) -> Option<Article> {
    catch_unwind(AssertUnwindSafe(|| extracted(page, content_type, url))).ok()?
}

fn extracted(page: &[u8], content_type: Option<&str>, url: &str) -> Option<Article> {
    let mut repairs = Repairs::default();
    let decoded = charset::decode(page, content_type, Some(url), &mut repairs);
    if html::excess(&decoded.text).is_some() {
        return None;
    }
    let config = Config {
        max_elements_to_parse: MOST_ELEMENTS,
        disable_json_ld: true,
        ..Config::default()
    };
    let mut reader = Readability::new(decoded.text.as_ref(), Some(url), Some(config)).ok()?;
    let base = Url::parse(url).ok();
    let canonical_url = canonical(&reader, base.as_ref());
    let content = reader.parse().ok()?.content;
    let html = html::safe(&content, Reading::Html, base.as_ref(), &mut repairs)?;
    let text = text::of_html(html.as_str());
    Some(Article {
        html,
        text,
        canonical_url,
    })
}

fn canonical(reader: &Readability, base: Option<&Url>) -> Option<String> {
    let declared = reader.doc.select_single("link[rel=canonical]");
    let address = base?.join(declared.attr("href")?.trim()).ok()?;
    matches!(address.scheme(), "http" | "https").then(|| address.to_string())
}
