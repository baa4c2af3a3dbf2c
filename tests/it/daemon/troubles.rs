//! Promise 9: what fails beside it does not stop the daemon; it says which part rests and why, and goes on afterwards.

use super::{ALL, config, merged, settle, wait_for_merged};
use crate::support::origin::Origin;
use crate::support::planet::planet;
use crate::support::process::{Home, free_address};

/// How often the floor of a test's own network lets a feed be polled.
const OFTEN: &str = "interval = \"3s\"\nadaptive = false\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_store_rests_polling_while_serving_goes_on() {
    let origin = Origin::start().await;
    let listen = free_address();
    let feeds = settle(&origin, &planet(2, 3));
    let home = Home::new(&config(listen, &feeds, &format!("{OFTEN}{ALL}")));
    let mut daemon = home.start();
    wait_for_merged(&mut daemon, listen, 6);

    let other = rusqlite::Connection::open(home.path("feedmill.db")).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE UPDATE OF next_poll_at ON feed
             BEGIN SELECT RAISE(ABORT, 'no more claims'); END",
        )
        .unwrap();
    let status = daemon.wait_for_status("poll rests: ");
    assert!(status.contains("no more claims"), "{status}");
    assert!(status.contains("2 feeds polled"), "{status}");
    assert_eq!(merged(listen).len(), 6, "serving goes on");

    let asked = origin.requests().len();
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    daemon.wait_for(|_| origin.requests().len() > asked);
    let log = daemon.log();
    assert_eq!(
        log.matches("the poll flow rests").count(),
        1,
        "told once: {log}"
    );
    assert!(daemon.stop().success());
}

/// Two merged feeds as files: the first in a folder that cannot be one, the second in a good one.
fn with_files(home: &Home) -> String {
    home.write("blocked", "a file, not a folder");
    format!(
        "{ALL}files = \"blocked\"\n[publish.more]\ntitle = \"More\"\ngroups = [\"*\"]\nfiles = \"public\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_onto_a_folder_that_cannot_be_written_serves_on() {
    let origin = Origin::start().await;
    let listen = free_address();
    let feeds = settle(&origin, &planet(2, 3));
    let home = Home::new(&config(listen, &feeds, ALL));
    let mut daemon = home.start();
    wait_for_merged(&mut daemon, listen, 6);

    home.write("feedmill.toml", config(listen, &feeds, &with_files(&home)));
    assert_eq!(home.verb(&["reload"]), "reloaded\n");
    assert_eq!(merged(listen).len(), 6);
    assert!(
        home.path("public/more.json").is_file(),
        "the good folder is written"
    );
    let log = daemon.log();
    assert!(
        log.contains("publishing failed") && log.contains("blocked"),
        "{log}"
    );
    assert!(daemon.stop().success());
}

#[test]
fn a_folder_that_cannot_be_written_stops_no_start() {
    let listen = free_address();
    let home = Home::new("");
    let text = config(listen, &[], &with_files(&home));
    home.write("feedmill.toml", text);
    let daemon = home.start();
    assert_eq!(merged(listen).len(), 0);
    assert!(home.path("public/more.json").is_file());
    assert!(daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_the_database_does_not_take_leaves_the_old_generation_running() {
    let origin = Origin::start().await;
    let listen = free_address();
    let feeds = settle(&origin, &planet(4, 3));
    let home = Home::new(&config(listen, &feeds[..2], &format!("{OFTEN}{ALL}")));
    let mut daemon = home.start();
    wait_for_merged(&mut daemon, listen, 6);

    let other = rusqlite::Connection::open(home.path("feedmill.db")).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON feed
             BEGIN SELECT RAISE(ABORT, 'no more feeds'); END",
        )
        .unwrap();
    home.write(
        "feedmill.toml",
        config(listen, &feeds[1..], &format!("{OFTEN}{ALL}")),
    );
    let refused = home.run(&["reload"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("no more feeds"), "{told}");
    // The feed that the refused config leaves out is polled as before.
    let first = feeds[0].1.rsplit('/').next().unwrap();
    let asked = origin.requests_to(&format!("/{first}")).len();
    daemon.wait_for(|_| origin.requests_to(&format!("/{first}")).len() > asked);
    let status = daemon.wait_for_status("feeds polled");
    assert!(
        status.starts_with("STATUS=reload refused: the old config stays (see the log); 2 feeds"),
        "{status}"
    );

    other.execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(home.verb(&["reload"]), "reloaded\n");
    wait_for_merged(&mut daemon, listen, 11);
    daemon.wait_for(|line| line.starts_with("STATUS=3 feeds polled"));
    assert!(daemon.stop().success());
}
