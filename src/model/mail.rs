//! Editions, messages and subscribers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{StoryId, StorySeq, StoryView};

/// Row identity of an edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EditionId(pub i64);

/// Row identity of a message in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId(pub i64);

/// Row identity of a subscriber of one digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubscriberId(pub i64);

/// A subscriber as the config names one.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriberSpec {
    /// The digest's name.
    pub digest: String,
    /// Mail address, domain in lower case; unique in its digest by [`mailbox_key`]. Never logged.
    pub address: String,
    /// Display name.
    pub name: Option<String>,
    /// IANA zone whose clock the schedule follows: the subscriber's lane.
    pub zone: String,
}

/// What two spellings of one mailbox have in common: case says nothing (no server in use tells `An@` from `an@`), and a
/// domain is its A-labels.
#[must_use]
pub fn mailbox_key(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let domain = match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => ascii,
        _ => domain.to_lowercase(),
    };
    format!("{}@{domain}", local.to_lowercase())
}

/// Whether a subscriber gets editions. Outlives config edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriberStanding {
    /// Gets editions.
    Active,
    /// Asked to rest; the cursor moves on.
    Paused,
    /// Asked to leave; stays so until they ask again.
    Unsubscribed,
    /// Bounced; stays so until the operator lifts it.
    Suppressed,
    /// Signed up, not confirmed yet.
    Unconfirmed,
    /// Left the config.
    Removed,
}

impl SubscriberStanding {
    /// Gets editions?
    #[must_use]
    pub fn is_active(self) -> bool {
        self == Self::Active
    }

    /// Whether it is the subscriber's to ask for `other`: to rest, and to come back from rest or after having left; not
    /// to lift what bounces have brought about.
    #[must_use]
    pub fn may_ask_for(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Active, Self::Paused) | (Self::Paused | Self::Unsubscribed, Self::Active)
        )
    }
}

/// What a subscriber wishes for themselves; what is unset is as the config has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wishes {
    /// IANA zone whose clock the schedule follows.
    pub zone: Option<String>,
    /// Language of the mail.
    pub language: Option<String>,
    /// Only these groups; empty is all of the merged feed's.
    pub groups: Option<Vec<String>>,
}

/// A subscriber as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriberRecord {
    /// Row.
    pub id: SubscriberId,
    /// As named.
    pub spec: SubscriberSpec,
    /// Whether they get editions.
    pub standing: SubscriberStanding,
    /// Why, for the operator.
    pub reason: Option<String>,
    /// Since when.
    pub since_at: Timestamp,
    /// Their own wishes.
    pub wishes: Wishes,
    /// Stories up to here have been offered to them.
    pub cursor: StorySeq,
}

/// What is stored of a subscriber, as they may see it themselves. Has no `Debug`: it holds an address.
#[derive(Clone, Serialize)]
pub struct Held {
    /// The digest's name.
    pub digest: String,
    /// Mail address.
    pub address: String,
    /// Display name.
    pub name: Option<String>,
    /// Zone whose clock the schedule follows.
    pub timezone: String,
    /// Whether they get editions.
    pub standing: SubscriberStanding,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub since_at: Timestamp,
    /// Their own wishes.
    pub wishes: Wishes,
    /// What came back.
    pub bounces: Vec<HeldBounce>,
    /// What was sent.
    pub mails: Vec<HeldMail>,
}

/// A bounce, as its subscriber may see it.
#[derive(Clone, Serialize)]
pub struct HeldBounce {
    /// When.
    pub seen_at: Timestamp,
    /// For good?
    pub hard: bool,
    /// The server's status.
    pub status: String,
}

/// A mail, as its subscriber may see it.
#[derive(Clone, Serialize)]
pub struct HeldMail {
    /// `Message-ID` without brackets.
    pub message_id: String,
    /// When it was made.
    pub queued_at: Timestamp,
    /// When its way ended.
    pub settled_at: Option<Timestamp>,
    /// Where it stands.
    pub standing: MessageStanding,
}

/// What came back from a subscriber since their standing last changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BounceHistory {
    /// Hard bounces, in order.
    pub hard_at: Vec<Timestamp>,
    /// Deliveries in a row, up to the newest, that bounced softly.
    pub soft_in_a_row: usize,
}

/// One frozen message.
#[derive(Clone)]
pub struct FrozenMessage {
    /// To whom.
    pub subscriber: SubscriberId,
    /// `Message-ID` without the angle brackets; fixed before the first attempt.
    pub message_id: String,
    /// Envelope sender.
    pub envelope_from: String,
    /// Envelope recipient.
    pub envelope_to: String,
    /// The whole message, CRLF lines, as every attempt sends it.
    pub packed: Packed,
    /// Stories it carries, the shown and the counted ones.
    pub stories: usize,
    /// Its window's own exclusive start: earlier than the edition's where it took over an older message's stories.
    pub after: StorySeq,
}

