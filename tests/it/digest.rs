//! Editions as words and bytes: header by header against the rules of mail, read back by an independent parser.

use feedmill::config::{ContentMode, Mailbox, Sections, Zone};
use feedmill::digest::message::{Letter, ascii_address, compose, message_id};
use feedmill::digest::{
    Change, Correction, Issue, Language, Matter, Purpose, Reader, Rendition, Run, Templates,
    check_templates, render, token,
};
use feedmill::model::{
    EntryId, EntryView, FeedId, FeedStanding, FeedView, Fingerprint, JoinReason, ParsedEntry,
    Sighting, Standing, StoryId, StorySeq, StoryView, SubscriberId,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mailparse::{MailHeaderMap as _, ParsedMail, parse_mail};
use url::Url;

mod languages;
mod room;

const KEY: [u8; 32] = [7; 32];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone {
        name: name.to_owned(),
        zone: TimeZone::get(name).unwrap(),
    }
}

fn feed(id: i64, title: &str, groups: &[&str]) -> FeedView {
    FeedView {
        id: FeedId(id),
        key: format!("feed{id}"),
        title: title.to_owned(),
        url: format!("https://feed{id}.example/feed"),
        site_url: None,
        publisher_id: None,
        language: None,
        icon_url: None,
        rights: None,
        authors: Vec::new(),
        categories: Vec::new(),
        icon: None,
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        priority: 0,
        updated_at: None,
        standing: FeedStanding::Active,
    }
}

fn story(seq: i64, feed: FeedView, title: &str, text: &str) -> StoryView {
    let shown_at = at("2026-11-23T00:00:00Z") + std::time::Duration::from_secs(seq.unsigned_abs());
    let entry = ParsedEntry {
        key: format!("k{seq}"),
        publisher_id: None,
        link: Some(format!(
            "https://feed{}.example/post/{seq}?utm_source=rss&id={seq}",
            feed.id.0
        )),
        title: title.to_owned(),
        authors: Vec::new(),
        summary_html: None,
        content_html: None,
        text: text.to_owned(),
        published_at: None,
        updated_at: None,
        date_flag: None,
        enclosures: Vec::new(),
        categories: Vec::new(),
        links: Vec::new(),
        source: None,
        language: None,
        rights: None,
        fingerprint: Fingerprint([0; 32]),
    };
    let lead = EntryView {
        id: EntryId(seq),
        feed,
        entry,
        canonical_link: None,
        standing: Standing::Shown,
        dropped_by: None,
        tags: Vec::new(),
        first_seen_at: shown_at,
        shown_at,
        changed_at: shown_at,
        revision: 1,
    };
    StoryView {
        id: StoryId(seq),
        seq: StorySeq(seq),
        public_id: format!("urn:x:{seq}"),
        shown_at,
        changed_at: shown_at,
        lead,
        sightings: Vec::new(),
    }
}

fn stories(n: i64) -> Vec<StoryView> {
    (1..=n)
        .map(|seq| {
            story(
                seq,
                feed(seq % 3, "Blog", &["tech"]),
                &format!("Title {seq}"),
                "Some words.",
            )
        })
        .collect()
}

fn issue() -> Issue {
    Issue {
        digest: "morning".to_owned(),
        title: "Morning News".to_owned(),
        slot_at: at("2026-11-23T06:30:00Z"),
        since_at: None,
        page_url: Url::parse("https://news.example.org/all/").unwrap(),
        web_url: Url::parse("https://news.example.org/digest/morning/x").unwrap(),
        subject: None,
        max_stories: 50,
        per_feed: 0,
        sections: Sections::Group,
        groups: vec![
            ("world".to_owned(), "World".to_owned()),
            ("tech".to_owned(), "Technology".to_owned()),
        ],
        content: ContentMode::Summary,
        max_bytes: 100_000,
        footer: Some("1 Example Street".to_owned()),
        self_service: false,
        coming: Vec::new(),
    }
}

