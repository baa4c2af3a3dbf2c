//! JSON as publishers' templates write it to JSON: one pass over the text, each kind of repair noted.
//! Takes what is nearly JSON; gives nothing when it finds nothing to mend. What is no JSON at all stays none.

use super::super::normalise::Repairs;

/// The text mended; `None` when there is nothing that this knows how to mend.
pub(super) fn mended(text: &str) -> Option<(String, Repairs)> {
    let mut mender = Mender {
        rest: text,
        out: String::with_capacity(text.len() + 64),
        repairs: Repairs::default(),
        has_mended: false,
    };
    while let Some(character) = mender.rest.chars().next() {
        match character {
            '"' => mender.string(),
            ',' => mender.comma(),
            '/' if mender.rest.starts_with("//") || mender.rest.starts_with("/*") => {
                mender.note("json-comment");
                mender.rest = behind_comment(mender.rest);
            }
            _ => mender.copy(character.len_utf8()),
        }
    }
    mender.has_mended.then_some((mender.out, mender.repairs))
}

struct Mender<'t> {
    rest: &'t str,
    out: String,
    repairs: Repairs,
    has_mended: bool,
}

impl Mender<'_> {
    fn note(&mut self, kind: &'static str) {
        self.repairs.note(kind);
        self.has_mended = true;
    }

    fn copy(&mut self, length: usize) {
        self.out.push_str(&self.rest[..length]);
        self.rest = &self.rest[length..];
    }

    /// A comma, unless the list or the object ends behind it.
    fn comma(&mut self) {
        let is_last = blank_begin(&self.rest[1..]).starts_with([']', '}']);
        if is_last {
            self.note("trailing-comma");
            self.rest = &self.rest[1..];
        } else {
            self.copy(1);
        }
    }

    fn string(&mut self) {
        self.copy(1);
        loop {
            let special = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
            let length = self.rest.bytes().position(special);
            self.copy(length.unwrap_or(self.rest.len()));
            let Some(&byte) = self.rest.as_bytes().first() else {
                return;
            };
            match byte {
                b'"' => return self.copy(1),
                b'\\' => self.escape(),
                _ => {
                    self.note("control-character");
                    self.out.push_str(match byte {
                        b'\n' => "\\n",
                        b'\t' => "\\t",
                        b'\r' => "\\r",
                        _ => " ",
                    });
                    self.rest = &self.rest[1..];
                }
            }
        }
    }

    fn escape(&mut self) {
        match self.rest.as_bytes().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.copy(2),
            Some(b'u') => self.unicode(),
            // A backslash that escapes nothing stands for itself.
            Some(_) => {
                self.note("bad-escape");
                self.out.push_str("\\\\");
                self.rest = &self.rest[1..];
            }
            None => self.rest = "",
        }
    }

    /// `\u00e9`, a pair of surrogates, or half of one, which stands for nothing.
    fn unicode(&mut self) {
        let unit = |at: usize| {
            let digits = self.rest.get(at..at + 6)?.strip_prefix("\\u")?;
            let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
        };
        match (unit(0), unit(6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => self.copy(12),
            (Some(0xd800..=0xdfff), _) => {
                self.note("lone-surrogate");
                self.rest = &self.rest[6..];
            }
            (Some(_), _) => self.copy(6),
            (None, _) => {
                self.note("bad-escape");
                self.out.push_str("\\\\");
                self.rest = &self.rest[1..];
            }
        }
    }
}

/// Behind the comment that `text` begins with.
fn behind_comment(text: &str) -> &str {
    let (end, length) = match text.starts_with("//") {
        true => (text.find('\n'), 0),
        false => (text[2..].find("*/").map(|at| at + 2), 2),
    };
    end.map_or("", |end| &text[end + length..])
}

/// Behind white space and comments.
fn blank_begin(text: &str) -> &str {
    let mut rest = text.trim_start();
    // A few are enough: what is longer is no slip, and would cost the square of its length.
    for _ in 0..4 {
        if !rest.starts_with("//") && !rest.starts_with("/*") {
            break;
        }
        rest = behind_comment(rest).trim_start();
    }
    rest
}
