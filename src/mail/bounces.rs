//! What comes back: takes a returned mail, finds whom it is about by the signed word in its address or by the Message-ID
//! of the mail it returns, counts it, and suppresses an address that is no good. Says nothing about mails that are not
//! ours, and blames no subscriber for a policy.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::AsyncReadExt as _;

use super::Mailer;
use crate::deliver::bounce::{self, Bounce, Kind};
use crate::digest::token;
use crate::model::{BounceHistory, SubscriberId, SubscriberRecord, SubscriberStanding};
use crate::store::{Result, Store};

/// Hard bounces that suppress, and how far apart they must be: one server's bad hour is not enough.
const HARD: usize = 2;
const HARD_APART: Duration = Duration::from_secs(86_400);
/// Deliveries in a row that bounce softly and suppress.
const SOFT: usize = 10;
/// More of a returned mail is not read: the report comes first.
const MOST_BYTES: u64 = 1 << 20;
/// Mails taken from the Maildir at once.
const MOST_MAILS: usize = 1000;

/// What became of a mail that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// No report of a failed delivery, or not about a mail of ours.
    NotOurs,
    /// The subscriber is not to blame.
    Policy {
        /// Row.
        subscriber: SubscriberId,
        /// Status code.
        status: String,
    },
    /// Counted.
    Counted {
        /// Row.
        subscriber: SubscriberId,
        /// The address is no good.
        hard: bool,
        /// It gets no more mail from now on.
        suppressed: bool,
    },
}

/// Takes one mail that came back.
///
/// # Errors
/// When the store fails.
pub async fn take(store: &Store, bytes: &[u8], now: Timestamp) -> Result<Taken> {
    let Some(bounce) = bounce::read(bytes) else {
        return Ok(Taken::NotOurs);
    };
    let Some(subscriber) = about(store, &bounce).await? else {
        return Ok(Taken::NotOurs);
    };
    count(store, &subscriber, (bounce.kind, &bounce.status), now).await
}

/// Whom a bounce is about.
async fn about(store: &Store, bounce: &Bounce) -> Result<Option<SubscriberRecord>> {
    for word in &bounce.words {
        let Some(claimed) = token::bounce_claimed(word) else {
            continue;
        };
        let Some(record) = store.subscriber(claimed).await? else {
            continue;
        };
        if token::read_bounce_word(&record.spec.digest, word, &store.secret_key()).is_some() {
            return store.present_subscriber(record.id).await;
        }
    }
    // A Message-ID of ours cannot be guessed: part of it is a keyed hash.
    let Some(id) = &bounce.message_id else {
        return Ok(None);
    };
    match store.message_by_id(id).await? {
        Some((_, subscriber)) => store.present_subscriber(subscriber).await,
        None => Ok(None),
    }
}

/// Counts a failure and suppresses where the rules say so.
pub(super) async fn count(
    store: &Store,
    record: &SubscriberRecord,
    (kind, status): (Kind, &str),
    now: Timestamp,
) -> Result<Taken> {
    let subscriber = record.id;
    if kind == Kind::Policy {
        tracing::error!(digest.id = ?record.spec.digest, subscriber.id = subscriber.0, smtp.code = ?status, "mail came back for what it is; see to it");
        return Ok(Taken::Policy {
            subscriber,
            status: status.to_owned(),
        });
    }
    let hard = kind == Kind::Hard;
    store.record_bounce(subscriber, hard, status, now).await?;
    let reason = reason(&store.bounce_history(subscriber).await?, status);
    let suppressed = record.standing == SubscriberStanding::Active && reason.is_some();
    if suppressed {
        store
            .set_standing(subscriber, SubscriberStanding::Suppressed, reason, now)
            .await?;
        tracing::warn!(digest.id = ?record.spec.digest, subscriber.id = subscriber.0, smtp.code = ?status, "subscriber suppressed");
    } else {
        tracing::info!(digest.id = ?record.spec.digest, subscriber.id = subscriber.0, smtp.code = ?status, "mail came back");
    }
    Ok(Taken::Counted {
        subscriber,
        hard,
        suppressed,
    })
}

/// Why an address gets no more mail, if so.
fn reason(history: &BounceHistory, status: &str) -> Option<String> {
    let apart = match (history.hard_at.first(), history.hard_at.last()) {
        (Some(first), Some(last)) => *last >= *first + HARD_APART,
        _ => false,
    };
    if apart && history.hard_at.len() >= HARD {
        Some(format!("bounced: no such address ({status})"))
    } else if history.soft_in_a_row >= SOFT {
        Some(format!("bounced: {SOFT} mails in a row ({status})"))
    } else {
        None
    }
}

impl Mailer {
    /// Takes what arrived in the Maildir for bounces. A mail is moved to `cur` once it is dealt with: after a crash it is
    /// taken again, and counting it twice decides nothing.
    pub(super) async fn take_returned(&self, now: Timestamp) {
        let mail = self.ground.config.mail.as_ref();
        let Some(folder) = mail.and_then(|mail| mail.bounce_maildir.as_deref()) else {
            return;
        };
        let arrived = match arrived(folder).await {
            Ok(arrived) => arrived,
            Err(error) => {
                tracing::warn!(error = ?error.to_string(), "the Maildir of bounces cannot be read");
                return;
            }
        };
        for path in arrived {
            if let Err(error) = self.take_one(folder, &path, now).await {
                tracing::warn!(error = ?format!("{error:#}"), "a returned mail was not taken, tried again in a minute");
            }
        }
    }

    async fn take_one(&self, folder: &Path, path: &Path, now: Timestamp) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        let file = tokio::fs::File::open(path).await?;
        file.take(MOST_BYTES).read_to_end(&mut bytes).await?;
        take(&self.store, &bytes, now).await?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(":2,S");
        tokio::fs::rename(path, folder.join("cur").join(name)).await?;
        Ok(())
    }
}

async fn arrived(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut entries = match tokio::fs::read_dir(folder.join("new")).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(paths),
        entries => entries?,
    };
    while let Some(entry) = entries.next_entry().await? {
        // A link could lead out of the Maildir.
        if entry.file_type().await?.is_file() {
            paths.push(entry.path());
        }
        if paths.len() >= MOST_MAILS {
            break;
        }
    }
    paths.sort();
    tokio::fs::create_dir_all(folder.join("cur")).await?;
    Ok(paths)
}
