//! One config against stored entries: whether a unit would be shown in an output, and if not, why. Rules run as they do
//! on the way in, at the instant at which the entry was first seen.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::outcome::{Change, Outcome};
use super::units::{self, Unit};
use crate::config::{DigestConfig, FeedConfig, PublishConfig};
use crate::daemon::Generation;
use crate::filter::RuleScene;
use crate::model::{EntryView, FeedMeta, Judge, Standing, StoryId, Verdict};
use crate::store::{Result, Store};

/// A unit as one config would show it; or why not.
type Seen = std::result::Result<Vec<EntryView>, String>;
/// Whether a unit is in an output; its title, link and feed come from the lead.
type Place = std::result::Result<(), String>;

/// Every output of either config, merged feeds first.
pub(super) async fn compare(
    store: &Store,
    (old, new): (&Generation, &Generation),
    now: Timestamp,
    days: u16,
) -> Result<Vec<Outcome>> {
    let span = Duration::from_secs(u64::from(days) * 86_400);
    let since = now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let units = units::since(store, since).await?;
    let old = Side::of(store, old, &units).await?;
    let new = Side::of(store, new, &units).await?;
    let feeds = names(
        &old.generation.config.publish,
        &new.generation.config.publish,
    );
    let digests = names(
        &old.generation.config.digests,
        &new.generation.config.digests,
    );
    let feeds = feeds.into_iter().map(|name| ("publish", name));
    let outputs = feeds.chain(digests.into_iter().map(|name| ("digest", name)));
    Ok(outputs
        .map(|output| outcome(output, &units, &old, &new))
        .collect())
}

fn names<T>(
    old: &std::collections::BTreeMap<String, T>,
    new: &std::collections::BTreeMap<String, T>,
) -> BTreeSet<String> {
    old.keys().chain(new.keys()).cloned().collect()
}

fn outcome(
    (kind, name): (&'static str, String),
    units: &[Unit],
    old: &Side<'_>,
    new: &Side<'_>,
) -> Outcome {
    let mut outcome = Outcome {
        kind,
        name,
        before: 0,
        after: 0,
        added: Vec::new(),
        removed: Vec::new(),
    };
    for (at, unit) in units.iter().enumerate() {
        let was = old.place(kind, &outcome.name, at);
        let is = new.place(kind, &outcome.name, at);
        outcome.before += usize::from(was.is_ok());
        outcome.after += usize::from(is.is_ok());
        match (was, is) {
            (Ok(()), Err(reason)) => outcome.removed.push(old.change(unit, at, reason)),
            (Err(reason), Ok(())) => {
                outcome
                    .added
                    .push(new.change(unit, at, format!("was {reason}")))
            }
            _ => {}
        }
    }
    outcome
}

/// One config, with what it makes of every unit.
struct Side<'a> {
    generation: &'a Generation,
    seen: Vec<(Option<StoryId>, Seen)>,
    searched: HashMap<String, HashSet<StoryId>>,
}

impl<'a> Side<'a> {
    async fn of(store: &Store, generation: &'a Generation, units: &[Unit]) -> Result<Self> {
        let feeds: HashMap<&str, &FeedConfig> = generation
            .config
            .feeds
            .iter()
            .map(|feed| (feed.key.as_str(), feed))
            .collect();
        let seen = units
            .iter()
            .map(|unit| (unit.story, members(generation, &feeds, unit)))
            .collect();
        let mut searched = HashMap::new();
        let searches = generation
            .config
            .publish
            .values()
            .filter_map(|output| output.search.clone());
        let stories: Vec<StoryId> = units.iter().filter_map(|unit| unit.story).collect();
        for text in searches {
            let found = store.matching_stories(&text, stories.clone()).await?;
            searched.insert(text, found);
        }
        Ok(Self {
            generation,
            seen,
            searched,
        })
    }

    fn place(&self, kind: &str, name: &str, at: usize) -> Place {
        let config = &self.generation.config;
        if kind == "publish" {
            let output = config
                .publish
                .get(name)
                .ok_or("no merged feed of this config")?;
            return self.in_feed(output, at);
        }
        let digest = config.digests.get(name).ok_or("no digest of this config")?;
        let output = config
            .publish
            .get(&digest.publish)
            .ok_or("its merged feed is missing")?;
        self.in_feed(output, at)?;
        self.in_digest(digest, at)
    }

