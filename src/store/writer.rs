//! The one thread that writes. Whatever waits is written in one transaction and answered when that is durable; a transaction
//! without an alert or an act in it may rest on the log alone.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::alert::Action;
use crate::intake::stages::{Stage, Timings};
use crate::intake::{Intake, StoreHealth};
use crate::store::trouble::Trouble;
use crate::store::write::{self, Deleted};
use crate::store::{Opened, Record};

/// How many jobs may wait; whoever hands over one more waits.
pub(super) const QUEUE: usize = 256;
/// How many jobs share a transaction at most.
const TOGETHER: usize = 128;

/// Records that belong together.
#[derive(Debug)]
pub(super) struct Job {
    /// All of them or none.
    pub(super) records: Vec<Record>,
    /// Who waits for them to be durable.
    pub(super) done: Option<oneshot::Sender<Result<(), String>>>,
}

/// Writes until the last handle is gone; answers how that went.
pub(super) fn run(opened: Opened, mut jobs: mpsc::Receiver<Job>, health: &mpsc::WeakSender<Intake>) -> StoreHealth {
    let Opened { path, mut connection, lock, config, outputs } = opened;
    let mut state = StoreHealth { path: path.display().to_string(), ..StoreHealth::default() };
    measure(&connection, &mut state);
    report(health, &state);
    let mut together = Vec::new();
    let mut timings = Timings::default();
    let mut faring = Faring::default();
    let own = OwnFile::at(&path);
    // Set while more has to be deleted.
    let mut unfinished = None;
    while jobs.blocking_recv_many(&mut together, TOGETHER) > 0 {
        let records = together.iter().flat_map(|job| &job.records).filter(|record| is_counted(record)).count() as u64;
        let begun = Instant::now();
        let result = own.check(&path).and_then(|()| write_all(&mut connection, &together).map_err(|error| error.to_string()));
        timings.note(begun.elapsed().as_nanos() as u64);
        if result.is_ok() {
            state.alerts += raised(&together);
        }
        // While more waits, the next transaction reports for this one too.
        let mut is_new = faring.hear(&mut state, &result, records) || (records > 0 && jobs.is_empty());
        // As often as counts are stored, how large it is gets measured.
        let is_flush = |record: &Record| matches!(record, Record::ForgetHits(_) | Record::Retain(_));
        let is_flushed = together.iter().flat_map(|job| &job.records).any(is_flush);
        let retain = together.iter().flat_map(|job| &job.records).find_map(|record| match record {
            Record::Retain(now) => Some(*now),
            _ => None,
        });
        for job in together.drain(..) {
            if let Some(done) = job.done {
                // Whoever asked may have gone.
                let _ = done.send(result.clone());
            }
        }
        if let Some(now) = retain.or(unfinished.take()) {
            match write::retain(&mut connection, &config, &outputs, now) {
                Ok(deleted) => {
                    faring.deleting.is_over();
                    note(&mut state, deleted);
                    unfinished = deleted.is_unfinished.then_some(now);
                }
                Err(error) if faring.deleting.is_new(&error.to_string(), Instant::now()) => {
                    warn!(store = %state.path, %error, "old alerts cannot be deleted");
                }
                Err(_) => {}
            }
        }
        if is_flushed {
            measure(&connection, &mut state);
            is_new = true;
        }
        if is_new {
            report(health, &state);
        }
        if is_flushed {
            tell(health, &mut timings);
        }
    }
    // The log is taken over into the file, so that the file alone is the whole store.
    if let Err((_, error)) = connection.close() {
        warn!(store = %state.path, %error, "the store did not close well; nothing is lost");
    }
    drop(lock);
    state
}

/// The file that was opened. What is written to it once it is deleted or moved away is on no disk that anybody finds again.
#[derive(Debug)]
struct OwnFile(Option<(u64, u64)>);

