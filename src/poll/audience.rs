//! Who reads a feed: subscribers of digests that draw from it, counted where the operator tells publishers (R2.26). Each
//! mailbox counts once, and only while it gets mail; readers of pages and merged feeds are nobody's to count.

use std::collections::{HashMap, HashSet};

use crate::config::{Config, DigestConfig, FeedConfig, Offer};
use crate::model::{SubscriberRecord, mailbox_key};

/// What decides which digests carry a feed to whom.
#[derive(Debug)]
pub(super) struct Audience {
    digests: Vec<Served>,
    feeds: Vec<Carried>,
}

/// A digest, and what decides who of its subscribers wants what.
#[derive(Debug)]
struct Served {
    name: String,
    /// Groups that the config gives to a mailbox, by its key.
    written: HashMap<String, Vec<String>>,
    offer: Offer,
}

/// A feed, and the digests that draw from it, as indices.
#[derive(Debug)]
struct Carried {
    key: String,
    groups: Vec<String>,
    digests: Vec<usize>,
}

impl Audience {
    /// Of `config`; none where publishers are not to be told.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let carried = |feed: &FeedConfig| {
            let draws = |digest: &DigestConfig| {
                let publish = config.publish.get(&digest.publish);
                publish.is_some_and(|publish| publish.draws(&feed.key, &feed.groups))
            };
            let digests = config.digests.values().enumerate();
            Carried {
                key: feed.key.clone(),
                groups: feed.groups.clone(),
                digests: digests
                    .filter(|(_, digest)| draws(digest))
                    .map(|(index, _)| index)
                    .collect(),
            }
        };
        config.fetch.name_subscribers.then(|| Self {
            digests: config
                .digests
                .values()
                .map(|digest| Served::of(config, digest))
                .collect(),
            feeds: config.feeds.iter().map(carried).collect(),
        })
    }

    /// Names of the digests whose subscribers count.
    pub(super) fn digests(&self) -> Vec<String> {
        self.digests
            .iter()
            .map(|digest| digest.name.clone())
            .collect()
    }

    /// Readers by feed, of the subscribers stored of each of [`Self::digests`].
    pub(super) fn count(&self, subscribers: &[Vec<SubscriberRecord>]) -> HashMap<String, u32> {
        let digests = self.digests.iter().zip(subscribers);
        let readers: Vec<Readers> = digests.map(Readers::of).collect();
        let counted = |feed: &Carried| {
            let mut each: HashSet<&str> = HashSet::new();
            for readers in feed.digests.iter().filter_map(|index| readers.get(*index)) {
                each.extend(readers.of_all.iter().map(String::as_str));
                let of_group = |group| readers.by_group.get(group);
                let these = feed.groups.iter().filter_map(of_group);
                each.extend(these.flatten().map(String::as_str));
            }
            (
                feed.key.clone(),
                u32::try_from(each.len()).unwrap_or(u32::MAX),
            )
        };
        self.feeds.iter().map(counted).collect()
    }
}

impl Served {
    fn of(config: &Config, digest: &DigestConfig) -> Self {
        let written = digest.subscribers.iter();
        let written = written.map(|one| (mailbox_key(&one.mailbox.address), one.groups.clone()));
        Self {
            name: digest.name.clone(),
            written: written.collect(),
            offer: config.offer(digest),
        }
    }

    /// The groups that the subscriber with the mailbox `key` gets; empty is all of them.
    fn groups_of(&self, one: &SubscriberRecord, key: &str) -> Vec<String> {
        match &one.wishes.groups {
            Some(chosen) => self.offer.heeded(chosen),
            None => self.written.get(key).cloned().unwrap_or_default(),
        }
    }
}

/// Mailboxes that a digest goes to, by what they wish for.
#[derive(Default)]
struct Readers {
    of_all: Vec<String>,
    by_group: HashMap<String, Vec<String>>,
}

impl Readers {
    fn of((digest, subscribers): (&Served, &Vec<SubscriberRecord>)) -> Self {
        let mut readers = Self::default();
        for one in subscribers.iter().filter(|one| one.standing.is_active()) {
            let key = mailbox_key(&one.spec.address);
            let groups = digest.groups_of(one, &key);
            if groups.is_empty() {
                readers.of_all.push(key);
                continue;
            }
            for group in groups {
                readers.by_group.entry(group).or_default().push(key.clone());
            }
        }
        readers
    }
}
