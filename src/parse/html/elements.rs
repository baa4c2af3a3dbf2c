//! The elements of HTML that the sanitiser keeps, and how its parser treats them and their most frequent neighbours.
//! The sanitiser and the short way both take their lists from here.

/// How the HTML parser treats an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Opened again where it was left open.
    Formatting,
    /// Nothing special.
    Inline,
    /// Ends a paragraph.
    Block,
    /// Ends a paragraph, and the item before it.
    Item,
    /// The same in a list of definitions.
    Term,
    /// Ends a paragraph, and another heading.
    Heading,
    /// Reading aids in a `ruby`.
    Annotation,
    /// Has no end.
    Void,
    /// Goes with all that is in it, whatever that looks like.
    Raw,
    /// Takes nothing but the parts of a table.
    Table,
    /// `thead`, `tbody`, `tfoot`.
    RowGroup,
    Row,
    Cell,
    Caption,
    ColumnGroup,
    /// Has no end, and stands among columns only.
    Column,
    /// For the parser alone.
    Intricate,
}

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: &'static str,
    /// The name as a number, whose order is the name's: one comparison where bytes would take a call.
    key: u128,
    pub(super) role: Role,
    /// Whether it stays; of one that does not, the content does, unless its role is `Raw` or `Intricate`.
    pub(super) is_kept: bool,
    /// The attributes that stay, beside those of any element.
    pub(super) attributes: &'static [&'static str],
}

/// Attributes that stay on any element.
pub(super) const GENERIC: [&str; 3] = ["dir", "lang", "title"];

const fn kept(name: &'static str, role: Role) -> Element {
    with(name, role, &[])
}

const fn with(name: &'static str, role: Role, attributes: &'static [&'static str]) -> Element {
    Element {
        name,
        key: key(name.as_bytes()),
        role,
        is_kept: true,
        attributes,
    }
}

const fn dropped(name: &'static str, role: Role) -> Element {
    Element {
        name,
        key: key(name.as_bytes()),
        role,
        is_kept: false,
        attributes: &[],
    }
}

use Role::{
    Annotation, Block, Caption, Cell, Column, ColumnGroup, Formatting, Heading, Inline, Intricate,
    Item, Raw, Row, RowGroup, Table, Term, Void,
};

/// Sorted by name.
pub(super) static ELEMENTS: &[Element] = &[
    with("a", Formatting, &["href", "hreflang"]),
    kept("abbr", Inline),
    dropped("acronym", Inline),
    dropped("address", Block),
    dropped("applet", Intricate),
    kept("article", Block),
    kept("aside", Block),
    with("audio", Inline, &["src", "controls"]),
    kept("b", Formatting),
    kept("bdi", Inline),
    with("bdo", Inline, &["dir"]),
    kept("big", Formatting),
    with("blockquote", Block, &["cite"]),
    kept("br", Void),
    kept("caption", Caption),
    kept("center", Block),
    kept("cite", Inline),
    kept("code", Formatting),
    with("col", Column, &["align", "span"]),
    with("colgroup", ColumnGroup, &["align", "span"]),
    kept("dd", Term),
    with("del", Inline, &["cite", "datetime"]),
    kept("details", Block),
    kept("dfn", Inline),
    kept("div", Block),
    kept("dl", Block),
    kept("dt", Term),
    kept("em", Formatting),
    kept("figcaption", Block),
    kept("figure", Block),
    dropped("font", Formatting),
    kept("footer", Block),
    kept("h1", Heading),
    kept("h2", Heading),
    kept("h3", Heading),
    kept("h4", Heading),
    kept("h5", Heading),
    kept("h6", Heading),
    dropped("head", Intricate),
    kept("header", Block),
    kept("hgroup", Block),
    kept("hr", Void),
    kept("i", Formatting),
    dropped("iframe", Raw),
    // A style only lets a hidden picture be known; the picture goes, and its style with it.
    with(
        "img",
        Void,
        &[
            "src", "srcset", "sizes", "alt", "width", "height", "longdesc", "style",
        ],
    ),
    with("ins", Inline, &["cite", "datetime"]),
    kept("kbd", Inline),
    kept("li", Item),
    dropped("link", Void),
    dropped("main", Block),
    kept("mark", Inline),
    dropped("meta", Void),
    kept("nav", Block),
    dropped("noscript", Raw),
    dropped("object", Intricate),
    with("ol", Block, &["start", "reversed"]),
    kept("p", Block),
    kept("picture", Inline),
    kept("pre", Block),
    with("q", Inline, &["cite"]),
    kept("rp", Annotation),
    kept("rt", Annotation),
    kept("ruby", Inline),
    kept("s", Formatting),
    kept("samp", Inline),
    dropped("script", Raw),
    kept("section", Block),
    dropped("select", Intricate),
    kept("small", Formatting),
    with("source", Void, &["src", "srcset", "sizes", "type", "media"]),
    kept("span", Inline),
    kept("strike", Formatting),
    kept("strong", Formatting),
    dropped("style", Raw),
    kept("sub", Inline),
    kept("summary", Block),
    kept("sup", Inline),
    with("table", Table, &["align", "summary"]),
    kept("tbody", RowGroup),
    with("td", Cell, &["align", "colspan", "rowspan", "headers"]),
    dropped("template", Intricate),
    dropped("textarea", Raw),
    kept("tfoot", RowGroup),
    with(
        "th",
        Cell,
        &["align", "colspan", "rowspan", "headers", "scope"],
    ),
    kept("thead", RowGroup),
    with("time", Inline, &["datetime"]),
    dropped("title", Raw),
    kept("tr", Row),
    with("track", Void, &["src", "kind", "srclang", "label"]),
    kept("tt", Formatting),
    kept("u", Formatting),
    kept("ul", Block),
    kept("var", Inline),
    with(
        "video",
        Inline,
        &["src", "poster", "controls", "width", "height"],
    ),
    kept("wbr", Void),
];

/// Elements that go with all that is in them.
pub(super) fn gone() -> impl Iterator<Item = &'static str> {
    let is_gone = |element: &&Element| matches!(element.role, Raw | Intricate);
    ELEMENTS.iter().filter(is_gone).map(|element| element.name)
}

/// An element that only its writer knows: a custom one, or one of another vocabulary.
static OWN: Element = dropped("", Inline);

/// A name in lower case as a number: its first bytes are its highest. No name of HTML is longer than these.
const fn key(name: &[u8]) -> u128 {
    let (mut key, mut at) = (0, 0);
    while at < 16 {
        let byte = if at < name.len() { name[at] } else { 0 };
        key = key << 8 | byte.to_ascii_lowercase() as u128;
        at += 1;
    }
    key
}

/// The element of a name as written.
pub(super) fn find(written: &str) -> Option<&'static Element> {
    let wanted = key(written.as_bytes());
    match ELEMENTS.binary_search_by_key(&wanted, |element| element.key) {
        Ok(at) => (written.len() == ELEMENTS[at].name.len()).then_some(&ELEMENTS[at]),
        Err(_) => written.contains(['-', ':']).then_some(&OWN),
    }
}
