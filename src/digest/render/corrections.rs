//! The corrections section: what was changed in stories that earlier editions carried, as a short word diff.

use serde::Serialize;

use super::item::{Item, item};
use crate::config::ContentMode;
use crate::digest::text::clean_line;
use crate::digest::{Change, Correction, Reader, Run};

/// Corrections told in one edition.
const MOST: usize = 20;
/// Runs of words of one correction.
const RUNS: usize = 24;
/// Words of one run.
const WORDS: usize = 30;

/// A corrected story as the template sees it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Corrected {
    pub(super) item: Item,
    /// What happened to the title, then to the text; none where only its end changed.
    pub(super) changes: Vec<Vec<Piece>>,
}

/// A run of words as the template sees it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Piece {
    /// `same`, `removed`, `added`, `gap`.
    pub(super) kind: &'static str,
    pub(super) words: String,
}

/// The section; without the words of the changes where there is room for titles only.
pub(super) fn corrected(
    corrections: &[&Correction],
    reader: Reader<'_>,
    content: ContentMode,
) -> Vec<Corrected> {
    let one = |correction: &&Correction| Corrected {
        item: item(&correction.story, reader, ContentMode::Title),
        changes: match content {
            ContentMode::Title => Vec::new(),
            ContentMode::Full | ContentMode::Summary => [&correction.title, &correction.text]
                .into_iter()
                .filter(|runs| !runs.is_empty())
                .map(|runs| pieces(runs))
                .collect(),
        },
    };
    corrections.iter().take(MOST).map(one).collect()
}

fn pieces(runs: &[Run]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = runs.iter().take(RUNS).map(piece).collect();
    if runs.len() > RUNS {
        pieces.push(gap());
    }
    pieces
}

fn piece(run: &Run) -> Piece {
    let kind = match run.change {
        Change::Same => "same",
        Change::Removed => "removed",
        Change::Added => "added",
        Change::Gap => return gap(),
    };
    let clean = clean_line(&run.words);
    let mut words: Vec<&str> = clean.split(' ').collect();
    if words.len() > WORDS {
        words.truncate(WORDS);
        words.push("…");
    }
    Piece {
        kind,
        words: words.join(" "),
    }
}

fn gap() -> Piece {
    Piece {
        kind: "gap",
        words: "…".to_owned(),
    }
}

/// A change as a line of text: `the price is [10 → 12] euros`.
pub(super) fn line(pieces: &[Piece]) -> String {
    let mut words = Vec::new();
    let mut rest = pieces;
    while let [first, after @ ..] = rest {
        rest = after;
        words.push(match (first.kind, after.first()) {
            ("removed", Some(next)) if next.kind == "added" => {
                rest = after.get(1..).unwrap_or_default();
                format!("[{} → {}]", first.words, next.words)
            }
            ("removed", _) => format!("[{} → –]", first.words),
            ("added", _) => format!("[+ {}]", first.words),
            _ => first.words.clone(),
        });
    }
    words.join(" ")
}
