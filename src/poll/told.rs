//! What the log says of a poll: one span, one closing event. Loud for what an operator acts on, quiet for what is as
//! it was. Refuses to show user-info or the query of an address, which may be keys.

use jiff::Timestamp;
use url::Url;

use crate::model::{FeedStanding, FeedState, PollReport, TroubleClass};
use crate::schedule::{Answer, AnswerKind};
use crate::store::StoreError;
use crate::telemetry::chain;

/// The span of one poll.
pub(super) fn span(state: &FeedState) -> tracing::Span {
    tracing::info_span!("poll", feed.id = ?state.key, feed.url = ?shown(&state.url))
}

/// `url` without what may be secret in it.
fn shown(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return "(unreadable)".to_owned();
    };
    // Addresses without a host have no user-info: nothing to hide there.
    if url.set_username("").is_err() || url.set_password(None).is_err() {
        return url.path().to_owned();
    }
    url.set_query(url.query().map(|_| "…"));
    url.set_fragment(None);
    url.into()
}

/// An archive document was read, or could not be.
pub(super) fn archived(key: &str, report: &PollReport, trouble: Option<&str>) {
    tracing::info!(
        feed.id = ?key, entries.new = report.new, error = ?trouble, "read an archive of {key:?}"
    );
}

/// A hub brought something.
pub(super) fn brought(key: &str, report: &PollReport) {
    tracing::info!(
        feed.id = ?key, entries.new = report.new, entries.changed = report.changed, "a hub brought entries of {key:?}"
    );
}

/// The poll could not be stored.
pub(super) fn not_committed(key: &str, error: &StoreError) {
    tracing::error!(feed.id = ?key, error = %chain(error), "a poll could not be stored");
}

/// What the closing event says, gathered before the state goes to the store.
pub(super) struct Closing {
    key: String,
    word: &'static str,
    trouble: Option<String>,
    next_poll_at: Timestamp,
    failures: u32,
    moved_to: Option<String>,
    stopped: Option<&'static str>,
    overflowed: bool,
}

impl Closing {
    pub(super) fn of(
        after: &FeedState,
        answer: &Answer,
        old_url: &str,
        old_standing: FeedStanding,
    ) -> Self {
        let stopped = match after.standing {
            standing if standing == old_standing => None,
            FeedStanding::Gone => Some("gone: polled no more until it is switched on again"),
            FeedStanding::Dead => Some("dead: not found for thirty days, now asked once a month"),
            FeedStanding::Quarantined => {
                Some("quarantined: nothing of it is shown until `feedmill feeds approve`")
            }
            _ => None,
        };
        let trouble = after.memory.trouble.as_ref();
        Self {
            key: after.key.clone(),
            word: word(answer),
            trouble: trouble.map(|trouble| trouble.text.clone()),
            next_poll_at: after.next_poll_at,
            failures: after.memory.failures,
            moved_to: (after.url != old_url).then(|| shown(&after.url)),
            stopped,
            overflowed: after.memory.overflowed_at.is_some()
                && after.memory.overflowed_at == after.memory.success_at,
        }
    }

    /// The outcome's stable word.
    pub(super) fn word(&self) -> &'static str {
        self.word
    }

    /// The feed's key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn tell(&self, report: &PollReport) {
        if let Some(moved_to) = &self.moved_to {
            tracing::info!(feed.id = ?self.key, feed.url = ?moved_to, "feed {:?} moved for good", self.key);
        }
        if self.overflowed {
            tracing::warn!(
                feed.id = ?self.key, next_poll_at = %self.next_poll_at,
                "no entry of {:?} was known: some came and went between two polls; it is polled oftener", self.key
            );
        }
        match (&self.trouble, self.stopped) {
            (_, Some(stopped)) => tracing::warn!(
                feed.id = ?self.key, poll.outcome = self.word, next_poll_at = %self.next_poll_at,
                "feed {:?} is {stopped}", self.key
            ),
            (Some(trouble), None) => tracing::info!(
                feed.id = ?self.key, poll.outcome = self.word, failures = self.failures, error = ?trouble,
                next_poll_at = %self.next_poll_at, "poll of {:?} failed", self.key
            ),
            (None, None) if self.word == "changed" => tracing::info!(
                feed.id = ?self.key, poll.outcome = self.word, entries.new = report.new,
                entries.changed = report.changed, next_poll_at = %self.next_poll_at, "polled {:?}", self.key
            ),
            (None, None) => tracing::debug!(
                feed.id = ?self.key, poll.outcome = self.word, next_poll_at = %self.next_poll_at,
                "polled {:?}", self.key
            ),
        }
    }
}

fn word(answer: &Answer) -> &'static str {
    match &answer.kind {
        AnswerKind::Document(_) => "changed",
        AnswerKind::Unchanged => "unchanged",
        AnswerKind::NotModified => "not_modified",
        AnswerKind::Gone => "gone",
        AnswerKind::Offline(_) => "offline",
        AnswerKind::Failed(trouble) => class_word(trouble.class),
    }
}

/// The kind of trouble as the metrics name it.
fn class_word(class: TroubleClass) -> &'static str {
    match class {
        TroubleClass::Dns => "dns",
        TroubleClass::Connect => "connect",
        TroubleClass::Tls => "tls",
        TroubleClass::Timeout => "timeout",
        TroubleClass::Status => "status",
        TroubleClass::Throttled => "throttled",
        TroubleClass::Challenge => "challenge",
        TroubleClass::Gone => "gone",
        TroubleClass::Redirect => "redirect",
        TroubleClass::Refused => "refused",
        TroubleClass::TooLarge => "too_large",
        TroubleClass::Truncated => "truncated",
        TroubleClass::NotAFeed => "not_a_feed",
        TroubleClass::Parse => "parse",
        TroubleClass::File => "file",
        TroubleClass::Internal => "internal",
    }
}
