//! Full text: where the operator asks for it, the pages of new and changed entries are read before the poll is
//! committed, so that an entry appears once and whole instead of first short and then edited. Few pages a poll, one
//! after the other, with leave of their host and its robots.txt, under one deadline: what does not come in time keeps
//! the feed's own words, and so does what comes shorter. An entry that has its page's text keeps it when the feed words
//! its summary anew; only clearly other words have the page read again. Entries beyond the pages of one poll are read
//! when the feed's document has changed again, as long as it has them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use texting_robots::Robot;
use url::Url;

use super::Shared;
use super::findings::Findings;
use crate::fetch::{Answer, Signal};
use crate::model::{EntryView, IncomingEntry, ParsedEntry, PollTrouble, SafeHtml, Verdict};
use crate::parse::{Article, article};
use crate::store::link_key;
use crate::story::Matcher;

/// Pages of one poll.
const PAGES: usize = 8;
/// Pages that later polls may still read: so many of a feed's, and no more.
const DUE: usize = 64;
/// For all of them together.
const DEADLINE: Duration = Duration::from_secs(20);
const PAGE_BYTES: u64 = 2 << 20;
const ROBOTS_BYTES: u64 = 64 << 10;
const ROBOTS_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Our name in robots.txt.
const AGENT: &str = "feedmill";
const ACCEPT: &str = "text/html,application/xhtml+xml;q=0.9";

/// What came of the pages of a document.
#[derive(Default)]
pub(super) struct Pages {
    /// Keys of entries whose turn has not come: a later poll reads their pages.
    pub(super) due: Vec<String>,
    /// Keys of known entries that this poll read whole.
    pub(super) late: Vec<String>,
}

impl Pages {
    /// What a hub brought beyond the pages of one push waits with what polls left.
    pub(super) fn leave(&self, left: &mut Vec<String>) {
        for key in &self.due {
            if left.len() < DUE && !left.contains(key) {
                left.push(key.clone());
            }
        }
    }
}

/// Pages that came, by the entry's key.
#[derive(Default)]
struct Came {
    /// How many had their turn, whatever came of it.
    turns: usize,
    addresses: HashMap<String, String>,
    whole: HashSet<String>,
}

/// Reads the pages of what is new, as far as they come, then those that earlier polls `left`.
pub(super) async fn read(
    shared: &Shared,
    (feed, left): (&str, &[String]),
    entries: &mut [IncomingEntry],
    findings: &Findings,
) -> Pages {
    if !shared.parts.settings.feed(feed).full_text {
        return Pages::default();
    }
    if entries.is_empty() {
        let due = left.to_vec();
        return Pages { due, late: vec![] };
    }
    let (wanted, news) = wanted(left, entries, findings);
    let mut came = Came::default();
    let all = turns((shared, feed), entries, &wanted, &mut came);
    if tokio::time::timeout(DEADLINE, all).await.is_err() {
        tracing::debug!(feed.id = ?feed, "article pages took too long: the feed's own words stand");
    }
    address(&shared.parts.matcher, entries, &came.addresses);
    let is_whole = |key: &String| came.whole.contains(key);
    for incoming in entries.iter_mut().filter(|one| !is_whole(&one.entry.key)) {
        if let Some(Some(old)) = findings.news_of(&incoming.entry.key) {
            keep_page(incoming, old);
        }
    }
    let due = wanted.iter().skip(came.turns).take(DUE);
    let late = wanted.iter().skip(news).filter(|key| is_whole(key));
    Pages {
        due: due.cloned().collect(),
        late: late.cloned().collect(),
    }
}

/// Keys of the entries whose pages are to be read, what is new first; and how many of them are new.
fn wanted(left: &[String], entries: &[IncomingEntry], findings: &Findings) -> (Vec<String>, usize) {
    let (mut news, mut due) = (Vec::new(), Vec::new());
    for one in entries.iter().filter(|one| one.verdict == Verdict::Keep) {
        let key = &one.entry.key;
        match findings.news_of(key) {
            Some(None) => news.push(key.clone()),
            Some(Some(old)) if says_otherwise(one, old) => news.push(key.clone()),
            None if left.contains(key) => due.push(key.clone()),
            _ => {}
        }
    }
    let count = news.len();
    news.append(&mut due);
    (news, count)
}

