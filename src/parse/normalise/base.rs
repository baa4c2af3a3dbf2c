//! Relative addresses made absolute: against `xml:base`, else the document's own address, else the site's.

use url::Url;

use super::node::Node;

/// Knows where a document came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bases {
    /// The document's own address.
    pub(crate) document: Option<Url>,
    /// The site's, for documents that came from nowhere.
    pub(crate) site: Option<Url>,
}

impl Bases {
    /// For a document that came from `address`.
    pub(crate) fn new(address: Option<&str>) -> Self {
        Self {
            document: address.and_then(web_address),
            site: None,
        }
    }

    /// The base in force at a node.
    pub(super) fn at(&self, node: &Node<'_>) -> Option<Url> {
        let outer = self.document.as_ref().or(self.site.as_ref());
        match node.base.as_deref() {
            None => outer.cloned(),
            Some(base) => web_address(base)
                .or_else(|| outer.map(|outer| outer.join(base).unwrap_or_else(|_| outer.clone()))),
        }
    }

    /// The base that the document itself names for a node.
    pub(super) fn named(&self, node: &Node<'_>) -> Option<Url> {
        node.base.as_ref().and_then(|_| self.at(node))
    }

    /// An address as written at a node, made absolute where that is possible.
    pub(super) fn absolute(&self, node: &Node<'_>, address: &str) -> String {
        let address = address.trim();
        if has_scheme(address) {
            return address.to_owned();
        }
        self.at(node)
            .and_then(|base| base.join(address).ok())
            .map_or_else(|| address.to_owned(), String::from)
    }
}

/// An http(s) address.
pub(crate) fn web_address(address: &str) -> Option<Url> {
    Url::parse(address.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Whether an address begins with a scheme, as `mailto:` and `https:` do.
pub(crate) fn has_scheme(address: &str) -> bool {
    let Some(colon) = address.find(':') else {
        return false;
    };
    let scheme = &address[..colon];
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Whether an address is one of the web that the URL library would write exactly as it stands: no need to ask it.
pub(crate) fn is_plain(address: &str) -> bool {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"));
    let Some((host, path)) = rest.and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let is_host = host.starts_with(|c: char| c.is_ascii_lowercase())
        && host.ends_with(|c: char| c.is_ascii_lowercase())
        && host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
        // Punycode is for the library to judge.
        && !host.contains("xn--")
        && !host.contains("..");
    let is_safe =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/?#@!$&()*+,;=:%".contains(&byte);
    is_host && path.bytes().all(is_safe) && !has_dots(path.as_bytes())
}

/// Whether a segment of a path begins with a dot, as such or escaped: the library takes some of them away.
fn has_dots(path: &[u8]) -> bool {
    let is_dot = |rest: &[u8]| {
        rest.starts_with(b".")
            || rest
                .get(..3)
                .is_some_and(|rest| rest.eq_ignore_ascii_case(b"%2e"))
    };
    is_dot(path) || memchr::memchr_iter(b'/', path).any(|at| is_dot(&path[at + 1..]))
}
