//! The table of marks, in two lengths: looked up for every new entry, most often in vain, and written at places that
//! hashes scatter over all of it.
//!
//! In one B-tree, a first poll of many feeds would read and write a page of the file for every mark. New marks go to a
//! short table that stays in the cache. When it has grown, the writer moves a slice of it, in the order of the long one,
//! so that a page there takes many marks at once. A Bloom filter of the long table spares most of the lookups in it.

use std::cell::RefCell;

use fastbloom::BloomFilter;
use rusqlite::{Connection, params};

use super::row::Outcome;

/// Newest entries looked at per hash: a title that a thousand entries share proves nothing.
const PER_MARK: usize = 24;
/// Marks in the short table from which on slices of it are moved: some 3 MB.
const SHORT: u64 = 1 << 17;
/// Slices of the hashes' range; one is moved at a time.
const SLICES: i64 = 16;
/// Hashes in one: 2^64 of them in all.
const WIDTH: i64 = 1 << 60;
/// Share of hashes that are looked up in the long table and are not there. Ten bits a mark.
const IN_VAIN: f64 = 0.01;
/// Marks that the filter has room for beyond what it is made of.
const ROOM: usize = 200_000;

thread_local! {
    /// The writer thread's own; one store has one writer.
    static STATE: RefCell<State> = const { RefCell::new(State { long: None, short: None, slice: 0 }) };
}

struct State {
    long: Option<Long>,
    /// Marks in the short table, once counted.
    short: Option<u64>,
    /// The one to be moved next.
    slice: i64,
}

/// What is known of the long table.
struct Long {
    filter: BloomFilter,
    /// Marks ever moved, as the filter has them.
    moved: i64,
    /// From here on the filter says yes too often.
    until: i64,
}

impl Long {
    fn read(conn: &Connection, moved: i64) -> Outcome<Self> {
        let expected = usize::try_from(moved).unwrap_or(0) / 2 * 3 + ROOM;
        let mut filter = BloomFilter::with_false_pos(IN_VAIN).expected_items(expected);
        let mut query = conn.prepare_cached("SELECT hash FROM mark")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            filter.insert(&row.get::<_, i64>(0)?);
        }
        let until = i64::try_from(expected).unwrap_or(i64::MAX);
        Ok(Self {
            filter,
            moved,
            until,
        })
    }
}

/// Makes [`look`] see what other processes moved; to be called once a transaction before it.
pub(super) fn prepare(conn: &Connection) -> Outcome<()> {
    let moved = moved(conn)?;
    STATE.with_borrow_mut(|state| {
        if state.short.is_none() {
            let count = conn.prepare_cached("SELECT count(*) FROM new_mark")?;
            state.short = Some(one(count)?.unsigned_abs());
        }
        let is_known = state.long.as_ref().is_some_and(|long| long.moved == moved);
        if !is_known {
            state.long = Some(Long::read(conn, moved)?);
        }
        Ok(())
    })
}

fn moved(conn: &Connection) -> Outcome<i64> {
    one(conn.prepare_cached("SELECT moved_marks FROM about")?)
}

fn one(mut query: rusqlite::CachedStatement<'_>) -> Outcome<i64> {
    Ok(query.query_row([], |row| row.get(0))?)
}

/// The newest (entry, feed) pairs of a hash, newest first.
pub(super) fn look(conn: &Connection, hash: i64) -> Outcome<Vec<(i64, i64)>> {
    let mut found = Vec::new();
    let short = "SELECT entry, feed FROM new_mark WHERE hash = ?1 ORDER BY entry DESC LIMIT ?2";
    read(conn, short, hash, &mut found)?;
    let is_absent = STATE.with_borrow(|state| {
        let long = state.long.as_ref();
        long.is_some_and(|long| !long.filter.contains(&hash))
    });
    if !is_absent {
        let long = "SELECT entry, feed FROM mark WHERE hash = ?1 ORDER BY entry DESC LIMIT ?2";
        read(conn, long, hash, &mut found)?;
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.truncate(PER_MARK);
    }
    Ok(found)
}

