//! Which entries a search looks at: the newest that say what is asked, of the feeds, days and languages asked for, within
//! what the searcher may see. Matches are walked from the newest on and sieved one by one; days bound the walk, and
//! where it gives up before it has found enough, the entries of few feeds do, so that a common word hides nothing rare.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Rows, params};

use super::question::Question;
use super::row::{Outcome, ms};
use super::views::Views;
use crate::model::{EntryId, SearchScope};

/// Newest matches that are ranked.
const RANKED: usize = 300;
/// Matches sieved for them when filters leave most out.
const STEPS: usize = 6_000;
/// Entries of so few feeds are known by number, and others passed over without a look.
const FEW: usize = 50_000;
/// Matches passed over so.
const PASSED: usize = 1_000_000;

/// An entry with the instant it is shown at.
type Found = (i64, i64);

/// What filters and scope let through.
pub(super) struct Sieve<'a> {
    question: &'a Question,
    /// Feeds asked for.
    feeds: Option<HashSet<i64>>,
    /// Feeds left out.
    barred: HashSet<i64>,
    scope: Scope,
}

enum Scope {
    Stored,
    /// Visible stories, told by one of these feeds where they are named.
    Shown(Option<HashSet<i64>>),
}

/// Numbers of entries: from the first on, below the second.
type Span = (i64, i64);

impl<'a> Sieve<'a> {
    pub(super) fn new(
        conn: &Connection,
        question: &'a Question,
        scope: &SearchScope,
    ) -> Outcome<Self> {
        let of_groups = |names: &[String]| {
            let sql = "SELECT feed FROM feed_group WHERE name = ?1";
            ids(conn, sql, names)
        };
        let of_keys = |names: &[String]| ids(conn, "SELECT id FROM feed WHERE key = ?1", names);
        let scope = match scope {
            SearchScope::Stored => Scope::Stored,
            SearchScope::Shown { groups, .. } if groups.iter().any(|group| group == "*") => {
                Scope::Shown(None)
            }
            SearchScope::Shown { groups, feeds } => {
                let mut told = of_groups(groups)?;
                told.extend(of_keys(feeds)?);
                Scope::Shown(Some(told))
            }
        };
        let mut feeds: Option<HashSet<i64>> = None;
        if !question.groups.wanted.is_empty() {
            feeds = Some(of_groups(&question.groups.wanted)?);
        }
        if !question.feeds.wanted.is_empty() {
            let mut named = of_keys(&question.feeds.wanted)?;
            named.retain(|feed| feeds.as_ref().is_none_or(|feeds| feeds.contains(feed)));
            feeds = Some(named);
        }
        let mut barred = of_groups(&question.groups.excluded)?;
        barred.extend(of_keys(&question.feeds.excluded)?);
        Ok(Self {
            question,
            feeds,
            barred,
            scope,
        })
    }

