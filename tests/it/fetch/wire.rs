//! What goes over the wire: golden requests, validators, redirects.

use feedmill::config::{Auth, Secret};
use feedmill::fetch::{FetchRequest, Fetcher, Outcome, Readers};
use feedmill::model::{TroubleClass, Validators};

use super::{body, config, failure, feed, fetcher, first, next, noon, request};
use crate::support::origin::{Origin, Reply};

const ACCEPT: &str = "accept: application/atom+xml, application/rss+xml, application/feed+json, \
                      application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1";

#[track_caller]
fn check_golden(actual: &str, line: &str, host: impl std::fmt::Display, more: &[&str]) {
    let agent = concat!(
        "user-agent: feedmill/",
        env!("CARGO_PKG_VERSION"),
        " (+https://news.example.org/about)"
    );
    let host = format!("host: {host}");
    let mut lines = vec![ACCEPT, "accept-encoding: gzip, br, zstd", agent, &host];
    lines.extend(more);
    lines.sort_unstable();
    assert_eq!(actual, format!("{line}\n{}", lines.join("\n")));
}

#[tokio::test]
async fn r1_13_golden_first_and_second_request() {
    let origin = Origin::start().await;
    origin.reply(
        "/f",
        Reply::ok("<rss/>")
            .header("ETag", "W/\"v1\"")
            .header("Last-Modified", "Mon, 09 Mar 2026 08:00:00 GMT")
            .header("Set-Cookie", "track=1")
            .honouring_validators(),
    );
    let fetcher = fetcher();
    let report = first(&fetcher, &origin.url("/f?x=1")).await;
    let report = next(&fetcher, &origin.url("/f?x=1"), &report).await;
    assert!(matches!(report.outcome, Outcome::NotModified));
    assert!(report.conditional);

    let seen = origin.requests();
    assert_eq!(seen.len(), 2);
    check_golden(
        &seen[0].golden(),
        "GET /f?x=1 HTTP/1.1",
        origin.address(),
        &[],
    );
    let echoed = [
        "if-none-match: W/\"v1\"",
        "if-modified-since: Mon, 09 Mar 2026 08:00:00 GMT",
    ];
    check_golden(
        &seen[1].golden(),
        "GET /f?x=1 HTTP/1.1",
        origin.address(),
        &echoed,
    );
}

#[tokio::test]
async fn r1_13_golden_redirected_request_carries_nothing_along() {
    let (old, new) = (Origin::start().await, Origin::start_at("127.0.0.2").await);
    old.reply(
        "/f",
        Reply::redirect(302, &new.url("/g#part")).header("Set-Cookie", "a=b"),
    );
    new.reply("/g", Reply::ok("<rss/>"));
    let request = FetchRequest {
        auth: Some(Auth::Bearer(Secret::new("hunter2".into()))),
        headers: vec![("X-Api-Key".into(), Secret::new("key".into()))],
        validators: Validators {
            url: old.url("/f"),
            etag: Some(b"\"old\"".to_vec()),
            last_modified: None,
        },
        ..request(&old.url("/f"))
    };
    let report = fetcher().fetch(request, noon()).await;
    assert_eq!(body(&report), Some(&b"<rss/>"[..]));
    assert!(
        !report.conditional,
        "the last hop was asked without validators"
    );

    let configured = [
        "authorization: Bearer hunter2",
        "if-none-match: \"old\"",
        "x-api-key: key",
    ];
    check_golden(
        &old.requests()[0].golden(),
        "GET /f HTTP/1.1",
        old.address(),
        &configured,
    );
    check_golden(
        &new.requests()[0].golden(),
        "GET /g HTTP/1.1",
        new.address(),
        &[],
    );
}

#[tokio::test]
async fn r1_13_golden_authenticated_request() {
    let origin = Origin::start().await;
    origin
        .reply("/f", Reply::redirect(301, "/g"))
        .reply("/g", Reply::ok("<rss/>"));
    let password = Secret::new("open sesame".into());
    let auth = Some(Auth::Basic {
        username: "Aladdin".into(),
        password,
    });
    let report = fetcher()
        .fetch(
            FetchRequest {
                auth,
                ..request(&origin.url("/f"))
            },
            noon(),
        )
        .await;
    assert!(body(&report).is_some());
    for (at, line) in ["GET /f HTTP/1.1", "GET /g HTTP/1.1"]
        .into_iter()
        .enumerate()
    {
        let basic = ["authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="];
        check_golden(
            &origin.requests()[at].golden(),
            line,
            origin.address(),
            &basic,
        );
    }
}

