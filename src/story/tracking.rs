//! The maintained list of parameters that say who shared a link, not which page it is. Takes `tracking.txt` beside this
//! file and the operator's own names; answers for one parameter of one host. Refuses nothing: an unknown name stays.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// The list that ships with feedmill.
static LIST: LazyLock<List> = LazyLock::new(|| List::read(include_str!("tracking.txt")));

/// The list, taken apart once.
#[derive(Debug, Default)]
struct List {
    names: HashSet<String>,
    /// Sorted by nothing: a dozen, tried in turn.
    prefixes: Vec<String>,
    values: HashSet<(String, String)>,
    hosts: HashMap<String, HashSet<String>>,
}

impl List {
    fn read(text: &str) -> Self {
        let mut list = Self::default();
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            if let Some((host, name)) = line.split_once(": ") {
                list.hosts
                    .entry(host.to_owned())
                    .or_default()
                    .insert(name.trim().to_owned());
            } else if let Some((name, value)) = line.split_once('=') {
                list.values.insert((name.to_owned(), value.to_owned()));
            } else if let Some(prefix) = line.strip_suffix('*') {
                list.prefixes.push(prefix.to_owned());
            } else {
                list.names.insert(line.to_owned());
            }
        }
        list
    }

    fn has(&self, host: &str, name: &str, value: &str) -> bool {
        self.names.contains(name)
            || self
                .prefixes
                .iter()
                .any(|prefix| name.starts_with(prefix.as_str()))
            || self
                .values
                .contains(&(name.to_owned(), value.to_ascii_lowercase()))
            || parents(host).any(|parent| {
                self.hosts
                    .get(parent)
                    .is_some_and(|names| names.contains(name))
            })
    }
}

/// `host` and every domain above it.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |host| {
        host.split_once('.').map(|(_, rest)| rest)
    })
}

/// Whether the parameter `name=value` on `host` (lower case, without `www.`) only tracks. `own` are the operator's
/// names; one that ends with `*` stands for all that begin so.
pub(super) fn tracks(host: &str, name: &str, value: &str, own: &[String]) -> bool {
    let name = name.to_ascii_lowercase();
    LIST.has(host, &name, value) || own.iter().any(|own| fits(own, &name))
}

/// Whether the operator's pattern means the parameter `name`, which is in lower case.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => {
            name.len() >= prefix.len()
                && name.as_bytes()[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
        }
        None => pattern.eq_ignore_ascii_case(name),
    }
}
