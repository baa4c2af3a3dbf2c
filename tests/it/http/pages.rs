//! Answers: negotiation, preconditions, header set, moved and gone, search, stories, unsubscribe.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use feedmill::config::PublishConfig;
use feedmill::digest::token;
use feedmill::http::{Deadlines, Front};
use feedmill::model::{
    EditionStanding, FrozenEdition, PollCommit, StoryId, StorySeq, StoryView, SubscriberStanding,
};
use feedmill::publish::{Coding, Document, HubAnswer, OnRequest};

use feedmill::story::Matcher;

use super::bench::{CALM, SOON, Served, start};
use crate::publish::bench::output;
use crate::release::{Mill, pairs};
use crate::support::client::{get, request, send};
use crate::support::roster::roster;

async fn served(mill: &Mill) -> Served {
    mill.poll("a", &pairs(&[("1", "One <b>bold</b>"), ("2", "Two words")]))
        .await;
    start(mill, CALM).await
}

/// R7.2, RFC 9110 12.5.3: weights, stars, names in any case, several fields.
#[tokio::test(flavor = "multi_thread")]
async fn the_coding_is_one_that_the_client_takes() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    let smallest = get_coding(&served, &[("Accept-Encoding", "br, gzip, zstd")]);
    assert!(smallest.is_some());
    for (accepted, coding) in [
        (&["gzip"][..], Some("gzip")),
        (&["GZip"], Some("gzip")),
        (&["x-gzip"], Some("gzip")),
        (&["gzip;q=0"], None),
        (&["gzip; q=0.000"], None),
        (&["gzip;q=0.001"], Some("gzip")),
        (&["deflate"], None),
        (&["identity"], None),
        (&[""], None),
        (&["*;q=0"], None),
        (&["gzip;q=0, *"], smallest.as_deref()),
        (&["br", "gzip;q=0"], Some("br")),
        (&["zstd;q=1.0"], Some("zstd")),
        (&["gzip;q=x"], Some("gzip")),
    ] {
        let headers: Vec<_> = accepted
            .iter()
            .map(|value| ("Accept-Encoding", *value))
            .collect();
        let got = get_coding(&served, &headers);
        assert_eq!(got.as_deref(), coding, "{accepted:?}");
    }
}

fn get_coding(served: &Served, headers: &[(&str, &str)]) -> Option<String> {
    let answer = request(served.address, "GET", "/all.atom", headers);
    assert_eq!(answer.status, 200);
    answer.header("content-encoding").map(str::to_owned)
}

/// R7.4: three date formats, what cannot be read is ignored; a 304 carries no body and no coding.
#[tokio::test(flavor = "multi_thread")]
async fn dates_are_read_in_three_formats() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    for (since, status) in [
        ("Mon, 23 Nov 2026 12:00:00 GMT", 304),
        ("Monday, 23-Nov-26 12:00:00 GMT", 304),
        ("Mon Nov 23 12:00:00 2026", 304),
        ("Mon, 23 Nov 2026 11:59:59 GMT", 200),
        ("yesterday", 200),
        ("0", 200),
    ] {
        let headers = [("If-Modified-Since", since), ("Accept-Encoding", "gzip")];
        let answer = request(served.address, "GET", "/all.atom", &headers);
        assert_eq!(answer.status, status, "{since}");
        if status == 304 {
            assert_eq!(
                (answer.body.len(), answer.header("content-encoding")),
                (0, None)
            );
            assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        }
    }
}

/// R7.6: `max-age` counts down to the next poll without any rendering, within its bounds.
#[tokio::test(flavor = "multi_thread")]
async fn max_age_counts_down_to_the_next_poll() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    for feed in ["a", "b"] {
        let mut state = mill.store.feed(feed).await.unwrap().unwrap();
        state.next_poll_at = mill.clock.now() + Duration::from_secs(2000);
        let commit = PollCommit {
            state,
            meta: None,
            entries: Vec::new(),
            completed: Vec::new(),
            withdrawn: Vec::new(),
            host: None,
            seen_at: mill.clock.now(),
            max_new: 1,
        };
        mill.commit(commit).await;
    }
    for (step_s, expected) in [(0, 2000), (500, 1500), (1000, 500), (400, 300), (9000, 300)] {
        mill.clock.advance(Duration::from_secs(step_s));
        let answer = get(served.address, "/all.atom");
        assert_eq!(
            answer.header("cache-control"),
            Some(format!("public, max-age={expected}").as_str())
        );
    }
}

