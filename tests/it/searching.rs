//! Search as people meet it: page, JSON, verb, and a saved search as a merged feed, in the built binary.

use crate::daemon::config;
use crate::support::client;
use crate::support::process::{Home, free_address};

const FEED: &str = "<rss version=\"2.0\"><channel><title>Tin tức</title>\
    <item><title>Đường sắt đô thị mở tuyến mới</title><link>https://vn.example/duong-sat</link>\
    <author>an@example.org (An)</author><description>Tuyến tàu điện chạy từ bến Thành ra ngoại ô.</description></item>\
    <item><title>A railway for the valley</title><link>https://vn.example/railway</link>\
    <description>The &lt;script&gt;alert(1)&lt;/script&gt; railway opens in May, says the mayor.</description></item>\
    <item><title>Bakers strike\u{202e}</title><link>https://vn.example/bakers</link>\
    <description>Ovens stay cold.</description></item></channel></rss>";

const OUTPUTS: &str = "[publish.all]\ntitle = \"All\"\ngroups = [\"*\"]\n\
    [publish.rails]\ntitle = \"Rails\"\ngroups = [\"*\"]\nsearch = 'title:valley railway'\n";

fn home() -> (Home, std::net::SocketAddr) {
    let listen = free_address();
    let home = Home::new("");
    home.write("feed.xml", FEED);
    let url = format!("file://{}", home.path("feed.xml").display());
    home.write(
        "feedmill.toml",
        config(listen, &[("tin".to_owned(), url)], OUTPUTS),
    );
    home.verb(&["poll"]);
    (home, listen)
}

#[test]
fn the_verb_finds_folded_words_and_shows_no_address_and_no_control_character() {
    let (home, _) = home();
    for words in [
        &["duong", "sat"][..],
        &["ĐƯỜNG"],
        &["\"tàu điện\""],
        &["title:tuyen"],
        &["tuye*"],
    ] {
        let told = home.verb(&[&["search"], words].concat());
        let mut lines = told.lines();
        assert!(
            lines
                .next()
                .unwrap()
                .ends_with("Đường sắt đô thị mở tuyến mới"),
            "{words:?}: {told}"
        );
        assert_eq!(
            lines.next(),
            Some("    https://vn.example/duong-sat"),
            "{words:?}"
        );
        assert!(
            lines.next().unwrap().starts_with("    Tin tức: "),
            "{words:?}: {told}"
        );
        assert_eq!(lines.next(), None, "{words:?}");
    }
    assert!(home.verb(&["search", "mayor"]).contains("[mayor]"));
    assert!(!home.verb(&["search", "bakers"]).contains('\u{202e}'));
    let json = home.verb(&["search", "duong", "--json"]);
    let hits: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        hits[0]["story"]["lead"]["entry"]["link"],
        "https://vn.example/duong-sat"
    );
    assert!(!json.contains("an@example.org"), "{json}");
    assert_eq!(
        home.run(&["search", "nothing-of-the-kind"]).status.code(),
        Some(1)
    );
}

#[test]
fn page_json_and_saved_search_tell_the_same_stories() {
    let (home, listen) = home();
    let _daemon = home.start();
    let page = client::get(listen, "/search?q=dien");
    let text = String::from_utf8(page.body).unwrap();
    assert_eq!(page.status, 200);
    assert!(
        text.contains("<mark>điện</mark>") && text.contains("https://vn.example/duong-sat"),
        "{text}"
    );
    assert!(!text.contains("Bakers"), "{text}");
    let page = client::get(listen, "/search?q=%3Cscript%3E+valley");
    let text = String::from_utf8(page.body).unwrap();
    assert!(
        text.contains("&lt;script&gt;") && !text.contains("<script>"),
        "{text}"
    );
    let found = client::get(listen, "/search.json?q=rail*");
    let found: serde_json::Value = serde_json::from_slice(&found.body).unwrap();
    let text = found.to_string();
    assert!(
        text.contains("https://vn.example/railway") && !text.contains("duong-sat"),
        "{text}"
    );
    let rails = client::get(listen, "/rails.json");
    let rails: serde_json::Value = serde_json::from_slice(&rails.body).unwrap();
    let titles: Vec<&str> = rails["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["A railway for the valley"]);
}

/// A document of items by title and day of May 2020, each about a railway.
fn railways(items: &[(&str, u8)]) -> String {
    let item = |(title, day): &(&str, u8)| {
        format!(
            "<item><title>{title}</title><link>https://{title}.example/</link><guid>urn:x:{title}</guid>\
             <pubDate>{day:02} May 2020 08:00:00 GMT</pubDate><description>A railway.</description></item>"
        )
    };
    let items: String = items.iter().map(item).collect();
    format!("<rss version=\"2.0\"><channel><title>Rails</title>{items}</channel></rss>")
}

/// Readers find what a merged feed shows them, and nothing of a feed, a rule's drop or a backlog beside it.
#[test]
fn readers_search_what_they_may_see() {
    let listen = free_address();
    let home = Home::new("");
    home.write("closed.xml", railways(&[("Secret", 3)]));
    home.write(
        "open.xml",
        railways(&[("Shown", 3), ("Advert", 2), ("Backlog", 1)]),
    );
    let feeds = ["closed", "open"].map(|name| {
        let file = home.path(&format!("{name}.xml"));
        (name.to_owned(), format!("file://{}", file.display()))
    });
    let outputs = "[filter.no-ads]\ndrop = 'title contains \"Advert\"'\n\
        [publish.open]\ntitle = \"Open\"\nfeeds = [\"open\"]\nfilters = [\"no-ads\"]\n\
        [publish.saved]\ntitle = \"Saved\"\nfeeds = [\"open\"]\nfilters = [\"no-ads\"]\nsearch = \"railway\"\n";
    let text = config(listen, &feeds, outputs) + "max_new = 2\n";
    home.write("feedmill.toml", text);
    home.verb(&["poll"]);
    let _daemon = home.start();
    let titles = |path: &str, list: &str| -> Vec<String> {
        let found = client::get(listen, path);
        assert_eq!(found.status, 200, "{path}");
        let found: serde_json::Value = serde_json::from_slice(&found.body).unwrap();
        let hits = found[list].as_array().unwrap().iter();
        hits.map(|hit| hit["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(titles("/search.json?q=railway", "hits"), ["Shown"]);
    assert_eq!(titles("/search.json?q=railway+-nothing", "hits"), ["Shown"]);
    assert_eq!(titles("/saved.json", "items"), ["Shown"]);
    let page = client::get(listen, "/search?q=railway");
    let page = String::from_utf8(page.body).unwrap();
    let (_, link) = page
        .split_once("/story/")
        .expect("a link to the story's page");
    let number = link.split('"').next().unwrap();
    assert_eq!(client::get(listen, &format!("/story/{number}")).status, 200);
    // The operator's own search finds all of it.
    let told = home.verb(&["search", "railway"]);
    for title in ["Secret", "Shown", "Advert", "Backlog"] {
        assert!(told.contains(title), "{title}: {told}");
    }
}