    /// When the entry is shown, if it is let through.
    pub(super) fn pass(&self, conn: &Connection, entry: i64) -> Outcome<Option<i64>> {
        let sql = "SELECT e.feed, e.shown_at, e.standing = 0 AND s.state = 1, s.lead = e.id, s.id
            FROM entry e JOIN story s ON s.id = e.story WHERE e.id = ?1 AND e.standing IN (0, 1)";
        let read = |row: &rusqlite::Row<'_>| {
            let (feed, shown_ms): Found = (row.get(0)?, row.get(1)?);
            let (visible, leads): (bool, bool) = (row.get(2)?, row.get(3)?);
            Ok((feed, shown_ms, (visible, leads, row.get(4)?)))
        };
        let found = conn
            .prepare_cached(sql)?
            .query_row([entry], read)
            .optional()?;
        let Some((feed, shown_ms, seen)) = found else {
            return Ok(None);
        };
        let question = self.question;
        let in_time = question.after.is_none_or(|after| shown_ms >= ms(after))
            && question.before.is_none_or(|before| shown_ms < ms(before));
        let asked = self
            .feeds
            .as_ref()
            .is_none_or(|feeds| feeds.contains(&feed));
        let passes = in_time
            && asked
            && !self.barred.contains(&feed)
            && self.in_scope(conn, feed, seen)?
            && self.speaks(conn, entry)?;
        Ok(passes.then_some(shown_ms))
    }

    /// Readers see the entry where a feed of theirs has it, or where it leads a story that such a feed tells as well.
    fn in_scope(
        &self,
        conn: &Connection,
        feed: i64,
        (visible, leads, story): (bool, bool, i64),
    ) -> Outcome<bool> {
        let told = match &self.scope {
            Scope::Stored => return Ok(true),
            Scope::Shown(None) => return Ok(visible),
            Scope::Shown(Some(told)) => told,
        };
        if !visible || told.contains(&feed) || !leads {
            return Ok(visible && told.contains(&feed));
        }
        let sql = "SELECT feed FROM entry WHERE story = ?1 AND standing = 0";
        let mut query = conn.prepare_cached(sql)?;
        let mut rows = query.query([story])?;
        while let Some(row) = rows.next()? {
            if told.contains(&row.get(0)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn speaks(&self, conn: &Connection, entry: i64) -> Outcome<bool> {
        let languages = &self.question.languages;
        if languages.wanted.is_empty() && languages.excluded.is_empty() {
            return Ok(true);
        }
        let view = Views::default().entry(conn, EntryId(entry))?;
        let spoken = view
            .and_then(|view| view.entry.language.or(view.feed.language))
            .unwrap_or_default()
            .to_ascii_lowercase();
        let is_spoken = |wanted: &String| {
            let rest = spoken.strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let wanted = languages.wanted.is_empty() || languages.wanted.iter().any(is_spoken);
        Ok(wanted && !languages.excluded.iter().any(is_spoken))
    }

    /// Spans of entries to walk, in this order. An entry is never shown as of later than it was first seen, so that
    /// `after` bounds them; what was first seen after `before` may still be an archive's, and comes second.
    fn spans(&self, conn: &Connection) -> Outcome<Vec<Span>> {
        let from = match self.question.after {
            Some(after) => first_seen_from(conn, ms(after))?,
            None => 0,
        };
        let Some(before) = self.question.before else {
            return Ok(vec![(from, i64::MAX)]);
        };
        let edge = first_seen_from(conn, ms(before))?.max(from);
        Ok(vec![(from, edge), (edge, i64::MAX)])
    }

    /// The entries of the feeds that filters or scope leave, newest first; none where they leave all feeds, or too many
    /// entries.
    fn few(&self, conn: &Connection) -> Outcome<Option<Vec<i64>>> {
        let own = "SELECT id FROM entry WHERE feed = ?1 LIMIT ?2";
        let led =
            "SELECT s.lead FROM entry e JOIN story s ON s.id = e.story WHERE e.feed = ?1 LIMIT ?2";
        let (feeds, ways) = match (&self.feeds, &self.scope) {
            (Some(feeds), _) => (feeds.clone(), &[own][..]),
            (None, Scope::Shown(Some(feeds))) => (feeds.clone(), &[own, led][..]),
            _ if self.barred.is_empty() => return Ok(None),
            _ => (every_feed(conn)?, &[own][..]),
        };
        let mut entries: Vec<i64> = Vec::new();
        for feed in feeds.difference(&self.barred) {
            for sql in ways {
                let mut query = conn.prepare_cached(sql)?;
                let rows = query.query_map(params![feed, FEW as i64], |row| row.get(0))?;
                entries.extend(rows.collect::<rusqlite::Result<Vec<i64>>>()?);
            }
            if entries.len() > FEW {
                return Ok(None);
            }
        }
        entries.sort_unstable_by(|one, other| other.cmp(one));
        entries.dedup();
        Ok(Some(entries))
    }
}

fn every_feed(conn: &Connection) -> Outcome<HashSet<i64>> {
    let mut query = conn.prepare_cached("SELECT id FROM feed")?;
    let feeds = query.query_map([], |row| row.get(0))?;
    Ok(feeds.collect::<rusqlite::Result<_>>()?)
}

/// The first entry that was first seen at `at_ms` or later: numbers follow the order of commits.
fn first_seen_from(conn: &Connection, at_ms: i64) -> Outcome<i64> {
    let last = "SELECT coalesce(max(id), 0) FROM entry";
    let (mut low, mut high): (i64, i64) = (
        0,
        1 + conn
            .prepare_cached(last)?
            .query_row([], |row| row.get::<_, i64>(0))?,
    );
    let sql = "SELECT first_seen_at FROM entry WHERE id >= ?1 ORDER BY id LIMIT 1";
    let mut query = conn.prepare_cached(sql)?;
    while low < high {
        let middle = low + (high - low) / 2;
        let seen: Option<i64> = query.query_row([middle], |row| row.get(0)).optional()?;
        if seen.is_none_or(|seen| seen >= at_ms) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

fn ids(conn: &Connection, sql: &str, names: &[String]) -> Outcome<HashSet<i64>> {
    let mut query = conn.prepare_cached(sql)?;
    let mut ids = HashSet::new();
    for name in names {
        let rows = query.query_map([name], |row| row.get(0))?;
        ids.extend(rows.collect::<rusqlite::Result<Vec<i64>>>()?);
    }
    Ok(ids)
}

/// The newest entries that match and pass, with the instant they are shown at.
pub(super) fn candidates(
    conn: &Connection,
    question: &Question,
    sieve: &Sieve<'_>,
) -> Outcome<Vec<Found>> {
    let (said, unsaid) = (question.said(), question.unsaid());
    let mut found = walked(conn, sieve, (said.as_deref(), unsaid.as_deref()))?;
    if let Some(said) = said.filter(|_| found.len() >= RANKED) {
        // So many that older ones fall off the end: those that say it in the title still come in.
        let titled = format!("title : {said}");
        found.extend(walked(conn, sieve, (Some(&titled), None))?);
        found.sort_unstable();
        found.dedup();
    }
    Ok(found)
}

type Words<'w> = (Option<&'w str>, Option<&'w str>);

/// A walk over all entries; where it gives up, one over the entries of few feeds.
fn walked(conn: &Connection, sieve: &Sieve<'_>, words: Words<'_>) -> Outcome<Vec<Found>> {
    let spans = sieve.spans(conn)?;
    let mut walk = Walk::new(conn, sieve);
    for span in &spans {
        walk.over(words, *span, None)?;
    }
    if walk.gave_up
        && let Some(few) = sieve.few(conn)?
    {
        walk = Walk::new(conn, sieve);
        for span in spans {
            walk.over(words, span, Some(&few))?;
        }
    }
    Ok(walk.found)
}

/// One walk, and how far it came.
struct Walk<'w> {
    conn: &'w Connection,
    sieve: &'w Sieve<'w>,
    found: Vec<Found>,
    gave_up: bool,
}

impl<'w> Walk<'w> {
    fn new(conn: &'w Connection, sieve: &'w Sieve<'w>) -> Self {
        Self {
            conn,
            sieve,
            found: Vec::new(),
            gave_up: false,
        }
    }

    /// Downwards through what says the words in `span`, or through all entries where no word is wanted; `only` some.
    fn over(
        &mut self,
        (said, unsaid): Words<'_>,
        (from, below): Span,
        only: Option<&[i64]>,
    ) -> Outcome<()> {
        let saying = "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid >= ?2 AND rowid < ?3
            ORDER BY rowid DESC";
        let entries =
            "SELECT id FROM entry WHERE ?1 = '' AND id >= ?2 AND id < ?3 ORDER BY id DESC";
        let conn = self.conn;
        let mut said_by = conn.prepare_cached(if said.is_some() { saying } else { entries })?;
        let mut rows = said_by.query(params![said.unwrap_or_default(), from, below])?;
        let mut unsaid_by = conn.prepare_cached(saying)?;
        let mut barred = match unsaid.filter(|_| said.is_none()) {
            Some(unsaid) => Some(Barred::new(unsaid_by.query(params![unsaid, from, below])?)?),
            None => None,
        };
        let (mut sieved, mut passed) = (0, 0);
        while self.found.len() < RANKED {
            let Some(row) = rows.next()? else {
                return Ok(());
            };
            let entry: i64 = row.get(0)?;
            let is_other = |only: &[i64]| only.binary_search_by(|one| entry.cmp(one)).is_err();
            if only.is_some_and(is_other) {
                passed += 1;
            } else {
                sieved += 1;
                let is_barred = barred.as_mut().map(|barred| barred.holds(entry));
                if !is_barred.transpose()?.unwrap_or(false) {
                    let shown = self.sieve.pass(conn, entry)?;
                    self.found.extend(shown.map(|shown_ms| (entry, shown_ms)));
                }
            }
            if sieved >= STEPS || passed >= PASSED {
                self.gave_up = true;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Entries that say what must not be said, met as a walk comes down to them.
struct Barred<'r> {
    rows: Rows<'r>,
    next: Option<i64>,
}

impl<'r> Barred<'r> {
    fn new(mut rows: Rows<'r>) -> rusqlite::Result<Self> {
        let next = rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(Self { rows, next })
    }

    fn holds(&mut self, entry: i64) -> rusqlite::Result<bool> {
        while self.next.is_some_and(|next| next > entry) {
            self.next = self.rows.next()?.map(|row| row.get(0)).transpose()?;
        }
        Ok(self.next == Some(entry))
    }
}
