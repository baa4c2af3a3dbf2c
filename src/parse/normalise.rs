//! Any feed in XML to clean canonical XML that feed-rs reads without loss, with what feed-rs drops kept beside it.
//! One tolerant pass, linear in time, bounded in depth; refuses only what holds no feed at all.

mod aside;
mod atom;
mod base;
mod capture;
pub(super) mod entities;
mod entry;
mod feed;
mod gather;
mod kinds;
mod names;
mod node;
pub(super) mod people;
pub(super) mod repairs;
mod roots;
mod rss;
mod write;

use url::Url;

use super::ParseError;
use crate::model::FeedFormat;
pub(super) use aside::{EntryAside, FeedAside, FileAside, Reading};
pub(super) use base::{Bases, has_scheme, is_plain, web_address};
use entities::Entities;
use entry::Chooser;
use gather::Gather;
use kinds::Kind;
use node::Node;
pub(super) use repairs::Repairs;
use roots::Dialect;

/// How many entries are read of one document: the newest five hundred are kept in the end.
const MAX_ENTRIES: usize = 20_000;

/// A document made fit for feed-rs.
#[derive(Debug)]
pub(super) struct Normalised {
    /// Canonical RSS 2.0, Atom 1.0 or JSON Feed 1.1.
    pub(super) document: String,
    pub(super) format: FeedFormat,
    pub(super) feed: FeedAside,
    /// In the order of the document's entries.
    pub(super) entries: Vec<EntryAside>,
}

/// Normalises XML.
pub(super) fn normalise(
    text: &str,
    address: Option<&str>,
    repairs: &mut Repairs,
) -> Result<Normalised, ParseError> {
    let text = entities::without_controls(text, repairs);
    let mut entities = Entities::new(text.len());
    let root = roots::find(&text, &mut entities, repairs)?;
    let dialect = root.dialect;
    let is_atom = matches!(dialect, Dialect::Atom | Dialect::LoneEntry);
    let mut bases = Bases::new(address);
    let mut document = String::with_capacity(text.len() + 1024);
    if is_atom {
        atom::begin(&mut document)
    } else {
        rss::begin(&mut document)
    }

    let mut gathered = Repairs::default();
    let mut gather = Gather::new(root.tokens, root.tag, dialect, &entities, &mut gathered);
    let mut entries = Vec::new();
    while let Some(node) = gather.next_entry() {
        if entries.len() >= MAX_ENTRIES {
            repairs.note("too-many-entries");
            break;
        }
        if bases.document.is_none() && bases.site.is_none() {
            bases.site = site(gather.feed(), &entities);
        }
        let chooser = Chooser {
            entities: &entities,
            bases: &bases,
            dialect,
        };
        let chosen = chooser.choose(&node, repairs);
        if is_atom {
            atom::entry(&mut document, &chosen)
        } else {
            rss::item(&mut document, &chosen)
        }
        entries.push(chosen.aside);
    }
    let holder = feed::holder(gather.into_feed());
    let chooser = Chooser {
        entities: &entities,
        bases: &bases,
        dialect,
    };
    let chosen = chooser.choose_feed(&holder, repairs);
    if is_atom {
        atom::end(&mut document, &chosen)
    } else {
        rss::end(&mut document, &chosen)
    }
    repairs.merge(gathered);
    Ok(Normalised {
        document,
        format: dialect.format(),
        feed: chosen.aside,
        entries,
    })
}

/// The site's address, as far as the feed has named it yet.
fn site(feed: &[Node<'_>], entities: &Entities) -> Option<Url> {
    feed.iter().find_map(|node| match node.kind {
        Kind::Link if node.value().is_some() => node.value().and_then(web_address),
        Kind::Link | Kind::AtomLink => {
            let rel = node.attribute("rel", entities);
            let is_page = rel.is_none_or(|rel| rel.eq_ignore_ascii_case("alternate"));
            let href = node.attribute("href", entities).filter(|_| is_page)?;
            web_address(&href)
        }
        _ => None,
    })
}
