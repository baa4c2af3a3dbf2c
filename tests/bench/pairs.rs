//! The labelled pairs of `tests/corpus-pairs`: two items, and whether they are one story. Read, judged as the store
//! would have it, counted by halves: the one that the bars were chosen on, and the one that reports.

#![allow(
    clippy::unwrap_used,
    reason = "a pair that cannot be read is a mistake in the corpus"
)]

use feedmill::model::{
    Candidate, EntryId, FeedId, Fingerprint, IncomingEntry, Judge, ParsedEntry, StoryId, Verdict,
};
use feedmill::story::Matcher;
use jiff::Timestamp;

/// A labelled pair: two items, and whether they are one story.
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) left: (String, String),
    pub(super) right: (String, String),
    pub(super) same: bool,
    /// The half that thresholds were chosen on, or the one that reports.
    pub(super) chosen_on: bool,
}

/// Reads every file of `tests/corpus-pairs`; its README says how they are written.
pub(super) fn pairs() -> Vec<Pair> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus-pairs");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
        .iter()
        .flat_map(|file| pairs_of(&std::fs::read_to_string(file).unwrap()))
        .collect()
}

fn pairs_of(text: &str) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut last: Option<(String, String)> = None;
    for (at, block) in text
        .split("== ")
        .filter(|block| !block.trim().is_empty())
        .enumerate()
    {
        let field = |mark: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(mark))
                .unwrap_or_default()
                .to_owned()
        };
        let base = (field("T "), field("B "));
        let language = block.lines().next().unwrap();
        let mut push = |right: (String, String), same: bool, line: &str| {
            let name = format!("{language}{at} {line}");
            pairs.push(Pair {
                name,
                left: base.clone(),
                right,
                same,
                chosen_on: at % 2 == 0,
            });
        };
        for line in block.lines() {
            if let Some((before, after)) = line
                .strip_prefix("~ ")
                .and_then(|line| line.split_once('|'))
            {
                let text = format!("{} {}\n{}", before.trim(), base.1, after.trim());
                push((base.0.clone(), text.trim().to_owned()), true, line);
            } else if let Some(edits) = line.strip_prefix("+ ") {
                push(edited(&base, edits), true, line);
            } else if let Some(edits) = line.strip_prefix("- ") {
                push(edited(&base, edits), false, line);
            }
        }
        if let Some(other) = last.replace(base.clone()) {
            push(other, false, "the item before");
        }
    }
    pairs
}

fn edited((title, text): &(String, String), edits: &str) -> (String, String) {
    let (mut title, mut text) = (title.clone(), text.clone());
    for edit in edits.split(" ;; ") {
        if let Some((old, new)) = edit.split_once(" → ") {
            assert!(text.contains(old), "{old:?} does not occur in {text:?}");
            text = text.replace(old, new);
        } else {
            match edit.split_at(1) {
                ("#", new) => title = new.to_owned(),
                ("$", new) => text = format!("{text} {new}"),
                ("^", new) => text = format!("{new} {text}"),
                ("@", new) => text = new.to_owned(),
                _ => panic!("no such edit: {edit}"),
            }
        }
    }
    (title, text)
}

/// Outcomes over labelled pairs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    found: u32,
    missed: u32,
    wrong: u32,
    apart: u32,
}

impl Tally {
    pub(super) fn precision(self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.wrong)
    }

    pub(super) fn recall(self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.missed)
    }
}

/// Joined as the store would: offered by a band or by the title, then judged.
fn joined(pair: &Pair) -> bool {
    let left = incoming(&pair.left);
    let right = candidate(&pair.right);
    let by_band = left
        .keys
        .bands
        .iter()
        .any(|band| right.keys.bands.contains(band));
    let by_title = left.keys.title_key.is_some() && left.keys.title_key == right.keys.title_key;
    (by_band || by_title) && Matcher::default().join(&left, &[right]).is_some()
}

/// What came of all pairs.
pub(super) struct Verdicts {
    /// The half that the bars were chosen on.
    pub(super) chosen_on: Tally,
    /// The half that reports.
    pub(super) reported: Tally,
    /// Names of the pairs judged wrongly.
    pub(super) wrong: Vec<String>,
}

impl Verdicts {
    /// Judges every pair.
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let [mut chosen_on, mut reported] = [Tally::default(); 2];
        let mut wrong = Vec::new();
        for pair in pairs {
            let tally = if pair.chosen_on {
                &mut chosen_on
            } else {
                &mut reported
            };
            let joined = joined(pair);
            match (pair.same, joined) {
                (true, true) => tally.found += 1,
                (true, false) => tally.missed += 1,
                (false, true) => tally.wrong += 1,
                (false, false) => tally.apart += 1,
            }
            if pair.same != joined {
                wrong.push(pair.name.clone());
            }
        }
        Self {
            chosen_on,
            reported,
            wrong,
        }
    }
}

fn entry((title, text): &(String, String)) -> ParsedEntry {
    ParsedEntry {
        key: title.clone(),
        publisher_id: None,
        link: None,
        title: title.clone(),
        authors: Vec::new(),
        summary_html: None,
        content_html: None,
        text: text.clone(),
        published_at: Timestamp::from_second(1_777_636_800).ok(),
        updated_at: None,
        date_flag: None,
        enclosures: Vec::new(),
        categories: Vec::new(),
        links: Vec::new(),
        source: None,
        language: None,
        rights: None,
        fingerprint: Fingerprint([0; 32]),
    }
}

fn incoming(item: &(String, String)) -> IncomingEntry {
    let entry = entry(item);
    IncomingEntry {
        verdict: Verdict::Keep,
        tags: Vec::new(),
        keys: Matcher::default().keys(&entry, None),
        entry,
    }
}

fn candidate(item: &(String, String)) -> Candidate {
    let entry = entry(item);
    Candidate {
        entry: EntryId(1),
        story: Some(StoryId(10)),
        feed: FeedId(2),
        key: entry.key.clone(),
        publisher_id: None,
        title: entry.title.clone(),
        keys: Matcher::default().keys(&entry, None),
        published_at: entry.published_at,
        first_seen_at: Timestamp::from_second(1_777_636_800).unwrap(),
        same_page: false,
        present: false,
    }
}

/// Prints precision and recall of both halves.
#[allow(
    dead_code,
    clippy::print_stdout,
    reason = "the tests assert instead of printing"
)]
pub(super) fn run() {
    let pairs = pairs();
    let verdicts = Verdicts::of(&pairs);
    for (half, tally) in [
        ("chosen on", verdicts.chosen_on),
        ("reported", verdicts.reported),
    ] {
        let (precision, recall) = (tally.precision(), tally.recall());
        println!("{half}: precision {precision:.4}, recall {recall:.4}, {tally:?}");
    }
    println!(
        "{} pairs, judged wrongly: {:#?}",
        pairs.len(),
        verdicts.wrong
    );
}
