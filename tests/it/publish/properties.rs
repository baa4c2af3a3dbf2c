//! Whatever the text: well-formed, and read back by a reader that is not ours (XML-1).

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::too_many_lines, reason = "values and documents written out")]

use super::bench::{drafts, story};
use feedmill::publish::check_document;
use proptest::prelude::*;
use quick_xml::events::Event;

/// Text of the first element of this name below an entry, by a parser used with its own unescaping.
fn well_formed(bytes: &[u8]) {
    let mut reader = quick_xml::Reader::from_str(std::str::from_utf8(bytes).unwrap());
    while !matches!(reader.read_event().unwrap(), Event::Eof) {}
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    /// XML-1: whatever the text, every document is well-formed, passes the gate, and a reader that is not ours reads
    /// back id, title, link, time, author and content.
    #[test]
    fn any_text_survives(title in any::<String>(), name in any::<String>(), body in any::<String>(), term in any::<String>()) {
        let mut story = story(1, &title, &body);
        story.lead.entry.authors[0].name = Some(name);
        story.lead.entry.categories[0].term = term.clone();
        story.lead.feed.title = term.clone();
        story.lead.entry.rights = Some(term.clone());
        story.lead.entry.links[0].url = format!("https://x.example/{term}");
        story.lead.entry.enclosures[0].title = Some(term);
        for draft in drafts(std::slice::from_ref(&story)) {
            prop_assert_eq!(check_document(draft.content_type, &draft.bytes), Ok(()));
            if draft.path != "/all/" && draft.path != "/all.json" {
                well_formed(&draft.bytes);
            }
            if draft.path == "/all/" {
                continue;
            }
            let read = feed_rs::parser::parse(&draft.bytes[..]).unwrap();
            let entry = &read.entries[0];
            prop_assert_eq!(&entry.id, "tag:blog1.example.org,2026:1");
            prop_assert_eq!(entry.links[0].href.as_str(), "https://blog1.example.org/1?a=1&b=2");
            prop_assert_eq!(entry.published.unwrap().timestamp(), 1_795_368_600);
        }
    }

    /// Words come back as they went in.
    #[test]
    fn words_come_back(title in "[a-zà-ỹĐđ\u{4e00}-\u{4eff}😀 ]{0,40}[a-zđ]", name in "[A-Za-zđĐ\u{627}-\u{64a}]{1,20}") {
        let mut story = story(1, &title, &format!("<p>{name}</p>"));
        story.lead.entry.authors[0].name = Some(name.clone());
        for draft in drafts(std::slice::from_ref(&story)).iter().filter(|draft| draft.path != "/all/") {
            let read = feed_rs::parser::parse(&draft.bytes[..]).unwrap();
            let entry = &read.entries[0];
            let words = title.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(&entry.title.as_ref().unwrap().content, &words);
            prop_assert_eq!(entry.authors[0].name.as_ref(), Some(&name));
            let body = entry.content.as_ref().and_then(|content| content.body.clone());
            let body = body.or_else(|| entry.summary.as_ref().map(|summary| summary.content.clone()));
            prop_assert_eq!(body.unwrap(), format!("<p>{name}</p>"));
        }
    }
}
