//! How mail leaves: one way of four, a password only from outside the config, no unprotected connection beyond this
//! machine, and something to send with as soon as there is something to send.

use url::Url;

use super::Check;
use crate::config::raw::Raw;
use crate::config::raw::out::{self, Tls};
use crate::config::schema::shown;
use crate::config::{
    DkimConfig, Listen, Located, MailConfig, MailTls, Problem, SUBJECT_PLACES, Transport, values,
};

impl Check<'_> {
    pub(in crate::config) fn mail(&mut self, raw: &Raw) -> Option<MailConfig> {
        let Some(written) = &raw.mail else {
            if let Some(name) = raw.digest.keys().next() {
                let problem = Problem::error(
                    "a digest needs [mail]",
                    self.around(&format!("digest/{name}")),
                );
                self.tell(problem.help("for example: [mail] with smtp = \"smtp.example.org:587\", or maildir = \"var/mail\""));
            }
            return None;
        };
        let transport = self.transport(written);
        let bounce_address = written.bounce_address.as_ref().and_then(|text| {
            let address = values::mail_address(text);
            if address.is_none() {
                self.error(
                    "mail/bounce_address",
                    "this is no mail address",
                    "\"bounce@example.org\"",
                );
            }
            address
        });
        if written.verp && written.bounce_address.is_none() {
            self.error(
                "mail/verp",
                "`verp` needs `bounce_address`",
                "the address that one address per recipient is made from",
            );
        }
        let dkim = written.dkim.as_ref().and_then(|dkim| self.dkim(dkim));
        Some(MailConfig {
            transport: transport?,
            connections: written.connections as usize,
            per_connection: written.per_connection as usize,
            rate_per_minute: written.rate_per_minute,
            verp: written.verp,
            bounce_address,
            bounce_maildir: self.path(&written.bounce_maildir),
            dkim,
        })
    }

    /// A digest's subject, whose places must be ones that are filled.
    pub(in crate::config) fn subject(
        &mut self,
        path: &str,
        written: &Option<String>,
    ) -> Option<Located<String>> {
        for place in written.iter().flat_map(|text| places(text)) {
            if !SUBJECT_PLACES.contains(&place) {
                let message = format!("unknown place `{{{}}}` in a subject", shown(place));
                let problem = Problem::error(message, self.around(path))
                    .nearest(place.trim(), SUBJECT_PLACES)
                    .help(format!("places are: {{{}}}", SUBJECT_PLACES.join("}, {")));
                self.tell(problem);
            }
        }
        self.located(path, written)
    }

    /// Who gets mail must be able to leave, and the address for that is made from `public_url`.
    pub(in crate::config) fn ways_to_leave(
        &mut self,
        raw: &Raw,
        mail: Option<&MailConfig>,
        public_url: &Url,
    ) {
        let sent = mail.is_some_and(|mail| !matches!(mail.transport, Transport::Maildir(_)));
        if !sent || raw.digest.is_empty() || public_url.scheme() == "https" {
            return;
        }
        let problem = match raw.http.public_url {
            None => Problem::warning(
                format!("without `public_url` mails tell subscribers to leave at {public_url}"),
                self.around("mail"),
            ),
            Some(_) => Problem::warning(
                "mail programs offer to unsubscribe only where `public_url` is https",
                self.around("http/public_url"),
            ),
        };
        self.tell(problem.help("[http] public_url = \"https://news.example.org/\""));
    }

    fn transport(&mut self, written: &out::Mail) -> Option<Transport> {
        let ways = [
            ("smtp", &written.smtp),
            ("lmtp", &written.lmtp),
            ("maildir", &written.maildir),
            ("sendmail", &written.sendmail),
        ];
        let set: Vec<(&str, &str)> = ways
            .iter()
            .filter_map(|(key, way)| Some((*key, way.as_deref()?)))
            .collect();
        if set.len() != 1 {
            let path = set
                .get(1)
                .map_or_else(|| "mail".to_owned(), |(key, _)| format!("mail/{key}"));
            let message = if set.is_empty() {
                "[mail] does not say how mail leaves"
            } else {
                "mail can leave in one way only"
            };
            self.error(
                &path,
                message,
                "exactly one of: smtp, lmtp, maildir, sendmail",
            );
            return None;
        }
        let (key, value) = set[0];
        if key != "smtp" {
            self.smtp_only(written);
        }
        match key {
            "smtp" => self.smtp(value, written),
            "lmtp" => Some(Transport::Lmtp(self.lmtp(value)?)),
            "maildir" => Some(Transport::Maildir(self.base.join(value))),
            _ => Some(Transport::Sendmail(self.base.join(value))),
        }
    }

    fn smtp_only(&mut self, written: &out::Mail) {
        if written.username.is_some() {
            let problem = Problem::warning(
                "`username` is used with `smtp` only",
                self.at("mail/username"),
            );
            self.tell(problem);
        }
    }

    fn lmtp(&mut self, text: &str) -> Option<Listen> {
        let address = values::listen(text, self.base);
        if address.is_none() {
            self.error(
                "mail/lmtp",
                "this is no address and port",
                "\"127.0.0.1:24\" or \"unix:/run/dovecot/lmtp\"",
            );
        }
        address
    }

    fn smtp(&mut self, server: &str, written: &out::Mail) -> Option<Transport> {
        let default_port = match written.tls {
            Tls::Starttls => 587,
            Tls::Implicit => 465,
            Tls::None => 25,
        };
        let Some((host, port)) = host_and_port(server, default_port) else {
            self.error(
                "mail/smtp",
                "this is no host and port",
                "\"smtp.example.org:587\"",
            );
            return None;
        };
        if written.tls == Tls::None && !is_loopback(&host) {
            let help = "\"starttls\" or \"implicit\"; \"none\" is allowed to this machine only";
            self.error(
                "mail/tls",
                "mail and password would cross the network unprotected",
                help,
            );
        }
        let sources = [
            &written.password_credential,
            &written.password_file,
            &written.password_env,
        ];
        let has_password = sources.iter().any(|source| source.is_some());
        let password = self.secret("mail", "password", sources);
        let login = match (&written.username, has_password) {
            (Some(username), true) => password.map(|password| (username.clone(), password)),
            (Some(_), false) => {
                self.error(
                    "mail/username",
                    "`username` needs a password",
                    "password_credential, password_file or password_env",
                );
                None
            }
            (None, true) => {
                self.error("mail", "a password needs `username`", "");
                None
            }
            (None, false) => None,
        };
        let tls = match written.tls {
            Tls::Starttls => MailTls::Starttls,
            Tls::Implicit => MailTls::Implicit,
            Tls::None => MailTls::None,
        };
        let ca_certificate = self.path(&written.ca_certificate);
        Some(Transport::Smtp {
            host,
            port,
            tls,
            login,
            ca_certificate,
            hello: written.hello.clone(),
        })
    }

    fn dkim(&mut self, written: &out::Dkim) -> Option<DkimConfig> {
        let sources = [&written.key_credential, &written.key_file, &written.key_env];
        if sources.iter().all(|source| source.is_none()) {
            self.error(
                "mail/dkim",
                "[mail.dkim] needs a private key",
                "key_credential, key_file or key_env",
            );
            return None;
        }
        let key = self.secret("mail/dkim", "key", sources)?;
        Some(DkimConfig {
            domain: written.domain.to_lowercase(),
            selector: written.selector.clone(),
            key,
        })
    }
}

/// Names of the places in a subject: what stands between a brace and the next that closes it.
fn places(text: &str) -> impl Iterator<Item = &str> {
    let closed = text
        .split_inclusive('}')
        .filter_map(|part| part.strip_suffix('}'));
    closed.filter_map(|part| part.rsplit_once('{').map(|(_, name)| name))
}

/// `host`, `host:port`, `[::1]:port`.
fn host_and_port(text: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port))
            if !host.contains(':') || host.starts_with('[') && host.ends_with(']') =>
        {
            (host, port.parse().ok().filter(|port| *port != 0)?)
        }
        Some(_) => return None,
        None => (text, default),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let sound = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || ".-:".contains(c));
    sound.then(|| (host.to_lowercase(), port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
