//! The main file and everything it includes, as one tree. Takes a path, gives the merged tree and the texts of all
//! files; refuses includes that go in circles, sections that belong into the main file, and what cannot be read.

use std::path::{Path, PathBuf};

use super::diagnose::Complaint;
use super::tree::{Item, Node, Table, merge, parse_toml};
use super::{Place, Problem, opml};

/// Sections that an included file may hold.
const INCLUDABLE: [&str; 4] = ["feed", "filter", "group", "include"];

/// Files read so far and what was wrong with them.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) files: Vec<(PathBuf, String)>,
    pub(super) complaints: Vec<Complaint>,
    /// Files being read, outermost first: an include that names one of them goes in a circle.
    open: Vec<PathBuf>,
    done: Vec<PathBuf>,
}

impl Reader {
    /// Reads the main file and its includes.
    pub(super) fn main(&mut self, path: &Path) -> Table {
        self.file(path, None)
    }

    /// Adds a text that is no file, such as the overrides of the command line, and gives its index.
    pub(super) fn add(&mut self, name: &str, text: String) -> usize {
        self.files.push((PathBuf::from(name), text));
        self.files.len() - 1
    }

    fn tell(&mut self, problem: Problem) {
        self.complaints.push(problem.into());
    }

    fn file(&mut self, path: &Path, included_at: Option<&Place>) -> Table {
        let text = match std::fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => {
                self.tell(Problem::error(
                    format!("{} is not UTF-8", path.display()),
                    included_at.cloned(),
                ));
                return Table::new();
            }
            Err(error) => {
                self.tell(unreadable(path, &error, included_at));
                return Table::new();
            }
        };
        let identity = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.open.push(identity.clone());
        self.files.push((path.to_owned(), text));
        let table = self.parsed(path, included_at.is_some());
        self.open.pop();
        self.done.push(identity);
        table
    }

    fn parsed(&mut self, path: &Path, included: bool) -> Table {
        let file = self.files.len() - 1;
        let text = &self.files[file].1;
        if path
            .extension()
            .is_some_and(|extension| extension != "toml")
            && included
        {
            let (table, problems) = opml::read(text, file);
            self.complaints
                .extend(problems.into_iter().map(Complaint::from));
            return table;
        }
        let mut table = match parse_toml(text, file) {
            Ok(table) => table,
            Err(problem) => {
                self.tell(problem);
                return Table::new();
            }
        };
        if included {
            self.keep_includable(&mut table);
        }
        self.includes(path.parent().unwrap_or(Path::new("")), &mut table);
        table
    }

    fn keep_includable(&mut self, table: &mut Table) {
        let complaints = &mut self.complaints;
        table.retain(|key, (place, _)| {
            let fine = INCLUDABLE.contains(&key.as_str());
            if !fine {
                let problem = Problem::error(
                    format!("`{key}` belongs into the main file"),
                    Some(place.clone()),
                );
                complaints.push(
                    problem
                        .help("an included file may hold: feed, filter, group, include")
                        .into(),
                );
            }
            fine
        });
    }

    fn includes(&mut self, folder: &Path, table: &mut Table) {
        let Some(Node::List(patterns)) = table.get("include").map(|(_, item)| item.node.clone())
        else {
            return;
        };
        for pattern in &patterns {
            let Node::Text(text) = &pattern.node else {
                continue;
            };
            for path in self.matches(folder, text, &pattern.at) {
                let identity = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
                if self.open.contains(&identity) {
                    self.tell(circle(&path, &pattern.at));
                } else if !self.done.contains(&identity) {
                    let more = self.file(&path, Some(&pattern.at));
                    let mut complaints = std::mem::take(&mut self.complaints);
                    merge(table, more, &mut complaints);
                    self.complaints = complaints;
                }
            }
        }
    }

    /// Files that a pattern means, in the order of their names.
    fn matches(&mut self, folder: &Path, pattern: &str, at: &Place) -> Vec<PathBuf> {
        let path = folder.join(pattern);
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let parent = path.parent().unwrap_or(folder).to_owned();
        let listed = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &parent
        };
        let starry = |text: &str| text.contains(['*', '?']);
        if !Path::new(pattern)
            .extension()
            .is_some_and(|kind| kind == "toml" || kind == "opml" || kind == "xml")
        {
            let problem = Problem::error(
                "an include must name .toml, .opml or .xml files",
                Some(at.clone()),
            );
            self.tell(problem.help("for example \"feeds.d/*.toml\""));
            return Vec::new();
        }
        if Path::new(pattern)
            .parent()
            .is_some_and(|parent| starry(&parent.to_string_lossy()))
        {
            self.tell(Problem::error(
                "`*` and `?` may stand in the file's name only",
                Some(at.clone()),
            ));
            return Vec::new();
        }
        if !starry(&name) {
            return vec![path];
        }
        let mut found = Vec::new();
        // A folder that is not there has no files: the feeds.d of a new installation.
        for entry in std::fs::read_dir(listed).into_iter().flatten().flatten() {
            let candidate = entry.file_name().to_string_lossy().into_owned();
            if !is_leftover(&candidate) && wildcard(name.as_bytes(), candidate.as_bytes()) {
                found.push(parent.join(candidate));
            }
        }
        found.sort();
        found
    }
}

fn unreadable(path: &Path, error: &std::io::Error, at: Option<&Place>) -> Problem {
    let problem = Problem::error(
        format!("cannot read {}: {}", path.display(), reason(error)),
        at.cloned(),
    );
    match at {
        None if error.kind() == std::io::ErrorKind::NotFound => {
            problem.help("`feedmill init` writes a first one")
        }
        _ => problem,
    }
}

/// The system's reason in plain words.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => kind.to_string(),
    }
}

fn circle(path: &Path, at: &Place) -> Problem {
    Problem::error(
        format!(
            "includes go in a circle: {} is being read already",
            path.display()
        ),
        Some(at.clone()),
    )
}

/// Hidden files and what editors and package managers leave behind.
fn is_leftover(name: &str) -> bool {
    name.starts_with(['.', '#']) || name.ends_with('~')
}

/// Whether `name` fits a pattern of `*` and `?`.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.first(), name.first()) {
        (None, None) => true,
        (Some(b'*'), _) => {
            wildcard(&pattern[1..], name) || (!name.is_empty() && wildcard(pattern, &name[1..]))
        }
        (Some(b'?'), Some(_)) => wildcard(&pattern[1..], &name[1..]),
        (Some(wanted), Some(found)) if wanted == found => wildcard(&pattern[1..], &name[1..]),
        _ => false,
    }
}

/// A list of texts as written, for callers that build trees.
pub(super) fn text_list(texts: impl IntoIterator<Item = String>, at: &Place) -> Item {
    let items = texts
        .into_iter()
        .map(|text| Item::text(text, at.clone()))
        .collect();
    Item {
        at: at.clone(),
        node: Node::List(items),
    }
}
