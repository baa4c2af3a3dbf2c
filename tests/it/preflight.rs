//! What receivers look up of a sender, asked of a name server on loopback; and `check --online` with a mail server that
//! takes the login, refuses it, or is not there.

use feedmill::config::{DkimConfig, Secret};
use feedmill::deliver::{MailHost, Resolver, Sender, Signature, Signer, preflight};
use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256};

use crate::support::dns::{Names, Zone};
use crate::support::process::Home;
use crate::support::smtp::{Act, Peer, Script, certificate};

const RECORD: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const KEY_AT: &str = "s1._domainkey.example.org";
/// A domain as it should be.
const GOOD: &[(&str, &str, &str)] = &[
    ("example.org", "MX", "mx.example.org"),
    ("example.org", "TXT", "something else"),
    (
        "example.org",
        "TXT",
        "v=spf1 mx include:_spf.example.net -all",
    ),
    (KEY_AT, "TXT", RECORD),
    (
        "_dmarc.example.org",
        "TXT",
        "v=DMARC1; p=reject; rua=mailto:a@example.org",
    ),
];

/// `GOOD` with the records of some names and types replaced.
fn zone(changes: &[(&'static str, &'static str, &str)]) -> Zone {
    let changed = |name: &str, kind: &str| changes.iter().any(|(n, k, _)| *n == name && *k == kind);
    let kept = GOOD.iter().filter(|(name, kind, _)| !changed(name, kind));
    let mut zone = Zone::new();
    for (name, kind, record) in kept.chain(changes) {
        let records = zone.entry((*name, *kind)).or_default();
        if !record.is_empty() {
            records.push((*record).to_owned());
        }
    }
    zone
}

fn sender() -> Sender {
    Sender {
        from: "example.org".to_owned(),
        envelope: "example.org".to_owned(),
        signature: Some(Signature {
            domain: "example.org".to_owned(),
            selector: "s1".to_owned(),
            record: RECORD.to_owned(),
        }),
        https: true,
    }
}

/// Checks that what is not fine of `sender` over `zone` is `expected`: check, verdict, words in text or advice.
async fn check(sender: &Sender, zone: Zone, expected: &[(&str, &str, &str)]) {
    let names = Names::start(zone).await;
    let findings = preflight(sender, &Resolver::at(names.address)).await;
    let found: Vec<_> = findings
        .iter()
        .filter(|finding| format!("{:?}", finding.verdict) != "Fine")
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (finding, (check, verdict, words)) in found.iter().zip(expected) {
        let told = format!(
            "{} / {}",
            finding.text,
            finding.advice.as_deref().unwrap_or_default()
        );
        assert_eq!(finding.check, *check, "{told}");
        assert_eq!(format!("{:?}", finding.verdict), *verdict, "{told}");
        assert!(told.contains(words), "{words} is not in {told}");
    }
}

#[tokio::test]
async fn a_domain_as_it_should_be_is_fine() {
    check(&sender(), zone(&[]), &[]).await;
    // The policy of the domain above counts, and so do its other names.
    let under = Sender {
        from: "news.example.org".to_owned(),
        ..sender()
    };
    let host = ("news.example.org", "A", "192.0.2.1");
    check(&under, zone(&[host]), &[]).await;
    // A key over several strings, too long for UDP.
    let long = format!("v=DKIM1; k=rsa; p={}", "A".repeat(736));
    let spaced = format!("v=DKIM1; k=rsa; p={}", "AAAA ".repeat(184));
    let rsa = Sender {
        signature: Some(Signature {
            record: long,
            ..sender().signature.unwrap()
        }),
        ..sender()
    };
    check(&rsa, zone(&[(KEY_AT, "TXT", &spaced)]), &[]).await;
}

