//! The operator's pages: `/status` for people, `/status.atom` for their feed reader, `/metrics` for Prometheus, `/readyz`
//! for whoever routes traffic.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::conditional::is_current;
use super::documents::mark;
use super::headers::RESOURCE_POLICY;
use super::routes::Desk;
use super::{Front, pages};
use crate::fetch::{HostGaps, wait_for_hosts};
use crate::model::{
    EditionRecord, FEED_HISTORY, FeedHistory, GapSource, HostState, MessageStanding,
};
use crate::publish::{self, DaemonFacts, Document, Listed, MailFacts, StatusView};
use crate::schedule::silent_since;
use crate::store::{Store, StoreError, StoreFacts};

/// Type of the operator's feed.
const HEALTH_TYPE: &str = "application/atom+xml; charset=utf-8";

/// Whoever keeps the operator's feed asks whether it is still the same.
const ASK_FIRST: HeaderValue = HeaderValue::from_static("private, no-cache");

/// 200 once everything was rendered, 503 before.
pub(super) async fn ready(State(desk): State<Desk>) -> Response {
    if desk.site.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response()
    }
}

/// Which feeds the page lists; anything but `troubled` is all.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    show: String,
}

impl Question {
    fn listed(&self) -> Listed {
        if self.show == "troubled" {
            Listed::Troubled
        } else {
            Listed::All
        }
    }
}

/// Health of each feed and of the daemon.
pub(super) async fn page(
    State(desk): State<Desk>,
    question: Result<Query<Question>, QueryRejection>,
    request: Request,
) -> Response {
    let front = desk.site.front.load();
    if !desk.admits(&request) {
        return pages::error(&front, StatusCode::NOT_FOUND);
    }
    let known = async {
        Ok::<_, StoreError>((
            desk.site.store.feeds(false).await?,
            desk.site.store.facts().await?,
            desk.site.store.hosts().await?,
            digests(&desk.site.store, &front).await?,
        ))
    };
    match known.await {
        Ok((mut feeds, facts, hosts, digests)) => {
            let now = desk.site.clock.now();
            wait_for_hosts(&mut feeds, &hosts, now);
            let silent = feeds
                .iter()
                .filter_map(|feed| Some((feed.id, silent_since(&feed.memory.rhythm, now)?)));
            let told = DaemonFacts {
                mail: mail(&front, &facts, digests),
                gaps: gaps(&front, &hosts),
                hosts,
                silent: silent.collect(),
                now,
                ..told(&facts)
            };
            let page = publish::status_page(
                &front.theme,
                &front.site,
                &front.config.timezone,
                &StatusView {
                    feeds: &feeds,
                    listed: question.map_or(Listed::All, |question| question.listed()),
                },
                &told,
            );
            pages::private(&front, StatusCode::OK, page)
        }
        Err(error) => pages::broken(&front, &error),
    }
}

/// What befell the feeds, to be read where the operator reads feeds.
pub(super) async fn feed(State(desk): State<Desk>, request: Request) -> Response {
    let front = desk.site.front.load();
    if !desk.admits(&request) {
        return pages::error(&front, StatusCode::NOT_FOUND);
    }
    let note = match desk.site.store.note(FEED_HISTORY).await {
        Ok(note) => note.unwrap_or_default(),
        Err(error) => return pages::broken(&front, &error),
    };
    let history: FeedHistory = serde_json::from_slice(&note).unwrap_or_default();
    let feed = publish::health_feed(&front.theme, &front.site, &history.events);
    let told = history.events.iter().filter(|event| event.kind.is_health());
    let document = Document {
        changed_at: told.map(|event| event.seen_at).max(),
        ..publish::plain(String::from("/status.atom"), HEALTH_TYPE, feed)
    };
    let mut response = if is_current(request.headers(), &document) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = [(header::CONTENT_TYPE, HEALTH_TYPE)];
        (kind, document.identity.clone()).into_response()
    };
    let headers = response.headers_mut();
    mark(headers, &document);
    headers.insert(header::CACHE_CONTROL, ASK_FIRST);
    // Any page in the operator's browser comes from a client that is admitted.
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn gaps(front: &Front, hosts: &[HostState]) -> HashMap<String, (Duration, GapSource)> {
    let gaps = HostGaps::new(&front.config.fetch, &front.config.feeds);
    let each = hosts.iter();
    each.map(|host| (host.host.clone(), gaps.in_force(host)))
        .collect()
}

/// Digests by title, each with its last edition.
type Digests = Vec<(String, Option<EditionRecord>)>;

async fn digests(store: &Store, front: &Front) -> Result<Digests, StoreError> {
    let mut digests = Vec::new();
    for digest in front.config.digests.values() {
        let last = store.editions(&digest.name, 1).await?.pop();
        digests.push((digest.title.clone(), last));
    }
    Ok(digests)
}

fn mail(front: &Front, facts: &StoreFacts, digests: Digests) -> Option<MailFacts> {
    (!digests.is_empty()).then(|| MailFacts {
        oldest_queued_at: facts.oldest_queued_at,
        failed: messages(facts, &[MessageStanding::Failed]),
        paused: (front.mail_pause)(),
        digests,
    })
}

fn messages(facts: &StoreFacts, standings: &[MessageStanding]) -> u64 {
    let counts = facts.messages.iter();
    let these = counts.filter(|(standing, _)| standings.contains(standing));
    these.map(|(_, count)| *count as u64).sum()
}

fn told(facts: &StoreFacts) -> DaemonFacts {
    DaemonFacts {
        entries: facts.entries,
        stories: facts.stories,
        size_bytes: facts.size_bytes,
        queued: messages(facts, &[MessageStanding::Queued, MessageStanding::Claimed]),
        ..DaemonFacts::default()
    }
}

/// Counters and gauges.
pub(super) async fn metrics(State(desk): State<Desk>, request: Request) -> Response {
    if !desk.admits(&request) {
        return pages::error(&desk.site.front.load(), StatusCode::NOT_FOUND);
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], desk.site.metrics.text()).into_response()
}
