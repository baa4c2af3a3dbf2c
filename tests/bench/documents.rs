//! Made-up but realistic feeds: four dialects, 15 to 50 entries, HTML bodies, several languages; an eighth of the
//! entries syndicated to the next feed by id or by link with tracking parameters. The same number gives the same bytes.

use std::fmt::Write;

const WORDS: &[&str] = &[
    "bridge",
    "river",
    "council",
    "library",
    "children",
    "report",
    "season",
    "orchard",
    "station",
    "engineer",
    "village",
    "harvest",
    "lantern",
    "thư",
    "viện",
    "thành",
    "phố",
    "học",
    "sinh",
    "mùa",
    "lễ",
    "hội",
    "sông",
    "trường",
    "bibliothèque",
    "marché",
    "écoles",
    "Straße",
    "Gemeinde",
    "Bürger",
    "noticias",
    "ciudad",
    "agua",
    "puente",
    "water",
    "garden",
    "museum",
    "concert",
    "volunteer",
    "budget",
    "meeting",
    "winter",
    "spring",
    "bicycle",
    "school",
    "teacher",
    "market",
    "festival",
];

/// A small generator with a fixed rule (SplitMix64): documents must be the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }

    pub(crate) fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.roll(WORDS.len())]).collect();
        words.join(" ")
    }
}

struct Entry {
    id: String,
    link: String,
    title: String,
    body: String,
    day: usize,
}

fn entry(feed: usize, index: usize) -> Entry {
    let mut dice = Dice::new((feed as u64) << 20 | index as u64);
    let mut body = String::new();
    for _ in 0..2 + dice.roll(4) {
        let before = 10 + dice.roll(20);
        let after = 10 + dice.roll(30);
        write!(
            body,
            "<p>{} <a href=\"https://site{feed}.example/{index}/more\">{}</a> {} <em>{}</em>.</p>",
            dice.words(before),
            dice.words(3),
            dice.words(after),
            dice.words(2)
        )
        .unwrap();
    }
    write!(
        body,
        "<img src=\"https://site{feed}.example/{index}.jpg\" alt=\"{}\">",
        dice.words(4)
    )
    .unwrap();
    Entry {
        id: format!("tag:site{feed}.example,2026:{index}"),
        link: format!(
            "https://site{feed}.example/{index}/{}",
            dice.words(3).replace(' ', "-")
        ),
        title: format!("{} {feed}-{index}", dice.words(6)),
        body,
        day: 1 + dice.roll(20),
    }
}

fn entries(feed: usize) -> Vec<Entry> {
    let mut dice = Dice::new(feed as u64 ^ 0xFEED);
    let count = 15 + dice.roll(36);
    let mut entries: Vec<Entry> = (0..count).map(|index| entry(feed, index)).collect();
    if feed % 2 == 1 {
        for (index, slot) in entries
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| index % 4 == 0)
        {
            let mut copy = entry(feed - 1, index % 15);
            if index % 8 == 0 {
                copy.link = format!("{}?utm_source=site{feed}", copy.link);
                copy.id = format!("tag:site{feed}.example,2026:copy{index}");
            }
            *slot = copy;
        }
    }
    entries
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Media type and text of document `number`: RSS 62 %, Atom 29 %, RSS 1.0 5 %, JSON Feed the rest.
pub(crate) fn document(number: usize) -> (&'static str, String) {
    let entries = entries(number);
    match number % 100 {
        0..62 => ("application/rss+xml", rss(number, &entries)),
        62..91 => ("application/atom+xml", atom(number, &entries)),
        91..96 => ("application/rdf+xml", rdf(number, &entries)),
        _ => ("application/feed+json", json(number, &entries)),
    }
}

fn rss(number: usize, entries: &[Entry]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" \
         xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel><title>Site {number}</title>\
         <link>https://site{number}.example/</link><description>News of site {number}</description><ttl>60</ttl>"
    );
    for entry in entries {
        write!(
            text,
            "<item><title>{}</title><link>{}</link><guid isPermaLink=\"false\">{}</guid>\
             <pubDate>{:02} Nov 2026 08:00:00 GMT</pubDate><category>news</category>\
             <description>{}</description><content:encoded><![CDATA[{}]]></content:encoded></item>\n",
            escape(&entry.title),
            escape(&entry.link),
            entry.id,
            entry.day,
            escape(&entry.title),
            entry.body
        )
        .unwrap();
    }
    text + "</channel></rss>"
}

fn atom(number: usize, entries: &[Entry]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Site {number}</title>\
         <id>tag:site{number}.example,2026:feed</id><updated>2026-11-20T00:00:00Z</updated>\
         <link href=\"https://site{number}.example/\"/>"
    );
    for entry in entries {
        write!(
            text,
            "<entry><title>{}</title><link href=\"{}\"/><id>{}</id><updated>2026-11-{:02}T08:00:00Z</updated>\
             <author><name>Desk</name></author><content type=\"html\">{}</content></entry>\n",
            escape(&entry.title),
            escape(&entry.link),
            entry.id,
            entry.day,
            escape(&entry.body)
        )
        .unwrap();
    }
    text + "</feed>"
}

fn rdf(number: usize, entries: &[Entry]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
         xmlns=\"http://purl.org/rss/1.0/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel \
         rdf:about=\"https://site{number}.example/\"><title>Site {number}</title>\
         <link>https://site{number}.example/</link><description>News</description></channel>"
    );
    for entry in entries {
        write!(
            text,
            "<item rdf:about=\"{}\"><title>{}</title><link>{}</link><dc:date>2026-11-{:02}T08:00:00Z</dc:date>\
             <description>{}</description></item>\n",
            entry.id,
            escape(&entry.title),
            escape(&entry.link),
            entry.day,
            escape(&entry.body)
        )
        .unwrap();
    }
    text + "</rdf:RDF>"
}

fn json(number: usize, entries: &[Entry]) -> String {
    let items: Vec<_> = entries
        .iter()
        .map(|entry| {
            serde_json::json!({
                "id": entry.id, "url": entry.link, "title": entry.title, "content_html": entry.body,
                "date_published": format!("2026-11-{:02}T08:00:00Z", entry.day),
            })
        })
        .collect();
    serde_json::json!({
        "version": "https://jsonfeed.org/version/1.1", "title": format!("Site {number}"),
        "home_page_url": format!("https://site{number}.example/"), "items": items,
    })
    .to_string()
}
