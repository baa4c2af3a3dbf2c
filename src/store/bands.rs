//! Which stored entries may share text with an incoming one: the bands of sketches, indexed in the writer's memory.
//!
//! An index of bands on disk would be a million random writes for a first poll of many feeds. Here a poll appends one
//! row to a log, in its own transaction; the table in memory is made from the log when it is first asked for, follows
//! what other processes append, and is forgotten when the writer rests or takes anything back. It holds what was first
//! seen in the last days: text is compared only across a few.
//!
//! With many entries, most that share a band share nothing else. The gist of each text is kept beside the table, so that
//! those are passed over in memory and not read from the file.

use std::cell::RefCell;
use std::collections::VecDeque;

use rusqlite::{Connection, params};

use super::row::{Outcome, ms};
use crate::model::{Gist, MatchKeys};

/// How long entries are found by their text.
const DAYS_MS: i64 = 9 * 24 * 3_600_000;
/// Newest entries looked at per band: a text that many entries share proves nothing.
const PER_BAND: usize = 24;
/// Slots at the beginning, and at most: 32 MB, some 390,000 entries.
const LEAST: usize = 1 << 12;
const MOST: usize = 1 << 22;

thread_local! {
    /// The writer thread's own; one store has one writer.
    static INDEX: RefCell<Option<Index>> = const { RefCell::new(None) };
}

/// One entry with its bands, cut to what tells them apart.
pub(super) struct Banded {
    entry: u32,
    gist: Gist,
    bands: Vec<u32>,
}

impl Banded {
    /// Of an entry; none without bands.
    pub(super) fn of(entry: i64, keys: &MatchKeys) -> Option<Self> {
        let entry = u32::try_from(entry).ok()?;
        let bands: Vec<u32> = keys.bands.iter().map(|band| cut(*band)).collect();
        let gist = keys.gist;
        (!bands.is_empty()).then_some(Self { entry, gist, bands })
    }
}

/// The upper half: bands are well mixed, and what a clash offers is judged by its sketch anyway.
fn cut(band: i64) -> u32 {
    (band.cast_unsigned() >> 32) as u32
}

/// An open table of (band, entry) pairs in one word each; 0 is an empty slot, for no entry has the number 0.
struct Index {
    slots: Vec<u64>,
    used: usize,
    gists: Gists,
    /// Last row of the log that is in here.
    read: i64,
}

impl Index {
    fn new() -> Self {
        Self {
            slots: vec![0; LEAST],
            used: 0,
            gists: Gists::default(),
            read: 0,
        }
    }

    fn add(&mut self, one: &Banded) {
        self.gists.put(one.entry, one.gist);
        for band in &one.bands {
            if self.used >= self.slots.len() / 4 * 3 {
                self.make_room();
            }
            self.put(*band, one.entry);
        }
    }

    /// Where a band's pairs begin.
    fn home(&self, band: u32) -> usize {
        // Multiplied, so that neighbouring bands do not make runs.
        let mixed = u64::from(band).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        mixed as usize & (self.slots.len() - 1)
    }

