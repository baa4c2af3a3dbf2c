//! One poll, one commit: the feed's row, its host, and what its document says against what is known.
//!
//! Known and unchanged entries cost one point lookup. Unknown ones are recognised under a changed key, or judged,
//! stored and joined to a story. Kill the process anywhere: either all of it is there, or nothing.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::bands::Banded;
use super::ledger::Ledger;
use super::marks::{self, Marks};
use super::row::{Outcome, hash64, head64, json, ms};
use super::stories::Revived;
use super::{bands, entries, feeds, mark_table, meanwhile, rulings, stories, withdrawn};
use crate::model::{
    FeedStanding, FeedState, IncomingEntry, Judge, PollCommit, PollReport, Recognition, SideCommit,
    SideWay, Standing, Verdict,
};

/// What one commit gathers.
pub(super) struct Commit<'a> {
    pub(super) conn: &'a Connection,
    pub(super) poll: &'a PollCommit,
    pub(super) judge: &'a dyn Judge,
    pub(super) report: PollReport,
    /// The feed's, as this commit leaves it.
    standing: FeedStanding,
    /// (hash, entry) pairs, written sorted at the end: neighbours share pages.
    pub(super) marks: Vec<(i64, i64)>,
    /// What is appended to the log of bands at the end.
    pub(super) banded: Vec<Banded>,
    pub(super) ledger: Ledger,
    /// Number of the next entry, once one was needed.
    next_entry: Option<i64>,
}

/// An entry whose key is unknown in its feed.
pub(super) struct Fresh<'a> {
    pub(super) incoming: &'a IncomingEntry,
    pub(super) key_hash: i64,
    pub(super) marks: Marks,
    pub(super) found: marks::Found,
    pub(super) standing: Standing,
}

/// What a key stands for.
pub(super) struct Seen {
    pub(super) entry: Option<i64>,
    print: i64,
    seen_ms: i64,
}

/// Does all of it inside the group's transaction.
pub(super) fn poll(conn: &Connection, poll: &PollCommit, judge: &dyn Judge) -> Outcome<PollReport> {
    let before = if poll.entries.is_empty() {
        None
    } else {
        feeds::by_id(conn, poll.state.id)?
    };
    let merged = meanwhile::merged(conn, &poll.state)?;
    let state = merged.as_ref().unwrap_or(&poll.state);
    feeds::write(conn, state)?;
    if let Some(host) = &poll.host {
        feeds::save_host(conn, host)?;
    }
    write_meta(conn, poll)?;
    let mut commit = Commit::new(conn, poll, judge);
    commit.standing = state.standing;
    if let Some(before) = before {
        let present = commit.entries(&before)?;
        withdrawn::follow(&mut commit, &present)?;
        entries::complete(&mut commit)?;
    }
    commit.ledger.close(conn)?;
    Ok(commit.report)
}

/// Entries that a hub brought or an archive holds, and nothing else of the feed. Nothing is inferred from what is not
/// among them, for both hold a part of it.
pub(super) fn side(conn: &Connection, side: SideCommit, judge: &dyn Judge) -> Outcome<PollReport> {
    let Some(mut before) = feeds::by_id(conn, side.feed)? else {
        return Ok(PollReport::default());
    };
    let mut state = before.clone();
    let is_archive = matches!(side.way, SideWay::Archive);
    let max_new = match side.way {
        SideWay::Push { max_new, note } => {
            note(&mut state);
            feeds::write(conn, &state)?;
            max_new
        }
        SideWay::Archive => {
            // As in a first poll of which nothing is shown.
            before.memory.seeded = false;
            0
        }
    };
    let poll = PollCommit {
        state,
        meta: None,
        entries: side.entries,
        completed: Vec::new(),
        withdrawn: Vec::new(),
        host: None,
        seen_at: side.seen_at,
        max_new,
    };
    let mut commit = Commit::new(conn, &poll, judge);
    let present = commit.entries(&before)?;
    // An archive may hold what was taken back since.
    if !is_archive {
        withdrawn::follow(&mut commit, &present)?;
    }
    commit.ledger.close(conn)?;
    Ok(commit.report)
}

