//! Delivery at its boundary: a scripted server on a real socket, every fault to its outcome and disposition.

use std::path::PathBuf;
use std::time::Duration;

use feedmill::config::{DkimConfig, Listen, MailConfig, MailTls, Secret, Transport};
use feedmill::deliver::bounce::Kind;
use feedmill::deliver::{Deadlines, Deliverer, Halt, Latch, Outcome, Signer, settled};
use feedmill::model::{Disposition, EditionId, MessageId, OutboxMessage, SubscriberId};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::support::smtp::{Act, Peer, Script, certificate};

const NOW: i64 = 1_795_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn message(to: &str) -> OutboxMessage {
    OutboxMessage {
        id: MessageId(1),
        edition: Some(EditionId(1)),
        subscriber: Some(SubscriberId(1)),
        message_id: format!("slot.{to}"),
        envelope_from: "news@example.org".to_owned(),
        envelope_to: to.to_owned(),
        bytes: b"Subject: hi\r\n\r\n.leading dot\r\nbody\r\n".to_vec(),
        attempts: 0,
        queued_at: now(),
        lease: 1,
    }
}

fn config(transport: Transport) -> MailConfig {
    MailConfig {
        transport,
        connections: 1,
        per_connection: 100,
        rate_per_minute: 0,
        verp: false,
        bounce_address: None,
        bounce_maildir: None,
        dkim: None,
    }
}

fn smtp(peer: &Peer) -> MailConfig {
    config(Transport::Smtp {
        host: "127.0.0.1".to_owned(),
        port: peer.address.port(),
        tls: MailTls::None,
        login: None,
        ca_certificate: None,
        hello: None,
    })
}

/// Deadlines long enough for a loaded machine where something is to come, short where nothing will.
fn hasty() -> Deadlines {
    let (long, short) = (Duration::from_secs(20), Duration::from_millis(300));
    Deadlines {
        connect: long,
        greeting: short,
        command: short,
        data: short,
        body: long,
        dot: short,
    }
}

fn deliverer(config: &MailConfig) -> Deliverer {
    Deliverer::new(config, "client.example").unwrap()
}

async fn send_one(deliverer: &Deliverer, to: &str) -> Outcome {
    match deliverer.open().await {
        Ok(mut line) => line.send(&message(to), &Halt::never()).await,
        Err(outcome) => outcome,
    }
}

/// The word of the outcome of one message to `a@example.net` on a fresh connection, with and without pipelining.
#[track_caller]
fn check(step: &'static str, act: Act, expected: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for offers in [vec![], vec!["PIPELINING"]] {
        let silent = act == Act::Silence;
        let script = Script {
            offers,
            acts: [(step, act.clone())].into(),
            ..Script::default()
        };
        let outcome = runtime.block_on(async {
            let peer = Peer::start(script).await;
            let deliverer = deliverer(&smtp(&peer));
            let deliverer = if silent {
                deliverer.with_deadlines(hasty())
            } else {
                deliverer
            };
            send_one(&deliverer, "a@example.net").await
        });
        assert_eq!(outcome.word(), expected, "{step} {act:?}: {outcome:?}");
        assert!(!outcome.reason().contains('@'), "no address in {outcome:?}");
    }
}

#[test]
fn every_fault_before_a_message_releases_it() {
    for act in [
        Act::Close,
        Act::Silence,
        Act::Say("554 5.3.2 no"),
        Act::Say("421 4.3.2 busy"),
        Act::Say("hello there"),
    ] {
        check("connect", act.clone(), "released");
        check("EHLO", act, "released");
    }
}

#[test]
fn a_refused_sender_releases_it() {
    check("MAIL", Act::Say("530 5.7.0 log in"), "released");
    check("MAIL", Act::Say("550 5.7.1 you again"), "released");
}

