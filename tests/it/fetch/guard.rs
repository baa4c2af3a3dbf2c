//! NET-1, NET-2, R5.14: addresses and names that are never asked, with a trap on loopback that must stay silent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use feedmill::config::FetchConfig;
use feedmill::fetch::{Fetcher, Guard, Refusal, is_public};
use feedmill::model::TroubleClass;
use proptest::prelude::*;
use url::Url;

use super::{body, config, failure, feed, first};
use crate::support::origin::{Origin, Reply};

/// The table of NET-1, row by row; public addresses last.
const ADDRESSES: [(&str, bool); 39] = [
    ("127.0.0.1", false),
    ("127.255.255.254", false),
    ("10.1.2.3", false),
    ("169.254.169.254", false),
    ("172.16.0.1", false),
    ("172.31.255.255", false),
    ("192.168.1.1", false),
    ("::1", false),
    ("::", false),
    ("fe80::1", false),
    ("fc00::1", false),
    ("fd12:3456::1", false),
    ("100.64.0.1", false),
    ("0.1.2.3", false),
    ("0.0.0.0", false),
    ("192.0.0.8", false),
    ("192.0.2.1", false),
    ("198.18.0.1", false),
    ("198.51.100.1", false),
    ("203.0.113.1", false),
    ("224.0.0.1", false),
    ("240.0.0.1", false),
    ("255.255.255.255", false),
    ("::ffff:127.0.0.1", false),
    ("::127.0.0.1", false),
    ("::ffff:0:127.0.0.1", false),
    ("64:ff9b::7f00:1", false),
    ("64:ff9b::a9fe:a9fe", false),
    ("64:ff9b:1::1", false),
    ("2002:7f00:1::", false),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", false),
    ("fec0::1", false),
    ("100::1", false),
    ("5f00::1", false),
    ("192.88.99.1", false),
    ("2001:db8::1", false),
    ("8.8.8.8", true),
    ("2606:4700::1", true),
    ("64:ff9b::808:808", true),
];

