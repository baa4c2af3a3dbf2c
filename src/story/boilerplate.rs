//! What publishers put around a text that is not the news: credits, "read more", datelines. Takes plain text, gives the
//! part between. Cuts only short ends that begin with a known phrase; a text that is nothing but boilerplate stays.

/// How an end line or an end sentence begins, lower case, when it is no news. Longer than [`LONGEST`] it is a sentence.
const ENDINGS: &[&str] = &[
    "theo ",
    "(theo",
    "nguồn",
    "source:",
    "source ",
    "sources:",
    "(source",
    "via:",
    "via ",
    "the post ",
    "this post ",
    "this article ",
    "this story ",
    "originally published",
    "first published",
    "read more",
    "read the full",
    "read full",
    "read on",
    "continue reading",
    "more at",
    "see also",
    "related:",
    "click here",
    "subscribe",
    "follow us",
    "share this",
    "copyright",
    "©",
    "(c) ",
    "all rights reserved",
    "reporting by",
    "additional reporting",
    "editing by",
    "view comments",
    "comments",
    "posted by",
    "tags:",
    "filed under",
    "photo:",
    "image:",
    "đọc tiếp",
    "đọc thêm",
    "xem thêm",
    "xem tiếp",
    "mời độc giả",
    "mời bạn đọc",
    "ảnh:",
    "bấm ",
    "tin liên quan",
    "chi tiết",
    "quelle",
    "weiterlesen",
    "mehr lesen",
    "zum artikel",
    "lesen sie",
    "foto:",
    "fuente",
    "leer más",
    "seguir leyendo",
    "lea también",
    "fonte",
    "leia mais",
    "leia também",
    "continue lendo",
    "continua a leggere",
    "leggi",
    "lire la suite",
    "lire aussi",
    "en savoir plus",
    "à lire",
    "avec afp",
    "(avec",
    "(mit ",
    "(con ",
    "(com ",
    "источник",
    "читать",
    "подробнее",
    "по материалам",
    "фото:",
    "来源",
    "來源",
    "阅读",
    "閱讀",
    "责任编辑",
    "編輯",
    "编辑",
    "出典",
    "続きを読む",
    "記事",
    "전체",
    "출처",
    "기사",
    "kaynak",
    "devamı",
    "źródło",
    "czytaj",
    "bron:",
    "lees ",
    "källa",
    "läs ",
    "kilde",
    "sumber",
    "baca ",
    "ที่มา",
    "आगे पढ़ें",
    "स्रोत",
    "المصدر",
    "اقرأ",
];
/// Longest ending in bytes.
const LONGEST: usize = 150;

/// `text` without datelines before it and credits after it.
pub(super) fn stripped(text: &str) -> &str {
    let body = without_dateline(text.trim());
    let mut rest = body;
    for _ in 0..5 {
        let shorter = without_ending(rest.trim_end_matches(is_filler));
        if shorter.len() == rest.len() {
            break;
        }
        rest = shorter;
    }
    if rest.trim().is_empty() {
        body
    } else {
        rest.trim_end()
    }
}

fn is_filler(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '…' | '[' | ']' | '»' | '>' | '→' | '|' | '-' | '–' | '—'
        )
}

/// Cuts the last line or sentence where it is a known ending.
fn without_ending(text: &str) -> &str {
    let tail_start = text.len().saturating_sub(LONGEST);
    let tail_start = (tail_start..=text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    let tail = &text[tail_start..];
    let before = tail.trim_end_matches(['.', '!', '。', ')', ' ']).len();
    let begins = |at: usize| {
        let ending = tail[at..].trim_start();
        (!ending.is_empty()).then(|| ENDINGS.iter().any(|known| starts_folded(ending, known)))
    };
    let starts = std::iter::once(0).filter(|_| tail_start == 0).chain(
        tail[..before]
            .char_indices()
            .filter(|(_, char)| {
                matches!(
                    char,
                    '\n' | '.' | '!' | '?' | '。' | '(' | '|' | '…' | ')' | '"' | '”'
                )
            })
            .map(|(at, char)| {
                if char == '(' {
                    at
                } else {
                    at + char.len_utf8()
                }
            }),
    );
    for at in starts {
        if begins(at) == Some(true) {
            return &text[..tail_start + at];
        }
    }
    text
}

/// Whether `text` begins with `known` (which is in lower case), whatever its case.
fn starts_folded(text: &str, known: &str) -> bool {
    // Nearly all fail at an ASCII byte.
    if let (Some(first @ 0..0x80), Some(wanted)) = (text.bytes().next(), known.bytes().next())
        && first.to_ascii_lowercase() != wanted
    {
        return false;
    }
    let mut letters = text.chars().flat_map(char::to_lowercase);
    known.chars().all(|char| letters.next() == Some(char))
}

/// Cuts `HÀ NỘI (TTXVN) - `, `LONDON, May 3 (Reuters) — `, `TTO - ` before a text.
fn without_dateline(text: &str) -> &str {
    let head_end = (0..=text.len().min(90))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let head = &text[..head_end];
    for dash in [" - ", " – ", " — ", ") -", ") –", ")—"] {
        let Some((place, _)) = head.split_once(dash) else {
            continue;
        };
        let closes = dash.starts_with(')') || place.ends_with(')');
        let agency = place.len() <= 12
            && place
                .chars()
                .all(|char| char.is_uppercase() || matches!(char, '.' | ' ' | '/'));
        let bracketed = closes && place.contains('(') && !place.contains(". ");
        if agency || bracketed {
            return text[place.len() + dash.len()..].trim_start();
        }
    }
    text
}
