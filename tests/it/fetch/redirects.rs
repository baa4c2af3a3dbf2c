//! R2.9, R2.24, R6.1, R6.4: chains of hops, HTTP versions, `Link` headers, and the plainer exchanges.

use feedmill::fetch::Fetcher;
use feedmill::model::TroubleClass;

use super::{body, config, failure, feed, fetcher, first, noon};
use crate::support::origin::{Origin, Reply};

#[tokio::test]
async fn r2_9_redirects_of_every_kind_are_followed() {
    let origin = Origin::start().await;
    let port = origin.address().port();
    for (status, location) in [
        (301, "/end".to_owned()),
        (302, "end".to_owned()),
        (303, "?x=1".to_owned()),
        (307, format!("//127.0.0.1:{port}/end")),
        (308, origin.url("/end")),
        (302, " /with spaces ".to_owned()),
    ] {
        let from = format!("/from{status}");
        origin.replace(&from, Reply::redirect(status, &location));
        for end in ["/end", "/with%20spaces", &format!("{from}?x=1")] {
            origin.replace(end, Reply::ok("<rss/>"));
        }
        let report = first(&fetcher(), &origin.url(&from)).await;
        assert_eq!(body(&report), Some(&b"<rss/>"[..]), "{status} {location}");
        assert_eq!(
            report.hops.iter().map(|hop| hop.status).collect::<Vec<_>>(),
            [status, 200]
        );
        assert_eq!(report.hops[1].url, report.last_url);
    }
}

#[tokio::test]
async fn r2_9_five_hops_and_no_more() {
    let origin = Origin::start().await;
    for hop in 0..6 {
        origin.reply(
            &format!("/{hop}"),
            Reply::redirect(302, &format!("/{}", hop + 1)),
        );
    }
    origin.reply("/6", Reply::ok("<rss/>"));
    assert!(body(&first(&fetcher(), &origin.url("/1")).await).is_some());
    let report = first(&fetcher(), &origin.url("/0")).await;
    assert_eq!(failure(&report).0, TroubleClass::Redirect);
    assert_eq!(
        origin.requests_to("/6").len(),
        1,
        "only the five-hop chain arrived"
    );
}

#[tokio::test]
async fn r2_9_bad_redirects() {
    let origin = Origin::start().await;
    origin
        .reply("/a", Reply::redirect(302, "/b"))
        .reply("/b", Reply::redirect(302, "/a#x"));
    origin.reply("/self", Reply::redirect(301, "/self"));
    origin.reply("/none", Reply::status(301));
    origin.reply("/file", Reply::redirect(302, "file:///etc/passwd"));
    origin.reply("/data", Reply::redirect(302, "data:text/xml,<rss/>"));
    origin.reply("/ftp", Reply::redirect(302, "ftp://127.0.0.1/x"));
    origin.reply("/bad", Reply::redirect(302, "http://[::1"));
    origin.reply("/port", Reply::redirect(302, "http://127.0.0.1:25/"));
    for path in [
        "/a", "/self", "/none", "/file", "/data", "/ftp", "/bad", "/port",
    ] {
        let report = first(&fetcher(), &origin.url(path)).await;
        assert_eq!(failure(&report).0, TroubleClass::Redirect, "{path}");
    }
}

