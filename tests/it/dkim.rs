//! Signatures checked as a receiver does: a verifier written from RFC 6376 and RFC 8463 alone, which first has to agree
//! with the example that RFC 8463 prints.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feedmill::config::{DkimConfig, Secret};
use feedmill::deliver::Signer;
use jiff::Timestamp;
use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData as _};

/// One header field as it stands in the message: name, and everything after the colon.
type Field<'a> = (&'a str, &'a str);

/// Header fields and body of a message.
fn halves(message: &str) -> (Vec<Field<'_>>, &str) {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let mut starts = vec![0];
    for (at, _) in head.match_indices("\r\n") {
        if !head[at + 2..].starts_with([' ', '\t']) {
            starts.push(at + 2);
        }
    }
    starts.push(head.len() + 2);
    let fields = starts.windows(2).map(|pair| {
        let field = &head[pair[0]..pair[1] - 2];
        field.split_once(':').unwrap()
    });
    (fields.collect(), body)
}

/// RFC 6376 §3.4.2: name in lower case, unfolded, runs of white space one space, none at the ends or at the colon.
fn relaxed_field((name, value): Field<'_>) -> String {
    let unfolded = value.replace("\r\n", "");
    let mut line = String::new();
    for c in unfolded.trim_matches([' ', '\t']).chars() {
        let space = c == ' ' || c == '\t';
        if !space {
            line.push(c);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    format!("{}:{line}", name.trim_end().to_lowercase())
}

/// RFC 6376 §3.4.4: white space at the end of lines goes, within lines it is one space, empty lines at the end go.
fn relaxed_body(body: &str) -> String {
    let mut lines: Vec<String> = body
        .split("\r\n")
        .map(|line| {
            let pieces: Vec<&str> = line
                .trim_end_matches([' ', '\t'])
                .split([' ', '\t'])
                .collect();
            let mut relaxed = String::new();
            for (at, piece) in pieces.iter().enumerate() {
                if at > 0 && !relaxed.ends_with(' ') {
                    relaxed.push(' ');
                }
                relaxed.push_str(piece);
            }
            relaxed
        })
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// The value of a tag, all white space out.
fn tag(signature: &str, name: &str) -> String {
    let found = signature.split(';').find_map(|tag| {
        let (known, value) = tag.split_once('=')?;
        (known.trim() == name).then(|| value.split_whitespace().collect())
    });
    found.unwrap_or_else(|| panic!("no {name}= in {signature}"))
}

/// Checks the first signature of `message` with the key that the signer's domain would publish.
fn verify(message: &str, public_key: &[u8]) -> Result<(), &'static str> {
    let (fields, body) = halves(message);
    let at = fields
        .iter()
        .position(|(name, _)| name.eq_ignore_ascii_case("DKIM-Signature"))
        .ok_or("unsigned")?;
    let signature = fields[at].1;
    if (tag(signature, "v"), tag(signature, "c")) != ("1".into(), "relaxed/relaxed".into()) {
        return Err("another version or canonicalisation");
    }
    let body_hash = STANDARD.encode(digest(&SHA256, relaxed_body(body).as_bytes()));
    if tag(signature, "bh") != body_hash {
        return Err("the body was changed");
    }
    // §5.4.2: each mention of a name takes the lowest field not taken yet; a mention too many takes nothing.
    let mut left: Vec<Field<'_>> = fields.clone();
    left.remove(at);
    let mut input = String::new();
    for name in tag(signature, "h").split(':') {
        let lowest = left
            .iter()
            .rposition(|(known, _)| known.trim_end().eq_ignore_ascii_case(name));
        if let Some(lowest) = lowest {
            input += &(relaxed_field(left.remove(lowest)) + "\r\n");
        }
    }
    // §3.7: the signature's own field comes last, with b= emptied and without a line end.
    let value = signature.rfind(" b=").unwrap() + 3;
    let after = signature[value..]
        .find(';')
        .map_or("", |end| &signature[value + end..]);
    let emptied = format!("{}{after}", &signature[..value]);
    input += &relaxed_field((fields[at].0, &emptied));
    let made = STANDARD.decode(tag(signature, "b")).unwrap();
    let checked = match tag(signature, "a").as_str() {
        "rsa-sha256" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key)
            .verify(input.as_bytes(), &made),
        "ed25519-sha256" => UnparsedPublicKey::new(&ED25519, public_key)
            .verify(digest(&SHA256, input.as_bytes()).as_ref(), &made),
        _ => return Err("another algorithm"),
    };
    checked.map_err(|_| "the signature is wrong")
}

/// RFC 8463 appendix A.
const EXAMPLE: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r
 d=football.example.com; i=@football.example.com;\r
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r
 subject : date : message-id : from : subject : date;\r
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r
From: Joe SixPack <joe@football.example.com>\r
To: Suzie Q <suzie@shopping.example.net>\r
Subject: Is dinner ready?\r
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r
\r
Hi.\r
\r
We lost the game.  Are you hungry yet?\r
\r
Joe.\r
";

#[test]
fn the_verifier_agrees_with_the_standards_example() {
    let key = STANDARD
        .decode("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
        .unwrap();
    assert_eq!(verify(EXAMPLE, &key), Ok(()));
    let changed = EXAMPLE.replace("hungry", "Hungry");
    assert_eq!(verify(&changed, &key), Err("the body was changed"));
    let changed = EXAMPLE.replace("Suzie", "Susie");
    assert_eq!(verify(&changed, &key), Err("the signature is wrong"));
}

/// A mail as the digest writes it, and its awkward cousins.
fn mails() -> Vec<String> {
    let head = "Date: Mon, 23 Nov 2026 06:30:07 +0000\r\nFrom: \"News\" <news@example.org>\r\n\
         To: an@example.net\r\nSubject: =?utf-8?Q?B=E1=BA=A3n_tin?=\r\n =?utf-8?Q?_s=C3=A1ng?=\r\n\
         Message-ID: <slot.1@example.org>\r\nMIME-Version: 1.0\r\nContent-Language: vi\r\n\
         List-Id: News <morning.example.org>\r\nList-Unsubscribe: <https://news.example.org/unsubscribe/AAAA>\r\n\
         List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Post: NO\r\nAuto-Submitted: auto-generated\r\n\
         Content-Type: multipart/alternative;\r\n\tboundary=\"=_b\"\r\n\r\n";
    let part = "--=_b\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n\r\n";
    let bodies = [
        format!("{part}Hello.\r\n--=_b--\r\n"),
        "words  and\t\tspaces \t\r\n \r\n\tindented\r\n\r\n\r\n".to_owned(),
        "\r\n\r\nbegins and ends empty\r\n\r\n".to_owned(),
        "no line end".to_owned(),
        "\r\n".to_owned(),
        String::new(),
        ".\r\n..dots\r\nb=;\r\n".to_owned(),
    ];
    bodies
        .into_iter()
        .map(|body| format!("{head}{body}"))
        .collect()
}

/// A signer with a new key, and what its domain publishes.
fn signer(algorithm: &'static rcgen::SignatureAlgorithm) -> (Signer, Vec<u8>) {
    let pair = KeyPair::generate_for(algorithm).unwrap();
    let config = DkimConfig {
        domain: "example.org".to_owned(),
        selector: "s1".to_owned(),
        key: Secret::new(pair.serialize_pem()),
    };
    (Signer::new(&config).unwrap(), pair.der_bytes().to_vec())
}

#[test]
fn receivers_can_verify_what_is_signed() {
    let at = Timestamp::from_second(1_795_000_000).unwrap();
    for (algorithm, name) in [
        (&PKCS_ED25519, "ed25519-sha256"),
        (&PKCS_RSA_SHA256, "rsa-sha256"),
    ] {
        let (signer, public_key) = signer(algorithm);
        let (_, stranger) = self::signer(algorithm);
        for mail in mails() {
            let signed = String::from_utf8(signer.sign(mail.as_bytes(), at).unwrap()).unwrap();
            assert_eq!(verify(&signed, &public_key), Ok(()), "{name}: {signed}");
            assert_eq!(
                verify(&signed, &stranger),
                Err("the signature is wrong"),
                "{name}"
            );
            let (fields, _) = halves(&signed);
            let signature = fields[0].1;
            assert_eq!(tag(signature, "a"), name);
            assert_eq!(tag(signature, "d"), "example.org");
            assert_eq!(tag(signature, "s"), "s1");
            let covered = tag(signature, "h").to_lowercase();
            // RFC 8058 §4: one click is void where these two are not signed.
            for needed in ["from", "list-unsubscribe", "list-unsubscribe-post"] {
                assert!(covered.split(':').any(|name| name == needed), "{covered}");
            }
            assert!(
                signed
                    .split("\r\n")
                    .all(|line| line.len() <= 78 || mail.contains(line))
            );
        }
    }
}

#[test]
fn a_changed_mail_does_not_verify() {
    let at = Timestamp::from_second(1_795_000_000).unwrap();
    for algorithm in [&PKCS_ED25519, &PKCS_RSA_SHA256] {
        let (signer, public_key) = signer(algorithm);
        let signed = signer.sign(mails()[0].as_bytes(), at).unwrap();
        let signed = String::from_utf8(signed).unwrap();
        for (from, to, expected) in [
            ("Hello.", "Hallo.", "the body was changed"),
            ("Hello.", "Hello.\r\n\r\nBuy.", "the body was changed"),
            (
                "List-Unsubscribe: <https://news",
                "List-Unsubscribe: <https://evil",
                "the signature is wrong",
            ),
            ("=One-Click", "=Two-Clicks", "the signature is wrong"),
            (
                "boundary=\"=_b\"",
                "boundary=\"=_c\"",
                "the signature is wrong",
            ),
            // A second From, above or below the first.
            (
                "Date: ",
                "From: <evil@example.com>\r\nDate: ",
                "the signature is wrong",
            ),
            (
                "To: an@",
                "From: <evil@example.com>\r\nTo: an@",
                "the signature is wrong",
            ),
            (" t=1795000000", " t=1795000001", "the signature is wrong"),
        ] {
            let changed = signed.replacen(from, to, 1);
            assert_ne!(changed, signed, "{from}");
            assert_eq!(
                verify(&changed, &public_key),
                Err(expected),
                "{from} → {to}"
            );
        }
        // What relays may do: other white space, other folding.
        for (from, to) in [
            ("Hello.\r\n", "Hello. \r\n"),
            ("Subject: =?", "SUBJECT:  \r\n =?"),
        ] {
            let relayed = signed.replacen(from, to, 1);
            assert_ne!(relayed, signed, "{from}");
            assert_eq!(verify(&relayed, &public_key), Ok(()), "{from}");
        }
    }
}
