//! Merged feeds, digests and their subscribers, as checked values.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::{Located, Secret, Zone};
use crate::model::mailbox_key;

/// Places that a digest's subject may have: the list's title, stories, date, title of the first.
pub const SUBJECT_PLACES: [&str; 4] = ["list", "n", "date", "top"];

/// Documents of a merged feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublishFormat {
    /// `/NAME.atom`
    Atom,
    /// `/NAME.rss`
    Rss,
    /// `/NAME.json`
    Json,
    /// `/NAME/`
    Html,
}

/// How much of an entry a merged feed carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentMode {
    /// Content, else summary.
    Full,
    /// Summary, else the beginning of the content.
    Summary,
    /// Title and link.
    Title,
}

/// Where finished files go.
#[derive(Clone, Debug)]
pub enum Files {
    /// A folder.
    Folder(PathBuf),
    /// Object storage that speaks S3.
    Bucket(BucketConfig),
}

/// A bucket of `[s3]`.
#[derive(Clone, Debug)]
pub struct BucketConfig {
    /// Its name.
    pub name: String,
    /// What all keys begin with, without a slash at either end; empty for none.
    pub prefix: String,
    /// The storage; Amazon's when unset.
    pub endpoint: Option<Url>,
    /// Region that requests are signed for.
    pub region: String,
    /// Who asks.
    pub access_key: String,
    /// What requests are signed with.
    pub secret_key: Secret,
    /// Most time for one request.
    pub timeout: Duration,
}

/// `[publish.NAME]`
#[derive(Clone, Debug)]
pub struct PublishConfig {
    /// Name: part of the addresses.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: Option<String>,
    /// Groups it draws from; `*` is all.
    pub groups: Vec<String>,
    /// Single feeds by key.
    pub feeds: Vec<String>,
    /// Rules.
    pub filters: Vec<String>,
    /// Entries per document.
    pub limit: usize,
    /// Most entries of one feed in the document; 0 is no cap.
    pub per_feed: usize,
    /// A document takes no further entry once its content passes this many bytes.
    pub max_size: u64,
    /// Oldest entry.
    pub max_age: Option<Duration>,
    /// Documents.
    pub formats: Vec<PublishFormat>,
    /// How much of an entry.
    pub content: ContentMode,
    /// Saved search instead of a plain selection.
    pub search: Option<String>,
    /// What publishers take back leaves, with a tombstone in the Atom document.
    pub tombstones: bool,
    /// WebSub hubs to ping; `self` is the built-in one.
    pub hubs: Vec<String>,
    /// Where the finished files go.
    pub files: Option<Files>,
    /// Language of its page; the config's where unset.
    pub language: String,
    /// Zone of its page; the config's where unset.
    pub timezone: Zone,
    /// Names it had before: 301 from there.
    pub former_names: Vec<String>,
}

impl PublishConfig {
    /// Does it draw from the feed with `key`, which is in `groups`?
    #[must_use]
    pub fn draws(&self, key: &str, groups: &[String]) -> bool {
        let named = |group: &String| group == "*" || groups.contains(group);
        self.groups.iter().any(named) || self.feeds.iter().any(|feed| feed == key)
    }
}

/// `[digest.NAME]`
#[derive(Clone, Debug)]
pub struct DigestConfig {
    /// Name.
    pub name: String,
    /// For people; default the merged feed's title.
    pub title: String,
    /// Merged feed it draws from.
    pub publish: String,
    /// Five fields, crontab's meaning; checked by `schedule::cron`.
    pub cron: Located<String>,
    /// Zone of the schedule.
    pub timezone: Zone,
    /// Language of the mail.
    pub language: String,
    /// `Name <address>`.
    pub from: Mailbox,
    /// Replies.
    pub reply_to: Option<Mailbox>,
    /// Subject template; none for the language's own.
    pub subject: Option<Located<String>>,
    /// How much of each story; the merged feed's own bound holds too.
    pub content: ContentMode,
    /// Stories shown; the rest is "and N more".
    pub max_stories: usize,
    /// Most stories of one feed; 0 is no cap.
    pub per_feed: usize,
    /// What an empty day does.
    pub empty: EmptyPolicy,
    /// Sections by.
    pub sections: Sections,
    /// Most encoded bytes of the HTML part.
    pub max_bytes: usize,
    /// Whether later edits of stories that an edition carried are told in a section of their own.
    pub corrections: bool,
    /// Postal address or contact shown in the footer.
    pub footer: Option<String>,
    /// Whether subscribers may help themselves, by a link in each mail.
    pub self_service: bool,
    /// Whether anybody may become a subscriber, by the page and a link in a mail.
    pub sign_up: bool,
    /// Who gets it: `to` and `[[subscriber]]`, each address once.
    pub subscribers: Vec<SubscriberConfig>,
}

impl DigestConfig {
    /// What the config says for a mailbox, by its [`mailbox_key`].
    #[must_use]
    pub fn subscriber(&self, key: &str) -> Option<&SubscriberConfig> {
        self.subscribers
            .iter()
            .find(|wishes| mailbox_key(&wishes.mailbox.address) == key)
    }
}

/// Groups that a digest's subscribers may choose among.
#[derive(Clone, Debug)]
pub struct Offer(pub(super) Vec<String>);

impl Offer {
    /// Of the groups that a subscriber `chose`, those that are still there; empty is all: of groups that are all gone,
    /// everything is left.
    #[must_use]
    pub fn heeded(&self, chose: &[String]) -> Vec<String> {
        let chose = chose.iter();
        chose
            .filter(|group| self.0.contains(group))
            .cloned()
            .collect()
    }
}

/// What an empty day does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyPolicy {
    /// No mail; the edition is recorded as empty.
    Skip,
    /// A short mail that says so.
    Send,
}

/// How a digest is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sections {
    /// By group.
    Group,
    /// By feed.
    Feed,
    /// Not.
    None,
}

/// A mail address with a display name.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name.
    pub name: Option<String>,
    /// Address, checked, domain in lower case.
    pub address: String,
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox(…)")
    }
}

/// `[[digest.NAME.subscriber]]`
#[derive(Clone, Debug)]
pub struct SubscriberConfig {
    /// Whom.
    pub mailbox: Mailbox,
    /// Language of their mail.
    pub language: String,
    /// Their zone.
    pub timezone: Zone,
    /// Only these groups; empty is all of the merged feed's.
    pub groups: Vec<String>,
    /// Rules on top of the merged feed's.
    pub filters: Vec<String>,
}
