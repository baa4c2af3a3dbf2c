//! Which stories an edition shows, and under which heading: takes the window's stories as a reader may see them, gives
//! sections in order. Nothing is lost on the way: shown and "more" add up to what came in.
//!
//! Where not all fit, feeds and sections take turns: the first story of every feed comes before the second of any, and
//! among those a section that has had less comes first. So one loud feed costs the quiet ones nothing.

use std::collections::HashMap;

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
    /// Feeds with stories that are not shown, and how many.
    pub(super) hidden: Vec<(&'a str, usize)>,
}

/// What stands above a section.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Heading {
    /// A group or feed, by its title.
    Named(String),
    /// Stories of no group that the edition knows.
    Other,
}

/// How much may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Stories in all.
    pub(super) stories: usize,
    /// Stories of one feed; 0 is no cap.
    pub(super) per_feed: usize,
}

/// A story's place in the queue for the room there is.
struct Turn {
    /// Position among all, newest first.
    order: usize,
    /// Its section.
    section: usize,
    /// How many newer stories its feed has.
    in_feed: usize,
    /// How many stories of its section come before it.
    in_section: usize,
}

/// Divided, newest first in each section, and as many as there is `room` for.
pub(super) fn pick<'a>(issue: &Issue, stories: &[&'a StoryView], room: Room) -> Picked<'a> {
    let mut ordered = stories.to_vec();
    ordered.sort_by_key(|story| std::cmp::Reverse((story.shown_at, story.seq)));
    let (mut sections, places) = divide(issue, &ordered);
    let shown = chosen(turns(&ordered, &places), room);
    let mut lines = HashMap::new();
    for ((story, place), shown) in ordered.into_iter().zip(places).zip(&shown) {
        let Section {
            stories, hidden, ..
        } = &mut sections[place];
        if *shown {
            stories.push(story);
            continue;
        }
        let feed = &story.lead.feed;
        let line = *lines.entry((place, feed.id)).or_insert_with(|| {
            hidden.push((feed.title.as_str(), 0));
            hidden.len() - 1
        });
        hidden[line].1 += 1;
    }
    sections.retain(|section| !section.stories.is_empty());
    if let [only] = sections.as_mut_slice() {
        only.heading.take_if(|heading| *heading == Heading::Other);
    }
    Picked {
        sections,
        shown: shown.into_iter().filter(|shown| *shown).count(),
        total: stories.len(),
    }
}

fn turns(ordered: &[&StoryView], places: &[usize]) -> Vec<Turn> {
    let mut feeds = HashMap::new();
    let mut turns: Vec<Turn> = ordered
        .iter()
        .zip(places)
        .enumerate()
        .map(|(order, (story, section))| {
            let newer = feeds.entry(story.lead.feed.id).or_insert(0);
            *newer += 1;
            Turn {
                order,
                section: *section,
                in_feed: *newer - 1,
                in_section: 0,
            }
        })
        .collect();
    turns.sort_by_key(|turn| (turn.in_feed, turn.order));
    let mut sections = HashMap::new();
    for turn in &mut turns {
        let before = sections.entry(turn.section).or_insert(0);
        turn.in_section = *before;
        *before += 1;
    }
    turns
}

/// Which of the stories, by their order, have a place.
fn chosen(mut turns: Vec<Turn>, room: Room) -> Vec<bool> {
    let mut shown = vec![false; turns.len()];
    turns.sort_by_key(|turn| (turn.in_feed, turn.in_section, turn.order));
    turns
        .iter()
        .filter(|turn| room.per_feed == 0 || turn.in_feed < room.per_feed)
        .take(room.stories)
        .for_each(|turn| shown[turn.order] = true);
    shown
}

/// Empty sections in order, and the section of each story.
fn divide<'a>(issue: &Issue, ordered: &[&'a StoryView]) -> (Vec<Section<'a>>, Vec<usize>) {
    let mut headings: Vec<Option<Heading>> = match issue.sections {
        Sections::None => vec![None],
        Sections::Feed => Vec::new(),
        Sections::Group => issue
            .groups
            .iter()
            .map(|(_, title)| Some(Heading::Named(title.clone())))
            .collect(),
    };
    let mut known: HashMap<Option<Heading>, usize> = HashMap::new();
    for (at, heading) in headings.iter().enumerate() {
        known.entry(heading.clone()).or_insert(at);
    }
    let places = ordered
        .iter()
        .map(|story| {
            let heading = heading(issue, story);
            *known.entry(heading.clone()).or_insert_with(|| {
                headings.push(heading);
                headings.len() - 1
            })
        })
        .collect();
    let empty = |heading| Section {
        heading,
        stories: Vec::new(),
        hidden: Vec::new(),
    };
    (headings.into_iter().map(empty).collect(), places)
}

/// The first of the issue's groups that a shown sighting carries, or the lead's feed.
fn heading(issue: &Issue, story: &StoryView) -> Option<Heading> {
    match issue.sections {
        Sections::None => None,
        Sections::Feed => Some(Heading::Named(story.lead.feed.title.clone())),
        Sections::Group => {
            let group = issue.groups.iter().find(|(name, _)| carries(story, name));
            Some(group.map_or(Heading::Other, |(_, title)| Heading::Named(title.clone())))
        }
    }
}

fn carries(story: &StoryView, group: &str) -> bool {
    let has = |groups: &[String]| groups.iter().any(|name| name == group);
    has(&story.lead.feed.groups)
        || story
            .sightings
            .iter()
            .any(|seen| seen.standing == Standing::Shown && has(&seen.feed.groups))
}
