//! Which feeds a page has: the page itself, its link elements and headers, then a few usual paths. Takes an address, gives
//! feeds that were read and addresses that were only named. Refuses to ask more than five documents, to ask a host
//! faster than its gap, and to try paths that robots.txt closes: nobody named them (R5.11).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::FirstDocument;
use crate::clock::Clock;
use crate::fetch::{Answer, Fetcher, Hosts, Signal, Start};
use crate::model::{ParsedFeed, PollTrouble, TroubleClass};
use crate::parse::{ParseContext, ParseError, parse};
use crate::schedule::Draw;

/// Requests after the first.
const BUDGET: usize = 4;
/// No page worth reading is larger.
const PAGE_BYTES: u64 = 4 << 20;
/// A host that wants more rest than this is not waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);
const ACCEPT: &str = "text/html, application/xhtml+xml, application/atom+xml, application/rss+xml, \
    application/feed+json, application/xml;q=0.8, */*;q=0.1";
/// Where feeds usually are, most usual first.
const USUAL: [&str; 3] = ["/feed", "/feed.xml", "/atom.xml"];

/// How a feed was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// The address is the feed.
    Itself,
    /// A `Link` header.
    Header,
    /// A link element of the page.
    Link,
    /// A usual path.
    UsualPath,
}

/// A feed, or an address that may be one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FoundFeed {
    /// Where, after redirects.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// Entries in it; none where it was named and not asked, to keep within the budget.
    pub entries: Option<usize>,
    /// How it was found.
    pub by: FoundBy,
    /// What was read there.
    #[serde(skip)]
    pub document: Option<FirstDocument>,
}

/// Looks for feeds. Politeness is that of the polls: the same hosts, the same gaps.
pub struct Scout {
    /// Makes exchanges.
    pub fetcher: Fetcher,
    /// Politeness per host.
    pub hosts: Hosts,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub draw: Arc<dyn Fn() -> Draw + Send + Sync>,
}

/// One document asked for.
enum Seen {
    Feed(Box<(Answer, ParsedFeed)>),
    Page(Url, Vec<(FoundBy, Url)>),
    Other(String),
}

impl Scout {
    /// Feeds that `address` leads to, best first; none is an answer too.
    ///
    /// # Errors
    /// When the page itself cannot be read.
    pub async fn discover(&self, address: &Url) -> Result<Vec<FoundFeed>, PollTrouble> {
        let (page, named) = match self.see(address).await? {
            Seen::Feed(seen) => return Ok(vec![found(*seen, FoundBy::Itself)]),
            Seen::Page(url, named) => (url, named),
            Seen::Other(why) => return Err(trouble(TroubleClass::NotAFeed, &why)),
        };
        let mut feeds = Vec::new();
        let mut budget = BUDGET;
        for (by, url) in named {
            self.try_one((by, &url), &mut budget, &mut feeds).await;
        }
        if feeds.is_empty() && budget == BUDGET {
            self.usual_paths(&page, &mut budget, &mut feeds).await;
        }
        Ok(feeds)
    }

    async fn usual_paths(&self, page: &Url, budget: &mut usize, feeds: &mut Vec<FoundFeed>) {
        *budget -= 1;
        let Some(open) = self.robots(page).await else {
            return;
        };
        let urls = USUAL.iter().filter_map(|path| page.join(path).ok());
        for url in urls.filter(|url| {
            open.as_ref()
                .is_none_or(|robot| robot.allowed(url.as_str()))
        }) {
            self.try_one((FoundBy::UsualPath, &url), budget, feeds)
                .await;
            if !feeds.is_empty() {
                return;
            }
        }
    }

    /// The site's rules: none inside where it has none, none at all where they cannot be known (RFC 9309 2.3.1).
    async fn robots(&self, page: &Url) -> Option<Option<texting_robots::Robot>> {
        let url = page.join("/robots.txt").ok()?;
        let answer = self.get(&url, "text/plain, */*;q=0.1").await.ok()?;
        match answer.status {
            200..300 => texting_robots::Robot::new("feedmill", &answer.body)
                .ok()
                .map(Some),
            400..500 if answer.status != 429 => Some(None),
            _ => None,
        }
    }

