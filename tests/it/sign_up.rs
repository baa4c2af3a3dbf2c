//! Signing up: the form over HTTP, the mail that a server really took, the page behind its link, and what the next editions
//! and the config make of it.

use feedmill::model::{
    Confirmation, Roster, SubscriberOrigin, SubscriberRecord, SubscriberStanding, Wishes,
};
use jiff::Timestamp;
use mailparse::{MailHeaderMap as _, parse_mail};

use crate::daemon::config;
use crate::digest_verb::wait_for_mail;
use crate::release::at;
use crate::subscription::{BASE, Desk, FORM};
use crate::support::client::{Response, get, request, send};
use crate::support::process::{Home, free_address};
use crate::support::roster::roster;

const OPEN: &str = "self_service = true\nsign_up = true";

/// Posts the form.
fn ask(desk: &Desk, form: &str) -> Response {
    let body = form.replace('@', "%40");
    send(
        desk.served.address,
        "POST",
        "/subscribe",
        &FORM,
        body.as_bytes(),
    )
}

fn ask_for(desk: &Desk, address: &str) -> Response {
    ask(desk, &format!("digest=morning&address={address}"))
}

/// The path behind the link in the newest mail to `name` that asks for a confirmation.
fn link(desk: &Desk, name: &str) -> String {
    let prefix = format!("{BASE}/subscribe/");
    let texts = desk
        .peer
        .taken()
        .into_iter()
        .rev()
        .filter(|mail| mail.to.contains(name));
    let texts = texts.map(|mail| parse_mail(&mail.bytes).unwrap().get_body().unwrap());
    let links = texts.filter_map(|text| {
        let lines = text.lines().map(str::to_owned);
        lines
            .filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
            .next()
    });
    format!(
        "/subscribe/{}",
        links.into_iter().next().expect("a mail with a link")
    )
}

/// How many mails `name` got.
fn mails(desk: &Desk, name: &str) -> usize {
    let taken = desk.peer.taken();
    taken.iter().filter(|mail| mail.to.contains(name)).count()
}

fn confirm(desk: &Desk, path: &str) -> Response {
    send(desk.served.address, "POST", path, &FORM, b"")
}

