//! `feedmill import FILE.opml`: the feeds of an OPML file as a new file in `feeds.d` beside the config. Never edits a
//! file that is there, and leaves out feeds that are configured already.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::output::{FEEDS, counted};
use crate::cli::{Exit, Global, Output};
use crate::config::{self, Config, OpmlFeed, Overrides};

/// Add the feeds of an OPML file, as a new file in feeds.d beside the config.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The OPML file.
    pub file: PathBuf,
    /// Name of the new file in feeds.d. Unset: that of the OPML file, with .toml.
    #[arg(long)]
    pub name: Option<String>,
}

/// Imports.
///
/// # Errors
/// `config::Complaints` when the config is not valid; otherwise when a file cannot be read or written.
pub fn run(global: &Global, args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    let config = config::load(&global.config, &Overrides::of_process(global.set.clone()))?;
    let bytes =
        std::fs::read(&args.file).with_context(|| format!("read {}", args.file.display()))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (feeds, problems) = config::opml_feeds(&text);
    let files = [(args.file.clone(), text)];
    if !problems.is_empty() {
        out.line(&config::render(&problems, &files))?;
    }
    let (feeds, odd): (Vec<_>, Vec<_>) = feeds.into_iter().partition(|feed| is_web(&feed.url));
    if !odd.is_empty() {
        out.line(&format!(
            "left out, for an address that is neither http nor https: {}",
            counted(odd.len(), FEEDS)
        ))?;
    }
    let (new, known) = unknown(&config, feeds);
    if new.is_empty() {
        out.line(&format!(
            "nothing to import: {} configured already",
            counted(known, FEEDS)
        ))?;
        return Ok(if problems.iter().any(|problem| !problem.warning) {
            Exit::Failed
        } else {
            Exit::Fine
        });
    }
    let Some(path) = target(&config, &args) else {
        out.line("the name of the new file must be a plain one that ends in .toml")?;
        return Ok(Exit::Usage);
    };
    if !write_new(&path, &config::feeds_toml(&new))? {
        out.line(&format!(
            "{} is there already; choose another with --name",
            path.display()
        ))?;
        return Ok(Exit::Usage);
    }
    out.line(&format!(
        "wrote {}: {}, {known} more configured already",
        path.display(),
        counted(new.len(), FEEDS)
    ))?;
    if !is_included(global, &path) {
        out.line("it is not read yet; add to the config: include = [\"feeds.d/*.toml\"]")?;
    }
    Ok(Exit::Fine)
}

/// A list from elsewhere has no say over files of this machine.
fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn unknown(config: &Config, feeds: Vec<OpmlFeed>) -> (Vec<OpmlFeed>, usize) {
    let mut seen: HashSet<String> = config
        .feeds
        .iter()
        .map(|feed| feed.url.value.to_string())
        .collect();
    let all = feeds.len();
    let fresh = |feed: &OpmlFeed| {
        let url =
            url::Url::parse(&feed.url).map_or_else(|_| feed.url.clone(), |url| url.to_string());
        seen.insert(url)
    };
    let new: Vec<OpmlFeed> = feeds.into_iter().filter(fresh).collect();
    let known = all - new.len();
    (new, known)
}

fn target(config: &Config, args: &Args) -> Option<PathBuf> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => format!("{}.toml", args.file.file_stem()?.to_string_lossy()),
    };
    let plain = name.ends_with(".toml") && !name.contains('/') && !name.starts_with('.');
    plain.then(|| config.base_dir.join("feeds.d").join(name))
}

/// False where the file is there already.
fn write_new(path: &Path, text: &str) -> anyhow::Result<bool> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .map(|()| true)
            .context("write the new file"),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(anyhow::Error::new(error).context(format!("write {}", path.display()))),
    }
}

/// Whether the config as it is now reads the new file.
fn is_included(global: &Global, path: &Path) -> bool {
    let files = match config::load(&global.config, &Overrides::of_process(global.set.clone())) {
        Ok(config) => config.files,
        Err(complaints) => complaints.files,
    };
    files.iter().any(|(read, _)| read == path)
}
