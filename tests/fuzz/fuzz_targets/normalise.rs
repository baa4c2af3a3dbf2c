//! Any text to the canonical document: normalised again it stays as it is.

#![no_main]

use feedmill::parse::{ParseContext, canonical, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let context = ParseContext::default();
    let Ok(document) = canonical(text.as_bytes(), &context) else {
        return;
    };
    let again = canonical(document.as_bytes(), &context);
    if again.as_ref() == Ok(&document) {
        return;
    }
    // What was dropped may have been all that spoke against a proof of double encoding.
    let feed = parse(document.as_bytes(), &context).expect("a feed");
    let is_proven = |repair: &feedmill::model::Repair| repair.kind == "double-encoding";
    assert!(feed.repairs.iter().any(is_proven), "{document}\n{again:?}");
});