fn rendition_as(issue: &Issue, stories: &[StoryView], code: &str, purpose: Purpose) -> Rendition {
    let stories = stories.iter().collect();
    let matter = Matter {
        stories,
        corrections: Vec::new(),
    };
    rendition_of(issue, &matter, code, purpose)
}

fn rendition_of(issue: &Issue, matter: &Matter<'_>, code: &str, purpose: Purpose) -> Rendition {
    let language = Language::load(code, None).unwrap();
    let zone = zone("Asia/Ho_Chi_Minh");
    let reader = Reader {
        language: &language,
        zone: &zone,
        purpose,
    };
    render(issue, reader, matter, &Templates::load(None).unwrap()).unwrap()
}

fn rendition(issue: &Issue, stories: &[StoryView]) -> Rendition {
    rendition_as(issue, stories, "en", Purpose::Mail)
}

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox {
        name: Some(name.to_owned()),
        address: address.to_owned(),
    }
}

fn composed(rendition: &Rendition, unsubscribe: Option<&str>) -> Vec<u8> {
    let (from, to) = (
        mailbox("Tin tức, buổi sáng", "news@example.org"),
        mailbox("Bình", "binh@thư.example"),
    );
    let language = Language::load("en", None).unwrap();
    let archive_url = Url::parse("https://news.example.org/all/").unwrap();
    let slot_at = issue().slot_at;
    let id = message_id("morning", SubscriberId(3), slot_at, &from.address, &KEY);
    compose(
        &Letter {
            digest: "morning",
            title: "Bản tin sáng",
            from: &from,
            reply_to: None,
            to: &to,
            message_id: &id,
            frozen_at: at("2026-11-23T06:30:07Z"),
            language: &language,
            archive_url: &archive_url,
            unsubscribe_url: unsubscribe,
            wishes_url: None,
        },
        rendition,
    )
}

const LINK: &str = "https://news.example.org/unsubscribe/AAAAAAAAAAMqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq?a=1&b=2";

fn header(mail: &ParsedMail<'_>, name: &str) -> Option<String> {
    assert!(mail.headers.get_all_values(name).len() <= 1, "{name} twice");
    mail.headers.get_first_value(name)
}

#[test]
fn every_header_is_as_the_rules_say() {
    let bytes = composed(&rendition(&issue(), &stories(4)), Some(LINK));
    let mail = parse_mail(&bytes).unwrap();
    let id = message_id(
        "morning",
        SubscriberId(3),
        issue().slot_at,
        "news@example.org",
        &KEY,
    );
    for (name, expected) in [
        ("From", "\"Tin tức, buổi sáng\" <news@example.org>"),
        ("To", "Bình <binh@xn--th-e0a.example>"),
        ("Date", "Mon, 23 Nov 2026 06:30:07 +0000"),
        ("Message-ID", &format!("<{id}>")),
        ("MIME-Version", "1.0"),
        ("Content-Language", "en"),
        ("List-Id", "Bản tin sáng <morning.example.org>"),
        ("List-Unsubscribe", &format!("<{LINK}>")),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Post", "NO"),
        ("List-Archive", "<https://news.example.org/all/>"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("X-Auto-Response-Suppress", "All"),
        ("Subject", "Morning News: 4 new stories, Title 4"),
    ] {
        let found = header(&mail, name).unwrap_or_default();
        assert_eq!(found.replace('"', ""), expected.replace('"', ""), "{name}");
    }
    assert_eq!(mail.ctype.mimetype, "multipart/alternative");
    let parts: Vec<_> = mail
        .subparts
        .iter()
        .map(|part| (part.ctype.mimetype.as_str(), part.ctype.charset.as_str()))
        .collect();
    assert_eq!(parts, [("text/plain", "utf-8"), ("text/html", "utf-8")]);
    assert!(
        id.starts_with("20261123T063000Z.") && id.ends_with("@example.org"),
        "{id}"
    );
}

#[test]
fn one_click_needs_https_and_a_test_copy_needs_nothing() {
    let words = rendition(&issue(), &stories(1));
    let plain = composed(&words, Some("http://news.example.org/unsubscribe/X"));
    let plain = parse_mail(&plain).unwrap();
    assert!(
        header(&plain, "List-Unsubscribe").is_some()
            && header(&plain, "List-Unsubscribe-Post").is_none()
    );
    let test = rendition_as(&issue(), &stories(1), "en", Purpose::Test);
    assert!(test.subject.starts_with("[test] "));
    let bytes = composed(&test, None);
    assert!(header(&parse_mail(&bytes).unwrap(), "List-Unsubscribe").is_none());
}

#[test]
fn lines_are_short_and_end_in_crlf() {
    let long = "x".repeat(2000);
    let stories = [
        story(1, feed(1, &long, &[]), &"長い題名".repeat(200), &long),
        story(2, feed(2, "ب", &[]), &long, "ok"),
    ];
    let bytes = composed(&rendition(&issue(), &stories), Some(LINK));
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        assert!(
            line.ends_with(b"\r\n"),
            "{:?}",
            String::from_utf8_lossy(line)
        );
        let content = &line[..line.len() - 2];
        assert!(!content.contains(&b'\r'));
        let most = if content.starts_with(b" <http") || content.starts_with(b"List-Unsub") {
            998
        } else {
            78
        };
        assert!(content.len() <= most, "{:?}", String::from_utf8_lossy(line));
        assert!(content.is_ascii());
    }
}

