//! The ways in which feeds get injured: each takes a healthy document and gives the injured one, with what must be left.

use unicode_normalization::UnicodeNormalization;

use super::feeds::{Dialect, Healthy, INJURED};

/// An injured document and what must come of it.
pub(super) struct Injured {
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: Option<&'static str>,
    /// The entry whose words were injured.
    pub(super) entry: usize,
    /// What must stand in its title or text.
    pub(super) words: Vec<String>,
    /// How many entries must be left, when not all.
    pub(super) left: Option<usize>,
}

/// A way of injuring.
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) injure: Box<Injure>,
}

/// None where the feed has nothing that could be injured so.
type Injure = dyn Fn(&Healthy) -> Option<Injured>;

fn of(feed: &Healthy, bytes: impl Into<Vec<u8>>, words: &[&str]) -> Injured {
    Injured {
        bytes: bytes.into(),
        content_type: None,
        entry: INJURED,
        words: words.iter().map(|&word| word.to_owned()).collect(),
        left: None,
    }
    .or_own(feed)
}

impl Injured {
    /// Without words of its own, title and text must be as they were.
    fn or_own(mut self, feed: &Healthy) -> Self {
        if self.words.is_empty() {
            self.words = vec![feed.title.clone(), feed.words.clone()];
        }
        self
    }
}

fn is_xml(feed: &Healthy) -> bool {
    feed.dialect != Dialect::Json
}

/// All ways.
pub(super) fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    in_title(&mut ways);
    in_text(&mut ways);
    at_the_edges(&mut ways);
    in_structure(&mut ways);
    in_encoding(&mut ways);
    in_json(&mut ways);
    ways
}

fn way(
    ways: &mut Vec<Way>,
    name: &'static str,
    injure: impl Fn(&Healthy) -> Option<Injured> + 'static,
) {
    ways.push(Way {
        name,
        injure: Box::new(injure),
    });
}

/// Puts something into the title of an XML feed; `words` is what it must read as.
fn in_title(ways: &mut Vec<Way>) {
    const TABLE: &[(&str, &str, &str)] = &[
        ("bare ampersand", "R & D", "R & D"),
        ("ampersand in a word", "AT&T", "AT&T"),
        ("ampersand at the end", "one &", "one &"),
        ("bare angle", "3 < 5", "3 < 5"),
        ("bare closing angle", "5 > 3", "5 > 3"),
        ("reference without semicolon", "a &amp b", "a & b"),
        ("HTML entity", "a &eacute; b", "a é b"),
        ("unknown entity", "a &nosuch; b", "a &nosuch; b"),
        ("dash entity", "a &mdash; b", "a — b"),
        ("null reference", "a &#0;b", "b"),
        ("surrogate reference", "a &#xD800;b", "b"),
        ("huge reference", "a &#99999999;b", "b"),
        ("capital X reference", "a &#X41; b", "a A b"),
        ("reference of windows-1252", "a &#146;b", "a ’b"),
        ("control character", "a \u{1}b", "b"),
        ("escape character", "a \u{1b}b", "b"),
        ("noncharacter", "a b\u{ffff}", "a b"),
        ("double-escaped ampersand", "R &amp;amp; D", "R & D"),
        ("escaped markup", "a &lt;b&gt;bold&lt;/b&gt; c", "a bold c"),
        ("bare markup", "a <b>bold</b> c", "a bold c"),
        ("CDATA", "<![CDATA[R & D]]>", "R & D"),
        ("CDATA in the middle", "R <![CDATA[&]]> D", "R & D"),
        ("comment in the middle", "a <!-- x -->b", "a b"),
        ("instruction in the middle", "a <?x y?>b", "a b"),
        ("void element", "a<br>b", "a b"),
        ("soft line ends", "a\n   b", "a b"),
        ("direction controls", "a \u{202e}b", "a b"),
        ("mismatched end tag", "a <i>b</b> c", "a b c"),
    ];
    for &(name, inserted, expected) in TABLE {
        way(ways, name, move |feed| {
            let healthy = format!("<title>{}</title>", feed.title);
            let injured = format!("<title>{} {inserted}</title>", feed.title);
            // RFC 4287 §3.1.1.1: what stands in an Atom title without a type is text, not markup.
            let expected = match (feed.dialect, name) {
                (Dialect::Atom, "double-escaped ampersand") => "R &amp; D",
                (Dialect::Atom, "escaped markup") => "a <b>bold</b> c",
                _ => expected,
            };
            is_xml(feed).then(|| {
                of(
                    feed,
                    feed.document.replacen(&healthy, &injured, 1),
                    &[expected, &feed.words],
                )
            })
        });
    }
}

