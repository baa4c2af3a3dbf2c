//! Full-text search over all stories. The index is kept up while nothing else is to be done, and before a search.
//!
//! Ranking costs the same however much is stored: among the newest matches, those that say it more often, in the
//! title, and lately, come first.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::fold;
use super::question::{self, Question};
use super::row::{Outcome, ms};
use super::snippet;
use super::views::{Views, story_of};
use crate::model::{EntryId, EntryView, SearchHit, SearchQuery, Standing, StoryId};

/// Newest matches that are ranked.
const RANKED: usize = 300;
/// Matches looked at for them when filters leave most out.
const STEPS: usize = 6_000;
/// Longest text that is indexed, in bytes.
const LONGEST: usize = 60_000;
/// Half of the bonus for being new is gone after this.
const FRESH_MS: f64 = 30.0 * 24.0 * 3_600_000.0;

/// True where entries wait to be indexed, or the index was made by another fold.
pub(super) fn is_behind(conn: &Connection) -> Outcome<bool> {
    let sql = "SELECT fold_version <> ?1 OR indexed_entry < (SELECT coalesce(max(id), 0) FROM entry) FROM about";
    Ok(conn
        .prepare_cached(sql)?
        .query_row([fold::VERSION], |row| row.get(0))?)
}

/// Indexes up to `step` entries that are not indexed yet; gives 0 when none is left.
pub(super) fn index_pending(conn: &Connection, step: usize) -> Outcome<usize> {
    let sql = "SELECT fold_version, indexed_entry FROM about";
    let (version, mut done): (i64, i64) = conn
        .prepare_cached(sql)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if version != fold::VERSION {
        conn.execute("INSERT INTO words (words) VALUES ('delete-all')", [])?;
        done = 0;
    }
    let sql = "SELECT id FROM entry WHERE id > ?1 ORDER BY id LIMIT ?2";
    let ids: Vec<i64> = conn
        .prepare_cached(sql)?
        .query_map([done, i64::try_from(step).unwrap_or(i64::MAX)], |row| {
            row.get(0)
        })?
        .collect::<rusqlite::Result<_>>()?;
    for id in &ids {
        index(conn, *id)?;
    }
    let last = ids.last().copied().unwrap_or(done);
    let sql = "UPDATE about SET indexed_entry = ?1, fold_version = ?2 WHERE indexed_entry <> ?1 OR fold_version <> ?2";
    conn.prepare_cached(sql)?.execute([last, fold::VERSION])?;
    Ok(if ids.len() < step { 0 } else { ids.len() })
}

fn index(conn: &Connection, id: i64) -> Outcome<()> {
    if story_of(conn, id)?.is_none() {
        return Ok(());
    }
    let Some(view) = Views::default().entry(conn, EntryId(id))? else {
        return Ok(());
    };
    let entry = &view.entry;
    let names: Vec<&str> = entry
        .authors
        .iter()
        .filter_map(|author| author.name.as_deref())
        .collect();
    let sql = "INSERT INTO words (rowid, title, author, body) VALUES (?1, ?2, ?3, ?4)";
    conn.prepare_cached(sql)?.execute(params![
        id,
        fold::for_index(&entry.title),
        fold::for_index(&names.join(" ")),
        fold::for_index(head(&entry.text)),
    ])?;
    Ok(())
}

fn head(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or(text)
}

/// Indexes a changed entry anew, where it was indexed.
pub(super) fn reindex(conn: &Connection, entry: i64) -> Outcome<()> {
    let indexed: i64 = conn
        .prepare_cached("SELECT indexed_entry FROM about")?
        .query_row([], |row| row.get(0))?;
    if entry > indexed {
        return Ok(());
    }
    forget(conn, entry)?;
    index(conn, entry)
}

/// Takes an entry out of the index.
pub(super) fn forget(conn: &Connection, entry: i64) -> Outcome<()> {
    conn.prepare_cached("DELETE FROM words WHERE rowid = ?1")?
        .execute([entry])?;
    Ok(())
}

/// A match with what speaks for it.
struct Match {
    story: i64,
    entry: i64,
    score: f64,
    shown_ms: i64,
}

/// Ranked stories, best first, one page.
pub(super) fn find(conn: &Connection, query: &SearchQuery) -> Outcome<Vec<SearchHit>> {
    let question = question::parse(&query.text);
    let sieve = Sieve::new(conn, &question, &query.groups)?;
    let mut views = Views::default();
    let found = candidates(conn, &question, &sieve)?;
    let newest = found
        .iter()
        .map(|(_, shown_ms)| *shown_ms)
        .max()
        .unwrap_or(0);
    let mut best: HashMap<i64, Match> = HashMap::new();
    for (entry, shown_ms) in found {
        let Some(story) = story_of(conn, entry)? else {
            continue;
        };
        let Some(view) = views.entry(conn, EntryId(entry))? else {
            continue;
        };
        let score = score(&question, &view, newest - shown_ms);
        let one = Match {
            story,
            entry,
            score,
            shown_ms,
        };
        match best.get(&story) {
            Some(known) if known.score >= one.score => {}
            _ => drop(best.insert(story, one)),
        }
    }
    let mut ranked: Vec<Match> = best.into_values().collect();
    ranked.sort_by(|one, other| {
        other
            .score
            .total_cmp(&one.score)
            .then((other.shown_ms, other.story).cmp(&(one.shown_ms, one.story)))
    });
    let mut hits = Vec::new();
    for one in ranked.into_iter().skip(query.offset).take(query.limit) {
        let Some(story) = views.story(conn, StoryId(one.story))? else {
            continue;
        };
        let Some(entry) = views.entry(conn, EntryId(one.entry))? else {
            continue;
        };
        hits.push(SearchHit {
            story,
            snippet: snippet::runs(&question, &entry.entry.text),
        });
    }
    Ok(hits)
}

