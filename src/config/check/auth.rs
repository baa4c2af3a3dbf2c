//! What a feed's requests carry: headers and credentials. Secrets only by reference; headers that steer the exchange
//! itself are refused.

use super::Check;
use crate::config::raw;
use crate::config::schema::shown;
use crate::config::{Auth, Secret};

impl Check<'_> {
    pub(super) fn headers(&mut self, path: &str, written: &raw::Feed) -> Vec<(String, Secret)> {
        let mut headers = Vec::new();
        for (name, value) in &written.headers {
            let place = format!("{path}/headers/{name}");
            let secret = ["authorization", "proxy-authorization", "cookie"]
                .contains(&name.to_lowercase().as_str());
            if secret {
                self.error(
                    &place,
                    format!("`{name}`: secrets are not written in the config"),
                    "use `auth` or `secret_headers`",
                );
            } else if self.is_header(&place, name) {
                headers.push((name.clone(), Secret::new(value.clone())));
            }
        }
        for (name, source) in &written.secret_headers {
            let place = format!("{path}/secret_headers/{name}");
            let secret = self.secret(&place, "", [&source.credential, &source.file, &source.env]);
            if self.is_header(&place, name)
                && let Some(secret) = secret
            {
                headers.push((name.clone(), secret));
            }
        }
        headers
    }

    /// RFC 9110 §5.6.2; names that steer the exchange itself are ours.
    fn is_header(&mut self, path: &str, name: &str) -> bool {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let ours = [
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "if-none-match",
            "if-modified-since",
        ];
        if name.is_empty() || !name.chars().all(token) {
            self.error(
                path,
                format!("`{}` cannot be a header's name", shown(name)),
                "",
            );
            return false;
        }
        if ours.contains(&name.to_lowercase().as_str()) {
            self.error(
                path,
                format!("the header `{name}` is feedmill's own business"),
                "",
            );
            return false;
        }
        true
    }

    pub(super) fn auth(&mut self, path: &str, written: &raw::FeedAuth) -> Option<Auth> {
        let sources = [
            &written.password_credential,
            &written.password_file,
            &written.password_env,
        ];
        let has_password = sources.iter().any(|source| source.is_some());
        let password = self.secret(path, "password", sources);
        let sources = [
            &written.bearer_credential,
            &written.bearer_file,
            &written.bearer_env,
        ];
        let has_bearer = sources.iter().any(|source| source.is_some());
        let bearer = self.secret(path, "bearer", sources);
        match (&written.username, has_password, has_bearer) {
            (Some(username), true, false) => Some(Auth::Basic {
                username: username.clone(),
                password: password?,
            }),
            (None, false, true) => Some(Auth::Bearer(bearer?)),
            _ => {
                self.error(
                    path,
                    "`auth` is a user name with a password, or a bearer token",
                    "",
                );
                None
            }
        }
    }
}
