//! Promise 9: what fails beside it does not stop the daemon; it says which part rests and why, and goes on afterwards.

use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{ALL, config, merged, settle, wait_for_merged};
use crate::support::bucket::Storage;
use crate::support::origin::Origin;
use crate::support::planet::planet;
use crate::support::process::{Daemon, Home, free_address};

/// How often the floor of a test's own network lets a feed be polled.
const OFTEN: &str = "interval = \"3s\"\nadaptive = false\n";

fn database(home: &Home) -> Connection {
    Connection::open(home.path("feedmill.db")).unwrap()
}

/// A daemon over two feeds that are polled often, with all they hold published.
struct Running {
    origin: Origin,
    home: Home,
    listen: SocketAddr,
    daemon: Daemon,
}

impl Running {
    async fn start(how: impl FnOnce(&Home) -> Daemon) -> Self {
        let origin = Origin::start().await;
        let listen = free_address();
        let feeds = settle(&origin, &planet(2, 3));
        let home = Home::new(&config(listen, &feeds, &format!("{OFTEN}{ALL}")));
        let mut daemon = how(&home);
        wait_for_merged(&mut daemon, listen, 6);
        Self {
            origin,
            home,
            listen,
            daemon,
        }
    }

    fn database(&self) -> Connection {
        database(&self.home)
    }

    /// A poll that was not asked for yet is seen.
    fn polls_again(&mut self) {
        let asked = self.origin.requests().len();
        self.daemon
            .wait_for(|_| self.origin.requests().len() > asked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_waited_out() {
    let mut running = Running::start(Home::start).await;
    // A table whose numbers are used up answers as SQLite does on a full disk.
    running
        .database()
        .execute_batch(
            "CREATE TABLE used_up (id INTEGER PRIMARY KEY AUTOINCREMENT);
             INSERT INTO used_up VALUES (9223372036854775807);
             CREATE TRIGGER refuse BEFORE UPDATE OF next_poll_at ON feed
             BEGIN INSERT INTO used_up (id) VALUES (NULL); END",
        )
        .unwrap();
    running
        .daemon
        .wait_for_status("poll rests: disk full while writing ");
    assert_eq!(merged(running.listen).len(), 6, "serving goes on");
    running
        .database()
        .execute_batch("DROP TRIGGER refuse")
        .unwrap();
    running.polls_again();
    assert!(running.daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_the_system_refuses_are_waited_out() {
    // 25 is SIGXFSZ, which would end the process before write(2) could fail.
    let mut running = Running::start(|home| home.start_after("trap '' 25")).await;
    let pid = Pid::from_raw(running.daemon.id().try_into().unwrap());
    let limit = |bytes: Option<u64>| {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, limit).unwrap();
    };
    let log = running.home.path("feedmill.db-wal").metadata().unwrap();
    limit(Some(log.len()));
    let status = running.daemon.wait_for_status("poll rests: ");
    assert!(status.contains("disk I/O error"), "{status}");
    running.daemon.wait_for(|line| line == "WATCHDOG=1");
    assert_eq!(merged(running.listen).len(), 6, "serving goes on");
    limit(None);
    running.polls_again();
    assert!(running.daemon.stop().success());
    let whole: String = database(&running.home)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_at_run_time_is_named_while_serving_goes_on() {
    let mut running = Running::start(Home::start).await;
    let path = running.home.path("feedmill.db-wal");
    let log = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = log.metadata().unwrap().len();
    log.write_all_at(&vec![0xa5; length as usize - 32], 32)
        .unwrap();
    let status = running.daemon.wait_for_status("damaged: ");
    assert!(status.contains("restore a backup"), "{status}");
    assert_eq!(merged(running.listen).len(), 6, "serving goes on");
    running.daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_hears_that_the_database_fails_but_answers() {
    let mut running = Running::start(Home::start).await;
    let other = running.database();
    other
        .execute_batch("ALTER TABLE feed RENAME TO away")
        .unwrap();
    running.daemon.wait_for_status("the database fails: ");
    running.daemon.wait_for(|line| line == "WATCHDOG=1");
    assert_eq!(merged(running.listen).len(), 6, "serving goes on");
    other
        .execute_batch("ALTER TABLE away RENAME TO feed")
        .unwrap();
    running.daemon.wait_for_status("2 feeds polled");
    running.polls_again();
    assert!(running.daemon.stop().success());
}

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
        log.matches("publishing failed").count() == 1 && log.contains("blocked"),
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

/// One line says that it failed, one that it is over; the library's own words on each try stay out of the log.
#[test]
fn a_storage_that_refuses_stops_no_start_and_is_written_when_it_is_well() {
    let storage = Storage::start();
    storage.refuse(503, 0);
    let listen = free_address();
    let home = Home::new("");
    home.write("s3-secret", "very-secret");
    let files = format!(
        "{ALL}files = \"s3://news\"\n[s3]\nendpoint = \"{}\"\naccess_key = \"AK\"\nsecret_key_file = \"s3-secret\"\n",
        storage.url()
    );
    home.write("feedmill.toml", config(listen, &[], &files));
    let daemon = home.start();
    assert_eq!(merged(listen).len(), 0);
    storage.recover();
    let manifest = String::from("manifest.json");
    let begun = Instant::now();
    while !daemon.log().contains("publishing works again") {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{}",
            daemon.log()
        );
        merged(listen);
    }
    assert!(storage.keys().contains(&manifest));
    let log = daemon.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("503")).collect();
    assert_eq!(told.len(), 2, "{log}");
    assert!(told[0].contains("publishing failed") && told[1].contains("publishing works again"));
    assert!(
        !log.contains("very-secret") && !log.contains("Encountered"),
        "{log}"
    );
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
