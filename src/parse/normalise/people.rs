//! Names of people as feeds write them, with the mail address told apart so that it can be kept private.

use crate::model::Author;

/// Addresses taken out of one name; of one that has more, nothing is left.
const MOST_ADDRESSES: usize = 16;

/// Splits `jane@example.org (Jane)`, `Jane <jane@example.org>`, `Jane, mailto:jane@example.org` and the like.
pub(crate) fn author(text: &str) -> Option<Author> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let Some((begin, end)) = mail_address(text) else {
        return Some(Author {
            name: Some(one_line(text)),
            ..Author::default()
        });
    };
    let email = text[begin..end].to_owned();
    let mut name = without(text, (begin, end));
    for _ in 1..MOST_ADDRESSES {
        let Some(further) = mail_address(&name) else {
            break;
        };
        name = without(&name, further);
    }
    // A name is shown to everyone: rather none than one with an address in it.
    let is_name = !name.is_empty() && mail_address(&name).is_none();
    Some(Author {
        name: Some(name).filter(|_| is_name),
        uri: None,
        email: Some(email),
    })
}

/// A name without the address that stands in it, and without the marks that set it off.
fn without(text: &str, (begin, end): (usize, usize)) -> String {
    let before = text[..begin]
        .trim_end_matches("mailto:")
        .trim_end_matches("MAILTO:");
    let name = one_line(&format!("{before} {}", &text[end..]));
    let mut name = name
        .trim_matches(|c: char| c.is_whitespace() || "()<>[]\"',;:-–—（）＜＞".contains(c))
        .to_owned();
    for empty in ["()", "<>", "( )", "< >"] {
        name = name.replace(empty, "");
    }
    one_line(&name)
}

/// Adds an author, or what it tells of one who is known by the same name: feeds name people in two vocabularies, and in
/// each with another address.
pub(crate) fn add(authors: &mut Vec<Author>, author: Author) {
    let same = authors
        .iter_mut()
        .find(|known| known.name == author.name && (known.name.is_some() || **known == author));
    match same {
        Some(known) => {
            known.email = known.email.take().or(author.email);
            known.uri = known.uri.take().or(author.uri);
        }
        None => authors.push(author),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where an address stands in `text`: only ASCII, so that its ends are character boundaries.
fn mail_address(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_local =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-!#$&*/=?^`{|}~".contains(byte);
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    for at in memchr::memchr_iter(b'@', bytes) {
        let begin = at
            - bytes[..at]
                .iter()
                .rev()
                .take_while(|byte| is_local(byte))
                .count();
        let length = bytes[at + 1..]
            .iter()
            .take_while(|byte| is_domain(byte))
            .count();
        let mut end = at + 1 + length;
        while end > at + 1 && matches!(bytes[end - 1], b'.' | b'-') {
            end -= 1;
        }
        let domain = &text[at + 1..end];
        if begin < at && domain.contains('.') && !domain.starts_with('.') {
            return Some((begin, end));
        }
    }
    None
}
