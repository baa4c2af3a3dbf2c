//! What all readers of an edition share: its names, addresses, bounds, and when the next ones come.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::{Mailer, slots};
use super::batch::Addressee;
use super::{Freezing, MailError};
use crate::config::{ContentMode, DigestConfig};
use crate::digest::{Issue, edition_slug};

/// A week and a day: tells a daily schedule from one of working days.
const COMING: usize = 8;

impl Mailer {
    /// What the edition's readers share.
    pub(super) fn issue(
        &self,
        digest: &DigestConfig,
        freezing: &Freezing,
    ) -> Result<Issue, MailError> {
        let config = &self.ground.config;
        let publish = self.publish(digest)?;
        let base = &config.http.public_url;
        let slug = edition_slug(freezing.slot_at, &freezing.lane.name);
        let address = |path: String| {
            base.join(&path)
                .map_err(|error| MailError::Making(error.to_string()))
        };
        Ok(Issue {
            digest: digest.name.clone(),
            title: digest.title.clone(),
            slot_at: freezing.slot_at,
            since_at: freezing.since_at,
            page_url: address(format!("{}/", publish.name))?,
            web_url: address(format!("digest/{}/{slug}", digest.name))?,
            subject: digest.subject.as_ref().map(|subject| subject.value.clone()),
            max_stories: digest.max_stories,
            per_feed: digest.per_feed,
            sections: digest.sections,
            groups: config.groups_of(publish),
            content: least(digest.content, publish.content),
            max_bytes: digest.max_bytes,
            footer: digest.footer.clone(),
            self_service: digest.self_service,
            coming: self.coming(digest, freezing),
        })
    }

    /// The instants after this one, as many as show the schedule's rhythm.
    fn coming(&self, digest: &DigestConfig, freezing: &Freezing) -> Vec<Timestamp> {
        let Some(cron) = self.crons.get(&digest.name) else {
            return Vec::new();
        };
        let next = |at: &Timestamp| cron.next_after(*at, &freezing.lane.zone);
        std::iter::successors(next(&freezing.slot_at), next)
            .take(COMING)
            .collect()
    }
}

/// Coming instants that tell a weekly reader's rhythm.
const COMING_WEEKLY: usize = 3;

impl Mailer {
    /// The instants to come for those readers who get one edition a week, by their day.
    pub(super) fn weekly(
        &self,
        freezing: &Freezing,
        addressees: &[Addressee],
    ) -> BTreeMap<i8, Vec<Timestamp>> {
        let Some(cron) = self.crons.get(&freezing.digest) else {
            return BTreeMap::new();
        };
        let zone = &freezing.lane.zone;
        let next = |at| cron.next_after(at, zone);
        let days: BTreeSet<i8> = addressees.iter().filter_map(Addressee::weekday).collect();
        let coming = |day| slots::weekly_after(&next, day, freezing.slot_at, zone);
        days.into_iter()
            .map(|day| (day, coming(day).take(COMING_WEEKLY).collect()))
            .collect()
    }
}

fn least(one: ContentMode, other: ContentMode) -> ContentMode {
    match (one, other) {
        (ContentMode::Title, _) | (_, ContentMode::Title) => ContentMode::Title,
        (ContentMode::Summary, _) | (_, ContentMode::Summary) => ContentMode::Summary,
        (ContentMode::Full, ContentMode::Full) => ContentMode::Full,
    }
}
