//! Any text to the canonical document: what was normalised is normalised again without another repair of its structure.

#![no_main]

use feedmill::parse::{ParseContext, canonical};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let context = ParseContext::default();
    if let Ok(document) = canonical(text.as_bytes(), &context) {
        assert!(
            canonical(document.as_bytes(), &context).is_ok(),
            "{document}"
        );
    }
});
