//! What mailbox providers look at before they take a mail: MX, SPF, DKIM, DMARC and its alignment, one-click. Takes
//! what the config says of a sender and what DNS says of its domains, gives findings, each with what to do. Sends
//! nothing.

use serde::Serialize;

use super::dns::{MailHost, Resolver};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// Works, or depends on what cannot be seen from here.
    Doubtful,
    /// Mail will be refused, or put aside.
    Wrong,
    /// Could not be found out.
    Unknown,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `server`, `mx`, `spf`, `dkim`, `dmarc`, `alignment`, `one-click`.
    pub check: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found, one line.
    pub text: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Finding {
    /// A finding without advice.
    #[must_use]
    pub fn new(check: &'static str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            text: text.into(),
            advice: None,
        }
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// A sender as the config has it; domains in ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Domain of `From`.
    pub from: String,
    /// Domain of the envelope sender.
    pub envelope: String,
    /// The signature, where we sign.
    pub signature: Option<Signature>,
    /// Whether the unsubscribe address is https.
    pub https: bool,
}

/// Where the key of a signature is published, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `d=`.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// The TXT record that receivers need, see [`super::Signer::record`].
    pub record: String,
}

/// Looks at everything, in the order in which a receiver would.
pub async fn preflight(sender: &Sender, resolver: &Resolver) -> Vec<Finding> {
    let mut findings = vec![mx(&sender.from, resolver).await];
    if sender.envelope != sender.from {
        findings.push(mx(&sender.envelope, resolver).await);
    }
    findings.push(spf(&sender.envelope, resolver).await);
    findings.push(match &sender.signature {
        Some(signature) => dkim(signature, resolver).await,
        None => unsigned(),
    });
    findings.extend(dmarc(sender, resolver).await);
    findings.push(one_click(sender));
    findings
}

async fn mx(domain: &str, resolver: &Resolver) -> Finding {
    let wrong = |text: String| {
        Finding::new("mx", Verdict::Wrong, text)
            .advise("replies and bounces must be able to arrive: publish an MX record")
    };
    match resolver.mail_host(domain).await {
        Err(trouble) => Finding::new("mx", Verdict::Unknown, trouble),
        Ok(MailHost::Named(hosts)) => {
            let text = format!("{domain} takes mail at {}", hosts.join(", "));
            Finding::new("mx", Verdict::Fine, text)
        }
        Ok(MailHost::Itself) => {
            let text = format!("{domain} takes mail at its own address");
            Finding::new("mx", Verdict::Fine, text)
        }
        Ok(MailHost::Refuses) => wrong(format!("{domain} says that it takes no mail")),
        Ok(MailHost::Nowhere) => wrong(format!("{domain} has no mail server and no address")),
    }
}

async fn spf(domain: &str, resolver: &Resolver) -> Finding {
    let texts = match resolver.texts(domain).await {
        Ok(texts) => texts,
        Err(trouble) => return Finding::new("spf", Verdict::Unknown, trouble),
    };
    let records: Vec<Vec<&str>> = texts
        .iter()
        .map(|text| text.split_ascii_whitespace().collect::<Vec<_>>())
        .filter(|terms| {
            terms
                .first()
                .is_some_and(|term| term.eq_ignore_ascii_case("v=spf1"))
        })
        .collect();
    let wrong = |text: String| Finding::new("spf", Verdict::Wrong, text);
    let [terms] = records.as_slice() else {
        return match records.len() {
            0 => wrong(format!("{domain} has no SPF record")).advise(format!(
                "publish at {domain}, with the servers that send your mail: v=spf1 a mx -all"
            )),
            n => wrong(format!(
                "{domain} has {n} SPF records, which counts as an error"
            ))
            .advise("leave one of them"),
        };
    };
    let has = |words: &[&str]| {
        terms
            .iter()
            .any(|term| words.contains(&term.to_ascii_lowercase().as_str()))
    };
    let redirects = terms
        .iter()
        .any(|term| term.to_ascii_lowercase().starts_with("redirect="));
    if has(&["+all", "all"]) {
        return wrong(format!("the SPF record of {domain} lets everyone send"))
            .advise("end it with -all or ~all");
    }
    if !has(&["-all", "~all"]) && !redirects {
        let text = format!("the SPF record of {domain} says nothing of other senders");
        return Finding::new("spf", Verdict::Doubtful, text).advise("end it with -all or ~all");
    }
    Finding::new("spf", Verdict::Fine, format!("{domain} has an SPF record"))
}

fn unsigned() -> Finding {
    let text = "feedmill does not sign: the mail server has to";
    Finding::new("dkim", Verdict::Doubtful, text).advise(
        "set [mail.dkim], or see that the server's signature covers List-Unsubscribe and List-Unsubscribe-Post, \
         which is not the default of stock signers",
    )
}

