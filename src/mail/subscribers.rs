//! What a subscriber can do with a signed address: leave. Takes a token, proves it, acts on the store; tells a stranger
//! nothing.

use jiff::Timestamp;

use crate::digest::token;
use crate::model::{SubscriberRecord, SubscriberStanding};
use crate::store::{Result, Store};

/// Whom a token speaks for, if it was made here: for the page that GET shows. Changes nothing.
///
/// # Errors
/// When the store fails.
pub async fn holder(store: &Store, word: &str) -> Result<Option<SubscriberRecord>> {
    let Some(claimed) = token::claimed(word) else {
        return Ok(None);
    };
    let Some(record) = store.subscriber(claimed).await? else {
        return Ok(None);
    };
    let proven = token::read(
        token::UNSUBSCRIBE,
        &record.spec.digest,
        word,
        &store.secret_key(),
    );
    match proven {
        Some(_) => under_new_name(store, record).await.map(Some),
        None => Ok(None),
    }
}

/// Renames followed at most: a circle of them ends.
const RENAMES: usize = 8;

/// The address in an old mail must work after its digest got another name, too.
async fn under_new_name(store: &Store, mut record: SubscriberRecord) -> Result<SubscriberRecord> {
    for _ in 0..RENAMES {
        if record.standing != SubscriberStanding::Removed {
            break;
        }
        let Some(next) = store.successor(record.id).await? else {
            break;
        };
        let Some(next) = store.subscriber(next).await? else {
            break;
        };
        record = next;
    }
    Ok(record)
}

/// Unsubscribes the token's holder (RFC 8058: on POST only); queued messages are withdrawn in the same commit. Doing it
/// twice is doing it once. None when the token is not ours.
///
/// # Errors
/// When the store fails.
pub async fn unsubscribe(
    store: &Store,
    word: &str,
    now: Timestamp,
) -> Result<Option<SubscriberRecord>> {
    let Some(record) = holder(store, word).await? else {
        return Ok(None);
    };
    if !matches!(
        record.standing,
        SubscriberStanding::Unsubscribed | SubscriberStanding::Removed
    ) {
        let reason = Some("asked to leave".to_owned());
        store
            .set_standing(record.id, SubscriberStanding::Unsubscribed, reason, now)
            .await?;
        tracing::info!(digest.id = ?record.spec.digest, subscriber.id = record.id.0, "subscriber left");
    }
    Ok(Some(record))
}