#[test]
fn faults_before_the_final_dot_are_certain() {
    for step in ["MAIL", "RCPT", "DATA"] {
        check(step, Act::Close, "transient");
        check(step, Act::Silence, "transient");
        check(step, Act::Say("451 4.3.0 later"), "transient");
        check(step, Act::SayAndClose("421 4.3.2 closing"), "transient");
    }
}

#[test]
fn refusals_are_permanent() {
    check(
        "RCPT",
        Act::Say("550 5.1.1 <a@example.net> unknown"),
        "permanent",
    );
    check("DATA", Act::Say("554 5.7.1 no"), "permanent");
    check("dot", Act::Say("552 5.3.4 too big"), "permanent");
    check("MAIL", Act::Say("552 5.3.4 too big"), "permanent");
}

/// Whose fault a refusal at `step` is, and the status it is told with.
#[track_caller]
fn check_refusal(step: &'static str, words: &'static str, expected: (Kind, &str)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for lmtp in [false, true] {
        let script = Script {
            acts: [(step, Act::Say(words))].into(),
            lmtp,
            ..Script::default()
        };
        let outcome = runtime.block_on(async {
            let peer = Peer::start(script).await;
            let mail = match lmtp {
                true => config(Transport::Lmtp(Listen::Tcp(peer.address))),
                false => smtp(&peer),
            };
            send_one(&deliverer(&mail), "a@example.net").await
        });
        let Outcome::Refused { kind, status, .. } = &outcome else {
            panic!("{step} {words}: {outcome:?}")
        };
        assert_eq!((*kind, status.as_str()), expected, "{step} {words}");
    }
}

#[test]
fn a_refusal_is_judged_by_its_status_as_a_bounce_is() {
    for step in ["RCPT", "dot"] {
        check_refusal(step, "550 5.1.1 unknown", (Kind::Hard, "5.1.1"));
        check_refusal(step, "552 5.2.2 mailbox full", (Kind::Soft, "5.2.2"));
        check_refusal(step, "550 5.1.8 sender unknown", (Kind::Policy, "5.1.8"));
        check_refusal(step, "550 5.1.0 address", (Kind::Soft, "5.1.0"));
        check_refusal(step, "554 5.7.1 not you", (Kind::Policy, "5.7.1"));
    }
    // Without a status: at RCPT nobody knows what is refused, at the dot it is the message.
    check_refusal("RCPT", "550 listed", (Kind::Soft, "5.0.0"));
    check_refusal("dot", "554 no", (Kind::Policy, "5.0.0"));
}

#[test]
fn the_answer_to_the_final_dot_decides() {
    check("dot", Act::Say("451 4.3.0 later"), "transient");
    check("dot", Act::SayAndClose("421 4.3.2 closing"), "transient");
    check("dot", Act::Close, "uncertain");
    check("dot", Act::Silence, "uncertain");
}

#[tokio::test]
async fn a_message_arrives_as_it_was_and_the_connection_is_used_again() {
    for script in [
        Script::default(),
        Script {
            offers: vec!["PIPELINING", "SIZE 1000000"],
            ..Script::default()
        },
        Script {
            crawl: true,
            ..Script::default()
        },
    ] {
        let size = script.offers.len() == 2;
        let peer = Peer::start(script).await;
        let deliverer = deliverer(&smtp(&peer));
        let mut line = deliverer.open().await.unwrap();
        for to in ["a@example.net", "b@example.net"] {
            let outcome = line.send(&message(to), &Halt::never()).await;
            assert_eq!(
                outcome,
                Outcome::Delivered {
                    reply: "250 2.0.0 queued as Q1 for <…>".to_owned()
                }
            );
        }
        let taken = peer.taken();
        assert_eq!(
            taken
                .iter()
                .map(|taken| taken.to.as_str())
                .collect::<Vec<_>>(),
            ["a@example.net", "b@example.net"]
        );
        assert!(
            taken.iter().all(|taken| taken.bytes == message("x").bytes),
            "{taken:?}"
        );
        assert_eq!(
            taken[0].from,
            if size {
                "<news@example.org> SIZE=35"
            } else {
                "<news@example.org>"
            }
        );
        assert_eq!(peer.connections(), 1);
    }
}

