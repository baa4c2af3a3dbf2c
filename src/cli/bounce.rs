//! `bounce`: one returned mail on standard input, as a mail server's alias pipes it; says what became of it. A mail that
//! is not about one of ours is no failure: the mail server would return the return.

use std::io::Read;

use anyhow::Context as _;
use jiff::Timestamp;

use super::{Exit, Output};
use crate::mail::bounces::{self, Taken};
use crate::store::Store;

/// More of a mail is not read.
const MOST_BYTES: u64 = 1 << 20;

/// Takes the mail on `input`.
///
/// # Errors
/// When it cannot be read or the store fails.
pub async fn run(
    store: &Store,
    now: Timestamp,
    input: &mut dyn Read,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let mut bytes = Vec::new();
    input
        .take(MOST_BYTES)
        .read_to_end(&mut bytes)
        .context("reading standard input")?;
    out.line(&match bounces::take(store, &bytes, now).await? {
        Taken::NotOurs => "no bounce of a mail of ours".to_owned(),
        Taken::Policy { subscriber, status } => {
            format!(
                "subscriber {}: refused by policy ({status}), not counted",
                subscriber.0
            )
        }
        Taken::Counted {
            subscriber,
            hard,
            suppressed,
        } => {
            let kind = if hard { "hard" } else { "soft" };
            let then = if suppressed { ", suppressed now" } else { "" };
            format!("subscriber {}: {kind} bounce{then}", subscriber.0)
        }
    })?;
    Ok(Exit::Fine)
}
