//! How fast documents are read, beside what feed-rs and its sanitiser cost alone on the same documents, and feedparser.
//! Takes made-up feeds of all dialects and healthy ones with tables, comments and entities; prints one line a measure.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use feedmill::parse::{ParseContext, canonical, parse};

use crate::documents;

/// How long each measure runs at least; the best of so many counts, since what comes on top is the machine's.
const SPAN: Duration = Duration::from_millis(400);
const ROUNDS: usize = 5;

/// Runs the measures.
pub(crate) fn run() {
    let documents = mixed();
    let bytes: usize = documents.iter().map(String::len).sum();
    let context = ParseContext::default();
    let mut works: [Box<dyn FnMut() -> usize>; 4] = [
        Box::new(|| {
            documents
                .iter()
                .filter(|document| mapped(document).is_some())
                .count()
        }),
        Box::new(|| {
            let canonical = documents
                .iter()
                .filter_map(|document| canonical(document.as_bytes(), &context).ok());
            canonical
                .filter(|document| mapped(document).is_some())
                .count()
        }),
        Box::new(|| {
            documents
                .iter()
                .map(|document| with_ammonia(document))
                .sum()
        }),
        Box::new(|| {
            documents
                .iter()
                .filter(|document| parse(document.as_bytes(), &context).is_ok())
                .count()
        }),
    ];
    let mut rates = [0.0_f64; 4];
    // In turn, so that a busy neighbour slows all of them alike.
    for _ in 0..ROUNDS {
        for (rate, work) in rates.iter_mut().zip(&mut works) {
            *rate = rate.max(measured(bytes, work));
        }
    }
    let [alone, normalised, sanitised, ours] = rates;
    println!("parse: feed-rs alone           {alone:8.1} MB/s");
    println!(
        "parse: normalised, feed-rs     {normalised:8.1} MB/s ({:.2} of feed-rs alone)",
        normalised / alone
    );
    println!("parse: feed-rs with ammonia    {sanitised:8.1} MB/s");
    println!(
        "parse: feedmill                {ours:8.1} MB/s ({:.2} of feed-rs with ammonia)",
        ours / sanitised
    );
    match feedparser(&documents) {
        Some(other) => println!(
            "parse: feedparser              {other:8.1} MB/s (feedmill is {:.0} times as fast)",
            ours / other
        ),
        None => println!("parse: feedparser is not installed for python3"),
    }
}

/// Forty made-up feeds of all dialects, and as many of weblogs whose markup is less tidy.
fn mixed() -> Vec<String> {
    let made_up = (0..100)
        .step_by(5)
        .chain(80..100)
        .map(|number| documents::document(number).1);
    made_up.chain((0..40).map(weblog)).collect()
}

/// What writers put into entries beside paragraphs, by turns.
const PARTS: &[&str] = &[
    "<p>Some words of a weblog, with <a href=\"https://example.org/?a=1&amp;b=2\">a link</a> and <strong>weight</strong>.</p>\n",
    "<table><tbody><tr><th>Year</th><td>2025</td></tr><tr><th>Sum</th><td>1&nbsp;200</td></tr></tbody></table>\n",
    "<!-- wp:paragraph --><p>Ng\u{1b0}\u{1edd}i Vi\u{1ec7}t &eacute;t&eacute; &ldquo;quoted&rdquo; &hellip; caf&eacute;&copy;</p><!-- /wp:paragraph -->\n",
    "<figure class=\"wide\"><img loading=\"lazy\" src=\"/a.png\" srcset=\"/a.png 1x, /b.png 2x\" alt=\"A &amp; B\" width=\"640\" height=\"480\"><figcaption>A picture</figcaption></figure>\n",
    "<ul><li>One</li><li>Two <em>and</em> more</li></ul>\n",
    "<blockquote><p>\u{6771}\u{4eac}\u{306e}\u{5929}\u{6c17}\u{306f}\u{6674}\u{308c}</p></blockquote>\n",
    "<p style=\"text-align:center\"><span class=\"x\">Styled</span><br /><code>a &lt; b</code></p>\n",
    "<iframe src=\"https://video.example/1\" allowfullscreen></iframe><p>After it.</p>\n",
];

fn weblog(number: usize) -> String {
    let mut items = String::new();
    for entry in 0..20 {
        let body: String = (0..12)
            .map(|part| PARTS[(part * 5 + entry + number) % PARTS.len()])
            .collect();
        write!(
            items,
            "<item><title>Entry {entry} &amp; more</title><link>https://example.org/{number}/{entry}/</link>\
             <guid isPermaLink=\"false\">{number}-{entry}</guid><dc:creator>Jane</dc:creator><category>News</category>\
             <pubDate>Mon, 23 Nov 2026 10:{entry:02}:00 +0000</pubDate><description>Some words.</description>\
             <content:encoded><![CDATA[{body}]]></content:encoded></item>\n"
        )
        .unwrap();
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" \
         xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\
         <channel><title>Weblog {number}</title><link>https://example.org/{number}/</link>{items}</channel></rss>"
    )
}

fn mapped(document: &str) -> Option<feed_rs::model::Feed> {
    feed_rs::parser::parse(document.as_bytes()).ok()
}

/// Feed-rs, and what its own sanitising would do: every text and every content.
fn with_ammonia(document: &str) -> usize {
    let Some(feed) = mapped(document) else {
        return 0;
    };
    let bodies = feed.entries.into_iter().flat_map(|entry| {
        let content = entry.content.and_then(|content| content.body);
        content
            .into_iter()
            .chain(entry.summary.map(|summary| summary.content))
    });
    bodies.map(|body| ammonia::clean(&body).len()).sum()
}

fn measured(bytes: usize, work: &mut dyn FnMut() -> usize) -> f64 {
    let begin = Instant::now();
    let mut rounds = 0_u32;
    while begin.elapsed() < SPAN {
        std::hint::black_box(work());
        rounds += 1;
    }
    bytes as f64 * f64::from(rounds) / begin.elapsed().as_secs_f64() / 1e6
}

/// Feedparser as it is by default, on the first quarter of the documents: it is slow.
fn feedparser(documents: &[String]) -> Option<f64> {
    const SCRIPT: &str = "import sys, time, feedparser\n\
        documents = [open(path, 'rb').read() for path in sys.argv[1:]]\n\
        begin = time.perf_counter()\n\
        for document in documents: feedparser.parse(document)\n\
        print(sum(map(len, documents)) / (time.perf_counter() - begin) / 1e6)";
    let folder = tempfile::tempdir().ok()?;
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT]);
    for (index, document) in documents.iter().step_by(4).enumerate() {
        let path = folder.path().join(format!("{index}.xml"));
        std::fs::write(&path, document).ok()?;
        command.arg(path);
    }
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
