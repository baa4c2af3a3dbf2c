//! What a reader may choose for their mails, on whichever page: time zones and languages. What a form offers is what its
//! answer may hold.

use jiff::tz;

use super::Front;
use crate::config::DigestConfig;
use crate::digest::offered_languages;

/// A field as a wish: left empty, there is none.
pub(super) fn chosen(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

/// Whether the zone and the language that were chosen for `digest` are among those offered.
pub(super) fn offers(
    front: &Front,
    digest: &DigestConfig,
    (zone, language): (Option<&String>, Option<&String>),
) -> bool {
    zone.is_none_or(|name| zones().contains(name))
        && language.is_none_or(|code| offered_languages(&front.config, digest).contains(code))
}

/// Zones that people live in, by their usual names.
pub(super) fn zones() -> Vec<String> {
    let names = tz::db().available().map(|name| name.as_str().to_owned());
    let lived_in = |name: &String| {
        let area = name.split('/').next().unwrap_or_default();
        name == "UTC" || name.contains('/') && AREAS.contains(&area)
    };
    let mut zones: Vec<String> = names.filter(lived_in).collect();
    zones.sort();
    zones
}

/// First parts of the names of places.
const AREAS: &[&str] = &[
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
];
