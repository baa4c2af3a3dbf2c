//! `feedmill init`: writes a first config. Refuses to touch a file that is there.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use crate::cli::{Exit, Global, Output};

/// Write a small first config.
#[derive(clap::Args, Debug)]
pub struct Args {}

const FIRST: &str = r#"# feedmill's config. `feedmill check` explains mistakes, `feedmill schema` helps editors,
# `feedmill config --origin` prints every value that holds.

# More feeds may stand in files of their own; folders of OPML files become groups.
include = ["feeds.d/*.toml", "feeds.d/*.opml"]

# language = "en"
# timezone = "UTC"

[[feed]]
url    = "https://blog.rust-lang.org/feed.xml"
groups = ["tech"]

# A merged feed: /all.atom, /all.rss, /all.json and the page /all/ on http://127.0.0.1:8080/
[publish.all]
title  = "Everything"
groups = ["*"]

# A digest by mail needs both of these:
# [digest.morning]
# cron = "30 6 * * *"
# from = "News <news@example.org>"
# to   = ["you@example.org"]
#
# [mail]
# smtp = "smtp.example.org:587"
# username = "news"
# password_file = "smtp-password"
"#;

/// Writes the file named by `--config`.
///
/// # Errors
/// When it cannot be written.
pub fn run(global: &Global, _args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    let path = &global.config;
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(FIRST.as_bytes())?;
            out.line(&format!("wrote {}; now: feedmill check", path.display()))?;
            Ok(Exit::Fine)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            out.line(&format!(
                "{} is there already; nothing was changed",
                path.display()
            ))?;
            Ok(Exit::Usage)
        }
        Err(error) => Err(anyhow::Error::new(error).context(format!("write {}", path.display()))),
    }
}
