//! The roster: makes the stored subscribers those of the config, in one commit. Who signed up stays while their digest is
//! there; who was named stays while the config names them; a digest that got another name takes both along.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::notes;
use super::row::{Outcome, get_code, ms};
use super::select::last_seq;
use super::subscribers::{moved, one, withdraw_queued};
use crate::model::{
    Roster, StorySeq, SubscriberId, SubscriberOrigin, SubscriberSpec, SubscriberStanding,
    mailbox_key,
};

/// A row as the roster finds it.
struct Row {
    id: i64,
    standing: SubscriberStanding,
    origin: SubscriberOrigin,
}

type Known = HashMap<(String, String), Row>;

/// What the rows are held against.
struct Change<'a> {
    roster: &'a Roster,
    /// Digests that had a subscriber or an edition before.
    begun: HashSet<String>,
    /// Digests that somebody gets: one that is not among them comes into the config just now, perhaps again.
    living: HashSet<String>,
    /// Mailboxes of digests that leave the config just now. A digest that comes in the same moment is that one under a
    /// new name: nobody gets a story again for it, and who had left stays away.
    left: HashMap<String, i64>,
    last: StorySeq,
    now: Timestamp,
}

/// Makes the stored subscribers those of the config.
pub(super) fn sync(conn: &Connection, roster: &Roster, now: Timestamp) -> Outcome<()> {
    let (mut known, ousted) = known(conn)?;
    let change = Change {
        roster,
        begun: begun(conn, roster)?,
        living: living(conn)?,
        left: left(conn, roster)?,
        last: last_seq(conn)?,
        now,
    };
    for spec in &roster.subscribers {
        let key = mailbox_key(&spec.address);
        match known.remove(&(spec.digest.clone(), key.clone())) {
            None => change.bring(conn, spec, &key)?,
            Some(row) => {
                change.wake(conn, &row, (&spec.digest, &key))?;
                refresh(conn, row.id, spec)?;
            }
        }
    }
    let stays = |((digest, _), row): &(&(String, String), &Row)| {
        row.origin == SubscriberOrigin::Own && change.zone_of(digest).is_some()
    };
    let (kept, gone): (Vec<_>, Vec<_>) = known.iter().partition(stays);
    // Who stays may go on with what stands under another name, so that one leaves last.
    for ((digest, key), row) in kept {
        change.keep(conn, row, (digest, key))?;
    }
    for ((_, key), row) in gone {
        change.remove(conn, row, key)?;
    }
    for row in ousted {
        dismiss(conn, &row, now)?;
    }
    Ok(())
}

