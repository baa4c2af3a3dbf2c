//! `reload`: signals the daemon, waits for the outcome, and ends with it, so that `systemctl reload` fails when the
//! config is refused.

use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{Exit, Output};
use crate::daemon::RELOAD_NOTE;
use crate::store::Store;

/// How long the daemon may take: polls under way finish first.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often the outcome is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Signals the daemon that holds `store` and prints what it said.
///
/// # Errors
/// When no daemon holds the database, or it does not answer in time.
pub async fn run(store: &Store, out: &mut Output) -> anyhow::Result<Exit> {
    let holder = store
        .holder()
        .await?
        .context("no daemon is running on this database")?;
    let before = store.note(RELOAD_NOTE).await?;
    let pid = holder
        .parse()
        .ok()
        .and_then(Pid::from_raw)
        .context("the lock names no process")?;
    kill_process(pid, Signal::HUP)
        .with_context(|| format!("process {holder} cannot be signalled"))?;
    let outcome = tokio::time::timeout(PATIENCE, changed(store, before)).await;
    let note = outcome.context("the daemon did not answer in time; see its log")??;
    let complaints = note["complaints"].as_str().unwrap_or_default();
    if complaints.is_empty() {
        out.line("reloaded")?;
        return Ok(Exit::Fine);
    }
    out.complain(complaints)?;
    out.complain("feedmill: the config was refused; the daemon goes on with the old one")?;
    Ok(Exit::Usage)
}

async fn changed(store: &Store, before: Option<Vec<u8>>) -> anyhow::Result<serde_json::Value> {
    loop {
        let now = store.note(RELOAD_NOTE).await?;
        match now {
            Some(note) if Some(&note) != before.as_ref() => {
                return Ok(serde_json::from_slice(&note)?);
            }
            None if before.is_some() => bail!("the daemon's note on the reload is gone"),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
