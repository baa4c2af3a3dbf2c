//! What the hub remembers, as notes: wishes that wait for their proof, subscriptions, and what other hubs were told.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::store::{Store, StoreError};

/// Beginnings of the notes' names.
pub(super) const WISHES: &str = "hub/wish/";
pub(super) const SUBSCRIPTIONS: &str = "hub/subscription/";
pub(super) const TOLD: &str = "hub/told/";

/// What is wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Subscribe,
    Unsubscribe,
}

/// A wish that waits for its proof.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Wish {
    pub(super) mode: Mode,
    pub(super) topic: String,
    pub(super) callback: String,
    pub(super) secret: Option<String>,
    pub(super) lease_s: u64,
    pub(super) attempts: u32,
    pub(super) next_at: Timestamp,
}

/// Someone who is told.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub(super) topic: String,
    pub(super) callback: String,
    pub(super) secret: Option<String>,
    pub(super) lease_until: Timestamp,
    /// Tag of the document that the callback has, or that was given up.
    pub(super) told: Option<String>,
    pub(super) attempts: u32,
    pub(super) next_at: Timestamp,
}

/// What another hub was told last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) tag: String,
    pub(super) attempts: u32,
    pub(super) next_at: Timestamp,
}

/// A name of equal length for every pair; addresses may hold a callback's secret and stay out of names.
fn name(beginning: &str, topic: &str, other: &str) -> String {
    let hash = blake3::hash(format!("{topic}\n{other}").as_bytes());
    format!("{beginning}{}", &hash.to_hex()[..40])
}

impl Wish {
    pub(super) fn note(&self) -> String {
        name(WISHES, &self.topic, &self.callback)
    }

    /// Where the subscription that it is about is kept: one for a topic and a callback (case 103).
    pub(super) fn subscription(&self) -> String {
        name(SUBSCRIPTIONS, &self.topic, &self.callback)
    }
}

/// Where it is kept what `hub` was told of `topic`.
pub(super) fn told(topic: &str, hub: &str) -> String {
    name(TOLD, topic, hub)
}

/// A value for a note.
pub(super) fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers always have a JSON form")
}

/// All values whose notes begin so; one that cannot be read is none.
pub(super) async fn all<T: DeserializeOwned>(
    store: &Store,
    beginning: &str,
) -> Result<Vec<(String, T)>, StoreError> {
    let notes = store.notes(beginning).await?;
    let read =
        |(name, bytes): (String, Vec<u8>)| Some((name, serde_json::from_slice(&bytes).ok()?));
    Ok(notes.into_iter().filter_map(read).collect())
}
