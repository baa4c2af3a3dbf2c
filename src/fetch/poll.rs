//! The exchange as a whole: takes a request, gives a report with every hop. Refuses a second try of
//! any kind (R1.10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED};
use reqwest::{Method, Response};
use tokio::time::{Instant, timeout};
use url::Url;

use super::client::{Lane, Lanes};
use super::exchange::{Broken, Limits, Outgoing, Protocol, drain, read, send};
use super::redirect::Chain;
use super::trouble::{bad_status, refused, trouble};
use super::{
    FetchReport, FetchRequest, Freshness, HostWait, Outcome, Signal, Start, file, freshness,
    headers, host_key, links,
};
use crate::config::{FeedConfig, FetchConfig};
use crate::model::{PollTrouble, TroubleClass, Validators};

pub(super) const FOLLOWED: [u16; 5] = [301, 302, 303, 307, 308];
pub(super) const HOPS: usize = 5;
/// So long a redirect waits for the gap of the host that it led to.
const PATIENCE: Duration = Duration::from_secs(10);
/// R2.24.
const HTTP1_MEMORY: Duration = Duration::from_secs(7 * 86_400);

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    pub(super) shared: Arc<Shared>,
    /// Whose client pages and forms go by; polls name theirs.
    pub(super) way: Option<Arc<Lane>>,
}

pub(super) struct Shared {
    pub(super) lanes: Lanes,
    pub(super) limits: Limits,
    pub(super) user_agent: HeaderValue,
    contact: Option<Url>,
    /// Hosts whose HTTP/2 is broken, until when.
    http1: Mutex<HashMap<String, Timestamp>>,
}

impl Fetcher {
    /// Builds clients for the config's feeds. Errors: an unreadable certificate file.
    pub fn new(config: &FetchConfig, feeds: &[FeedConfig]) -> anyhow::Result<Self> {
        let shared = Shared {
            lanes: Lanes::new(config, feeds)?,
            limits: Limits::new(config),
            user_agent: headers::user_agent(config.contact.as_ref(), None),
            contact: config.contact.clone(),
            http1: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            way: None,
        })
    }

    /// The same, for pages and forms that belong to `feed`: they go by its proxy and with its certificates, to the
    /// networks that it may be in.
    #[must_use]
    pub fn by_way_of(&self, feed: &str) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            way: Some(Arc::clone(self.shared.lanes.of(feed))),
        }
    }

    /// Speaks only HTTP/1.1 to `host` (a [`host_key`]) until then; for what the store remembers.
    pub fn prefer_http1(&self, host: &str, until: Timestamp) {
        self.shared
            .http1
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(host.to_owned(), until);
    }

    /// Makes one exchange, hops included.
    pub async fn fetch(&self, request: FetchRequest, now: Timestamp) -> FetchReport {
        let began = Instant::now();
        let mut report = begun(&request, now);
        if request.url.scheme() == "file" {
            let (outcome, validators) =
                file::read(&request.url, &request.validators, self.shared.limits.body).await;
            report.conditional = !request.validators.url.is_empty();
            return FetchReport {
                outcome,
                validators,
                received_at: now + began.elapsed(),
                ..report
            };
        }
        let mut chain = Chain::new(&request.url, HOPS);
        let polled = timeout(
            self.shared.limits.total,
            self.poll(&request, &mut chain, &mut report, (now, began)),
        )
        .await;
        report.outcome = match polled {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(broken)) => {
                report.http2_broken = broken.http2;
                if broken.http2 {
                    self.distrust_http2(&chain.url, now);
                }
                match broken.held {
                    Some(until) => Outcome::Held(broken.trouble, until),
                    None => Outcome::Failed(broken.trouble),
                }
            }
            Err(_) => Outcome::Failed(overdue(self.shared.limits.total)),
        };
        report.received_at = now + began.elapsed();
        for slot in chain.slots {
            let signal = if slot.is_of(&chain.url) {
                report.signal()
            } else {
                Signal::Answered
            };
            slot.finish(report.received_at, signal);
        }
        report.last_url = chain.url.into();
        report.hops = chain.hops;
        report
    }

    async fn poll(
        &self,
        request: &FetchRequest,
        chain: &mut Chain,
        report: &mut FetchReport,
        (now, began): (Timestamp, Instant),
    ) -> Result<Outcome, Broken> {
        let lane = self.shared.lanes.of(&request.feed);
        lane.guard
            .check_url(&chain.url)
            .map_err(|refusal| refused(&refusal))?;
        loop {
            let who = (&self.shared.user_agent, self.shared.contact.as_ref());
            let (headers, conditional) = headers::of_hop(request, &chain.url, who);
            report.conditional = conditional;
            let outgoing = Outgoing {
                method: Method::GET,
                headers,
                body: None,
            };
            let response = self.send(lane, &chain.url, outgoing, now).await?;
            report.note_freshness(&response, now + began.elapsed());
            if !chain.step(
                response.status(),
                response.headers(),
                &FOLLOWED,
                &lane.guard,
            )? {
                return self.conclude(response, &chain.url, report).await;
            }
            drain(response, &self.shared.limits, &mut report.received_bytes).await;
            permitted(request, chain, (now, began)).await?;
        }
    }

    /// The last response of the chain.
    async fn conclude(
        &self,
        response: Response,
        url: &Url,
        report: &mut FetchReport,
    ) -> Result<Outcome, Broken> {
        let status = response.status().as_u16();
        match status {
            // 203 is a 200 that a proxy on the way has changed.
            200 | 203 => {
                let validators = sent_validators(response.headers(), url);
                let content_type = text(response.headers(), &CONTENT_TYPE);
                report.links = links(response.headers(), url);
                let body = read(response, &self.shared.limits, &mut report.received_bytes).await?;
                if body.is_empty() {
                    return Err(trouble(
                        TroubleClass::Truncated,
                        "answered 200 with an empty body",
                    )
                    .into());
                }
                report.validators = validators;
                Ok(Outcome::Fresh { body, content_type })
            }
            304 if report.conditional => {
                let sent = sent_validators(response.headers(), url);
                // R1.4: what the 304 carries replaces, what it does not carry stays.
                report.validators.etag = sent.etag.or_else(|| report.validators.etag.take());
                report.validators.last_modified = sent
                    .last_modified
                    .or_else(|| report.validators.last_modified.take());
                Ok(Outcome::NotModified)
            }
            _ => {
                let outcome = match status {
                    410 => Outcome::Gone,
                    _ => Outcome::Failed(bad_status(status, response.headers())),
                };
                drain(response, &self.shared.limits, &mut report.received_bytes).await;
                Ok(outcome)
            }
        }
    }

    pub(super) async fn send(
        &self,
        lane: &Lane,
        url: &Url,
        outgoing: Outgoing,
        now: Timestamp,
    ) -> Result<Response, Broken> {
        let sent = send(
            lane,
            url,
            outgoing,
            self.protocol(url, now),
            &self.shared.limits,
        )
        .await;
        if sent.as_ref().is_err_and(|broken| broken.http2) {
            self.distrust_http2(url, now);
        }
        sent
    }

    fn protocol(&self, url: &Url, now: Timestamp) -> Protocol {
        let http1 = self
            .shared
            .http1
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Nearly always empty: then no key need be made.
        let until = if http1.is_empty() {
            None
        } else {
            host_key(url).and_then(|host| http1.get(&host))
        };
        if until.is_some_and(|until| *until > now) {
            Protocol::Http1
        } else {
            Protocol::Negotiated
        }
    }

    fn distrust_http2(&self, url: &Url, now: Timestamp) {
        if let Some(host) = host_key(url) {
            self.prefer_http1(&host, now + HTTP1_MEMORY);
        }
    }
}