#[tokio::test]
async fn every_fault_of_a_domain_is_told_with_what_to_do() {
    let strict = "v=DMARC1; p=none; adkim=s; aspf=s";
    let spf = |record| [("example.org", "TXT", record)];
    for (record, verdict, words) in [
        (
            "nothing",
            "Wrong",
            "publish at example.org, with the servers that send your mail: v=spf1",
        ),
        ("v=spf10 -all", "Wrong", "has no SPF record"),
        ("v=spf1 a +all", "Wrong", "lets everyone send"),
        ("v=spf1 a", "Doubtful", "end it with -all or ~all"),
        ("SERVFAIL", "Unknown", "does not answer: ServerFailure"),
    ] {
        check(&sender(), zone(&spf(record)), &[("spf", verdict, words)]).await;
    }
    check(
        &sender(),
        zone(&spf("V=SPF1 redirect=_spf.example.net")),
        &[],
    )
    .await;
    let two = [
        ("example.org", "TXT", "v=spf1 -all"),
        ("example.org", "TXT", "v=spf1 ~all"),
    ];
    check(&sender(), zone(&two), &[("spf", "Wrong", "2 SPF records")]).await;
    for (record, words) in [
        (
            "",
            "there is no key at s1._domainkey.example.org / publish at s1._domainkey.example.org: v=DKIM1; k=ed25519; p=11qY",
        ),
        ("v=DKIM1; p=", "was revoked"),
        (
            "v=DKIM1; k=ed25519; p=AAAA",
            "not the one that we sign with",
        ),
    ] {
        let key = [(KEY_AT, "TXT", record)];
        check(&sender(), zone(&key), &[("dkim", "Wrong", words)]).await;
    }
    for (record, words) in [
        ("", "publish at _dmarc.example.org: v=DMARC1; p=none"),
        ("v=DMARC1; rua=mailto:a@example.org", "has no policy"),
    ] {
        let policy = [("_dmarc.example.org", "TXT", record)];
        check(&sender(), zone(&policy), &[("dmarc", "Wrong", words)]).await;
    }
    for (records, words) in [
        (
            &[("example.org", "MX", ""), ("example.org", "A", "")][..],
            "no mail server and no address",
        ),
        (&[("example.org", "MX", ".")], "says that it takes no mail"),
    ] {
        check(&sender(), zone(records), &[("mx", "Wrong", words)]).await;
    }
    let plain = Sender {
        https: false,
        ..sender()
    };
    check(&plain, zone(&[]), &[("one-click", "Wrong", "https")]).await;
    let unsigned = Sender {
        signature: None,
        ..sender()
    };
    let expected = [
        ("dkim", "Doubtful", "List-Unsubscribe-Post"),
        ("alignment", "Doubtful", "the mail server's to see to"),
    ];
    check(&unsigned, zone(&[]), &expected).await;
    // Bounces to another name of the same owner are fine, unless the policy is strict.
    let bounce = Sender {
        envelope: "bounce.example.org".to_owned(),
        ..sender()
    };
    let names = [
        ("bounce.example.org", "MX", "mx.example.org"),
        ("bounce.example.org", "TXT", "v=spf1 mx -all"),
    ];
    check(&bounce, zone(&names), &[]).await;
    let mut names = names.to_vec();
    names.push(("_dmarc.example.org", "TXT", strict));
    check(
        &bounce,
        zone(&names),
        &[("alignment", "Doubtful", "breaks on the way")],
    )
    .await;
    // So is the owner's first name, above a sender that publishes a policy of its own.
    let news = Sender {
        from: "news.example.org".to_owned(),
        ..sender()
    };
    let own = |policy| {
        let host = ("news.example.org", "A", "192.0.2.1");
        zone(&[host, ("_dmarc.news.example.org", "TXT", policy)])
    };
    check(&news, own("v=DMARC1; p=none"), &[]).await;
    let neither = ("alignment", "Wrong", "neither envelope nor signature");
    check(&news, own(strict), &[neither]).await;
    // A name that only ends like the sender's is another's.
    let alike = Sender {
        from: "ourexample.org".to_owned(),
        ..sender()
    };
    let names = [
        ("ourexample.org", "A", "192.0.2.1"),
        ("_dmarc.ourexample.org", "TXT", "v=DMARC1; p=none"),
    ];
    check(&alike, zone(&names), &[neither]).await;
    // A relay's own domain on the envelope, and another's signature.
    let foreign = Sender {
        envelope: "relay.example".to_owned(),
        signature: Some(Signature {
            domain: "relay.example".to_owned(),
            ..sender().signature.unwrap()
        }),
        ..sender()
    };
    let names = [
        ("relay.example", "A", "192.0.2.1"),
        ("relay.example", "TXT", "v=spf1 a -all"),
        ("s1._domainkey.relay.example", "TXT", RECORD),
    ];
    check(
        &foreign,
        zone(&names),
        &[("alignment", "Wrong", "neither envelope nor signature")],
    )
    .await;
}

#[tokio::test]
async fn mail_hosts_are_told_apart() {
    let names = Names::start(zone(&[
        ("plain.example", "A", "192.0.2.1"),
        ("null.example", "MX", "."),
    ]))
    .await;
    let resolver = Resolver::at(names.address);
    for (domain, expected) in [
        (
            "example.org",
            MailHost::Named(vec!["mx.example.org".to_owned()]),
        ),
        ("plain.example", MailHost::Itself),
        ("null.example", MailHost::Refuses),
        ("nowhere.example", MailHost::Nowhere),
    ] {
        assert_eq!(resolver.mail_host(domain).await, Ok(expected), "{domain}");
    }
}

