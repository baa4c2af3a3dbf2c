//! `/search`: a page and the same as JSON, over the stories that some merged feed shows, by its groups, feeds and rules.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::routes::Desk;
use super::{Front, pages};
use crate::model::{SearchHit, SearchQuery};
use crate::publish::{self, SearchView};

/// Hits on one page.
const PAGE: usize = 20;
/// Furthest page that is looked for: ranking everything for page 10,000 helps nobody.
const LAST_PAGE: usize = 50;
/// Longest query.
const MOST_BYTES: usize = 400;

/// The question.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    q: String,
    page: usize,
}

impl Question {
    fn page(&self) -> usize {
        self.page.clamp(1, LAST_PAGE)
    }

    /// One hit more than shown tells whether there is a next page.
    fn query(&self, front: &Front) -> SearchQuery {
        SearchQuery {
            text: self.q.clone(),
            scope: front.searchable(),
            offset: (self.page() - 1) * PAGE,
            limit: PAGE + 1,
        }
    }

    fn address(&self, page: usize) -> String {
        let words: String = url::form_urlencoded::byte_serialize(self.q.as_bytes()).collect();
        format!("search?q={words}&page={page}")
    }
}

/// `/search?q=…&page=…`
pub(super) async fn page(
    State(desk): State<Desk>,
    question: Result<Query<Question>, QueryRejection>,
) -> Response {
    let front = desk.site.front.load();
    let Ok(Query(question)) = question else {
        return pages::error(&front, StatusCode::BAD_REQUEST);
    };
    let hits = match find(&desk, &front, &question).await {
        Ok(hits) => hits,
        Err(answer) => return answer,
    };
    let more = hits.len() > PAGE && question.page() < LAST_PAGE;
    let view = SearchView {
        query: &question.q,
        hits: &hits[..hits.len().min(PAGE)],
        problem: None,
        newer: (question.page() > 1).then(|| question.address(question.page() - 1)),
        older: more.then(|| question.address(question.page() + 1)),
    };
    let page = publish::search_page(&front.theme, &front.site, &front.config.timezone, &view);
    pages::private(&front, StatusCode::OK, page)
}

/// One hit as JSON.
#[derive(Serialize)]
struct Found<'a> {
    id: &'a str,
    title: &'a str,
    url: Option<&'a str>,
    feed: &'a str,
    date_published: jiff::Timestamp,
    snippet: String,
}

/// `/search.json?q=…&page=…`
pub(super) async fn json(
    State(desk): State<Desk>,
    question: Result<Query<Question>, QueryRejection>,
) -> Response {
    let front = desk.site.front.load();
    let Ok(Query(question)) = question else {
        return pages::error(&front, StatusCode::BAD_REQUEST);
    };
    let hits = match find(&desk, &front, &question).await {
        Ok(hits) => hits,
        Err(answer) => return answer,
    };
    let found: Vec<Found<'_>> = hits.iter().take(PAGE).map(found).collect();
    let next = (hits.len() > PAGE).then(|| question.page() + 1);
    Json(serde_json::json!({ "query": question.q, "hits": found, "next_page": next }))
        .into_response()
}

fn found(hit: &SearchHit) -> Found<'_> {
    let lead = &hit.story.lead;
    Found {
        id: &hit.story.public_id,
        title: &lead.entry.title,
        url: lead.entry.link.as_deref(),
        feed: &lead.feed.title,
        date_published: hit.story.shown_at,
        snippet: hit.snippet.iter().map(|(text, _)| text.as_str()).collect(),
    }
}

async fn find(desk: &Desk, front: &Front, question: &Question) -> Result<Vec<SearchHit>, Response> {
    if question.q.len() > MOST_BYTES {
        return Err(pages::error(front, StatusCode::PAYLOAD_TOO_LARGE));
    }
    if question.q.trim().is_empty() {
        return Ok(Vec::new());
    }
    let on_request = Arc::clone(&front.on_request);
    desk.site
        .store
        .search_among(question.query(front), move |story| on_request.shows(story))
        .await
        .map_err(|error| pages::broken(front, &error))
}
