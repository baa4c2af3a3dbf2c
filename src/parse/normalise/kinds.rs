//! What an element means, whatever dialect it is written in, and how its content is to be read.

use super::names::Space;

/// How the content of an element is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// Text for people; markup that stands in it bare belongs to it.
    Text,
    /// A plain value; markup in it is dropped.
    Value,
    /// Further elements.
    Parts,
}

/// What an element means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    // Structure.
    Entry,
    Channel,
    // Titles.
    Title,
    DcTitle,
    MediaTitle,
    ItunesTitle,
    // Text.
    Description,
    Encoded,
    Body,
    Content,
    Summary,
    Subtitle,
    DcDescription,
    ItunesSummary,
    ItunesSubtitle,
    MediaDescription,
    // Addresses and identity.
    Link,
    AtomLink,
    OrigLink,
    Guid,
    Id,
    DcIdentifier,
    Comments,
    CommentFeed,
    Source,
    License,
    // People.
    Author,
    Creator,
    ItunesAuthor,
    Credit,
    Owner,
    Name,
    Uri,
    Email,
    // Times.
    Published,
    DcDate,
    DcIssued,
    DcModified,
    Updated,
    // Words about it.
    Category,
    Subject,
    ItunesCategory,
    Keywords,
    Language,
    Rights,
    // Files.
    Enclosure,
    MediaContent,
    MediaGroup,
    MediaPlayer,
    Thumbnail,
    ItunesImage,
    Duration,
    Transcript,
    Chapters,
    Image,
    Url,
    Icon,
    Logo,
    // When to come back.
    Ttl,
    SkipHours,
    Hour,
    SkipDays,
    Day,
    UpdatePeriod,
    UpdateFrequency,
    NewFeedUrl,
    Complete,
}

/// The meaning of a name and the reading of its content; `None` for what means nothing to us.
pub(super) fn meaning(space: Space, local: &str) -> Option<(Kind, Model)> {
    match space {
        Space::Core => core(local),
        Space::Atom => atom(local),
        Space::Dc => dublin_core(local),
        Space::Media => media(local),
        Space::Itunes => itunes(local),
        _ => module(space, local),
    }
}

fn core(local: &str) -> Option<(Kind, Model)> {
    use Model::{Parts, Text, Value};
    Some(match local {
        "item" | "entry" => (Kind::Entry, Parts),
        "channel" => (Kind::Channel, Parts),
        "title" => (Kind::Title, Text),
        "link" => (Kind::Link, Value),
        "description" | "abstract" => (Kind::Description, Text),
        "pubdate" | "published" | "issued" | "created" => (Kind::Published, Value),
        "date" => (Kind::DcDate, Value),
        "guid" => (Kind::Guid, Value),
        "id" => (Kind::Id, Value),
        "author" => (Kind::Author, Parts),
        "category" => (Kind::Category, Value),
        "enclosure" => (Kind::Enclosure, Value),
        "comments" => (Kind::Comments, Value),
        "source" => (Kind::Source, Parts),
        "content" | "fulltext" => (Kind::Content, Text),
        "encoded" | "fullitem" => (Kind::Encoded, Text),
        "body" => (Kind::Body, Text),
        "summary" => (Kind::Summary, Text),
        "subtitle" | "tagline" => (Kind::Subtitle, Text),
        "lastbuilddate" | "updated" | "modified" => (Kind::Updated, Value),
        "managingeditor" => (Kind::Author, Parts),
        "copyright" | "rights" => (Kind::Rights, Text),
        "language" => (Kind::Language, Value),
        "image" => (Kind::Image, Parts),
        "url" => (Kind::Url, Value),
        "name" => (Kind::Name, Value),
        "uri" => (Kind::Uri, Value),
        "email" => (Kind::Email, Value),
        "ttl" => (Kind::Ttl, Value),
        "skiphours" => (Kind::SkipHours, Parts),
        "hour" => (Kind::Hour, Value),
        "skipdays" => (Kind::SkipDays, Parts),
        "day" => (Kind::Day, Value),
        "logo" => (Kind::Logo, Value),
        "icon" => (Kind::Icon, Value),
        _ => return None,
    })
}

