//! Signatures of deliveries (R6.10) and the random words of subscriptions: takes a secret, a header and the raw body,
//! says whether they fit, in constant time. Refuses methods that the recommendation does not name.

use aws_lc_rs::hmac;
use aws_lc_rs::rand;

use crate::config::HubHash;

/// `N` random bytes in hex.
pub(super) fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's randomness does not fail once the process runs");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Is `header` (`method=hex`) the signature of `body` under `secret`, by a hash no weaker than `least`?
pub(super) fn fits(secret: &str, header: Option<&str>, body: &[u8], least: HubHash) -> bool {
    let Some((method, hex)) = header.and_then(|header| header.trim().split_once('=')) else {
        return false;
    };
    let (hash, algorithm) = match method.to_ascii_lowercase().as_str() {
        "sha1" => (HubHash::Sha1, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        "sha256" => (HubHash::Sha256, hmac::HMAC_SHA256),
        "sha384" => (HubHash::Sha384, hmac::HMAC_SHA384),
        "sha512" => (HubHash::Sha512, hmac::HMAC_SHA512),
        _ => return false,
    };
    if hash < least {
        return false;
    }
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    unhex(hex).is_some_and(|tag| hmac::verify(&key, body, &tag).is_ok())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect()
}
