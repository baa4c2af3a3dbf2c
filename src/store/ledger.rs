//! The counters in the database's one row of facts: the next sequence number, entries, visible stories. A deed reads
//! the row once, counts in memory, and writes once at its end.

use rusqlite::Connection;

use super::codes::StoryState;
use super::row::Outcome;

/// What one deed changes.
#[derive(Default)]
pub(super) struct Ledger {
    last_seq: Option<i64>,
    entries: i64,
    stories: i64,
}

impl Ledger {
    /// The next sequence number: a counter in the database, so that retention can never make one come twice.
    pub(super) fn next_seq(&mut self, conn: &Connection) -> Outcome<i64> {
        let last = match self.last_seq {
            Some(last) => last,
            None => conn
                .prepare_cached("SELECT last_seq FROM about")?
                .query_row([], |row| row.get(0))?,
        };
        self.last_seq = Some(last + 1);
        Ok(last + 1)
    }

    /// Entries came, or went.
    pub(super) fn entries(&mut self, by: i64) {
        self.entries += by;
    }

    /// A story's state went from one to another; none is a story that is not there.
    pub(super) fn moved(&mut self, before: Option<StoryState>, after: Option<StoryState>) {
        let counts = |state| i64::from(state == Some(StoryState::Visible));
        self.stories += counts(after) - counts(before);
    }

    /// Writes what changed.
    pub(super) fn close(self, conn: &Connection) -> Outcome<()> {
        if self.last_seq.is_none() && self.entries == 0 && self.stories == 0 {
            return Ok(());
        }
        let sql = "UPDATE about SET last_seq = coalesce(?1, last_seq), entries = entries + ?2, stories = stories + ?3";
        conn.prepare_cached(sql)?.execute(rusqlite::params![
            self.last_seq,
            self.entries,
            self.stories
        ])?;
        Ok(())
    }
}

/// Counts anew what [`Ledger`] keeps: cheap once a day, and whatever went wrong does not stay.
pub(super) fn recount(conn: &Connection) -> Outcome<()> {
    let sql = "UPDATE about SET entries = (SELECT count(*) FROM entry),
        stories = (SELECT count(*) FROM story WHERE state = 1)";
    conn.execute(sql, [])?;
    Ok(())
}