#[tokio::test]
async fn r1_1_exact_echo() {
    let long = format!("\"{}\"", "e".repeat(1022));
    let tags: [&[u8]; 7] = [
        b"\"abc\"",
        b"W/\"abc\"",
        b"abc",
        b"\"abc-gzip\"",
        b"\"a\\\"b\"",
        b"\"caf\xe9\"",
        long.as_bytes(),
    ];
    let dates: [&[u8]; 3] = [
        b"Tue, 1 Jan 2030 00:00:00 GMT",
        b"yesterday",
        b"Tuesday, 10-Mar-26 08:00:00 GMT",
    ];
    for (tag, date) in tags
        .iter()
        .map(|tag| (*tag, dates[0]))
        .chain(dates.map(|date| (tags[0], date)))
    {
        let origin = Origin::start().await;
        origin.reply(
            "/",
            Reply::ok("<rss/>")
                .header("ETag", tag)
                .header("Last-Modified", date),
        );
        let fetcher = fetcher();
        let report = first(&fetcher, &origin.url("/")).await;
        next(&fetcher, &origin.url("/"), &report).await;
        let second = &origin.requests()[1];
        assert_eq!(second.header_bytes("if-none-match"), Some(tag));
        assert_eq!(second.header_bytes("if-modified-since"), Some(date));
    }
}

/// One request per reply; then, per request, the validators it carried: (If-None-Match, If-Modified-Since).
async fn sent_validators(replies: Vec<Reply>) -> Vec<(Option<String>, Option<String>)> {
    let origin = Origin::start().await;
    let fetcher = fetcher();
    let mut validators = Validators::default();
    for reply in replies {
        origin.replace("/", reply);
        let request = FetchRequest {
            validators,
            ..request(&origin.url("/"))
        };
        validators = fetcher.fetch(request, noon()).await.validators;
    }
    let sent = |r: &crate::support::origin::Recorded| {
        (r.header("if-none-match"), r.header("if-modified-since"))
    };
    origin.requests().iter().map(sent).collect()
}

fn pair(etag: &str, date: &str) -> (Option<String>, Option<String>) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (some(etag), some(date))
}

#[tokio::test]
async fn r1_2_tag_and_date_are_sent_together() {
    let both = Reply::ok("1")
        .header("ETag", "\"a\"")
        .header("Last-Modified", "Mon, 09 Mar 2026 08:00:00 GMT");
    let sent = sent_validators(vec![both.honouring_validators(); 2]).await;
    assert_eq!(sent[1], pair("\"a\"", "Mon, 09 Mar 2026 08:00:00 GMT"));
}

#[tokio::test]
async fn r2_2_a_tag_may_be_weak_here_and_strong_there() {
    let sent = sent_validators(vec![
        Reply::ok("1").header("ETag", "W/\"a\""),
        Reply::status(304).header("ETag", "\"a\""),
        Reply::status(304),
        Reply::status(304).header("ETag", "W/\"a\""),
        Reply::status(304),
    ])
    .await;
    let tags = ["", "W/\"a\"", "\"a\"", "\"a\"", "W/\"a\""];
    assert_eq!(sent, tags.map(|tag| pair(tag, "")));
}

/// A header of the first request under `config`.
async fn first_header(config: &feedmill::config::FetchConfig, name: &str) -> String {
    let origin = Origin::start().await;
    let fetcher = Fetcher::new(config, &[]).unwrap();
    first(&fetcher, &origin.url("/")).await;
    origin.requests()[0].header(name).unwrap()
}

