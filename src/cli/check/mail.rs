//! `feedmill check --online`, its mail: the way out is tried up to the login, and what receivers look up of each sender
//! is looked up. Nothing is sent.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::{Config, MailConfig, MailTls, Transport};
use crate::deliver::{
    Deadlines, Deliverer, Finding, Outcome, Resolver, Sender, Signature, Signer, Verdict, preflight,
};
use crate::digest::message::domain;

/// A server that needs longer for one step is not well.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything found; nothing where the config sends no mail.
pub(super) async fn findings(config: &Config, resolver: Option<SocketAddr>) -> Vec<Finding> {
    let Some(mail) = &config.mail else {
        return Vec::new();
    };
    let senders = senders(config, mail);
    let hello = senders
        .first()
        .map_or("localhost", |sender| sender.from.as_str());
    let mut findings = vec![way_out(mail, hello).await];
    // What stays on this machine is looked at by no receiver.
    if matches!(mail.transport, Transport::Maildir(_) | Transport::Lmtp(_)) {
        return findings;
    }
    let resolver = resolver.map_or_else(Resolver::system, Resolver::at);
    for sender in senders {
        findings.extend(preflight(&sender, &resolver).await);
    }
    findings.dedup();
    findings
}

/// Each pair of domains that digests send from, once.
fn senders(config: &Config, mail: &MailConfig) -> Vec<Sender> {
    let signature = mail.dkim.as_ref().and_then(|dkim| {
        Some(Signature {
            domain: domain(&dkim.domain),
            selector: dkim.selector.clone(),
            // A key that does not sign is a problem of the config, which was checked before.
            record: Signer::new(dkim).ok()?.record().ok()?,
        })
    });
    let mut senders: Vec<Sender> = Vec::new();
    for digest in config.digests.values() {
        let from = &digest.from.address;
        let sender = Sender {
            from: domain(from),
            envelope: domain(mail.envelope_from(from)),
            signature: signature.clone(),
            https: config.http.public_url.scheme() == "https",
        };
        if !senders.contains(&sender) {
            senders.push(sender);
        }
    }
    senders
}

/// Connects, greets, encrypts, logs in, and says goodbye.
async fn way_out(mail: &MailConfig, hello: &str) -> Finding {
    let wrong = |text: &str| Finding::new("server", Verdict::Wrong, text);
    if let Transport::Sendmail(program) = &mail.transport
        && !program.is_file()
    {
        return wrong(&format!("{} is no program", program.display()));
    }
    let deliverer = match Deliverer::new(mail, hello) {
        Ok(deliverer) => deliverer.with_deadlines(Deadlines {
            connect: PATIENCE,
            greeting: PATIENCE,
            command: PATIENCE,
            ..Deadlines::default()
        }),
        Err(error) => return wrong(&error.to_string()),
    };
    match deliverer.open().await {
        Ok(line) => {
            line.close().await;
            Finding::new("server", Verdict::Fine, reached(&mail.transport))
        }
        Err(outcome) => wrong(&at(&mail.transport, &outcome)),
    }
}

fn reached(transport: &Transport) -> String {
    match transport {
        Transport::Smtp {
            host, tls, login, ..
        } => {
            let secure = match tls {
                MailTls::None => "",
                MailTls::Starttls | MailTls::Implicit => {
                    " under TLS, with a certificate that holds"
                }
            };
            let login = if login.is_some() {
                ", and takes the login"
            } else {
                ""
            };
            format!("{host} answers{secure}{login}")
        }
        Transport::Lmtp(_) => "the LMTP server answers".to_owned(),
        Transport::Maildir(folder) => format!("mail is kept in {}", folder.display()),
        Transport::Sendmail(program) => format!("mail is given to {}", program.display()),
    }
}

fn at(transport: &Transport, outcome: &Outcome) -> String {
    match transport {
        Transport::Smtp { host, port, .. } => format!("{host}:{port}: {}", outcome.reason()),
        _ => outcome.reason().to_owned(),
    }
}