fn read(conn: &Connection, sql: &str, hash: i64, into: &mut Vec<(i64, i64)>) -> Outcome<()> {
    let mut query = conn.prepare_cached(sql)?;
    let limit = i64::try_from(PER_MARK).unwrap_or(i64::MAX);
    let mut rows = query.query(params![hash, limit])?;
    while let Some(row) = rows.next()? {
        into.push((row.get(0)?, row.get(1)?));
    }
    Ok(())
}

/// Writes (hash, entry) pairs of a feed, and leaves none. Sorted first: neighbours share pages.
pub(super) fn insert(conn: &Connection, feed: i64, marks: &mut Vec<(i64, i64)>) -> Outcome<()> {
    marks.sort_unstable();
    let sql = "INSERT OR IGNORE INTO new_mark (hash, entry, feed) VALUES (?1, ?2, ?3)";
    let mut insert = conn.prepare_cached(sql)?;
    let mut added = 0;
    for (hash, entry) in marks.drain(..) {
        added += insert.execute([hash, entry, feed])? as u64;
    }
    STATE.with_borrow_mut(|state| {
        if let Some(short) = &mut state.short {
            *short += added;
        }
    });
    Ok(())
}

/// Deletes marks of an entry, wherever they are.
pub(super) fn delete(
    conn: &Connection,
    entry: i64,
    hashes: impl IntoIterator<Item = i64>,
) -> Outcome<()> {
    let mut short = conn.prepare_cached("DELETE FROM new_mark WHERE hash = ?1 AND entry = ?2")?;
    let mut long = conn.prepare_cached("DELETE FROM mark WHERE hash = ?1 AND entry = ?2")?;
    for hash in hashes {
        short.execute([hash, entry])?;
        long.execute([hash, entry])?;
    }
    Ok(())
}

/// True once a slice is to be moved.
pub(super) fn is_grown() -> bool {
    STATE.with_borrow(|state| state.short.is_some_and(|short| short > SHORT))
}

/// Moves the next slice, in a transaction of its own: in a deed's savepoint, the pages before would be kept in memory.
pub(super) fn move_slice(conn: &mut Connection) -> Outcome<()> {
    let group = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let slice = STATE.with_borrow_mut(|state| {
        let slice = state.slice;
        state.slice = (slice + 1) % SLICES;
        // Counted anew whatever comes of it.
        state.short = None;
        slice
    });
    let first = (slice - SLICES / 2) * WIDTH;
    let last = first + (WIDTH - 1);
    let before = moved(&group)?;
    let hashes: Vec<i64> = group
        .prepare_cached("SELECT hash FROM new_mark WHERE hash BETWEEN ?1 AND ?2")?
        .query_map([first, last], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    group
        .prepare_cached(
            "INSERT OR IGNORE INTO mark (hash, entry, feed)
            SELECT hash, entry, feed FROM new_mark WHERE hash BETWEEN ?1 AND ?2 ORDER BY hash, entry",
        )?
        .execute([first, last])?;
    group
        .prepare_cached("DELETE FROM new_mark WHERE hash BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    let after = before + i64::try_from(hashes.len()).unwrap_or(0);
    group
        .prepare_cached("UPDATE about SET moved_marks = ?1")?
        .execute([after])?;
    group.commit()?;
    STATE.with_borrow_mut(|state| state.follow(before, after, &hashes));
    Ok(())
}

impl State {
    /// After a move that is committed: the filter learns of it, or is to be made again.
    fn follow(&mut self, before: i64, after: i64, hashes: &[i64]) {
        let known = self.long.as_mut();
        match known.filter(|long| long.moved == before && after <= long.until) {
            Some(long) => {
                hashes.iter().for_each(|hash| _ = long.filter.insert(hash));
                long.moved = after;
            }
            None => self.long = None,
        }
    }
}

/// A deed was taken back: how many marks the short table has is to be counted again.
pub(super) fn recount() {
    STATE.with_borrow_mut(|state| state.short = None);
}
