//! Subscribers: who gets a digest, who brought them, what they wish, what is stored of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MessageStanding, StorySeq, SubscriberId};

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

/// Who gets what, as the config has it.
#[derive(Clone, Default)]
pub struct Roster {
    /// Digests and the zones of their schedules.
    pub digests: Vec<(String, String)>,
    /// Subscribers that the config names.
    pub subscribers: Vec<SubscriberSpec>,
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
    /// One mail a week, with the first edition from the beginning of this day on (0 is Monday); none is each edition.
    pub weekday: Option<i8>,
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
    /// Who brought them.
    pub origin: SubscriberOrigin,
    /// Bounces or complaints have suppressed the address and the operator has not lifted it, whatever the subscriber has
    /// asked for since.
    pub suppressed: bool,
}

/// Who brought a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriberOrigin {
    /// The config names them, and they leave with it.
    Config,
    /// They signed up and confirmed it; no edit of the config removes them.
    #[serde(rename = "self")]
    Own,
}

impl SubscriberRecord {
    /// Whether it is theirs to ask for `standing`; what bounces have brought about is not theirs to lift, by whatever
    /// detour.
    #[must_use]
    pub fn may_ask_for(&self, standing: SubscriberStanding) -> bool {
        self.standing.may_ask_for(standing) && !(standing.is_active() && self.suppressed)
    }
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
    /// Who brought them.
    pub origin: SubscriberOrigin,
    /// Whether they get editions.
    pub standing: SubscriberStanding,
    /// Whether bounces or complaints have suppressed the address.
    pub suppressed: bool,
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
    /// What was asked for with the address on the page, until it is forgotten.
    pub sign_ups: Vec<HeldSignUp>,
}

/// A sign-up, as its subscriber may see it.
#[derive(Clone, Serialize)]
pub struct HeldSignUp {
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
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
