//! What may be written about what goes out: merged feeds, digests, mail, retention. The other half of `raw`, under the
//! same rules: descriptions and defaults are stated here and nowhere else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Size, Span};

/// A merged feed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Publish {
    /// For people. Unset: the name.
    pub(in crate::config) title: Option<String>,
    /// A sentence about it, for people.
    pub(in crate::config) description: Option<String>,
    /// Groups it draws from; "*" is all. Where `feeds` is set and this is not, no group.
    pub(in crate::config) groups: Vec<String>,
    /// Single feeds, by name; one without a name is named by its address without the scheme.
    pub(in crate::config) feeds: Vec<String>,
    /// Rules for what it shows.
    pub(in crate::config) filters: Vec<String>,
    /// Most entries.
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::config) limit: u32,
    /// Most entries of one feed; 0 is no limit.
    #[schemars(range(min = 0, max = 10_000))]
    pub(in crate::config) per_feed: u32,
    /// A document takes no further entry once it is about this large.
    pub(in crate::config) max_size: Size,
    /// Oldest entry. Unset: no limit.
    pub(in crate::config) max_age: Option<Span>,
    /// Forms in which it is published.
    pub(in crate::config) formats: Vec<Format>,
    /// How much of each entry.
    pub(in crate::config) content: Content,
    /// Words that entries must hold, as on the search page.
    pub(in crate::config) search: Option<String>,
    /// Entries that their publisher takes back are withdrawn, with a tombstone (RFC 6721) in the Atom document.
    pub(in crate::config) tombstones: bool,
    /// WebSub hubs to tell of news; "self" is the built-in one.
    pub(in crate::config) hub: Vec<String>,
    /// Folder to write the finished files to, for another web server; or "s3://BUCKET/PREFIX".
    pub(in crate::config) files: Option<String>,
    /// Language of its page. Unset: `language`.
    pub(in crate::config) language: Option<String>,
    /// Time zone of its page. Unset: `timezone`.
    pub(in crate::config) timezone: Option<String>,
    /// Names it had before; their addresses lead here.
    pub(in crate::config) former_names: Vec<String>,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            title: None,
            description: None,
            groups: vec!["*".into()],
            feeds: Vec::new(),
            filters: Vec::new(),
            limit: 50,
            per_feed: 0,
            max_size: Size("250KiB".into()),
            max_age: None,
            formats: vec![Format::Atom, Format::Rss, Format::Json, Format::Html],
            content: Content::Full,
            search: None,
            tombstones: false,
            hub: Vec::new(),
            files: None,
            language: None,
            timezone: None,
            former_names: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Format {
    Atom,
    Rss,
    Json,
    Html,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Content {
    Full,
    Summary,
    Title,
}

/// A digest.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Digest {
    /// When: minute, hour, day of month, month, day of week, as in crontab.
    pub(in crate::config) cron: String,
    /// Sender, as in "News <news@example.org>".
    pub(in crate::config) from: String,
    /// Merged feed it draws from.
    #[serde(default = "all")]
    pub(in crate::config) publish: String,
    /// For people. Unset: the merged feed's title.
    #[serde(default)]
    pub(in crate::config) title: Option<String>,
    /// Time zone of `cron`. Unset: `timezone` of the config.
    #[serde(default)]
    pub(in crate::config) timezone: Option<String>,
    /// Language of the mail. Unset: `language` of the config.
    #[serde(default)]
    pub(in crate::config) language: Option<String>,
    /// Where replies go.
    #[serde(default)]
    pub(in crate::config) reply_to: Option<String>,
    /// Subject, with places for {list}, {n}, {date} and {top}. Unset: that of the language.
    #[serde(default)]
    pub(in crate::config) subject: Option<String>,
    /// How much of each story, never more than the merged feed shows; less where the mail would be too large.
    #[serde(default = "summary")]
    pub(in crate::config) content: Content,
    /// Stories shown; the rest is counted.
    #[serde(default = "max_stories")]
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::config) max_stories: u32,
    /// Most stories of one feed; 0 is no limit.
    #[serde(default = "per_feed")]
    #[schemars(range(min = 0, max = 1000))]
    pub(in crate::config) per_feed: u32,
    /// What happens when there is nothing new.
    #[serde(default)]
    pub(in crate::config) empty: Empty,
    /// How the mail is divided.
    #[serde(default)]
    pub(in crate::config) sections: Division,
    /// Largest HTML part in bytes as sent; some mailboxes cut what is longer than about 100000.
    #[serde(default = "max_bytes")]
    #[schemars(range(min = 10_000, max = 10_000_000))]
    pub(in crate::config) max_bytes: u32,
    /// A section that tells what was changed in stories of earlier editions.
    #[serde(default)]
    pub(in crate::config) corrections: bool,
    /// Postal address or contact for the foot of the mail.
    #[serde(default)]
    pub(in crate::config) footer: Option<String>,
    /// Subscribers may change their subscription by a link in each mail: pause, groups, time zone, language.
    #[serde(default)]
    pub(in crate::config) self_service: bool,
    /// Anybody may subscribe on the page /subscribe, once they confirm a link in a mail. Needs `self_service`.
    #[serde(default)]
    pub(in crate::config) sign_up: bool,
    /// Who gets it.
    #[serde(default)]
    pub(in crate::config) to: Vec<String>,
    /// Who gets it, with wishes of their own.
    #[serde(default)]
    pub(in crate::config) subscriber: Vec<Subscriber>,
}

