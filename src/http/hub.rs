//! `/websub/hub`: the door of the built-in hub. Takes the posted form to whoever keeps the wishes, gives 202, 400 or 503
//! with fixed texts.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::routes::Desk;
use crate::publish::HubAnswer;

/// Takes a wish.
pub(super) async fn take(
    State(desk): State<Desk>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        return plain(StatusCode::BAD_REQUEST, "this is no form\n");
    };
    let on_request = std::sync::Arc::clone(&desk.site.front.load().on_request);
    match on_request.websub(&form).await {
        HubAnswer::Accepted => plain(StatusCode::ACCEPTED, ""),
        HubAnswer::Refused(reason) => plain(StatusCode::BAD_REQUEST, reason),
        HubAnswer::Busy => {
            let later = [(header::RETRY_AFTER, "600")];
            (later, plain(StatusCode::SERVICE_UNAVAILABLE, "busy\n")).into_response()
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}
