//! Feeds between polls: what the config owns, what is due, who may claim.

use std::time::Duration;

use super::bench::{Bench, at, commit, spec};
use feedmill::model::*;

const NOW: &str = "2026-01-01T00:00:00Z";

#[tokio::test]
async fn a_sync_keeps_the_schedule_and_the_history_of_what_left() {
    let bench = Bench::new().await;
    let report = bench.feeds(&["a", "b"], NOW).await;
    assert_eq!(report.added, ["a", "b"]);
    bench.poll("a", NOW, Vec::new()).await;
    let polled = bench.state("a").await;
    assert_eq!(
        bench.feeds(&["a", "b"], "2026-01-01T00:10:00Z").await,
        SyncReport::default()
    );
    assert_eq!(bench.state("a").await, polled);
    assert_eq!(bench.feeds(&["b"], NOW).await.removed, ["a"]);
    assert_eq!(bench.store.feeds(false).await.unwrap().len(), 1);
    assert_eq!(bench.state("a").await.standing, FeedStanding::Removed);
    assert_eq!(bench.feeds(&["a", "b"], NOW).await.added, ["a"]);
    assert_eq!(bench.state("a").await, polled);
}

#[tokio::test]
async fn another_configured_url_drops_the_validators_and_keeps_the_gate() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let mut state = bench.state("a").await;
    state.validators = Validators {
        url: state.url.clone(),
        etag: Some(b"\"1\"".to_vec()),
        last_modified: None,
    };
    state.memory.gate_until = Some(at("2026-01-02T00:00:00Z"));
    bench.poll_as(state, NOW, Vec::new()).await;
    assert!(bench.state("a").await.validators.etag.is_some());
    let moved = FeedSpec {
        url: "https://elsewhere.example/feed".into(),
        ..spec("a", &["all"])
    };
    bench.store.sync_feeds(vec![moved], at(NOW)).await.unwrap();
    let state = bench.state("a").await;
    assert_eq!(
        (state.url.as_str(), &state.validators),
        ("https://elsewhere.example/feed", &Validators::default())
    );
    assert_eq!(state.memory.gate_until, Some(at("2026-01-02T00:00:00Z")));
    assert_eq!(state.next_poll_at, at("2026-01-01T01:00:00Z"));
}

/// A feed given up with `standing`, whose next poll is weeks away.
async fn given_up(standing: FeedStanding, reason: PollReason) -> Bench {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let mut state = bench.state("a").await;
    let id = state.id;
    state.standing = standing;
    state.next_poll_at = at("2026-01-31T00:00:00Z");
    state.next_poll_reason = reason;
    state.memory.failures = 9;
    state.memory.failing_since = Some(at(NOW));
    state.memory.missing_since = Some(at(NOW));
    state.memory.gone_at = Some(at(NOW));
    state.memory.gate_until = Some(at("2026-01-02T06:00:00Z"));
    state.memory.trouble = Some(PollTrouble {
        class: TroubleClass::Status,
        status: Some(404),
        text: "answered 404".to_owned(),
    });
    let change = move |stored: &mut FeedState| *stored = state;
    let stored = bench.store.update_feed(id, Box::new(change));
    stored.await.unwrap();
    bench
}

#[track_caller]
fn check_begun_anew(state: &FeedState, due: &str) {
    assert_eq!(state.standing, FeedStanding::Active);
    assert_eq!(
        (state.next_poll_at, state.next_poll_reason),
        (at(due), PollReason::First)
    );
    let memory = &state.memory;
    assert_eq!((memory.failures, &memory.trouble), (0, &None));
    let since = [memory.failing_since, memory.missing_since, memory.gone_at];
    assert_eq!(since, [None; 3]);
}

#[tokio::test]
async fn a_corrected_url_is_asked_at_once_but_not_before_its_gate() {
    for (standing, reason) in [
        (FeedStanding::Active, PollReason::Backoff),
        (FeedStanding::Active, PollReason::Confirm),
        (FeedStanding::Active, PollReason::Freshness),
        (FeedStanding::Dead, PollReason::Backoff),
        (FeedStanding::Gone, PollReason::Never),
    ] {
        let bench = given_up(standing, reason).await;
        let corrected = FeedSpec {
            url: "https://a.example/corrected".into(),
            ..spec("a", &["all"])
        };
        let now = at("2026-01-02T00:00:00Z");
        let synced = bench.store.sync_feeds(vec![corrected], now).await;
        assert_eq!(synced.unwrap().changed, ["a"]);
        check_begun_anew(&bench.state("a").await, "2026-01-02T06:00:00Z");
    }
}

