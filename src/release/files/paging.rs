//! Pages of days and of single feeds as files. A rendering looks at those that new and changed stories are on, and at a
//! few more in turn, so that an edit or a withdrawal far back comes into its page, too, at a cost that does not grow
//! with the history. Older pages of a feed are not written, as their cut moves with each story: the newest one leads on
//! to the day.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::config::{PublishConfig, PublishFormat};
use crate::model::{StorySeq, StoryView};
use crate::publish::{
    Draft, FeedPage, Keep, Page, Site, Theme, day_page, feed_file, feed_page, story_page,
};
use crate::release::select::{Selected, selection};
use crate::release::shown::DayShown;
use crate::release::{ReleaseError, Releaser, days, shown};

use super::ledger::{Hand, Ledger, Piece};
use super::{Target, file_of};

/// Pages looked at in turn, in one rendering: while this process has not seen all of them, and afterwards.
const FIRST_ROUND: usize = 64;
const LATER: usize = 4;

/// New stories whose days are looked at in one rendering; a flood of more comes in its turn.
const NEWS: usize = 500;

/// How far the look at everything has come.
#[derive(Default)]
pub(super) struct Round {
    /// All was looked at once.
    whole: bool,
    /// A round is under way.
    begun: bool,
    /// Days before this are still to come; all, when unset.
    before: Option<Timestamp>,
    walked: bool,
    /// Days that the manifest has and the walk has not met.
    listed: BTreeSet<Date>,
    feeds: Vec<String>,
    /// What was shown, and the last story there was, when it was last looked at.
    shown: Vec<StoryView>,
    seq: Option<i64>,
}

/// What is to be looked at.
#[derive(Default)]
struct Due {
    days: BTreeSet<Date>,
    feeds: BTreeSet<String>,
}

impl Releaser {
    /// Brings the pages of `output` up to date.
    pub(super) async fn history(
        &self,
        mut target: Target,
        (output, selected): &(PublishConfig, Selected),
        round: &mut Round,
    ) -> Result<Target, ReleaseError> {
        if !output.formats.contains(&PublishFormat::Html) || output.search.is_some() {
            return Ok(target);
        }
        let hand = target.ledger().hand;
        let mut due = self.touched(output, selected, round).await?;
        let turns = match (hand, round.whole) {
            (Hand::Mends | Hand::Compares, _) => usize::MAX,
            (Hand::Writes, false) => FIRST_ROUND,
            (Hand::Writes, true) => LATER,
        };
        self.take_turns((output, round), target.ledger(), turns, &mut due)
            .await?;
        let site = Arc::new(Site {
            held: Some(Arc::new(held(target.ledger()))),
            ..Site::clone(&self.still)
        });
        for day in due.days {
            target = self.day_file(target, &site, (output, day)).await?;
        }
        for key in due.feeds {
            target = self.feed_file(target, &site, (output, &key)).await?;
        }
        Ok(target)
    }

    /// Days and feeds of stories that are new, or not what they were.
    async fn touched(
        &self,
        output: &PublishConfig,
        selected: &Selected,
        round: &mut Round,
    ) -> Result<Due, ReleaseError> {
        let last = self.tools.store.last_seq().await?;
        let news = match round.seq.replace(last.0) {
            Some(seq) if seq < last.0 => {
                let window = Some((StorySeq(seq), last));
                let limit = NEWS;
                let wanted = crate::model::Selection {
                    window,
                    limit,
                    ..selection(output)
                };
                self.tools.store.select_stories(wanted).await?
            }
            _ => Vec::new(),
        };
        let before = std::mem::replace(&mut round.shown, selected.stories.clone());
        let old: HashMap<_, _> = before.iter().map(|story| (story.id, story)).collect();
        let new: HashMap<_, _> = round.shown.iter().map(|story| (story.id, story)).collect();
        let differs = |story: &&StoryView| new.get(&story.id) != old.get(&story.id);
        let others = before.iter().chain(&round.shown).filter(differs);
        let mut due = Due::default();
        for story in news.iter().chain(others) {
            due.days
                .insert(days::of(story.shown_at, &output.timezone.zone));
            due.feeds.insert(story.lead.feed.key.clone());
            let also = story.sightings.iter();
            due.feeds
                .extend(also.map(|sighting| sighting.feed.key.clone()));
        }
        Ok(due)
    }

    /// The next pages of the round: days from the newest on, days that only the manifest has, feeds.
    async fn take_turns(
        &self,
        (output, round): (&PublishConfig, &mut Round),
        ledger: &Ledger,
        turns: usize,
        due: &mut Due,
    ) -> Result<(), ReleaseError> {
        if !round.begun {
            round.begin(output, ledger, &self.config.feeds);
        }
        let zone = &output.timezone.zone;
        for _ in 0..turns {
            if !round.walked {
                let before = round.before.unwrap_or(Timestamp::MAX);
                let day = days::before(&self.tools, output, before).await?;
                round.before = day
                    .and_then(|day| days::bounds(day, zone))
                    .map(|(begins, _)| begins);
                round.walked = round.before.is_none();
                round.listed.retain(|listed| Some(*listed) != day);
                due.days.extend(day);
            } else if let Some(day) = round.listed.pop_last() {
                due.days.insert(day);
            } else if let Some(key) = round.feeds.pop() {
                due.feeds.insert(key);
            } else {
                round.whole = true;
                round.begun = false;
                return Ok(());
            }
        }
        Ok(())
    }