/// Puts something into the text of an XML feed, escaped once already.
fn in_text(ways: &mut Vec<Way>) {
    const TABLE: &[(&str, &str, &str)] = &[
        (
            "mismatched HTML in text",
            "&lt;p&gt;a &lt;b&gt;bold&lt;/i&gt; c&lt;/p&gt;",
            "a bold c",
        ),
        ("void HTML in text", "a&lt;br&gt;b", "a b"),
        ("bare HTML in text", "<p>a <b>bold</b> c</p>", "a bold c"),
        ("bare void HTML in text", "<p>a<br>b</p>", "a b"),
        (
            "bare mismatched HTML in text",
            "<p>a <b>bold</i> c</p>",
            "a bold c",
        ),
        ("bare unclosed HTML in text", "<p>one<p>two", "one two"),
        (
            "bare ampersand in text",
            "&lt;p&gt;R & D&lt;/p&gt;",
            "R & D",
        ),
        (
            "entity in text",
            "&lt;p&gt;caf&amp;eacute;&lt;/p&gt;",
            "café",
        ),
        (
            "bare entity in text",
            "&lt;p&gt;caf&eacute;&lt;/p&gt;",
            "café",
        ),
        (
            "illegal reference in text",
            "&lt;p&gt;a &#5;b&lt;/p&gt;",
            "a b",
        ),
        (
            "control character in text",
            "&lt;p&gt;a \u{8}b&lt;/p&gt;",
            "a b",
        ),
        ("CDATA with HTML", "<![CDATA[<p>R &amp; D</p>]]>", "R & D"),
        (
            "CDATA with bare ampersand",
            "<![CDATA[<p>R & D</p>]]>",
            "R & D",
        ),
        ("CDATA never closed", "<![CDATA[<p>a b</p>", "a b"),
        (
            "script in text",
            "&lt;p&gt;a&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;&lt;p&gt;b&lt;/p&gt;",
            "a b",
        ),
        ("unquoted attribute in text", "<p class=x>a b</p>", "a b"),
        ("unclosed attribute in text", "<p class=\"x>a b</p>", "a b"),
        (
            "XML declaration in text",
            "<?xml version=\"1.0\" encoding=\"utf-16\"?>&lt;p&gt;a b&lt;/p&gt;",
            "a b",
        ),
        (
            "deep markup in text",
            "&lt;div&gt;&lt;div&gt;&lt;div&gt;&lt;b&gt;a b",
            "a b",
        ),
        ("bare angle in text", "&lt;p&gt;3 < 5&lt;/p&gt;", "3 < 5"),
    ];
    for &(name, inserted, expected) in TABLE {
        way(ways, name, move |feed| {
            let healthy = format!("&lt;p&gt;{}&lt;/p&gt;", feed.words);
            is_xml(feed).then(|| {
                of(
                    feed,
                    feed.document.replacen(&healthy, inserted, 1),
                    &[expected, &feed.title],
                )
            })
        });
    }
}

