//! The elements whose handling by the HTML parser is simple as long as they are nested well.
//! Takes names in lower case; knows nothing of tables, definition lists, forms and media.

/// How the parser treats an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Opened again where it was left open.
    Formatting,
    /// Nothing special.
    Inline,
    /// Ends a paragraph.
    Block,
    /// Ends a paragraph, and another item.
    Item,
    /// Ends a paragraph, and another heading.
    Heading,
    /// Has no end.
    Void,
}

/// An element of the allow list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) role: Role,
}

/// The element of a name.
pub(super) fn find(name: &str) -> Option<Element> {
    use Role::{Block, Formatting, Heading, Inline, Item, Void};
    let (name, role) = match name {
        "p" => ("p", Block),
        "a" => ("a", Formatting),
        "br" => ("br", Void),
        "img" => ("img", Void),
        "li" => ("li", Item),
        "em" => ("em", Formatting),
        "strong" => ("strong", Formatting),
        "b" => ("b", Formatting),
        "i" => ("i", Formatting),
        "u" => ("u", Formatting),
        "s" => ("s", Formatting),
        "tt" => ("tt", Formatting),
        "big" => ("big", Formatting),
        "code" => ("code", Formatting),
        "small" => ("small", Formatting),
        "strike" => ("strike", Formatting),
        "span" => ("span", Inline),
        "sub" => ("sub", Inline),
        "sup" => ("sup", Inline),
        "cite" => ("cite", Inline),
        "kbd" => ("kbd", Inline),
        "mark" => ("mark", Inline),
        "abbr" => ("abbr", Inline),
        "div" => ("div", Block),
        "ul" => ("ul", Block),
        "ol" => ("ol", Block),
        "pre" => ("pre", Block),
        "blockquote" => ("blockquote", Block),
        "figure" => ("figure", Block),
        "figcaption" => ("figcaption", Block),
        "section" => ("section", Block),
        "article" => ("article", Block),
        "h1" => ("h1", Heading),
        "h2" => ("h2", Heading),
        "h3" => ("h3", Heading),
        "h4" => ("h4", Heading),
        "h5" => ("h5", Heading),
        "h6" => ("h6", Heading),
        "hr" => ("hr", Void),
        _ => return None,
    };
    Some(Element { name, role })
}
