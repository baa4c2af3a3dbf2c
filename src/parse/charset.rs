//! Bytes to text: byte order mark, zero pattern, valid UTF-8, HTTP charset, XML declaration, detection, in this order.
//! Never fails: what no encoding explains becomes replacement characters.

mod doubled;

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, WINDOWS_1258};
use unicode_normalization::UnicodeNormalization;

use super::normalise::{Repairs, web_address};
pub(super) use doubled::undoubled;

/// How far into a document its declaration is looked for: behind comments and blank lines too.
const DECLARATION_WINDOW: usize = 2048;
/// One torn character in so many beyond ASCII does not make a label wrong; one in all is forgiven sooner.
const WHOLE_PER_TORN: usize = 100;
const WHOLE_PER_LONE_TORN: usize = 12;

/// The text of a document and the encoding that it was read in.
pub(super) struct Decoded<'b> {
    pub(super) text: Cow<'b, str>,
    /// WHATWG's name; `UTF-32LE` and `UTF-32BE`, which WHATWG has not, under their usual ones.
    pub(super) encoding: &'static str,
}

/// Decodes a document; `content_type` is the response's, `address` where it came from.
pub(super) fn decode<'b>(
    bytes: &'b [u8],
    content_type: Option<&str>,
    address: Option<&str>,
    repairs: &mut Repairs,
) -> Decoded<'b> {
    if let Some(decoded) = marked(bytes, repairs) {
        return decoded;
    }
    if let Some(decoded) = by_zeros(bytes, repairs) {
        return decoded;
    }
    let transport = content_type
        .and_then(charset_of)
        .and_then(|label| known(label, repairs));
    let declared = declaration(bytes).and_then(|label| known(label, repairs));
    let labels: Vec<&'static Encoding> = transport.into_iter().chain(declared).collect();
    if let Ok(text) = std::str::from_utf8(bytes) {
        return utf8(text, bytes, &labels, repairs);
    }
    if Utf8Share::of(bytes).is_mostly_utf8() {
        return Decoded {
            text: Cow::Owned(patched(bytes, repairs)),
            encoding: UTF_8.name(),
        };
    }
    by_label(bytes, &labels, repairs).unwrap_or_else(|| detected(bytes, address, repairs))
}

/// A byte order mark settles it; some publishers write it twice.
fn marked<'b>(bytes: &'b [u8], repairs: &mut Repairs) -> Option<Decoded<'b>> {
    let (rest, encoding) = if let Some(rest) = bytes.strip_prefix(b"\xff\xfe\x00\x00") {
        return Some(utf32(rest, u32::from_le_bytes, "UTF-32LE"));
    } else if let Some(rest) = bytes.strip_prefix(b"\x00\x00\xfe\xff") {
        return Some(utf32(rest, u32::from_be_bytes, "UTF-32BE"));
    } else if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        let mut rest = rest;
        while let Some(inner) = rest.strip_prefix(b"\xef\xbb\xbf") {
            rest = inner;
        }
        // A mark before bytes that are no UTF-8 is a wrong mark.
        let text = match std::str::from_utf8(rest) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(patched(rest, repairs)),
        };
        return Some(Decoded {
            text,
            encoding: UTF_8.name(),
        });
    } else if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        (rest, UTF_16LE)
    } else {
        (bytes.strip_prefix(b"\xfe\xff")?, UTF_16BE)
    };
    let (text, _) = encoding.decode_without_bom_handling(rest);
    Some(Decoded {
        text,
        encoding: encoding.name(),
    })
}

/// Markup has only small numbers: where the zeros stand tells the width and the order of the code units.
fn by_zeros<'b>(bytes: &'b [u8], repairs: &mut Repairs) -> Option<Decoded<'b>> {
    let head = &bytes[..bytes.len().min(512)];
    let zeros = |offset: usize, step: usize| {
        let units = head.iter().skip(offset).step_by(step);
        (
            units.clone().filter(|&&byte| byte == 0).count(),
            units.count(),
        )
    };
    let mostly = |(zeros, all): (usize, usize)| all > 1 && zeros * 10 >= all * 6;
    let rarely = |(zeros, all): (usize, usize)| all > 1 && zeros * 10 < all;
    if !head.contains(&0) {
        return None;
    }
    let quads: Vec<_> = (0..4).map(|offset| zeros(offset, 4)).collect();
    let found = if mostly(quads[1]) && mostly(quads[2]) && mostly(quads[3]) && rarely(quads[0]) {
        utf32(bytes, u32::from_le_bytes, "UTF-32LE")
    } else if mostly(quads[0]) && mostly(quads[1]) && mostly(quads[2]) && rarely(quads[3]) {
        utf32(bytes, u32::from_be_bytes, "UTF-32BE")
    } else if mostly(zeros(1, 2)) && rarely(zeros(0, 2)) {
        let (text, _) = UTF_16LE.decode_without_bom_handling(bytes);
        Decoded {
            text,
            encoding: UTF_16LE.name(),
        }
    } else if mostly(zeros(0, 2)) && rarely(zeros(1, 2)) {
        let (text, _) = UTF_16BE.decode_without_bom_handling(bytes);
        Decoded {
            text,
            encoding: UTF_16BE.name(),
        }
    } else {
        return None;
    };
    repairs.note("missing-byte-order-mark");
    Some(found)
}

