//! One poll of one feed, from the request to the commit. Every way out goes through [`after_poll`] and one commit; what
//! fails before the commit leaves the claim, which rests the feed for its floor.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::Instrument;

use super::document::{self, Reading};
use super::waiting::Ready;
use super::{Parts, Shared, findings, first, full_text, told, withdrawals};
use crate::fetch::{FetchReport, FetchRequest, Finished, Outcome as Fetched, Slot};
use crate::model::{
    FeedMeta, FeedStanding, FeedState, HostState, IncomingEntry, PollCommit, PollHints, PollReason,
    PollReport, PollTrouble, TroubleClass, Validators,
};
use crate::schedule::{Answer, AnswerKind, after_poll, stop_as_double};
use crate::store::Result;

/// What came of a poll, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 304.
    NotModified,
    /// 200 with the body that we knew.
    Unchanged,
    /// 200 with another body.
    Changed,
    /// Anything else.
    Failed,
}

/// A poll that ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Key of the feed.
    pub key: String,
    /// In one word.
    pub outcome: Outcome,
    /// What the commit did.
    pub report: PollReport,
    /// Bytes received.
    pub received_bytes: u64,
    /// What went wrong, one line.
    pub trouble: Option<String>,
    /// Whose turn it is now.
    pub(super) host: Option<String>,
}

/// An exchange with all that its commit needs.
pub(super) struct Told {
    pub(super) answer: Answer,
    pub(super) received_at: Timestamp,
    pub(super) meta: Option<FeedMeta>,
    pub(super) entries: Vec<IncomingEntry>,
    host: Option<HostState>,
}

/// Polls one feed whose claim is durable.
pub(super) async fn poll(shared: Arc<Shared>, ready: Ready, started_at: Timestamp) -> Ended {
    let span = told::span(&ready.state);
    poll_inside(&shared, ready, started_at)
        .instrument(span)
        .await
}

async fn poll_inside(shared: &Shared, ready: Ready, started_at: Timestamp) -> Ended {
    let Ready {
        state,
        plan,
        url,
        slot,
        host,
    } = ready;
    let request = url.map(|url| {
        request(
            shared,
            &state,
            url,
            plan.without_validators,
            plan.without_etag,
        )
    });
    let mut told = match request {
        Some(request) => exchange(shared, &state, request, slot, started_at).await,
        None => unreadable_address(started_at),
    };
    told.answer.asked_url = plan.url;
    let received_bytes = told.answer.received_bytes;
    let mut ended = Ended {
        key: state.key.clone(),
        outcome: outcome_of(&told.answer.kind),
        report: PollReport::default(),
        received_bytes,
        trouble: trouble_of(&told.answer.kind).map(|trouble| trouble.text.clone()),
        host: Some(host),
    };
    match commit(shared, state, told).await {
        Ok(report) => ended.report = report,
        Err(error) => {
            told::not_committed(&ended.key, &error);
            ended.outcome = Outcome::Failed;
            ended.trouble = Some(
                "the poll could not be stored; the feed is asked again after its interval"
                    .to_owned(),
            );
        }
    }
    ended
}

fn request(
    shared: &Shared,
    state: &FeedState,
    url: url::Url,
    bare: bool,
    without_etag: bool,
) -> FetchRequest {
    let settings = shared.parts.settings.feed(&state.key);
    let (headers, auth) = settings.proofs(&state.configured_url, &url);
    FetchRequest {
        url,
        validators: if bare {
            Validators::default()
        } else {
            state.validators.clone()
        },
        without_etag,
        headers,
        auth,
        feed: state.key.clone(),
        readers: shared.parts.settings.readers(state),
        politeness: Some(shared.politeness()),
    }
}

