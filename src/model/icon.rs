//! Pictures that stand for feeds: kept here and served by us, so that no page loads anything from elsewhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FeedId, Validators};

/// What a picture is, by its own first bytes. SVG is not among them: it is a document that may hold script and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IconKind {
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// ICO.
    Ico,
}

impl IconKind {
    const ALL: [Self; 5] = [Self::Png, Self::Gif, Self::Jpeg, Self::Webp, Self::Ico];

    /// Ending of a file's name, and the word in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Ico => "ico",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Ico => "image/x-icon",
        }
    }
}

/// A picture by the hash of its bytes: an address of its own for each, that may be kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IconRef {
    /// Hash of the bytes, in hex.
    pub tag: String,
    /// What it is.
    pub kind: IconKind,
}

impl IconRef {
    /// Address path on our site, without leading slash.
    #[must_use]
    pub fn path(&self) -> String {
        format!("icon/{}.{}", self.tag, self.kind.name())
    }
}

/// A feed whose picture is to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IconWish {
    /// Whose.
    pub feed: FeedId,
    /// Its key.
    pub key: String,
    /// Its address.
    pub url: String,
    /// What it says its picture is.
    pub icon_url: Option<String>,
    /// Its site.
    pub site_url: Option<String>,
}

/// What is known of an address that was asked for a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownIcon {
    /// When.
    pub asked_at: Timestamp,
    /// To ask whether it is still the same.
    pub validators: Validators,
    /// Did it have one that can be shown?
    pub shown: bool,
}

/// What an address said when it was asked for a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IconAnswer {
    /// This one.
    New {
        /// Hash and kind.
        icon: IconRef,
        /// The picture.
        bytes: Vec<u8>,
        /// Sent with it.
        validators: Validators,
    },
    /// The one that is known.
    Same,
    /// None that can be shown.
    None,
}

/// What came of looking for a feed's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IconCommit {
    /// Whose.
    pub feed: FeedId,
    /// Addresses that were asked, and what they said.
    pub asked: Vec<(String, IconAnswer)>,
    /// Where its picture is; what is known of it stays when nothing was found out.
    pub found: IconFound,
    /// When to look again.
    pub look_at: Timestamp,
}

/// Where a feed's picture is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IconFound {
    /// At this address.
    At(String),
    /// Nowhere.
    Nowhere,
    /// Nobody could be asked.
    Unknown,
}
