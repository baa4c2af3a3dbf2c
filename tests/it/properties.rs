//! Properties across stages: what is published reads back as it was.

use feedmill::model::{ParsedFeed, SafeHtml};
use feedmill::parse::{ParseContext, parse};
use proptest::prelude::*;

use crate::publish::bench::{drafts, story};

fn read(bytes: &[u8]) -> ParsedFeed {
    parse(bytes, &ParseContext::default()).expect("a feed")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    /// Publish then parse keeps id, key, link, title, time, author and content, in Atom, RSS and JSON Feed.
    #[test]
    fn what_is_published_reads_back(
        title in "[a-zà-ỹĐđ\u{4e00}-\u{4eff}😀&<>\" ]{0,40}[a-zđ]",
        name in "[A-Za-zđĐ\u{627}-\u{64a}]{1,20}",
        words in "[a-zà-ỹ\u{627}-\u{64a}\u{3042}-\u{3090} ]{0,60}[a-z]",
        second in 0_i64..2_000_000_000,
    ) {
        let content = format!("<p>{} &amp; <b>more</b></p>", words.trim());
        let mut story = story(1, &title, &content);
        story.lead.entry.authors[0].name = Some(name.clone());
        story.lead.entry.content_html = Some(SafeHtml::vouched(content.clone()));
        let shown = jiff::Timestamp::from_second(second).unwrap();
        story.shown_at = shown;
        story.lead.shown_at = shown;
        story.lead.entry.published_at = Some(shown);
        let expected = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut keys: Vec<String> = Vec::new();
        for draft in drafts(std::slice::from_ref(&story)).iter().filter(|draft| draft.path != "/all/") {
            let feed = read(&draft.bytes);
            prop_assert_eq!(feed.repairs.len(), 0, "{} was repaired: {:?}", draft.path, feed.repairs);
            let entry = &feed.entries[0];
            prop_assert_eq!(entry.publisher_id.as_deref(), Some("tag:blog1.example.org,2026:1"));
            prop_assert_eq!(entry.link.as_deref(), Some("https://blog1.example.org/1?a=1&b=2"));
            prop_assert_eq!(&entry.title, &expected, "{}", draft.path);
            prop_assert_eq!(entry.published_at, Some(shown), "{}", draft.path);
            prop_assert_eq!(entry.authors[0].name.as_deref(), Some(name.as_str()));
            prop_assert_eq!(entry.content_html.as_ref().or(entry.summary_html.as_ref()).map(SafeHtml::as_str), Some(content.as_str()));
            keys.push(entry.key.clone());
        }
        prop_assert_eq!(keys.len(), 3);
        keys.dedup();
        prop_assert_eq!(keys.len(), 1, "the key depends on the format");
    }
}
