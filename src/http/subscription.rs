//! `/subscription/TOKEN`: what subscribers may see and change of their own subscription, by the link in each mail and
//! without an account. GET shows, POST acts and must carry the seal of the page's own form. An unknown token, a forged
//! one, and one of a digest whose operator offers no self-service look the same.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use super::offers::{chosen, offers, zones};
use super::routes::Desk;
use super::{Front, pages, subscribers};
use crate::config::{DigestConfig, SubscriberConfig};
use crate::digest::{offered_languages, token};
use crate::model::{SubscriberRecord, SubscriberStanding, Wishes, mailbox_key};
use crate::publish::{self, Choice, SubscriptionView};
use crate::schedule::cron::CronSchedule;
use crate::store;

/// A week, less what clocks are put forward by.
const ALMOST_A_WEEK: SignedDuration = SignedDuration::from_hours(7 * 24 - 3);

/// Shows where the subscription stands.
pub(super) async fn show(State(desk): State<Desk>, Path(given): Path<String>) -> Response {
    let front = desk.site.front.load_full();
    match Own::find(&desk, &front, &given).await {
        Ok(own) => own.page(&desk, false),
        Err(answer) => answer,
    }
}

/// Does what a form asks, and shows what came of it.
pub(super) async fn act(
    State(desk): State<Desk>,
    Path(given): Path<String>,
    body: Bytes,
) -> Response {
    let front = desk.site.front.load_full();
    let mut own = match Own::find(&desk, &front, &given).await {
        Ok(own) => own,
        Err(answer) => return answer,
    };
    let form = Form::read(&body);
    let key = desk.site.store.secret_key();
    let holder = token::read(token::FORM, &own.digest.name, &form.seal, &key);
    if holder != Some(own.known.id) {
        return pages::error(&front, StatusCode::BAD_REQUEST);
    }
    if form.act == "export" {
        return own.export(&desk).await;
    }
    let act = form.act.clone();
    match own.change(&desk, form).await {
        Ok(Some(known)) => {
            // What is not theirs to ask for changes nothing, and nothing else must be said of it.
            let moves = matches!(act.as_str(), "pause" | "resume");
            let saved = !moves || known.standing != own.known.standing;
            if saved {
                tracing::info!(subscriber.id = known.id.0, digest.id = ?known.spec.digest, "a subscriber changed their subscription");
            }
            own.known = known;
            own.page(&desk, saved)
        }
        Ok(None) => pages::error(&front, StatusCode::BAD_REQUEST),
        Err(error) => pages::broken(&front, &error),
    }
}

/// What came in a form.
#[derive(Default)]
struct Form {
    seal: String,
    act: String,
    zone: String,
    language: String,
    weekday: String,
    groups: Vec<String>,
}

impl Form {
    fn read(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let value = value.into_owned();
            match name.as_ref() {
                "seal" => form.seal = value,
                "act" => form.act = value,
                "timezone" => form.zone = value,
                "language" => form.language = value,
                "weekday" => form.weekday = value,
                "group" => form.groups.push(value),
                _ => {}
            }
        }
        form
    }
}

/// The subscriber of a link, with what the config says of them.
struct Own<'a> {
    front: &'a Front,
    given: &'a str,
    digest: &'a DigestConfig,
    known: SubscriberRecord,
}

impl<'a> Own<'a> {
    async fn find(desk: &Desk, front: &'a Front, given: &'a str) -> Result<Self, Response> {
        let found = subscribers::holder(desk, token::SUBSCRIPTION, given).await?;
        let known = found.filter(|known| known.standing != SubscriberStanding::Removed);
        let own = known.and_then(|known| {
            let digest = front.config.digests.get(&known.spec.digest)?;
            digest.self_service.then_some(Self {
                front,
                given,
                digest,
                known,
            })
        });
        own.ok_or_else(|| subscribers::unknown(front))
    }

    /// What the config says for them.
    fn configured(&self) -> Option<&SubscriberConfig> {
        let key = mailbox_key(&self.known.spec.address);
        self.digest.subscriber(&key)
    }

    fn groups(&self) -> Vec<(String, String)> {
        let publish = self.front.config.publish.get(&self.digest.publish);
        publish.map_or_else(Vec::new, |publish| self.front.config.groups_of(publish))
    }

