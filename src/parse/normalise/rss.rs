//! Chosen fields as canonical RSS 2.0, for feed-rs's RSS mapper.

use super::entry::{Chosen, File};
use super::feed::ChosenFeed;
use super::write::{close, element, open};

/// Begins a document.
pub(super) fn begin(out: &mut String) {
    out.push_str(
        "<rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:media=\"http://search.yahoo.com/mrss/\"><channel>",
    );
}

/// Appends an entry.
pub(super) fn item(out: &mut String, chosen: &Chosen<'_>) {
    out.push_str("<item>");
    let texts = [
        ("title", chosen.title.as_deref()),
        ("link", chosen.link.as_deref()),
        ("pubDate", chosen.published.as_deref()),
        ("updated", chosen.updated.as_deref()),
        ("description", chosen.summary.as_deref()),
        ("content:encoded", chosen.content.as_deref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            element(out, name, &[], text);
        }
    }
    // Where the id is the page's address, the link says so.
    if let Some(id) = chosen.id.as_deref() {
        element(out, "guid", &[("isPermaLink", "false")], id);
    }
    for name in chosen
        .aside
        .authors
        .iter()
        .filter_map(|author| author.name.as_deref())
    {
        if !name.contains('@') {
            element(out, "dc:creator", &[], name);
        }
    }
    for (term, scheme, _) in &chosen.categories {
        let scheme: Vec<(&str, &str)> = scheme
            .iter()
            .map(|scheme| ("domain", scheme.as_str()))
            .collect();
        element(out, "category", &scheme, term);
    }
    files(out, &chosen.files);
    out.push_str("</item>");
}

/// Appends files as Media RSS, which both of feed-rs's XML mappers read.
pub(super) fn files(out: &mut String, files: &[File]) {
    for file in files {
        let mut attributes = vec![("url", file.url.as_str())];
        attributes.extend(file.mime.as_deref().map(|mime| ("type", mime)));
        // A picture that is a file, not what stands for one.
        let is_picture = file
            .mime
            .as_deref()
            .is_some_and(|mime| mime.starts_with("image/"));
        attributes.extend(is_picture.then_some(("medium", "document")));
        attributes.extend(file.length.as_deref().map(|length| ("fileSize", length)));
        attributes.extend(
            file.duration
                .as_deref()
                .map(|duration| ("duration", duration)),
        );
        open(out, "media:content", &attributes);
        close(out, "media:content");
    }
}

/// Appends what describes the feed, and ends the document.
pub(super) fn end(out: &mut String, chosen: &ChosenFeed) {
    let texts = [
        ("title", chosen.title.as_deref()),
        ("link", chosen.link.as_deref()),
        ("description", chosen.description.as_deref()),
        ("lastBuildDate", chosen.updated.as_deref()),
        ("language", chosen.aside.language.as_deref()),
        ("copyright", chosen.aside.rights.as_deref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            element(out, name, &[], text);
        }
    }
    out.push_str("</channel></rss>");
}
