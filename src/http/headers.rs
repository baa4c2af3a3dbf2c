//! The header set that every answer carries, errors included (WEB-3).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Pages: nothing loads but our own style sheet and images that are ours or, where the operator allows it, https.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
const PAGE_POLICY_WITH_IMAGES: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' https: data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
/// The web copy of a mail: its styles are inline, as mail programs want them, and it needs nothing else.
pub(super) const MAIL_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// Feeds and data: opened in a browser, they may do nothing at all.
const DATA_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");

/// Which sites may load an answer; one that has it already is not open to every page, whatever its type.
pub(super) const RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// May pages show remote images?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Images {
    Own,
    Remote,
}

/// Types that any page may read (R7.6): feeds, and what a search found. The operator's numbers are not among them.
const OPEN: &[&str] = &[
    "application/atom+xml",
    "application/rss+xml",
    "application/feed+json",
    "application/json",
];

/// Adds the set to `headers`, by the media type of the document that is answered for, else by the one that is there. A
/// 304 carries no type, and caches take its fields for those of the stored 200 (RFC 9111 3.2), so it must say the same. A
/// policy that is there already stays.
pub(super) fn protect(headers: &mut HeaderMap, document: Option<&str>, images: Images) {
    let there = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = document.or(there).unwrap_or_default();
    let page = kind.starts_with("text/html");
    let closed = headers.contains_key(RESOURCE_POLICY);
    let feed = !closed && OPEN.iter().any(|open| kind.starts_with(open));
    let policy = match (page, images) {
        (true, Images::Own) => PAGE_POLICY,
        (true, Images::Remote) => PAGE_POLICY_WITH_IMAGES,
        (false, _) => DATA_POLICY,
    };
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(policy);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    // Feeds are for any page to read (R7.6); pages are not for other sites to embed.
    let (origin, resource) = if feed {
        (Some("*"), "cross-origin")
    } else {
        (None, "same-origin")
    };
    if let Some(origin) = origin {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static(origin),
        );
    }
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(resource));
}
