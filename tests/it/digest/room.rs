//! What is shown where not all fits, what the web copy has beyond that, what is told of corrections, and when editions
//! come, in words.

use super::*;

/// `n` stories of a feed, newer ones with higher numbers from `from` on, titled by feed and number.
fn of_feed(id: i64, name: &str, groups: &[&str], from: i64, n: i64) -> Vec<StoryView> {
    (from..from + n)
        .map(|seq| {
            let title = format!("{name} {seq}");
            story(seq, feed(id, name, groups), &title, "Some words.")
        })
        .collect()
}

/// Titles in the text part, in order.
fn titles(words: &Rendition) -> Vec<String> {
    let names = ["Loud", "Quiet", "Calm", "World"];
    let numbered = |line: &&str| {
        line.split_once(' ')
            .is_some_and(|(name, number)| names.contains(&name) && number.parse::<i64>().is_ok())
    };
    words
        .text
        .lines()
        .filter(numbered)
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_loud_feed_does_not_silence_the_others() {
    // The loud feed's stories are all newer.
    let mut all = of_feed(1, "Loud", &["tech"], 100, 40);
    all.extend(of_feed(2, "Quiet", &["tech"], 10, 2));
    all.extend(of_feed(3, "Calm", &["tech"], 1, 1));
    let cases = [
        (1, vec!["Loud 139"]),
        (3, vec!["Loud 139", "Quiet 11", "Calm 1"]),
        (4, vec!["Loud 139", "Loud 138", "Quiet 11", "Calm 1"]),
        (
            6,
            vec![
                "Loud 139", "Loud 138", "Loud 137", "Quiet 11", "Quiet 10", "Calm 1",
            ],
        ),
    ];
    for (max_stories, expected) in cases {
        let issue = Issue {
            max_stories,
            ..issue()
        };
        let words = rendition(&issue, &all);
        assert_eq!(titles(&words), expected, "{max_stories}");
        assert_eq!((words.shown, words.total), (max_stories, 43));
    }
}

#[test]
fn a_crowded_section_leaves_the_others_their_first_stories() {
    // Thirty feeds of one group, each newer than the one story of the other group.
    let mut all: Vec<StoryView> = (0..30)
        .flat_map(|n| of_feed(100 + n, "Loud", &["tech"], 100 + n, 1))
        .collect();
    all.extend(of_feed(1, "World", &["world"], 1, 1));
    let issue = Issue {
        max_stories: 5,
        ..issue()
    };
    assert_eq!(
        titles(&rendition(&issue, &all)),
        ["World 1", "Loud 129", "Loud 128", "Loud 127", "Loud 126"]
    );
}

#[test]
fn what_a_feed_has_more_is_told_with_a_link_to_the_web_copy() {
    let mut all = of_feed(1, "Loud", &["tech"], 100, 12);
    all.extend(of_feed(2, "Quiet", &["world"], 10, 3));
    all.extend(of_feed(3, "Calm", &["world"], 1, 1));
    let issue = Issue {
        per_feed: 2,
        ..issue()
    };
    let words = rendition(&issue, &all);
    for line in [
        "and 10 more from Loud",
        "and 1 more from Quiet",
        "and 11 more",
    ] {
        assert!(
            words.text.lines().any(|found| found == line),
            "{line}: {}",
            words.text
        );
        assert!(words.html.contains(line), "{line}");
    }
    assert!(!words.text.contains("more from Calm"));
    let link = format!(
        "<a href=\"{}\" style=\"color:#0b57b0\">and 10 more from Loud</a>",
        issue.web_url
    );
    assert!(words.html.contains(&link));
    let vi = rendition_as(&issue, &all, "vi", Purpose::Mail);
    assert!(vi.text.contains("và 10 tin nữa từ Loud"));
    // A feed's title is never read as a place for words.
    let odd = [
        story(1, feed(1, "{n}<b>", &[]), "One", ""),
        story(2, feed(1, "{n}<b>", &[]), "Two", ""),
    ];
    let words = rendition(
        &Issue {
            per_feed: 1,
            ..issue
        },
        &odd,
    );
    assert!(words.text.contains("and 1 more from {n}<b>"));
    assert!(words.html.contains("and 1 more from {n}&lt;b&gt;"));
}

#[test]
fn the_web_copy_is_whole() {
    let long = "Một câu khá dài về chuyện hôm nay. ".repeat(60);
    let all: Vec<StoryView> = (1..=300)
        .map(|seq| {
            story(
                seq,
                feed(seq % 4, "Báo", &["tech"]),
                &format!("Tin {seq}"),
                &long,
            )
        })
        .collect();
    let issue = Issue {
        content: ContentMode::Full,
        per_feed: 10,
        max_bytes: 40_000,
        ..issue()
    };
    let mail = rendition_as(&issue, &all, "en", Purpose::Mail);
    assert!(mail.shown <= 40 && mail.html.contains("shortened to fit"));
    assert!(mail.text.contains("shortened to fit"));
    let web = rendition_as(&issue, &all, "en", Purpose::Web);
    assert_eq!((web.shown, web.total), (300, 300));
    // A page has a main part; a mail has no need of one.
    assert_eq!(web.html.matches("role=\"main\"").count(), 1);
    assert_eq!(
        web.html.matches("Một câu").count(),
        300 * 60,
        "full text of all"
    );
    for not_there in ["more from", "and 2", "shortened", "display:none"] {
        assert!(!web.html.contains(not_there), "{not_there}");
    }
    // Whole, but no way to fill a disk or a phone.
    let huge = "word ".repeat(10_000);
    let many: Vec<StoryView> = (1..=300)
        .map(|seq| story(seq, feed(seq, "F", &[]), &format!("Title {seq}"), &huge))
        .collect();
    let web = rendition_as(&issue, &many, "en", Purpose::Web);
    assert!(web.html.len() <= 4 << 20);
    assert_eq!(web.shown, 300);
}

fn run(change: Change, words: &str) -> Run {
    Run {
        change,
        words: words.to_owned(),
    }
}

fn correction(text: Vec<Run>) -> Correction {
    Correction {
        story: story(7, feed(1, "Blog", &["tech"]), "Prices", "Now at 12 euros."),
        title: Vec::new(),
        text,
    }
}

/// An edition with two new stories and these corrections.
fn with_corrections(issue: &Issue, corrections: &[Correction], code: &str) -> Rendition {
    let fresh = stories(2);
    let matter = Matter {
        stories: fresh.iter().collect(),
        corrections: corrections.iter().collect(),
    };
    rendition_of(issue, &matter, code, Purpose::Mail)
}

#[test]
fn corrections_stand_apart_and_show_the_words_that_changed() {
    let changed = correction(vec![
        run(Change::Gap, ""),
        run(Change::Same, "at"),
        run(Change::Removed, "10"),
        run(Change::Added, "12"),
        run(Change::Same, "euros"),
        run(Change::Removed, "or so"),
        run(Change::Same, "the"),
        run(Change::Added, "<b>piece</b>"),
    ]);
    let words = with_corrections(&issue(), std::slice::from_ref(&changed), "en");
    assert_eq!(
        (words.shown, words.total),
        (2, 2),
        "a correction is no new story"
    );
    assert!(words.subject.contains("2 new stories"));
    let html = &words.html;
    assert!(html.contains(
        "… at <del>10</del> <ins>12</ins> euros <del>or so</del> the <ins>&lt;b&gt;piece&lt;/b&gt;</ins>"
    ), "{html}");
    let (before, section) = html.split_once(">Corrections</h2>").unwrap();
    assert!(section.contains(">Prices</a></h3>") && !before.contains("Prices"));
    let (before, section) = words.text.split_once("== Corrections ==").unwrap();
    assert!(!before.contains("Prices"));
    assert!(
        section.contains("… at [10 → 12] euros [or so → –] the [+ <b>piece</b>]"),
        "{section}"
    );
    assert!(section.contains("These stories of earlier editions have been changed since."));
    assert!(
        with_corrections(&issue(), &[changed], "vi")
            .text
            .contains("== Đính chính ==")
    );
    let none = with_corrections(&issue(), &[], "en");
    assert!(!none.html.contains("Corrections") && !none.text.contains("Corrections"));
}

#[test]
fn corrections_keep_the_budget_too() {
    let long = correction(vec![
        run(Change::Removed, &"old ".repeat(500)),
        run(Change::Added, &"new ".repeat(500)),
    ]);
    let words = with_corrections(&issue(), std::slice::from_ref(&long), "en");
    assert_eq!(
        words.html.matches("old ").count(),
        30,
        "the first words of a long run"
    );
    let tight = Issue {
        max_bytes: 12_000,
        ..issue()
    };
    let words = with_corrections(&tight, &vec![long; 40], "en");
    assert!(words.html.len() <= 12_000 && !words.html.contains("<del>"));
    assert_eq!(words.html.matches(">Prices</a></h3>").count(), 20);
}

#[track_caller]
fn check_schedule(zone_name: &str, code: &str, coming: &[&str], expected: &str) {
    let issue = Issue {
        coming: coming.iter().map(|text| at(text)).collect(),
        ..issue()
    };
    let language = Language::load(code, None).unwrap();
    let zone = zone(zone_name);
    let reader = Reader {
        language: &language,
        zone: &zone,
        purpose: Purpose::Mail,
    };
    let matter = Matter::default();
    let words = render(&issue, reader, &matter, &Templates::load(None).unwrap()).unwrap();
    let foot = words.text.split_once("-- \n").unwrap().1.replace('\n', " ");
    assert!(foot.contains(expected), "{foot}");
    assert!(words.html.contains(expected), "{code}");
}

#[test]
fn the_foot_says_why_one_gets_it_and_when() {
    let daily = [
        "2026-11-23T23:30:00Z",
        "2026-11-24T23:30:00Z",
        "2026-11-25T23:30:00Z",
    ];
    check_schedule(
        "Asia/Ho_Chi_Minh",
        "en",
        &daily,
        "You get this mail because you are subscribed to Morning News. Editions come every day at 06:30. \
         Times are those of Asia/Ho_Chi_Minh.",
    );
    check_schedule(
        "Asia/Ho_Chi_Minh",
        "vi",
        &daily,
        "Bản tin được gửi mỗi ngày lúc 06:30.",
    );
    // Every day at 06:30 in Berlin over the end of summer time: another instant, the same time.
    check_schedule(
        "Europe/Berlin",
        "en",
        &[
            "2026-10-24T04:30:00Z",
            "2026-10-25T05:30:00Z",
            "2026-10-26T05:30:00Z",
        ],
        "Editions come every day at 06:30.",
    );
    let weekly = [
        "2026-11-28T07:00:00Z",
        "2026-12-05T07:00:00Z",
        "2026-12-12T07:00:00Z",
    ];
    check_schedule(
        "UTC",
        "en",
        &weekly,
        "Editions come every Saturday at 07:00.",
    );
    check_schedule(
        "UTC",
        "vi",
        &weekly,
        "Bản tin được gửi vào Thứ Bảy hằng tuần lúc 07:00.",
    );
    for irregular in [
        &[
            "2026-11-27T07:00:00Z",
            "2026-11-30T07:00:00Z",
            "2026-12-01T07:00:00Z",
        ][..],
        &[
            "2026-11-27T07:00:00Z",
            "2026-11-28T19:00:00Z",
            "2026-11-29T07:00:00Z",
        ],
        &["2026-11-27T07:00:00Z", "2027-11-27T07:00:00Z"],
    ] {
        check_schedule(
            "UTC",
            "en",
            irregular,
            "The next edition is due on Friday, 27 November 2026 at 07:00.",
        );
    }
}
