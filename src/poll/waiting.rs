//! Due feeds that wait for their hosts: a queue per host, and the hosts in the order in which they may be asked.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::pace::Pace;
use super::{HeldFeed, Parts};
use crate::fetch::{HostWait, Slot, Start, host_key};
use crate::model::{FeedId, FeedState, PollReason};
use crate::schedule::{RequestPlan, plan_request};

/// While feeds wait, the store is not asked for more of them oftener than this, and more seldom the more they are: it
/// reads those that wait once more.
const REFILL: SignedDuration = SignedDuration::from_secs(1);
const FEEDS_PER_REFILL: usize = 256;
/// Another process may make feeds due: the store is asked this often even if nothing was to be expected.
const NAP: SignedDuration = SignedDuration::from_secs(30);

/// A feed with leave to be asked.
pub(super) struct Ready {
    /// As read.
    pub(super) state: FeedState,
    /// Where to and how.
    pub(super) plan: RequestPlan,
    /// `plan.url`.
    pub(super) url: Option<Url>,
    /// Leave of the host; none where the address is no URL at all.
    pub(super) slot: Option<Slot>,
    /// Unit of politeness.
    pub(super) host: String,
}

/// Feeds that wait.
#[derive(Default)]
pub(super) struct Waiting {
    hosts: HashMap<String, Queue>,
    turns: BTreeSet<(Timestamp, String)>,
    ids: HashSet<FeedId>,
    refilled_at: Option<Timestamp>,
    quiet_until: Option<Timestamp>,
}

struct Queue {
    feeds: VecDeque<FeedState>,
    turn: Timestamp,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Is it worth while to ask the store for more?
    pub(super) fn wants_more(&self, now: Timestamp, most: usize) -> bool {
        if self.turns.first().is_some_and(|(at, _)| *at <= now) {
            return false;
        }
        if self.is_empty() && self.quiet_until.is_some_and(|until| until <= now) {
            return true;
        }
        let times = i32::try_from(1 + self.len() / FEEDS_PER_REFILL).unwrap_or(i32::MAX);
        let rest = if self.is_empty() { NAP } else { REFILL * times };
        let rested = self
            .refilled_at
            .is_none_or(|at| now < at || now.duration_since(at) >= rest);
        rested && self.len() < most
    }

    /// Takes what is due and not here yet; true when there was anything.
    pub(super) fn refill(&mut self, due: Vec<FeedState>, now: Timestamp) -> bool {
        let before = self.len();
        for state in due {
            self.push(state, now);
        }
        self.refilled_at = Some(now).filter(|_| self.len() == before);
        self.quiet_until = None;
        self.len() > before
    }

    /// The store has nothing due before `until`.
    pub(super) fn quiet(&mut self, until: Option<Timestamp>) {
        self.quiet_until = Some(until.unwrap_or(Timestamp::MAX));
    }

    /// When the store has something due again, as far as is known.
    pub(super) fn quiet_until(&self) -> Option<Timestamp> {
        self.quiet_until
    }

    pub(super) fn push(&mut self, state: FeedState, now: Timestamp) {
        if !self.ids.insert(state.id) {
            return;
        }
        let host = Url::parse(&state.url)
            .ok()
            .and_then(|url| host_key(&url))
            .unwrap_or_default();
        let turns = &mut self.turns;
        let queue = self.hosts.entry(host).or_insert_with_key(|host| {
            turns.insert((now, host.clone()));
            Queue {
                feeds: VecDeque::new(),
                turn: now,
            }
        });
        queue.feeds.push_back(state);
    }

    /// A request to `host` ended: its next feed may try at once.
    pub(super) fn released(&mut self, host: &str, now: Timestamp) {
        if self.hosts.get(host).is_some_and(|queue| queue.turn > now) {
            self.reschedule(host.to_owned(), now);
        }
    }

    /// Up to `room` feeds that may be asked at `now`, and when the next host may be.
    pub(super) fn ready(
        &mut self,
        parts: &Parts,
        pace: &mut Option<Pace>,
        now: Timestamp,
        room: usize,
    ) -> (Vec<Ready>, Option<Timestamp>) {
        let mut ready = Vec::new();
        while ready.len() < room {
            let Some((at, host)) = self.turns.first().cloned() else {
                break;
            };
            if at > now {
                break;
            }
            match self.try_front(&host, parts, pace.as_mut(), now) {
                Ok(started) => ready.push(started),
                Err(Some(later)) => self.reschedule(host, later),
                Err(None) => {
                    self.turns.remove(&(at, host.clone()));
                    self.hosts.remove(&host);
                }
            }
        }
        (ready, self.turns.first().map(|(at, _)| *at))
    }

    /// Starts the host's first feed, or says when to try again; nothing when no feed is left.
    fn try_front(
        &mut self,
        host: &str,
        parts: &Parts,
        pace: Option<&mut Pace>,
        now: Timestamp,
    ) -> Result<Ready, Option<Timestamp>> {
        let queue = self.hosts.get_mut(host).ok_or(None)?;
        let state = queue.feeds.front().ok_or(None)?;
        let turn = pace.map_or(now, |pace| pace.turn(state, now));
        if turn > now {
            return Err(Some(turn));
        }
        let plan = plan_request(state, now);
        let url = Url::parse(&plan.url).ok();
        let slot = match url
            .as_ref()
            .map(|url| parts.hosts.try_start(url, now, (parts.draw)()))
        {
            Some(Start::NotBefore(at, wait)) => {
                // A host in use tells by itself when it is free; the instant is only the latest.
                let least = now
                    + SignedDuration::from_millis(if wait == HostWait::Busy { 1000 } else { 1 });
                return Err(Some(at.max(least)));
            }
            Some(Start::Now(slot)) => Some(slot),
            None => None,
        };
        let state = queue.feeds.pop_front().ok_or(None)?;
        self.ids.remove(&state.id);
        Ok(Ready {
            state,
            plan,
            url,
            slot,
            host: host.to_owned(),
        })
    }

    fn reschedule(&mut self, host: String, at: Timestamp) {
        if let Some(queue) = self.hosts.get_mut(&host) {
            self.turns.remove(&(queue.turn, host.clone()));
            queue.turn = at;
            self.turns.insert((at, host));
        }
    }

    /// Gives up on what still waits.
    pub(super) fn drain(&mut self, until: Timestamp) -> Vec<HeldFeed> {
        let waiting = std::mem::take(self);
        let feeds = waiting.hosts.into_values().flat_map(|queue| queue.feeds);
        feeds
            .map(|state| HeldFeed {
                feed: state.key,
                until,
                reason: PollReason::Host,
            })
            .collect()
    }
}
