//! Freezing: fixes an edition in one commit. Takes the lane's window and its subscribers, gives rendered messages to the
//! store; what readers of one class see is rendered once, so that a thousand subscribers cost little more than one.

mod batch;
mod corrections;
mod issue;
mod preview;

use jiff::Timestamp;

use super::Mailer;
use super::slots::{self, Owed};
use crate::config::{DigestConfig, PublishConfig, Zone};
use crate::digest::edition_slug;
use crate::model::{
    EditionId, EditionStanding, FrozenEdition, FrozenMessage, MessageId, Selection, StorySeq,
    StoryView, SubscriberId, SubscriberRecord, SubscriberStanding, Verdict,
};
use crate::store::StoreError;

use batch::{Batch, Made};
pub use preview::{Look, Previewed, Window};

/// Why an edition could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The store.
    #[error("mail")]
    Store(#[from] StoreError),
    /// A template, a key, a blocking task.
    #[error("cannot make the edition: {0}")]
    Making(String),
    /// The config knows no such digest.
    #[error("no digest is named {0}")]
    Unknown(String),
}

/// One edition to freeze.
#[derive(Clone, Debug, PartialEq)]
pub struct Freezing {
    /// The digest's name.
    pub digest: String,
    /// Zone of the lane.
    pub lane: Zone,
    /// Its instant.
    pub slot_at: Timestamp,
    /// Begin of the period, where it makes up for missed ones.
    pub since_at: Option<Timestamp>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frozen {
    /// One commit with so many messages.
    Edition {
        /// Row.
        id: EditionId,
        /// Messages queued.
        messages: usize,
    },
    /// Another process was faster: nothing was changed.
    Taken,
}

/// Stories read at once.
const PAGE: usize = 500;

impl Mailer {
    /// Freezes every edition owed at `now`. One that fails is logged and does not stop the others.
    ///
    /// # Errors
    /// When the store cannot even be asked.
    pub async fn freeze_due(&self, now: Timestamp) -> Result<Vec<(Freezing, Frozen)>, MailError> {
        self.mend(now).await?;
        let mut done = Vec::new();
        for freezing in self.owed(now).await? {
            match self.freeze(&freezing, now).await {
                Ok(frozen) => done.push((freezing, frozen)),
                Err(error) => {
                    tracing::error!(digest.id = ?freezing.digest, error = ?format!("{error:?}"), "edition not frozen");
                }
            }
        }
        Ok(done)
    }

    /// What the lanes owe at `now`.
    async fn owed(&self, now: Timestamp) -> Result<Vec<Freezing>, MailError> {
        let mut owed = Vec::new();
        for digest in self.ground.config.digests.values() {
            let Some(cron) = self.crons.get(&digest.name) else {
                continue;
            };
            for lane in self.lanes(digest).await? {
                let state = self.store.lane(&digest.name, &lane.name, now).await?;
                let last = state.last_slot_at.or(state.since_at).unwrap_or(now);
                match slots::owed(
                    &|at| cron.next_after(at, &lane.zone),
                    last,
                    now,
                    state.last_slot_at.is_some(),
                ) {
                    Owed::Nothing => {}
                    Owed::Slot { slot_at, since_at } => {
                        owed.push(Freezing {
                            digest: digest.name.clone(),
                            lane,
                            slot_at,
                            since_at,
                        });
                    }
                    Owed::Unbelievable => tracing::error!(
                        digest.id = ?digest.name,
                        "the clock is more than a year past the last edition; if it is right, run: feedmill digest send"
                    ),
                }
            }
        }
        Ok(owed)
    }

    /// Freezes one edition: window, selection, messages and cursors in one commit.
    ///
    /// # Errors
    /// When the store fails or nothing can be rendered; nothing is changed then.
    pub async fn freeze(&self, freezing: &Freezing, now: Timestamp) -> Result<Frozen, MailError> {
        let digest = self.digest(&freezing.digest)?;
        let state = self
            .store
            .lane(&digest.name, &freezing.lane.name, now)
            .await?;
        let until = self.store.last_seq().await?.max(state.until);
        let mut subscribers = self.lane_subscribers(digest, &freezing.lane).await?;
        // Who waits for their day is not served: their cursor stays, so that their mail holds the whole week.
        subscribers.retain(|one| !waits(one, state.last_slot_at, freezing));
        let undelivered = self.store.undelivered(&digest.name).await?;
        let mut batch = self.batch(digest, freezing, now)?;
        batch.after = state.until;
        batch.addressees = subscribers
            .iter()
            .filter(|subscriber| subscriber.standing == SubscriberStanding::Active)
            .map(|subscriber| self.addressee(digest, subscriber, start(subscriber, &undelivered)))
            .collect();
        batch.weekly = self.weekly(freezing, &batch.addressees);
        let earliest = batch.earliest(|_| true);
        batch.stories = self.window(digest, earliest, until).await?;
        batch.corrections = self.corrections(digest, now).await?;
        let made = make(batch).await?;
        let withdraw = withdrawn(&made.messages, &undelivered);
        let messages = made.messages.len();
        let edition = edition(freezing, made, (now, state.until, until), &subscribers);
        let frozen = match self.store.freeze_edition(edition, withdraw).await {
            Ok(id) => Frozen::Edition { id, messages },
            Err(StoreError::EditionTaken { .. }) => return Ok(Frozen::Taken),
            Err(error) => return Err(error.into()),
        };
        self.ground.metrics.edition(messages);
        tracing::info!(
            digest.id = ?digest.name, window.from = state.until.0, window.until = until.0, messages,
            "edition {} frozen", edition_slug(freezing.slot_at, &freezing.lane.name)
        );
        Ok(frozen)
    }

