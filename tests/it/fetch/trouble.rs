//! Every fault has its class and one clear line that shows no secret.

use std::time::Duration;

use feedmill::config::FetchConfig;
use feedmill::fetch::{FetchReport, FetchRequest, Fetcher, Hosts, Outcome, Politeness, Signal};
use feedmill::model::{TroubleClass, Validators};
use url::Url;

use super::{body, config, failure, fetcher, first, noon, request};
use crate::support::origin::{Origin, Reply};

async fn poll(reply: Reply) -> FetchReport {
    let origin = Origin::start().await;
    origin.reply("/", reply);
    first(&fetcher(), &origin.url("/?token=hush")).await
}

#[track_caller]
fn check(report: &FetchReport, class: TroubleClass, line: &str) {
    let (found, text) = failure(report);
    assert_eq!((found, text.contains(line)), (class, true), "{text}");
    assert!(!text.contains("hush") && !text.contains('\n'), "{text}");
}

#[tokio::test]
async fn statuses() {
    for (status, class) in [
        (400, TroubleClass::Status),
        (401, TroubleClass::Status),
        (403, TroubleClass::Status),
        (404, TroubleClass::Status),
        (451, TroubleClass::Status),
        (500, TroubleClass::Status),
        (503, TroubleClass::Status),
        (429, TroubleClass::Throttled),
        (201, TroubleClass::Status),
        (300, TroubleClass::Status),
    ] {
        let report = poll(Reply::status(status).body("<html>sorry</html>")).await;
        check(&report, class, &format!("answered {status}"));
        assert_eq!(report.hops[0].status, status);
    }
    let resting = poll(Reply::status(503).header("Retry-After", "60")).await;
    check(&resting, TroubleClass::Throttled, "503");
    assert!(matches!(
        poll(Reply::status(410)).await.outcome,
        Outcome::Gone
    ));
}

#[tokio::test]
async fn r2_13_a_challenge_page_is_its_own_class() {
    let challenged = Reply::status(403)
        .header("cf-mitigated", "challenge")
        .body("<html>");
    check(
        &poll(challenged).await,
        TroubleClass::Challenge,
        "challenge page",
    );
}

#[tokio::test]
async fn r2_18_answers_that_are_no_feed() {
    check(&poll(Reply::status(204)).await, TroubleClass::Status, "204");
    check(
        &poll(Reply::status(206).body("<rss/>")).await,
        TroubleClass::Status,
        "206",
    );
    check(
        &poll(Reply::status(226).header("IM", "feed").body("<rss/>")).await,
        TroubleClass::Status,
        "226",
    );
    check(
        &poll(Reply::ok("")).await,
        TroubleClass::Truncated,
        "empty body",
    );
    check(
        &poll(Reply::ok("").header("Content-Encoding", "gzip")).await,
        TroubleClass::Truncated,
        "empty body",
    );
    check(
        &poll(Reply::status(304)).await,
        TroubleClass::Status,
        "without validators",
    );
    let report = poll(Reply::status(203).body("<rss/>")).await;
    assert_eq!(
        body(&report),
        Some(&b"<rss/>"[..]),
        "a proxy changed it, but it is the feed"
    );
}

#[tokio::test]
async fn r2_20_a_304_body_is_not_decoded() {
    let origin = Origin::start().await;
    origin.reply("/", Reply::status(304).header("Content-Encoding", "gzip"));
    let validators = Validators {
        url: origin.url("/"),
        etag: Some(b"a".to_vec()),
        last_modified: None,
    };
    let report = fetcher()
        .fetch(
            FetchRequest {
                validators,
                ..request(&origin.url("/"))
            },
            noon(),
        )
        .await;
    assert!(matches!(report.outcome, Outcome::NotModified));
}

