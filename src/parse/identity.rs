//! Our identity of an entry inside its feed, and the fingerprint of what matters in it: functions of the document alone.
//! A key does not change when entries change places, nor when anything but what it is made of changes.

use std::collections::HashMap;

use super::text;
use crate::model::{Fingerprint, ParsedEntry};

/// How much of the content identifies an entry that has neither id nor link.
const CONTENT_WINDOW: usize = 4096;

/// Gives each entry its key: its id, else its link without fragment, else a hash of title, date and content.
/// Entries that share a key are told apart by their link, and in the end by a hash of all that they say. Tells which of
/// the entries it has kept.
pub(super) fn assign_keys(entries: &mut Vec<ParsedEntry>) -> Vec<bool> {
    let mut groups: HashMap<String, Vec<usize>> = HashMap::with_capacity(entries.len());
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.key = natural_key(entry);
        groups.entry(entry.key.clone()).or_default().push(index);
    }
    let mut seen = std::collections::HashSet::with_capacity(entries.len());
    for group in groups.values().filter(|group| group.len() > 1) {
        // One id on entries with links of their own is a publisher's slip; on the same link it is the same entry twice.
        let links: Vec<Option<String>> = group
            .iter()
            .map(|&index| entries[index].link.clone())
            .collect();
        let has_own_links = links.iter().any(|link| *link != links[0]);
        for &index in group {
            let entry = &mut entries[index];
            let mark = if has_own_links {
                entry.link.clone().unwrap_or_default()
            } else {
                body_mark(entry)
            };
            let mut hash = blake3::Hasher::new();
            field(&mut hash, &mark);
            entry.key = format!("{}#{}", entry.key, &hash.finalize().to_hex()[..16]);
        }
    }
    // The very same entry twice is one entry.
    let kept: Vec<bool> = entries
        .iter()
        .map(|entry| seen.insert(entry.key.clone()))
        .collect();
    let mut flags = kept.iter();
    entries.retain(|_| flags.next().copied().unwrap_or(false));
    kept
}

fn natural_key(entry: &ParsedEntry) -> String {
    if let Some(id) = entry.publisher_id.as_deref() {
        return id.to_owned();
    }
    if let Some(link) = entry.link.as_deref() {
        return link.split('#').next().unwrap_or(link).to_owned();
    }
    let mut hash = blake3::Hasher::new();
    field(&mut hash, &entry.title);
    field(
        &mut hash,
        &entry
            .published_at
            .map(|time| time.to_string())
            .unwrap_or_default(),
    );
    field(&mut hash, text::head(&entry.text, CONTENT_WINDOW));
    format!("b3:{}", &hash.finalize().to_hex()[..32])
}

/// What tells two entries with one id and one link apart.
fn body_mark(entry: &ParsedEntry) -> String {
    let enclosures = entry
        .enclosures
        .iter()
        .map(|enclosure| enclosure.url.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    format!(
        "{}\n{}\n{enclosures}\n{}",
        entry.title,
        entry.published_at.map_or(0, |time| time.as_second()),
        text::head(&entry.text, CONTENT_WINDOW)
    )
}

/// A hash over what a reader would notice: title, link, text, files. Not over dates, order or markup.
pub(super) fn fingerprint(entry: &ParsedEntry) -> Fingerprint {
    let mut hash = blake3::Hasher::new();
    field(&mut hash, &entry.title);
    field(&mut hash, entry.link.as_deref().unwrap_or_default());
    field(&mut hash, &entry.text);
    for enclosure in &entry.enclosures {
        field(&mut hash, &enclosure.url);
    }
    Fingerprint(*hash.finalize().as_bytes())
}

/// Lengths go first, so that no two lists of fields look alike.
fn field(hash: &mut blake3::Hasher, text: &str) {
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}
