//! `/subscribe`: anybody asks for a digest whose operator allows it, and `/subscribe/TOKEN`, where the owner of the address
//! confirms it. GET shows and changes nothing, since mail scanners open every link; POST acts. The answer to the form is
//! the same page after the same work, whether or not the address is known.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::offers::{chosen, offers, zones};
use super::routes::Desk;
use super::{Door, Front, pages};
use crate::config::{DigestConfig, mail_address};
use crate::digest::{offered_languages, token};
use crate::model::{Admission, Confirmation, SignUp, SignUpRecord};
use crate::publish::{self, SignUpNotice, SignUpView};

/// How long a link may be used.
const VALID: Duration = Duration::from_secs(48 * 3600);
/// When to come again after too many came at once, seconds.
const CROWDED_S: i64 = 3600;

/// Which digest a link to the form is about.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    digest: String,
}

/// Shows the form.
pub(super) async fn form(
    State(desk): State<Desk>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let front = desk.site.front.load();
    let wanted = wanted.map(|Query(wanted)| wanted).unwrap_or_default();
    shown(&front, &wanted.digest, false)
}

/// Takes the form.
pub(super) async fn ask(
    State(desk): State<Desk>,
    door: Option<Extension<Door>>,
    body: Bytes,
) -> Response {
    let front = desk.site.front.load_full();
    let form = Form::read(&body);
    let Some(digest) = open_digest(&front, &form.digest) else {
        return pages::error(&front, StatusCode::BAD_REQUEST);
    };
    let Some(address) = usable(&form.address) else {
        return shown(&front, &digest.name, true);
    };
    let Some(asked) = form.asked(&front, digest, address) else {
        return pages::error(&front, StatusCode::BAD_REQUEST);
    };
    let (now, store) = (desk.site.clock.now(), &desk.site.store);
    let door = door.map_or(Door::Unix, |Extension(door)| door);
    if let Some(wait) = desk.site.manners.signs_up_too_often(door, now) {
        return too_many(&front, wait);
    }
    let until = now + VALID;
    let (_, id) = token::sign_up(&asked.digest, &asked.address, until, &store.secret_key());
    match store.ask_to_subscribe(asked, (id, until), now).await {
        Ok(Admission::Taken) => {
            let digest = &digest.title;
            let said = SignUpNotice::Asked { digest };
            say(&front, &front.site.language, StatusCode::OK, said)
        }
        Ok(Admission::Crowded) => too_many(&front, CROWDED_S),
        Err(error) => pages::broken(&front, &error),
    }
}

/// Shows what the button behind the link would do.
pub(super) async fn show(State(desk): State<Desk>, Path(given): Path<String>) -> Response {
    let front = desk.site.front.load_full();
    match Asked::find(&desk, &front, &given).await {
        Ok(asked) if asked.record.confirmed_at.is_some() => {
            asked.say(&front, StatusCode::OK, SignUpNotice::Spent)
        }
        Ok(asked) => {
            let (digest, address) = asked.about();
            let path = &format!("subscribe/{given}");
            let said = SignUpNotice::Confirm {
                digest,
                address,
                path,
            };
            asked.say(&front, StatusCode::OK, said)
        }
        Err(answer) => answer,
    }
}

/// Confirms.
pub(super) async fn confirm(State(desk): State<Desk>, Path(given): Path<String>) -> Response {
    let front = desk.site.front.load_full();
    let asked = match Asked::find(&desk, &front, &given).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let (zone, now) = (asked.digest.timezone.name.clone(), desk.site.clock.now());
    let confirmed = desk.site.store.confirm_sign_up(asked.record.id, zone, now);
    let (digest, address) = asked.about();
    let (status, said) = match confirmed.await {
        Ok(Confirmation::Subscribed(id)) => {
            tracing::info!(subscriber.id = id.0, digest.id = ?asked.digest.name, "a subscriber signed up");
            (StatusCode::OK, SignUpNotice::Done { digest, address })
        }
        Ok(Confirmation::Suppressed) => {
            (StatusCode::OK, SignUpNotice::Suppressed { digest, address })
        }
        Ok(Confirmation::Spent) => (StatusCode::OK, SignUpNotice::Spent),
        Ok(Confirmation::Unknown) => (StatusCode::NOT_FOUND, SignUpNotice::Unknown),
        Err(error) => return pages::broken(&front, &error),
    };
    asked.say(&front, status, said)
}

