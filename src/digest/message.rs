//! A rendition and a subscriber to the bytes of one mail: the door to the mail composer. Everything in the bytes derives
//! from the edition and the subscriber (Date, Message-ID, boundary), so that every attempt sends the same ones.

use jiff::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::headers::url::URL;
use mail_builder::mime::{BodyPart, MimePart};
use url::{Host, Url};

use super::text::clean_line;
use super::{Language, Rendition, token};
use crate::config::Mailbox;
use crate::model::SubscriberId;

const CONTEXT: &str = "feedmill 2026 message id v1";

/// What stands on the envelope and in the headers of one mail.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// The digest's name: part of the list's id.
    pub digest: &'a str,
    /// The list's name.
    pub title: &'a str,
    /// Sender.
    pub from: &'a Mailbox,
    /// Replies.
    pub reply_to: Option<&'a Mailbox>,
    /// The one subscriber.
    pub to: &'a Mailbox,
    /// `Message-ID` without brackets.
    pub message_id: &'a str,
    /// When the edition was frozen.
    pub frozen_at: Timestamp,
    /// Language of the mail.
    pub language: &'a Language,
    /// Page of the merged feed.
    pub archive_url: &'a Url,
    /// The subscriber's unsubscribe page; none in a test copy.
    pub unsubscribe_url: Option<&'a str>,
    /// The page of their wishes; none where the digest has no self-service, and in a test copy.
    pub wishes_url: Option<&'a str>,
}

/// The `Message-ID` of (digest, subscriber, slot), without brackets: equal over retries, restarts and machines.
#[must_use]
pub fn message_id(
    digest: &str,
    subscriber: SubscriberId,
    slot_at: Timestamp,
    from: &str,
    key: &[u8; 32],
) -> String {
    let slot = slot_at.as_second().to_be_bytes();
    let mac = token::seal(
        CONTEXT,
        &[digest.as_bytes(), &subscriber.0.to_be_bytes(), &slot],
        key,
    )
    .to_hex();
    format!(
        "{}.{}@{}",
        slot_at.strftime("%Y%m%dT%H%M%SZ"),
        mac.get(..32).unwrap_or_default(),
        domain(from)
    )
}

/// `address` with its domain in ASCII (RFC 5890 A-labels), so that a server without SMTPUTF8 can take it.
#[must_use]
pub fn ascii_address(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, _)) => format!("{local}@{}", domain(address)),
        None => address.to_owned(),
    }
}

/// The domain of `address` in ASCII.
#[must_use]
pub fn domain(address: &str) -> String {
    let domain = address
        .rsplit_once('@')
        .map_or(address, |(_, domain)| domain);
    match Host::parse(domain) {
        Ok(Host::Domain(ascii)) => ascii,
        _ => domain.to_ascii_lowercase(),
    }
}

/// The whole message, CRLF lines.
#[must_use]
pub fn compose(letter: &Letter<'_>, rendition: &Rendition) -> Vec<u8> {
    let (text, html) = rendition.addressed(
        letter.unsubscribe_url.unwrap_or_default(),
        letter.wishes_url.unwrap_or_default(),
    );
    let boundary = format!(
        "=_{}",
        blake3::hash(letter.message_id.as_bytes())
            .to_hex()
            .get(..32)
            .unwrap_or_default()
    );
    let parts = vec![leaf("text/plain", text), leaf("text/html", html)];
    let body = MimePart::new(
        ContentType::new("multipart/alternative").attribute("boundary", boundary),
        BodyPart::Multipart(parts),
    );
    let mut message = MessageBuilder::new();
    for (name, value) in headers(letter, &rendition.subject) {
        message = message.header(name, value);
    }
    let mut bytes = Vec::with_capacity(rendition.html.len() * 2);
    message.body(body).serialize(&mut bytes);
    bytes
}

fn headers<'a>(letter: &Letter<'a>, subject: &'a str) -> Vec<(&'static str, HeaderType<'a>)> {
    let mut headers: Vec<(&'static str, HeaderType<'a>)> = vec![
        ("Date", Date::new(letter.frozen_at.as_second()).into()),
        ("From", mailbox(letter.from)),
        ("To", mailbox(letter.to)),
        ("Subject", Text::new(clean_line(subject)).into()),
        ("Message-ID", MessageId::new(letter.message_id).into()),
        ("MIME-Version", Raw::new("1.0").into()),
    ];
    if let Some(reply_to) = letter.reply_to {
        headers.push(("Reply-To", mailbox(reply_to)));
    }
    headers.push(("Content-Language", Raw::new(letter.language.code()).into()));
    headers.push(("List-Id", list_id(letter)));
    if let Some(url) = letter.unsubscribe_url {
        headers.push(("List-Unsubscribe", URL::new(url).into()));
        // RFC 8058 §3.1: one click needs an https address.
        if url.starts_with("https://") {
            headers.push((
                "List-Unsubscribe-Post",
                Raw::new("List-Unsubscribe=One-Click").into(),
            ));
        }
    }
    headers.push(("List-Post", Raw::new("NO").into()));
    headers.push(("List-Archive", URL::new(letter.archive_url.as_str()).into()));
    headers.push(("Auto-Submitted", Raw::new("auto-generated").into()));
    headers.push(("Precedence", Raw::new("bulk").into()));
    headers.push(("X-Auto-Response-Suppress", Raw::new("All").into()));
    headers
}

/// RFC 2919: only the phrase may be encoded; the identifier belongs to the sender's domain and stays for ever.
fn list_id<'a>(letter: &Letter<'a>) -> HeaderType<'a> {
    let name: String = letter
        .digest
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let id = format!(
        "{}.{}",
        name.to_ascii_lowercase(),
        domain(&letter.from.address)
    );
    Address::new_address(Some(clean_line(letter.title)), id).into()
}

pub(super) fn mailbox<'a>(mailbox: &Mailbox) -> HeaderType<'a> {
    let name = mailbox
        .name
        .as_deref()
        .map(clean_line)
        .filter(|name| !name.is_empty());
    Address::new_address(
        name,
        ascii_address(&clean_line(&mailbox.address).replace(' ', "")),
    )
    .into()
}

/// A part of text. Its lines end in CRLF before they are encoded (RFC 2045 §6.8): base64 hides them from every relay that
/// would put that right.
pub(super) fn leaf<'a>(kind: &'static str, text: String) -> MimePart<'a> {
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    MimePart::new(
        ContentType::new(kind).attribute("charset", "utf-8"),
        BodyPart::Text(text.into()),
    )
}
