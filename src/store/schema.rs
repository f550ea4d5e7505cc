//! The tables, and the door to the file: what it is gets known from its first bytes and a check that only reads, before
//! anything may write.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::store::{StoreError, damaged, dispatch};

/// The schema that this version writes.
const SCHEMA: u32 = 2;
/// Names the file as ours: `WEFW`.
const APPLICATION: u32 = 0x5745_4657;
const KIND: Kind = Kind { application: APPLICATION, schema: SCHEMA };
/// Beyond this size the whole check at the start would take too long; what is broken then shows when it is read.
const CHECKED_UP_TO: u64 = 512 << 20;

/// What the first bytes of a file of ours say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// What it is.
    pub(super) application: u32,
    /// The newest schema that is known.
    pub(super) schema: u32,
}

const TABLES: &str = "
CREATE TABLE alerts (
    id TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, time INTEGER NOT NULL, severity INTEGER NOT NULL, rule TEXT NOT NULL,
    host TEXT NOT NULL, muted INTEGER, status INTEGER NOT NULL DEFAULT 0, hidden INTEGER, announced INTEGER NOT NULL DEFAULT 0,
    header TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX alerts_created ON alerts (created);
CREATE INDEX alerts_unannounced ON alerts (announced) WHERE announced = 0;
CREATE TABLE rules (key TEXT PRIMARY KEY, info TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE evidence (
    alert TEXT NOT NULL, stage INTEGER NOT NULL, fields TEXT NOT NULL, xml TEXT NOT NULL, PRIMARY KEY (alert, stage)
);
CREATE TABLE triage (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, deed TEXT NOT NULL, reason TEXT NOT NULL,
    entry TEXT NOT NULL
);
CREATE VIEW mutes AS
    SELECT number, at, who, reason, json_extract(deed, '$.mute.scope.conditions') AS scope,
           json_extract(deed, '$.mute.until') AS until
    FROM triage WHERE json_type(deed, '$.mute') = 'object';
CREATE TABLE usual (
    what TEXT NOT NULL, host TEXT NOT NULL, thing TEXT NOT NULL, day INTEGER NOT NULL, count INTEGER NOT NULL,
    last INTEGER NOT NULL, PRIMARY KEY (what, host, thing, day)
) WITHOUT ROWID;
CREATE TABLE stage_hits (received INTEGER NOT NULL, xml TEXT NOT NULL);
CREATE INDEX stage_hits_received ON stage_hits (received);
";

/// Opens the store to write; makes it where there is none. Holds the lock as long as the file that is answered.
pub(super) fn open_to_write(path: &Path) -> Result<(Connection, File), StoreError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Io { path, source }
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io(folder))?;
    }
    let is_new = !look(path, KIND)?;
    let lock_path = PathBuf::from(format!("{}.lock", path.display()));
    let lock = create(&lock_path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => return Err(StoreError::Io { path: lock_path, source }),
    }
    if is_new {
        create(path)?;
    } else {
        check(path)?;
    }
    let failed = |error: rusqlite::Error| damaged(path, &error);
    let connection = connect(path)?;
    if is_new {
        // The names are written before the log begins, so that they stand in the first bytes of the file at once.
        let names = format!(
            "PRAGMA auto_vacuum = INCREMENTAL; BEGIN; {TABLES} {} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA}; COMMIT;",
            dispatch::TABLES
        );
        connection.execute_batch(&names).map_err(failed)?;
    }
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(failed)?;
    migrate(&connection).map_err(failed)?;
    Ok((connection, lock))
}

/// Makes a file where there is none. What is kept is for the collector's own eyes.
pub(super) fn create(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    file.map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

/// Opens a file that is there to write.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| damaged(path, &error))
}

/// Brings the tables of an earlier version up to date, all or nothing. What counts is the version that the log has: the first
/// bytes of the file follow when the log is taken over, which is done at once, so that an earlier version sees whose it is.
fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version != 1 {
        return Ok(());
    }
    let steps = format!("BEGIN; {} {} PRAGMA user_version = {SCHEMA}; COMMIT;", dispatch::TABLES, dispatch::OF_SCHEMA_1);
    connection.execute_batch(&steps)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Opens the store to read, beside a writer if there is one.
pub(super) fn open_store_to_read(path: &Path) -> Result<Connection, StoreError> {
    open_to_read(path, KIND)
}

/// Opens a file of ours to read, beside a writer if there is one.
pub(super) fn open_to_read(path: &Path, kind: Kind) -> Result<Connection, StoreError> {
    if !look(path, kind)? {
        return Err(StoreError::Missing(path.to_owned()));
    }
    connect_to_read(path)
}

fn connect_to_read(path: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| damaged(path, &error))?;
    // A writer that ends takes its log away for a moment.
    connection.busy_timeout(std::time::Duration::from_secs(2)).map_err(|error| damaged(path, &error))?;
    Ok(connection)
}

/// Looks at the first bytes only: false where there is nothing yet.
pub(super) fn look(path: &Path, kind: Kind) -> Result<bool, StoreError> {
    let failed = |source| StoreError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(failed(source)),
    };
    let mut head = Vec::new();
    file.take(100).read_to_end(&mut head).map_err(failed)?;
    if head.is_empty() {
        return Ok(false);
    }
    let number = |at: usize| head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
    if !head.starts_with(b"SQLite format 3\0") || number(68) != kind.application {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    match number(60) {
        found if (1..=kind.schema).contains(&found) => Ok(true),
        found => Err(StoreError::Newer { path: path.to_owned(), found, known: kind.schema }),
    }
}

/// Reads the whole file for damage, without the right to write.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size > CHECKED_UP_TO {
        return Ok(());
    }
    let connection = connect_to_read(path)?;
    let verdict = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(damaged(path, &verdict)),
        Err(error) => Err(damaged(path, &error)),
    }
}
