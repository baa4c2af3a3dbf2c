//! Sign-ups: what someone asks on the page before the owner of the address has confirmed it.

use jiff::Timestamp;

use super::{MessageId, Packed, SubscriberId};

/// What someone asks who signs up. Has no `Debug`: it holds an address.
#[derive(Clone, PartialEq, Eq)]
pub struct SignUp {
    /// The digest's name.
    pub digest: String,
    /// Mail address, as written.
    pub address: String,
    /// IANA zone whose clock the schedule is to follow; none for the digest's.
    pub zone: Option<String>,
    /// Language of the mail; none for the digest's.
    pub language: Option<String>,
}

/// Whether a sign-up was taken. Says nothing of whether the address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is on record.
    Taken,
    /// Too many came lately, from everyone together.
    Crowded,
}

/// A sign-up on record.
#[derive(Clone, PartialEq, Eq)]
pub struct SignUpRecord {
    /// Row, and the identity of its mail in the outbox.
    pub id: MessageId,
    /// What was asked.
    pub asked: SignUp,
    /// When.
    pub asked_at: Timestamp,
    /// Until when it may be confirmed.
    pub expires_at: Timestamp,
    /// When it was.
    pub confirmed_at: Option<Timestamp>,
}

/// The mail that asks for a confirmation, as every attempt sends it.
#[derive(Clone)]
pub struct SignUpMail {
    /// `Message-ID` without brackets.
    pub message_id: String,
    /// Envelope sender.
    pub envelope_from: String,
    /// Envelope recipient.
    pub envelope_to: String,
    /// The whole message.
    pub packed: Packed,
}

/// What came of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// They get the digest.
    Subscribed(SubscriberId),
    /// Mail to the address came back before; that is the operator's to lift.
    Suppressed,
    /// It was confirmed before, which counts once.
    Spent,
    /// There is no such sign-up any more.
    Unknown,
}