/// Before the root, behind it, and where the document ends.
fn at_the_edges(ways: &mut Vec<Way>) {
    const BEFORE: &[(&str, &str)] = &[
        ("blank lines first", "\n\n \n"),
        ("byte order mark", "\u{feff}"),
        ("two byte order marks", "\u{feff}\u{feff}"),
        ("comment first", "<!-- cached -->\n"),
        ("text first", "Warning: something failed on line 3\n"),
        ("markup first", "<br />\n<b>Notice</b>: something\n"),
        ("second declaration", "<?xml version=\"1.0\"?>\n"),
        (
            "style sheet first",
            "<?xml-stylesheet href=\"a.xsl\" type=\"text/xsl\"?>\n",
        ),
        (
            "DOCTYPE first",
            "<!DOCTYPE rss PUBLIC \"-//x//y\" \"http://site.example/x.dtd\">\n",
        ),
        ("brace first", "{debug: 1}\n"),
        ("null first", "\0"),
    ];
    for &(name, inserted) in BEFORE {
        way(ways, name, move |feed| {
            is_xml(feed).then(|| of(feed, format!("{inserted}{}", feed.document), &[]))
        });
    }
    const BEHIND: &[(&str, &str)] = &[
        (
            "junk behind the root",
            "\n<!-- served in 3 ms --><script>x()</script>",
        ),
        ("text behind the root", "\nDone & dusted <"),
        ("second root", "\n<html><body>x</body></html>"),
        ("nulls behind the root", "\0\0\0"),
    ];
    for &(name, added) in BEHIND {
        way(ways, name, move |feed| {
            is_xml(feed).then(|| of(feed, format!("{}{added}", feed.document), &[]))
        });
    }
    way(ways, "no declaration", |feed| {
        let document = feed
            .document
            .split_once("?>")
            .map(|(_, rest)| rest.to_owned());
        is_xml(feed).then(|| of(feed, document.unwrap(), &[]))
    });
    way(ways, "declaration of an unknown encoding", |feed| {
        is_xml(feed).then(|| of(feed, feed.document.replacen("utf-8", "x-nonsense", 1), &[]))
    });
    way(ways, "tail cut off", |feed| {
        let at = feed
            .document
            .rfind("</item>")
            .or(feed.document.rfind("</entry>"))?;
        let end = at + feed.document[at..].find('>')? + 1;
        is_xml(feed).then(|| of(feed, &feed.document[..end], &[]))
    });
    way(ways, "cut at sixty in a hundred", |feed| {
        let mut at = feed.document.len() * 6 / 10;
        while !feed.document.is_char_boundary(at) {
            at -= 1;
        }
        let kept = &feed.document[..at];
        let left = kept.matches("</item>").count() + kept.matches("</entry>").count();
        let mut injured = of(feed, kept, &[]);
        injured.left = Some(left);
        (is_xml(feed) && left > INJURED).then_some(injured)
    });
    for (name, mark) in [
        ("cut in the last title", "<title>"),
        ("cut in a tag", "<link"),
        ("cut in a text", "&lt;p"),
    ] {
        way(ways, name, move |feed| {
            let at = feed.document.rfind(mark)? + mark.len();
            let entries =
                feed.document.matches("<item").count() + feed.document.matches("<entry").count();
            let mut injured = of(feed, &feed.document[..at], &[]);
            injured.left = Some(entries - 1);
            is_xml(feed).then_some(injured)
        });
    }
}

