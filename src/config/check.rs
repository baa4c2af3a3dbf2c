//! What is meant: `raw` into checked values, with every complaint at its place. This file holds the
//! frame and what sections share: places, durations, addresses, secrets; each section has a file below. A value that cannot be used is
//! complained about and replaced, so that one run finds everything.

mod auth;
mod bucket;
mod feed;
mod mail;
mod out;
mod program;

pub(super) use out::Known;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::diagnose::Complaint;
use super::raw;
use super::secret::{self, Secret, Source};
use super::tree::{Table, find};
use super::values::{self, DURATION_HELP};
use super::{Listen, Place, Problem, Zone};

/// Languages whose texts come with feedmill.
const LANGUAGES: [&str; 3] = ["vi", "en", "ar"];

/// The frame of checking: where values stand, and what was wrong.
pub(super) struct Check<'a> {
    pub(super) table: &'a Table,
    pub(super) base: &'a Path,
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) complaints: Vec<Complaint>,
}

impl Check<'_> {
    /// Place of the value at a path; none where the default holds.
    pub(super) fn at(&self, path: &str) -> Option<Place> {
        find(self.table, path).map(|item| item.at.clone())
    }

    /// Place of the value at a path, or else of the nearest table around it that was written.
    pub(super) fn around(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            match (self.at(path), path.rsplit_once('/')) {
                (Some(place), _) => return Some(place),
                (None, Some((outer, _))) => path = outer,
                (None, None) => return None,
            }
        }
    }

    pub(super) fn tell(&mut self, problem: Problem) {
        self.complaints.push(problem.into());
    }

    pub(super) fn error(&mut self, path: &str, message: impl Into<String>, help: &str) {
        let problem = Problem::error(message, self.around(path));
        self.tell(if help.is_empty() {
            problem
        } else {
            problem.help(help)
        });
    }

    pub(super) fn duration(&mut self, path: &str, written: &raw::Span) -> Duration {
        let duration = values::duration(&written.0);
        if duration == Some(Duration::ZERO) && path != "fetch/host_gap" {
            self.error(path, "this must be longer than nothing", DURATION_HELP);
        }
        duration.unwrap_or_else(|| {
            self.error(path, "this is no duration", DURATION_HELP);
            Duration::from_secs(3_600)
        })
    }

    pub(super) fn size(&mut self, path: &str, written: &raw::Size) -> u64 {
        values::size(&written.0)
            .filter(|bytes| *bytes > 0)
            .unwrap_or_else(|| {
                self.error(
                    path,
                    "this is no size",
                    "a number and a unit: 500B, 64KiB, 10MiB, 1GiB",
                );
                10 << 20
            })
    }

    pub(super) fn zone(&mut self, path: &str, name: &str) -> Zone {
        values::zone(name).unwrap_or_else(|near| {
            let message = format!("unknown time zone `{}`", super::schema::shown(name));
            let mut problem = Problem::error(message, self.around(path));
            problem.label = near.map(|name| format!("did you mean `{name}`?"));
            self.tell(problem);
            Zone {
                name: "UTC".into(),
                zone: jiff::tz::TimeZone::UTC,
            }
        })
    }

    /// There are the languages that come with feedmill and those of the folder of templates, by the whole tag or by its
    /// first part.
    pub(super) fn language(
        &mut self,
        path: &str,
        written: &str,
        templates: Option<&PathBuf>,
    ) -> String {
        let tag = !written.is_empty()
            && written
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-');
        let short = written.split('-').next().unwrap_or(written);
        let there = |name: &str| {
            let file = templates.map(|dir| dir.join("lang").join(format!("{name}.toml")));
            LANGUAGES.contains(&name) || file.is_some_and(|file| file.is_file())
        };
        if !tag || !(there(written) || there(short)) {
            let message = format!("unknown language `{}`", super::schema::shown(written));
            let problem = Problem::error(message, self.around(path)).nearest(written, LANGUAGES);
            self.tell(
                problem
                    .help("built in are: ar, en, vi; others need `lang/TAG.toml` in `templates`"),
            );
        }
        written.to_owned()
    }

    pub(super) fn path(&self, written: &Option<String>) -> Option<PathBuf> {
        written.as_ref().map(|path| self.base.join(path))
    }

    /// An absolute URL of one of the schemes.
    pub(super) fn url(&mut self, path: &str, written: &str, schemes: &[&str]) -> Option<Url> {
        let help = format!(
            "write the whole address, beginning with {}",
            schemes.join(":// or ") + "://"
        );
        match Url::parse(written) {
            Ok(url) if schemes.contains(&url.scheme()) && url.has_host() => Some(url),
            Ok(url) if url.has_host() => {
                self.error(
                    path,
                    format!("the scheme `{}` does not serve here", url.scheme()),
                    &help,
                );
                None
            }
            _ => {
                self.error(path, "this is no absolute URL", &help);
                None
            }
        }
    }

    pub(super) fn networks(&mut self, path: &str, written: &[String]) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for (index, text) in written.iter().enumerate() {
            match text
                .parse::<IpNet>()
                .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
            {
                Ok(network) => networks.push(network),
                Err(_) => {
                    let help = "an address and a prefix length: \"127.0.0.0/8\", \"fd00::/8\"";
                    self.error(&format!("{path}/{index}"), "this is no network", help);
                }
            }
        }
        networks
    }

    /// A path to listen on or connect to.
    pub(super) fn listen(&mut self, path: &str, written: &str) -> Listen {
        values::listen(written, self.base).unwrap_or_else(|| {
            let help =
                "an address and a port, \"127.0.0.1:8080\", or \"unix:/run/feedmill/http.sock\"";
            self.error(path, "this is nothing to listen on", help);
            Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)))
        })
    }

    /// The secret of the keys `STEM_credential`, `STEM_file`, `STEM_env` (or without stem) of a table.
    pub(super) fn secret(
        &mut self,
        table: &str,
        stem: &str,
        written: [&Option<String>; 3],
    ) -> Option<Secret> {
        let keys = ["credential", "file", "env"];
        let mut set = (0..3).filter_map(|index| Some((index, written[index].as_deref()?)));
        let (index, value) = set.next()?;
        let joined = |index: usize| match stem {
            "" => format!("{table}/{}", keys[index]),
            stem => format!("{table}/{stem}_{}", keys[index]),
        };
        if let Some((second, _)) = set.next() {
            let problem =
                Problem::error("one source of a secret is enough", self.at(&joined(second)));
            let also = self
                .at(&joined(index))
                .map(|place| (place, "there is this one already".to_owned()));
            self.complaints.push(Complaint {
                problem: problem.help("keep one of them"),
                also,
            });
            return None;
        }
        let source = [
            Source::Credential(value),
            Source::File(value),
            Source::Variable(value),
        ][index];
        match secret::read(source, self.base, self.environment) {
            Ok(found) => {
                if let Some(warning) = found.warning {
                    let problem = Problem::warning(warning, self.at(&joined(index)));
                    self.tell(problem.help("take the right away: chmod o-r"));
                }
                Some(found.secret)
            }
            Err(message) => {
                self.error(&joined(index), message, "");
                None
            }
        }
    }
}
