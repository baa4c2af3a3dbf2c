//! A finished mail read back: the words of one of its parts, for people who want to see what was sent.

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