    async fn day_file(
        &self,
        mut target: Target,
        site: &Arc<Site>,
        (output, day): (&PublishConfig, Date),
    ) -> Result<Target, ReleaseError> {
        let file = file_of(&day_path(output, day));
        let Some(found) = shown::day(&self.tools, output, day).await? else {
            return Ok(target);
        };
        let (was, is) = (target.ledger().has(&file), !found.stories.is_empty());
        if !is {
            target.ledger_mut().is_empty(&file);
        }
        if was != is {
            // Its neighbours lead to it, or to each other.
            let near = [found.pager.newer, found.pager.older].into_iter().flatten();
            for near in near {
                let there = target.ledger().has(&file_of(&day_path(output, near)));
                if let Some(found) = shown::day(&self.tools, output, near)
                    .await?
                    .filter(|_| there)
                {
                    target = self.day_drawn(target, site, (output, near, found)).await?;
                }
            }
        }
        if is {
            let lone = (output, found.stories.as_slice());
            target = self.lone_stories(target, site, lone).await?;
            target = self.day_drawn(target, site, (output, day, found)).await?;
        }
        Ok(target)
    }

    async fn day_drawn(
        &self,
        target: Target,
        site: &Arc<Site>,
        (output, day, found): (&PublishConfig, Date, DayShown),
    ) -> Result<Target, ReleaseError> {
        let shown = output.clone();
        let make = move |theme: &Theme, site: &Site| {
            let feed = shown::merged(&shown, &found.stories);
            day_page(theme, site, &feed, day, found.pager)
        };
        let place = (day_path(output, day), make);
        self.page_file(target, site, place).await
    }

    async fn feed_file(
        &self,
        mut target: Target,
        site: &Arc<Site>,
        (output, key): (&PublishConfig, &str),
    ) -> Result<Target, ReleaseError> {
        let Some(path) = feed_file(output, key) else {
            return Ok(target);
        };
        let Some(found) = shown::feed(&self.tools, output, (key, None)).await? else {
            target.ledger_mut().is_empty(&file_of(&path));
            return Ok(target);
        };
        target = self
            .lone_stories(target, site, (output, &found.stories))
            .await?;
        let shown = output.clone();
        let make = move |theme: &Theme, site: &Site| {
            let page = FeedPage {
                source: &found.source,
                until: None,
                older: found.last,
            };
            feed_page(theme, site, &shown::merged(&shown, &found.stories), page)
        };
        self.page_file(target, site, (path, make)).await
    }

    /// Stories that lead nowhere but to their page here have one.
    async fn lone_stories(
        &self,
        mut target: Target,
        site: &Arc<Site>,
        (output, stories): (&PublishConfig, &[StoryView]),
    ) -> Result<Target, ReleaseError> {
        for story in stories
            .iter()
            .filter(|story| story.lead.entry.link.is_none())
        {
            let path = format!("/story/{}/", story.id.0);
            if !target.ledger().has(&file_of(&path)) {
                let (shown, story) = (output.clone(), story.clone());
                let make =
                    move |theme: &Theme, site: &Site| story_page(theme, site, &shown, &story);
                target = self.page_file(target, site, (path, make)).await?;
            }
        }
        Ok(target)
    }

    /// A page by `make`; what a template refuses is refused, and told, with the page of the shelf.
    async fn page_file<F>(
        &self,
        target: Target,
        site: &Arc<Site>,
        (path, make): (String, F),
    ) -> Result<Target, ReleaseError>
    where
        F: FnOnce(&Theme, &Site) -> Page + Send + 'static,
    {
        let (theme, site) = (self.theme(), Arc::clone(site));
        let made = tokio::task::spawn_blocking(move || make(&theme, &site)).await?;
        let Ok(html) = made else {
            return Ok(target);
        };
        let draft = Draft::page(path, html);
        let piece = (file_of(&draft.path), Piece::Draft(draft, Keep::UntilPoll));
        Ok(target.put(vec![piece]).await?)
    }
}

impl Round {
    /// Has not everything been looked at yet?
    pub(super) fn is_under_way(&self) -> bool {
        self.begun && !self.whole
    }

    fn begin(
        &mut self,
        output: &PublishConfig,
        ledger: &Ledger,
        feeds: &[crate::config::FeedConfig],
    ) {
        let folder = format!("{}/archive/", output.name);
        let day = |file: &str| {
            let day = file.strip_prefix(&folder)?.strip_suffix("/index.html")?;
            day.parse().ok()
        };
        self.listed = ledger.files().filter_map(day).collect();
        let of_manifest = format!("{}/feed/", output.name);
        let key = |file: &str| {
            let key = file
                .strip_prefix(&of_manifest)?
                .strip_suffix("/index.html")?;
            Some(key.to_owned())
        };
        let keys: BTreeSet<String> = feeds
            .iter()
            .map(|feed| feed.key.clone())
            .chain(ledger.files().filter_map(key))
            .collect();
        self.feeds = keys.into_iter().collect();
        (self.before, self.walked, self.begun) = (None, false, true);
    }
}

fn day_path(output: &PublishConfig, day: Date) -> String {
    format!("/{}/archive/{day}/", output.name)
}

/// Stories that have a page among the files.
fn held(ledger: &Ledger) -> HashSet<i64> {
    let id = |file: &str| {
        file.strip_prefix("story/")?
            .strip_suffix("/index.html")?
            .parse()
            .ok()
    };
    ledger.files().filter_map(id).collect()
}
