//! Atom and RSS: what R7.12 to R7.22 ask for, as complaints.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use url::Url;

use super::tree::Node;

type Complaints = Vec<String>;

fn blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Exactly `count` of each name.
fn exactly(node: &Node, names: &[&str], found: &mut Complaints) {
    for name in names {
        let count = node.all(name).count();
        if count != 1 {
            found.push(format!("{} has {count} {name}", node.name));
        }
    }
}

fn at_most_one(node: &Node, names: &[&str], found: &mut Complaints) {
    for name in names.iter().filter(|name| node.all(name).count() > 1) {
        found.push(format!("{} has more than one {name}", node.name));
    }
}

pub(crate) fn absolute(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.has_host() || !matches!(url.scheme(), "http" | "https"))
        && !url.contains(char::is_whitespace)
}

/// RFC 3339 with upper-case `T` and `Z`, not before 1990.
pub(crate) fn rfc3339(text: &str) -> bool {
    let form = text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
    let at: Option<Timestamp> = text.parse().ok();
    form && at.is_some_and(|at| at.as_second() >= 631_152_000)
}

fn date(node: &Node, found: &mut Complaints) {
    if !rfc3339(&node.text) {
        found.push(format!("{} {:?} is no date", node.name, node.text));
    }
}

fn iri(node: &Node, found: &mut Complaints) {
    let text = &node.text;
    let scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        let letters = scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        !rest.is_empty() && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && letters
    });
    if !scheme || text.contains(char::is_whitespace) {
        found.push(format!("id {text:?} is no IRI"));
    }
}

/// Nothing in escaped markup acts, and every address in it is absolute.
pub(crate) fn markup(html: &str, found: &mut Complaints) {
    let lower = html.to_ascii_lowercase();
    for active in [
        "<script",
        "<iframe",
        "<object",
        "<embed",
        "<style",
        "<form",
        "<base",
        "<meta",
        "<link",
        "<applet",
        "javascript:",
    ] {
        if lower.contains(active) {
            found.push(format!("active markup {active}"));
        }
    }
    for tag in lower.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let (_, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if attributes.starts_with("on")
            || attributes.contains("\" on")
            || attributes.contains(" style=")
        {
            found.push(format!("active attribute in {tag:?}"));
        }
        for name in ["href=\"", "src=\"", "poster=\"", "cite=\""] {
            let Some((before, rest)) = attributes.split_once(name) else {
                continue;
            };
            let url = rest
                .split('"')
                .next()
                .unwrap_or_default()
                .replace("&amp;", "&");
            if (before.is_empty() || before.ends_with(' '))
                && !absolute(&url)
                && !url.starts_with('#')
            {
                found.push(format!("{url:?} in content is not absolute"));
            }
        }
    }
}

fn people(node: &Node, found: &mut Complaints) {
    for author in node.all("author").chain(node.all("contributor")) {
        if author.one("name").is_none_or(|name| blank(&name.text)) {
            found.push(String::from("an author has no name"));
        }
        if author.one("uri").is_some_and(|uri| !absolute(&uri.text)) {
            found.push(String::from("an author's uri is not absolute"));
        }
    }
}

/// InvalidMIMEType: two tokens of RFC 9110, and parameters that name a token each.
pub(super) fn media_type(text: &str) -> bool {
    let token = |text: &str| {
        let char = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        !text.is_empty() && text.chars().all(char)
    };
    let mut parts = text.split(';');
    let kind = parts.next().and_then(|kind| kind.split_once('/'));
    let parameter = |part: &str| {
        let named = part.split_once('=');
        named.is_some_and(|(name, value)| token(name.trim()) && token(value.trim_matches('"')))
    };
    kind.is_some_and(|(kind, subtype)| token(kind) && token(subtype)) && parts.all(parameter)
}

