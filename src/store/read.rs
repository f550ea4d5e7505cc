//! Rows into records: what a start takes back, one alert in full, and the list for `wefwatch alerts`.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::alert::header::{Header, Likes};
use crate::alert::usual::Counted;
use crate::alert::{Alert, AlertId};
use crate::feed::Known;
use crate::hosts::prevalence::{self, DAYS, Key, day_of};
use crate::store::dispatch::Page;
use crate::store::{StoreError, damaged, dispatch, schema};
use crate::triage::Entry;

/// How many alerts a start takes into memory, the newest.
const MAX_ALERTS: usize = 100_000;

/// How far back, and of how many alerts, a start takes the evidence into memory because a link may still come.
const RECENT: TimeDelta = TimeDelta::hours(1);
const MAX_RECENT: i64 = 1000;

/// An alert as its row has it.
#[derive(Debug, Clone)]
struct Listed {
    header: Arc<Header>,
    muted: Option<u64>,
    columns: Columns,
}

/// The status and the mute of an alert as the columns have them.
pub type Columns = (i64, Option<u64>);

/// What a start takes back.
#[derive(Debug, Default)]
pub struct Kept {
    /// The newest alerts and the triage log, in order of time.
    pub past: Vec<Known>,
    /// What the columns say of each of the alerts.
    pub columns: Vec<(AlertId, Columns)>,
    /// Alerts that may not have been handed to everybody.
    pub unannounced: Vec<Alert>,
    /// Alerts of the last while, to which a link may still come.
    pub recent: Vec<Alert>,
    /// Events that sequences may need: when they arrived, and their XML.
    pub stage_hits: Vec<(DateTime<Utc>, String)>,
    /// The last number that a record for outputs was given.
    pub last_dispatch: u64,
    /// When it was read.
    pub read_at: DateTime<Utc>,
    /// What is usual.
    pub usual: Vec<prevalence::Row>,
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(not_ours)
}

fn not_ours(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}

