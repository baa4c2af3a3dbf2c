//! UTF-8 that was taken for windows-1252 and written as UTF-8 once more: undone where the whole document proves it.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use super::super::normalise::Repairs;

/// Fewer characters beyond ASCII prove nothing: an article may speak of them.
const PROOF: usize = 3;

/// The text as it was meant, when each stretch beyond ASCII is UTF-8 in disguise. Text that is not fails at its first
/// accent, which stands alone.
pub(in crate::parse) fn undoubled<'t>(text: Cow<'t, str>, repairs: &mut Repairs) -> Cow<'t, str> {
    let Some(once) = read_once_more(&text) else {
        return text;
    };
    repairs.note("double-encoding");
    Cow::Owned(once)
}

fn read_once_more(text: &str) -> Option<String> {
    let (mut out, mut rest, mut count) = (String::new(), text, 0);
    if text.is_ascii() {
        return None;
    }
    while let Some(begin) = rest.bytes().position(|byte| !byte.is_ascii()) {
        let (plain, from) = rest.split_at(begin);
        let end = from.bytes().position(|byte| byte.is_ascii());
        let (run, after) = from.split_at(end.unwrap_or(from.len()));
        let (bytes, _, has_others) = WINDOWS_1252.encode(run);
        let meant = std::str::from_utf8(&bytes).ok().filter(|_| !has_others)?;
        if count == 0 {
            out.reserve(text.len());
        }
        count += meant.chars().count();
        out.push_str(plain);
        out.push_str(meant);
        rest = after;
    }
    out.push_str(rest);
    (count >= PROOF).then_some(out)
}
