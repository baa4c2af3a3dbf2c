//! Words as search compares them, the same for what is stored and what is asked: case, tone marks and letter variants
//! away; runs of scripts without spaces as overlapping pairs, with the last character alone, so that a single
//! character is found by prefix.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Raised whenever folding changes: the index is then built anew.
pub(super) const VERSION: i64 = 1;

/// One word of a text, folded, with the bytes it stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Folded.
    pub(super) folded: String,
    /// Where it begins in the text.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

/// A text in the form that positions refer to: composed, so that a letter is one character.
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || unicode_normalization::is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// The words of a [`composed`] text. `closed` adds the last character of a run alone, as the index wants it.
fn walk(text: &str, closed: Closing, mut each: impl FnMut(&str, usize, usize)) {
    let mut word = String::new();
    let mut start = 0;
    let mut end = 0;
    let mut run: Vec<(usize, usize, String)> = Vec::new();
    for (at, letter) in text.char_indices() {
        let after = at + letter.len_utf8();
        if is_unspaced(letter) {
            flush(&mut word, (start, end), &mut each);
            run.push((at, after, letter.nfkc().collect()));
            continue;
        }
        flush_run(&mut run, closed, &mut each);
        if letter.is_alphanumeric() || (!word.is_empty() && is_combining_mark(letter)) {
            if word.is_empty() {
                start = at;
            }
            fold_letter(letter, &mut word);
            end = after;
        } else {
            flush(&mut word, (start, end), &mut each);
        }
    }
    flush(&mut word, (start, end), &mut each);
    flush_run(&mut run, closed, &mut each);
}

/// How a run of a script without spaces ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// Its last character stands alone as well: for the index.
    Single,
    /// It does not: for questions, where it would ask for the end of a run.
    Open,
}

fn flush(
    word: &mut String,
    (start, end): (usize, usize),
    each: &mut impl FnMut(&str, usize, usize),
) {
    if !word.is_empty() {
        each(word, start, end);
        word.clear();
    }
}

fn flush_run(
    run: &mut Vec<(usize, usize, String)>,
    closed: Closing,
    each: &mut impl FnMut(&str, usize, usize),
) {
    for pair in run.windows(2) {
        if let [one, other] = pair {
            each(&format!("{}{}", one.2, other.2), one.0, other.1);
        }
    }
    if let Some(last) = run.last()
        && (closed == Closing::Single || run.len() == 1)
    {
        each(&last.2, last.0, last.1);
    }
    run.clear();
}

fn fold_letter(letter: char, word: &mut String) {
    if letter.is_ascii() {
        word.push(letter.to_ascii_lowercase());
        return;
    }
    let lower = letter
        .nfkd()
        .filter(|part| !is_tone(*part))
        .flat_map(char::to_lowercase);
    for part in lower.filter(|part| !is_tone(*part)) {
        match part {
            'đ' | 'ð' => word.push('d'),
            'ł' => word.push('l'),
            'ø' => word.push('o'),
            'ı' => word.push('i'),
            'ß' => word.push_str("ss"),
            'æ' => word.push_str("ae"),
            'œ' => word.push_str("oe"),
            'ς' => word.push('σ'),
            other => word.push(other),
        }
    }
}

/// Marks that a searcher leaves out: Latin and Greek accents, Hebrew points, Arabic vowels.
fn is_tone(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{652}' | '\u{670}' | '\u{640}')
}

/// Scripts written without spaces between words, and Hangul, whose particles cling to their words.
fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e01}'..='\u{e4e}' | '\u{e81}'..='\u{ece}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}'
        | '\u{1100}'..='\u{11ff}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9d}' | '\u{20000}'..='\u{3ffff}')
}

/// The words of a text as the index takes them: separated by spaces.
pub(super) fn for_index(text: &str) -> String {
    let text = composed(text);
    let mut words = String::with_capacity(text.len());
    walk(&text, Closing::Single, |word, _, _| {
        words.push_str(word);
        words.push(' ');
    });
    words
}

/// The words of a [`composed`] text with their places.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    walk(text, Closing::Single, |word, start, end| {
        words.push(Word {
            folded: word.to_owned(),
            start,
            end,
        })
    });
    words
}

/// The words of a question.
pub(super) fn asked(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    walk(&composed(text), Closing::Open, |word, _, _| {
        words.push(word.to_owned())
    });
    words
}

/// A lone character of a script without spaces: it is found as the beginning of pairs.
pub(super) fn is_lone(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(is_unspaced) && letters.next().is_none()
}
