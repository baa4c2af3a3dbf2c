//! Where the HTML parser lets an element stand, which ends it supplies itself, and which it ignores.

use super::super::elements::{self, Element, Role};
use super::{Open, Walk};

impl Walk<'_> {
    /// Whether the innermost element takes nothing but parts of a table.
    pub(super) fn takes_parts_only(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| takes_parts_only(open.element.role))
    }

    fn holds(&self, test: impl Fn(&Element) -> bool) -> bool {
        self.open.iter().any(|open| test(open.element))
    }

    /// Closes what the parser would close where the element begins, and opens the `tbody` that nobody writes. Refuses an
    /// element that the parser would put elsewhere.
    pub(super) fn make_room(&mut self, element: &'static Element) -> Option<()> {
        let is_part = |role| matches!(role, Role::RowGroup | Role::Row | Role::Cell);
        match element.role {
            Role::Intricate => None,
            Role::Item
            | Role::Term
            | Role::Annotation
            | Role::Caption
            | Role::ColumnGroup
            | Role::Column => self.close_to_parent(element.role),
            role if is_part(role) => self.close_to_parent(role),
            _ if self.takes_parts_only() => None,
            Role::Block | Role::Heading | Role::Table => self.end_paragraph(element),
            Role::Void if element.name == "hr" => self.end_paragraph(element),
            Role::Formatting => {
                (element.name != "a" || !self.holds(|open| open.name == "a")).then_some(())
            }
            _ => Some(()),
        }
    }

    /// A block begins: a paragraph that is open ends, when nothing else is open in it.
    fn end_paragraph(&mut self, element: &Element) -> Option<()> {
        if self.formatting > 0 {
            return None;
        }
        if element.role == Role::Heading && self.holds(|open| open.role == Role::Heading) {
            return None;
        }
        if self
            .open
            .last()
            .is_some_and(|open| open.element.name == "p")
        {
            self.close_down_to(self.open.len() - 1);
        }
        (!self.holds(|open| open.name == "p")).then_some(())
    }

    /// A part begins: what stands open between it and what it is a part of ends, when that is of the sort that may.
    fn close_to_parent(&mut self, role: Role) -> Option<()> {
        let holds_it = |open: &Open<'_>| is_parent(open.element, role);
        let depth = self.open.iter().rposition(holds_it)?;
        let above = &self.open[depth + 1..];
        let may_end = above.iter().all(|open| ends_before(open.element, role));
        may_end.then(|| self.close_down_to(depth + 1))?;
        if role == Role::Row && self.open[depth].element.role == Role::Table {
            let element = elements::find("tbody")?;
            self.out.push_str("<tbody>");
            self.open.push(Open {
                element,
                written: element.name,
            });
        }
        Some(())
    }

    /// Whether the parser ignores an end tag of an element that is not open.
    pub(super) fn may_ignore(&self, element: &Element) -> bool {
        if self.takes_parts_only() {
            return false;
        }
        match element.role {
            Role::Heading => !self.holds(|open| open.role == Role::Heading),
            Role::Intricate | Role::Raw => false,
            Role::Block => element.name != "p",
            Role::Void => element.name != "br",
            _ => true,
        }
    }
}

fn takes_parts_only(role: Role) -> bool {
    matches!(
        role,
        Role::Table | Role::RowGroup | Role::Row | Role::ColumnGroup
    )
}

/// Whether a part of that role belongs into the element.
fn is_parent(outer: &Element, role: Role) -> bool {
    match role {
        Role::Item => matches!(outer.name, "ul" | "ol"),
        Role::Term => outer.name == "dl",
        Role::Annotation => outer.name == "ruby",
        Role::Caption | Role::ColumnGroup | Role::RowGroup => outer.role == Role::Table,
        Role::Row => matches!(outer.role, Role::RowGroup | Role::Table),
        Role::Cell => outer.role == Role::Row,
        Role::Column => outer.role == Role::ColumnGroup,
        _ => false,
    }
}

/// Whether the parser ends an open element where a part of that role begins.
fn ends_before(open: &Element, role: Role) -> bool {
    match (role, open.role) {
        (Role::Item | Role::Term, inner) => inner == role || open.name == "p",
        (Role::Annotation, inner) => inner == Role::Annotation,
        (Role::Cell, Role::Cell) => true,
        (Role::Row, Role::Cell | Role::Row) => true,
        (Role::RowGroup, Role::Cell | Role::Row | Role::RowGroup) => true,
        (Role::Cell | Role::Row | Role::RowGroup, _) => is_light(open),
        _ => false,
    }
}

/// Whether the parser ends an open element by the end tag of one around it.
pub(super) fn ends_with(open: &Element, outer: &Element) -> bool {
    match (outer.role, open.role) {
        (Role::Table, Role::Cell | Role::Row | Role::RowGroup | Role::ColumnGroup) => true,
        (Role::RowGroup, Role::Cell | Role::Row) => true,
        (Role::Row, Role::Cell) => true,
        (Role::Block, _) => outer.name != "p" && is_light(open),
        (
            Role::Item
            | Role::Term
            | Role::Cell
            | Role::Caption
            | Role::Row
            | Role::RowGroup
            | Role::Table,
            _,
        ) => is_light(open),
        _ => false,
    }
}

/// Elements whose end tag HTML lets writers leave out.
fn is_light(element: &Element) -> bool {
    element.name == "p" || matches!(element.role, Role::Item | Role::Term)
}
