//! The canonical form of a link: two links are the same page when their forms are equal. Takes a link as published and
//! the operator's own parameters; gives host, path and what is left of the query, without a scheme. Refuses what is no
//! web address, and what names no page: a bare home page is the same for every entry of a site.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use super::tracking;

/// File names that servers answer with for the folder itself.
const INDEX_FILES: [&str; 9] = [
    "index.html",
    "index.htm",
    "index.php",
    "index.asp",
    "index.aspx",
    "index.jsp",
    "default.aspx",
    "default.asp",
    "default.htm",
];
/// Labels in front of a host that choose a layout, not a page.
const LAYOUT_LABELS: [&str; 5] = ["www", "m", "mobile", "amp", "touch"];
/// Path parameters (`;name=…`) that carry a session.
const SESSION_SEGMENTS: [&str; 4] = ["jsessionid=", "phpsessid=", "sid=", "sessionid="];

/// The canonical form of `link`; none where it is no web address or carries no identity.
pub(super) fn canonical(link: &str, own: &[String]) -> Option<String> {
    let mut url = parsed(link.trim())?;
    while let Some(inner) = unwrapped(&url) {
        url = inner;
    }
    let host = canonical_host(url.host_str()?);
    let path = canonical_path(url.path());
    let query = canonical_query(&host, url.query().unwrap_or_default(), own);
    let route = url
        .fragment()
        .filter(|fragment| fragment.starts_with('!') && fragment.len() > 1);
    if path.is_empty() && query.is_empty() && route.is_none() {
        return None;
    }
    let mut form = host;
    if let Some(port) = url.port().filter(|port| !matches!(port, 80 | 443)) {
        form.push_str(&format!(":{port}"));
    }
    form.push_str(&path);
    if path.is_empty() {
        form.push('/');
    }
    if !query.is_empty() {
        form.push('?');
        form.push_str(&query);
    }
    if let Some(route) = route {
        form.push('#');
        form.push_str(&settled_escapes(route));
    }
    Some(form)
}

/// The host of a link as canonical links have it.
pub(super) fn host_of(link: &str) -> Option<String> {
    parsed(link.trim())?.host_str().map(canonical_host)
}

/// Whether a canonical link looks like one article's page: its end names something. `/news` and `/changelog` do not.
pub(super) fn names_article(form: &str) -> bool {
    let (path, query) = form.split_once('?').unwrap_or((form, ""));
    let tail = path
        .split_once('/')
        .map_or("", |(_, path)| path)
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let hyphens = tail
        .bytes()
        .filter(|byte| matches!(byte, b'-' | b'_'))
        .count();
    form.contains("#!")
        || query.bytes().any(|byte| byte.is_ascii_digit())
        || tail.bytes().any(|byte| byte.is_ascii_digit())
        || hyphens >= 2
        || tail.len() >= 16
}

