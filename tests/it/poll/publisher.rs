//! A strict publisher, as some really are: conditional requests at most hourly, bare ones at most daily, validators
//! back byte for byte, nothing added to the address, Retry-After obeyed. It keeps score over sixty days of restarts,
//! reloads, kills amid a request, polls by hand and by two processes, clocks that jump and spells of 429. Time passes by
//! hand; the publisher has its own clock, which never jumps.

use std::time::Duration;

use jiff::SignedDuration;

use feedmill::poll::Summary;
use feedmill::schedule::Insistence;

use super::rss;
use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const STEP: i64 = 11 * 60;
const DAYS: i64 = 60;

#[derive(Default)]
struct Score {
    asked_at: Option<i64>,
    bare_at: Option<i64>,
    closed_until: i64,
    etag: String,
    changed: String,
    violations: Vec<String>,
    requests: usize,
}

impl Score {
    /// What the publisher serves from now on, at `/feed`.
    fn serve(&mut self, origin: &Origin, day: i64) {
        self.etag = if day % 2 == 0 {
            format!("W/\"day {day}\"")
        } else {
            format!("\"{day}-gzip\"")
        };
        self.changed = format!("Mon, 02 Mar 2026 {:02}:00:00 GMT", day % 24);
        let titles: Vec<String> = (day..day + 5)
            .rev()
            .map(|story| format!("story-{story}"))
            .collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        // A story a day, each with the date of its own day.
        let mut document = rss(&titles);
        for story in (day..day + 5).rev() {
            document = document.replacen("Mon, 02 Mar 2026 08:00:00 GMT", &date(story - 4), 1);
        }
        let reply = Reply::ok(document)
            .header("ETag", self.etag.clone())
            .header("Last-Modified", self.changed.clone());
        origin.replace("/feed", reply.honouring_validators());
    }

    /// Judges the requests that arrived at `now`.
    fn judge(&mut self, origin: &Origin, now: i64, sent: &(String, String)) {
        let asked = origin.requests();
        for request in asked.iter().skip(self.requests) {
            let tag = request.header("if-none-match");
            let mut wrong = |what: &str| self.violations.push(format!("{what} at {now}: {tag:?}"));
            if self.asked_at.is_some_and(|at| now - at < 3600) {
                wrong("within the hour");
            }
            if now < self.closed_until {
                wrong("before Retry-After");
            }
            if request.target != "/feed" {
                wrong("another address");
            }
            match &tag {
                None if self.bare_at.is_some_and(|at| now - at < 86_400) => {
                    wrong("bare within the day")
                }
                None => self.bare_at = Some(now),
                Some(tag) if *tag != sent.0 => wrong("another ETag"),
                Some(_) if request.header("if-modified-since").as_deref() != Some(&sent.1) => {
                    wrong("another date")
                }
                Some(_) => {}
            }
            self.asked_at = Some(now);
        }
        self.requests = asked.len();
    }
}

impl Score {
    /// Is the wait after a poll one that the policy has a reason for? Computed here from the requirement's words: the
    /// root of the rate (R4.2), hours that are worth less than others (R4.3), twice as long after a 429 and less at
    /// each clean poll (R2.17), or the very Retry-After.
    async fn explain(&mut self, world: &World, now: i64) {
        let feed = world.feed("one").await;
        let wait = feed
            .next_poll_at
            .duration_since(world.clock.now())
            .as_secs_f64();
        let memory = &feed.memory;
        let rhythm = &memory.rhythm;
        let seen: u32 = rhythm.days.iter().map(|count| u32::from(*count)).sum();
        // Jumps and what they leave behind take up to eight of the 28 days out of sight.
        let rates = [
            f64::from(seen.saturating_sub(8)) + 0.3,
            f64::from(seen) + 0.3,
        ];
        let slowest = 8640.0 / (rates[0] / 29.0).sqrt();
        let roots = rhythm
            .hours
            .iter()
            .map(|count| (f64::from(*count) + 1.0).sqrt());
        let roots: Vec<f64> = roots.collect();
        let quietest = roots.iter().copied().fold(f64::MAX, f64::min);
        let dull = roots.iter().sum::<f64>() / 24.0 / quietest;
        let fading = if memory.slow_factor.is_some() {
            1.0 + f64::from(10 - memory.clean_polls) / 10.0
        } else {
            1.0
        };
        let (least, most) = match memory.clean_polls {
            0 => (30_000.0, 30_001.0),
            _ => (3600.0, slowest * dull * fading),
        };
        if !(least..=most).contains(&wait) {
            let wrong = format!("a wait of {wait} s, not {least} to {most}, at {now}: {seen} seen");
            self.violations.push(wrong);
        }
    }
}

