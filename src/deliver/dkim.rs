//! DKIM (RFC 6376, RFC 8463): takes the finished bytes of a mail, gives the same with a signature in front. Relaxed on
//! both sides, and a function of bytes, key and instant: the same mail is signed the same way. Signs the list headers
//! that one-click unsubscribing needs signed (RFC 8058 §4), which stock signers leave out.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::DeliverError;
use crate::config::DkimConfig;

/// Signed where present, in this order. `From` is there twice: a second one added later breaks the signature.
const SIGNED: [&str; 15] = [
    "From",
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Language",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Archive",
    "Auto-Submitted",
];

enum Key {
    Rsa(Box<rsa::KeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// A key ready to sign.
pub struct Signer {
    key: Key,
    domain: String,
    selector: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// Reads the key.
    ///
    /// # Errors
    /// When it is neither an RSA nor an Ed25519 private key in PEM.
    pub fn new(config: &DkimConfig) -> Result<Self, DeliverError> {
        let refused = |detail: &str| DeliverError::Key(detail.to_owned());
        let der = PrivateKeyDer::from_pem_slice(config.key.reveal().as_bytes())
            .map_err(|_| refused("no private key in PEM"))?;
        let key = match &der {
            PrivateKeyDer::Pkcs1(der) => {
                rsa::KeyPair::from_der(der.secret_pkcs1_der()).map(|pair| Key::Rsa(Box::new(pair)))
            }
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                    .map(|pair| Key::Ed25519(Box::new(pair)))
                    .or_else(|_| rsa::KeyPair::from_pkcs8(der).map(|pair| Key::Rsa(Box::new(pair))))
            }
            _ => return Err(refused("only RSA and Ed25519 keys sign mail")),
        };
        let key =
            key.map_err(|_| refused("only RSA (2048 bits and more) and Ed25519 keys sign mail"))?;
        Ok(Self {
            key,
            domain: config.domain.clone(),
            selector: config.selector.clone(),
        })
    }

    /// `message` with its signature in front.
    ///
    /// # Errors
    /// When the key refuses to sign.
    pub fn sign(&self, message: &[u8], at: Timestamp) -> Result<Vec<u8>, DeliverError> {
        let (head, body) = parted(message);
        let headers = unfolded(head);
        let signed: Vec<&str> = chosen(&headers);
        let body_hash = STANDARD.encode(digest(&SHA256, &relaxed_body(body)));
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let start = format!(
            "v=1; a={algorithm}; c=relaxed/relaxed; d={}; s={};\r\n t={}; h={};\r\n bh={body_hash};\r\n b=",
            self.domain,
            self.selector,
            at.as_second(),
            signed.join(":\r\n "),
        );
        let mut input = Vec::new();
        hashed_headers(&headers, &signed, &mut input);
        input.extend_from_slice(
            relaxed_header("dkim-signature", &start)
                .trim_end()
                .as_bytes(),
        );
        let signature = STANDARD.encode(self.raw_signature(&input)?);
        let lines: Vec<&str> = signature
            .as_bytes()
            .chunks(72)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        let mut out = format!("DKIM-Signature: {start}{}\r\n", lines.join("\r\n ")).into_bytes();
        out.extend_from_slice(message);
        Ok(out)
    }

    /// The TXT record that receivers need, at `SELECTOR._domainkey.DOMAIN`.
    ///
    /// # Errors
    /// When the key has no public half that can be written.
    pub fn record(&self) -> Result<String, DeliverError> {
        let (kind, key) = match &self.key {
            // RFC 8463 §4: the bare key.
            Key::Ed25519(pair) => ("ed25519", STANDARD.encode(pair.public_key().as_ref())),
            Key::Rsa(pair) => {
                let der: PublicKeyX509Der<'_> = pair
                    .public_key()
                    .as_der()
                    .map_err(|_| DeliverError::Key("it has no public half".to_owned()))?;
                ("rsa", STANDARD.encode(der.as_ref()))
            }
        };
        Ok(format!("v=DKIM1; k={kind}; p={key}"))
    }

    fn raw_signature(&self, input: &[u8]) -> Result<Vec<u8>, DeliverError> {
        match &self.key {
            // RFC 8463 §3: Ed25519 signs the SHA-256 of the input.
            Key::Ed25519(pair) => Ok(pair.sign(digest(&SHA256, input).as_ref()).as_ref().to_vec()),
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    input,
                    &mut signature,
                )
                .map_err(|_| DeliverError::Key("the RSA key did not sign".to_owned()))?;
                Ok(signature)
            }
        }
    }
}

fn parted(message: &[u8]) -> (&[u8], &[u8]) {
    let end = message
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or(message.len().saturating_sub(2));
    (
        message.get(..end + 2).unwrap_or(message),
        message.get(end + 4..).unwrap_or_default(),
    )
}

/// Header fields in order: name and raw value, folds included.
fn unfolded(head: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(head);
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive("\r\n") {
        match (line.starts_with([' ', '\t']), fields.last_mut()) {
            (true, Some((_, value))) => value.push_str(line),
            _ => {
                if let Some((name, value)) = line.split_once(':') {
                    fields.push((name.to_owned(), value.to_owned()));
                }
            }
        }
    }
    fields
}

fn chosen(headers: &[(String, String)]) -> Vec<&'static str> {
    let present = |name: &str| {
        headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    SIGNED.into_iter().filter(|name| present(name)).collect()
}

/// RFC 6376 §5.4.2: a name listed again stands for the next field above; beyond the last one, for nothing.
fn hashed_headers(headers: &[(String, String)], signed: &[&str], out: &mut Vec<u8>) {
    for (at, name) in signed.iter().enumerate() {
        let before = signed
            .iter()
            .take(at)
            .filter(|earlier| *earlier == name)
            .count();
        let field = headers
            .iter()
            .rev()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .nth(before);
        if let Some((_, value)) = field {
            out.extend_from_slice(relaxed_header(name, value).as_bytes());
        }
    }
}

/// RFC 6376 §3.4.2.
fn relaxed_header(name: &str, value: &str) -> String {
    let words: Vec<&str> = value
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty())
        .collect();
    format!("{}:{}\r\n", name.to_ascii_lowercase(), words.join(" "))
}

/// RFC 6376 §3.4.4: white space runs become one space, trailing white space and empty lines go.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_end();
        let mut space = false;
        for byte in line {
            let white = matches!(byte, b' ' | b'\t');
            if !white {
                out.push(*byte);
            } else if !space {
                out.push(b' ');
            }
            space = white;
        }
        out.extend_from_slice(b"\r\n");
    }
    while out.ends_with(b"\r\n\r\n") {
        out.truncate(out.len() - 2);
    }
    if out == b"\r\n" { Vec::new() } else { out }
}
