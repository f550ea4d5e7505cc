//! Events that the tail of a console holds no more, for people who scroll back: a second file beside the store, written by a
//! thread of its own. Unlike alerts, events are not promised to last: they are written behind, in blocks, and where the writer
//! does not keep up they are left out of the archive, which is counted; nobody ever waits for it. The oldest blocks go when the
//! file has reached its size or they are too old.
//!
//! ```text
//! blocks   first  last  events  at    body: a few hundred events, compressed
//!              1   256     256  14:02  ████      <- deleted first, its pages are used again
//!            257   400     144  14:02  ███
//! ```

mod block;
mod file;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use chrono::TimeDelta;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::feed::stored::{Sieve, Stored, Wanted};
use crate::feed::{Change, Update};
use crate::intake::{ArchiveHealth, Intake};
use crate::store::{Config, StoreError};

/// How many updates with events may wait to be written, each what one read brought.
const QUEUE: usize = 512;
/// How many questions are read at once.
const READERS: usize = 2;

/// What the writer is told.
#[derive(Debug)]
enum Job {
    /// Events.
    Keep(Arc<Update>),
    /// Write what waits, and say so.
    Flush(oneshot::Sender<()>),
}

/// How large and how old it may grow.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    size: u64,
    age: TimeDelta,
}

/// An archive that was opened and is not yet written to.
#[derive(Debug)]
pub struct OpenedArchive {
    path: PathBuf,
    connection: rusqlite::Connection,
    bounds: Bounds,
    /// The number of the newest event.
    last: u64,
}

/// The file of a store's archive: `x.db` has `x-events.db`.
pub fn path_of(store: &Path) -> PathBuf {
    let mut name = store.file_stem().unwrap_or_default().to_owned();
    name.push("-events");
    if let Some(extension) = store.extension() {
        name.push(".");
        name.push(extension);
    }
    store.with_file_name(name)
}

/// Opens the archive beside a store, and makes it where there is none; none where the configuration wants none. The store must
/// be open: its lock is for both.
pub fn open(store: &Path, config: &Config) -> Result<Option<OpenedArchive>, StoreError> {
    if config.events == 0 {
        return Ok(None);
    }
    let path = path_of(store);
    let (connection, last) = file::open_to_write(&path)?;
    Ok(Some(OpenedArchive { path, connection, bounds: Bounds { size: config.events, age: config.max_age }, last }))
}

impl OpenedArchive {
    /// The number of the newest event; 0 where there is none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins to write. The thread ends when the last handle is gone; `health` hears how it fares.
    pub fn start(self, health: mpsc::WeakSender<Intake>) -> std::io::Result<(Archive, std::thread::JoinHandle<ArchiveHealth>)> {
        let (sender, receiver) = sync_channel(QUEUE);
        let path: Arc<Path> = self.path.as_path().into();
        let thread =
            std::thread::Builder::new().name("archive".to_owned()).spawn(move || writer::run(self, &receiver, &health))?;
        Ok((Archive { sender, path, readers: Arc::new(Semaphore::new(READERS)) }, thread))
    }
}

/// The way to the archive.
#[derive(Debug, Clone)]
pub struct Archive {
    sender: SyncSender<Job>,
    path: Arc<Path>,
    readers: Arc<Semaphore>,
}

impl Archive {
    /// Keeps the events of an update soon, where there is room for them now. Answers how many are left out.
    pub fn offer(&self, update: &Arc<Update>) -> u64 {
        let Change::Events(lines) = &update.change else { return 0 };
        if self.sender.try_send(Job::Keep(update.clone())).is_ok() { 0 } else { lines.len() as u64 }
    }

    /// Looks for events, those that were told just now included; reads beside the writer, and never more than a part.
    pub async fn look(&self, wanted: Wanted, sieve: Sieve) -> Stored {
        let token = wanted.token;
        let failed = |problem: String| Stored { token, problem: Some(problem), is_end: true, ..Stored::default() };
        let Ok(_turn) = self.readers.acquire().await else { return failed("it has stopped".to_owned()) };
        let (done, flushed) = oneshot::channel();
        // A writer that is behind has older things to do; what is written is there without it.
        if self.sender.try_send(Job::Flush(done)).is_ok() {
            let _ = flushed.await;
        }
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || file::look(&path, &wanted, &sieve)).await;
        match read {
            Ok(Ok(stored)) => stored,
            Ok(Err(error)) => failed(error.to_string()),
            Err(error) => failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
