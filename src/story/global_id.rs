//! Publisher ids that are global by their form. Takes an id as published; gives it in one spelling where two publishers
//! cannot give it to two things by chance. Refuses numbers, short strings, home pages and ids of nowhere.

use super::link;

/// The id in one spelling, or none where it means something only inside its feed.
pub(super) fn global_id(id: &str, own: &[String]) -> Option<String> {
    let id = id.trim();
    if id.len() < 8 {
        return None;
    }
    let lower = id.to_lowercase();
    tag_uri(id, &lower)
        .or_else(|| uuid(&lower))
        .or_else(|| doi(&lower))
        .or_else(|| known_scheme(id, &lower))
        .or_else(|| permalink(id, &lower, own))
}

/// RFC 4151: `tag:authority,date:specific`, equal when equal as strings.
fn tag_uri(id: &str, lower: &str) -> Option<String> {
    let rest = lower.strip_prefix("tag:")?;
    let (authority, rest) = rest.split_once(',')?;
    let (date, specific) = rest.split_once(':')?;
    // Generators run on a developer's machine say `tag:localhost:3000,2005:…`.
    let somewhere = authority.contains('.');
    let dated = date.len() >= 4
        && date
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    (somewhere && dated && specific.len() >= 2).then(|| id.to_owned())
}

/// `urn:uuid:…` and a bare UUID, but not the nil one.
fn uuid(lower: &str) -> Option<String> {
    let digits = lower
        .strip_prefix("urn:uuid:")
        .unwrap_or(lower)
        .trim_matches(['{', '}']);
    let shaped = digits.len() == 36
        && digits.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let varied = digits
        .bytes()
        .filter(|byte| *byte != b'0' && *byte != b'-')
        .count()
        >= 8;
    (shaped && varied).then(|| format!("urn:uuid:{digits}"))
}

/// A DOI, bare, with `doi:` or as a link to its resolver. DOIs do not depend on case.
fn doi(lower: &str) -> Option<String> {
    let rest = [
        "https://doi.org/",
        "http://doi.org/",
        "https://dx.doi.org/",
        "http://dx.doi.org/",
        "doi:",
        "info:doi/",
    ]
    .iter()
    .find_map(|prefix| lower.strip_prefix(prefix))
    .unwrap_or(lower);
    let (registrant, suffix) = rest.strip_prefix("10.")?.split_once('/')?;
    let numbered = registrant.len() >= 4
        && registrant
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (numbered && !suffix.is_empty()).then(|| format!("doi:{rest}"))
}

/// Schemes whose owners give each id once: YouTube, AT protocol, OAI, Spotify.
fn known_scheme(id: &str, lower: &str) -> Option<String> {
    let known = [
        "yt:video:",
        "at://did:",
        "oai:",
        "spotify:episode:",
        "guid:spotify:",
    ];
    (known.iter().any(|prefix| lower.starts_with(prefix)) && id.len() >= 16).then(|| id.to_owned())
}

/// A web address that names one page.
fn permalink(id: &str, lower: &str, own: &[String]) -> Option<String> {
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return None;
    }
    link::canonical(id, own).filter(|form| link::names_article(form))
}
