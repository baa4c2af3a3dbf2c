//! Any bytes under any label to text: valid UTF-8 stays as it is, whatever the label.

#![no_main]

use feedmill::parse::{ParseContext, decoded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &[u8])| {
    let (label, domain, bytes) = input;
    let context = ParseContext {
        content_type: Some(format!("text/xml; charset={label}")),
        base_url: Some(format!("https://{domain}/")),
    };
    let text = decoded(bytes, &context);
    let is_marked =
        bytes.starts_with(b"\xef\xbb\xbf") || bytes.contains(&0) || bytes.contains(&0x1b);
    if let (Ok(valid), false) = (std::str::from_utf8(bytes), is_marked) {
        assert_eq!(text, valid);
    }
});
