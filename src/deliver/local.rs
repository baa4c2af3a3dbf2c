//! Delivery without a server: into a Maildir, or through a program. Both give the same outcomes as a server would.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::Outcome;
use super::bounce::Kind;
use crate::model::OutboxMessage;

/// Writes the message to `tmp`, syncs it, moves it to `new`. The name derives from the Message-ID: a repeat after a
/// crash finds its own file, in `new` or where a reader has moved it, and adds nothing.
pub(super) async fn keep(folder: &Path, message: &OutboxMessage) -> Outcome {
    let (folder, name, bytes) = (folder.to_owned(), file_name(message), message.bytes.clone());
    let kept = tokio::task::spawn_blocking(move || deposit(&folder, &name, &bytes)).await;
    match kept {
        Ok(Ok(())) => Outcome::Delivered {
            reply: "kept in the Maildir".to_owned(),
        },
        Ok(Err(error)) => Outcome::Unavailable {
            reason: format!("cannot write to the Maildir: {error}"),
        },
        Err(_) => Outcome::NotSent {
            reason: "writing to the Maildir was interrupted".to_owned(),
        },
    }
}

fn file_name(message: &OutboxMessage) -> String {
    let hash = blake3::hash(format!("{}\0{}", message.message_id, message.envelope_to).as_bytes())
        .to_hex();
    format!(
        "{}.{}.feedmill",
        message.queued_at.as_second(),
        hash.get(..32).unwrap_or_default()
    )
}

fn deposit(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    for part in ["tmp", "new", "cur"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    if already_read(&folder.join("cur"), name)? {
        return Ok(());
    }
    let tmp = folder.join("tmp").join(name);
    let mut file = std::fs::File::create(&tmp)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&tmp, folder.join("new").join(name))?;
    std::fs::File::open(folder.join("new"))?.sync_all()
}

fn already_read(cur: &Path, name: &str) -> io::Result<bool> {
    for entry in std::fs::read_dir(cur)? {
        if entry?.file_name().to_string_lossy().starts_with(name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Hands the message to a program as sendmail takes it: no shell, the recipient after `--`, LF lines.
pub(super) async fn pipe(
    program: &PathBuf,
    deadline: Duration,
    message: &OutboxMessage,
) -> Outcome {
    match tokio::time::timeout(deadline, run(program, message)).await {
        Ok(Ok(status)) => verdict(status.code()),
        Ok(Err(error)) => Outcome::Unavailable {
            reason: format!("cannot run the mail program: {error}"),
        },
        Err(_) => Outcome::Uncertain {
            reason: "the mail program did not end".to_owned(),
        },
    }
}

async fn run(program: &PathBuf, message: &OutboxMessage) -> io::Result<std::process::ExitStatus> {
    let mut child = Command::new(program)
        .args([
            "-i",
            "-f",
            &message.envelope_from,
            "--",
            &message.envelope_to,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut unix = message.bytes.clone();
    unix.retain(|byte| *byte != b'\r');
    if let Some(mut input) = child.stdin.take()
        && let Err(error) = input.write_all(&unix).await
    {
        // The exit status says more than a closed pipe does.
        tracing::debug!(error = ?error.to_string(), "mail program closed its input early");
    }
    child.wait().await
}

/// `sysexits.h`: 67 no such user, 65 and 64 bad data or usage, 75 and what else may pass.
fn verdict(code: Option<i32>) -> Outcome {
    let reason = code.map_or_else(
        || "the mail program was killed".to_owned(),
        |code| format!("the mail program ended with {code}"),
    );
    match code {
        Some(0) => Outcome::Delivered {
            reply: "taken by the mail program".to_owned(),
        },
        Some(67) => Outcome::refused(reason, Kind::Hard, "5.1.1"),
        Some(65) => Outcome::refused(reason, Kind::Policy, "5.6.0"),
        Some(64 | 69 | 77 | 78 | 126 | 127) => Outcome::Unavailable { reason },
        _ => Outcome::NotSent { reason },
    }
}
