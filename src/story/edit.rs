//! Edits: whether a change is one of substance, and which words changed. Takes two states of an entry or of a text;
//! gives yes or no, or a short word diff for a corrections section. Typography, trackers, white space and pictures are
//! not substance; words are.

use similar::{Algorithm, ChangeTag, capture_diff_slices_deadline};
use unicode_normalization::UnicodeNormalization;

use crate::model::ParsedEntry;

/// Words of each side that a diff looks at.
const DIFF_WORDS: usize = 2000;
/// Unchanged words shown on each side of a change.
const CONTEXT: usize = 4;
/// Combining tone marks of Vietnamese: grave, acute, tilde, hook above, dot below.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// What a run of words in a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffKind {
    /// In both.
    Same,
    /// Only in the old text.
    Removed,
    /// Only in the new text.
    Added,
    /// Words in both that are left out here.
    Gap,
}

/// Whether the words of title or text changed.
pub(super) fn substantial(old: &ParsedEntry, new: &ParsedEntry) -> bool {
    words(&old.title) != words(&new.title) || words(&old.text) != words(&new.text)
}

/// Runs of words that tell how `new_text` came out of `old_text`; empty when only typography differs. Looks at the first
/// two thousand words.
pub(super) fn word_diff(old_text: &str, new_text: &str) -> Vec<(DiffKind, String)> {
    let old = spelled(old_text);
    let new = spelled(new_text);
    let old_forms: Vec<&str> = old.iter().map(|word| word.1.as_str()).collect();
    let new_forms: Vec<&str> = new.iter().map(|word| word.1.as_str()).collect();
    let mut runs: Vec<(DiffKind, Vec<&str>)> = Vec::new();
    for op in capture_diff_slices_deadline(Algorithm::Patience, &old_forms, &new_forms, None) {
        for change in op.iter_changes(&old_forms, &new_forms) {
            let (kind, word) = match change.tag() {
                ChangeTag::Equal => (DiffKind::Same, change.new_index().map(|at| new[at].0)),
                ChangeTag::Delete => (DiffKind::Removed, change.old_index().map(|at| old[at].0)),
                ChangeTag::Insert => (DiffKind::Added, change.new_index().map(|at| new[at].0)),
            };
            let word = word.unwrap_or_default();
            match runs.last_mut() {
                Some((last, words)) if *last == kind => words.push(word),
                _ => runs.push((kind, vec![word])),
            }
        }
    }
    if runs.iter().all(|(kind, _)| *kind == DiffKind::Same) {
        return Vec::new();
    }
    shortened(&runs)
}

/// Long unchanged runs are cut to the words beside the changes.
fn shortened(runs: &[(DiffKind, Vec<&str>)]) -> Vec<(DiffKind, String)> {
    let mut short = Vec::new();
    for (at, (kind, words)) in runs.iter().enumerate() {
        let (before, after) = (
            if at == 0 { 0 } else { CONTEXT },
            if at + 1 == runs.len() { 0 } else { CONTEXT },
        );
        if *kind != DiffKind::Same || words.len() <= before + after {
            short.push((*kind, words.join(" ")));
            continue;
        }
        let sides = [
            (DiffKind::Same, &words[..before]),
            (DiffKind::Gap, &[][..]),
            (DiffKind::Same, &words[words.len() - after..]),
        ];
        short.extend(
            sides
                .into_iter()
                .filter(|(kind, words)| *kind == DiffKind::Gap || !words.is_empty())
                .map(|(kind, words)| (kind, words.join(" "))),
        );
    }
    short
}

/// Words as written, each with the form that decides whether it changed; marks without letters are no words.
fn spelled(text: &str) -> Vec<(&str, String)> {
    text.split_whitespace()
        .map(|word| (word, form(word)))
        .filter(|(_, form)| !form.is_empty())
        .take(DIFF_WORDS)
        .collect()
}

/// The forms of all words; a dash between words parts them however it is spaced.
fn words(text: &str) -> Vec<String> {
    text.split(|char: char| {
        char.is_whitespace() || matches!(char, '-' | '–' | '—' | '/' | '…' | '\u{200B}')
    })
    .map(form)
    .filter(|form| !form.is_empty())
    .collect()
}

/// Letters and digits, NFKC, lower case, the tone mark of a syllable at its end: hoà and hòa are one spelling.
fn form(word: &str) -> String {
    let mut tones = String::new();
    let mut letters: String = word
        .nfkd()
        .filter(|char| {
            let tone = TONES.contains(char);
            if tone {
                tones.push(*char);
            }
            !tone
                && (char.is_alphanumeric()
                    || unicode_normalization::char::is_combining_mark(*char)
                    || matches!(char, '%' | '+' | '€' | '$' | '£' | '¥'))
        })
        .flat_map(char::to_lowercase)
        .collect();
    letters.push_str(&tones);
    letters
}
