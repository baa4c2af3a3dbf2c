//! Rules: which entries are kept, and how they are rewritten. Takes the config's filters, compiled once at load; gives
//! verdicts on entries, and rewrites those on their way in. Pure afterwards, and linear in the entry. Refuses a filter
//! that it cannot read, at the place in the file where it is wrong.

mod complaint;
mod expression;
mod html;
mod lexer;
mod parser;
mod rewrite;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use regex::Regex;

use crate::config::{FilterConfig, Located, Place, Problem};
use crate::model::{EntryView, FeedMeta, ParsedEntry, Verdict};

use complaint::Complaint;
use expression::{Condition, Subject};
use rewrite::Template;

/// Compiled rules by name.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Arc<BTreeMap<String, Rule>>,
}

/// One compiled filter.
#[derive(Clone, Debug, Default)]
struct Rule {
    drop: Option<Condition>,
    keep: Option<Condition>,
    when: Option<Condition>,
    tag: Vec<String>,
    set_title: Option<Template>,
    cut: Vec<Regex>,
    strip_params: Vec<String>,
}

/// What an expression may ask beside the entry itself.
#[derive(Clone, Copy, Debug)]
pub struct RuleScene<'a> {
    /// Key of the feed.
    pub feed: &'a str,
    /// Groups of the feed.
    pub groups: &'a [String],
    /// The feed's own words.
    pub meta: &'a FeedMeta,
    /// Now, for `age`.
    pub now: Timestamp,
}

impl Rules {
    /// Compiles every filter; all problems at once, each at its place in the config.
    pub fn compile(filters: &BTreeMap<String, FilterConfig>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let rules = filters
            .iter()
            .map(|(name, filter)| (name.clone(), rule(filter, &mut problems)))
            .collect();
        if problems.is_empty() {
            Ok(Self {
                rules: Arc::new(rules),
            })
        } else {
            Err(problems)
        }
    }

    /// Runs `names` in order over an entry on its way in: rewrites it, and says whether it is kept. Returns tags too.
    /// The first rule that drops ends the run; a name without a filter does nothing, as `check` has refused it.
    pub fn apply(
        &self,
        names: &[String],
        entry: &mut ParsedEntry,
        scene: RuleScene<'_>,
    ) -> (Verdict, Vec<String>) {
        let mut tags: Vec<String> = Vec::new();
        let feed_title = scene.meta.title.as_deref().unwrap_or(scene.feed);
        for (name, rule) in self.named(names) {
            let subject = Subject {
                entry,
                feed: scene.feed,
                feed_title,
                groups: scene.groups,
                published_at: entry.published_at,
                now: scene.now,
                folded_text: OnceCell::new(),
            };
            if rule.drops(&subject) {
                return (Verdict::Drop { rule: name.clone() }, tags);
            }
            if rule.when.as_ref().is_none_or(|when| when.holds(&subject)) {
                rule.rewrite(entry, feed_title);
                for tag in &rule.tag {
                    if !tags.contains(tag) {
                        tags.push(tag.clone());
                    }
                }
            }
        }
        (Verdict::Keep, tags)
    }

    /// Runs `names` over a stored entry for an output: kept or not, and by which rule. Rewrites nothing.
    #[must_use]
    pub fn judge(&self, names: &[String], entry: &EntryView, now: Timestamp) -> Verdict {
        let subject = Subject {
            entry: &entry.entry,
            feed: &entry.feed.key,
            feed_title: &entry.feed.title,
            groups: &entry.feed.groups,
            published_at: Some(entry.shown_at),
            now,
            folded_text: OnceCell::new(),
        };
        match self.named(names).find(|(_, rule)| rule.drops(&subject)) {
            Some((name, _)) => Verdict::Drop { rule: name.clone() },
            None => Verdict::Keep,
        }
    }

    fn named<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = (&'a String, &'a Rule)> {
        names
            .iter()
            .filter_map(|name| self.rules.get_key_value(name))
    }
}

impl Rule {
    fn drops(&self, subject: &Subject<'_>) -> bool {
        self.drop.as_ref().is_some_and(|drop| drop.holds(subject))
            || self.keep.as_ref().is_some_and(|keep| !keep.holds(subject))
    }

    fn rewrite(&self, entry: &mut ParsedEntry, feed_title: &str) {
        if let Some(template) = &self.set_title {
            rewrite::set_title(entry, template, feed_title);
        }
        if !self.cut.is_empty() {
            rewrite::cut(entry, &self.cut);
        }
        if !self.strip_params.is_empty() {
            rewrite::strip_params(entry, &self.strip_params);
        }
    }
}

/// Compiles one filter; what is wrong with it goes to `problems`.
fn rule(filter: &FilterConfig, problems: &mut Vec<Problem>) -> Rule {
    let mut note = |value: &Located<String>, complaint: Complaint| {
        problems.push(problem(&filter.name, value, complaint))
    };
    let mut condition = |value: &Option<Located<String>>| {
        let value = value.as_ref()?;
        parser::compile(&value.value)
            .map_err(|complaint| note(value, complaint))
            .ok()
    };
    let (drop, keep, when) = (
        condition(&filter.drop),
        condition(&filter.keep),
        condition(&filter.when),
    );
    let set_title = filter.set_title.as_ref().and_then(|value| {
        Template::read(&value.value)
            .map_err(|complaint| note(value, complaint))
            .ok()
    });
    let mut cut = Vec::new();
    for value in &filter.cut {
        match parser::regex(&value.value) {
            Ok(regex) => cut.push(regex),
            Err(message) => note(value, Complaint::at(0..value.value.len(), message)),
        }
    }
    Rule {
        drop,
        keep,
        when,
        tag: filter.tag.clone(),
        set_title,
        cut,
        strip_params: filter.strip_params.clone(),
    }
}

/// A complaint about a value as a problem of the config.
fn problem(filter: &str, value: &Located<String>, complaint: Complaint) -> Problem {
    Problem {
        message: format!("filter {filter:?}: {}", complaint.message),
        at: Some(place(value, &complaint.span)),
        label: complaint.label,
        help: complaint.help,
        warning: false,
    }
}

/// The bytes of the file that `span` of the value stands at. A token that is longer than its value by its quotes alone
/// has no escapes, so positions carry over; with escapes the whole token is marked.
fn place(value: &Located<String>, span: &std::ops::Range<usize>) -> Place {
    let token = value.at.span.clone();
    let quote = match token.len().checked_sub(value.value.len()) {
        Some(2) => 1,
        Some(6) => 3,
        _ => return value.at.clone(),
    };
    let start = token.start + quote + span.start;
    // An empty place (the end is missing something) marks the closing quote.
    let end = (token.start + quote + span.end).max(start + 1);
    Place {
        file: value.at.file,
        span: start..end,
    }
}
