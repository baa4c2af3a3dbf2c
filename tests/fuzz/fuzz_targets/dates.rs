//! Any text to an instant or none; what is read is read again from how it is written.

#![no_main]

use feedmill::parse::date::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(time) = parse(text) {
        let written = time.to_string();
        assert!(
            written.starts_with('-') || parse(&written) == Some(time),
            "{text:?}: {written}"
        );
    }
});