fn links(node: &Node, found: &mut Complaints) {
    let mut alternates = BTreeSet::new();
    for link in node.all("link") {
        let href = link.attribute("href").unwrap_or_default();
        if !absolute(href) {
            found.push(format!("link {href:?} is not absolute"));
        }
        let kind = link.attribute("type");
        if kind.is_some_and(|kind| !media_type(kind)) {
            found.push(format!("link type {kind:?}"));
        }
        if link
            .attribute("length")
            .is_some_and(|length| length.parse::<u64>().is_err())
        {
            found.push(String::from("link length is no number"));
        }
        if link.attribute("rel") == Some("alternate")
            && !alternates.insert((kind, link.attribute("hreflang")))
        {
            found.push(String::from("a second alternate link of one type"));
        }
        let archive = ["prev-archive", "next-archive", "current"];
        if node.name == "entry" && archive.contains(&link.attribute("rel").unwrap_or_default()) {
            found.push(String::from("a history link in an entry"));
        }
    }
}

fn rel<'a>(node: &'a Node, rel: &'a str) -> Vec<&'a str> {
    let links = node
        .all("link")
        .filter(move |link| link.attribute("rel") == Some(rel));
    links.filter_map(|link| link.attribute("href")).collect()
}

fn misplaced(node: &Node, unit: &str, found: &mut Complaints) {
    let first = node.children.iter().position(|child| child.name == unit);
    let after = first.map_or(&[][..], |first| &node.children[first..]);
    for child in after.iter().filter(|child| child.name != unit) {
        found.push(format!("{} after the first {unit}", child.name));
    }
}

fn language(root: &Node, found: &mut Complaints) {
    root.walk(&mut |node| {
        if node.attribute("xml:base").is_some() {
            found.push(String::from("xml:base"));
        }
        let tag = node.attribute("xml:lang").unwrap_or("en");
        let parts = tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        });
        if !parts {
            found.push(format!("language {tag:?}"));
        }
    });
}

/// Atom 1.0, subscription or archive document.
pub(crate) fn atom(root: &Node, own: &str) -> Complaints {
    let found = &mut Vec::new();
    exactly(root, &["id", "title", "updated"], found);
    misplaced(root, "entry", found);
    language(root, found);
    people(root, found);
    links(root, found);
    if root.attribute("xmlns") != Some("http://www.w3.org/2005/Atom") {
        found.push(String::from("not in Atom's namespace"));
    }
    if rel(root, "self") != [own] {
        found.push(format!("self is {:?}, not {own}", rel(root, "self")));
    }
    if rel(root, "alternate").len() != 1 {
        found.push(String::from("no alternate link"));
    }
    if root.one("author").is_none() {
        found.push(String::from("the feed has no author"));
    }
    archive(root, own, found);
    root.all("updated").for_each(|node| date(node, found));
    root.all("id").for_each(|node| iri(node, found));
    let mut ids = BTreeSet::new();
    for node in root.all("entry") {
        entry(node, found);
        if !ids.insert(node.one("id").map_or("", |id| &id.text)) {
            found.push(String::from("an id occurs twice"));
        }
    }
    std::mem::take(found)
}

fn archive(root: &Node, own: &str, found: &mut Complaints) {
    let marked = root.one("fh:archive").is_some();
    if own.contains("/archive/") != marked {
        found.push(String::from(
            "fh:archive is where it should not be, or missing",
        ));
    }
    let wanted = usize::from(own.contains("/archive/"));
    if rel(root, "current").len() != wanted {
        found.push(String::from("current link"));
    }
    if ["previous", "prev"]
        .iter()
        .any(|name| !rel(root, name).is_empty())
    {
        found.push(String::from("an archive is linked as a page"));
    }
}

fn entry(node: &Node, found: &mut Complaints) {
    exactly(node, &["id", "title", "updated"], found);
    at_most_one(
        node,
        &["content", "summary", "published", "rights", "source"],
        found,
    );
    people(node, found);
    links(node, found);
    node.all("id").for_each(|id| iri(id, found));
    node.all("updated")
        .chain(node.all("published"))
        .for_each(|at| date(at, found));
    let (content, linked) = (node.one("content"), !rel(node, "alternate").is_empty());
    if content.is_none() && !linked {
        found.push(String::from("neither content nor alternate link"));
    }
    for part in content.into_iter().chain(node.one("summary")) {
        match part.attribute("type") {
            Some("html") => markup(&part.text, found),
            None | Some("text") => {}
            Some(other) => found.push(format!("content of type {other}")),
        }
    }
    for category in node.all("category") {
        if category.attribute("term").is_none_or(blank) {
            found.push(String::from("a category has no term"));
        }
    }
    match node.one("source") {
        Some(source) => {
            exactly(source, &["id", "title", "updated"], found);
            source.all("id").for_each(|id| iri(id, found));
            source.all("updated").for_each(|at| date(at, found));
            people(source, found);
            links(source, found);
        }
        None => found.push(String::from("an entry has no source")),
    }
}

