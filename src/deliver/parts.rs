//! A finished mail read back: the words of one of its parts, for people who want to see what was sent, and the mail
//! without all but its text, for servers that take no more.

use mailparse::{ParsedMail, parse_mail};

/// The first part of media type `kind`, decoded, its lines ended by LF alone; none where the mail has no such part.
#[must_use]
pub fn part(message: &[u8], kind: &str) -> Option<String> {
    first(&parse_mail(message).ok()?, kind)
}

fn first(mail: &ParsedMail<'_>, kind: &str) -> Option<String> {
    if mail.subparts.is_empty() {
        return (mail.ctype.mimetype == kind)
            .then(|| mail.get_body().ok())
            .flatten()
            .map(|body| body.replace("\r\n", "\n"));
    }
    mail.subparts.iter().find_map(|part| first(part, kind))
}

/// Fields that speak of the body as it was.
const OF_THE_BODY: [&str; 3] = [
    "content-type",
    "content-transfer-encoding",
    "dkim-signature",
];

/// The same mail as plain text alone, not signed; none where it has no other part to lose.
#[must_use]
pub fn lighter(message: &[u8]) -> Option<Vec<u8>> {
    let mail = parse_mail(message).ok()?;
    let mut parts = mail.subparts.iter();
    let text = parts.find(|part| part.ctype.mimetype == "text/plain")?;
    let mut light = Vec::with_capacity(text.raw_bytes.len() + 2048);
    let mut kept = true;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        // A folded field shares the fate of its first line.
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            kept = !OF_THE_BODY
                .iter()
                .any(|field| name.eq_ignore_ascii_case(field.as_bytes()));
        }
        if kept {
            light.extend_from_slice(line);
        }
    }
    light.extend_from_slice(text.raw_bytes.trim_ascii_end());
    light.extend_from_slice(b"\r\n");
    Some(light)
}