/// Tags, attributes, namespaces, versions.
fn in_structure(ways: &mut Vec<Way>) {
    const TABLE: &[(&str, &str, &str)] = &[
        ("no version", " version=\"2.0\"", ""),
        ("version 0.94", "\"2.0\"", "\"0.94\""),
        ("version 2", "\"2.0\"", "\"2\""),
        ("version of words", "\"2.0\"", "\"two\""),
        (
            "default namespace of nobody",
            "version=\"2.0\"",
            "version=\"2.0\" xmlns=\"http://nobody.example/\"",
        ),
        (
            "default namespace of RSS 2.0",
            "version=\"2.0\"",
            "version=\"2.0\" xmlns=\"http://backend.userland.com/rss2\"",
        ),
        (
            "attribute twice",
            "version=\"2.0\"",
            "version=\"2.0\" version=\"2.0\"",
        ),
        (
            "unquoted attribute",
            "isPermaLink=\"false\"",
            "isPermaLink=false",
        ),
        ("root in capitals", "<rss ", "<RSS "),
        ("missing end tag of an item", "</item>\n<item>", "<item>"),
        ("missing end tag of a link", "</link>\n<guid", "\n<guid"),
        ("end tag in other case", "</guid>", "</GUID>"),
        ("stray end tag", "<guid", "</b><guid"),
        (
            "stray end tag of the channel's child",
            "</item>\n<item>",
            "</item>\n</image>\n<item>",
        ),
        ("unknown element", "<guid", "<x:thing>y</x:thing><guid"),
        (
            "undeclared prefix",
            "<pubDate>",
            "<dc:creator>Jane</dc:creator><pubDate>",
        ),
        (
            "title of another vocabulary",
            "<guid",
            "<media:title>Wrong</media:title><guid",
        ),
        (
            "second empty title",
            "<guid",
            "<itunes:title></itunes:title><guid",
        ),
        ("no channel", "<channel>\n", ""),
        (
            "Atom over https",
            "http://www.w3.org/2005/Atom",
            "https://www.w3.org/2005/Atom",
        ),
        (
            "Atom with a slash",
            "http://www.w3.org/2005/Atom",
            "http://www.w3.org/2005/Atom/",
        ),
        (
            "Atom without a namespace",
            " xmlns=\"http://www.w3.org/2005/Atom\"",
            "",
        ),
        ("type in capitals", "type=\"html\"", "type=\"HTML\""),
        ("type text/html", "type=\"html\"", "type=\"text/html\""),
        ("type with blanks", "type=\"html\"", "type=\" html \""),
        ("unclosed link", "/>\n<published>", ">\n<published>"),
        (
            "missing end tag of an entry",
            "</entry>\n<entry>",
            "<entry>",
        ),
        (
            "RSS 0.90 of RDF",
            "http://purl.org/rss/1.0/",
            "http://my.netscape.com/rdf/simple/0.9/",
        ),
        (
            "unknown RDF vocabulary",
            "http://purl.org/rss/1.0/",
            "http://nobody.example/rss/",
        ),
        (
            "Dublin Core without a declaration",
            " xmlns:dc=\"http://purl.org/dc/elements/1.1/\"",
            "",
        ),
    ];
    for &(name, healthy, injured) in TABLE {
        way(ways, name, move |feed| {
            let has_it = is_xml(feed) && feed.document.contains(healthy);
            has_it.then(|| of(feed, feed.document.replacen(healthy, injured, 1), &[]))
        });
    }
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

/// Vietnamese in windows-1258: letters with their own mark are one byte, tones another.
fn windows_1258(text: &str) -> Vec<u8> {
    let is_tone = |c: &char| matches!(c, '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}');
    let encoded = |text: &str| {
        let (bytes, _, had_errors) = encoding_rs::WINDOWS_1258.encode(text);
        (!had_errors).then(|| bytes.into_owned())
    };
    let mut bytes = Vec::new();
    for letter in text.nfc() {
        let whole = encoded(letter.encode_utf8(&mut [0; 4]));
        bytes.extend(whole.unwrap_or_else(|| {
            let parts = || std::iter::once(letter).nfd();
            let base: String = parts().filter(|c| !is_tone(c)).nfc().collect();
            let tone: String = parts().filter(is_tone).collect();
            encoded(&format!("{base}{tone}")).expect("a letter of Vietnamese")
        }));
    }
    bytes
}

/// Bytes, labels and what they disagree on.
fn in_encoding(ways: &mut Vec<Way>) {
    way(ways, "UTF-16LE with mark", |feed| {
        let text = format!("\u{feff}{}", feed.document.replacen("utf-8", "utf-16", 1));
        is_xml(feed).then(|| of(feed, utf16(&text, u16::to_le_bytes), &[]))
    });
    way(ways, "UTF-16BE without mark", |feed| {
        is_xml(feed).then(|| {
            of(
                feed,
                utf16(
                    &feed.document.replacen("utf-8", "utf-16", 1),
                    u16::to_be_bytes,
                ),
                &[],
            )
        })
    });
    way(ways, "UTF-16LE labelled UTF-8", |feed| {
        is_xml(feed).then(|| of(feed, utf16(&feed.document, u16::to_le_bytes), &[]))
    });
    way(ways, "UTF-32BE", |feed| {
        let bytes: Vec<u8> = feed
            .document
            .chars()
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect();
        is_xml(feed).then(|| of(feed, bytes, &[]))
    });
    way(ways, "UTF-32LE with mark", |feed| {
        let bytes: Vec<u8> = "\u{feff}"
            .chars()
            .chain(feed.document.chars())
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        is_xml(feed).then(|| of(feed, bytes, &[]))
    });
    for (name, label) in [
        ("UTF-8 labelled Latin-1", "iso-8859-1"),
        ("UTF-8 labelled ASCII", "us-ascii"),
        ("UTF-8 labelled UTF-16", "utf-16"),
        ("UTF-8 labelled windows-1251", "windows-1251"),
        ("UTF-8 labelled with nothing", ""),
    ] {
        way(ways, name, move |feed| {
            is_xml(feed).then(|| of(feed, feed.document.replacen("utf-8", label, 1), &[]))
        });
    }
    way(ways, "UTF-8 sent as Latin-1", |feed| {
        let mut injured = of(feed, feed.document.clone(), &[]);
        injured.content_type = Some("text/xml; charset=iso-8859-1");
        is_xml(feed).then_some(injured)
    });
    for (name, language, label) in [
        ("windows-1251", "ru", "windows-1251"),
        ("KOI8-R", "ru", "koi8-r"),
        ("windows-1256", "ar", "windows-1256"),
        ("Shift_JIS", "ja", "shift_jis"),
        ("EUC-JP", "ja", "euc-jp"),
        ("ISO-2022-JP", "ja", "iso-2022-jp"),
        ("GBK", "zh", "gbk"),
        ("Big label of GB18030", "zh", "gb18030"),
        ("windows-1252 labelled Latin-1", "fr", "iso-8859-1"),
        ("windows-1252 labelled UTF-8", "de", "utf-8"),
    ] {
        way(ways, name, move |feed| {
            let codec = if label == "utf-8" {
                "windows-1252"
            } else {
                label
            };
            let text = feed.document.replacen("utf-8", label, 1);
            let (bytes, _, _) = encoding_rs::Encoding::for_label(codec.as_bytes())?.encode(&text);
            (is_xml(feed) && feed.language == language).then(|| of(feed, bytes.into_owned(), &[]))
        });
    }
    way(ways, "windows-1258", |feed| {
        let text = feed.document.replacen("utf-8", "windows-1258", 1);
        (is_xml(feed) && feed.language == "vi").then(|| of(feed, windows_1258(&text), &[]))
    });
    for language in ["fr", "de"] {
        way(ways, "windows-1252 without a label", move |feed| {
            let text = feed.document.replacen(" encoding=\"utf-8\"", "", 1);
            let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
            (is_xml(feed) && feed.language == language).then(|| of(feed, bytes.into_owned(), &[]))
        });
    }
    way(ways, "label behind a comment", |feed| {
        let text = feed.document.replacen("utf-8", "windows-1251", 1);
        let text = format!("<!-- {} -->\n{text}", "x".repeat(80));
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(&text);
        (is_xml(feed) && feed.language == "ru").then(|| of(feed, bytes.into_owned(), &[]))
    });
    way(ways, "stray byte", |feed| {
        let at = feed.document.find(&feed.title)? + feed.title.len();
        let mut bytes = feed.document.clone().into_bytes();
        bytes.splice(at..at, *b" \x92s");
        is_xml(feed).then(|| of(feed, bytes, &["’s", &feed.words]))
    });
}

/// JSON Feed as publishers write it.
fn in_json(ways: &mut Vec<Way>) {
    const TABLE: &[(&str, &str, &str)] = &[
        ("JSON with a mark", "{\"version", "\u{feff}{\"version"),
        ("JSON without a title", "\"title\": \"Site\", ", ""),
        (
            "JSON without a version",
            "\"version\": \"https://jsonfeed.org/version/1.1\", ",
            "",
        ),
        (
            "JSON of an old scheme",
            "https://jsonfeed.org",
            "http://jsonfeed.org",
        ),
        (
            "JSON with an author as text",
            "\"items\"",
            "\"author\": \"Jane\", \"items\"",
        ),
        ("JSON with nulls", "\"items\"", "\"icon\": null, \"items\""),
        (
            "JSON with tags as text",
            "\"content_html\"",
            "\"tags\": \"a, b\", \"content_html\"",
        ),
        (
            "JSON with an attachment without type",
            "\"content_html\"",
            "\"attachments\": [{\"url\": \"https://site.example/a.mp3\"}], \"content_html\"",
        ),
        (
            "JSON with a zero item",
            "\"items\": [\n",
            "\"items\": [0, null,\n",
        ),
        ("JSON with junk behind", "\n]}\n", "\n]}\n<!-- served -->"),
        ("JSON cut at the end", "\n]}\n", ""),
        ("JSON with a comma too many", "\n]}\n", ",\n]}\n"),
    ];
    for &(name, healthy, injured) in TABLE {
        way(ways, name, move |feed| {
            let has_it = feed.dialect == Dialect::Json && feed.document.contains(healthy);
            has_it.then(|| of(feed, feed.document.replacen(healthy, injured, 1), &[]))
        });
    }
    way(ways, "JSON cut in the last item", |feed| {
        let at = feed.document.rfind("\"date_published")?;
        let mut injured = of(feed, &feed.document[..at], &[]);
        injured.left = Some(feed.document.matches("date_published").count() - 1);
        (feed.dialect == Dialect::Json).then_some(injured)
    });
}
