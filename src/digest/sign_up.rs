//! The mail that asks whoever owns an address to confirm a sign-up. Its words are ours alone: nothing that was written in
//! the form is in it but the address that it goes to, so that the form sends nobody's text to anybody.

use jiff::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;

use super::language::{Language, fill};
use super::message::{domain, leaf, mailbox};
use super::text::{clean_line, wrap};
use super::token;
use crate::config::{DigestConfig, Mailbox, Zone};
use crate::model::SignUpRecord;

const CONTEXT: &str = "feedmill 2026 sign-up mail v1";

/// What the mail is made of.
#[derive(Clone, Copy)]
pub struct Invitation<'a> {
    /// What was asked.
    pub record: &'a SignUpRecord,
    /// The digest.
    pub digest: &'a DigestConfig,
    /// Its words.
    pub language: &'a Language,
    /// Whose clock the times follow.
    pub zone: &'a Zone,
    /// Base of all links.
    pub base: &'a url::Url,
}

/// The `Message-ID`, without brackets, and the whole message, CRLF lines: equal for equal input.
#[must_use]
pub fn invite(invitation: Invitation<'_>, key: &[u8; 32]) -> (String, Vec<u8>) {
    let Invitation {
        record,
        digest,
        language,
        ..
    } = invitation;
    let id = message_id(record, &digest.from.address, key);
    let to = Mailbox {
        name: None,
        address: record.asked.address.clone(),
    };
    let list = clean_line(&digest.title);
    let subject = fill(language.text("confirm_subject"), &[("list", &list)]);
    let mut headers: Vec<(&'static str, HeaderType<'_>)> = vec![
        ("Date", Date::new(record.asked_at.as_second()).into()),
        ("From", mailbox(&digest.from)),
        ("To", mailbox(&to)),
        ("Subject", Text::new(clean_line(&subject)).into()),
        ("Message-ID", MessageId::new(id.as_str()).into()),
        ("MIME-Version", Raw::new("1.0").into()),
        ("Content-Language", Raw::new(language.code()).into()),
        ("Auto-Submitted", Raw::new("auto-generated").into()),
        ("X-Auto-Response-Suppress", Raw::new("All").into()),
    ];
    headers.extend(digest.reply_to.as_ref().map(|to| ("Reply-To", mailbox(to))));
    let mut message = MessageBuilder::new();
    for (name, value) in headers {
        message = message.header(name, value);
    }
    let text = text(invitation, &list, key);
    let mut bytes = Vec::with_capacity(text.len() * 2);
    message.body(leaf("text/plain", text)).serialize(&mut bytes);
    (id.clone(), bytes)
}

fn text(invitation: Invitation<'_>, list: &str, key: &[u8; 32]) -> String {
    let Invitation {
        record,
        digest,
        language,
        zone,
        base,
    } = invitation;
    let asked = &record.asked;
    let (word, _) = token::sign_up(&asked.digest, &asked.address, record.expires_at, key);
    let site = base.host_str().unwrap_or_default();
    let until = language.short_date(record.expires_at, zone);
    let values = [("list", list), ("site", site), ("until", until.as_str())];
    let paragraph = |key: &str| wrap(&fill(language.text(key), &values), "");
    let mut parts = vec![
        paragraph("confirm_ask"),
        paragraph("confirm_prompt"),
        format!("{base}subscribe/{word}"),
        paragraph("confirm_ignore"),
    ];
    let footer = digest.footer.as_deref().map(clean_line);
    parts.extend(footer.map(|footer| format!("-- \n{footer}")));
    parts.join("\n\n") + "\n"
}

/// Tells nothing of the word in the link.
fn message_id(record: &SignUpRecord, from: &str, key: &[u8; 32]) -> String {
    let mac = token::seal(CONTEXT, &[&record.id.0.to_be_bytes()], key).to_hex();
    let head = mac.get(..32).unwrap_or_default();
    format!("{}.{head}@{}", stamp(record.asked_at), domain(from))
}

fn stamp(at: Timestamp) -> jiff::fmt::strtime::Display<'static> {
    at.strftime("%Y%m%dT%H%M%SZ")
}
