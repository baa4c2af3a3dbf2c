//! `feedmill feeds addresses FEED`: where it was polled before, kept for ever (R2.11).

use jiff::Timestamp;

use super::health::{day, without_secrets};
use super::unknown;
use crate::cli::{Exit, Output};
use crate::model::{AddressChange, MoveReason};
use crate::store::Store;

/// One change as shown.
#[derive(Debug, serde::Serialize)]
struct Shown<'a> {
    left_at: Timestamp,
    url: &'a str,
    next_url: &'a str,
    why: &'static str,
    times: Option<u32>,
    since_at: Option<Timestamp>,
}

/// Shows the changes, the first one first, and where the feed is polled now.
///
/// # Errors
/// When the store or standard output fails.
pub(super) async fn run(
    store: &Store,
    name: &str,
    (json, out): (bool, &mut Output),
) -> anyhow::Result<Exit> {
    let Some(feed) = store.feed(name).await? else {
        return unknown(name, out);
    };
    let changes = store.address_changes(feed.id).await?;
    if json {
        let shown: Vec<Shown<'_>> = changes.iter().map(shown).collect();
        out.json(&shown)?;
        return Ok(Exit::Fine);
    }
    for change in &changes {
        out.line(&format!(
            "{}  until {} ({})",
            without_secrets(&change.url),
            day(change.left_at),
            words(&change.why)
        ))?;
    }
    out.line(&format!("{}  now", without_secrets(&feed.url)))?;
    Ok(Exit::Fine)
}

fn shown(change: &AddressChange) -> Shown<'_> {
    let why = match change.why {
        MoveReason::Redirected { .. } => "redirected",
        MoveReason::Announced { .. } => "announced",
        MoveReason::Configured => "configured",
        MoveReason::Earlier => "earlier",
    };
    let proof = proof(&change.why);
    Shown {
        left_at: change.left_at,
        url: without_secrets(&change.url),
        next_url: without_secrets(&change.next_url),
        why,
        times: proof.map(|(times, _)| times),
        since_at: proof.map(|(_, since_at)| since_at),
    }
}

/// How often the publisher said so, and since when.
fn proof(why: &MoveReason) -> Option<(u32, Timestamp)> {
    match *why {
        MoveReason::Redirected { times, since_at } | MoveReason::Announced { times, since_at } => {
            Some((times, since_at))
        }
        MoveReason::Configured | MoveReason::Earlier => None,
    }
}

fn words(why: &MoveReason) -> String {
    let cause = match why {
        MoveReason::Redirected { .. } => "its server redirected for good",
        MoveReason::Announced { .. } => "its document announced it",
        MoveReason::Configured => "changed in the config",
        MoveReason::Earlier => "before reasons were kept",
    };
    let proof =
        proof(why).map(|(times, since_at)| format!(", {times} times since {}", day(since_at)));
    format!("{cause}{}", proof.unwrap_or_default())
}