/// R7.11, across a restart: removed is 410, renamed is 301, a format that left is 410.
#[tokio::test(flavor = "multi_thread")]
async fn what_left_is_gone_and_what_was_renamed_has_moved() {
    let mut mill = Mill::new(vec![output("all"), output("old"), output("first")]).await;
    mill.refresh().await;
    mill.config.publish.remove("old");
    mill.config.publish.remove("first");
    let renamed = PublishConfig {
        former_names: vec![String::from("first")],
        formats: vec![feedmill::config::PublishFormat::Atom],
        ..output("second")
    };
    mill.config.publish.insert(String::from("second"), renamed);
    mill.config
        .publish
        .get_mut("all")
        .unwrap()
        .formats
        .remove(1);
    mill.shelf.replace(Default::default());
    let served = served(&mill).await;
    for (path, status) in [
        ("/all.atom", 200),
        ("/all.rss", 410),
        ("/old.atom", 410),
        ("/old/", 410),
        ("/old/archive/1.atom", 410),
        ("/old/archive/2026-11-23/", 410),
        ("/first.atom", 301),
        ("/first/archive/7.atom", 301),
        ("/second.atom", 200),
        ("/never.atom", 404),
        ("/all", 308),
    ] {
        assert_eq!(get(served.address, path).status, status, "{path}");
    }
    let target = |path| {
        let answer = get(served.address, path);
        answer.header("location").map(str::to_owned).unwrap()
    };
    assert_eq!(
        target("/first.atom"),
        "https://news.example.org/second.atom"
    );
    assert_eq!(
        target("/first/archive/7.atom"),
        "https://news.example.org/second/archive/7.atom"
    );
}

/// WEB-3, WEB-4: the header set everywhere, and neither Host nor forwarded headers change a byte of any answer.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_protected_and_believes_no_header() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    let evil = [
        ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Proto", "evil"),
        ("X-Forwarded-Prefix", "/evil"),
        ("X-Original-URL", "/evil"),
        ("Referer", "http://evil.test/"),
    ];
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/all/"),
        ("GET", "/all.atom"),
        ("GET", "/all.rss"),
        ("GET", "/all.json"),
        ("GET", "/opml"),
        ("GET", "/style.css"),
        ("GET", "/about/"),
        ("GET", "/changes/"),
        ("GET", "/story/1"),
        ("GET", "/story/99"),
        ("GET", "/all/feed/a/"),
        ("GET", "/all/archive/2026-11-23/"),
        ("GET", "/search?q=one"),
        ("GET", "/search?page=x"),
        ("GET", "/search.json?q=one"),
        ("GET", "/status"),
        ("GET", "/metrics"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/unsubscribe/x"),
        ("POST", "/unsubscribe/x"),
        ("GET", "/subscription/x"),
        ("POST", "/subscription/x"),
        ("POST", "/all.atom"),
        ("DELETE", "/search"),
        ("BREW", "/"),
        ("GET", "/%00"),
        ("GET", "/../etc/passwd"),
        ("GET", "/digest/x/1"),
        ("GET", "/all"),
    ] {
        let plain = request(served.address, method, path, &[]);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(plain.header(name), Some(value), "{method} {path}");
        }
        let policy = plain.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{method} {path}");
        assert!(plain.header("cross-origin-resource-policy").is_some());
        assert!(plain.status < 500, "{method} {path}: {}", plain.status);
        let feed = plain
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/") && !kind.contains("openmetrics"));
        assert_eq!(
            plain.header("access-control-allow-origin"),
            feed.then_some("*"),
            "{method} {path}"
        );
        if matches!(path, "/status" | "/metrics") {
            continue;
        }
        let told = request(served.address, method, path, &evil);
        assert_eq!(
            (told.status, &told.body),
            (plain.status, &plain.body),
            "{method} {path}"
        );
        let heads = format!("{:?}", told.headers);
        assert!(!heads.contains("evil"), "{method} {path}: {heads}");
    }
}

/// RFC 9111 3.2: caches replace the stored fields by those of a 304, so it has to carry the same policy as the 200.
#[tokio::test(flavor = "multi_thread")]
async fn a_304_protects_as_its_200_does() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    let fields = [
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "access-control-allow-origin",
        "cross-origin-resource-policy",
        "vary",
        "cache-control",
        "etag",
    ];
    for (path, policy, origin) in [
        ("/", "style-src 'self'", None),
        ("/all/", "style-src 'self'", None),
        ("/story/1", "style-src 'self'", None),
        ("/all.atom", "sandbox", Some("*")),
        ("/all.json", "sandbox", Some("*")),
        ("/style.css", "sandbox", None),
    ] {
        let full = get(served.address, path);
        let tag = full.header("etag").unwrap();
        let short = request(served.address, "GET", path, &[("If-None-Match", tag)]);
        assert_eq!((full.status, short.status), (200, 304), "{path}");
        for field in fields {
            assert_eq!(short.header(field), full.header(field), "{path}: {field}");
        }
        let held = short.header("content-security-policy").unwrap();
        assert!(held.contains(policy), "{path}: {held}");
        assert_eq!(short.header("access-control-allow-origin"), origin);
    }
}

