//! Which address is answered by which page; what the shelf does not hold comes here.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::model::StoryId;

use super::{
    Door, Role, Site, admin, hub, hubs, pages, search, sign_up, status, subscribers, subscription,
};

/// Most bytes of a posted form.
const FORM_BYTES: usize = 64 * 1024;

/// What every handler gets.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) site: Arc<Site>,
    role: Role,
}

impl Desk {
    /// May the client of `request` see the operator's pages?
    pub(super) fn admits(&self, request: &Request) -> bool {
        let door = request
            .extensions()
            .get::<Door>()
            .copied()
            .unwrap_or(Door::Unix);
        admin::admits(self.role, door, request.headers())
    }
}

/// All routes of a listener with this role.
pub(super) fn router(role: Role, site: Arc<Site>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(status::ready))
        .route("/status", get(status::page))
        .route("/status.atom", get(status::feed))
        .route("/metrics", get(status::metrics))
        .route("/search", get(search::page))
        .route("/websub/hub", post(hub::take))
        .route("/search.json", get(search::json))
        .route("/digest/{name}/{edition}", get(pages::edition))
        .route(
            "/unsubscribe/{token}",
            get(subscribers::ask).merge(post(subscribers::act)),
        )
        .route("/subscribe", get(sign_up::form).merge(post(sign_up::ask)))
        .route(
            "/subscribe/{token}",
            get(sign_up::show).merge(post(sign_up::confirm)),
        )
        .route(
            "/subscription/{token}",
            get(subscription::show).merge(post(subscription::act)),
        )
        .route(
            "/websub/{token}",
            get(hubs::asked)
                .merge(post(hubs::brought).layer(DefaultBodyLimit::max(hubs::DELIVERY_BYTES))),
        )
        .fallback(elsewhere)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .with_state(Desk { site, role })
}

/// Not on the shelf and no route: moved, gone, withheld, or never there. Whatever it is, it can only be read: other
/// methods are refused before anything is looked for.
async fn elsewhere(State(desk): State<Desk>, method: Method, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (allow, not_allowed(State(desk)).await).into_response();
    }
    let front = desk.site.front.load();
    if let Some(target) = front.moved(uri.path()) {
        return (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, target)]).into_response();
    }
    if let Some(joined) = joined(&desk, uri.path()).await {
        return joined;
    }
    // `/all` is what people type for `/all/`.
    let with_slash = format!("{}/", uri.path());
    if desk.site.shelf.get(&with_slash).is_some() {
        let target = front.absolute(&with_slash);
        return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, target)]).into_response();
    }
    if front.on_request.is_gone(uri.path()) {
        return pages::error(&front, StatusCode::GONE);
    }
    // Before the first rendering nothing can be said to be missing: a reader must not drop its feed for a restart.
    if !desk.site.is_ready() {
        return pages::later(&front, StatusCode::SERVICE_UNAVAILABLE, 5);
    }
    // It failed its check, and this process has no good version of it: the feed is ill, not gone.
    if front.on_request.is_withheld(uri.path()) {
        return pages::later(&front, StatusCode::SERVICE_UNAVAILABLE, 300);
    }
    pages::error(&front, StatusCode::NOT_FOUND)
}

/// The page of a story that an operator joined to another is that one's.
async fn joined(desk: &Desk, path: &str) -> Option<Response> {
    let id = path.strip_prefix("/story/")?.parse().ok()?;
    let front = desk.site.front.load();
    match desk.site.store.joined_to(StoryId(id)).await {
        Ok(story) => {
            let target = front.absolute(&format!("/story/{}", story?.0));
            Some((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, target)]).into_response())
        }
        Err(error) => Some(pages::broken(&front, &error)),
    }
}

async fn not_allowed(State(desk): State<Desk>) -> Response {
    pages::error(&desk.site.front.load(), StatusCode::METHOD_NOT_ALLOWED)
}
