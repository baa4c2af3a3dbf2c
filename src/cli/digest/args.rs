//! What may be written after `feedmill digest`.

use clap::{Args, Subcommand};

/// Looks at digests and acts on them.
#[derive(Args, Clone, Debug)]
pub struct DigestArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: DigestVerb,
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
    /// Shows the coming edition without changing anything.
    Preview {
        /// The digest.
        name: String,
        /// The HTML part.
        #[arg(long, conflicts_with_all = ["text", "eml"])]
        html: bool,
        /// The text part; this is the default.
        #[arg(long, conflicts_with = "eml")]
        text: bool,
        /// The whole mail.
        #[arg(long)]
        eml: bool,
        /// As this subscriber (row number) gets it.
        #[arg(long, value_name = "N")]
        subscriber: Option<i64>,
    },
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
