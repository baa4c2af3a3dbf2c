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
