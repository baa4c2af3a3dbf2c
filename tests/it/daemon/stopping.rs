//! Signals while something is under way: the watchdog hears of a reload that waits, a stop is heard at any time, and a
//! second one ends at once.

use std::time::Duration;

use feedmill::daemon::Tasks;
use rustix::process::Signal;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{ALL, config};
use crate::support::origin::{Origin, Reply};
use crate::support::process::{Daemon, Home, free_address};

/// A daemon with a poll in flight that ends when the origin lets it.
async fn polling(origin: &Origin) -> (Home, Daemon) {
    let document = "<rss version=\"2.0\"><channel><title>Slow</title></channel></rss>";
    origin.reply("/slow", Reply::ok(document).hold());
    let feeds = [("slow".to_owned(), origin.url("/slow"))];
    let text = config(free_address(), &feeds, ALL);
    let home = Home::new(&text.replace("timeout = \"5s\"", "timeout = \"90s\""));
    let daemon = home.start();
    origin.seen(1).await;
    (home, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_hears_of_a_reload_that_waits() {
    let origin = Origin::start().await;
    let (_home, mut daemon) = polling(&origin).await;
    daemon.signal(Signal::HUP);
    daemon.wait_for(|line| line == "RELOADING=1");
    for _ in 0..3 {
        let next = daemon.wait_for(|line| line == "WATCHDOG=1" || line == "READY=1");
        assert_eq!(next, "WATCHDOG=1", "the poll in flight is waited for");
    }
    origin.release();
    daemon.wait_for(|line| line == "READY=1");
    assert!(daemon.log().contains("reloaded"));
    assert!(daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_wish_to_stop_ends_it_at_once() {
    let origin = Origin::start().await;
    let (home, mut daemon) = polling(&origin).await;
    daemon.signal(Signal::TERM);
    daemon.wait_for(|line| line == "STOPPING=1");
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().success());
    let log = std::fs::read_to_string(home.path("log")).unwrap();
    assert!(log.contains("stopped at once, as asked twice"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_heard_while_a_reload_waits() {
    for wishes in 1..=2 {
        let origin = Origin::start().await;
        let (home, mut daemon) = polling(&origin).await;
        daemon.signal(Signal::HUP);
        daemon.wait_for(|line| line == "RELOADING=1");
        daemon.signal(Signal::TERM);
        daemon.wait_for(|line| line == "STOPPING=1");
        if wishes == 2 {
            daemon.signal(Signal::INT);
        } else {
            origin.release();
        }
        assert!(daemon.ended().success());
        let log = std::fs::read_to_string(home.path("log")).unwrap();
        assert_eq!(log.contains("as asked twice"), wishes == 2, "{log}");
    }
}

/// A daemon that waits for the database, which another process has locked, and cannot be ready before `drop`.
fn opening(home: &Home) -> (Daemon, rusqlite::Connection) {
    assert!(home.start().stop().success());
    let other = rusqlite::Connection::open(home.path("feedmill.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let daemon = home.start_unready();
    // The lock is taken first and names the process.
    let named = || std::fs::read_to_string(home.path("feedmill.db.lock")).unwrap();
    while !named().contains(&daemon.id().to_string()) {
        std::thread::yield_now();
    }
    (daemon, other)
}

#[test]
fn a_reload_that_is_wanted_during_the_start_comes_after_it() {
    let home = Home::new(&config(free_address(), &[], ALL));
    let (mut daemon, other) = opening(&home);
    daemon.signal(Signal::HUP);
    drop(other);
    daemon.wait_for(|line| line == "READY=1");
    daemon.wait_for(|line| line == "RELOADING=1");
    daemon.wait_for(|line| line == "READY=1");
    assert!(daemon.stop().success());
}

#[test]
fn a_stop_during_the_start_is_no_failure() {
    let home = Home::new(&config(free_address(), &[], ALL));
    let (daemon, _other) = opening(&home);
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().success());
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off_and_named() {
    let mut tasks = Tasks::default();
    let (held, dropped) = oneshot::channel::<()>();
    tasks.add("deaf", async move {
        std::future::pending::<()>().await;
        drop(held);
        Ok(())
    });
    assert_eq!(tasks.stop(Instant::now()).await, ["deaf"]);
    assert!(dropped.await.is_err(), "nothing of it is left");

    let mut tasks = Tasks::default();
    let stopped = tasks.stopped();
    tasks.add("orderly", async move {
        stopped.cancelled().await;
        Ok(())
    });
    let late = tasks.stop(Instant::now() + Duration::from_secs(3600)).await;
    assert!(late.is_empty());
}
