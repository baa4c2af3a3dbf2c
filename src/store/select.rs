//! Which stories an output draws from: newest first, by page, at a cost that does not grow with what is stored.
//!
//! Every feed: one walk along `story_shown`. A few feeds: their shelves, merged. Many feeds: the walk with a
//! membership question, bounded in steps; where the group is so rare that the steps run out, the shelves after all.

use std::collections::{BTreeSet, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::codes::{Code, StoryState};
use super::row::{Outcome, ms};
use super::views::Views;
use crate::model::{Selection, Standing, StoryId, StorySeq, StoryView};

/// Up to this many feeds, their shelves are read at once.
const FEW: usize = 48;
/// Steps of the walk per story wanted, before the shelves are the better plan.
const STEPS: usize = 40;

/// Whose stories count.
pub(super) enum Members {
    All,
    Feeds(HashSet<i64>),
}

/// A place in the order: later ones come first.
type Place = (i64, i64);

/// Bounds of a page in the order, and its length.
struct Page {
    /// Exclusive upper end.
    before: Place,
    /// Inclusive lower end.
    since: i64,
    limit: usize,
}

/// The stories of a selection.
pub(super) fn stories(conn: &Connection, selection: &Selection) -> Outcome<Vec<StoryView>> {
    let mut views = Views::default();
    let mut stories = Vec::new();
    for (_, id) in places(conn, selection)? {
        stories.extend(views.story(conn, StoryId(id))?);
    }
    Ok(stories)
}

fn places(conn: &Connection, selection: &Selection) -> Outcome<Vec<Place>> {
    let members = members(conn, selection)?;
    if matches!(&members, Members::Feeds(feeds) if feeds.is_empty()) {
        return Ok(Vec::new());
    }
    let page = page(selection);
    if let Some((after, until)) = selection.window {
        return in_window(conn, &members, &page, (after.0, until.0));
    }
    let mut found = visible(conn, &members, &page)?;
    if selection.with_backlog {
        let (backlog, _) = walk(conn, &members, &page, (StoryState::Backlog, usize::MAX))?;
        found.extend(backlog);
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.truncate(page.limit);
    }
    Ok(found)
}

pub(super) fn members(conn: &Connection, selection: &Selection) -> Outcome<Members> {
    if selection.groups.iter().any(|group| group == "*") {
        return Ok(Members::All);
    }
    let mut feeds = HashSet::new();
    let mut of_group = conn.prepare_cached("SELECT feed FROM feed_group WHERE name = ?1")?;
    for group in &selection.groups {
        let mut rows = of_group.query([group])?;
        while let Some(row) = rows.next()? {
            feeds.insert(row.get(0)?);
        }
    }
    let mut by_key = conn.prepare_cached("SELECT id FROM feed WHERE key = ?1")?;
    for key in &selection.feeds {
        feeds.extend(
            by_key
                .query_row([key], |row| row.get::<_, i64>(0))
                .optional()?,
        );
    }
    Ok(Members::Feeds(feeds))
}

fn page(selection: &Selection) -> Page {
    let before = selection
        .before
        .map_or((i64::MAX, i64::MAX), |(at, id)| (ms(at), id.0));
    let until = selection
        .until
        .map_or((i64::MAX, i64::MAX), |until| (ms(until), i64::MIN));
    Page {
        before: before.min(until),
        since: selection.since.map_or(i64::MIN, ms),
        limit: selection.limit,
    }
}

fn visible(conn: &Connection, members: &Members, page: &Page) -> Outcome<Vec<Place>> {
    let feeds = match members {
        Members::All => return Ok(walk(conn, members, page, (StoryState::Visible, usize::MAX))?.0),
        Members::Feeds(feeds) => feeds,
    };
    if feeds.len() > FEW {
        let steps = STEPS.saturating_mul(page.limit).max(2_000);
        let (found, ended) = walk(conn, members, page, (StoryState::Visible, steps))?;
        if ended {
            return Ok(found);
        }
    }
    shelves(conn, feeds, page)
}

/// Along the index by state and instant; true when it came to an end before its steps ran out.
fn walk(
    conn: &Connection,
    members: &Members,
    page: &Page,
    (state, steps): (StoryState, usize),
) -> Outcome<(Vec<Place>, bool)> {
    let sql = "SELECT shown_at, id FROM story WHERE state = ?1 AND (shown_at, id) < (?2, ?3) AND shown_at >= ?4
        ORDER BY shown_at DESC, id DESC";
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query(params![
        state.code(),
        page.before.0,
        page.before.1,
        page.since
    ])?;
    let mut found = Vec::new();
    let mut taken = 0;
    let standing = if state == StoryState::Backlog {
        Standing::Backlog
    } else {
        Standing::Shown
    };
    while found.len() < page.limit {
        let Some(row) = rows.next()? else {
            return Ok((found, true));
        };
        let place: Place = (row.get(0)?, row.get(1)?);
        if is_member(conn, members, place.1, standing)? {
            found.push(place);
        }
        taken += 1;
        if taken >= steps {
            return Ok((found, false));
        }
    }
    Ok((found, true))
}

pub(super) fn is_member(
    conn: &Connection,
    members: &Members,
    story: i64,
    standing: Standing,
) -> Outcome<bool> {
    let Members::Feeds(feeds) = members else {
        return Ok(true);
    };
    let mut query = conn.prepare_cached("SELECT feed, standing FROM entry WHERE story = ?1")?;
    let mut rows = query.query([story])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? == standing.code() && feeds.contains(&row.get(0)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The heads of the feeds' shelves, merged.
fn shelves(conn: &Connection, feeds: &HashSet<i64>, page: &Page) -> Outcome<Vec<Place>> {
    let sql = "SELECT shown_at, story FROM shelf WHERE feed = ?1 AND (shown_at, story) < (?2, ?3) AND shown_at >= ?4
        ORDER BY shown_at DESC, story DESC LIMIT ?5";
    let mut query = conn.prepare_cached(sql)?;
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let mut best: BTreeSet<Place> = BTreeSet::new();
    for feed in feeds {
        // What cannot come into the page any more need not be read.
        let floor = if best.len() >= page.limit {
            best.first().map_or(page.since, |place| place.0)
        } else {
            page.since
        };
        let mut rows = query.query(params![
            feed,
            page.before.0,
            page.before.1,
            floor.max(page.since),
            limit
        ])?;
        while let Some(row) = rows.next()? {
            best.insert((row.get(0)?, row.get(1)?));
            if best.len() > page.limit {
                best.pop_first();
            }
        }
    }
    Ok(best.into_iter().rev().collect())
}

fn in_window(
    conn: &Connection,
    members: &Members,
    page: &Page,
    window: (i64, i64),
) -> Outcome<Vec<Place>> {
    // Named: as long as a connection has no statistics, the state seems to choose better, which nearly all stories share.
    let sql = "SELECT shown_at, id FROM story INDEXED BY story_seq WHERE seq > ?1 AND seq <= ?2 AND state = 1";
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query([window.0, window.1])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let place: Place = (row.get(0)?, row.get(1)?);
        if place < page.before
            && place.0 >= page.since
            && is_member(conn, members, place.1, Standing::Shown)?
        {
            found.push(place);
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    found.truncate(page.limit);
    Ok(found)
}

/// Highest assigned sequence number.
pub(super) fn last_seq(conn: &Connection) -> Outcome<StorySeq> {
    Ok(conn
        .prepare_cached("SELECT last_seq FROM about")?
        .query_row([], |row| row.get(0).map(StorySeq))?)
}