impl FetchReport {
    /// The lifetime of the document; how long a redirect may be kept says nothing of a feed whose target does not answer.
    /// The longest Retry-After of the chain (R2.14 names 3xx too).
    fn note_freshness(&mut self, response: &Response, received_at: Timestamp) {
        let said = freshness(response.status().as_u16(), response.headers(), received_at);
        let redirects = FOLLOWED.contains(&response.status().as_u16());
        let retry_after = self.freshness.retry_after.max(said.retry_after);
        self.freshness = Freshness {
            lifetime: said.lifetime.filter(|_| !redirects),
            age: said.age,
            retry_after,
        };
    }
}

/// Leave of the host that a redirect led to. Its gap is waited for, within reason; its rest is not.
async fn permitted(
    request: &FetchRequest,
    chain: &mut Chain,
    (now, began): (Timestamp, Instant),
) -> Result<(), Broken> {
    let Some(politeness) = &request.politeness else {
        return Ok(());
    };
    let at_home = host_key(&chain.url) == host_key(&request.url);
    if at_home || chain.slots.iter().any(|slot| slot.is_of(&chain.url)) {
        return Ok(());
    }
    let give_up = Instant::now() + PATIENCE;
    loop {
        let asked_at = now + began.elapsed();
        let start = politeness
            .hosts
            .try_start(&chain.url, asked_at, politeness.draw);
        let (at, wait) = match start {
            Start::Now(slot) => {
                chain.slots.push(slot);
                return Ok(());
            }
            Start::NotBefore(at, wait) => (at, wait),
        };
        let nap = Duration::try_from(at.duration_since(asked_at)).unwrap_or_default();
        let short = matches!(wait, HostWait::Gap | HostWait::Busy | HostWait::Rate);
        if !short || Instant::now() + nap > give_up {
            return Err(resting(&chain.url, at));
        }
        tokio::select! {
            () = politeness.hosts.released() => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
}

fn resting(url: &Url, until: Timestamp) -> Broken {
    let host = url.host_str().unwrap_or("a host");
    let text = format!("redirects to {host}, which is not to be asked now");
    Broken {
        trouble: trouble(TroubleClass::Throttled, text),
        http2: false,
        held: Some(until),
    }
}

fn begun(request: &FetchRequest, now: Timestamp) -> FetchReport {
    FetchReport {
        outcome: Outcome::NotModified,
        hops: Vec::new(),
        validators: request.validators.clone(),
        conditional: false,
        freshness: Freshness::default(),
        links: Vec::new(),
        received_bytes: 0,
        received_at: now,
        last_url: request.url.as_str().to_owned(),
        http2_broken: false,
    }
}

/// R1.3: exactly what this response carried.
pub(super) fn sent_validators(headers: &HeaderMap, url: &Url) -> Validators {
    let bytes = |name: &HeaderName| headers.get(name).map(|value| value.as_bytes().to_vec());
    Validators {
        url: url.as_str().to_owned(),
        etag: bytes(&ETAG),
        last_modified: bytes(&LAST_MODIFIED),
    }
}

pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

pub(super) fn overdue(after: Duration) -> PollTrouble {
    trouble(
        TroubleClass::Timeout,
        format!("not complete after {} s", after.as_secs_f32()),
    )
}
