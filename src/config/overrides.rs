//! Values from the environment (`FEEDMILL_HTTP__LISTEN`) and from the command line (`--set http.listen=…`), laid over
//! the tree. Each source appears as a text of its own, so that complaints can point into it. The only reader of the
//! process's environment for configuration.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::DeValue;

use super::read::Reader;
use super::schema::{keys, kind, schema_at};
use super::tree::{Item, Node, Table};
use super::{Place, Problem};

/// Name under which complaints show the environment.
pub(super) const ENVIRONMENT: &str = "environment";
/// Name under which complaints show the command line.
pub(super) const COMMAND_LINE: &str = "command line";

/// What stands above the files: the environment, and above that the command line.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `KEY=VALUE` from the command line, keys joined with dots.
    pub set: Vec<String>,
    /// The environment: `FEEDMILL_…` settings, variables that hold secrets, systemd's folders.
    pub environment: BTreeMap<String, String>,
}

impl Overrides {
    /// The process's own environment under the given settings.
    #[must_use]
    pub fn of_process(set: Vec<String>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            set,
            environment: std::env::vars_os().filter_map(text).collect(),
        }
    }
}

/// One setting: where it goes, and where its parts stand in the text.
struct Setting {
    path: Vec<String>,
    key: Place,
    value: String,
    value_at: Place,
}

/// Lays all overrides over the tree.
pub(super) fn apply(overrides: &Overrides, root: &Value, table: &mut Table, reader: &mut Reader) {
    for setting in environment(overrides, root, reader)
        .into_iter()
        .chain(command_line(overrides, reader))
    {
        match item(root, &setting) {
            Ok(item) => {
                if let Err(problem) = place(table, &setting, item) {
                    reader.complaints.push(problem.into());
                }
            }
            Err(problem) => reader.complaints.push(problem.into()),
        }
    }
}

fn environment(overrides: &Overrides, root: &Value, reader: &mut Reader) -> Vec<Setting> {
    let ours = |name: &str| name.starts_with("FEEDMILL_") && name != "FEEDMILL_CONFIG";
    let chosen: Vec<(&String, &String)> = overrides
        .environment
        .iter()
        .filter(|(name, _)| ours(name))
        .collect();
    if chosen.is_empty() {
        return Vec::new();
    }
    let text: String = chosen
        .iter()
        .map(|(name, value)| format!("{name}={}\n", on_one_line(value)))
        .collect();
    let file = reader.add(ENVIRONMENT, text);
    let mut start = 0;
    let mut settings = Vec::new();
    for (name, value) in chosen {
        let path: Vec<String> = name["FEEDMILL_".len()..]
            .to_lowercase()
            .split("__")
            .map(str::to_owned)
            .collect();
        let setting = Setting::at(file, start, (name, &on_one_line(value)), path);
        start = setting.value_at.span.end + 1;
        // One word alone may be another program's variable; a section and a key are meant for us.
        if setting.path.len() == 1 && schema_at(root, &setting.path).is_none() {
            let problem = Problem::warning("this variable sets nothing", Some(setting.key));
            reader
                .complaints
                .push(problem.nearest(&setting.path[0], keys(root)).into());
        } else {
            settings.push(setting);
        }
    }
    settings
}

fn command_line(overrides: &Overrides, reader: &mut Reader) -> Vec<Setting> {
    if overrides.set.is_empty() {
        return Vec::new();
    }
    let lines: Vec<String> = overrides
        .set
        .iter()
        .map(|setting| on_one_line(setting))
        .collect();
    let file = reader.add(
        COMMAND_LINE,
        lines.iter().map(|line| format!("{line}\n")).collect(),
    );
    let mut start = 0;
    let mut settings = Vec::new();
    for line in &lines {
        match line.split_once('=') {
            Some((key, value)) => {
                let path = key
                    .trim()
                    .split('.')
                    .map(|part| part.trim().to_owned())
                    .collect();
                settings.push(Setting::at(file, start, (key, value), path));
            }
            None => {
                let at = Place {
                    file,
                    span: start..start + line.len(),
                };
                reader
                    .complaints
                    .push(Problem::error("a setting is KEY=VALUE", Some(at)).into());
            }
        }
        start += line.len() + 1;
    }
    settings
}

fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

impl Setting {
    fn at(file: usize, start: usize, (key, value): (&str, &str), path: Vec<String>) -> Self {
        let value_start = start + key.len() + 1;
        Self {
            path,
            key: Place {
                file,
                span: start..start + key.len(),
            },
            value: value.to_owned(),
            value_at: Place {
                file,
                span: value_start..value_start + value.len(),
            },
        }
    }
}

/// The value as the key's type: text as it is, lists with commas or in brackets, the rest as TOML.
fn item(root: &Value, setting: &Setting) -> Result<Item, Problem> {
    let Some(schema) = schema_at(root, &setting.path) else {
        return Err(unknown(root, setting));
    };
    let at = setting.value_at.clone();
    let text = setting.value.trim();
    match kind(schema) {
        "string" => Ok(Item::text(text, at)),
        "array" if !text.starts_with('[') => {
            let parts = text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            let items = parts.map(|part| Item::text(part, at.clone())).collect();
            Ok(Item {
                at,
                node: Node::List(items),
            })
        }
        "object" => {
            let problem = Problem::error(
                format!("`{}` is a table", setting.path.join(".")),
                Some(setting.key.clone()),
            );
            Err(problem.help("set one of its keys"))
        }
        _ => match DeValue::parse(&setting.value) {
            Ok(value) => Ok(Item::from_toml(&value, at.file, at.span.start)),
            Err(_) => Ok(Item::text(text, at)),
        },
    }
}

fn unknown(root: &Value, setting: &Setting) -> Problem {
    let known = (0..setting.path.len()).rev().find_map(|length| {
        schema_at(root, &setting.path[..length])
            .map(|schema| (schema, setting.path[length].as_str()))
    });
    let problem = Problem::error(
        format!("unknown key `{}`", setting.path.join(".")),
        Some(setting.key.clone()),
    );
    match known {
        Some((schema, wrong)) if !keys(schema).is_empty() => {
            let help = format!("keys allowed here: {}", keys(schema).join(", "));
            problem.nearest(wrong, keys(schema)).help(help)
        }
        _ => problem,
    }
}

fn place(table: &mut Table, setting: &Setting, item: Item) -> Result<(), Problem> {
    let Some((last, sections)) = setting.path.split_last() else {
        return Ok(());
    };
    let mut table = table;
    for section in sections {
        let empty = Item {
            at: setting.key.clone(),
            node: Node::Table(Table::new()),
        };
        let (_, inner) = table
            .entry(section.clone())
            .or_insert((setting.key.clone(), empty));
        match &mut inner.node {
            Node::Table(inner) => table = inner,
            _ => {
                return Err(Problem::error(
                    format!("`{section}` is no table"),
                    Some(inner.at.clone()),
                ));
            }
        }
    }
    table.insert(last.clone(), (setting.key.clone(), item));
    Ok(())
}
