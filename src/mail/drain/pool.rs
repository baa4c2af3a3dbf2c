//! The messages claimed and not begun, shared by all connections: one claim serves them all, neighbours in the outbox are
//! settled together, and a slow connection holds none that another could send.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::MutexGuard;
use tokio::time::Instant;

use super::super::Mailer;
use super::Course;
use crate::model::{MessageId, OutboxMessage};
use crate::store::Result;

/// How long a claim holds: longer than [`STALE`] and all deadlines of one message on two connections together.
const LEASE: Duration = Duration::from_secs(3 * 3600);
/// What was claimed longer ago is given back instead of begun, by a clock that nobody sets.
const STALE: Duration = Duration::from_secs(10 * 60);
/// Messages claimed at once, where no limit per minute makes them wait. Only those on the wire are in doubt after a
/// crash; the others were never begun.
const CLAIM: usize = 16;

/// A message and when it was claimed.
pub(super) struct Claimed {
    pub(super) message: OutboxMessage,
    since: Instant,
}

impl Claimed {
    /// Too old to be begun.
    pub(super) fn is_stale(&self) -> bool {
        self.since.elapsed() > STALE
    }
}

/// Messages at hand, and the right to claim more.
#[derive(Default)]
pub(super) struct Pool {
    messages: Mutex<VecDeque<Claimed>>,
    /// Held by whoever claims.
    claiming: tokio::sync::Mutex<()>,
}

impl Pool {
    /// The next message, if one is at hand.
    pub(super) fn pop(&self) -> Option<Claimed> {
        self.change(VecDeque::pop_front)
    }

    fn change<T>(&self, change: impl FnOnce(&mut VecDeque<Claimed>) -> T) -> T {
        change(&mut self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Mailer {
    /// The next message: at hand, or claimed once it is its turn; none when nothing is due, or it is time to stop.
    pub(super) async fn next(&self, course: &Course<'_>) -> Result<Option<Claimed>> {
        let claiming = course.pool.claiming.lock().await;
        if let Some(claimed) = course.pool.pop() {
            return Ok(Some(claimed));
        }
        let Some(turn) = course.halt.before(self.turns.wait()).await else {
            return Ok(None);
        };
        let most = if turn.is_some() { 1 } else { CLAIM };
        let count = self.claim(course, most, &claiming).await?;
        if let Some(turn) = turn.filter(|_| count > 0) {
            turn.taken();
        }
        Ok(course.pool.pop())
    }

    /// Claims more where the connections are about to empty the pool and nobody else sees to it.
    pub(super) async fn claim_ahead(&self, course: &Course<'_>) -> Result<()> {
        let left = course.pool.change(|messages| messages.len());
        if self.turns.limited() || left >= course.config.connections {
            return Ok(());
        }
        let Ok(claiming) = course.pool.claiming.try_lock() else {
            return Ok(());
        };
        self.claim(course, CLAIM, &claiming).await.map(drop)
    }

    /// Claims up to `most` and says how many they are.
    async fn claim(
        &self,
        course: &Course<'_>,
        most: usize,
        _claiming: &MutexGuard<'_, ()>,
    ) -> Result<usize> {
        let (now, in_hand) = (self.ground.clock.now(), self.in_hand());
        let claimed = self
            .store
            .claim_messages(now, now + LEASE, most, in_hand)
            .await?;
        self.hand(|hand| hand.extend(claimed.iter().map(|message| message.id)));
        let (count, since) = (claimed.len(), Instant::now());
        let claimed = claimed
            .into_iter()
            .map(|message| Claimed { message, since });
        course.pool.change(|messages| messages.extend(claimed));
        Ok(count)
    }

    fn in_hand(&self) -> Vec<MessageId> {
        self.hand(|hand| hand.iter().copied().collect())
    }
}
