//! Pictures of safe markup: those that only count readers are taken out, the others load late and tell nothing.
//! Takes what the sanitiser has written; gives the same without trackers.

use memchr::memmem;

use super::super::tokens::{Token, Tokens, attributes};

/// How browsers are to load pictures: late, and without telling where from. Written here, not by the sanitiser, which
/// would write the two in an order that changes from run to run.
pub(super) const PICTURE: &str = " loading=\"lazy\" referrerpolicy=\"no-referrer\">";

/// Safe HTML without pictures that nobody is meant to see.
pub(super) fn without_trackers(html: String) -> String {
    let Some(first) = memmem::find(html.as_bytes(), b"<img") else {
        return html;
    };
    let mut out = String::with_capacity(html.len());
    out.push_str(&html[..first]);
    let mut tokens = Tokens::new(&html);
    tokens.seek(first);
    loop {
        let before = tokens.position();
        let Some(token) = tokens.next("") else {
            return out;
        };
        match token {
            Token::Start(tag) if tag.name == "img" => {
                if !is_tracker(tag.attributes) {
                    out.push_str("<img");
                    out.push_str(tag.attributes);
                    out.push_str(PICTURE);
                }
            }
            _ => out.push_str(&html[before..tokens.position()]),
        }
    }
}

pub(super) fn is_tracker(raw: &str) -> bool {
    let mut has_source = false;
    for (name, value) in attributes(raw) {
        match name {
            "src" => {
                has_source = true;
                if is_beacon(value) {
                    return true;
                }
            }
            "srcset" => has_source = true,
            // Kept by the sanitiser only where it hides the picture.
            "style" => return true,
            "width" | "height" if matches!(value.trim().trim_end_matches("px"), "0" | "1") => {
                return true;
            }
            _ => {}
        }
    }
    !has_source
}

/// Whether a style makes a picture one that nobody is meant to see.
pub(super) fn is_hidden(style: &str) -> bool {
    let style = style.to_ascii_lowercase();
    style.split(';').any(|declaration| {
        let (name, value) = declaration.split_once(':').unwrap_or_default();
        let value = value.trim().trim_end_matches("!important").trim_end();
        match name.trim() {
            "display" => value == "none",
            "visibility" => value == "hidden",
            "width" | "height" => matches!(value.trim_end_matches("px"), "0" | "1"),
            _ => false,
        }
    })
}

/// Addresses that serve nothing but to count readers.
fn is_beacon(address: &str) -> bool {
    const BEACONS: &[&str] = &[
        "//feeds.feedburner.com/~r/",
        "//feeds.feedburner.com/~ff/",
        "//feeds2.feedburner.com/~r/",
        "//feedproxy.google.com/~r/",
        "//pixel.wp.com/",
        "//stats.wordpress.com/",
        "//stats.wp.com/",
        "//feeds.wordpress.com/1.0/",
        "//medium.com/_/stat",
        "//pixel.quantserve.com/",
        "//b.scorecardresearch.com/",
        "//sb.scorecardresearch.com/",
        "//www.google-analytics.com/",
        "//ad.doubleclick.net/",
        "//feedads.g.doubleclick.net/",
        "//www.assoc-amazon.com/e/ir",
        "//ir-na.amazon-adsystem.com/",
        "//rss.buysellads.com/",
        "//da.feedsportal.com/",
        "//res.feedsportal.com/",
        "//pi.feedsportal.com/",
        "//ads.pheedo.com/",
        "//www.pheedo.com/",
        "//imageads.googleadservices.com/",
        "//pixel.blog.hu/",
        "//counter.rambler.ru/",
        "//mc.yandex.ru/watch/",
        "//www.facebook.com/tr",
        "//px.ads.linkedin.com/",
        "//track.hubspot.com/",
        "//blogger.googleusercontent.com/tracker/",
    ];
    let mut hosts = memmem::find_iter(address.as_bytes(), b"//").map(|at| &address[at..]);
    hosts.any(|host| BEACONS.iter().any(|beacon| host.starts_with(beacon)))
        || is_blogger_tracker(address)
}

fn is_blogger_tracker(address: &str) -> bool {
    const MARK: &[u8] = b"/tracker";
    memmem::find_iter(address.as_bytes(), MARK).any(|at| {
        let host = &address[..at];
        host.ends_with(".blogspot.com") || host.ends_with("blogger.googleusercontent.com")
    })
}