/// Those of `stories` that answer `text`, each looked at: an edition must not lose what a ranking would cut off.
pub(super) fn matching(
    conn: &Connection,
    text: &str,
    stories: &[StoryId],
) -> Outcome<HashSet<StoryId>> {
    let question = question::parse(text);
    let sieve = Sieve::new(conn, &question, &[])?;
    let fts = question.fts();
    let mut of_story = conn.prepare_cached("SELECT id FROM entry WHERE story = ?1")?;
    let mut says =
        conn.prepare_cached("SELECT 1 FROM words WHERE words MATCH ?1 AND rowid = ?2")?;
    let mut matching = HashSet::new();
    for story in stories {
        let entries: Vec<i64> = of_story
            .query_map([story.0], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for entry in entries {
            let said = match &fts {
                Some(fts) => says.exists(params![fts, entry])?,
                None => true,
            };
            if said && sieve.pass(conn, entry)?.is_some() {
                matching.insert(*story);
            }
        }
    }
    Ok(matching)
}

/// Saturating counts, the title five times as telling, and up to as much again for being new.
fn score(question: &Question, view: &EntryView, age_ms: i64) -> f64 {
    let count = |text: &str| {
        let words = fold::words(&fold::composed(text));
        (snippet::hits(question, &words) as f64, words.len() as f64)
    };
    let (title, _) = count(&view.entry.title);
    let (body, length) = count(head(&view.entry.text));
    let said = title * 5.0 + body;
    let relevance = said * 2.2 / (said + 1.2 * (0.25 + 0.75 * length.max(20.0) / 300.0));
    relevance * (1.0 + 1.0 / (1.0 + age_ms as f64 / FRESH_MS))
}

/// What filters let through.
struct Sieve<'a> {
    feeds: Option<HashSet<i64>>,
    question: &'a Question,
}

impl<'a> Sieve<'a> {
    fn new(conn: &Connection, question: &'a Question, groups: &[String]) -> Outcome<Self> {
        let mut feeds: Option<HashSet<i64>> = None;
        let mut narrow = |to: HashSet<i64>| match &mut feeds {
            Some(feeds) => feeds.retain(|feed| to.contains(feed)),
            none => *none = Some(to),
        };
        if !groups.is_empty() && !groups.iter().any(|group| group == "*") {
            narrow(ids(
                conn,
                "SELECT feed FROM feed_group WHERE name = ?1",
                groups,
            )?);
        }
        if !question.groups.is_empty() {
            narrow(ids(
                conn,
                "SELECT feed FROM feed_group WHERE name = ?1",
                &question.groups,
            )?);
        }
        if !question.feeds.is_empty() {
            narrow(ids(
                conn,
                "SELECT id FROM feed WHERE key = ?1",
                &question.feeds,
            )?);
        }
        Ok(Self { feeds, question })
    }

    /// When the entry is shown, if the filters let it through.
    fn pass(&self, conn: &Connection, entry: i64) -> Outcome<Option<i64>> {
        let sql = "SELECT feed, shown_at FROM entry WHERE id = ?1 AND standing IN (0, 1)";
        let found: Option<(i64, i64)> = conn
            .prepare_cached(sql)?
            .query_row([entry], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((feed, shown_ms)) = found else {
            return Ok(None);
        };
        let in_time = self
            .question
            .after
            .is_none_or(|after| shown_ms >= ms(after))
            && self
                .question
                .before
                .is_none_or(|before| shown_ms < ms(before));
        let of_feed = self
            .feeds
            .as_ref()
            .is_none_or(|feeds| feeds.contains(&feed));
        if !in_time || !of_feed || !self.speaks(conn, entry)? {
            return Ok(None);
        }
        Ok(Some(shown_ms))
    }

    fn speaks(&self, conn: &Connection, entry: i64) -> Outcome<bool> {
        if self.question.languages.is_empty() {
            return Ok(true);
        }
        let view = Views::default().entry(conn, EntryId(entry))?;
        let view = view.filter(|view| matches!(view.standing, Standing::Shown | Standing::Backlog));
        let language = view
            .and_then(|view| view.entry.language.or(view.feed.language))
            .unwrap_or_default();
        let language = language.to_ascii_lowercase();
        Ok(self.question.languages.iter().any(|wanted| {
            language
                .strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        }))
    }
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
fn candidates(
    conn: &Connection,
    question: &Question,
    sieve: &Sieve<'_>,
) -> Outcome<Vec<(i64, i64)>> {
    let Some(fts) = question.fts() else {
        return take(
            conn,
            ("SELECT id FROM entry WHERE ?1 = '' ORDER BY id DESC", ""),
            sieve,
        );
    };
    let mut found = take(
        conn,
        (
            "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC",
            &fts,
        ),
        sieve,
    )?;
    if found.len() >= RANKED {
        // So many that older ones fall off the end: those that say it in the title still come in.
        let titled = format!("title : {fts}");
        let titled = take(
            conn,
            (
                "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC",
                &titled,
            ),
            sieve,
        )?;
        found.extend(titled);
        found.sort_unstable();
        found.dedup();
    }
    Ok(found)
}

fn take(
    conn: &Connection,
    (sql, with): (&str, &str),
    sieve: &Sieve<'_>,
) -> Outcome<Vec<(i64, i64)>> {
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query([with])?;
    let mut found = Vec::new();
    let mut steps = 0;
    while let Some(row) = rows.next()? {
        let entry: i64 = row.get(0)?;
        found.extend(sieve.pass(conn, entry)?.map(|shown_ms| (entry, shown_ms)));
        steps += 1;
        if found.len() >= RANKED || steps >= STEPS {
            break;
        }
    }
    Ok(found)
}
