//! Opening: the lock against a second daemon, what the file is, how its connections are set, how it is left.
//!
//! A file that is newer, foreign or damaged is refused before anything writes to it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::migrations;
use super::row::{Outcome, Trouble};
use super::{Result, StoreError};

/// "FDML": marks a file as ours.
pub(super) const APPLICATION_ID: i32 = 0x4644_4d4c;
/// The WAL-reset fault loses commits before this version.
const LEAST_SQLITE: i32 = 3_051_003;
/// How long a connection waits for another process.
const BUSY: Duration = Duration::from_secs(10);

/// The lock file of a daemon. Its first line names the holder while the store is open and is empty after a clean close.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    /// The last holder did not close.
    pub(super) unclean: bool,
}

impl Lock {
    /// Takes the lock beside `path`.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| told_io("taking the lock", error);
        let beside = beside(path, "lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(beside);
        let file = file
            .as_mut()
            .map_err(|error| failed(std::io::Error::new(error.kind(), error.to_string())))?;
        let locked = file.try_lock();
        let mut holder = String::new();
        file.read_to_string(&mut holder).map_err(failed)?;
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    path: path.to_owned(),
                    holder: named(&holder),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut lock = Self {
            file: file.try_clone().map_err(failed)?,
            unclean: !first_line(&holder).is_empty(),
        };
        lock.name(&format!("{}\n", std::process::id()))
            .map_err(failed)?;
        Ok(lock)
    }

    /// Writes over what is there, and never empties the file: its block can be written on a full disk too.
    fn name(&mut self, holder: &str) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(holder.as_bytes())?;
        self.file.set_len(holder.len() as u64)?;
        self.file.sync_data()
    }

    /// Marks the store as closed and lets the lock go.
    pub(super) fn release(mut self) -> Result<()> {
        self.name("\n")
            .and_then(|()| self.file.unlock())
            .map_err(|error| told_io("releasing the lock", error))
    }
}

/// Makes the folder that `path` lies in, so that a first start needs no preparation.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .map_err(|error| told_io("making the folder of the database", error)),
        _ => Ok(()),
    }
}

/// The holder as its lock file names it.
fn named(text: &str) -> String {
    match first_line(text) {
        "" => "unknown".to_owned(),
        holder => holder.to_owned(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

/// Process id of the daemon that holds the lock beside `path`, if one does.
pub(super) fn holder(path: &Path) -> Result<Option<String>> {
    let failed = |error: std::io::Error| told_io("looking at the lock", error);
    let Ok(mut file) = OpenOptions::new()
        .read(true)
        .write(true)
        .open(beside(path, "lock"))
    else {
        return Ok(None);
    };
    match file.try_lock() {
        Ok(()) => file.unlock().map(|()| None).map_err(failed),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).map_err(failed)?;
            Ok(Some(named(&holder)))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn told_io(context: &str, error: std::io::Error) -> StoreError {
    StoreError::Sqlite {
        context: context.to_owned(),
        source: Box::new(error),
    }
}

/// `path` with `.suffix` appended to its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    with_ending(path, &format!(".{suffix}"))
}

/// A checked and migrated writing connection; without a lock it leaves the schema to the daemon that holds one.
pub(super) fn first(path: &Path, lock: Option<&Lock>) -> Result<Connection> {
    if rusqlite::version_number() < LEAST_SQLITE {
        let source = format!("SQLite {} is too old", rusqlite::version()).into();
        return Err(StoreError::Sqlite {
            context: "opening".to_owned(),
            source,
        });
    }
    examine(path)?;
    let told = |trouble: Trouble| trouble.tell(path, "opening");
    let mut conn = raw(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )
    .map_err(told)?;
    // Until the file is known as ours, closing must not move what its log holds.
    let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    conn.set_db_config(keep_log, true)
        .map_err(|error| told(error.into()))?;
    migrations::refuse_others(&conn, path)?;
    conn.set_db_config(keep_log, false)
        .map_err(|error| told(error.into()))?;
    if lock.is_some_and(|lock| lock.unclean) {
        quick_check(&conn, path)?;
    }
    if lock.is_none()
        && let Some(holder) = holder(path)?
    {
        migrations::refuse_pending(&conn, path, &holder)?;
    }
    migrations::migrate(&mut conn, path)?;
    settle(&conn).map_err(told)?;
    Ok(conn)
}

/// What the header says, read without SQLite, which would begin to write.
fn examine(path: &Path) -> Result<()> {
    let mut head = [0_u8; 100];
    let Ok(mut file) = File::open(path) else {
        return Ok(());
    };
    let length = file
        .metadata()
        .map_err(|error| told_io("opening", error))?
        .len();
    if length == 0 {
        return Ok(());
    }
    let foreign = || StoreError::Foreign {
        path: path.to_owned(),
    };
    file.read_exact(&mut head).map_err(|_| foreign())?;
    let word = |from: usize| {
        head.get(from..from + 4).map_or(0, |bytes| {
            bytes
                .iter()
                .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        })
    };
    let pages = word(28);
    let page_size = match word(16) >> 16 {
        1 => 65_536,
        size => size,
    };
    // A first start that was killed early leaves a lone page; whether anything is in it, SQLite can tell.
    let begun = pages <= 1 && word(68) == 0 && word(60) == 0;
    let named = begun || word(68) == u64::from(APPLICATION_ID.unsigned_abs());
    if !head.starts_with(b"SQLite format 3\0") || !named {
        return Err(foreign());
    }
    let known = migrations::KNOWN;
    let found = i64::try_from(word(60)).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    let wal = std::fs::metadata(beside_wal(path)).map_or(0, |data| data.len());
    if wal == 0 && length < pages * page_size {
        let detail = format!("{length} bytes where its header says {}", pages * page_size);
        return Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail,
        });
    }
    Ok(())
}

fn beside_wal(path: &Path) -> PathBuf {
    with_ending(path, "-wal")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The database and the files that SQLite and we keep beside it.
pub(super) fn own_files(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", ".lock"].map(|ending| with_ending(path, ending))
}

fn quick_check(conn: &Connection, path: &Path) -> Result<()> {
    let detail: rusqlite::Result<String> =
        conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match detail {
        Ok(detail) if detail == "ok" => Ok(()),
        Ok(detail) => Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail,
        }),
        Err(error) => Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail: error.to_string(),
        }),
    }
}

fn raw(path: &Path, mode: OpenFlags) -> Outcome<Connection> {
    let conn = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(160);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Plans must not depend on bound values: else a bound LIMIT makes SQLite compile the statement anew each time.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, 64 << 20)?;
    conn.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20)?;
    Ok(conn)
}

/// What every writing connection is set to.
fn settle(conn: &Connection) -> Outcome<()> {
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16000; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000;",
    )?;
    Ok(())
}

/// A writing connection on a file that [`first`] has passed.
pub(super) fn writable(path: &Path) -> Outcome<Connection> {
    let conn = raw(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settle(&conn)?;
    Ok(conn)
}

/// A reading connection on a file that [`first`] has passed.
pub(super) fn readable(path: &Path) -> Outcome<Connection> {
    let conn = raw(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.execute_batch(
        "PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -4000;",
    )?;
    Ok(conn)
}

/// Puts all that was committed into the main file and closes.
pub(super) fn leave(conn: Connection) {
    if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(
            error = format!("{error:#}"),
            "the last checkpoint failed; the next start makes it"
        );
    }
    if let Err((_, error)) = conn.close() {
        tracing::warn!(
            error = format!("{error:#}"),
            "the database did not close cleanly"
        );
    }
}
