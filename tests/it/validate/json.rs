//! JSON Feed 1.1, which no W3C validator knows: its schema as complaints (R7.21).

use std::collections::BTreeSet;

use serde_json::Value;

use super::rules::{absolute, markup, rfc3339};

/// What is wrong with a document that was found at `own`.
pub(crate) fn feed(text: &str, own: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let mut found = Vec::new();
    if !text
        .trim_start_matches(['{', '\n', ' '])
        .starts_with("\"version\"")
    {
        found.push(String::from("version is not first"));
    }
    if value["version"] != "https://jsonfeed.org/version/1.1" {
        found.push(String::from("version is unknown"));
    }
    if value["feed_url"] != own {
        found.push(format!("feed_url is {}, not {own}", value["feed_url"]));
    }
    if value["title"]
        .as_str()
        .is_none_or(|title| title.trim().is_empty())
    {
        found.push(String::from("no title"));
    }
    urls(
        &value,
        &["home_page_url", "next_url", "icon", "favicon"],
        &mut found,
    );
    if value["next_url"].as_str() == Some(own) {
        found.push(String::from("next_url leads to itself"));
    }
    people(&value, &mut found);
    let mut ids = BTreeSet::new();
    for item in value["items"].as_array().expect("items") {
        if !item["id"]
            .as_str()
            .is_some_and(|id| !id.is_empty() && ids.insert(id))
        {
            found.push(format!("id {} is none or occurs twice", item["id"]));
        }
        entry(item, &mut found);
    }
    found
}

fn entry(item: &Value, found: &mut Vec<String>) {
    urls(
        item,
        &["url", "external_url", "image", "banner_image"],
        found,
    );
    people(item, found);
    let (html, text) = (item["content_html"].as_str(), item["content_text"].as_str());
    if html.is_none() && text.is_none() {
        found.push(String::from("an item has no content"));
    }
    markup(html.unwrap_or_default(), found);
    for key in ["date_published", "date_modified"] {
        if !item[key].as_str().is_some_and(rfc3339) {
            found.push(format!("{key} {} is no date", item[key]));
        }
    }
    for file in item["attachments"].as_array().into_iter().flatten() {
        urls(file, &["url"], found);
        if !file["mime_type"]
            .as_str()
            .is_some_and(super::rules::media_type)
        {
            found.push(String::from("an attachment has no media type"));
        }
    }
    let tags = item["tags"].as_array().into_iter().flatten();
    if tags
        .into_iter()
        .any(|tag| tag.as_str().is_none_or(|tag| tag.trim().is_empty()))
    {
        found.push(String::from("an empty tag"));
    }
    let _source = &item["_source"];
    if _source["title"].as_str().is_none() {
        found.push(String::from("an item has no source"));
    }
}

fn urls(value: &Value, keys: &[&str], found: &mut Vec<String>) {
    for key in keys {
        let given = &value[*key];
        if !given.is_null() && !given.as_str().is_some_and(absolute) {
            found.push(format!("{key} {given} is not absolute"));
        }
    }
}

fn people(value: &Value, found: &mut Vec<String>) {
    for author in value["authors"].as_array().into_iter().flatten() {
        urls(author, &["url", "avatar"], found);
        if author["name"]
            .as_str()
            .is_none_or(|name| name.trim().is_empty())
        {
            found.push(String::from("an author has no name"));
        }
    }
}