    /// The row after what `form` asks was done; none where it asks for what is not offered.
    async fn change(&self, desk: &Desk, form: Form) -> store::Result<Option<SubscriberRecord>> {
        let (id, store) = (self.known.id, &desk.site.store);
        let now = desk.site.clock.now();
        match form.act.as_str() {
            "pause" => {
                store
                    .ask_standing(id, SubscriberStanding::Paused, now)
                    .await
            }
            "resume" => {
                store
                    .ask_standing(id, SubscriberStanding::Active, now)
                    .await
            }
            "erase" => store.erase_subscriber(id, now).await,
            "leave" => store.unsubscribe(id, subscribers::REASON, now).await,
            "save" => match self.wishes(form, now) {
                Some(wishes) => {
                    let zone = wishes.zone.clone();
                    let zone = zone.unwrap_or_else(|| self.usual_zone().to_owned());
                    store.set_wishes(id, wishes, zone).await
                }
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Everything stored of them, as a file. Not as JSON by its type, which any page may read.
    async fn export(&self, desk: &Desk) -> Response {
        let held = match desk.site.store.held(self.known.id).await {
            Ok(held) => held,
            Err(error) => return pages::broken(self.front, &error),
        };
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream"),
            (header::CACHE_CONTROL, "no-store"),
            (
                header::CONTENT_DISPOSITION,
                "attachment; filename=\"subscription.json\"",
            ),
        ];
        match serde_json::to_vec_pretty(&held) {
            Ok(json) => (headers, json).into_response(),
            Err(error) => pages::broken(self.front, &error),
        }
    }

    /// The wishes of a form, where each is among those offered.
    fn wishes(&self, form: Form, now: Timestamp) -> Option<Wishes> {
        let wishes = Wishes {
            zone: chosen(form.zone),
            language: chosen(form.language),
            groups: self.other_groups(form.groups),
            weekday: match form.weekday.as_str() {
                "" => None,
                day => Some(day.parse().ok()?),
            },
        };
        let offered = self.groups();
        let there = |name: &String| offered.iter().any(|(known, _)| known == name);
        let named = (wishes.zone.as_ref(), wishes.language.as_ref());
        let fine = offers(self.front, self.digest, named)
            && wishes.groups.iter().flatten().all(there)
            && wishes
                .weekday
                .is_none_or(|day| (0..7).contains(&day) && self.offers_days(now));
        fine.then_some(wishes)
    }

    /// Whether one mail a week may be chosen: where it is a choice, and where it was chosen while it was one.
    fn offers_days(&self, now: Timestamp) -> bool {
        self.known.wishes.weekday.is_some() || self.comes_often(now)
    }

    /// Whether there is more than one edition in a week, so that one a week is a choice.
    fn comes_often(&self, now: Timestamp) -> bool {
        let Ok(cron) = CronSchedule::compile(&self.digest.cron.value) else {
            return false;
        };
        let zone = &self.digest.timezone.zone;
        let coming = std::iter::successors(Some(now), |at| cron.next_after(*at, zone));
        let coming: Vec<Timestamp> = coming.skip(1).take(8).collect();
        let mut gaps = coming.iter().zip(coming.iter().skip(1));
        gaps.any(|(one, next)| next.duration_since(*one) < ALMOST_A_WEEK)
    }

    /// `chosen`, unless they are those of the config, which then goes on to count.
    fn other_groups(&self, mut chosen: Vec<String>) -> Option<Vec<String>> {
        let mut usual = self
            .configured()
            .map_or_else(Vec::new, |wishes| wishes.groups.clone());
        usual.sort();
        chosen.sort();
        chosen.dedup();
        (chosen != usual).then_some(chosen)
    }

    fn usual_zone(&self) -> &str {
        let configured = self.configured().map(|wishes| &wishes.timezone.name);
        configured.unwrap_or(&self.digest.timezone.name)
    }

    fn page(&self, desk: &Desk, saved: bool) -> Response {
        let (known, wishes) = (&self.known, &self.known.wishes);
        let configured = self.configured();
        let language = subscribers::usual_language(self.digest, known);
        let usual_groups = configured.map_or(&[][..], |wishes| &wishes.groups);
        let chosen = wishes.groups.as_deref().unwrap_or(usual_groups);
        let (groups, zones) = (self.groups(), zones());
        let languages = offered_languages(&self.front.config, self.digest);
        let languages: Vec<String> = languages.into_iter().collect();
        let key = desk.site.store.secret_key();
        let view = SubscriptionView {
            language: wishes.language.as_ref().unwrap_or(language),
            digest: &self.digest.title,
            address: &known.spec.address,
            standing: known.standing,
            suppressed: known.suppressed,
            path: &format!("subscription/{}", self.given),
            seal: &token::make(token::FORM, &self.digest.name, known.id, &key),
            saved,
            weekday: self
                .offers_days(desk.site.clock.now())
                .then_some(wishes.weekday),
            zones: Choice {
                usual: self.usual_zone(),
                own: wishes.zone.as_deref(),
                offered: &zones,
            },
            languages: Choice {
                usual: language,
                own: wishes.language.as_deref(),
                offered: &languages,
            },
            groups: groups
                .iter()
                .map(|(name, title)| (name.as_str(), title.as_str(), chosen.contains(name)))
                .collect(),
        };
        let page = publish::subscription_page(&self.front.theme, &self.front.site, &view);
        pages::private(self.front, StatusCode::OK, page)
    }
}
