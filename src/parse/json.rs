//! JSON Feed as publishers write it to JSON Feed as specified, for feed-rs; what feed-rs drops is kept beside it.
//! Takes numbers for text, text for lists, and what is missing for empty; refuses what is no feed.

mod mend;
mod stream;

use serde_json::{Map, Value, json};

use super::ParseError;
use super::date;
use super::normalise::{
    Bases, EntryAside, FeedAside, FileAside, Normalised, Reading, Repairs, people,
};
use crate::model::{Author, FeedFormat, TextLink};
use stream::{Document, Tear};

/// Normalises JSON.
pub(super) fn normalise(
    text: &str,
    address: Option<&str>,
    repairs: &mut Repairs,
) -> Result<Normalised, ParseError> {
    let Document {
        fields: feed,
        items,
        has_items,
        has_more,
        tear,
    } = read(text, repairs)
        .map_err(|error| ParseError::NotAFeed(format!("broken JSON: {error}")))?;
    let version = feed
        .get("version")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !version.contains("jsonfeed.org") && !has_items {
        return Err(ParseError::NotAFeed(
            "its JSON has neither version nor items of JSON Feed".to_owned(),
        ));
    }
    if has_more {
        repairs.note("too-many-entries");
    }
    if let Some(tear) = tear {
        repairs.note(match tear {
            Tear::Cut => "truncated",
            Tear::Broken => "broken-json",
            Tear::Junk => "junk-after-root",
        });
    }
    if !matches!(
        version,
        "https://jsonfeed.org/version/1" | "https://jsonfeed.org/version/1.1"
    ) {
        repairs.note("odd-version");
    }
    let mut bases = Bases::new(address);
    bases.site = text_of(&feed, "home_page_url", repairs)
        .as_deref()
        .and_then(super::normalise::web_address);
    let reader = Reader { bases };
    let mut asides = Vec::new();
    let mut clean = Vec::new();
    for item in items {
        let (item, aside) = reader.item(&item, repairs);
        clean.push(item);
        asides.push(aside);
    }
    let (document, aside) = reader.feed(&feed, clean, repairs);
    Ok(Normalised {
        document: document.to_string(),
        format: FeedFormat::Json,
        feed: aside,
        entries: asides,
    })
}

/// Reads a document as it is; where that fails or breaks off, as it was meant.
fn read(text: &str, repairs: &mut Repairs) -> Result<Document, String> {
    let first = stream::read(text);
    let is_whole = |document: &Document| matches!(document.tear, None | Some(Tear::Junk));
    if first.as_ref().is_ok_and(is_whole) {
        return first;
    }
    let Some((text, found)) = mend::mended(text) else {
        return first;
    };
    let count = first.as_ref().map_or(0, |document| document.items.len());
    match stream::read(&text) {
        Ok(second) if is_whole(&second) || second.items.len() > count => {
            repairs.merge(found);
            Ok(second)
        }
        _ => first,
    }
}

struct Reader {
    bases: Bases,
}

impl Reader {
    fn feed(
        &self,
        feed: &Map<String, Value>,
        items: Vec<Value>,
        repairs: &mut Repairs,
    ) -> (Value, FeedAside) {
        let title = text_of(feed, "title", repairs).unwrap_or_else(|| {
            repairs.note("missing-title");
            String::new()
        });
        let mut aside = FeedAside {
            title: Reading::Plain,
            description: Reading::Plain,
            base: self
                .bases
                .document
                .as_ref()
                .or(self.bases.site.as_ref())
                .map(|url| url.to_string()),
            publisher_id: text_of(feed, "id", repairs),
            authors: authors(feed, repairs),
            language: text_of(feed, "language", repairs)
                .and_then(|said| super::language::declared(&said)),
            icon_url: text_of(feed, "icon", repairs)
                .or_else(|| text_of(feed, "favicon", repairs))
                .map(|url| self.absolute(&url)),
            ..FeedAside::default()
        };
        aside.hints.self_url = text_of(feed, "feed_url", repairs);
        aside.hints.next_page_url =
            text_of(feed, "next_url", repairs).map(|url| self.absolute(&url));
        aside.hints.expired = feed
            .get("expired")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        aside.hints.hub_urls = feed
            .get("hubs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|hub| hub.get("url").and_then(Value::as_str))
            .take(8)
            .map(|url| self.absolute(url))
            .collect();
        let mut out = Map::new();
        out.insert(
            "version".to_owned(),
            json!("https://jsonfeed.org/version/1.1"),
        );
        out.insert("title".to_owned(), json!(title));
        let home = text_of(feed, "home_page_url", repairs).map(|url| self.absolute(&url));
        put(&mut out, "home_page_url", home);
        put(
            &mut out,
            "description",
            text_of(feed, "description", repairs),
        );
        out.insert("items".to_owned(), Value::Array(items));
        (Value::Object(out), aside)
    }

    fn item(&self, item: &Map<String, Value>, repairs: &mut Repairs) -> (Value, EntryAside) {
        let mut aside = EntryAside {
            title: Reading::Plain,
            content: Reading::Plain,
            summary: Reading::Plain,
            authors: authors(item, repairs),
            language: text_of(item, "language", repairs)
                .and_then(|said| super::language::declared(&said)),
            ..EntryAside::default()
        };
        let mut out = Map::new();
        for name in ["id", "title", "summary"] {
            put(&mut out, name, text_of(item, name, repairs));
        }
        self.item_links(item, &mut out, &mut aside, repairs);
        let html = text_of(item, "content_html", repairs);
        if html.is_some() {
            aside.content = Reading::Html;
            put(&mut out, "content_html", html);
        } else {
            put(
                &mut out,
                "content_text",
                text_of(item, "content_text", repairs),
            );
        }
        for name in ["date_published", "date_modified"] {
            if let Some(text) = text_of(item, name, repairs) {
                let time = date::parse(&text);
                aside.has_unreadable_date |= time.is_none();
                put(&mut out, name, time.map(|time| time.to_string()));
            }
        }
        aside.has_updated = out.contains_key("date_modified");
        out.insert("tags".to_owned(), json!(tags(item, repairs)));
        let attachments = item
            .get("attachments")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for attachment in attachments.filter_map(Value::as_object).take(64) {
            aside.files.extend(self.attachment(attachment, repairs));
        }
        (Value::Object(out), aside)
    }

    fn item_links(
        &self,
        item: &Map<String, Value>,
        out: &mut Map<String, Value>,
        aside: &mut EntryAside,
        repairs: &mut Repairs,
    ) {
        let mut address = |name: &str| text_of(item, name, repairs).map(|url| self.absolute(&url));
        let (url, external) = (address("url"), address("external_url"));
        let picture = address("image").or_else(|| address("banner_image"));
        let mut link = |rel: &str, url: String| {
            aside.links.push(TextLink {
                rel: rel.to_owned(),
                url,
                mime: None,
            })
        };
        if let (Some(_), Some(external)) = (&url, &external) {
            link("related", external.clone());
        }
        if let Some(picture) = picture {
            link("thumbnail", picture);
        }
        // JSON Feed asks for an id that is the entry's address.
        let id = out
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| super::normalise::web_address(id).is_some());
        let id = id.map(|id| self.absolute(id));
        put(out, "url", url.or(external).or(id));
    }

