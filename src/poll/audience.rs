//! Who reads a feed: subscribers of digests that draw from it, counted where the operator tells publishers (R2.26). Each
//! mailbox counts once, and only while it gets mail; readers of pages and merged feeds are nobody's to count.

use std::collections::{HashMap, HashSet};

use crate::config::{Config, DigestConfig, FeedConfig};
use crate::model::{SubscriberRecord, mailbox_key};

/// What decides which digests carry a feed to whom.
#[derive(Debug)]
pub(super) struct Audience {
    digests: Vec<Drawn>,
    /// Key and groups of each feed.
    feeds: Vec<(String, Vec<String>)>,
}

/// A digest, with what it draws from.
#[derive(Debug)]
struct Drawn {
    name: String,
    groups: Vec<String>,
    feeds: Vec<String>,
    /// Groups that the config gives to a mailbox, by its key.
    written: HashMap<String, Vec<String>>,
}

impl Audience {
    /// Of `config`; none where publishers are not to be told.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let drawn = |digest: &DigestConfig| {
            let publish = config.publish.get(&digest.publish)?;
            let written = digest.subscribers.iter();
            let written =
                written.map(|one| (mailbox_key(&one.mailbox.address), one.groups.clone()));
            Some(Drawn {
                name: digest.name.clone(),
                groups: publish.groups.clone(),
                feeds: publish.feeds.clone(),
                written: written.collect(),
            })
        };
        let named = |feed: &FeedConfig| (feed.key.clone(), feed.groups.clone());
        config.fetch.name_subscribers.then(|| Self {
            digests: config.digests.values().filter_map(drawn).collect(),
            feeds: config.feeds.iter().map(named).collect(),
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
        let served: Vec<Served> = self
            .digests
            .iter()
            .zip(subscribers)
            .map(Served::of)
            .collect();
        let counted = |(key, groups): &(String, Vec<String>)| {
            let mut readers: HashSet<&str> = HashSet::new();
            for served in served
                .iter()
                .filter(|served| served.digest.draws(key, groups))
            {
                readers.extend(served.of_all.iter().map(String::as_str));
                let these = groups.iter().filter_map(|group| served.by_group.get(group));
                readers.extend(these.flatten().map(String::as_str));
            }
            (
                key.clone(),
                u32::try_from(readers.len()).unwrap_or(u32::MAX),
            )
        };
        self.feeds.iter().map(counted).collect()
    }
}

impl Drawn {
    fn draws(&self, key: &str, groups: &[String]) -> bool {
        let named = |group: &String| group == "*" || groups.contains(group);
        self.groups.iter().any(named) || self.feeds.iter().any(|feed| feed == key)
    }
}

/// Mailboxes that a digest goes to, by what they wish for.
struct Served<'a> {
    digest: &'a Drawn,
    of_all: Vec<String>,
    by_group: HashMap<String, Vec<String>>,
}

impl<'a> Served<'a> {
    fn of((digest, subscribers): (&'a Drawn, &Vec<SubscriberRecord>)) -> Self {
        let mut served = Self {
            digest,
            of_all: Vec::new(),
            by_group: HashMap::new(),
        };
        for one in subscribers.iter().filter(|one| one.standing.is_active()) {
            let key = mailbox_key(&one.spec.address);
            let groups = one.wishes.groups.as_ref().or(digest.written.get(&key));
            match groups.filter(|groups| !groups.is_empty()) {
                None => served.of_all.push(key),
                Some(groups) => {
                    for group in groups {
                        let there = served.by_group.entry(group.clone()).or_default();
                        there.push(key.clone());
                    }
                }
            }
        }
        served
    }
}
