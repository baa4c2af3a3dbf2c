//! Pictures of feeds as readers see them: from our own address, for ever, and not at all where the operator says so.

use std::path::PathBuf;
use std::time::Duration;

use feedmill::config::Files;
use feedmill::model::{FeedId, IconAnswer, IconCommit, IconFound, IconKind, IconRef, Validators};

use super::bench::{CALM, start};
use crate::publish::bench::output;
use crate::release::{Mill, pairs};
use crate::support::client::get;

/// A mill whose feed `a` has this picture.
async fn with_icon(bytes: &[u8]) -> (Mill, IconRef) {
    let mut all = output("all");
    all.files = Some(Files::Folder(PathBuf::from("public")));
    let mill = Mill::new(vec![all]).await;
    mill.poll("a", &pairs(&[("1", "Ferry rebuilt")])).await;
    let icon = IconRef {
        tag: blake3::hash(bytes).to_hex().as_str()[..32].to_owned(),
        kind: IconKind::Png,
    };
    let url = String::from("https://a.example/favicon.ico");
    let answer = IconAnswer::New {
        icon: icon.clone(),
        bytes: bytes.to_vec(),
        validators: Validators::default(),
    };
    let feed: FeedId = mill.store.feed("a").await.unwrap().unwrap().id;
    let commit = IconCommit {
        feed,
        asked: vec![(url.clone(), answer)],
        found: IconFound::At(url),
        look_at: mill.clock.now() + Duration::from_secs(86_400),
    };
    assert!(
        mill.store
            .commit_icon(commit, mill.clock.now())
            .await
            .unwrap()
    );
    (mill, icon)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_stands_beside_its_feed_and_comes_from_us() {
    let (mill, icon) = with_icon(b"\x89PNG bytes").await;
    let served = start(&mill, CALM).await;
    mill.refresh().await;
    let address = format!("/{}", icon.path());
    let image =
        format!("<img class=\"icon\" src=\"{address}\" width=\"16\" height=\"16\" alt=\"\">");
    for page in [
        "/",
        "/all/",
        "/story/1",
        "/all/archive/2026-11-23/",
        "/search?q=ferry",
    ] {
        let html = get(served.address, page).text().to_owned();
        assert_eq!(html.matches(&image).count(), 1, "{page}: {html}");
    }
    let answer = get(served.address, &address);
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, &b"\x89PNG bytes"[..])
    );
    for (name, value) in [
        ("content-type", "image/png"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; sandbox; frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    for none in [
        "/icon/0.png",
        &address.replace(".png", ".gif"),
        &address.replace(".png", ".svg"),
        "/icon/",
    ] {
        assert_eq!(get(served.address, none).status, 404, "{none}");
    }
    assert_eq!(
        std::fs::read(mill.file(&icon.path())).unwrap(),
        b"\x89PNG bytes"
    );
    let page = std::fs::read_to_string(mill.file("index.html")).unwrap();
    assert!(page.contains(&image));
    assert!(mill.releaser().compare().await.unwrap().written.is_empty());
}

#[tokio::test]
async fn no_picture_where_the_operator_wants_none() {
    let (mut mill, icon) = with_icon(b"\x89PNG bytes").await;
    mill.config.fetch.icons = false;
    mill.refresh().await;
    assert!(!mill.text("/all/").contains("<img"));
    assert!(!mill.file(&icon.path()).exists());
}
