//! A subscriber's own page: the link in a mail that a server really took, followed over HTTP, and what the next editions
//! make of it.

use std::sync::Arc;

use feedmill::digest::token;
use feedmill::filter::Rules;
use feedmill::mail::{Ground, Mailer, sync};
use feedmill::model::{SubscriberRecord, SubscriberStanding};
use feedmill::telemetry::Metrics;
use mailparse::parse_mail;
use tokio_util::sync::CancellationToken;

use crate::config::fine;
use crate::http::bench::{CALM, Served, start};
use crate::publish::bench::output;
use crate::release::{Mill, at, pairs};
use crate::support::client::{Response, get, request, send};
use crate::support::smtp::{Peer, Script};

pub(crate) const BASE: &str = "https://news.example.org";
pub(crate) const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

/// Feeds, a digest for two, a mail server and a web server.
pub(crate) struct Desk {
    pub(crate) mill: Mill,
    pub(crate) peer: Peer,
    pub(crate) served: Served,
    stories: usize,
}

impl Desk {
    pub(crate) async fn open(digest: &str) -> Self {
        let mut mill = Mill::new(vec![output("all")]).await;
        let peer = Peer::start(Script::default()).await;
        mill.config = fine(&format!(
            "[http]\npublic_url = \"{BASE}/\"\n[group.tech]\ntitle = \"Technology\"\n\
             [[feed]]\nname = \"a\"\nurl = \"https://a.example/feed\"\ngroups = [\"tech\"]\n\
             [[feed]]\nname = \"b\"\nurl = \"https://b.example/feed\"\ngroups = [\"home\"]\n\
             [publish.all]\ntitle = \"All\"\n[digest.morning]\ncron = \"30 6 * * *\"\ntimezone = \"UTC\"\nfrom = \"News <news@example.org>\"\n\
             to = [\"an@example.net\", \"bo@example.net\"]\n{digest}\n\
             [mail]\nsmtp = \"127.0.0.1:{}\"\ntls = \"none\"\n",
            peer.address.port()
        ));
        mill.clock.set(at("2026-11-24T00:00:00Z"));
        sync(&mill.store, &mill.config, mill.clock.now())
            .await
            .unwrap();
        let served = start(&mill, CALM).await;
        let mut desk = Self {
            mill,
            peer,
            served,
            stories: 0,
        };
        desk.run_at("2026-11-24T00:00:01Z").await;
        desk.publish().await;
        desk.run_at("2026-11-24T06:30:00Z").await;
        desk
    }

    /// "Chips N" in the group tech and "Roses N" in home.
    pub(crate) async fn publish(&mut self) {
        self.stories += 1;
        let n = self.stories.to_string();
        for (feed, title) in [("a", format!("Chips {n}")), ("b", format!("Roses {n}"))] {
            self.mill.poll(feed, &pairs(&[(&n, &title)])).await;
        }
    }

    /// Moves the clock, freezes what is due, and sends.
    pub(crate) async fn run_at(&self, instant: &str) {
        self.mill.clock.set(at(instant));
        let mailer = self.mailer();
        mailer.freeze_due(self.mill.clock.now()).await.unwrap();
        mailer.write_sign_ups(self.mill.clock.now()).await.unwrap();
        mailer.drain(&CancellationToken::new()).await.unwrap();
    }

    /// A flow of mail, as after a restart.
    pub(crate) fn mailer(&self) -> Mailer {
        let ground = Ground {
            config: Arc::new(self.mill.config.clone()),
            rules: Rules::default(),
            clock: self.mill.clock.clone(),
            metrics: Metrics::default(),
        };
        Mailer::new(self.mill.store.clone(), ground)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// Text of each mail that `name` got, in order.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let taken = self.peer.taken();
        let theirs = taken.iter().filter(|mail| mail.to.contains(name));
        theirs
            .map(|mail| {
                let mail = parse_mail(&mail.bytes).unwrap();
                mail.subparts.first().unwrap_or(&mail).get_body().unwrap()
            })
            .collect()
    }

    /// Stories of each mail that `name` got: "Chips 1, Roses 1".
    pub(crate) fn stories(&self, name: &str) -> Vec<String> {
        let stories = |text: &String| {
            let lines = text.lines().map(str::trim);
            let told = |line: &&str| line.starts_with("Chips ") || line.starts_with("Roses ");
            let mut titles: Vec<&str> = lines.filter(told).collect();
            titles.retain(|line| line.split(' ').count() == 2);
            titles.sort_unstable();
            titles.join(", ")
        };
        self.texts(name).iter().map(stories).collect()
    }

