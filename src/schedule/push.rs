//! WebSub subscriptions as a machine of states: when to ask a hub, what its answers change, and when push has lost our
//! trust (R6). Pure; takes the feed's state and instants, gives the state after. Refuses to trust a hub's word for more
//! than a lease, and never asks one that said no within a week.

use std::time::Duration;

use jiff::Timestamp;

use super::{DAY, Draw, HOUR, Insistence, PollPolicy, between, later, manual_poll_at, scaled};
use crate::model::{FeedState, PollReason, PushQuestion, PushRenewal, PushState};

/// Asked of every hub (R6.3).
pub const LEASE_S: u64 = 864_000;
/// A hub that lends longer is asked again within this.
const LONGEST_LEASE: Duration = Duration::from_secs(30 * 86_400);
/// So short leases are renewed no oftener than this.
const LEAST_RENEWAL: Duration = Duration::from_secs(600);
/// A hub that took a request has this long to confirm it.
const PENDING: Duration = HOUR;
/// A hub that said no is left alone for this long (R6.7).
const DENIED_REST: Duration = Duration::from_secs(7 * 86_400);
/// Hubs subscribed to of a feed at a time (R6.5).
const HUBS: usize = 2;
/// Subscriptions remembered of a feed: those at hubs that it names no more run out.
const REMEMBERED: usize = 2 * HUBS;

/// What is to be done about a feed's subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushPlan {
    /// Now, each about another subscription.
    pub steps: Vec<PushStep>,
    /// Then look again, if at all.
    pub again_at: Option<Timestamp>,
}

impl PushPlan {
    /// Is a hub to be asked?
    #[must_use]
    pub fn subscribes(&self) -> bool {
        let asks = |step: &PushStep| matches!(step, PushStep::Subscribe { .. });
        self.steps.iter().any(asks)
    }

    fn rest(&mut self, until: Option<Timestamp>) {
        self.again_at = self.again_at.into_iter().chain(until).min();
    }
}

/// What is to be done about one subscription; `token` is its callback's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushStep {
    /// Ask `hub` for `topic`.
    Subscribe {
        /// Where to.
        hub: String,
        /// For what.
        topic: String,
        /// The subscription at this hub so far, where there is one.
        renews: Option<String>,
    },
    /// The hub took a request and never confirmed it: as a refusal.
    GiveUp(String),
    /// Tell the hub that we listen no more (R6.12).
    Unsubscribe(String),
    /// The lease is over: polling as ever, at once.
    Lapse(String),
    /// Nothing is left to be remembered.
    Forget(String),
}

/// What to do about `state`'s subscriptions at `now`; `wanted` is what the config says.
#[must_use]
pub fn push_plan(state: &FeedState, wanted: Option<()>, now: Timestamp) -> PushPlan {
    let mut plan = PushPlan::default();
    let pushes = &state.memory.pushes;
    if wanted.is_none() || !state.standing.is_polled() {
        pushes.iter().for_each(|push| leave(push, &mut plan, now));
        return plan;
    }
    let offers = offers(state);
    for push in pushes {
        let offered = offers.iter().find(|(hub, _)| *hub == push.hub_url);
        keep(push, offered, &mut plan, now);
    }
    let unknown = |(hub, _): &(String, String)| pushes.iter().all(|push| push.hub_url != *hub);
    let room = REMEMBERED.saturating_sub(pushes.len());
    let new = offers.into_iter().filter(unknown).take(room);
    plan.steps.extend(new.map(|offer| subscribe(offer, None)));
    plan
}

fn subscribe((hub, topic): (String, String), renews: Option<String>) -> PushStep {
    PushStep::Subscribe { hub, topic, renews }
}

/// Hubs and topic that the feed names now: two hubs at most, secure ones first (R6.2, R6.3, R6.5).
fn offers(state: &FeedState) -> Vec<(String, String)> {
    let hints = &state.memory.hints;
    let Some(topic) = &hints.self_url else {
        return Vec::new();
    };
    let mut hubs: Vec<&String> = Vec::new();
    for hub in &hints.hub_urls {
        if !hubs.contains(&hub) {
            hubs.push(hub);
        }
    }
    hubs.sort_by_key(|hub| !hub.starts_with("https:"));
    let offered = hubs.into_iter().take(HUBS);
    offered.map(|hub| (hub.clone(), topic.clone())).collect()
}

fn leave(push: &PushState, plan: &mut PushPlan, now: Timestamp) {
    let token = push.callback_token.clone();
    match push.status.as_str() {
        "leaving" if between(push.since_at, now) >= HOUR => {
            plan.steps.push(PushStep::Forget(token));
        }
        "leaving" => plan.rest(Some(later(push.since_at, HOUR))),
        _ if push.holds(now) || push.status == "pending" => {
            plan.steps.push(PushStep::Unsubscribe(token));
        }
        _ => plan.steps.push(PushStep::Forget(token)),
    }
}

