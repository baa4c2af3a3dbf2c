//! Chosen fields as canonical Atom 1.0, for feed-rs's Atom mapper.

use super::aside::Reading;
use super::entry::Chosen;
use super::feed::ChosenFeed;
use super::rss;
use super::write::{close, element, open};

/// Begins a document.
pub(super) fn begin(out: &mut String) {
    out.push_str("<feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:media=\"http://search.yahoo.com/mrss/\">");
}

/// Appends an entry.
pub(super) fn entry(out: &mut String, chosen: &Chosen<'_>) {
    out.push_str("<entry>");
    simple(out, "id", chosen.id.as_deref());
    simple(out, "published", chosen.published.as_deref());
    simple(out, "updated", chosen.updated.as_deref());
    typed(out, "title", chosen.title.as_deref(), chosen.aside.title);
    typed(
        out,
        "summary",
        chosen.summary.as_deref(),
        chosen.aside.summary,
    );
    typed(
        out,
        "content",
        chosen.content.as_deref(),
        chosen.aside.content,
    );
    link(out, chosen.link.as_deref());
    for name in chosen
        .aside
        .authors
        .iter()
        .filter_map(|author| author.name.as_deref())
    {
        out.push_str("<author>");
        element(out, "name", &[], name);
        out.push_str("</author>");
    }
    for (term, scheme, label) in &chosen.categories {
        let mut attributes = vec![("term", term.as_str())];
        attributes.extend(scheme.as_deref().map(|scheme| ("scheme", scheme)));
        attributes.extend(label.as_deref().map(|label| ("label", label)));
        open(out, "category", &attributes);
        close(out, "category");
    }
    rss::files(out, &chosen.files);
    out.push_str("</entry>");
}

fn simple(out: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        element(out, name, &[], text);
    }
}

fn typed(out: &mut String, name: &str, text: Option<&str>, reading: Reading) {
    let kind = if reading == Reading::Plain {
        "text"
    } else {
        "html"
    };
    // feed-rs refuses the whole document for an empty text.
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        element(out, name, &[("type", kind)], text);
    }
}

fn link(out: &mut String, href: Option<&str>) {
    if let Some(href) = href {
        open(out, "link", &[("rel", "alternate"), ("href", href)]);
        close(out, "link");
    }
}

/// Appends what describes the feed, and ends the document.
pub(super) fn end(out: &mut String, chosen: &ChosenFeed) {
    typed(out, "title", chosen.title.as_deref(), chosen.aside.title);
    typed(
        out,
        "subtitle",
        chosen.description.as_deref(),
        chosen.aside.description,
    );
    simple(out, "id", chosen.aside.publisher_id.as_deref());
    simple(out, "updated", chosen.updated.as_deref());
    link(out, chosen.link.as_deref());
    if let Some(rights) = chosen.aside.rights.as_deref() {
        element(out, "rights", &[], rights);
    }
    out.push_str("</feed>");
}