/// R7.3: nobody knows when such a page last changed, so only its tag decides.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_made_on_request_has_a_tag_and_no_date() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    for path in ["/story/1", "/all/feed/a/", "/all/archive/2026-11-23/"] {
        let full = get(served.address, path);
        assert_eq!((full.status, full.header("last-modified")), (200, None));
        let tag = full.header("etag").unwrap();
        let since = ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT");
        let dated = request(served.address, "GET", path, &[since]);
        assert_eq!(dated.status, 200, "{path}");
        for tag in [tag, &format!("W/{}-gzip\"", &tag[..tag.len() - 1])] {
            let tagged = request(
                served.address,
                "GET",
                path,
                &[("If-None-Match", tag), since],
            );
            assert_eq!(tagged.status, 304, "{path}");
        }
        let coded = request(served.address, "GET", path, &[("Accept-Encoding", "gzip")]);
        assert_eq!(coded.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(coded.header("etag"), full.header("etag"));
    }
}

/// Only reading makes a page.
#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_refused_before_anything_is_looked_for() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    let front = served.site.front.load();
    let counting = Arc::new(Counting {
        inner: Arc::clone(&front.on_request),
        asked: AtomicUsize::new(0),
        answers: true,
    });
    served.site.front.store(with(&front, counting.clone()));
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        for path in ["/story/1", "/all/archive/1.atom", "/nothing", "/all.atom"] {
            let answer = request(served.address, method, path, &[]);
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, Some("GET, HEAD")),
                "{method} {path}"
            );
        }
    }
    assert_eq!(counting.asked.load(Ordering::SeqCst), 0);
    assert_eq!(request(served.address, "HEAD", "/story/1", &[]).status, 200);
    assert_eq!(counting.asked.load(Ordering::SeqCst), 1);
}

/// A page that cannot be made in time is refused for now, and holds up nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_takes_too_long_is_given_up() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One")])).await;
    let soon = Deadlines {
        answer: SOON,
        ..CALM
    };
    let served = start(&mill, soon).await;
    let front = served.site.front.load();
    let never = Counting {
        inner: Arc::clone(&front.on_request),
        asked: AtomicUsize::new(0),
        answers: false,
    };
    served.site.front.store(with(&front, Arc::new(never)));
    let answer = get(served.address, "/story/1");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("30"))
    );
    assert!(answer.header("content-security-policy").is_some());
    assert_eq!(get(served.address, "/all.atom").status, 200);
}

/// Withheld and not kept: the feed is ill, and no reader may take it for gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_withheld_document_asks_to_come_back() {
    let mut mill = Mill::new(vec![output("all")]).await;
    let templates = mill.folder.path().join("templates");
    std::fs::create_dir(&templates).unwrap();
    std::fs::write(
        templates.join("list.html"),
        "<!doctype html><script></script></html>",
    )
    .unwrap();
    mill.config.templates = Some(templates);
    let served = served(&mill).await;
    let answer = get(served.address, "/all/");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("300"))
    );
    assert_eq!(get(served.address, "/all.atom").status, 200);
    assert_eq!(get(served.address, "/nothing").status, 404);
}

/// A flow that counts what it is asked for, and may never answer.
struct Counting {
    inner: Arc<dyn OnRequest>,
    asked: AtomicUsize,
    answers: bool,
}

type Made<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl OnRequest for Counting {
    fn document<'a>(&'a self, path: &'a str) -> Made<'a, Option<Arc<Document>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.answers {
            self.inner.document(path)
        } else {
            Box::pin(std::future::pending())
        }
    }
    fn coded<'a>(&'a self, document: Arc<Document>, coding: Coding) -> Made<'a, Arc<Document>> {
        self.inner.coded(document, coding)
    }
    fn shows(&self, story: &StoryView) -> bool {
        self.inner.shows(story)
    }
    fn is_withheld(&self, path: &str) -> bool {
        self.inner.is_withheld(path)
    }
    fn is_gone(&self, path: &str) -> bool {
        self.inner.is_gone(path)
    }
    fn websub<'a>(&'a self, form: &'a [(String, String)]) -> Made<'a, HubAnswer> {
        self.inner.websub(form)
    }
}

