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
use super::{Door, Site, conditional};
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
/// fragment anything (R7.8).
pub(super) async fn answer(
    asked: Asked,
    router: Router,
    mut request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let Asked {
        site,
        door,
        deadline,
    } = asked;
    let images = if site.front.load().config.http.images {
        Images::Remote
    } else {
        Images::Own
    };
    let (kind, mut response) = match document(&site, &request).await {
        Some(document) => {
            let keep = site.polls.max_age_s(&site.store, &site.clock).await;
            let response = finished(&request, &document, keep);
            let refused = response.status() == StatusCode::METHOD_NOT_ALLOWED;
            (
                Some(document.content_type).filter(|_| !refused),
                response,
            )
        }
        None => {
            request.extensions_mut().insert(door);
            let made = router.oneshot(request);
            let response = match tokio::time::timeout(deadline, made).await {
                Ok(made) => made?.map(Either::Right),
                Err(_) => empty(StatusCode::SERVICE_UNAVAILABLE),
            };
            (None, response)
        }
    };
    site.metrics.http(response.status().as_u16());
    protect(response.headers_mut(), kind, images);
    Ok(response)
}

/// From the shelf, by exact path; else made now, for the paths that only exist when asked for.
async fn document(site: &Site, request: &Request<Incoming>) -> Option<Arc<Document>> {
    let path = request.uri().path();
    match site.shelf.get(path) {
        Some(document) => Some(document),
        None => {
            let on_request = Arc::clone(&site.front.load().on_request);
            on_request.document(path).await
        }
    }
}

fn finished(request: &Request<Incoming>, document: &Document, max_age_s: u64) -> Answer {
    let head = match *request.method() {
        Method::GET => false,
        Method::HEAD => true,
        _ => return not_allowed(),
    };
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
    set(headers, header::ETAG, &format!("\"{}\"", document.etag));
    set(
        headers,
        header::LAST_MODIFIED,
        &http_date(document.changed_at),
    );
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

fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(Bytes::new())));
    *response.status_mut() = status;
    response
}
