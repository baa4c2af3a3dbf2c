//! The budget of requests (R4.2) as the polling flow keeps it: over a month with a reload, and in its reasons.

use std::time::Duration;

use feedmill::model::PollReason;
use jiff::Timestamp;

use crate::support::origin::Origin;
use crate::support::world::World;

/// A feed with an entry every `hours`, the last one before `now`.
fn rss(hours: i64, now: Timestamp) -> String {
    let step = hours * 3600;
    let last = now.as_second().div_euclid(step);
    let item = |number: i64| {
        let at = Timestamp::from_second(number * step).unwrap();
        let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT");
        format!(
            "<item><title>n{number}</title><guid isPermaLink=\"false\">{number}</guid><pubDate>{date}</pubDate></item>"
        )
    };
    let items: String = (last - 40..=last).rev().map(item).collect();
    format!("<rss version=\"2.0\"><channel><title>A feed</title>{items}</channel></rss>")
}

/// Moves the clock to when something is due, or on where a host wants its gap.
async fn until_due(world: &World) {
    let due = world.store.next_due_at().await.unwrap().unwrap();
    let wait = due.duration_since(world.clock.now());
    let wait = Duration::try_from(wait).unwrap_or_default();
    world.wait(wait.max(Duration::from_secs(3)));
}

/// Requests a day over a week, after three days to learn in.
async fn spent(world: &World, origin: &Origin, rhythms: &[i64]) -> f64 {
    let begun = world.clock.now();
    let days = |world: &World| world.clock.now().duration_since(begun).as_hours() / 24;
    let mut before = 0;
    while days(world) < 10 {
        if days(world) < 3 {
            before = origin.requests().len();
        }
        for hours in rhythms {
            origin.feed(&format!("/{hours}"), rss(*hours, world.clock.now()));
        }
        world.poll().await;
        until_due(world).await;
    }
    (origin.requests().len() - before) as f64 / 7.0
}

#[tokio::test]
async fn r4_2_feeds_together_cost_the_budget_and_say_so() {
    let origin = Origin::start().await;
    // None keeps to hours of the day: a profile of hours leaves quiet ones out, and costs less.
    let rhythms = [5, 7, 25, 73];
    let feeds: String = rhythms
        .map(|hours| {
            let url = origin.url(&format!("/{hours}"));
            format!("[[feed]]\nname = \"every-{hours}\"\nurl = \"{url}\"\n")
        })
        .concat();
    let config = |budget: u32| format!("[fetch]\nrequests_per_day = {budget}\n{feeds}");
    let world = World::new(&config(10)).await;
    let few = spent(&world, &origin, &rhythms).await;
    assert!((9.5..=10.5).contains(&few), "{few} a day");
    for hours in rhythms {
        let feed = world.feed(&format!("every-{hours}")).await;
        assert_eq!(feed.next_poll_reason, PollReason::Budget, "{hours}");
    }
    let world = world.restart(Some(&config(30))).await;
    let many = spent(&world, &origin, &rhythms).await;
    assert!((28.5..=31.5).contains(&many), "{many} a day");
}

#[tokio::test]
async fn r4_2_a_weight_in_the_config_moves_requests_to_its_feed() {
    let (heavy, light) = (Origin::start().await, Origin::start_at("127.0.0.2").await);
    let feed = |name: &str, url: String, more: &str| {
        format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\n{more}")
    };
    let heavy_feed = feed("heavy", heavy.url("/feed"), "weight = 400\n");
    let feeds = heavy_feed + &feed("light", light.url("/feed"), "");
    let world = World::new(&format!("[fetch]\nrequests_per_day = 9\n{feeds}")).await;
    for origin in [&heavy, &light] {
        origin.feed("/feed", rss(13, world.clock.now()));
    }
    // First to learn the rhythm, then to be rationed by it.
    for _ in 0..2 {
        world.poll().await;
        world.wait(Duration::from_secs(25 * 3600));
    }
    world.poll().await;
    let mut waits = Vec::new();
    for name in ["heavy", "light"] {
        let next = world.feed(name).await.next_poll_at;
        waits.push(next.duration_since(world.clock.now()).as_secs());
    }
    // Six requests a day and three, give or take what the hour says.
    assert!((13_700..=15_100).contains(&waits[0]), "{waits:?}");
    assert!((27_400..=30_200).contains(&waits[1]), "{waits:?}");
}