impl Change<'_> {
    fn zone_of(&self, digest: &str) -> Option<&str> {
        let mut digests = self.roster.digests.iter();
        let (_, zone) = digests.find(|(name, _)| name == digest)?;
        Some(zone)
    }

    /// Somebody whom the digest did not have.
    fn bring(&self, conn: &Connection, spec: &SubscriberSpec, key: &str) -> Outcome<()> {
        let begun = self.begun.contains(&spec.digest);
        match self.left.get(key) {
            Some(before) if !begun => move_in(conn, spec, *before, self.now),
            // A digest that has begun owes a new subscriber only what comes from now on.
            _ if begun => add(conn, spec, self.last, self.now),
            _ => add(conn, spec, StorySeq(0), self.now),
        }
    }

    /// Takes a row back that had left the config, with what happened under another name of its digest meanwhile.
    fn wake(&self, conn: &Connection, row: &Row, (digest, key): (&str, &str)) -> Outcome<()> {
        if row.standing != SubscriberStanding::Removed {
            return Ok(());
        }
        come_back(conn, row.id, self.last, self.now)?;
        match self.left.get(key).filter(|_| !self.living.contains(digest)) {
            Some(before) => move_back(conn, row.id, *before),
            None => Ok(()),
        }
    }

    /// Somebody who signed up, whose digest is there.
    fn keep(&self, conn: &Connection, row: &Row, (digest, key): (&str, &str)) -> Outcome<()> {
        self.wake(conn, row, (digest, key))?;
        // What was chosen under another name came with the row that woke.
        let sql = "UPDATE subscriber SET zone = coalesce(own_zone, ?2)
            WHERE id = ?1 AND zone <> coalesce(own_zone, ?2)";
        let zone = self.zone_of(digest).unwrap_or_default();
        conn.prepare_cached(sql)?.execute(params![row.id, zone])?;
        Ok(())
    }

    /// Somebody whom nothing in the config keeps; who signed up goes along where their digest got another name.
    fn remove(&self, conn: &Connection, row: &Row, key: &str) -> Outcome<()> {
        let stays = row.origin == SubscriberOrigin::Own && self.left.get(key) == Some(&row.id);
        if let Some((digest, zone)) = stays.then(|| self.successor()).flatten()
            && let Some(record) = one(conn, SubscriberId(row.id))?
        {
            let named = self.roster.subscribers.iter();
            let mut there = named.filter(|spec| spec.digest == digest);
            if !there.any(|spec| mailbox_key(&spec.address) == key) {
                let spec = SubscriberSpec {
                    digest: digest.to_owned(),
                    zone: zone.to_owned(),
                    ..record.spec
                };
                move_in(conn, &spec, row.id, self.now)?;
            }
        }
        dismiss(conn, row, self.now)
    }

    /// The new name of the digest that leaves, where one leaves and one comes.
    fn successor(&self) -> Option<(&str, &str)> {
        let living = self.living.iter();
        let gone = living.filter(|name| self.zone_of(name).is_none());
        let digests = self.roster.digests.iter();
        let mut come = digests.filter(|(name, _)| !self.begun.contains(name));
        let (name, zone) = come.next()?;
        (gone.count() == 1 && come.next().is_none()).then_some((name, zone))
    }
}

fn begun(conn: &Connection, roster: &Roster) -> Outcome<HashSet<String>> {
    let sql = "SELECT EXISTS (SELECT 1 FROM edition WHERE digest = ?1)
        OR EXISTS (SELECT 1 FROM subscriber WHERE digest = ?1)";
    let mut query = conn.prepare_cached(sql)?;
    let mut begun = HashSet::new();
    for (digest, _) in &roster.digests {
        if query.query_row([digest], |row| row.get(0))? {
            begun.insert(digest.clone());
        }
    }
    Ok(begun)
}

fn living(conn: &Connection) -> Outcome<HashSet<String>> {
    let mut query =
        conn.prepare_cached("SELECT DISTINCT digest FROM subscriber WHERE standing <> 5")?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn left(conn: &Connection, roster: &Roster) -> Outcome<HashMap<String, i64>> {
    let mut query = conn.prepare_cached(
        "SELECT address, digest, id FROM subscriber WHERE standing <> 5 ORDER BY cursor",
    )?;
    let mut rows = query.query([])?;
    let mut left = HashMap::new();
    while let Some(row) = rows.next()? {
        let digest: String = row.get(1)?;
        if !roster.digests.iter().any(|(name, _)| *name == digest) {
            left.insert(mailbox_key(&row.get::<_, String>(0)?), row.get(2)?);
        }
    }
    Ok(left)
}

fn move_in(conn: &Connection, spec: &SubscriberSpec, before: i64, now: Timestamp) -> Outcome<()> {
    let sql =
        "INSERT INTO subscriber (digest, address, name, zone, standing, reason, since_at, cursor, own_zone, own_language, own_groups,
            own_weekday, origin, suppressed)
        SELECT ?1, ?2, ?3, coalesce(own_zone, ?4), standing, reason, ?5, cursor, own_zone, own_language, own_groups, own_weekday, origin, suppressed
        FROM subscriber WHERE id = ?6";
    conn.prepare_cached(sql)?.execute(params![
        spec.digest,
        spec.address,
        spec.name,
        spec.zone,
        ms(now),
        before
    ])?;
    let after = conn.last_insert_rowid().to_string();
    notes::set(conn, &moved(SubscriberId(before)), Some(after.as_bytes()))
}

