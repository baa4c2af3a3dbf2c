//! Markup made safe in one pass and by the sanitiser: both come to the same, and to what stays as it is.

mod pieces;

use feedmill::parse::safe_html;

use crate::injuries::Dice;
use pieces::{PIECES, markup};

/// What stands in what, `*` for anything, `#` for what stands in a line.
const CONTENT: &[(&str, &[&str])] = &[
    (
        "table",
        &["tr", "tbody", "thead", "tr", "caption", "colgroup"],
    ),
    ("tbody", &["tr"]),
    ("thead", &["tr"]),
    ("tr", &["td", "th", "td"]),
    ("colgroup", &["col"]),
    ("ul", &["li"]),
    ("ol", &["li"]),
    ("dl", &["dt", "dd"]),
    ("ruby", &["rt", "rp", "#"]),
    ("video", &["source", "#"]),
    ("picture", &["source", "img"]),
    ("details", &["summary", "*"]),
];
const IN_A_LINE: &[&str] = &[
    "rt", "rp", "p", "b", "a", "span", "font", "h2", "pre", "code", "summary", "q",
];
const ANYTHING: &[&str] = &[
    "#",
    "#",
    "p",
    "p",
    "div",
    "table",
    "ul",
    "dl",
    "h2",
    "blockquote",
    "pre",
    "figure",
    "center",
    "table",
    "ol",
    "hr",
    "section",
    "my-x",
    "details",
    "iframe",
    "address",
];
const OF_A_LINE: &[&str] = &[
    "", "", "", "b", "a", "span", "font", "br", "img", "code", "ruby", "video", "picture", "my-x",
    "script", "q",
];
const WORDS: &[&str] = &[
    "text",
    " ",
    "a &amp; b",
    "\n",
    "x\n",
    "&eacute;",
    "1",
    "<!-- c -->",
    "&#160;",
];
const ATTRIBUTES: &[&str] = &[
    " class=x",
    " title='a'",
    " align=\"left\"",
    " style='color:red'",
    " src=a.png",
    " href=\"b?c&d\"",
    " colspan=2 border",
    " width=1",
    " lang=vi dir=rtl",
    " datetime=1",
    " cite=x",
];

fn one<'w>(dice: &mut Dice, words: &[&'w str]) -> &'w str {
    words[dice.roll(words.len())]
}

/// An element as writers nest it, with the slips they make: ends left out, something that does not belong there.
fn grown(dice: &mut Dice, name: &str, depth: usize, out: &mut String) {
    match name {
        "*" => {
            let name = one(dice, ANYTHING);
            return grown(dice, name, depth, out);
        }
        "#" => {
            let name = one(dice, OF_A_LINE);
            return grown(dice, name, depth, out);
        }
        "" => return out.push_str(one(dice, WORDS)),
        _ => {}
    }
    if dice.roll(60) == 0 {
        out.push_str(one(dice, PIECES));
    }
    if dice.roll(150) == 0 {
        return;
    }
    let attributes = if dice.roll(4) == 0 {
        one(dice, ATTRIBUTES)
    } else {
        ""
    };
    out.push_str(&format!("<{name}{attributes}>"));
    match name {
        "br" | "img" | "hr" | "col" | "source" => return,
        "iframe" | "script" => return out.push_str(&format!("a<b></{name}>")),
        _ => {}
    }
    let content = CONTENT.iter().find(|(outer, _)| *outer == name);
    let content = content.map_or(&["*"][..], |(_, content)| content);
    let content = if IN_A_LINE.contains(&name) {
        &["#"]
    } else {
        content
    };
    let count = if depth < 9 { dice.roll(4) } else { 0 };
    for _ in 0..count {
        if dice.roll(5) == 0 {
            out.push('\n');
        }
        let name = one(dice, content);
        grown(dice, name, depth + 1, out);
    }
    let is_light = matches!(
        name,
        "li" | "td" | "th" | "tr" | "tbody" | "thead" | "p" | "dt" | "dd" | "rt" | "colgroup"
    );
    if dice.roll(if is_light { 6 } else { 40 }) > 0 {
        out.push_str(&format!("</{name}>"));
    }
}

fn safe(source: &str, base: Option<&str>) -> Option<String> {
    safe_html(source, base).map(|html| html.as_str().to_owned())
}

/// Most markup is made safe without the sanitiser. An object before it, which the sanitiser drops and the short way does
/// not know, makes it take the long way.
#[track_caller]
fn check(source: &str, base: Option<&str>) {
    let short = safe(source, base);
    let long = safe(&format!("<object></object>{source}"), base);
    assert_eq!(short, long, "{source:?}");
    // Without a tag it is told by its looks whether it is markup.
    if let Some(once) = short.filter(|once| once.contains('<')) {
        assert_eq!(safe(&once, None).as_ref(), Some(&once), "{source:?}");
    }
}

fn base(seed: u64) -> Option<&'static str> {
    (!seed.is_multiple_of(3)).then_some("http://example.org/a/")
}