async fn known(desk: &Desk, name: &str) -> Option<SubscriberRecord> {
    let all = desk.mill.store.subscribers("morning").await.unwrap();
    all.into_iter()
        .find(|one| one.spec.address.starts_with(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_and_confirms_gets_what_comes_and_outlives_the_config() {
    let mut desk = Desk::open(OPEN).await;
    let form = desk.page("/subscribe");
    assert_eq!(
        (form.status, form.header("cache-control")),
        (200, Some("no-store"))
    );
    assert!(
        form.text()
            .contains("<option value=\"morning\">All</option>")
    );
    let chosen = desk.page("/subscribe?digest=morning");
    assert!(
        chosen
            .text()
            .contains("<option value=\"morning\" selected>")
    );
    assert!(desk.page("/all/").text().contains("href=\"/subscribe\""));

    let answer = ask(
        &desk,
        "digest=morning&address=Cy@Example.COM&timezone=Asia%2FTokyo&language=vi",
    );
    assert_eq!(answer.status, 200);
    assert!(
        answer.text().contains("a mail is on its way"),
        "{}",
        answer.text()
    );
    assert!(
        !answer.text().to_lowercase().contains("cy@"),
        "nothing is echoed"
    );
    desk.run_at("2026-11-24T07:00:00Z").await;
    let taken = desk.peer.taken();
    let mail = taken.last().unwrap();
    assert_eq!(
        (mail.to.as_str(), mails(&desk, "Cy@")),
        ("Cy@example.com", 1)
    );
    let mail = parse_mail(&mail.bytes).unwrap();
    let head = |name: &str| mail.headers.get_first_value(name);
    assert_eq!(head("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(head("To").as_deref(), Some("<Cy@example.com>"));
    assert_eq!(
        head("Subject").as_deref(),
        Some("Xin xác nhận đăng ký: All")
    );
    assert_eq!(head("Content-Language").as_deref(), Some("vi"));
    assert_eq!(
        head("Date").as_deref(),
        Some("Tue, 24 Nov 2026 06:30:00 +0000")
    );
    for header in &mail.headers {
        let name = header.get_key();
        assert!(!name.starts_with("List-") && name != "Precedence", "{name}");
    }
    let text = mail.get_body().unwrap();
    assert!(
        text.contains("news.example.org") && text.contains("26 tháng 11, 15:30"),
        "{text}"
    );

    // Scanners open the link; nothing comes of that.
    let path = link(&desk, "Cy@");
    for method in ["GET", "HEAD"] {
        assert_eq!(request(desk.served.address, method, &path, &[]).status, 200);
    }
    assert!(desk.page(&path).text().contains("Xác nhận</button>"));
    assert!(known(&desk, "Cy").await.is_none());
    let done = confirm(&desk, &path);
    assert_eq!(done.status, 200);
    assert!(done.text().contains("từ số tiếp theo"), "{}", done.text());
    let wishes = Wishes {
        zone: Some("Asia/Tokyo".to_owned()),
        language: Some("vi".to_owned()),
        groups: None,
        weekday: None,
    };
    let record = known(&desk, "Cy").await.unwrap();
    assert_eq!(
        (record.origin, record.wishes),
        (SubscriberOrigin::Own, wishes)
    );

    // They see, and may erase, this too.
    let held = desk.mill.store.held(record.id).await.unwrap();
    assert_eq!(held[0].sign_ups.len(), 1);
    assert_eq!(held[0].sign_ups[0].asked_at, at("2026-11-24T06:30:00Z"));

    desk.reload().await;
    desk.publish().await;
    desk.run_at("2026-11-24T12:00:00Z").await;
    desk.run_at("2026-11-24T21:30:00Z").await;
    // The first pair was there before; what came after is theirs, at half past six in Tokyo.
    assert_eq!(desk.stories("Cy@")[1..], ["Chips 2, Roses 2"]);
    let now = desk.mill.clock.now();
    let store = &desk.mill.store;
    store.erase_subscriber(record.id, now).await.unwrap();
    assert!(store.held(record.id).await.unwrap()[0].sign_ups.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_the_answer_who_is_known() {
    let desk = Desk::open(OPEN).await;
    let (store, now) = (&desk.mill.store, desk.mill.clock.now());
    let (an, bo) = (desk.record("an").await.id, desk.record("bo").await.id);
    let suppressed = SubscriberStanding::Suppressed;
    store.set_standing(bo, suppressed, None, now).await.unwrap();
    let shown = |answer: Response| {
        let headers: Vec<_> = answer
            .headers
            .into_iter()
            .filter(|(name, _)| name != "date")
            .collect();
        (
            answer.status,
            headers,
            String::from_utf8(answer.body).unwrap(),
        )
    };
    let of_a_stranger = shown(ask_for(&desk, "stranger@example.net"));
    assert_eq!(of_a_stranger.0, 200);
    for address in ["an@example.net", "BO@example.net", "stranger@example.net"] {
        assert_eq!(shown(ask_for(&desk, address)), of_a_stranger, "{address}");
    }
    desk.run_at("2026-11-24T07:00:00Z").await;
    // An had the edition, and is asked as anybody is; nothing goes where mail came back from, in whatever spelling.
    assert_eq!(
        (
            mails(&desk, "an@"),
            mails(&desk, "bo@"),
            mails(&desk, "BO@")
        ),
        (2, 1, 0)
    );
    assert_eq!(mails(&desk, "stranger@"), 1);
    confirm(&desk, &link(&desk, "an@"));
    let record = store.subscriber(an).await.unwrap().unwrap();
    assert_eq!(
        (record.standing, record.origin),
        (SubscriberStanding::Active, SubscriberOrigin::Config)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_is_back_once_they_confirm_and_a_link_counts_once() {
    let desk = Desk::open(OPEN).await;
    let own = desk.path("an@");
    desk.post(&own, "act=leave");
    ask_for(&desk, "AN@example.net");
    desk.run_at("2026-11-24T07:00:00Z").await;
    desk.reload().await;
    assert_eq!(desk.standing("an").await, SubscriberStanding::Unsubscribed);
    let path = link(&desk, "AN@");
    confirm(&desk, &path);
    assert_eq!(desk.standing("an").await, SubscriberStanding::Active);
    assert_eq!(
        desk.mill.store.subscribers("morning").await.unwrap().len(),
        2
    );
    desk.post(&own, "act=leave");
    let again = confirm(&desk, &path);
    assert!(again.text().contains("has been used"), "{}", again.text());
    assert!(desk.page(&path).text().contains("has been used"));
    assert_eq!(desk.standing("an").await, SubscriberStanding::Unsubscribed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suppression_is_not_lifted_by_signing_up() {
    let desk = Desk::open(OPEN).await;
    let (store, now) = (&desk.mill.store, desk.mill.clock.now());
    ask_for(&desk, "an@example.net");
    desk.run_at("2026-11-24T07:00:00Z").await;
    // It came back after the link was sent, and its subscriber left.
    let id = desk.record("an").await.id;
    for standing in [
        SubscriberStanding::Suppressed,
        SubscriberStanding::Unsubscribed,
    ] {
        store.set_standing(id, standing, None, now).await.unwrap();
    }
    let page = confirm(&desk, &link(&desk, "an@"));
    assert!(page.text().contains("came back before"), "{}", page.text());
    assert_eq!(desk.standing("an").await, SubscriberStanding::Unsubscribed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_runs_out_and_forged_ones_look_like_it() {
    let desk = Desk::open(OPEN).await;
    ask_for(&desk, "cy@example.net");
    desk.run_at("2026-11-24T07:00:00Z").await;
    let path = link(&desk, "cy@");
    desk.mill.clock.set(at("2026-11-26T06:29:59Z"));
    let unknown = desk.page("/subscribe/nonsense");
    let leads_nowhere = |path: &str| {
        for answer in [desk.page(path), confirm(&desk, path)] {
            let told = (answer.status, answer.text());
            assert_eq!(told, (404, unknown.text()), "{path}");
        }
    };
    // While the link holds, one that differs in the MAC alone, behind the bytes that name the row.
    let (mut forged, place) = (path.clone(), "/subscribe/".len() + 20);
    let other = if forged[place..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    forged.replace_range(place..=place, other);
    leads_nowhere(&forged);
    assert_eq!(desk.page(&path).status, 200);
    desk.mill.clock.set(at("2026-11-26T06:30:00Z"));
    leads_nowhere(&path);
    assert!(known(&desk, "cy").await.is_none());
    // Nothing is kept of whom nobody confirmed.
    desk.mill
        .store
        .maintain(desk.mill.clock.now())
        .await
        .unwrap();
    let (_, row) = feedmill::digest::token::sign_up(
        "morning",
        "cy@example.net",
        at("2026-11-26T06:30:00Z"),
        &desk.mill.store.secret_key(),
    );
    assert!(desk.mill.store.sign_up(row).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_gets_one_mail_an_hour_and_three_a_day() {
    let desk = Desk::open(OPEN).await;
    let ask_at = async |instant: &str| {
        desk.mill.clock.set(at(instant));
        for address in [
            "cy%2Bone@example.net",
            "cy%2Btwo@example.net",
            "CY@example.net",
        ] {
            assert_eq!(ask_for(&desk, address).status, 200);
        }
        desk.run_at(instant).await;
        mails(&desk, "cy") + mails(&desk, "CY")
    };
    assert_eq!(ask_at("2026-11-24T07:00:00Z").await, 1);
    assert_eq!(ask_at("2026-11-24T07:59:59Z").await, 1);
    assert_eq!(ask_at("2026-11-24T08:00:00Z").await, 2);
    assert_eq!(ask_at("2026-11-24T09:00:00Z").await, 3);
    assert_eq!(ask_at("2026-11-24T12:00:00Z").await, 3);
    assert_eq!(ask_at("2026-11-25T07:00:00Z").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_sign_ups_from_everyone_are_told_to_come_later() {
    let desk = Desk::open(OPEN).await;
    let (store, now) = (&desk.mill.store, desk.mill.clock.now());
    let key = store.secret_key();
    let asking = (0..300).map(|n| {
        let address = format!("s{n}@example.net");
        let (_, id) = feedmill::digest::token::sign_up("morning", &address, now, &key);
        let asked = feedmill::model::SignUp {
            digest: "morning".to_owned(),
            address,
            zone: None,
            language: None,
        };
        store.ask_to_subscribe(asked, (id, at("2026-11-26T06:30:00Z")), now)
    });
    futures_util::future::join_all(asking).await;
    let answer = ask_for(&desk, "cy@example.net");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("3600"))
    );
    desk.mill.clock.set(at("2026-11-24T07:30:00Z"));
    assert_eq!(ask_for(&desk, "cy@example.net").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_offered_may_be_asked_for() {
    let desk = Desk::open(OPEN).await;
    for (form, status) in [
        ("digest=evening&address=cy@example.net", 400),
        ("address=cy@example.net", 400),
        (
            "digest=morning&address=cy@example.net&timezone=Mars%2FOlympus",
            400,
        ),
        ("digest=morning&address=cy@example.net&language=xx", 400),
        ("digest=morning", 422),
        ("digest=morning&address=cy", 422),
        ("digest=morning&address=cy@localhost", 422),
        ("digest=morning&address=cy@192.0.2.1", 422),
        ("digest=morning&address=%7Csh@example.net", 422),
        ("digest=morning&address=-oQ@example.net", 422),
        ("digest=morning&address=cy%25far.example@example.net", 422),
        (
            "digest=morning&address=cy@example.net%0D%0ABcc:x@example.net",
            422,
        ),
        ("digest=morning&address=Cy+%3Ccy@example.net%3E", 422),
    ] {
        let answer = ask(&desk, form);
        assert_eq!(answer.status, status, "{form}");
        assert_eq!(
            answer.text().contains("This is no mail address"),
            status == 422
        );
    }
    desk.run_at("2026-11-24T07:00:00Z").await;
    assert_eq!(desk.peer.taken().len(), 2);
    let closed = Desk::open("self_service = true").await;
    assert_eq!(closed.page("/subscribe").status, 404);
    assert_eq!(ask_for(&closed, "cy@example.net").status, 400);
    assert!(!closed.page("/all/").text().contains("/subscribe"));
}

/// The request's own commit holds it: a crash before, during or after an attempt repeats the same bytes.
#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_sends_the_same_mail_however_its_daemon_ended() {
    let desk = Desk::open(OPEN).await;
    ask_for(&desk, "cy@example.net");
    let store = &desk.mill.store;
    assert!(
        store.next_message_at().await.unwrap().is_none(),
        "nothing is written yet"
    );
    let mailer = desk.mailer();
    mailer.write_sign_ups(desk.mill.clock.now()).await.unwrap();
    let claim = async |now: &str, until: &str| -> Vec<_> {
        store
            .claim_messages(at(now), at(until), 9, Vec::new())
            .await
            .unwrap()
    };
    let first = claim("2026-11-24T06:31:00Z", "2026-11-24T07:00:00Z").await;
    assert_eq!(
        (first.len(), first[0].edition, first[0].subscriber),
        (1, None, None)
    );
    assert!(
        claim("2026-11-24T06:32:00Z", "2026-11-24T07:00:00Z")
            .await
            .is_empty()
    );
    mailer.write_sign_ups(desk.mill.clock.now()).await.unwrap();
    let second = claim("2026-11-24T07:00:00Z", "2026-11-24T08:00:00Z").await;
    assert_eq!(
        (second[0].id, &second[0].bytes),
        (first[0].id, &first[0].bytes)
    );
    assert_eq!(second[0].message_id, first[0].message_id);
    let settle = async |lease| {
        let reply = String::new();
        let delivered = feedmill::model::Disposition::Delivered { reply };
        store
            .settle_message(first[0].id, lease, delivered, at("2026-11-24T07:01:00Z"))
            .await
            .unwrap()
    };
    assert!(!settle(first[0].lease).await, "its lease was lost");
    assert!(settle(second[0].lease).await);
    assert!(
        claim("2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z")
            .await
            .is_empty()
    );
    assert!(store.next_message_at().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_once_its_link_has_run_out() {
    let desk = Desk::open(OPEN).await;
    ask_for(&desk, "cy@example.net");
    desk.mailer()
        .write_sign_ups(desk.mill.clock.now())
        .await
        .unwrap();
    desk.run_at("2026-11-26T06:30:00Z").await;
    assert_eq!(mails(&desk, "cy@"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_up_goes_along_when_their_digest_gets_another_name() {
    // More than once: nothing may hang on the order in which rows are found.
    for _ in 0..8 {
        renamed_there_and_back().await;
    }
}

async fn renamed_there_and_back() {
    let desk = Desk::open(OPEN).await;
    ask_for(&desk, "cy@example.net");
    desk.run_at("2026-11-24T07:00:00Z").await;
    confirm(&desk, &link(&desk, "cy@"));
    let store = &desk.mill.store;
    let sync =
        async |roster: Roster, now: &str| store.sync_subscribers(roster, at(now)).await.unwrap();
    let listed = async |digest: &str| -> Vec<(String, SubscriberStanding)> {
        let all = store.subscribers(digest).await.unwrap();
        all.into_iter()
            .map(|one| (one.spec.address, one.standing))
            .collect()
    };
    let active = |address: &str| (address.to_owned(), SubscriberStanding::Active);
    // Nobody is named any more; who signed up stays.
    sync(roster("morning", &[]), "2026-11-24T08:00:00Z").await;
    assert_eq!(listed("morning").await, [active("cy@example.net")]);
    sync(roster("early", &["bo@example.net"]), "2026-11-24T08:00:01Z").await;
    assert_eq!(listed("morning").await, []);
    assert_eq!(
        listed("early").await,
        [active("bo@example.net"), active("cy@example.net")]
    );
    let cy = store.subscribers("early").await.unwrap().remove(1);
    assert_eq!(cy.origin, SubscriberOrigin::Own);
    store
        .unsubscribe(cy.id, "asked", at("2026-11-24T08:00:02Z"))
        .await
        .unwrap();
    let wishes = Wishes {
        zone: Some("Asia/Tokyo".to_owned()),
        ..Wishes::default()
    };
    store
        .set_wishes(cy.id, wishes, "Asia/Tokyo".to_owned())
        .await
        .unwrap();
    // Back under the old name: what was asked and chosen under the other holds.
    sync(roster("morning", &[]), "2026-11-24T08:00:03Z").await;
    let zone = store
        .subscribers("morning")
        .await
        .unwrap()
        .remove(0)
        .spec
        .zone;
    assert_eq!(zone, "Asia/Tokyo");
    let left = (
        "cy@example.net".to_owned(),
        SubscriberStanding::Unsubscribed,
    );
    assert_eq!(listed("morning").await, [left]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_up_keeps_to_the_digests_zone_until_they_choose() {
    let desk = Desk::open(OPEN).await;
    ask_for(&desk, "cy@example.net");
    desk.run_at("2026-11-24T07:00:00Z").await;
    confirm(&desk, &link(&desk, "cy@"));
    let store = &desk.mill.store;
    let mut roster = roster("morning", &[]);
    roster.digests[0].1 = "Asia/Tokyo".to_owned();
    store
        .sync_subscribers(roster, at("2026-11-24T08:00:00Z"))
        .await
        .unwrap();
    assert_eq!(known(&desk, "cy").await.unwrap().spec.zone, "Asia/Tokyo");
    assert_eq!(store.own_zones("morning").await.unwrap(), ["Asia/Tokyo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_of_nothing_is_nothing() {
    let desk = Desk::open(OPEN).await;
    let none = feedmill::model::MessageId(-1);
    let now: Timestamp = desk.mill.clock.now();
    let came = desk
        .mill
        .store
        .confirm_sign_up(none, "UTC".to_owned(), now)
        .await
        .unwrap();
    assert_eq!(came, Confirmation::Unknown);
    assert_eq!(get(desk.served.address, "/subscribe/x").status, 404);
}

/// The built binary: what the form was answered for survives `kill -9` and becomes a mail at the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_outlives_the_daemon_that_took_it() {
    let listen = free_address();
    let home = Home::new(&config(
        listen,
        &[],
        "[digest.morning]\ncron = \"0 0 1 1 *\"\nfrom = \"news@example.org\"\nto = [\"an@example.net\"]\n\
         self_service = true\nsign_up = true\n[mail]\nmaildir = \"mail\"\n",
    ));
    let daemon = home.start();
    let form = b"digest=morning&address=cy%40example.net";
    let answer = send(listen, "POST", "/subscribe", &FORM, form);
    assert_eq!(answer.status, 200);
    daemon.kill();
    let daemon = home.start();
    let mail = wait_for_mail(&home, "cy@example.net");
    let text = parse_mail(&mail).unwrap().get_body().unwrap();
    let line = text.lines().find(|line| line.contains("/subscribe/"));
    let (_, word) = line.unwrap().rsplit_once('/').unwrap();
    let done = send(listen, "POST", &format!("/subscribe/{word}"), &FORM, b"");
    assert_eq!(done.status, 200);
    daemon.kill();
    let told = home.verb(&["digest", "subscribers", "morning", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let origins = [&told[0]["origin"], &told[1]["origin"]];
    assert_eq!(origins, ["config", "self"]);
    assert_eq!(told[1]["address"], "cy@example.net");
    let table = home.verb(&["digest", "subscribers", "morning"]);
    let row = table.lines().find(|line| line.contains("cy@example.net"));
    assert!(row.unwrap().contains(" self   active"), "{table}");
}
