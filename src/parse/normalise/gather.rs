//! A tolerant walk over a document: finds the feed and its entries, balances tags, and gives each whole entry as a node.
//! What a torn end leaves open is dropped; what is merely not closed is closed where the next thing begins.

mod scope;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;

use super::super::tokens::{Tag, Token, Tokens};
use super::capture::Capture;
use super::entities::Entities;
use super::kinds::{Kind, Model, meaning};
use super::names::Space;
use super::node::{Form, Node, attribute};
use super::repairs::Repairs;
use super::roots::Dialect;
use scope::{Scope, is_sibling};

/// Elements deeper than this are dropped: far more than any feed needs, far less than recursion could mind.
const MAX_DEPTH: usize = 64;

/// An element that is open.
struct Frame<'a> {
    name: &'a str,
    role: Role<'a>,
    base: Option<Rc<str>>,
    lang: Option<Rc<str>>,
    /// The space of names without prefix, when this element or one around it says so.
    space: Option<Space>,
    /// How many prefixes were bound outside it.
    bound: usize,
    /// Where its content begins.
    begin: usize,
}

/// What an open element is to us.
enum Role<'a> {
    /// The root or a channel: what stands in it describes the feed.
    Feed,
    /// An entry or another element with parts.
    Node(Node<'a>),
    /// Means nothing.
    Skipped,
}

