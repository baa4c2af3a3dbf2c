//! The configured feeds as OPML 2.0, for other readers and for `include`. A feed stands in the folder of its first
//! group and names the others in `category`. Holds the addresses in full: it is the operator's own copy.

use std::fmt::Write;

use super::{Config, FeedConfig};

/// Writes the OPML.
#[must_use]
pub fn export_opml(config: &Config) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n  <head>\n",
    );
    text.push_str("    <title>Feeds</title>\n  </head>\n  <body>\n");
    for feed in config.feeds.iter().filter(|feed| feed.groups.is_empty()) {
        outline(&mut text, "    ", feed);
    }
    for (name, group) in &config.groups {
        let mut feeds = config
            .feeds
            .iter()
            .filter(|feed| feed.groups.first() == Some(name))
            .peekable();
        if feeds.peek().is_none() {
            continue;
        }
        let title = attribute(group.title.as_deref().unwrap_or(name));
        line(&mut text, format_args!("    <outline text=\"{title}\">"));
        feeds.for_each(|feed| outline(&mut text, "      ", feed));
        line(&mut text, format_args!("    </outline>"));
    }
    text.push_str("  </body>\n</opml>\n");
    text
}

fn outline(text: &mut String, indent: &str, feed: &FeedConfig) {
    let title = attribute(feed.title.as_deref().unwrap_or(&feed.key));
    let url = attribute(feed.url.value.as_str());
    let categories = feed
        .groups
        .iter()
        .map(|group| format!("/{group}"))
        .collect::<Vec<_>>()
        .join(",");
    let category = if categories.is_empty() {
        String::new()
    } else {
        format!(" category=\"{}\"", attribute(&categories))
    };
    line(
        text,
        format_args!("{indent}<outline type=\"rss\" text=\"{title}\" xmlUrl=\"{url}\"{category}/>"),
    );
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("writing to a String cannot fail");
}

/// Escaped, and without the control characters that XML 1.0 §2.2 forbids.
fn attribute(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    quick_xml::escape::escape(clean.as_str()).into_owned()
}
