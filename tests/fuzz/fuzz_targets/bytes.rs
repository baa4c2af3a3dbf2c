//! Any bytes to a feed or a reason: twice the same, no panic inside, entries told apart, markup that stays as it is.

#![no_main]

use feedmill::parse::{ParseContext, ParseError, parse, safe_html};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let context = ParseContext::default();
    let first = parse(bytes, &context);
    assert!(
        !matches!(&first, Err(ParseError::Unreadable(_))),
        "{first:?}"
    );
    assert_eq!(first, parse(bytes, &context));
    let Ok(feed) = first else { return };
    let mut keys: Vec<&str> = feed
        .entries
        .iter()
        .map(|entry| entry.key.as_str())
        .collect();
    keys.sort_unstable();
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    for html in feed
        .entries
        .iter()
        .filter_map(|entry| entry.content_html.as_ref())
    {
        assert!(safe_html(html.as_str(), None).is_some());
    }
});
