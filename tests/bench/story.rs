//! Cost of matching: keys of an entry, a verdict on candidates; and how well the labelled pairs are told apart is the
//! test `labelled_pairs_are_told_apart`. Prints microseconds for each, over texts of several scripts.

use std::hint::black_box;
use std::time::Instant;

use feedmill::model::{
    Candidate, EntryId, FeedId, Fingerprint, IncomingEntry, Judge, ParsedEntry, StoryId, Verdict,
};
use feedmill::story::Matcher;
use jiff::Timestamp;

const TEXTS: [(&str, &str); 3] = [
    (
        "English",
        "The council voted on Tuesday to buy two electric ferries for the harbour crossing, at 24 million pounds. ",
    ),
    (
        "Vietnamese",
        "Sở Giao thông vận tải Hà Nội cho biết từ ngày 1/6 thành phố sẽ mở thêm ba tuyến xe buýt điện phía tây. ",
    ),
    (
        "Japanese",
        "札幌市は12日、路面電車を新さっぽろ駅まで4.2キロ延伸する計画を発表した。総事業費は約380億円を見込む。",
    ),
];
const ROUNDS: u32 = 20_000;

/// Measures and prints.
pub(super) fn run() {
    let matcher = Matcher::default();
    for (language, sentence) in TEXTS {
        let entry = entry(&sentence.repeat(2048 / sentence.len() + 1));
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(matcher.keys(black_box(&entry), Some("https://example.org/")));
        }
        report(&format!("keys, 2 KB of {language}"), start);
        let keys = matcher.keys(&entry, None);
        let known = candidate(&entry, &matcher);
        let incoming = IncomingEntry {
            entry,
            verdict: Verdict::Keep,
            tags: Vec::new(),
            keys,
        };
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(matcher.join(black_box(&incoming), std::slice::from_ref(&known)));
        }
        report(&format!("join, one candidate, {language}"), start);
    }
    let link = "https://www.example.org/2026/05/a-long-title-of-a-page/?utm_source=rss&utm_medium=feed&id=7#comments";
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(matcher.canonical_link(black_box(link)));
    }
    report("canonical link", start);
}

#[expect(clippy::print_stdout, reason = "a benchmark reports there")]
fn report(what: &str, start: Instant) {
    println!(
        "{what}: {:.2} µs",
        start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
    );
}

fn entry(text: &str) -> ParsedEntry {
    ParsedEntry {
        key: "k".into(),
        publisher_id: Some("https://example.org/?p=7".into()),
        link: Some("https://www.example.org/2026/05/a-long-title-of-a-page/?utm_source=rss".into()),
        title: "Council approves electric ferry for the harbour crossing".into(),
        authors: Vec::new(),
        summary_html: None,
        content_html: None,
        text: text.into(),
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

fn candidate(entry: &ParsedEntry, matcher: &Matcher) -> Candidate {
    Candidate {
        entry: EntryId(1),
        story: Some(StoryId(1)),
        feed: FeedId(2),
        key: "other".into(),
        publisher_id: None,
        title: "Harbour to get electric ferries".into(),
        keys: matcher.keys(
            &ParsedEntry {
                link: None,
                publisher_id: None,
                ..entry.clone()
            },
            None,
        ),
        published_at: entry.published_at,
        first_seen_at: Timestamp::UNIX_EPOCH,
        same_page: false,
        present: false,
    }
}
