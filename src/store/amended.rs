//! Stories that editions carried and that were edited in substance afterwards, with the states their readers saw: what
//! a corrections section is made from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::pack;
use super::row::{Outcome, get_at, ms};
use super::views::Views;
use crate::model::{Amended, FormerState, Mailed, StoryId, StorySeq, SubscriberId};

/// Amended stories of a digest's editions frozen since `since`, by the newest change first.
pub(super) fn of_digest(
    conn: &Connection,
    digest: &str,
    since: Timestamp,
) -> Outcome<Vec<Amended>> {
    let mut views = Views::default();
    let mut amended = Vec::new();
    for ((story, lead), first_at) in carried(conn, digest, since)? {
        let Some(view) = views.story(conn, StoryId(story))? else {
            continue;
        };
        amended.push(Amended {
            story: view,
            former: former_states(conn, lead, first_at)?,
        });
    }
    let changed_at = |one: &Amended| one.former.last().map(|state| state.replaced_at);
    amended.sort_by_key(|one| (std::cmp::Reverse(changed_at(one)), one.story.id));
    Ok(amended)
}

/// The first edition that carried a story, by story and lead, where the lead was edited after one of them.
type Carried = BTreeMap<(i64, i64), Timestamp>;

fn carried(conn: &Connection, digest: &str, since: Timestamp) -> Outcome<Carried> {
    let sql = "SELECT st.id, st.lead, min(e.frozen_at) FROM edition e
        JOIN edition_story s ON s.edition = e.id JOIN story st ON st.id = s.story AND st.state = 1
        WHERE e.digest = ?1 AND e.frozen_at >= ?2 AND EXISTS
            (SELECT 1 FROM revision r WHERE r.entry = st.lead AND r.substantial = 1 AND r.replaced_at > e.frozen_at)
        GROUP BY st.id, st.lead";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map(params![digest, ms(since)], |row| {
        Ok(((row.get(0)?, row.get(1)?), get_at(row, 2)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn former_states(conn: &Connection, entry: i64, since: Timestamp) -> Outcome<Vec<FormerState>> {
    let sql = "SELECT replaced_at, title, pack FROM revision
        WHERE entry = ?1 AND substantial = 1 AND replaced_at > ?2 ORDER BY revision";
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query([entry, ms(since)])?;
    let mut states = Vec::new();
    while let Some(row) = rows.next()? {
        let text = pack::decompress(&row.get::<_, Vec<u8>>(2)?)?;
        states.push(FormerState {
            replaced_at: get_at(row, 0)?,
            title: row.get(1)?,
            text: String::from_utf8_lossy(&text).into_owned(),
        });
    }
    Ok(states)
}

/// Mails of the editions frozen since `since` that went out, or are about to.
pub(super) fn mailed(conn: &Connection, digest: &str, since: Timestamp) -> Outcome<Vec<Mailed>> {
    let sql = "SELECT m.subscriber, e.frozen_at, m.after, e.until FROM edition e JOIN message m ON m.edition = e.id
        WHERE e.digest = ?1 AND e.frozen_at >= ?2 AND m.standing IN (0, 1, 2)";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map(params![digest, ms(since)], |row| {
        Ok(Mailed {
            subscriber: SubscriberId(row.get(0)?),
            frozen_at: get_at(row, 1)?,
            after: StorySeq(row.get(2)?),
            until: StorySeq(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
