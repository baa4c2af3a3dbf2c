//! JSON as far as a feed needs it, read as it comes: only names that JSON Feed has, lists up to their caps. What nobody
//! reads is skipped, not stored: a list of a million zeros costs nothing. Items that are whole survive a tear.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How many items are read of one document; the newest five hundred are kept in the end.
const MAX_ITEMS: usize = 5_000;
/// How long other lists are read: authors, tags, attachments, hubs.
const MAX_LIST: usize = 64;
/// Names below the feed or an item: an attachment's, an author's.
const MAX_DEPTH: usize = 3;

/// What a document holds.
#[derive(Default)]
pub(super) struct Document {
    /// The feed's own fields, without the items.
    pub(super) fields: Map<String, Value>,
    pub(super) items: Vec<Map<String, Value>>,
    /// Whether there was a list of items, if an empty one.
    pub(super) has_items: bool,
    /// Whether more items came than are read.
    pub(super) has_more: bool,
    /// What stands after the last whole item, if not the rest of the document.
    pub(super) tear: Option<Tear>,
}

/// How a document ends that does not end as JSON does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tear {
    /// It stops.
    Cut,
    /// It goes on in another way.
    Broken,
    /// It is whole, and something follows.
    Junk,
}

/// Reads a document; an error when not one item is whole.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let mut document = Document::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    match Feed(&mut document).deserialize(&mut reader) {
        Ok(()) => document.tear = reader.end().is_err().then_some(Tear::Junk),
        Err(error) if document.items.is_empty() => return Err(error.to_string()),
        Err(error) if error.is_eof() => document.tear = Some(Tear::Cut),
        Err(_) => document.tear = Some(Tear::Broken),
    }
    Ok(document)
}

/// Whether JSON Feed has the name, or publishers use it for one that it has.
fn is_known(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "attachments",
        "author",
        "authors",
        "banner_image",
        "content_html",
        "content_text",
        "date_modified",
        "date_published",
        "description",
        "duration_in_seconds",
        "email",
        "expired",
        "external_url",
        "favicon",
        "feed_url",
        "home_page_url",
        "hubs",
        "icon",
        "id",
        "image",
        "language",
        "mime_type",
        "name",
        "next_url",
        "size_in_bytes",
        "summary",
        "tags",
        "title",
        "url",
        "version",
    ];
    NAMES.binary_search(&name).is_ok()
}

struct Feed<'d>(&'d mut Document);

impl<'de> DeserializeSeed<'de> for Feed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Feed<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == "items" {
                map.next_value_seed(Items(self.0))?;
            } else if is_known(&name) {
                let value = map.next_value_seed(Kept { depth: 0 })?;
                self.0.fields.insert(name, value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Items<'d>(&'d mut Document);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.has_items = true;
        while self.0.items.len() < MAX_ITEMS {
            match list.next_element_seed(Kept { depth: 0 })? {
                // An item of which nothing is known is none.
                Some(Value::Object(item)) if !item.is_empty() => self.0.items.push(item),
                Some(_) => {}
                None => return Ok(()),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.0.has_more = true;
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A value without what nobody reads.
struct Kept {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Kept {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > MAX_DEPTH {
            deserializer.deserialize_ignored_any(IgnoredAny)?;
            Ok(Value::Null)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Kept {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        let depth = self.depth + 1;
        while values.len() < MAX_LIST {
            match list.next_element_seed(Kept { depth })? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if is_known(&name) {
                let depth = self.depth + 1;
                fields.insert(name, map.next_value_seed(Kept { depth })?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(fields))
    }
}
