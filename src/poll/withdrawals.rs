//! Entries that a publisher takes back, where the operator wants to follow it: what a document says of it, with the
//! feed as the poll leaves it.

use super::Parts;
use super::one::Told;
use crate::model::{FeedStanding, FeedState, Listed};
use crate::schedule::AnswerKind;

/// Keys of the entries that `told` takes back; what is to be watched from now on goes into the feed's new state.
pub(super) fn of(parts: &Parts, after: &mut FeedState, told: &Told) -> Vec<String> {
    let memory = &mut after.memory;
    if !parts.settings.feed(&after.key).withdrawals {
        memory.withdrawals = None;
        return Vec::new();
    }
    let AnswerKind::Document(document) = &told.answer.kind else {
        return Vec::new();
    };
    let sound = document.repairs.is_empty()
        && memory.reused_keys.is_empty()
        && after.standing == FeedStanding::Active;
    let listed = told.entries.iter().map(|one| Listed {
        key: one.entry.key.clone(),
        dated_at: one.entry.published_at.or(one.entry.updated_at),
    });
    let before = memory.withdrawals.take().unwrap_or_default();
    let (watched, withdrawn) = parts.matcher.withdrawn(&before, listed.collect(), sound);
    memory.withdrawals = Some(watched);
    withdrawn
}