impl OwnFile {
    fn at(path: &Path) -> Self {
        Self(std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino())))
    }

    /// Whether it is still where it was.
    fn check(&self, path: &Path) -> Result<(), String> {
        let problem = match std::fs::metadata(path) {
            Ok(file) if Some((file.dev(), file.ino())) != self.0 => "another file is in its place",
            Ok(file) if file.len() == 0 => "its file was emptied",
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "its file is gone; the next start begins a new one",
            _ => return Ok(()),
        };
        Err(problem.to_owned())
    }
}

/// How writing goes, and what of that was said.
#[derive(Debug, Default)]
struct Faring {
    writing: Trouble,
    deleting: Trouble,
    /// Whether it was something people would miss that could not be written.
    is_loss: bool,
}

impl Faring {
    /// A transaction ended that had so many records people would miss; whether the store is well or not has changed.
    fn hear(&mut self, state: &mut StoreHealth, result: &Result<(), String>, records: u64) -> bool {
        match result {
            Ok(()) => {
                state.written += records;
                // What needs no room may work while nothing can be kept.
                if records == 0 && self.is_loss {
                    return false;
                }
                self.is_loss = false;
                if self.writing.is_over() {
                    info!(store = %state.path, "the store is written again");
                }
                state.problem.take().is_some()
            }
            Err(problem) => {
                state.failed += records;
                self.is_loss |= records > 0;
                if self.writing.is_new(problem, Instant::now()) {
                    warn!(store = %state.path, problem, "the store cannot be written; alerts go out, but are not kept");
                }
                state.problem.replace(problem.clone()).as_ref() != Some(problem)
            }
        }
    }
}

/// What people would miss; the rest only keeps the house.
fn is_counted(record: &Record) -> bool {
    matches!(record, Record::Alert(_) | Record::Triage(_) | Record::StageHit { .. })
}

/// How many alerts are new among these; what was deleted is counted when it is measured again.
fn raised(jobs: &[Job]) -> u64 {
    let is_new = |record: &&Record| matches!(record, Record::Alert(alert) if alert.action == Action::Raised);
    jobs.iter().flat_map(|job| &job.records).filter(is_new).count() as u64
}

fn write_all(connection: &mut Connection, jobs: &[Job]) -> rusqlite::Result<()> {
    let mut records = jobs.iter().flat_map(|job| &job.records);
    let must_last = records.any(|record| matches!(record, Record::Alert(_) | Record::Triage(_)));
    connection.execute_batch(if must_last { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" })?;
    let transaction = connection.transaction()?;
    for record in jobs.iter().flat_map(|job| &job.records) {
        write::record(&transaction, record)?;
    }
    transaction.commit()
}

fn note(state: &mut StoreHealth, deleted: Deleted) {
    state.deleted += deleted.done;
    state.deleted_open += deleted.open;
    if deleted.done > 0 {
        info!(store = %state.path, alerts = deleted.done, "closed and muted alerts deleted for their age or the size of the store");
    }
    state.deleted_undelivered += deleted.undelivered;
    if deleted.undelivered > 0 {
        warn!(store = %state.path, alerts = deleted.undelivered, "alerts deleted that an output was not given yet");
    }
    if deleted.open > 0 {
        warn!(store = %state.path, alerts = deleted.open, "OPEN alerts deleted: the store is full and nothing else is left (store.max_size)");
    }
}

fn measure(connection: &Connection, state: &mut StoreHealth) {
    state.bytes = write::size(connection).unwrap_or_default();
    state.alerts = write::alerts(connection).unwrap_or_default();
}

/// A full intake misses a report; the next one says the same.
fn report(health: &mpsc::WeakSender<Intake>, state: &StoreHealth) {
    if let Some(sender) = health.upgrade() {
        let _ = sender.try_send(Intake::Store(state.clone()));
    }
}

/// What a full intake misses is told with the next report.
fn tell(health: &mpsc::WeakSender<Intake>, timings: &mut Timings) {
    if let Some(sender) = health.upgrade()
        && sender.try_send(Intake::Timed(vec![(Stage::Store, timings.clone())])).is_ok()
    {
        *timings = Timings::default();
    }
}
