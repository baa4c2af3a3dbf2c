//! What parsing makes of a document: the feed's own words, made safe, with our identity for each entry.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// HTML that the sanitiser has passed; only `parse` makes it, everyone else may print it unescaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SafeHtml(String);

impl SafeHtml {
    /// Marks `html` as made safe. To be called by `parse` after sanitising and by `store` on what it kept.
    #[must_use]
    pub fn vouched(html: String) -> Self {
        Self(html)
    }

    /// The markup.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// BLAKE3 over the fields whose change matters to a reader; equal bytes give equal fingerprints, always.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .take(6)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The dialect a document was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedFormat {
    /// RSS 0.9x without RDF, and RSS 2.0.
    Rss,
    /// RSS 0.90, 1.0 and 1.1: RDF.
    Rdf,
    /// Atom 1.0 and 0.3.
    Atom,
    /// JSON Feed 1.0 and 1.1.
    Json,
    /// Microsoft's Channel Definition Format.
    Cdf,
}

/// A repair that normalising made, by name, with how often: told to the operator so that a publisher can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Stable name in kebab case, such as `bare-ampersand`.
    pub kind: String,
    /// How many times in this document.
    pub count: u32,
}

/// Who wrote an entry. The mail address is kept for identity and never published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Author {
    /// Name as a single line of text.
    pub name: Option<String>,
    /// Home page of the author.
    pub uri: Option<String>,
    /// Private: appears in no page, feed, mail or log.
    pub email: Option<String>,
}

/// A publisher's category (never our group).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Category {
    /// The term, as text.
    pub term: String,
    /// Atom's scheme or RSS's domain.
    pub scheme: Option<String>,
    /// Label for people, where it differs from the term.
    pub label: Option<String>,
}

/// A file that goes with an entry: audio, video, picture, document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Enclosure {
    /// Absolute http(s) address.
    pub url: String,
    /// Media type as declared or guessed from the address.
    pub mime: Option<String>,
    /// Length as declared.
    pub length_bytes: Option<u64>,
    /// Running time.
    pub duration_s: Option<u64>,
    /// Title of this file.
    pub title: Option<String>,
}

/// An extra link of an entry that is not its page: comments, chapters, transcript, licence, thumbnail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextLink {
    /// `comments`, `comment-feed`, `chapters`, `transcript`, `license`, `thumbnail`, `via`, `related`.
    pub rel: String,
    /// Absolute http(s) address.
    pub url: String,
    /// Media type as declared.
    pub mime: Option<String>,
}

/// Atom's `source`, or RSS's: where a republished entry came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceRef {
    /// The source feed's id.
    pub id: Option<String>,
    /// The source feed's title.
    pub title: Option<String>,
    /// The source's page.
    pub link: Option<String>,
    /// The source feed's address.
    pub feed_url: Option<String>,
}

/// What was wrong with an entry's dates. The settled instants are decided at first sight, by [`ParsedEntry::shown_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateFlag {
    /// The document gave none.
    Missing,
    /// It gave one that could not be read, or with two readings and no evidence.
    Unreadable,
    /// It lies more than ten minutes after we saw it.
    Future,
    /// It lies before 1990.
    Implausible,
}

/// One entry as parsed: clean text, safe markup, absolute addresses, our key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParsedEntry {
    /// Our identity of the entry inside its feed; derived, never random.
    pub key: String,
    /// The guid or id as published.
    pub publisher_id: Option<String>,
    /// The entry's page, absolute.
    pub link: Option<String>,
    /// Title as one line of plain text; may be empty.
    pub title: String,
    /// Authors; falls back to the feed's where the entry has none.
    pub authors: Vec<Author>,
    /// Short form, safe.
    pub summary_html: Option<SafeHtml>,
    /// Long form, safe.
    pub content_html: Option<SafeHtml>,
    /// Text rendition of the content, or of the summary: for search, similarity and mail.
    pub text: String,
    /// As claimed, where readable.
    pub published_at: Option<Timestamp>,
    /// As claimed, where readable.
    pub updated_at: Option<Timestamp>,
    /// What was wrong with the dates.
    pub date_flag: Option<DateFlag>,
    /// Attached files.
    pub enclosures: Vec<Enclosure>,
    /// The publisher's categories.
    pub categories: Vec<Category>,
    /// Other links.
    pub links: Vec<TextLink>,
    /// Where a republished entry came from.
    pub source: Option<SourceRef>,
    /// BCP 47, declared or guessed.
    pub language: Option<String>,
    /// Rights or licence text.
    pub rights: Option<String>,
    /// Hash over the fields whose change matters.
    pub fingerprint: Fingerprint,
}

