//! What came back: takes the bytes of a mail, gives what a delivery status notification (RFC 3464) in it says, and how
//! to find whom it is about. Refuses everything that is no such notification: a reader's holiday is no bounce.

use mailparse::{MailHeader, MailHeaderMap as _, ParsedMail, parse_headers, parse_mail};

/// Parts deeper than this are not looked for.
const DEEPEST: usize = 4;
/// Headers in which the address that we gave as sender comes back.
const ARRIVED_AT: [&str; 5] = [
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Delivered-To",
    "To",
];

/// What a bounce means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The address is no good.
    Hard,
    /// This time it did not work.
    Soft,
    /// A policy, or the message itself: the operator must look, the subscriber is not to blame.
    Policy,
}

/// One notification of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Enhanced status code, such as `5.1.1`.
    pub status: String,
    /// What it means.
    pub kind: Kind,
    /// Extensions of the addresses it came to (`bounce+WORD@…`), in order.
    pub words: Vec<String>,
    /// Message-ID of the mail that came back, without angle brackets.
    pub message_id: Option<String>,
}

/// Reads a mail; none where it reports no failure of a delivery.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Bounce> {
    let mail = parse_mail(bytes).ok()?;
    let report = part(&mail, DEEPEST, &|kind| kind == "multipart/report")?;
    let status = part(report, DEEPEST, &|kind| {
        matches!(
            kind,
            "message/delivery-status" | "message/global-delivery-status"
        )
    })?;
    let status = failure(&status.get_body_raw().ok()?)?;
    let returned = part(report, DEEPEST, &|kind| {
        matches!(
            kind,
            "message/rfc822" | "text/rfc822-headers" | "message/global" | "message/global-headers"
        )
    });
    Some(Bounce {
        kind: kind(&status),
        status,
        words: words(&mail.headers),
        message_id: returned.and_then(message_id),
    })
}

fn part<'a, 'm>(
    mail: &'a ParsedMail<'m>,
    depth: usize,
    wanted: &dyn Fn(&str) -> bool,
) -> Option<&'a ParsedMail<'m>> {
    if wanted(&mail.ctype.mimetype) {
        return Some(mail);
    }
    let below = depth.checked_sub(1)?;
    mail.subparts
        .iter()
        .find_map(|one| part(one, below, wanted))
}

/// The status of the first recipient whose delivery failed: blocks of fields divided by empty lines, the first about the
/// message, the others each about a recipient (RFC 3464 §2.1). A delay or a success is none.
fn failure(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
    text.split("\n\n").find_map(|block| {
        let block = format!("{}\n\n", block.trim_matches('\n'));
        let (fields, _) = parse_headers(block.as_bytes()).ok()?;
        let action = fields.get_first_value("Action")?;
        if !action.trim().eq_ignore_ascii_case("failed") {
            return None;
        }
        let status = fields.get_first_value("Status").unwrap_or_default();
        // A comment may follow: "5.1.1 (no such user)".
        let status = status.split([' ', '(']).next().unwrap_or_default();
        Some(if is_status(status) {
            status.to_owned()
        } else {
            "5.0.0".to_owned()
        })
    })
}

fn is_status(text: &str) -> bool {
    let numbers: Vec<&str> = text.split('.').collect();
    let number = |text: &&str| {
        (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    numbers.len() == 3 && numbers.iter().all(number)
}

/// What a status means (RFC 3463): an address that does not exist is hard; a full mailbox, a server out of reach and
/// everything unclear is soft; policy and content are not the subscriber's fault.
#[must_use]
pub fn kind(status: &str) -> Kind {
    match status {
        "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1" => Kind::Hard,
        "5.1.7" | "5.1.8" | "5.3.4" | "5.2.3" => Kind::Policy,
        _ if status.starts_with("5.7.") || status.starts_with("5.6.") => Kind::Policy,
        _ => Kind::Soft,
    }
}

fn words(headers: &[MailHeader<'_>]) -> Vec<String> {
    let mut words = Vec::new();
    for header in headers {
        let key = header.get_key_ref();
        if !ARRIVED_AT.iter().any(|name| key.eq_ignore_ascii_case(name)) {
            continue;
        }
        let value = header.get_value();
        for address in value.split([',', ' ', '<', '>']) {
            let local = address.rsplit_once('@').map(|(local, _)| local);
            let word = local.and_then(|local| local.rsplit_once('+'));
            words.extend(word.map(|(_, word)| word.to_owned()));
        }
    }
    words
}

fn message_id(returned: &ParsedMail<'_>) -> Option<String> {
    let body = returned.get_body_raw().ok()?;
    let (headers, _) = parse_headers(&body).ok()?;
    let id = headers.get_first_value("Message-ID")?;
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    (!id.is_empty()).then(|| id.to_owned())
}
