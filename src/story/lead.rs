//! The best copy of a story. Takes its sightings as readers would see them; gives the index of the one to show. The
//! author's own feed goes before an aggregator's copy: by the operator's word first, then by evidence.

use std::cmp::Reverse;

use crate::model::{EntryView, Standing};

use super::admit::related;
use super::link;

/// Index of the lead; 0 for a single sighting.
pub(super) fn lead(sightings: &[EntryView]) -> usize {
    sightings
        .iter()
        .enumerate()
        .max_by_key(|(_, view)| {
            (
                view.standing == Standing::Shown,
                view.feed.priority,
                is_own(view),
                Reverse(view.shown_at),
                view.entry.text.len(),
                Reverse(view.id),
            )
        })
        .map_or(0, |(at, _)| at)
}

/// The entry's page lies on its feed's own site, and the entry names no other source.
fn is_own(view: &EntryView) -> bool {
    let feed_host = || {
        view.feed
            .site_url
            .as_deref()
            .and_then(link::host_of)
            .or_else(|| link::host_of(&view.feed.url))
    };
    let foreign = view.entry.source.as_ref().is_some_and(|source| {
        let named = source
            .link
            .as_deref()
            .or(source.feed_url.as_deref())
            .and_then(link::host_of);
        match (named, feed_host()) {
            (Some(named), Some(own)) => !related(&named, &own),
            _ => source.id.is_some() && source.id != view.feed.publisher_id,
        }
    });
    let page_host = view.entry.link.as_deref().and_then(link::host_of);
    let at_home =
        matches!((page_host, feed_host()), (Some(page), Some(own)) if related(&page, &own));
    at_home && !foreign
}