/// The morning of a day of the publisher's.
fn date(day: i64) -> String {
    let morning: jiff::Timestamp = "2026-03-02T07:00:00Z".parse().unwrap();
    let at = morning + SignedDuration::from_hours(day * 24);
    at.strftime("%d %b %Y %H:%M:%S GMT").to_string()
}

#[tokio::test]
async fn a_strict_publisher_finds_nothing_to_complain_of_in_sixty_days() {
    let origin = Origin::start().await;
    let mut score = Score::default();
    score.serve(&origin, 0);
    let config = |interval: &str| {
        format!(
            "[[feed]]\nname = \"one\"\nurl = \"{}\"\ninterval = \"{interval}\"\n",
            origin.url("/feed")
        )
    };
    let mut world = World::new(&config("1h")).await;
    let mut sent = (score.etag.clone(), score.changed.clone());
    let (mut throttled, mut crash) = (false, false);
    for step in 0..DAYS * 86_400 / STEP {
        let now = step * STEP;
        match step % 131 {
            17 => world = world.restart(None).await,
            40 => {
                world = world
                    .restart(Some(&config(if step % 2 == 0 { "1h" } else { "90m" })))
                    .await
            }
            64 => jump(&world, SignedDuration::from_hours(50)).await,
            99 => jump(&world, SignedDuration::from_hours(-49)).await,
            110 => throttled = true,
            5 => crash = step > 131 * 10,
            _ => {}
        }
        if throttled {
            origin.replace("/feed", Reply::status(429).header("Retry-After", "30000"));
        } else if step % 131 < 110 {
            score.serve(&origin, now / 86_400);
        }
        let before = origin.requests().len();
        let due = world.feed("one").await.next_poll_at <= world.clock.now();
        if crash && due && !throttled {
            crash = false;
            world = killed_amid(world, &origin).await;
            score.judge(&origin, now, &sent);
            world.wait(Duration::from_secs(STEP.unsigned_abs()));
            continue;
        }
        let summary = match step % 131 {
            // Asked for by hand, and by two processes at once.
            25 | 75 => by_hand(&world).await,
            30 | 90 => {
                let another = world.another_poller().await;
                let poller = world.poller();
                let (one, other) = tokio::join!(poller.poll_due(), another.poll_due());
                let mut both = one.unwrap();
                let other = other.unwrap();
                both.changed += other.changed;
                both.unchanged += other.unchanged;
                both
            }
            _ => world.poll().await,
        };
        score.judge(&origin, now, &sent);
        let polled = origin.requests().len() > before;
        // Polite is not absent: what is due is asked, and what is not due is explained.
        let may = due || matches!(step % 131, 25 | 75);
        if due && !polled || polled && !may {
            score
                .violations
                .push(format!("due {due}, polled {polled} at {now}"));
        }
        if polled {
            score.explain(&world, now).await;
        }
        if summary.changed + summary.unchanged > 0 {
            sent = (score.etag.clone(), score.changed.clone());
        }
        if throttled && polled {
            score.closed_until = now + 30_000;
            throttled = false;
        }
        world.wait(Duration::from_secs(STEP.unsigned_abs()));
    }
    assert_eq!(score.violations, [""; 0]);
    // Of a cycle of a day there are, by the policy: the request that gets 429; one when that day's Retry-After is over,
    // which leaves 56,460 s; one when the clock jumps ahead; and between that and the next 429, 30,360 s later, one
    // more, since no wait is longer than 1.8 times 8640 s by the root of the rate (0.84 a day at the least) by what a
    // dull hour is worth (1.3 at the most), 22,100 s. The hour in which stories come is worth six others and buys one
    // more at the most. Twice the operator asks by hand. The first day, without 429, costs six more.
    let cycles = usize::try_from(DAYS).unwrap();
    let expected = 4 * cycles..=7 * cycles + 6;
    assert!(expected.contains(&score.requests), "{}", score.requests);
    assert!(world.store.entries(None, 500).await.unwrap().len() >= 60);
}

/// `kill -9` while the publisher is being asked: it has seen the request, and we have seen no answer.
async fn killed_amid(world: World, origin: &Origin) -> World {
    origin.replace("/feed", Reply::status(200).hold());
    let before = origin.requests().len();
    let poller = world.poller();
    let poll = tokio::spawn(async move { poller.poll_due().await });
    origin.seen(before + 1).await;
    poll.abort();
    poll.await.unwrap_err();
    world.restart(None).await
}

async fn by_hand(world: &World) -> Summary {
    let one = ["one".to_owned()];
    let poller = world.poller();
    poller.poll_these(&one, Insistence::Polite).await.unwrap()
}

async fn jump(world: &World, by: SignedDuration) {
    world.clock.set(world.clock.now() + by);
    world.poller().clock_jumped(by).await.unwrap();
}