#[test]
fn r5_14_net_1_public_addresses() {
    for (address, public) in ADDRESSES {
        assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
    }
    for edge in [
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.0",
        "172.32.0.0",
        "223.0.0.1",
    ] {
        assert!(is_public(edge.parse().unwrap()), "{edge}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r5_14_net_1_every_form_of_an_address_is_judged_alike(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        let nat64 = Ipv6Addr::from_bits((0x64_ff9b_u128 << 96) | u128::from(bits));
        let public = is_public(v4.into());
        prop_assert_eq!(is_public(v4.to_ipv6_mapped().into()), public);
        prop_assert_eq!(is_public(nat64.into()), public);
        let only = Guard::new([ipnet::IpNet::from(IpAddr::from(v4))]);
        for form in [v4.into(), v4.to_ipv6_mapped().into(), IpAddr::from(nat64)] {
            prop_assert!(only.check_address(form).is_ok());
        }
    }
}

#[track_caller]
fn check(guard: &Guard, url: &str, allowed: bool) {
    let verdict = guard.check_url(&Url::parse(url).unwrap());
    assert_eq!(verdict.is_ok(), allowed, "{url}: {verdict:?}");
}

#[test]
fn r5_14_net_2_urls_refused_before_any_look_up() {
    let guard = Guard::default();
    for host in [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "printer",
        "printer.",
        "nas.local",
        "nas.local.",
        "db.internal",
        "router.home.arpa",
        "home.arpa",
        "local",
        "127.0.0.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "①②⑦.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "169.254.169.254",
    ] {
        check(&guard, &format!("http://{host}/"), false);
        check(&guard, &format!("https://{host}:8443/feed?x"), false);
    }
    for port in [1, 22, 25, 143, 587, 2049, 5060, 6000, 6667, 10080] {
        check(&guard, &format!("http://example.org:{port}/"), false);
    }
    for url in [
        "ftp://example.org/",
        "file:///etc/passwd",
        "data:,x",
        "gopher://example.org/",
    ] {
        check(&guard, url, false);
    }
    for url in [
        "http://example.org/",
        "https://example.org:8443/",
        "http://8.8.8.8/",
        "http://notlocal.org/",
        "http://xlocal.example/",
    ] {
        check(&guard, url, true);
    }
}

#[test]
fn r5_14_net_3_approved_networks() {
    let guard = Guard::new(["10.1.0.0/16".parse().unwrap()]);
    check(&guard, "http://10.1.2.3/", true);
    check(&guard, "http://[::ffff:10.1.2.3]/", true);
    check(&guard, "http://10.2.0.1/", false);
    check(&guard, "http://localhost/", false);
    // What such a name leads to is judged by its addresses.
    check(&guard, "http://nas.local/", true);
    let loopback = Guard::new(["127.0.0.0/8".parse().unwrap()]);
    check(&loopback, "http://localhost/", true);
    check(&loopback, "http://[::1]/", false);
    check(&loopback, "http://127.0.0.1:25/", false);
}

#[test]
fn r5_14_net_2_a_refusal_says_what_to_do() {
    let url = Url::parse("http://user:pw@192.168.1.1/?token=x").unwrap();
    let refusal = Guard::default().check_url(&url).unwrap_err();
    assert_eq!(refusal, Refusal::Address("192.168.1.1".parse().unwrap()));
    let line = "192.168.1.1 is an address inside the network; approve it with allow_networks if you mean it";
    assert_eq!(refusal.to_string(), line);
}

fn strict() -> FetchConfig {
    FetchConfig {
        allow_networks: Vec::new(),
        ..config()
    }
}

/// Feed "a" may speak to 127.0.0.2 and to nobody else inside.
fn only_second() -> Fetcher {
    let mut feed = feed("a", "http://127.0.0.2/");
    feed.allow_networks = vec!["127.0.0.2/32".parse().unwrap()];
    Fetcher::new(&strict(), &[feed]).unwrap()
}

#[tokio::test]
async fn r5_14_net_2_the_trap_hears_nothing_on_the_first_hop() {
    let trap = Origin::start().await;
    let port = trap.address().port();
    let fetcher = Fetcher::new(&strict(), &[]).unwrap();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "localhost",
        "[64:ff9b::7f00:1]",
        "0",
    ] {
        let report = first(&fetcher, &format!("http://{host}:{port}/")).await;
        assert_eq!(failure(&report).0, TroubleClass::Refused, "{host}");
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        assert_eq!(
            fetcher
                .post_form(&url, &[], super::noon())
                .await
                .unwrap_err()
                .class,
            TroubleClass::Refused
        );
        assert_eq!(
            fetcher
                .get_page(&url, 9, "*/*", super::noon())
                .await
                .unwrap_err()
                .class,
            TroubleClass::Refused
        );
    }
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn r5_14_net_2_the_trap_hears_nothing_after_a_redirect() {
    let (evil, trap) = (Origin::start_at("127.0.0.2").await, Origin::start().await);
    let port = trap.address().port();
    let fetcher = only_second();
    for host in [
        "127.0.0.1",
        "127.1",
        "[::ffff:7f00:1]",
        "localhost",
        "a.localhost",
    ] {
        evil.replace(
            "/",
            Reply::redirect(302, &format!("http://{host}:{port}/?secret=1")),
        );
        let report = first(&fetcher, &evil.url("/")).await;
        let (class, text) = failure(&report);
        assert_eq!(class, TroubleClass::Redirect, "{host}");
        assert!(
            text.contains("forbidden target") && !text.contains("secret"),
            "{text}"
        );
    }
    evil.replace("/", Reply::redirect(302, &format!("//127.0.0.1:{port}/")));
    assert_eq!(
        failure(&first(&fetcher, &evil.url("/")).await).0,
        TroubleClass::Redirect
    );
    assert_eq!((evil.connections() > 0, trap.connections()), (true, 0));
}

/// Only ::1 is approved, so `localhost` passes the check by name and 127.0.0.1, its other address, must fall to the
/// filter after the look-up: what a rebinding name server is met by.
#[tokio::test]
async fn r5_14_net_2_the_address_checked_is_the_address_connected_to() {
    let trap = Origin::start().await;
    let config = FetchConfig {
        allow_networks: vec!["::1/128".parse().unwrap()],
        ..config()
    };
    let url = format!("http://localhost:{}/", trap.address().port());
    assert!(
        Guard::new(config.allow_networks.clone())
            .check_url(&Url::parse(&url).unwrap())
            .is_ok()
    );
    let report = first(&Fetcher::new(&config, &[]).unwrap(), &url).await;
    let class = failure(&report).0;
    assert!(
        matches!(class, TroubleClass::Refused | TroubleClass::Connect),
        "{report:?}"
    );
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let report = first(
        &Fetcher::new(&strict(), &[]).unwrap(),
        "http://nowhere.invalid/?token=hush",
    )
    .await;
    let (class, text) = failure(&report);
    assert_eq!(
        (class, text),
        (TroubleClass::Dns, "no address found for nowhere.invalid")
    );
}

#[tokio::test]
async fn r5_14_net_3_localhost_when_loopback_is_approved() {
    let origin = Origin::start().await;
    origin.reply("/", Reply::ok("<rss/>"));
    let url = format!("http://localhost:{}/", origin.address().port());
    let report = first(&Fetcher::new(&config(), &[]).unwrap(), &url).await;
    assert_eq!(body(&report), Some(&b"<rss/>"[..]), "{report:?}");
}

#[tokio::test]
async fn r5_14_net_3_approval_of_one_feed_is_not_approval_of_another() {
    let origin = Origin::start_at("127.0.0.2").await;
    origin.reply("/", Reply::ok("<rss/>"));
    let fetcher = only_second();
    assert!(body(&first(&fetcher, &origin.url("/")).await).is_some());
    let other = feedmill::fetch::FetchRequest {
        feed: "b".into(),
        ..super::request(&origin.url("/"))
    };
    let report = fetcher.fetch(other, super::noon()).await;
    assert_eq!(failure(&report).0, TroubleClass::Refused);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn r5_14_net_2_a_proxy_is_exempt_but_literal_targets_are_not() {
    let (proxy, trap) = (Origin::start().await, Origin::start().await);
    proxy.reply("http://feeds.example/f", Reply::ok("<rss/>"));
    let mut config = strict();
    config.proxy = Some(Url::parse(&proxy.url("/")).unwrap());
    let fetcher = Fetcher::new(&config, &[]).unwrap();
    assert!(body(&first(&fetcher, "http://feeds.example/f").await).is_some());
    assert_eq!(
        failure(&first(&fetcher, &trap.url("/")).await).0,
        TroubleClass::Refused
    );
    assert_eq!((proxy.requests().len(), trap.connections()), (1, 0));
}