/// Vietnamese goes as base64, in which no relay sees a line.
#[test]
fn lines_of_encoded_text_end_in_crlf_too() {
    let mail = rendition_as(&issue(), &stories(9), "vi", Purpose::Mail);
    let text = mail.text + &"Được đặt ở đâu cũng được\n".repeat(200);
    let mail = Rendition { text, ..mail };
    let bytes = composed(&mail, Some(LINK));
    assert!(String::from_utf8_lossy(&bytes).contains("Content-Transfer-Encoding: base64"));
    for part in parse_mail(&bytes).unwrap().subparts {
        let body = part.get_body_raw().unwrap();
        let lines = body.split_inclusive(|byte| *byte == b'\n');
        for line in lines.filter(|line| line.ends_with(b"\n")) {
            assert!(line.ends_with(b"\r\n"), "{}", String::from_utf8_lossy(line));
        }
    }
}

#[test]
fn equal_input_gives_equal_bytes() {
    let make = || composed(&rendition(&issue(), &stories(9)), Some(LINK));
    assert_eq!(make(), make());
    let id = |digest: &str, subscriber, slot: &str| {
        message_id(
            digest,
            SubscriberId(subscriber),
            at(slot),
            "a@b.example",
            &KEY,
        )
    };
    let base = id("m", 1, "2026-11-23T06:30:00Z");
    for other in [
        id("n", 1, "2026-11-23T06:30:00Z"),
        id("m", 2, "2026-11-23T06:30:00Z"),
        id("m", 1, "2026-11-24T06:30:00Z"),
    ] {
        assert_ne!(base, other);
    }
}

