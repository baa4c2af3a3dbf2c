//! Tests of `filter`: what expressions mean, what actions do, and every message that a wrong rule gives.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a failed unwrap is a failed test; tables are long"
)]

use std::collections::BTreeMap;

use feedmill::config::{FilterConfig, Located, Place, Problem};
use feedmill::filter::{RuleScene, Rules};
use feedmill::model::{
    Author, Category, Enclosure, FeedMeta, Fingerprint, ParsedEntry, SafeHtml, Verdict,
};
use jiff::Timestamp;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The entry that all expressions here are asked about.
fn entry() -> ParsedEntry {
    ParsedEntry {
        key: "k".into(),
        publisher_id: Some("tag:example.org,2026:1".into()),
        link: Some("https://www.Example.org/a?utm_source=x&id=1&Ref=2".into()),
        title: "Thủ đô mở tuyến xe buýt mới — SPONSORED".into(),
        authors: vec![
            Author { name: Some("Nguyễn Bình".into()), ..Author::default() },
            Author { name: Some("An".into()), ..Author::default() },
        ],
        summary_html: Some(SafeHtml::vouched("<p>Tuyến mới &amp; rẻ</p><p>Read <a href=\"https://example.org/\">more</a></p>".into())),
        content_html: Some(SafeHtml::vouched("<p>One two.</p><p>The post <a title=\"a > b\" href=\"https://e.org/\">X</a> appeared first on Y.</p>".into())),
        text: "One two three. The post X appeared first on Y.".into(),
        published_at: Some(at("2026-05-10T00:00:00Z")),
        updated_at: None,
        date_flag: None,
        enclosures: vec![Enclosure { url: "https://e.org/a.mp3".into(), mime: Some("audio/mpeg".into()), ..Enclosure::default() }],
        categories: vec![Category { term: "giao-thong".into(), scheme: None, label: Some("Giao thông".into()) }],
        links: Vec::new(),
        source: None,
        language: Some("vi-VN".into()),
        rights: None,
        fingerprint: Fingerprint([0; 32]),
    }
}

fn located(value: &str) -> Located<String> {
    Located {
        value: value.into(),
        at: Place {
            file: 3,
            span: 100..100 + value.len() + 2,
        },
    }
}

fn filter(name: &str) -> FilterConfig {
    FilterConfig {
        name: name.into(),
        drop: None,
        keep: None,
        when: None,
        tag: Vec::new(),
        set_title: None,
        cut: Vec::new(),
        strip_params: Vec::new(),
    }
}

fn rules(filters: Vec<FilterConfig>) -> Result<Rules, Vec<Problem>> {
    Rules::compile(
        &filters
            .into_iter()
            .map(|filter| (filter.name.clone(), filter))
            .collect::<BTreeMap<_, _>>(),
    )
}

fn run(filters: Vec<FilterConfig>, entry: &mut ParsedEntry) -> (Verdict, Vec<String>) {
    let names: Vec<String> = filters.iter().map(|filter| filter.name.clone()).collect();
    let meta = FeedMeta {
        title: Some("Báo Mới".into()),
        ..FeedMeta::default()
    };
    let groups = ["tech".to_owned(), "Hà Nội".to_owned()];
    let scene = RuleScene {
        feed: "bao-moi",
        groups: &groups,
        meta: &meta,
        now: at("2026-05-12T12:00:00Z"),
    };
    rules(filters).unwrap().apply(&names, entry, scene)
}

#[track_caller]
fn holds(expression: &str, expected: bool) {
    let rule = FilterConfig {
        drop: Some(located(expression)),
        ..filter("f")
    };
    let expected = if expected {
        Verdict::Drop { rule: "f".into() }
    } else {
        Verdict::Keep
    };
    assert_eq!(run(vec![rule], &mut entry()).0, expected, "{expression}");
}

