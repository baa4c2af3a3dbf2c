//! `backup FILE`: a verified copy of the database, made beside the running daemon.

use std::path::PathBuf;

use anyhow::Context;

use super::{Exit, Output};
use crate::store::Store;

/// What the verb takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the copy goes; a file that is there is replaced once the copy is verified.
    pub file: PathBuf,
}

/// Makes the copy and says how large it is.
///
/// # Errors
/// When the copy could not be made or did not pass its check; the file of before is then untouched.
pub async fn run(store: &Store, args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    let bytes = store.backup(&args.file).await.context("making a backup")?;
    out.line(&format!("{}: {bytes} bytes, verified", args.file.display()))?;
    Ok(Exit::Fine)
}