#[test]
fn nothing_from_a_feed_becomes_a_header_or_markup() {
    for hostile in [
        "hi\r\nBcc: x@y.example",
        "hi\n\nBody",
        "hi\0there",
        "\u{202E}gnp.exe",
        "\u{2066}iso",
        "\u{85}next\u{2028}line",
        "<script>alert(1)</script>",
        "\"><img src=https://evil.example/p.gif>",
        "{{ page.subject }}",
        "\u{1}mark",
    ] {
        let mut one = story(1, feed(1, hostile, &["tech"]), hostile, hostile);
        one.lead.entry.link = Some("javascript:alert(1)".to_owned());
        one.lead.entry.language = Some("en\" onload=\"x".to_owned());
        let words = rendition(&issue(), &[one, stories(1).remove(0)]);
        let bytes = composed(&words, Some(LINK));
        let mail = parse_mail(&bytes).unwrap();
        let subject = header(&mail, "Subject").unwrap();
        assert!(header(&mail, "Bcc").is_none());
        assert!(
            !subject.chars().any(|c| c.is_control()
                || ('\u{202A}'..='\u{202E}').contains(&c)
                || ('\u{2066}'..='\u{2069}').contains(&c)),
            "{subject:?}"
        );
        let html = mail.subparts[1].get_body().unwrap();
        for active in [
            "<script",
            "<img",
            "javascript:",
            "onload=\"",
            "evil.example/p.gif>",
        ] {
            assert!(!html.contains(active), "{active} in {hostile:?}");
        }
        assert_eq!(
            html.matches(&LINK.replace('&', "&amp;")).count(),
            2,
            "the mark cannot be forged: {hostile:?}"
        );
        assert_eq!(
            mail.subparts[0].get_body().unwrap().matches(LINK).count(),
            1
        );
    }
}

#[test]
fn nothing_remote_is_loaded() {
    let html = rendition(&issue(), &stories(5)).html;
    for remote in [
        "<img",
        "<link",
        "@import",
        "url(",
        "srcset",
        "<iframe",
        "<script",
        "<form",
        "background=\"",
    ] {
        assert!(!html.contains(remote), "{remote}");
    }
    assert!(!html.contains("utm_source") && html.contains("/post/5?id=5"));
}

#[test]
fn a_table_of_contents_links_to_the_articles_from_three_stories_on() {
    for (n, expected) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        let html = rendition(&issue(), &stories(n)).html;
        assert_eq!(
            html.matches("/post/1?id=1").count(),
            expected,
            "{n} stories"
        );
    }
}

#[test]
fn both_parts_tell_the_same_stories_in_the_same_order() {
    let mut many = stories(7);
    many.push(story(
        8,
        feed(8, "Elsewhere", &["world"]),
        "From elsewhere",
        "",
    ));
    many.push(story(9, feed(9, "Nowhere", &[]), "From nowhere", ""));
    let words = rendition(&issue(), &many);
    let order: Vec<String> = [
        "From elsewhere",
        "Title 7",
        "Title 6",
        "Title 5",
        "Title 4",
        "Title 3",
        "Title 2",
        "Title 1",
        "From nowhere",
    ]
    .map(str::to_owned)
    .to_vec();
    let positions = |text: &str| -> Vec<usize> {
        order
            .iter()
            .map(|title| text.rfind(title.as_str()).unwrap())
            .collect()
    };
    assert!(
        positions(&words.html).is_sorted(),
        "sections follow the groups of the config, then newest first"
    );
    assert!(positions(&words.text).is_sorted());
    assert!(
        words.text.contains("== World (1 story) ==")
            && words.text.contains("== More stories (1 story) ==")
    );
}

#[test]
fn also_in_names_the_other_feeds() {
    let mut one = story(1, feed(1, "First", &["tech"]), "Shared", "");
    let seen = |id: i64, title: &str, standing| Sighting {
        feed: feed(id, title, &[]),
        entry: EntryId(100 + id),
        title: "Shared".to_owned(),
        link: Some(format!("https://feed{id}.example/shared")),
        first_seen_at: at("2026-11-23T00:00:00Z"),
        reason: JoinReason::CanonicalLink,
        standing,
    };
    one.sightings = vec![
        seen(2, "Second", Standing::Shown),
        seen(3, "Hidden", Standing::Dropped),
    ];
    let words = rendition(&issue(), &[one]);
    assert!(
        words
            .html
            .contains("Also in <a href=\"https://feed2.example/shared\"")
            && words.text.contains("Also in Second")
    );
    assert!(!words.html.contains("Hidden") && !words.text.contains("Hidden"));
}

