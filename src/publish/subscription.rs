//! A subscriber's own page: where their subscription stands, what they may change, and the forms for it. For nobody but
//! the holder of the link; takes values, gives the page, and knows no address but the one shown.

use serde::Serialize;

use super::language::Language;
use super::page::Page;
use super::site::Site;
use super::theme::Theme;
use super::view::Frame;
use crate::model::SubscriberStanding;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct SubscriptionView<'a> {
    /// Language of the page.
    pub language: &'a str,
    /// Title of the digest.
    pub digest: &'a str,
    /// The subscriber's address.
    pub address: &'a str,
    /// Whether they get editions.
    pub standing: SubscriberStanding,
    /// Whether mail came back, which is not theirs to lift.
    pub suppressed: bool,
    /// Where the forms post, relative to the site's base.
    pub path: &'a str,
    /// Proves that a form came from this page.
    pub seal: &'a str,
    /// Whether something was changed just now.
    pub saved: bool,
    /// Time zones.
    pub zones: Choice<'a>,
    /// Languages of the mail.
    pub languages: Choice<'a>,
    /// How often: the day of one edition a week, none for each edition; nothing where there is no choice.
    pub weekday: Option<Option<i8>>,
    /// Groups as (name, title, chosen).
    pub groups: Vec<(&'a str, &'a str, bool)>,
}

/// One of several values, or none of one's own.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    /// What counts while nothing is chosen.
    pub usual: &'a str,
    /// What was chosen.
    pub own: Option<&'a str>,
    /// What may be chosen.
    pub offered: &'a [String],
}

#[derive(Serialize)]
struct SubscriptionPage {
    #[serde(flatten)]
    frame: Frame,
    words: String,
    post: String,
    seal: String,
    saved: bool,
    zones: Vec<Offer>,
    languages: Vec<Offer>,
    often: Vec<Offer>,
    groups: Vec<Offer>,
    acts: Vec<Act>,
}

/// An `option` or a check box.
#[derive(Serialize)]
pub(super) struct Offer {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

/// A button.
#[derive(Serialize)]
struct Act {
    name: &'static str,
    label: String,
}

/// Languages by their own names; of others the code is shown.
const NAMES: &[(&str, &str)] = &[("ar", "العربية"), ("en", "English"), ("vi", "Tiếng Việt")];

/// The page of one subscriber.
pub fn subscription_page(theme: &Theme, site: &Site, view: &SubscriptionView<'_>) -> Page {
    let texts = theme.language(view.language);
    let (words, acts): (&str, &[(&'static str, &str)]) = match view.standing {
        SubscriberStanding::Active => (
            "subscription_active",
            &[
                ("pause", "subscription_pause"),
                ("leave", "unsubscribe_button"),
            ],
        ),
        SubscriberStanding::Paused => (
            "subscription_paused",
            &[
                ("resume", "subscription_resume"),
                ("leave", "unsubscribe_button"),
            ],
        ),
        SubscriberStanding::Suppressed => (
            "subscription_suppressed",
            &[("leave", "unsubscribe_button")],
        ),
        SubscriberStanding::Unsubscribed | SubscriberStanding::Removed => (
            "subscription_unsubscribed",
            if view.suppressed {
                &[]
            } else {
                &[("resume", "subscription_again")]
            },
        ),
    };
    let usual = |value: &str| texts.filled("subscription_usual", &[("value", value)]);
    let values = [("digest", view.digest), ("address", view.address)];
    let page = SubscriptionPage {
        frame: Frame::new(theme, site, view.language, None)
            .headed(texts.text("subscription_title")),
        words: texts.filled(words, &values),
        post: format!("{}{}", site.base(), view.path),
        seal: view.seal.to_owned(),
        saved: view.saved,
        zones: options(&view.zones, &usual, str::to_owned),
        languages: options(&view.languages, &usual, native),
        often: view.weekday.map_or_else(Vec::new, |own| often(texts, own)),
        groups: view.groups.iter().map(group).collect(),
        acts: acts
            .iter()
            .map(|&(name, key)| Act {
                name,
                label: texts.text(key).to_owned(),
            })
            .collect(),
    };
    theme.render("subscription.html", &page)
}

/// The usual value first, which is chosen by its empty name.
fn options(
    choice: &Choice<'_>,
    usual: &dyn Fn(&str) -> String,
    label: fn(&str) -> String,
) -> Vec<Offer> {
    let first = Offer {
        value: String::new(),
        label: usual(&label(choice.usual)),
        chosen: choice.own.is_none(),
    };
    let offered = choice.offered.iter().map(|value| Offer {
        value: value.clone(),
        label: label(value),
        chosen: choice.own == Some(value),
    });
    std::iter::once(first).chain(offered).collect()
}

/// Each edition, or one a week from a day on.
fn often(texts: &Language, own: Option<i8>) -> Vec<Offer> {
    let each = Offer {
        value: String::new(),
        label: texts.text("subscription_each").to_owned(),
        chosen: own.is_none(),
    };
    let days = (0..7).zip(texts.weekdays()).map(|(day, name)| Offer {
        value: day.to_string(),
        label: texts.filled("subscription_weekly", &[("weekday", name)]),
        chosen: own == Some(day),
    });
    std::iter::once(each).chain(days).collect()
}

fn group((name, title, chosen): &(&str, &str, bool)) -> Offer {
    Offer {
        value: (*name).to_owned(),
        label: (*title).to_owned(),
        chosen: *chosen,
    }
}

pub(super) fn native(code: &str) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == code);
    known.map_or(code, |(_, name)| name).to_owned()
}