#[test]
fn pieces_are_made_safe_by_both_ways() {
    for seed in 0..6_000 {
        let mut dice = Dice(seed);
        let mut source = format!("x{}", markup(&mut dice));
        if dice.roll(4) == 0 {
            let at = dice.roll(source.len());
            let at = (0..=at).rev().find(|&at| source.is_char_boundary(at));
            source.remove(at.unwrap_or(0));
        }
        if source.contains('<') && !source.starts_with('\u{feff}') {
            check(&source, base(seed));
        }
    }
}

#[test]
fn trees_are_made_safe_by_both_ways() {
    for seed in 0..1_500 {
        let mut dice = Dice(seed);
        let mut source = "<p>x</p>".to_owned();
        for _ in 0..1 + dice.roll(3) {
            grown(&mut dice, "*", 0, &mut source);
        }
        check(&source, base(seed));
    }
}

/// Each was once another thing when it was made safe again.
#[test]
fn what_is_safe_stays_as_it_is() {
    for (source, expected) in [
        ("<p>a&#13;b</p>", "<p>a\nb</p>"),
        ("<b></b>\u{feff}<p>a</p>", "<b></b>\u{feff}<p>a</p>"),
        ("<img>\u{feff}<p>a</p>", "<p>a</p>"),
        (
            "<a href='../x' title=t>a</a>",
            "<a title=\"t\" rel=\"noopener noreferrer nofollow\">a</a>",
        ),
        ("<pre>\n<img src=x width=1>\nb</pre>", "<pre>b</pre>"),
        ("<pre lang=x>\n\nb</pre>", "<pre lang=\"x\">b</pre>"),
        (
            "<table><tr><td>a</table>",
            "<table><tbody><tr><td>a</td></tr></tbody></table>",
        ),
    ] {
        assert_eq!(safe(source, None).as_deref(), Some(expected), "{source:?}");
        check(source, None);
    }
}

#[test]
fn addresses_are_written_as_the_library_writes_them() {
    for (written, expected) in [
        ("https://e.example/a%2Fb%20c", "https://e.example/a%2Fb%20c"),
        ("https://e.example/%2e%2e/b", "https://e.example/b"),
        ("https://e.example/a/%2E", "https://e.example/a/"),
        ("https://e.example/a/../b", "https://e.example/b"),
        ("https://e.example/.a", "https://e.example/.a"),
        ("https://e.example/?a=/../b", "https://e.example/?a=/../b"),
        ("https://E.example/A", "https://e.example/A"),
        ("https://e.example", "https://e.example/"),
    ] {
        let source = format!("<q cite={written}>a</q>");
        let expected = format!("<q cite=\"{expected}\">a</q>");
        assert_eq!(safe(&source, None), Some(expected));
    }
}

/// Long tags opened again in each of many blocks, and addresses against a long base, cost no more than the source is long.
#[test]
fn what_is_safe_does_not_outgrow_its_source() {
    let tags: String = (0..12)
        .map(|number| format!("<b title=\"{number}{}\">", "x".repeat(2_000)))
        .collect();
    let reopened = format!("<p>{tags}{}", "<p>word ".repeat(4_000));
    let pictures = format!("<p>word</p>{}", "<img src=a>".repeat(4_000));
    let base = format!("https://e.example/{}/", "a".repeat(1_500));
    for source in [reopened, pictures] {
        let safe = safe(&source, Some(&base)).expect("its words");
        assert!(safe.contains("word"));
        assert!(
            safe.len() < 8 * source.len() + 32 * 1024,
            "{} bytes of {}",
            safe.len(),
            source.len()
        );
    }
}

/// Links and lists left open in each other, which the parser mends a little further with each reading.
#[test]
fn markup_that_never_settles_becomes_its_text() {
    for count in [1, 3, 9, 20, 40] {
        let source = format!("<a>{}<a>n", "<ol><li>m".repeat(count));
        let once = safe(&source, None).expect("its words");
        assert_eq!(safe(&once, None).as_deref(), Some(once.as_str()), "{count}");
        assert_eq!(once.matches('m').count(), count, "no word is lost");
    }
}

/// A JSON string may bring any character; found by the fuzz target of markup.
#[test]
fn controls_are_cut_from_text_and_markup() {
    for (source, expected) in [
        (
            "One\u{0} word\u{1} after\u{8} another\u{7f}",
            "One word after another",
        ),
        (
            "<p title=\"a\u{2}b\">One\u{1}</p>\n<p>two&#3;</p>",
            "<p title=\"ab\">One</p>\n<p>two</p>",
        ),
        ("<p>One</p><br>\n\u{0}", "<p>One</p><br>"),
        ("\u{1}\u{feff}<b>One</b>", "<b>One</b>"),
        ("<pre>\u{1}\nOne</pre>", "<pre>One</pre>"),
        ("<pre>&#8238;\nOne</pre>", "<pre>One</pre>"),
        ("One\rTwo\r\nThree", "One\nTwo\nThree"),
    ] {
        let once = safe(source, None);
        assert_eq!(once.as_deref(), Some(expected));
        assert_eq!(safe(expected, None).as_deref(), Some(expected));
    }
    // Nested too deep for the sanitiser: its text is left, line by line.
    let deep = format!("{}One<pre>Two\rThree</pre>", "<div>".repeat(300));
    let once = safe(&deep, None);
    assert_eq!(once.as_deref(), Some("<p>One</p><p>Two<br>Three</p>"));
}
