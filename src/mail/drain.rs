//! Draining the outbox: connections that send and settle, one message each at a time, out of one pool. A reply is
//! recorded while the next message's envelope is told, and before its body leaves; on stop, replies in flight are waited
//! for as long as the grace lasts and what was only claimed goes back.

mod lighten;
mod pool;
mod record;

use std::collections::HashSet;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join3;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use self::pool::{Claimed, Pool};
use self::record::Sent;
use super::{Look, Mailer};
use crate::config::MailConfig;
use crate::deliver::{Deliverer, Halt, Latch, Line, Outcome};
use crate::model::{MessageId, OutboxMessage};
use crate::store::Result;

/// How long a body waits for the record of the message before it: no server hangs up sooner, not even under load.
const PATIENCE: Duration = Duration::from_secs(5);

/// What all connections go by.
struct Course<'a> {
    deliverer: &'a Deliverer,
    config: &'a MailConfig,
    halt: Halt,
    /// Connections open or being opened.
    open: AtomicUsize,
    pool: Pool,
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
struct Way<'a> {
    opened: Option<Opened<'a>>,
    /// The server takes no further connection beside those it has.
    crowded: bool,
    /// The first failure of the store.
    ended: Result<()>,
    /// The last message, until what became of it is on record.
    unrecorded: Option<Sent>,
}

impl Way<'_> {
    /// What the store gave; none when it failed, which is told at the end.
    fn noted<T>(&mut self, done: Result<T>) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(error) => {
                if self.ended.is_ok() {
                    self.ended = Err(error);
                }
                None
            }
        }
    }
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
            pool: Pool::default(),
        };
        // The connections live inside this future: leaving it means all have ended.
        let connections = (0..mail.connections.max(1)).map(|_| self.connection(&course));
        // Only the one that has something to do is looked at.
        let connections: FuturesUnordered<_> = connections.collect();
        let ended: Vec<Result<()>> = connections.collect().await;
        let mut ended: Result<()> = ended.into_iter().collect();
        while let Some(Claimed { message, .. }) = course.pool.pop() {
            let back = Sent::back(message, self.ground.clock.now());
            ended = ended.and(self.record(&course, Some(back)).await);
        }
        ended
    }

    async fn connection(&self, course: &Course<'_>) -> Result<()> {
        let mut way = Way {
            opened: None,
            crowded: false,
            ended: Ok(()),
            unrecorded: None,
        };
        while !self.held(course, &way) {
            let next = match course.pool.pop() {
                Some(next) => next,
                None => {
                    // The next one may have to wait for its turn: all that was sent is on record by then.
                    let recorded = self.record(course, way.unrecorded.take()).await;
                    way.noted(recorded);
                    let next = self.next(course).await;
                    match way.noted(next).flatten() {
                        Some(next) => next,
                        None => break,
                    }
                }
            };
            self.send_next(course, &mut way, next).await;
        }
        let recorded = self.record(course, way.unrecorded.take()).await;
        way.noted(recorded);
        if let Some(opened) = way.opened {
            course.halt.within(opened.line.close()).await;
        }
        way.ended
    }

    /// Whether nothing is to be begun now.
    fn held(&self, course: &Course<'_>, way: &Way<'_>) -> bool {
        way.ended.is_err() || way.crowded || course.halt.is_asked() || self.paused()
    }

    fn hand<T>(&self, change: impl FnOnce(&mut HashSet<MessageId>) -> T) -> T {
        change(&mut self.in_hand.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a message, or gives it back, while what became of the one before it is recorded and more are claimed.
    async fn send_next<'a>(&self, course: &'a Course<'_>, way: &mut Way<'a>, next: Claimed) {
        let (word, mut latch) = Latch::new(PATIENCE);
        let before = way.unrecorded.take();
        let record = async {
            let recorded = self.record(course, before).await;
            // Nobody waits for the word where the envelope was refused.
            word.send(recorded.is_ok()).ok();
            recorded
        };
        let send = self.send_one(course, way, next, &mut latch);
        let (recorded, sent, more) = join3(record, send, self.claim_ahead(course)).await;
        way.unrecorded = Some(sent);
        way.noted(recorded);
        way.noted(more);
    }

    /// Sends a message, or gives it back where it has become too old or it is time to stop.
    async fn send_one<'a>(
        &self,
        course: &'a Course<'_>,
        way: &mut Way<'a>,
        next: Claimed,
        latch: &mut Latch,
    ) -> Sent {
        let is_stale = next.is_stale();
        let message = next.message;
        if self.held(course, way) || is_stale {
            return Sent::back(message, self.ground.clock.now());
        }
        let outcome = attempt(course, way, &message, latch).await;
        let Some(light) = self.lightened(way, &message, &outcome).await else {
            return self.judge(message, outcome);
        };
        let outcome = attempt(course, way, &light, latch).await;
        self.judge(light, outcome)
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
    latch: &mut Latch,
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
        match opened.line.send_through(message, &course.halt, latch).await {
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
            edition: None,
            subscriber: None,
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
