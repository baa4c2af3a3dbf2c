//! The words of the glossary as values: what stages take from and hand to each other.
//! Nothing here does anything; a value that needs a library's type to be understood does not belong here.

mod address;
mod counters;
mod entry;
mod feed;
mod gist;
mod history;
mod icon;
mod mail;
mod poll;
mod push;
mod sign_up;
mod story;
mod subscriber;
mod withdrawal;

pub use address::{AddressChange, MoveReason};
pub use counters::{DelayEstimate, PollCounters};
pub use entry::{
    Author, Category, DateFlag, Enclosure, FeedFormat, Fingerprint, ParsedEntry, ParsedFeed,
    PollHints, Repair, SafeHtml, SourceRef, TextLink,
};
pub use feed::{
    FeedId, FeedMeta, FeedSpec, FeedStanding, FeedState, PollMemory, PollReason, PollTrouble,
    RedirectWatch, Rhythm, SyncReport, TroubleClass, Validators,
};
pub use gist::Gist;
pub use history::{FEED_HISTORY, FeedCondition, FeedEvent, FeedEventKind, FeedHistory, FeedMark};
pub use icon::{IconAnswer, IconCommit, IconFound, IconKind, IconRef, IconWish, KnownIcon};
pub use mail::{
    Amended, Disposition, EditionId, EditionRecord, EditionStanding, FormerState, FrozenEdition,
    FrozenMessage, Mailed, MessageId, MessageStanding, MessageView, OutboxMessage, Packed,
    SubscriberId,
};
pub use poll::{
    DayCount, GapSource, HostState, PollClaim, PollCommit, PollReport, SideCommit, SideWay,
};
pub use push::{
    Delivery, DeliveryRoom, PushAnswer, PushDelivery, PushFuture, PushQuestion, PushReceipt,
    PushRenewal, PushState, Pushes,
};
pub use sign_up::{Admission, Confirmation, SignUp, SignUpMail, SignUpRecord};
pub use story::{
    Candidate, EntryHistory, EntryId, EntryView, FeedView, IncomingEntry, JoinReason, Judge,
    MatchKeys, Recognition, SearchHit, SearchQuery, SearchScope, Selection, Sighting, Standing,
    StoryId, StorySeq, StoryView, Verdict,
};
pub use subscriber::{
    BounceHistory, Held, HeldBounce, HeldMail, HeldSignUp, Roster, SubscriberOrigin,
    SubscriberRecord, SubscriberSpec, SubscriberStanding, Wishes, mailbox_key,
};
pub use withdrawal::{Listed, Missing, Tombstone, Withdrawals};
