//! The last look at a document before it is published: well-formed, the elements that R7.12–R7.21 ask for, each id
//! once, plausible dates. A document that fails is withheld by the flow and the last good one stays.

use std::collections::HashSet;

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Why a document may not be published: one line.
type Refusal = String;

/// Checks `bytes` by their media type; types that we do not know pass.
///
/// # Errors
/// One line that says what is wrong.
pub fn check(content_type: &str, bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    match content_type.split(';').next().unwrap_or_default() {
        "application/atom+xml" => xml(
            text,
            "feed",
            &["id", "title", "updated", "author", "link"],
            ("entry", "id"),
        ),
        "application/rss+xml" => xml(
            text,
            "rss",
            &["title", "link", "description"],
            ("item", "guid"),
        ),
        "text/x-opml" => xml(text, "opml", &["title"], ("", "")),
        "application/feed+json" => json(text),
        "text/html" => html(text),
        _ => Ok(()),
    }
}

/// What has been seen of the element under way.
#[derive(Default)]
struct Seen {
    path: Vec<String>,
    head: HashSet<String>,
    ids: HashSet<String>,
    entries: usize,
    text: String,
}

fn xml(text: &str, root: &str, needed: &[&str], (unit, id): (&str, &str)) -> Result<(), Refusal> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut seen = Seen::default();
    loop {
        let at = reader.buffer_position();
        let event = reader
            .read_event()
            .map_err(|error| format!("not well-formed at byte {at}: {error}"))?;
        match event {
            Event::Start(start) => {
                let name = name(start.name().as_ref())?;
                attributes(&start)?;
                seen.begin(&name, root, unit)?;
                seen.path.push(name);
            }
            Event::Empty(start) => {
                let name = name(start.name().as_ref())?;
                attributes(&start)?;
                seen.begin(&name, root, unit)?;
            }
            Event::Text(part) => seen.text.push_str(&legal(&part.xml10_content())?),
            Event::GeneralRef(part) => seen.text.push_str(&legal(&part.xml10_content())?),
            Event::End(_) => seen.end(unit, id)?,
            Event::Eof => break,
            Event::CData(_) | Event::DocType(_) => {
                return Err(String::from("holds CDATA or a DOCTYPE"));
            }
            _ => {}
        }
    }
    match needed.iter().find(|needed| !seen.head.contains(**needed)) {
        _ if !seen.path.is_empty() => Err(format!("{} is not closed", seen.path.join("/"))),
        Some(missing) => Err(format!("{root} has no {missing}")),
        None if seen.ids.len() != seen.entries => Err(format!("an {unit} has no {id}")),
        None => Ok(()),
    }
}

impl Seen {
    fn begin(&mut self, name: &str, root: &str, unit: &str) -> Result<(), Refusal> {
        if self.path.is_empty() && name != root {
            return Err(format!("begins with {name}, not {root}"));
        }
        if name == unit {
            self.entries += 1;
        } else if self.entries == 0 {
            self.head.insert(name.to_owned());
        } else if !self.path.iter().any(|outer| outer == unit) {
            return Err(format!("{name} comes after the first {unit}"));
        }
        self.text.clear();
        Ok(())
    }

    fn end(&mut self, unit: &str, id: &str) -> Result<(), Refusal> {
        let name = self.path.pop().unwrap_or_default();
        let text = std::mem::take(&mut self.text);
        if name == id
            && self.path.last().is_some_and(|outer| outer == unit)
            && !self.ids.insert(text.clone())
        {
            return Err(format!("{id} {text:?} occurs twice"));
        }
        if matches!(name.as_str(), "updated" | "published") {
            plausible(&text)?;
        }
        Ok(())
    }
}

fn name(raw: &str) -> Result<String, Refusal> {
    Ok(raw.to_owned())
}

fn attributes(start: &quick_xml::events::BytesStart<'_>) -> Result<(), Refusal> {
    for attribute in start.attributes() {
        attribute.map_err(|error| format!("bad attribute: {error}"))?;
    }
    legal(start.attributes_raw()).map(|_| ())
}

/// `Char` of XML 1.0; a parser may let other characters pass.
fn legal(text: &str) -> Result<String, Refusal> {
    match text.chars().find(|c| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')) {
        Some(c) => Err(format!("holds the character U+{:04X}", c as u32)),
        None => Ok(text.to_owned()),
    }
}

/// RFC 3339 after 1990 (R7.17). Not compared with now: the gate has no clock, and first sight has clamped the future.
fn plausible(date: &str) -> Result<(), Refusal> {
    let at: Timestamp = date.parse().map_err(|_| format!("{date:?} is no date"))?;
    let floor = Timestamp::constant(631_152_000, 0);
    if at < floor {
        Err(format!("{date} lies before 1990"))
    } else {
        Ok(())
    }
}

fn json(text: &str) -> Result<(), Refusal> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    for needed in ["version", "title", "feed_url", "home_page_url"] {
        if !value[needed].is_string() {
            return Err(format!("has no {needed}"));
        }
    }
    let mut ids = HashSet::new();
    for item in value["items"].as_array().ok_or("has no items")? {
        let id = item["id"].as_str().ok_or("an item has no id")?;
        if !ids.insert(id) {
            return Err(format!("id {id:?} occurs twice"));
        }
        if item["content_html"].is_null() && item["content_text"].is_null() {
            return Err(format!("item {id:?} has no content"));
        }
        plausible(
            item["date_modified"]
                .as_str()
                .ok_or("an item has no date_modified")?,
        )?;
    }
    Ok(())
}

/// A page may hold no script and must be whole.
fn html(text: &str) -> Result<(), Refusal> {
    if text.contains("<script") {
        return Err(String::from("holds a script"));
    }
    if !text.starts_with("<!doctype html>") || !text.trim_end().ends_with("</html>") {
        return Err(String::from("is cut off"));
    }
    Ok(())
}
