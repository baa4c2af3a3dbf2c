//! The made-up feeds of a year: what each tells on each day, and what befalls it.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::Path;

#[path = "dice.rs"]
mod dice;
#[path = "document.rs"]
mod document;

use dice::Dice;

/// 2026-01-01T00:00:00Z.
pub(super) const BEGIN_S: i64 = 1_767_225_600;

const TOWNS: [&str; 8] = [
    "Arlen",
    "Bexhill",
    "Corvo",
    "Dunmore",
    "Elvas",
    "Farsund",
    "Gmunden",
    "Haugesund",
];

/// How a feed makes ids.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    Permalink,
    Opaque,
    Position,
    Missing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Author,
    /// The same words every day, about one town.
    Bulletin(usize),
    Aggregator,
}

#[derive(Clone)]
struct Item {
    truth: usize,
    serial: usize,
    slug: String,
    /// A copy keeps the page of the original.
    link: Option<String>,
    title: String,
    text: String,
    at_s: i64,
}

struct Feed {
    number: usize,
    kind: Kind,
    ids: Ids,
    per_100_days: u64,
    window: usize,
    items: VecDeque<Item>,
    gone: VecDeque<Item>,
    host: usize,
    https: bool,
    style: usize,
    salt: usize,
    taken: bool,
    changed: bool,
}

/// All feeds, and the truth about them.
pub(super) struct Planet {
    feeds: Vec<Feed>,
    dice: Dice,
    serial: usize,
    day: i64,
    pub(super) told: HashSet<usize>,
    pub(super) spam: HashSet<usize>,
    pub(super) taken: BTreeSet<usize>,
    pub(super) copies: usize,
    /// What came in floods, with the feed that told it.
    pub(super) flooded: BTreeMap<usize, usize>,
    pub(super) events: BTreeMap<&'static str, usize>,
    /// How many times as much befalls a feed as in a common year.
    haste: u64,
}

impl Planet {
    pub(super) fn new(count: usize, seed: u64, haste: u64) -> Self {
        let mut planet = Self {
            flooded: BTreeMap::new(),
            haste,
            feeds: Vec::new(),
            dice: Dice(seed),
            serial: 0,
            day: 0,
            told: HashSet::new(),
            spam: HashSet::new(),
            taken: BTreeSet::new(),
            copies: 0,
            events: BTreeMap::new(),
        };
        for number in 0..count {
            let feed = planet.feed(number);
            planet.feeds.push(feed);
            for _ in 0..4 {
                planet.publish(number);
            }
        }
        planet
    }

    fn feed(&mut self, number: usize) -> Feed {
        let kind = match number % 10 {
            3 => Kind::Bulletin(number / 10 % TOWNS.len()),
            7 | 8 => Kind::Aggregator,
            _ => Kind::Author,
        };
        let ids = match self.dice.below(20) {
            0..8 => Ids::Permalink,
            8..16 => Ids::Opaque,
            16..19 => Ids::Missing,
            _ => Ids::Position,
        };
        Feed {
            number,
            kind,
            ids: if kind == Kind::Aggregator {
                Ids::Permalink
            } else {
                ids
            },
            per_100_days: if matches!(kind, Kind::Bulletin(_)) {
                100
            } else {
                10 + self.dice.below(120)
            },
            window: 10 + self.dice.index(20),
            items: VecDeque::new(),
            gone: VecDeque::new(),
            host: 0,
            https: self.dice.below(2) == 0,
            style: self.dice.index(3),
            salt: 0,
            taken: false,
            changed: true,
        }
    }

    /// One more day.
    pub(super) fn live(&mut self, day: i64) {
        self.day = day;
        for number in 0..self.feeds.len() {
            let due = self.dice.below(100) < self.feeds[number].per_100_days.min(100);
            if due && !self.feeds[number].taken {
                self.publish(number);
            }
            self.befall(number);
        }
    }

    fn count(&mut self, event: &'static str) {
        *self.events.entry(event).or_default() += 1;
    }

    fn publish(&mut self, number: usize) {
        let item = match self.feeds[number].kind {
            Kind::Author => Some(self.article()),
            Kind::Bulletin(town) => Some(self.bulletin(town)),
            Kind::Aggregator => self.copy(number),
        };
        if let Some(item) = item {
            self.told.insert(item.truth);
            self.feeds[number].push(item);
        }
    }

    fn item(&mut self, title: String, text: String) -> Item {
        self.serial += 1;
        let slug = title.to_lowercase().replace(' ', "-");
        Item {
            truth: self.serial,
            serial: self.serial,
            slug: format!("{slug}-{}", self.serial),
            link: None,
            title,
            text,
            at_s: BEGIN_S + self.day * 86_400 + i64::try_from(self.dice.below(80_000)).unwrap(),
        }
    }

    fn article(&mut self) -> Item {
        let title = self.dice.words(7).trim_end_matches('.').replace(". ", " ");
        let length = 30 + self.dice.index(150);
        let text = self.dice.words(length);
        self.item(title, text)
    }

    /// What differs between towns and days is numbers and a name.
    fn bulletin(&mut self, town: usize) -> Item {
        let town = TOWNS[town];
        let (high, low, rain) = (
            self.dice.below(35),
            self.dice.below(15),
            self.dice.below(90),
        );
        let text = format!(
            "The weather office in {town} expects a high of {high} degrees in the afternoon and a low of {low} degrees \
             at night, with a {rain} per cent chance of rain. Drivers in {town} should keep their distance on wet roads, \
             and hikers should take warm clothes with them. The next bulletin follows tomorrow at six in the morning."
        );
        self.item(
            format!("Weather for {town}: {high} degrees, {rain} per cent chance of rain"),
            text,
        )
    }