impl ParsedEntry {
    /// Publication shown, fixed at first sight: never later than that ([`ParsedEntry::settled`]).
    #[must_use]
    pub fn shown_at(&self, seen_at: Timestamp) -> Timestamp {
        self.settled(seen_at).0.min(seen_at)
    }

    /// The instant to show: as claimed, unless that lies more than ten minutes after `seen_at` or before 1990; then, or
    /// when nothing is claimed, `seen_at`. To be called at first sight only: a settled instant does not move.
    #[must_use]
    pub fn settled(&self, seen_at: Timestamp) -> (Timestamp, Option<DateFlag>) {
        /// 1990-01-01T00:00:00Z: older than the web, so no entry of a feed is.
        const BEGINNING_S: i64 = 631_152_000;
        const CLOCK_SKEW_S: i64 = 600;
        let judge = |claimed: Timestamp| match claimed.as_second() {
            second if second < BEGINNING_S => Err(DateFlag::Implausible),
            second if second > seen_at.as_second().saturating_add(CLOCK_SKEW_S) => {
                Err(DateFlag::Future)
            }
            _ => Ok(claimed),
        };
        // A bad date of publication never hides a good one of change.
        match (self.published_at.map(judge), self.updated_at.map(judge)) {
            (Some(Ok(claimed)), _) | (None | Some(Err(_)), Some(Ok(claimed))) => {
                (claimed, self.date_flag)
            }
            (Some(Err(flag)), _) | (None, Some(Err(flag))) => (seen_at, Some(flag)),
            (None, None) => (seen_at, self.date_flag.or(Some(DateFlag::Missing))),
        }
    }
}

/// What the document itself says on when to come back (R3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollHints {
    /// RSS `ttl`, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
    /// RSS `skipHours`: bit n for hour n UTC; never all 24.
    pub skip_hours: u32,
    /// RSS `skipDays`: bit 0 for Monday … bit 6 for Sunday; never all 7.
    pub skip_days: u8,
    /// `sy:updatePeriod` divided by `sy:updateFrequency`, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_period_s: Option<u64>,
    /// `itunes:new-feed-url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_feed_url: Option<String>,
    /// RFC 5005 `prev-archive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_archive_url: Option<String>,
    /// RFC 5005 `next` of a paged feed, or JSON Feed `next_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_url: Option<String>,
    /// RFC 5005 `fh:complete`.
    pub complete: bool,
    /// JSON Feed `expired`.
    pub expired: bool,
    /// WebSub hubs found in the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hub_urls: Vec<String>,
    /// `rel=self` of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_url: Option<String>,
}

/// What parsing makes of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParsedFeed {
    /// The dialect.
    pub format: FeedFormat,
    /// The encoding that the bytes were read in, WHATWG name.
    pub encoding: String,
    /// The feed's own id, where it has one.
    pub publisher_id: Option<String>,
    /// Title as one line of text.
    pub title: Option<String>,
    /// Description or subtitle as text.
    pub description: Option<String>,
    /// The site that the feed belongs to.
    pub site_url: Option<String>,
    /// The feed's authors.
    pub authors: Vec<Author>,
    /// The feed's categories.
    pub categories: Vec<Category>,
    /// BCP 47.
    pub language: Option<String>,
    /// Icon, else logo or image.
    pub icon_url: Option<String>,
    /// Rights or licence text.
    pub rights: Option<String>,
    /// The feed's claimed date of last change.
    pub updated_at: Option<Timestamp>,
    /// When to come back.
    pub hints: PollHints,
    /// In document order, each key once.
    pub entries: Vec<ParsedEntry>,
    /// What had to be repaired.
    pub repairs: Vec<Repair>,
}
