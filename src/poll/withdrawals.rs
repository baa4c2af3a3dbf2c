//! Entries that a publisher takes back: what a document says of it, with the feed as the poll leaves it. A document that
//! calls itself complete (RFC 5005) says it of all that it lacks; of any other, only where the operator follows that.

use std::collections::HashSet;

use super::Parts;
use super::one::Told;
use crate::model::{FeedId, FeedStanding, FeedState, Listed};
use crate::schedule::{AnswerKind, entry_mark};
use crate::store::Result;

/// Keys of the entries that `told` takes back; what is to be watched from now on goes into the feed's new state.
pub(super) async fn of(parts: &Parts, after: &mut FeedState, told: &Told) -> Result<Vec<String>> {
    let follows = parts.settings.feed(&after.key).withdrawals;
    let memory = &mut after.memory;
    let AnswerKind::Document(document) = &told.answer.kind else {
        memory.withdrawals = memory.withdrawals.take().filter(|_| follows);
        return Ok(Vec::new());
    };
    let sound = document.repairs.is_empty()
        && memory.reused_keys.is_empty()
        && after.standing == FeedStanding::Active;
    if document.hints.complete {
        memory.withdrawals = None;
        let all = sound && !told.entries.is_empty();
        return if all {
            lacking(parts, after.id, told).await
        } else {
            Ok(Vec::new())
        };
    }
    if !follows {
        memory.withdrawals = None;
        return Ok(Vec::new());
    }
    let listed = told.entries.iter().map(|one| Listed {
        key: one.entry.key.clone(),
        dated_at: one.entry.published_at.or(one.entry.updated_at),
    });
    let before = memory.withdrawals.take().unwrap_or_default();
    let (watched, withdrawn) = parts.matcher.withdrawn(&before, listed.collect(), sound);
    memory.withdrawals = Some(watched);
    Ok(withdrawn)
}

/// What readers see of `feed` and its complete document lacks (R3.7), but for what a hub brought and no document has had
/// yet: that may be newer than this one.
async fn lacking(parts: &Parts, feed: FeedId, told: &Told) -> Result<Vec<String>> {
    let listed: HashSet<&str> = told
        .entries
        .iter()
        .map(|one| one.entry.key.as_str())
        .collect();
    let mut shown = parts.store.shown_keys(feed).await?;
    // As stored, and only now: hubs bring entries while a poll is under way, and what the poll has judged may be forgotten.
    let stored = parts.store.feed_by_id(feed).await?;
    let pushes = stored.map(|feed| feed.memory.pushes).unwrap_or_default();
    let pushed = |key: &str| {
        let mark = entry_mark(key);
        pushes.iter().any(|push| push.delivered.contains(&mark))
    };
    shown.retain(|key| !listed.contains(key.as_str()) && !pushed(key));
    Ok(shown)
}
