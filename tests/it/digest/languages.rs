//! The languages of mails: each file is whole, counts as its readers do, and runs in their direction.

use std::collections::BTreeMap;

use feedmill::digest::{Language, Purpose};

use super::{issue, rendition_as, stories};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/digest/lang");

fn files() -> BTreeMap<String, toml::Table> {
    let files = std::fs::read_dir(FOLDER).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let code = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (
                code,
                std::fs::read_to_string(path).unwrap().parse().unwrap(),
            )
        })
        .collect()
}

/// The places of a text: "{n} of {list}" has list and n.
fn places(text: &toml::Value) -> Vec<&str> {
    let parts = text.as_str().unwrap().split('{').skip(1);
    let mut places: Vec<&str> = parts.map(|part| part.split('}').next().unwrap()).collect();
    places.sort_unstable();
    places
}

fn table<'a>(table: &'a toml::Table, key: &str) -> &'a toml::Table {
    table[key].as_table().unwrap()
}

#[test]
fn mail_languages_are_complete() {
    let files = files();
    let codes: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(codes, Language::SHIPPED);
    let english = &files["en"];
    for (code, file) in &files {
        let keys = |table: &toml::Table| table.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(file), keys(english), "{code}");
        for part in ["text", "count"] {
            assert_eq!(
                keys(table(file, part)),
                keys(table(english, part)),
                "{code}"
            );
        }
        for (key, text) in table(english, "text") {
            assert_eq!(
                places(&table(file, "text")[key]),
                places(text),
                "{code}: {key}"
            );
        }
        let language = Language::load(code, None).unwrap();
        assert_eq!(language.code(), code);
        for (key, forms) in table(english, "count") {
            let wanted = places(&forms.as_table().unwrap()["other"]);
            for (form, text) in table(table(file, "count"), key) {
                let mut found = places(text);
                if !found.contains(&"n") {
                    assert!(
                        ["zero", "one", "two"].contains(&form.as_str()),
                        "{code}: {key}.{form}"
                    );
                    found.insert(found.len(), "n");
                    found.sort_unstable();
                }
                assert_eq!(found, wanted, "{code}: {key}.{form}");
            }
            assert!(
                (0..1000).all(|n| language.count(key, n) != n.to_string()),
                "{code}: {key}"
            );
        }
    }
}

/// By hand from the plural rules of the Unicode CLDR.
#[test]
fn arabic_counts_in_six_forms() {
    let arabic = Language::load("ar", None).unwrap();
    for (n, expected) in [
        (0, "لا مواد جديدة"),
        (1, "مادة جديدة واحدة"),
        (2, "مادتان جديدتان"),
        (3, "3 مواد جديدة"),
        (10, "10 مواد جديدة"),
        (11, "11 مادة جديدة"),
        (99, "99 مادة جديدة"),
        (100, "100 مادة جديدة"),
        (102, "102 مادة جديدة"),
        (103, "103 مواد جديدة"),
        (111, "111 مادة جديدة"),
    ] {
        assert_eq!(arabic.count("new", n), expected, "{n}");
    }
}

#[test]
fn an_arabic_mail_runs_from_right_to_left() {
    let mail = rendition_as(&issue(), &stories(4), "ar", Purpose::Mail);
    assert!(mail.html.contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(mail.html.contains("إلغاء الاشتراك") && mail.text.contains("لإيقاف هذه الرسائل"));
    assert!(!mail.html.contains("Unsubscribe") && !mail.text.contains("Unsubscribe"));
    // An English title stands isolated in Arabic text, and keeps its own direction in the HTML.
    assert!(
        mail.text.contains("\u{2068}Title 4\u{2069}"),
        "{}",
        mail.text
    );
    assert!(mail.html.contains("dir=\"auto\""));
    assert!(
        mail.subject.starts_with("Morning News: 4 مواد جديدة"),
        "{}",
        mail.subject
    );
}