/// A digest that goes back to a name it had: the old row goes on with what was wished and served under the other name.
fn move_back(conn: &Connection, id: i64, before: i64) -> Outcome<()> {
    let sql = "UPDATE subscriber SET (standing, reason, cursor, own_zone, own_language, own_groups, own_weekday, origin, suppressed) =
        (SELECT standing, reason, cursor, own_zone, own_language, own_groups, own_weekday, origin, suppressed FROM subscriber WHERE id = ?2)
        WHERE id = ?1";
    conn.prepare_cached(sql)?.execute([id, before])?;
    notes::set(conn, &moved(SubscriberId(id)), None)?;
    let after = id.to_string();
    notes::set(conn, &moved(SubscriberId(before)), Some(after.as_bytes()))
}

/// Rows by digest and mailbox, and those whose place another has taken: of rows that differ in spelling only the living
/// one counts, the newest of several.
fn known(conn: &Connection) -> Outcome<(Known, Vec<Row>)> {
    let sql =
        "SELECT digest, address, id, standing, origin FROM subscriber ORDER BY standing <> 5, id";
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query([])?;
    let (mut known, mut ousted) = (Known::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let key = (row.get(0)?, mailbox_key(&row.get::<_, String>(1)?));
        let found = Row {
            id: row.get(2)?,
            standing: get_code(row, 3)?,
            origin: get_code(row, 4)?,
        };
        ousted.extend(known.insert(key, found));
    }
    Ok((known, ousted))
}

fn add(conn: &Connection, spec: &SubscriberSpec, cursor: StorySeq, now: Timestamp) -> Outcome<()> {
    let sql = "INSERT INTO subscriber (digest, address, name, zone, standing, since_at, cursor)
        VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)";
    conn.prepare_cached(sql)?.execute(params![
        spec.digest,
        spec.address,
        spec.name,
        spec.zone,
        ms(now),
        cursor.0
    ])?;
    Ok(())
}

fn refresh(conn: &Connection, id: i64, spec: &SubscriberSpec) -> Outcome<()> {
    let sql = "UPDATE subscriber SET name = ?2, zone = coalesce(own_zone, ?3)
        WHERE id = ?1 AND (name IS NOT ?2 OR zone <> coalesce(own_zone, ?3))";
    conn.prepare_cached(sql)?
        .execute(params![id, spec.name, spec.zone])?;
    // An old row may have this very spelling: then ours stays as it is.
    let sql = "UPDATE OR IGNORE subscriber SET address = ?2 WHERE id = ?1 AND address <> ?2";
    conn.prepare_cached(sql)?
        .execute(params![id, spec.address])?;
    Ok(())
}

/// As they were; what went by while the config did not name them is not owed.
pub(super) fn come_back(conn: &Connection, id: i64, last: StorySeq, now: Timestamp) -> Outcome<()> {
    let sql = "UPDATE subscriber SET standing = coalesce(kept_standing, 0), kept_standing = NULL, since_at = ?2,
        cursor = max(cursor, ?3) WHERE id = ?1";
    conn.prepare_cached(sql)?.execute([id, ms(now), last.0])?;
    Ok(())
}

fn dismiss(conn: &Connection, row: &Row, now: Timestamp) -> Outcome<()> {
    if row.standing == SubscriberStanding::Removed {
        return Ok(());
    }
    let sql =
        "UPDATE subscriber SET standing = 5, kept_standing = standing, since_at = ?2 WHERE id = ?1";
    conn.prepare_cached(sql)?.execute([row.id, ms(now)])?;
    withdraw_queued(conn, row.id, now)
}