    fn in_feed(&self, output: &PublishConfig, at: usize) -> Place {
        let (story, members) = self.at(at)?;
        let everywhere = output.groups.iter().any(|group| group == "*");
        let drawn = |view: &EntryView| {
            output.feeds.contains(&view.feed.key) || shares(&view.feed.groups, &output.groups)
        };
        if !everywhere && !members.iter().any(drawn) {
            return Err("from no feed or group of it".to_owned());
        }
        if let Some(text) = &output.search {
            let hits = self.searched.get(text);
            if !story.is_some_and(|story| hits.is_some_and(|hits| hits.contains(&story))) {
                return Err("not found by its search".to_owned());
            }
        }
        self.judged(&output.filters, lead(self.generation, members))
    }

    /// A digest shows what any of its subscribers would get.
    fn in_digest(&self, digest: &DigestConfig, at: usize) -> Place {
        let (_, members) = self.at(at)?;
        if digest.subscribers.is_empty() {
            return Ok(());
        }
        let mut refusal = String::new();
        for subscriber in &digest.subscribers {
            let wanted = subscriber.groups.is_empty()
                || members
                    .iter()
                    .any(|view| shares(&view.feed.groups, &subscriber.groups));
            if !wanted {
                "in no group that a subscriber wants".clone_into(&mut refusal);
                continue;
            }
            match self.judged(&subscriber.filters, lead(self.generation, members)) {
                Ok(()) => return Ok(()),
                Err(reason) => refusal = reason,
            }
        }
        Err(refusal)
    }

    fn at(&self, at: usize) -> std::result::Result<(Option<StoryId>, &[EntryView]), String> {
        match self.seen.get(at) {
            Some((story, Ok(members))) => Ok((*story, members)),
            Some((_, Err(reason))) => Err(reason.clone()),
            None => Err("not stored".to_owned()),
        }
    }

    fn judged(&self, filters: &[String], lead: &EntryView) -> Place {
        match self
            .generation
            .rules
            .judge(filters, lead, lead.first_seen_at)
        {
            Verdict::Keep => Ok(()),
            Verdict::Drop { rule } => Err(format!("dropped by {rule}")),
        }
    }

    fn change(&self, unit: &Unit, at: usize, reason: String) -> Change {
        let members = self
            .at(at)
            .map_or(unit.entries.as_slice(), |(_, members)| members);
        let lead = lead(self.generation, members);
        Change {
            title: lead.entry.title.clone(),
            link: lead.entry.link.clone(),
            feed: lead.feed.key.clone(),
            reason,
        }
    }
}

fn shares(one: &[String], other: &[String]) -> bool {
    one.iter().any(|name| other.contains(name))
}

/// Who leads among `members`, which are never empty.
fn lead<'m>(generation: &Generation, members: &'m [EntryView]) -> &'m EntryView {
    let at = generation.matcher.lead(members);
    &members[at.min(members.len() - 1)]
}

/// The unit's entries that the config would show, with its groups, priorities and rewritings.
fn members(generation: &Generation, feeds: &HashMap<&str, &FeedConfig>, unit: &Unit) -> Seen {
    let mut shown = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    for view in &unit.entries {
        match judged(generation, feeds, view) {
            Ok(view) => shown.push(view),
            Err(reason) if reasons.contains(&reason) => {}
            Err(reason) => reasons.push(reason),
        }
    }
    if shown.is_empty() {
        Err(reasons.join(", "))
    } else {
        Ok(shown)
    }
}

fn judged(
    generation: &Generation,
    feeds: &HashMap<&str, &FeedConfig>,
    view: &EntryView,
) -> std::result::Result<EntryView, String> {
    let feed = feeds
        .get(view.feed.key.as_str())
        .ok_or_else(|| format!("of feed {}, which the config does not have", view.feed.key))?;
    let mut view = view.clone();
    view.standing = Standing::Shown;
    view.feed.groups.clone_from(&feed.groups);
    view.feed.priority = feed.priority;
    if let Some(title) = &feed.title {
        view.feed.title.clone_from(title);
    }
    let meta = FeedMeta {
        title: Some(view.feed.title.clone()),
        ..FeedMeta::default()
    };
    let scene = RuleScene {
        feed: &feed.key,
        groups: &feed.groups,
        meta: &meta,
        now: view.first_seen_at,
    };
    match generation
        .rules
        .apply(&feed.filters, &mut view.entry, scene)
    {
        (Verdict::Keep, _) => Ok(view),
        (Verdict::Drop { rule }, _) => Err(format!("dropped by {rule}")),
    }
}
