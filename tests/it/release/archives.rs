//! The history in documents (RFC 5005, R7.22): nothing is in none, and what an address holds stays the same.

use std::collections::BTreeSet;

use feedmill::publish::{Keep, OnRequest, check_document};

use super::*;

/// Ids of a document's entries, and where its history goes on.
fn read(text: &str) -> (BTreeSet<String>, Option<String>) {
    let entries = text.split("<entry").skip(1);
    let ids = entries.map(|entry| {
        let (_, id) = entry.split_once("<id>").unwrap();
        id.split_once("</id>").unwrap().0.to_owned()
    });
    let link = text
        .split("<link ")
        .find(|link| link.contains("prev-archive"));
    let href = link.and_then(|link| link.split("href=\"").nth(1));
    let path = href.map(|href| {
        let url = href.split('"').next().unwrap();
        url.strip_prefix("https://news.example.org")
            .unwrap()
            .to_owned()
    });
    (ids.collect(), path)
}

/// Follows the links from the subscription document, as a reader does; the ids found, and the addresses.
async fn walk(mill: &Mill) -> (BTreeSet<String>, Vec<String>) {
    let releaser = mill.releaser();
    let (mut ids, mut next) = read(&mill.text("/all.atom"));
    let mut paths = Vec::new();
    while let Some(path) = next {
        let document = releaser.document(&path).await.expect(&path);
        check_document(document.content_type, &document.identity).unwrap();
        let text = std::str::from_utf8(&document.identity).unwrap();
        assert!(text.contains(&format!(
            "rel=\"self\" type=\"application/atom+xml\" href=\"https://news.example.org{path}\""
        )));
        let (more, further) = read(text);
        ids.extend(more);
        paths.push(path);
        next = further;
    }
    (ids, paths)
}

/// Every story is in the subscription document or in one that it leads to, at every moment of a growing history; and a
/// document that was once linked never gains one, so that who knows its address has missed nothing.
#[tokio::test]
async fn every_story_can_be_reached_at_every_moment() {
    let mill = Mill::new(vec![output("all")]).await;
    let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let (mut stories, mut steps) = (0, vec![30, 25, 45, 60, 1, 150, 109, 77]);
    while let Some(count) = steps.pop() {
        let entries: Vec<(String, String)> = (stories..stories + count)
            .map(|n| (n.to_string(), format!("Story {n}")))
            .collect();
        stories += count;
        mill.clock.advance(Duration::from_secs(86_400));
        mill.poll("a", &entries).await;
        mill.refresh().await;
        let (ids, paths) = walk(&mill).await;
        assert_eq!(ids.len(), stories, "{stories} stories by {paths:?}");
        for path in paths {
            let document = mill.releaser().document(&path).await.unwrap();
            let (held, _) = read(std::str::from_utf8(&document.identity).unwrap());
            let held = format!("{held:?}").into_bytes();
            assert_eq!(
                seen.entry(path.clone()).or_insert(held.clone()),
                &held,
                "{path}"
            );
        }
    }
    let under_way: Vec<&String> = seen.keys().filter(|path| path.contains('-')).collect();
    assert!(under_way.len() > 3, "{under_way:?}");
    for path in under_way {
        let document = mill.releaser().document(path).await.unwrap();
        let text = String::from_utf8(document.identity.to_vec()).unwrap();
        assert_eq!(document.keep, Keep::UntilPoll);
        assert!(!text.contains("next-archive"), "{path}");
    }
}

/// A site whose subscription document holds everything has no archive, and none is made up for any address.
#[tokio::test]
async fn no_archive_before_there_is_anything_to_archive() {
    let mill = Mill::new(vec![output("all")]).await;
    mill.poll("a", &pairs(&[("1", "One"), ("2", "Two")])).await;
    mill.refresh().await;
    assert!(!mill.text("/all.atom").contains("archive"));
    let releaser = mill.releaser();
    for path in [
        "/all/archive/1.atom",
        "/all/archive/0-1.atom",
        "/all/archive/1-0.atom",
        "/all/archive/1-3.atom",
        "/all/archive/2-2.atom",
        "/all/archive/01-2.atom",
        "/all/archive/1-02.atom",
    ] {
        assert!(releaser.document(path).await.is_none(), "{path}");
    }
    assert!(releaser.document("/all/archive/1-2.atom").await.is_some());
}

/// A moved site and a renamed merged feed keep their frozen stories, whatever retention left of them; only what the
/// document says of addresses is set right.
#[tokio::test]
async fn a_move_changes_addresses_and_no_frozen_story() {
    let mut mill = Mill::new(vec![output("all")]).await;
    let entries: Vec<(String, String)> = (0..320)
        .map(|n| (n.to_string(), format!("Story {n}")))
        .collect();
    mill.poll("a", &entries).await;
    mill.refresh().await;
    let text = |document: &feedmill::publish::Document| {
        String::from_utf8(document.identity.to_vec()).unwrap()
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for kind in ["atom", "json"] {
        let path = format!("/all/archive/1.{kind}");
        before.push(text(&mill.releaser().document(&path).await.unwrap()));
    }
    let later = mill.clock.now() + Duration::from_secs(86_400 * 400);
    mill.store.retain(later, later).await.unwrap();

    mill.config.http.public_url = "https://moved.example/news/".parse().unwrap();
    let renamed = PublishConfig {
        former_names: vec![String::from("all")],
        ..output("everything")
    };
    mill.config.publish.clear();
    mill.config
        .publish
        .insert(String::from("everything"), renamed);
    for kind in ["atom", "json"] {
        let path = format!("/everything/archive/1.{kind}");
        let document = mill.releaser().document(&path).await.unwrap();
        check_document(document.content_type, &document.identity).unwrap();
        assert_eq!(document.keep, Keep::Immutable);
        let again = mill.releaser().document(&path).await.unwrap();
        assert_eq!(again.identity, document.identity);
        after.push(text(&document));
    }
    for (mark, before, after) in [
        ("<entry", &before[0], &after[0]),
        ("\"items\"", &before[1], &after[1]),
    ] {
        let (old_head, old) = before.split_once(mark).unwrap();
        let (head, new) = after.split_once(mark).unwrap();
        assert_eq!(old, new);
        assert!(old_head.contains("news.example.org/all"));
        assert!(!head.contains("news.example.org/all"), "{head}");
        assert!(head.contains("https://moved.example/news/everything/archive/1."));
        assert!(
            head.contains("https://moved.example/news/everything/\"")
                || head.contains("https://moved.example/news/everything/<")
        );
    }
}