#[tokio::test]
async fn a_refused_recipient_does_not_stop_the_next() {
    for offers in [vec![], vec!["PIPELINING"]] {
        let recipients = [(
            "gone@example.net",
            Act::Say("550 5.1.1 <gone@example.net> unknown"),
        )]
        .into();
        let peer = Peer::start(Script {
            offers,
            recipients,
            ..Script::default()
        })
        .await;
        let mut line = deliverer(&smtp(&peer)).open().await.unwrap();
        let refused = line
            .send(&message("gone@example.net"), &Halt::never())
            .await;
        assert_eq!(
            settled(refused, 0, now(), 0.0),
            Disposition::Permanent {
                reason: "550 5.1.1 <…> unknown".to_owned(),
            }
        );
        assert_eq!(
            line.send(&message("a@example.net"), &Halt::never())
                .await
                .word(),
            "delivered"
        );
        assert!(peer.commands().contains(&"RSET".to_owned()));
        assert_eq!((peer.connections(), peer.taken().len()), (1, 1));
    }
}

#[tokio::test]
async fn a_session_that_has_had_enough_is_closed_not_failed() {
    for act in [
        Act::Say("452 4.5.3 too many messages sent"),
        Act::SayAndClose("421 too many messages in this connection"),
        Act::Close,
    ] {
        for offers in [vec![], vec!["PIPELINING"]] {
            let script = Script {
                session_limit: Some((1, act.clone())),
                offers,
                ..Script::default()
            };
            let peer = Peer::start(script).await;
            let mut line = deliverer(&smtp(&peer)).open().await.unwrap();
            assert_eq!(
                line.send(&message("a@example.net"), &Halt::never())
                    .await
                    .word(),
                "delivered"
            );
            let outcome = line.send(&message("b@example.net"), &Halt::never()).await;
            assert!(
                matches!(outcome, Outcome::Closed { .. }),
                "{act:?}: {outcome:?}"
            );
            assert!(!line.usable());
        }
    }
}

#[tokio::test]
async fn lmtp_is_spoken() {
    let peer = Peer::start(Script {
        lmtp: true,
        ..Script::default()
    })
    .await;
    let deliverer = deliverer(&config(Transport::Lmtp(Listen::Tcp(peer.address))));
    assert_eq!(
        send_one(&deliverer, "a@example.net").await.word(),
        "delivered"
    );
    assert_eq!(peer.commands()[0], "LHLO client.example");
}