#[tokio::test]
async fn r2_12_a_feed_that_was_given_up_is_asked_again_once_it_is_switched_on_again() {
    for standing in [FeedStanding::Gone, FeedStanding::Dead] {
        let bench = given_up(standing, PollReason::Backoff).await;
        let switched = |enabled| FeedSpec {
            enabled,
            ..spec("a", &["all"])
        };
        let now = at("2026-01-03T00:00:00Z");
        for enabled in [true, false] {
            let specs = vec![switched(enabled)];
            bench.store.sync_feeds(specs, now).await.unwrap();
            assert_eq!(bench.store.due_feeds(now, 10).await.unwrap(), []);
        }
        let on = vec![switched(true)];
        bench.store.sync_feeds(on, now).await.unwrap();
        check_begun_anew(&bench.state("a").await, "2026-01-03T00:00:00Z");
    }
}

#[tokio::test]
async fn a_poll_that_began_before_the_url_changed_does_not_bring_the_old_one_back() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let mut running = bench.state("a").await;
    running.validators = Validators {
        url: running.url.clone(),
        etag: Some(b"\"1\"".to_vec()),
        last_modified: None,
    };
    let moved = FeedSpec {
        url: "https://elsewhere.example/feed".into(),
        ..spec("a", &["all"])
    };
    bench.store.sync_feeds(vec![moved], at(NOW)).await.unwrap();
    bench.poll_as(running, NOW, Vec::new()).await;
    let state = bench.state("a").await;
    assert_eq!(
        (state.url.as_str(), state.validators.etag),
        ("https://elsewhere.example/feed", None)
    );
}

#[tokio::test]
async fn r5_9_only_one_of_two_claims_wins_and_the_schedule_has_moved_before_the_request() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let due = bench.store.due_feeds(at(NOW), 10).await.unwrap();
    let claim = |next: &str| PollClaim {
        feed: due[0].id,
        expected_next_poll_at: due[0].next_poll_at,
        attempt_at: at(NOW),
        next_poll_at: at(next),
    };
    let claims = vec![claim("2026-01-01T01:00:00Z"), claim("2026-01-01T02:00:00Z")];
    assert_eq!(
        bench.store.begin_polls(claims).await.unwrap(),
        [true, false]
    );
    assert!(bench.store.due_feeds(at(NOW), 10).await.unwrap().is_empty());
    let state = bench.state("a").await;
    assert_eq!(state.next_poll_at, at("2026-01-01T01:00:00Z"));
    assert_eq!(
        (state.next_poll_reason, state.memory.attempt_at),
        (PollReason::Claimed, Some(at(NOW)))
    );
    assert_eq!(
        bench.store.next_due_at().await.unwrap(),
        Some(at("2026-01-01T01:00:00Z"))
    );
}

#[tokio::test]
async fn a_first_poll_is_spread_and_what_is_switched_off_is_never_due() {
    let bench = Bench::new().await;
    let mut specs: Vec<FeedSpec> = (0..40)
        .map(|number| spec(&format!("f{number}"), &[]))
        .collect();
    specs
        .iter_mut()
        .for_each(|spec| spec.spread = Duration::from_secs(600));
    specs[0].enabled = false;
    bench.store.sync_feeds(specs, at(NOW)).await.unwrap();
    let end = at("2026-01-01T00:10:00Z");
    let due = bench.store.due_feeds(end, 100).await.unwrap();
    assert_eq!(due.len(), 39);
    assert!(due.is_sorted_by_key(|feed| feed.next_poll_at));
    let mut instants: Vec<_> = due.iter().map(|feed| feed.next_poll_at).collect();
    instants.dedup();
    assert!(
        instants.len() > 30
            && instants
                .iter()
                .all(|instant| (at(NOW)..end).contains(instant))
    );
}

#[tokio::test]
async fn push_tokens_and_hosts_are_found_again() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let push = PushState {
        hub_url: "https://hub.example/".into(),
        topic_url: "https://a.example/feed".into(),
        callback_token: "0123abcd".into(),
        secret: None,
        status: "pending".into(),
        since_at: at(NOW),
        lease_until: None,
        next_request_at: None,
        deliveries: 0,
        proven: false,
        ..PushState::default()
    };
    let id = bench.state("a").await.id;
    bench
        .store
        .update_feed(id, Box::new(move |feed| feed.memory.pushes.push(push)))
        .await
        .unwrap();
    let pushed = bench.store.pushed_feeds().await.unwrap();
    let keys: Vec<_> = pushed.iter().map(|feed| feed.key.as_str()).collect();
    assert_eq!(keys, ["a"]);
    assert_eq!(pushed[0].memory.pushes[0].callback_token, "0123abcd");
    let host = HostState {
        host: "a.example:443".into(),
        gap_ms: 500,
        ..HostState::default()
    };
    let with_host = PollCommit {
        completed: Vec::new(),
        withdrawn: Vec::new(),
        host: Some(host.clone()),
        ..commit(bench.state("a").await, NOW, Vec::new())
    };
    bench
        .store
        .commit_poll(with_host, std::sync::Arc::new(super::bench::Exact))
        .await
        .unwrap();
    assert_eq!(bench.store.hosts().await.unwrap(), [host]);
}
