//! A document as a tree, read by a parser that forgives nothing; names keep the prefixes that we write ourselves.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
    pub(crate) text: String,
}

impl Node {
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |node| node.name == name)
    }

    pub(crate) fn one(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|node| node.name == name)
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// This element and all inside it.
    pub(crate) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Node)) {
        visit(self);
        self.children.iter().for_each(|node| node.walk(visit));
    }
}

/// The root of a well-formed document.
pub(crate) fn parse(text: &str) -> Node {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Node::default()];
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(start) => open.push(node(&start)),
            Event::Empty(start) => {
                let node = node(&start);
                open.last_mut().unwrap().children.push(node);
            }
            Event::End(_) => {
                let node = open.pop().unwrap();
                open.last_mut().unwrap().children.push(node);
            }
            Event::Text(text) => {
                open.last_mut()
                    .unwrap()
                    .text
                    .push_str(&text.xml10_content());
            }
            Event::GeneralRef(name) => {
                let held = name.xml10_content();
                let text = match held.as_ref() {
                    "amp" => String::from("&"),
                    "lt" => String::from("<"),
                    "gt" => String::from(">"),
                    "quot" => String::from("\""),
                    "apos" => String::from("'"),
                    number => char_of(number).to_string(),
                };
                open.last_mut().unwrap().text.push_str(&text);
            }
            Event::Eof => break,
            Event::CData(_) | Event::DocType(_) => panic!("we write neither CDATA nor DOCTYPE"),
            _ => {}
        }
    }
    open.pop().unwrap().children.pop().expect("a root")
}

fn char_of(reference: &str) -> char {
    let digits = reference.strip_prefix('#').expect("a known reference");
    let number = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    char::from_u32(number.unwrap()).unwrap()
}

fn node(start: &BytesStart<'_>) -> Node {
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.expect("an attribute");
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .expect("a value");
        (attribute.key.as_ref().to_owned(), value.into_owned())
    });
    Node {
        name: start.name().as_ref().to_owned(),
        attributes: attributes.collect(),
        ..Node::default()
    }
}