fn with(front: &Front, on_request: Arc<dyn OnRequest>) -> Arc<Front> {
    Arc::new(Front {
        config: Arc::clone(&front.config),
        theme: Arc::clone(&front.theme),
        site: front.site.clone(),
        on_request,
        mail_pause: Arc::new(|| None),
        pushes: Arc::clone(&front.pushes),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_and_echoes_nothing_active() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    let found = get(served.address, "/search?q=words");
    assert!(found.text().contains("Two <mark>words</mark>") || found.text().contains("Two words"));
    let asked = "/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E%20col:x%20-%20NEAR(";
    let answer = get(served.address, asked);
    assert_eq!(answer.status, 200);
    assert!(!answer.text().contains("<script"), "{}", answer.text());
    assert!(answer.text().contains("&lt;script&gt;"));
    let bold = get(served.address, "/search?q=bold");
    assert!(!bold.text().contains("<b>"));
    for (path, status) in [
        ("/search?page=x&q=one", 400),
        ("/search?q=a&q=b", 400),
        ("/search?q=%FF%FE", 200),
        ("/search.json?page=x", 400),
    ] {
        let answer = get(served.address, path);
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.text().contains("duplicate"), "{path}");
    }
    let long = format!("/search?q={}", "a".repeat(401));
    assert_eq!(get(served.address, &long).status, 413);
    let json: serde_json::Value =
        serde_json::from_slice(&get(served.address, "/search.json?q=words").body).unwrap();
    assert_eq!(json["hits"][0]["title"], "Two words");
}

/// A story of no merged feed is not there, neither by its number nor by its feed.
#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_nothing_shows_is_not_there() {
    let tech = PublishConfig {
        groups: vec![String::from("tech")],
        ..output("tech")
    };
    let mill = Mill::new(vec![tech]).await;
    mill.poll("b", &pairs(&[("9", "Unseen")])).await;
    let served = served(&mill).await;
    let statuses: Vec<u16> = (1..=3)
        .map(|id| get(served.address, &format!("/story/{id}")).status)
        .collect();
    assert_eq!(statuses, [404, 200, 200]);
    assert_eq!(get(served.address, "/tech/feed/b/").status, 404);
    assert_eq!(get(served.address, "/tech/feed/a/").status, 200);
}

/// RFC 8058: GET changes nothing, a one-click POST acts, once.
#[tokio::test(flavor = "multi_thread")]
async fn one_click_unsubscribes_and_looking_does_not() {
    let mill = Mill::new(vec![output("all")]).await;
    let (an, now) = (roster("morning", &["an@example.org"]), mill.clock.now());
    mill.store.sync_subscribers(an, now).await.unwrap();
    let id = mill.store.subscribers("morning").await.unwrap()[0].id;
    let served = served(&mill).await;
    let key = mill.store.secret_key();
    let given = token::make(token::UNSUBSCRIBE, "morning", id, &key);
    let path = format!("/unsubscribe/{given}");
    let standing = async || mill.store.subscriber(id).await.unwrap().unwrap().standing;

    for method in ["GET", "HEAD"] {
        assert_eq!(request(served.address, method, &path, &[]).status, 200);
        assert_eq!(standing().await, SubscriberStanding::Active, "{method}");
    }
    let shown = get(served.address, &path);
    assert!(shown.text().contains(&format!("action=\"{path}\"")));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let forged = format!("/unsubscribe/{}", token::make("other", "morning", id, &key));
    assert_eq!(request(served.address, "POST", &forged, &[]).status, 404);
    assert_eq!(standing().await, SubscriberStanding::Active);

    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let click = b"List-Unsubscribe=One-Click";
    for _ in 0..2 {
        let answer = send(served.address, "POST", &path, &form, click);
        assert_eq!((answer.status, answer.header("location")), (200, None));
        assert_eq!(standing().await, SubscriberStanding::Unsubscribed);
    }
    assert!(
        !get(served.address, &path)
            .text()
            .contains("<form method=\"post\"")
    );
}

