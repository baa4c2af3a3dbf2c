//! Becoming a subscriber: the form, and what is said after it and behind the link in the mail. What is said after the form
//! depends on nothing but the form.

use serde::Serialize;

use super::notice::notice;
use super::page::Page;
use super::site::Site;
use super::subscription::{Offer, native};
use super::theme::Theme;
use super::view::Frame;

/// What the form offers.
#[derive(Clone, Debug)]
pub struct SignUpView<'a> {
    /// Digests as (name, title).
    pub digests: Vec<(&'a str, &'a str)>,
    /// The one that is chosen already.
    pub chosen: &'a str,
    /// Time zones.
    pub zones: &'a [String],
    /// Languages of the mail.
    pub languages: &'a [String],
    /// Whether the form came with an address that is none.
    pub wrong: bool,
}

/// What is said instead of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpNotice<'a> {
    /// The form was taken.
    Asked {
        /// Title of the digest.
        digest: &'a str,
    },
    /// Behind the link: asks. `path` is where the form posts, relative to the site's base.
    Confirm {
        /// Title of the digest.
        digest: &'a str,
        /// The address.
        address: &'a str,
        /// Such as `subscribe/TOKEN`.
        path: &'a str,
    },
    /// Confirmed.
    Done {
        /// Title of the digest.
        digest: &'a str,
        /// The address.
        address: &'a str,
    },
    /// Confirmed before.
    Spent,
    /// Mail to the address came back before.
    Suppressed {
        /// Title of the digest.
        digest: &'a str,
        /// The address.
        address: &'a str,
    },
    /// No such link.
    Unknown,
}

#[derive(Serialize)]
struct SignUpPage {
    #[serde(flatten)]
    frame: Frame,
    post: String,
    wrong: bool,
    digests: Vec<Offer>,
    zones: Vec<Offer>,
    languages: Vec<Offer>,
}

/// The form.
pub fn sign_up_page(theme: &Theme, site: &Site, view: &SignUpView<'_>) -> Page {
    let texts = theme.language(&site.language);
    let usual = || Offer {
        value: String::new(),
        label: texts.text("sign_up_usual").to_owned(),
        chosen: true,
    };
    let offers = |offered: &[String], label: fn(&str) -> String| {
        let offered = offered.iter().map(|value| Offer {
            value: value.clone(),
            label: label(value),
            chosen: false,
        });
        std::iter::once(usual()).chain(offered).collect()
    };
    let digests = view.digests.iter().map(|&(name, title)| Offer {
        value: name.to_owned(),
        label: title.to_owned(),
        chosen: name == view.chosen,
    });
    let page = SignUpPage {
        frame: Frame::new(theme, site, &site.language, None).headed(texts.text("sign_up_title")),
        post: format!("{}subscribe", site.base()),
        wrong: view.wrong,
        digests: digests.collect(),
        zones: offers(view.zones, str::to_owned),
        languages: offers(view.languages, native),
    };
    theme.render("sign_up.html", &page)
}

/// What is said in `language` instead of the form.
pub fn sign_up_notice(theme: &Theme, site: &Site, language: &str, said: SignUpNotice<'_>) -> Page {
    let texts = theme.language(language);
    let (title, keys, values): (_, &[&str], _) = match said {
        SignUpNotice::Asked { digest } => (
            "sign_up_title",
            &["sign_up_asked", "sign_up_asked_hint"],
            [("digest", digest), ("address", "")],
        ),
        SignUpNotice::Confirm {
            digest, address, ..
        } => (
            "confirm_title",
            &["confirm_ask"],
            [("digest", digest), ("address", address)],
        ),
        SignUpNotice::Done { digest, address } => (
            "confirm_title",
            &["confirm_done", "confirm_done_hint"],
            [("digest", digest), ("address", address)],
        ),
        SignUpNotice::Suppressed { digest, address } => (
            "confirm_title",
            &["confirm_suppressed"],
            [("digest", digest), ("address", address)],
        ),
        SignUpNotice::Spent => ("confirm_title", &["confirm_spent"], Default::default()),
        SignUpNotice::Unknown => ("confirm_title", &["confirm_unknown"], Default::default()),
    };
    let lines = keys.iter().map(|key| texts.filled(key, &values)).collect();
    let form = match said {
        SignUpNotice::Confirm { path, .. } => Some((path, texts.text("confirm_button"))),
        _ => None,
    };
    notice(theme, site, language, (texts.text(title), lines), form)
}
