//! One GET to subscribe (R1.9): what `discover` read of a feed is kept for an hour, and is the document that the feed's
//! first poll comes by, once it stands in the config. Refuses to stand in for a request that would carry credentials.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{FoundFeed, Shared};
use crate::fetch::{FetchReport, FetchRequest, Freshness, Hop, Outcome};
use crate::model::{FeedState, Validators};
use crate::store::{Result, Store};

/// Note of what was read last.
const NOTE: &str = "discovered";
/// Documents of one search that are kept.
const MOST: usize = 5;
/// A document is news no longer than this.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// A feed's document as `discover` read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstDocument {
    /// As decoded.
    pub body: Bytes,
    /// As sent.
    pub content_type: Option<String>,
    /// As sent.
    pub validators: Validators,
    /// `Link` headers as (rel, absolute URL).
    pub links: Vec<(String, String)>,
}

/// What is kept beside a body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    url: String,
    read_at: Timestamp,
    content_type: Option<String>,
    etag: Option<Vec<u8>>,
    last_modified: Option<Vec<u8>>,
    links: Vec<(String, String)>,
}

/// Keeps the documents of `feeds` in place of those of the search before.
///
/// # Errors
/// When the store fails.
pub async fn keep_discovered(store: &Store, feeds: &[FoundFeed], now: Timestamp) -> Result<()> {
    let read = feeds
        .iter()
        .filter_map(|feed| Some((feed.url.clone(), feed.document.clone()?)));
    let mut kept = Vec::new();
    for (url, document) in read.take(MOST) {
        let note = body_note(kept.len());
        store.set_note(&note, Some(document.body.to_vec())).await?;
        kept.push(Kept {
            url,
            read_at: now,
            content_type: document.content_type,
            etag: document.validators.etag,
            last_modified: document.validators.last_modified,
            links: document.links,
        });
    }
    for number in kept.len()..MOST {
        store.set_note(&body_note(number), None).await?;
    }
    let list = serde_json::to_vec(&kept).unwrap_or_default();
    store.set_note(NOTE, Some(list)).await
}

fn body_note(number: usize) -> String {
    format!("{NOTE}/{number}")
}

/// The report of a first poll that needs no request, since `discover` has just made it.
pub(super) async fn read_already(
    shared: &Shared,
    state: &FeedState,
    request: &FetchRequest,
    now: Timestamp,
) -> Option<FetchReport> {
    let new = !state.memory.seeded && state.memory.attempt_at.is_none();
    if !new || request.auth.is_some() || !request.headers.is_empty() {
        return None;
    }
    let store = &shared.parts.store;
    // Who adds a feed reloads or begins anew: what was read after that is of no use to this config.
    let list = shared.discovered.get_or_init(async || {
        let list = store.note(NOTE).await.ok().flatten();
        list.and_then(|list| serde_json::from_slice::<Vec<Kept>>(&list).ok())
            .unwrap_or_default()
    });
    let list = list.await;
    let is_it = |kept: &Kept| {
        let age = now.duration_since(kept.read_at);
        kept.url == request.url.as_str() && (SignedDuration::ZERO..KEPT).contains(&age)
    };
    let number = list.iter().position(is_it)?;
    let body = store.note(&body_note(number)).await.ok().flatten()?;
    let kept = list.get(number)?.clone();
    Some(FetchReport {
        outcome: Outcome::Fresh {
            body: body.into(),
            content_type: kept.content_type,
        },
        hops: vec![Hop {
            url: kept.url.clone(),
            status: 200,
        }],
        validators: Validators {
            url: kept.url.clone(),
            etag: kept.etag,
            last_modified: kept.last_modified,
        },
        conditional: false,
        freshness: Freshness::default(),
        links: kept.links,
        received_bytes: 0,
        received_at: now,
        last_url: kept.url,
        http2_broken: false,
    })
}
