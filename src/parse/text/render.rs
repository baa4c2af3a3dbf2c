//! HTML as plain text: blocks on lines of their own, list marks, no addresses. One walk, no tree.
//! Takes safe markup, and any other; gives no scripts and no styles.

use std::borrow::Cow;

use super::super::tokens::{Token, Tokens, attributes};
use super::decoded;

/// The text of safe or of any HTML: blocks on lines of their own, list marks, no addresses.
pub(in crate::parse) fn of_html(html: &str) -> String {
    let mut writer = Writer {
        out: String::with_capacity(html.len() / 2),
        gap: Gap::Start,
        is_preformatted: false,
    };
    let mut tokens = Tokens::new(html);
    let mut hidden: Option<&str> = None;
    while let Some(token) = tokens.next("") {
        match token {
            Token::Start(tag) if hidden.is_none() => {
                if is_hidden(tag.name) && !tag.is_empty {
                    hidden = Some(tag.name);
                }
                writer.element(tag.name, true);
                if tag.name.eq_ignore_ascii_case("img") {
                    let alt = attributes(tag.attributes)
                        .find(|(name, _)| name.eq_ignore_ascii_case("alt"));
                    if let Some((_, alt)) = alt.filter(|(_, alt)| !alt.trim().is_empty()) {
                        writer.text(&decoded(alt));
                    }
                }
            }
            Token::End(name) => match hidden {
                Some(open) if open.eq_ignore_ascii_case(name) => hidden = None,
                Some(_) => {}
                None => writer.element(name, false),
            },
            Token::Text(text) | Token::Bare(text) if hidden.is_none() => {
                writer.text(&decoded(text))
            }
            _ => {}
        }
    }
    writer.out.truncate(writer.out.trim_end().len());
    writer.out
}

fn is_hidden(name: &str) -> bool {
    ["script", "style", "template", "noscript", "head", "title"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// The white space owed before the next word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
    Paragraph,
    /// Nothing has been written.
    Start,
}

struct Writer {
    out: String,
    gap: Gap,
    is_preformatted: bool,
}

impl Writer {
    fn owe(&mut self, gap: Gap) {
        if self.gap != Gap::Start {
            self.gap = self.gap.max(gap);
        }
    }

    fn element(&mut self, name: &str, opens: bool) {
        let lower = lower_case(name);
        match &*lower {
            "p" | "blockquote" | "ul" | "ol" | "dl" | "table" | "figure" | "h1" | "h2" | "h3"
            | "h4" | "h5" | "h6" => {
                self.owe(Gap::Paragraph);
            }
            "pre" => {
                self.owe(Gap::Paragraph);
                self.is_preformatted = opens;
            }
            "br" if opens => match self.gap {
                Gap::Line => self.owe(Gap::Paragraph),
                _ => self.owe(Gap::Line),
            },
            "div" | "section" | "article" | "header" | "footer" | "tr" | "dt" | "dd"
            | "figcaption" | "hr" | "li" => {
                self.owe(Gap::Line);
                if lower == "li" && opens {
                    self.flush();
                    self.out.push_str("• ");
                    self.gap = Gap::None;
                }
            }
            "td" | "th" | "img" => self.owe(Gap::Space),
            _ => {}
        }
    }

    fn flush(&mut self) {
        match self.gap {
            Gap::None | Gap::Start => {}
            Gap::Space => self.out.push(' '),
            Gap::Line => self.out.push('\n'),
            Gap::Paragraph => self.out.push_str("\n\n"),
        }
        self.gap = Gap::None;
    }

    fn text(&mut self, text: &str) {
        if self.is_preformatted {
            let text = if self.gap == Gap::None {
                text
            } else {
                text.trim_start_matches('\n')
            };
            self.flush();
            return self.out.push_str(text);
        }
        if text.starts_with(|c: char| c.is_ascii_whitespace()) {
            self.owe(Gap::Space);
        }
        for run in runs(text) {
            self.flush();
            self.out.push_str(run);
            self.gap = Gap::Space;
        }
        if self.gap == Gap::Space && !text.ends_with(|c: char| c.is_ascii_whitespace()) {
            self.gap = Gap::None;
        }
    }
}

/// Stretches of text whose words are parted by single spaces: copied as they are.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_ascii_start();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let bytes = rest.as_bytes();
        let breaks = |at: usize| match bytes[at] {
            b' ' => bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace),
            byte => byte < b' ' && byte.is_ascii_whitespace(),
        };
        let end = (0..bytes.len())
            .find(|&at| breaks(at))
            .unwrap_or(bytes.len());
        let (run, after) = rest.split_at(end);
        rest = after.trim_ascii_start();
        Some(run)
    })
}

/// Safe markup is in lower case already.
fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
