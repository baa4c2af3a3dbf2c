//! A strict publisher, as some really are: conditional requests at most hourly, bare ones at most daily, validators
//! back byte for byte, nothing added to the address, Retry-After obeyed. It keeps score over sixty days of restarts,
//! reloads, clocks that jump and spells of 429. Time passes by hand; the publisher has its own clock, which never jumps.

use std::time::Duration;

use jiff::SignedDuration;

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
    let mut throttled = false;
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
            _ => {}
        }
        if throttled {
            origin.replace("/feed", Reply::status(429).header("Retry-After", "30000"));
        } else if step % 131 < 110 {
            score.serve(&origin, now / 86_400);
        }
        let before = origin.requests().len();
        let summary = world.poll().await;
        score.judge(&origin, now, &sent);
        if summary.changed + summary.unchanged > 0 {
            sent = (score.etag.clone(), score.changed.clone());
        }
        if throttled && origin.requests().len() > before {
            score.closed_until = now + 30_000;
            throttled = false;
        }
        world.wait(Duration::from_secs(STEP.unsigned_abs()));
    }
    assert_eq!(score.violations, [""; 0]);
    // Polite is not absent: one story a day asks for a poll about every two hours and a half, twice that after each 429,
    // of which there is one a day that closes the feed for more than eight hours.
    assert!((200..1440).contains(&score.requests), "{}", score.requests);
    assert!(world.store.entries(None, 500).await.unwrap().len() >= 60);
}

async fn jump(world: &World, by: SignedDuration) {
    world.clock.set(world.clock.now() + by);
    world.poller().clock_jumped(by).await.unwrap();
}
