//! When to poll: a simulation with a published shape of trace. Rates are log-normal (σ = 3.25, so that 8.9 % of feeds post
//! daily or more, as NewsBlur's counts have it) up to 100 a day; three feeds in four have a day and a week. Rates are
//! learned from what polls find. 28 days of warm-up, then 28 days are measured.
//!
//! feedmill's own schedule runs first, as shipped; the others get the same number of requests.

use std::time::Duration;

use feedmill::model::{
    FeedId, FeedStanding, FeedState, PollMemory, PollReason, Rhythm, Validators,
};
use feedmill::schedule::{
    Answer, AnswerKind, Document, EntryTrace, PollPolicy, after_poll, rate_per_day,
};
use jiff::{SignedDuration, Timestamp};

const DAY_S: f64 = 86_400.0;
const WARM_DAYS: f64 = 28.0;
const DAYS: f64 = 56.0;
/// Entries in a document.
const WINDOW: usize = 20;
/// 2026-01-05, a Monday.
const BEGIN: i64 = 1_767_571_200;

/// SplitMix64: the same trace in every run and on every machine.
struct Dice(u64);

impl Dice {
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (radius, angle) = (self.draw().max(1e-12), self.draw());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}

/// Instants, in seconds since the beginning, at which one feed posts.
fn trace(dice: &mut Dice) -> Vec<f64> {
    let rate = (-4.378 + 3.25 * dice.normal()).exp().min(100.0);
    let habit = dice.draw() < 0.75;
    let peak = dice.draw() * 24.0;
    let mut at = 0.0;
    let mut posts = Vec::new();
    // Thinning: candidates at the highest rate, kept in proportion to the hour's.
    let most = if habit { 3.0 } else { 1.0 };
    while posts.len() < 20_000 {
        at -= dice.draw().max(1e-12).ln() / (rate * most) * DAY_S;
        if at >= DAYS * DAY_S {
            break;
        }
        let hour = (at / 3600.0) % 24.0;
        let weekend = (at / DAY_S) as u64 % 7 >= 5;
        let day = if weekend { 0.6 } else { 1.16 };
        let shape = 1.0 + 1.5 * ((hour - peak) / 24.0 * std::f64::consts::TAU).cos();
        if !habit || dice.draw() * most < day * shape.max(0.05) {
            posts.push(at);
        }
    }
    posts
}

/// How a schedule chooses its next interval.
#[derive(Clone, Copy)]
enum Choice {
    /// feedmill's, as shipped.
    Own,
    /// The same for all.
    Fixed(f64),
    /// In proportion to the learned rate: days for one entry a day.
    Proportional(f64),
}

#[derive(Default)]
struct Outcome {
    requests: f64,
    useful: f64,
    delays: Vec<f64>,
}

impl Outcome {
    fn mean(&self) -> f64 {
        self.delays.iter().sum::<f64>() / self.delays.len().max(1) as f64 / 60.0
    }

    fn p95(&mut self) -> f64 {
        self.delays.sort_by(f64::total_cmp);
        let at = self.delays.len() * 95 / 100;
        self.delays.get(at).copied().unwrap_or_default() / 60.0
    }
}

fn instant(at: f64) -> Timestamp {
    Timestamp::from_second(BEGIN).unwrap() + SignedDuration::from_millis((at * 1000.0) as i64)
}

fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::from_second(BEGIN).unwrap())
        .as_secs_f64()
}

fn begun(at: f64) -> FeedState {
    FeedState {
        id: FeedId(1),
        key: String::new(),
        configured_url: String::new(),
        url: String::new(),
        title: None,
        site_url: None,
        groups: Vec::new(),
        priority: 0,
        standing: FeedStanding::Active,
        validators: Validators::default(),
        body_hash: None,
        next_poll_at: instant(at),
        next_poll_reason: PollReason::First,
        memory: PollMemory {
            rhythm: Rhythm::default(),
            ..PollMemory::default()
        },
    }
}