/// One page after the other, in the order of `wanted`.
async fn turns(
    (shared, feed): (&Shared, &str),
    entries: &mut [IncomingEntry],
    wanted: &[String],
    came: &mut Came,
) {
    for key in wanted.iter().take(PAGES) {
        came.turns += 1;
        let Some(incoming) = entries.iter_mut().find(|one| one.entry.key == *key) else {
            continue;
        };
        let link = incoming.entry.link.as_deref();
        let Some(url) = link.and_then(|link| Url::parse(link).ok()) else {
            continue;
        };
        match page((shared, feed), &url).await {
            Ok(Some(found)) => {
                came.addresses.insert(key.clone(), found.address);
                if found.article.is_some_and(|found| put(incoming, found)) {
                    came.whole.insert(key.clone());
                }
            }
            Ok(None) => {}
            Err(Stop) => return,
        }
    }
}

/// Entries learn where their pages are: evidence for the same story in another feed. A page that several lead to says
/// nothing of either.
fn address(matcher: &Matcher, entries: &mut [IncomingEntry], pages: &HashMap<String, String>) {
    let form_of = |one: &IncomingEntry| {
        let form = matcher.page_form(pages.get(&one.entry.key)?)?;
        (one.keys.canonical_link.as_ref() != Some(&form)).then_some(form)
    };
    let mut counts: HashMap<String, usize> = HashMap::new();
    for form in entries.iter().filter_map(form_of) {
        *counts.entry(form).or_default() += 1;
    }
    for one in entries {
        let form = form_of(one).filter(|form| counts.get(form) == Some(&1));
        one.keys.page_key = form.map(|form| link_key(&form));
    }
}

/// The feed's own words: where a page's are the content, they are the summary.
fn own(entry: &ParsedEntry) -> &str {
    let words = entry.summary_html.as_ref().or(entry.content_html.as_ref());
    words.map_or("", SafeHtml::as_str)
}

/// Whether the feed words its entry so much otherwise that the page will have changed, too: one word in five at least.
/// A count of comments that goes up does not.
fn says_otherwise(incoming: &IncomingEntry, old: &EntryView) -> bool {
    let (entry, known) = (&incoming.entry, &old.entry);
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let (old, new) = (words(own(known)), words(own(entry)));
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in &old {
        *counts.entry(word).or_default() += 1;
    }
    let both = new.iter().filter(|word| {
        let left = counts.get_mut(word.as_str()).filter(|count| **count > 0);
        left.map(|count| *count -= 1).is_some()
    });
    known.title != entry.title || both.count() * 5 < old.len().max(new.len()) * 4
}

/// Words so much longer than the feed's own are a page's.
fn is_whole(text: &str, own: &str) -> bool {
    text.len() > own.len() + own.len() / 2 && text.len() >= own.len() + 200
}

/// An entry that was read whole stays so, whatever became of its page.
fn keep_page(incoming: &mut IncomingEntry, old: &EntryView) {
    let entry = &mut incoming.entry;
    if old.entry.summary_html.is_some() && is_whole(&old.entry.text, &entry.text) {
        let words = entry.summary_html.take().or(entry.content_html.take());
        entry.summary_html = words;
        entry.content_html.clone_from(&old.entry.content_html);
        entry.text.clone_from(&old.entry.text);
    }
}

/// The host wants no more requests now.
struct Stop;

/// The page's article replaces the feed's words only where it clearly says more; they stay as the summary.
fn put(incoming: &mut IncomingEntry, found: Article) -> bool {
    let entry = &mut incoming.entry;
    let says_more = is_whole(&found.text, &entry.text);
    if says_more {
        let words = entry.summary_html.take().or(entry.content_html.take());
        entry.summary_html = words;
        entry.content_html = Some(found.html);
        entry.text = found.text;
    }
    says_more
}

/// A page that came.
struct Page {
    /// Where it is, by its own word or behind redirects.
    address: String,
    article: Option<Article>,
}