/// Walks over a document and gives its entries, one by one.
pub(super) struct Gather<'a, 'r> {
    tokens: Tokens<'a>,
    stack: Vec<Frame<'a>>,
    prefixes: Vec<(&'a str, Space)>,
    dialect: Dialect,
    /// What describes the feed, in document order.
    feed: Vec<Node<'a>>,
    entities: &'r Entities,
    repairs: &'r mut Repairs,
    /// Entries that are whole: two at once where one begins before the last has ended.
    ready: VecDeque<Node<'a>>,
    /// How many bytes may be read again: bounds the work whatever is left open.
    reread: usize,
    is_over: bool,
}

/// HTML's elements without an end whose names no vocabulary of feeds has.
fn has_no_end(name: &str) -> bool {
    ["br", "hr", "img", "input", "meta", "wbr"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

impl<'a, 'r> Gather<'a, 'r> {
    /// Starts at the root that `roots` has found; `tokens` stand behind its start tag.
    pub(super) fn new(
        tokens: Tokens<'a>,
        root: Tag<'a>,
        dialect: Dialect,
        entities: &'r Entities,
        repairs: &'r mut Repairs,
    ) -> Self {
        let length = tokens.left();
        let mut gather = Self {
            tokens,
            stack: Vec::new(),
            prefixes: Vec::new(),
            dialect,
            feed: Vec::new(),
            entities,
            repairs,
            ready: VecDeque::new(),
            reread: length,
            is_over: false,
        };
        gather.open_root(root);
        gather
    }

    fn open_root(&mut self, root: Tag<'a>) {
        let scope = self.scope_of(root);
        // Whatever namespace the root's own prefix is bound to, it is the dialect's.
        if let Some((prefix, local)) = root.name.split_once(':')
            && !local.eq_ignore_ascii_case("rdf")
        {
            self.prefixes.push((prefix, self.dialect.space()));
        }
        let role = match self.dialect {
            Dialect::LoneEntry => {
                Role::Node(self.node(Kind::Entry, Space::Core, root.attributes, &scope))
            }
            _ => Role::Feed,
        };
        // What describes a CDF channel stands in its root's attributes; keep them with the feed.
        let own = self.node(Kind::Channel, Space::Core, root.attributes, &scope);
        self.feed.push(own);
        self.stack.push(Frame {
            name: root.name,
            role,
            base: scope.base,
            lang: scope.lang,
            space: None,
            bound: 0,
            begin: self.tokens.position(),
        });
        self.is_over = root.is_empty;
    }

    /// The next entry that is whole.
    pub(super) fn next_entry(&mut self) -> Option<Node<'a>> {
        while self.ready.is_empty() && !self.is_over {
            self.step();
        }
        self.ready.pop_front()
    }

    /// What describes the feed, as far as it has been read.
    pub(super) fn feed(&self) -> &[Node<'a>] {
        &self.feed
    }

    /// What describes the feed, once there are no more entries.
    pub(super) fn into_feed(self) -> Vec<Node<'a>> {
        self.feed
    }

    fn step(&mut self) {
        let open = self.stack.last().map_or("", |frame| frame.name);
        let Some(token) = self.tokens.next(open) else {
            return self.tear();
        };
        match token {
            Token::Text(text) => self.text(text, Form::Markup),
            Token::Bare(text) => self.text(text, Form::Characters),
            Token::Cdata(text) | Token::OpenCdata(text) => self.text(text, Form::Characters),
            Token::Start(tag) => self.start(tag),
            Token::End(name) => self.end(name),
            Token::Doctype(_) | Token::Aside => {}
            Token::Torn => self.tear(),
        }
    }

    /// The document ends with elements open.
    fn tear(&mut self) {
        if !self.stack.is_empty() {
            self.repairs.note("truncated");
            self.stack.clear();
        }
        self.is_over = true;
    }

    /// Text that stands in an element with parts, such as RSS's `author`.
    fn text(&mut self, text: &'a str, form: Form) {
        // Markup around a person's name means nothing.
        let is_markup =
            |frame: &Frame<'_>| matches!(frame.role, Role::Skipped) && !frame.name.contains(':');
        let mut holder = self.stack.iter_mut().rev().enumerate();
        let holder = holder.find(|(_, frame)| !is_markup(frame));
        let Some((inner, Role::Node(node))) = holder.map(|(at, frame)| (at, &mut frame.role))
        else {
            return;
        };
        if inner > 0 && node.kind != Kind::Author {
            return;
        }
        if node.kind == Kind::Entry || text.trim_ascii().is_empty() {
            return;
        }
        let text = match form {
            Form::Markup => self.entities.decode(text, self.repairs),
            Form::Characters => Cow::Borrowed(text),
        };
        if node.text.is_empty() {
            node.text = text;
        } else if node.text.len() < 4096 {
            node.text.to_mut().push_str(&text);
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        let scope = self.scope_of(tag);
        let (space, local) = self.resolve(tag.name, scope.space);
        let found = meaning(space, &local);
        if matches!(found, Some((Kind::Entry, _))) && space != Space::Media {
            return self.open_entry(tag, scope);
        }
        if matches!(
            self.stack.last().map(|frame| &frame.role),
            Some(Role::Skipped)
        ) {
            return self.push(tag, Role::Skipped, scope);
        }
        match found {
            Some((Kind::Channel, _)) => self.open_channel(tag, scope),
            Some((kind, Model::Parts)) => {
                let node = self.node(kind, space, tag.attributes, &scope);
                self.push(tag, Role::Node(node), scope);
            }
            Some((kind, model)) => {
                let node = self.node(kind, space, tag.attributes, &scope);
                self.leaf(tag, node, model, scope.bound);
            }
            None => self.push(tag, Role::Skipped, scope),
        }
    }

    fn open_channel(&mut self, tag: Tag<'a>, scope: Scope) {
        let own = self.node(Kind::Channel, Space::Core, tag.attributes, &scope);
        if self.entry_depth().is_none() {
            self.feed.push(own);
        }
        self.push(tag, Role::Feed, scope);
    }

    /// An entry begins: whatever an earlier one left open ends here.
    fn open_entry(&mut self, tag: Tag<'a>, scope: Scope) {
        if let Some(depth) = self.entry_depth() {
            if self.read_again(depth) {
                return;
            }
            self.repairs.note("unclosed-element");
            self.close_down_to(depth);
        }
        let node = self.node(Kind::Entry, Space::Core, tag.attributes, &scope);
        self.push(tag, Role::Node(node), scope);
    }

    fn entry_depth(&self) -> Option<usize> {
        self.stack
            .iter()
            .position(|frame| matches!(&frame.role, Role::Node(node) if node.kind == Kind::Entry))
    }

    fn push(&mut self, tag: Tag<'a>, role: Role<'a>, scope: Scope) {
        let bound = scope.bound;
        let frame = Frame {
            name: tag.name,
            role,
            base: scope.base,
            lang: scope.lang,
            space: scope.inherited,
            bound,
            begin: self.tokens.position(),
        };
        if tag.is_empty || (matches!(frame.role, Role::Skipped) && has_no_end(tag.name)) {
            self.prefixes.truncate(bound);
            self.attach(frame.role);
        } else if self.stack.len() < MAX_DEPTH {
            self.stack.push(frame);
        } else {
            self.repairs.note("too-deep");
            self.skip_deep(tag.name);
        }
    }

    /// Walks past an element that lies too deep, without looking into it.
    fn skip_deep(&mut self, name: &str) {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.tokens.next(name) {
                Some(Token::Start(tag)) if !tag.is_empty => depth += 1,
                Some(Token::End(_)) => depth -= 1,
                None | Some(Token::Torn) => return self.tear(),
                _ => {}
            }
        }
    }

    /// Hands a finished element to what it stands in.
    fn attach(&mut self, role: Role<'a>) {
        let Role::Node(node) = role else { return };
        if node.kind == Kind::Entry {
            self.ready.push_back(node);
            return;
        }
        match self.stack.last_mut().map(|frame| &mut frame.role) {
            Some(Role::Node(parent)) if parent.parts.len() < 4096 => parent.parts.push(node),
            Some(Role::Feed) if self.feed.len() < 4096 => self.feed.push(node),
            _ => {}
        }
    }

    /// An element without parts of its own: read whole, here.
    fn leaf(&mut self, tag: Tag<'a>, mut node: Node<'a>, model: Model, bound: usize) {
        if !tag.is_empty {
            let is_xhtml = model == Model::Text
                && attribute(tag.attributes, "type", self.entities)
                    .is_some_and(|kind| kind.to_ascii_lowercase().contains("xhtml"));
            let mut capture = Capture::new(tag.name, model, is_xhtml);
            let is_whole = capture.run(&mut self.tokens, &mut |event| {
                let name = match event {
                    Token::Start(tag) => tag.name,
                    Token::End(name) => {
                        return self
                            .stack
                            .iter()
                            .any(|frame| frame.name.eq_ignore_ascii_case(name));
                    }
                    _ => return false,
                };
                is_sibling(&self.prefixes, self.dialect, name)
            });
            if !is_whole {
                return self.tear();
            }
            (node.text, node.form) = capture.finish(self.entities, self.repairs);
        }
        self.prefixes.truncate(bound);
        self.attach(Role::Node(node));
    }

    fn end(&mut self, name: &str) {
        let known = self
            .stack
            .iter()
            .rposition(|frame| frame.name.eq_ignore_ascii_case(name));
        match known {
            Some(depth) => {
                if depth + 1 < self.stack.len() {
                    if self.read_again(depth) {
                        return;
                    }
                    self.repairs.note("unclosed-element");
                } else if self.stack[depth].name != name {
                    self.repairs.note("mismatched-case");
                }
                self.close_down_to(depth);
            }
            None => self.repairs.note("stray-end-tag"),
        }
        self.is_over |= self.stack.is_empty();
    }

    /// Goes back behind the start tag of an element that means nothing and that was never closed, so that it does not
    /// swallow what its entry says after it. False when there is no such element in the entry at `depth`.
    fn read_again(&mut self, depth: usize) -> bool {
        let is_entry =
            |role: &Role<'_>| matches!(role, Role::Node(node) if node.kind == Kind::Entry);
        let [entry, open, ..] = &self.stack[depth..] else {
            return false;
        };
        let length = self.tokens.position().saturating_sub(open.begin);
        let is_lost = is_entry(&entry.role) && matches!(open.role, Role::Skipped);
        let Some(left) = self.reread.checked_sub(length).filter(|_| is_lost) else {
            return false;
        };
        self.repairs.note("unclosed-element");
        self.reread = left;
        self.tokens.seek(open.begin);
        self.prefixes.truncate(open.bound);
        self.stack.truncate(depth + 1);
        true
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.stack.len() > depth {
            let Some(frame) = self.stack.pop() else {
                return;
            };
            self.prefixes.truncate(frame.bound);
            self.attach(frame.role);
        }
    }

    fn node(&self, kind: Kind, space: Space, attributes: &'a str, scope: &Scope) -> Node<'a> {
        Node {
            kind,
            space,
            attributes,
            text: Cow::Borrowed(""),
            form: Form::Characters,
            base: scope.base.clone(),
            lang: scope.lang.clone(),
            parts: Vec::new(),
        }
    }
}
