//! Parsing at its boundary: dates, markup made safe, work that stays bounded, documents that break other parsers.

mod markup;

use feedmill::model::{DateFlag, ParsedEntry, ParsedFeed};
use feedmill::parse::{ParseContext, ParseError, canonical, date, parse};
use jiff::Timestamp;
use proptest::prelude::*;

fn read(document: &str) -> ParsedFeed {
    parse(document.as_bytes(), &ParseContext::default()).expect("a feed")
}

fn entry_with(inner: &str) -> ParsedEntry {
    let feed = read(&format!(
        "<rss version='2.0'><channel><title>F</title><item><title>T</title>{inner}</item></channel></rss>"
    ));
    feed.entries.into_iter().next().expect("an entry")
}

/// What a description becomes.
fn safe(html: &str) -> String {
    let inner =
        format!("<link>http://example.org/a/</link><description><![CDATA[{html}]]></description>");
    entry_with(&inner)
        .summary_html
        .map(|html| html.as_str().to_owned())
        .unwrap_or_default()
}

#[track_caller]
fn check_dates(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(text, expected)| {
            let found = date::parse(text)
                .map(|time| time.to_string())
                .unwrap_or_default();
            (found != *expected).then(|| format!("{text:?} is {found:?}, not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dates_of_mail() {
    check_dates(&[
        ("Mon, 23 Nov 2026 10:30:05 GMT", "2026-11-23T10:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 +0700", "2026-11-23T03:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 -0500", "2026-11-23T15:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 +07:00", "2026-11-23T03:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 -00:00", "2026-11-23T10:30:05Z"),
        ("23 Nov 2026 10:30:05 GMT", "2026-11-23T10:30:05Z"),
        ("23 Nov 2026 10:30 GMT", "2026-11-23T10:30:00Z"),
        ("23 Nov 2026", "2026-11-23T00:00:00Z"),
        ("Mon, 23 Nov 2026", "2026-11-23T00:00:00Z"),
        ("Mon, 23 Nov 26 10:30:05 GMT", "2026-11-23T10:30:05Z"),
        ("Tue, 23 Nov 99 10:30:05 GMT", "1999-11-23T10:30:05Z"),
        ("Mon 23 Nov 2026 10:30:05 GMT", "2026-11-23T10:30:05Z"),
        (
            "Monday, 23 November 2026 10:30:05 GMT",
            "2026-11-23T10:30:05Z",
        ),
        ("Thurs, 26 Nov 2026 10:30:05 GMT", "2026-11-26T10:30:05Z"),
        ("Fri, 23 Nov 2026 10:30:05 GMT", "2026-11-23T10:30:05Z"),
        ("Mon, 3 Nov 2026 8:05:05 GMT", "2026-11-03T08:05:05Z"),
        ("Mon, 3 Nov 2026 8:5:5 GMT", "2026-11-03T08:05:05Z"),
        ("Mon, 23 Nov 2026 24:00:00 GMT", "2026-11-24T00:00:00Z"),
        ("Mon, 23 Nov 2026 23:59:60 GMT", "2026-11-23T23:59:59Z"),
        ("Mon, 23 Nov 2026 10:30:05 EST", "2026-11-23T15:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 EDT", "2026-11-23T14:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 PST", "2026-11-23T18:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 PDT", "2026-11-23T17:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 CST", "2026-11-23T16:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 CET", "2026-11-23T09:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 CEST", "2026-11-23T08:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 BST", "2026-11-23T09:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 MSK", "2026-11-23T07:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 JST", "2026-11-23T01:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 ICT", "2026-11-23T03:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 AEDT", "2026-11-22T23:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 Z", "2026-11-23T10:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 UT", "2026-11-23T10:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 UTC", "2026-11-23T10:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 GMT+0700", "2026-11-23T03:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 GMT+7", "2026-11-23T03:30:05Z"),
        (
            "Mon, 23 Nov 2026 10:30:05 +0700 (ICT)",
            "2026-11-23T03:30:05Z",
        ),
        ("Mon, 23 Nov 2026 10:30:05", "2026-11-23T10:30:05Z"),
        ("Mon, 23 Nov 2026 10:30:05 XYZ", "2026-11-23T10:30:05Z"),
        ("Nov 23, 2026", "2026-11-23T00:00:00Z"),
        ("November 23, 2026 10:30 PM", "2026-11-23T22:30:00Z"),
        ("Nov 23rd, 2026", "2026-11-23T00:00:00Z"),
        ("Mon, Nov 23 2026 10:30:05 GMT", "2026-11-23T10:30:05Z"),
        ("2026 Nov 23 10:30", "2026-11-23T10:30:00Z"),
        ("Nov 2026", "2026-11-01T00:00:00Z"),
        ("Mon Nov 23 10:30:05 2026", "2026-11-23T10:30:05Z"),
        ("Mon Nov 23 10:30:05 EST 2026", "2026-11-23T15:30:05Z"),
        ("Mon Nov 23 10:30:05 -0800 2026", "2026-11-23T18:30:05Z"),
        ("Sun Jan  4 16:29:06 PST 2004", "2004-01-05T00:29:06Z"),
        ("23-Nov-2026 10:30:05 GMT", "2026-11-23T10:30:05Z"),
        ("Monday, 23-Nov-26 10:30:05 GMT", "2026-11-23T10:30:05Z"),
    ]);
}

#[test]
fn dates_of_iso() {
    check_dates(&[
        ("2026-11-23T10:30:05Z", "2026-11-23T10:30:05Z"),
        ("2026-11-23T10:30:05.25Z", "2026-11-23T10:30:05.25Z"),
        ("2026-11-23T10:30:05,25Z", "2026-11-23T10:30:05.25Z"),
        (
            "2026-11-23T10:30:05.123456789+07:00",
            "2026-11-23T03:30:05.123456789Z",
        ),
        ("2026-11-23T10:30:05+0700", "2026-11-23T03:30:05Z"),
        ("2026-11-23T10:30:05-05", "2026-11-23T15:30:05Z"),
        ("2026-11-23T10:30:05", "2026-11-23T10:30:05Z"),
        ("2026-11-23T10:30Z", "2026-11-23T10:30:00Z"),
        ("2026-11-23T10:30+07:00", "2026-11-23T03:30:00Z"),
        ("2026-11-23T10:30", "2026-11-23T10:30:00Z"),
        ("2026-11-23 10:30:05", "2026-11-23T10:30:05Z"),
        ("2026-11-23 10:30:05 +0700", "2026-11-23T03:30:05Z"),
        ("2026-11-23 10:30:05 UTC", "2026-11-23T10:30:05Z"),
        ("2026-11-23 10:30", "2026-11-23T10:30:00Z"),
        ("2026-11-23t10:30:05z", "2026-11-23T10:30:05Z"),
        ("2026-11-23T24:00:00Z", "2026-11-24T00:00:00Z"),
        ("2026-11-23T23:59:60Z", "2026-11-23T23:59:59Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        ("2026-11", "2026-11-01T00:00:00Z"),
        ("2026", "2026-01-01T00:00:00Z"),
        ("20261123", "2026-11-23T00:00:00Z"),
        ("20261123T103005Z", "2026-11-23T10:30:05Z"),
        ("20261123103005", "2026-11-23T10:30:05Z"),
        ("2026-327", "2026-11-23T00:00:00Z"),
        ("2026-1-3", "2026-01-03T00:00:00Z"),
        ("2026/11/23", "2026-11-23T00:00:00Z"),
        ("2026/11/23 10:30:05", "2026-11-23T10:30:05Z"),
        ("Mon, 2026-11-23 10:30:05", "2026-11-23T10:30:05Z"),
        ("Fri, 2006/09/15 08:19:53 EDT", "2006-09-15T12:19:53Z"),
        ("1795429805", "2026-11-23T10:30:05Z"),
        ("1795429805000", "2026-11-23T10:30:05Z"),
    ]);
}

#[test]
fn dates_by_evidence() {
    check_dates(&[
        ("23/11/2026", "2026-11-23T00:00:00Z"),
        ("11/23/2026", "2026-11-23T00:00:00Z"),
        ("11/11/2026", "2026-11-11T00:00:00Z"),
        ("11/23/2026 5:14:55 PM", "2026-11-23T17:14:55Z"),
        ("11/23/2026 12:14:55 AM", "2026-11-23T00:14:55Z"),
        ("05/04/2026", ""),
        ("05-04-2026", ""),
        // 5 April 2026 is a Sunday, 4 May 2026 is a Monday.
        ("Sun, 05/04/2026", "2026-04-05T00:00:00Z"),
        ("Mon, 05/04/2026", "2026-05-04T00:00:00Z"),
        ("Wed, 05/04/2026", ""),
        ("05.04.2026", "2026-04-05T00:00:00Z"),
        ("05.04.26 10:30", "2026-04-05T10:30:00Z"),
        ("23/11/26", ""),
        ("11/23/26", "2026-11-23T00:00:00Z"),
        ("23 listopada 2026", ""),
        ("poniedziałek, 23 listopada 2026", "2026-11-23T00:00:00Z"),
        ("mar. 24 nov. 2026 10:30", "2026-11-24T10:30:00Z"),
        ("24 mar 2026", "2026-03-24T00:00:00Z"),
        // 23 November 2026 is a Monday, 22 November a Sunday; 4 May is a Monday, 5 April a Sunday.
        ("T2, 23/11/2026", "2026-11-23T00:00:00Z"),
        ("T2, 04/05/2026", "2026-05-04T00:00:00Z"),
        ("T7 21/11/2026 10:30", "2026-11-21T10:30:00Z"),
        ("CN, 05/04/2026", "2026-04-05T00:00:00Z"),
        ("CN 22/11/2026, 10:30 SA", "2026-11-22T10:30:00Z"),
        ("2026-11-23T7:30:00Z", "2026-11-23T07:30:00Z"),
    ]);
}

/// Names of halves of the day count behind the clock time: before it, some of them are other words.
#[test]
fn dates_with_halves_of_the_day() {
    check_dates(&[
        ("Sa, 21 Nov 2026 12:30:00 +0100", "2026-11-21T11:30:00Z"),
        ("Sa 21.11.2026 12:30", "2026-11-21T12:30:00Z"),
        ("am 23.11.2026 um 12:30 Uhr", "2026-11-23T12:30:00Z"),
        ("23.11.2026 um 12:30 Uhr", "2026-11-23T12:30:00Z"),
        ("23/11/2026 12:30 SA", "2026-11-23T00:30:00Z"),
        ("23/11/2026 12:30 CH", "2026-11-23T12:30:00Z"),
        ("23/11/2026 10:30 CH", "2026-11-23T22:30:00Z"),
        ("23 Nov 2026 12:30 AM", "2026-11-23T00:30:00Z"),
        ("23 Nov 2026 12:30 PM", "2026-11-23T12:30:00Z"),
        ("23 Nov 2026 12:30am", "2026-11-23T00:30:00Z"),
        ("23 Nov 2026 10:30 p.m.", "2026-11-23T22:30:00Z"),
        ("2026年11月23日 午前10:30", "2026-11-23T10:30:00Z"),
        ("2026年11月23日 午後10:30", "2026-11-23T22:30:00Z"),
        ("2026년 11월 23일 오전 12:30", "2026-11-23T00:30:00Z"),
    ]);
}

#[test]
fn dates_in_other_languages() {
    check_dates(&[
        ("Thứ Hai, 23 tháng 11 2026", "2026-11-23T00:00:00Z"),
        ("23 Tháng Mười Một 2026", "2026-11-23T00:00:00Z"),
        (
            "Thứ hai, ngày 23 tháng 11 năm 2026 10:30 CH",
            "2026-11-23T22:30:00Z",
        ),
        ("Thứ Năm, 5 tháng năm 2026", "2026-05-05T00:00:00Z"),
        (
            "Chủ Nhật, 22/11/2026, 10:30 (GMT+7)",
            "2026-11-22T03:30:00Z",
        ),
        ("lun. 23 nov. 2026 10:30:05 +0100", "2026-11-23T09:30:05Z"),
        ("23 août 2026", "2026-08-23T00:00:00Z"),
        ("1er décembre 2026", "2026-12-01T00:00:00Z"),
        ("Mo, 23 Dez 2026 10:30:05 +0100", "2026-12-23T09:30:05Z"),
        ("23. März 2026 10:30 Uhr", "2026-03-23T10:30:00Z"),
        ("23 de noviembre de 2026", "2026-11-23T00:00:00Z"),
        ("lunes, 23 de enero de 2026 10:30", "2026-01-23T10:30:00Z"),
        ("23 novembre 2026", "2026-11-23T00:00:00Z"),
        ("gio, 26 nov 2026 10:30:05 +0100", "2026-11-26T09:30:05Z"),
        ("23 de Fevereiro de 2026", "2026-02-23T00:00:00Z"),
        ("23 сентября 2026", "2026-09-23T00:00:00Z"),
        ("Пн, 23 ноя 2026 10:30:05 +0300", "2026-11-23T07:30:05Z"),
        ("23 листопада 2026", "2026-11-23T00:00:00Z"),
        ("23 mei 2026", "2026-05-23T00:00:00Z"),
        ("23 Mayıs 2026", "2026-05-23T00:00:00Z"),
        ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", "2004-07-11T17:00:00Z"),
        ("2004-július-13T9:15-05:00", "2004-07-13T14:15:00Z"),
        ("2026年11月23日", "2026-11-23T00:00:00Z"),
        ("2026年11月23日 下午10:30", "2026-11-23T22:30:00Z"),
        ("2026년 11월 23일 오후 10:30:05", "2026-11-23T22:30:05Z"),
    ]);
}

#[test]
fn texts_that_are_no_dates() {
    check_dates(&[
        ("", ""),
        ("soon", ""),
        ("yesterday at 10:30", ""),
        ("3 days ago", ""),
        ("32 Nov 2026", ""),
        ("2026-13-01", ""),
        ("2026-02-30", ""),
        ("Mon, 23 Nov 2026 25:00:00 GMT", ""),
        ("Mon, 23 Nov 2026 10:61:00 GMT", ""),
        ("Mon, 23 Nov 2026 10:30:05 +9900", ""),
        ("0000-00-00 00:00:00", ""),
        ("99999999999999999999", ""),
        ("1", ""),
        ("-", ""),
        ("10:30", ""),
    ]);
}

#[track_caller]
fn check_safe(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(source, expected)| {
            let found = safe(source);
            (found != *expected)
                .then(|| format!("{source}\n  is       {found}\n  not      {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is tried against readers of feeds, and what must be left of it.
const ATTACKS: &[(&str, &str)] = &[
    ("<p onclick=x>a</p>", "<p>a</p>"),
    ("<p style='x' class=y id=z>a</p>", "<p>a</p>"),
    ("<script>alert(1)</script><p>a</p>", "<p>a</p>"),
    ("<p>a</p><script>", "<p>a</p>"),
    (
        "<scr<script>ipt>alert(1)</script>x<b>a</b>",
        "ipt&gt;alert(1)x<b>a</b>",
    ),
    (
        "<a href='javascript:alert(1)'>a</a>",
        "<a rel=\"noopener noreferrer nofollow\">a</a>",
    ),
    (
        "<a href='java\tscript:alert(1)'>a</a>",
        "<a rel=\"noopener noreferrer nofollow\">a</a>",
    ),
    (
        "<a href=' &#1;javascript:alert(1)'>a</a>",
        "<a rel=\"noopener noreferrer nofollow\">a</a>",
    ),
    (
        "<a href='data:text/html,x'>a</a>",
        "<a rel=\"noopener noreferrer nofollow\">a</a>",
    ),
    (
        "<a href='magnet:?x'>a</a>",
        "<a rel=\"noopener noreferrer nofollow\">a</a>",
    ),
    (
        "<a href='mailto:a@example.org'>a</a>",
        "<a href=\"mailto:a@example.org\" rel=\"noopener noreferrer nofollow\">a</a>",
    ),
    (
        "<a href=x target=_blank rel=opener>a</a>",
        "<a href=\"http://example.org/a/x\" rel=\"noopener noreferrer nofollow\">a</a>",
    ),
    ("<img src=javascript:x alt=a>b<i>c</i>", "b<i>c</i>"),
    (
        "<iframe srcdoc='<script>x</script>'></iframe><b>a</b>",
        "<b>a</b>",
    ),
    ("<svg><set onbegin=x></svg><b>a</b>", "<b>a</b>"),
    (
        "<math><annotation-xml><p>x</math><b>a</b>",
        "<p>x<b>a</b></p>",
    ),
    (
        "<noscript><p title='</noscript><img src=x onerror=y>'></noscript><b>a</b>",
        "<img src=\"http://example.org/a/x\" loading=\"lazy\" referrerpolicy=\"no-referrer\">'&gt;<b>a</b>",
    ),
    ("<style>*{}</style><b>a</b>", "<b>a</b>"),
    ("<b>a</b><style>*{}</style-x>b{}", "<b>a</b>"),
    ("<template><b>x</b></template><b>a</b>", "<b>a</b>"),
    ("<form action=x><input name=y><b>a</b></form>", "<b>a</b>"),
    (
        "<base href='http://evil.example/'><a href=x>a</a>",
        "<a href=\"http://example.org/a/x\" rel=\"noopener noreferrer nofollow\">a</a>",
    ),
    (
        "<meta http-equiv=refresh content='0;url=x'><b>a</b>",
        "<b>a</b>",
    ),
    ("<object data=x></object><embed src=x><b>a</b>", "<b>a</b>"),
    (
        "<p dir=rtl lang=ar>a</p>",
        "<p dir=\"rtl\" lang=\"ar\">a</p>",
    ),
    ("<!-- x --><b>a</b><!--", "<b>a</b>"),
    ("<b>a", "<b>a</b>"),
    ("<custom-tag><b>a</b></custom-tag>", "<b>a</b>"),
    ("a &amp; b &lt; c", "a &amp; b &lt; c"),
    ("a &nbsp;b", "a &nbsp;b"),
];

#[test]
fn markup_is_made_safe() {
    check_safe(ATTACKS);
}

/// No markup in it can act: what all of the sanitiser's output must satisfy.
fn has_active_content(html: &str) -> bool {
    let lower = html.to_ascii_lowercase();
    [
        "<script",
        "<iframe",
        "<style",
        "<form",
        "<svg",
        "<math",
        "<object",
        "<embed",
        "javascript:",
    ]
    .iter()
    .any(|danger| lower.contains(danger))
        || has_active_attribute(&lower)
}

/// Whether a tag has a style, or a handler, whose name begins with `on`; what stands between quotes is no name.
fn has_active_attribute(html: &str) -> bool {
    let mut quote = None;
    let mut is_in_tag = false;
    let mut names = String::new();
    for character in html.chars() {
        match (character, quote) {
            ('"' | '\'', None) if is_in_tag => quote = Some(character),
            (_, Some(open)) if open == character => quote = None,
            (_, Some(_)) => {}
            ('<', None) => is_in_tag = true,
            ('>', None) => {
                is_in_tag = false;
                names.push(' ');
            }
            _ if is_in_tag => names.push(character),
            _ => {}
        }
    }
    names
        .split_ascii_whitespace()
        .any(|name| (name.starts_with("on") && name.contains('=')) || name.starts_with("style="))
}

/// An oracle that finds nothing proves nothing.
#[test]
fn active_content_is_found() {
    for active in [
        "<p onclick=\"x\">",
        "<img src=\"a\" alt='>' onerror=x>",
        "<a href=\"JavaScript:x\">",
        "<p style=\"x\">",
        "<b>a</b><script>",
    ] {
        assert!(has_active_content(active), "{active}");
    }
    for harmless in [
        "<p title=\" onclick=x\">once = on</p>",
        "the attribute style=\"x\"",
        "<a href=\"https://example.org/?onload=1\">one=1</a>",
    ] {
        assert!(!has_active_content(harmless), "{harmless}");
    }
}

#[test]
fn nesting_is_bounded_on_a_small_stack() {
    let deep =
        |open: &str, close: &str| format!("{}x{}", open.repeat(50_000), close.repeat(50_000));
    let bodies = [
        deep("<media:content url='http://e.org/'>", "</media:content>"),
        deep("<media:group>", "</media:group>"),
        deep("<itunes:category text='a'>", "</itunes:category>"),
        deep("<a>", "</a>"),
        deep("<author>", "</author>"),
        format!("<description>{}</description>", deep("<div>", "</div>")),
        format!(
            "<description><![CDATA[{}]]></description>",
            deep("<div>", "</div>")
        ),
        format!(
            "<description><![CDATA[{}]]></description>",
            "<p><b><i>".repeat(64_000)
        ),
        format!("<title>{}</title>", deep("<b>", "</b>")),
    ];
    // Half of what tokio gives its blocking threads.
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || {
        for body in bodies {
            let document = format!("<rss version='2.0'><channel><title>F</title><item>{body}</item></channel></rss>");
            let feed = parse(document.as_bytes(), &ParseContext::default());
            assert!(feed.is_ok(), "{}", &document[..120]);
        }
    });
    thread.expect("a thread").join().expect("no panic");
}

#[test]
fn what_panics_elsewhere_is_read() {
    let documents: [&[u8]; 5] = [
        b"<!-- ........................................................................ --><?xml version=\"1.0\" encoding=\"windows-1251\"?><rss version=\"2.0\"><channel><title>F</title></channel></rss>",
        "<rss version='2.0'><channel><item><author>（a@example.org）</author></item></channel></rss>".as_bytes(),
        b"<rss version='2.0' xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel><item><itunes:duration>99999999999999999999999</itunes:duration></item></channel></rss>",
        b"<rss version='2.0'><channel><item><description><?xml version='1.0' encoding='utf-16'?>x</description></item></channel></rss>",
        b"\xfe\xff\x00<\x00r\x00s\x00s\x00>\x00<\x00c\x00h\x00a\x00n\x00n\x00e\x00l\x00>\x00<\x00t\x00i\x00t\x00l\x00e\x00>\x00F\x00<\x00/\x00t\x00i\x00t\x00l\x00e\x00>\x00<\x00/\x00c\x00h\x00a\x00n\x00n\x00e\x00l\x00>\x00<\x00/\x00r\x00s\x00s\x00>",
    ];
    for document in documents {
        let feed = parse(document, &ParseContext::default());
        assert!(feed.is_ok(), "{:?}", String::from_utf8_lossy(document));
    }
}

#[test]
fn only_the_newest_five_hundred_are_kept() {
    let items: String = (0..700)
        .map(|n| {
            let time = Timestamp::from_second(1_700_000_000 + n * 60).expect("a time");
            format!("<item><guid>g{n}</guid><pubDate>{time}</pubDate></item>")
        })
        .collect();
    let feed = read(&format!(
        "<rss version='2.0'><channel>{items}</channel></rss>"
    ));
    assert_eq!(feed.entries.len(), 500);
    assert_eq!(feed.entries[0].key, "g200");
    assert_eq!(feed.entries[499].key, "g699");
    assert!(
        feed.repairs
            .iter()
            .any(|repair| repair.kind == "too-many-entries")
    );
}

#[test]
fn keys_do_not_depend_on_order() {
    let items = [
        "<item><guid isPermaLink='false'>g</guid><link>http://example.org/1</link></item>",
        "<item><guid isPermaLink='false'>g</guid><link>http://example.org/2</link></item>",
        "<item><title>A</title><description>x</description></item>",
        "<item><title>A</title><description>y</description></item>",
        "<item><link>http://example.org/3#a</link></item>",
        "<item><link>http://example.org/3#b</link></item>",
    ];
    let keys = |items: &mut dyn Iterator<Item = &&str>| {
        let items: String = items.copied().collect();
        let feed = read(&format!(
            "<rss version='2.0'><channel>{items}</channel></rss>"
        ));
        let mut keys: Vec<String> = feed.entries.into_iter().map(|entry| entry.key).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&mut items.iter()), keys(&mut items.iter().rev()));
    assert_eq!(keys(&mut items.iter()).len(), 6);
}

#[test]
fn fingerprints_ignore_trackers_and_dates() {
    let print = |inner: &str| entry_with(inner).fingerprint;
    let plain = print("<description><![CDATA[<p>Hi</p>]]></description>");
    let tracked = "<pubDate>2026-11-23</pubDate><description><![CDATA[<p>Hi</p><img src='http://x.org/?1' width=1>]]></description>";
    assert_eq!(plain, print(tracked));
    assert_ne!(
        plain,
        print("<description><![CDATA[<p>Ho</p>]]></description>")
    );
}

#[test]
fn first_sight_settles_dates() {
    let seen: Timestamp = "2026-11-23T10:00:00Z".parse().expect("a time");
    let shown = |date: &str| {
        let (time, flag) = entry_with(&format!("<pubDate>{date}</pubDate>")).settled(seen);
        (time.to_string(), flag)
    };
    let first = || seen.to_string();
    assert_eq!(
        shown("2026-11-22T10:00:00Z"),
        ("2026-11-22T10:00:00Z".to_owned(), None)
    );
    assert_eq!(
        shown("2026-11-23T10:10:00Z"),
        ("2026-11-23T10:10:00Z".to_owned(), None)
    );
    assert_eq!(
        shown("2026-11-23T10:10:01Z"),
        (first(), Some(DateFlag::Future))
    );
    assert_eq!(
        shown("1989-12-31T23:59:59Z"),
        (first(), Some(DateFlag::Implausible))
    );
    assert_eq!(
        shown("1990-01-01T00:00:00Z"),
        ("1990-01-01T00:00:00Z".to_owned(), None)
    );
    assert_eq!(shown("soon"), (first(), Some(DateFlag::Unreadable)));
    assert_eq!(shown(""), (first(), Some(DateFlag::Missing)));
}

/// What feed-rs is given says all that it was made of: nothing is lost or added in it.
#[test]
fn the_canonical_document_is_its_own() {
    let context = ParseContext::default();
    for (name, bytes) in super::corpus::documents() {
        let Ok(once) = canonical(&bytes, &context) else {
            continue;
        };
        let again = canonical(once.as_bytes(), &context);
        assert_eq!(again.as_ref(), Ok(&once), "{name}");
    }
}

#[test]
fn nothing_to_read_is_said() {
    let error = |bytes: &[u8]| parse(bytes, &ParseContext::default()).expect_err("no feed");
    assert_eq!(error(b""), ParseError::Empty);
    assert_eq!(error(b"\xef\xbb\xbf \n"), ParseError::Empty);
    assert!(matches!(
        error(b"<html><body>x</body></html>"),
        ParseError::WebPage { .. }
    ));
    assert!(matches!(error(b"<x/>"), ParseError::NotAFeed(_)));
    assert!(matches!(
        error(b"\x1f\x8b\x08\x00"),
        ParseError::NotAFeed(_)
    ));
}

/// A document of the corpus with some of its bytes gone, doubled, changed or moved.
fn mutant() -> impl Strategy<Value = Vec<u8>> {
    let documents: Vec<Vec<u8>> = super::corpus::documents()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .filter(|bytes| bytes.len() < 20_000)
        .collect();
    let edits = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            0..5_u8,
            any::<u8>(),
            1..40_usize,
        ),
        1..6,
    );
    (prop::sample::select(documents), edits).prop_map(|(mut bytes, edits)| {
        for (index, edit, byte, length) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            let end = (at + length).min(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                3 => bytes.truncate(at),
                _ => bytes.insert(at, b"<>&\"'/]!"[usize::from(byte) % 8]),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mutant_is_read_twice_the_same_and_safely(bytes in mutant()) {
        let context = ParseContext::default();
        let first = parse(&bytes, &context);
        prop_assert_eq!(&first, &parse(&bytes, &context));
        prop_assert!(!matches!(&first, Err(ParseError::Unreadable(_))), "{:?}", first);
        for entry in first.into_iter().flat_map(|feed| feed.entries) {
            for html in [entry.summary_html, entry.content_html].into_iter().flatten() {
                prop_assert!(!has_active_content(&html.as_str().replace("&lt;", "")), "{}", html.as_str());
            }
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let answer = parse(&bytes, &ParseContext::default());
        prop_assert_eq!(&answer, &parse(&bytes, &ParseContext::default()));
    }

    #[test]
    fn any_text_is_a_date_or_not(text in "[0-9A-Za-zÀ-ỹ年月日 :/.,+-]{0,40}") {
        prop_assert_eq!(date::parse(&text), date::parse(&text));
    }

    #[test]
    fn making_safe_twice_changes_nothing(pieces in prop::collection::vec(
        prop::sample::select(vec![
            "<p>", "</p>", "<b>", "</b>", "<a href=x>", "</a>", "<img src=i.png>", "<ul>", "<li>", "</ul>", "text", " & ",
            "&lt;", "<br>", "<table>", "<tr>", "<td>", "</table>", "<pre>", "</pre>", "<h1>", "<script>", "</script>",
            "<!--", "-->", "<i>", "\n", "<svg>", "<math>", "<style>", "<title>", "\u{a0}", "<", ">", "\"", "<div>", "</div>",
        ]),
        0..24,
    )) {
        let once = safe(&format!("<div>{}</div>", pieces.concat()));
        prop_assert!(!has_active_content(&once), "{}", once);
        prop_assert_eq!(&safe(&once), &once);
    }
}

#[test]
fn a_feed_keeps_its_own_categories() {
    let terms = |feed: ParsedFeed| -> Vec<String> {
        let categories = feed.categories.into_iter();
        categories.map(|category| category.term).collect()
    };
    let rss = "<rss version='2.0'><channel><title>F</title><category>Rivers</category><category>Lakes</category>\
        <item><title>T</title><category>Own</category></item></channel></rss>";
    assert_eq!(terms(read(rss)), ["Rivers", "Lakes"]);
    let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><id>urn:f</id><category term='rivers' label='R'/>\
        <entry><title>T</title><id>urn:1</id><category term='own'/></entry></feed>";
    assert_eq!(terms(read(atom)), ["rivers"]);
}
