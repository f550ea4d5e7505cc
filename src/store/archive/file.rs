//! The file of the archive: its one table, how blocks go in and out, and how events are looked for.

use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::feed::EventLine;
use crate::feed::stored::{Side, Sieve, Stored, Wanted};
use crate::store::archive::Bounds;
use crate::store::archive::block::{self, Block};
use crate::store::schema::{self, Kind};
use crate::store::{StoreError, damaged};

/// Names the file as ours: `WEFE`.
const KIND: Kind = Kind { application: 0x5745_4645, schema: 1 };
const TABLES: &str = "
CREATE TABLE blocks (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, events INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL
);
";
/// How many events one question looks at, and how many bytes of XML it answers with, at most.
const LOOKED_AT: usize = 20_000;
const ANSWERED: usize = 4 << 20;
/// How many events one question is answered with at most.
const MOST: u64 = 1000;
/// How far the log may grow before it is cut back, in bytes.
const LOG: u64 = 8 << 20;

/// Opens the archive to write, and makes it where there is none. Answers the number of its newest event too. What is damaged,
/// newer or not ours is not touched.
pub(super) fn open_to_write(path: &Path) -> Result<(Connection, u64), StoreError> {
    let is_new = !schema::look(path, KIND)?;
    let failed = |error: rusqlite::Error| damaged(path, &error);
    if is_new {
        schema::create(path)?;
    } else {
        check(path)?;
    }
    let connection = schema::connect(path)?;
    if is_new {
        let Kind { application, schema } = KIND;
        let names = format!("BEGIN; {TABLES} PRAGMA application_id = {application}; PRAGMA user_version = {schema}; COMMIT;");
        connection.execute_batch(&names).map_err(failed)?;
    }
    let log = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = {LOG};");
    connection.execute_batch(&log).map_err(failed)?;
    let last = connection.query_row("SELECT last FROM blocks ORDER BY first DESC LIMIT 1", [], |row| row.get::<_, i64>(0));
    let last = last.optional().map_err(failed)?.unwrap_or_default();
    Ok((connection, last as u64))
}

/// Reads the file for damage, without the right to write: its structure, and the two blocks at its ends.
fn check(path: &Path) -> Result<(), StoreError> {
    schema::check(path)?;
    let connection = schema::open_to_read(path, KIND)?;
    for order in ["ASC", "DESC"] {
        let select = format!("SELECT body FROM blocks ORDER BY first {order} LIMIT 1");
        let body = connection.query_row(&select, [], |row| row.get::<_, Vec<u8>>(0)).optional();
        if let Some(body) = body.map_err(|error| damaged(path, &error))? {
            block::unpack(&body).map_err(|problem| damaged(path, &problem))?;
        }
    }
    Ok(())
}

/// Keeps a block.
pub(super) fn insert(transaction: &Transaction<'_>, block: &Block) -> rusqlite::Result<()> {
    let insert = "INSERT OR REPLACE INTO blocks (first, last, events, at, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let row = params![block.first as i64, block.last as i64, block.events as i64, block.at.timestamp_micros(), block.pack()];
    transaction.prepare_cached(insert)?.execute(row).map(drop)
}

/// Deletes the oldest blocks while there are too many or they are too old; answers how many events went.
pub(super) fn trim(transaction: &Transaction<'_>, bounds: Bounds, now: DateTime<Utc>) -> rusqlite::Result<u64> {
    let since = (now - bounds.age).timestamp_micros();
    let mut gone = 0;
    loop {
        let oldest = "SELECT first, events, at FROM blocks ORDER BY first LIMIT 1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let Some((first, events, at)) = transaction.prepare_cached(oldest)?.query_row([], row).optional()? else { break };
        if at >= since && size(transaction)? <= bounds.size {
            break;
        }
        transaction.prepare_cached("DELETE FROM blocks WHERE first = ?1")?.execute([first])?;
        gone += events as u64;
    }
    Ok(gone)
}

/// The bytes in use.
pub(super) fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok((pages * number("page_size")?) as u64)
}

/// How many events there are.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce(sum(events), 0) FROM blocks", [], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}

/// When the oldest event arrived.
pub(super) fn begins(connection: &Connection) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let at = connection.query_row("SELECT at FROM blocks ORDER BY first LIMIT 1", [], |row| row.get(0)).optional()?;
    Ok(at.and_then(DateTime::from_timestamp_micros))
}

/// Looks for events from a place on, block by block, up to the end of a block at which enough was looked at or found.
pub(super) fn look(path: &Path, wanted: &Wanted, sieve: &Sieve) -> Result<Stored, StoreError> {
    let connection = schema::open_to_read(path, KIND)?;
    let failed = |error: rusqlite::Error| damaged(path, &error);
    let (select, number) = match wanted.side {
        Side::Before(number) => ("SELECT body FROM blocks WHERE first < ?1 ORDER BY first DESC", number),
        // The block before the first that begins later may have some of them.
        Side::After(number) => (
            "SELECT body FROM blocks WHERE first >= coalesce((SELECT max(first) FROM blocks WHERE first <= ?1), 0) ORDER BY first",
            number,
        ),
    };
    let mut select = connection.prepare(select).map_err(failed)?;
    let mut rows = select.query([i64::try_from(number).unwrap_or(i64::MAX)]).map_err(failed)?;
    let mut looking = Looking { wanted, sieve, stored: Stored { token: wanted.token, ..Stored::default() }, looked: 0, bytes: 0 };
    loop {
        let Some(row) = rows.next().map_err(failed)? else {
            looking.stored.is_end = true;
            break;
        };
        let body = row.get_ref(0).and_then(|body| Ok(body.as_blob()?)).map_err(failed)?;
        let mut lines = block::unpack(body).map_err(|problem| damaged(path, &problem))?;
        if matches!(wanted.side, Side::Before(_)) {
            lines.reverse();
        }
        if !lines.into_iter().all(|(at, line)| looking.at(at, line)) {
            break;
        }
    }
    let mut stored = looking.stored;
    if matches!(wanted.side, Side::Before(_)) {
        stored.lines.reverse();
    }
    Ok(stored)
}

/// What was looked at so far.
struct Looking<'a> {
    wanted: &'a Wanted,
    sieve: &'a Sieve,
    stored: Stored,
    looked: usize,
    bytes: usize,
}

impl Looking<'_> {
    /// Looks at the next event; whether there is room for more.
    fn at(&mut self, at: DateTime<Utc>, line: EventLine) -> bool {
        let is_beyond = match self.wanted.side {
            Side::Before(number) => line.number >= number,
            Side::After(number) => line.number <= number,
        };
        if is_beyond {
            return true;
        }
        self.looked += 1;
        (self.stored.reached, self.stored.reached_at) = (Some(line.number), Some(at));
        if (self.sieve)(&line, at) {
            self.bytes += line.xml.len();
            self.stored.lines.push((at, line));
        }
        let is_full = self.stored.lines.len() as u64 >= self.wanted.most.clamp(1, MOST) || self.bytes >= ANSWERED;
        !is_full && self.looked < LOOKED_AT
    }
}
