//! Files: what stays when a document is withheld, what a comparison finds, what pages in files lead to.

use super::*;

fn filed() -> PublishConfig {
    PublishConfig {
        files: Some(Files::Folder(PathBuf::from("public"))),
        ..output("all")
    }
}

fn entries(count: usize) -> Vec<(String, String)> {
    (0..count)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect()
}

fn names(mill: &Mill, paths: Vec<PathBuf>) -> Vec<String> {
    let root = mill.file("");
    let mut names: Vec<String> = paths
        .iter()
        .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
        .collect();
    names.sort();
    names
}

/// Also after a restart, when nothing but the file remembers the last good version.
#[tokio::test]
async fn a_withheld_document_keeps_its_file() {
    let mut mill = Mill::new(vec![filed()]).await;
    mill.poll("a", &entries(3)).await;
    mill.refresh().await;
    let good = std::fs::read(mill.file("all/index.html")).unwrap();
    let templates = mill.folder.path().join("templates");
    std::fs::create_dir(&templates).unwrap();
    let list = templates.join("list.html");
    mill.config.templates = Some(templates);
    for broken in ["<!doctype html><script>1</script></html>", "{{ nosuch }}"] {
        std::fs::write(&list, broken).unwrap();
        mill.shelf.replace(Default::default());
        mill.refresh().await;
        assert_eq!(std::fs::read(mill.file("all/index.html")).unwrap(), good);
        assert!(mill.file("all/index.html.gz").is_file(), "{broken}");
        let manifest = std::fs::read_to_string(mill.file("manifest.json")).unwrap();
        assert!(manifest.contains("\"all/index.html\""), "{broken}");
    }
}

/// `--check` looks at every file that a web server hands out, at the manifest, and at what should be gone.
#[tokio::test]
async fn a_comparison_finds_every_difference() {
    let mill = Mill::new(vec![filed()]).await;
    mill.poll("a", &entries(320)).await;
    mill.refresh().await;
    let differing = async || names(&mill, mill.releaser().compare().await.unwrap().written);
    assert_eq!(differing().await, Vec::<String>::new());

    std::fs::write(mill.file("all.rss.br"), "stale").unwrap();
    std::fs::remove_file(mill.file("all/archive/1.atom.gz")).unwrap();
    std::fs::write(mill.file("story/1/index.html"), "cut").unwrap();
    assert_eq!(
        differing().await,
        ["all.rss.br", "all/archive/1.atom.gz", "story/1/index.html"]
    );
    mill.refresh().await;
    assert_eq!(differing().await, Vec::<String>::new(), "all is put right");
    std::fs::write(mill.file("all/archive/1.atom.gz"), "x").unwrap();
    let manifest = std::fs::read_to_string(mill.file("manifest.json")).unwrap();
    let left = manifest.replacen("all.rss\"", "left.rss\"", 1);
    std::fs::write(mill.file("left.rss"), "left over").unwrap();
    std::fs::write(mill.file("manifest.json"), left).unwrap();
    let found = differing().await;
    for name in ["left.rss", "manifest.json", "all/archive/1.atom.gz"] {
        assert!(found.contains(&name.to_owned()), "{name}: {found:?}");
    }
    assert!(
        mill.file("left.rss").is_file(),
        "a comparison changes nothing"
    );
}

/// The archive document under way is a file as long as something leads to it, and no longer.
#[tokio::test]
async fn files_hold_the_whole_history() {
    let mill = Mill::new(vec![filed()]).await;
    mill.poll("a", &entries(420)).await;
    let releaser = mill.releaser();
    releaser.refresh().await.unwrap();
    for name in ["1.atom", "1.json", "2.atom", "3-420.atom", "3-420.json.gz"] {
        assert!(mill.file("all/archive").join(name).is_file(), "{name}");
    }
    mill.poll("b", &[(String::from("x"), String::from("Further"))])
        .await;
    let report = releaser.refresh().await.unwrap();
    assert!(mill.file("all/archive/3-421.atom").is_file());
    assert!(!mill.file("all/archive/3-420.atom").exists());
    let untouched = ["all/archive/1.atom", "all/archive/2.json"];
    for name in untouched {
        assert!(!report.written.contains(&mill.file(name)), "{name}");
    }
    assert!(
        mill.refresh().await.written.is_empty(),
        "a restart writes nothing"
    );
}

/// A file leads to files: every link that stays on the site has one.
#[tokio::test]
async fn every_link_of_a_file_leads_to_a_file() {
    let mut bare = PublishConfig {
        files: Some(Files::Folder(PathBuf::from("public"))),
        ..output("bare")
    };
    bare.formats = vec![PublishFormat::Atom];
    let mill = Mill::new(vec![filed(), bare]).await;
    mill.poll("a", &entries(3)).await;
    mill.refresh().await;
    let mut seen = 0;
    for page in [
        "index.html",
        "all/index.html",
        "about/index.html",
        "changes/index.html",
        "story/1/index.html",
        "all/archive/2026-11-23/index.html",
        "all/feed/a/index.html",
    ] {
        let html = std::fs::read_to_string(mill.file(page)).unwrap();
        assert!(!html.contains("<form"), "{page}");
        for link in html.split(" href=\"/").skip(1) {
            let path = link.split(['"', '?']).next().unwrap();
            let file = if path.is_empty() || path.ends_with('/') {
                format!("{path}index.html")
            } else {
                path.to_owned()
            };
            assert!(mill.file(&file).is_file(), "{page} leads to /{path}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} links");
    let live = mill.text("/all/");
    assert!(live.contains("<form") && live.contains("/all/archive/2026-11-23/"));
}

/// Without a poll that would wake the flow, too.
#[tokio::test]
async fn files_that_could_not_be_written_are_tried_again_soon() {
    let mut mill = Mill::new(vec![filed()]).await;
    mill.clock = Clock::system();
    mill.poll("a", &entries(3)).await;
    let obstacle = mill.folder.path().join("public");
    std::fs::write(&obstacle, "a file, not a folder").unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let releaser = mill.releaser();
    let driver = async {
        while mill.shelf.get("/all.atom").is_none() {
            tokio::task::yield_now().await;
        }
        std::fs::remove_file(&obstacle).unwrap();
        while !mill.file("manifest.json").is_file() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let flow = releaser.run(stop.clone(), Arc::default());
    let both = async { tokio::join!(flow, driver) };
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, both).await.unwrap();
}
