//! An entry's files: enclosures, Media RSS in its groups and contents, running times.

use std::borrow::Cow;

use super::super::kinds::Kind;
use super::super::node::Node;
use super::{Chooser, Chosen, File};

impl Chooser<'_> {
    pub(super) fn files(&self, entry: &Node<'_>, chosen: &mut Chosen<'_>) {
        for part in &entry.parts {
            match part.kind {
                Kind::Enclosure => self.file(part, "length", chosen),
                Kind::MediaContent => self.media_content(part, chosen),
                Kind::MediaGroup => {
                    for part in &part.parts {
                        match part.kind {
                            Kind::MediaContent => self.media_content(part, chosen),
                            Kind::Thumbnail => self.text_link("thumbnail", part, chosen),
                            _ => {}
                        }
                    }
                }
                Kind::Duration => chosen.aside.duration_s = part.value().and_then(seconds),
                _ => {}
            }
        }
        chosen.aside.links.retain(|link| link.rel != "\0weak");
        let mut seen: Vec<String> = Vec::new();
        chosen.files.retain(|file| {
            seen.len() < 64 && !seen.contains(&file.url) && {
                seen.push(file.url.clone());
                true
            }
        });
    }

    fn media_content(&self, part: &Node<'_>, chosen: &mut Chosen<'_>) {
        for thumbnail in part.all(Kind::Thumbnail) {
            self.text_link("thumbnail", thumbnail, chosen);
        }
        let attribute = |name| part.attribute(name, self.entities);
        // What it is said to be for counts before what it is made of.
        let is_image = match attribute("medium") {
            Some(medium) => medium.eq_ignore_ascii_case("image"),
            None => attribute("type").is_some_and(|kind| kind.starts_with("image/")),
        };
        match is_image {
            true => self.text_link("thumbnail", part, chosen),
            false => self.file(part, "filesize", chosen),
        }
    }

    pub(super) fn file(&self, part: &Node<'_>, length: &str, chosen: &mut Chosen<'_>) {
        let attribute = |name| part.attribute(name, self.entities).map(Cow::into_owned);
        let url = attribute("url")
            .or_else(|| attribute("href"))
            .or_else(|| attribute("resource"));
        let url = url.or_else(|| part.value().map(str::to_owned));
        let Some(url) = url else { return };
        let url = self.bases.absolute(part, &url);
        let title = part.part(Kind::MediaTitle).and_then(Node::value);
        let title = title.map(str::to_owned).or_else(|| attribute("title"));
        chosen
            .aside
            .file_titles
            .extend(title.map(|title| (url.clone(), title)));
        chosen.files.push(File {
            url,
            mime: attribute("type"),
            length: attribute(length),
            duration: attribute("duration")
                .and_then(|text| seconds(&text))
                .map(|seconds| seconds.to_string()),
        });
    }
}

/// Running time: seconds, `mm:ss` or `hh:mm:ss`, fractions cut.
fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut parts = 0;
    for part in text.trim().split(':') {
        let whole = part.split(['.', ',']).next().unwrap_or_default().trim();
        if whole.is_empty() || whole.len() > 9 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        total = total.checked_mul(60)?.checked_add(whole.parse().ok()?)?;
        parts += 1;
    }
    (parts <= 3).then_some(total)
}