fn utf32<'b>(bytes: &[u8], unit: fn([u8; 4]) -> u32, encoding: &'static str) -> Decoded<'b> {
    let text = bytes
        .chunks_exact(4)
        .map(|quad| {
            char::from_u32(unit([quad[0], quad[1], quad[2], quad[3]]))
                .unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect();
    Decoded {
        text: Cow::Owned(text),
        encoding,
    }
}

/// Valid UTF-8 is UTF-8, whatever the label says; but the encodings that switch by escapes are ASCII to the eye.
fn utf8<'b>(
    text: &'b str,
    bytes: &'b [u8],
    labels: &[&'static Encoding],
    repairs: &mut Repairs,
) -> Decoded<'b> {
    if text.is_ascii() && memchr::memchr(0x1b, bytes).is_some() {
        let escaping = labels
            .iter()
            .find(|encoding| encoding.name() == "ISO-2022-JP")
            .copied();
        let encoding = escaping.unwrap_or(encoding_rs::ISO_2022_JP);
        let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
        if !had_errors {
            return Decoded {
                text,
                encoding: encoding.name(),
            };
        }
    }
    if !text.is_ascii() && labels.iter().any(|encoding| *encoding != UTF_8) {
        repairs.note("wrong-charset");
    }
    Decoded {
        text: Cow::Borrowed(text),
        encoding: UTF_8.name(),
    }
}

/// What the labels make of it: the first that explains all of it, else the first that explains nearly all.
fn by_label<'b>(
    bytes: &'b [u8],
    labels: &[&'static Encoding],
    repairs: &mut Repairs,
) -> Option<Decoded<'b>> {
    // Two-byte encodings have shown no zeros, and UTF-8 is not valid here.
    let labels = labels
        .iter()
        .filter(|encoding| encoding.is_ascii_compatible() && **encoding != UTF_8);
    let mut nearly = None;
    for encoding in labels {
        let (text, had_errors) = read_as(encoding, bytes);
        let encoding = encoding.name();
        if !had_errors {
            return Some(Decoded { text, encoding });
        }
        if nearly.is_none() && is_nearly_whole(&text) {
            nearly = Some(Decoded { text, encoding });
        }
    }
    nearly.map(|Decoded { text, encoding }| {
        repairs.note("stray-bytes");
        // A torn character says nothing, and detection would rule the right encoding out for it.
        let text = Cow::Owned(text.replace(char::REPLACEMENT_CHARACTER, ""));
        Decoded { text, encoding }
    })
}

/// Whether so few characters are torn that a publisher cut a text in the wrong place, rather than named the wrong encoding.
fn is_nearly_whole(text: &str) -> bool {
    let (mut whole, mut torn) = (0_usize, 0_usize);
    for character in text.chars().filter(|character| !character.is_ascii()) {
        match character {
            char::REPLACEMENT_CHARACTER => torn += 1,
            _ => whole += 1,
        }
    }
    whole >= torn * WHOLE_PER_TORN || (torn == 1 && whole >= WHOLE_PER_LONE_TORN)
}

/// What the bytes look like, and what is usual where they came from.
fn detected<'b>(bytes: &'b [u8], address: Option<&str>, repairs: &mut Repairs) -> Decoded<'b> {
    repairs.note("wrong-charset");
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let domain = address.and_then(top_level_domain);
    let encoding = detector.guess(
        domain.as_deref().map(str::as_bytes),
        chardetng::Utf8Detection::Allow,
    );
    let (text, _) = read_as(encoding, bytes);
    Decoded {
        text,
        encoding: encoding.name(),
    }
}

/// `vn` of `https://www.example.vn/feed`; the URL library writes it in lower case and in ASCII.
fn top_level_domain(address: &str) -> Option<String> {
    let address = web_address(address)?;
    let label = address.domain()?.trim_end_matches('.').rsplit('.').next()?;
    Some(label.to_owned()).filter(|label| !label.is_empty())
}

