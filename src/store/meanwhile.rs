//! What others did to a feed's row while its poll was under way: the poll knows the feed as it was when it was claimed.

use rusqlite::{Connection, OptionalExtension};

use super::feeds;
use super::row::Outcome;
use crate::model::{FeedStanding, FeedState, PushState};

/// The state with what others have done to it while the poll was under way: a subscription as hubs have left it, and
/// the operator's approval. None where nobody may have.
pub(super) fn merged(conn: &Connection, polled: &FeedState) -> Outcome<Option<FeedState>> {
    let sql = "SELECT callback IS NOT NULL FROM feed WHERE id = ?1";
    let subscribed: Option<bool> = conn
        .prepare_cached(sql)?
        .query_row([polled.id.0], |row| row.get(0))
        .optional()?;
    let pushed = subscribed == Some(true) || !polled.memory.pushes.is_empty();
    let held = polled.standing == FeedStanding::Quarantined || polled.memory.notice.is_some();
    if !pushed && !held {
        return Ok(None);
    }
    let stored = feeds::by_id(conn, polled.id)?;
    let mut state = polled.clone();
    if let Some(stored) = &stored {
        approve(&mut state, stored);
    }
    if pushed {
        let pushes = stored.map(|stored| stored.memory.pushes);
        state.memory.pushes = PushState::after_poll(pushes.unwrap_or_default(), &polled.memory);
    }
    Ok(Some(state))
}

/// What the operator approved meanwhile stays approved.
fn approve(state: &mut FeedState, stored: &FeedState) {
    if state.memory.approvals == stored.memory.approvals {
        return;
    }
    if state.standing == FeedStanding::Quarantined {
        state.standing = stored.standing;
    }
    let (after, now) = (&mut state.memory, &stored.memory);
    after.notice.clone_from(&now.notice);
    after.approved = now.approved;
    after.approvals = now.approvals;
    after.let_through.most = after.let_through.most.max(now.let_through.most);
}
