//! What rules do to an entry beside dropping it: tags, a title from a template, text cut out, parameters stripped.
//! Takes compiled actions; changes the entry in place. Refuses to leave an entry without a title it had.

use regex::Regex;
use url::Url;

use crate::model::ParsedEntry;

use super::complaint::Complaint;
use super::html;

/// A title template, taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Plain(String),
    Title,
    Author,
    Feed,
}

impl Template {
    /// Reads `{title}`, `{author}`, `{feed}` and plain text; `{{` and `}}` are braces.
    pub(super) fn read(text: &str) -> Result<Self, Complaint> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(char) = text[at..].chars().next() {
            if text[at..].starts_with("{{") || text[at..].starts_with("}}") {
                plain.push(char);
                at += 2;
            } else if char == '{' {
                let end = text[at..].find('}').map(|offset| at + offset);
                let Some(end) = end else {
                    return Err(
                        Complaint::at(at..text.len(), "this `{` has no closing }".into())
                            .help("write {{ for a brace"),
                    );
                };
                if !plain.is_empty() {
                    pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                }
                pieces.push(placeholder(&text[at + 1..end]).ok_or_else(|| {
                    Complaint::at(
                        at..end + 1,
                        format!("unknown placeholder `{}`", &text[at..=end]),
                    )
                    .help("one of {title}, {author}, {feed}")
                })?);
                at = end + 1;
            } else {
                plain.push(char);
                at += char.len_utf8();
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Self(pieces))
    }

    fn fill(&self, entry: &ParsedEntry, feed_title: &str) -> String {
        let author = entry
            .authors
            .iter()
            .find_map(|author| author.name.as_deref())
            .unwrap_or_default();
        let filled: String = self
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) => text.as_str(),
                Piece::Title => entry.title.as_str(),
                Piece::Author => author,
                Piece::Feed => feed_title,
            })
            .collect();
        filled.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn placeholder(name: &str) -> Option<Piece> {
    match name {
        "title" => Some(Piece::Title),
        "author" => Some(Piece::Author),
        "feed" => Some(Piece::Feed),
        _ => None,
    }
}

/// Gives the entry the title that `template` makes; an empty one changes nothing.
pub(super) fn set_title(entry: &mut ParsedEntry, template: &Template, feed_title: &str) {
    let title = template.fill(entry, feed_title);
    if !title.is_empty() {
        entry.title = title;
    }
}

/// Cuts what `regexes` match from summary, content and text.
pub(super) fn cut(entry: &mut ParsedEntry, regexes: &[Regex]) {
    for markup in [&mut entry.summary_html, &mut entry.content_html]
        .into_iter()
        .flatten()
    {
        *markup = html::cut(markup, regexes);
    }
    for regex in regexes {
        let shorter = regex.replace_all(&entry.text, "");
        if shorter.len() != entry.text.len() {
            entry.text = shorter.trim().to_owned();
        }
    }
}

/// Strips the query parameters that `patterns` name (`name`, or `name*` for all that begin so) from the entry's link.
pub(super) fn strip_params(entry: &mut ParsedEntry, patterns: &[String]) {
    let Some(mut url) = entry.link.as_deref().and_then(|link| Url::parse(link).ok()) else {
        return;
    };
    let Some(query) = url.query() else { return };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = pair
                .split('=')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            !patterns
                .iter()
                .any(|pattern| fits(&pattern.to_ascii_lowercase(), &name))
        })
        .collect();
    if kept.len() == query.split('&').count() {
        return;
    }
    let kept = kept.join("&");
    url.set_query((!kept.is_empty()).then_some(kept.as_str()));
    entry.link = Some(url.into());
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |prefix| name.starts_with(prefix))
}
