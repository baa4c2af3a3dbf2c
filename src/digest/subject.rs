//! The subject line: takes the list's name, counts, date and top title, gives one clean line of about seventy columns,
//! cut only between grapheme clusters. Never begins with a reply mark.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::language::{Language, fill};
use super::text::clean_line;
use super::{Issue, Purpose, Reader};
use crate::config::SUBJECT_PLACES;

/// Columns that phones and lists still show.
const COLUMNS: usize = 70;
/// A top title with fewer columns left than this says less than the date.
const LEAST_TITLE: usize = 12;
/// Longest subject of an operator's template.
const MOST: usize = 150;

/// The subject of an edition with `n` stories whose first has the title `top`.
pub(super) fn subject(issue: &Issue, reader: Reader<'_>, n: usize, top: &str) -> String {
    let language = reader.language;
    let list = clean_line(&issue.title);
    let date = language.date(issue.slot_at, reader.zone);
    let count = language.count("new", n);
    let line = match &issue.subject {
        Some(pattern) => {
            let number = n.to_string();
            let values = [list.as_str(), &number, &date, top];
            let places: Vec<(&str, &str)> = SUBJECT_PLACES.into_iter().zip(values).collect();
            fill(pattern, &places)
        }
        None => own(language, (&list, &count, &date), n, top),
    };
    let mark = if reader.purpose == Purpose::Test {
        language.text("test_mark")
    } else {
        ""
    };
    cut(&format!("{mark}{}", plain_start(&clean_line(&line))), MOST)
}

fn own(
    language: &Language,
    (list, count, date): (&str, &str, &str),
    n: usize,
    top: &str,
) -> String {
    let values = |top| [("list", list), ("n", count), ("date", date), ("top", top)];
    if n == 0 {
        return fill(language.text("subject_empty"), &values(""));
    }
    let left = COLUMNS.saturating_sub(fill(language.text("subject"), &values("")).width());
    if left < LEAST_TITLE || top.is_empty() {
        return fill(language.text("subject_dated"), &values(""));
    }
    fill(language.text("subject"), &values(&cut(top, left)))
}

/// `text` in at most `columns`, with an ellipsis where something was cut.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut width = 1;
    let mut kept = String::new();
    for cluster in text.graphemes(true) {
        width += cluster.width();
        if width > columns {
            break;
        }
        kept.push_str(cluster);
    }
    format!(
        "{}…",
        kept.trim_end_matches([' ', ',', '.', ':', ';', '-', '–'])
    )
}

/// Without `Re:` and `Fwd:`, which make mail programs thread and filters doubt.
fn plain_start(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some(mark) = ["re:", "fwd:", "fw:", "aw:"].iter().find(|mark| {
        rest.get(..mark.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(mark))
    }) {
        rest = rest.get(mark.len()..).unwrap_or_default().trim_start();
    }
    rest
}
