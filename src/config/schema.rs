//! The JSON Schema (draft-07) of the config, made from `raw`, and the check of a tree against it: unknown keys, wrong
//! types, values outside their bounds. All faults are told; what is wrong is left out, so that checking can go on.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::diagnose::{Complaint, nearest};
use super::raw::Raw;
use super::tree::{Item, Node, Table};
use super::{Place, Problem};

/// The schema, without references, so that editors and the walk below need not follow any.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<Raw>()
        .to_value()
}

/// The part of a schema that says what a value is; `Option` makes "this or null" of it.
fn meant(schema: &Value) -> &Value {
    let parts = schema.get("anyOf").and_then(Value::as_array);
    parts
        .and_then(|parts| {
            parts
                .iter()
                .find(|part| part.get("type") != Some(&Value::from("null")))
        })
        .unwrap_or(schema)
}

fn type_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::Array(types)) => types
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or(""),
        Some(Value::String(name)) => name,
        _ => "",
    }
}

/// The schema of the value at a path of keys, for values that come from elsewhere than a file.
pub(super) fn schema_at<'s>(root: &'s Value, path: &[String]) -> Option<&'s Value> {
    path.iter().try_fold(root, |schema, key| {
        let schema = meant(schema);
        let named = schema
            .get("properties")
            .and_then(|properties| properties.get(key));
        named.or_else(|| {
            schema
                .get("additionalProperties")
                .filter(|more| more.is_object())
        })
    })
}

/// What kind of value a schema takes: `string`, `integer`, `boolean`, `array` or `object`.
pub(super) fn kind(schema: &Value) -> &str {
    type_of(meant(schema))
}

/// Names of the keys a schema knows.
pub(super) fn keys(schema: &Value) -> Vec<&str> {
    let properties = meant(schema).get("properties").and_then(Value::as_object);
    properties
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

/// Walks a tree along the schema.
pub(super) struct Walk<'c> {
    pub(super) complaints: &'c mut Vec<Complaint>,
}

impl Walk<'_> {
    fn tell(&mut self, problem: Problem) {
        self.complaints.push(problem.into());
    }

    /// The table with all that fits the schema.
    pub(super) fn table(&mut self, schema: &Value, table: &Table) -> Table {
        let schema = meant(schema);
        let empty = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let more = schema
            .get("additionalProperties")
            .filter(|more| more.is_object());
        let mut fitting = Table::new();
        for (key, (place, item)) in table {
            let Some(inner) = properties.get(key).or(more) else {
                self.tell(unknown_key(key, place, keys(schema)));
                continue;
            };
            if more.is_some() && schema.get("propertyNames").is_some() && !is_name(key) {
                let problem = Problem::error(
                    format!("`{}` cannot be a name", shown(key)),
                    Some(place.clone()),
                );
                self.tell(
                    problem.help(
                        "a name is made of a-z, 0-9 and -, and begins with a letter or digit",
                    ),
                );
                continue;
            }
            if let Some(item) = self.value(inner, key, item) {
                fitting.insert(key.clone(), (place.clone(), item));
            }
        }
        fitting
    }

    fn value(&mut self, schema: &Value, key: &str, item: &Item) -> Option<Item> {
        let schema = meant(schema);
        let node = match (type_of(schema), &item.node) {
            ("string", Node::Text(text)) => self.text(schema, key, text, &item.at)?,
            ("integer", Node::Number(number)) => self.number(schema, key, *number, &item.at)?,
            ("boolean", Node::Switch(switch)) => Node::Switch(*switch),
            ("array", Node::List(items)) => {
                let inner = schema.get("items").unwrap_or(&Value::Null);
                Node::List(
                    items
                        .iter()
                        .filter_map(|item| self.value(inner, key, item))
                        .collect(),
                )
            }
            ("object", Node::Table(table)) => {
                let table = self.table(schema, table);
                self.complete(schema, key, &table, &item.at)?;
                Node::Table(table)
            }
            _ => {
                self.tell(wrong_type(schema, key, item));
                return None;
            }
        };
        Some(Item {
            at: item.at.clone(),
            node,
        })
    }

    fn text(&mut self, schema: &Value, key: &str, text: &str, at: &Place) -> Option<Node> {
        let allowed: Vec<&str> = schema
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if allowed.is_empty() || allowed.contains(&text) {
            return Some(Node::Text(text.to_owned()));
        }
        let problem = Problem::error(
            format!("`{}` is no value for `{key}`", shown(text)),
            Some(at.clone()),
        );
        self.tell(
            problem
                .nearest(text, allowed.iter().copied())
                .help(format!("it can be: {}", allowed.join(", "))),
        );
        None
    }

    fn number(&mut self, schema: &Value, key: &str, number: i64, at: &Place) -> Option<Node> {
        let bound = |name| {
            schema
                .get(name)
                .and_then(Value::as_f64)
                .map(|bound| bound as i64)
        };
        let (least, most) = (
            bound("minimum").unwrap_or(0),
            bound("maximum").unwrap_or(i64::from(u32::MAX)),
        );
        if (least..=most).contains(&number) {
            return Some(Node::Number(number));
        }
        self.tell(Problem::error(
            format!("`{key}` must be between {least} and {most}"),
            Some(at.clone()),
        ));
        None
    }

    /// Some if every key is there that must be, or was there and has been complained about.
    fn complete(&mut self, schema: &Value, key: &str, table: &Table, at: &Place) -> Option<()> {
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let missing: Vec<&str> = required.filter(|name| !table.contains_key(*name)).collect();
        if missing.is_empty() {
            return Some(());
        }
        for name in missing {
            self.tell(Problem::error(
                format!("`{key}` needs `{name}`"),
                Some(at.clone()),
            ));
        }
        None
    }
}

