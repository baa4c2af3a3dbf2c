//! Pictures of feeds: asked for rarely and with manners, shown only when they are what they say.

use std::time::Duration;

use feedmill::model::{IconKind, IconRef, Selection};
use feedmill::parse::icon_kind;

use crate::support::origin::{Origin, Reply};
use crate::support::world::World;

const MONTH: Duration = Duration::from_secs(31 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);

/// The head of a PNG of these sides, and a byte to tell it from others.
fn png(width: u32, height: u32, more: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, more]);
    bytes
}

/// An Atom feed of one entry with this `icon`.
fn atom(icon: &str) -> String {
    format!(
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><id>urn:f</id>{icon}\
         <entry><title>T</title><id>urn:1</id><link href='http://site.example/1'/></entry></feed>"
    )
}

/// A polled world of one feed at `origin`.
async fn polled(origin: &Origin, icon: &str) -> World {
    origin.feed("/feed", atom(icon));
    let world = World::new(&format!(
        "[[feed]]\nname = \"one\"\nurl = \"{}\"\n",
        origin.url("/feed")
    ))
    .await;
    world.poll().await;
    world
}

/// Looks until nothing is due, as the flow does.
async fn look(world: &World) {
    while world.poller().look_for_icons().await.unwrap() > 0 {}
}

/// The picture that pages show.
async fn shown(world: &World) -> Option<IconRef> {
    let all = Selection {
        groups: vec![String::from("*")],
        limit: 9,
        ..Selection::default()
    };
    let mut stories = world.store.select_stories(all).await.unwrap();
    stories.remove(0).lead.feed.icon
}

fn asked(origin: &Origin) -> Vec<String> {
    let requests = origin.requests().into_iter();
    let others = requests.filter(|request| request.target != "/feed");
    others.map(|request| request.target).collect()
}

/// R1.1, R1.7: once, then once a month with the validators it came with; kept when it is still the same.
#[tokio::test]
async fn a_feeds_own_picture_is_asked_for_once_a_month() {
    let origin = Origin::start().await;
    let first = png(16, 16, 1);
    origin.feed("/logo.png", first.clone());
    let world = polled(
        &origin,
        &format!("<icon>{}</icon>", origin.url("/logo.png")),
    )
    .await;
    assert_eq!(shown(&world).await, None);
    look(&world).await;
    let icon = shown(&world).await.unwrap();
    assert_eq!(icon.kind, IconKind::Png);
    assert_eq!(icon.tag, blake3::hash(&first).to_hex().as_str()[..32]);
    assert_eq!(world.store.icon(icon.clone()).await.unwrap(), Some(first));
    let request = &origin.requests_to("/logo.png")[0];
    assert_eq!(request.header("accept").as_deref(), Some("image/*"));
    assert_eq!(
        (request.header("if-none-match"), request.header("cookie")),
        (None, None)
    );

    world.wait(DAY * 29);
    look(&world).await;
    assert_eq!(asked(&origin), ["/logo.png"], "not again within a month");
    world.wait(DAY * 2);
    look(&world).await;
    let again = &origin.requests_to("/logo.png")[1];
    assert!(again.header("if-none-match").is_some() && again.header("if-modified-since").is_some());
    assert_eq!(shown(&world).await.as_ref(), Some(&icon), "304 keeps it");

    origin.feed("/logo.png", png(16, 16, 2));
    world.wait(MONTH);
    look(&world).await;
    let changed = shown(&world).await.unwrap();
    assert_ne!(changed.tag, icon.tag);
    assert_eq!(
        world.store.icon(icon).await.unwrap(),
        None,
        "nobody shows the old one"
    );
}

/// SVG may hold script; what is too large, or no picture, or inside the network, is no picture for a page.
#[tokio::test]
async fn what_cannot_be_shown_gives_way_to_the_sites_own() {
    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>steal()</script></svg>";
    let mut large = png(16, 16, 0);
    large.resize(70_000, 0);
    let replies = [
        Reply::ok(svg).header("Content-Type", "image/png"),
        Reply::ok(large),
        Reply::ok(png(5000, 5000, 0)),
        Reply::ok("<!doctype html><title>Not found</title>"),
        Reply::status(404),
        Reply::redirect(302, "http://10.1.2.3/logo.png"),
    ];
    for reply in replies {
        let origin = Origin::start().await;
        origin.replace("/logo", reply.clone());
        origin.replace("/favicon.ico", Reply::ok(png(32, 32, 7)));
        let world = polled(&origin, &format!("<logo>{}</logo>", origin.url("/logo"))).await;
        look(&world).await;
        assert_eq!(asked(&origin), ["/logo", "/favicon.ico"], "{reply:?}");
        let icon = shown(&world).await.unwrap();
        assert_eq!(
            icon.tag,
            blake3::hash(&png(32, 32, 7)).to_hex().as_str()[..32]
        );
    }
}

