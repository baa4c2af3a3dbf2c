//! Draining the outbox: connections that claim, send and settle, each its own messages. A reply is recorded before the
//! next message is begun; on stop, replies in flight are waited for as long as the grace lasts and what was only
//! claimed goes back.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Look, Mailer, bounces};
use crate::config::MailConfig;
use crate::deliver::bounce::Kind;
use crate::deliver::{Deliverer, Halt, Line, Outcome, settled};
use crate::model::{Disposition, MessageId, OutboxMessage};
use crate::store::{Result, StoreError};

/// How long a claim holds: longer than [`STALE`] and all deadlines of one message on two connections together.
const LEASE: Duration = Duration::from_secs(3 * 3600);
/// What was claimed longer ago is given back instead of begun, by a clock that nobody sets.
const STALE: Duration = Duration::from_secs(10 * 60);
/// Messages claimed at once, where no limit per minute makes them wait. Only the one on the wire is in doubt after a
/// crash; the others were never begun.
const CLAIM: usize = 4;
/// Pauses before an outcome is recorded that the store did not take: the first, and the longest.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// What all connections go by.
struct Course<'a> {
    deliverer: &'a Deliverer,
    config: &'a MailConfig,
    halt: Halt,
    /// Connections open or being opened.
    open: AtomicUsize,
}

/// A line with the messages begun on it; counted among the open ones while it lives.
struct Opened<'a> {
    line: Line,
    begun: usize,
    _place: Place<'a>,
}

