//! Names of elements: prefix and namespace, in all the variants that feeds use, to one canonical vocabulary.

use std::borrow::Cow;

/// The vocabularies that mean something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// No namespace, RSS in any of its namespaces, CDF.
    Core,
    /// Atom 1.0 and 0.3.
    Atom,
    /// RDF's own.
    Rdf,
    /// RSS 1.0 `content` module.
    Content,
    /// Dublin Core elements and terms.
    Dc,
    /// Media RSS.
    Media,
    /// Apple's podcast tags, and those of others that mirror them.
    Itunes,
    /// podcastindex.org.
    Podcast,
    /// Well-Formed Web comments.
    Wfw,
    /// RSS 1.0 syndication module.
    Sy,
    /// RFC 5005 history.
    History,
    /// RFC 4685 threading.
    Thread,
    /// Creative Commons, both modules.
    License,
    /// FeedBurner.
    Feedburner,
    /// XHTML.
    Xhtml,
    /// Podlove simple chapters.
    Chapters,
    /// Anything else: never taken for what it is not.
    Unknown,
}

/// The space that a namespace name means, whatever its scheme, case and final slash.
pub(super) fn space_of_uri(uri: &str) -> Option<(Space, Spelling)> {
    let lower = uri.trim().to_ascii_lowercase();
    let bare = lower
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let bare = bare.trim_start_matches("www.").trim_end_matches(['/', '#']);
    let (space, exact) = match bare {
        ""
        | "backend.userland.com/rss"
        | "blogs.law.harvard.edu/tech/rss"
        | "my.netscape.com/rdf/simple/0.9" => {
            return Some((Space::Core, Spelling::Known));
        }
        "w3.org/2005/atom" => (Space::Atom, "http://www.w3.org/2005/Atom"),
        "w3.org/1999/02/22-rdf-syntax-ns" => {
            (Space::Rdf, "http://www.w3.org/1999/02/22-rdf-syntax-ns#")
        }
        "purl.org/rss/1.0/modules/content" => {
            (Space::Content, "http://purl.org/rss/1.0/modules/content/")
        }
        "purl.org/dc/elements/1.1" => (Space::Dc, "http://purl.org/dc/elements/1.1/"),
        "search.yahoo.com/mrss" => (Space::Media, "http://search.yahoo.com/mrss/"),
        "itunes.com/dtds/podcast-1.0.dtd" => {
            (Space::Itunes, "http://www.itunes.com/dtds/podcast-1.0.dtd")
        }
        "podcastindex.org/namespace/1.0" => {
            (Space::Podcast, "https://podcastindex.org/namespace/1.0")
        }
        "w3.org/1999/xhtml" => (Space::Xhtml, "http://www.w3.org/1999/xhtml"),
        _ => return variant(bare).map(|space| (space, Spelling::Known)),
    };
    Some((
        space,
        if uri == exact {
            Spelling::Known
        } else {
            Spelling::Variant
        },
    ))
}

/// Whether a namespace name is spelt as its owner spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As specified, or a name of its own right.
    Known,
    /// Meant, but misspelt.
    Variant,
}

fn variant(bare: &str) -> Option<Space> {
    const BY_START: &[(&str, Space)] = &[
        ("backend.userland.com/rss", Space::Core),
        ("purl.org/rss/1.0/modules/syndication", Space::Sy),
        ("purl.org/rss/1.0/modules/content", Space::Content),
        ("purl.org/rss/1.0/modules/rss091", Space::Core),
        ("purl.org/rss/1.0/modules/", Space::Unknown),
        ("purl.org/rss/", Space::Core),
        ("purl.org/net/rss1.1", Space::Core),
        ("channel.netscape.com/rdf", Space::Core),
        ("my.netscape.com/", Space::Core),
        ("purl.org/atom/ns", Space::Atom),
        ("purl.org/atom-blog/ns", Space::Atom),
        ("purl.org/atom/app", Space::Unknown),
        ("purl.org/echo", Space::Atom),
        ("purl.org/pie", Space::Atom),
        ("example.com/newformat", Space::Atom),
        ("example.com/necho", Space::Atom),
        ("uri/of/echo/namespace", Space::Atom),
        ("purl.org/dc/", Space::Dc),
        ("search.yahoo.com/rss", Space::Media),
        ("search.yahoo.com/mrss", Space::Media),
        ("video.search.yahoo.com/mrss", Space::Media),
        ("tools.search.yahoo.com/mrss", Space::Media),
        ("example.com/dtds/podcast", Space::Itunes),
        ("itunes.com/dtds/podcast", Space::Itunes),
        ("itunes.apple.com/dtds/podcast", Space::Itunes),
        ("google.com/schemas/play-podcasts", Space::Itunes),
        ("podcastindex.org/namespace", Space::Podcast),
        (
            "github.com/podcastindex-org/podcast-namespace",
            Space::Podcast,
        ),
        ("wellformedweb.org/commentapi", Space::Wfw),
        ("purl.org/syndication/history", Space::History),
        ("purl.org/syndication/thread", Space::Thread),
        (
            "backend.userland.com/creativecommonsrssmodule",
            Space::License,
        ),
        ("cyber.law.harvard.edu/rss/creativecommons", Space::License),
        ("web.resource.org/cc", Space::License),
        ("creativecommons.org/ns", Space::License),
        ("rssnamespace.org/feedburner", Space::Feedburner),
        ("podlove.org/simple-chapters", Space::Chapters),
    ];
    BY_START
        .iter()
        .find(|(start, _)| bare.starts_with(start))
        .map(|&(_, space)| space)
}

/// The space that an undeclared prefix is meant to have.
pub(super) fn space_of_prefix(prefix: &str) -> Option<Space> {
    Some(match prefix {
        "atom" | "atom10" | "atom03" | "a10" => Space::Atom,
        "rdf" => Space::Rdf,
        "rss" | "rss10" | "rss11" => Space::Core,
        "content" => Space::Content,
        "dc" | "dcterms" | "dct" => Space::Dc,
        "media" | "mrss" => Space::Media,
        "itunes" | "googleplay" => Space::Itunes,
        "podcast" => Space::Podcast,
        "wfw" => Space::Wfw,
        "sy" | "syn" => Space::Sy,
        "fh" => Space::History,
        "thr" => Space::Thread,
        "cc" | "creativecommons" | "creativeCommons" => Space::License,
        "feedburner" => Space::Feedburner,
        "xhtml" | "html" | "xhtm" => Space::Xhtml,
        "psc" => Space::Chapters,
        _ => return None,
    })
}

/// Prefix and local part, the local part in lower case.
pub(super) fn split(name: &str) -> (&str, Cow<'_, str>) {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let local = if local.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(local.to_ascii_lowercase())
    } else {
        Cow::Borrowed(local)
    };
    (prefix, local)
}
