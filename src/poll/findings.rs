//! What a document shows beside its entries, against what is known of its feed: keys used again for other entries, a
//! feed that was taken over, a flood, an archive under new ids. Takes the feed before and the document; renames entries
//! whose key stands for another one, and gives what the state and the operator are to be told. Reads the store once for
//! a changed document, and not at all for a first one.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::Parts;
use super::one::Told;
use crate::model::{
    EntryView, FeedId, FeedMeta, FeedStanding, FeedState, IncomingEntry, Judge, PollReport,
    Standing, Verdict,
};
use crate::schedule::{AnswerKind, Document, entry_mark};
use crate::store::{Known, Result};

/// Reused keys remembered per feed; a publisher who counts positions has as many as entries in its document.
const REUSED_MOST: usize = 512;
/// Fewer entries under new ids are a publisher who mends a few.
const RENUMBERED_LEAST: usize = 5;

/// What is to be remembered and told.
#[derive(Default)]
pub(super) struct Findings {
    /// Nothing was read: the feed keeps what it has.
    read: bool,
    /// Keys that are new, or worded anew with the entry as it stands.
    news: HashMap<String, Option<EntryView>>,
    reused: BTreeMap<String, u32>,
    takeover: Option<String>,
    flood: Option<String>,
    had_notice: bool,
    /// Entries that readers get, with the instant.
    let_through: Option<(usize, Timestamp)>,
    /// The most entries of one day in a first document.
    batch: usize,
}

/// What is looked at: a document, by whichever way it came.
pub(super) struct Page<'d> {
    pub(super) entries: &'d mut [IncomingEntry],
    /// What it says of its feed; taken away where readers must not see it.
    pub(super) meta: &'d mut Option<FeedMeta>,
    /// What the schedule learns from it.
    pub(super) document: Option<&'d mut Document>,
    pub(super) received_at: Timestamp,
}

impl Told {
    pub(super) fn page(&mut self) -> Page<'_> {
        Page {
            entries: &mut self.entries,
            meta: &mut self.meta,
            document: match &mut self.answer.kind {
                AnswerKind::Document(document) => Some(document),
                _ => None,
            },
            received_at: self.received_at,
        }
    }
}

/// Looks at what `told` says of the feed; entries under a reused key leave with a key of their own.
pub(super) async fn of(parts: &Parts, before: &FeedState, mut told: Page<'_>) -> Result<Findings> {
    let mut findings = Findings {
        reused: before.memory.reused_keys.clone(),
        had_notice: before.memory.notice.is_some(),
        ..Findings::default()
    };
    if !before.memory.seeded {
        findings.batch = largest_day(told.entries);
    }
    if told.entries.is_empty() || !before.memory.seeded {
        return Ok(findings);
    }
    findings.read = true;
    let origins: Vec<String> = told
        .entries
        .iter()
        .map(|one| one.entry.key.clone())
        .collect();
    for (incoming, origin) in told.entries.iter_mut().zip(&origins) {
        if let Some(number) = findings.reused.get(origin) {
            incoming.entry.key = numbered(origin, *number);
        }
    }
    let asked = told
        .entries
        .iter()
        .map(|one| (one.entry.key.clone(), one.entry.fingerprint));
    let mut known = parts.store.known(before.id, asked.collect()).await?;
    findings.renumber(parts, told.entries, &origins, &mut known);
    remark(&mut told);
    findings.judge(parts, before, &mut told, &known);
    let reworded = known.reworded.into_iter();
    findings.news = reworded.map(|(key, view)| (key, Some(view))).collect();
    let unknown = known.unknown.into_iter().map(|key| (key, None));
    findings.news.extend(unknown);
    Ok(findings)
}

impl Findings {
    /// Whether the entry under `key` is new, or worded anew; then with the entry as it stands.
    pub(super) fn news_of(&self, key: &str) -> Option<Option<&EntryView>> {
        if !self.read {
            return Some(None);
        }
        self.news.get(key).map(Option::as_ref)
    }

