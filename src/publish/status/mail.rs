//! How mail fares, in lines: why it waits, how much waits, what each digest sent last. Names no subscriber, and no reply
//! of a server with an address in it.

use jiff::Timestamp;

use super::DaemonFacts;
use crate::config::Zone;
use crate::model::{EditionRecord, EditionStanding};
use crate::publish::language::Language;
use crate::publish::text::line;
use crate::publish::view::clock_time;

/// How mail fares; none where there is no digest.
#[derive(Clone, Debug, Default)]
pub struct MailFacts {
    /// When the oldest message that waits was made.
    pub oldest_queued_at: Option<Timestamp>,
    /// Messages that were refused for good and are still stored.
    pub failed: u64,
    /// Until when nothing is sent, and what the server said.
    pub paused: Option<(Timestamp, String)>,
    /// Digests by title, each with its last edition.
    pub digests: Vec<(String, Option<EditionRecord>)>,
}

/// The section's lines: none where there is no mail.
pub(super) fn lines(language: &Language, zone: &Zone, facts: &DaemonFacts) -> Vec<String> {
    let Some(mail) = &facts.mail else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    if let Some((until, reason)) = mail.paused.as_ref().filter(|(at, _)| *at > facts.now) {
        let values = [
            ("time", clock_time(*until, zone)),
            ("reason", without_addresses(reason)),
        ];
        lines.push(filled(language, "mail_paused", &values));
    }
    if let Some(oldest) = mail.oldest_queued_at.filter(|_| facts.queued > 0) {
        let values = [
            ("count", facts.queued.to_string()),
            ("time", clock_time(oldest, zone)),
        ];
        lines.push(filled(language, "mail_waiting", &values));
    }
    if mail.failed > 0 {
        let values = [("count", mail.failed.to_string())];
        lines.push(filled(language, "mail_failed", &values));
    }
    let digests = mail.digests.iter();
    lines.extend(digests.map(|(title, last)| edition(language, zone, title, last.as_ref())));
    lines
}

fn edition(language: &Language, zone: &Zone, title: &str, last: Option<&EditionRecord>) -> String {
    let title = ("digest", line(title));
    let Some(last) = last else {
        return filled(language, "mail_no_edition", &[title]);
    };
    let time = ("time", clock_time(last.slot_at, zone));
    if last.standing == EditionStanding::Empty {
        return filled(language, "mail_empty_edition", &[title, time]);
    }
    let (waiting, sent, failed) = last.messages;
    let values = [
        title,
        time,
        ("stories", last.stories.to_string()),
        ("sent", sent.to_string()),
        ("waiting", waiting.to_string()),
        ("failed", failed.to_string()),
    ];
    filled(language, "mail_edition", &values)
}

fn filled(language: &Language, key: &str, values: &[(&str, String)]) -> String {
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    language.filled(key, &values)
}

/// Servers like to say whose mail they do not take.
fn without_addresses(reply: &str) -> String {
    let words = line(reply);
    let words = words
        .split(' ')
        .map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
