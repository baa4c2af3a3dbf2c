//! What of a feed may stand in an attribute, and what the whole costs on the wire.

use url::Url;

/// An address a mail may link to: http or https, without trackers.
pub(super) fn plain_url(link: &str) -> Option<Url> {
    let mut url = Url::parse(link)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let tracker = |name: &str| {
        name.starts_with("utm_") || matches!(name, "fbclid" | "gclid" | "mc_cid" | "mc_eid")
    };
    if url.query_pairs().any(|(name, _)| tracker(&name)) {
        let query = url.query().unwrap_or_default().to_owned();
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !tracker(pair.split('=').next().unwrap_or_default()))
            .collect();
        url.set_query((!kept.is_empty()).then(|| kept.join("&")).as_deref());
    }
    Some(url)
}

/// `tag` where it has the form of a language tag; validators refuse others.
pub(super) fn language_tag(tag: &str) -> Option<String> {
    let mut parts = tag.split('-');
    let primary = parts
        .next()
        .is_some_and(|part| (2..=3).contains(&part.len()) && all_letters(part));
    let rest = parts.all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    (primary && rest).then(|| tag.to_owned())
}

fn all_letters(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Bytes of `html` in the cheaper transfer encoding, line ends included.
pub(super) fn encoded_len(html: &str) -> usize {
    let breaks = html.bytes().filter(|byte| *byte == b'\n').count();
    let base64 = (html.len() + breaks).div_ceil(57) * 78;
    let quoted: usize = html
        .bytes()
        .map(|byte| {
            if byte == b'=' || !(byte == b'\n' || (b' '..=b'~').contains(&byte)) {
                3
            } else {
                1
            }
        })
        .sum();
    base64.min(quoted + quoted / 75 * 3 + html.lines().count())
}
