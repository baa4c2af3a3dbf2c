//! Pages: days, links, languages, the operator's templates.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::too_many_lines, reason = "values and documents written out")]

use super::bench::{at, drafts, holds, output, site, story, text};
use feedmill::config::PublishConfig;
use feedmill::model::{
    FeedId, FeedStanding, FeedState, PollCounters, PollMemory, PollReason, PushState, SearchHit,
    SubscriberStanding, Validators,
};
use feedmill::publish::{
    Choice, DaemonFacts, HTML, Listed, MergedFeed, SearchView, SignUpNotice, SignUpView, Site,
    StatusView, SubscriptionView, Theme, Unsubscribe, check_document, check_templates, error_page,
    feed_drafts, front_draft, search_page, sign_up_notice, sign_up_page, site_drafts, status_page,
    story_page, subscription_page, unsubscribe_page,
};

/// R7.23: days in the merged feed's zone (17:30 UTC is the next day in Ho Chi Minh City), autodiscovery, no script.
#[test]
fn the_page_has_days_links_and_no_remote_load() {
    let html = "<p><img src=\"https://x.example/i.png\" alt=\"a cat\"><iframe src=\"https://x.example\"></iframe>y</p>";
    let story = story(1, "<b>One</b>", html);
    let page = text(&drafts(std::slice::from_ref(&story)), "/all/");
    holds(
        &page,
        &[
            "Monday, 23 November 2026",
            "<time datetime=\"2026-11-22T17:30:00Z\">00:30</time>",
            "type=\"application/atom+xml\" title=\"Everything &amp; more (Atom)\"",
            "&lt;b&gt;One",
            "Blog Two",
            "<html lang=\"en\" dir=\"ltr\">",
        ],
    );
    let theme = Theme::load(None).unwrap();
    let page = story_page(&theme, &site(), &output("all"), &story).unwrap();
    holds(&page, &["<span class=\"picture\">a cat</span>"]);
    assert!(!page.contains("<img") && !page.contains("<iframe") && !page.contains("<script"));
    let with_images = Site {
        images: true,
        ..site()
    };
    let page = story_page(&theme, &with_images, &output("all"), &story).unwrap();
    holds(
        &page,
        &[
            "<img loading=\"lazy\" decoding=\"async\" referrerpolicy=\"no-referrer\" src=\"https://x.example/i.png\"",
        ],
    );
}

#[test]
fn the_page_of_a_story_without_a_link_does_not_lead_to_itself() {
    let theme = Theme::load(None).unwrap();
    let mut told = story(1, "One", "<p>y</p>");
    let page = story_page(&theme, &site(), &output("all"), &told).unwrap();
    holds(
        &page,
        &["\" rel=\"noopener noreferrer\">One</a></h1>", "Read at"],
    );
    told.lead.entry.link = None;
    let page = story_page(&theme, &site(), &output("all"), &told).unwrap();
    holds(&page, &["<h1 dir=\"auto\">One</h1>"]);
    assert!(!page.contains("Read at"), "{page}");
}

fn own(language: &str) -> SubscriptionView<'_> {
    let choice = Choice {
        usual: "en",
        own: Some("<vi>"),
        offered: &[],
    };
    SubscriptionView {
        language,
        digest: "<Morning>",
        address: "\"<an>\"@example.org",
        standing: SubscriberStanding::Paused,
        suppressed: false,
        path: "subscription/token",
        seal: "seal",
        saved: true,
        zones: choice.clone(),
        languages: choice,
        weekday: Some(Some(6)),
        groups: vec![("<tech>", "<Technology>", true)],
    }
}

fn joining() -> SignUpView<'static> {
    SignUpView {
        digests: vec![("morning", "<Morning>")],
        chosen: "morning",
        zones: &[],
        languages: &[],
        wrong: true,
    }
}

