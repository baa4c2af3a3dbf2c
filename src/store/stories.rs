//! Stories: where an entry goes, what becomes visible with which number, who leads.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::codes::{Code, StoryState};
use super::commit::{Commit, Fresh};
use super::ledger::Ledger;
use super::marks::{self, Marks};
use super::public_id::public_id;
use super::row::{Outcome, hash64, ms};
use super::views::{Views, story_of, story_row};
use super::{bands, rulings, search};
use crate::model::{EntryView, FeedState, IncomingEntry, JoinReason, Judge, Standing};

/// Where a new entry goes.
pub(super) struct Placed {
    pub(super) story: i64,
    pub(super) reason: JoinReason,
    /// The story was there before: it has to be settled once the entry is.
    pub(super) joined: bool,
}

/// The story that entry `entry`, whose row is still to be written, belongs to: one that the judge joins it to, or a
/// new one that it leads.
pub(super) fn place(commit: &mut Commit<'_>, entry: i64, one: &Fresh<'_>) -> Outcome<Placed> {
    let others = &one.found.others;
    let joined = if others.is_empty() {
        None
    } else {
        commit.judge.join(one.incoming, others)
    };
    if let Some((story, reason)) = joined {
        commit.report.joined += 1;
        return Ok(Placed {
            story: story.0,
            reason,
            joined: true,
        });
    }
    let public_id = public_id(&commit.poll.state.key, one.incoming, one.found.id_taken);
    Ok(Placed {
        story: begin(commit, entry, one.standing, public_id, one.incoming)?,
        reason: JoinReason::First,
        joined: false,
    })
}

/// A story of one entry.
fn begin(
    commit: &mut Commit<'_>,
    entry: i64,
    standing: Standing,
    public_id: String,
    incoming: &IncomingEntry,
) -> Outcome<i64> {
    let shown_at = ms(incoming.entry.shown_at(commit.poll.seen_at));
    let state = alone(standing);
    let seq = if state == StoryState::Visible {
        Some(commit.ledger.next_seq(commit.conn)?)
    } else {
        None
    };
    let sql = "INSERT INTO story (seq, state, lead, shown_at, changed_at, public_id) VALUES (?1, ?2, ?3, ?4, ?4, ?5)";
    commit.conn.prepare_cached(sql)?.execute(params![
        seq,
        state.code(),
        entry,
        shown_at,
        public_id
    ])?;
    let story = commit.conn.last_insert_rowid();
    commit.ledger.moved(None, Some(state));
    if state == StoryState::Visible {
        shelve(commit.conn, commit.poll.state.id.0, shown_at, story)?;
        commit.report.stories += 1;
        commit.report.touched = true;
    }
    Ok(story)
}

fn alone(standing: Standing) -> StoryState {
    match standing {
        Standing::Shown => StoryState::Visible,
        Standing::Backlog => StoryState::Backlog,
        _ => StoryState::Hidden,
    }
}

/// Makes an entry a member of a story.
pub(super) fn put(conn: &Connection, entry: i64, story: i64, reason: &JoinReason) -> Outcome<()> {
    let sql = "UPDATE entry SET story = ?2, reason = ?3 WHERE id = ?1";
    conn.prepare_cached(sql)?
        .execute([entry, story, reason.code()])?;
    Ok(())
}

fn shelve(conn: &Connection, feed: i64, shown_at: i64, story: i64) -> Outcome<()> {
    let sql = "INSERT OR IGNORE INTO shelf (feed, shown_at, story) VALUES (?1, ?2, ?3)";
    conn.prepare_cached(sql)?.execute([feed, shown_at, story])?;
    Ok(())
}

/// What `settle` found.
#[derive(Default)]
pub(super) struct Settled {
    visible: bool,
    appeared: bool,
}

/// Brings a story in line with its members, as the judge leads them.
pub(super) fn settle(commit: &mut Commit<'_>, story: i64) -> Outcome<()> {
    let settled = settle_story(commit.conn, &mut commit.ledger, story, commit.judge)?;
    commit.report.stories += usize::from(settled.appeared);
    commit.report.touched |= settled.visible;
    Ok(())
}

/// Brings a story's row and shelves to what its members say: state, number, lead, instants.
pub(super) fn settle_story(
    conn: &Connection,
    ledger: &mut Ledger,
    story: i64,
    judge: &dyn Judge,
) -> Outcome<Settled> {
    let Some(row) = story_row(conn, story)? else {
        return Ok(Settled::default());
    };
    let members = Views::default().members(conn, story)?;
    let state = state_of(&members, row.seq.is_some());
    let Some(lead) = lead_of(&members, judge) else {
        return Ok(Settled::default());
    };
    let appeared = state == StoryState::Visible && row.seq.is_none();
    let (seq, shown_ms) = if appeared {
        (Some(ledger.next_seq(conn)?), ms(lead.shown_at))
    } else {
        (row.seq, row.shown_ms)
    };
    let changed_ms = ms(lead.changed_at).max(if appeared { shown_ms } else { row.changed_ms });
    let sql = "UPDATE story SET seq = ?2, state = ?3, lead = ?4, shown_at = ?5, changed_at = ?6 WHERE id = ?1";
    conn.prepare_cached(sql)?.execute(params![
        story,
        seq,
        state.code(),
        lead.id.0,
        shown_ms,
        changed_ms
    ])?;
    ledger.moved(Some(row.state), Some(state));
    reshelve(conn, story, &members, (state, row.shown_ms, shown_ms))?;
    Ok(Settled {
        visible: state == StoryState::Visible || row.state == StoryState::Visible,
        appeared,
    })
}