    fn put(&mut self, band: u32, entry: u32) {
        let (mut at, mut same, mut oldest) = (self.home(band), 0, None);
        while let Some(slot) = self.slots.get(at).copied().filter(|slot| *slot != 0) {
            if slot >> 32 == u64::from(band) {
                same += 1;
                if oldest.is_none_or(|(_, least)| slot < least) {
                    oldest = Some((at, slot));
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        let (at, new) = match oldest.filter(|_| same >= PER_BAND) {
            Some((oldest, _)) => (oldest, 0),
            None => (at, 1),
        };
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = u64::from(band) << 32 | u64::from(entry);
            self.used += new;
        }
    }

    /// Twice the slots; at the bound, the older half of the entries goes.
    fn make_room(&mut self) {
        let size = (self.slots.len() * 2).min(MOST);
        let full = self.slots.len() == size;
        let newest = self
            .slots
            .iter()
            .map(|slot| *slot as u32)
            .max()
            .unwrap_or(0);
        let oldest = self
            .slots
            .iter()
            .filter(|slot| **slot != 0)
            .map(|slot| *slot as u32)
            .min();
        let keep = if full {
            newest - (newest - oldest.unwrap_or(0)) / 2
        } else {
            0
        };
        self.gists.drop_before(keep);
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        self.used = 0;
        for slot in old
            .into_iter()
            .filter(|slot| *slot != 0 && *slot as u32 >= keep)
        {
            self.put((slot >> 32) as u32, slot as u32);
        }
    }

    fn look(&self, band: u32, keys: &MatchKeys, into: &mut Vec<i64>) {
        let mut at = self.home(band);
        while let Some(slot) = self.slots.get(at).copied().filter(|slot| *slot != 0) {
            let entry = i64::from(slot as u32);
            if slot >> 32 == u64::from(band)
                && self.gists.may_be_like(slot as u32, keys)
                && !into.contains(&entry)
            {
                into.push(entry);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Takes in what was appended since: by this process before it rested, or by another one.
    fn catch_up(&mut self, conn: &Connection, now_ms: i64) -> Outcome<()> {
        let sql = "SELECT id, seen_at, pack FROM band WHERE id > ?1 ORDER BY id";
        let mut query = conn.prepare_cached(sql)?;
        let mut rows = query.query([self.read])?;
        while let Some(row) = rows.next()? {
            self.read = row.get(0)?;
            if row.get::<_, i64>(1)? >= now_ms - DAYS_MS {
                let mut rest = row.get_ref(2)?.as_blob().unwrap_or_default();
                while let Some(one) = read(&mut rest) {
                    self.add(&one);
                }
            }
        }
        Ok(())
    }
}

/// Gists by entry: entries are numbered in a row.
#[derive(Default)]
struct Gists {
    first: u32,
    of: VecDeque<Gist>,
}

impl Gists {
    fn put(&mut self, entry: u32, gist: Gist) {
        if self.of.is_empty() {
            self.first = entry;
        }
        // An older entry that was edited: it stays unknown.
        let Some(at) = entry.checked_sub(self.first) else {
            return;
        };
        let at = at as usize;
        if self.of.len() <= at {
            self.of.resize(at + 1, Gist::default());
        }
        if let Some(known) = self.of.get_mut(at) {
            *known = gist;
        }
    }

    fn drop_before(&mut self, entry: u32) {
        let gone = (entry.saturating_sub(self.first) as usize).min(self.of.len());
        self.of.drain(..gone);
        self.first += gone as u32;
    }

    /// What is not known may be like anything.
    fn may_be_like(&self, entry: u32, keys: &MatchKeys) -> bool {
        let at = entry.checked_sub(self.first);
        let gist = at.and_then(|at| self.of.get(at as usize)).copied();
        gist.is_none_or(|gist| keys.gist.may_be_like(gist))
    }
}

/// Entries that share a band with `keys` and may be like them, in no order.
pub(super) fn candidates(keys: &MatchKeys) -> Vec<i64> {
    let mut found = Vec::new();
    INDEX.with_borrow(|index| {
        if let Some(index) = index {
            keys.bands
                .iter()
                .for_each(|band| index.look(cut(*band), keys, &mut found));
        }
    });
    found
}

/// Makes [`candidates`] see everything that is committed; to be called once a transaction before them.
pub(super) fn prepare(conn: &Connection, now: jiff::Timestamp) -> Outcome<()> {
    INDEX.with_borrow_mut(|index| index.get_or_insert_with(Index::new).catch_up(conn, ms(now)))
}

/// Appends a poll's entries, and indexes them.
pub(super) fn append(conn: &Connection, seen_at: jiff::Timestamp, new: &[Banded]) -> Outcome<()> {
    if new.is_empty() {
        return Ok(());
    }
    let mut pack = Vec::with_capacity(new.len() * 72);
    for one in new {
        write(one, &mut pack);
    }
    let sql = "INSERT INTO band (seen_at, pack) VALUES (?1, ?2)";
    conn.prepare_cached(sql)?
        .execute(params![ms(seen_at), pack])?;
    INDEX.with_borrow_mut(|index| {
        if let Some(index) = index {
            new.iter().for_each(|one| index.add(one));
            index.read = conn.last_insert_rowid();
        }
    });
    Ok(())
}

/// Drops the table: a deed was taken back, or the writer rests. It is made again from the log when it is needed.
pub(super) fn forget() {
    INDEX.set(None);
}

/// Deletes rows of the log that are too old to be read.
pub(super) fn trim(conn: &Connection, now: jiff::Timestamp) -> Outcome<()> {
    // The newest row stays, so that row numbers go on growing and a reader's place in the log holds.
    let sql = "DELETE FROM band WHERE seen_at < ?1 AND id < (SELECT max(id) FROM band)";
    conn.prepare_cached(sql)?.execute([ms(now) - DAYS_MS])?;
    Ok(())
}

/// Of the byte that counts bands: the gist has both its words. Rows of the first schema have the lower one.
const WHOLE: u8 = 0x80;
/// Of the same byte: the count.
const COUNT: u8 = 0x7F;

fn write(one: &Banded, pack: &mut Vec<u8>) {
    pack.extend_from_slice(&one.entry.to_le_bytes());
    let bands = &one.bands[..one.bands.len().min(usize::from(COUNT))];
    pack.push(WHOLE | u8::try_from(bands.len()).unwrap_or(COUNT));
    pack.extend_from_slice(&one.gist.low.to_le_bytes());
    pack.extend_from_slice(&one.gist.high.to_le_bytes());
    for band in bands {
        pack.extend_from_slice(&band.to_le_bytes());
    }
}

fn read(rest: &mut &[u8]) -> Option<Banded> {
    let (entry, after) = rest.split_first_chunk::<4>()?;
    let (count, after) = after.split_first()?;
    let (low, mut after) = after.split_first_chunk::<16>()?;
    let mut high = &[0; 16];
    if count & WHOLE != 0 {
        (high, after) = after.split_first_chunk::<16>()?;
    }
    let (bands, after) = after.split_at_checked(usize::from(count & COUNT) * 4)?;
    *rest = after;
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
    };
    Some(Banded {
        entry: u32::from_le_bytes(*entry),
        gist: Gist {
            low: u128::from_le_bytes(*low),
            high: u128::from_le_bytes(*high),
        },
        bands: bands.chunks_exact(4).map(word).collect(),
    })
}