    /// An aggregator copies something recent that it has not copied yet.
    fn copy(&mut self, number: usize) -> Option<Item> {
        let from = self.dice.index(self.feeds.len());
        let feed = &self.feeds[from];
        if feed.kind != Kind::Author || feed.taken {
            return None;
        }
        let fresh = feed
            .items
            .front()
            .filter(|item| self.day * 86_400 + BEGIN_S - item.at_s < 86_400)?
            .clone();
        let page = feed.link(&fresh);
        if self.feeds[number]
            .items
            .iter()
            .any(|known| known.truth == fresh.truth)
        {
            return None;
        }
        self.serial += 1;
        self.copies += 1;
        let mut copy = Item {
            serial: self.serial,
            at_s: fresh.at_s + 3600,
            slug: format!("copied-{}", self.serial),
            ..fresh
        };
        match self.dice.below(3) {
            0 => copy.link = Some(format!("{page}?utm_source=agg&utm_medium=rss")),
            1 => copy.text = format!("{} Source: Feed {from}.", copy.text),
            _ => {
                copy.title = format!("{} - Feed {from}", copy.title);
                copy.text = self.reworded(&copy.text);
            }
        }
        Some(copy)
    }

    /// One word in twenty is another one.
    fn reworded(&mut self, text: &str) -> String {
        let words: Vec<String> = text
            .split(' ')
            .map(|word| {
                if self.dice.below(20) == 0 {
                    self.dice.word()
                } else {
                    word.to_owned()
                }
            })
            .collect();
        words.join(" ")
    }

    /// Chance and fate.
    fn befall(&mut self, number: usize) {
        if self.feeds[number].taken {
            self.spam(number, 4);
            return;
        }
        if self.dice.once_in(20) && !self.feeds[number].items.is_empty() {
            self.count("edits");
            let at = self.dice.index(self.feeds[number].items.len());
            let text = self.feeds[number].items[at].text.clone();
            let edited = self.reworded(&text);
            self.feeds[number].items[at].text = edited;
            self.feeds[number].changed = true;
        }
        if self.feeds[number].kind != Kind::Author {
            return;
        }
        let (once_in, haste) = (365 / self.haste, self.haste);
        let feed = &mut self.feeds[number];
        if self.dice.once_in(once_in) {
            feed.host += 1;
            feed.https = true;
            feed.changed = true;
            self.count("moves to another host");
        }
        let feed = &mut self.feeds[number];
        if self.dice.once_in(once_in) {
            feed.style = (feed.style + 1) % 3;
            feed.changed = true;
            self.count("moves to other paths");
        }
        let feed = &mut self.feeds[number];
        if self.dice.once_in(once_in) {
            feed.salt += 1;
            feed.changed = true;
            self.count("archives under new ids");
        }
        if self.dice.once_in(120 / haste) {
            self.publish_again(number);
        }
        if self.dice.once_in(700 / haste) {
            self.leak(number);
        }
        if self.dice.once_in(900 / haste) {
            self.flood(number);
        }
        // Of a feed that was never seen to do otherwise nobody can say that it changed.
        if self.dice.once_in(4000 / haste) && self.day > 7 {
            self.count("takeovers");
            self.feeds[number].taken = true;
            self.taken.insert(number);
            self.spam(number, 9);
        }
    }

    /// An entry that left the document comes back at its top, with a new serial number.
    fn publish_again(&mut self, number: usize) {
        if self.feeds[number].ids == Ids::Position {
            return;
        }
        if let Some(mut item) = self.feeds[number].gone.pop_back() {
            self.count("entries published again");
            self.serial += 1;
            item.serial = self.serial;
            item.at_s = BEGIN_S + self.day * 86_400 + 7;
            self.feeds[number].push(item);
        }
    }

    /// Twenty entries of former years appear below the others.
    fn leak(&mut self, number: usize) {
        if self.feeds[number].ids == Ids::Position {
            return;
        }
        self.count("archives that leak");
        for age in 0..20 {
            let mut item = self.article();
            item.at_s -= (200 + 10 * age) * 86_400;
            self.told.insert(item.truth);
            self.feeds[number].items.push_back(item);
        }
        self.feeds[number].changed = true;
    }

    /// Sixty entries at once, from one who tells one a day at most.
    fn flood(&mut self, number: usize) {
        if self.feeds[number].ids == Ids::Position {
            return;
        }
        self.count("floods");
        for _ in 0..60 {
            let item = self.article();
            self.told.insert(item.truth);
            self.flooded.insert(item.truth, number);
            self.feeds[number].items.push_front(item);
        }
        self.feeds[number].changed = true;
    }

    fn spam(&mut self, number: usize, count: usize) {
        let honest = |item: &&Item| !self.spam.contains(&item.truth);
        let gone: Vec<Item> = self.feeds[number]
            .items
            .iter()
            .filter(honest)
            .cloned()
            .collect();
        if !gone.is_empty() {
            self.feeds[number].items.clear();
        }
        // What was to appear today never did.
        for item in gone
            .iter()
            .filter(|item| item.at_s >= BEGIN_S + self.day * 86_400)
        {
            self.told.remove(&item.truth);
        }
        for _ in 0..count {
            let item = self.article();
            self.told.insert(item.truth);
            self.spam.insert(item.truth);
            self.feeds[number].push(item);
        }
    }

    /// Documents that changed since the last time.
    pub(super) fn write(&mut self, folder: &Path) {
        for feed in self.feeds.iter_mut().filter(|feed| feed.changed) {
            std::fs::write(folder.join(format!("{}.xml", feed.number)), feed.document()).unwrap();
            feed.changed = false;
        }
    }
}
