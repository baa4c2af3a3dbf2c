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
    #[serde(flatten)]
    why: Why,
}

/// Why, with how it was proved.
#[derive(Debug, serde::Serialize)]
struct Why {
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
    let shown: Vec<Shown<'_>> = changes.iter().map(shown).collect();
    if json {
        out.json(&shown)?;
        return Ok(Exit::Fine);
    }
    for change in &shown {
        out.line(&format!(
            "{}  until {} ({})",
            change.url,
            day(change.left_at),
            words(&change.why)
        ))?;
    }
    out.line(&format!("{}  now", without_secrets(&feed.url)))?;
    Ok(Exit::Fine)
}

fn shown(change: &AddressChange) -> Shown<'_> {
    let why = |why, proof: Option<(u32, Timestamp)>| Why {
        why,
        times: proof.map(|(times, _)| times),
        since_at: proof.map(|(_, since_at)| since_at),
    };
    Shown {
        left_at: change.left_at,
        url: without_secrets(&change.url),
        next_url: without_secrets(&change.next_url),
        why: match change.why {
            MoveReason::Redirected { times, since_at } => {
                why("redirected", Some((times, since_at)))
            }
            MoveReason::Announced { times, since_at } => why("announced", Some((times, since_at))),
            MoveReason::Configured => why("configured", None),
            MoveReason::Earlier => why("earlier", None),
        },
    }
}

fn words(why: &Why) -> String {
    let proof = match (why.times, why.since_at) {
        (Some(times), Some(since_at)) => format!(", {times} times since {}", day(since_at)),
        _ => String::new(),
    };
    let cause = match why.why {
        "redirected" => "its server redirected for good",
        "announced" => "its document announced it",
        "configured" => "changed in the config",
        _ => "before reasons were kept",
    };
    format!("{cause}{proof}")
}
