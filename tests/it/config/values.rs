//! What is accepted and what it means: defaults, includes, OPML, environment, command line, secrets.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use feedmill::config::{Auth, Files, Listen, MailTls, Overrides, PublishFormat, Transport};

use super::{Folder, fine, overrides};

const MINUTE: u64 = 60;

#[test]
fn three_lines_are_enough() {
    let folder = Folder::of(&[(
        "feedmill.toml",
        "[[feed]]\nurl = \"https://blog.example.org/feed.xml\"\n",
    )]);
    let config = folder.load(&Overrides::default()).unwrap();
    assert_eq!(config.feeds.len(), 1);
    assert_eq!(config.feeds[0].key, "blog.example.org/feed.xml");
    assert_eq!(config.feeds[0].interval, Duration::from_secs(60 * MINUTE));
    let all = &config.publish["all"];
    assert_eq!(
        (all.title.as_str(), all.groups.as_slice()),
        ("Everything", ["*".to_owned()].as_slice())
    );
    assert_eq!(
        all.formats,
        [
            PublishFormat::Atom,
            PublishFormat::Rss,
            PublishFormat::Json,
            PublishFormat::Html
        ]
    );
    assert_eq!(config.store.path, folder.path().join("feedmill.db"));
    assert_eq!(config.http.public_url.as_str(), "http://127.0.0.1:8080/");
    assert!(config.mail.is_none() && config.digests.is_empty() && config.warnings.is_empty());
}

#[test]
fn state_folder_of_the_service_holds_the_database() {
    let folder = Folder::of(&[("feedmill.toml", "")]);
    let config = folder
        .load(&overrides(
            &[("STATE_DIRECTORY", "/var/lib/feedmill:/other")],
            &[],
        ))
        .unwrap();
    assert_eq!(
        config.store.path.to_str(),
        Some("/var/lib/feedmill/feedmill.db")
    );
}

#[test]
fn r5_2_gaps_of_hosts_are_kept_by_the_name_that_addresses_have() {
    let gaps = fine(
        "[host.\"Reddit.com\"]\ngap = \"1m\"\n[host.\"bücher.example.\"]\ngap = \"5s\"\n\
         [host.\"[2001:db8::1]\"]\ngap = \"3s\"\n",
    )
    .fetch
    .host_gaps;
    let gaps: Vec<(&str, u64)> = gaps
        .iter()
        .map(|(name, gap)| (name.as_str(), gap.as_secs()))
        .collect();
    assert_eq!(
        gaps,
        [
            ("[2001:db8::1]", 3),
            ("reddit.com", 60),
            ("xn--bcher-kva.example", 5)
        ]
    );
}

#[test]
fn durations_and_sizes() {
    for (text, seconds) in [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5_400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("3y", 94_608_000),
    ] {
        let config = fine(&format!(
            "[retention]\nkeep_seen = \"50y\"\nmax_age = \"{text}\"\n"
        ));
        assert_eq!(
            config.retention.max_age,
            Duration::from_secs(seconds),
            "{text}"
        );
    }
    for (text, bytes) in [
        ("500B", 500),
        ("64KiB", 65_536),
        ("10MiB", 10_485_760),
        ("1GiB", 1_073_741_824),
    ] {
        assert_eq!(
            fine(&format!("[fetch]\nmax_body = \"{text}\"\n"))
                .fetch
                .max_body,
            bytes,
            "{text}"
        );
    }
}

#[test]
fn keys_of_feeds_without_a_name() {
    let key = |url: &str| {
        fine(&format!("[[feed]]\nurl = \"{url}\"\n")).feeds[0]
            .key
            .clone()
    };
    assert_eq!(
        key("https://Blog.Example.org/feed/"),
        "blog.example.org/feed"
    );
    assert_eq!(
        key("http://blog.example.org:8080/feed"),
        "blog.example.org:8080/feed"
    );
    let with_query = key("https://example.org/feed?token=hunter2");
    assert!(
        with_query.starts_with("example.org/feed+") && !with_query.contains("hunter2"),
        "{with_query}"
    );
}