fn answer(posts: &[f64], from: usize, until: usize, now: Timestamp) -> Answer {
    let window = until.saturating_sub(WINDOW)..until;
    let entries = window.map(|at| EntryTrace {
        mark: at as u32,
        dated_at: Some(instant(posts[at])),
    });
    let document = Document {
        entries: entries.collect(),
        ..Document::default()
    };
    Answer {
        kind: if from == until && from > 0 {
            AnswerKind::NotModified
        } else {
            AnswerKind::Document(Box::new(document))
        },
        started_at: now,
        asked_url: String::new(),
        conditional: true,
        validators: Validators::default(),
        lifetime: None,
        age: Duration::ZERO,
        retry_after: None,
        moved_to: None,
        received_bytes: 0,
        host_gate: None,
        push_waits: false,
    }
}

fn run_one(posts: &[f64], policy: &PollPolicy, choice: Choice, dice: &mut Dice) -> Outcome {
    let mut outcome = Outcome::default();
    let mut at = dice.draw() * 3600.0;
    let mut state = begun(at);
    let mut seen = 0;
    let (low, high) = (policy.floor.as_secs_f64(), policy.ceiling.as_secs_f64());
    while at < DAYS * DAY_S {
        let now = instant(at);
        let until = posts.partition_point(|post| *post <= at);
        state = after_poll(
            state,
            &answer(posts, seen, until, now),
            policy,
            now,
            dice.draw(),
        );
        if at >= WARM_DAYS * DAY_S {
            outcome.requests += 1.0;
            outcome.useful += f64::from(u8::from(until > seen));
            let found = posts[seen..until]
                .iter()
                .filter(|post| **post >= WARM_DAYS * DAY_S);
            outcome.delays.extend(found.map(|post| at - post));
        }
        seen = until;
        let rate = || rate_per_day(&state.memory.rhythm, now);
        at = match choice {
            Choice::Own => seconds(state.next_poll_at),
            Choice::Fixed(gap) => at + gap,
            Choice::Proportional(days) => at + (days / rate() * DAY_S).clamp(low, high),
        };
    }
    outcome
}

fn run_all(traces: &[Vec<f64>], policy: &PollPolicy, choice: Choice) -> Outcome {
    let mut dice = Dice(7);
    let mut all = Outcome::default();
    for posts in traces {
        let one = run_one(posts, policy, choice, &mut dice);
        all.requests += one.requests;
        all.useful += one.useful;
        all.delays.extend(one.delays);
    }
    all
}

/// The proportional schedule whose requests are `budget`, by halving on a logarithmic scale.
fn proportional(traces: &[Vec<f64>], policy: &PollPolicy, budget: f64) -> Outcome {
    let (mut low, mut high) = (1e-4_f64.ln(), 100.0_f64.ln());
    for _ in 0..12 {
        let middle = f64::midpoint(low, high);
        let tried = run_all(traces, policy, Choice::Proportional(middle.exp()));
        if tried.requests > budget {
            low = middle;
        } else {
            high = middle;
        }
    }
    run_all(traces, policy, Choice::Proportional(high.exp()))
}

/// Prints the table.
pub(crate) fn run(size: usize) {
    let mut dice = Dice(2026);
    let traces: Vec<Vec<f64>> = (0..size).map(|_| trace(&mut dice)).collect();
    println!("\ncadence: {size} feeds, equal requests, delay of entries in minutes");
    for (name, floor) in [("floor 60 min", 3600), ("floor 15 min", 900)] {
        let policy = PollPolicy {
            floor: Duration::from_secs(floor),
            ceiling: Duration::from_secs(86_400),
            adaptive: true,
            weight: 1.0,
            kappa: None,
            digest_at: None,
            rooted: false,
        };
        let own = run_all(&traces, &policy, Choice::Own);
        let feed_days = size as f64 * (DAYS - WARM_DAYS);
        let gap = feed_days * DAY_S / own.requests;
        let fixed = run_all(&traces, &policy, Choice::Fixed(gap));
        let proportional = proportional(&traces, &policy, own.requests);
        println!(
            "{name:<16} {:>10} {:>8} {:>8} {:>8}",
            "req/day", "mean", "p95", "useful"
        );
        for (name, mut outcome) in [
            ("  fixed", fixed),
            ("  proportional", proportional),
            ("  feedmill", own),
        ] {
            println!(
                "{name:<16} {:>10.2} {:>8.1} {:>8.1} {:>7.1}%",
                outcome.requests / feed_days,
                outcome.mean(),
                outcome.p95(),
                outcome.useful / outcome.requests * 100.0,
            );
        }
    }
}
