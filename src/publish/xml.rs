//! A thin hand on quick-xml's writer: elements with filtered, escaped text. Takes no markup and writes no CDATA, so no
//! text from a feed can end an element (XML-1).

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::text::clean;

/// Attributes: name and value.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a str)];

/// An XML document being written into memory.
pub(super) struct Xml(Writer<Vec<u8>>);

impl Xml {
    /// Begins a document with its declaration.
    pub(super) fn begin() -> Self {
        let mut xml = Self(Writer::new_with_indent(
            Vec::with_capacity(64 * 1024),
            b' ',
            1,
        ));
        xml.put(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)));
        xml
    }

    fn put(&mut self, event: Event<'_>) {
        self.0.write_event(event).expect("a Vec takes every byte");
    }

    fn start<'a>(name: &'a str, attributes: Attributes<'_>) -> BytesStart<'a> {
        let mut start = BytesStart::new(name);
        for (key, value) in attributes {
            start.push_attribute((*key, clean(value).as_ref()));
        }
        start
    }

    /// Opens an element.
    pub(super) fn open(&mut self, name: &str, attributes: Attributes<'_>) {
        self.put(Event::Start(Self::start(name, attributes)));
    }

    /// Closes it.
    pub(super) fn close(&mut self, name: &str) {
        self.put(Event::End(BytesEnd::new(name)));
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: Attributes<'_>) {
        self.put(Event::Empty(Self::start(name, attributes)));
    }

    /// An element with text.
    pub(super) fn leaf(&mut self, name: &str, attributes: Attributes<'_>, text: &str) {
        self.open(name, attributes);
        self.put(Event::Text(BytesText::new(&clean(text))));
        self.close(name);
    }

    /// An element with plain text in which `&` and `<` become hexadecimal references, the spelling that most RSS
    /// readers take for plain text (RSS best practices, "character data").
    pub(super) fn plain(&mut self, name: &str, text: &str) {
        let escaped = clean(text)
            .replace('&', "&#x26;")
            .replace('<', "&#x3C;")
            .replace('>', "&#x3E;");
        self.open(name, &[]);
        self.put(Event::Text(BytesText::from_escaped(escaped)));
        self.close(name);
    }

    /// The finished bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = self.0.into_inner();
        bytes.push(b'\n');
        bytes
    }
}
