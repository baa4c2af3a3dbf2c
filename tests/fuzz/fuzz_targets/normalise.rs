//! Any text to the canonical document: normalised again it stays as it is, and tells of as many entries.

#![no_main]

use feedmill::parse::{ParseContext, canonical, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let context = ParseContext::default();
    let Ok(document) = canonical(text.as_bytes(), &context) else {
        return;
    };
    let (first, again) = (
        parse(text.as_bytes(), &context),
        parse(document.as_bytes(), &context),
    );
    let (Ok(first), Ok(again)) = (first, again) else {
        return;
    };
    // What was dropped may have been all that spoke against a proof of double encoding.
    if again
        .repairs
        .iter()
        .any(|repair| repair.kind == "double-encoding")
    {
        return;
    }
    assert_eq!(
        canonical(document.as_bytes(), &context).as_ref(),
        Ok(&document)
    );
    assert_eq!(first.entries.len(), again.entries.len(), "{document}");
});