fn atom(local: &str) -> Option<(Kind, Model)> {
    use Model::{Parts, Text, Value};
    Some(match local {
        "link" => (Kind::AtomLink, Value),
        "entry" | "item" => (Kind::Entry, Parts),
        "title" => (Kind::Title, Text),
        "id" => (Kind::Id, Value),
        "updated" | "modified" => (Kind::Updated, Value),
        "published" | "issued" | "created" | "pubdate" => (Kind::Published, Value),
        "author" => (Kind::Author, Parts),
        "name" => (Kind::Name, Value),
        "uri" | "url" | "homepage" => (Kind::Uri, Value),
        "email" => (Kind::Email, Value),
        "category" => (Kind::Category, Value),
        "content" => (Kind::Content, Text),
        "summary" => (Kind::Summary, Text),
        "subtitle" | "tagline" => (Kind::Subtitle, Text),
        "description" => (Kind::Description, Text),
        "rights" | "copyright" => (Kind::Rights, Text),
        "source" => (Kind::Source, Parts),
        "icon" => (Kind::Icon, Value),
        "logo" => (Kind::Logo, Value),
        "guid" => (Kind::Guid, Value),
        "enclosure" => (Kind::Enclosure, Value),
        _ => return None,
    })
}

fn dublin_core(local: &str) -> Option<(Kind, Model)> {
    use Model::{Text, Value};
    Some(match local {
        "title" => (Kind::DcTitle, Text),
        "description" | "abstract" => (Kind::DcDescription, Text),
        "creator" | "author" => (Kind::Creator, Value),
        "date" => (Kind::DcDate, Value),
        "issued" | "created" | "available" | "datesubmitted" | "dateaccepted" => {
            (Kind::DcIssued, Value)
        }
        "modified" => (Kind::DcModified, Value),
        "subject" => (Kind::Subject, Value),
        "identifier" => (Kind::DcIdentifier, Value),
        "language" => (Kind::Language, Value),
        "rights" | "license" => (Kind::Rights, Text),
        _ => return None,
    })
}

fn media(local: &str) -> Option<(Kind, Model)> {
    use Model::{Parts, Text, Value};
    Some(match local {
        "group" => (Kind::MediaGroup, Parts),
        "content" => (Kind::MediaContent, Parts),
        "title" => (Kind::MediaTitle, Text),
        "description" => (Kind::MediaDescription, Text),
        "thumbnail" => (Kind::Thumbnail, Value),
        "player" => (Kind::MediaPlayer, Value),
        "credit" => (Kind::Credit, Value),
        "category" => (Kind::Subject, Value),
        "keywords" => (Kind::Keywords, Value),
        "license" => (Kind::License, Value),
        _ => return None,
    })
}

fn itunes(local: &str) -> Option<(Kind, Model)> {
    use Model::{Parts, Text, Value};
    Some(match local {
        "title" => (Kind::ItunesTitle, Text),
        "author" => (Kind::ItunesAuthor, Value),
        "owner" => (Kind::Owner, Parts),
        "name" => (Kind::Name, Value),
        "email" => (Kind::Email, Value),
        "summary" | "description" => (Kind::ItunesSummary, Text),
        "subtitle" => (Kind::ItunesSubtitle, Text),
        "image" => (Kind::ItunesImage, Value),
        "duration" => (Kind::Duration, Value),
        "category" => (Kind::ItunesCategory, Parts),
        "keywords" => (Kind::Keywords, Value),
        "new-feed-url" => (Kind::NewFeedUrl, Value),
        _ => return None,
    })
}

fn module(space: Space, local: &str) -> Option<(Kind, Model)> {
    use Model::{Text, Value};
    Some(match (space, local) {
        (Space::Content, "encoded") => (Kind::Encoded, Text),
        (Space::Xhtml, "body" | "div") => (Kind::Body, Text),
        (Space::Podcast, "transcript") => (Kind::Transcript, Value),
        (Space::Podcast, "chapters") => (Kind::Chapters, Value),
        (Space::Podcast, "license") => (Kind::License, Value),
        (Space::Wfw, "commentrss") => (Kind::CommentFeed, Value),
        (Space::Sy, "updateperiod") => (Kind::UpdatePeriod, Value),
        (Space::Sy, "updatefrequency") => (Kind::UpdateFrequency, Value),
        (Space::History, "complete") => (Kind::Complete, Value),
        (Space::License, "license") => (Kind::License, Value),
        (Space::Feedburner, "origlink") => (Kind::OrigLink, Value),
        _ => return None,
    })
}
