//! One request and its body: takes a hop, gives the response and then the decoded bytes. Refuses to wait past the
//! deadlines (connect, first byte, silence between bytes) or to read past the caps.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{Method, Request, Response};
use tokio::time::timeout;
use url::Url;

use super::client::Lane;
use super::coding::Decoder;
use super::trouble::{failed, is_http2, refused, trouble, undecodable};
use crate::config::FetchConfig;
use crate::model::{PollTrouble, TroubleClass};

const FIRST_BYTE: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(15);
/// An error page is read so far, that the connection can be used again.
const DRAIN_CAP: u64 = 64 << 10;

/// Deadlines and caps (R2.21, R2.22).
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) total: Duration,
    first_byte: Duration,
    silence: Duration,
    pub(super) body: u64,
}

impl Limits {
    pub(super) fn new(config: &FetchConfig) -> Self {
        Self {
            total: config.timeout,
            first_byte: FIRST_BYTE + config.connect_timeout,
            silence: SILENCE,
            body: config.max_body,
        }
    }

    pub(super) fn with_body(self, body: u64) -> Self {
        Self { body, ..self }
    }
}

/// A request but for its URL.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// Which HTTP to speak.
#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    /// What ALPN settles.
    Negotiated,
    /// HTTP/1.1, where HTTP/2 broke lately.
    Http1,
}

/// How an exchange broke: told apart so that HTTP/1.1 can be remembered for the host.
pub(super) struct Broken {
    pub(super) trouble: PollTrouble,
    pub(super) http2: bool,
    /// Not a failure: the host is not to be asked before then.
    pub(super) held: Option<jiff::Timestamp>,
}

impl From<PollTrouble> for Broken {
    fn from(trouble: PollTrouble) -> Self {
        Self {
            trouble,
            http2: false,
            held: None,
        }
    }
}

/// Sends `outgoing` to `url` and waits for the response's head.
pub(super) async fn send(
    lane: &Lane,
    url: &Url,
    outgoing: Outgoing,
    protocol: Protocol,
    limits: &Limits,
) -> Result<Response, Broken> {
    let client = match protocol {
        Protocol::Negotiated => lane.client(),
        Protocol::Http1 => lane.http1(),
    };
    let client = client.map_err(unusable)?;
    let mut request = Request::new(outgoing.method, url.clone());
    *request.headers_mut() = outgoing.headers;
    *request.body_mut() = outgoing.body.map(Into::into);
    let answered = timeout(limits.first_byte, client.execute(request)).await;
    let answered = answered.map_err(|_| late("the first byte", limits.first_byte))?;
    let response = answered.map_err(|error| Broken {
        trouble: failed(&error, url),
        http2: is_http2(&error, url),
        held: None,
    })?;
    lane.check_peer(response.remote_addr())
        .map_err(|refusal| refused(&refusal))?;
    Ok(response)
}

/// Reads and decodes the body; `received` counts wire bytes, also of a body that fails.
pub(super) async fn read(
    mut response: Response,
    limits: &Limits,
    received: &mut u64,
) -> Result<Bytes, Broken> {
    let codings = response
        .headers()
        .get_all(CONTENT_ENCODING)
        .iter()
        .map(|line| line.to_str().unwrap_or("?"));
    let mut decoder = Decoder::new(codings, limits.body).map_err(|fault| undecodable(&fault))?;
    if response
        .content_length()
        .is_some_and(|length| length > limits.body)
    {
        return Err(undecodable(&super::coding::CodingFault::TooLarge(limits.body)).into());
    }
    while let Some(chunk) = next_chunk(&mut response, limits.silence).await? {
        *received += chunk.len() as u64;
        decoder.push(&chunk).map_err(|fault| undecodable(&fault))?;
    }
    Ok(decoder
        .finish()
        .map_err(|fault| undecodable(&fault))?
        .into())
}

/// Reads a body that nobody wants, if it is short, so that the connection stays usable; else drops it.
pub(super) async fn drain(mut response: Response, limits: &Limits, received: &mut u64) {
    if response
        .content_length()
        .is_some_and(|length| length > DRAIN_CAP)
    {
        return;
    }
    let mut drained = 0;
    while drained <= DRAIN_CAP {
        match next_chunk(&mut response, limits.silence).await {
            Ok(Some(chunk)) => drained += chunk.len() as u64,
            Ok(None) | Err(_) => break,
        }
    }
    *received += drained;
}

async fn next_chunk(response: &mut Response, silence: Duration) -> Result<Option<Bytes>, Broken> {
    let chunk = timeout(silence, response.chunk())
        .await
        .map_err(|_| late("more of the body", silence))?;
    chunk.map_err(|error| {
        let http2 = is_http2(&error, response.url());
        let text = if http2 {
            "the body ends early: HTTP/2 broke"
        } else {
            "the body ends early"
        };
        Broken {
            trouble: trouble(TroubleClass::Truncated, text),
            http2,
            held: None,
        }
    })
}

fn late(what: &str, after: Duration) -> PollTrouble {
    trouble(
        TroubleClass::Timeout,
        format!("waited {} s for {what}", after.as_secs()),
    )
}

fn unusable(error: reqwest::Error) -> PollTrouble {
    trouble(
        TroubleClass::Internal,
        format!("the HTTP client cannot be built: {}", error.without_url()),
    )
}