/// A place among the open connections.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(open: &'a AtomicUsize) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection's state.
#[derive(Default)]
struct Way<'a> {
    opened: Option<Opened<'a>>,
    /// The server takes no further connection beside those it has.
    crowded: bool,
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
        let course = Course {
            deliverer,
            config: mail,
            halt: Halt::new(stop.clone(), self.grace),
            open: AtomicUsize::new(0),
        };
        // The connections live inside this future: leaving it means all have ended.
        let ended = join_all((0..mail.connections.max(1)).map(|_| self.connection(&course))).await;
        ended.into_iter().collect()
    }

    async fn connection(&self, course: &Course<'_>) -> Result<()> {
        let mut way = Way::default();
        let mut outcome = Ok(());
        while outcome.is_ok() && !way.crowded && !self.held(course) {
            let claimed = match self.claim(course).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            };
            if claimed.is_empty() {
                break;
            }
            outcome = self.send_all(course, &mut way, claimed).await;
        }
        if let Some(opened) = way.opened {
            course.halt.within(opened.line.close()).await;
        }
        outcome
    }

    /// Whether nothing is to be begun now.
    fn held(&self, course: &Course<'_>) -> bool {
        course.halt.is_asked() || self.paused()
    }

    /// The next messages, once it is their turn.
    async fn claim(&self, course: &Course<'_>) -> Result<Vec<OutboxMessage>> {
        let Some(turn) = course.halt.before(self.turns.wait()).await else {
            return Ok(Vec::new());
        };
        let most = if turn.is_some() { 1 } else { CLAIM };
        let (now, in_hand) = (self.ground.clock.now(), self.in_hand());
        let claimed = self
            .store
            .claim_messages(now, now + LEASE, most, in_hand)
            .await?;
        self.hand(|hand| hand.extend(claimed.iter().map(|message| message.id)));
        if let Some(turn) = turn.filter(|_| !claimed.is_empty()) {
            turn.taken();
        }
        Ok(claimed)
    }

    fn in_hand(&self) -> Vec<MessageId> {
        self.hand(|hand| hand.iter().copied().collect())
    }

    fn hand<T>(&self, change: impl FnOnce(&mut std::collections::HashSet<MessageId>) -> T) -> T {
        change(&mut self.in_hand.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends and settles every one of `claimed`, or gives it back; the first failure of the store is told at the end.
    async fn send_all<'a>(
        &self,
        course: &'a Course<'_>,
        way: &mut Way<'a>,
        claimed: Vec<OutboxMessage>,
    ) -> Result<()> {
        let (since, mut ended) = (Instant::now(), Ok(()));
        for message in claimed {
            let held = ended.is_err() || way.crowded || self.held(course);
            let (disposition, blame) = if held || since.elapsed() > STALE {
                let retry_at = self.ground.clock.now();
                (Disposition::Released { retry_at }, None)
            } else {
                let outcome = attempt(course, way, &message).await;
                let blame = blamed(&outcome);
                (self.judge(&message, outcome), blame)
            };
            let recorded = self.record(course, &message, disposition, blame).await;
            self.hand(|hand| hand.remove(&message.id));
            ended = ended.and(recorded);
        }
        ended
    }

    /// Records what became of a message, and counts it against the subscriber where it is to blame.
    async fn record(
        &self,
        course: &Course<'_>,
        message: &OutboxMessage,
        disposition: Disposition,
        blame: Option<(Kind, String)>,
    ) -> Result<()> {
        if !self.settle(course, message, disposition).await? {
            tracing::warn!(
                message.id = message.id.0,
                "lease was lost before the outcome could be recorded"
            );
            return Ok(());
        }
        let Some((kind, status)) = blame else {
            return Ok(());
        };
        let Some(record) = self.store.subscriber(message.subscriber).await? else {
            return Ok(());
        };
        // Refused to our face is a bounce like one that comes by mail.
        let now = self.ground.clock.now();
        bounces::count(&self.store, &record, (kind, &status), now).await?;
        Ok(())
    }

    /// Settles until the store takes it or the end comes: a delivery that is not on record is made again.
    async fn settle(
        &self,
        course: &Course<'_>,
        message: &OutboxMessage,
        disposition: Disposition,
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

    fn paused(&self) -> bool {
        self.pause_until()
            .is_some_and(|until| until > self.ground.clock.now())
    }
}

/// One message on the open line, or on a new one. A session that the server ended is begun again once, at no cost.
async fn attempt<'a>(
    course: &'a Course<'_>,
    way: &mut Way<'a>,
    message: &OutboxMessage,
) -> Outcome {
    for _ in 0..2 {
        let most = course.config.per_connection.max(1);
        if let Some(worn) = way
            .opened
            .take_if(|opened| !opened.line.usable() || opened.begun >= most)
        {
            course.halt.within(worn.line.close()).await;
        }
        let opened = match &mut way.opened {
            Some(opened) => opened,
            None => match open(course).await {
                Ok(opened) => way.opened.insert(opened),
                Err(outcome) => {
                    way.crowded = matches!(outcome, Outcome::Stopped { .. });
                    return outcome;
                }
            },
        };
        opened.begun += 1;
        match opened.line.send(message, &course.halt).await {
            Outcome::Closed { .. } => {}
            outcome => return outcome,
        }
    }
    Outcome::NotSent {
        reason: "the server ended two sessions in a row".to_owned(),
    }
}

/// A new line. Where the server refuses it and has others of ours, it is one too many, and those go on.
async fn open<'a>(course: &'a Course<'_>) -> std::result::Result<Opened<'a>, Outcome> {
    let stopped = |reason: String| Outcome::Stopped { reason };
    let place = Place::take(&course.open);
    let Some(opened) = course.halt.before(course.deliverer.open()).await else {
        return Err(stopped("stopped while connecting".to_owned()));
    };
    match opened {
        Ok(line) => Ok(Opened {
            line,
            begun: 0,
            _place: place,
        }),
        Err(outcome) if course.open.load(Ordering::Relaxed) > 1 => {
            let reason = outcome.reason();
            tracing::info!(reply = ?reason, "one connection to the mail server less: it refused another");
            Err(stopped(reason.to_owned()))
        }
        Err(outcome) => Err(outcome),
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
    let outcome = line.send(message, &Halt::never()).await;
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
