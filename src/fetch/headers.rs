//! What we say: takes the config's contact and a request, gives exactly the headers that go out (R1.13, R2.26, R2.27).
//! Refuses to let configured headers change the framing of a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap,
    HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE, USER_AGENT,
};
use url::Url;

use super::{FetchRequest, Readers};
use crate::config::Auth;
use crate::model::Validators;

/// Constant for the life of a validator (R2.27); the last range avoids 406.
const FEEDS: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, \
                     application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1";
const CODINGS: &str = "gzip, br, zstd";

/// The User-Agent: product and version first, then who to turn to, and who reads it where that is to be told (R2.26).
pub(super) fn user_agent(contact: Option<&Url>, readers: Option<Readers>) -> HeaderValue {
    let product = concat!("feedmill/", env!("CARGO_PKG_VERSION"));
    let contact = contact.map(|contact| format!("+{contact}"));
    // The words that publishers look for, also for one.
    let readers = readers.map(|readers| {
        let Readers {
            subscribers,
            feed_id,
        } = readers;
        format!("{subscribers} subscribers; feed-id={feed_id}")
    });
    let about: Vec<String> = contact.into_iter().chain(readers).collect();
    let whole = if about.is_empty() {
        product.to_owned()
    } else {
        format!("{product} ({})", about.join("; "))
    };
    HeaderValue::from_str(&whole).unwrap_or_else(|_| HeaderValue::from_static(product))
}

/// The headers of any request of ours.
pub(super) fn plain(user_agent: &HeaderValue, accept: Option<HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(USER_AGENT, user_agent.clone());
    headers.insert(
        ACCEPT,
        accept.unwrap_or_else(|| HeaderValue::from_static(FEEDS)),
    );
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(CODINGS));
    headers
}

/// The headers of one hop of a poll to `url`. True in the second place when validators are among them (R1.2, R1.7).
pub(super) fn of_hop(
    request: &FetchRequest,
    url: &Url,
    (user_agent, contact): (&HeaderValue, Option<&Url>),
) -> (HeaderMap, bool) {
    let mut headers = plain(user_agent, None);
    if request.readers.is_some() {
        headers.insert(USER_AGENT, self::user_agent(contact, request.readers));
    }
    let mut conditional = false;
    if request.validators.url == url.as_str() {
        let etag = request
            .validators
            .etag
            .as_deref()
            .filter(|_| !request.without_etag);
        conditional |= echo(&mut headers, IF_NONE_MATCH, etag);
        conditional |= echo(
            &mut headers,
            IF_MODIFIED_SINCE,
            request.validators.last_modified.as_deref(),
        );
    }
    // Credentials and configured headers go to the configured origin and nowhere else (NET-4).
    if url.origin() == request.url.origin() {
        for (name, value) in &request.headers {
            insert_configured(&mut headers, name, value.reveal());
        }
        if let Some(mut value) = request.auth.as_ref().and_then(authorization) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
    }
    (headers, conditional)
}

/// What is held already, for the address that sent it.
pub(super) fn hold(headers: &mut HeaderMap, held: &Validators) {
    echo(headers, IF_NONE_MATCH, held.etag.as_deref());
    echo(headers, IF_MODIFIED_SINCE, held.last_modified.as_deref());
}

/// Nothing is held of another address.
pub(super) fn let_go(headers: &mut HeaderMap) {
    headers.remove(IF_NONE_MATCH);
    headers.remove(IF_MODIFIED_SINCE);
}

/// R1.1: the identical octets, whatever they are.
fn echo(headers: &mut HeaderMap, name: HeaderName, value: Option<&[u8]>) -> bool {
    let Some(value) = value.and_then(|bytes| HeaderValue::from_bytes(bytes).ok()) else {
        return false;
    };
    headers.insert(name, value);
    true
}

fn insert_configured(headers: &mut HeaderMap, name: &str, value: &str) {
    const OURS: [HeaderName; 9] = [
        HOST,
        CONNECTION,
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        TE,
        TRAILER,
        UPGRADE,
        IF_NONE_MATCH,
        IF_MODIFIED_SINCE,
    ];
    let (Ok(name), Ok(mut value)) = (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_str(value),
    ) else {
        return;
    };
    if !OURS.contains(&name) {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
}

fn authorization(auth: &Auth) -> Option<HeaderValue> {
    let text = match auth {
        Auth::Basic { username, password } => {
            format!(
                "Basic {}",
                STANDARD.encode(format!("{username}:{}", password.reveal()))
            )
        }
        Auth::Bearer(token) => format!("Bearer {}", token.reveal()),
    };
    HeaderValue::from_str(&text).ok()
}
