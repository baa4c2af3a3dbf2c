//! Promise 3: a story is in at most one edition, except in a corrections section that says so, and that tells each edit
//! once, to those who were mailed the story.

use crate::store::bench::{at, entry, saying};
use crate::support::mailroom::Mailroom;

const MARCH: &str = "2026-03-02T05:00:00Z";

fn config(digest: &str) -> String {
    format!(
        "[publish.all]\ngroups = [\"*\"]\n[digest.morning]\ncron = \"30 6 * * *\"\ntimezone = \"UTC\"\n\
         from = \"news@example.org\"\nto = [\"an@example.net\"]\n{digest}\n"
    )
}

fn day(day: u8) -> String {
    format!("2026-03-{day:02}T06:30:00Z")
}

/// The entry says `text` from now on.
async fn says(room: &Mailroom, key: &str, text: &str) {
    let title = format!("Story {key}");
    room.entry("a", saying(entry(key, &title), text)).await;
}

/// News and corrections of the mails to `who`, oldest first: titles before and after the heading.
async fn told(room: &Mailroom, who: &str) -> Vec<(String, String)> {
    let texts = room.texts("morning").await.remove(who).unwrap_or_default();
    let titles = |text: &str| -> String {
        let found: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("Story "))
            .collect();
        found.join(" ")
    };
    texts
        .iter()
        .map(|text| match text.split_once("== Corrections ==") {
            Some((news, corrections)) => (titles(news), titles(corrections)),
            None => (titles(text), String::new()),
        })
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned =
        |(news, corrections): &(&str, &str)| ((*news).to_owned(), (*corrections).to_owned());
    expected.iter().map(owned).collect()
}

#[tokio::test]
async fn an_edit_of_a_mailed_story_is_told_once() {
    let room = Mailroom::new(&config("corrections = true"), MARCH).await;
    says(&room, "one", "It costs 10 euros today.").await;
    says(&room, "two", "Nothing happens to this.").await;
    // An edit before the first mail is none to anyone.
    says(&room, "one", "It costs 11 euros today.").await;
    room.look_at(&day(2)).await;
    room.clock.set(at("2026-03-02T12:00:00Z"));
    says(&room, "one", "It costs 12 euros today.").await;
    says(&room, "three", "Fresh.").await;
    room.clock.set(at("2026-03-02T13:00:00Z"));
    says(&room, "one", "It costs 13 euros today.").await;
    // Typography is no edit.
    says(&room, "two", "Nothing  happens to this.").await;
    room.look_at(&day(3)).await;
    room.clock.set(at("2026-03-03T12:00:00Z"));
    says(&room, "four", "Fresh too.").await;
    room.look_at(&day(4)).await;
    assert_eq!(
        told(&room, "an@example.net").await,
        pairs(&[("two one", ""), ("three", "one"), ("four", "")])
    );
    let text = &room.texts("morning").await["an@example.net"][1];
    assert!(
        text.contains("[11 → 13]"),
        "from what was mailed to what is there: {text}"
    );
}

#[tokio::test]
async fn corrections_wait_for_the_next_mail_and_are_off_unless_wanted() {
    for (digest, expected) in [
        ("corrections = true", "one"),
        ("", ""),
        ("corrections = false", ""),
    ] {
        let room = Mailroom::new(&config(digest), MARCH).await;
        says(&room, "one", "It costs 10 euros today.").await;
        room.look_at(&day(2)).await;
        room.clock.set(at("2026-03-02T12:00:00Z"));
        says(&room, "one", "It costs 12 euros today.").await;
        // Nothing new: no mail only for the sake of a correction.
        room.look_at(&day(3)).await;
        room.clock.set(at("2026-03-03T12:00:00Z"));
        says(&room, "two", "Fresh.").await;
        room.look_at(&day(4)).await;
        assert_eq!(
            told(&room, "an@example.net").await,
            pairs(&[("one", ""), ("two", expected)]),
            "{digest}"
        );
    }
}

#[tokio::test]
async fn only_those_who_were_mailed_the_story_hear_of_it() {
    let with = "corrections = true\n[[digest.morning.subscriber]]\naddress = \"calm@example.net\"\nfilters = [\"calm\"]\n";
    let calm = "[filter.calm]\ndrop = 'text contains \"euros\"'\n";
    let mut room = Mailroom::new(&format!("{calm}{}", config(with)), MARCH).await;
    says(&room, "one", "It costs 10 euros today.").await;
    says(&room, "two", "Quiet words.").await;
    room.look_at(&day(2)).await;
    // Comes after the story was mailed.
    let late = format!("{with}[[digest.morning.subscriber]]\naddress = \"late@example.net\"\n");
    room.configure(&format!("{calm}{}", config(&late))).await;
    room.clock.set(at("2026-03-02T12:00:00Z"));
    says(&room, "one", "It costs 12 euros today.").await;
    says(&room, "three", "Fresh.").await;
    room.look_at(&day(3)).await;
    assert_eq!(
        told(&room, "an@example.net").await,
        pairs(&[("two one", ""), ("three", "one")])
    );
    assert_eq!(
        told(&room, "calm@example.net").await,
        pairs(&[("two", ""), ("three", "")]),
        "their rule kept the story from them"
    );
    assert_eq!(
        told(&room, "late@example.net").await,
        pairs(&[("three", "")])
    );
    // The web copy has what any of the mails had.
    let editions = room.editions("morning").await;
    let page = room.bench.store.edition_page(editions[1].id).await.unwrap();
    assert!(page.unwrap().contains("<del>10</del> <ins>12</ins>"));
}

#[tokio::test]
async fn what_was_taken_back_again_and_what_is_long_ago_are_not_told() {
    let room = Mailroom::new(&config("corrections = true"), MARCH).await;
    says(&room, "one", "It costs 10 euros today.").await;
    says(&room, "old", "It costs 20 euros today.").await;
    room.look_at(&day(2)).await;
    room.clock.set(at("2026-03-02T12:00:00Z"));
    says(&room, "one", "It costs 12 euros today.").await;
    says(&room, "one", "It costs 10 euros today.").await;
    says(&room, "two", "Fresh.").await;
    room.look_at(&day(3)).await;
    // Six weeks on.
    room.clock.set(at("2026-04-14T12:00:00Z"));
    says(&room, "old", "It costs 30 euros today.").await;
    says(&room, "three", "Fresh.").await;
    room.look_at("2026-04-15T06:30:00Z").await;
    assert_eq!(
        told(&room, "an@example.net").await,
        pairs(&[("old one", ""), ("two", ""), ("three", "")])
    );
}