/// RSS 2.0 with the best practices profile.
pub(crate) fn rss(root: &Node, own: &str) -> Complaints {
    let found = &mut Vec::new();
    language(root, found);
    if root.attribute("version") != Some("2.0") || root.children.len() != 1 {
        found.push(String::from("not RSS 2.0 with one channel"));
    }
    let channel = &root.children[0];
    let needed = [
        "title",
        "link",
        "description",
        "language",
        "lastBuildDate",
        "docs",
        "generator",
        "ttl",
    ];
    exactly(channel, &needed, found);
    misplaced(channel, "item", found);
    if channel
        .one("ttl")
        .is_some_and(|ttl| ttl.text.parse::<u32>().is_err())
    {
        found.push(String::from("ttl is no number"));
    }
    let links = channel.all("atom:link");
    let own_links: Vec<_> = links
        .filter(|link| link.attribute("rel") == Some("self"))
        .map(|link| (link.attribute("href"), link.attribute("type")))
        .collect();
    if own_links != [(Some(own), Some("application/rss+xml"))] {
        found.push(format!("self is {own_links:?}"));
    }
    channel
        .all("lastBuildDate")
        .for_each(|at| rfc822(at, found));
    let mut guids = BTreeSet::new();
    for node in channel.all("item") {
        item(node, found);
        if !guids.insert(node.one("guid").map_or("", |guid| &guid.text)) {
            found.push(String::from("a guid occurs twice"));
        }
    }
    std::mem::take(found)
}

/// Four-digit year, `GMT`, and the weekday of that date.
fn rfc822(node: &Node, found: &mut Complaints) {
    let parsed = DateTimeParser::new().parse_timestamp(&node.text);
    if parsed.is_err() || !node.text.ends_with(" GMT") || node.text.len() != 29 {
        found.push(format!("{} {:?} is no date", node.name, node.text));
    }
}

fn item(node: &Node, found: &mut Complaints) {
    let once = [
        "title",
        "link",
        "description",
        "content:encoded",
        "guid",
        "pubDate",
        "comments",
        "source",
        "enclosure",
    ];
    at_most_one(node, &once, found);
    exactly(node, &["title", "link", "guid", "pubDate"], found);
    node.all("pubDate").for_each(|at| rfc822(at, found));
    if node
        .one("guid")
        .is_some_and(|guid| guid.attribute("isPermaLink") != Some("false"))
    {
        found.push(String::from("guid without isPermaLink=\"false\""));
    }
    if node.one("author").is_some() {
        found.push(String::from("author needs a mail address"));
    }
    for name in ["link", "comments"] {
        if node.one(name).is_some_and(|link| !absolute(&link.text)) {
            found.push(format!("{name} is not absolute"));
        }
    }
    for file in node.all("enclosure") {
        let whole = file.attribute("url").is_some_and(absolute)
            && file
                .attribute("length")
                .is_some_and(|length| length.parse::<u64>().is_ok())
            && file.attribute("type").is_some_and(media_type);
        if !whole {
            found.push(format!("enclosure {:?}", file.attributes));
        }
    }
    if node
        .one("source")
        .is_some_and(|source| !source.attribute("url").is_some_and(absolute))
    {
        found.push(String::from("source has no url"));
    }
    let place = |name| node.children.iter().position(|child| child.name == name);
    if let (Some(short), Some(long)) = (place("description"), place("content:encoded"))
        && short > long
    {
        found.push(String::from("content:encoded before description"));
    }
    for name in ["description", "content:encoded"] {
        node.all(name).for_each(|part| markup(&part.text, found));
    }
    let known = ["atom", "content", "dc", "media"];
    for child in &node.children {
        if child
            .name
            .split_once(':')
            .is_some_and(|(prefix, _)| !known.contains(&prefix))
        {
            found.push(format!("unknown element {}", child.name));
        }
    }
}
