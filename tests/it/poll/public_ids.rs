//! The ids that readers know stories by, in the rendered document: whatever a publisher does with its own, two stories
//! never share one, so that no reader takes the newer for the older, already read.

use std::collections::BTreeSet;
use std::sync::Arc;

use feedmill::filter::Rules;
use feedmill::publish::{Shelf, Theme};
use feedmill::release::{Releaser, Tools};
use feedmill::telemetry::Metrics;

use super::findings::{Item, OURS, TALES, document, next, tale};
use crate::support::origin::Origin;
use crate::support::world::World;

/// A world that has polled `items` and merges them into `all`.
async fn world(items: &[Item]) -> (Origin, World) {
    let origin = Origin::start().await;
    origin.feed("/feed", document(OURS, items));
    let merged = "[publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\n";
    let config = super::one_feed(&origin.url("/feed")) + merged;
    let world = World::new(&config).await;
    world.poll().await;
    (origin, world)
}

/// Id and title of every item of `/all.json`, newest first.
async fn published(world: &World) -> Vec<(String, String)> {
    let shelf = Shelf::default();
    let tools = Tools {
        store: world.store.clone(),
        rules: Rules::compile(&world.config.filters).unwrap(),
        shelf: shelf.clone(),
        clock: world.clock.clone(),
        metrics: Metrics::default(),
    };
    let theme = Arc::new(Theme::load(None).unwrap());
    let releaser = Releaser::new(Arc::new(world.config.clone()), theme, tools);
    releaser.refresh().await.unwrap();
    let bytes = shelf.get("/all.json").unwrap().identity.to_vec();
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let items = document["items"].as_array().unwrap().iter();
    let text = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap().to_owned();
    items
        .map(|item| (text(item, "id"), text(item, "title")))
        .collect()
}

/// The document holds exactly the tales `at`, each under an id of its own; gives those ids.
async fn check(world: &World, at: &[usize]) -> Vec<String> {
    let (ids, titles): (Vec<String>, Vec<String>) = published(world).await.into_iter().unzip();
    let expected: Vec<&str> = at.iter().map(|at| TALES[*at].0).collect();
    assert_eq!(titles, expected);
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    ids
}

#[tokio::test]
async fn a_guid_used_again_does_not_hide_the_story_before() {
    for guid in ["latest", "https://site.example/latest"] {
        let (origin, world) = world(&[tale(0, guid, 8)]).await;
        let first = check(&world, &[0]).await;
        next(&origin, &world, document(OURS, &[tale(1, guid, 30)])).await;
        let second = check(&world, &[1, 0]).await;
        assert_eq!(second[1], first[0]);
        next(&origin, &world, document(OURS, &[tale(2, guid, 70)])).await;
        let third = check(&world, &[2, 1, 0]).await;
        assert_eq!(third[1..], second);
    }
}

#[tokio::test]
async fn guids_that_count_positions_give_every_story_an_id() {
    let (origin, world) = world(&[tale(1, "1", 8), tale(0, "2", 7)]).await;
    let first = check(&world, &[1, 0]).await;
    let three = [tale(2, "1", 30), tale(1, "2", 8), tale(0, "3", 7)];
    next(&origin, &world, document(OURS, &three)).await;
    let second = check(&world, &[2, 1, 0]).await;
    assert_eq!(second[1..], first);
}

#[tokio::test]
async fn a_guid_that_entries_of_one_document_share_is_the_id_of_none() {
    let guid = "https://site.example/about";
    let shared = [tale(1, guid, 9), tale(0, guid, 8)];
    let (origin, world) = world(&shared).await;
    let first = check(&world, &[1, 0]).await;
    assert!(
        first.iter().all(|id| id.starts_with("urn:uuid:")),
        "{first:?}"
    );
    next(&origin, &world, document(OURS, &[tale(2, guid, 30)])).await;
    let second = check(&world, &[2, 1, 0]).await;
    assert_eq!(second[1..], first);
}

#[tokio::test]
async fn an_own_iri_stays_the_id() {
    let guid = "tag:site.example,2026:harbour";
    let (_origin, world) = world(&[tale(0, guid, 8)]).await;
    assert_eq!(check(&world, &[0]).await, [guid]);
}
