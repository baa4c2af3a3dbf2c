//! Where files go: a folder, or a bucket of object storage with the key that opens it.

use std::time::Duration;

use super::Check;
use crate::config::raw::Raw;
use crate::config::{BucketConfig, Files, Secret};

/// What `files` begins with when it is no folder.
const SCHEME: &str = "s3://";

impl Check<'_> {
    /// The place that `files` names, and what is needed to reach it.
    pub(super) fn files(
        &mut self,
        (path, storage): (&str, Option<&BucketConfig>),
        written: &Option<String>,
    ) -> Option<Files> {
        let text = written.as_deref()?;
        let Some(place) = text.strip_prefix(SCHEME) else {
            return self.path(written).map(Files::Folder);
        };
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = prefix.trim_matches('/');
        let part = |part: &str| !matches!(part, "" | "." | "..");
        if !is_bucket(name) || !(prefix.is_empty() || prefix.split('/').all(part)) {
            let help = "\"s3://BUCKET\" or \"s3://BUCKET/PREFIX\"";
            self.error(path, "this names no bucket", help);
            return None;
        }
        let Some(storage) = storage else {
            let help = "[s3] with `access_key`, and one of secret_key_credential, secret_key_file, secret_key_env";
            self.error(path, "a bucket needs the key that opens it", help);
            return None;
        };
        Some(Files::Bucket(BucketConfig {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            ..storage.clone()
        }))
    }

    /// `[s3]` as a bucket without a name, where a merged feed needs one; none where the key is missing that opens it.
    pub(super) fn storage(&mut self, raw: &Raw) -> Option<BucketConfig> {
        let storage = &raw.s3;
        let mut places = raw.publish.values().filter_map(|one| one.files.as_ref());
        if !places.any(|files| files.starts_with(SCHEME)) {
            return None;
        }
        let sources = [
            &storage.secret_key_credential,
            &storage.secret_key_file,
            &storage.secret_key_env,
        ];
        let has_secret = sources.iter().any(|source| source.is_some());
        let access_key = storage.access_key.as_ref().filter(|_| has_secret)?;
        let secret_key = self.secret("s3", "secret_key", sources);
        let endpoint = storage
            .endpoint
            .as_ref()
            .and_then(|written| self.url("s3/endpoint", written, &["https", "http"]));
        Some(BucketConfig {
            name: String::new(),
            prefix: String::new(),
            endpoint,
            region: storage.region.clone(),
            access_key: access_key.clone(),
            secret_key: secret_key.unwrap_or_else(|| Secret::new(String::new())),
            timeout: self
                .duration("s3/timeout", &storage.timeout)
                .max(Duration::from_millis(1)),
        })
    }
}

/// Lower-case letters, digits, dots and hyphens, as storages ask for.
fn is_bucket(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() >= 3
        && name.starts_with(fits)
        && name.ends_with(fits)
        && name.chars().all(|c| fits(c) || c == '-' || c == '.')
}