    pub(super) fn digest(&self, name: &str) -> Result<&DigestConfig, MailError> {
        self.ground
            .config
            .digests
            .get(name)
            .ok_or_else(|| MailError::Unknown(name.to_owned()))
    }

    fn publish(&self, digest: &DigestConfig) -> Result<&PublishConfig, MailError> {
        let found = self.ground.config.publish.get(&digest.publish);
        found
            .ok_or_else(|| MailError::Making(format!("no merged feed is named {}", digest.publish)))
    }

    async fn lane_subscribers(
        &self,
        digest: &DigestConfig,
        lane: &Zone,
    ) -> Result<Vec<SubscriberRecord>, MailError> {
        let mut subscribers = self.store.subscribers(&digest.name).await?;
        subscribers.retain(|subscriber| subscriber.spec.zone == lane.name);
        Ok(subscribers)
    }

    /// Visible stories of the merged feed in `after..=until`, as it would select them (feeds, groups, age, rules,
    /// search), without their markup: a mail is made from text, and a window may be long.
    async fn window(
        &self,
        digest: &DigestConfig,
        after: StorySeq,
        until: StorySeq,
    ) -> Result<Vec<StoryView>, MailError> {
        let publish = self.publish(digest)?;
        let now = self.ground.clock.now();
        let since = publish.max_age.and_then(|age| now.checked_sub(age).ok());
        let mut stories = Vec::new();
        let mut before = None;
        loop {
            let selection = Selection {
                groups: publish.groups.clone(),
                feeds: publish.feeds.clone(),
                window: Some((after, until)),
                since,
                before,
                limit: PAGE,
                ..Selection::default()
            };
            let page = self.store.select_stories(selection).await?;
            before = page.last().map(|story| (story.shown_at, story.id));
            let full = page.len() == PAGE;
            let page = self.searched(publish, page).await?;
            stories.extend(
                page.into_iter()
                    .filter(|story| self.kept(&publish.filters, story))
                    .map(light),
            );
            if !full {
                return Ok(stories);
            }
        }
    }

    /// Those of `page` that the merged feed's saved search finds.
    async fn searched(
        &self,
        publish: &PublishConfig,
        mut page: Vec<StoryView>,
    ) -> Result<Vec<StoryView>, MailError> {
        if let Some(text) = &publish.search {
            let ids = page.iter().map(|story| story.id).collect();
            let found = self.store.matching_stories(text, ids).await?;
            page.retain(|story| found.contains(&story.id));
        }
        Ok(page)
    }

    fn kept(&self, filters: &[String], story: &StoryView) -> bool {
        filters.is_empty()
            || self
                .ground
                .rules
                .judge(filters, &story.lead, self.ground.clock.now())
                == Verdict::Keep
    }
}

fn light(mut story: StoryView) -> StoryView {
    story.lead.entry.content_html = None;
    story.lead.entry.summary_html = None;
    story
}

/// Where a subscriber's stories begin: after the cursor, or where an older mail began that never went out (R19).
fn start(
    subscriber: &SubscriberRecord,
    undelivered: &[(SubscriberId, MessageId, StorySeq)],
) -> StorySeq {
    let older = undelivered
        .iter()
        .filter(|(id, _, _)| *id == subscriber.id)
        .map(|(_, _, start)| *start);
    older
        .chain([subscriber.cursor])
        .min()
        .unwrap_or(subscriber.cursor)
}

/// Whether somebody wants one mail a week, and not with this edition. Who rests skips whole weeks, too.
fn waits(subscriber: &SubscriberRecord, last: Option<Timestamp>, freezing: &Freezing) -> bool {
    let slots = (last, freezing.slot_at);
    let weekly = |weekday| slots::is_weekly(weekday, slots, &freezing.lane.zone);
    subscriber.wishes.weekday.is_some_and(|day| !weekly(day))
}

/// Older mails whose stories the new ones carry.
fn withdrawn(
    messages: &[FrozenMessage],
    undelivered: &[(SubscriberId, MessageId, StorySeq)],
) -> Vec<MessageId> {
    let renewed = |id: &SubscriberId| messages.iter().any(|message| message.subscriber == *id);
    undelivered
        .iter()
        .filter(|(id, _, _)| renewed(id))
        .map(|(_, message, _)| *message)
        .collect()
}

async fn make(batch: Batch) -> Result<Made, MailError> {
    let made = tokio::task::spawn_blocking(move || batch.make()).await;
    made.map_err(|_| MailError::Making("rendering was interrupted".to_owned()))?
        .map_err(MailError::Making)
}

fn edition(
    freezing: &Freezing,
    made: Made,
    (frozen_at, after, until): (Timestamp, StorySeq, StorySeq),
    subscribers: &[SubscriberRecord],
) -> FrozenEdition {
    let empty = made.messages.is_empty() && made.stories.is_empty();
    FrozenEdition {
        digest: freezing.digest.clone(),
        lane: freezing.lane.name.clone(),
        slot_at: freezing.slot_at,
        frozen_at,
        after,
        until,
        standing: if empty {
            EditionStanding::Empty
        } else {
            EditionStanding::Frozen
        },
        stories: made.stories,
        subject: made.web.subject,
        web_html: (!empty).then_some(made.web.html),
        messages: made.messages,
        served: subscribers.iter().map(|subscriber| subscriber.id).collect(),
    }
}
