//! Stories: numbers without gaps, pages, groups, windows, floods, the operator's rulings.

use super::bench::{Bench, Exact, at, commit, dated, entry, linked, spec, strings};
use feedmill::model::*;
use std::sync::Arc;

const NOW: &str = "2026-01-01T00:00:00Z";

fn numbered(feed: &str, count: usize) -> Vec<IncomingEntry> {
    let one = |number: usize| {
        dated(
            entry(&number.to_string(), &format!("{feed}{number}")),
            &format!("2025-12-{:02}T00:00:00Z", number + 1),
        )
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn pages_meet_without_gap_or_overlap() {
    let bench = Bench::new().await;
    bench.feeds(&["a", "b"], NOW).await;
    bench.poll("a", NOW, numbered("a", 7)).await;
    bench.poll("b", NOW, numbered("b", 7)).await;
    let whole = bench.titles(&["*"]).await;
    assert_eq!(whole.len(), 14);
    for groups in [&["*"], &["all"]] {
        let mut paged = Vec::new();
        let mut selection = Selection {
            groups: strings(groups),
            limit: 3,
            ..Selection::default()
        };
        loop {
            let page = bench.store.select_stories(selection.clone()).await.unwrap();
            let Some(last) = page.last() else { break };
            selection.before = Some((last.shown_at, last.id));
            paged.extend(page.into_iter().map(|story| story.lead.entry.title));
        }
        assert_eq!(paged, whole);
    }
}

#[tokio::test]
async fn groups_feeds_dates_and_windows_select() {
    let bench = Bench::new().await;
    let specs = vec![spec("a", &["tech"]), spec("b", &["art"]), spec("c", &[])];
    bench.store.sync_feeds(specs, at(NOW)).await.unwrap();
    for feed in ["a", "b", "c"] {
        bench.poll(feed, NOW, numbered(feed, 3)).await;
    }
    let titles = async |selection: Selection| {
        let stories = bench
            .store
            .select_stories(Selection {
                limit: 9,
                ..selection
            })
            .await
            .unwrap();
        stories
            .into_iter()
            .map(|story| story.lead.entry.title)
            .collect::<Vec<_>>()
    };
    let of = |groups: &[&str], feeds: &[&str]| Selection {
        groups: strings(groups),
        feeds: strings(feeds),
        ..Selection::default()
    };
    assert_eq!(titles(of(&["tech"], &[])).await, ["a2", "a1", "a0"]);
    assert_eq!(
        titles(of(&["art"], &["c"])).await,
        ["c2", "b2", "c1", "b1", "c0", "b0"]
    );
    assert!(titles(of(&["none"], &[])).await.is_empty());
    let (since, until) = (
        Some(at("2025-12-02T00:00:00Z")),
        Some(at("2025-12-03T00:00:00Z")),
    );
    assert_eq!(
        titles(Selection {
            since,
            until,
            ..of(&["tech", "art"], &[])
        })
        .await,
        ["b1", "a1"]
    );
    let window = Some((StorySeq(2), StorySeq(5)));
    assert_eq!(
        titles(Selection {
            window,
            ..of(&["*"], &[])
        })
        .await,
        ["a2", "b1", "b0"]
    );
    assert_eq!(
        titles(Selection {
            window,
            ..of(&["art"], &[])
        })
        .await,
        ["b1", "b0"]
    );
    assert_eq!(bench.store.last_seq().await.unwrap(), StorySeq(9));
}

#[tokio::test]
async fn a_flood_is_backlog_without_numbers_and_joins_make_it_visible() {
    let bench = Bench::new().await;
    bench.feeds(&["a", "b"], NOW).await;
    let flood = (0..5).map(|number| {
        linked(
            entry(&number.to_string(), &format!("a{number}")),
            &format!("x/{number}"),
        )
    });
    let mut poll = commit(bench.state("a").await, NOW, flood.collect());
    poll.max_new = 2;
    let report = bench
        .store
        .commit_poll(poll, Arc::new(super::bench::Exact))
        .await
        .unwrap();
    assert_eq!((report.new, report.stories, report.held), (5, 2, 3));
    assert_eq!(bench.titles(&["all"]).await, ["a1", "a0"]);
    let archive = Selection {
        groups: strings(&["all"]),
        with_backlog: true,
        limit: 9,
        ..Selection::default()
    };
    assert_eq!(bench.store.select_stories(archive).await.unwrap().len(), 5);
    let report = bench
        .poll(
            "b",
            "2026-01-01T00:00:05Z",
            vec![linked(entry("9", "b9"), "x/4")],
        )
        .await;
    assert_eq!((report.joined, report.stories), (1, 1));
    let stories = bench.store.select_stories(Selection {
        groups: strings(&["b"]),
        feeds: strings(&["b"]),
        limit: 9,
        ..Selection::default()
    });
    let story = stories.await.unwrap().remove(0);
    assert_eq!(
        (
            story.lead.entry.title.as_str(),
            story.seq,
            story.sightings.len()
        ),
        ("b9", StorySeq(3), 2)
    );
    assert!(
        story.also_in().is_empty(),
        "the backlog copy is for no reader"
    );
}

#[tokio::test]
async fn ids_are_the_publishers_where_they_are_iris_and_unused() {
    let bench = Bench::new().await;
    bench.feeds(&["a", "b"], NOW).await;
    let ids = ["tag:a.example,2026:1", "https://a.example/2", "3", "a b:c"];
    let entries: Vec<_> = ids.iter().map(|id| entry(id, id)).collect();
    bench.poll("a", NOW, entries).await;
    bench
        .poll("b", NOW, vec![entry("tag:a.example,2026:1", "copied id")])
        .await;
    let mut found = Vec::new();
    for id in 1..=5 {
        found.push(
            bench
                .store
                .story(StoryId(id))
                .await
                .unwrap()
                .unwrap()
                .public_id,
        );
    }
    assert_eq!(found[..2], ids[..2]);
    for minted in &found[2..] {
        let uuid = minted.strip_prefix("urn:uuid:").unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"));
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 5);
}

#[tokio::test]
async fn the_operator_splits_and_joins_for_good() {
    let bench = Bench::new().await;
    bench.feeds(&["a", "b"], NOW).await;
    bench
        .poll("a", NOW, vec![linked(entry("1", "One"), "x/1")])
        .await;
    bench
        .poll("b", NOW, vec![linked(entry("2", "Two"), "x/1")])
        .await;
    assert_eq!(bench.titles(&["all"]).await, ["One"]);
    let other = bench
        .store
        .split_story(EntryId(2), Arc::new(Exact), at(NOW))
        .await
        .unwrap();
    assert_eq!(bench.titles(&["all"]).await, ["Two", "One"]);
    bench
        .poll("b", NOW, vec![linked(entry("2", "Two, changed"), "x/1")])
        .await;
    assert_eq!(bench.titles(&["all"]).await, ["Two, changed", "One"]);
    let join = async |one, other| {
        let judge = Arc::new(Exact);
        bench.store.join_stories((one, other), judge, at(NOW)).await
    };
    assert_eq!(join(other, StoryId(1)).await.unwrap(), StoryId(1));
    for (one, other) in [(StoryId(1), StoryId(99)), (StoryId(99), StoryId(1))] {
        let error = join(one, other).await.unwrap_err().to_string();
        assert!(error.contains("no story has the number 99"), "{error}");
    }
    let stories = bench.store.select_stories(Selection {
        groups: strings(&["all"]),
        limit: 9,
        ..Selection::default()
    });
    let stories = stories.await.unwrap();
    assert_eq!(
        stories
            .iter()
            .map(|story| (story.seq.0, story.sightings.len()))
            .collect::<Vec<_>>(),
        [(1, 2)]
    );
}

#[tokio::test]
async fn what_a_quarantined_feed_brings_waits_for_the_operator() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let mut state = bench.state("a").await;
    state.standing = FeedStanding::Quarantined;
    let report = bench.poll_as(state, NOW, vec![entry("1", "One")]).await;
    assert_eq!((report.held, report.touched), (1, false));
    assert!(bench.titles(&["all"]).await.is_empty());
    let id = bench.state("a").await.id;
    assert_eq!(
        bench.store.approve_feed(id, Arc::new(Exact)).await.unwrap(),
        1
    );
    assert_eq!(bench.titles(&["all"]).await, ["One"]);
    assert_eq!(bench.state("a").await.standing, FeedStanding::Active);
}

#[tokio::test]
async fn what_the_operator_approves_while_a_poll_is_under_way_stays_approved() {
    let bench = Bench::new().await;
    bench.feeds(&["a"], NOW).await;
    let mut state = bench.state("a").await;
    state.standing = FeedStanding::Quarantined;
    state.memory.notice = Some("taken over".to_owned());
    bench.poll_as(state, NOW, vec![entry("1", "One")]).await;
    let under_way = bench.state("a").await;
    let id = under_way.id;
    bench.store.approve_feed(id, Arc::new(Exact)).await.unwrap();
    let lift = |state: &mut FeedState| {
        state.memory.notice = None;
        state.memory.approved = true;
        state.memory.approvals += 1;
    };
    bench.store.update_feed(id, Box::new(lift)).await.unwrap();
    let both = vec![entry("1", "One"), entry("2", "Two")];
    bench.poll_as(under_way, NOW, both).await;
    assert_eq!(bench.titles(&["all"]).await, ["Two", "One"]);
    let after = bench.state("a").await;
    assert_eq!(
        (after.standing, after.memory.notice, after.memory.approved),
        (FeedStanding::Active, None, true)
    );
    assert_eq!(after.memory.counters.polls, 2);
}

/// The author's own copy leads, also where it comes into the story by the operator's word.
#[tokio::test]
async fn what_the_operator_joins_or_approves_takes_the_lead_it_deserves() {
    let bench = Bench::new().await;
    let author = FeedSpec {
        priority: 5,
        ..spec("author", &["all"])
    };
    let specs = vec![spec("copy", &["all"]), author, spec("third", &["all"])];
    bench.store.sync_feeds(specs, at(NOW)).await.unwrap();
    bench
        .poll("copy", NOW, vec![linked(entry("1", "Copied"), "x/1")])
        .await;
    bench
        .poll("author", NOW, vec![linked(entry("2", "Own"), "x/2")])
        .await;
    let pair = (StoryId(1), StoryId(2));
    let judge = || Arc::new(Exact);
    bench
        .store
        .join_stories(pair, judge(), at(NOW))
        .await
        .unwrap();
    assert_eq!(bench.titles(&["all"]).await, ["Own"]);
    // Taken out again, the copy leads what is left.
    bench
        .store
        .split_story(EntryId(2), judge(), at(NOW))
        .await
        .unwrap();
    assert_eq!(bench.titles(&["all"]).await, ["Own", "Copied"]);
    bench
        .poll(
            "third",
            NOW,
            vec![linked(entry("3", "Another copy"), "x/3")],
        )
        .await;
    let mut held = bench.state("author").await;
    held.standing = FeedStanding::Quarantined;
    bench
        .poll_as(held, NOW, vec![linked(entry("4", "Own too"), "x/3")])
        .await;
    let id = bench.state("author").await.id;
    assert_eq!(bench.store.approve_feed(id, judge()).await.unwrap(), 1);
    assert_eq!(bench.titles(&["all"]).await, ["Own too", "Own", "Copied"]);
}