#[test]
fn file_feeds_are_relative_to_the_config() {
    let folder = Folder::of(&[(
        "feedmill.toml",
        "[[feed]]\nurl = \"file:feeds/a b.xml\"\n[[feed]]\nurl = \"file:///srv/c.xml\"\n",
    )]);
    let config = folder.load(&Overrides::default()).unwrap();
    assert_eq!(
        config.feeds[0].url.value.to_file_path().unwrap(),
        folder.path().join("feeds/a b.xml")
    );
    assert_eq!(config.feeds[0].key, "feeds/a b.xml");
    assert_eq!(config.feeds[1].url.value.as_str(), "file:///srv/c.xml");
}

#[test]
fn shorter_intervals_at_home_only() {
    let toml = "[fetch]\ninterval = \"1s\"\nallow_networks = [\"127.0.0.0/8\", \"::1\"]\n[[feed]]\nurl = \"http://127.0.0.1:9/a\"\n\
                [[feed]]\nurl = \"http://[::1]:9/b\"\n[[feed]]\nurl = \"file:c.xml\"\n";
    assert!(
        fine(toml)
            .feeds
            .iter()
            .all(|feed| feed.interval == Duration::from_secs(1))
    );
}

#[test]
fn interval_and_filters_come_from_groups() {
    let config = fine(
        "[filter.a]\ndrop = 'x'\n[filter.b]\ndrop = 'y'\n[group.fast]\ninterval = \"20m\"\nfilters = [\"a\"]\n\
         [[feed]]\nurl = \"https://example.org/1\"\ngroups = [\"fast\", \"made\"]\nfilters = [\"b\", \"a\"]\n\
         [[feed]]\nurl = \"https://example.org/2\"\ngroups = [\"fast\"]\ninterval = \"30m\"\n",
    );
    assert_eq!(config.feeds[0].interval, Duration::from_secs(20 * MINUTE));
    assert_eq!(config.feeds[0].filters, ["a", "b"]);
    assert_eq!(config.feeds[1].interval, Duration::from_secs(30 * MINUTE));
    assert!(config.groups.contains_key("made"));
}

#[test]
fn includes_are_read_by_name_and_leftovers_are_not() {
    let feed = |name: &str| format!("[[feed]]\nurl = \"https://example.org/{name}\"\n");
    let folder = Folder::of(&[
        (
            "feedmill.toml",
            "include = [\"feeds.d/*.toml\", \"none.d/*.toml\"]\n[[feed]]\nurl = \"https://example.org/main\"\n",
        ),
        ("feeds.d/b.toml", &feed("b")),
        ("feeds.d/a.toml", &feed("a")),
        ("feeds.d/.hidden.toml", "not read"),
        ("feeds.d/#a.toml", "not read"),
        ("feeds.d/a.toml~", "not read"),
    ]);
    let config = folder.load(&Overrides::default()).unwrap();
    let keys: Vec<&str> = config.feeds.iter().map(|feed| feed.key.as_str()).collect();
    assert_eq!(keys, ["example.org/main", "example.org/a", "example.org/b"]);
    assert_eq!(
        config.files[config.feeds[1].url.at.file].0,
        folder.path().join("feeds.d/a.toml")
    );
}

#[test]
fn opml_folders_become_groups() {
    let folder = Folder::of(&[
        (
            "feedmill.toml",
            "include = [\"a.opml\"]\n[group.cong-nghe-rust]\ntitle = \"Rust\"\n",
        ),
        (
            "a.opml",
            "<opml><body><outline text=\"Công nghệ\"><outline text=\"Rust &amp; Đá\"/>\n<outline text=\"Rust\">\
             <outline text=\"A &amp; B\" xmlUrl=\"https://example.org/a?x=1&amp;y=2\"/></outline>\
             <outline title=\"C\" xmlUrl=\"https://example.org/c\"/></outline>\
             <outline xmlUrl=\"https://example.org/d\"/></body></opml>",
        ),
    ]);
    let config = folder.load(&Overrides::default()).unwrap();
    let feeds: Vec<_> = config
        .feeds
        .iter()
        .map(|feed| {
            (
                feed.url.value.as_str(),
                feed.title.as_deref(),
                feed.groups.join(" "),
            )
        })
        .collect();
    assert_eq!(
        feeds,
        [
            (
                "https://example.org/a?x=1&y=2",
                Some("A & B"),
                "cong-nghe-rust".to_owned()
            ),
            ("https://example.org/c", Some("C"), "cong-nghe".to_owned()),
            ("https://example.org/d", None, String::new()),
        ]
    );
    assert_eq!(
        config.groups["cong-nghe"].title.as_deref(),
        Some("Công nghệ")
    );
    assert_eq!(
        config.groups["cong-nghe-rust"].title.as_deref(),
        Some("Rust"),
        "the operator's own title wins"
    );
}