/// Connects with TLS as `mode`, trusting the peer's certificate or not, and logs in.
async fn secure(
    mode: MailTls,
    trust: bool,
    offers: Vec<&'static str>,
    acts: &[(&'static str, Act)],
) -> (Outcome, Peer) {
    let (acceptor, pem) = certificate();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    let script = Script {
        tls: Some(acceptor),
        implicit: mode == MailTls::Implicit,
        acts: acts.iter().cloned().collect(),
        offers,
        ..Script::default()
    };
    let peer = Peer::start(script).await;
    let mail = config(Transport::Smtp {
        host: "localhost".to_owned(),
        port: peer.address.port(),
        tls: mode,
        login: Some(("news".to_owned(), Secret::new("canary-password".to_owned()))),
        ca_certificate: trust.then_some(path),
        hello: Some("named.example".to_owned()),
    });
    (send_one(&deliverer(&mail), "a@example.net").await, peer)
}

#[tokio::test]
async fn tls_and_login() {
    for mode in [MailTls::Starttls, MailTls::Implicit] {
        for offer in ["AUTH PLAIN LOGIN", "AUTH LOGIN"] {
            let (outcome, peer) = secure(mode, true, vec![offer], &[]).await;
            assert_eq!(outcome.word(), "delivered", "{mode:?} {outcome:?}");
            assert!(peer.taken()[0].secure);
        }
        let (outcome, peer) = secure(mode, false, vec!["AUTH PLAIN"], &[]).await;
        assert_eq!(
            (outcome.word(), peer.taken().len()),
            ("released", 0),
            "an unknown certificate is refused"
        );
        let (outcome, _) = secure(
            mode,
            true,
            vec!["AUTH PLAIN"],
            &[("AUTH", Act::Say("535 5.7.8 wrong"))],
        )
        .await;
        assert_eq!(
            outcome,
            Outcome::Unavailable {
                reason: "login refused: 535 5.7.8 wrong".to_owned()
            }
        );
    }
}

#[tokio::test]
async fn starttls_is_not_given_up() {
    let (outcome, peer) = secure(
        MailTls::Starttls,
        true,
        vec![],
        &[("STARTTLS", Act::Say("454 4.7.0 no"))],
    )
    .await;
    assert_eq!(
        outcome,
        Outcome::Unavailable {
            reason: "STARTTLS refused: 454 4.7.0 no".to_owned()
        }
    );
    assert!(
        peer.commands()
            .iter()
            .all(|command| !command.starts_with("MAIL") && command != "AUTH")
    );
}

#[tokio::test]
async fn what_the_server_cannot_take_is_refused_before_it_is_asked() {
    let peer = Peer::start(Script {
        offers: vec!["SIZE 10"],
        ..Script::default()
    })
    .await;
    assert_eq!(
        send_one(&deliverer(&smtp(&peer)), "a@example.net")
            .await
            .word(),
        "permanent"
    );
    assert_eq!(
        send_one(&deliverer(&smtp(&peer)), "bình@example.net")
            .await
            .word(),
        "permanent"
    );
    assert!(
        peer.commands()
            .iter()
            .all(|command| !command.starts_with("MAIL"))
    );
    let peer = Peer::start(Script {
        offers: vec!["SMTPUTF8"],
        ..Script::default()
    })
    .await;
    assert_eq!(
        send_one(&deliverer(&smtp(&peer)), "bình@example.net")
            .await
            .word(),
        "delivered"
    );
    assert!(
        peer.commands()
            .contains(&"MAIL FROM:<news@example.org> SMTPUTF8".to_owned())
    );
}

#[tokio::test]
async fn an_address_in_a_header_needs_smtputf8_as_one_in_the_envelope_does() {
    let international = OutboxMessage {
        bytes: "From: <b\u{ec}nh@example.org>\r\nSubject: hi\r\n\r\nbody\r\n".into(),
        ..message("a@example.net")
    };
    let body_only = OutboxMessage {
        bytes: "Subject: hi\r\n\r\nb\u{ec}nh\r\n".into(),
        ..message("a@example.net")
    };
    for (offers, message, word, command) in [
        (vec![], &international, "released", None),
        (
            vec!["SMTPUTF8"],
            &international,
            "delivered",
            Some("MAIL FROM:<news@example.org> SMTPUTF8"),
        ),
        (
            vec![],
            &body_only,
            "delivered",
            Some("MAIL FROM:<news@example.org>"),
        ),
    ] {
        let peer = Peer::start(Script {
            offers,
            ..Script::default()
        })
        .await;
        let mut line = deliverer(&smtp(&peer)).open().await.unwrap();
        let outcome = line.send(message, &Halt::never()).await;
        assert_eq!(outcome.word(), word, "{outcome:?}");
        let commands = peer.commands();
        let mail = commands.iter().find(|line| line.starts_with("MAIL"));
        assert_eq!(mail.map(String::as_str), command);
    }
}

#[tokio::test]
async fn an_envelope_can_carry_no_command() {
    let peer = Peer::start(Script::default()).await;
    for address in [
        "a@example.net\r\nRCPT TO:<b@example.net>",
        "-oQ/tmp@example.net",
        "a@b> <c@d",
        "nobody",
        "a b@example.net",
    ] {
        assert_eq!(
            send_one(&deliverer(&smtp(&peer)), address).await.word(),
            "permanent",
            "{address:?}"
        );
    }
    assert!(peer.taken().is_empty());
}

#[test]
fn retries_come_after_1_5_15_30_and_then_60_minutes() {
    let fault = || Outcome::NotSent {
        reason: "451".to_owned(),
    };
    for (attempts, minutes) in [(0, 1), (1, 5), (2, 15), (3, 30), (4, 60), (40, 60)] {
        for (draw, most) in [(0.0, 1.0), (1.0, 1.2)] {
            let Disposition::Transient { retry_at, .. } = settled(fault(), attempts, now(), draw)
            else {
                panic!()
            };
            let wait = retry_at.as_second() - NOW;
            assert_eq!(
                wait,
                (f64::from(minutes) * 60.0 * most).round() as i64,
                "attempt {attempts}"
            );
        }
    }
}

#[tokio::test]
async fn a_maildir_gets_each_message_once() {
    let folder = tempfile::tempdir().unwrap();
    let deliverer = deliverer(&config(Transport::Maildir(folder.path().to_owned())));
    for to in ["a@example.net", "a@example.net", "b@example.net"] {
        assert_eq!(send_one(&deliverer, to).await.word(), "delivered");
    }
    let list = |part: &str| -> Vec<PathBuf> {
        std::fs::read_dir(folder.path().join(part))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    };
    assert_eq!((list("new").len(), list("tmp").len()), (2, 0));
    let read = &list("new")[0];
    assert_eq!(std::fs::read(read).unwrap(), message("x").bytes);
    // A reader marks it as seen: the repeat after a crash does not bring it back.
    let name = read.file_name().unwrap().to_str().unwrap().to_owned();
    std::fs::rename(read, folder.path().join("cur").join(format!("{name}:2,S"))).unwrap();
    for to in ["a@example.net", "b@example.net"] {
        assert_eq!(send_one(&deliverer, to).await.word(), "delivered");
    }
    assert_eq!((list("new").len(), list("cur").len()), (1, 1));
}

#[cfg(unix)]
#[tokio::test]
async fn a_mail_program_gets_arguments_and_lines() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sendmail");
    let out = folder.path().join("out");
    for (code, word) in [
        (0, "delivered"),
        (75, "transient"),
        (67, "permanent"),
        (69, "released"),
    ] {
        let script = format!(
            "#!/bin/sh\n{{ printf '%s|' \"$@\"; cat; }} > {}\nexit {code}\n",
            out.display()
        );
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let deliverer = deliverer(&config(Transport::Sendmail(program.clone())));
        assert_eq!(
            send_one(&deliverer, "a@example.net").await.word(),
            word,
            "exit {code}"
        );
        let heard = std::fs::read_to_string(&out).unwrap();
        assert_eq!(
            heard,
            "-i|-f|news@example.org|--|a@example.net|Subject: hi\n\n.leading dot\nbody\n"
        );
    }
}

#[test]
fn a_signature_is_a_function_of_its_input() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let key = Secret::new(pair.serialize_pem());
    let signer = Signer::new(&DkimConfig {
        domain: "example.org".to_owned(),
        selector: "s1".to_owned(),
        key,
    })
    .unwrap();
    let mail = b"From: a@example.org\r\nSubject: hi\r\nContent-Type: text/plain\r\n\r\nbody\r\n";
    let signed = signer.sign(mail, now()).unwrap();
    assert_eq!(signed, signer.sign(mail, now()).unwrap());
    let text = String::from_utf8(signed).unwrap();
    assert!(text.starts_with(
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n"
    ));
    assert!(
        text.contains(" t=1795000000; h=From:\r\n From:\r\n Subject:\r\n Content-Type;"),
        "{text}"
    );
    assert!(text.ends_with(std::str::from_utf8(mail).unwrap()));
    assert!(
        Signer::new(&DkimConfig {
            domain: "d".into(),
            selector: "s".into(),
            key: Secret::new("junk".into())
        })
        .is_err()
    );
}

