//! What was written, file by file, with the place of every key and value. Takes TOML text, gives trees; merges trees
//! and refuses a key set twice. Knows no key by name except that lists of feeds join.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnose::Complaint;
use super::{Place, Problem};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) at: Place,
    pub(super) node: Node,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Number(i64),
    Switch(bool),
    /// What no key takes: floats, dates, numbers beyond 64 bits; with its name.
    Other(&'static str),
    List(Vec<Item>),
    Table(Table),
}

/// Entries by key, each with the place of the key.
pub(super) type Table = BTreeMap<String, (Place, Item)>;

impl Node {
    /// What a message calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Switch(_) => "true or false",
            Self::Other(name) => name,
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Item {
    pub(super) fn text(text: impl Into<String>, at: Place) -> Self {
        Self {
            at,
            node: Node::Text(text.into()),
        }
    }

    pub(super) fn from_toml(value: &Spanned<DeValue<'_>>, file: usize, offset: usize) -> Self {
        let span = value.span();
        let at = Place {
            file,
            span: span.start + offset..span.end + offset,
        };
        let node = match value.get_ref() {
            DeValue::String(text) => Node::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Node::Other("a huge number"), Node::Number),
            DeValue::Float(_) => Node::Other("a number with a fraction"),
            DeValue::Boolean(switch) => Node::Switch(*switch),
            DeValue::Datetime(_) => Node::Other("a date"),
            DeValue::Array(items) => Node::List(
                items
                    .iter()
                    .map(|item| Self::from_toml(item, file, offset))
                    .collect(),
            ),
            DeValue::Table(table) => Node::Table(table_from_toml(table, file, offset)),
        };
        Self { at, node }
    }

    /// As JSON, for serde.
    pub(super) fn to_json(&self) -> Value {
        match &self.node {
            Node::Text(text) => Value::from(text.as_str()),
            Node::Number(number) => Value::from(*number),
            Node::Switch(switch) => Value::from(*switch),
            Node::Other(_) => Value::Null,
            Node::List(items) => items.iter().map(Self::to_json).collect(),
            Node::Table(table) => table_to_json(table),
        }
    }

    fn get(&self, key: &str) -> Option<&Self> {
        match &self.node {
            Node::Table(table) => table.get(key).map(|(_, item)| item),
            Node::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        }
    }
}

/// Key under which the folders of OPML files stand, name to title, until the operator's groups are known.
pub(super) const FOLDERS: &str = "\u{0}folders";

/// Makes groups of the folders; a `[group.NAME]` of the operator keeps its own title.
pub(super) fn settle_folders(table: &mut Table) {
    let Some((
        _,
        Item {
            node: Node::Table(folders),
            at,
        },
    )) = table.remove(FOLDERS)
    else {
        return;
    };
    let empty = Item {
        at: at.clone(),
        node: Node::Table(Table::new()),
    };
    let (_, groups) = table.entry("group".to_owned()).or_insert((at, empty));
    let Node::Table(groups) = &mut groups.node else {
        return;
    };
    for (name, (place, title)) in folders {
        let empty = Item {
            at: place.clone(),
            node: Node::Table(Table::new()),
        };
        let (_, group) = groups.entry(name).or_insert((place.clone(), empty));
        if let Node::Table(group) = &mut group.node {
            group.entry("title".to_owned()).or_insert((place, title));
        }
    }
}

/// A table as JSON.
pub(super) fn table_to_json(table: &Table) -> Value {
    Value::Object(
        table
            .iter()
            .map(|(key, (_, item))| (key.clone(), item.to_json()))
            .collect(),
    )
}

/// The value at a path such as `fetch/interval` or `feed/3/url`.
pub(super) fn find<'t>(table: &'t Table, path: &str) -> Option<&'t Item> {
    let mut keys = path.split('/');
    let (_, first) = table.get(keys.next()?)?;
    keys.try_fold(first, |item, key| item.get(key))
}

fn table_from_toml(table: &DeTable<'_>, file: usize, offset: usize) -> Table {
    let entry = |(key, value): (&Spanned<toml::de::DeString<'_>>, &Spanned<DeValue<'_>>)| {
        let span = key.span();
        let place = Place {
            file,
            span: span.start + offset..span.end + offset,
        };
        (
            key.get_ref().to_string(),
            (place, Item::from_toml(value, file, offset)),
        )
    };
    table.iter().map(entry).collect()
}

/// Reads a TOML text; of a text that is no TOML only the first fault is told, as the rest mostly follows from it.
pub(super) fn parse_toml(text: &str, file: usize) -> Result<Table, Problem> {
    match DeTable::parse(text) {
        Ok(table) => Ok(table_from_toml(table.get_ref(), file, 0)),
        Err(error) => {
            let at = error.span().map(|span| Place { file, span });
            let message = error
                .message()
                .lines()
                .next()
                .unwrap_or("this is no TOML")
                .to_owned();
            let key = error.span().and_then(|span| text.get(span));
            Err(match key.filter(|_| message == "duplicate key") {
                Some(key) => {
                    Problem::error(format!("`{key}` is set twice"), at).label("second time here")
                }
                None => Problem::error(message, at),
            })
        }
    }
}

/// Adds `more` to `table`: tables join, lists of feeds and of includes are laid end to end, everything else may be set once.
pub(super) fn merge(table: &mut Table, more: Table, complaints: &mut Vec<Complaint>) {
    for (key, (place, item)) in more {
        let Some((first_place, first)) = table.get_mut(&key) else {
            table.insert(key, (place, item));
            continue;
        };
        match (&mut first.node, item.node) {
            (Node::Table(into), Node::Table(from)) if key == FOLDERS => {
                for (name, folder) in from {
                    into.entry(name).or_insert(folder);
                }
            }
            (Node::Table(into), Node::Table(from)) => merge(into, from, complaints),
            (Node::List(into), Node::List(from)) if key == "feed" || key == "include" => {
                into.extend(from)
            }
            _ => complaints.push(Complaint {
                problem: Problem::error(format!("`{key}` is set twice"), Some(place))
                    .label("second time here"),
                also: Some((first_place.clone(), "first set here".into())),
            }),
        }
    }
}
