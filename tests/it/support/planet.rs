//! A made-up planet of feeds with a known truth: which entries there are, and which of them are one story.

use std::fmt::Write;

/// One entry of one feed.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Number of the story it tells; equal numbers are one story.
    pub(crate) story: usize,
    /// guid or id.
    pub(crate) id: String,
    /// Link.
    pub(crate) link: String,
    /// Title.
    pub(crate) title: String,
    /// HTML body.
    pub(crate) body: String,
    /// Publication, RFC 3339, UTC.
    pub(crate) published: String,
}

/// One feed.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// `feed-7`.
    pub(crate) name: String,
    /// File extension of its dialect: `rss`, `atom`, `rdf`, `json`.
    pub(crate) dialect: &'static str,
    /// Entries, newest first.
    pub(crate) items: Vec<Item>,
}

const TOPICS: [&str; 8] = [
    "Bridge",
    "Library",
    "Harbour",
    "Orchard",
    "Tramway",
    "Museum",
    "Reservoir",
    "Observatory",
];
const EVENTS: [&str; 8] = [
    "opens",
    "closes",
    "moves",
    "celebrates",
    "hires",
    "repairs",
    "plans",
    "reports",
];

/// `count` feeds of `per_feed` entries each; every fourth feed carries one story of the feed before it: by the same
/// global id, or by the same link with tracking parameters.
pub(crate) fn planet(count: usize, per_feed: usize) -> Vec<Made> {
    let dialects = ["rss", "atom", "rdf", "json"];
    let mut feeds: Vec<Made> = Vec::with_capacity(count);
    for number in 0..count {
        let mut items: Vec<Item> = (0..per_feed)
            .map(|index| item(number, index, number * per_feed + index))
            .collect();
        if number % 4 == 3 {
            let copied = feeds[number - 1].items[0].clone();
            items[0] = syndicate(copied, number);
        }
        feeds.push(Made {
            name: format!("feed-{number}"),
            dialect: dialects[number % 4],
            items,
        });
    }
    feeds
}

fn item(feed: usize, index: usize, story: usize) -> Item {
    let topic = TOPICS[(feed * 3 + index) % 8];
    let event = EVENTS[(feed + index * 5) % 8];
    Item {
        story,
        id: format!("tag:office{feed}.example.org,2026:item-{index}"),
        link: format!(
            "https://office{feed}.example.org/news/{index}-{}",
            topic.to_lowercase()
        ),
        title: format!("{topic} {story} {event} after session {feed}-{index}"),
        body: format!(
            "<p>Report number {story} from office {feed}: the {topic} {event}. Visitors of room {index} are told \
             in writing, and the next meeting takes up item {story} of the list.</p>"
        ),
        published: format!(
            "2026-11-{:02}T{:02}:{:02}:00Z",
            1 + index % 20,
            feed % 24,
            index % 60
        ),
    }
}

fn syndicate(mut copied: Item, number: usize) -> Item {
    if number % 8 == 3 {
        copied.link = format!("{}?utm_source=office{number}&utm_medium=rss", copied.link);
        copied.id = format!("tag:office{number}.example.org,2026:copy");
    } else {
        copied.link = format!("https://office{number}.example.org/mirror/{}", copied.story);
    }
    copied
}

/// The document of `feed`, as its dialect writes it.
pub(crate) fn document(feed: &Made) -> String {
    match feed.dialect {
        "rss" => rss(feed),
        "atom" => atom(feed),
        "rdf" => rdf(feed),
        _ => json(feed),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn rfc822(published: &str) -> String {
    let instant: jiff::Timestamp = published.parse().unwrap();
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&instant)
        .unwrap()
}

fn rss(feed: &Made) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\"><channel><title>{0}</title>\
         <link>https://{0}.example.org/</link><description>Office news</description>\n",
        feed.name
    );
    for item in &feed.items {
        writeln!(
            text,
            "<item><title>{}</title><link>{}</link><guid isPermaLink=\"false\">{}</guid><pubDate>{}</pubDate>\
             <description>{}</description></item>",
            escape(&item.title),
            escape(&item.link),
            item.id,
            rfc822(&item.published),
            escape(&item.body)
        )
        .unwrap();
    }
    text + "</channel></rss>\n"
}

fn atom(feed: &Made) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>{0}</title>\
         <id>tag:{0}.example.org,2026:feed</id><updated>2026-11-20T00:00:00Z</updated>\
         <link rel=\"alternate\" href=\"https://{0}.example.org/\"/><author><name>Office</name></author>\n",
        feed.name
    );
    for item in &feed.items {
        writeln!(
            text,
            "<entry><title>{}</title><link href=\"{}\"/><id>{}</id><published>{when}</published>\
             <updated>{when}</updated><content type=\"html\">{}</content></entry>",
            escape(&item.title),
            escape(&item.link),
            item.id,
            escape(&item.body),
            when = item.published
        )
        .unwrap();
    }
    text + "</feed>\n"
}

fn rdf(feed: &Made) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
         xmlns=\"http://purl.org/rss/1.0/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel \
         rdf:about=\"https://{0}.example.org/\"><title>{0}</title><link>https://{0}.example.org/</link>\
         <description>Office news</description></channel>\n",
        feed.name
    );
    for item in &feed.items {
        writeln!(
            text,
            "<item rdf:about=\"{}\"><title>{}</title><link>{}</link><dc:date>{}</dc:date>\
             <description>{}</description></item>",
            item.id,
            escape(&item.title),
            escape(&item.link),
            item.published,
            escape(&item.body)
        )
        .unwrap();
    }
    text + "</rdf:RDF>\n"
}

fn json(feed: &Made) -> String {
    let items: Vec<_> = feed
        .items
        .iter()
        .map(|item| {
            serde_json::json!({
                "id": item.id, "url": item.link, "title": item.title,
                "content_html": item.body, "date_published": item.published,
            })
        })
        .collect();
    let document = serde_json::json!({
        "version": "https://jsonfeed.org/version/1.1", "title": feed.name,
        "home_page_url": format!("https://{}.example.org/", feed.name), "items": items,
    });
    document.to_string()
}

/// Titles of the distinct stories of `feeds`.
pub(crate) fn distinct_stories(feeds: &[Made]) -> std::collections::BTreeSet<String> {
    let mut told = std::collections::BTreeMap::new();
    for item in feeds.iter().flat_map(|feed| &feed.items) {
        told.entry(item.story).or_insert_with(|| item.title.clone());
    }
    told.into_values().collect()
}