fn write_meta(conn: &Connection, poll: &PollCommit) -> Outcome<()> {
    let Some(meta) = &poll.meta else {
        return Ok(());
    };
    let limit = ms(poll.seen_at) + 600_000;
    let dates = poll
        .entries
        .iter()
        .filter_map(|incoming| incoming.entry.updated_at.or(incoming.entry.published_at));
    let newest = dates.map(ms).filter(|date| *date <= limit).max();
    let sql = "INSERT INTO feed_meta (feed, title, site_url, entry_updated_at, meta) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (feed) DO UPDATE SET title = excluded.title, site_url = excluded.site_url, meta = excluded.meta,
        entry_updated_at = coalesce(max(entry_updated_at, excluded.entry_updated_at), entry_updated_at,
            excluded.entry_updated_at)";
    conn.prepare_cached(sql)?.execute(params![
        poll.state.id.0,
        meta.title,
        meta.site_url,
        newest,
        json(meta)?
    ])?;
    Ok(())
}

impl<'a> Commit<'a> {
    fn new(conn: &'a Connection, poll: &'a PollCommit, judge: &'a dyn Judge) -> Self {
        Self {
            conn,
            poll,
            judge,
            report: PollReport::default(),
            standing: poll.state.standing,
            marks: Vec::new(),
            banded: Vec::new(),
            ledger: Ledger::default(),
            next_entry: None,
        }
    }
}

