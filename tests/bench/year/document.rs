//! A made-up feed as the document it serves.

use std::fmt::Write as _;

use super::{Feed, Ids, Item};

impl Feed {
    pub(super) fn push(&mut self, item: Item) {
        self.items.push_front(item);
        while self.items.len() > self.window {
            self.gone.extend(self.items.pop_back());
        }
        self.changed = true;
    }

    fn site(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let owner = if self.taken { "spam" } else { "site" };
        format!(
            "{scheme}://www.{owner}-{}-{}.example",
            self.number, self.host
        )
    }

    pub(super) fn link(&self, item: &Item) -> String {
        let (site, slug) = (self.site(), &item.slug);
        match (&item.link, self.style) {
            (Some(link), _) => link.clone(),
            (None, 0) => format!("{site}/2026/{slug}"),
            (None, 1) => format!("{site}/news/{slug}.html"),
            (None, _) => format!("{site}/{slug}/"),
        }
    }

    pub(super) fn document(&self) -> String {
        let title = if self.taken { "Win now" } else { "Feed" };
        let language = if self.taken { "tr" } else { "en" };
        let mut text = format!(
            "<rss version=\"2.0\"><channel><title>{title} {}</title><link>{}/</link><language>{language}</language>",
            self.number,
            self.site()
        );
        for (at, item) in self.items.iter().enumerate() {
            let link = self.link(item);
            let guid = match self.ids {
                Ids::Permalink => format!("<guid>{}</guid>", link.replace('&', "&amp;")),
                Ids::Opaque => format!(
                    "<guid isPermaLink=\"false\">{}-{}-{}</guid>",
                    self.number, self.salt, item.serial
                ),
                Ids::Position => format!("<guid isPermaLink=\"false\">{at}</guid>"),
                Ids::Missing => String::new(),
            };
            let at = jiff::Timestamp::from_second(item.at_s).unwrap();
            let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT");
            write!(
                text,
                "<item><title>{}</title><link>{}</link>{guid}<pubDate>{date}</pubDate>\
                 <category>truth-{}</category><description>{}</description></item>",
                item.title,
                link.replace('&', "&amp;"),
                item.truth,
                item.text
            )
            .unwrap();
        }
        text + "</channel></rss>"
    }
}
