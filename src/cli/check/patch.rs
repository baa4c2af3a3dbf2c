//! A patch for the operator's files: takes addresses to change with the places they stand at, gives a unified diff.
//! Writes nothing; what cannot be changed without guessing (an OPML outline, a setting from the environment) is left out.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::config::Place;

/// What is to be changed about a feed.
pub(super) enum Change {
    /// Its address.
    Url(String),
    /// It is to be polled no more.
    Disable,
}

/// A change with the place of the feed's address.
pub(super) struct Edit {
    /// Of the address, quotes included.
    pub(super) at: Place,
    /// What.
    pub(super) change: Change,
}

/// A unified diff over all `files` that `edits` touch; empty when none can be made.
pub(super) fn patch(files: &[(PathBuf, String)], edits: &[Edit]) -> String {
    let diffs = files.iter().enumerate().map(|(index, (path, old))| {
        let mut edits: Vec<&Edit> = edits.iter().filter(|edit| edit.at.file == index).collect();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.at.span.start));
        let mut new = old.clone();
        for edit in edits {
            apply(edit, path, &mut new);
        }
        diff(path, old, &new)
    });
    diffs.collect()
}

fn diff(path: &Path, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let name = path.display().to_string();
    TextDiff::from_lines(old, new)
        .unified_diff()
        .header(&name, &name)
        .to_string()
}

fn apply(edit: &Edit, path: &Path, text: &mut String) {
    if path.extension().is_none_or(|kind| kind != "toml") {
        return;
    }
    let span = edit.at.span.clone();
    let is_text = text.get(span.clone()).is_some_and(|token| {
        token.len() > 2 && token.starts_with(['"', '\'']) && token.ends_with(['"', '\''])
    });
    match &edit.change {
        Change::Url(url) if is_text => {
            // JSON's escapes are TOML's.
            text.replace_range(span, &serde_json::Value::from(url.as_str()).to_string());
        }
        Change::Disable if is_text => {
            if let Some(end) = own_line_end(text, span.start) {
                text.insert_str(end, "\nenabled = false");
            }
        }
        _ => {}
    }
}

/// The end of the line `url = …`, where the table around it has no `enabled` of its own yet.
fn own_line_end(text: &str, at: usize) -> Option<usize> {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length);
    let table_start = text[..at].rfind("\n[").unwrap_or(0);
    let table_end = text[at..]
        .find("\n[")
        .map_or(text.len(), |length| at + length);
    let mut lines = text[table_start..table_end].lines();
    let stands = text[start..end].trim_start().starts_with("url");
    (stands && !lines.any(|line| line.trim_start().starts_with("enabled"))).then_some(end)
}