/// The exchange, what its host learned of it, and the document read.
async fn exchange(
    shared: &Shared,
    state: &FeedState,
    request: FetchRequest,
    slot: Option<Slot>,
    started_at: Timestamp,
) -> Told {
    let parts = &shared.parts;
    let report = match first::read_already(shared, state, &request, started_at).await {
        Some(report) => report,
        None => parts.fetcher.fetch(request, started_at).await,
    };
    // The clock, not the report: a manual clock does not know how long the exchange took.
    let received_at = parts.clock.now().max(started_at);
    let finished = slot.map(|slot| parts.hosts.finish(slot, received_at, report.feedback()));
    let mut told = Told {
        answer: answer(&report, finished.as_ref(), started_at, received_at),
        received_at,
        meta: None,
        entries: Vec::new(),
        host: finished
            .and_then(|finished| finished.state)
            .filter(worth_keeping),
    };
    let base_url = report.last_url;
    if let Fetched::Fresh { body, content_type } = report.outcome {
        match document::read(shared, state, body, (content_type, base_url), received_at).await {
            Reading::Same => told.answer.kind = AnswerKind::Unchanged,
            Reading::Feed(read) => {
                let document::Read {
                    mut document,
                    meta,
                    entries,
                } = *read;
                headers_first(&mut document.hints, &report.links);
                told.answer.kind = AnswerKind::Document(Box::new(document));
                told.meta = Some(meta);
                told.entries = entries;
            }
            Reading::Nothing(trouble) => told.answer.kind = AnswerKind::Failed(trouble),
        }
    }
    told
}

/// Hubs and topic named in `Link` headers beat those in the document (R6.1).
fn headers_first(hints: &mut PollHints, links: &[(String, String)]) {
    let named = |wanted: &str| {
        let links = links.iter().filter(|(rel, _)| rel == wanted);
        links.map(|(_, url)| url.clone()).collect::<Vec<_>>()
    };
    let hubs = named("hub");
    if !hubs.is_empty() {
        hints.hub_urls = hubs;
    }
    if let Some(topic) = named("self").into_iter().next() {
        hints.self_url = Some(topic);
    }
}

/// What is learned of a healthy host is not worth a row at each poll; all of it is stored when the flow ends.
fn worth_keeping(host: &HostState) -> bool {
    host.gate_until.is_some()
        || host.open_until.is_some()
        || host.http1_until.is_some()
        || host.failures > 0
        || host.gap_ms > 0
}

/// The report in the words of the schedule; of a 200, `kind` says only that there is a body, until it is read.
fn answer(
    report: &FetchReport,
    finished: Option<&Finished>,
    started_at: Timestamp,
    received_at: Timestamp,
) -> Answer {
    let host = finished.and_then(|finished| finished.state.as_ref());
    let gates = host.map(|host| [host.gate_until, host.open_until]);
    let held = match &report.outcome {
        Fetched::Held(_, until) => Some(*until),
        _ => None,
    };
    let counts = finished.is_none_or(|finished| finished.counts);
    Answer {
        kind: match &report.outcome {
            Fetched::Fresh { .. } => AnswerKind::Unchanged,
            Fetched::NotModified => AnswerKind::NotModified,
            Fetched::Gone => AnswerKind::Gone,
            Fetched::Failed(trouble) if counts => AnswerKind::Failed(trouble.clone()),
            Fetched::Failed(trouble) | Fetched::Held(trouble, _) => {
                AnswerKind::Offline(trouble.clone())
            }
        },
        started_at,
        asked_url: String::new(),
        conditional: report.conditional,
        validators: report.validators.clone(),
        lifetime: report.freshness.lifetime,
        age: report.freshness.age,
        retry_after: report.freshness.retry_after,
        moved_to: moved_to(report),
        received_bytes: report.received_bytes,
        host_gate: gates
            .into_iter()
            .flatten()
            .flatten()
            .chain(held)
            .filter(|at| *at > received_at)
            .max(),
        push_waits: false,
    }
}

/// The end of a chain of nothing but 301 and 308 (R2.11).
fn moved_to(report: &FetchReport) -> Option<String> {
    let (_, redirects) = report.hops.split_last()?;
    let permanent = redirects.iter().all(|hop| matches!(hop.status, 301 | 308));
    (permanent && !redirects.is_empty()).then(|| report.last_url.clone())
}

fn unreadable_address(at: Timestamp) -> Told {
    let trouble = PollTrouble {
        class: TroubleClass::Internal,
        status: None,
        text: "the feed's address cannot be read: correct it in the config".to_owned(),
    };
    let answer = Answer {
        kind: AnswerKind::Failed(trouble),
        started_at: at,
        asked_url: String::new(),
        conditional: false,
        validators: Validators::default(),
        lifetime: None,
        age: Duration::ZERO,
        retry_after: None,
        moved_to: None,
        received_bytes: 0,
        host_gate: None,
        push_waits: false,
    };
    Told {
        answer,
        received_at: at,
        meta: None,
        entries: Vec::new(),
        host: None,
    }
}

