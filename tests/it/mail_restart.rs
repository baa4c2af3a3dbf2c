//! Promise 5 on the built binary: killed at many points of its deliveries, the server's acceptance without our record
//! among them, every subscriber gets the mail, and only the messages on the wire can come twice, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use mailparse::{MailHeaderMap as _, parse_mail};

use crate::daemon::config;
use crate::support::origin::{Origin, Reply};
use crate::support::process::{Home, free_address};
use crate::support::smtp::{Peer, Script};

const SUBSCRIBERS: usize = 60;
const CONNECTIONS: usize = 2;
const KILLS: usize = 16;

/// Acceptance at which a round's daemon is killed: spread, the same in every run, no clock needed.
fn kill_points() -> Vec<usize> {
    let mut sum = 0;
    let step = |round: usize| {
        sum += 1 + (round * 5) % 4;
        sum
    };
    (0..KILLS).map(step).collect()
}

fn feed() -> String {
    let items: String = (1..=3)
        .map(|n| {
            format!("<item><title>Story {n}</title><link>https://a.example/{n}</link><guid isPermaLink=\"false\">{n}</guid>\
                <description>What there is to say of story number {n}.</description></item>")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>A</title><link>https://a.example/</link>{items}</channel></rss>"
    )
}

fn home(origin: &Origin, peer: &Peer) -> Home {
    origin.reply("/feed", Reply::ok(feed()));
    let to: Vec<String> = (0..SUBSCRIBERS)
        .map(|n| format!("\"s{n}@example.net\""))
        .collect();
    let more = format!(
        "[publish.all]\ngroups = [\"*\"]\n[digest.morning]\ncron = \"0 0 1 1 *\"\nfrom = \"News <news@example.org>\"\n\
         to = [{}]\n[mail]\nsmtp = \"127.0.0.1:{}\"\ntls = \"none\"\nconnections = {CONNECTIONS}\n",
        to.join(", "),
        peer.address.port()
    );
    let feeds = [("a".to_owned(), origin.url("/feed"))];
    Home::new(&config(free_address(), &feeds, &more))
}

/// (queued or claimed, delivered, failed) of the one edition.
fn standing(home: &Home) -> [u64; 3] {
    let editions: serde_json::Value =
        serde_json::from_str(&home.verb(&["digest", "editions", "morning", "--json"])).unwrap();
    let counts = editions[0]["messages"].as_array().unwrap();
    [0, 1, 2].map(|at| counts[at].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_many_points_of_delivery_everyone_gets_the_mail_and_repeats_are_the_same() {
    let points = kill_points();
    // Every other point is an acceptance whose answer never reaches us.
    let unanswered: BTreeSet<usize> = points.iter().copied().step_by(2).collect();
    let peer = Peer::start(Script {
        unanswered: unanswered.clone(),
        offers: vec!["PIPELINING"],
        ..Script::default()
    })
    .await;
    let origin = Origin::start().await;
    let home = home(&origin, &peer);
    home.verb(&["poll"]);
    home.verb(&["digest", "send", "morning"]);
    assert_eq!(standing(&home), [SUBSCRIBERS as u64, 0, 0]);

    for point in points {
        let daemon = home.start_unready();
        peer.has_taken(point).await;
        daemon.kill();
    }
    let mut daemon = home.start();
    daemon.wait_for(|line| line.starts_with("STATUS=") && standing(&home)[0] == 0);
    assert!(daemon.stop().success());
    assert_eq!(standing(&home), [0, SUBSCRIBERS as u64, 0]);

    let taken = peer.taken();
    let mut copies: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for mail in &taken {
        copies.entry(&mail.to).or_default().push(&mail.bytes);
    }
    assert_eq!(copies.len(), SUBSCRIBERS);
    let repeats = taken.len() - SUBSCRIBERS;
    assert!(
        (unanswered.len()..=KILLS * CONNECTIONS).contains(&repeats),
        "{repeats} repeats"
    );
    let mut ids = BTreeSet::new();
    for (to, copies) in &copies {
        assert!(
            copies.iter().all(|copy| copy == &copies[0]),
            "{to} got two different mails"
        );
        let mail = parse_mail(copies[0]).unwrap();
        ids.insert(mail.headers.get_first_value("Message-ID").unwrap());
    }
    assert_eq!(ids.len(), SUBSCRIBERS, "one Message-ID each");
}