    /// An entry that is clearly not the one its key stands for gets the key's next number.
    fn renumber(
        &mut self,
        parts: &Parts,
        entries: &mut [IncomingEntry],
        origins: &[String],
        known: &mut Known,
    ) {
        let swapped = swapped(entries, known);
        let reworded = known.reworded.iter();
        let reworded: HashMap<&str, &EntryView> =
            reworded.map(|(key, view)| (key.as_str(), view)).collect();
        for (incoming, origin) in entries.iter_mut().zip(origins) {
            let Some(old) = reworded.get(incoming.entry.key.as_str()) else {
                continue;
            };
            let room = self.reused.len() < REUSED_MOST || self.reused.contains_key(origin);
            let other = swapped.contains(&incoming.entry.key)
                || parts.matcher.reuses_key(&old.entry, &incoming.entry);
            if !room || !other {
                continue;
            }
            let number = self.reused.entry(origin.clone()).or_insert(1);
            *number += 1;
            incoming.entry.key = numbered(origin, *number);
            known.unknown.insert(incoming.entry.key.clone());
        }
    }

    fn judge(&mut self, parts: &Parts, before: &FeedState, told: &mut Page<'_>, known: &Known) {
        let is_fresh = |one: &&IncomingEntry| {
            one.verdict == Verdict::Keep && known.unknown.contains(&one.entry.key)
        };
        let fresh: Vec<&IncomingEntry> = told.entries.iter().filter(is_fresh).collect();
        let quarantined = before.standing == FeedStanding::Quarantined;
        if let (false, false, Some(old), Some(new)) = (
            quarantined,
            before.memory.approved,
            &known.meta,
            &*told.meta,
        ) {
            self.takeover = parts
                .matcher
                .suspicious(before, (old, new), &fresh, told.received_at);
        }
        if quarantined || self.takeover.is_some() {
            // Readers go on seeing the name that the feed had before.
            *told.meta = None;
        } else {
            let (at, max_new) = (told.received_at, parts.settings.feed(&before.key).max_new);
            self.flood = parts.matcher.flood_notice(before, &fresh, at, max_new);
            let standings = parts.matcher.admit(before, &fresh, at, max_new);
            let shown = standings.iter().filter(|one| **one == Standing::Shown);
            self.let_through = Some((shown.count(), at));
        }
    }

    /// Puts into the feed's new state what belongs into the poll's own commit.
    pub(super) fn note(&self, after: &mut FeedState) {
        after.memory.let_through.allow(self.batch);
        if !self.read {
            return;
        }
        if let Some((entries, at)) = self.let_through.filter(|(entries, _)| *entries > 0) {
            after.memory.let_through.add(entries, at);
        }
        after.memory.reused_keys.clone_from(&self.reused);
        after.memory.approved = false;
        if let Some(takeover) = &self.takeover {
            after.standing = FeedStanding::Quarantined;
            after.memory.notice = Some(takeover.clone());
        } else if let Some(flood) = &self.flood {
            after.memory.notice = Some(flood.clone());
        }
    }

    /// Tells the operator, now that the commit has said what became of the entries.
    pub(super) async fn tell(
        &self,
        parts: &Parts,
        (id, key): (FeedId, &str),
        offered: usize,
        report: &PollReport,
    ) -> Result<()> {
        let known = report.recognised;
        if known > 0 && self.let_through.is_some() {
            let correct = move |state: &mut FeedState| state.memory.let_through.take_back(known);
            parts.store.update_feed(id, Box::new(correct)).await?;
        }
        if let Some(takeover) = &self.takeover {
            tracing::warn!(
                feed.id = ?key, notice = ?takeover,
                "feed {key:?} is held back until `feedmill feeds approve`"
            );
            return Ok(());
        }
        let renumbered = report.recognised >= RENUMBERED_LEAST && report.recognised * 2 >= offered;
        let notice = if renumbered {
            Some(format!(
                "{} of {offered} entries came under new ids; they were recognised and nothing is shown again",
                report.recognised
            ))
        } else {
            self.flood.clone().filter(|_| report.held > 0)
        };
        match &notice {
            Some(notice) if self.flood.is_some() || !self.had_notice => tracing::warn!(
                feed.id = ?key, notice = ?notice, "feed {key:?} needs a look: `feedmill feeds` tells"
            ),
            _ => {}
        }
        // What looked like a flood before the commit may have been an archive under new ids.
        if self.flood.is_some() && notice == self.flood {
            return Ok(());
        }
        if self.flood.is_none() && (notice.is_none() || self.had_notice) {
            return Ok(());
        }
        let correct = move |state: &mut FeedState| state.memory.notice = notice;
        parts.store.update_feed(id, Box::new(correct)).await
    }
}

