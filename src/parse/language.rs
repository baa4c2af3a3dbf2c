//! The language of an entry: as declared, in the shape of BCP 47, else guessed where the text is long enough to tell.

use whatlang::{Lang, detect};

/// Texts shorter than this prove nothing.
const MIN_LENGTH: usize = 120;
/// A language shows within this much.
const WINDOW: usize = 256;

/// A declared language as a BCP 47 tag; `None` for what is none.
pub(super) fn declared(text: &str) -> Option<String> {
    let tag = text.trim().replace('_', "-");
    if let Some(code) = named(&tag) {
        return Some(code.to_owned());
    }
    let mut parts = tag.split('-');
    let primary = parts
        .next()
        // RFC 5646 keeps longer ones for languages that nobody has registered.
        .filter(|part| (2..=3).contains(&part.len()) && is_letters(part))?
        .to_ascii_lowercase();
    if matches!(primary.as_str(), "und" | "zxx" | "none" | "xx") {
        return None;
    }
    let mut out = primary;
    for part in parts {
        if part.is_empty()
            || part.len() > 8
            || !part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            break;
        }
        out.push('-');
        match part.len() {
            2 => out.push_str(&part.to_ascii_uppercase()),
            4 if is_letters(part) => {
                out.push_str(&part[..1].to_ascii_uppercase());
                out.push_str(&part[1..].to_ascii_lowercase());
            }
            _ => out.push_str(&part.to_ascii_lowercase()),
        }
    }
    Some(out)
}

/// The code of a language that is given by its name.
fn named(text: &str) -> Option<&'static str> {
    let name = text.to_lowercase();
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, code)| *code)
}

fn is_letters(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The language that a text shows, when it shows one reliably.
pub(super) fn guessed(text: &str) -> Option<String> {
    if text.len() < MIN_LENGTH {
        return None;
    }
    let window = super::text::head(text, WINDOW);
    let found = detect(window).filter(whatlang::Info::is_reliable)?;
    short_code(found.lang()).map(str::to_owned)
}

/// ISO 639-1 for the languages that whatlang knows.
fn short_code(lang: Lang) -> Option<&'static str> {
    CODES
        .iter()
        .find(|(code, _)| *code == lang.code())
        .map(|(_, short)| *short)
}

/// By English and by own name, as far as publishers write them for a code.
const NAMES: &[(&str, &str)] = &[
    ("english", "en"),
    ("german", "de"),
    ("deutsch", "de"),
    ("french", "fr"),
    ("français", "fr"),
    ("francais", "fr"),
    ("spanish", "es"),
    ("español", "es"),
    ("italian", "it"),
    ("italiano", "it"),
    ("portuguese", "pt"),
    ("português", "pt"),
    ("dutch", "nl"),
    ("nederlands", "nl"),
    ("vietnamese", "vi"),
    ("tiếng việt", "vi"),
    ("russian", "ru"),
    ("русский", "ru"),
    ("polish", "pl"),
    ("polski", "pl"),
    ("turkish", "tr"),
    ("türkçe", "tr"),
    ("arabic", "ar"),
    ("chinese", "zh"),
    ("中文", "zh"),
    ("japanese", "ja"),
    ("日本語", "ja"),
    ("korean", "ko"),
    ("한국어", "ko"),
];

const CODES: &[(&str, &str)] = &[
    ("afr", "af"),
    ("aka", "ak"),
    ("amh", "am"),
    ("ara", "ar"),
    ("aze", "az"),
    ("bel", "be"),
    ("ben", "bn"),
    ("bul", "bg"),
    ("cat", "ca"),
    ("ces", "cs"),
    ("cmn", "zh"),
    ("dan", "da"),
    ("deu", "de"),
    ("ell", "el"),
    ("eng", "en"),
    ("epo", "eo"),
    ("est", "et"),
    ("fin", "fi"),
    ("fra", "fr"),
    ("guj", "gu"),
    ("heb", "he"),
    ("hin", "hi"),
    ("hrv", "hr"),
    ("hun", "hu"),
    ("hye", "hy"),
    ("ind", "id"),
    ("ita", "it"),
    ("jav", "jv"),
    ("jpn", "ja"),
    ("kan", "kn"),
    ("kat", "ka"),
    ("khm", "km"),
    ("kor", "ko"),
    ("lat", "la"),
    ("lav", "lv"),
    ("lit", "lt"),
    ("mal", "ml"),
    ("mar", "mr"),
    ("mkd", "mk"),
    ("mya", "my"),
    ("nep", "ne"),
    ("nld", "nl"),
    ("nob", "nb"),
    ("ori", "or"),
    ("pan", "pa"),
    ("pes", "fa"),
    ("pol", "pl"),
    ("por", "pt"),
    ("ron", "ro"),
    ("rus", "ru"),
    ("sin", "si"),
    ("slk", "sk"),
    ("slv", "sl"),
    ("sna", "sn"),
    ("spa", "es"),
    ("srp", "sr"),
    ("swe", "sv"),
    ("tam", "ta"),
    ("tel", "te"),
    ("tgl", "tl"),
    ("tha", "th"),
    ("tuk", "tk"),
    ("tur", "tr"),
    ("ukr", "uk"),
    ("urd", "ur"),
    ("uzb", "uz"),
    ("vie", "vi"),
    ("yid", "yi"),
    ("zul", "zu"),
];
