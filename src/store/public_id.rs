//! The id of a story in every output: the publisher's own where that may stand for it, else a name-based UUID.

use crate::model::IncomingEntry;

/// The id of a story in every output, minted once: the publisher's own where it is an absolute IRI, stands for this
/// entry alone in its feed (then it is the entry's key) and no entry of another feed has it; else a name-based UUID
/// (RFC 9562, version 8) of the feed's key and the entry's, of which there is one. A publisher's id that is used again,
/// or shared within a document, must not make readers take one story for another.
pub(super) fn public_id(feed_key: &str, incoming: &IncomingEntry, taken: bool) -> String {
    let key = &incoming.entry.key;
    let own = incoming
        .entry
        .publisher_id
        .as_ref()
        .filter(|id| !taken && *id == key && is_iri(id));
    own.cloned().unwrap_or_else(|| uuid_of(&[feed_key, key]))
}

/// A UUID made from `parts`: the same parts, the same id.
pub(super) fn uuid_of(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    let mut number = hasher
        .finalize()
        .as_bytes()
        .iter()
        .take(16)
        .fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    number = number & !(0xf << 76) | 0x8 << 76;
    number = number & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{number:032x}");
    let cut = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        cut(0, 8),
        cut(8, 12),
        cut(12, 16),
        cut(16, 20),
        cut(20, 32)
    )
}

/// A scheme, a colon, and nothing that an IRI may not hold.
fn is_iri(id: &str) -> bool {
    let Some((scheme, rest)) = id.split_once(':') else {
        return false;
    };
    let mut letters = scheme.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && scheme.len() > 1
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
        && !rest.is_empty()
        && id.len() <= 2_000
        && !id.chars().any(|letter| {
            letter.is_whitespace() || letter.is_control() || "<>\"{}|\\^`".contains(letter)
        })
}
