//! Full-text search over all stories. The index is kept up while nothing else is to be done, and before a search.
//!
//! Ranking costs the same however much is stored: among the newest matches, those that say it more often, in the
//! title, and lately, come first.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use super::fold;
use super::question::{self, Question};
use super::row::Outcome;
use super::sieve::{self, Sieve};
use super::snippet;
use super::views::{Views, story_of};
use crate::model::{EntryId, EntryView, SearchHit, SearchQuery, SearchScope, StoryId, StoryView};

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

/// Ranked stories, best first, one page of those that `shows` lets through.
pub(super) fn find(
    conn: &Connection,
    query: &SearchQuery,
    shows: &dyn Fn(&StoryView) -> bool,
) -> Outcome<Vec<SearchHit>> {
    let question = question::parse(&query.text);
    let sieve = Sieve::new(conn, &question, &query.scope)?;
    let mut views = Views::default();
    let mut hits = Vec::new();
    let mut skipped = 0;
    for one in ranked(conn, (&question, &sieve), &mut views)? {
        if hits.len() >= query.limit {
            break;
        }
        let Some(story) = views.story(conn, StoryId(one.story))?.filter(shows) else {
            continue;
        };
        if skipped < query.offset {
            skipped += 1;
            continue;
        }
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

/// The best match of each story, best first.
fn ranked(
    conn: &Connection,
    (question, sieve): (&Question, &Sieve<'_>),
    views: &mut Views,
) -> Outcome<Vec<Match>> {
    let found = sieve::candidates(conn, question, sieve)?;
    let newest = found.iter().map(|(_, shown_ms)| *shown_ms).max();
    let mut best: HashMap<i64, Match> = HashMap::new();
    for (entry, shown_ms) in found {
        let Some(story) = story_of(conn, entry)? else {
            continue;
        };
        let Some(view) = views.entry(conn, EntryId(entry))? else {
            continue;
        };
        let age_ms = newest.unwrap_or(shown_ms) - shown_ms;
        let one = Match {
            story,
            entry,
            score: score(question, &view, age_ms),
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
    Ok(ranked)
}

/// Those of `stories` that answer `text`, each looked at: an edition must not lose what a ranking would cut off.
pub(super) fn matching(
    conn: &Connection,
    text: &str,
    stories: &[StoryId],
) -> Outcome<HashSet<StoryId>> {
    let question = question::parse(text);
    let sieve = Sieve::new(conn, &question, &SearchScope::Stored)?;
    let (said, unsaid) = (question.said(), question.unsaid());
    let mut of_story = conn.prepare_cached("SELECT id FROM entry WHERE story = ?1")?;
    let mut says =
        conn.prepare_cached("SELECT 1 FROM words WHERE words MATCH ?1 AND rowid = ?2")?;
    let mut matching = HashSet::new();
    for story in stories {
        let entries: Vec<i64> = of_story
            .query_map([story.0], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for entry in entries {
            let answers = match (&said, &unsaid) {
                (Some(said), _) => says.exists(params![said, entry])?,
                (None, Some(unsaid)) => !says.exists(params![unsaid, entry])?,
                (None, None) => true,
            };
            if answers && sieve.pass(conn, entry)?.is_some() {
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
