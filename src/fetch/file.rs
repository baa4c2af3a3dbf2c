//! `file:` URLs that the operator's own config names: takes a path, gives its bytes. Size and time of change stand in
//! for validators. Refuses anything over the body cap; a redirect never leads here.

use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use tokio::io::AsyncReadExt;
use url::Url;

use super::Outcome;
use super::trouble::trouble;
use crate::model::{PollTrouble, TroubleClass, Validators};

/// Reads the file of `url` unless `known` says that it is unchanged. The validators are those to keep.
pub(super) async fn read(url: &Url, known: &Validators, cap: u64) -> (Outcome, Validators) {
    match read_changed(url, known, cap).await {
        Ok(Some((outcome, validators))) => (outcome, validators),
        Ok(None) => (Outcome::NotModified, known.clone()),
        Err(trouble) => (Outcome::Failed(trouble), known.clone()),
    }
}

async fn read_changed(
    url: &Url,
    known: &Validators,
    cap: u64,
) -> Result<Option<(Outcome, Validators)>, PollTrouble> {
    let path = url
        .to_file_path()
        .map_err(|()| trouble(TroubleClass::File, "the URL is no path of this machine"))?;
    let unreadable = |error: io::Error| unreadable(&path, &error);
    let mut file = tokio::fs::File::open(&path).await.map_err(unreadable)?;
    let meta = file.metadata().await.map_err(unreadable)?;
    let changed = meta
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    let stamp = format!("{} bytes at {}", meta.len(), changed.as_nanos()).into_bytes();
    if known.url == url.as_str() && known.last_modified.as_ref() == Some(&stamp) {
        return Ok(None);
    }
    if meta.len() > cap {
        return Err(trouble(
            TroubleClass::TooLarge,
            format!("{} is larger than {cap} bytes", path.display()),
        ));
    }
    let mut body = Vec::new();
    (&mut file)
        .take(cap + 1)
        .read_to_end(&mut body)
        .await
        .map_err(unreadable)?;
    let validators = Validators {
        url: url.as_str().to_owned(),
        etag: None,
        last_modified: Some(stamp),
    };
    Ok(Some((
        Outcome::Fresh {
            body: body.into(),
            content_type: None,
        },
        validators,
    )))
}

fn unreadable(path: &Path, error: &io::Error) -> PollTrouble {
    trouble(
        TroubleClass::File,
        format!("cannot read {}: {error}", path.display()),
    )
}