/// An entry by what may prove it under any key: page, title, text.
type Traits<'a> = (Option<&'a str>, &'a str, &'a str);
/// Two of them that prove it together.
type Face<'a> = (&'a str, &'a str);

fn by_page<'a>((page, title, _): Traits<'a>) -> Option<Face<'a>> {
    Some((page?, title))
}

/// A line may come again; where there is a page as well, it takes a paragraph.
fn by_words<'a>((page, title, text): Traits<'a>) -> Option<Face<'a>> {
    const PARAGRAPH: usize = 80;
    let says_enough = text.len() >= PARAGRAPH || page.is_none() && !text.is_empty();
    says_enough.then_some((text, title))
}

/// Keys whose entry is now under another key of the same document, or that took over another's entry: publishers who
/// count positions move every entry down when a new one comes. Page and title together prove it; where an entry has no
/// page of its own, or all pages have moved meanwhile, text and title.
fn swapped(entries: &[IncomingEntry], known: &Known) -> HashSet<String> {
    let mut keys = swapped_by(by_page, entries, known);
    keys.extend(swapped_by(by_words, entries, known));
    keys
}

fn swapped_by<'a>(
    face: fn(Traits<'a>) -> Option<Face<'a>>,
    entries: &'a [IncomingEntry],
    known: &'a Known,
) -> HashSet<String> {
    let stored = |view: &'a EntryView| -> Traits<'a> {
        let entry = &view.entry;
        (view.canonical_link.as_deref(), &entry.title, &entry.text)
    };
    let offered = |one: &'a IncomingEntry| -> Traits<'a> {
        let page = one.keys.canonical_link.as_deref();
        (page, &one.entry.title, &one.entry.text)
    };
    let views = known.reworded.iter();
    let old: HashMap<&str, Traits<'_>> = views
        .map(|(key, view)| (key.as_str(), stored(view)))
        .collect();
    let before: HashSet<Face<'_>> = old.values().filter_map(|old| face(*old)).collect();
    let after: HashSet<Face<'_>> = entries
        .iter()
        .filter_map(|one| face(offered(one)))
        .collect();
    let is_other = |one: &&'a IncomingEntry| {
        let Some(old) = old.get(one.entry.key.as_str()) else {
            return false;
        };
        let new = offered(one);
        let same_page = old.0.is_some() && old.0 == new.0;
        let faces = face(*old).zip(face(new)).filter(|_| !same_page);
        faces.is_some_and(|(old, new)| {
            old.0 != new.0 && (after.contains(&old) || before.contains(&new))
        })
    };
    let swapped = entries.iter().filter(is_other);
    swapped.map(|one| one.entry.key.clone()).collect()
}

/// The reused key's entry of that number.
fn numbered(key: &str, number: u32) -> String {
    format!("{key}#{number}")
}

/// What the schedule learns new entries by follows the keys.
fn remark(told: &mut Page<'_>) {
    let Some(document) = &mut told.document else {
        return;
    };
    for (trace, incoming) in document.entries.iter_mut().zip(&*told.entries) {
        trace.mark = entry_mark(&incoming.entry.key);
    }
}

/// The most entries that a document dates to one day: how this feed comes, before anything else is known of it.
fn largest_day(entries: &[IncomingEntry]) -> usize {
    let mut days: HashMap<i64, usize> = HashMap::new();
    for at in entries.iter().filter_map(|one| one.entry.published_at) {
        *days.entry(at.as_second().div_euclid(86_400)).or_default() += 1;
    }
    days.into_values().max().unwrap_or(0)
}
