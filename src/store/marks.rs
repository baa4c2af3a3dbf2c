//! What identity is looked up by: hashes of ids, links and titles, and the candidates that they and the bands lead to.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::row::{Outcome, get_at, get_opt_at, hash64};
use super::{bands, mark_table};
use crate::model::{Candidate, EntryId, FeedId, IncomingEntry, MatchKeys, ParsedEntry, StoryId};

/// Text is compared within this time of each other.
const WINDOW_MS: i64 = 8 * 24 * 3_600_000;

/// The hashes of one entry, by what they prove.
pub(super) struct Marks {
    /// Publisher id, in its own feed.
    own_id: Option<i64>,
    /// Publisher id that is global by its form.
    global_id: Option<i64>,
    link: Option<i64>,
    /// The page that the link led to.
    page: Option<i64>,
    /// Title: among other feeds only within the time window.
    title: Option<i64>,
}

impl Marks {
    /// Of an entry with its keys.
    pub(super) fn of(entry: &ParsedEntry, keys: &MatchKeys) -> Self {
        let link = keys.canonical_link.as_deref().or(entry.link.as_deref());
        Self {
            own_id: entry.publisher_id.as_deref().map(|id| hash64(b'i', id)),
            global_id: keys.global_id.as_deref().map(|id| hash64(b'i', id)),
            link: link.map(link_key),
            page: keys.page_key,
            title: keys.title_key.map(|key| hash64(b't', &key.to_string())),
        }
    }

    /// Whether one of the addresses of both is the same.
    fn share_page(&self, known: &MatchKeys) -> bool {
        let theirs = [
            known.canonical_link.as_deref().map(link_key),
            known.page_key,
        ];
        let ours = [self.link, self.page];
        ours.iter().any(|one| one.is_some() && theirs.contains(one))
    }

