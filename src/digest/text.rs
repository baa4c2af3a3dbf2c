//! Plain text for mails: takes words from feeds, gives clean lines, paragraphs wrapped at 72 columns by East Asian
//! width, and titles isolated from the direction around them.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns of the text part (RFC 3676 asks for at most 78).
pub(super) const COLUMNS: usize = 72;

/// One line: no control characters, no direction overrides, white space collapsed.
pub(super) fn clean_line(text: &str) -> String {
    text.split_whitespace()
        .map(clean_word)
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Paragraphs of `text`, each one clean line.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        if !line.trim().is_empty() {
            lines.push(line);
            continue;
        }
        let paragraph = clean_line(&lines.join(" "));
        lines.clear();
        if !paragraph.is_empty() {
            paragraphs.push(paragraph);
        }
    }
    paragraphs
}

/// C0, C1, line separators, byte order mark and bidi controls out (MAIL-1, PARSE-4); joiners stay, as emoji and
/// Persian need them.
fn clean_word(word: &str) -> String {
    word.chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{FEFF}')
                && !matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFF9}'..='\u{FFFB}')
                && !matches!(*c as u32 & 0xFFFF, 0xFFFE | 0xFFFF)
        })
        .collect()
}

/// `text` wrapped to lines of `columns`, each after `indent`. Breaks at spaces, and inside a word only where it alone
/// is too wide (scripts without spaces), between grapheme clusters.
pub(super) fn wrap(text: &str, indent: &str) -> String {
    let columns = COLUMNS.saturating_sub(indent.width());
    let mut lines = vec![String::new()];
    let mut width = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word_width = word.width();
        if width > 0
            && width + 1 + word_width > columns
            && (word_width <= columns || columns - width < 4)
        {
            lines.push(String::new());
            width = 0;
        }
        let space = usize::from(width > 0);
        if let (Some(line), 1) = (lines.last_mut(), space) {
            line.push(' ');
        }
        width = push_word(&mut lines, word, width + space, columns);
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("{indent}{}", line.trim_end()))
        .collect();
    lines.join("\n")
}

/// Puts `word` at column `width`, over several lines where it must; returns the column after it.
fn push_word(lines: &mut Vec<String>, word: &str, mut width: usize, columns: usize) -> usize {
    for cluster in word.graphemes(true) {
        if width + cluster.width() > columns {
            lines.push(String::new());
            width = 0;
        }
        width += cluster.width();
        if let Some(line) = lines.last_mut() {
            line.push_str(cluster);
        }
    }
    width
}

/// `text` between FSI and PDI where its script may run against a page written `direction`.
pub(super) fn isolate(text: &str, direction: &str) -> String {
    let foreign = match direction {
        "rtl" => text.chars().any(|c| c.is_alphabetic() && !right_to_left(c)),
        _ => text.chars().any(right_to_left),
    };
    if foreign {
        format!("\u{2068}{text}\u{2069}")
    } else {
        text.to_owned()
    }
}

fn right_to_left(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}
