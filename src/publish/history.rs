//! What happened to feeds: a page for readers (which came, moved and went), and an Atom feed for the operator (which
//! died, fell silent, moved, were held back, came back). Says only what the history says, so its bytes change only when
//! that does.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Zone;
use crate::model::{FeedEvent, FeedEventKind, FeedState};

use super::about::feed_title;
use super::language::Language;
use super::page::Page;
use super::site::Site;
use super::text::{self, line, rfc3339, web_url};
use super::theme::Theme;
use super::view::{Frame, day_of};
use super::xml::Xml;

/// Path of the operator's feed, without leading slash.
const HEALTH: &str = "status.atom";

#[derive(Serialize)]
struct ChangesPage {
    #[serde(flatten)]
    frame: Frame,
    list: Vec<Day>,
}

#[derive(Serialize)]
struct Day {
    date: String,
    title: String,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    what: String,
    title: String,
    site: Option<String>,
}

/// Which feeds came, moved and went, newest first. Today's titles are taken from `feeds`, as a feed that was just added
/// had none yet.
pub(super) fn changes(
    theme: &Theme,
    site: &Site,
    zone: &Zone,
    (events, feeds): (&[FeedEvent], &[FeedState]),
) -> Page {
    let language = theme.language(&site.language);
    let mut list: Vec<Day> = Vec::new();
    let feeds: HashMap<&str, &FeedState> =
        feeds.iter().map(|feed| (feed.key.as_str(), feed)).collect();
    for event in events.iter().rev().filter(|event| event.kind.is_public()) {
        let day = day_of(event.seen_at, zone);
        let date = day.to_string();
        let known = feeds.get(event.key.as_str()).copied();
        let change = Change {
            what: language.text(word(event.kind)).to_owned(),
            title: known.map_or_else(|| name(event), feed_title),
            site: web_url(
                known
                    .and_then(|feed| feed.site_url.as_deref())
                    .or(event.site_url.as_deref()),
            ),
        };
        match list.last_mut() {
            Some(last) if last.date == date => last.changes.push(change),
            _ => list.push(Day {
                title: language.day(day),
                date,
                changes: vec![change],
            }),
        }
    }
    let frame =
        Frame::new(theme, site, &site.language, None).headed(language.text("changes_title"));
    let page = ChangesPage {
        frame: frame.at(site.absolute("changes/")),
        list,
    };
    theme.render("changes.html", &page)
}

/// What befell the feeds, as Atom for the operator, newest first.
#[must_use]
pub fn health_feed(theme: &Theme, site: &Site, events: &[FeedEvent]) -> Vec<u8> {
    let language = theme.language(&site.language);
    let told = || events.iter().rev().filter(|event| event.kind.is_health());
    let newest = told().map(|event| event.seen_at).max();
    let updated_at = newest.unwrap_or(Timestamp::constant(946_684_800, 0));
    let status = site.absolute("status");
    let mut xml = Xml::begin();
    let lang = text::language(Some(&site.language)).unwrap_or("en");
    xml.open(
        "feed",
        &[("xmlns", "http://www.w3.org/2005/Atom"), ("xml:lang", lang)],
    );
    xml.leaf("id", &[], &text::urn(&[&site.id_seed, "health feed"]));
    let title = language.filled("health_title", &[("site", &site.title())]);
    xml.leaf("title", &[], &line(&title));
    xml.leaf("updated", &[], &rfc3339(updated_at));
    xml.open("author", &[]);
    xml.leaf("name", &[], &site.title());
    xml.close("author");
    let own = site.absolute(HEALTH);
    link(&mut xml, "self", "application/atom+xml", &own);
    link(&mut xml, "alternate", "text/html", &status);
    xml.leaf(
        "generator",
        &[("version", env!("CARGO_PKG_VERSION"))],
        "feedmill",
    );
    for event in told() {
        entry(&mut xml, language, site, event);
    }
    xml.close("feed");
    xml.finish()
}

fn link(xml: &mut Xml, rel: &str, kind: &str, href: &str) {
    xml.empty("link", &[("rel", rel), ("type", kind), ("href", href)]);
}

fn entry(xml: &mut Xml, language: &Language, site: &Site, event: &FeedEvent) {
    let (at, word) = (event.seen_at.to_string(), word(event.kind));
    xml.open("entry", &[]);
    let id = text::urn(&[&site.id_seed, "feed event", &event.key, word, &at]);
    xml.leaf("id", &[], &id);
    let title = format!("{}: {}", name(event), language.text(word));
    xml.leaf("title", &[], &line(&title));
    xml.leaf("updated", &[], &rfc3339(event.seen_at));
    xml.leaf("published", &[], &rfc3339(event.seen_at));
    let status = site.absolute("status?show=troubled");
    link(xml, "alternate", "text/html", &status);
    let detail = event.detail.as_deref().map(line);
    let key = line(&event.key);
    let text = detail.map_or(key.clone(), |detail| format!("{key}: {detail}"));
    xml.leaf("content", &[("type", "text")], &text);
    xml.close("entry");
}

/// What the feed was called then.
fn name(event: &FeedEvent) -> String {
    let title = event.title.as_deref().map(line);
    title
        .filter(|title| !title.is_empty())
        .unwrap_or_else(|| line(&event.key))
}

/// Key of the text that says what happened.
fn word(kind: FeedEventKind) -> &'static str {
    match kind {
        FeedEventKind::Added => "event_added",
        FeedEventKind::Removed => "event_removed",
        FeedEventKind::Moved => "event_moved",
        FeedEventKind::Gone => "event_gone",
        FeedEventKind::Dead => "event_dead",
        FeedEventKind::Quarantined => "event_quarantined",
        FeedEventKind::Held => "event_held",
        FeedEventKind::Failing => "event_failing",
        FeedEventKind::Silent => "event_silent",
        FeedEventKind::Back => "event_back",
    }
}