fn state_of(members: &[EntryView], numbered: bool) -> StoryState {
    let has = |standing| members.iter().any(|member| member.standing == standing);
    match (has(Standing::Shown), numbered, has(Standing::Backlog)) {
        (true, _, _) => StoryState::Visible,
        (_, true, _) => StoryState::Withdrawn,
        (_, _, true) => StoryState::Backlog,
        _ => StoryState::Hidden,
    }
}

/// Shown members lead; only where there is none, the others.
fn lead_of(members: &[EntryView], judge: &dyn Judge) -> Option<EntryView> {
    let shown: Vec<EntryView> = members
        .iter()
        .filter(|member| member.standing == Standing::Shown)
        .cloned()
        .collect();
    let eligible = if shown.is_empty() {
        members
    } else {
        shown.as_slice()
    };
    let chosen = match eligible.len() {
        0 | 1 => 0,
        _ => judge.lead(eligible),
    };
    eligible.get(chosen).or(eligible.first()).cloned()
}

fn reshelve(
    conn: &Connection,
    story: i64,
    members: &[EntryView],
    (state, before_ms, shown_ms): (StoryState, i64, i64),
) -> Outcome<()> {
    let mut delete =
        conn.prepare_cached("DELETE FROM shelf WHERE feed = ?1 AND shown_at = ?2 AND story = ?3")?;
    for member in members {
        delete.execute([member.feed.id.0, before_ms, story])?;
    }
    let shown = members
        .iter()
        .filter(|member| member.standing == Standing::Shown);
    for member in shown.filter(|_| state == StoryState::Visible) {
        shelve(conn, member.feed.id.0, shown_ms, story)?;
    }
    Ok(())
}

/// After a change of an entry: its story follows. Where it has none, no rule of that time kept it.
pub(super) fn entry_changed(
    commit: &mut Commit<'_>,
    (entry, standing): (i64, Standing),
    substantial: bool,
) -> Outcome<()> {
    let conn = commit.conn;
    let Some(story) = story_of(conn, entry)? else {
        return Ok(());
    };
    let Some(row) = story_row(conn, story)? else {
        return Ok(());
    };
    if row.lead == entry && substantial {
        let changed = ms(commit.poll.seen_at).max(row.shown_ms);
        conn.prepare_cached("UPDATE story SET changed_at = max(changed_at, ?2) WHERE id = ?1")?
            .execute([story, changed])?;
    }
    commit.report.touched |= row.state == StoryState::Visible && standing == Standing::Shown;
    Ok(())
}

/// An entry that a rule dropped and, as it is worded now, keeps.
pub(super) type Revived<'a> = (&'a IncomingEntry, i64);

/// Gives `revived` the standing and the story that new entries get: they may be copies of a known story, or a flood.
pub(super) fn revive(
    commit: &mut Commit<'_>,
    before: &FeedState,
    revived: &[Revived<'_>],
    present: &HashSet<i64>,
) -> Outcome<()> {
    if revived.is_empty() {
        return Ok(());
    }
    bands::prepare(commit.conn, commit.poll.seen_at)?;
    let mut fresh = Vec::with_capacity(revived.len());
    for (incoming, _) in revived {
        let marks = Marks::of(&incoming.entry, &incoming.keys);
        let poll = marks::Poll {
            feed: commit.poll.state.id,
            seen_at: commit.poll.seen_at,
            present,
            has_past: true,
        };
        fresh.push(Fresh {
            incoming,
            key_hash: hash64(b'k', &incoming.entry.key),
            found: marks::candidates(commit.conn, incoming, &marks, &poll)?,
            marks,
            standing: Standing::Dropped,
        });
    }
    commit.admit(before, &mut fresh);
    for (mut one, (_, entry)) in fresh.into_iter().zip(revived) {
        rulings::sift(commit.conn, commit.poll.state.id, &mut one.found)?;
        let placed = place(commit, *entry, &one)?;
        let sql = "UPDATE entry SET standing = ?2 WHERE id = ?1";
        commit
            .conn
            .prepare_cached(sql)?
            .execute([*entry, one.standing.code()])?;
        put(commit.conn, *entry, placed.story, &placed.reason)?;
        search::reindex(commit.conn, *entry)?;
        if placed.joined {
            settle(commit, placed.story)?;
        }
    }
    Ok(())
}