/// Shown and total of an edition, and whether both parts say "more".
#[track_caller]
fn check_more(issue: &Issue, stories: &[StoryView], shown: usize, total: usize) {
    let words = rendition(issue, stories);
    assert_eq!((words.shown, words.total), (shown, total));
    let more = format!("and {} more", total - shown);
    assert_eq!(words.html.contains(&more), total > shown);
    assert_eq!(words.text.contains(&more), total > shown);
    assert_eq!(words.html.matches("<h3").count(), shown);
}

#[test]
fn what_does_not_fit_is_counted() {
    check_more(&issue(), &stories(4), 4, 4);
    check_more(
        &Issue {
            max_stories: 3,
            ..issue()
        },
        &stories(10),
        3,
        10,
    );
    check_more(
        &Issue {
            per_feed: 1,
            ..issue()
        },
        &stories(10),
        3,
        10,
    );
}

#[test]
fn the_budget_takes_text_first_and_stories_last() {
    let long = "Một câu khá dài về chuyện hôm nay. ".repeat(200);
    let many: Vec<StoryView> = (1..=40)
        .map(|seq| {
            story(
                seq,
                feed(seq, "Báo", &["tech"]),
                &format!("Tin {seq}"),
                &long,
            )
        })
        .collect();
    let full = Issue {
        content: ContentMode::Full,
        ..issue()
    };
    let sizes = |max_bytes| {
        let words = rendition(
            &Issue {
                max_bytes,
                ..full.clone()
            },
            &many,
        );
        let bytes = composed(&words, Some(LINK));
        let mail = parse_mail(&bytes).unwrap();
        let html = &mail.subparts[1];
        assert!(
            html.raw_bytes.len() <= max_bytes + 400,
            "{} > {max_bytes}",
            html.raw_bytes.len()
        );
        assert!(html.get_body().unwrap().len() <= 90_400);
        (words.shown, words.html.matches("Một câu").count())
    };
    let (shown, sentences) = sizes(100_000);
    assert!(
        shown == 40 && (40..400).contains(&sentences),
        "summaries of all: {shown} {sentences}"
    );
    assert_eq!(sizes(45_000), (40, 0), "titles of all");
    let (shown, sentences) = sizes(12_000);
    assert!(
        (1..40).contains(&shown) && sentences == 0,
        "fewer titles: {shown}"
    );
}

#[test]
fn subjects_are_cut_between_clusters_and_speak_the_language() {
    let check = |code: &str, titles: &[&str], template: Option<&str>, expected: &str| {
        let list: Vec<StoryView> = titles
            .iter()
            .zip(1..)
            .map(|(title, seq)| story(seq, feed(1, "F", &[]), title, ""))
            .collect();
        let issue = Issue {
            subject: template.map(str::to_owned),
            ..issue()
        };
        assert_eq!(
            rendition_as(&issue, &list, code, Purpose::Mail).subject,
            expected
        );
    };
    check("en", &["One"], None, "Morning News: 1 new story, One");
    check(
        "en",
        &["a", "Two"],
        None,
        "Morning News: 2 new stories, Two",
    );
    check("vi", &["Tin một"], None, "Morning News: 1 tin mới, Tin một");
    check(
        "en",
        &[],
        None,
        "Morning News: nothing new, Monday, 23 November 2026",
    );
    check(
        "vi",
        &[],
        None,
        "Morning News: không có tin mới, Thứ Hai, 23 tháng 11 năm 2026",
    );
    let family = "👩‍👩‍👧‍👦".repeat(40);
    check(
        "en",
        &[&family],
        None,
        &format!("Morning News: 1 new story, {}…", "👩‍👩‍👧‍👦".repeat(21)),
    );
    check(
        "en",
        &["Top"],
        Some("Re: {list} {n} {top} {date} {odd}"),
        "Morning News 1 Top Monday, 23 November 2026 {odd}",
    );
    check("en", &["{date}"], Some("{top}"), "{date}");
}

