//! Work that stays linear: hostile documents of one length and of four times that, in the processor's time.
//!
//! To add a document: a line in `HOSTILE`.

use std::time::{Duration, Instant};

use feedmill::parse::{ParseContext, parse};

const LENGTH: usize = 48 * 1024;
/// What is linear takes four times as long for four times as much; what is quadratic, sixteen times.
const MOST: f64 = 9.0;
/// Below this, what is measured is the machine.
const NOTICEABLE: Duration = Duration::from_millis(40);

/// What stands before, again and again, and behind.
const HOSTILE: &[(&str, &str, &str)] = &[
    ("<rss ", "\"", ""),
    ("<rss ", "'\"", ""),
    ("<rss ", "a=\"\" ", ""),
    ("<rss ", "a=\"<\" ", ""),
    ("<rss ", "a = ", ""),
    ("", "<rss a=\"", ""),
    ("", "<rss a=\"'", ""),
    ("", "<a b=\">\n", ""),
    ("", "<?", ""),
    ("", "<!--", ""),
    ("", "<!a", ""),
    ("", "<![CDATA[", ""),
    ("<rss><channel><title>", "<![CDATA[", ""),
    ("<rss><channel><title>", "<![CDATA[</title><title>", ""),
    ("<rss><channel><item>", "<title>", ""),
    ("<rss><channel><item>", "<title a=\"\" ", ""),
    (
        "<rss><channel><item><description>",
        "&lt;a \"",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>",
        "&lt;!--",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>",
        "<b>",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>",
        "</b>",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>",
        "&lt;iframe>",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>",
        "&lt;script>&lt;/script x",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>&lt;script>",
        "&lt;/",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>",
        "&lt;table>&lt;tr>&lt;td>",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>&lt;p>",
        "&amp;a",
        "</description></item>",
    ),
    (
        "<rss><channel><item><description>&lt;pre",
        "&lt;pre",
        "</description></item>",
    ),
    ("<rss><channel><item><author>", "@", "</author></item>"),
    ("<rss><channel><item><title>", "&", "</title></item>"),
    ("<rss><channel><item><title>", "&#", "</title></item>"),
    ("<rss><channel>", "<x>", ""),
    ("<rss><channel>", "</x>", ""),
    ("<rss><channel>", "<x xmlns:a='b'>", ""),
    ("<rss><channel>", "<item><x>", ""),
    ("<html>", "<link rel=alternate ", ""),
    ("<rss><channel><item>", "<x>", "</item></channel></rss>"),
    ("<rss><channel><item>", "<x></item><item>", ""),
    ("<html>", "<script>", ""),
    ("{\"items\":[1", ",//", ""),
    ("{\"items\":[1", ",/**/", ""),
    ("{\"items\":[\"", "\\ud800", ""),
    ("{\"items\":[", "{", ""),
    ("{\"items\":[", "[", ""),
    ("{\"items\":[{\"id\":1}", ",{\"id\":\"\n\"}", ""),
];

/// The time that the processor spent on this thread, so that neighbours do not count; else time as such.
fn spent(begin: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

/// The least of three, since what comes on top is the machine's.
fn cost((before, again, behind): (&str, &str, &str), length: usize) -> Duration {
    let document = format!("{before}{}{behind}", again.repeat(length / again.len()));
    let once = || {
        let start = Instant::now();
        let begin = spent(start);
        parse(document.as_bytes(), &ParseContext::default()).ok();
        spent(start).saturating_sub(begin)
    };
    (0..3).map(|_| once()).min().unwrap()
}

#[test]
fn hostile_documents_cost_no_more_than_they_are_long() {
    for &document in HOSTILE {
        let long = cost(document, 4 * LENGTH);
        if long < NOTICEABLE {
            continue;
        }
        let short = cost(document, LENGTH);
        let ratio = long.as_secs_f64() / short.as_secs_f64();
        assert!(
            ratio < MOST,
            "{document:?}: {short:?}, four times as much {long:?}"
        );
    }
}
