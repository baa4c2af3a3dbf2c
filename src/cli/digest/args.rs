//! What may be written after `feedmill digest`.

use clap::{Args, Subcommand};

/// Looks at digests and acts on them.
#[derive(Args, Clone, Debug)]
pub struct DigestArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: DigestVerb,
}

/// What `preview` looks at.
#[derive(Args, Clone, Debug)]
pub struct PreviewArgs {
    /// The digest.
    pub name: String,
    /// Which part; the text where none is named.
    #[command(flatten)]
    pub part: PartArgs,
    /// As this subscriber (address or row number) gets it.
    #[arg(long, value_name = "WHO")]
    pub subscriber: Option<String>,
    /// The window of this past edition, as it would come out today.
    #[arg(long, value_name = "N")]
    pub edition: Option<i64>,
    /// The stories after the first sequence number, up to the second.
    #[arg(long, value_name = "AFTER..UNTIL", value_parser = window, conflicts_with = "edition")]
    pub window: Option<(i64, i64)>,
}

/// What `show` shows.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The edition's number, as `editions` tells it.
    pub edition: i64,
    /// Only the mail to this subscriber (address or row number), byte for byte.
    #[arg(long, value_name = "WHO")]
    pub subscriber: Option<String>,
    /// Which part of that mail; all of it where none is named.
    #[command(flatten)]
    pub part: PartArgs,
    /// The web copy instead.
    #[arg(long, conflicts_with_all = ["subscriber", "json"])]
    pub web: bool,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Part of a mail.
#[derive(Args, Clone, Debug)]
pub struct PartArgs {
    /// The HTML part.
    #[arg(long, conflicts_with_all = ["text", "eml"])]
    html: bool,
    /// The text part.
    #[arg(long, conflicts_with = "eml")]
    text: bool,
    /// The whole mail.
    #[arg(long)]
    eml: bool,
}

/// Part of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Html,
    Text,
    Eml,
}

impl Part {
    /// Its media type.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::Text => "text/plain",
            Self::Eml => "message/rfc822",
        }
    }
}

impl PartArgs {
    /// The part named.
    pub(super) fn chosen(&self) -> Option<Part> {
        [
            (self.html, Part::Html),
            (self.text, Part::Text),
            (self.eml, Part::Eml),
        ]
        .into_iter()
        .find_map(|(named, part)| named.then_some(part))
    }
}

fn window(text: &str) -> Result<(i64, i64), String> {
    let read = |word: &str| word.trim().parse().ok();
    text.split_once("..")
        .and_then(|(after, until)| Some((read(after)?, read(until)?)))
        .filter(|(after, until)| after <= until)
        .ok_or_else(|| "write two sequence numbers, as in 120..180".to_owned())
}

/// What to do.
#[derive(Subcommand, Clone, Debug)]
pub enum DigestVerb {
    /// When the next editions come.
    Next {
        /// The digest.
        name: String,
        /// How many.
        #[arg(short = 'n', default_value_t = 5)]
        count: usize,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows the coming edition, or another window, without changing anything.
    Preview(PreviewArgs),
    /// Shows what an edition sent, from the bytes that were stored.
    Show(ShowArgs),
    /// Freezes an edition now, for the daemon to deliver.
    Send {
        /// The digest.
        name: String,
        /// Only one test copy to this address; nothing is recorded.
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
    },
    /// Editions so far, newest first.
    Editions {
        /// The digest.
        name: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Who gets it.
    Subscribers {
        /// The digest.
        name: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Takes a subscriber back who had left, rested or bounced.
    Resume {
        /// The digest.
        name: String,
        /// The subscriber's address.
        address: String,
    },
    /// Unsubscribes an address; it stays so whatever the config says.
    Unsubscribe {
        /// The digest.
        name: String,
        /// The subscriber's address.
        address: String,
    },
}
