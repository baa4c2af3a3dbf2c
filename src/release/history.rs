//! What happened to feeds since the last look at their list: the look itself is pure, its outcome one note. A first look
//! only learns how things are, so that an old database is no news; what came and went between two looks was none.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use crate::model::{
    FEED_HISTORY, FeedCondition, FeedEvent, FeedEventKind, FeedHistory, FeedMark, FeedStanding,
    FeedState,
};
use crate::schedule::silent_since;
use crate::store::{Store, StoreError};

/// Events kept of those that readers see, and as many of the others: one feed that comes and goes pushes out none of
/// the planet's own history.
const MOST: usize = 200;

/// Failures are told once they have lasted so long: most are over in an hour.
const PATIENCE: Duration = Duration::from_secs(86_400);

/// The history with what happened up to `now`, as the store keeps it from then on if `keeps`.
pub(super) async fn looked(
    store: &Store,
    feeds: &[FeedState],
    now: Timestamp,
    keeps: bool,
) -> Result<FeedHistory, StoreError> {
    let note = store.note(FEED_HISTORY).await?;
    let before: Option<FeedHistory> = note.and_then(|note| serde_json::from_slice(&note).ok());
    let first = before.is_none();
    let mut history = before.clone().unwrap_or_default();
    let left = left(store, &history, feeds).await?;
    look(&mut history, (feeds, &left), now);
    if first {
        history.events.clear();
    }
    if keeps && before.as_ref() != Some(&history) {
        let note = serde_json::to_vec(&history).expect("texts and instants have a JSON form");
        store.set_note(FEED_HISTORY, Some(note)).await?;
    }
    Ok(history)
}

/// Feeds that were in the list at the last look and are no more.
async fn left(
    store: &Store,
    history: &FeedHistory,
    feeds: &[FeedState],
) -> Result<Vec<FeedState>, StoreError> {
    let here: HashSet<&str> = feeds.iter().map(|feed| feed.key.as_str()).collect();
    if history.marks.keys().all(|key| here.contains(key.as_str())) {
        return Ok(Vec::new());
    }
    let mut all = store.feeds(true).await?;
    all.retain(|feed| {
        feed.standing == FeedStanding::Removed && history.marks.contains_key(&feed.key)
    });
    Ok(all)
}

/// Compares `feeds`, and those that left, with the marks of the last look.
fn look(history: &mut FeedHistory, (feeds, left): (&[FeedState], &[FeedState]), now: Timestamp) {
    for feed in left {
        history.marks.remove(&feed.key);
        history
            .events
            .push(event(feed, FeedEventKind::Removed, now));
    }
    for feed in feeds {
        let mark = FeedMark {
            address: blake3::hash(feed.url.as_bytes()).to_hex()[..16].to_owned(),
            condition: condition(feed, now),
        };
        let before = history.marks.get(&feed.key);
        if before == Some(&mark) {
            continue;
        }
        let kinds = happened(before, &mark);
        let events = kinds.into_iter().map(|kind| event(feed, kind, now));
        history.events.extend(events);
        history.marks.insert(feed.key.clone(), mark);
    }
    bound(&mut history.events);
}

/// What made a mark another one.
fn happened(before: Option<&FeedMark>, after: &FeedMark) -> Vec<FeedEventKind> {
    let Some(before) = before else {
        return vec![FeedEventKind::Added];
    };
    let mut kinds = Vec::new();
    if before.address != after.address {
        kinds.push(FeedEventKind::Moved);
    }
    if before.condition != after.condition {
        kinds.extend(match after.condition {
            FeedCondition::Off => None,
            FeedCondition::Well if before.condition == FeedCondition::Off => None,
            FeedCondition::Well => Some(FeedEventKind::Back),
            FeedCondition::Silent => Some(FeedEventKind::Silent),
            FeedCondition::Failing => Some(FeedEventKind::Failing),
            FeedCondition::Held => Some(FeedEventKind::Held),
            FeedCondition::Quarantined => Some(FeedEventKind::Quarantined),
            FeedCondition::Dead => Some(FeedEventKind::Dead),
            FeedCondition::Gone => Some(FeedEventKind::Gone),
        });
    }
    kinds
}

/// How a feed stands: of several things the worst.
fn condition(feed: &FeedState, now: Timestamp) -> FeedCondition {
    let memory = &feed.memory;
    let failing = memory.failing_since.filter(|_| memory.failures > 0);
    let patience = jiff::SignedDuration::try_from(PATIENCE).unwrap_or(jiff::SignedDuration::MAX);
    let lasts = failing.is_some_and(|since| now.duration_since(since) >= patience);
    match feed.standing {
        FeedStanding::Gone => FeedCondition::Gone,
        FeedStanding::Dead => FeedCondition::Dead,
        FeedStanding::Quarantined => FeedCondition::Quarantined,
        FeedStanding::Disabled | FeedStanding::Removed => FeedCondition::Off,
        FeedStanding::Active if memory.notice.is_some() => FeedCondition::Held,
        FeedStanding::Active if lasts => FeedCondition::Failing,
        FeedStanding::Active if silent_since(&memory.rhythm, now).is_some() => {
            FeedCondition::Silent
        }
        FeedStanding::Active => FeedCondition::Well,
    }
}

fn event(feed: &FeedState, kind: FeedEventKind, now: Timestamp) -> FeedEvent {
    let memory = &feed.memory;
    let detail = match kind {
        FeedEventKind::Moved => open_address(&feed.url),
        FeedEventKind::Quarantined | FeedEventKind::Held => memory.notice.clone(),
        FeedEventKind::Gone | FeedEventKind::Dead | FeedEventKind::Failing => {
            memory.trouble.as_ref().map(|trouble| trouble.text.clone())
        }
        _ => None,
    };
    FeedEvent {
        seen_at: now,
        kind,
        key: feed.key.clone(),
        title: feed.title.clone(),
        site_url: feed.site_url.clone(),
        detail,
    }
}

/// An address without what may be secret in it: user-info, query, fragment.
fn open_address(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let host = parsed.host_str()?;
    Some(format!("{}://{host}{}", parsed.scheme(), parsed.path()))
}

/// The newest events of either audience.
fn bound(events: &mut Vec<FeedEvent>) {
    let (mut public, mut others) = (0, 0);
    let mut keeps: Vec<bool> = Vec::with_capacity(events.len());
    for event in events.iter().rev() {
        let count = if event.kind.is_public() {
            &mut public
        } else {
            &mut others
        };
        *count += 1;
        keeps.push(*count <= MOST);
    }
    let mut keeps = keeps.into_iter().rev();
    events.retain(|_| keeps.next().unwrap_or(true));
}
