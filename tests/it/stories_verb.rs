//! The verb `stories`: the operator's word in the built binary, what it prints, and how it ends.

use crate::daemon::{ALL, config};
use crate::support::process::{Home, free_address};

const FEED: &str = "<rss version=\"2.0\"><channel><title>Rails</title>\
    <item><title>First</title><link>https://one.example/first-of-all</link><guid>urn:x:1</guid>\
    <pubDate>02 May 2020 08:00:00 GMT</pubDate><description>Ferries.</description></item>\
    <item><title>Second</title><link>https://one.example/second-of-all</link><guid>urn:x:2</guid>\
    <pubDate>01 May 2020 08:00:00 GMT</pubDate><description>Bakers.</description></item></channel></rss>";

/// Entry and story that `why` names.
fn numbers(home: &Home, link: &str) -> (String, String) {
    let told = home.verb(&["why", link]);
    let number = |name: &str| {
        let line = told.lines().find(|line| line.trim().starts_with(name));
        let words = line.unwrap().split([' ', ',']);
        words
            .filter(|word| !word.is_empty())
            .nth(1)
            .unwrap()
            .to_owned()
    };
    (number("entry"), number("story"))
}

#[test]
fn join_keeps_the_older_number_and_split_takes_it_back() {
    let home = Home::new("");
    home.write("feed.xml", FEED);
    let url = format!("file://{}", home.path("feed.xml").display());
    let feeds = [("rails".to_owned(), url)];
    home.write("feedmill.toml", config(free_address(), &feeds, ALL));
    home.verb(&["poll"]);
    let (_, first) = numbers(&home, "https://one.example/first-of-all");
    let (entry, second) = numbers(&home, "https://one.example/second-of-all");
    let kept = format!("story {second} is part of story {first} now\n");
    // Whichever is named first, what is printed is what was done.
    assert_eq!(home.verb(&["stories", "join", &second, &first]), kept);
    assert_eq!(numbers(&home, "https://one.example/second-of-all").1, first);
    let told = home.verb(&["stories", "split", &entry]);
    let (_, own) = numbers(&home, "https://one.example/second-of-all");
    assert_ne!(own, first);
    assert_eq!(told, format!("entry {entry} is story {own} now\n"));
    for (args, named) in [
        (
            ["stories", "join", &first, "99"].as_slice(),
            "no story has the number 99; see: feedmill why URL",
        ),
        (
            &["stories", "join", "98", &first],
            "no story has the number 98; see: feedmill why URL",
        ),
        (
            &["stories", "split", "97"],
            "no entry has the number 97; see: feedmill why URL",
        ),
        (
            &["stories", "join", &first, &first],
            "is one already; name two",
        ),
    ] {
        let ended = home.run(args);
        assert_eq!(ended.status.code(), Some(1));
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(told.contains(named), "{told}");
    }
}
