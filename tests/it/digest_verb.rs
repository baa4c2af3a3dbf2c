//! `feedmill digest show` and `preview` on the built binary, and the web copy as the daemon serves it.

use mailparse::parse_mail;

use crate::daemon::config;
use crate::support::client::get;
use crate::support::origin::{Origin, Reply};
use crate::support::process::{Home, free_address};

fn feed(stories: std::ops::RangeInclusive<usize>) -> String {
    let items: String = stories
        .map(|n| {
            format!("<item><title>Story {n}</title><link>https://a.example/{n}</link><guid isPermaLink=\"false\">{n}</guid>\
                <description>What there is to say of story number {n}.</description></item>")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>A</title><link>https://a.example/</link>{items}</channel></rss>"
    )
}

/// A home with one edition of stories 1 to 4, of which its mails show three, for a Maildir; and a digest without any.
async fn sent(listen: std::net::SocketAddr) -> (Home, Origin) {
    let origin = Origin::start().await;
    origin.reply("/feed", Reply::ok(feed(1..=4)));
    let more = "[publish.all]\ngroups = [\"*\"]\n[digest.morning]\ncron = \"0 0 1 1 *\"\ntimezone = \"UTC\"\n\
         from = \"News <news@example.org>\"\nto = [\"an@example.net\", \"binh@example.net\"]\nmax_stories = 3\n\
         [digest.evening]\ncron = \"0 0 1 1 *\"\nfrom = \"news@example.org\"\nto = [\"an@example.net\"]\n\
         [mail]\nmaildir = \"mail\"\n";
    let home = Home::new(&config(
        listen,
        &[("a".to_owned(), origin.url("/feed"))],
        more,
    ));
    home.verb(&["poll"]);
    home.verb(&["digest", "send", "morning"]);
    (home, origin)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// How often each story is named.
fn named(text: &str) -> Vec<usize> {
    (1..=4)
        .map(|n| text.matches(&format!("Story {n}")).count().min(1))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn show_tells_what_was_sent_byte_for_byte() {
    let (home, _origin) = sent(free_address()).await;
    let table = home.verb(&["digest", "show", "1"]);
    for word in [
        "edition 1 of morning",
        "an@example.net",
        "binh@example.net",
        "queued",
    ] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let told = json(&home.verb(&["digest", "show", "1", "--json"]));
    assert_eq!(told["edition"]["digest"], "morning");
    let messages = told["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    let binh = |message: &&serde_json::Value| message["address"] == "binh@example.net";
    let row = messages.iter().find(binh).unwrap()["subscriber"].to_string();
    let row = row.as_str();
    let mail = home.run(&["digest", "show", "1", "--subscriber", "binh@example.net"]);
    assert!(mail.status.success());
    let daemon = home.start();
    let delivered = wait_for_mail(&home, "binh@example.net");
    assert!(daemon.stop().success());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(text(&mail.stdout), text(&delivered));
    let again = home.run(&["digest", "show", "1", "--subscriber", row, "--eml"]);
    assert_eq!(
        text(&again.stdout),
        text(&delivered),
        "by row number, after delivery"
    );
    let parsed = parse_mail(&delivered).unwrap();
    for (flag, part) in [("--text", 0), ("--html", 1)] {
        let shown = home.verb(&["digest", "show", "1", "--subscriber", row, flag]);
        let body = parsed.subparts[part]
            .get_body()
            .unwrap()
            .replace("\r\n", "\n");
        assert_eq!(shown.trim_end(), body.trim_end(), "{flag}");
    }
    let one = json(&home.verb(&["digest", "show", "1", "--subscriber", row, "--json"]));
    assert_eq!(one["messages"][0]["standing"], "delivered");
    assert_eq!(one["messages"][0]["attempts"], 1);
    assert_eq!(one["messages"][0]["reply"], "kept in the Maildir");
    let table = home.verb(&["digest", "show", "1"]);
    assert_eq!(
        table.matches("  kept in the Maildir\n").count(),
        2,
        "{table}"
    );
    assert!(
        one["messages"][0]["text"]
            .as_str()
            .unwrap()
            .contains("Story 4")
    );
    let web = home.verb(&["digest", "show", "1", "--web"]);
    assert_eq!(named(&web), [1, 1, 1, 1]);
    for wrong in [
        &["digest", "show", "99"][..],
        &["digest", "show", "1", "--subscriber", "nobody@example.net"],
    ] {
        assert_eq!(home.run(wrong).status.code(), Some(1), "{wrong:?}");
    }
}

/// The mail in the Maildir that is addressed to `to`.
pub(crate) fn wait_for_mail(home: &Home, to: &str) -> Vec<u8> {
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_secs(120) {
        let files = std::fs::read_dir(home.path("mail/new"))
            .into_iter()
            .flatten();
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            if String::from_utf8_lossy(&bytes).contains(&format!("<{to}>")) {
                return bytes;
            }
        }
        std::thread::yield_now();
    }
    panic!("no mail to {to}");
}

#[tokio::test(flavor = "multi_thread")]
async fn preview_shows_any_window_and_writes_nothing() {
    let (home, origin) = sent(free_address()).await;
    origin.reply("/feed", Reply::ok(feed(5..=6)));
    let shown = |arguments: &[&str]| {
        let text = home.verb(&[&["digest", "preview"], arguments].concat());
        let found: Vec<String> = (1..=6)
            .filter(|n| text.contains(&format!("Story {n}")))
            .map(|n| n.to_string())
            .collect();
        found.join(" ")
    };
    assert_eq!(shown(&["morning"]), "", "the coming one has nothing yet");
    assert_eq!(
        shown(&["morning", "--edition", "1"]),
        "2 3 4",
        "what edition 1 showed"
    );
    assert_eq!(
        shown(&[
            "morning",
            "--edition",
            "1",
            "--subscriber",
            "binh@example.net"
        ]),
        "2 3 4"
    );
    assert_eq!(shown(&["morning", "--window", "0..2"]), "1 2");
    assert_eq!(shown(&["morning", "--window", "1..3"]), "2 3");
    // A digest that never came yet.
    assert_eq!(shown(&["evening"]), "1 2 3 4");
    let again = home.verb(&["digest", "preview", "evening", "--eml"]);
    assert!(again.contains("Subject: ") && again.contains("boundary="));
    assert_eq!(home.verb(&["digest", "editions", "evening"]), "");
    let lanes: i64 = rusqlite_count(&home, "SELECT count(*) FROM lane WHERE digest = 'evening'");
    assert_eq!(lanes, 0, "looking makes no lane");
    for wrong in [
        &["digest", "preview", "evening", "--edition", "1"][..],
        &["digest", "preview", "morning", "--edition", "9"],
    ] {
        assert_eq!(home.run(wrong).status.code(), Some(1), "{wrong:?}");
    }
    for wrong in ["3..1", "x", "1"] {
        let output = home.run(&["digest", "preview", "morning", "--window", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

fn rusqlite_count(home: &Home, sql: &str) -> i64 {
    let conn = rusqlite::Connection::open(home.path("feedmill.db")).unwrap();
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_linked_web_copy_is_whole_and_may_use_its_styles() {
    let listen = free_address();
    let (home, _origin) = sent(listen).await;
    let text = home.verb(&[
        "digest",
        "show",
        "1",
        "--subscriber",
        "an@example.net",
        "--text",
    ]);
    assert_eq!(named(&text), [0, 1, 1, 1], "the mail has room for three");
    let link = text
        .lines()
        .find(|line| line.contains("/digest/morning/"))
        .unwrap();
    let path = &link[link.find("/digest/").unwrap()..];
    let daemon = home.start();
    let page = get(listen, path);
    assert!(daemon.stop().success());
    assert_eq!(page.status, 200);
    assert_eq!(named(page.text()), [1, 1, 1, 1]);
    let policy = page.header("content-security-policy").unwrap();
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    assert!(page.text().contains(" style=\"") && !page.text().contains("unsubscribe"));
}