#[test]
fn every_page_passes_the_gate_in_every_language() {
    let theme = Theme::load(None).unwrap();
    for language in ["en", "vi", "ar"] {
        let site = Site {
            language: language.to_owned(),
            ..site()
        };
        let stories = [story(1, "One", "<p>x</p>")];
        let output = PublishConfig {
            language: language.to_owned(),
            ..output("all")
        };
        let zone = &output.timezone;
        let ask = Unsubscribe::Ask {
            digest: "<Morning>",
            path: "unsubscribe/token",
        };
        let (mut shared, outcome) = site_drafts(&theme, &site, &[]);
        outcome.unwrap();
        let full = MergedFeed {
            output: &output,
            stories: &stories,
            capped: &[],
            tombstones: &[],
            archive: None,
        };
        for fronts in [
            &[full][..],
            &[
                full,
                MergedFeed {
                    stories: &[],
                    ..full
                },
            ],
        ] {
            shared.push(front_draft(&theme, &site, fronts).unwrap());
        }
        let pages = [
            error_page(&theme, &site, 404),
            error_page(&theme, &site, 418),
            unsubscribe_page(&theme, &site, language, ask),
            unsubscribe_page(
                &theme,
                &site,
                language,
                Unsubscribe::Done { digest: "Morning" },
            ),
            unsubscribe_page(&theme, &site, language, Unsubscribe::Unknown),
            subscription_page(&theme, &site, &own(language)),
            sign_up_page(&theme, &site, &joining()),
            sign_up_notice(
                &theme,
                &site,
                language,
                SignUpNotice::Confirm {
                    digest: "<Morning>",
                    address: "<an>@example.org",
                    path: "subscribe/token",
                },
            ),
            sign_up_notice(&theme, &site, language, SignUpNotice::Spent),
            search_page(
                &theme,
                &site,
                zone,
                &SearchView {
                    query: "<q>",
                    ..SearchView::default()
                },
            ),
            status_page(
                &theme,
                &site,
                zone,
                &StatusView::default(),
                &DaemonFacts::default(),
            ),
        ];
        for page in pages {
            check_document(HTML, page.unwrap().as_bytes()).unwrap();
        }
        for draft in shared {
            check_document(draft.content_type, &draft.bytes).unwrap();
        }
    }
}

/// Where no heading says the day, the story does: the front page of several merged feeds, and what a search found.
#[test]
fn a_story_says_its_day_where_no_heading_does() {
    let theme = Theme::load(None).unwrap();
    let stories = [story(1, "One", "<p>x</p>")];
    let output = output("all");
    let feed = MergedFeed {
        output: &output,
        stories: &stories,
        capped: &[],
        archive: None,
        tombstones: &[],
    };
    let dated = "<time datetime=\"2026-11-22T17:30:00Z\">23 November 2026</time>";
    let front = front_draft(&theme, &site(), &[feed, feed]).unwrap();
    let front = String::from_utf8(front.bytes).unwrap();
    assert_eq!(front.matches(dated).count(), 2, "{front}");
    assert!(!front.contains("00:30"), "{front}");
    let hits = [SearchHit {
        story: stories[0].clone(),
        snippet: Vec::new(),
    }];
    let found = SearchView {
        query: "one",
        hits: &hits,
        ..SearchView::default()
    };
    let page = search_page(&theme, &site(), &output.timezone, &found).unwrap();
    holds(&page, &[dated]);
}

/// `http.title` names the site on its pages and in its OPML; without it the only merged feed does, else the host.
#[test]
fn the_site_has_the_name_its_operator_gave_it() {
    let theme = Theme::load(None).unwrap();
    let named = |name: Option<&str>, outputs: &[&str]| {
        let site = Site {
            name: name.map(str::to_owned),
            outputs: outputs.iter().map(|name| output(name)).collect(),
            ..site()
        };
        let (drafts, outcome) = site_drafts(&theme, &site, &[]);
        outcome.unwrap();
        let front = front_draft(&theme, &site, &[]).unwrap();
        let front = String::from_utf8(front.bytes).unwrap();
        (front, text(&drafts, "/about/"), text(&drafts, "/opml"))
    };
    for (name, outputs, expected) in [
        (Some("A & B"), &["all", "tech"][..], "A &amp; B"),
        (Some("A & B"), &["all"], "A &amp; B"),
        (Some(" "), &["all"], "Everything &amp; more"),
        (None, &["all"], "Everything &amp; more"),
        (None, &["all", "tech"], "news.example.org"),
    ] {
        let (front, about, opml) = named(name, outputs);
        let brand = format!("<a class=\"brand\" href=\"/\" dir=\"auto\">{expected}</a>");
        holds(&front, &[&brand, &format!("<title>{expected}</title>")]);
        holds(&about, &[&brand]);
        holds(&opml, &[&format!("<title>{expected}</title>")]);
    }
}

const LANGUAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/publish/lang");

