//! The thread that writes the archive: what came within some tenths of a second goes into one transaction, in blocks.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::warn;

use crate::feed::{Change, Update};
use crate::intake::{ArchiveHealth, Intake};
use crate::store::archive::block::Block;
use crate::store::archive::{Bounds, Job, OpenedArchive, file};

/// How many events, and how many bytes of them, a block has.
const EVENTS: u64 = 256;
const BYTES: usize = 512 << 10;
/// How many blocks share a transaction at most, and for how long the first event waits for others.
const BLOCKS: usize = 8;
const WAIT: Duration = Duration::from_millis(400);
/// How often it is told how it fares, at most.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What waits to be written, and how it went so far.
struct Writer {
    connection: Connection,
    bounds: Bounds,
    blocks: Vec<Block>,
    /// When the first event of these came.
    since: Option<Instant>,
    /// When the newest event arrived.
    now: DateTime<Utc>,
    state: ArchiveHealth,
    told: Option<Instant>,
    is_news: bool,
}

/// Writes until the last handle is gone; answers how that went.
pub(super) fn run(opened: OpenedArchive, jobs: &Receiver<Job>, health: &mpsc::WeakSender<Intake>) -> ArchiveHealth {
    let OpenedArchive { path, connection, bounds, last: _ } = opened;
    let mut state = ArchiveHealth { path: path.display().to_string(), ..ArchiveHealth::default() };
    state.events = file::count(&connection).unwrap_or_default();
    let (blocks, now) = (Vec::new(), DateTime::UNIX_EPOCH);
    let mut writer = Writer { connection, bounds, blocks, since: None, now, state, told: None, is_news: true };
    writer.measure();
    writer.tell(health);
    loop {
        let due = writer.since.map(|since| since + WAIT);
        let due = due.or(writer.told.filter(|_| writer.is_news).map(|told| told + TELL_EVERY));
        let job = match due {
            Some(due) => jobs.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match job {
            Ok(Job::Keep(update)) => writer.take(&update),
            Ok(Job::Flush(done)) => {
                writer.flush();
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if writer.since.is_some_and(|since| since.elapsed() >= WAIT) || writer.blocks.len() > BLOCKS {
            writer.flush();
        }
        writer.tell(health);
    }
    writer.flush();
    let Writer { connection, state, .. } = writer;
    // The log is taken over into the file.
    if let Err((_, error)) = connection.close() {
        warn!(archive = %state.path, %error, "the archive of events did not close well");
    }
    state
}

impl Writer {
    fn take(&mut self, update: &Arc<Update>) {
        let Change::Events(lines) = &update.change else { return };
        for line in lines {
            if self.blocks.last().is_none_or(|block| block.events >= EVENTS || block.len() >= BYTES) {
                self.blocks.push(Block::default());
            }
            if let Some(block) = self.blocks.last_mut() {
                block.add(update.at, line);
            }
        }
        self.now = self.now.max(update.at);
        if self.since.is_none() && !self.blocks.is_empty() {
            self.since = Some(Instant::now());
        }
    }

    fn flush(&mut self) {
        self.since = None;
        let blocks = std::mem::take(&mut self.blocks);
        if blocks.is_empty() {
            return;
        }
        let events: u64 = blocks.iter().map(|block| block.events).sum();
        self.is_news = true;
        match self.write(&blocks) {
            Ok(gone) => {
                self.state.written += events;
                self.state.deleted += gone;
                self.state.events = (self.state.events + events).saturating_sub(gone);
                self.state.problem = None;
                self.measure();
            }
            Err(error) => {
                self.state.failed += events;
                let problem = error.to_string();
                if self.state.problem.as_ref() != Some(&problem) {
                    warn!(archive = %self.state.path, problem, "the archive of events cannot be written");
                }
                self.state.problem = Some(problem);
            }
        }
    }

    fn write(&mut self, blocks: &[Block]) -> rusqlite::Result<u64> {
        let transaction = self.connection.transaction()?;
        blocks.iter().try_for_each(|block| file::insert(&transaction, block))?;
        let gone = file::trim(&transaction, self.bounds, self.now)?;
        transaction.commit()?;
        Ok(gone)
    }

    fn measure(&mut self) {
        self.state.bytes = file::size(&self.connection).unwrap_or_default();
        self.state.begins = file::begins(&self.connection).unwrap_or_default();
    }

    /// Tells how it fares, where that is news and was not just told. What a full intake misses is told the next time.
    fn tell(&mut self, health: &mpsc::WeakSender<Intake>) {
        if !self.is_news || self.told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        if let Some(sender) = health.upgrade() {
            self.is_news = sender.try_send(Intake::Archive(self.state.clone())).is_err();
        }
    }
}