    /// All hashes, each once.
    pub(super) fn all(&self) -> BTreeSet<i64> {
        [
            self.own_id,
            self.global_id,
            self.link,
            self.page,
            self.title,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What the canonical form of a link is indexed by.
#[must_use]
pub fn link_key(form: &str) -> i64 {
    hash64(b'l', form)
}

/// The hashes by which `why` finds entries: as id, as link.
pub(super) fn needle(text: &str) -> [i64; 2] {
    [hash64(b'i', text), hash64(b'l', text)]
}

/// Candidates of an incoming entry.
pub(super) struct Found {
    /// Entries of its own feed.
    pub(super) own: Vec<Candidate>,
    /// Entries of other feeds.
    pub(super) others: Vec<Candidate>,
    /// Another entry has the same publisher id already.
    pub(super) id_taken: bool,
}

/// What a search for candidates needs to know of the poll.
pub(super) struct Poll<'a> {
    /// Its feed.
    pub(super) feed: FeedId,
    /// When.
    pub(super) seen_at: Timestamp,
    /// Entries that the present document still has under their own keys.
    pub(super) present: &'a HashSet<i64>,
    /// The feed had entries before: else there is nothing to recognise.
    pub(super) has_past: bool,
}

/// Looks up every hash; stops early where nothing is found, which is the usual case.
pub(super) fn candidates(
    conn: &Connection,
    incoming: &IncomingEntry,
    marks: &Marks,
    poll: &Poll<'_>,
) -> Outcome<Found> {
    let mut found = Found {
        own: Vec::new(),
        others: Vec::new(),
        id_taken: false,
    };
    let mut wanted: Vec<(i64, bool)> = Vec::new();
    let mut add = |entry: i64, timed: bool| match wanted.iter_mut().find(|known| known.0 == entry) {
        Some(known) => known.1 &= timed,
        None => wanted.push((entry, timed)),
    };
    let hashes = [
        (marks.own_id, true, false, false),
        (marks.global_id, false, true, false),
        (marks.link, true, true, false),
        (marks.page, false, true, false),
        (marks.title, true, true, true),
    ];
    for (hash, for_own, for_others, timed) in hashes {
        let Some(hash) = hash else { continue };
        for (entry, feed) in mark_table::look(conn, hash)? {
            let own = feed == poll.feed.0;
            found.id_taken |= Some(hash) == marks.own_id;
            if (own && for_own && poll.has_past) || (!own && for_others) {
                add(entry, timed);
            }
        }
    }
    for entry in bands::candidates(&incoming.keys) {
        add(entry, true);
    }
    let shown_ms = incoming.entry.shown_at(poll.seen_at).as_millisecond();
    for (entry, timed) in wanted {
        let Some((mut candidate, at_ms)) = load(conn, entry)? else {
            continue;
        };
        candidate.same_page = marks.share_page(&candidate.keys);
        if candidate.feed == poll.feed {
            candidate.present = poll.present.contains(&entry);
            found.own.push(candidate);
        } else if candidate.story.is_some() && (!timed || (at_ms - shown_ms).abs() <= WINDOW_MS) {
            found.others.push(candidate);
        }
    }
    Ok(found)
}

const CANDIDATE: &str =
    "SELECT id, story, feed, key, publisher_id, title, canonical_link, global_id, sketch,
    published_at, first_seen_at, shown_at FROM entry WHERE id = ?1";

fn load(conn: &Connection, entry: i64) -> Outcome<Option<(Candidate, i64)>> {
    let mut query = conn.prepare_cached(CANDIDATE)?;
    Ok(query
        .query_row([entry], |row| Ok((candidate(row)?, row.get(11)?)))
        .optional()?)
}

fn candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    let mut keys = read_sketch(row.get_ref(8)?.as_blob().unwrap_or_default());
    keys.canonical_link = row.get(6)?;
    keys.global_id = row.get(7)?;
    Ok(Candidate {
        entry: EntryId(row.get(0)?),
        story: row.get::<_, Option<i64>>(1)?.map(StoryId),
        feed: FeedId(row.get(2)?),
        key: row.get(3)?,
        publisher_id: row.get(4)?,
        title: row.get(5)?,
        keys,
        published_at: get_opt_at(row, 9)?,
        first_seen_at: get_at(row, 10)?,
        same_page: false,
        present: false,
    })
}

/// The parts of the keys that are numbers, as one blob: words, title, numbers, page, sketch. Bands are in [`bands`].
pub(super) fn write_sketch(keys: &MatchKeys) -> Vec<u8> {
    let mut blob = Vec::with_capacity(22 + keys.sketch.len());
    blob.extend_from_slice(&keys.words.to_le_bytes());
    let numbers = [keys.title_key, keys.numbers, keys.page_key];
    let flags = numbers.iter().zip(0..);
    blob.push(flags.fold(0, |all, (key, bit)| all | u8::from(key.is_some()) << bit));
    blob.push(0);
    for number in numbers.iter().flatten() {
        blob.extend_from_slice(&number.to_le_bytes());
    }
    blob.extend_from_slice(&keys.sketch);
    blob
}

/// The inverse of [`write_sketch`]; a blob cut short gives what it has.
pub(super) fn read_sketch(mut blob: &[u8]) -> MatchKeys {
    let mut keys = MatchKeys::default();
    let Some((words, rest)) = blob.split_first_chunk::<4>() else {
        return keys;
    };
    // The second byte counted bands in the first schema.
    let [flags, bands, rest @ ..] = rest else {
        return keys;
    };
    keys.words = u32::from_le_bytes(*words);
    blob = rest;
    let mut number = || {
        let (bytes, rest) = blob.split_first_chunk::<8>()?;
        blob = rest;
        Some(i64::from_le_bytes(*bytes))
    };
    keys.title_key = if flags & 1 != 0 { number() } else { None };
    keys.numbers = if flags & 2 != 0 { number() } else { None };
    keys.page_key = if flags & 4 != 0 { number() } else { None };
    (0..*bands).for_each(|_| _ = number());
    keys.sketch = blob.to_vec();
    keys
}