#[tokio::test]
async fn where_there_is_none_nobody_is_asked_again_for_a_month() {
    let origin = Origin::start().await;
    let world = polled(&origin, "<icon>http://10.1.2.3/logo.png</icon>").await;
    look(&world).await;
    world.wait(DAY * 29);
    look(&world).await;
    assert_eq!(asked(&origin), ["/favicon.ico"]);
    assert_eq!(shown(&world).await, None);
    world.wait(DAY * 2);
    look(&world).await;
    assert_eq!(asked(&origin).len(), 2);
}

/// A server in trouble says nothing about its picture.
#[tokio::test]
async fn a_server_in_trouble_is_asked_another_day() {
    let origin = Origin::start().await;
    origin.replace("/favicon.ico", Reply::ok(png(32, 32, 7)));
    let world = polled(&origin, "").await;
    look(&world).await;
    let icon = shown(&world).await;
    assert!(icon.is_some());
    for trouble in [Reply::status(503), Reply::status(500), Reply::raw("")] {
        origin.replace("/favicon.ico", trouble);
        world.wait(MONTH);
        let before = asked(&origin).len();
        look(&world).await;
        assert_eq!(asked(&origin).len(), before + 1);
        assert_eq!(shown(&world).await, icon);
        origin.replace("/favicon.ico", Reply::ok(png(32, 32, 7)));
        world.wait(DAY);
        look(&world).await;
        assert_eq!(asked(&origin).len(), before + 2, "the next day");
    }
}

/// A platform with many feeds has one picture for all.
#[tokio::test]
async fn an_address_that_feeds_share_is_asked_once() {
    let origin = Origin::start().await;
    origin.replace("/favicon.ico", Reply::ok(png(32, 32, 7)));
    let mut config = String::new();
    for n in 0..20 {
        let path = format!("/feed{n}");
        origin.feed(&path, atom(""));
        config += &format!(
            "[[feed]]\nname = \"f{n}\"\nurl = \"{}\"\n",
            origin.url(&path)
        );
    }
    let world = World::new(&config).await;
    world.poll().await;
    look(&world).await;
    assert_eq!(origin.requests_to("/favicon.ico").len(), 1);
    assert!(shown(&world).await.is_some());
}

#[test]
fn pictures_are_known_by_their_first_bytes() {
    let mut jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08".to_vec();
    jpeg.extend([0, 48, 0, 64, 3]);
    let mut ico = b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\x10\0\0\0\x16\0\0\0".to_vec();
    ico.extend([0; 16]);
    let mut hidden = ico[..22].to_vec();
    hidden.extend(png(9000, 9000, 0));
    // Two entries, each of a picture of its own: the broader one first.
    let mut tall = b"\0\0\x01\0\x02\0".to_vec();
    for start in [38_u8, 68] {
        tall.extend(b"\0\0\0\0\x01\0\x20\0\x1e\0\0\0");
        tall.extend([start, 0, 0, 0]);
    }
    tall.extend(png(300, 300, 0));
    tall.extend(png(16, 9000, 0));
    let vp8l = |sides: u32| {
        let mut bytes = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".to_vec();
        bytes.extend(sides.to_le_bytes());
        bytes
    };
    for (bytes, expected) in [
        (png(16, 16, 0), Some(IconKind::Png)),
        (png(1024, 1024, 0), Some(IconKind::Png)),
        (png(1025, 16, 0), None),
        (png(0, 16, 0), None),
        (b"\x89PNG\r\n\x1a\n".to_vec(), None),
        (b"GIF89a\x10\0\x20\0".to_vec(), Some(IconKind::Gif)),
        (b"GIF89a\x10\x10\x20\0".to_vec(), None),
        (jpeg.clone(), Some(IconKind::Jpeg)),
        (jpeg[..10].to_vec(), None),
        (b"\xff\xd8\xff\xe0\0\0".to_vec(), None),
        (vp8l(31 | 31 << 14), Some(IconKind::Webp)),
        (vp8l(0x3fff), None),
        (
            b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x1f\0\0\x1f\0\0".to_vec(),
            Some(IconKind::Webp),
        ),
        (ico, Some(IconKind::Ico)),
        (hidden, None),
        (tall, None),
        (b"\0\0\x01\0\xff\xff".to_vec(), None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), None),
        (b"<!doctype html>".to_vec(), None),
        (Vec::new(), None),
    ] {
        assert_eq!(icon_kind(&bytes), expected, "{bytes:?}");
    }
}
