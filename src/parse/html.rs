//! Markup made safe, once: allow list, absolute addresses, no trackers, no scripts, behind guards that cost linear time.
//! Refuses markup that would make the sanitiser slow; its text is kept instead.

mod elements;
mod guard;
mod pictures;
mod tidy;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use url::Url;

use super::normalise::{Reading, Repairs, has_scheme, is_plain, web_address};
use super::text;
use crate::model::SafeHtml;
use elements::{ELEMENTS, GENERIC};
pub(super) use guard::excess;
use guard::is_settled;
use pictures::without_trackers;

/// An entry's markup beyond this is cut (PARSE-3).
pub(super) const MAX_HTML: usize = 256 * 1024;
/// And beyond so many tags: each costs the sanitiser a node of its tree.
const MAX_TAGS: usize = 8 * 1024;
/// What is safe is no longer than so many times its source, and this: addresses that are made absolute against a long base,
/// and formatting that is opened again, must not fill the memory.
const MOST_GROWTH: usize = 8;
const MOST_ADDED: usize = 32 * 1024;
/// How often markup that does not read back as it was written is read again. What still changes then becomes its text.
const MAX_READINGS: usize = 4;
/// What each link says of itself: nothing of where the reader came from, and no word for what it leads to.
const REL: &str = "noopener noreferrer nofollow";
/// Longest address kept.
pub(super) const MAX_URL: usize = 2048;

thread_local! {
    /// The base of the fragment at hand: the sanitiser is built once and its hook has no other way to learn it.
    static BASE: RefCell<Option<Url>> = const { RefCell::new(None) };
}

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(sanitiser);

fn sanitiser() -> Builder<'static> {
    let of_list = || ELEMENTS.iter().filter(|element| element.is_kept);
    let attributes: HashMap<&str, HashSet<&str>> = of_list()
        .map(|element| (element.name, element.attributes.iter().copied().collect()))
        .collect();
    let mut builder = Builder::empty();
    builder
        .tags(of_list().map(|element| element.name).collect())
        .tag_attributes(attributes)
        .generic_attributes(GENERIC.into())
        .clean_content_tags(elements::gone().collect())
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some(REL))
        .strip_comments(true)
        .attribute_filter(|tag, name, value| {
            BASE.with_borrow(|base| kept(tag, name, value, base.as_ref()))
        });
    builder
}

/// What becomes of an attribute that the allow list has passed.
fn kept<'v>(tag: &str, name: &str, value: &'v str, base: Option<&Url>) -> Option<Cow<'v, str>> {
    match name {
        _ if is_plain(value) && value.len() <= MAX_URL && name != "srcset" && name != "style" => {
            Some(Cow::Borrowed(value))
        }
        "style" => pictures::is_hidden(value).then_some(Cow::Borrowed("display:none")),
        // No address is not the page's own.
        "src" | "poster" | "longdesc" if value.trim().is_empty() => None,
        "href" | "src" | "cite" | "poster" | "longdesc" => {
            let url = absolute(value, base)?;
            let is_mail = url.starts_with("mailto:");
            (!is_mail || (tag == "a" && name == "href")).then_some(Cow::Owned(url))
        }
        "srcset" => candidates(value, base).map(Cow::Owned),
        _ => Some(Cow::Borrowed(value)),
    }
}

/// An address made absolute; only http, https and mailto, and only up to the longest address kept.
pub(super) fn absolute(address: &str, base: Option<&Url>) -> Option<String> {
    let address = address.trim();
    if is_plain(address) {
        return (address.len() <= MAX_URL).then(|| address.to_owned());
    }
    let url = match Url::parse(address) {
        Ok(url) => url,
        Err(_) if has_scheme(address) => return None,
        Err(_) => base?.join(address).ok()?,
    };
    let is_known = matches!(url.scheme(), "http" | "https" | "mailto");
    (is_known && url.as_str().len() <= MAX_URL).then(|| String::from(url))
}

/// An address as it was published where it is a whole one, else made absolute: a hub compares topics byte for byte.
pub(super) fn as_published(address: &str, base: Option<&Url>) -> Option<String> {
    let whole = address.trim();
    if whole.len() <= MAX_URL && web_address(whole).is_some() {
        return Some(whole.to_owned());
    }
    absolute(address, base)
}

/// The candidates of a `srcset`: addresses and their descriptors.
fn candidates(value: &str, base: Option<&Url>) -> Option<String> {
    let mut out = String::new();
    let mut rest = value.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
    while !rest.is_empty() && out.len() < 8 * MAX_URL {
        let end = rest
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        // A comma at the end of the address ends the candidate; one inside belongs to the address.
        let ends = address.ends_with(',');
        let address = address.trim_end_matches(',');
        let (descriptor, after) = match ends {
            true => ("", after),
            false => after.split_once(',').unwrap_or((after, "")),
        };
        let url = absolute(address, base).filter(|url| url.starts_with("http"));
        if let Some(url) = url.filter(|_| !address.is_empty()) {
            if !out.is_empty() {
                out.push_str(", ");
            }
            out.push_str(&url.replace(',', "%2C"));
            let descriptor = descriptor.trim();
            let is_sound = descriptor
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b' '));
            if !descriptor.is_empty() && is_sound {
                out.push(' ');
                out.push_str(descriptor);
            }
        }
        rest = after.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
    }
    Some(out).filter(|out| !out.is_empty())
}

