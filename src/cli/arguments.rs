//! The command line as clap sees it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::daemon::Launch;

use super::{
    backup, check, config, digest, discover, entries, export, feeds, import, init, parse, plan,
    poll, publish, schema, search, stories, why,
};

/// feedmill polls feeds, recognises every story once, republishes merged feeds and mails digests.
#[derive(Debug, Parser)]
#[command(
    name = "feedmill",
    version,
    about,
    propagate_version = true,
    infer_subcommands = false
)]
pub struct Cli {
    /// What every verb is given.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb is given.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The config file.
    #[arg(
        short,
        long,
        global = true,
        default_value = "feedmill.toml",
        value_name = "FILE"
    )]
    pub config: PathBuf,
    /// Overrides one key of the config, such as `http.listen=127.0.0.1:9000`; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Global {
    /// What a daemon, or a verb like it, is started with.
    pub(super) fn launch(&self) -> Launch {
        Launch {
            config: self.config.clone(),
            set: self.set.clone(),
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the daemon: poll, publish, mail, until a signal ends it.
    Run,
    /// Check the config and say all that is wrong with it.
    Check(check::Args),
    /// Poll what is due, or the named feeds, once.
    Poll(poll::Args),
    /// Show the health of each feed: last result, next poll and why.
    Feeds(feeds::Args),
    /// Show what a changed config would add to and remove from merged feeds and digests, by the last days' entries.
    Plan(plan::Args),
    /// Find the feeds of a page, as blocks ready for the config.
    Discover(discover::Args),
    /// Show what feedmill makes of a document.
    Parse(parse::Args),
    /// Add the feeds of an OPML file to the config's folder.
    Import(import::Args),
    /// Print the configured feeds as OPML.
    Export(export::Args),
    /// List stored entries.
    Entries(entries::Args),
    /// Search all stories.
    Search(search::Args),
    /// Tell an entry's whole way: fetched, judged, joined, published, mailed.
    Why(why::Args),
    /// Split or join stories by hand.
    Stories(stories::Args),
    /// Schedule, preview, send and list editions; manage subscribers.
    Digest(digest::Args),
    /// Count a returned mail (on standard input), for a mail server's alias to pipe into.
    Bounce,
    /// Write the merged feeds as files, once.
    Publish(publish::Args),
    /// Copy the database while it is in use.
    Backup(backup::Args),
    /// Print every setting, and where it comes from.
    Config(config::Args),
    /// Make the running daemon read its config again, and wait for the outcome.
    Reload,
    /// Print the JSON Schema of the config, for editors.
    Schema(schema::Args),
    /// Write a first config.
    Init(init::Args),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff).
    Man,
}
