//! What all readers of an edition share: its names, addresses, bounds, and when the next ones come.

use jiff::Timestamp;

use super::super::Mailer;
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

fn least(one: ContentMode, other: ContentMode) -> ContentMode {
    match (one, other) {
        (ContentMode::Title, _) | (_, ContentMode::Title) => ContentMode::Title,
        (ContentMode::Summary, _) | (_, ContentMode::Summary) => ContentMode::Summary,
        (ContentMode::Full, ContentMode::Full) => ContentMode::Full,
    }
}