/// What came in the form.
#[derive(Default)]
struct Form {
    address: String,
    digest: String,
    zone: String,
    language: String,
}

impl Form {
    fn read(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let value = value.into_owned();
            match name.as_ref() {
                "address" => form.address = value,
                "digest" => form.digest = value,
                "timezone" => form.zone = value,
                "language" => form.language = value,
                _ => {}
            }
        }
        form
    }

    /// What is asked, where it is among what is offered.
    fn asked(self, front: &Front, digest: &DigestConfig, address: String) -> Option<SignUp> {
        let asked = SignUp {
            digest: digest.name.clone(),
            address,
            zone: chosen(self.zone),
            language: chosen(self.language),
        };
        let named = (asked.zone.as_ref(), asked.language.as_ref());
        offers(front, digest, named).then_some(asked)
    }
}

/// An address that a stranger may give: no pipes, paths, options and routes, which some servers know, and a domain that
/// others can reach.
fn usable(text: &str) -> Option<String> {
    let address = mail_address(text).filter(|address| address.len() <= 254)?;
    let (local, domain) = address.rsplit_once('@')?;
    let plain = |c: char| c.is_alphanumeric() || "._+-='#&?^~".contains(c);
    let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
    let sound = local.chars().all(plain)
        && !local.starts_with('-')
        && top.chars().any(|c| !c.is_ascii_digit());
    sound.then_some(address)
}

fn open_digests(front: &Front) -> impl Iterator<Item = &DigestConfig> {
    let digests = front.config.digests.values();
    digests.filter(|digest| digest.sign_up)
}

/// The digest of this name that anybody may subscribe to.
fn open_digest<'a>(front: &'a Front, name: &str) -> Option<&'a DigestConfig> {
    open_digests(front).find(|digest| digest.name == name)
}

fn shown(front: &Front, chosen: &str, wrong: bool) -> Response {
    let digests: Vec<(&str, &str)> = open_digests(front)
        .map(|digest| (digest.name.as_str(), digest.title.as_str()))
        .collect();
    if digests.is_empty() {
        return pages::error(front, StatusCode::NOT_FOUND);
    }
    let languages: BTreeSet<String> = open_digests(front)
        .flat_map(|digest| offered_languages(&front.config, digest))
        .collect();
    let languages: Vec<String> = languages.into_iter().collect();
    let view = SignUpView {
        digests,
        chosen,
        zones: &zones(),
        languages: &languages,
        wrong,
    };
    let page = publish::sign_up_page(&front.theme, &front.site, &view);
    let status = if wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    pages::private(front, status, page)
}

fn say(front: &Front, language: &str, status: StatusCode, said: SignUpNotice<'_>) -> Response {
    let page = publish::sign_up_notice(&front.theme, &front.site, language, said);
    pages::private(front, status, page)
}

fn too_many(front: &Front, seconds: i64) -> Response {
    pages::later(front, StatusCode::TOO_MANY_REQUESTS, seconds)
}

/// The sign-up that a link is about, and its digest.
struct Asked<'a> {
    record: SignUpRecord,
    digest: &'a DigestConfig,
}

impl<'a> Asked<'a> {
    /// None where the link is forged, too old, or leads to a digest that is not open any more: all look the same.
    async fn find(desk: &Desk, front: &'a Front, given: &str) -> Result<Self, Response> {
        let store = &desk.site.store;
        let unknown = || {
            let language = &front.site.language;
            say(
                front,
                language,
                StatusCode::NOT_FOUND,
                SignUpNotice::Unknown,
            )
        };
        let id = token::sign_up_claimed(given).ok_or_else(unknown)?;
        let found = store.sign_up(id).await;
        let found = found.map_err(|error| pages::broken(front, &error))?;
        let (now, key) = (desk.site.clock.now(), store.secret_key());
        let proven =
            found.filter(|record| token::confirms(given, record, &key) && record.expires_at > now);
        let record = proven.ok_or_else(unknown)?;
        let digest = open_digest(front, &record.asked.digest).ok_or_else(unknown)?;
        Ok(Self { record, digest })
    }

    /// Title of the digest, and address.
    fn about(&self) -> (&str, &str) {
        (&self.digest.title, &self.record.asked.address)
    }

    fn say(&self, front: &Front, status: StatusCode, said: SignUpNotice<'_>) -> Response {
        let own = self.record.asked.language.as_ref();
        say(front, own.unwrap_or(&self.digest.language), status, said)
    }
}