    /// The path of the page that the first mail to `name` leads to.
    pub(crate) fn path(&self, name: &str) -> String {
        let text = self.texts(name).remove(0);
        let link = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(BASE))
            .find(|path| path.starts_with("/subscription/"));
        link.expect("the mail leads to the page").to_owned()
    }

    pub(crate) fn page(&self, path: &str) -> Response {
        get(self.served.address, path)
    }

    /// Posts `form` with the seal of the page at `path`.
    pub(crate) fn post(&self, path: &str, form: &str) -> Response {
        let seal = seal(self.page(path).text());
        let body = format!("seal={seal}&{form}");
        send(self.served.address, "POST", path, &FORM, body.as_bytes())
    }

    pub(crate) async fn record(&self, name: &str) -> SubscriberRecord {
        let all = self.mill.store.subscribers("morning").await.unwrap();
        let mut found = all.into_iter();
        found
            .find(|one| one.spec.address.starts_with(name))
            .unwrap()
    }

    pub(crate) async fn standing(&self, name: &str) -> SubscriberStanding {
        self.record(name).await.standing
    }

    /// As a reload or a restart does.
    pub(crate) async fn reload(&self) {
        let now = self.mill.clock.now();
        sync(&self.mill.store, &self.mill.config, now)
            .await
            .unwrap();
    }
}

