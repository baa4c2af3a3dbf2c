//! Sixty healthy feeds in XML, and twelve in JSON, each injured in every way of the list: read, whole, and with the injured words right.
//!
//! "Whole": as many entries as before, and nothing but the injured value changed. "Right": the injured words come out as
//! their author meant them. An injury that takes entries away says how many must be left.

mod feeds;
mod ways;

use feedmill::model::ParsedFeed;
use feedmill::parse::{ParseContext, parse};

pub(crate) use feeds::Dice;
use feeds::{Healthy, healthy};
use ways::{Injured, ways};

/// What came of one way of injuring, over all feeds.
#[derive(Default)]
struct Tally {
    tried: usize,
    read: usize,
    whole: usize,
    right: usize,
}

fn read(bytes: &[u8], kind: Option<&str>) -> Option<ParsedFeed> {
    let context = ParseContext {
        content_type: kind.map(str::to_owned),
        base_url: Some("https://site.example/feed".to_owned()),
    };
    parse(bytes, &context).ok()
}

/// What must not change: everything that readers see of an entry but the injured one's title and text.
fn seen(feed: &ParsedFeed, skip: usize) -> Vec<String> {
    feed.entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let texts = match index == skip {
                true => String::new(),
                false => format!("{} {}", entry.title, entry.text),
            };
            let names: Vec<_> = entry.authors.iter().map(|author| &author.name).collect();
            let words: Vec<_> = entry.categories.iter().map(|word| &word.term).collect();
            format!(
                "{} {:?} {:?} {names:?} {words:?} {:?} {texts}",
                entry.key, entry.link, entry.published_at, entry.enclosures
            )
        })
        .collect()
}

fn add(tally: &mut Tally, healthy: &ParsedFeed, injured: &Injured) {
    tally.tried += 1;
    let Some(found) = read(&injured.bytes, injured.content_type) else {
        return;
    };
    tally.read += 1;
    let (before, after) = (seen(healthy, injured.entry), seen(&found, injured.entry));
    let is_whole = match injured.left {
        Some(left) => after.len() >= left && before.starts_with(&after[..left]),
        None => before == after,
    };
    tally.whole += usize::from(is_whole);
    let words = found.entries.get(injured.entry).map(|entry| {
        let text = entry.text.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{}\n{text}", entry.title)
    });
    let words = words.unwrap_or_default();
    let is_right = injured
        .words
        .iter()
        .all(|part| words.contains(part.as_str()));
    tally.right += usize::from(is_right);
}

#[test]
fn injured_feeds_are_read_whole_and_right() {
    let feeds: Vec<(Healthy, ParsedFeed)> = healthy(72)
        .into_iter()
        .map(|feed| {
            let read = read(feed.document.as_bytes(), None).expect("a healthy feed");
            (feed, read)
        })
        .collect();
    let ways = ways();
    let mut counts = vec![0_usize; feeds.len()];
    let mut report = String::new();
    let mut sum = Tally::default();
    for way in &ways {
        let mut tally = Tally::default();
        for (index, (feed, healthy)) in feeds.iter().enumerate() {
            if let Some(injured) = (way.injure)(feed) {
                counts[index] += 1;
                add(&mut tally, healthy, &injured);
            }
        }
        assert!(tally.tried > 0, "{} applies to no feed", way.name);
        if tally.whole < tally.tried || tally.right < tally.tried {
            report.push_str(&format!(
                "{}: of {} read {}, whole {}, right {}\n",
                way.name, tally.tried, tally.read, tally.whole, tally.right
            ));
        }
        sum.tried += tally.tried;
        sum.read += tally.read;
        sum.whole += tally.whole;
        sum.right += tally.right;
    }
    let in_xml = feeds
        .iter()
        .zip(&counts)
        .filter(|((feed, _), _)| feed.is_xml());
    let counts: Vec<usize> = in_xml.map(|(_, &count)| count).collect();
    assert_eq!(counts.len(), 60);
    assert!(
        counts.iter().all(|&count| count >= 80),
        "injuries of each feed: {counts:?}"
    );
    let summary = format!(
        "of {} read {}, whole {}, right {}\n{report}",
        sum.tried, sum.read, sum.whole, sum.right
    );
    assert_eq!(sum.read, sum.tried, "{summary}");
    assert!(sum.whole * 100 >= sum.tried * 97, "{summary}");
    assert!(sum.right * 100 >= sum.tried * 99, "{summary}");
}
