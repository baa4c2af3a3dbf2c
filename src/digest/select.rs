//! Which stories an edition shows, and under which heading: takes the window's stories as a reader may see them, gives
//! sections in order. Nothing is lost on the way: shown and "more" add up to what came in.

use std::collections::BTreeMap;

use super::Issue;
use crate::config::Sections;
use crate::model::{Standing, StoryView};

/// Sections and what did not fit.
#[derive(Debug, Default)]
pub(super) struct Picked<'a> {
    pub(super) sections: Vec<Section<'a>>,
    pub(super) shown: usize,
    pub(super) total: usize,
}

/// Stories under one heading; none where the edition is not divided.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) heading: Option<Heading>,
    pub(super) stories: Vec<&'a StoryView>,
}

/// What stands above a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    /// A group or feed, by its title.
    Named(String),
    /// Stories of no group that the edition knows.
    Other,
}

/// Newest first, capped per feed and in all (`limit` lowers the issue's own cap), then divided.
pub(super) fn pick<'a>(issue: &Issue, stories: &[&'a StoryView], limit: usize) -> Picked<'a> {
    let mut ordered = stories.to_vec();
    ordered.sort_by_key(|story| std::cmp::Reverse((story.shown_at, story.seq)));
    let mut per_feed = BTreeMap::new();
    let shown: Vec<&StoryView> = ordered
        .into_iter()
        .filter(|story| {
            let count = per_feed.entry(story.lead.feed.id.0).or_insert(0_usize);
            *count += 1;
            issue.per_feed == 0 || *count <= issue.per_feed
        })
        .take(issue.max_stories.min(limit))
        .collect();
    Picked {
        shown: shown.len(),
        total: stories.len(),
        sections: divide(issue, shown),
    }
}

fn divide<'a>(issue: &Issue, shown: Vec<&'a StoryView>) -> Vec<Section<'a>> {
    if shown.is_empty() {
        return Vec::new();
    }
    let mut sections: Vec<Section<'a>> = match issue.sections {
        Sections::None => {
            return vec![Section {
                heading: None,
                stories: shown,
            }];
        }
        Sections::Feed => Vec::new(),
        Sections::Group => issue
            .groups
            .iter()
            .map(|(_, title)| Section {
                heading: Some(Heading::Named(title.clone())),
                stories: Vec::new(),
            })
            .collect(),
    };
    let mut other = Vec::new();
    for story in shown {
        let Some(title) = heading(issue, story) else {
            other.push(story);
            continue;
        };
        let wanted = Some(Heading::Named(title));
        match sections
            .iter_mut()
            .find(|section| section.heading == wanted)
        {
            Some(section) => section.stories.push(story),
            None => sections.push(Section {
                heading: wanted,
                stories: vec![story],
            }),
        }
    }
    sections.retain(|section| !section.stories.is_empty());
    if !other.is_empty() {
        let heading = (!sections.is_empty()).then_some(Heading::Other);
        sections.push(Section {
            heading,
            stories: other,
        });
    }
    sections
}

/// The first of the issue's groups that a shown sighting carries, or the lead's feed.
fn heading(issue: &Issue, story: &StoryView) -> Option<String> {
    if issue.sections == Sections::Feed {
        return Some(story.lead.feed.title.clone());
    }
    issue
        .groups
        .iter()
        .find(|(name, _)| carries(story, name))
        .map(|(_, title)| title.clone())
}

fn carries(story: &StoryView, group: &str) -> bool {
    let has = |groups: &[String]| groups.iter().any(|name| name == group);
    has(&story.lead.feed.groups)
        || story
            .sightings
            .iter()
            .any(|seen| seen.standing == Standing::Shown && has(&seen.feed.groups))
}
