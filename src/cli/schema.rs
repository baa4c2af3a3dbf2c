//! `feedmill schema`: the JSON Schema of the config, for editors.

use crate::cli::{Exit, Global, Output};
use crate::config;

/// Print the JSON Schema (draft-07) of the config, for editors.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Prints the schema.
///
/// # Errors
/// When standard output fails.
pub fn run(_global: &Global, _args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    out.json(&config::schema())?;
    Ok(Exit::Fine)
}
