//! Looking at an edition without making one: the coming one, or what a past window would give today. Only reads.

use jiff::Timestamp;

use super::super::Mailer;
use super::batch::Addressee;
use super::{Freezing, MailError, make};
use crate::config::{DigestConfig, Zone};
use crate::digest::Rendition;
use crate::model::{EditionRecord, StorySeq, SubscriberRecord};
use crate::store::Store;

/// What to look at.
#[derive(Clone, Default)]
pub struct Look<'a> {
    /// As this subscriber gets it; none is a reader without wishes.
    pub reader: Option<&'a SubscriberRecord>,
    /// As a test copy to this address.
    pub to: Option<&'a str>,
    /// Another window than the coming edition's.
    pub window: Option<Window>,
}

/// A window of stories, and the edition that it is shown as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Exclusive start.
    pub after: StorySeq,
    /// Inclusive end.
    pub until: StorySeq,
    /// Instant and zone of the edition; none for the coming one's.
    pub slot: Option<(Timestamp, String)>,
}

impl Window {
    /// The window of a past edition.
    #[must_use]
    pub fn of(edition: &EditionRecord) -> Self {
        Self {
            after: edition.after,
            until: edition.until,
            slot: Some((edition.slot_at, edition.lane.clone())),
        }
    }
}

/// A look at an edition.
#[derive(Clone, Debug)]
pub struct Previewed {
    /// Its words.
    pub rendition: Rendition,
    /// The mail to the subscriber looked at, whole.
    pub bytes: Vec<u8>,
    /// Envelope sender.
    pub envelope_from: String,
}

impl Mailer {
    /// The coming edition, or another window, as one subscriber gets it or as a test copy; changes nothing.
    ///
    /// # Errors
    /// When the digest is unknown, or as [`Mailer::freeze`].
    pub async fn preview(
        &self,
        name: &str,
        look: Look<'_>,
        now: Timestamp,
    ) -> Result<Previewed, MailError> {
        let digest = self.digest(name)?;
        let lanes = self.lanes(digest).await?;
        let freezing = self.looked_at((digest, &lanes), &look, now)?;
        let state = self.store.look_at_lane(name, &freezing.lane.name).await?;
        let (after, until) = match &look.window {
            Some(window) => (window.after, window.until),
            None => {
                let after = look.reader.map_or(state.until, |reader| reader.cursor);
                (after, self.store.last_seq().await?)
            }
        };
        let mut batch = self.batch(digest, &freezing, now)?;
        batch.after = after;
        batch.preview = true;
        let mut addressee = match look.reader {
            Some(reader) => self.addressee(digest, reader, after),
            None => Addressee::stranger(digest, after),
        };
        if let Some(to) = look.to {
            addressee.test_for(to);
        }
        batch.addressees = vec![addressee];
        batch.weekly = self.weekly(&freezing, &batch.addressees);
        batch.stories = self.window(digest, after, until).await?;
        if look.window.is_none() {
            batch.corrections = self.corrections(digest, now).await?;
        }
        let nothing = || MailError::Making("nothing was rendered".to_owned());
        let mut made = make(batch).await?;
        let message = made.messages.pop().ok_or_else(nothing)?;
        let unreadable = |error: std::io::Error| MailError::Making(error.to_string());
        Ok(Previewed {
            rendition: made.last.ok_or_else(nothing)?,
            bytes: Store::unpack_message(&message.packed).map_err(unreadable)?,
            envelope_from: message.envelope_from,
        })
    }

    /// The edition that is looked at: that of the window, else the coming one of the reader's lane.
    fn looked_at(
        &self,
        (digest, lanes): (&DigestConfig, &[Zone]),
        look: &Look<'_>,
        now: Timestamp,
    ) -> Result<Freezing, MailError> {
        let slot = look.window.as_ref().and_then(|window| window.slot.as_ref());
        let (slot_at, lane) = match slot {
            Some((slot_at, lane)) => {
                let zone = Zone::named(lane)
                    .map_err(|error| MailError::Making(format!("time zone {lane}: {error}")))?;
                (*slot_at, zone)
            }
            None => {
                let named = look
                    .reader
                    .and_then(|reader| lanes.iter().find(|zone| zone.name == reader.spec.zone));
                let lane = named.or(lanes.first()).unwrap_or(&digest.timezone).clone();
                let cron = self.crons.get(&digest.name);
                let next = cron.and_then(|cron| cron.next_after(now, &lane.zone));
                (next.unwrap_or(now), lane)
            }
        };
        Ok(Freezing {
            digest: digest.name.clone(),
            lane,
            slot_at,
            since_at: None,
        })
    }
}
