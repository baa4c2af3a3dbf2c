//! Text around a match, in the words of the publisher, with the matches marked.

use super::fold::{self, Word};
use super::question::{Question, Term};

/// Words before the first match.
const BEFORE: usize = 8;
/// Words shown.
const SHOWN: usize = 32;

/// How often the wanted terms occur among `words`.
pub(super) fn hits(question: &Question, words: &[Word]) -> usize {
    let wanted = question.terms.iter().filter(|term| !term.excluded);
    wanted.map(|term| matches(term, words).len()).sum()
}

/// Ranges of words where a term occurs.
fn matches(term: &Term, words: &[Word]) -> Vec<(usize, usize)> {
    let length = term.words.len();
    let starts = words.windows(length).enumerate();
    starts
        .filter(|(_, window)| is_match(term, window))
        .map(|(start, _)| (start, start + length))
        .collect()
}

fn is_match(term: &Term, window: &[Word]) -> bool {
    let last = term.words.len() - 1;
    term.words
        .iter()
        .zip(window)
        .enumerate()
        .all(|(index, (wanted, word))| {
            word.folded == *wanted
                || (index == last && term.prefix && word.folded.starts_with(wanted.as_str()))
        })
}

/// Runs of text around the first match: (text, is a match).
pub(super) fn runs(question: &Question, text: &str) -> Vec<(String, bool)> {
    let text = fold::composed(text);
    let words = fold::words(&text);
    let anywhere = question
        .terms
        .iter()
        .filter(|term| !term.excluded && term.column.is_none());
    let mut marked: Vec<(usize, usize)> = anywhere.flat_map(|term| matches(term, &words)).collect();
    marked.sort_unstable();
    let first = marked
        .first()
        .map_or(0, |range| range.0.saturating_sub(BEFORE));
    let end = words.len().min(first + SHOWN);
    let Some((head, tail)) = words.get(first).zip(words.get(end.saturating_sub(1))) else {
        return Vec::new();
    };
    let mut runs = Vec::new();
    let mut at = if first == 0 { 0 } else { head.start };
    let close = if end == words.len() {
        text.len()
    } else {
        tail.end
    };
    if first > 0 {
        runs.push(("… ".to_owned(), false));
    }
    for (from, to) in marked
        .into_iter()
        .filter(|(from, _)| (first..end).contains(from))
    {
        let Some((one, last)) = words.get(from).zip(words.get(to - 1)) else {
            continue;
        };
        let (start, stop) = (one.start.max(at), last.end.min(close));
        if start >= stop {
            continue;
        }
        push(&mut runs, text.get(at..start), false);
        push(&mut runs, text.get(start..stop), true);
        at = stop;
    }
    push(&mut runs, text.get(at..close), false);
    if close < text.len() {
        push(&mut runs, Some(" …"), false);
    }
    runs
}

fn push(runs: &mut Vec<(String, bool)>, text: Option<&str>, is_match: bool) {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return;
    };
    match runs.last_mut() {
        Some((last, same)) if *same == is_match => last.push_str(text),
        _ => runs.push((text.to_owned(), is_match)),
    }
}
