//! The two plainer exchanges: takes a form to send or a page to read, gives the answer, under the guard, redirect rules
//! and deadlines of a poll. Refuses to turn a POST into a GET.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LINK};
use reqwest::{Method, Response};
use tokio::time::timeout;
use url::Url;

use super::exchange::{Broken, Limits, Outgoing, drain, read};
use super::poll::{FOLLOWED, Fetcher, HOPS, overdue, sent_validators, text};
use super::redirect::Chain;
use super::trouble::refused;
use super::{freshness, headers, links};
use crate::model::{PollTrouble, Validators};

/// Only these keep the method of a POST.
const REPOSTED: [u16; 2] = [307, 308];
const REPOST_HOPS: usize = 3;
const FORM_ANSWER_CAP: u64 = 64 << 10;

/// What came of a form or a page request that was answered at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// After redirects.
    pub url: Url,
    /// Status.
    pub status: u16,
    /// Decoded.
    pub body: Bytes,
    /// As sent.
    pub content_type: Option<String>,
    /// `Link` headers as (rel, absolute URL).
    pub links: Vec<(String, String)>,
    /// Retry-After.
    pub retry_after: Option<Duration>,
    /// As sent.
    pub validators: Validators,
}

/// A document for a callback.
#[derive(Clone, Debug)]
pub struct Delivery<'a> {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The whole of it.
    pub body: Bytes,
    /// `Link` header values.
    pub links: &'a [String],
    /// `X-Hub-Signature`.
    pub signature: Option<String>,
}

impl Fetcher {
    /// Posts a document; a redirect is an answer like any other failure, for the address was given by a stranger.
    pub async fn post_body(
        &self,
        url: &Url,
        delivery: Delivery<'_>,
        now: Timestamp,
    ) -> Result<Answer, PollTrouble> {
        let accept = Some(HeaderValue::from_static("*/*"));
        let mut headers = headers::plain(&self.shared.user_agent, accept);
        let kind = HeaderValue::from_static(delivery.content_type);
        headers.insert(CONTENT_TYPE, kind);
        for link in delivery.links {
            headers.extend(HeaderValue::from_str(link).map(|link| (LINK, link)));
        }
        if let Some(Ok(signature)) = delivery.signature.as_deref().map(HeaderValue::from_str) {
            headers.insert("x-hub-signature", signature);
        }
        let first = Outgoing {
            method: Method::POST,
            headers,
            body: Some(delivery.body),
        };
        let limits = self.shared.limits.with_body(FORM_ANSWER_CAP);
        self.plain(first, Chain::new(url, 0), limits, now).await
    }

    /// Asks a callback: one request, no redirect, a short answer.
    pub async fn get_directly(&self, url: &Url, now: Timestamp) -> Result<Answer, PollTrouble> {
        let accept = Some(HeaderValue::from_static("*/*"));
        let first = Outgoing {
            method: Method::GET,
            headers: headers::plain(&self.shared.user_agent, accept),
            body: None,
        };
        let limits = self.shared.limits.with_body(FORM_ANSWER_CAP);
        self.plain(first, Chain::new(url, 0), limits, now).await
    }

    /// Posts a form; 307 and 308 are posted again, any other answer is handed back whatever its status.
    pub async fn post_form(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Answer, PollTrouble> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let mut headers = headers::plain(
            &self.shared.user_agent,
            Some(HeaderValue::from_static("*/*")),
        );
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let first = Outgoing {
            method: Method::POST,
            headers,
            body: Some(body.into()),
        };
        let limits = self.shared.limits.with_body(FORM_ANSWER_CAP);
        self.plain(first, Chain::new(url, REPOST_HOPS), limits, now)
            .await
    }

    /// Reads a page of at most `max_bytes`, following redirects; an answer of any status is handed back.
    pub async fn get_page(
        &self,
        url: &Url,
        max_bytes: u64,
        accept: &str,
        now: Timestamp,
    ) -> Result<Answer, PollTrouble> {
        let headers = headers::plain(&self.shared.user_agent, HeaderValue::from_str(accept).ok());
        let first = Outgoing {
            method: Method::GET,
            headers,
            body: None,
        };
        self.plain(
            first,
            Chain::new(url, HOPS),
            self.shared.limits.with_body(max_bytes),
            now,
        )
        .await
    }

    /// Asks for a picture of at most `max_bytes`, unless it is still the one that `held` says.
    pub async fn get_picture(
        &self,
        url: &Url,
        max_bytes: u64,
        held: Option<&Validators>,
        now: Timestamp,
    ) -> Result<Answer, PollTrouble> {
        let accept = Some(HeaderValue::from_static("image/*"));
        let mut headers = headers::plain(&self.shared.user_agent, accept);
        if let Some(held) = held.filter(|held| held.url == url.as_str()) {
            headers::hold(&mut headers, held);
        }
        let first = Outgoing {
            method: Method::GET,
            headers,
            body: None,
        };
        let limits = self.shared.limits.with_body(max_bytes);
        self.plain(first, Chain::new(url, HOPS), limits, now).await
    }

    async fn plain(
        &self,
        first: Outgoing,
        chain: Chain,
        limits: Limits,
        now: Timestamp,
    ) -> Result<Answer, PollTrouble> {
        let answered = timeout(limits.total, self.follow(first, chain, &limits, now)).await;
        answered
            .map_err(|_| overdue(limits.total))?
            .map_err(|broken| broken.trouble)
    }

    async fn follow(
        &self,
        mut first: Outgoing,
        mut chain: Chain,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Answer, Broken> {
        let lane = self.way.as_ref().unwrap_or(self.shared.lanes.shared());
        lane.guard
            .check_url(&chain.url)
            .map_err(|refusal| refused(&refusal))?;
        let follows: &[u16] = if first.method == Method::POST {
            &REPOSTED
        } else {
            &FOLLOWED
        };
        let mut received = 0;
        loop {
            let response = self.send(lane, &chain.url, first.clone(), now).await?;
            if !chain.step(response.status(), response.headers(), follows, &lane.guard)? {
                return answer(response, chain.url, limits, now).await;
            }
            drain(response, limits, &mut received).await;
            // Validators belong to the address that sent them (R1.7).
            headers::let_go(&mut first.headers);
        }
    }
}

async fn answer(
    response: Response,
    url: Url,
    limits: &Limits,
    now: Timestamp,
) -> Result<Answer, Broken> {
    let status = response.status().as_u16();
    let content_type = text(response.headers(), &CONTENT_TYPE);
    let links = links(response.headers(), &url);
    let validators = sent_validators(response.headers(), &url);
    let retry_after = freshness(status, response.headers(), now).retry_after;
    let body = read(response, limits, &mut 0).await?;
    Ok(Answer {
        url,
        status,
        body,
        content_type,
        links,
        retry_after,
        validators,
    })
}
