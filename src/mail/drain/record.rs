//! What became of a message, judged and recorded: told to the operator, settled in the outbox however long the store
//! takes, and counted against the subscriber where that is to blame.

use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;

use super::super::{Mailer, bounces};
use super::Course;
use crate::deliver::bounce::Kind;
use crate::deliver::{Outcome, settled};
use crate::model::{Disposition, OutboxMessage};
use crate::store::{Result, StoreError};

/// Pauses before an outcome is recorded that the store did not take: the first, and the longest.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// A message and what became of it.
pub(super) struct Sent {
    message: OutboxMessage,
    disposition: Disposition,
    /// What counts against the subscriber.
    blame: Option<(Kind, String)>,
}

impl Sent {
    /// A message that was not begun: due again at once.
    pub(super) fn back(message: OutboxMessage, retry_at: Timestamp) -> Self {
        Self {
            message,
            disposition: Disposition::Released { retry_at },
            blame: None,
        }
    }
}

impl Mailer {
    /// Records what became of a message, and counts it against the subscriber where it is to blame.
    pub(super) async fn record(&self, course: &Course<'_>, sent: Option<Sent>) -> Result<()> {
        let Some(sent) = sent else {
            return Ok(());
        };
        let recorded = self.settle_and_count(course, &sent).await;
        self.hand(|hand| hand.remove(&sent.message.id));
        recorded
    }

    async fn settle_and_count(&self, course: &Course<'_>, sent: &Sent) -> Result<()> {
        let message = &sent.message;
        if !self.settle(course, message, &sent.disposition).await? {
            tracing::warn!(
                message.id = message.id.0,
                "lease was lost before the outcome could be recorded"
            );
            return Ok(());
        }
        let (Some((kind, status)), Some(subscriber)) = (&sent.blame, message.subscriber) else {
            return Ok(());
        };
        let Some(record) = self.store.subscriber(subscriber).await? else {
            return Ok(());
        };
        // Refused to our face is a bounce like one that comes by mail.
        let now = self.ground.clock.now();
        bounces::count(&self.store, &record, (*kind, status), now).await?;
        Ok(())
    }

    /// Settles until the store takes it or the end comes: a delivery that is not on record is made again.
    async fn settle(
        &self,
        course: &Course<'_>,
        message: &OutboxMessage,
        disposition: &Disposition,
    ) -> Result<bool> {
        let mut pause = AGAIN.0;
        loop {
            let now = self.ground.clock.now();
            let (id, lease) = (message.id, message.lease);
            let settled = self
                .store
                .settle_message(id, lease, disposition.clone(), now);
            let error = match settled.await {
                Err(error) if !matches!(error, StoreError::Closed) => error,
                settled => return settled,
            };
            tracing::error!(message.id = id.0, error = ?format!("{error:#}"), "what became of a mail could not be recorded, tried again");
            if course.halt.is_asked() {
                return Err(error);
            }
            course.halt.before(tokio::time::sleep(pause)).await;
            pause = (pause * 2).min(AGAIN.1);
        }
    }

    /// Tells the operator, the metrics and the pause; gives what is to be recorded.
    pub(super) fn judge(&self, message: OutboxMessage, outcome: Outcome) -> Sent {
        let blame = blamed(&outcome);
        let disposition = self.disposition(&message, outcome);
        Sent {
            message,
            disposition,
            blame,
        }
    }

    fn disposition(&self, message: &OutboxMessage, outcome: Outcome) -> Disposition {
        let now = self.ground.clock.now();
        self.ground.metrics.mail(outcome.word());
        let (id, word, reason) = (message.id.0, outcome.word(), outcome.reason().to_owned());
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Outcome::Unavailable { .. } => {
                let retry_at = pause.fail(now, &reason);
                tracing::error!(message.id = id, disposition = word, retry_at = ?retry_at, reply = ?reason, "mail is paused");
                return Disposition::Released { retry_at };
            }
            Outcome::Stopped { .. } => {
                tracing::debug!(message.id = id, disposition = word, reply = ?reason, "mail given back");
            }
            Outcome::Refused {
                kind: Kind::Policy, ..
            } => {
                tracing::error!(message.id = id, disposition = word, reply = ?reason, "mail refused for what it is; see to it");
            }
            Outcome::Delivered { .. } => {
                pause.succeed();
                tracing::info!(message.id = id, disposition = word, reply = ?reason, "mail delivered");
            }
            _ => {
                tracing::warn!(message.id = id, disposition = word, reply = ?reason, "mail not delivered")
            }
        }
        settled(outcome, message.attempts, now, draw(message))
    }
}

/// What counts against the subscriber: a refusal that is not the operator's to see to.
fn blamed(outcome: &Outcome) -> Option<(Kind, String)> {
    match outcome {
        Outcome::Refused { kind, status, .. } if *kind != Kind::Policy => {
            Some((*kind, status.clone()))
        }
        _ => None,
    }
}

/// A number in 0..1 that differs between messages and attempts: spreads retries without a random source.
fn draw(message: &OutboxMessage) -> f64 {
    let hash = blake3::hash(format!("{}\0{}", message.message_id, message.attempts).as_bytes());
    let word = hash
        .as_bytes()
        .first_chunk::<4>()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes));
    f64::from(word) / f64::from(u32::MAX)
}