/// The address in a mail from before a rename: whoever follows it leaves under the new name.
#[tokio::test(flavor = "multi_thread")]
async fn the_link_in_an_old_mail_unsubscribes_after_the_digest_was_renamed() {
    let mill = Mill::new(vec![output("all")]).await;
    let (store, now) = (mill.store.clone(), mill.clock.now());
    let named = |digest: &str| roster(digest, &["an@example.org"]);
    let only = async |digest: &str| store.subscribers(digest).await.unwrap().remove(0);
    let sync = async |digest: &str| store.sync_subscribers(named(digest), now).await;
    sync("morning").await.unwrap();
    let first = only("morning").await.id;
    let key = store.secret_key();
    let given = token::make(token::UNSUBSCRIBE, "morning", first, &key);
    sync("daily").await.unwrap();
    sync("evening").await.unwrap();
    assert_eq!(only("evening").await.standing, SubscriberStanding::Active);

    let served = served(&mill).await;
    let path = format!("/unsubscribe/{given}");
    assert!(get(served.address, &path).text().contains("evening"));
    let answer = request(served.address, "POST", &path, &[]);
    assert_eq!(answer.status, 200);
    let left = SubscriberStanding::Unsubscribed;
    assert_eq!(only("evening").await.standing, left);
    // The names that came before remember it too.
    sync("morning").await.unwrap();
    assert_eq!(only("morning").await.standing, left);
}

/// The web copy of an edition is found by the slot and zone in its address, whatever the number of editions.
#[tokio::test(flavor = "multi_thread")]
async fn an_edition_is_found_by_its_slot_and_zone() {
    let mut mill = Mill::new(vec![output("all")]).await;
    let digest = "[digest.morning]\ncron = \"30 6 * * *\"\nfrom = \"news@example.org\"\n[mail]\nmaildir = \"m\"\n";
    mill.config.digests = crate::config::fine(digest).digests;
    let slot_at = "2026-03-02T06:30:00.250Z".parse().unwrap();
    for lane in ["UTC", "Asia/Ho_Chi_Minh"] {
        let edition = FrozenEdition {
            digest: String::from("morning"),
            lane: lane.to_owned(),
            slot_at,
            frozen_at: slot_at,
            after: StorySeq(0),
            until: StorySeq(0),
            standing: EditionStanding::Frozen,
            stories: Vec::new(),
            subject: String::from("News"),
            web_html: Some(format!("<p>For {lane}</p>")),
            messages: Vec::new(),
            served: Vec::new(),
        };
        mill.store
            .freeze_edition(edition, Vec::new())
            .await
            .unwrap();
    }
    let served = served(&mill).await;
    for (path, expected) in [
        ("morning/20260302T063000Z-utc", Some("<p>For UTC</p>")),
        (
            "morning/20260302T063000Z-asia.ho_chi_minh",
            Some("<p>For Asia/Ho_Chi_Minh</p>"),
        ),
        ("morning/20260302T063001Z-utc", None),
        ("morning/20260302T063000Z-europe.paris", None),
        ("morning/20260302T063000Z", None),
        ("morning/99999999T999999Z-utc", None),
        ("morning/-", None),
        ("evening/20260302T063000Z-utc", None),
    ] {
        let answer = get(served.address, &format!("/digest/{path}"));
        match expected {
            Some(html) => assert_eq!((answer.status, answer.text()), (200, html)),
            None => assert_eq!(answer.status, 404, "{path}"),
        }
    }
}

/// Before the first rendering nothing is missing yet: readers are asked to come back, and drop no feed.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_not_rendered_yet_asks_to_come_back() {
    let mill = Mill::new(vec![output("all")]).await;
    let served = served(&mill).await;
    mill.shelf.replace(Default::default());
    let ready = &served.site.ready;
    ready.store(false, std::sync::atomic::Ordering::Release);
    for path in ["/", "/all.atom", "/all/", "/nothing"] {
        let answer = get(served.address, path);
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("5")),
            "{path}"
        );
    }
    assert_eq!(get(served.address, "/readyz").status, 503);
    ready.store(true, std::sync::atomic::Ordering::Release);
    assert_eq!(get(served.address, "/nothing").status, 404);
}

/// The address stood in the merged feed, where the entry had no link of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_joined_story_is_that_of_the_other() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One"), ("2", "Two"), ("3", "Three")]))
        .await;
    let served = start(&mill, CALM).await;
    let now = mill.clock.now();
    // One after the other: what led to the second leads on.
    for pair in [(3, 2), (2, 1)] {
        let pair = (StoryId(pair.0), StoryId(pair.1));
        let joined = mill
            .store
            .join_stories(pair, Arc::new(Matcher::default()), now);
        joined.await.unwrap();
    }
    for gone in ["/story/2", "/story/3"] {
        let answer = get(served.address, gone);
        assert_eq!(answer.status, 301, "{gone}");
        let target = answer.header("location").unwrap();
        assert!(target.ends_with("/story/1"), "{target}");
    }
    assert_eq!(get(served.address, "/story/1").status, 200);
    assert_eq!(get(served.address, "/story/4").status, 404);
}