#[tokio::test]
async fn r2_22_bodies_cut_short() {
    check(
        &poll(Reply::ok("<rss></rss>").cut_at(5)).await,
        TroubleClass::Truncated,
        "ends early",
    );
    check(
        &poll(Reply::ok("<rss></rss>").length(99)).await,
        TroubleClass::Truncated,
        "ends early",
    );
    check(
        &poll(Reply::ok("<rss></rss>").gzip().cut_at(12)).await,
        TroubleClass::Truncated,
        "ends early",
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n";
    check(
        &poll(Reply::raw(chunked)).await,
        TroubleClass::Truncated,
        "ends early",
    );
    check(
        &poll(Reply::ok("x").header("Content-Encoding", "aes128gcm")).await,
        TroubleClass::Truncated,
        "not offered",
    );
}

#[tokio::test]
async fn peers_that_do_not_speak_http() {
    check(
        &poll(Reply::close()).await,
        TroubleClass::Connect,
        "closed the connection",
    );
    check(
        &poll(Reply::raw("220 mail.example ESMTP\r\n\r\n")).await,
        TroubleClass::Truncated,
        "not HTTP",
    );
    let origin = Origin::start().await;
    origin.greet("SSH-2.0-OpenSSH_9.2\r\n");
    let report = first(&fetcher(), &origin.url("/?token=hush")).await;
    assert!(
        matches!(
            failure(&report).0,
            TroubleClass::Connect | TroubleClass::Truncated
        ),
        "{report:?}"
    );
}

#[tokio::test]
async fn r2_25_tls_failures() {
    let untrusted = Origin::start_tls(&["http/1.1"]).await;
    check(
        &first(&fetcher(), &untrusted.url("/?token=hush")).await,
        TroubleClass::Tls,
        "TLS with 127.0.0.1 failed",
    );
    assert_eq!(untrusted.requests().len(), 0);
    let plain = Origin::start().await;
    plain.greet("this is no TLS at all");
    let url = plain.url("/?token=hush").replace("http:", "https:");
    check(
        &first(&fetcher(), &url).await,
        TroubleClass::Tls,
        "TLS with 127.0.0.1 failed",
    );
}

#[tokio::test]
async fn nobody_listens() {
    let gone = Origin::start().await;
    let url = gone.url("/?token=hush");
    drop(gone);
    let report = first(&fetcher(), &url).await;
    check(&report, TroubleClass::Connect, "no connection to 127.0.0.1");
    assert_eq!(report.feedback().signal, Signal::Unreachable);
}

#[tokio::test]
async fn r2_21_bodies_without_end() {
    let config = FetchConfig {
        max_body: 64 << 10,
        ..config()
    };
    let origin = Origin::start().await;
    origin.reply(
        "/chunked",
        Reply::endless(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "4\r\n<a/>\r\n".repeat(99),
        ),
    );
    origin.reply(
        "/plain",
        Reply::endless("HTTP/1.1 200 OK\r\n\r\n", "<a/>".repeat(99)),
    );
    origin.reply("/declared", Reply::ok("<rss/>").length(64 << 20));
    for path in ["/chunked", "/plain", "/declared"] {
        let report = first(&Fetcher::new(&config, &[]).unwrap(), &origin.url(path)).await;
        check(&report, TroubleClass::TooLarge, "larger than 65536 bytes");
    }
}

#[tokio::test]
async fn r2_22_heads_without_end() {
    let report = poll(Reply::endless(
        "HTTP/1.1 200 OK\r\n",
        "X-More: again\r\n".repeat(99),
    ))
    .await;
    check(&report, TroubleClass::Truncated, "not HTTP");
}

/// The real deadlines are half a minute; here the total is shortened and must bind in every phase.
#[tokio::test]
async fn r2_22_the_total_deadline_binds_in_every_phase() {
    let config = FetchConfig {
        timeout: Duration::from_millis(300),
        ..config()
    };
    let fetcher = Fetcher::new(&config, &[]).unwrap();
    let origin = Origin::start().await;
    origin.reply("/silent", Reply::ok("<rss/>").hold());
    origin.reply("/drip", Reply::ok("<rss/>").hold_after(2));
    origin.reply(
        "/flood",
        Reply::endless("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    );
    origin.reply("/drained", Reply::status(500).body("sorry").hold_after(2));
    for path in ["/silent", "/drip", "/flood", "/drained"] {
        let report = first(&fetcher, &origin.url(path)).await;
        assert_eq!(
            failure(&report).0,
            TroubleClass::Timeout,
            "{path}: {report:?}"
        );
    }
    origin.release();
}

#[tokio::test]
async fn signals_for_the_host() {
    let rest = Some(Duration::from_secs(60));
    let signal = async |reply: Reply| poll(reply).await.feedback().signal;
    assert_eq!(
        signal(Reply::status(429).header("Retry-After", "60")).await,
        Signal::Throttled(rest)
    );
    assert_eq!(
        signal(Reply::status(503).header("Retry-After", "60")).await,
        Signal::Unavailable(rest)
    );
    assert_eq!(signal(Reply::status(503)).await, Signal::Unavailable(None));
    assert_eq!(signal(Reply::status(403)).await, Signal::Forbidden);
    assert_eq!(signal(Reply::status(500)).await, Signal::Answered);
    assert_eq!(signal(Reply::ok("<rss/>")).await, Signal::Answered);
}

#[tokio::test]
async fn the_host_that_a_redirect_led_to_bears_its_own_signal() {
    let (first_host, second) = (Origin::start().await, Origin::start_at("127.0.0.2").await);
    first_host.reply("/", Reply::redirect(302, &second.url("/x")));
    second.reply("/x", Reply::status(429));
    let hosts = Hosts::new(&config(), &[]);
    let request = FetchRequest {
        politeness: Some(Politeness {
            hosts: hosts.clone(),
            draw: 0.0,
        }),
        ..request(&first_host.url("/"))
    };
    let report = fetcher().fetch(request, noon()).await;
    assert_eq!(report.feedback().signal, Signal::Answered);
    let learned = &hosts.states()[0];
    assert_eq!(learned.host, second.address().to_string());
    assert_eq!((learned.requests, learned.throttled), (1, 1));
}

#[tokio::test]
async fn files_of_the_operators_own_config() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tin tức.xml");
    std::fs::write(&path, "<rss/>").unwrap();
    let url = Url::from_file_path(&path).unwrap();
    let fetcher = fetcher();
    let fresh = first(&fetcher, url.as_str()).await;
    assert_eq!((body(&fresh), fresh.hops.len()), (Some(&b"<rss/>"[..]), 0));
    let again = super::next(&fetcher, url.as_str(), &fresh).await;
    assert!(matches!(again.outcome, Outcome::NotModified));
    std::fs::write(&path, "<rss>2</rss>").unwrap();
    let changed = super::next(&fetcher, url.as_str(), &again).await;
    assert_eq!(body(&changed), Some(&b"<rss>2</rss>"[..]));
    std::fs::remove_file(&path).unwrap();
    let missing = super::next(&fetcher, url.as_str(), &changed).await;
    check(&missing, TroubleClass::File, "cannot read");
    assert_eq!(missing.validators, changed.validators);

    std::fs::write(&path, "x".repeat(101)).unwrap();
    let small = Fetcher::new(
        &FetchConfig {
            max_body: 100,
            ..config()
        },
        &[],
    )
    .unwrap();
    check(
        &first(&small, url.as_str()).await,
        TroubleClass::TooLarge,
        "larger than 100 bytes",
    );
}

#[test]
fn unreadable_certificates_are_named() {
    let mut wanting = super::feed("a", "https://example.org/");
    wanting.client_certificate = Some("/nowhere/client.pem".into());
    let error = Fetcher::new(&config(), &[wanting]).err().unwrap();
    let line = format!("{error:#}");
    assert!(
        line.starts_with("feed a: reading client certificate /nowhere/client.pem"),
        "{line}"
    );
}