/// Reads a link; one without a scheme (a canonical form, say) is taken for a web address.
fn parsed(link: &str) -> Option<Url> {
    let has_scheme = |scheme: &str| {
        link.get(..scheme.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    };
    let text = if has_scheme("http://") || has_scheme("https://") {
        Cow::Borrowed(link)
    } else if let Some(rest) = link.strip_prefix("//") {
        Cow::Owned(format!("https://{rest}"))
    } else {
        Cow::Owned(format!("https://{link}"))
    };
    Url::parse(&text).ok().filter(|url| {
        url.host_str()
            .is_some_and(|host| host.contains('.') || host.contains(':') || host == "localhost")
    })
}

/// The page inside an AMP cache or viewer address.
fn unwrapped(url: &Url) -> Option<Url> {
    let host = url.host_str()?;
    let path = url.path().trim_start_matches('/');
    let inner = if host.ends_with("cdn.ampproject.org") {
        let rest = ["c/", "v/", "wp/", "i/"]
            .iter()
            .find_map(|prefix| path.strip_prefix(prefix))?;
        rest.strip_prefix("s/").unwrap_or(rest)
    } else if canonical_host(host).starts_with("google.") {
        let rest = path.strip_prefix("amp/")?;
        rest.strip_prefix("s/").unwrap_or(rest)
    } else {
        return None;
    };
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    Url::parse(&format!("https://{inner}{query}"))
        .ok()
        .filter(|url| url.host_str().is_some_and(|host| host.contains('.')))
}

/// Host without the labels that choose a layout (`www.`, `m.`, `en.m.`); at least two labels stay.
fn canonical_host(host: &str) -> String {
    let mut host = host.trim_end_matches('.').to_ascii_lowercase();
    while let Some((label, rest)) = host.split_once('.') {
        if LAYOUT_LABELS.contains(&label) && rest.contains('.') {
            host = rest.to_owned();
        } else if let Some(rest) = rest.strip_prefix("m.").filter(|rest| rest.contains('.')) {
            // Wikipedia's telephone edition: en.m.wikipedia.org.
            host = format!("{label}.{rest}");
        } else {
            break;
        }
    }
    host
}

/// Path without sessions, AMP marks, index files, doubled and trailing slashes; empty for the root.
fn canonical_path(path: &str) -> String {
    let settled = settled_escapes(path);
    let mut segments: Vec<&str> = settled
        .split('/')
        .map(without_session)
        .filter(|segment| !segment.is_empty())
        .collect();
    while let Some(last) = segments.last().copied() {
        let lower = last.to_ascii_lowercase();
        if lower == "amp" || lower == "amp.html" || INDEX_FILES.contains(&lower.as_str()) {
            segments.pop();
        } else {
            break;
        }
    }
    while segments.len() > 1 && segments[0].eq_ignore_ascii_case("amp") {
        segments.remove(0);
    }
    let joined: String = segments.iter().flat_map(|segment| ["/", segment]).collect();
    match joined
        .strip_suffix(".amp.html")
        .or_else(|| joined.strip_suffix(".amp"))
    {
        // `/.amp` would leave nothing; such a name is the page's own.
        Some(stem) if !stem.ends_with('/') && !stem.is_empty() => canonical_path(&format!(
            "{stem}{}",
            if joined.ends_with(".html") {
                ".html"
            } else {
                ""
            }
        )),
        _ => joined,
    }
}

fn without_session(segment: &str) -> &str {
    match segment.split_once(';') {
        Some((head, tail))
            if SESSION_SEGMENTS
                .iter()
                .any(|name| tail.to_ascii_lowercase().starts_with(name)) =>
        {
            head
        }
        _ => segment,
    }
}

/// Parameters that name the page, sorted, each once.
fn canonical_query(host: &str, query: &str, own: &[String]) -> String {
    let mut kept: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (
                percent_decode_str(name).decode_utf8_lossy(),
                percent_decode_str(value).decode_utf8_lossy(),
            );
            !tracking::tracks(host, &name, &value, own)
        })
        .map(|pair| settled_escapes(&pair.replace('+', "%20")))
        .collect();
    kept.sort_unstable();
    kept.dedup();
    kept.join("&")
}

/// RFC 3986 §6.2.2: unreserved characters bare, the other escapes in upper case.
fn settled_escapes(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut settled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        settled.push_str(&rest[..at]);
        let byte = rest.get(at + 1..at + 3).and_then(|digits| {
            digits
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit())
                .then(|| u8::from_str_radix(digits, 16).ok())?
        });
        rest = &rest[at + 1..];
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                settled.push(char::from(byte));
                rest = &rest[2..];
            }
            Some(byte) => {
                settled.push_str(&format!("%{byte:02X}"));
                rest = &rest[2..];
            }
            // A lone sign must not meet what is unescaped behind it.
            None => settled.push_str("%25"),
        }
    }
    settled.push_str(rest);
    settled
}
