//! One error told to several callers: the causes of errors cannot be cloned, their kind and text can.

use std::path::PathBuf;

use super::StoreError;

/// What every caller of a group is told.
pub(super) struct SharedError {
    full: bool,
    corrupt: bool,
    path: PathBuf,
    text: String,
}

impl SharedError {
    /// Of what happened, in the file at `path`.
    pub(super) fn of(error: &StoreError, path: PathBuf) -> Self {
        let cause = std::error::Error::source(error)
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        Self {
            full: matches!(error, StoreError::Full { .. }),
            corrupt: matches!(error, StoreError::Corrupt { .. }),
            path,
            text: format!("{error}{cause}"),
        }
    }

    /// For one more caller.
    pub(super) fn next(&mut self) -> StoreError {
        let path = self.path.clone();
        match (self.full, self.corrupt) {
            (true, _) => StoreError::Full { path },
            (_, true) => StoreError::Corrupt {
                path,
                detail: self.text.clone(),
            },
            _ => StoreError::Sqlite {
                context: "committing".to_owned(),
                source: self.text.clone().into(),
            },
        }
    }
}
