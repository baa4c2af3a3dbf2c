//! Pages made on demand: the web copy of an edition, errors with fixed texts.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::Front;
use super::headers::MAIL_POLICY;
use super::routes::Desk;
use crate::digest;
use crate::model::EditionRecord;
use crate::publish::{self, Page};

/// How long readers may keep a page that is made on demand, seconds.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// `/digest/NAME/EDITION`: what an edition looked like, without anything of a subscriber. The name of an edition is
/// made of its slot and zone, since mails link to it before it has a number.
pub(super) async fn edition(
    State(desk): State<Desk>,
    Path((name, slug)): Path<(String, String)>,
) -> Response {
    let front = desk.site.front.load();
    if !front.config.digests.contains_key(&name) {
        return self::error(&front, StatusCode::NOT_FOUND);
    }
    let Some(second) = digest::slug_second(&slug) else {
        return self::error(&front, StatusCode::NOT_FOUND);
    };
    let found = async {
        let editions = desk.site.store.editions_in(&name, second).await?;
        let named =
            |edition: &&EditionRecord| digest::edition_slug(edition.slot_at, &edition.lane) == slug;
        match editions.iter().find(named) {
            Some(edition) => desk.site.store.edition_page(edition.id).await,
            None => Ok(None),
        }
    };
    match found.await {
        Ok(Some(html)) => {
            let policy = [(header::CONTENT_SECURITY_POLICY, MAIL_POLICY)];
            (policy, kept(&front, Ok(html))).into_response()
        }
        Ok(None) => self::error(&front, StatusCode::NOT_FOUND),
        Err(error) => broken(&front, &error),
    }
}

/// A page that shared caches may keep for a while.
pub(super) fn kept(front: &Front, page: Page) -> Response {
    shown(front, StatusCode::OK, (KEEP, page))
}

/// A page for one reader at one time.
pub(super) fn private(front: &Front, status: StatusCode, page: Page) -> Response {
    shown(front, status, (HeaderValue::from_static("no-store"), page))
}

fn shown(front: &Front, status: StatusCode, (keep, page): (HeaderValue, Page)) -> Response {
    match page {
        Ok(html) => (status, [(header::CACHE_CONTROL, keep)], Html(html)).into_response(),
        Err(reason) => {
            tracing::error!(error = ?reason, "a template failed");
            self::error(front, StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// An error with a fixed text; nothing of the request is echoed (WEB-1).
pub(super) fn error(front: &Front, status: StatusCode) -> Response {
    let page = publish::error_page(&front.theme, &front.site, status.as_u16());
    let plain = || status.canonical_reason().unwrap_or("Error").to_owned();
    // An operator's broken template must not turn an error into a loop of errors.
    (status, Html(page.unwrap_or_else(|_| plain()))).into_response()
}

/// An error that is over in `wait_s` seconds.
pub(super) fn later(front: &Front, status: StatusCode, wait_s: i64) -> Response {
    let mut answer = self::error(front, status);
    let wait = HeaderValue::from(wait_s);
    answer.headers_mut().insert(header::RETRY_AFTER, wait);
    answer
}

/// The store failed: the reader gets a fixed text, the log the cause.
pub(super) fn broken(front: &Front, cause: &dyn std::error::Error) -> Response {
    tracing::error!(error = ?cause.to_string(), "a page could not be made");
    self::error(front, StatusCode::INTERNAL_SERVER_ERROR)
}
