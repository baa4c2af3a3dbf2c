//! Enumerations as the integers that columns hold. The numbers are part of the schema: never renumber, only append.

use crate::model::{
    EditionStanding, FeedStanding, JoinReason, MessageStanding, PollReason, Standing,
    SubscriberOrigin, SubscriberStanding,
};

/// A value kept as an integer column.
pub(super) trait Code: Sized {
    /// The column's value.
    fn code(&self) -> i64;
    /// The value of a column; none for a number this version does not know.
    fn decode(code: i64) -> Option<Self>;
}

macro_rules! codes {
    ($type:ident: $($code:literal $variant:ident),+ $(,)?) => {
        impl Code for $type {
            fn code(&self) -> i64 {
                match self { $($type::$variant => $code),+ }
            }
            fn decode(code: i64) -> Option<Self> {
                match code { $($code => Some($type::$variant),)+ _ => None }
            }
        }
    };
}

codes!(FeedStanding: 0 Active, 1 Gone, 2 Dead, 3 Disabled, 4 Removed, 5 Quarantined);
codes!(PollReason: 0 First, 1 Floor, 2 Cadence, 3 Freshness, 4 RetryAfter, 5 Backoff, 6 Hint, 7 Digest, 8 Push,
    9 Host, 10 Claimed, 11 Manual, 12 Confirm, 13 Never, 14 Budget);
codes!(Standing: 0 Shown, 1 Backlog, 2 Dropped, 3 Held, 4 Quarantined, 5 Withdrawn);
// No version has written 4.
codes!(SubscriberStanding: 0 Active, 1 Paused, 2 Unsubscribed, 3 Suppressed, 5 Removed);
codes!(SubscriberOrigin: 0 Config, 1 Own);
codes!(EditionStanding: 0 Frozen, 1 Empty);
codes!(MessageStanding: 0 Queued, 1 Claimed, 2 Delivered, 3 Failed, 4 Withdrawn);

impl Code for JoinReason {
    fn code(&self) -> i64 {
        match self {
            Self::First => 0,
            Self::PublisherId => 1,
            Self::CanonicalLink => 2,
            Self::Operator => 3,
            Self::Text(percent) => 100 + i64::from(*percent),
        }
    }

    fn decode(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::First),
            1 => Some(Self::PublisherId),
            2 => Some(Self::CanonicalLink),
            3 => Some(Self::Operator),
            100..=355 => u8::try_from(code - 100).ok().map(Self::Text),
            _ => None,
        }
    }
}

/// What readers see of a story; the numbers lead the index `story_shown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoryState {
    /// Nothing of it may be shown.
    Hidden,
    /// In merged feeds and digests.
    Visible,
    /// Only ever backlog: in archives.
    Backlog,
    /// Was visible; all that was shown was taken back.
    Withdrawn,
}

codes!(StoryState: 0 Hidden, 1 Visible, 2 Backlog, 3 Withdrawn);