    fn attachment(
        &self,
        attachment: &Map<String, Value>,
        repairs: &mut Repairs,
    ) -> Option<FileAside> {
        let number = |name: &str| {
            attachment
                .get(name)
                .and_then(|value| value.as_u64().or_else(|| whole(value)))
        };
        let mime = text_of(attachment, "mime_type", repairs);
        if mime.is_none() {
            repairs.note("missing-type");
        }
        Some(FileAside {
            url: self.absolute(&text_of(attachment, "url", repairs)?),
            mime,
            title: text_of(attachment, "title", repairs),
            length_bytes: number("size_in_bytes"),
            duration_s: number("duration_in_seconds"),
        })
    }

    fn absolute(&self, address: &str) -> String {
        super::html::absolute(
            address,
            self.bases.document.as_ref().or(self.bases.site.as_ref()),
        )
        .unwrap_or_else(|| address.to_owned())
    }
}

fn put(out: &mut Map<String, Value>, name: &str, text: Option<String>) {
    if let Some(text) = text {
        out.insert(name.to_owned(), Value::String(text));
    }
}

/// A text, or what should have been one.
fn text_of(object: &Map<String, Value>, name: &str, repairs: &mut Repairs) -> Option<String> {
    let text = match object.get(name)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            repairs.note("number-for-text");
            number.to_string()
        }
        _ => return None,
    };
    let clean: String = match text.chars().all(super::normalise::entities::is_xml_char) {
        true => text,
        false => {
            repairs.note("control-character");
            text.chars()
                .filter(|&character| super::normalise::entities::is_xml_char(character))
                .collect()
        }
    };
    Some(clean).filter(|text| !text.trim().is_empty())
}

/// A number without its fraction, or a text of digits.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number
            .to_string()
            .split('.')
            .next()
            .and_then(|whole| whole.parse().ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn authors(object: &Map<String, Value>, repairs: &mut Repairs) -> Vec<Author> {
    let mut authors: Vec<Author> = Vec::new();
    let list = object
        .get("authors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for value in object.get("author").into_iter().chain(list).take(32) {
        let author = match value {
            Value::String(text) => {
                repairs.note("text-for-author");
                people::author(text)
            }
            Value::Object(fields) => {
                let mut author = text_of(fields, "name", repairs)
                    .and_then(|name| people::author(&name))
                    .unwrap_or_default();
                author.uri = text_of(fields, "url", repairs);
                author.email = text_of(fields, "email", repairs).or(author.email);
                Some(author).filter(|author| author.name.is_some() || author.uri.is_some())
            }
            _ => None,
        };
        if let Some(author) = author {
            people::add(&mut authors, author);
        }
    }
    authors
}

fn tags(item: &Map<String, Value>, repairs: &mut Repairs) -> Vec<String> {
    let words: Vec<String> = match item.get("tags") {
        Some(Value::Array(tags)) => tags
            .iter()
            .filter_map(|tag| match tag {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Object(fields) => text_of(fields, "name", repairs),
                _ => None,
            })
            .collect(),
        Some(Value::String(text)) => {
            repairs.note("text-for-tags");
            text.split(',').map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    words
        .into_iter()
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
        .take(64)
        .collect()
}
