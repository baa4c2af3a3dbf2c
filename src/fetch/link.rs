//! `Link` headers (RFC 8288): takes header lines and the URL they came from, gives (relation, absolute URL) pairs.
//! Refuses links about another resource (`anchor`), without a relation, or past the cap.

use reqwest::header::{HeaderMap, LINK};
use url::Url;

const LINKS_KEPT: usize = 32;

/// Reads every `Link` line: several lines, comma lists, quoted values, several relations, relative targets.
#[must_use]
pub fn links(headers: &HeaderMap, base: &Url) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in headers.get_all(LINK) {
        let line = String::from_utf8_lossy(line.as_bytes());
        let mut rest = line.as_ref();
        while let Some((target, params, after)) = next_link(rest) {
            found.extend(relations(target, &params, base));
            rest = after;
        }
    }
    found.truncate(LINKS_KEPT);
    found
}

type Params<'a> = Vec<(String, &'a str)>;

fn next_link(text: &str) -> Option<(&str, Params<'_>, &str)> {
    let start = text.find('<')? + 1;
    let end = start + text.get(start..)?.find('>')?;
    let (params, after) = params(&text[end + 1..]);
    Some((&text[start..end], params, after))
}

/// Parameters up to the comma that ends the link; a comma or semicolon inside quotes ends nothing.
fn params(text: &str) -> (Params<'_>, &str) {
    let mut params = Vec::new();
    let mut quoted = false;
    let mut escaped = false;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' | ',' if !quoted => {
                params.extend(param(&text[start..at]));
                start = at + 1;
                if c == ',' {
                    return (params, &text[start..]);
                }
            }
            _ => {}
        }
    }
    params.extend(param(&text[start..]));
    (params, "")
}

fn param(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.split_once('=')?;
    Some((
        name.trim().to_ascii_lowercase(),
        value.trim().trim_matches('"').trim(),
    ))
}

fn relations(target: &str, params: &Params<'_>, base: &Url) -> Vec<(String, String)> {
    let named = |name: &str| {
        params
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| *value)
    };
    let about_another =
        named("anchor").is_some_and(|anchor| base.join(anchor).ok().as_ref() != Some(base));
    let (Some(relations), Ok(url), false) = (named("rel"), base.join(target.trim()), about_another)
    else {
        return Vec::new();
    };
    // A hub compares topics byte for byte, so that `self` stays as published where it is a whole address (R6.2).
    let whole = Url::parse(target.trim()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let topic = if whole {
        target.trim().to_owned()
    } else {
        url.to_string()
    };
    relations
        .split_ascii_whitespace()
        .map(str::to_ascii_lowercase)
        .map(|rel| match rel.as_str() {
            "self" => (rel, topic.clone()),
            _ => (rel, url.to_string()),
        })
        .collect()
}
