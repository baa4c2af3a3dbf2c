//! What an expression means: typed conditions on an entry. Takes an entry with its feed; says whether they hold. Every
//! test is linear in the text; nothing here can fail any more.

use std::cell::OnceCell;

use jiff::Timestamp;
use regex::Regex;
use unicode_normalization::UnicodeNormalization;
use url::Url;

use crate::model::ParsedEntry;

use super::html;

/// A field and the kind of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// One text or several; a test holds where it holds for one.
    Text(TextField),
    /// A count.
    Number(NumberField),
    /// Time since publication.
    Age,
    /// An instant.
    Instant(InstantField),
    /// Yes or no.
    Flag(FlagField),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextField {
    Title,
    Text,
    Summary,
    Link,
    Host,
    Author,
    Category,
    Feed,
    FeedTitle,
    Group,
    Language,
    Enclosure,
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberField {
    Words,
    TitleWords,
    Enclosures,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstantField {
    Published,
    Updated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlagField {
    Date,
    Link,
    Enclosure,
}

/// All fields by name, in the order in which they are told.
pub(super) const FIELDS: [(&str, Field); 22] = [
    ("title", Field::Text(TextField::Title)),
    ("text", Field::Text(TextField::Text)),
    ("summary", Field::Text(TextField::Summary)),
    ("link", Field::Text(TextField::Link)),
    ("host", Field::Text(TextField::Host)),
    ("author", Field::Text(TextField::Author)),
    ("category", Field::Text(TextField::Category)),
    ("feed", Field::Text(TextField::Feed)),
    ("feed_title", Field::Text(TextField::FeedTitle)),
    ("group", Field::Text(TextField::Group)),
    ("language", Field::Text(TextField::Language)),
    ("enclosure", Field::Text(TextField::Enclosure)),
    ("id", Field::Text(TextField::Id)),
    ("length", Field::Number(NumberField::Words)),
    ("title_length", Field::Number(NumberField::TitleWords)),
    ("enclosures", Field::Number(NumberField::Enclosures)),
    ("age", Field::Age),
    ("published", Field::Instant(InstantField::Published)),
    ("updated", Field::Instant(InstantField::Updated)),
    ("has_date", Field::Flag(FlagField::Date)),
    ("has_link", Field::Flag(FlagField::Link)),
    ("has_enclosure", Field::Flag(FlagField::Enclosure)),
];

/// How two values are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is asked of a text. Texts are folded, but for the regex.
#[derive(Clone, Debug)]
pub(super) enum TextTest {
    Equals(String),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    In(Vec<String>),
    Matches(Regex),
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Text(TextField, TextTest),
    Number(NumberField, Order, f64),
    Age(Order, f64),
    Instant(InstantField, Order, Timestamp),
    Flag(FlagField),
}

/// An entry with what is known of its feed, while a rule looks at it.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) entry: &'a ParsedEntry,
    pub(super) feed: &'a str,
    pub(super) feed_title: &'a str,
    pub(super) groups: &'a [String],
    /// What `published` and `age` go by.
    pub(super) published_at: Option<Timestamp>,
    pub(super) now: Timestamp,
    /// The folded text, made when first asked for.
    pub(super) folded_text: OnceCell<String>,
}

impl Condition {
    /// Whether the condition holds for `subject`. An undated entry has no age: no comparison with it holds.
    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(subject)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(subject)),
            Self::Not(part) => !part.holds(subject),
            Self::Text(field, test) => subject.any_text(*field, test),
            Self::Number(field, order, value) => order.holds(subject.number(*field), *value),
            Self::Age(order, seconds) => subject.published_at.is_some_and(|at| {
                order.holds((subject.now.as_second() - at.as_second()) as f64, *seconds)
            }),
            Self::Instant(field, order, value) => subject
                .instant(*field)
                .is_some_and(|at| order.holds(at.as_second() as f64, value.as_second() as f64)),
            Self::Flag(field) => subject.flag(*field),
        }
    }
}

impl Order {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

impl TextTest {
    /// Whether `folded` (folded), or `raw` for a regex, passes.
    fn passes(&self, raw: &str, folded: &str) -> bool {
        match self {
            Self::Equals(value) => folded == value,
            Self::Contains(value) => folded.contains(value.as_str()),
            Self::StartsWith(value) => folded.starts_with(value.as_str()),
            Self::EndsWith(value) => folded.ends_with(value.as_str()),
            Self::In(values) => values.iter().any(|value| folded == value),
            Self::Matches(regex) => regex.is_match(raw),
        }
    }
}

impl Subject<'_> {
    fn any_text(&self, field: TextField, test: &TextTest) -> bool {
        let entry = self.entry;
        let passes = |raw: &str| {
            if matches!(test, TextTest::Matches(_)) {
                test.passes(raw, "")
            } else {
                test.passes(raw, &fold(raw))
            }
        };
        match field {
            TextField::Title => passes(&entry.title),
            TextField::Text => {
                let folded = if matches!(test, TextTest::Matches(_)) {
                    ""
                } else {
                    self.folded_text.get_or_init(|| fold(&entry.text))
                };
                test.passes(&entry.text, folded)
            }
            TextField::Summary => entry
                .summary_html
                .as_ref()
                .is_some_and(|summary| passes(&html::text(summary))),
            TextField::Link => entry.link.as_deref().is_some_and(passes),
            TextField::Host => host(entry.link.as_deref()).is_some_and(|host| passes(&host)),
            TextField::Author => entry
                .authors
                .iter()
                .filter_map(|author| author.name.as_deref())
                .any(passes),
            TextField::Category => entry.categories.iter().any(|category| {
                passes(&category.term) || category.label.as_deref().is_some_and(passes)
            }),
            TextField::Feed => passes(self.feed),
            TextField::FeedTitle => passes(self.feed_title),
            TextField::Group => self.groups.iter().any(|group| passes(group)),
            TextField::Language => entry.language.as_deref().is_some_and(|tag| {
                passes(tag)
                    || tag
                        .split_once('-')
                        .is_some_and(|(primary, _)| passes(primary))
            }),
            TextField::Enclosure => entry
                .enclosures
                .iter()
                .any(|file| file.mime.as_deref().is_some_and(passes)),
            TextField::Id => entry.publisher_id.as_deref().is_some_and(passes),
        }
    }

    fn number(&self, field: NumberField) -> f64 {
        let count = match field {
            NumberField::Words => self.entry.text.split_whitespace().count(),
            NumberField::TitleWords => self.entry.title.split_whitespace().count(),
            NumberField::Enclosures => self.entry.enclosures.len(),
        };
        count as f64
    }

    fn instant(&self, field: InstantField) -> Option<Timestamp> {
        match field {
            InstantField::Published => self.published_at,
            InstantField::Updated => self.entry.updated_at,
        }
    }

    fn flag(&self, field: FlagField) -> bool {
        match field {
            FlagField::Date => self.entry.published_at.is_some(),
            FlagField::Link => self.entry.link.is_some(),
            FlagField::Enclosure => !self.entry.enclosures.is_empty(),
        }
    }
}

/// Text as the comparisons see it: NFKC, lower case, single spaces.
pub(super) fn fold(text: &str) -> String {
    let lower = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
    };
    if lower.contains(|char: char| char.is_whitespace() && char != ' ') || lower.contains("  ") {
        lower.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        lower
    }
}

/// Host of the entry's page, without `www.`.
fn host(link: Option<&str>) -> Option<String> {
    let url = Url::parse(link?).ok()?;
    let host = url.host_str()?;
    Some(host.strip_prefix("www.").unwrap_or(host).to_owned())
}
