//! A body becomes entries ready for the store: parsed, judged by the rules, keyed for stories, away from the tasks that
//! wait for sockets. A panic in here is an outcome of that feed and of nothing else.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use url::Url;

use super::{FeedSettings, Shared};
use crate::filter::{RuleScene, Rules};
use crate::model::{
    FeedMeta, FeedState, IncomingEntry, ParsedEntry, ParsedFeed, PollTrouble, TroubleClass,
};
use crate::parse::{ParseContext, ParseError, parse};
use crate::schedule::{Document, EntryTrace, entry_mark};
use crate::story::Matcher;

/// What a body turned out to be.
pub(super) enum Reading {
    /// The one we know (R1.15).
    Same,
    /// A feed.
    Feed(Box<Read>),
    /// Nothing to be read.
    Nothing(PollTrouble),
}

/// A document, read.
pub(super) struct Read {
    pub(super) document: Document,
    pub(super) meta: FeedMeta,
    pub(super) entries: Vec<IncomingEntry>,
}

/// What reading needs, owned, since it happens on another thread.
struct Work {
    body: Bytes,
    known_hash: Option<[u8; 32]>,
    context: ParseContext,
    feed: String,
    groups: Vec<String>,
    settings: Arc<FeedSettings>,
    rules: Rules,
    matcher: Matcher,
    now: Timestamp,
}

/// Reads `body`, which came with `(content type, address)`.
pub(super) async fn read(
    shared: &Shared,
    state: &FeedState,
    body: Bytes,
    (content_type, base_url): (Option<String>, String),
    now: Timestamp,
) -> Reading {
    let Ok(_core) = shared.cores.acquire().await else {
        return Reading::Nothing(trouble(TroubleClass::Internal, "polling is being stopped"));
    };
    let work = Work {
        body,
        known_hash: state.body_hash,
        context: ParseContext {
            content_type,
            base_url: Some(base_url),
        },
        feed: state.key.clone(),
        groups: state.groups.clone(),
        settings: Arc::clone(shared.parts.settings.feed(&state.key)),
        rules: shared.parts.rules.clone(),
        matcher: shared.parts.matcher.clone(),
        now,
    };
    match tokio::task::spawn_blocking(move || work.run()).await {
        Ok(reading) => reading,
        Err(_) => Reading::Nothing(trouble(
            TroubleClass::Parse,
            "reading the document ended in a bug of ours: please report the feed's address",
        )),
    }
}

impl Work {
    fn run(self) -> Reading {
        let body_hash = *blake3::hash(&self.body).as_bytes();
        if self.known_hash == Some(body_hash) {
            return Reading::Same;
        }
        match parse(&self.body, &self.context) {
            Ok(parsed) => Reading::Feed(Box::new(self.judged(parsed, body_hash))),
            Err(error) => Reading::Nothing(unread(&error, self.context.base_url.as_deref())),
        }
    }

    fn judged(self, parsed: ParsedFeed, body_hash: [u8; 32]) -> Read {
        let ParsedFeed {
            format,
            hints,
            repairs,
            entries,
            ..
        } = parsed;
        let meta = FeedMeta {
            publisher_id: parsed.publisher_id,
            title: parsed.title,
            description: parsed.description,
            site_url: parsed.site_url,
            language: parsed.language,
            icon_url: parsed.icon_url,
            rights: parsed.rights,
            authors: parsed.authors,
            categories: parsed.categories,
            updated_at: parsed.updated_at,
        };
        let traces = entries.iter().map(|entry| EntryTrace {
            mark: entry_mark(&entry.key),
            dated_at: entry.published_at.or(entry.updated_at),
        });
        let document = Document {
            body_hash,
            hints,
            entries: traces.collect(),
            format: Some(format),
            repairs,
        };
        let entries = entries
            .into_iter()
            .map(|entry| self.incoming(entry, &meta))
            .collect();
        Read {
            document,
            meta,
            entries,
        }
    }

    /// Rules first: they may rewrite what the keys are made of.
    fn incoming(&self, mut entry: ParsedEntry, meta: &FeedMeta) -> IncomingEntry {
        let scene = RuleScene {
            feed: &self.feed,
            groups: &self.groups,
            meta,
            now: self.now,
        };
        let (verdict, tags) = self.rules.apply(&self.settings.filters, &mut entry, scene);
        let keys = self.matcher.keys(&entry, meta.site_url.as_deref());
        IncomingEntry {
            entry,
            verdict,
            tags,
            keys,
        }
    }
}

/// Stands before the address of a feed that a web page names.
const NAMES: &str = "; it names ";
/// Stands after it.
const TRY: &str = ": try `feedmill discover`";

/// The feed that the web page of this trouble names.
#[must_use]
pub fn replacement_named(trouble: &PollTrouble) -> Option<&str> {
    let (_, rest) = trouble.text.split_once(NAMES)?;
    rest.strip_suffix(TRY)
}

/// A document that could not be read, for people; entries and validators stay (R2.19).
fn unread(error: &ParseError, base_url: Option<&str>) -> PollTrouble {
    match error {
        ParseError::WebPage { feeds } => match feeds.first() {
            Some(feed) => {
                let base = base_url.and_then(|base| Url::parse(base).ok());
                let feed = base
                    .and_then(|base| base.join(feed).ok())
                    .map_or_else(|| feed.clone(), String::from);
                trouble(
                    TroubleClass::NotAFeed,
                    &format!("a web page came instead of a feed{NAMES}{feed}{TRY}"),
                )
            }
            None => trouble(TroubleClass::NotAFeed, "a web page came instead of a feed"),
        },
        ParseError::Empty | ParseError::NotAFeed(_) => {
            trouble(TroubleClass::NotAFeed, &error.to_string())
        }
        ParseError::Unreadable(_) => trouble(TroubleClass::Parse, &error.to_string()),
    }
}

fn trouble(class: TroubleClass, text: &str) -> PollTrouble {
    PollTrouble {
        class,
        status: None,
        text: text.to_owned(),
    }
}
