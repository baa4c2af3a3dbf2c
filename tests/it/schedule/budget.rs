//! The budget of requests (R4.2): what feeds ask for adds up to what the operator gives, within each feed's bounds.

use std::time::Duration;

use feedmill::model::{FeedStanding, FeedState, PollReason, PushState};
use feedmill::schedule::{AnswerKind, Demand, PollPolicy, affordable, after_poll};
use proptest::prelude::*;

use super::after_poll::{answer, daily, policy, start};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

fn learned(weighted_rate: f64) -> Demand {
    Demand::Learned {
        weighted_rate,
        least: HOUR,
        most: DAY,
        pushed: false,
    }
}

fn cost(demands: &[Demand], kappa: f64) -> f64 {
    let each = demands
        .iter()
        .map(|demand| 86_400.0 / demand.interval(kappa).as_secs_f64());
    each.sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn r4_2_requests_add_up_to_the_budget(
        rates in prop::collection::vec(0.001..200.0_f64, 1..300), share in 0.02..0.98_f64,
    ) {
        let demands: Vec<Demand> = rates.iter().map(|rate| learned(*rate)).collect();
        // From one request a day of each feed to twenty-four.
        let budget = rates.len() as f64 * (1.0 + 23.0 * share);
        let kappa = affordable(&demands, budget);
        prop_assert!((cost(&demands, kappa) - budget).abs() < 0.01 * budget);
        let mut by_rate: Vec<(f64, Duration)> =
            rates.iter().zip(&demands).map(|(rate, demand)| (*rate, demand.interval(kappa))).collect();
        by_rate.sort_by(|a, b| a.0.total_cmp(&b.0));
        prop_assert!(by_rate.is_sorted_by(|a, b| a.1 >= b.1), "busier is never slower");
        prop_assert!(by_rate.iter().all(|(_, interval)| (HOUR..=DAY).contains(interval)));
    }
}

#[test]
fn r4_2_what_bounds_do_not_allow_is_met_as_nearly_as_they_do() {
    let demands = [learned(1.0), learned(9.0)];
    assert!((cost(&demands, affordable(&demands, 1.0)) - 2.0).abs() < 0.01);
    assert!((cost(&demands, affordable(&demands, 1000.0)) - 48.0).abs() < 0.01);
    assert!(affordable(&[], 1.0).is_finite());
}

#[test]
fn r4_2_what_is_spent_anyway_comes_off_the_budget() {
    // Twelve requests a day of one, so that eight are left for the other.
    let demands = [Demand::Fixed(HOUR * 2), learned(1.0)];
    let kappa = affordable(&demands, 20.0);
    assert!(demands[1].interval(kappa).abs_diff(HOUR * 3) < Duration::from_secs(1));
    let hub = |pushed| Demand::Learned {
        weighted_rate: 1.0,
        least: HOUR,
        most: DAY,
        pushed,
    };
    assert_eq!(hub(true).interval(0.05), Duration::from_secs(4320 * 12));
    assert_eq!(hub(true).interval(0.5), DAY);
    assert_eq!(hub(false).interval(0.05), Duration::from_secs(4320));
}

#[test]
fn r4_2_only_what_is_polled_of_others_costs_anything() {
    let demand = |change: &dyn Fn(&mut FeedState)| {
        let mut state = daily();
        change(&mut state);
        Demand::of(&state, &policy(), start())
    };
    let of = |demand: Option<Demand>| demand.map(|demand| demand.interval(0.1).as_secs());
    assert_eq!(of(demand(&|_| {})), Some(8746));
    assert_eq!(demand(&|state| state.standing = FeedStanding::Gone), None);
    assert_eq!(
        demand(&|state| state.standing = FeedStanding::Disabled),
        None
    );
    assert_eq!(
        demand(&|state| state.next_poll_reason = PollReason::Never),
        None
    );
    assert_eq!(
        demand(&|state| state.url = "file:///var/feed.xml".to_owned()),
        None
    );
    let asleep = |state: &mut FeedState| {
        state.memory.rhythm.newest_entry_at = Some(start() - DAY * 181);
    };
    assert_eq!(demand(&asleep), Some(Demand::Fixed(HOUR * 72)));
    // Never had an entry, and has been known for as long.
    let empty = |state: &mut FeedState| {
        state.memory.rhythm = feedmill::model::Rhythm::default();
        state.memory.rhythm.observed_since = Some(start() - DAY * 181);
    };
    assert_eq!(demand(&empty), Some(Demand::Fixed(HOUR * 72)));
    let pushed = |state: &mut FeedState| {
        state.memory.pushes.push(PushState {
            status: "verified".to_owned(),
            lease_until: Some(start() + DAY),
            proven: true,
            ..PushState::default()
        });
    };
    assert_eq!(of(demand(&pushed)), Some(86_400));
    let digest = PollPolicy {
        digest_at: Some(start() + HOUR),
        ..policy()
    };
    assert_eq!(
        Demand::of(&daily(), &digest, start()),
        Some(Demand::Fixed(DAY))
    );
}

#[test]
fn r4_2_a_feed_of_fourfold_weight_is_polled_twice_as_often_and_the_budget_is_named() {
    let next = |weight: f64, kappa: Option<f64>| {
        let policy = PollPolicy {
            weight,
            kappa,
            ..policy()
        };
        let told = answer(AnswerKind::NotModified, start());
        let after = after_poll(daily(), &told, &policy, start(), 0.0);
        let wait = after.next_poll_at.duration_since(start()).as_secs();
        (wait, after.next_poll_reason)
    };
    assert_eq!(next(1.0, None), (8746, PollReason::Cadence));
    assert_eq!(next(4.0, None), (4373, PollReason::Cadence));
    assert_eq!(next(1.0, Some(0.2)), (17_492, PollReason::Budget));
    assert_eq!(next(4.0, Some(0.2)), (8746, PollReason::Budget));
    // As much as the rhythm asks for anyway, and more than the floor lets through.
    assert_eq!(next(1.0, Some(0.1)), (8746, PollReason::Cadence));
    assert_eq!(next(1.0, Some(0.01)), (3600, PollReason::Floor));
}
