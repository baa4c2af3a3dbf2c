//! Where the daemon's log goes, and that nothing is lost before it is set up.

use super::{ALL, config};
use crate::support::process::{Home, free_address};

#[test]
fn what_is_odd_in_the_config_is_told_at_the_first_start_too() {
    let twice = |name: &str| (name.to_owned(), "https://192.0.2.1/feed".to_owned());
    let feeds = [twice("a"), twice("b")];
    let home = Home::new(&config(free_address(), &feeds, ALL));
    let daemon = home.start();
    let log = daemon.log();
    assert!(log.contains("feed listed twice"), "{log}");
    assert!(daemon.stop().success());
}

#[test]
fn a_terminal_that_inherits_the_journals_variable_gets_plain_lines() {
    let home = Home::new(&config(free_address(), &[], ALL));
    let daemon = home.start_with(&[("JOURNAL_STREAM", "1:1")]);
    let log = daemon.log();
    assert!(log.contains("INFO") && log.contains("listening"), "{log}");
    assert!(daemon.stop().success());
}

#[test]
fn json_is_one_object_a_line() {
    let more = format!("{ALL}[log]\nformat = \"json\"\n");
    let home = Home::new(&config(free_address(), &[], &more));
    assert!(home.start().stop().success());
    let log = std::fs::read_to_string(home.path("log")).unwrap();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said = |words: &str| {
        let mut messages = lines.iter().map(|line| &line["fields"]["message"]);
        messages.any(|message| message == words)
    };
    assert!(said("listening") && said("stopped"), "{log}");
}