/// Longer than any test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends through a latch that says `word` once the server has heard DATA; gives the outcome and whether the line lives.
async fn through_a_latch(peer: &Peer, word: Option<bool>) -> (Outcome, bool) {
    let mut line = deliverer(&smtp(peer)).open().await.unwrap();
    let (says, mut latch) = Latch::new(PATIENCE);
    let opening = async {
        while !peer.commands().iter().any(|command| command == "DATA") {
            tokio::task::yield_now().await;
        }
        assert!(peer.taken().is_empty(), "the body waits");
        match word {
            Some(word) => says.send(word).unwrap(),
            None => drop(says),
        }
    };
    let (message, halt) = (message("a@example.net"), Halt::never());
    let send = line.send_through(&message, &halt, &mut latch);
    let (outcome, ()) = futures_util::future::join(send, opening).await;
    (outcome, line.usable())
}

#[tokio::test]
async fn a_body_does_not_leave_before_its_latch_opens() {
    for offers in [vec![], vec!["PIPELINING"]] {
        let script = Script {
            offers,
            ..Script::default()
        };
        let peer = Peer::start(script.clone()).await;
        let (outcome, usable) = through_a_latch(&peer, Some(true)).await;
        assert_eq!((outcome.word(), usable), ("delivered", true));
        assert_eq!(peer.taken().len(), 1);
        for word in [Some(false), None] {
            let peer = Peer::start(script.clone()).await;
            let (outcome, usable) = through_a_latch(&peer, word).await;
            assert_eq!((outcome.word(), usable), ("released", false), "{outcome:?}");
            assert!(peer.taken().is_empty(), "certainly not sent");
        }
    }
}