#[tokio::test]
async fn r2_26_the_user_agent_says_who_and_where_to_turn_to() {
    let product = concat!("feedmill/", env!("CARGO_PKG_VERSION"));
    let named = first_header(&config(), "user-agent").await;
    assert_eq!(
        named,
        format!("{product} (+https://news.example.org/about)")
    );
    let unnamed = feedmill::config::FetchConfig {
        contact: None,
        ..config()
    };
    assert_eq!(first_header(&unnamed, "user-agent").await, product);
}

#[tokio::test]
async fn r2_26_the_user_agent_counts_real_readers_where_it_is_to_and_changes_nothing_else() {
    let (old, new) = (Origin::start().await, Origin::start_at("127.0.0.2").await);
    old.reply("/f", Reply::redirect(302, &new.url("/g")));
    new.reply("/g", Reply::ok("<rss/>"));
    let told = FetchRequest {
        readers: Some(Readers {
            subscribers: 3,
            feed_id: 81,
        }),
        ..request(&old.url("/f"))
    };
    fetcher().fetch(told, noon()).await;
    for (origin, line) in [(&old, "GET /f HTTP/1.1"), (&new, "GET /g HTTP/1.1")] {
        let seen = origin.requests()[0].golden();
        let whole = "about; 3 subscribers; feed-id=81)";
        assert_eq!(seen.matches(whole).count(), 1, "{seen}");
        check_golden(&seen.replace(whole, "about)"), line, origin.address(), &[]);
    }
}

#[tokio::test]
async fn r2_27_accept_names_the_feed_types_and_takes_anything() {
    let accept = first_header(&config(), "accept").await;
    assert_eq!(format!("accept: {accept}"), ACCEPT);
}

#[tokio::test]
async fn r1_3_a_200_replaces_the_pair() {
    let sent = sent_validators(vec![
        Reply::ok("1").header("ETag", "A"),
        Reply::ok("2").header("Last-Modified", "X"),
        Reply::ok("3"),
        Reply::ok("4"),
    ])
    .await;
    assert_eq!(
        sent,
        [pair("", ""), pair("A", ""), pair("", "X"), pair("", "")]
    );
}

#[tokio::test]
async fn r1_4_a_304_merges() {
    let sent = sent_validators(vec![
        Reply::ok("1")
            .header("ETag", "A")
            .header("Last-Modified", "X"),
        Reply::status(304),
        Reply::status(304).header("ETag", "B"),
        Reply::status(304).header("Last-Modified", "Y"),
        Reply::status(304),
    ])
    .await;
    assert_eq!(
        sent,
        [
            pair("", ""),
            pair("A", "X"),
            pair("A", "X"),
            pair("B", "X"),
            pair("B", "Y")
        ]
    );
}

#[tokio::test]
async fn r1_5_tag_and_date_are_compared_independently() {
    let sent = sent_validators(vec![
        Reply::ok("1")
            .header("ETag", "A")
            .header("Last-Modified", "X"),
        Reply::ok("2")
            .header("ETag", "B")
            .header("Last-Modified", "X"),
        Reply::status(304),
    ])
    .await;
    assert_eq!(sent[2], pair("B", "X"));
}

#[tokio::test]
async fn r1_6_no_invented_dates() {
    let dated = Reply::ok("1").header("Date", "Tue, 10 Mar 2026 12:00:00 GMT");
    assert_eq!(
        sent_validators(vec![dated.clone(), dated]).await[1],
        pair("", "")
    );
}

#[tokio::test]
async fn r1_3_a_failure_keeps_the_pair() {
    let sent = sent_validators(vec![
        Reply::ok("1").header("ETag", "A"),
        Reply::status(500).header("ETag", "err"),
        Reply::ok("<rss/>").header("ETag", "cut").cut_at(2),
        Reply::ok("").header("ETag", "empty"),
        Reply::status(304),
    ])
    .await;
    assert_eq!(sent[1..], vec![pair("A", ""); 4]);
}