/// Decoded, and whether there were errors. Vietnamese of windows-1258 comes with its tone marks apart: composed as
/// everywhere else, so that words are found and shown alike.
fn read_as<'b>(encoding: &'static Encoding, bytes: &'b [u8]) -> (Cow<'b, str>, bool) {
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    if encoding == WINDOWS_1258 {
        return (Cow::Owned(text.nfc().collect()), had_errors);
    }
    (text, had_errors)
}

/// How much of a document is UTF-8.
struct Utf8Share {
    /// Characters beyond ASCII that are well formed.
    whole: usize,
    /// Stretches that are not.
    stray: usize,
}

impl Utf8Share {
    fn of(bytes: &[u8]) -> Self {
        let mut share = Self { whole: 0, stray: 0 };
        for chunk in bytes.utf8_chunks() {
            share.whole += chunk.valid().bytes().filter(|byte| *byte >= 0xc0).count();
            share.stray += usize::from(!chunk.invalid().is_empty());
        }
        share
    }

    /// Text in a one-byte encoding holds next to no well-formed sequences.
    fn is_mostly_utf8(&self) -> bool {
        self.whole > 4 * self.stray
    }
}

/// UTF-8 whose stray bytes are windows-1252, which a copy from an office document leaves behind, or what is left of a
/// character that was cut in two, which is dropped.
fn patched(bytes: &[u8], repairs: &mut Repairs) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    repairs.note("stray-bytes");
    let leads = leads(bytes);
    let mut text = String::with_capacity(bytes.len() + 64);
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        let is_torn = match chunk.invalid() {
            [lead] if leads[usize::from(*lead)] => match chunks.peek() {
                Some(next) => begins_after_a_cut(next.valid()),
                None => true,
            },
            invalid => invalid.len() > 1,
        };
        if !is_torn {
            text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
        }
    }
    text
}

/// Which bytes begin whole characters in a document: a byte alone that begins none is no rest of one.
fn leads(bytes: &[u8]) -> [bool; 256] {
    let mut leads = [false; 256];
    for chunk in bytes.utf8_chunks() {
        for &byte in chunk
            .valid()
            .as_bytes()
            .iter()
            .filter(|byte| **byte >= 0xc2)
        {
            leads[usize::from(byte)] = true;
        }
    }
    leads
}

/// What follows a text that was cut to a length: an ellipsis in any spelling, or the end of the element.
fn begins_after_a_cut(rest: &str) -> bool {
    rest.is_empty()
        || [
            "<", "]", "..", "&hellip", "&#8230", "&#x2026", "&lt;", "…", " …", " ..", " [",
        ]
        .iter()
        .any(|mark| rest.starts_with(mark))
}

fn known(label: &str, repairs: &mut Repairs) -> Option<&'static Encoding> {
    let label = label.trim();
    let found = Encoding::for_label_no_replacement(label.as_bytes()).or_else(|| {
        // `windows_1251`, `Win-1251`, `MacCyrillic`: names that other tools know.
        let plain = label.to_ascii_lowercase().replace('_', "-");
        let usual = match plain.as_str() {
            "maccyrillic" => "x-mac-cyrillic",
            "macroman" | "mac-roman" => "macintosh",
            _ => plain.as_str(),
        };
        let windows = plain
            .strip_prefix("win")
            .map(|rest| format!("windows-{}", rest.trim_start_matches('-')));
        Encoding::for_label_no_replacement(usual.as_bytes())
            .or_else(|| Encoding::for_label_no_replacement(windows?.as_bytes()))
    });
    if found.is_none() {
        repairs.note("unknown-charset");
    }
    found
}

/// The `charset` of a content type.
fn charset_of(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1);
    let value = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find_map(|(name, value)| {
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then_some(value.trim().trim_matches(['"', '\'']))
        })?;
    Some(value).filter(|value| !value.is_empty())
}

/// The encoding that an XML declaration names.
fn declaration(bytes: &[u8]) -> Option<&str> {
    let head = &bytes[..bytes.len().min(DECLARATION_WINDOW)];
    let begin = memchr::memmem::find(head, b"<?xml")?;
    let end = begin + memchr::memmem::find(&head[begin..], b"?>").unwrap_or(head.len() - begin);
    let declaration = &head[begin..end];
    let at = memchr::memmem::find(declaration, b"encoding")? + b"encoding".len();
    let rest = declaration[at..]
        .trim_ascii_start()
        .strip_prefix(b"=")?
        .trim_ascii_start();
    let quote = *rest.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let length = memchr::memchr(quote, &rest[1..])?;
    std::str::from_utf8(&rest[1..=length])
        .ok()
        .filter(|label| !label.trim().is_empty())
}
