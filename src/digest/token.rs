//! Signed addresses: takes purpose, digest, subscriber and the database's key, gives a word that no one can make
//! without the key and that is worthless for anything else. Holds no address; refuses in constant time. Never expires, but
//! for the word of a sign-up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::model::{MessageId, SignUpRecord, SubscriberId};

const CONTEXT: &str = "feedmill 2026 token v1";
const ID_BYTES: usize = 8;
/// Hex digits of a bounce word's MAC.
const BOUNCE_MAC: usize = 24;

/// What one-click unsubscribing signs.
pub const UNSUBSCRIBE: &str = "unsubscribe";

/// What the address of a subscriber's own page signs. Not the same as [`UNSUBSCRIBE`]: that address stands in a header
/// that mailbox providers read and call.
pub const SUBSCRIPTION: &str = "subscription";

/// What the forms of that page sign.
pub const FORM: &str = "form";

/// The token of one subscriber of `digest` for `purpose`: row and MAC, base64url.
#[must_use]
pub fn make(purpose: &str, digest: &str, subscriber: SubscriberId, key: &[u8; 32]) -> String {
    let mut bytes = subscriber.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(mac(purpose, digest, subscriber, key).as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whom `token` claims to speak for: tells which row to look up, proves nothing.
#[must_use]
pub fn claimed(token: &str) -> Option<SubscriberId> {
    parts(token).map(|(subscriber, _)| subscriber)
}

/// The subscriber that `token` was made for, if it was made for `purpose` and `digest` with `key`.
#[must_use]
pub fn read(purpose: &str, digest: &str, token: &str, key: &[u8; 32]) -> Option<SubscriberId> {
    let (subscriber, given) = parts(token)?;
    // `blake3::Hash` compares in constant time.
    (mac(purpose, digest, subscriber, key) == given).then_some(subscriber)
}

/// Row and MAC, as a token claims them.
fn parts(token: &str) -> Option<(SubscriberId, blake3::Hash)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (id, mac) = bytes.split_first_chunk::<ID_BYTES>()?;
    let mac = blake3::Hash::from_bytes(mac.try_into().ok()?);
    Some((SubscriberId(i64::from_be_bytes(*id)), mac))
}

/// What a sign-up is known by: the word in its link, and the row that the word claims.
#[must_use]
pub fn sign_up(
    digest: &str,
    address: &str,
    expires_at: Timestamp,
    key: &[u8; 32],
) -> (String, MessageId) {
    let mac = sign_up_mac(digest, address, expires_at, key);
    (URL_SAFE_NO_PAD.encode(mac.as_bytes()), row(mac.as_bytes()))
}

/// Which sign-up `word` claims to confirm: tells which row to look up, proves nothing.
#[must_use]
pub fn sign_up_claimed(word: &str) -> Option<MessageId> {
    sign_up_given(word).map(|mac| row(mac.as_bytes()))
}

/// Whether `word` was made for this sign-up with `key`.
#[must_use]
pub fn confirms(word: &str, record: &SignUpRecord, key: &[u8; 32]) -> bool {
    let asked = &record.asked;
    let mac = sign_up_mac(&asked.digest, &asked.address, record.expires_at, key);
    sign_up_given(word).is_some_and(|given| mac == given)
}

fn sign_up_given(word: &str) -> Option<blake3::Hash> {
    let bytes = URL_SAFE_NO_PAD.decode(word).ok()?;
    Some(blake3::Hash::from_bytes(bytes.try_into().ok()?))
}

/// Sign-ups are named by the head of their MAC, below zero.
fn row(mac: &[u8; blake3::OUT_LEN]) -> MessageId {
    let head = mac.first_chunk().copied().unwrap_or_default();
    MessageId(i64::from_be_bytes(head) | i64::MIN)
}

fn sign_up_mac(digest: &str, address: &str, expires_at: Timestamp, key: &[u8; 32]) -> blake3::Hash {
    let until = expires_at.as_millisecond().to_be_bytes();
    let parts: [&[u8]; 4] = [b"sign up", digest.as_bytes(), address.as_bytes(), &until];
    seal(CONTEXT, &parts, key)
}

/// The word in a per-recipient envelope sender (VERP): lower case and short, as local parts must be.
#[must_use]
pub fn bounce_word(digest: &str, subscriber: SubscriberId, key: &[u8; 32]) -> String {
    let mac = mac("bounce", digest, subscriber, key).to_hex();
    format!(
        "{}-{}",
        subscriber.0,
        mac.get(..BOUNCE_MAC).unwrap_or_default()
    )
}

/// Whom a [`bounce_word`] claims to be about: tells which row to look up, proves nothing.
#[must_use]
pub fn bounce_claimed(word: &str) -> Option<SubscriberId> {
    let (id, mac) = word.split_once('-')?;
    let whole = mac.len() == BOUNCE_MAC && mac.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then(|| id.parse().ok().map(SubscriberId)).flatten()
}

/// The subscriber that `word` was made for, if it was made for `digest` with `key`.
#[must_use]
pub fn read_bounce_word(digest: &str, word: &str, key: &[u8; 32]) -> Option<SubscriberId> {
    let subscriber = bounce_claimed(word)?;
    let made = bounce_word(digest, subscriber, key);
    // Hashes compare in constant time; local parts may have been made lower or upper case on the way.
    let same = blake3::hash(made.as_bytes()) == blake3::hash(word.to_ascii_lowercase().as_bytes());
    same.then_some(subscriber)
}

/// A keyed hash over `parts`, each with its length in front, so that no two lists of parts look alike.
pub(super) fn seal(context: &str, parts: &[&[u8]], key: &[u8; 32]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(&blake3::derive_key(context, key));
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize()
}

fn mac(purpose: &str, digest: &str, subscriber: SubscriberId, key: &[u8; 32]) -> blake3::Hash {
    seal(
        CONTEXT,
        &[
            purpose.as_bytes(),
            digest.as_bytes(),
            &subscriber.0.to_be_bytes(),
        ],
        key,
    )
}