fn unknown_key(key: &str, place: &Place, allowed: Vec<&str>) -> Problem {
    let secret = ["password", "bearer", "token", "key", "secret", "secret_key"]
        .iter()
        .find(|word| key.eq_ignore_ascii_case(word));
    if let Some(word) = secret.filter(|word| {
        allowed
            .iter()
            .any(|name| name.starts_with(&format!("{word}_")))
    }) {
        let message = format!("`{key}`: secrets are not written in the config");
        return Problem::error(message, Some(place.clone())).help(format!(
            "say where it is: {word}_credential, {word}_file or {word}_env"
        ));
    }
    Problem::error(format!("unknown key `{}`", shown(key)), Some(place.clone()))
        .nearest(key, allowed.iter().copied())
        .help(format!("keys allowed here: {}", allowed.join(", ")))
}

fn wrong_type(schema: &Value, key: &str, item: &Item) -> Problem {
    let wanted = match type_of(schema) {
        "string" => "text",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a table",
    };
    let problem = Problem::error(
        format!("`{key}` must be {wanted}, not {}", item.node.name()),
        Some(item.at.clone()),
    );
    match (schema.get("pattern").and_then(Value::as_str), wanted) {
        (Some(pattern), _) if pattern.contains("smhdwy") => {
            problem.help("with its unit, in quotes: \"30s\", \"5m\", \"1h\"")
        }
        (Some(pattern), _) if pattern.contains("KiB") => {
            problem.help("with its unit, in quotes: \"64KiB\", \"10MiB\"")
        }
        (_, "a list") => problem.help("in brackets: [\"one\", \"two\"]"),
        (_, "a table") => problem.help(format!("as a section of its own: [{key}]")),
        (_, "text") => problem.help("in quotes"),
        _ => problem,
    }
}

/// Lower-case letters, digits and hyphens: what may stand in an address and in a file name.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(fits) && text.chars().all(|c| fits(c) || c == '-')
}

/// A written text on one line and not too long, for a message.
pub(super) fn shown(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(60)
        .collect();
    if text.chars().count() > 60 {
        format!("{line}…")
    } else {
        line
    }
}

/// The nearest of the names, for callers outside the walk.
pub(super) fn near<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(written, names)
}