impl Commit<'_> {
    /// Gives the entries that are there.
    fn entries(&mut self, before: &FeedState) -> Outcome<HashSet<i64>> {
        let has_past = self.has_past()?;
        let mut unknown = Vec::new();
        let mut changed = Vec::new();
        let mut present = HashSet::new();
        let mut keys = HashSet::new();
        let poll = self.poll;
        for incoming in &poll.entries {
            let key_hash = hash64(b'k', &incoming.entry.key);
            if !keys.insert(key_hash) {
                continue;
            }
            let seen = if has_past { self.seen(key_hash)? } else { None };
            match seen {
                None => unknown.push((incoming, key_hash)),
                Some(Seen {
                    entry: None,
                    seen_ms,
                    ..
                }) => self.keep_forgotten(key_hash, seen_ms)?,
                Some(Seen {
                    entry: Some(entry),
                    print,
                    ..
                }) => {
                    present.insert(entry);
                    if print == head64(&incoming.entry.fingerprint.0) {
                        self.report.known += 1;
                    } else {
                        changed.push((incoming, entry, key_hash));
                    }
                }
            }
        }
        let mut revived = Vec::new();
        for (incoming, entry, key_hash) in changed {
            self.report.changed += 1;
            if entries::change(self, incoming, entry, key_hash)? {
                revived.push((incoming, entry));
            }
        }
        if !unknown.is_empty() {
            revived.extend(self.unknown(before, unknown, &mut present, has_past)?);
        }
        stories::revive(self, before, &revived, &present)?;
        self.write_marks()?;
        Ok(present)
    }

    fn has_past(&self) -> Outcome<bool> {
        let mut query = self
            .conn
            .prepare_cached("SELECT 1 FROM seen WHERE feed = ?1 LIMIT 1")?;
        Ok(query.exists([self.poll.state.id.0])?)
    }

    pub(super) fn seen(&self, key_hash: i64) -> Outcome<Option<Seen>> {
        let sql = "SELECT entry, print, seen_at FROM seen WHERE feed = ?1 AND key_hash = ?2";
        let mut query = self.conn.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Seen {
                entry: row.get(0)?,
                print: row.get(1)?,
                seen_ms: row.get(2)?,
            })
        };
        Ok(query
            .query_row([self.poll.state.id.0, key_hash], read)
            .optional()?)
    }

    /// A key whose entry retention took: it must not come back while the document still has it.
    fn keep_forgotten(&mut self, key_hash: i64, seen_ms: i64) -> Outcome<()> {
        const MONTH_MS: i64 = 30 * 24 * 3_600_000;
        self.report.known += 1;
        let now = ms(self.poll.seen_at);
        if now - seen_ms > MONTH_MS {
            let sql = "UPDATE seen SET seen_at = ?3 WHERE feed = ?1 AND key_hash = ?2";
            self.conn
                .prepare_cached(sql)?
                .execute([self.poll.state.id.0, key_hash, now])?;
        }
        Ok(())
    }

    /// New entries are admitted and placed; gives the recognised ones that are still to be.
    fn unknown<'u>(
        &mut self,
        before: &FeedState,
        unknown: Vec<(&'u IncomingEntry, i64)>,
        present: &mut HashSet<i64>,
        has_past: bool,
    ) -> Outcome<Vec<Revived<'u>>> {
        bands::prepare(self.conn, self.poll.seen_at)?;
        mark_table::prepare(self.conn)?;
        let mut fresh = Vec::new();
        let mut revived = Vec::new();
        for (incoming, key_hash) in unknown {
            let marks = Marks::of(&incoming.entry, &incoming.keys);
            let poll = marks::Poll {
                feed: self.poll.state.id,
                seen_at: self.poll.seen_at,
                present,
                has_past,
            };
            let found = marks::candidates(self.conn, incoming, &marks, &poll)?;
            let recognised = if found.own.is_empty() {
                None
            } else {
                self.judge.recognise(incoming, &found.own)
            };
            match recognised {
                Some(recognition) if !present.contains(&recognition.entry.0) => {
                    present.insert(recognition.entry.0);
                    if self.recognised(incoming, key_hash, &recognition)? {
                        revived.push((incoming, recognition.entry.0));
                    }
                }
                _ => fresh.push(Fresh {
                    incoming,
                    key_hash,
                    marks,
                    found,
                    standing: Standing::Dropped,
                }),
            }
        }
        self.admit(before, &mut fresh);
        for one in fresh {
            self.insert(one)?;
        }
        Ok(revived)
    }

    /// True where the entry is still to be placed.
    fn recognised(
        &mut self,
        incoming: &IncomingEntry,
        key_hash: i64,
        recognition: &Recognition,
    ) -> Outcome<bool> {
        self.report.recognised += 1;
        entries::rename(self, incoming, key_hash, recognition)?;
        let sql = "SELECT print FROM seen WHERE feed = ?1 AND key_hash = ?2";
        let print: i64 = self
            .conn
            .prepare_cached(sql)?
            .query_row([self.poll.state.id.0, key_hash], |row| row.get(0))?;
        if print == head64(&incoming.entry.fingerprint.0) {
            return Ok(false);
        }
        entries::change(self, incoming, recognition.entry.0, key_hash)
    }

    /// Standings of what the rules kept; what they dropped stays dropped.
    pub(super) fn admit(&self, before: &FeedState, fresh: &mut [Fresh<'_>]) {
        let mut kept: Vec<&mut Fresh<'_>> = fresh
            .iter_mut()
            .filter(|one| one.incoming.verdict == Verdict::Keep)
            .collect();
        let entries: Vec<&IncomingEntry> = kept.iter().map(|one| one.incoming).collect();
        if entries.is_empty() {
            return;
        }
        let standings = self
            .judge
            .admit(before, &entries, self.poll.seen_at, self.poll.max_new);
        for (one, standing) in kept.iter_mut().zip(
            standings
                .into_iter()
                .chain(std::iter::repeat(Standing::Held)),
        ) {
            one.standing = self.guarded(standing);
        }
    }

    /// Nothing of a quarantined feed is shown, whatever the judge said of the single entry.
    pub(super) fn guarded(&self, standing: Standing) -> Standing {
        match standing {
            Standing::Shown if self.standing == FeedStanding::Quarantined => Standing::Quarantined,
            standing => standing,
        }
    }

    fn insert(&mut self, mut one: Fresh<'_>) -> Outcome<()> {
        let entry = self.number()?;
        self.report.new += 1;
        match one.standing {
            Standing::Dropped => self.report.dropped += 1,
            Standing::Shown => {}
            _ => self.report.held += 1,
        }
        let placed = if one.standing == Standing::Dropped {
            None
        } else {
            rulings::sift(self.conn, self.poll.state.id, &mut one.found)?;
            Some(stories::place(self, entry, &one)?)
        };
        entries::insert(self, &one, entry, placed.as_ref())?;
        self.ledger.entries(1);
        if let Some(placed) = placed.filter(|placed| placed.joined) {
            stories::settle(self, placed.story)?;
        }
        self.marks
            .extend(one.marks.all().into_iter().map(|hash| (hash, entry)));
        self.banded.extend(Banded::of(entry, &one.incoming.keys));
        Ok(())
    }

    /// The number of a new entry, known before its row is written, so that its story can name it.
    fn number(&mut self) -> Outcome<i64> {
        let number = match self.next_entry {
            Some(number) => number,
            None => self
                .conn
                .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM entry")?
                .query_row([], |row| row.get(0))?,
        };
        self.next_entry = Some(number + 1);
        Ok(number)
    }

    fn write_marks(&mut self) -> Outcome<()> {
        mark_table::insert(self.conn, self.poll.state.id.0, &mut self.marks)?;
        bands::append(self.conn, self.poll.seen_at, &self.banded)
    }
}
