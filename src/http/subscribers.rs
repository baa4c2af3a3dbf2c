//! `/unsubscribe/TOKEN`: GET shows a button and changes nothing, since mail scanners open every link; POST acts, with
//! or without a browser, cookies or a login (RFC 8058). Asking twice changes nothing more. An unknown token and a known
//! one cannot be told apart by anything but the page.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::routes::Desk;
use super::{Front, pages};
use crate::config::DigestConfig;
use crate::digest::token;
use crate::model::{SubscriberRecord, SubscriberStanding, mailbox_key};
use crate::publish::{self, Unsubscribe};

/// Why an unsubscribed address is so, for the operator.
pub(super) const REASON: &str = "asked by the link in a mail";

/// Shows what the button would do.
pub(super) async fn ask(State(desk): State<Desk>, Path(given): Path<String>) -> Response {
    let front = desk.site.front.load();
    let path = format!("unsubscribe/{given}");
    match holder(&desk, token::UNSUBSCRIBE, &given).await {
        Ok(Some(known)) if known.standing == SubscriberStanding::Unsubscribed => {
            done(&front, &known)
        }
        Ok(Some(known)) => show(
            &front,
            (StatusCode::OK, language(&front, &known)),
            Unsubscribe::Ask {
                digest: title(&front, &known),
                path: &path,
            },
        ),
        Ok(None) => unknown(&front),
        Err(answer) => answer,
    }
}

/// Unsubscribes; messages that wait for the subscriber are withdrawn.
pub(super) async fn act(State(desk): State<Desk>, Path(given): Path<String>) -> Response {
    let front = desk.site.front.load();
    let known = match holder(&desk, token::UNSUBSCRIBE, &given).await {
        Ok(Some(known)) => known,
        Ok(None) => return unknown(&front),
        Err(answer) => return answer,
    };
    let now = desk.site.clock.now();
    match desk.site.store.unsubscribe(known.id, REASON, now).await {
        Ok(_) => {
            tracing::info!(subscriber.id = known.id.0, digest.id = ?known.spec.digest, "a subscriber left");
            done(&front, &known)
        }
        Err(error) => pages::broken(&front, &error),
    }
}

/// The subscriber that the token was made for, to `purpose`, under whatever name their digest has today.
pub(super) async fn holder(
    desk: &Desk,
    purpose: &str,
    given: &str,
) -> Result<Option<SubscriberRecord>, Response> {
    let store = &desk.site.store;
    let Some(claimed) = token::claimed(given) else {
        return Ok(None);
    };
    let broken = |error| pages::broken(&desk.site.front.load(), &error);
    let known = store.subscriber(claimed).await.map_err(broken)?;
    let key = store.secret_key();
    let proven = known.is_some_and(|known| {
        token::read(purpose, &known.spec.digest, given, &key) == Some(claimed)
    });
    if !proven {
        return Ok(None);
    }
    store.present_subscriber(claimed).await.map_err(broken)
}

fn title<'a>(front: &'a Front, known: &'a SubscriberRecord) -> &'a str {
    front
        .config
        .digests
        .get(&known.spec.digest)
        .map_or(&known.spec.digest, |digest| &digest.title)
}

/// No such token.
pub(super) fn unknown(front: &Front) -> Response {
    let site = &front.site.language;
    show(front, (StatusCode::NOT_FOUND, site), Unsubscribe::Unknown)
}

fn done(front: &Front, known: &SubscriberRecord) -> Response {
    show(
        front,
        (StatusCode::OK, language(front, known)),
        Unsubscribe::Done {
            digest: title(front, known),
        },
    )
}

fn show(front: &Front, (status, language): (StatusCode, &str), state: Unsubscribe<'_>) -> Response {
    let page = publish::unsubscribe_page(&front.theme, &front.site, language, state);
    pages::private(front, status, page)
}

/// The language of a subscriber's mails, which this page goes on in.
fn language<'a>(front: &'a Front, known: &'a SubscriberRecord) -> &'a str {
    let Some(digest) = front.config.digests.get(&known.spec.digest) else {
        return &front.site.language;
    };
    let own = known.wishes.language.as_ref();
    own.unwrap_or_else(|| usual_language(digest, known))
}

/// The language that the config gives a subscriber.
pub(super) fn usual_language<'a>(digest: &'a DigestConfig, known: &SubscriberRecord) -> &'a String {
    let configured = digest.subscriber(&mailbox_key(&known.spec.address));
    configured.map_or(&digest.language, |wishes| &wishes.language)
}