/// Entries, validators, schedule and error state in one commit.
async fn commit(shared: &Shared, mut before: FeedState, mut told: Told) -> Result<PollReport> {
    let parts = &shared.parts;
    let findings = findings::of(parts, &before, told.page()).await?;
    let left = (before.key.as_str(), before.memory.pages_due.as_slice());
    let pages = full_text::read(shared, left, &mut told.entries, &findings).await;
    hear_of_pushes(parts, &mut before, &mut told.answer).await?;
    let policy = parts.settings.policy(&before.key, told.received_at);
    let (old_url, old_standing) = (before.url.clone(), before.standing);
    let mut after = after_poll(
        before,
        &told.answer,
        &policy,
        told.received_at,
        (parts.draw)(),
    );
    findings.note(&mut after);
    after.memory.pages_due = pages.due;
    let withdrawn = withdrawals::of(parts, &mut after, &told).await?;
    if after.url != after.configured_url {
        settle_double(shared, &mut after, &old_url).await?;
    }
    let subscribes = shared.push_plan(&after, told.received_at).subscribes();
    let (id, offered) = (after.id, told.entries.len());
    let closing = told::Closing::of(&after, &told.answer, &old_url, old_standing);
    let max_new = parts.settings.feed(&after.key).max_new;
    let commit = PollCommit {
        state: after,
        meta: told.meta,
        entries: told.entries,
        withdrawn,
        completed: pages.late,
        host: told.host,
        seen_at: told.received_at,
        max_new,
    };
    let report = parts
        .store
        .commit_poll(commit, Arc::clone(&shared.judge))
        .await?;
    closing.tell(&report);
    findings
        .tell(parts, (id, closing.key()), offered, &report)
        .await?;
    if subscribes {
        shared.desk.note(id);
    }
    parts
        .metrics
        .poll(closing.word(), told.answer.received_bytes);
    parts.metrics.entries(report.new, report.changed);
    if report.touched {
        parts.touched.notify_one();
    }
    Ok(report)
}

/// What hubs have brought by now, a document is judged by; nothing else is.
async fn hear_of_pushes(parts: &Parts, feed: &mut FeedState, answer: &mut Answer) -> Result<()> {
    if feed.memory.pushes.is_empty() || !matches!(answer.kind, AnswerKind::Document(_)) {
        return Ok(());
    }
    answer.push_waits = parts.store.awaits_delivery(feed.id).await?;
    // Only then: what waits no more has left its marks.
    if let Some(stored) = parts.store.feed_by_id(feed.id).await? {
        feed.memory.pushes = stored.memory.pushes;
    }
    Ok(())
}

/// A feed that has moved may have come to where another one is: then the older of the two is polled.
async fn settle_double(shared: &Shared, state: &mut FeedState, old_url: &str) -> Result<()> {
    let there = shared.parts.store.feed(&state.url).await?;
    let polled = |other: &FeedState| {
        other.id != state.id
            && other.standing == FeedStanding::Active
            && other.next_poll_reason != PollReason::Never
    };
    let Some(other) = there.filter(polled) else {
        return Ok(());
    };
    if state.url != old_url || other.id < state.id {
        stop_as_double(state, &other.key);
        tracing::warn!(
            feed.id = ?state.key, "feed {:?} has moved to where {:?} is, and is polled no more", state.key, other.key
        );
    }
    Ok(())
}

fn outcome_of(kind: &AnswerKind) -> Outcome {
    match kind {
        AnswerKind::NotModified => Outcome::NotModified,
        AnswerKind::Unchanged => Outcome::Unchanged,
        AnswerKind::Document(_) => Outcome::Changed,
        AnswerKind::Gone | AnswerKind::Failed(_) | AnswerKind::Offline(_) => Outcome::Failed,
    }
}

fn trouble_of(kind: &AnswerKind) -> Option<PollTrouble> {
    match kind {
        AnswerKind::Failed(trouble) | AnswerKind::Offline(trouble) => Some(trouble.clone()),
        AnswerKind::Gone => Some(PollTrouble {
            class: TroubleClass::Gone,
            status: Some(410),
            text: "the publisher says that this feed is gone (410)".to_owned(),
        }),
        _ => None,
    }
}
