//! How fast documents are read, beside what feed-rs and its sanitiser cost alone on the same documents.
//! Takes the healthy documents of the corpus, each repeated until it has a usual size; prints one line a measure.

use std::time::{Duration, Instant};

use feedmill::parse::{ParseContext, parse};

/// How long each measure runs at least.
const SPAN: Duration = Duration::from_secs(1);

/// Runs the measures.
pub(crate) fn run() {
    let documents = documents();
    let bytes: usize = documents.iter().map(String::len).sum();
    let alone = rate(bytes, || {
        documents
            .iter()
            .filter(|document| feed_rs::parser::parse(document.as_bytes()).is_ok())
            .count()
    });
    let sanitised = rate(bytes, || {
        documents
            .iter()
            .map(|document| with_ammonia(document))
            .sum()
    });
    let ours = rate(bytes, || {
        documents
            .iter()
            .filter(|document| parse(document.as_bytes(), &ParseContext::default()).is_ok())
            .count()
    });
    println!("parse: feed-rs alone           {alone:8.1} MB/s");
    println!("parse: feed-rs with ammonia    {sanitised:8.1} MB/s");
    println!(
        "parse: feedmill                {ours:8.1} MB/s ({:.2} of feed-rs with ammonia)",
        ours / sanitised
    );
}

/// Two feeds of forty entries, as weblogs write them.
fn documents() -> Vec<String> {
    let paragraphs = "<p>Some words of a weblog, with <a href=\"https://example.org/?a=1&amp;b=2\">a link</a> and \
        <strong>weight</strong>, long enough to look like one.</p>\n"
        .repeat(8);
    let escaped = paragraphs
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let items: String = (1..=40)
        .map(|n| {
            format!(
                "<item><title>Entry {n}</title><link>https://example.org/{n}/</link><guid>https://example.org/?p={n}</guid>\
                 <pubDate>Mon, 23 Nov 2026 10:{n:02}:00 +0000</pubDate><description>Some words.</description>\
                 <content:encoded><![CDATA[{paragraphs}]]></content:encoded></item>\n"
            )
        })
        .collect();
    let entries: String = (1..=40)
        .map(|n| {
            format!(
                "<entry><id>urn:{n}</id><title>Entry {n}</title><link href=\"https://example.org/{n}/\"/>\
                 <updated>2026-11-23T10:{n:02}:00Z</updated><content type=\"html\">{escaped}</content></entry>\n"
            )
        })
        .collect();
    vec![
        format!(
            "<rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel><title>Feed</title>\
             <language>en</language>{items}</channel></rss>"
        ),
        format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\"><title>Feed</title>{entries}</feed>"
        ),
    ]
}

fn with_ammonia(document: &str) -> usize {
    let Ok(feed) = feed_rs::parser::parse(document.as_bytes()) else {
        return 0;
    };
    let bodies = feed
        .entries
        .into_iter()
        .filter_map(|entry| entry.content.and_then(|content| content.body));
    bodies.map(|body| ammonia::clean(&body).len()).sum()
}

fn rate(bytes: usize, mut work: impl FnMut() -> usize) -> f64 {
    let begin = Instant::now();
    let mut rounds = 0_u32;
    while begin.elapsed() < SPAN {
        std::hint::black_box(work());
        rounds += 1;
    }
    bytes as f64 * f64::from(rounds) / begin.elapsed().as_secs_f64() / 1e6
}