#[test]
fn the_rule_of_the_example_config_drops_advertisements() {
    holds(
        r#"title matches "(?i)\\b(sponsored|advertisement)\\b""#,
        true,
    );
    holds(r#"title matches "(?i)\b(sponsored|advertisement)\b""#, true);
    holds(r#"title matches "\b(sponsored|advertisement)\b""#, false);
}

#[test]
fn texts_compare_without_case_and_normal_form() {
    holds("title contains 'THỦ ĐÔ'", true);
    // The same letters, decomposed.
    holds("title contains 'thu\u{309} đo\u{302}'", true);
    holds("title starts with 'thủ đô'", true);
    holds("title starts with 'mở'", false);
    holds("title ends with \"sponsored\"", true);
    holds("title == 'THỦ ĐÔ mở tuyến xe buýt mới — sponsored'", true);
    holds("title != 'x'", true);
    holds("title contains 'it\\'s'", false);
    holds("host == 'example.org'", true);
    holds("host in ['a.org', 'Example.org',]", true);
    holds("link contains '/a?'", true);
    holds("author == 'an'", true);
    holds("author != 'an'", false);
    holds("author in ['B', 'C']", false);
    holds(
        "category == 'giao thông' and category == 'giao-thong'",
        true,
    );
    holds("feed == 'bao-moi' and feed_title == 'báo mới'", true);
    holds("group == 'hà nội'", true);
    holds("language == 'vi'", true);
    holds("language == 'vi-vn'", true);
    holds("language == 'v'", false);
    holds("summary contains 'mới & rẻ'", true);
    holds("enclosure starts with 'audio/'", true);
    holds("id starts with 'tag:'", true);
    holds("text matches '^One .* Y\\.$'", true);
}

#[test]
fn counts_ages_and_dates_compare_in_order() {
    holds("length == 10", true);
    holds("length < 10", false);
    holds("length >= 10 and length <= 10.5", true);
    holds("title_length > 7", true);
    holds("enclosures != 1", false);
    holds("age > 2d and age < 3d", true);
    holds("age >= 2d12h and age <= 60h", true);
    holds("age > 1w", false);
    holds("published >= 2026-05-10", true);
    holds("published > '2026-05-10T00:00:00Z'", false);
    holds("updated > 2000-01-01 or updated <= 2000-01-01", false);
    holds("has_date and has_link and has_enclosure", true);
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    holds("has_date or has_date and not has_date", true);
    holds("(has_date or has_date) and not has_date", false);
    holds("not has_date or has_date", true);
    holds("not (has_date and not has_date)", true);
    holds("not not has_date", true);
}

#[test]
fn an_undated_entry_has_no_age() {
    let mut undated = entry();
    undated.published_at = None;
    let rule = |text: &str| FilterConfig {
        drop: Some(located(text)),
        ..filter("f")
    };
    assert_eq!(
        run(vec![rule("age > 0s or age <= 0s")], &mut undated).0,
        Verdict::Keep
    );
    assert_eq!(
        run(vec![rule("not has_date")], &mut undated).0,
        Verdict::Drop { rule: "f".into() }
    );
}

#[test]
fn keep_drops_what_it_does_not_name_and_the_first_rule_wins() {
    let keep = FilterConfig {
        keep: Some(located("language == 'en'")),
        ..filter("english")
    };
    let drop = FilterConfig {
        drop: Some(located("has_date")),
        ..filter("later")
    };
    let tagger = FilterConfig {
        tag: vec!["seen".into()],
        ..filter("tagger")
    };
    let (verdict, tags) = run(vec![tagger, keep, drop], &mut entry());
    assert_eq!(
        verdict,
        Verdict::Drop {
            rule: "english".into()
        }
    );
    assert_eq!(tags, ["seen"]);
}

#[test]
fn actions_apply_where_when_holds() {
    let title = |when: &str| FilterConfig {
        when: Some(located(when)),
        set_title: Some(located("{feed}: {title} ({author}) {{x}}")),
        tag: vec!["t".into()],
        ..filter("f")
    };
    let mut changed = entry();
    assert_eq!(
        run(vec![title("has_link")], &mut changed),
        (Verdict::Keep, vec!["t".to_owned()])
    );
    assert_eq!(
        changed.title,
        "Báo Mới: Thủ đô mở tuyến xe buýt mới — SPONSORED (Nguyễn Bình) {x}"
    );
    let mut same = entry();
    assert_eq!(
        run(vec![title("not has_link")], &mut same),
        (Verdict::Keep, Vec::new())
    );
    assert_eq!(same, entry());
}

#[test]
fn a_title_is_never_taken_away() {
    let mut nameless = entry();
    nameless.authors.clear();
    run(
        vec![FilterConfig {
            set_title: Some(located(" {author} ")),
            ..filter("f")
        }],
        &mut nameless,
    );
    assert_eq!(nameless.title, entry().title);
}

#[test]
fn stripping_leaves_the_other_parameters_alone() {
    let mut stripped = entry();
    run(
        vec![FilterConfig {
            strip_params: vec!["utm_*".into(), "ref".into()],
            ..filter("f")
        }],
        &mut stripped,
    );
    assert_eq!(
        stripped.link.as_deref(),
        Some("https://www.example.org/a?id=1")
    );
    run(
        vec![FilterConfig {
            strip_params: vec!["id".into()],
            ..filter("f")
        }],
        &mut stripped,
    );
    assert_eq!(stripped.link.as_deref(), Some("https://www.example.org/a"));
}

#[track_caller]
fn cuts(regex: &str, html: &str, expected: &str) {
    let mut cut = entry();
    cut.content_html = Some(SafeHtml::vouched(html.into()));
    run(
        vec![FilterConfig {
            cut: vec![located(regex)],
            ..filter("f")
        }],
        &mut cut,
    );
    assert_eq!(cut.content_html.unwrap().as_str(), expected, "{regex}");
}

#[test]
fn cutting_deletes_text_and_tags_left_empty_only() {
    cuts(
        "The post .* appeared first on .*",
        entry().content_html.unwrap().as_str(),
        "<p>One two.</p>",
    );
    cuts(
        "post .* appeared",
        "<p>The post <b>X</b> appeared <i>here</i></p>",
        "<p>The  <i>here</i></p>",
    );
    cuts("a & b", "<p>x a &amp; b y</p>", "<p>x  y</p>");
    cuts(
        "(?m)^Read more$",
        "<p>News</p><div>Read more</div><p>End</p>",
        "<p>News</p><p>End</p>",
    );
    cuts(
        "b",
        "<p title=\"b\">a</p><img alt=\"b > b\"><br>b",
        "<p title=\"b\">a</p><img alt=\"b > b\"><br>",
    );
    cuts("nothing like it", "<p></p><p>x", "<p></p><p>x");
    cuts("x", "<ul><li>x</li><li>y</li></ul>", "<ul><li>y</li></ul>");
    cuts(".*", "&lt;script&gt;<p>a</p>", "");
    cuts("&", "a &amp;lt;b", "a lt;b");
}

#[test]
fn cutting_reaches_the_plain_text() {
    let mut cut = entry();
    run(
        vec![FilterConfig {
            cut: vec![located("The post .*")],
            ..filter("f")
        }],
        &mut cut,
    );
    assert_eq!(cut.text, "One two three.");
    assert_eq!(cut.summary_html, entry().summary_html);
}

/// A wrong `drop` gives `message`, marks `marked`, and says `aside` beside or below it.
#[track_caller]
fn refuses(expression: &str, marked: &str, message: &str, aside: Option<&str>) {
    let problems = rules(vec![FilterConfig {
        drop: Some(located(expression)),
        ..filter("f")
    }])
    .unwrap_err();
    assert_eq!(problems.len(), 1, "{expression}");
    let problem = &problems[0];
    let place = problem.at.as_ref().unwrap();
    assert_eq!(
        problem.message,
        format!("filter \"f\": {message}"),
        "{expression}"
    );
    assert_eq!(
        problem.label.as_deref().or(problem.help.as_deref()),
        aside,
        "{expression}"
    );
    assert_eq!(place.file, 3);
    let found = expression
        .get(place.span.start - 101..place.span.end - 101)
        .unwrap_or("END");
    assert_eq!(found, marked, "{expression}");
}

#[test]
fn every_wrong_expression_is_told_with_its_place() {
    let text_operators = Some("one of ==, !=, contains, matches, starts with, ends with, in");
    let order_operators = Some("one of ==, !=, <, <=, >, >=");
    let durations = Some("durations are written 90s, 30m, 12h, 2d, 1w");
    refuses("", "END", "the expression is empty", None);
    refuses(
        "titel contains 'x'",
        "titel",
        "unknown field `titel`",
        Some("did you mean `title`?"),
    );
    refuses(
        "colour == 'red'",
        "colour",
        "unknown field `colour`",
        Some(
            "fields are title, text, summary, link, host, author, category, feed, feed_title, group, language, enclosure, id, length, title_length, enclosures, age, published, updated, has_date, has_link, has_enclosure",
        ),
    );
    refuses(
        "'x' == title",
        "'x'",
        "expected a field, found the text \"x\"",
        None,
    );
    refuses(
        "has_date and",
        "END",
        "expected a field, found the end of the expression",
        None,
    );
    refuses(
        "title",
        "END",
        "expected an operator after `title`, found the end of the expression",
        text_operators,
    );
    refuses(
        "title 'x'",
        "'x'",
        "expected an operator after `title`, found the text \"x\"",
        text_operators,
    );
    refuses(
        "title < 'x'",
        "<",
        "`title` is text: `<` does not fit",
        text_operators,
    );
    refuses(
        "title like 'x'",
        "like",
        "`title` is text: `like` does not fit",
        text_operators,
    );
    refuses(
        "age contains 2d",
        "contains",
        "`age` is ordered: `contains` does not fit",
        order_operators,
    );
    refuses(
        "title == 5",
        "5",
        "`title` is compared with a text in quotes, not with the number 5",
        None,
    );
    refuses(
        "title ==",
        "END",
        "`title` is compared with a text in quotes, found the end of the expression",
        None,
    );
    refuses(
        "age > 5",
        "5",
        "`age` is compared with a duration such as 2d, not with the number 5",
        None,
    );
    refuses(
        "length > 2d",
        "2d",
        "`length` is compared with a number such as 100, not with a duration of 172800 s",
        None,
    );
    refuses(
        "published > soon",
        "soon",
        "`published` is compared with a date such as 2026-05-01, not with `soon`",
        None,
    );
    refuses(
        "published > 2026-13-01",
        "2026-13-01",
        "`published` is compared with a date such as 2026-05-01, not with the date 2026-13-01",
        None,
    );
    refuses(
        "title starts 'x'",
        "'x'",
        "expected `with` after `starts`",
        None,
    );
    refuses(
        "title in 'x'",
        "'x'",
        "expected `[`, found the text \"x\"",
        None,
    );
    refuses(
        "title in ['x' 'y']",
        "'y'",
        "expected `]`, found the text \"y\"",
        None,
    );
    refuses(
        "(has_date or has_link",
        "END",
        "expected `)`, found the end of the expression",
        None,
    );
    refuses(
        "has_date has_link",
        "has_link",
        "unexpected `has_link` after the expression",
        Some("`and` or `or` before this?"),
    );
    refuses(
        "title contains 'x",
        "'x",
        "this text has no closing '",
        None,
    );
    refuses(
        "title = 'x'",
        "=",
        "`=` compares nothing",
        Some("write == for equal"),
    );
    refuses(
        "has_date && has_link",
        "&",
        "unexpected `&`",
        Some("write and"),
    );
    refuses(
        "has_date || has_link",
        "|",
        "unexpected `|`",
        Some("write or"),
    );
    refuses("!has_date", "!", "unexpected `!`", Some("write not"));
    refuses(
        "age > 2days",
        "2days",
        "\"2days\" is neither a number nor a duration",
        durations,
    );
    refuses("title ~ 'x'", "~", "unexpected character '~'", None);
    refuses(
        "title matches '(x'",
        "'(x'",
        "the regex cannot be read: unclosed group",
        None,
    );
    refuses(
        "title matches '(?=x)'",
        "'(?=x)'",
        "the regex cannot be read: look-around, including look-ahead and look-behind, is not supported",
        None,
    );
    refuses(
        "title matches '(a{900}){900}'",
        "'(a{900}){900}'",
        "the regex is too large once compiled (more than 1 MiB)",
        None,
    );
    let long = format!("title matches '{}'", "é".repeat(1025));
    refuses(
        &long,
        &long[14..],
        "the regex has 1025 characters, more than 1024",
        None,
    );
    let deep = format!("{}has_date", "not ".repeat(33));
    refuses(&deep, "has_date", "nested deeper than 32", None);
    let endless = format!("has_date{}", " or has_date".repeat(400));
    refuses(
        &endless,
        &endless,
        "the expression is longer than 4096 bytes",
        None,
    );
}

#[test]
fn titles_and_cuts_are_told_with_their_place_too() {
    let wrong = FilterConfig {
        set_title: Some(located("a {name} b")),
        cut: vec![located("ok"), located("(")],
        ..filter("f")
    };
    let brace = FilterConfig {
        set_title: Some(located("a {title")),
        ..filter("g")
    };
    let problems = rules(vec![wrong, brace]).unwrap_err();
    let told: Vec<(&str, std::ops::Range<usize>, Option<&str>)> = problems
        .iter()
        .map(|problem| {
            (
                problem.message.as_str(),
                problem.at.as_ref().unwrap().span.clone(),
                problem.help.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "filter \"f\": unknown placeholder `{name}`",
                103..109,
                Some("one of {title}, {author}, {feed}")
            ),
            (
                "filter \"f\": the regex cannot be read: unclosed group",
                101..102,
                None
            ),
            (
                "filter \"g\": this `{` has no closing }",
                103..109,
                Some("write {{ for a brace")
            ),
        ]
    );
}

#[test]
fn a_value_written_with_escapes_is_marked_whole() {
    let value = Located {
        value: "titel == \"x\"".to_owned(),
        at: Place {
            file: 0,
            span: 7..7 + 16,
        },
    };
    let problems = rules(vec![FilterConfig {
        drop: Some(value),
        ..filter("f")
    }])
    .unwrap_err();
    assert_eq!(problems[0].at.as_ref().unwrap().span, 7..23);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_expression_panics(expression in "(title|age|not|and|or|\\(|\\)|\\[|'|\"|matches|in|==|<|[0-9]{1,3}|[a-z]|\\\\|é| ){0,12}") {
        let rule = FilterConfig { drop: Some(located(&expression)), ..filter("f") };
        if let Err(problems) = rules(vec![rule]) {
            for problem in problems {
                let span = problem.at.unwrap().span;
                prop_assert!(span.start >= 101 && span.end <= 102 + expression.len(), "{:?} {:?}", expression, span);
            }
        }
    }

    #[test]
    fn cutting_never_makes_a_tag(html in "(<p>|</p>|<b>|</b>|<a href=\"x>y\">|</a>|<br>|&lt;|&gt;|&amp;|a|b|é| ){0,20}", regex in "(a|b|[<>&]|\\.|é){1,3}") {
        let mut cut = entry();
        cut.content_html = Some(SafeHtml::vouched(html.clone()));
        run(vec![FilterConfig { cut: vec![located(&regex)], ..filter("f") }], &mut cut);
        let cut = cut.content_html.unwrap();
        let tags = |html: &str| regex::Regex::new("<[^>]*>(?:y\">)?").unwrap().find_iter(html).map(|tag| tag.as_str().to_owned()).collect::<Vec<_>>();
        let before = tags(&html);
        let mut rest = before.iter();
        for tag in tags(cut.as_str()) {
            prop_assert!(rest.any(|known| *known == tag), "{} -> {}", html, cut.as_str());
        }
    }
}
