//! `/websub/TOKEN`: GET is a hub's question, POST what it brings. Hands bytes and words over and nothing else; who answers
//! is not known here. Never redirects; an unknown callback is 404 to a question and 410 to a delivery (R6.6, R6.9).

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::routes::Desk;
use crate::model::{PushAnswer, PushDelivery, PushQuestion, PushReceipt};

/// Most bytes of a delivery.
pub(super) const DELIVERY_BYTES: usize = 3 << 20;
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");

/// A hub asks whether a subscription, or its end, was asked for; or it says no.
pub(super) async fn asked(
    State(desk): State<Desk>,
    Path(token): Path<String>,
    given: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Response {
    // A question that cannot be read is one that we did not ask for: 404 like any other.
    let mut given = given.map(|Query(given)| given).unwrap_or_default();
    let mut take = |name: &str| given.remove(&format!("hub.{name}"));
    let question = PushQuestion {
        mode: take("mode").unwrap_or_default(),
        topic: take("topic").unwrap_or_default(),
        challenge: take("challenge"),
        lease_s: take("lease_seconds").and_then(|text| text.parse().ok()),
    };
    let pushes = desk.site.front.load().pushes.clone();
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    match pushes.asked(&token, question).await {
        PushAnswer::Confirm(challenge) => (plain, challenge).into_response(),
        PushAnswer::Heard => StatusCode::OK.into_response(),
        PushAnswer::Unknown => (StatusCode::NOT_FOUND, plain, "").into_response(),
    }
}

/// So many seconds later a hub may bring again what there was no room for.
const LATER_S: &str = "120";

/// A hub brings a document; it is stored for good before the answer, and read after it.
pub(super) async fn brought(
    State(desk): State<Desk>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let delivery = PushDelivery {
        body,
        content_type: text(&header::CONTENT_TYPE),
        signature: text(&SIGNATURE),
    };
    let pushes = desk.site.front.load().pushes.clone();
    match pushes.brought(&token, delivery).await {
        PushReceipt::Taken => StatusCode::ACCEPTED.into_response(),
        PushReceipt::Refused => StatusCode::FORBIDDEN.into_response(),
        PushReceipt::Gone => StatusCode::GONE.into_response(),
        PushReceipt::Full | PushReceipt::Failed => {
            let later = [(header::RETRY_AFTER, LATER_S)];
            (StatusCode::SERVICE_UNAVAILABLE, later).into_response()
        }
    }
}
