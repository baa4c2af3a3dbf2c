//! Safe markup for our own pages: headings below ours, and nothing that loads from elsewhere. Takes what the sanitiser
//! left, so tags are whole and attribute values are quoted; quotes are still minded, as a value may hold `>`.

/// Whether pictures of entries are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pictures {
    /// A picture becomes its description.
    Described,
    /// Loaded late, and without telling from where.
    Lazy,
}

/// Elements that load or embed; what the sanitiser lets through is not this module's to know.
const LOADING: &[&str] = &[
    "audio", "base", "embed", "form", "frame", "iframe", "input", "link", "math", "meta", "object",
    "picture", "script", "source", "style", "svg", "track", "video",
];

/// `html` for a page.
pub(super) fn page_html(html: &str, pictures: Pictures) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        let Some(end) = tag_end(&rest[start..]) else {
            out.push_str("&lt;");
            rest = &rest[start + 1..];
            continue;
        };
        push_tag(&mut out, &rest[start..start + end], pictures);
        rest = &rest[start + end..];
    }
    out.push_str(rest);
    out
}

/// Length of the tag that `text` begins with, its `>` included.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn push_tag(out: &mut String, tag: &str, pictures: Pictures) {
    let inner = tag.trim_start_matches(['<', '/']);
    let length = inner
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(inner.len());
    let name = inner[..length].to_ascii_lowercase();
    let slash = if tag.starts_with("</") { "/" } else { "" };
    match name.as_str() {
        "img" => push_picture(out, tag, pictures),
        "h1" | "h2" | "h3" => out.push_str(&format!("<{slash}h4>")),
        "h4" => out.push_str(&format!("<{slash}h5>")),
        "h5" | "h6" => out.push_str(&format!("<{slash}h6>")),
        name if LOADING.contains(&name) => {}
        _ => out.push_str(tag),
    }
}

fn push_picture(out: &mut String, tag: &str, pictures: Pictures) {
    let alt = attribute(tag, "alt").filter(|alt| !alt.trim().is_empty());
    match (
        pictures,
        attribute(tag, "src").filter(|src| src.starts_with("https://")),
    ) {
        (Pictures::Lazy, Some(src)) => {
            out.push_str(
                "<img loading=\"lazy\" decoding=\"async\" referrerpolicy=\"no-referrer\" src=\"",
            );
            out.push_str(&src.replace('"', "&quot;"));
            out.push_str("\" alt=\"");
            out.push_str(&alt.unwrap_or_default().replace('"', "&quot;"));
            out.push_str("\">");
        }
        _ => {
            if let Some(alt) = alt {
                out.push_str("<span class=\"picture\">");
                out.push_str(&alt.replace('<', "&lt;"));
                out.push_str("</span>");
            }
        }
    }
}

/// Value of an attribute, still escaped as it was.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag.trim_start_matches('<');
    rest = &rest[rest.find(char::is_whitespace)?..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let (key, after) = rest.split_once('=')?;
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = after[1..].split_once(quote)?;
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
}
