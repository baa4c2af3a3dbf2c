//! Out of all that a document says of the feed itself: the one best field of each sort, and when to come back.

use std::borrow::Cow;

use super::super::{date, language};
use super::aside::FeedAside;
use super::entry::Chooser;
use super::kinds::Kind;
use super::names::Space;
use super::node::Node;
use super::repairs::Repairs;
use crate::model::PollHints;

/// The fields of a feed, chosen.
#[derive(Default)]
pub(super) struct ChosenFeed {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) link: Option<String>,
    pub(super) updated: Option<String>,
    pub(super) aside: FeedAside,
}

impl Chooser<'_> {
    /// Chooses from what stands in the root and its channels.
    pub(super) fn choose_feed(&self, holder: &Node<'_>, repairs: &mut Repairs) -> ChosenFeed {
        let mut chosen = ChosenFeed::default();
        let title = holder
            .part(Kind::Title)
            .or_else(|| holder.part(Kind::DcTitle))
            .or_else(|| holder.part(Kind::ItunesTitle));
        if let Some(node) = title {
            let (text, reading) = self.text(node, repairs);
            (chosen.title, chosen.aside.title) = (text.map(Cow::into_owned), reading);
        }
        let description = [
            Kind::Description,
            Kind::Subtitle,
            Kind::DcDescription,
            Kind::ItunesSummary,
            Kind::ItunesSubtitle,
        ]
        .iter()
        .find_map(|&kind| holder.part(kind));
        if let Some(node) = description {
            let (text, reading) = self.text(node, repairs);
            (chosen.description, chosen.aside.description) = (text.map(Cow::into_owned), reading);
        }
        chosen.link = self.feed_links(holder, &mut chosen.aside);
        chosen.updated = [
            Kind::Updated,
            Kind::Published,
            Kind::DcDate,
            Kind::DcModified,
        ]
        .iter()
        .flat_map(|&kind| holder.all(kind))
        .find_map(|node| date::parse(node.value()?))
        .map(|time| time.to_string());
        self.feed_aside(holder, &mut chosen.aside);
        if chosen.link.is_none() {
            let id = chosen.aside.publisher_id.as_deref();
            chosen.link = id
                .filter(|id| super::base::web_address(id).is_some())
                .map(str::to_owned);
        }
        self.hints(holder, &mut chosen.aside.hints);
        chosen
    }

    fn feed_links(&self, holder: &Node<'_>, aside: &mut FeedAside) -> Option<String> {
        let mut plain = None;
        let mut alternate: Option<(bool, String)> = None;
        for part in &holder.parts {
            match part.kind {
                Kind::Channel => {
                    if let Some(href) = part.attribute("href", self.entities) {
                        plain.get_or_insert_with(|| self.bases.absolute(part, &href));
                    }
                }
                Kind::Link if part.value().is_some() => {
                    let link = self.bases.absolute(part, part.value().unwrap_or_default());
                    plain.get_or_insert(link);
                }
                Kind::Link | Kind::AtomLink => {
                    let Some(href) = part.attribute("href", self.entities) else {
                        continue;
                    };
                    let url = self.bases.absolute(part, &href);
                    let rel = part
                        .attribute("rel", self.entities)
                        .unwrap_or(Cow::Borrowed("alternate"));
                    let is_page = part
                        .attribute("type", self.entities)
                        .is_none_or(|mime| mime.contains("html"));
                    for rel in rel.to_ascii_lowercase().split_ascii_whitespace() {
                        match rel {
                            "alternate"
                                if alternate.as_ref().is_none_or(|(page, _)| is_page && !page) =>
                            {
                                alternate = Some((is_page, url.clone()));
                            }
                            "self" if super::base::web_address(&href).is_some() => {
                                hint_link(rel, href.trim(), &mut aside.hints);
                            }
                            _ => hint_link(rel, &url, &mut aside.hints),
                        }
                    }
                }
                _ => {}
            }
        }
        plain.or(alternate.map(|(_, url)| url))
    }

    fn feed_aside(&self, holder: &Node<'_>, aside: &mut FeedAside) {
        let channel = holder.parts.iter().rfind(|part| part.kind == Kind::Channel);
        aside.base = self.bases.at(channel.unwrap_or(holder)).map(String::from);
        aside.authors = self.authors(holder);
        let text = |kind| holder.part(kind).and_then(Node::value).map(str::to_owned);
        let own = channel.and_then(|channel| channel.lang.as_deref());
        aside.categories = self.categories(holder);
        aside.language = text(Kind::Language)
            .and_then(|said| language::declared(&said))
            .or_else(|| own.and_then(language::declared));
        aside.rights = text(Kind::Rights).or_else(|| text(Kind::License));
        aside.publisher_id = text(Kind::Id).or_else(|| text(Kind::Guid)).or_else(|| {
            channel
                .and_then(|channel| channel.attribute("about", self.entities))
                .map(Cow::into_owned)
        });
        aside.icon_url = self.icon(holder);
    }

    fn icon(&self, holder: &Node<'_>) -> Option<String> {
        let of = |kind: Kind| {
            holder.all(kind).find_map(|node| {
                let inner = node.part(Kind::Url).or_else(|| node.part(Kind::Uri));
                let url = inner.and_then(Node::value).map(Cow::Borrowed);
                let url = url
                    .or_else(|| node.attribute("href", self.entities))
                    .or_else(|| node.attribute("url", self.entities))
                    .or_else(|| node.value().map(Cow::Borrowed))
                    .or_else(|| node.attribute("resource", self.entities))?;
                Some(self.bases.absolute(node, &url))
            })
        };
        of(Kind::Icon)
            .or_else(|| of(Kind::Logo))
            .or_else(|| of(Kind::ItunesImage))
            .or_else(|| of(Kind::Image))
    }

    fn hints(&self, holder: &Node<'_>, hints: &mut PollHints) {
        let text = |kind| holder.part(kind).and_then(Node::value);
        hints.ttl_s = text(Kind::Ttl)
            .and_then(|text| text.parse::<u64>().ok())
            .and_then(|minutes| minutes.checked_mul(60));
        for hour in holder
            .all(Kind::SkipHours)
            .flat_map(|node| node.all(Kind::Hour))
            .filter_map(Node::value)
        {
            // Userland counted from 1 to 24: 24 is midnight.
            if let Some(hour) = hour.parse::<u32>().ok().filter(|&hour| hour <= 24) {
                hints.skip_hours |= 1 << (hour % 24);
            }
        }
        for day in holder
            .all(Kind::SkipDays)
            .flat_map(|node| node.all(Kind::Day))
            .filter_map(Node::value)
        {
            let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            let day = day.to_ascii_lowercase();
            if let Some(index) = names.iter().position(|name| day.starts_with(name)) {
                hints.skip_days |= 1 << index;
            }
        }
        // A feed that may never be polled says nothing.
        hints.skip_hours = if hints.skip_hours == 0x00ff_ffff {
            0
        } else {
            hints.skip_hours
        };
        hints.skip_days = if hints.skip_days == 0x7f {
            0
        } else {
            hints.skip_days
        };
        hints.update_period_s = text(Kind::UpdatePeriod).and_then(|period| {
            let seconds: u64 = match period.to_ascii_lowercase().as_str() {
                "hourly" => 3_600,
                "daily" => 86_400,
                "weekly" => 604_800,
                "monthly" => 2_592_000,
                "yearly" => 31_536_000,
                _ => return None,
            };
            // No times, less than none, or oftener than each second: then the period means nothing either (R3.4).
            let frequency = match text(Kind::UpdateFrequency) {
                Some(text) => text.parse::<u64>().ok().filter(|times| *times > 0)?,
                None => 1,
            };
            Some(seconds / frequency).filter(|seconds| *seconds > 0)
        });
        hints.new_feed_url = text(Kind::NewFeedUrl).map(|url| self.bases.absolute(holder, url));
        hints.complete = holder.parts.iter().any(|part| part.kind == Kind::Complete);
    }
}

fn hint_link(rel: &str, url: &str, hints: &mut PollHints) {
    let slot = match rel {
        "self" => &mut hints.self_url,
        "prev-archive" => &mut hints.prev_archive_url,
        "next" => &mut hints.next_page_url,
        "hub" if hints.hub_urls.len() < 8 => return hints.hub_urls.push(url.to_owned()),
        _ => return,
    };
    slot.get_or_insert_with(|| url.to_owned());
}

/// An empty node to hold what describes a feed.
pub(super) fn holder(parts: Vec<Node<'_>>) -> Node<'_> {
    Node {
        kind: Kind::Channel,
        space: Space::Core,
        attributes: "",
        text: Cow::Borrowed(""),
        form: super::node::Form::Characters,
        base: None,
        lang: None,
        parts,
    }
}
