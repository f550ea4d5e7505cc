//! Records into rows, and what is deleted in time.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, Transaction, params};
use sha2::{Digest as _, Sha256};

use crate::alert::header::Header;
use crate::alert::{Alert, AlertId, Evidence, Proof};
use crate::hosts::prevalence::{DAYS, day_of};
use crate::store::{Config, Record, dispatch, status_number};
use crate::triage::{Deed, Entry, State};

/// How many alerts are deleted at a time to make room, and how often in a row: whoever waits for an alert to be durable must not
/// wait for the whole of an old store to be deleted.
const STEP: usize = 500;
const STEPS: usize = 8;

/// Writes one record.
pub(super) fn record(transaction: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    match record {
        Record::Alert(alert) => self::alert(transaction, alert),
        Record::Dispatch { number, alert, action } => dispatch::add(transaction, *number, alert, *action),
        Record::Delivered { name, mark } => dispatch::mark(transaction, name, *mark),
        Record::Announced(ids) => announced(transaction, ids),
        Record::Triage(entry) => triage(transaction, entry),
        Record::States(states) => self::states(transaction, states),
        Record::StageHit { received_at, xml } => {
            let mut insert = transaction.prepare_cached("INSERT INTO stage_hits (received, xml) VALUES (?1, ?2)")?;
            insert.execute(params![received_at.timestamp_micros(), &**xml]).map(drop)
        }
        Record::ForgetHits(before) => {
            let mut delete = transaction.prepare_cached("DELETE FROM stage_hits WHERE received < ?1")?;
            delete.execute([before.timestamp_micros()]).map(drop)
        }
        Record::Usual(rows) => {
            let mut upsert = transaction.prepare_cached(
                "INSERT INTO usual (what, host, thing, day, count, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET count = excluded.count, last = excluded.last",
            )?;
            for row in rows {
                let last = row.last.timestamp_micros();
                upsert.execute(params![row.what.as_str(), row.key.host, row.key.thing, row.day, row.count as i64, last])?;
            }
            Ok(())
        }
        // Not a row; done by `retain` between two transactions.
        Record::Retain(_) => Ok(()),
    }
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The alert without what has rows of its own: the bulk of its evidence, and its rule.
fn slim(alert: &Alert, rule: &str) -> rusqlite::Result<String> {
    let slim = |proof: &Proof| Proof { fields: Vec::new(), xml: "".into(), ..proof.clone() };
    let evidence = Evidence { first: slim(&alert.evidence.first), rest: alert.evidence.rest.iter().map(slim).collect() };
    let slim = Alert { evidence, ..alert.clone() };
    let mut body = serde_json::to_value(slim).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    body["rule"] = rule.into();
    Ok(body.to_string())
}

/// The name of a text: the beginning of its hash.
fn key_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn alert(transaction: &Transaction<'_>, alert: &Alert) -> rusqlite::Result<()> {
    let rule = json(&alert.rule)?;
    let rule_key = key_of(&rule);
    let mut insert = transaction.prepare_cached("INSERT INTO rules (key, info) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    insert.execute(params![rule_key, rule])?;
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO alerts (id, created, time, severity, rule, host, muted, hidden, header, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET time = excluded.time, announced = 0, severity = excluded.severity, header = excluded.header, body = excluded.body",
    )?;
    let id = &*alert.id.0;
    upsert.execute(params![
        id,
        alert.created.timestamp_micros(),
        alert.time.timestamp_micros(),
        alert.severity() as i64,
        alert.rule.id,
        alert.host.as_str(),
        alert.muted.map(|number| number as i64),
        json(&Header::of(alert))?,
        slim(alert, &rule_key)?,
    ])?;
    transaction.prepare_cached("DELETE FROM evidence WHERE alert = ?1")?.execute([id])?;
    let mut insert = transaction.prepare_cached("INSERT INTO evidence (alert, stage, fields, xml) VALUES (?1, ?2, ?3, ?4)")?;
    for (stage, proof) in alert.evidence.iter().enumerate() {
        insert.execute(params![id, stage as i64, json(&proof.fields)?, &*proof.xml])?;
    }
    Ok(())
}

fn announced(transaction: &Transaction<'_>, ids: &[AlertId]) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached("UPDATE alerts SET announced = 1 WHERE id = ?1")?;
    ids.iter().try_for_each(|id| update.execute([&*id.0]).map(drop))
}

fn triage(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO triage (number, at, who, deed, reason, entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let at = entry.at.timestamp_micros();
    insert.execute(params![entry.number as i64, at, entry.who, json(&entry.deed)?, entry.reason, json(entry)?]).map(drop)
}

fn states(transaction: &Transaction<'_>, states: &[(AlertId, State)]) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached("UPDATE alerts SET status = ?2, hidden = ?3 WHERE id = ?1")?;
    for (id, state) in states {
        update.execute(params![&*id.0, status_number(state.status), state.muted.map(|number| number as i64)])?;
    }
    Ok(())
}

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Deleted {
    /// Closed or muted alerts.
    pub(super) done: u64,
    /// Open ones.
    pub(super) open: u64,
    /// Those of both that an output was not given yet.
    pub(super) undelivered: u64,
    /// Whether there is more to delete.
    pub(super) is_unfinished: bool,
}

/// Deletes what is too old, and the oldest while the store is too large: first what is done with, then, if nothing else is
/// left, what is open; the caller says so.
pub(super) fn retain(
    connection: &mut Connection,
    config: &Config,
    outputs: &[String],
    now: DateTime<Utc>,
) -> rusqlite::Result<Deleted> {
    let mut deleted = Deleted::default();
    let oldest = oldest(now, config.max_age);
    let done = "(status = 2 OR hidden IS NOT NULL) AND created < ?1";
    for _ in 0..STEPS {
        let (mut count, mut undelivered) = delete(connection, done, oldest, outputs)?;
        let is_too_large = size(connection)? > config.max_size;
        if count == 0 && is_too_large {
            (count, undelivered) = delete(connection, done, i64::MAX, outputs)?;
        }
        deleted.done += count;
        deleted.undelivered += undelivered;
        if count > 0 {
            continue;
        }
        let (count, undelivered) = if is_too_large { delete(connection, "created < ?1", i64::MAX, outputs)? } else { (0, 0) };
        deleted.open += count;
        deleted.undelivered += undelivered;
        if count == 0 {
            tidy(connection, config, outputs, now)?;
            return Ok(deleted);
        }
    }
    Ok(Deleted { is_unfinished: true, ..deleted })
}

/// What was written before is too old.
fn oldest(now: DateTime<Utc>, max_age: TimeDelta) -> i64 {
    now.checked_sub_signed(max_age).unwrap_or(DateTime::UNIX_EPOCH).timestamp_micros()
}

/// Deletes what follows from the alerts that are gone.
fn tidy(connection: &mut Connection, config: &Config, outputs: &[String], now: DateTime<Utc>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM usual WHERE day < ?1", [day_of(now) - DAYS])?;
    let oldest = oldest(now, config.max_age);
    forget_entries(&transaction, oldest)?;
    dispatch::tidy(&transaction, outputs, now, oldest)?;
    transaction.commit()?;
    connection.execute_batch("PRAGMA incremental_vacuum(10000);")
}

/// Deletes the oldest alerts of a condition with their evidence; answers how many, and how many of them an output lacks.
fn delete(connection: &mut Connection, condition: &str, before: i64, outputs: &[String]) -> rusqlite::Result<(u64, u64)> {
    let transaction = connection.transaction()?;
    let chosen = format!("SELECT id FROM alerts WHERE {condition} ORDER BY created LIMIT {STEP}");
    let undelivered = dispatch::undelivered(&transaction, &chosen, before, outputs)?;
    transaction.execute(&format!("DELETE FROM evidence WHERE alert IN ({chosen})"), [before])?;
    let count = transaction.execute(&format!("DELETE FROM alerts WHERE id IN ({chosen})"), [before])?;
    transaction.commit()?;
    connection.execute_batch("PRAGMA incremental_vacuum(10000);")?;
    Ok((count as u64, undelivered))
}

/// Entries about alerts that are gone tell nobody anything; mutes and what ended them stay as long as they may hold.
fn forget_entries(transaction: &Transaction<'_>, oldest: i64) -> rusqlite::Result<()> {
    let mut select = transaction.prepare("SELECT number, entry FROM triage WHERE at < ?1")?;
    let mut rows = select.query([oldest])?;
    let mut gone = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(entry) = serde_json::from_str::<Entry>(&row.get::<_, String>(1)?) else { continue };
        if matches!(entry.deed, Deed::Mute { .. } | Deed::Unmute(_) | Deed::EditMute { .. } | Deed::Undo(_)) {
            continue;
        }
        let mut find = transaction.prepare_cached("SELECT 1 FROM alerts WHERE id = ?1")?;
        let mut is_there = false;
        for id in &entry.alerts {
            is_there = is_there || find.exists([&*id.0])?;
        }
        if !is_there {
            gone.push(row.get::<_, i64>(0)?);
        }
    }
    for number in gone {
        transaction.execute("DELETE FROM triage WHERE number = ?1", [number])?;
    }
    Ok(())
}

/// Bytes in use, free pages left out.
pub(super) fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok((pages * number("page_size")?) as u64)
}

/// How many alerts are kept.
pub(super) fn alerts(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM alerts", [], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}
