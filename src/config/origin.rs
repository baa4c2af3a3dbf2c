//! Every value of the config with where it came from. Shows no secret: user-info and queries of addresses and the
//! values of request headers are stars, and passwords are not in the config to begin with.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::diagnose::{Complaints, blot};
use super::load::{Written, written};
use super::overrides::{COMMAND_LINE, ENVIRONMENT, Overrides};
use super::tree::find;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file and a line of it.
    File(String),
    /// The environment.
    Environment,
    /// `--set`.
    CommandLine,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(place) => f.write_str(place),
            Self::Environment => f.write_str(ENVIRONMENT),
            Self::CommandLine => f.write_str(COMMAND_LINE),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// Its key, joined with dots; feeds and subscribers are counted from 0.
    pub key: String,
    /// As JSON, which for single values and lists is TOML too.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// All values that are set or have a default.
///
/// # Errors
/// When the config is not valid.
pub fn settings(path: &Path, overrides: &Overrides) -> Result<Vec<Setting>, Complaints> {
    super::load(path, overrides)?;
    let Written { reader, table, raw } = written(path, overrides);
    let value = serde_json::to_value(&raw).unwrap_or_default();
    let mut list = Vec::new();
    collect(&value, String::new(), &mut list);
    let origin = |path: &str| {
        let Some(item) = find(&table, path) else {
            return Origin::Default;
        };
        let Some((name, text)) = reader.files.get(item.at.file) else {
            return Origin::Default;
        };
        match name.to_str() {
            Some(ENVIRONMENT) => Origin::Environment,
            Some(COMMAND_LINE) => Origin::CommandLine,
            _ => {
                let line = 1 + text[..item.at.span.start].matches('\n').count();
                Origin::File(format!("{}:{line}", name.display()))
            }
        }
    };
    let setting = |(path, value): (String, Value)| Setting {
        origin: origin(&path),
        key: path.replace('/', "."),
        value,
    };
    Ok(list.into_iter().map(setting).collect())
}

fn collect(value: &Value, path: String, list: &mut Vec<(String, Value)>) {
    let inner = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}/{key}")
        }
    };
    match value {
        Value::Null => {}
        Value::Object(table) => table
            .iter()
            .for_each(|(key, value)| collect(value, inner(key), list)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| collect(item, inner(&index.to_string()), list));
        }
        Value::String(_) if path.contains("/headers/") => list.push((path, Value::from("***"))),
        Value::String(text) => list.push((path, Value::from(blot(text)))),
        other => list.push((path, other.clone())),
    }
}
