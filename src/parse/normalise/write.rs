//! Canonical XML out: text always escaped or in CDATA, so that feed-rs reads exactly what was meant.

use memchr::memchr3;

/// Appends a start tag, attributes given as pairs.
pub(super) fn open(out: &mut String, name: &str, attributes: &[(&str, &str)]) {
    out.push('<');
    out.push_str(name);
    for (name, value) in attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape(out, value);
        out.push('"');
    }
    out.push('>');
}

/// Appends an end tag.
pub(super) fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Appends an element with text.
pub(super) fn element(out: &mut String, name: &str, attributes: &[(&str, &str)], text: &str) {
    open(out, name, attributes);
    characters(out, text);
    close(out, name);
}

/// Appends text: as it is when it has nothing special, else as CDATA, which costs a copy and no escaping.
fn characters(out: &mut String, text: &str) {
    if memchr3(b'<', b'&', b'>', text.as_bytes()).is_none() {
        return out.push_str(text);
    }
    for (index, piece) in text.split("]]>").enumerate() {
        if index > 0 {
            out.push_str("]]&gt;");
        }
        // A second opening in a section would be taken for a sign that nobody closed the first.
        for (index, piece) in piece.split("<![CDATA[").enumerate() {
            if index > 0 {
                out.push_str("&lt;![CDATA[");
            }
            out.push_str("<![CDATA[");
            out.push_str(piece);
            out.push_str("]]>");
        }
    }
}

fn escape(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push(' '),
            _ => out.push(character),
        }
    }
}
