//! The budget of requests (R4.2): how often each feed asks to be polled as one number goes up and down, and that number
//! at which all of them together cost what the operator gives. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::cadence::{ASLEEP, is_asleep, rate_per_day};
use super::next_poll::{is_pushed, stretched};
use super::{DAY, PollPolicy, scaled};
use crate::model::{FeedStanding, FeedState, PollReason, Rhythm};

/// Where the number is looked for, in powers of ten of days.
const WIDEST: (f64, f64) = (-6.0, 6.0);
/// Halvings of that span: finer than a double tells apart at its end.
const HALVINGS: u32 = 60;

/// How often a feed is polled while all is well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Demand {
    /// Whatever others cost.
    Fixed(Duration),
    /// κ/√(wλ), within bounds.
    Learned {
        /// wλ, a day.
        weighted_rate: f64,
        /// Floor.
        least: Duration,
        /// Ceiling.
        most: Duration,
        /// A hub pushes it: the interval is twelve times as long, a day at most.
        pushed: bool,
    },
}

impl Demand {
    /// Of a feed that is polled; what fails counts as if it did not, since it may recover at any time.
    #[must_use]
    pub fn of(state: &FeedState, policy: &PollPolicy, now: Timestamp) -> Option<Self> {
        let polled = matches!(
            state.standing,
            FeedStanding::Active | FeedStanding::Quarantined
        ) && state.next_poll_reason != PollReason::Never;
        // A local file is nobody's host.
        if !polled || state.url.starts_with("file:") {
            return None;
        }
        if policy.digest_at.is_some() {
            return Some(Self::Fixed(DAY.max(policy.floor)));
        }
        let mut demand = Self::by_rhythm(&state.memory.rhythm, policy, now);
        if let Self::Learned { pushed, .. } = &mut demand {
            let pushes = &state.memory.pushes;
            *pushed = pushes.iter().any(|push| is_pushed(push, now));
        }
        Some(demand)
    }

    pub(super) fn by_rhythm(rhythm: &Rhythm, policy: &PollPolicy, now: Timestamp) -> Self {
        if !policy.adaptive {
            return Self::Fixed(policy.floor);
        }
        if is_asleep(rhythm, policy, now) {
            return Self::Fixed(ASLEEP.max(policy.floor));
        }
        Self::Learned {
            weighted_rate: rate_per_day(rhythm, now) * policy.weight,
            least: policy.floor,
            most: policy.ceiling.max(policy.floor),
            pushed: false,
        }
    }

    /// Time from one poll to the next where `kappa` is the days between polls of a feed with an entry a day.
    #[must_use]
    pub fn interval(&self, kappa: f64) -> Duration {
        match *self {
            Self::Fixed(interval) => interval,
            Self::Learned {
                weighted_rate,
                least,
                most,
                pushed,
            } => {
                let wanted = scaled(DAY, kappa / weighted_rate.sqrt());
                let learned = wanted.min(most).max(least);
                if pushed { stretched(learned) } else { learned }
            }
        }
    }

    fn requests_per_day(&self, kappa: f64) -> f64 {
        DAY.as_secs_f64() / self.interval(kappa).as_secs_f64().max(1.0)
    }
}

/// κ at which `demands` cost `requests_per_day` together; where floors or ceilings do not let them, as near as they do.
#[must_use]
pub fn affordable(demands: &[Demand], requests_per_day: f64) -> f64 {
    let cost = |kappa: f64| -> f64 {
        let each = demands.iter().map(|demand| demand.requests_per_day(kappa));
        each.sum()
    };
    let (mut dear, mut cheap) = WIDEST;
    for _ in 0..HALVINGS {
        let middle = dear.midpoint(cheap);
        if cost(10_f64.powf(middle)) > requests_per_day {
            dear = middle;
        } else {
            cheap = middle;
        }
    }
    10_f64.powf(cheap)
}