#[tokio::test]
async fn r2_9_no_step_down_from_https() {
    let (safe, plain) = (
        Origin::start_tls(&["http/1.1"]).await,
        Origin::start().await,
    );
    safe.reply("/", Reply::redirect(301, &plain.url("/?token=1")));
    let report = first(&trusting(&safe), &safe.url("/")).await;
    let (class, text) = failure(&report);
    assert_eq!(class, TroubleClass::Redirect);
    assert!(!text.contains("token"), "{text}");
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn r2_24_http2_that_breaks_is_remembered() {
    let origin = Origin::start_tls(&["h2", "http/1.1"]).await;
    origin.reply("/", Reply::ok("<rss/>"));
    let fetcher = trusting(&origin);
    let report = first(&fetcher, &origin.url("/")).await;
    failure(&report);
    assert!(report.http2_broken, "{report:?}");
    assert_eq!(origin.requests().len(), 0);
    assert!(
        body(&first(&fetcher, &origin.url("/")).await).is_some(),
        "HTTP/1.1 the next time"
    );
}

#[tokio::test]
async fn r2_24_http1_only_as_the_store_remembers() {
    let origin = Origin::start_tls(&["h2", "http/1.1"]).await;
    origin.reply("/", Reply::ok("<rss/>"));
    let fetcher = trusting(&origin);
    fetcher.prefer_http1(
        &origin.address().to_string(),
        noon() + std::time::Duration::from_secs(60),
    );
    assert!(body(&first(&fetcher, &origin.url("/")).await).is_some());
}

/// A fetcher whose feed "a" trusts the origin's own authority.
pub(super) fn trusting(origin: &Origin) -> Fetcher {
    let pem = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(pem.path(), origin.authority()).unwrap();
    let mut feed = feed("a", &origin.url("/"));
    feed.ca_certificate = Some(pem.path().to_owned());
    Fetcher::new(&config(), &[feed]).unwrap()
}

#[tokio::test]
async fn r6_1_link_headers() {
    let origin = Origin::start().await;
    let reply = Reply::ok("<rss/>")
        .header(
            "Link",
            "</hub,1>; rel=\"hub\"; title=\"a, b; c\", <feed>; REL=self",
        )
        .header("Link", "<https://hub.example/>; rel=\"hub alternate\"")
        .header("Link", "<x>; rel=hub; anchor=\"/other\", <nothing>");
    origin.reply("/dir/f", reply);
    let report = first(&fetcher(), &origin.url("/dir/f")).await;
    let expected = [
        ("hub", origin.url("/hub,1")),
        ("self", origin.url("/dir/feed")),
        ("hub", "https://hub.example/".to_owned()),
        ("alternate", "https://hub.example/".to_owned()),
    ];
    assert_eq!(
        report.links,
        expected.map(|(rel, url)| (rel.to_owned(), url))
    );
}

#[tokio::test]
async fn r6_4_a_form_is_posted_again_on_307_and_308_only() {
    let origin = Origin::start().await;
    origin
        .reply("/hub", Reply::redirect(307, "/next"))
        .reply("/next", Reply::redirect(308, "/end"));
    origin
        .reply("/end", Reply::status(202))
        .reply("/moved", Reply::redirect(302, "/end"));
    let fetcher = fetcher();
    let hub = url::Url::parse(&origin.url("/hub")).unwrap();
    let answer = fetcher
        .post_form(
            &hub,
            &[("hub.mode", "subscribe"), ("hub.topic", "é&=")],
            noon(),
        )
        .await
        .unwrap();
    assert_eq!((answer.status, answer.url.path()), (202, "/end"));
    for request in origin.requests() {
        assert_eq!(request.method, "POST");
        assert_eq!(request.body(), b"hub.mode=subscribe&hub.topic=%C3%A9%26%3D");
    }
    assert_eq!(origin.requests().len(), 3);
    let moved = url::Url::parse(&origin.url("/moved")).unwrap();
    assert_eq!(
        fetcher.post_form(&moved, &[], noon()).await.unwrap().status,
        302
    );
    assert_eq!(
        origin.requests().len(),
        4,
        "a 302 would turn the POST into a GET"
    );
}

#[tokio::test]
async fn pages_and_forms_of_a_feed_go_the_way_of_the_feed() {
    let origin = Origin::start_tls(&["http/1.1"]).await;
    origin.replace("/", Reply::ok("page"));
    let fetcher = trusting(&origin);
    let url = url::Url::parse(&origin.url("/")).unwrap();
    for (fetcher, trusted) in [
        (fetcher.by_way_of("a"), true),
        (fetcher.by_way_of("other"), false),
        (fetcher, false),
    ] {
        let page = fetcher.get_page(&url, 99, "*/*", noon()).await;
        let form = fetcher.post_form(&url, &[], noon()).await;
        for answer in [page, form] {
            let class = answer.map(|_| ()).map_err(|trouble| trouble.class);
            let expected = if trusted {
                Ok(())
            } else {
                Err(TroubleClass::Tls)
            };
            assert_eq!(class, expected);
        }
    }
}

#[tokio::test]
async fn pages_are_read_under_their_own_cap() {
    let origin = Origin::start().await;
    origin
        .reply("/p", Reply::redirect(302, "/q"))
        .reply("/q", Reply::ok("x".repeat(100)).gzip());
    let url = url::Url::parse(&origin.url("/p")).unwrap();
    let page = fetcher()
        .get_page(&url, 100, "text/html", noon())
        .await
        .unwrap();
    assert_eq!((page.body.len(), page.url.path()), (100, "/q"));
    assert_eq!(
        origin.requests()[0].header("accept").as_deref(),
        Some("text/html")
    );
    let trouble = fetcher()
        .get_page(&url, 99, "text/html", noon())
        .await
        .unwrap_err();
    assert_eq!(trouble.class, TroubleClass::TooLarge);
}
