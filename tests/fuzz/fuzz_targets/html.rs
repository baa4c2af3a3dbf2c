//! Any markup made safe: nothing in it acts, it is not much longer than it was, and made safe again it stays as it is.

#![no_main]

use feedmill::parse::safe_html;
use libfuzzer_sys::fuzz_target;

/// What no safe markup has in a tag: elements, handlers, styles.
const ACTS: &[&str] = &[
    "<script",
    "<iframe",
    "<style",
    "<svg",
    "<math",
    "<object",
    "<embed",
    "<form",
    "<base",
    "<meta",
    "<link",
    "<template",
    "<applet",
    "<noscript",
    "on",
    "style",
    "srcdoc",
    "action",
    "formaction",
];
const ADDRESSES: &[&str] = &["href", "src", "poster", "cite", "longdesc"];

fuzz_target!(|source: &str| {
    let Some(safe) = safe_html(source, Some("https://example.org/a/")) else {
        return;
    };
    let safe = safe.as_str();
    assert!(safe.len() <= 8 * source.len() + 32 * 1024, "{}", safe.len());
    for (name, value) in words(safe) {
        assert!(!ACTS.iter().any(|act| name.starts_with(act)), "{safe}");
        let is_web = ["http://", "https://", "mailto:"]
            .iter()
            .any(|scheme| value.starts_with(scheme));
        assert!(is_web || !ADDRESSES.contains(&name.as_str()), "{safe}");
    }
    // Text without markup is told from markup by its looks, and what fell under the guard has become text.
    if source.len() < 4096 && safe.contains('<') {
        let again = safe_html(safe, None);
        assert_eq!(again.as_ref().map(|html| html.as_str()), Some(safe));
    }
});

/// What stands in tags: `<name` without a value, and attributes with theirs.
fn words(html: &str) -> Vec<(String, String)> {
    let (mut out, mut word) = (Vec::new(), String::new());
    let (mut is_in_tag, mut value) = (false, None::<String>);
    for character in html.chars() {
        match (&mut value, character) {
            (Some(_), '"') => {
                out.push((word.drain(..).collect(), value.take().unwrap_or_default()))
            }
            (Some(value), _) => value.push(character),
            (None, '"') if is_in_tag => {
                word.retain(|character| character != '=');
                value = Some(String::new());
            }
            (None, '<') => {
                is_in_tag = true;
                word.push('<');
            }
            (None, ' ' | '>') if is_in_tag => {
                out.push((word.drain(..).collect(), String::new()));
                is_in_tag = character == ' ';
            }
            (None, _) if is_in_tag => word.push(character),
            _ => {}
        }
    }
    out
}
