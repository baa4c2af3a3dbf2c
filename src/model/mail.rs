//! Editions and messages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{StoryId, StorySeq, StoryView};

/// Row identity of an edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EditionId(pub i64);

/// Row identity of a message in the outbox; below zero for the mail that asks for a sign-up to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId(pub i64);

/// Row identity of a subscriber of one digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubscriberId(pub i64);

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

/// A mail to a subscriber, by the stories that it told them of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailed {
    /// Whom.
    pub subscriber: SubscriberId,
    /// When it was made.
    pub frozen_at: Timestamp,
    /// Exclusive start of its own window.
    pub after: StorySeq,
    /// Inclusive end.
    pub until: StorySeq,
}

/// A story that editions carried and whose lead was edited in substance after the first of them.
#[derive(Clone, Debug)]
pub struct Amended {
    /// As it is now.
    pub story: StoryView,
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
    /// Edition; none for a mail that is part of none.
    pub edition: Option<EditionId>,
    /// To whom; none where they are no subscriber yet.
    pub subscriber: Option<SubscriberId>,
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

/// A message and what became of it so far.
pub struct MessageView {
    /// As it is sent; without bytes where the disk has spoilt them.
    pub message: OutboxMessage,
    /// Where it stands.
    pub standing: MessageStanding,
    /// What the last attempt came to, in the server's words, or in ours where it said none; none before the first.
    pub reply: Option<String>,
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
