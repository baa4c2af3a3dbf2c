//! Normalised documents to our model: feed-rs maps, what it drops comes from beside it, texts are made safe, caps hold.
//! The door to feed-rs: its panics are contained here, and one parser serves one document.

mod entry;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use feed_rs::model as raw;
use jiff::Timestamp;
use url::Url;

use super::normalise::{
    EntryAside, FeedAside, Normalised, Reading, Repairs, is_plain, web_address,
};
use super::{ParseError, date, html, identity, language, text};
use crate::model::{FeedFormat, ParsedEntry, ParsedFeed};
use entry::{Context, named, read_categories};

const MAX_ENTRIES: usize = 500;
/// Longer ids are no ids anyone meant.
const MAX_ID: usize = 1024;
/// How much text the language is told from, when the feed does not say.
const LANGUAGE_SAMPLE: usize = 256;

/// Maps a normalised document; `encoding` is what it was read in.
pub(super) fn feed(
    normalised: Normalised,
    encoding: &str,
    mut repairs: Repairs,
) -> Result<ParsedFeed, ParseError> {
    let Normalised {
        document,
        format,
        feed: aside,
        mut entries,
    } = normalised;
    let mut mapped = mapped(&document)?;
    drop(document);
    let mut raws = std::mem::take(&mut mapped.entries);
    entries.resize_with(raws.len(), EntryAside::default);
    let order = agreed_order(&entries);
    keep_newest(&mut raws, &mut entries, &mut repairs);
    let base = aside.base.as_deref().and_then(web_address);
    let mut feed = described(&mapped, &aside, base.as_ref(), (format, encoding));
    let context = Context {
        format,
        base: base.or_else(|| feed.site_url.as_deref().and_then(web_address)),
    };
    let mut late_dates = Vec::with_capacity(raws.len());
    for (raw, mut aside) in raws.into_iter().zip(entries) {
        let pending = aside.pending_date.take();
        late_dates.push(pending.and_then(|text| date::parse_in(&text, Some(order?))));
        let entry = context.entry(raw, aside, &feed, &mut repairs);
        feed.entries.push(entry);
    }
    settle_language(&mut feed);
    let kept = identity::assign_keys(&mut feed.entries);
    let mut kept = kept.into_iter();
    late_dates.retain(|_| kept.next().unwrap_or(false));
    date_late(&mut feed.entries, late_dates);
    feed.repairs = repairs.into_values();
    Ok(feed)
}

/// What is said of the feed itself.
fn described(
    mapped: &raw::Feed,
    aside: &FeedAside,
    base: Option<&Url>,
    (format, encoding): (FeedFormat, &str),
) -> ParsedFeed {
    ParsedFeed {
        format,
        encoding: encoding.to_owned(),
        publisher_id: aside.publisher_id.as_deref().and_then(id),
        title: mapped
            .title
            .as_ref()
            .and_then(|title| line(&title.content, aside.title)),
        description: mapped
            .description
            .as_ref()
            .and_then(|text| line(&text.content, aside.description)),
        site_url: mapped.links.first().and_then(|link| web(&link.href)),
        authors: named(&aside.authors),
        categories: read_categories(
            aside
                .categories
                .iter()
                .map(|(term, scheme, label)| (term.as_str(), scheme.as_deref(), label.as_deref())),
        ),
        language: aside.language.clone(),
        icon_url: aside
            .icon_url
            .as_deref()
            .and_then(|url| html::absolute(url, base))
            .and_then(|url| web(&url)),
        rights: mapped
            .rights
            .as_ref()
            .and_then(|rights| line(&rights.content, Reading::Guess)),
        updated_at: mapped.updated.or(mapped.published).and_then(instant),
        hints: hints(aside, base),
        entries: Vec::new(),
        repairs: Vec::new(),
    }
}

/// feed-rs's view of the document.
fn mapped(document: &str) -> Result<raw::Feed, ParseError> {
    let parser = feed_rs::parser::Builder::new()
        .sanitize_content(false)
        // Our own identity is made from what the document says; feed-rs's guesses would hide what it does not say.
        .id_generator(|_, _, _| String::new())
        .timestamp_parser(|text| {
            date::parse(text).and_then(|time| {
                DateTime::<Utc>::from_timestamp(
                    time.as_second(),
                    u32::try_from(time.subsec_nanosecond()).ok()?,
                )
            })
        })
        .build();
    // Normalising has taken away all that is known to panic; what is not known must not end the process.
    match catch_unwind(AssertUnwindSafe(|| parser.parse(document.as_bytes()))) {
        Ok(Ok(feed)) => Ok(feed),
        Ok(Err(error)) => Err(ParseError::Unreadable(error.to_string())),
        Err(_) => Err(ParseError::Unreadable("the parser gave up".to_owned())),
    }
}