/// Everything that a start takes back.
pub(super) fn kept(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<Kept> {
    let alerts = headers(connection, MAX_ALERTS)?;
    let columns = alerts.iter().map(|alert| (alert.header.id.clone(), alert.columns)).collect();
    let past = in_order(alerts, entries(connection)?);
    let mut select = connection.prepare("SELECT body, id FROM alerts WHERE announced = 0 ORDER BY created")?;
    let ids = select.query_map([], |row| row.get::<_, String>(1))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let unannounced = ids.iter().filter_map(|id| alert(connection, id).transpose()).collect::<rusqlite::Result<_>>()?;
    let recent = recent(connection, now)?;
    let mut select = connection.prepare("SELECT received, xml FROM stage_hits ORDER BY rowid")?;
    let hits = select.query_map([], |row| Ok((time(row.get(0)?), row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let (usual, last_dispatch) = (usual(connection, now)?, dispatch::last(connection)?);
    Ok(Kept { past, columns, unannounced, recent, stage_hits: hits, usual, last_dispatch, read_at: now })
}

/// The alerts that were raised lately, oldest first.
fn recent(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<Vec<Alert>> {
    let since = (now - RECENT).timestamp_micros();
    let mut select = connection.prepare("SELECT id FROM alerts WHERE created >= ?1 ORDER BY created DESC LIMIT ?2")?;
    let ids = select.query_map([since, MAX_RECENT], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    ids.iter().rev().filter_map(|id| alert(connection, id).transpose()).collect()
}

/// Alerts and entries as they followed one another: whether a group was closed when it happened again depends on it.
fn in_order(alerts: Vec<Listed>, entries: Vec<Entry>) -> Vec<Known> {
    let mut past = Vec::with_capacity(alerts.len() + entries.len());
    let mut entries = entries.into_iter().map(Arc::new).peekable();
    for Listed { header, muted, .. } in alerts {
        while let Some(entry) = entries.next_if(|entry| entry.at <= header.created) {
            past.push(Known::Entry(entry));
        }
        past.push(Known::Alert { header, muted });
    }
    past.extend(entries.map(Known::Entry));
    past
}

fn usual(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<Vec<prevalence::Row>> {
    let mut select = connection.prepare("SELECT what, host, thing, day, count, last FROM usual WHERE day >= ?1")?;
    let row = |row: &Row<'_>| {
        let what: String = row.get(0)?;
        let what = Counted::ALL.into_iter().find(|own| own.as_str() == what);
        let key = Key { host: row.get(1)?, thing: row.get(2)? };
        let (day, count, last) = (row.get(3)?, row.get::<_, i64>(4)? as u64, time(row.get(5)?));
        Ok(what.map(|what| prevalence::Row { what, key, day, count, last }))
    };
    let rows = select.query_map([day_of(now) - DAYS], row)?;
    rows.filter_map(Result::transpose).collect()
}

/// The newest alerts, oldest first.
fn headers(connection: &Connection, most: usize) -> rusqlite::Result<Vec<Listed>> {
    let mut select =
        connection.prepare("SELECT header, muted, status, hidden FROM alerts ORDER BY created DESC, rowid DESC LIMIT ?1")?;
    let number =
        |row: &Row<'_>, column: usize| row.get::<_, Option<i64>>(column).map(|number| number.map(|number| number as u64));
    let mut rows = select.query([most as i64])?;
    let (mut all, mut likes) = (Vec::new(), Likes::default());
    while let Some(row) = rows.next()? {
        let header = likes.share(Arc::new(parse(&row.get::<_, String>(0)?)?));
        all.push(Listed { header, muted: number(row, 1)?, columns: (row.get(2)?, number(row, 3)?) });
    }
    all.reverse();
    Ok(all)
}

fn entries(connection: &Connection) -> rusqlite::Result<Vec<Entry>> {
    let mut select = connection.prepare("SELECT entry FROM triage ORDER BY number")?;
    let mut rows = select.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(parse(&row.get::<_, String>(0)?)?);
    }
    Ok(all)
}

pub(super) fn alert(connection: &Connection, id: &str) -> rusqlite::Result<Option<Alert>> {
    let mut select = connection.prepare_cached("SELECT body FROM alerts WHERE id = ?1")?;
    let Some(body) = select.query_row([id], |row| row.get::<_, String>(0)).optional()? else { return Ok(None) };
    let mut body: serde_json::Value = parse(&body)?;
    let mut select = connection.prepare_cached("SELECT info FROM rules WHERE key = ?1")?;
    let rule = select.query_row([body["rule"].as_str().unwrap_or_default()], |row| row.get::<_, String>(0))?;
    body["rule"] = parse(&rule)?;
    let mut alert: Alert = serde_json::from_value(body).map_err(not_ours)?;
    let mut select = connection.prepare_cached("SELECT fields, xml FROM evidence WHERE alert = ?1 ORDER BY stage")?;
    let mut rows = select.query([id])?;
    let evidence = &mut alert.evidence;
    for proof in std::iter::once(&mut evidence.first).chain(&mut evidence.rest) {
        let Some(row) = rows.next()? else { break };
        proof.fields = parse(&row.get::<_, String>(0)?)?;
        proof.xml = Arc::from(row.get::<_, String>(1)?);
    }
    Ok(Some(alert))
}

/// Everything about one alert.
pub fn detail(path: &Path, id: &AlertId) -> Result<Option<Alert>, StoreError> {
    let connection = schema::open_store_to_read(path)?;
    alert(&connection, &id.0).map_err(|error| damaged(path, &error))
}

/// What goes out after a number.
pub fn dispatches(path: &Path, after: u64, most: usize) -> Result<Page, StoreError> {
    let connection = schema::open_store_to_read(path)?;
    dispatch::page(&connection, after, most).map_err(|error| damaged(path, &error))
}

/// How many records that go out between two numbers are there; `None` where that cannot be told.
pub fn remembered(path: &Path, after: u64, up_to: u64) -> Option<u64> {
    match schema::open_store_to_read(path) {
        Ok(connection) => dispatch::remembered(&connection, after, up_to).ok(),
        Err(StoreError::Missing(_) | StoreError::Foreign(_)) => Some(0),
        Err(_) => None,
    }
}

/// A store opened to read, beside the collector that may write to it.
#[derive(Debug)]
pub struct Reader {
    path: std::path::PathBuf,
    connection: Connection,
}

impl Reader {
    /// Opens it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { path: path.to_owned(), connection: schema::open_store_to_read(path)? })
    }

    /// All alerts and the triage log, in order of time.
    pub fn past(&self) -> Result<Vec<Known>, StoreError> {
        let failed = |error: rusqlite::Error| damaged(&self.path, &error);
        let alerts = headers(&self.connection, usize::MAX >> 1).map_err(failed)?;
        Ok(in_order(alerts, entries(&self.connection).map_err(failed)?))
    }

    /// Everything about one alert.
    pub fn detail(&self, id: &AlertId) -> Result<Option<Alert>, StoreError> {
        alert(&self.connection, &id.0).map_err(|error| damaged(&self.path, &error))
    }
}