#[test]
fn text_is_wrapped_by_width_and_addresses_are_whole() {
    let mut one = story(
        1,
        feed(1, "朝日", &["tech"]),
        "見出し",
        &"これは長い本文です。".repeat(30),
    );
    let link = format!("https://feed1.example/{}", "a".repeat(200));
    one.lead.entry.link = Some(link.clone());
    let text = rendition(&issue(), &[one]).text;
    assert!(text.lines().any(|line| line == link));
    assert!(text.lines().any(|line| line == "-- "));
    for line in text.lines().filter(|line| !line.starts_with("http")) {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 72, "{line}");
    }
    let arabic = rendition(&issue(), &[story(1, feed(1, "F", &[]), "خبر", "")]).text;
    assert!(arabic.contains("\u{2068}خبر\u{2069}"));
}

#[test]
fn the_web_copy_holds_nothing_of_a_subscriber() {
    let html = rendition_as(&issue(), &stories(4), "vi", Purpose::Web).html;
    assert!(!html.contains('\u{1}') && !html.contains("Hủy đăng ký"));
    assert!(html.contains("<html lang=\"vi\" dir=\"ltr\">"));
}

#[test]
fn a_catch_up_edition_names_its_period() {
    let late = Issue {
        since_at: Some(at("2026-11-20T06:30:00Z")),
        ..issue()
    };
    assert!(
        rendition(&late, &stories(1))
            .text
            .contains("From Friday, 20 November 2026 to Monday, 23 November 2026")
    );
}

#[test]
fn tokens_are_worthless_for_anything_else() {
    let word = token::make(token::UNSUBSCRIBE, "morning", SubscriberId(3), &KEY);
    assert_eq!(
        token::read(token::UNSUBSCRIBE, "morning", &word, &KEY),
        Some(SubscriberId(3))
    );
    assert_eq!(token::claimed(&word), Some(SubscriberId(3)));
    assert_eq!(token::read("preferences", "morning", &word, &KEY), None);
    assert_eq!(
        token::read(token::UNSUBSCRIBE, "evening", &word, &KEY),
        None
    );
    assert_eq!(
        token::read(token::UNSUBSCRIBE, "morning", &word, &[8; 32]),
        None
    );
    for at in 0..word.len() {
        let mut bytes = word.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(bytes).unwrap();
        assert_eq!(
            token::read(token::UNSUBSCRIBE, "morning", &forged, &KEY),
            None,
            "character {at}"
        );
    }
    for junk in ["", "A", "%%%", &word[1..], &format!("{word}A")] {
        assert_eq!(token::read(token::UNSUBSCRIBE, "morning", junk, &KEY), None);
    }
}

#[test]
fn addresses_get_ascii_domains() {
    assert_eq!(ascii_address("bình@thư.example"), "bình@xn--th-e0a.example");
    assert_eq!(ascii_address("a@example.org"), "a@example.org");
}

#[test]
fn operator_templates_are_checked_before_use() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    assert!(check_templates(folder.path()).is_empty());
    write("digest.html", "<p>{{ page.title }}</p>\n{% for %}");
    let problems = check_templates(folder.path());
    assert!(
        problems.len() == 1 && problems[0].message.contains("digest.html:2"),
        "{problems:?}"
    );
    write(
        "digest.html",
        "{% for x in range(9000) %}{% for y in range(9000) %}.{% endfor %}{% endfor %}",
    );
    assert_eq!(
        check_templates(folder.path()).len(),
        1,
        "an endless template is refused"
    );
    write(
        "digest.html",
        "<p>{{ page.title }}{{ text.unsubscribe }}</p>",
    );
    write("fr.toml", "code = 3");
    let problems = check_templates(folder.path());
    assert!(
        problems.len() == 1 && problems[0].message.contains("fr.toml"),
        "{problems:?}"
    );
}
