//! What was published once and is of no merged feed that the config still has: 410, so that readers stop asking.
//! Learned from what the store remembers of published paths, so it outlives restarts.

use std::collections::HashSet;

use arc_swap::ArcSwap;

use crate::config::{Config, PublishFormat};

use super::State;

/// Paths, and the folders of merged feeds that left.
#[derive(Default)]
pub(super) struct Gone(ArcSwap<Paths>);

#[derive(Default)]
struct Paths {
    due: HashSet<String>,
    exact: HashSet<String>,
    folders: HashSet<String>,
}

impl Gone {
    /// Compares what was ever rendered with what `config` renders. A page that is withheld for a fault of its template
    /// is still the config's, and not gone.
    pub(super) fn learn(&self, state: &State, config: &Config) {
        let made = made(config);
        let rendered = state.rendered.iter().flat_map(|rendered| rendered.keys());
        let mut paths = Paths::default();
        for path in rendered.filter(|path| !made.contains(*path)) {
            let name = name(path);
            if !config.publish.contains_key(name) {
                paths.folders.insert(name.to_owned());
            }
            paths.exact.insert(path.clone());
        }
        paths.due = made;
        self.0.store(std::sync::Arc::new(paths));
    }

    /// Does the config render `path`?
    pub(super) fn is_due(&self, path: &str) -> bool {
        self.0.load().due.contains(path)
    }

    /// Also what was only ever made on request inside the folder of a merged feed that left.
    pub(super) fn holds(&self, path: &str) -> bool {
        let paths = self.0.load();
        let inside = path.trim_start_matches('/').split_once('/');
        paths.exact.contains(path) || inside.is_some_and(|(name, _)| paths.folders.contains(name))
    }
}

/// Paths that `config` renders.
fn made(config: &Config) -> HashSet<String> {
    let shared = [
        "/",
        "/opml",
        "/about/",
        "/changes/",
        "/style.css",
        "/icon.svg",
    ];
    let outputs = config.publish.values().flat_map(|output| {
        output.formats.iter().map(|format| match format {
            PublishFormat::Atom => format!("/{}.atom", output.name),
            PublishFormat::Rss => format!("/{}.rss", output.name),
            PublishFormat::Json => format!("/{}.json", output.name),
            PublishFormat::Html => format!("/{}/", output.name),
        })
    });
    outputs.chain(shared.map(str::to_owned)).collect()
}

/// The merged feed that a path belongs to.
fn name(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    path.split(['/', '.']).next().unwrap_or(path)
}
