//! Files in object storage: the same documents as in a folder, with their headers; only what changed; what happens when
//! the storage refuses, fails or falls silent.

use super::*;
use crate::support::bucket::{Asked, Storage};

fn bucket(storage: &Storage) -> BucketConfig {
    BucketConfig {
        name: String::from("news"),
        prefix: String::from("site/public"),
        endpoint: Some(storage.url().parse().unwrap()),
        region: String::from("eu-west-1"),
        access_key: String::from("ACCESS"),
        secret_key: Secret::new(String::from("very-secret")),
        timeout: Duration::from_secs(20),
    }
}

fn stored(config: BucketConfig) -> PublishConfig {
    PublishConfig {
        files: Some(Files::Bucket(config)),
        ..output("all")
    }
}

fn entries(count: usize) -> Vec<(String, String)> {
    (0..count)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect()
}

/// Keys that were put or removed, below the prefix, in the order asked for.
fn changed(asked: Vec<Asked>) -> Vec<String> {
    let written = asked.into_iter().filter(|asked| asked.method != "GET");
    let name = |asked: Asked| {
        let key = asked
            .target
            .strip_prefix("/news/site/public/")
            .unwrap()
            .to_owned();
        if asked.method == "PUT" {
            key
        } else {
            format!("-{key}")
        }
    };
    written.map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_holds_what_a_folder_holds_with_its_headers() {
    let storage = Storage::start();
    let folder = PublishConfig {
        files: Some(Files::Folder(PathBuf::from("public"))),
        ..output("all")
    };
    let mut mill = Mill::new(vec![folder]).await;
    mill.poll("a", &entries(320)).await;
    mill.refresh().await;
    let mut in_folder = Vec::new();
    walk(&mill.file(""), &mut in_folder);

    let config = stored(bucket(&storage));
    mill.config.publish.insert(String::from("all"), config);
    mill.refresh().await;
    let keys = storage.keys();
    let below: Vec<&str> = keys
        .iter()
        .map(|key| key.strip_prefix("site/public/").unwrap())
        .collect();
    in_folder.sort();
    assert_eq!(below, in_folder);
    for file in &in_folder {
        let object = storage.object(&format!("site/public/{file}"));
        assert_eq!(
            object.body,
            std::fs::read(mill.file(file)).unwrap(),
            "{file}"
        );
    }
    let headers = |file: &str| {
        let object = storage.object(&format!("site/public/{file}"));
        let said = |name: &str| object.headers.get(name).cloned().unwrap_or_default();
        [
            said("content-type"),
            said("content-encoding"),
            said("cache-control"),
        ]
    };
    let (atom, html) = (
        "application/atom+xml; charset=utf-8",
        "text/html; charset=utf-8",
    );
    let (soon, never) = ("public, max-age=300", "public, max-age=31536000, immutable");
    assert_eq!(headers("all.atom"), [atom, "", soon]);
    assert_eq!(headers("all.atom.gz"), [atom, "gzip", soon]);
    assert_eq!(headers("all.atom.br"), [atom, "br", soon]);
    assert_eq!(headers("all.atom.zst"), [atom, "zstd", soon]);
    assert_eq!(headers("index.html"), [html, "", soon]);
    assert_eq!(headers("all/archive/1.atom.br"), [atom, "br", never]);
    assert_eq!(headers("manifest.json"), ["application/json", "", soon]);
    for asked in storage.asked() {
        let signed = asked.headers.get("authorization").unwrap();
        assert!(
            signed.starts_with("AWS4-HMAC-SHA256 Credential=ACCESS/"),
            "{signed}"
        );
        assert!(signed.contains("/eu-west-1/s3/aws4_request"), "{signed}");
        assert!(!format!("{asked:?}").contains("very-secret"));
    }
}

fn walk(folder: &Path, into: &mut Vec<String>) {
    fn inner(root: &Path, folder: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                inner(root, &path, into);
            } else {
                into.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    inner(folder, folder, into);
}

/// Also after a restart, when only the bucket knows what it holds.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_put_and_what_others_name_comes_first() {
    let storage = Storage::start();
    let mill = Mill::new(vec![stored(bucket(&storage))]).await;
    mill.poll("a", &entries(3)).await;
    let releaser = mill.releaser();
    let report = releaser.refresh().await.unwrap();
    let put = changed(storage.asked());
    assert_eq!(report.written.len(), put.len());
    assert!(
        report
            .written
            .contains(&PathBuf::from("s3://news/site/public/all.atom"))
    );
    let place = |name: &str| put.iter().position(|key| key == name).unwrap();
    for story in ["story/1/index.html", "story/3/index.html", "style.css"] {
        assert!(place(story) < place("all.atom") && place(story) < place("all/index.html"));
    }
    assert!(place("all/index.html") < place("index.html"));
    assert_eq!(place("manifest.json"), put.len() - 1);

    assert!(releaser.refresh().await.unwrap().written.is_empty());
    assert!(
        storage.asked().is_empty(),
        "a rendering without news asks nothing"
    );
    assert!(mill.refresh().await.written.is_empty());
    let asked = storage.asked();
    assert!(
        asked.iter().all(|asked| asked.method == "GET"),
        "a restart puts nothing"
    );

    mill.poll("b", &pairs(&[("x", "Further")])).await;
    releaser.refresh().await.unwrap();
    let put = changed(storage.asked());
    for name in [
        "story/4/index.html",
        "all.atom",
        "all.atom.br",
        "index.html",
        "manifest.json",
    ] {
        assert!(put.contains(&name.to_owned()), "{name}: {put:?}");
    }
    for name in ["story/1/index.html", "style.css", "opml"] {
        assert!(!put.contains(&name.to_owned()), "{name}: {put:?}");
    }
}

/// What is no part any more goes last, and stories stay.
#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_makes_any_more_is_removed() {
    let storage = Storage::start();
    let mut mill = Mill::new(vec![stored(bucket(&storage))]).await;
    mill.poll("a", &entries(30)).await;
    mill.refresh().await;
    storage.asked();
    let mut fewer = stored(bucket(&storage));
    fewer.formats = vec![PublishFormat::Atom, PublishFormat::Html];
    mill.config.publish.insert(String::from("all"), fewer);
    mill.refresh().await;
    let changed = changed(storage.asked());
    let manifest = changed
        .iter()
        .position(|key| key == "manifest.json")
        .unwrap();
    let gone: Vec<&str> = changed[manifest + 1..].iter().map(String::as_str).collect();
    let expected = [
        "json.gz", "json.br", "json.zst", "json", "rss.gz", "rss.br", "rss.zst", "rss",
    ];
    assert_eq!(gone, expected.map(|ending| format!("-all.{ending}")));
    let keys = storage.keys();
    assert!(
        !keys
            .iter()
            .any(|key| key.contains("all.rss") || key.contains("all.json"))
    );
    assert!(keys.contains(&String::from("site/public/story/30/index.html")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_finds_bytes_headers_and_absence() {
    let storage = Storage::start();
    let mill = Mill::new(vec![stored(bucket(&storage))]).await;
    mill.poll("a", &entries(30)).await;
    mill.refresh().await;
    storage.asked();
    let compare = async || {
        let mut names: Vec<String> = mill
            .releaser()
            .compare()
            .await
            .unwrap()
            .written
            .iter()
            .map(|path| {
                path.display()
                    .to_string()
                    .replace("s3://news/site/public/", "")
            })
            .collect();
        names.sort();
        names
    };
    assert_eq!(compare().await, Vec::<String>::new());
    storage.meddle("site/public/all.rss.br", |kept| kept.body.push(0));
    storage.meddle("site/public/opml", |kept| {
        kept.headers
            .insert("content-type".into(), "text/plain".into());
    });
    storage.meddle("site/public/all.json", |kept| {
        kept.headers.remove("cache-control");
    });
    assert_eq!(compare().await, ["all.json", "all.rss.br", "opml"]);
    let asked = storage.asked();
    assert!(
        asked.iter().all(|asked| asked.method == "GET"),
        "a comparison changes nothing"
    );
    let written = mill.refresh().await.written;
    assert!(written.is_empty(), "the flow takes the manifest's word");
    let mended = mill.releaser().mend().await.unwrap().written;
    assert_eq!(mended.len(), 3, "{mended:?}");
    assert_eq!(compare().await, Vec::<String>::new());
    assert!(mill.releaser().mend().await.unwrap().written.is_empty());
}

/// 403 is said at once and once; 503 is tried again first; readers are served all the same, and the next rendering puts
/// what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_refuses_stops_nothing_else() {
    for (status, tries) in [(403, 1), (503, 3)] {
        let storage = Storage::start();
        let folder = PublishConfig {
            files: Some(Files::Folder(PathBuf::from("public"))),
            ..output("more")
        };
        let mill = Mill::new(vec![stored(bucket(&storage)), folder]).await;
        mill.poll("a", &entries(3)).await;
        let releaser = mill.releaser();
        storage.refuse(status, 0);
        let error = releaser.refresh().await.unwrap_err();
        let text = format!("{:#}", anyhow::Error::from(error));
        assert!(
            text.starts_with("writing s3://news/site/public/manifest.json: "),
            "{text}"
        );
        let wanted = [status.to_string(), format!("(Refused{status})")];
        assert!(
            wanted.iter().all(|words| text.contains(words.as_str())),
            "{text}"
        );
        assert!(
            !text.contains('\n') && !text.contains("very-secret"),
            "{text}"
        );
        assert_eq!(storage.asked().len(), tries);
        assert!(
            mill.text("/all.atom").contains("Story 2"),
            "readers are served"
        );
        assert!(mill.file("more.atom").is_file(), "the folder is written");

        storage.recover();
        mill.clock.advance(Duration::from_secs(2));
        releaser.refresh().await.unwrap();
        assert!(
            storage
                .keys()
                .contains(&String::from("site/public/all.atom"))
        );
    }
}

/// The manifest never names what is not there, and nothing is put twice for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_fails_half_way_is_written_to_the_end_later() {
    let storage = Storage::start();
    let mill = Mill::new(vec![stored(bucket(&storage))]).await;
    mill.poll("a", &entries(40)).await;
    let releaser = mill.releaser();
    storage.refuse(403, 60);
    releaser.refresh().await.unwrap_err();
    let asked = storage.asked();
    assert!(
        asked.len() < 60 + 10,
        "{} requests after the first refusal",
        asked.len() - 60
    );
    let there = storage.keys();
    assert!(there.len() > 40 && !there.contains(&String::from("site/public/manifest.json")));

    storage.recover();
    mill.clock.advance(Duration::from_secs(2));
    releaser.refresh().await.unwrap();
    let put = changed(storage.asked());
    assert!(put.contains(&String::from("manifest.json")));
    let whole = there.iter().filter(|key| key.ends_with("/index.html"));
    let whole: Vec<&str> = whole
        .filter_map(|key| key.strip_prefix("site/public/"))
        .collect();
    assert!(!whole.is_empty());
    for file in whole {
        assert!(!put.contains(&file.to_owned()), "{file} is there already");
    }
    assert!(mill.releaser().compare().await.unwrap().written.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_says_nothing_is_given_up_in_time() {
    let storage = Storage::start();
    let config = BucketConfig {
        timeout: Duration::from_millis(50),
        ..bucket(&storage)
    };
    let mill = Mill::new(vec![stored(config)]).await;
    mill.poll("a", &entries(3)).await;
    storage.fall_silent();
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap_err();
    assert!(
        mill.text("/all.atom").contains("Story 2"),
        "readers are served"
    );
}

/// Readers' documents are rendered at each change all the same; the storage is asked again after 2, 4, 8 … seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_failed_is_left_alone_longer_and_longer() {
    let storage = Storage::start();
    let mill = Mill::new(vec![stored(bucket(&storage))]).await;
    mill.poll("a", &entries(3)).await;
    storage.refuse(403, 0);
    let releaser = mill.releaser();
    let mut asked_at = Vec::new();
    for second in 0..20 {
        let failed = releaser.refresh().await.is_err();
        assert_eq!(failed, !storage.asked().is_empty());
        asked_at.extend(failed.then_some(second));
        mill.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(asked_at, [0, 2, 6, 14]);
    mill.poll("b", &pairs(&[("x", "Further")])).await;
    releaser.refresh().await.unwrap();
    assert!(mill.text("/all.atom").contains("Further") && storage.asked().is_empty());
}
