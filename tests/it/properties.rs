//! Properties across stages: what is published reads back as it was; simple markup is made safe as all markup is.

use feedmill::model::{ParsedEntry, ParsedFeed, SafeHtml};
use feedmill::parse::{ParseContext, parse};
use proptest::prelude::*;

use crate::injuries::Dice;
use crate::publish::bench::{drafts, story};

fn read(bytes: &[u8]) -> ParsedFeed {
    parse(bytes, &ParseContext::default()).expect("a feed")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    /// Publish then parse keeps id, key, link, title, time, author and content, in Atom, RSS and JSON Feed.
    #[test]
    fn what_is_published_reads_back(
        title in "[a-zà-ỹĐđ\u{4e00}-\u{4eff}😀&<>\" ]{0,40}[a-zđ]",
        name in "[A-Za-zđĐ\u{627}-\u{64a}]{1,20}",
        words in "[a-zà-ỹ\u{627}-\u{64a}\u{3042}-\u{3090} ]{0,60}[a-z]",
        second in 0_i64..2_000_000_000,
    ) {
        let content = format!("<p>{} &amp; <b>more</b></p>", words.trim());
        let mut story = story(1, &title, &content);
        story.lead.entry.authors[0].name = Some(name.clone());
        story.lead.entry.content_html = Some(SafeHtml::vouched(content.clone()));
        let shown = jiff::Timestamp::from_second(second).unwrap();
        story.shown_at = shown;
        story.lead.shown_at = shown;
        story.lead.entry.published_at = Some(shown);
        let expected = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut keys: Vec<String> = Vec::new();
        for draft in drafts(std::slice::from_ref(&story)).iter().filter(|draft| draft.path != "/all/") {
            let feed = read(&draft.bytes);
            prop_assert_eq!(feed.repairs.len(), 0, "{} was repaired: {:?}", draft.path, feed.repairs);
            let entry = &feed.entries[0];
            prop_assert_eq!(entry.publisher_id.as_deref(), Some("tag:blog1.example.org,2026:1"));
            prop_assert_eq!(entry.link.as_deref(), Some("https://blog1.example.org/1?a=1&b=2"));
            prop_assert_eq!(&entry.title, &expected, "{}", draft.path);
            prop_assert_eq!(entry.published_at, Some(shown), "{}", draft.path);
            prop_assert_eq!(entry.authors[0].name.as_deref(), Some(name.as_str()));
            prop_assert_eq!(entry.content_html.as_ref().or(entry.summary_html.as_ref()).map(SafeHtml::as_str), Some(content.as_str()));
            keys.push(entry.key.clone());
        }
        prop_assert_eq!(keys.len(), 3);
        keys.dedup();
        prop_assert_eq!(keys.len(), 1, "the key depends on the format");
    }
}

fn entry_of(html: &str) -> ParsedEntry {
    let document = format!(
        "<rss version='2.0'><channel><title>F</title><language>en</language><item><title>T</title>\
         <link>http://example.org/a/</link><content:encoded><![CDATA[{html}]]></content:encoded></item></channel></rss>"
    );
    read(document.as_bytes())
        .entries
        .into_iter()
        .next()
        .expect("an entry")
}

fn content(html: &str) -> String {
    entry_of(html)
        .content_html
        .map(|html| html.as_str().to_owned())
        .unwrap_or_default()
}

const PIECES: &[&str] = &[
    "<p>",
    "</p>",
    "<p class=\"x\">",
    "<b>",
    "</b>",
    "<i>",
    "</i>",
    "<a href=\"https://example.org/?a=1&amp;b=2\">",
    "<a href=\"../up\">",
    "<a name=\"x\" title=\"a &quot;b&quot;\">",
    "<a href='javascript:x'>",
    "</a>",
    "<ul>",
    "<ol start=\"3\">",
    "<ul>\n",
    "</ul>",
    "<li>",
    "</li>",
    "<li class='y'>",
    "<br>",
    "<br/>",
    "<br />",
    "<hr>",
    "<pre>",
    "</pre>",
    "<pre>\n",
    "<code>",
    "</code>",
    "<blockquote>",
    "<blockquote cite=\"x\">",
    "</blockquote>",
    "<div style=\"color:red\">",
    "</div>",
    "<h2 id=\"a\">",
    "</h2>",
    "<h3>",
    "</h3>",
    "<span lang=\"fr\">",
    "</span>",
    "<img src=\"https://example.org/a.png\" alt=\"x > y\">",
    "<img src=\"a.png\" width=\"1\">",
    "<img alt='' class=\"k\" src=\"https://example.org/b.png\" srcset=\"b.png 1x, c.png 2x\" />",
    "<img>",
    "<figure>",
    "</figure>",
    "<figcaption>",
    "</figcaption>",
    "<table><tr><td>",
    "</table>",
    "<script>",
    "</script>",
    "<!-- c -->",
    "<font>",
    "<P>",
    "<em >",
    "</em>",
    "</em >",
    "text",
    " and ",
    "\n",
    "a & b",
    "&amp;",
    "&lt;",
    "&nbsp;",
    "&#8217;",
    "&#038;",
    "&#x2019;",
    "&rsquo;",
    "&eacute;",
    "&amp",
    "&#0;",
    "&#150;",
    "\u{a0}",
    "©",
    "đường",
    "日本",
    "\u{feff}",
    ">",
    "\"",
    "<",
    "</",
    "<3",
    "\r\n",
    "\t",
    "<section>",
    "</section>",
    "<sub>",
    "</sub>",
    "<strong>",
    "</strong>",
];

/// Markup of pieces: mostly closed as it was opened, sometimes not.
fn markup(dice: &mut Dice) -> String {
    let mut out = String::new();
    let mut open: Vec<String> = Vec::new();
    let is_neat = dice.roll(3) > 0;
    for _ in 0..2 + dice.roll(14) {
        let piece = PIECES[dice.roll(PIECES.len())];
        if is_neat && piece.starts_with("</") {
            if let Some(name) = open.pop() {
                out.push_str(&format!("</{name}>"));
            }
            continue;
        }
        if piece.starts_with('<') {
            let name: String = piece[1..]
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            if !matches!(name.as_str(), "" | "br" | "hr" | "img") {
                open.push(name);
            }
        }
        out.push_str(piece);
    }
    if is_neat {
        for name in open.iter().rev() {
            out.push_str(&format!("</{name}>"));
        }
    }
    out
}

/// Simple markup is made safe without the sanitiser; a comment before it, which the sanitiser drops, makes it take the
/// other way. Both must come to the same, and to what made safe again stays as it is.
#[test]
fn simple_markup_is_made_safe_as_all_markup_is() {
    for seed in 0..6_000 {
        let mut dice = Dice(seed);
        let mut source = format!("x{}", markup(&mut dice));
        if dice.roll(4) == 0 {
            let at = dice.roll(source.len());
            let at = (0..=at)
                .rev()
                .find(|&at| source.is_char_boundary(at))
                .unwrap_or(0);
            source.remove(at);
        }
        // Without a tag there is nothing for either way to do.
        if !source.contains('<')
            || source.contains("]]>")
            || source.starts_with(|c: char| c.is_whitespace() || c == '\u{feff}')
        {
            continue;
        }
        let short = content(&source);
        assert_eq!(
            short,
            content(&format!("<!-- -->{source}")),
            "seed {seed}: {source}"
        );
    }
}
