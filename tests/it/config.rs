//! The config: what is accepted, what is refused and in which words, and that no secret is ever shown.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod complaints;
mod mutations;
mod sample;
mod values;
mod verbs;

use std::path::Path;

use feedmill::config::{self, Complaints, Config, Overrides};
use tempfile::TempDir;

/// A folder with these files in it; the first is the config.
pub(crate) struct Folder {
    dir: TempDir,
    main: String,
}

impl Folder {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self {
            dir,
            main: files[0].0.to_owned(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.dir.path().join(&self.main)
    }

    pub(crate) fn load(&self, overrides: &Overrides) -> Result<Config, Complaints> {
        config::load(&self.config(), overrides)
    }

    /// What is said about the config, errors and warnings, with file names relative to the folder.
    pub(crate) fn said(&self, overrides: &Overrides) -> String {
        let text = match self.load(overrides) {
            Ok(config) => config::render_complaints(&config.warnings, &config.files),
            Err(complaints) => complaints.to_string(),
        };
        text.replace(&format!("{}/", self.path().display()), "")
    }
}

/// An environment and settings of the command line.
pub(crate) fn overrides(environment: &[(&str, &str)], set: &[&str]) -> Overrides {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Overrides {
        set: set.iter().map(|text| (*text).to_owned()).collect(),
        environment: environment.iter().map(pair).collect(),
    }
}

/// The config of a text that must be fine.
#[track_caller]
pub(crate) fn fine(toml: &str) -> Config {
    let folder = Folder::of(&[("feedmill.toml", toml)]);
    match folder.load(&Overrides::default()) {
        Ok(config) => config,
        Err(complaints) => panic!("{complaints}"),
    }
}
