//! Finished documents by path: GET, HEAD, 304, codings; everything else goes to the router.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::headers::{Images, protect};
use super::{Door, Site, conditional, pages};
use crate::publish::{Document, Keep};

/// Finished bytes, or whatever a handler makes.
pub(super) type Answer = Response<Either<Full<Bytes>, Body>>;

/// What a request comes with.
pub(super) struct Asked {
    pub(super) site: Arc<Site>,
    pub(super) door: Door,
    pub(super) deadline: Duration,
}

/// Answers one request. The shelf comes first, by exact path; unknown query parameters are ignored and do not
/// fragment anything (R7.8). Everything, what is made on request too, is made within the deadline.
pub(super) async fn answer(
    asked: Asked,
    router: Router,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let site = &asked.site;
    let images = if site.front.load().config.http.images {
        Images::Remote
    } else {
        Images::Own
    };
    let made = tokio::time::timeout(asked.deadline, made(&asked, router, request));
    let (kind, mut response) = match made.await {
        Ok(made) => made?,
        Err(_) => (None, busy()),
    };
    site.metrics.http(response.status().as_u16());
    protect(response.headers_mut(), kind, images);
    Ok(response)
}

/// An answer, with the media type of the finished document that it is about.
async fn made(
    asked: &Asked,
    router: Router,
    mut request: Request<Incoming>,
) -> Result<(Option<&'static str>, Answer), Infallible> {
    let site = &asked.site;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let shelved = site.shelf.get(request.uri().path());
    let document = match shelved {
        Some(_) if !reads => return Ok((None, not_allowed())),
        None if reads => on_request(site, &request).await,
        shelved => shelved,
    };
    if let Some(document) = document {
        if let Some(wait_s) = exceeded(asked, &request, &document) {
            return Ok((None, too_many(site, wait_s)));
        }
        let keep = site.polls.max_age_s(&site.store, &site.clock).await;
        let response = finished(&request, &document, keep);
        return Ok((Some(document.content_type), response));
    }
    request.extensions_mut().insert(asked.door);
    let response = router.oneshot(request).await?;
    Ok((None, response.map(Either::Right)))
}

/// Does the client take whole feeds too often? Pages are for people, and who names what it has is polite.
fn exceeded(asked: &Asked, request: &Request<Incoming>, document: &Document) -> Option<i64> {
    let headers = request.headers();
    let polite = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE];
    let counts = request.method() == Method::GET
        && document.content_type.starts_with("application/")
        && !polite.iter().any(|name| headers.contains_key(name));
    let (path, now) = (request.uri().path(), asked.site.clock.now());
    let exceeded = counts.then(|| asked.site.manners.exceeded(asked.door, path, now));
    exceeded.flatten()
}

fn too_many(site: &Site, wait_s: i64) -> Answer {
    let front = site.front.load();
    pages::later(&front, StatusCode::TOO_MANY_REQUESTS, wait_s).map(Either::Right)
}

/// Made now, for the paths that only exist when asked for; coded for this client alone, and not at all when it has the
/// bytes already.
async fn on_request(site: &Site, request: &Request<Incoming>) -> Option<Arc<Document>> {
    let on_request = Arc::clone(&site.front.load().on_request);
    let document = on_request.document(request.uri().path()).await?;
    let headers = request.headers();
    if conditional::is_current(headers, &document) {
        return Some(document);
    }
    match conditional::preferred(headers) {
        Some(coding) => Some(on_request.coded(document, coding).await),
        None => Some(document),
    }
}

fn finished(request: &Request<Incoming>, document: &Document, max_age_s: u64) -> Answer {
    let head = request.method() == Method::HEAD;
    if conditional::is_current(request.headers(), document) {
        let mut response = empty(StatusCode::NOT_MODIFIED);
        describe(response.headers_mut(), document, max_age_s);
        return response;
    }
    let (coding, bytes) = conditional::coded(request.headers(), document);
    let body = if head { Bytes::new() } else { bytes.clone() };
    let mut response = Response::new(Either::Left(Full::new(body)));
    let headers = response.headers_mut();
    describe(headers, document, max_age_s);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(document.content_type),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// The fields that 200 and 304 share (R7.5, R7.6, R6.13).
fn describe(headers: &mut HeaderMap, document: &Document, max_age_s: u64) {
    mark(headers, document);
    let keep = match document.keep {
        Keep::UntilPoll => format!("public, max-age={max_age_s}"),
        Keep::Immutable => String::from("public, max-age=31536000, immutable"),
    };
    set(headers, header::CACHE_CONTROL, &keep);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    for link in &document.links {
        if let Ok(value) = HeaderValue::from_str(link) {
            headers.append(header::LINK, value);
        }
    }
}

/// The validators of a document.
pub(super) fn mark(headers: &mut HeaderMap, document: &Document) {
    set(headers, header::ETAG, &format!("\"{}\"", document.etag));
    if let Some(changed_at) = document.changed_at {
        set(headers, header::LAST_MODIFIED, &http_date(changed_at));
    }
}

fn http_date(instant: jiff::Timestamp) -> String {
    let seconds = u64::try_from(instant.as_second()).unwrap_or(0);
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

fn not_allowed() -> Answer {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Not made in time: too much is asked for just now.
fn busy() -> Answer {
    let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    response
}

fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(Bytes::new())));
    *response.status_mut() = status;
    response
}