fn keep(push: &PushState, offered: Option<&(String, String)>, plan: &mut PushPlan, now: Timestamp) {
    let token = push.callback_token.clone();
    if push.status == "verified" && !push.holds(now) {
        return plan.steps.push(PushStep::Lapse(token));
    }
    let due = push.next_request_at.filter(|at| *at > now);
    if due.is_none() && (push.status == "pending" || push.renewal.is_some()) {
        return plan.steps.push(PushStep::GiveUp(token));
    }
    match (due, offered) {
        (None, Some(offer)) => plan.steps.push(subscribe(offer.clone(), Some(token))),
        // The feed names this hub no more: what is lent runs out, then nothing is left.
        (None, None) if push.holds(now) => plan.rest(push.lease_until),
        (None, None) => plan.steps.push(PushStep::Forget(token)),
        (Some(at), _) => plan.rest(push.lease_until.filter(|until| *until < at).or(Some(at))),
    }
}

/// The state once a request is about to leave: written before it does, since hubs may ask back while it runs. `renews`
/// is the subscription at this hub so far.
pub fn push_asking(
    state: &mut FeedState,
    renewal: PushRenewal,
    renews: Option<&str>,
    now: Timestamp,
) {
    let next = Some(later(now, PENDING));
    let mut pushes = state.memory.pushes.iter_mut();
    let known = pushes.find(|push| Some(push.callback_token.as_str()) == renews);
    match known {
        Some(push) if push.holds(now) => {
            push.next_request_at = next;
            push.renewal = Some(renewal);
        }
        known => {
            let pending = PushState {
                hub_url: renewal.hub_url,
                topic_url: renewal.topic_url,
                callback_token: renewal.callback_token,
                secret: renewal.secret,
                status: "pending".to_owned(),
                since_at: now,
                next_request_at: next,
                failures: known.as_ref().map_or(0, |push| push.failures),
                ..PushState::default()
            };
            match known {
                Some(push) => *push = pending,
                None => state.memory.pushes.push(pending),
            }
        }
    }
}

/// The hub refused the request, or could not be asked: a day, doubled up to a week (R6.4); hourly where the lease would
/// run out (R6.8); never before `retry_after`.
pub fn push_refused(push: &mut PushState, retry_after: Option<Duration>, now: Timestamp) {
    let doubled = DAY.saturating_mul(1 << push.failures.min(3));
    push.failures = push.failures.saturating_add(1);
    let mut next = later(now, doubled.min(DENIED_REST));
    if push.holds(now) {
        next = next.min(urgent_at(push).max(later(now, HOUR)));
        push.renewal = None;
    } else {
        push.status = "failed".to_owned();
        push.since_at = now;
    }
    let asked = retry_after.map(|wait| later(now, wait));
    push.next_request_at = asked.max(Some(next));
}

/// Nine tenths of the lease.
fn urgent_at(push: &PushState) -> Timestamp {
    let lease = push
        .lease_until
        .map_or(Duration::ZERO, |until| between(push.since_at, until));
    later(push.since_at, lease.mul_f64(0.9))
}

/// A hub's question about the callback `token`: true when we asked for exactly this (R6.6, R6.7). What it changes is
/// changed.
pub fn push_asked(
    push: &mut PushState,
    token: &str,
    question: &PushQuestion,
    (now, draw): (Timestamp, Draw),
) -> bool {
    let renewed = push.renewal.take_if(|renewal| {
        renewal.callback_token == token
            && renewal.topic_url == question.topic
            && question.mode == "subscribe"
    });
    if let Some(renewal) = renewed {
        push.hub_url = renewal.hub_url;
        push.topic_url = renewal.topic_url;
        push.callback_token = renewal.callback_token;
        push.secret = renewal.secret;
        lend(push, question.lease_s, now, draw);
        return true;
    }
    if push.callback_token != token || push.topic_url != question.topic {
        return false;
    }
    match (question.mode.as_str(), push.status.as_str()) {
        ("subscribe", "pending") => lend(push, question.lease_s, now, draw),
        ("unsubscribe", "leaving") => {}
        ("denied", _) => deny(push, now),
        _ => return false,
    }
    true
}

/// The lease counts from the hub's question (R6.6); half of it later we ask again, spread over a tenth (R6.8).
fn lend(push: &mut PushState, lease_s: Option<u64>, now: Timestamp, draw: Draw) {
    let lease = Duration::from_secs(lease_s.filter(|lease| *lease > 0).unwrap_or(LEASE_S));
    let lease = lease.min(LONGEST_LEASE);
    push.status = "verified".to_owned();
    push.since_at = now;
    push.lease_until = Some(later(now, lease));
    let half = scaled(lease, 0.5 - draw / 10.0).max(LEAST_RENEWAL);
    push.next_request_at = Some(later(now, half));
    push.failures = 0;
}

fn deny(push: &mut PushState, now: Timestamp) {
    push.status = "denied".to_owned();
    push.since_at = now;
    push.lease_until = None;
    push.renewal = None;
    push.proven = false;
    push.next_request_at = Some(later(now, DENIED_REST));
}

/// A subscription is over, for now or for good: what was stretched because of it is not any more (R6.8).
pub fn unstretched(state: &mut FeedState, policy: &PollPolicy, now: Timestamp) {
    let pushes = &mut state.memory.pushes;
    for push in pushes.iter_mut().filter(|push| !push.holds(now)) {
        push.proven = false;
    }
    if state.next_poll_reason != PollReason::Push || pushes.iter().any(|push| push.proven) {
        return;
    }
    let earliest = manual_poll_at(state, policy, Insistence::Polite).map_or(now, |(at, _)| at);
    state.next_poll_at = state.next_poll_at.min(earliest.max(now));
    state.next_poll_reason = PollReason::Cadence;
}
