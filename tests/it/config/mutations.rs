//! Whatever is done to the sample, loading answers, and an answer that refuses names a place or a file.

use feedmill::config::Overrides;
use proptest::prelude::*;

use super::Folder;

const SAMPLE: &str = include_str!("../../../config/feedmill.toml");

/// The sample without comments, so that most changes hit something.
fn bare() -> Vec<char> {
    let lines = SAMPLE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.flat_map(|line| line.chars().chain(['\n'])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn loading_always_answers(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize, "[\\[\\]\"'=.#đ🙂\\n\\r\\t\\\\a-c0-9{}]{0,3}"), 1..4)
    ) {
        let mut text = bare();
        for (at, removed, added) in changes {
            let start = at.index(text.len());
            let end = (start + removed).min(text.len());
            text.splice(start..end, added.chars());
        }
        let text: String = text.into_iter().collect();
        let folder = Folder::of(&[("feedmill.toml", &text)]);
        if let Err(complaints) = folder.load(&Overrides::default()) {
            let said = complaints.to_string();
            prop_assert!(said.contains("error: ") && said.contains("feedmill.toml"), "{said}");
        }
    }

    #[test]
    fn opml_of_any_kind_is_answered(text in "(<outline( (text|xmlUrl|type)='[a-zđ&;:/]{0,6}'){0,3}/?>|</outline>|<opml>|&amp;|<!--|[đ<>]){0,12}") {
        let folder = Folder::of(&[("feedmill.toml", "include = [\"a.opml\"]\n"), ("a.opml", &text)]);
        folder.said(&Overrides::default());
    }
}