/// Pages in Arabic run from right to left, with Arabic names of days.
#[test]
fn a_page_in_arabic_runs_from_right_to_left() {
    let theme = Theme::load(None).unwrap();
    let arabic = PublishConfig {
        language: String::from("ar"),
        ..output("all")
    };
    let stories = [story(1, "One", "<p>x</p>")];
    let feed = MergedFeed {
        output: &arabic,
        stories: &stories,
        capped: &[],
        tombstones: &[],
        archive: None,
    };
    let (drafts, outcome) = feed_drafts(&theme, &site(), &feed);
    outcome.unwrap();
    holds(
        &text(&drafts, "/all/"),
        &[
            "<html lang=\"ar\" dir=\"rtl\">",
            "الاثنين، 23 نوفمبر 2026",
            "أيضًا في",
            "أيام سابقة",
        ],
    );
}

/// The about page says what the config does, not what it usually is.
#[test]
fn the_about_page_says_what_is_so() {
    let theme = Theme::load(None).unwrap();
    let about = |interval_s: u64, images: bool| {
        let site = Site {
            interval: std::time::Duration::from_secs(interval_s),
            images,
            ..site()
        };
        let (drafts, outcome) = site_drafts(&theme, &site, &[]);
        outcome.unwrap();
        text(&drafts, "/about/")
    };
    let hourly = about(3600, false);
    assert!(hourly.contains("at most once in 1 h,") && hourly.contains("load nothing from other"));
    let often = about(900, true);
    assert!(often.contains("at most once in 15 min,") && often.contains("pictures of stories"));
    assert!(!often.contains("load nothing from other sites."));
    assert!(about(7200, false).contains("at most once in 2 h,"));
}

/// A language file is complete when it has English's keys, and its values have English's placeholders.
#[test]
fn languages_are_complete() {
    let table = |text: &str| text.parse::<toml::Table>().unwrap();
    let en = table(include_str!("../../../src/publish/lang/en.toml"));
    let others: Vec<(String, toml::Table)> = std::fs::read_dir(LANGUAGES)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, table(&std::fs::read_to_string(&path).unwrap()))
        })
        .collect();
    let names_of = |table: &toml::Table| table.keys().cloned().collect::<Vec<_>>();
    let known: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["ar", "en", "vi"] {
        assert!(known.contains(&name), "{known:?}");
    }
    for (name, other) in &others {
        assert_eq!(names_of(&en), names_of(other), "{name}");
    }
    let names = |text: &str| {
        let mut names: Vec<String> = text
            .split('{')
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    for (key, value) in &en {
        for (name, other) in &others {
            if let (Some(en), Some(other)) = (value.as_str(), other[key].as_str()) {
                assert_eq!(names(en), names(other), "{name}: {key}");
            }
        }
    }
}

#[test]
fn operators_templates_are_checked_and_used() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("notice.html", "<!doctype html><p>{{ heading }}</p></html>");
    write("style.css", "body { color: red }");
    std::fs::create_dir(dir.path().join("lang")).unwrap();
    write("lang/ar.toml", "dir = \"rtl\"\nerror_404 = \"<غير موجود>\"");
    assert_eq!(check_templates(dir.path()), []);
    let theme = Theme::load(Some(dir.path())).unwrap();
    let arabic = Site {
        language: String::from("ar"),
        ..site()
    };
    assert_eq!(
        error_page(&theme, &arabic, 404).unwrap(),
        "<!doctype html><p>&lt;غير موجود&gt;</p></html>"
    );
    assert_eq!(theme.style(), "body { color: red }");
    for (name, text, complaint) in [
        ("list.html", "{% if %}", "list.html: syntax error"),
        ("list.html", "{{ nosuch }}", "list.html: undefined value"),
        ("lists.html", "x", "replaces no template"),
        ("lang/ar.toml", "nosuch = \"x\"", "nosuch is no known text"),
    ] {
        write(name, text);
        let problems = check_templates(dir.path());
        assert!(
            problems
                .iter()
                .any(|problem| problem.message.contains(complaint)),
            "{complaint}: {problems:?}"
        );
        std::fs::remove_file(dir.path().join(name)).unwrap();
    }
}

/// Ten thousand feeds make a page that can be opened, with those in trouble first and on a page of their own.
#[test]
fn the_status_page_stays_readable_with_many_feeds() {
    let feeds: Vec<FeedState> = (0..10_000)
        .map(|id| {
            let mut feed = state(id);
            feed.memory.failures = u32::from(id % 100 == 99);
            feed
        })
        .collect();
    let theme = Theme::load(None).unwrap();
    let page = |listed| {
        let view = StatusView {
            feeds: &feeds,
            listed,
        };
        let zone = output("all").timezone;
        status_page(&theme, &site(), &zone, &view, &DaemonFacts::default()).unwrap()
    };
    let all = page(Listed::All);
    holds(
        &all,
        &[
            "9500 more feeds",
            "href=\"/status?show=troubled\"",
            "<dd>10000</dd>",
        ],
    );
    assert!(all.len() < 1_000_000, "{} bytes", all.len());
    assert_eq!(all.matches("<tr class=\"bad\">").count(), 100);
    let troubled = page(Listed::Troubled);
    assert_eq!(troubled.matches("<tr class=").count(), 100);
    assert!(!troubled.contains("more feeds") && !troubled.contains("show=troubled"));
}

