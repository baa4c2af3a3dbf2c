//! `feedmill config`: every value that holds, and with `--origin` where it came from.

use crate::cli::{Exit, Global, Output};
use crate::config::{self, Overrides};

/// Print every value of the config that holds.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Say where each value came from: default, file and line, environment, command line.
    #[arg(long)]
    pub origin: bool,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Prints the values, one a line.
///
/// # Errors
/// `config::Complaints` when the config is not valid; otherwise when standard output fails.
pub fn run(global: &Global, args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    let settings = config::settings(&global.config, &Overrides::of_process(global.set.clone()))?;
    if args.json {
        out.json(&settings)?;
        return Ok(Exit::Fine);
    }
    for setting in &settings {
        let text = format!("{} = {}", setting.key, setting.value);
        match args.origin {
            true => out.line(&format!("{text:<50} # {}", setting.origin))?,
            false => out.line(&text)?,
        }
    }
    Ok(Exit::Fine)
}