    /// Asks one candidate while the budget lasts; a named one beyond it is told unasked.
    async fn try_one(
        &self,
        (by, url): (FoundBy, &Url),
        budget: &mut usize,
        feeds: &mut Vec<FoundFeed>,
    ) {
        if feeds.iter().any(|known| known.url == url.as_str()) {
            return;
        }
        if *budget == 0 {
            feeds.extend((by != FoundBy::UsualPath).then(|| FoundFeed {
                url: url.to_string(),
                title: None,
                entries: None,
                by,
                document: None,
            }));
            return;
        }
        *budget -= 1;
        if let Ok(Seen::Feed(seen)) = self.see(url).await
            && feeds.iter().all(|known| known.url != seen.0.url.as_str())
        {
            feeds.push(found(*seen, by));
        }
    }

    async fn see(&self, url: &Url) -> Result<Seen, PollTrouble> {
        let answer = self.get(url, ACCEPT).await?;
        if answer.status != 200 {
            let mut wrong = trouble(TroubleClass::Status, &format!("answered {}", answer.status));
            wrong.status = Some(answer.status);
            return Err(wrong);
        }
        let context = ParseContext {
            content_type: answer.content_type.clone(),
            base_url: Some(answer.url.to_string()),
        };
        let body = answer.body.clone();
        let parsed = tokio::task::spawn_blocking(move || parse(&body, &context)).await;
        Ok(match parsed {
            Ok(Ok(feed)) => Seen::Feed(Box::new((answer, feed))),
            Ok(Err(ParseError::WebPage { feeds })) => {
                let named = named(&answer, &feeds);
                Seen::Page(answer.url, named)
            }
            Ok(Err(error)) => Seen::Other(error.to_string()),
            Err(_) => Seen::Other("reading the document ended in a bug of ours".to_owned()),
        })
    }

    /// One GET once its host gives leave.
    async fn get(&self, url: &Url, accept: &str) -> Result<Answer, PollTrouble> {
        let slot = loop {
            let now = self.clock.now();
            let at = match self.hosts.try_start(url, now, (self.draw)()) {
                Start::Now(slot) => break slot,
                Start::NotBefore(at, _) => at,
            };
            if at.duration_since(now) > PATIENCE {
                return Err(rests(at));
            }
            let nap = Duration::try_from(at.duration_since(now)).unwrap_or_default();
            tokio::time::sleep(nap.max(Duration::from_millis(1))).await;
            if self.clock.now() == now {
                return Err(rests(at));
            }
        };
        let answer = self
            .fetcher
            .get_page(url, PAGE_BYTES, accept, self.clock.now())
            .await;
        let signal = match &answer {
            Ok(answer) => match answer.status {
                429 => Signal::Throttled(answer.retry_after),
                503 => Signal::Unavailable(answer.retry_after),
                403 => Signal::Forbidden,
                _ => Signal::Answered,
            },
            Err(_) => Signal::Unreachable,
        };
        self.hosts.finish(slot, self.clock.now(), signal);
        answer
    }
}

/// Alternates of the header, then the page's own feeds, each once.
fn named(answer: &Answer, feeds: &[String]) -> Vec<(FoundBy, Url)> {
    let headers = answer.links.iter().filter(|(rel, _)| rel == "alternate");
    let headers = headers.map(|(_, url)| (FoundBy::Header, url.as_str()));
    let links = feeds.iter().map(|url| (FoundBy::Link, url.as_str()));
    let mut named: Vec<(FoundBy, Url)> = Vec::new();
    for (by, text) in links.chain(headers) {
        // Only what can be asked; an alternate may be a mail address or an application's own scheme.
        let url = answer.url.join(text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        if let Some(url) = url.filter(|url| named.iter().all(|(_, known)| known != url)) {
            named.push((by, url));
        }
    }
    named
}

fn found((answer, feed): (Answer, ParsedFeed), by: FoundBy) -> FoundFeed {
    FoundFeed {
        url: answer.url.to_string(),
        title: feed.title,
        entries: Some(feed.entries.len()),
        by,
        document: Some(FirstDocument {
            body: answer.body,
            content_type: answer.content_type,
            validators: answer.validators,
            links: answer.links,
        }),
    }
}

fn rests(at: Timestamp) -> PollTrouble {
    let at = at.strftime("%Y-%m-%d %H:%M:%SZ");
    trouble(
        TroubleClass::Throttled,
        &format!("its host needs rest until {at}: try again then"),
    )
}

fn trouble(class: TroubleClass, text: &str) -> PollTrouble {
    PollTrouble {
        class,
        status: None,
        text: text.to_owned(),
    }
}