fn seal(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"seal\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_subscriber_chooses_holds_from_the_next_edition_and_outlives_the_config() {
    let mut desk = Desk::open("self_service = true").await;
    let path = desk.path("an@");
    let page = desk.page(&path);
    assert_eq!(
        (page.status, page.header("cache-control")),
        (200, Some("no-store"))
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let text = page.text();
    assert!(text.contains("an@example.net receives “All”."), "{text}");
    assert!(text.contains("Technology") && text.contains("Usual: UTC"));
    assert!(!text.contains("bo@") && !text.contains("<script"));

    let saved = desk.post(
        &path,
        "act=save&group=tech&timezone=Asia%2FTokyo&language=vi",
    );
    assert_eq!(saved.status, 200);
    assert!(saved.text().contains("<html lang=\"vi\""));
    assert!(saved.text().contains("role=\"status\""));
    assert!(
        saved
            .text()
            .contains("<option value=\"Asia/Tokyo\" selected>")
    );
    desk.reload().await;
    desk.publish().await;
    desk.run_at("2026-11-24T12:00:00Z").await;
    // Half past six in Tokyo.
    desk.run_at("2026-11-24T21:30:00Z").await;
    assert_eq!(desk.stories("an@"), ["Chips 1, Roses 1", "Chips 2"]);
    let mail = desk.texts("an@").remove(1);
    assert!(mail.contains("Để tạm dừng"));
    let (_, leave) = mail.split_once("/unsubscribe/").unwrap();
    let leave = leave.split_whitespace().next().unwrap();
    let page = desk.page(&format!("/unsubscribe/{leave}"));
    assert!(page.text().contains("<html lang=\"vi\""), "{}", page.text());
    assert_eq!(desk.stories("bo@"), ["Chips 1, Roses 1"]);
    desk.run_at("2026-11-25T06:30:00Z").await;
    assert_eq!(desk.stories("bo@")[1..], ["Chips 2, Roses 2"]);
    assert_eq!(desk.stories("an@").len(), 2);

    // What is taken back is as the config has it.
    desk.post(&path, "act=save&timezone=&language=");
    desk.publish().await;
    desk.run_at("2026-11-26T06:30:00Z").await;
    assert_eq!(desk.stories("an@")[2..], ["Chips 3, Roses 3"]);
    assert_eq!(desk.record("an").await.wishes, Default::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_rests_leaves_and_comes_back_when_they_ask() {
    let mut desk = Desk::open("self_service = true").await;
    let path = desk.path("an@");
    for _ in 0..2 {
        assert_eq!(desk.post(&path, "act=pause").status, 200);
        assert_eq!(desk.standing("an").await, SubscriberStanding::Paused);
    }
    desk.publish().await;
    desk.run_at("2026-11-25T06:30:00Z").await;
    assert_eq!(desk.stories("an@").len(), 1);
    desk.post(&path, "act=resume");
    desk.publish().await;
    desk.run_at("2026-11-26T06:30:00Z").await;
    // What went by while they rested is not owed.
    assert_eq!(desk.stories("an@")[1..], ["Chips 3, Roses 3"]);

    desk.post(&path, "act=leave");
    desk.reload().await;
    assert_eq!(desk.standing("an").await, SubscriberStanding::Unsubscribed);
    let left = desk.page(&path);
    assert!(left.text().contains("Subscribe again"));
    for method in ["GET", "HEAD"] {
        request(desk.served.address, method, &path, &[]);
    }
    assert_eq!(desk.standing("an").await, SubscriberStanding::Unsubscribed);
    desk.post(&path, "act=resume");
    assert_eq!(desk.standing("an").await, SubscriberStanding::Active);
    assert_eq!(desk.standing("bo").await, SubscriberStanding::Active);

    // What bounces have brought about is not theirs to lift.
    let (store, id) = (&desk.mill.store, desk.record("an").await.id);
    let now = desk.mill.clock.now();
    let suppressed = SubscriberStanding::Suppressed;
    store.set_standing(id, suppressed, None, now).await.unwrap();
    let page = desk.post(&path, "act=resume");
    assert_eq!(desk.standing("an").await, suppressed);
    assert!(page.text().contains("came back") && !page.text().contains("Saved"));
    let page = desk.post(&path, "act=pause");
    assert!(!page.text().contains("Saved"), "nothing was changed");
    // Nor by the detour of leaving and coming back.
    let page = desk.post(&path, "act=leave");
    assert!(page.text().contains("Saved") && !page.text().contains("Subscribe again"));
    let page = desk.post(&path, "act=resume");
    assert!(!page.text().contains("Saved"));
    desk.post(&path, "act=erase");
    desk.post(&path, "act=resume");
    assert_eq!(desk.standing("an").await, SubscriberStanding::Unsubscribed);
    // It is the operator's.
    let active = SubscriberStanding::Active;
    let store = &desk.mill.store;
    store.set_standing(id, active, None, now).await.unwrap();
    desk.post(&path, "act=leave");
    desk.post(&path, "act=resume");
    assert_eq!(desk.standing("an").await, active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_must_come_from_the_page_and_ask_for_what_it_offers() {
    let desk = Desk::open("self_service = true").await;
    let (path, other) = (desk.path("an@"), desk.path("bo@"));
    let foreign = seal(desk.page(&other).text());
    for body in [
        "act=leave".to_owned(),
        "List-Unsubscribe=One-Click".to_owned(),
        format!("seal={foreign}&act=leave"),
        format!("seal={}&act=leave", path.rsplit('/').next().unwrap()),
    ] {
        let answer = send(desk.served.address, "POST", &path, &FORM, body.as_bytes());
        assert_eq!(answer.status, 400, "{body}");
    }
    for form in [
        "act=save&timezone=Mars%2FOlympus",
        "act=save&timezone=..%2F..%2Fetc%2Fpasswd",
        "act=save&language=xx",
        "act=save&group=nosuch",
        "act=promote",
        "",
    ] {
        assert_eq!(desk.post(&path, form).status, 400, "{form}");
    }
    let record = desk.record("an").await;
    assert_eq!(record.standing, SubscriberStanding::Active);
    assert_eq!(record.wishes, Default::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_self_service_there_is_no_page_and_no_mail_leads_to_it() {
    let desk = Desk::open("").await;
    assert!(!desk.texts("an@")[0].contains("/subscription/"));
    let (key, id) = (desk.mill.store.secret_key(), desk.record("an").await.id);
    let word = |purpose| token::make(purpose, "morning", id, &key);
    let closed = desk.page(&format!("/subscription/{}", word(token::SUBSCRIPTION)));
    let open = Desk::open("self_service = true").await;
    let key = open.mill.store.secret_key();
    let header = token::make(token::UNSUBSCRIBE, "morning", id, &key);
    // The address in the header, which mailbox providers know, does not lead to the page.
    let forged = open.page(&format!("/subscription/{header}"));
    assert_eq!((closed.status, forged.status), (404, 404));
    assert_eq!(closed.text(), forged.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_sees_all_that_is_stored_and_has_it_erased() {
    let mut desk = Desk::open("self_service = true").await;
    let path = desk.path("an@");
    desk.post(&path, "act=save&language=vi");
    let file = desk.post(&path, "act=export");
    let kind = file.header("content-disposition").unwrap();
    assert!(kind.starts_with("attachment"), "{kind}");
    assert_eq!(file.header("cache-control"), Some("no-store"));
    assert_eq!(file.header("access-control-allow-origin"), None);
    assert!(!file.text().contains("bo@"));
    let held: serde_json::Value = serde_json::from_str(file.text()).unwrap();
    let own = &held[0];
    assert_eq!(
        (held.as_array().unwrap().len(), &own["digest"]),
        (1, &"morning".into())
    );
    assert_eq!(own["address"], "an@example.net");
    assert_eq!(own["wishes"]["language"], "vi");
    assert_eq!(own["mails"][0]["standing"], "delivered");

    assert_eq!(desk.post(&path, "act=erase").status, 200);
    desk.reload().await;
    let left = desk.record("an").await;
    assert_eq!(left.standing, SubscriberStanding::Unsubscribed);
    assert_eq!((left.wishes, left.spec.name), (Default::default(), None));
    let held: serde_json::Value =
        serde_json::from_str(desk.post(&path, "act=export").text()).unwrap();
    assert_eq!(held[0]["mails"], serde_json::json!([]));
    desk.publish().await;
    desk.run_at("2026-11-25T06:30:00Z").await;
    assert_eq!(desk.stories("an@").len(), 1);
    assert_eq!(desk.stories("bo@").len(), 2);
    let editions = desk.mill.store.editions("morning", 9).await.unwrap();
    for edition in editions {
        let messages = desk.mill.store.edition_messages(edition.id).await.unwrap();
        let to: Vec<&str> = messages
            .iter()
            .map(|view| view.message.envelope_to.as_str())
            .collect();
        assert_eq!(to, ["bo@example.net"]);
    }
}
