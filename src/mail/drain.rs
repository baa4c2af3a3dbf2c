//! Draining the outbox: connections that claim, send and settle, each its own messages. A reply is recorded before the
//! next message is begun; on stop, replies in flight are waited for and what was only claimed goes back.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::pace::Turns;
use super::{Look, Mailer, bounces};
use crate::config::MailConfig;
use crate::deliver::bounce::Kind;
use crate::deliver::{Deliverer, Line, Outcome, settled};
use crate::model::{Disposition, OutboxMessage};
use crate::store::Result;

/// How long a claim holds: longer than all deadlines of one message together.
const LEASE: Duration = Duration::from_secs(40 * 60);
/// Messages claimed at once. Only the one on the wire is in doubt after a crash; the others were never begun.
const CLAIM: usize = 4;

/// What one connection goes by.
struct Course<'a> {
    deliverer: &'a Deliverer,
    config: &'a MailConfig,
    turns: &'a Turns,
    stop: &'a CancellationToken,
}

impl Mailer {
    /// Sends what is due, until nothing is, the queue pauses, or `stop`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn drain(&self, stop: &CancellationToken) -> Result<()> {
        let config = self.ground.config.clone();
        let (Some(deliverer), Some(mail)) = (&self.deliverer, &config.mail) else {
            return Ok(());
        };
        let turns = Turns::per_minute(mail.rate_per_minute);
        let course = Course {
            deliverer,
            config: mail,
            turns: &turns,
            stop,
        };
        // The connections live inside this future: leaving it means all have ended.
        let ended = join_all((0..mail.connections.max(1)).map(|_| self.connection(&course))).await;
        ended.into_iter().collect()
    }

    async fn connection(&self, course: &Course<'_>) -> Result<()> {
        let mut line: Option<(Line, usize)> = None;
        let mut outcome = Ok(());
        while !course.stop.is_cancelled() && !self.paused() {
            let now = self.ground.clock.now();
            let claimed = self.store.claim_messages(now, now + LEASE, CLAIM).await?;
            if claimed.is_empty() {
                break;
            }
            outcome = self.send_all(course, &mut line, claimed).await;
            if outcome.is_err() {
                break;
            }
        }
        if let Some((line, _)) = line {
            line.close().await;
        }
        outcome
    }

    async fn send_all(
        &self,
        course: &Course<'_>,
        line: &mut Option<(Line, usize)>,
        claimed: Vec<OutboxMessage>,
    ) -> Result<()> {
        for message in claimed {
            let mut blame = None;
            let disposition = if course.stop.is_cancelled() || self.paused() {
                Disposition::Released {
                    retry_at: self.ground.clock.now(),
                }
            } else {
                course.turns.wait().await;
                let outcome = attempt(course, line, &message).await;
                blame = blamed(&outcome);
                self.judge(&message, outcome)
            };
            let now = self.ground.clock.now();
            if !self
                .store
                .settle_message(message.id, message.lease, disposition, now)
                .await?
            {
                tracing::warn!(
                    message.id = message.id.0,
                    "lease was lost before the outcome could be recorded"
                );
            } else if let Some((kind, status)) = blame
                && let Some(record) = self.store.subscriber(message.subscriber).await?
            {
                // Refused to our face is a bounce like one that comes by mail.
                bounces::count(&self.store, &record, (kind, &status), now).await?;
            }
        }
        Ok(())
    }

    /// Tells the operator, the metrics and the pause; gives what the row becomes.
    fn judge(&self, message: &OutboxMessage, outcome: Outcome) -> Disposition {
        let now = self.ground.clock.now();
        self.ground.metrics.mail(outcome.word());
        let (id, word, reason) = (message.id.0, outcome.word(), outcome.reason().to_owned());
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Outcome::Unavailable { .. } => {
                let retry_at = pause.fail(now);
                tracing::error!(message.id = id, disposition = word, retry_at = ?retry_at, reply = ?reason, "mail is paused");
                return Disposition::Released { retry_at };
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

    fn paused(&self) -> bool {
        self.pause_until()
            .is_some_and(|until| until > self.ground.clock.now())
    }
}

/// One message on the open line, or on a new one. A session that the server ended is begun again once, at no cost.
async fn attempt(
    course: &Course<'_>,
    line: &mut Option<(Line, usize)>,
    message: &OutboxMessage,
) -> Outcome {
    for _ in 0..2 {
        if let Some((worn, _)) = line
            .take_if(|(line, sent)| !line.usable() || *sent >= course.config.per_connection.max(1))
        {
            worn.close().await;
        }
        let (open, sent) = match line {
            Some((open, sent)) => (open, sent),
            None => match course.deliverer.open().await {
                Ok(open) => {
                    let (open, sent) = line.insert((open, 0));
                    (open, sent)
                }
                Err(outcome) => return outcome,
            },
        };
        *sent += 1;
        match open.send(message).await {
            Outcome::Closed { .. } => {}
            outcome => return outcome,
        }
    }
    Outcome::NotSent {
        reason: "the server ended two sessions in a row".to_owned(),
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

/// Sends one message at once, outside the outbox: a test copy.
///
/// # Errors
/// The outcome, where it was not delivered.
pub(super) async fn send_now(
    deliverer: &Deliverer,
    message: &OutboxMessage,
) -> std::result::Result<String, Outcome> {
    let mut line = deliverer.open().await?;
    let outcome = line.send(message).await;
    line.close().await;
    match outcome {
        Outcome::Delivered { reply } => Ok(reply),
        other => Err(other),
    }
}

impl Mailer {
    /// Sends a test copy of the coming edition to `address`; records nothing.
    ///
    /// # Errors
    /// One line for people.
    pub async fn send_test(
        &self,
        digest: &str,
        address: &str,
        now: Timestamp,
    ) -> std::result::Result<String, String> {
        let deliverer = self.deliverer.as_ref().ok_or("the config has no [mail]")?;
        let preview = self
            .preview(
                digest,
                Look {
                    to: Some(address),
                    ..Look::default()
                },
                now,
            )
            .await
            .map_err(|error| format!("{error:?}"))?;
        let message = OutboxMessage {
            id: crate::model::MessageId(0),
            edition: crate::model::EditionId(0),
            subscriber: crate::model::SubscriberId(0),
            message_id: format!("test.{}", now.as_millisecond()),
            envelope_from: preview.envelope_from,
            envelope_to: crate::digest::message::ascii_address(address),
            bytes: preview.bytes,
            attempts: 0,
            queued_at: now,
            lease: 0,
        };
        send_now(deliverer, &message)
            .await
            .map_err(|outcome| outcome.reason().to_owned())
    }
}