/// A message as the store keeps it, compressed: an edition for ten thousand people is in memory at once, and what its
/// mails have in common is most of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed(pub Vec<u8>);

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({} bytes)", self.0.len())
    }
}

/// How an edition came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditionStanding {
    /// Messages were made.
    Frozen,
    /// Nothing new and the digest skips such days.
    Empty,
}

/// One edition as one commit: window, selection, messages, cursors.
#[derive(Clone)]
pub struct FrozenEdition {
    /// The digest's name.
    pub digest: String,
    /// The zone whose clock called it: subscribers with another zone have editions of their own.
    pub lane: String,
    /// The scheduled instant; unique per digest and lane.
    pub slot_at: Timestamp,
    /// When it was frozen.
    pub frozen_at: Timestamp,
    /// Exclusive start; must equal the previous edition's end in this lane, else the freeze is refused.
    pub after: StorySeq,
    /// Inclusive end.
    pub until: StorySeq,
    /// How it came out.
    pub standing: EditionStanding,
    /// Selected stories in the order shown, with the position in the edition.
    pub stories: Vec<StoryId>,
    /// Subject of the digest-wide rendition.
    pub subject: String,
    /// Web copy, finished HTML without any subscriber's data.
    pub web_html: Option<String>,
    /// One per subscriber who gets it.
    pub messages: Vec<FrozenMessage>,
    /// Subscribers whose cursor moves to `until`: all of the lane, whatever their standing.
    pub served: Vec<SubscriberId>,
}

/// An edition as recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditionRecord {
    /// Row.
    pub id: EditionId,
    /// The digest's name.
    pub digest: String,
    /// Zone.
    pub lane: String,
    /// Scheduled instant.
    pub slot_at: Timestamp,
    /// When frozen.
    pub frozen_at: Timestamp,
    /// Window.
    pub after: StorySeq,
    /// Window.
    pub until: StorySeq,
    /// How it came out.
    pub standing: EditionStanding,
    /// Subject.
    pub subject: String,
    /// Stories selected.
    pub stories: usize,
    /// Messages by standing: (queued, delivered, failed).
    pub messages: (usize, usize, usize),
}

/// A story that editions carried and whose lead was edited in substance after the first of them.
#[derive(Clone, Debug)]
pub struct Amended {
    /// As it is now.
    pub story: StoryView,
    /// Editions that carried it.
    pub carried_in: Vec<EditionId>,
    /// States of its lead that were replaced since, oldest first.
    pub former: Vec<FormerState>,
}

impl Amended {
    /// Does the story say something else now than in its former state number `at`?
    #[must_use]
    pub fn differs_from(&self, at: usize) -> bool {
        let now = &self.story.lead.entry;
        self.former
            .get(at)
            .is_some_and(|state| state.title != now.title || state.text != now.text)
    }
}

/// An earlier state of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerState {
    /// Until when it was shown.
    pub replaced_at: Timestamp,
    /// Its title.
    pub title: String,
    /// Its plain text.
    pub text: String,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStanding {
    /// Waits for `next_attempt_at`.
    Queued,
    /// Taken until its lease ends.
    Claimed,
    /// The server's final 250 is recorded.
    Delivered,
    /// Permanently refused.
    Failed,
    /// The subscriber left, or a newer edition took its stories, before it went out.
    Withdrawn,
}

/// A claimed message.
#[derive(Clone)]
pub struct OutboxMessage {
    /// Row.
    pub id: MessageId,
    /// Edition.
    pub edition: EditionId,
    /// To whom.
    pub subscriber: SubscriberId,
    /// `Message-ID` without brackets.
    pub message_id: String,
    /// Envelope sender.
    pub envelope_from: String,
    /// Envelope recipient.
    pub envelope_to: String,
    /// The whole message.
    pub bytes: Vec<u8>,
    /// Attempts before this one.
    pub attempts: u32,
    /// When the message was frozen.
    pub queued_at: Timestamp,
    /// The claim's token; a settle with another token changes nothing.
    pub lease: i64,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Final 250; the reply for the log, free of addresses.
    Delivered {
        /// Server's words.
        reply: String,
    },
    /// Try again at `retry_at`; counts as an attempt.
    Transient {
        /// What happened, free of addresses.
        reason: String,
        /// When.
        retry_at: Timestamp,
        /// No answer came after the final dot: the server may have it, so that no newer edition may take its stories.
        uncertain: bool,
    },
    /// Refused for good, for this subscriber only.
    Permanent {
        /// Server's words, free of addresses.
        reason: String,
    },
    /// Nothing was tried (connection, login or TLS failed for everyone): back to the queue, no attempt counted.
    Released {
        /// When to take it up again.
        retry_at: Timestamp,
    },
}