/// A text of a feed as safe HTML; `None` when nothing is left.
pub(super) fn safe(
    source: &str,
    reading: Reading,
    base: Option<&Url>,
    repairs: &mut Repairs,
) -> Option<SafeHtml> {
    let source = source.trim();
    let source = if source.len() > MAX_HTML {
        repairs.note("text-too-long");
        cut(source)
    } else {
        source
    };
    let source = match memchr::memchr_iter(b'<', source.as_bytes()).nth(MAX_TAGS) {
        Some(at) if reading != Reading::Plain => {
            repairs.note("too-many-tags");
            &source[..at]
        }
        _ => source,
    };
    let html = match reading {
        Reading::Plain => text::paragraphs(source),
        Reading::Guess if !text::looks_like_html(source) => text::paragraphs(source),
        Reading::Guess | Reading::Html => {
            sanitised(&text::once_escaped(source, repairs), base, repairs)
        }
    };
    let html = match text::without_unseen(&html) {
        Cow::Borrowed(_) => html,
        // It may have stood between a tag and a line end, or before all.
        Cow::Owned(seen) => without_blank_ends(without_first_lines(seen)),
    };
    Some(html)
        .filter(|html| !html.trim().is_empty())
        .map(SafeHtml::vouched)
}

/// Up to the last tag that begins inside the cap.
fn cut(source: &str) -> &str {
    let head = text::head(source, MAX_HTML);
    memchr::memrchr(b'<', head.as_bytes())
        .filter(|&at| at > MAX_HTML / 2)
        .map_or(head, |at| &head[..at])
}

/// HTML made safe; what the guard refuses becomes its text.
pub(super) fn sanitised(source: &str, base: Option<&Url>, repairs: &mut Repairs) -> String {
    if memchr::memchr(b'<', source.as_bytes()).is_none() {
        return text::escaped(&text::with_line_feeds(&text::decoded(source)));
    }
    // Where nothing is left, the sanitiser looks again: something may be torn.
    let tidied = tidy::tidied(source, base).filter(|html| !html.trim().is_empty());
    let mut html = tidied.unwrap_or_else(|| parsed(source, base, repairs));
    if html.len() > MOST_GROWTH * source.len() + MOST_ADDED {
        html = words_alone(source, "overgrown-markup", repairs);
    }
    without_blank_ends(html)
}

/// What stood before the first text may be gone, its line ends not; so at the end.
fn without_blank_ends(mut html: String) -> String {
    html.truncate(html.trim_end().len());
    let is_blank = |character: char| character.is_whitespace() || character == '\u{feff}';
    match html.starts_with(is_blank) {
        true => html.trim_start_matches(is_blank).to_owned(),
        false => html,
    }
}

/// The text of HTML that cannot be shown as it is, and why.
fn words_alone(source: &str, why: &'static str, repairs: &mut Repairs) -> String {
    repairs.note(why);
    text::paragraphs(&text::of_html(source))
}

/// HTML made safe by the sanitiser.
fn parsed(source: &str, base: Option<&Url>, repairs: &mut Repairs) -> String {
    if let Some(excess) = excess(source) {
        return words_alone(source, excess, repairs);
    }
    BASE.set(base.cloned());
    let mut html = cleaned(source);
    // What a browser would read otherwise than it is written is read again, until it stays as it is.
    let mut readings = 0;
    let settles = loop {
        if is_settled(&html) {
            break true;
        }
        let again = cleaned(&html);
        if again == html || readings == MAX_READINGS {
            break again == html;
        }
        html = again;
        readings += 1;
    };
    BASE.set(None);
    if !settles {
        return words_alone(source, "restless-markup", repairs);
    }
    if html.trim().is_empty() && guard::has_torn_value(source) {
        return words_alone(source, "torn-attribute", repairs);
    }
    html
}

/// What the sanitiser makes of HTML in one reading, without trackers.
fn cleaned(source: &str) -> String {
    let html = SANITISER.clean(source).to_string();
    // A reference may have been to a line end of another sort than HTML reads.
    let html = match text::with_line_feeds(&html) {
        Cow::Borrowed(_) => html,
        Cow::Owned(mended) => mended,
    };
    without_first_lines(without_trackers(html))
}

/// Each reading drops a line end behind `<pre>`: where there is none, it stays as it is.
fn without_first_lines(html: String) -> String {
    if !html.contains("<pre") {
        return html;
    }
    let mut pieces = html.split_inclusive("<pre");
    let mut out = String::with_capacity(html.len());
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find('>').map_or(0, |end| end + 1);
        out.push_str(&piece[..end]);
        out.push_str(piece[end..].trim_start_matches('\n'));
    }
    out
}