fn all() -> String {
    "all".into()
}

fn summary() -> Content {
    Content::Summary
}

fn max_stories() -> u32 {
    50
}

fn per_feed() -> u32 {
    10
}

fn max_bytes() -> u32 {
    90_000
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Empty {
    #[default]
    Skip,
    Send,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Division {
    #[default]
    Group,
    Feed,
    None,
}

/// A subscriber.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Subscriber {
    /// As in "Bình <binh@example.org>".
    pub(in crate::config) address: String,
    /// Language of their mail. Unset: the digest's.
    #[serde(default)]
    pub(in crate::config) language: Option<String>,
    /// Time zone of the dates in their mail. Unset: the digest's.
    #[serde(default)]
    pub(in crate::config) timezone: Option<String>,
    /// Only these groups. Empty: all of the merged feed.
    #[serde(default)]
    pub(in crate::config) groups: Vec<String>,
    /// Rules on top of the merged feed's.
    #[serde(default)]
    pub(in crate::config) filters: Vec<String>,
}

/// How mail leaves: exactly one of smtp, lmtp, maildir and sendmail.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Mail {
    /// Mail server, as in "smtp.example.org:587". Port unset: 587, 465 with implicit TLS, 25 without TLS.
    pub(in crate::config) smtp: Option<String>,
    /// Address and port, or "unix:" and a path, of a server that speaks LMTP.
    pub(in crate::config) lmtp: Option<String>,
    /// Folder to put messages in instead of sending them.
    pub(in crate::config) maildir: Option<String>,
    /// Program that takes a message, as /usr/sbin/sendmail does.
    pub(in crate::config) sendmail: Option<String>,
    /// "none" is allowed to this machine only.
    pub(in crate::config) tls: Tls,
    /// Login at the mail server.
    pub(in crate::config) username: Option<String>,
    /// Password: name of a systemd credential.
    pub(in crate::config) password_credential: Option<String>,
    /// Password: a file that holds it.
    pub(in crate::config) password_file: Option<String>,
    /// Password: an environment variable that holds it.
    pub(in crate::config) password_env: Option<String>,
    /// Certificates (PEM) to trust for the mail server besides the system's.
    pub(in crate::config) ca_certificate: Option<String>,
    /// Name we greet the mail server with. Unset: the domain of the sender.
    pub(in crate::config) hello: Option<String>,
    /// Connections at once.
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::config) connections: u32,
    /// Messages on one connection.
    #[schemars(range(min = 1, max = 100_000))]
    pub(in crate::config) per_connection: u32,
    /// Messages a minute; 0 is no limit.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(in crate::config) rate_per_minute: u32,
    /// One sender address per recipient, so that a bounce tells whom it is about.
    pub(in crate::config) verp: bool,
    /// Address that bounces go to. Unset: the digest's sender.
    pub(in crate::config) bounce_address: Option<String>,
    /// Maildir in which bounces arrive.
    pub(in crate::config) bounce_maildir: Option<String>,
    /// Signing.
    pub(in crate::config) dkim: Option<Dkim>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            smtp: None,
            lmtp: None,
            maildir: None,
            sendmail: None,
            tls: Tls::Starttls,
            username: None,
            password_credential: None,
            password_file: None,
            password_env: None,
            ca_certificate: None,
            hello: None,
            connections: 2,
            per_connection: 100,
            rate_per_minute: 0,
            verp: false,
            bounce_address: None,
            bounce_maildir: None,
            dkim: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Tls {
    Starttls,
    Implicit,
    None,
}

/// DKIM signing.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Dkim {
    /// Signing domain.
    pub(in crate::config) domain: String,
    /// Selector: the key is published at SELECTOR._domainkey.DOMAIN.
    pub(in crate::config) selector: String,
    /// Private key (PEM, RSA or Ed25519): name of a systemd credential.
    #[serde(default)]
    pub(in crate::config) key_credential: Option<String>,
    /// Private key: a file that holds it.
    #[serde(default)]
    pub(in crate::config) key_file: Option<String>,
    /// Private key: an environment variable that holds it.
    #[serde(default)]
    pub(in crate::config) key_env: Option<String>,
}

/// Object storage for `files = "s3://BUCKET/PREFIX"`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct S3 {
    /// Address of the storage. Unset: Amazon's.
    pub(in crate::config) endpoint: Option<String>,
    /// Region that requests are signed for.
    pub(in crate::config) region: String,
    /// Access key: its id, which is no secret.
    pub(in crate::config) access_key: Option<String>,
    /// Secret key: name of a systemd credential.
    pub(in crate::config) secret_key_credential: Option<String>,
    /// Secret key: a file that holds it.
    pub(in crate::config) secret_key_file: Option<String>,
    /// Secret key: an environment variable that holds it.
    pub(in crate::config) secret_key_env: Option<String>,
    /// Time that one request may take.
    pub(in crate::config) timeout: Span,
}

impl Default for S3 {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: "us-east-1".into(),
            access_key: None,
            secret_key_credential: None,
            secret_key_file: None,
            secret_key_env: None,
            timeout: Span("30s".into()),
        }
    }
}

/// How long things are kept.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Retention {
    /// Older stories leave the database.
    pub(in crate::config) max_age: Span,
    /// How long it is remembered that they were seen, so that they do not come back.
    pub(in crate::config) keep_seen: Span,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_age: Span("400d".into()),
            keep_seen: Span("3y".into()),
        }
    }
}