/// A silent feed is one in trouble; 200 is told from 304; a subscription is told with what it is worth.
#[test]
fn the_status_page_tells_silence_304_and_push() {
    let now = at("2026-11-22T12:00:00Z");
    let mut feeds: Vec<FeedState> = (0..4).map(state).collect();
    for feed in &mut feeds {
        feed.memory.success_at = Some(now);
    }
    feeds[0].memory.ok_at = Some(now);
    for (feed, (status, proven)) in [("verified", true), ("verified", false), ("denied", false)]
        .into_iter()
        .enumerate()
    {
        feeds[feed].memory.pushes.push(PushState {
            status: status.to_owned(),
            proven,
            ..PushState::default()
        });
    }
    let facts = DaemonFacts {
        silent: vec![(feeds[3].id, now)],
        ..DaemonFacts::default()
    };
    let theme = Theme::load(None).unwrap();
    let page = |listed| {
        let view = StatusView {
            feeds: &feeds,
            listed,
        };
        let zone = output("all").timezone;
        status_page(&theme, &site(), &zone, &view, &facts).unwrap()
    };
    let all = page(Listed::All);
    for (text, times) in [
        ("answered ", 1),
        ("not modified (304) ", 3),
        ("pushed by its hub", 1),
        ("its hub has yet to prove itself", 1),
        ("no push: denied", 1),
    ] {
        assert_eq!(all.matches(text).count(), times, "{text}");
    }
    let troubled = page(Listed::Troubled);
    assert_eq!(troubled.matches("<tr class=\"bad\">").count(), 1);
    holds(&troubled, &["silent since "]);
}

#[test]
fn r4_7_the_status_page_tells_what_polling_comes_to() {
    let mut feeds: Vec<FeedState> = (0..2).map(state).collect();
    feeds[0].memory.counters = PollCounters {
        polls: 300,
        not_modified: 260,
        unchanged: 20,
        changed: 20,
        hits: 15,
        timed: 10,
        waited_s: 12_000,
        ..PollCounters::default()
    };
    feeds[1].memory.counters.polls = 100;
    // Never measured: half of the time between polls.
    feeds[1].memory.attempt_at = Some(at("2026-11-22T21:00:00Z"));
    let view = StatusView {
        feeds: &feeds,
        listed: Listed::All,
    };
    let theme = Theme::load(None).unwrap();
    let zone = output("all").timezone;
    let page = status_page(&theme, &site(), &zone, &view, &DaemonFacts::default()).unwrap();
    holds(
        &page,
        &[
            "<dt>Polls with news</dt><dd>3.8 %</dd>",
            "<dt>Answers without news or body</dt><dd>92.9 %</dd>",
            "an entry waits 20 min",
            "an entry waits 90 min",
        ],
    );
}

fn state(id: i64) -> FeedState {
    FeedState {
        id: FeedId(id),
        key: format!("feed-{id}"),
        configured_url: format!("https://x{id}.example/"),
        url: format!("https://x{id}.example/"),
        title: None,
        site_url: None,
        groups: Vec::new(),
        priority: 0,
        standing: FeedStanding::Active,
        validators: Validators::default(),
        body_hash: None,
        next_poll_at: at("2026-11-23T00:00:00Z"),
        next_poll_reason: PollReason::Cadence,
        memory: PollMemory::default(),
    }
}

/// What a finger has to hit is 44 px high (2.75rem), wherever it stands: the rule must name every kind of control.
#[test]
fn controls_are_as_high_as_a_finger() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/publish/style.css");
    let style = std::fs::read_to_string(path).unwrap();
    let high: Vec<&str> = style
        .lines()
        .filter_map(|line| line.split_once('{'))
        .filter(|(_, rules)| rules.contains("min-block-size: 2.75rem"))
        .flat_map(|(selectors, _)| selectors.split(','))
        .map(str::trim)
        .collect();
    for control in [".search input", ".search button", ".act", ".wishes select"] {
        assert!(high.contains(&control), "{control} is not among {high:?}");
    }
}
