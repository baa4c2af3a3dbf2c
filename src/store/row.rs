//! Between columns and values: instants, codes, JSON, hashes, and the one internal error that deeds return.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::codes::Code;

/// Why a deed failed, before it is told to the caller with the file's name.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite's word.
    Sql(rusqlite::Error),
    /// One of ours already.
    Store(StoreError),
}

/// What deeds return.
pub(super) type Outcome<T> = std::result::Result<T, Trouble>;

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::Sql(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Sql(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl Trouble {
    /// The error for the caller of the store.
    pub(super) fn tell(self, path: &Path, context: &str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sql(error) => tell_sql(error, path, context),
        }
    }
}

fn tell_sql(error: rusqlite::Error, path: &Path, context: &str) -> StoreError {
    use rusqlite::ErrorCode as Sql;
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(Sql::DiskFull) => StoreError::Full { path },
        Some(Sql::NotADatabase) => StoreError::Foreign { path },
        Some(Sql::DatabaseCorrupt) => StoreError::Corrupt {
            path,
            detail: error.to_string(),
        },
        _ => StoreError::Sqlite {
            context: context.to_owned(),
            source: Box::new(error),
        },
    }
}

/// An instant as its column.
pub(super) fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// An instant that may be missing, as its column.
pub(super) fn opt_ms(at: Option<Timestamp>) -> Option<i64> {
    at.map(ms)
}

/// A column as an instant; what no clock could have written reads as 1970.
pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Column `index` as an instant.
pub(super) fn get_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    row.get(index).map(at)
}

/// Column `index` as an instant that may be missing.
pub(super) fn get_opt_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(index).map(|ms| ms.map(at))
}

/// Column `index` as an enumeration.
pub(super) fn get_code<T: Code>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let code: i64 = row.get(index)?;
    T::decode(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(index, code))
}

/// Column `index` as JSON.
pub(super) fn get_json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text = row
        .get_ref(index)?
        .as_str()
        .map_err(|error| conversion(index, error))?;
    serde_json::from_str(text).map_err(|error| conversion(index, error))
}

/// Column `index` as 32 bytes.
pub(super) fn get_hash(row: &Row<'_>, index: usize) -> rusqlite::Result<[u8; 32]> {
    <[u8; 32]>::column_result(row.get_ref(index)?).map_err(|error| conversion(index, error))
}

/// A failed conversion of column `index`.
pub(super) fn conversion(
    index: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(error))
}

/// A value as JSON text.
pub(super) fn json<T: Serialize>(value: &T) -> Outcome<String> {
    Ok(serde_json::to_string(value)?)
}

/// The first eight bytes of BLAKE3 over `kind` and `text`: what long strings are indexed by.
pub(super) fn hash64(kind: u8, text: &str) -> i64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(text.as_bytes());
    head64(hasher.finalize().as_bytes())
}

/// The head of a hash as a column.
pub(super) fn head64(hash: &[u8; 32]) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}
