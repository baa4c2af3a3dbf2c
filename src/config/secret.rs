//! A secret that no log line and no debug print can show, and how it is read: from a systemd credential, a file or an
//! environment variable, never from the config itself.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Text that is shown as `***` wherever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself; to be called only where it goes onto the wire.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// Name of a systemd credential.
    Credential(&'a str),
    /// A file, relative to the config's folder.
    File(&'a str),
    /// An environment variable.
    Variable(&'a str),
}

/// A secret as read, with a warning if others can read it too.
pub(super) struct Found {
    pub(super) secret: Secret,
    pub(super) warning: Option<String>,
}

/// Reads a secret; the error is one line without it.
pub(super) fn read(
    source: Source<'_>,
    base: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<Found, String> {
    match source {
        Source::Credential(name) => {
            let folder = environment.get("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                format!("cannot read the credential `{name}`: $CREDENTIALS_DIRECTORY is not set (systemd sets it)")
            })?;
            if name.contains('/') {
                return Err(format!("a credential's name has no slash: `{name}`"));
            }
            let path = PathBuf::from(folder).join(name);
            Ok(Found {
                secret: from_file(&path, &format!("the credential `{name}`"))?,
                warning: None,
            })
        }
        Source::File(name) => {
            let path = base.join(name);
            let secret = from_file(&path, &path.display().to_string())?;
            let open =
                std::fs::metadata(&path).is_ok_and(|data| data.permissions().mode() & 0o004 != 0);
            let warning =
                open.then(|| format!("every user of this machine can read {}", path.display()));
            Ok(Found { secret, warning })
        }
        Source::Variable(name) => match environment.get(name).map(|text| text.trim_end()) {
            None => Err(format!("the environment variable `{name}` is not set")),
            Some("") => Err(format!("the environment variable `{name}` is empty")),
            Some(text) => Ok(Found {
                secret: Secret::new(text.to_owned()),
                warning: None,
            }),
        },
    }
}

/// Line ends after the secret are an editor's, not the secret's.
fn from_file(path: &Path, name: &str) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {name}: {}", super::read::reason(&error)))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(format!("{name} is empty"));
    }
    Ok(Secret::new(text.to_owned()))
}
