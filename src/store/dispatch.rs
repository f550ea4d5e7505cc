//! What goes out: every record that outputs are given has a number, in order, and each output a mark up to where it got
//! everything. What lies between the two is sent when the output can take it, in this run or the next.
//!
//! ```text
//! dispatches   1  2  3  4  5  6  7  8        an alert that is told again has another number; the record is as the alert is now
//! outputs               ^ tcp://siem:5000    has 1 to 4, gets 5 to 8 first
//! ```

use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, params};

use crate::alert::{Action, Alert, AlertId};
use crate::store::{Deliveries, read};

/// The tables, since schema 2.
pub(super) const TABLES: &str = "
CREATE TABLE dispatches (number INTEGER PRIMARY KEY, alert TEXT NOT NULL, is_update INTEGER NOT NULL);
CREATE TABLE outputs (name TEXT PRIMARY KEY, mark INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID;
";

/// What an earlier version had not handed to anybody goes out as if it had a number.
pub(super) const OF_SCHEMA_1: &str = "
INSERT INTO dispatches (alert, is_update)
    SELECT id, coalesce(json_extract(body, '$.action') = 'updated', 0) FROM alerts WHERE announced = 0 ORDER BY created;
";

/// A part of what an output was not given yet, in order.
#[derive(Debug)]
pub struct Page {
    /// The records, with their numbers. What is missing between them is gone.
    pub alerts: Vec<(u64, Alert)>,
    /// How many of them are broken, and what is wrong with the first.
    pub broken: Option<(u64, String)>,
    /// The last number that was looked at, whether the store still has its record or not.
    pub last: u64,
    /// Whether nothing follows.
    pub is_end: bool,
}

fn of(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The last number that was given.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    let last = "SELECT max(coalesce((SELECT max(number) FROM dispatches), 0), coalesce((SELECT max(mark) FROM outputs), 0))";
    connection.query_row(last, [], |row| row.get::<_, i64>(0)).map(|number| number as u64)
}

/// A record is to go out.
pub(super) fn add(transaction: &Transaction<'_>, number: u64, alert: &AlertId, action: Action) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO dispatches (number, alert, is_update) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![of(number), &*alert.0, action == Action::Updated]).map(drop)
}

/// An output has everything up to here.
pub(super) fn mark(transaction: &Transaction<'_>, name: &str, mark: u64) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE outputs SET mark = ?2 WHERE name = ?1")?.execute(params![name, of(mark)]).map(drop)
}

/// Answers how far an output got. A new one gets what nobody was told yet, not the whole past.
pub(super) fn register(connection: &Connection, name: &str, now: DateTime<Utc>) -> rusqlite::Result<Deliveries> {
    let last = last(connection)?;
    let first_untold = "SELECT min(number) FROM dispatches WHERE alert IN (SELECT id FROM alerts WHERE announced = 0)";
    let first_untold: Option<i64> = connection.query_row(first_untold, [], |row| row.get(0))?;
    let untold: i64 = connection.query_row("SELECT count(*) FROM alerts WHERE announced = 0", [], |row| row.get(0))?;
    let new_mark = first_untold.map_or(of(last), |first| first - 1);
    connection.execute(
        "INSERT INTO outputs (name, mark, seen) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET seen = excluded.seen",
        params![name, new_mark, now.timestamp_micros()],
    )?;
    let mark = connection.query_row("SELECT mark FROM outputs WHERE name = ?1", [name], |row| row.get::<_, i64>(0))?;
    Ok(Deliveries { name: name.to_owned(), mark: mark as u64, last, untold: untold as u64 })
}

/// What follows a number.
pub(super) fn page(connection: &Connection, after: u64, most: usize) -> rusqlite::Result<Page> {
    let mut select =
        connection.prepare("SELECT number, alert, is_update FROM dispatches WHERE number > ?1 ORDER BY number LIMIT ?2")?;
    let mut rows = select.query(params![of(after), most as i64])?;
    let (mut alerts, mut broken, mut count, mut last) = (Vec::new(), None, 0, after);
    while let Some(row) = rows.next()? {
        count += 1;
        last = row.get::<_, i64>(0)? as u64;
        let mut alert = match read::alert(connection, &row.get::<_, String>(1)?) {
            Ok(Some(alert)) => alert,
            // Deleted since, for its age or for room.
            Ok(None) => continue,
            Err(error) if is_for_good(&error) => {
                broken.get_or_insert_with(|| (0, error.to_string())).0 += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        alert.action = if row.get(2)? { Action::Updated } else { Action::Raised };
        alerts.push((last, alert));
    }
    Ok(Page { alerts, broken, last, is_end: count < most })
}

/// Whether what was not read will not be readable later either: it is the record that is broken and not the way to it.
fn is_for_good(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code().is_none_or(|code| code == ErrorCode::DatabaseCorrupt)
}

/// How many records there are between two numbers, the second included.
pub(super) fn remembered(connection: &Connection, after: u64, up_to: u64) -> rusqlite::Result<u64> {
    let count = "SELECT count(*) FROM dispatches WHERE number > ?1 AND number <= ?2 AND alert IN (SELECT id FROM alerts)";
    connection.query_row(count, params![of(after), of(up_to)], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}

/// How many of the alerts that a query chooses one of these outputs was not given yet.
pub(super) fn undelivered(connection: &Connection, chosen: &str, before: i64, outputs: &[String]) -> rusqlite::Result<u64> {
    let mut marks = connection.prepare_cached("SELECT mark FROM outputs WHERE name = ?1")?;
    let mut mark = None;
    for name in outputs {
        let own = marks.query_row([name], |row| row.get::<_, i64>(0)).optional()?;
        mark = mark.into_iter().chain(own).min();
    }
    let Some(mark) = mark else { return Ok(0) };
    let count = format!("SELECT count(DISTINCT alert) FROM dispatches WHERE number > ?2 AND alert IN ({chosen})");
    connection.query_row(&count, [before, mark], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}

/// Forgets outputs that nobody configures any more, and what every output has.
pub(super) fn tidy(transaction: &Transaction<'_>, names: &[String], now: DateTime<Utc>, oldest: i64) -> rusqlite::Result<()> {
    for name in names {
        transaction.execute("UPDATE outputs SET seen = ?2 WHERE name = ?1", params![name, now.timestamp_micros()])?;
    }
    transaction.execute("DELETE FROM outputs WHERE seen < ?1", [oldest])?;
    let all_have = "coalesce((SELECT min(mark) FROM outputs), (SELECT max(number) FROM dispatches))";
    let untold = "SELECT id FROM alerts WHERE announced = 0";
    transaction.execute(&format!("DELETE FROM dispatches WHERE number < {all_have} AND alert NOT IN ({untold})"), []).map(drop)
}
