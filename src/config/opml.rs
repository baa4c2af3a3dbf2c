//! OPML files among the includes: read only. Outlines with an `xmlUrl` become feeds, the folders above them a group
//! whose name joins theirs with `-`. What cannot be used is a warning with its line, never an error: such files come
//! out of other programs.

use std::fmt::Write;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use unicode_normalization::UnicodeNormalization;

use super::read::text_list;
use super::tree::{FOLDERS, Item, Node, Table};
use super::{Place, Problem};

/// A feed found in an OPML file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpmlFeed {
    /// `xmlUrl`.
    pub url: String,
    /// `text`, else `title`.
    pub title: Option<String>,
    /// The folders it is in, as one group's name.
    pub group: Option<String>,
}

/// The feeds of an OPML text, for `import`, and what was wrong with it.
#[must_use]
pub fn opml_feeds(text: &str) -> (Vec<OpmlFeed>, Vec<Problem>) {
    let (table, problems) = read(text, 0);
    let Some((
        _,
        Item {
            node: Node::List(feeds),
            ..
        },
    )) = table.get("feed")
    else {
        return (Vec::new(), problems);
    };
    let feed = |item: &Item| {
        let json = item.to_json();
        let text = |key: &str| json[key].as_str().map(str::to_owned);
        OpmlFeed {
            url: text("url").unwrap_or_default(),
            title: text("title"),
            group: json["groups"][0].as_str().map(str::to_owned),
        }
    };
    (feeds.iter().map(feed).collect(), problems)
}

struct Outline {
    folder: Option<(String, String)>,
}

#[derive(Default)]
struct Harvest {
    feeds: Vec<Item>,
    groups: Table,
    problems: Vec<Problem>,
    open: Vec<Outline>,
}

/// Reads an OPML text.
pub(super) fn read(text: &str, file: usize) -> (Table, Vec<Problem>) {
    let mut harvest = Harvest::default();
    let mut reader = Reader::from_str(text);
    loop {
        let start = position(reader.buffer_position());
        let event = reader.read_event();
        let place = Place {
            file,
            span: start..position(reader.buffer_position()).max(start),
        };
        match event {
            Ok(Event::Start(tag)) if tag.name().as_ref() == "outline" => {
                let outline = harvest.outline(&tag, text, &place, Nesting::Open);
                harvest.open.push(outline);
            }
            Ok(Event::Empty(tag)) if tag.name().as_ref() == "outline" => {
                harvest.outline(&tag, text, &place, Nesting::Closed);
            }
            Ok(Event::End(tag)) if tag.name().as_ref() == "outline" => {
                harvest.open.pop();
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => {
                harvest.problems.push(Problem::error(
                    format!("this is no sound OPML: {error}"),
                    Some(place),
                ));
                break;
            }
        }
    }
    harvest.into_table(file)
}

/// Whether an outline can hold others.
#[derive(Clone, Copy, PartialEq)]
enum Nesting {
    Open,
    Closed,
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl Harvest {
    fn outline(
        &mut self,
        tag: &BytesStart<'_>,
        text: &str,
        at: &Place,
        nesting: Nesting,
    ) -> Outline {
        let title = attribute(tag, text, at, "text").or_else(|| attribute(tag, text, at, "title"));
        if let Some((url, place)) = attribute(tag, text, at, "xmlUrl") {
            self.feed(url, &place, title);
            return Outline { folder: None };
        }
        let is_feed = attribute(tag, text, at, "type")
            .is_some_and(|(kind, _)| kind.eq_ignore_ascii_case("rss"));
        if is_feed || nesting == Nesting::Closed {
            let problem = Problem::warning(
                "this outline has no `xmlUrl` and is left out",
                Some(at.clone()),
            );
            self.problems.push(problem);
            return Outline { folder: None };
        }
        let title = title.map(|(title, _)| title).unwrap_or_default();
        let name = slug(&title);
        Outline {
            folder: (!name.is_empty()).then_some((name, title)),
        }
    }

    fn feed(&mut self, url: String, at: &Place, title: Option<(String, Place)>) {
        let mut feed = Table::new();
        feed.insert("url".into(), (at.clone(), Item::text(url, at.clone())));
        if let Some((title, place)) = title.filter(|(title, _)| !title.trim().is_empty()) {
            feed.insert("title".into(), (place.clone(), Item::text(title, place)));
        }
        let folders: Vec<&(String, String)> = self
            .open
            .iter()
            .filter_map(|outline| outline.folder.as_ref())
            .collect();
        if !folders.is_empty() {
            let name = folders
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join("-");
            let title = folders
                .iter()
                .map(|(_, title)| title.as_str())
                .collect::<Vec<_>>()
                .join(" / ");
            self.groups
                .entry(name.clone())
                .or_insert((at.clone(), Item::text(title, at.clone())));
            feed.insert("groups".into(), (at.clone(), text_list([name], at)));
        }
        self.feeds.push(Item {
            at: at.clone(),
            node: Node::Table(feed),
        });
    }

    /// Titles of folders yield to a `[group.NAME]` of the operator, so they travel under a key of their own.
    fn into_table(self, file: usize) -> (Table, Vec<Problem>) {
        let whole = Place { file, span: 0..0 };
        let feeds = Item {
            at: whole.clone(),
            node: Node::List(self.feeds),
        };
        let groups = Item {
            at: whole.clone(),
            node: Node::Table(self.groups),
        };
        let table = Table::from([
            ("feed".to_owned(), (whole.clone(), feeds)),
            (FOLDERS.to_owned(), (whole, groups)),
        ]);
        (table, self.problems)
    }
}

/// An attribute's value, unescaped, and its place without the quotes.
fn attribute(tag: &BytesStart<'_>, text: &str, at: &Place, name: &str) -> Option<(String, Place)> {
    let found = tag
        .attributes()
        .with_checks(false)
        .flatten()
        .find(|one| one.key.as_ref() == name)?;
    let raw = found.value.to_string();
    let within = text[at.span.clone()].find(&format!("{name}="))? + name.len() + 2;
    let start = at.span.start + within;
    let value =
        quick_xml::escape::unescape(&raw).map_or_else(|_| raw.clone(), |value| value.into_owned());
    Some((
        value.trim().to_owned(),
        Place {
            file: at.file,
            span: start..start + raw.len(),
        },
    ))
}

/// A folder's title as a name: `Công nghệ` becomes `cong-nghe`.
fn slug(title: &str) -> String {
    let plain = title.to_lowercase().replace('đ', "d");
    let letters = plain
        .nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c));
    let mut name = String::new();
    for c in letters {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_end_matches('-').to_owned()
}

/// The feeds as `[[feed]]` tables, as the verb `import` writes them.
#[must_use]
pub fn feeds_toml(feeds: &[OpmlFeed]) -> String {
    let mut text = String::new();
    let quoted = |value: &str| toml::Value::from(value).to_string();
    for feed in feeds {
        let mut add = |key: &str, value: String| {
            writeln!(text, "{key} = {value}").expect("writing to a String cannot fail")
        };
        add("[[feed]]\nurl", quoted(&feed.url));
        if let Some(title) = &feed.title {
            add("title", quoted(title));
        }
        if let Some(group) = &feed.group {
            add("groups", format!("[{}]", quoted(group)));
        }
        text.push('\n');
    }
    text
}
