//! Preconditions and codings of a request for a finished document: pure, from headers to a decision.

use axum::http::{HeaderMap, header};
use bytes::Bytes;

use crate::publish::{Coding, Document};

/// Does the client hold the present bytes? `If-None-Match` decides alone; `If-Modified-Since` only without it
/// (RFC 9110 13.2.2). Tags are compared weakly and across codings: proxies add and drop `W/` and `-gzip` (R7.2).
pub(super) fn is_current(headers: &HeaderMap, document: &Document) -> bool {
    let mut tags = headers.get_all(header::IF_NONE_MATCH).iter().peekable();
    if tags.peek().is_some() {
        return tags.any(|value| {
            value
                .to_str()
                .is_ok_and(|list| matches_tag(list, &document.etag))
        });
    }
    let since = headers
        .get(header::IF_MODIFIED_SINCE)
        .and_then(|value| value.to_str().ok());
    let Some(since) = since.and_then(|text| httpdate::parse_http_date(text.trim()).ok()) else {
        return false;
    };
    let since = since
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    // A document without an instant of its last change is judged by its tag alone (R7.3).
    let changed = document.changed_at.map(|at| at.as_second());
    changed.is_some_and(|changed| u64::try_from(changed).is_ok_and(|changed| changed <= since))
}

fn matches_tag(list: &str, current: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || bare(tag) == current)
}

/// A tag without `W/`, quotes and the coding's name that a server or proxy may have put behind it.
fn bare(tag: &str) -> &str {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let tag = tag.strip_prefix('"').unwrap_or(tag);
    let tag = tag.strip_suffix('"').unwrap_or(tag);
    ["-gzip", ";gzip", "-br", "-zstd"]
        .iter()
        .find_map(|suffix| tag.strip_suffix(suffix))
        .unwrap_or(tag)
}

/// The coding to answer in, with its bytes: the smallest that the client accepts; identity when none is, since
/// RFC 9110 12.5.3 lets a server ignore the field rather than answer 406.
pub(super) fn coded<'a>(
    headers: &HeaderMap,
    document: &'a Document,
) -> (Option<&'static str>, &'a Bytes) {
    let accepted = Accepted::read(headers);
    [
        (Coding::Brotli, &document.brotli),
        (Coding::Zstd, &document.zstd),
        (Coding::Gzip, &document.gzip),
    ]
    .into_iter()
    .filter_map(|(coding, bytes)| bytes.as_ref().map(|bytes| (coding.name(), bytes)))
    .filter(|(name, _)| accepted.takes(name))
    .min_by_key(|(_, bytes)| bytes.len())
    .map_or((None, &document.identity), |(name, bytes)| {
        (Some(name), bytes)
    })
}

/// The coding to make for a client: what packs best among those that it takes.
pub(super) fn preferred(headers: &HeaderMap) -> Option<Coding> {
    let accepted = Accepted::read(headers);
    [Coding::Brotli, Coding::Zstd, Coding::Gzip]
        .into_iter()
        .find(|coding| accepted.takes(coding.name()))
}

/// `Accept-Encoding`, read once: which names have a weight above zero.
struct Accepted<'h> {
    named: Vec<(&'h str, bool)>,
    any: bool,
}

impl<'h> Accepted<'h> {
    fn read(headers: &'h HeaderMap) -> Self {
        let mut accepted = Self {
            named: Vec::new(),
            any: false,
        };
        let fields = headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok());
        for member in fields.flat_map(|field| field.split(',')) {
            let (name, parameters) = member.split_once(';').unwrap_or((member, ""));
            let weight = parameters
                .trim()
                .strip_prefix("q=")
                .and_then(|q| q.trim().parse::<f32>().ok());
            let wanted = weight.unwrap_or(1.0) > 0.0;
            match name.trim() {
                "" => {}
                "*" => accepted.any = wanted,
                name => accepted.named.push((name, wanted)),
            }
        }
        accepted
    }

    fn takes(&self, name: &str) -> bool {
        let named = self.named.iter().find(|(known, _)| {
            known.eq_ignore_ascii_case(name)
                || (name == "gzip" && known.eq_ignore_ascii_case("x-gzip"))
        });
        named.map_or(self.any, |(_, wanted)| *wanted)
    }
}