#[test]
fn feed_listed_twice_counts_once_with_the_groups_of_both() {
    let config = fine(
        "[[feed]]\nurl = \"https://example.org/a\"\ngroups = [\"x\"]\n[[feed]]\nurl = \"http://example.org/a/\"\ngroups = [\"y\"]\n",
    );
    assert_eq!(config.feeds.len(), 1);
    assert_eq!(config.feeds[0].groups, ["x", "y"]);
    assert_eq!(config.warnings.len(), 1);
}

#[test]
fn command_line_wins_over_environment_wins_over_file() {
    let folder = Folder::of(&[(
        "feedmill.toml",
        "language = \"en\"\n[http]\nlisten = \"127.0.0.1:1\"\n[fetch]\nper_host = 2\n",
    )]);
    let above = overrides(
        &[
            ("FEEDMILL_HTTP__LISTEN", "127.0.0.1:2"),
            ("FEEDMILL_FETCH__PER_HOST", "3"),
            ("FEEDMILL_FETCH__ALLOW_NETWORKS", "10.0.0.0/8, 127.0.0.0/8"),
            ("FEEDMILL_CONFIG", "/elsewhere"),
        ],
        &[
            "http.listen=unix:web.sock",
            "language=vi",
            "publish.all.former_names=[\"old\"]",
        ],
    );
    let config = folder.load(&above).unwrap();
    assert_eq!(
        config.http.listen,
        Listen::Unix(folder.path().join("web.sock"))
    );
    assert_eq!(config.fetch.per_host, 3);
    assert_eq!(config.fetch.allow_networks.len(), 2);
    assert_eq!(config.language, "vi");
    assert_eq!(config.publish["all"].former_names, ["old"]);
}

/// A mail section with this source of the password, in a folder that holds the secret in `secret`.
#[track_caller]
fn password(source: &str, mode: u32) -> (String, String) {
    let toml = format!(
        "[mail]\nsmtp = \"smtp.example.org\"\ntls = \"implicit\"\nusername = \"news\"\n{source}\n"
    );
    let folder = Folder::of(&[("feedmill.toml", toml.as_str()), ("secret", "hunter2\n")]);
    std::fs::set_permissions(
        folder.path().join("secret"),
        std::fs::Permissions::from_mode(mode),
    )
    .unwrap();
    let environment = [
        ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap()),
        ("SMTP", "hunter2"),
    ];
    let above = overrides(&environment, &[]);
    let said = folder.said(&above);
    let config = folder.load(&above).unwrap();
    assert!(
        !format!("{config:?}").contains("hunter2"),
        "debug output shows the secret"
    );
    let Some(Transport::Smtp {
        port: 465,
        tls: MailTls::Implicit,
        login: Some((_, secret)),
        ..
    }) = config.mail.map(|mail| mail.transport)
    else {
        panic!("no login")
    };
    (secret.reveal().to_owned(), said)
}

#[test]
fn secrets_come_from_credential_file_or_variable() {
    for source in [
        "password_credential = \"secret\"",
        "password_file = \"secret\"",
        "password_env = \"SMTP\"",
    ] {
        assert_eq!(
            password(source, 0o600),
            ("hunter2".to_owned(), String::new()),
            "{source}"
        );
    }
}

