//! Identity across feeds: which story an entry is part of. Takes the entry and stored entries of other feeds that share
//! a key with it; gives the story with the reason. Refuses what only looks shared: a page that a feed links all of its
//! entries to, an id that a generator gives twice.

use std::collections::HashMap;

use crate::model::{Candidate, FeedId, IncomingEntry, JoinReason, StoryId};

use super::evidence::{self, Evidence, Headline};
use super::link;

/// The story that `incoming` is part of: by id, else by link, else by the most alike text; the oldest where several fit.
pub(super) fn join(
    incoming: &IncomingEntry,
    candidates: &[Candidate],
) -> Option<(StoryId, JoinReason)> {
    let crowded = crowded_feeds(incoming, candidates);
    let headline = Headline::of(&incoming.entry.title);
    candidates
        .iter()
        .filter_map(|known| {
            let story = known.story?;
            let reason = reason(
                (incoming, &headline),
                known,
                crowded.get(&known.feed).copied().unwrap_or(0),
            )?;
            Some((weight(&reason), std::cmp::Reverse(story), reason))
        })
        .max_by_key(|(weight, story, _)| (*weight, *story))
        .map(|(_, story, reason)| (story.0, reason))
}

fn weight(reason: &JoinReason) -> u16 {
    match reason {
        JoinReason::PublisherId => 1002,
        JoinReason::CanonicalLink => 1001,
        JoinReason::Text(percent) => u16::from(*percent),
        JoinReason::First | JoinReason::Operator => 0,
    }
}

/// How many candidates of each feed share the incoming link, or the page behind it.
fn crowded_feeds(incoming: &IncomingEntry, candidates: &[Candidate]) -> HashMap<FeedId, usize> {
    let link = incoming.keys.canonical_link.as_ref();
    let mut counts = HashMap::new();
    for known in candidates.iter().filter(|known| {
        known.same_page || link.is_some() && known.keys.canonical_link.as_ref() == link
    }) {
        *counts.entry(known.feed).or_insert(0) += 1;
    }
    counts
}

fn reason(
    (incoming, headline): (&IncomingEntry, &Headline),
    known: &Candidate,
    sharing_link: usize,
) -> Option<JoinReason> {
    let same = |left: &Option<String>, right: &Option<String>| left.is_some() && left == right;
    let same_id = same(&incoming.keys.global_id, &known.keys.global_id);
    let same_link = same(&incoming.keys.canonical_link, &known.keys.canonical_link);
    if !same_id
        && !same_link
        && !known.same_page
        && evidence::texts_apart(&incoming.keys, &known.keys)
    {
        return None;
    }
    let evidence = Evidence::of(incoming, headline, known);
    // Generators that count (`tag:example.org,2008:Post/1`) do give one id to two things, years apart.
    let contradicted = evidence.unlike() && evidence.apart_s.is_some_and(|_| !evidence.near());
    if same_id && !contradicted {
        return Some(JoinReason::PublisherId);
    }
    if same_link && !contradicted {
        let article = incoming
            .keys
            .canonical_link
            .as_deref()
            .is_some_and(link::names_article);
        let alike = evidence.title_equal || evidence.same_text();
        if alike || (article && sharing_link == 1) {
            return Some(JoinReason::CanonicalLink);
        }
    }
    // A redirect may lead all that it does not know to one page: what is told must not speak against it.
    if known.same_page && !same_link && sharing_link == 1 && !evidence.unlike() {
        return Some(JoinReason::CanonicalLink);
    }
    evidence.same_story().map(JoinReason::Text)
}