async fn page((shared, feed): (&Shared, &str), url: &Url) -> Result<Option<Page>, Stop> {
    if !allowed((shared, feed), url).await? {
        return Ok(None);
    }
    let Some(answer) = get((shared, feed), url, PAGE_BYTES, ACCEPT).await? else {
        return Ok(None);
    };
    let is_page = answer
        .content_type
        .as_deref()
        .is_none_or(|kind| kind.contains("html"));
    if answer.status != 200 || !is_page {
        return Ok(None);
    }
    let Ok(_core) = shared.cores.acquire().await else {
        return Err(Stop);
    };
    let place = answer.url.to_string();
    let read = move || {
        article(
            &answer.body,
            answer.content_type.as_deref(),
            answer.url.as_str(),
        )
    };
    let article = tokio::task::spawn_blocking(read).await.ok().flatten();
    let declared = article
        .as_ref()
        .and_then(|found| found.canonical_url.clone());
    Ok(Some(Page {
        address: declared.unwrap_or(place),
        article,
    }))
}

/// What robots.txt says of `url` (RFC 9309): none is leave for all, one that cannot be read is leave for nothing.
async fn allowed((shared, feed): (&Shared, &str), url: &Url) -> Result<bool, Stop> {
    let rules = match kept(shared, url).await {
        Some(rules) => rules,
        None => {
            let Ok(address) = url.join("/robots.txt") else {
                return Ok(false);
            };
            let rules = match get(
                (shared, feed),
                &address,
                ROBOTS_BYTES,
                "text/plain,*/*;q=0.5",
            )
            .await?
            {
                Some(answer) if answer.status == 200 => {
                    Some(String::from_utf8_lossy(&answer.body).into_owned())
                }
                Some(answer) if (400..500).contains(&answer.status) => Some(String::new()),
                _ => None,
            };
            keep(shared, url, rules.as_ref()).await;
            rules
        }
    };
    let robot = rules.and_then(|rules| Robot::new(AGENT, rules.as_bytes()).ok());
    Ok(robot.is_some_and(|robot| robot.allowed(url.as_str())))
}

fn note(url: &Url) -> String {
    format!("robots/{}", url.origin().ascii_serialization())
}

/// The host's rules as of the last day; `Some(None)` where they could not be had.
async fn kept(shared: &Shared, url: &Url) -> Option<Option<String>> {
    let value = shared.parts.store.note(&note(url)).await.ok()??;
    let (at, rules): (Timestamp, Option<String>) = serde_json::from_slice(&value).ok()?;
    let age = shared.parts.clock.now().duration_since(at);
    (SignedDuration::ZERO <= age && age < ROBOTS_KEPT).then_some(rules)
}

async fn keep(shared: &Shared, url: &Url, rules: Option<&String>) {
    let Ok(value) = serde_json::to_vec(&(shared.parts.clock.now(), rules)) else {
        return;
    };
    if let Err(error) = shared.parts.store.set_note(&note(url), Some(value)).await {
        tracing::debug!(error = %error, "robots.txt could not be kept");
    }
}

/// One request with leave of its host; nothing where it failed, [`Stop`] where the host wants rest.
async fn get(
    (shared, feed): (&Shared, &str),
    url: &Url,
    most: u64,
    accept: &str,
) -> Result<Option<Answer>, Stop> {
    let parts = &shared.parts;
    let slot = parts.leave(url, DEADLINE).await.ok_or(Stop)?;
    let answer = parts
        .fetcher
        .by_way_of(feed)
        .get_page(url, most, accept, parts.clock.now())
        .await;
    let signal = signal(&answer);
    parts.hosts.finish(slot, parts.clock.now(), signal);
    match signal {
        Signal::Throttled(_) | Signal::Unavailable(_) => Err(Stop),
        _ => Ok(answer.ok()),
    }
}

pub(super) fn signal(answer: &Result<Answer, PollTrouble>) -> Signal {
    match answer {
        Ok(answer) => match answer.status {
            429 => Signal::Throttled(answer.retry_after),
            503 => Signal::Unavailable(answer.retry_after),
            403 => Signal::Forbidden,
            _ => Signal::Answered,
        },
        Err(trouble) if trouble.class.is_unreachable() => Signal::Unreachable,
        Err(_) => Signal::Answered,
    }
}