#[test]
fn a_bucket_takes_its_key_from_its_section() {
    let toml = "[s3]\nendpoint = \"https://s3.example.org\"\naccess_key = \"AK\"\nsecret_key_file = \"secret\"\n\
        [publish.all]\nfiles = \"s3://news/site/public/\"\n[publish.more]\nfiles = \"s3://news.example\"\n\
        [publish.own]\nfiles = \"public\"\n";
    let folder = Folder::of(&[("feedmill.toml", toml), ("secret", "hunter2\n")]);
    let config = folder.load(&Overrides::default()).unwrap();
    let files = |name: &str| config.publish[name].files.clone().unwrap();
    let Files::Bucket(bucket) = files("all") else {
        panic!("no bucket")
    };
    assert_eq!(
        (bucket.name.as_str(), bucket.prefix.as_str()),
        ("news", "site/public")
    );
    assert_eq!(bucket.endpoint.unwrap().as_str(), "https://s3.example.org/");
    assert_eq!(
        (bucket.region.as_str(), bucket.access_key.as_str()),
        ("us-east-1", "AK")
    );
    assert_eq!(bucket.secret_key.reveal(), "hunter2");
    let Files::Bucket(bucket) = files("more") else {
        panic!("no bucket")
    };
    assert_eq!(
        (bucket.name.as_str(), bucket.prefix.as_str()),
        ("news.example", "")
    );
    assert!(matches!(files("own"), Files::Folder(folder) if folder.ends_with("public")));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn what_is_wrong_with_the_object_storage_is_told_once_however_many_use_it() {
    let toml = "[s3]\nendpoint = \"ftp://s3.example.org\"\naccess_key = \"AK\"\nsecret_key_file = \"secret\"\n\
        [publish.all]\nfiles = \"s3://news\"\n[publish.more]\nfiles = \"s3://news/more\"\n";
    let folder = Folder::of(&[("feedmill.toml", toml), ("secret", "hunter2\n")]);
    let said = folder.said(&Overrides::default());
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    assert_eq!(said.matches("feedmill.toml:2:12").count(), 1, "{said}");
}

#[test]
fn file_of_a_secret_that_all_can_read_is_a_warning() {
    let (_, said) = password("password_file = \"secret\"", 0o644);
    let expected = r#"
warning: every user of this machine can read secret
 --> feedmill.toml:5:17
  |
5 | password_file = "secret"
  |                 ^^^^^^^^
  |
  = help: take the right away: chmod o-r
"#;
    assert_eq!(said, expected.trim());
}

#[test]
fn feeds_take_headers_and_credentials() {
    let folder = Folder::of(&[(
        "feedmill.toml",
        "[[feed]]\nurl = \"https://example.org/a\"\nheaders = { Accept-Language = \"vi\" }\n\
         secret_headers.X-Key = { env = \"KEY\" }\nauth = { username = \"an\", password_env = \"KEY\" }\n\
         [[feed]]\nurl = \"https://example.org/b\"\nauth = { bearer_env = \"KEY\" }\n",
    )]);
    let config = folder.load(&overrides(&[("KEY", "hunter2")], &[])).unwrap();
    let headers: Vec<_> = config.feeds[0]
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.reveal()))
        .collect();
    assert_eq!(headers, [("Accept-Language", "vi"), ("X-Key", "hunter2")]);
    assert!(
        matches!(&config.feeds[0].auth, Some(Auth::Basic { username, password }) if username == "an" && password.reveal() == "hunter2")
    );
    assert!(
        matches!(&config.feeds[1].auth, Some(Auth::Bearer(token)) if token.reveal() == "hunter2")
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn subscribers_inherit_from_the_digest() {
    let config = fine(
        "timezone = \"Asia/Ho_Chi_Minh\"\nlanguage = \"vi\"\n[[feed]]\nurl = \"https://example.org/a\"\ngroups = [\"tech\"]\n\
         [digest.d]\ncron = \"0 7 * * *\"\nfrom = \"Tin tức <news@Example.ORG>\"\nto = [\"an@example.org\"]\n\
         [[digest.d.subscriber]]\naddress = \"\\\"Bình, Trần\\\" <binh@example.org>\"\nlanguage = \"en\"\ntimezone = \"Europe/Paris\"\ngroups = [\"tech\"]\n\
         [mail]\nlmtp = \"unix:lmtp.sock\"\n",
    );
    let digest = &config.digests["d"];
    assert_eq!(
        (digest.title.as_str(), digest.publish.as_str()),
        ("Everything", "all")
    );
    assert_eq!(digest.from.address, "news@example.org");
    let [an, binh] = digest.subscribers.as_slice() else {
        panic!("two subscribers")
    };
    assert_eq!(
        (an.language.as_str(), an.timezone.name.as_str()),
        ("vi", "Asia/Ho_Chi_Minh")
    );
    assert_eq!(
        (binh.language.as_str(), binh.timezone.name.as_str()),
        ("en", "Europe/Paris")
    );
    assert_eq!(binh.mailbox.name.as_deref(), Some("Bình, Trần"));
    assert!(matches!(
        config.mail.unwrap().transport,
        Transport::Lmtp(Listen::Unix(_))
    ));
}