/// Keeps the newest entries, in document order; entries without a date count as new.
fn keep_newest(raws: &mut Vec<raw::Entry>, asides: &mut Vec<EntryAside>, repairs: &mut Repairs) {
    if raws.len() <= MAX_ENTRIES {
        return;
    }
    repairs.note("too-many-entries");
    let time = |entry: &raw::Entry| {
        entry
            .published
            .or(entry.updated)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    };
    let mut order: Vec<usize> = (0..raws.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(time(&raws[index])));
    let mut kept = vec![false; raws.len()];
    order
        .iter()
        .take(MAX_ENTRIES)
        .for_each(|&index| kept[index] = true);
    let mut flags = kept.iter();
    raws.retain(|_| flags.next().copied().unwrap_or(false));
    let mut flags = kept.iter();
    asides.retain(|_| flags.next().copied().unwrap_or(false));
}

/// Gives entries the dates that their siblings settled. Behind the keys: the siblings may be gone at the next poll, and
/// the key must not change with them.
fn date_late(entries: &mut [ParsedEntry], dates: Vec<Option<Timestamp>>) {
    for (entry, date) in entries.iter_mut().zip(dates) {
        if entry.published_at.is_none() && date.is_some() {
            entry.published_at = date;
            entry.date_flag = None;
        }
    }
}

/// The order of day and month that some entries prove and none disproves.
fn agreed_order(entries: &[EntryAside]) -> Option<date::Order> {
    let mut orders = entries.iter().filter_map(|entry| entry.date_order);
    let first = orders.next()?;
    orders.all(|order| order == first).then_some(first)
}

fn hints(aside: &FeedAside, base: Option<&Url>) -> crate::model::PollHints {
    let address = |url: &Option<String>| {
        url.as_deref()
            .and_then(|url| html::absolute(url, base))
            .and_then(|url| web(&url))
    };
    let mut hints = aside.hints.clone();
    hints.new_feed_url = address(&hints.new_feed_url);
    hints.prev_archive_url = address(&hints.prev_archive_url);
    hints.next_page_url = address(&hints.next_page_url);
    let topic = hints.self_url.as_deref();
    hints.self_url = topic
        .and_then(|url| html::as_published(url, base))
        .filter(|url| web_address(url).is_some());
    hints.hub_urls = hints
        .hub_urls
        .iter()
        .filter_map(|url| address(&Some(url.clone())))
        .collect();
    hints
}

/// Tells the language from the first texts when the feed does not, once for all entries that do not either.
fn settle_language(feed: &mut ParsedFeed) {
    if feed.language.is_some() {
        return;
    }
    let mut sample = String::new();
    for entry in feed.entries.iter().filter(|entry| entry.language.is_none()) {
        if sample.len() >= LANGUAGE_SAMPLE {
            break;
        }
        sample.push_str(&entry.title);
        sample.push_str(". ");
        sample.push_str(text::head(&entry.text, LANGUAGE_SAMPLE));
        sample.push('\n');
    }
    let Some(found) = language::guessed(&sample) else {
        return;
    };
    for entry in feed
        .entries
        .iter_mut()
        .filter(|entry| entry.language.is_none())
    {
        entry.language = Some(found.clone());
    }
    feed.language = Some(found);
}

fn instant(time: DateTime<Utc>) -> Option<Timestamp> {
    Timestamp::new(
        time.timestamp(),
        i32::try_from(time.timestamp_subsec_nanos()).ok()?,
    )
    .ok()
}

/// An http(s) address that is not too long.
fn web(address: &str) -> Option<String> {
    if is_plain(address) {
        return (address.len() <= html::MAX_URL).then(|| address.to_owned());
    }
    web_address(address)
        .map(String::from)
        .filter(|url| url.len() <= html::MAX_URL)
}

fn id(text: &str) -> Option<String> {
    let clean: String = text
        .trim()
        .chars()
        .filter(|character| !character.is_control())
        .collect();
    match clean.len() {
        0 => None,
        1..=MAX_ID => Some(clean),
        _ => {
            let hash = blake3::hash(clean.as_bytes()).to_hex();
            Some(format!("{}…{}", text::head(&clean, 64), &hash[..32]))
        }
    }
}

fn line(source: &str, reading: Reading) -> Option<String> {
    let is_html = match reading {
        Reading::Plain => Some(false),
        Reading::Html => Some(true),
        Reading::Guess => None,
    };
    Some(text::one_line(&text::inline(source, is_html))).filter(|line| !line.is_empty())
}