#[tokio::test]
async fn r1_7_validators_go_only_to_the_url_that_sent_them() {
    let origin = Origin::start().await;
    origin
        .reply("/a", Reply::redirect(302, "/b"))
        .reply("/a", Reply::redirect(302, "/c"));
    origin
        .reply("/b", Reply::ok("b").header("ETag", "\"b\""))
        .reply("/c", Reply::ok("c"));
    let fetcher = fetcher();
    let report = first(&fetcher, &origin.url("/a")).await;
    assert_eq!(report.validators.url, origin.url("/b"));
    next(&fetcher, &origin.url("/a"), &report).await;
    let seen: Vec<_> = origin
        .requests()
        .iter()
        .map(|r| (r.target.clone(), r.header("if-none-match")))
        .collect();
    assert_eq!(
        seen,
        ["/a", "/b", "/a", "/c"].map(|path| (path.to_owned(), None))
    );

    origin.replace("/a", Reply::redirect(302, "/b"));
    let report = next(&fetcher, &origin.url("/a"), &report).await;
    assert!(report.conditional);
    assert_eq!(
        origin.requests()[5].header("if-none-match").as_deref(),
        Some("\"b\"")
    );
}

#[tokio::test]
async fn r1_10_no_second_try() {
    for status in [400, 403, 404, 406, 415, 429, 500, 503] {
        let origin = Origin::start().await;
        origin.reply("/", Reply::status(status).body("no"));
        assert_eq!(
            failure(&first(&fetcher(), &origin.url("/")).await).0 == TroubleClass::Throttled,
            status == 429
        );
        assert_eq!(origin.requests().len(), 1, "{status}");
    }
    for fault in [
        Reply::close(),
        Reply::ok("broken").header("Content-Encoding", "gzip"),
        Reply::raw("nonsense\r\n\r\n"),
    ] {
        let origin = Origin::start().await;
        origin.reply("/", fault);
        failure(&first(&fetcher(), &origin.url("/")).await);
        assert_eq!(origin.requests().len(), 1);
    }
}

#[tokio::test]
async fn r1_10_a_dead_idle_connection_costs_no_poll() {
    let origin = Origin::start().await;
    origin.reply("/", Reply::ok("1")).reply("/", Reply::ok("2"));
    let fetcher = fetcher();
    first(&fetcher, &origin.url("/")).await;
    assert_eq!(
        body(&first(&fetcher, &origin.url("/")).await),
        Some(&b"2"[..])
    );
    assert_eq!(origin.connections(), 1, "the connection was used again");
}

#[tokio::test]
async fn feeds_of_one_host_share_a_connection() {
    let origin = Origin::start().await;
    origin.feed("/a", "<rss>a</rss>").feed("/b", "<rss>b</rss>");
    let feeds = [feed("a", &origin.url("/a")), feed("b", &origin.url("/b"))];
    let fetcher = Fetcher::new(&config(), &feeds).unwrap();
    for path in ["/a", "/b", "/a"] {
        let report = first(&fetcher, &origin.url(path)).await;
        assert!(body(&report).is_some());
        let again = next(&fetcher, &origin.url(path), &report).await;
        assert!(matches!(again.outcome, Outcome::NotModified));
    }
    assert_eq!((origin.requests().len(), origin.connections()), (6, 1));
}

#[tokio::test]
async fn r1_12_a_cancelled_fetch_is_not_sent_again() {
    let origin = Origin::start().await;
    origin.reply("/", Reply::ok("<rss/>").hold());
    let (fetcher, url) = (fetcher(), origin.url("/"));
    tokio::select! {
        report = first(&fetcher, &url) => panic!("{report:?}"),
        () = origin.seen(1) => {}
    }
    origin.release();
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn r2_3_if_none_match_can_be_left_out() {
    let origin = Origin::start().await;
    origin.reply("/", Reply::status(304));
    let validators = Validators {
        url: origin.url("/"),
        etag: Some(b"\"x-gzip\"".to_vec()),
        last_modified: Some(b"Mon, 09 Mar 2026 08:00:00 GMT".to_vec()),
    };
    let request = FetchRequest {
        validators,
        without_etag: true,
        ..request(&origin.url("/"))
    };
    let report = fetcher().fetch(request, noon()).await;
    assert!(report.conditional && matches!(report.outcome, Outcome::NotModified));
    assert_eq!(
        report.validators.etag.as_deref(),
        Some(&b"\"x-gzip\""[..]),
        "left out, not forgotten"
    );
    assert_eq!(origin.requests()[0].header("if-none-match"), None);
}