async fn dkim(signature: &Signature, resolver: &Resolver) -> Finding {
    let name = format!("{}._domainkey.{}", signature.selector, signature.domain);
    let texts = match resolver.texts(&name).await {
        Ok(texts) => texts,
        Err(trouble) => return Finding::new("dkim", Verdict::Unknown, trouble),
    };
    let publish = format!("publish at {name}: {}", signature.record);
    let keys: Vec<String> = texts.iter().filter_map(|text| tag(text, "p")).collect();
    let ours = tag(&signature.record, "p").unwrap_or_default();
    let text = match keys.as_slice() {
        [] => format!("there is no key at {name}"),
        [key] if *key == ours => {
            return Finding::new("dkim", Verdict::Fine, format!("the key at {name} is ours"));
        }
        [key] if key.is_empty() => format!("the key at {name} was revoked"),
        [_] => format!("the key at {name} is not the one that we sign with"),
        several => format!(
            "there are {} keys at {name}, of which receivers may take any",
            several.len()
        ),
    };
    Finding::new("dkim", Verdict::Wrong, text).advise(publish)
}

async fn dmarc(sender: &Sender, resolver: &Resolver) -> Vec<Finding> {
    let found = match policy(&sender.from, resolver).await {
        Ok(found) => found,
        Err(trouble) => return vec![Finding::new("dmarc", Verdict::Unknown, trouble)],
    };
    let publish = format!(
        "publish at _dmarc.{}: v=DMARC1; p=none; rua=mailto:postmaster@{}",
        sender.from, sender.from
    );
    let Some((domain, record)) = found else {
        let text = format!("{} has no DMARC record", sender.from);
        return vec![
            Finding::new("dmarc", Verdict::Wrong, text).advise(publish),
            alignment(sender, &sender.from, ""),
        ];
    };
    let finding = match tag(&record, "p").as_deref() {
        Some(policy @ ("none" | "quarantine" | "reject")) => {
            let text = format!("the DMARC policy of {domain} is {policy}");
            Finding::new("dmarc", Verdict::Fine, text)
        }
        _ => {
            let text = format!("the DMARC record of {domain} has no policy");
            Finding::new("dmarc", Verdict::Wrong, text).advise(publish)
        }
    };
    vec![finding, alignment(sender, &domain, &record)]
}

/// The DMARC record of `domain`, or of the nearest domain above it, with where it was found.
async fn policy(domain: &str, resolver: &Resolver) -> Result<Option<(String, String)>, String> {
    let mut rest = domain;
    loop {
        let texts = resolver.texts(&format!("_dmarc.{rest}")).await?;
        let mut records = texts
            .into_iter()
            .filter(|text| tag(text, "v").as_deref() == Some("DMARC1"));
        // Two records count as none (RFC 7489 §6.6.3).
        if let (Some(record), None) = (records.next(), records.next()) {
            return Ok(Some((rest.to_owned(), record)));
        }
        match rest.split_once('.') {
            Some((_, above)) if above.contains('.') => rest = above,
            _ => return Ok(None),
        }
    }
}

/// DMARC passes where SPF or DKIM passes for a domain of the sender's own: the same where the record is strict, else one
/// of the same organisation. That has all under the domain that publishes the record; and, as a domain may publish one
/// although it is not the organisation's first, those above the sender's.
fn alignment(sender: &Sender, organisation: &str, record: &str) -> Finding {
    let aligned = |domain: &str, strictness: &str| {
        let under =
            |name: &str| name == organisation || name.ends_with(&format!(".{organisation}"));
        let strict = tag(record, strictness).as_deref() == Some("s");
        let above = sender.from.ends_with(&format!(".{domain}"));
        domain == sender.from || (!strict && (above || under(domain) && under(&sender.from)))
    };
    let envelope = aligned(&sender.envelope, "aspf");
    let signed = sender
        .signature
        .as_ref()
        .map(|signature| aligned(&signature.domain, "adkim"));
    let from = &sender.from;
    match (envelope, signed) {
        (true, Some(true)) => {
            let text = format!("envelope and signature are of {from}");
            Finding::new("alignment", Verdict::Fine, text)
        }
        (true, None) => {
            let text = format!(
                "the envelope is of {from}; whether a signature is, is the mail server's to see to"
            );
            Finding::new("alignment", Verdict::Doubtful, text)
        }
        (false, Some(true)) => {
            let text = format!(
                "the signature is of {from}, the envelope is of {}",
                sender.envelope
            );
            Finding::new("alignment", Verdict::Doubtful, text)
                .advise("a mail whose signature breaks on the way has nothing else to be known by")
        }
        (true, Some(false)) => {
            let text = format!("the signature is of another domain than {from}");
            Finding::new("alignment", Verdict::Wrong, text)
                .advise(format!("set [mail.dkim] domain = \"{from}\""))
        }
        (false, _) => {
            let text = format!("neither envelope nor signature is of {from}");
            Finding::new("alignment", Verdict::Wrong, text)
                .advise(format!("use a bounce_address at {from}, and sign for it"))
        }
    }
}

fn one_click(sender: &Sender) -> Finding {
    if sender.https {
        let text = "mails offer to unsubscribe with one click";
        return Finding::new("one-click", Verdict::Fine, text);
    }
    let text = "mails cannot offer to unsubscribe with one click, which large mailbox providers require of bulk mail";
    Finding::new("one-click", Verdict::Wrong, text)
        .advise("set [http] public_url to an https address")
}

/// The value of a tag in a list like `v=DKIM1; p=…`, white space out.
fn tag(record: &str, name: &str) -> Option<String> {
    record.split(';').find_map(|tag| {
        let (known, value) = tag.split_once('=')?;
        (known.trim() == name).then(|| value.split_whitespace().collect())
    })
}
