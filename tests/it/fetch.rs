//! Tests of `fetch`: what goes over the wire, byte by byte, and what is made of every kind of answer. Test names begin
//! with the number of the requirement they hold (R: polling; NET: the address guard).

#![allow(clippy::unwrap_used)]

mod coding;
mod freshness;
mod guard;
mod hosts;
mod redirects;
mod transport;
mod trouble;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use feedmill::config::{FeedConfig, FetchConfig, HubHash, Located, Place};
use feedmill::fetch::{FetchReport, FetchRequest, Fetcher, Outcome};
use feedmill::model::{TroubleClass, Validators};
use jiff::Timestamp;
use url::Url;

/// A Tuesday.
fn noon() -> Timestamp {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

/// Loopback is approved, everything else is as an operator would have it.
fn config() -> FetchConfig {
    FetchConfig {
        contact: Some(Url::parse("https://news.example.org/about").unwrap()),

        name_subscribers: false,
        interval: Duration::from_secs(3600),
        max_interval: Duration::from_secs(86_400),
        adaptive: true,
        requests_per_day: None,
        concurrency: 256,
        per_host: 1,
        host_gap: Duration::from_secs(2),
        host_gaps: BTreeMap::new(),
        starts_per_second: 1000,
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(5),
        max_body: 30 << 20,
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        proxy: None,
        strip_params: Vec::new(),
        websub: false,
        min_hub_hash: HubHash::Sha1,
        max_new: 20,
        icons: false,
    }
}

fn feed(key: &str, url: &str) -> FeedConfig {
    FeedConfig {
        key: key.to_owned(),
        url: Located {
            value: Url::parse(url).unwrap(),
            at: Place::default(),
        },
        title: None,
        groups: Vec::new(),
        interval: Duration::from_secs(3600),
        priority: 0,
        weight: 100,
        filters: Vec::new(),
        headers: Vec::new(),
        auth: None,
        proxy: None,
        client_certificate: None,
        ca_certificate: None,
        max_new: 20,
        full_text: false,
        backfill: false,
        enabled: true,
        allow_networks: Vec::new(),
        websub: false,
    }
}

fn fetcher() -> Fetcher {
    Fetcher::new(&config(), &[]).unwrap()
}

fn request(url: &str) -> FetchRequest {
    FetchRequest {
        url: Url::parse(url).unwrap(),
        validators: Validators::default(),
        without_etag: false,
        headers: Vec::new(),
        auth: None,
        feed: "a".to_owned(),
        readers: None,
        politeness: None,
    }
}

/// One poll without validators.
async fn first(fetcher: &Fetcher, url: &str) -> FetchReport {
    fetcher.fetch(request(url), noon()).await
}

/// The poll after `before`.
async fn next(fetcher: &Fetcher, url: &str, before: &FetchReport) -> FetchReport {
    let request = FetchRequest {
        validators: before.validators.clone(),
        ..request(url)
    };
    fetcher.fetch(request, noon()).await
}

/// The body of a 200, or none.
fn body(report: &FetchReport) -> Option<&[u8]> {
    match &report.outcome {
        Outcome::Fresh { body, .. } => Some(body),
        _ => None,
    }
}

/// Class and text of a failure.
#[track_caller]
fn failure(report: &FetchReport) -> (TroubleClass, &str) {
    match &report.outcome {
        Outcome::Failed(trouble) => (trouble.class, &trouble.text),
        other => panic!("no failure but {other:?}"),
    }
}