/// One message on a line of its own, through `latch`, while nothing ends.
async fn latched(config: &MailConfig, latch: &mut Latch) -> &'static str {
    let mut line = deliverer(config).open().await.unwrap();
    let (message, halt) = (message("a@example.net"), Halt::never());
    line.send_through(&message, &halt, latch).await.word()
}

#[tokio::test]
async fn a_latch_that_was_shut_or_waited_for_too_long_stays_shut() {
    let peer = Peer::start(Script::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let maildir = Transport::Maildir(folder.path().to_owned());
    for config in [smtp(&peer), config(maildir)] {
        let (says, mut latch) = Latch::new(Duration::ZERO);
        assert_eq!(latched(&config, &mut latch).await, "released");
        says.send(true).ok();
        assert_eq!(latched(&config, &mut latch).await, "released", "too late");
        let (says, mut latch) = Latch::new(Duration::ZERO);
        says.send(true).unwrap();
        for _ in 0..2 {
            assert_eq!(latched(&config, &mut latch).await, "delivered");
        }
    }
}

#[tokio::test]
async fn stopping_does_not_wait_at_a_latch() {
    let peer = Peer::start(Script::default()).await;
    let mut line = deliverer(&smtp(&peer)).open().await.unwrap();
    let (_says, mut latch) = Latch::new(PATIENCE);
    let stop = CancellationToken::new();
    let halt = Halt::new(stop.clone(), PATIENCE);
    let stopping = async {
        while !peer.commands().iter().any(|command| command == "DATA") {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let message = message("a@example.net");
    let send = line.send_through(&message, &halt, &mut latch);
    let (outcome, ()) = futures_util::future::join(send, stopping).await;
    assert!(matches!(outcome, Outcome::Stopped { .. }), "{outcome:?}");
    assert!(!line.usable());
    assert!(peer.taken().is_empty());
}