#[test]
fn the_record_to_publish_holds_the_public_key() {
    for (algorithm, start) in [
        (&PKCS_ED25519, "v=DKIM1; k=ed25519; p="),
        // SubjectPublicKeyInfo of a 2048-bit RSA key always begins so.
        (
            &PKCS_RSA_SHA256,
            "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
        ),
    ] {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let config = DkimConfig {
            domain: "example.org".to_owned(),
            selector: "s1".to_owned(),
            key: Secret::new(pair.serialize_pem()),
        };
        let record = Signer::new(&config).unwrap().record().unwrap();
        assert!(record.starts_with(start), "{record}");
        let pem: String = pair
            .public_key_pem()
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let key = record.rsplit("p=").next().unwrap();
        // Ed25519 is published bare: the end of its SubjectPublicKeyInfo.
        assert!(
            pem == key || pem.ends_with(&key[key.len() - 40..]),
            "{record}"
        );
    }
}

/// Runs the binary's `check --online` over a mail server; gives exit code and what it printed.
async fn online(
    peer: &Peer,
    pem: &str,
    mail: &str,
    names: &Names,
    json: bool,
) -> (Option<i32>, String) {
    let text = format!(
        "[http]\npublic_url = \"https://news.example.org/\"\n[publish.all]\ngroups = [\"*\"]\n\
         [digest.morning]\ncron = \"30 6 * * *\"\nfrom = \"News <news@example.org>\"\nto = [\"an@example.net\"]\n\
         [mail]\nsmtp = \"localhost:{}\"\nca_certificate = \"ca.pem\"\n{mail}\n",
        peer.address.port()
    );
    let home = Home::new(&text);
    home.write("ca.pem", pem);
    home.write("password", "secret");
    let resolver = names.address.to_string();
    let mut arguments = vec!["check", "--online", "--resolver", &resolver];
    arguments.extend(json.then_some("--json"));
    let output = tokio::task::block_in_place(|| home.run(&arguments));
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_online_tries_the_way_out_and_sends_nothing() {
    let names = Names::start(zone(&[])).await;
    let (acceptor, pem) = certificate();
    let (_, other) = certificate();
    let server = |act: Option<(&'static str, Act)>| Script {
        offers: vec!["STARTTLS", "AUTH PLAIN"],
        tls: Some(acceptor.clone()),
        acts: act.into_iter().collect(),
        ..Script::default()
    };
    let login = "username = \"news\"\npassword_file = \"password\"";
    for (act, trusted, code, words) in [
        (
            None,
            &pem,
            0,
            "mail server: fine: localhost answers under TLS, with a certificate that holds, and takes the login",
        ),
        (None, &other, 1, "mail server: wrong: localhost:"),
        (
            Some(("AUTH", Act::Say("535 5.7.8 no"))),
            &pem,
            1,
            "login refused: 535 5.7.8 no",
        ),
        (
            Some(("STARTTLS", Act::Say("454 4.7.0 not now"))),
            &pem,
            1,
            "STARTTLS refused",
        ),
        (
            Some(("connect", Act::Say("554 5.3.2 no"))),
            &pem,
            1,
            "does not greet: 554",
        ),
    ] {
        let peer = Peer::start(server(act)).await;
        let (exit, said) = online(&peer, trusted, login, &names, false).await;
        assert!(said.contains(words), "{words:?} is not in {said}");
        assert_eq!(exit, Some(code), "{said}");
        assert!(
            said.contains("mail spf: fine: example.org has an SPF record"),
            "{said}"
        );
        assert!(
            said.contains("mail dkim: doubtful: feedmill does not sign"),
            "{said}"
        );
        assert!(peer.taken().is_empty());
        assert!(
            !peer
                .commands()
                .iter()
                .any(|command| command.starts_with("MAIL"))
        );
    }
    let peer = Peer::start(server(None)).await;
    let (_, said) = online(&peer, &pem, login, &names, true).await;
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let checks: Vec<_> = report["mail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (
                finding["check"].as_str().unwrap(),
                finding["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("server", "fine"),
        ("mx", "fine"),
        ("spf", "fine"),
        ("dkim", "doubtful"),
        ("dmarc", "fine"),
        ("alignment", "doubtful"),
        ("one-click", "fine"),
    ];
    assert_eq!(checks, expected);
}
