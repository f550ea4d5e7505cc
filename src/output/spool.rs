//! What the store remembers for an output. Every record has a number; those that find no room in the queue, and those that an
//! earlier run left, are read from the store in order when there is room. Up to where everything was delivered is noted there,
//! a second later at most, and nobody waits for that.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::store::dispatch::Page;
use crate::store::trouble::Trouble;
use crate::store::{Deliveries, Record, Store};

/// How many records are read at once.
const PAGE: usize = 64;
/// How often the mark is noted, and how soon a page is asked for again that could not be read.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How long noting may take at the end.
const LAST_NOTE: Duration = Duration::from_millis(300);
/// How long counting what is left may take.
const LAST_COUNT: Duration = Duration::from_millis(150);

/// A page being read, and up to where the feed had come when that began.
type Reading = Pin<Box<dyn Future<Output = (u64, Result<Page, String>)> + Send>>;

/// What an output was given, and the way to the rest.
pub(super) struct Spool {
    store: Store,
    name: String,
    /// Everything up to here was delivered.
    mark: u64,
    /// Up to here that is noted.
    noted: u64,
    /// Everything up to here is delivered or in the queue.
    queued: u64,
    /// Everything up to here was heard.
    heard: u64,
    /// So many alerts that are heard first have their number already.
    untold: u64,
    reading: Option<Reading>,
    /// When the mark is noted next, and when a page is asked for again.
    note_at: Option<Instant>,
    read_at: Option<Instant>,
    /// What was said of pages that could not be read, and of records.
    trouble: Trouble,
    broken: Trouble,
}

impl Spool {
    /// Begins where an earlier run ended.
    pub(super) fn new(store: Store, deliveries: Deliveries) -> Self {
        let Deliveries { name, mark, last, untold } = deliveries;
        Self {
            store,
            name,
            mark,
            noted: mark,
            queued: mark,
            heard: last,
            untold,
            reading: None,
            note_at: None,
            read_at: None,
            trouble: Trouble::default(),
            broken: Trouble::default(),
        }
    }

    /// An alert was told: the number of its record, where that has its place in the queue now. Else the store has it.
    pub(super) fn hear(&mut self, has_room: bool) -> Option<u64> {
        if self.untold > 0 {
            self.untold -= 1;
            return None;
        }
        let is_next = self.queued == self.heard;
        self.heard += 1;
        (is_next && has_room).then(|| {
            self.queued = self.heard;
            self.heard
        })
    }

    /// How many records wait in the store alone. It may have some that were not told yet: the queue is ahead of the feed then.
    pub(super) fn behind(&self) -> u64 {
        self.heard.saturating_sub(self.queued)
    }

    /// How many records were not delivered.
    pub(super) fn undelivered(&self) -> u64 {
        self.heard.saturating_sub(self.mark)
    }

    /// Begins to read what follows the queue, where that is short.
    pub(super) fn begin_read(&mut self, queue: usize) {
        if self.behind() == 0 || self.reading.is_some() || self.read_at.is_some() || queue >= PAGE {
            return;
        }
        let (store, after, heard) = (self.store.clone(), self.queued, self.heard);
        self.reading = Some(Box::pin(async move { (heard, store.dispatches(after, PAGE).await) }));
    }

    /// Waits for a page that was asked for, with where the feed was then, or for what is due by time, and does that. For ever
    /// where there is neither. Can be given up at any time without a loss.
    pub(super) async fn next(&mut self) -> Option<(u64, Result<Page, String>)> {
        let due = self.note_at.into_iter().chain(self.read_at).min();
        tokio::select! {
            biased;
            page = page(&mut self.reading) => {
                self.reading = None;
                Some(page)
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                self.catch_up();
                None
            }
        }
    }

    /// A record of a page gets its place in the queue; answers how many before it are gone.
    pub(super) fn take(&mut self, number: u64) -> u64 {
        let gone = number.saturating_sub(self.queued + 1);
        self.queued = number;
        gone
    }

    /// All up to a number were looked for; answers how many of the last are gone.
    pub(super) fn step_to(&mut self, number: u64) -> u64 {
        let gone = number.saturating_sub(self.queued);
        self.queued = self.queued.max(number);
        gone
    }

    /// A page could not be read; whether that is to be said.
    pub(super) fn read_again(&mut self, problem: &str) -> bool {
        let now = Instant::now();
        self.read_at = Some(now + NOTE_EVERY);
        self.trouble.is_new(problem, now)
    }

    /// Of a page that was read, some records are broken; whether that is to be said.
    pub(super) fn read(&mut self, broken: Option<&str>) -> bool {
        self.trouble.is_over();
        broken.is_some_and(|problem| self.broken.is_new(problem, Instant::now()))
    }

    /// Everything up to a number was delivered; to the end of the queue, where that is empty.
    pub(super) fn delivered(&mut self, number: Option<u64>) {
        self.mark = self.mark.max(number.unwrap_or(self.queued));
        if self.mark > self.noted {
            self.note_at.get_or_insert_with(|| Instant::now() + NOTE_EVERY);
        }
    }

    /// Does what is due. A store that has no room gets the mark a little later.
    fn catch_up(&mut self) {
        let now = Instant::now();
        self.read_at.take_if(|due| *due <= now);
        if self.note_at.take_if(|due| *due <= now).is_some() {
            let mark = self.mark;
            if self.store.try_push(vec![Record::Delivered { name: self.name.clone(), mark }]) {
                self.noted = mark;
            } else {
                self.note_at = Some(now + NOTE_EVERY);
            }
        }
    }

    /// Notes the mark for the next run; answers how many of those that were not delivered it will find, and how many it will
    /// not.
    pub(super) async fn end(self) -> (u64, u64) {
        let undelivered = self.undelivered();
        let count = self.store.remembered(self.mark, self.heard);
        let found = if undelivered > 0 { timeout(LAST_COUNT, count).await.ok().flatten() } else { None };
        let found = found.map_or(undelivered, |found| found.min(undelivered));
        let note = self.store.push(vec![Record::Delivered { name: self.name, mark: self.mark }]);
        let _ = timeout(LAST_NOTE, note).await;
        (found, undelivered - found)
    }
}

/// A page from the store, or never.
pub(super) async fn next_page(spool: &mut Option<Spool>) -> Option<(u64, Result<Page, String>)> {
    match spool {
        Some(spool) => spool.next().await,
        None => std::future::pending().await,
    }
}

/// The end of a read, or never.
async fn page(reading: &mut Option<Reading>) -> (u64, Result<Page, String>) {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use tokio::sync::mpsc;

    use super::*;
    use crate::store;

    #[tokio::test]
    async fn what_the_store_has_before_it_is_told_is_not_sent_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (mut opened, _) = store::open(&folder.path().join("x.db"), &store::Config::default(), DateTime::UNIX_EPOCH).unwrap();
        let deliveries = opened.register("tcp://x:1", DateTime::UNIX_EPOCH).unwrap();
        let (intake, _health) = mpsc::channel(8);
        let (store, thread) = opened.start(intake.downgrade()).unwrap();
        let mut spool = Spool::new(store, deliveries);
        assert_eq!((spool.hear(true), spool.hear(false), spool.hear(true)), (Some(1), None, None));
        assert_eq!((spool.behind(), spool.undelivered()), (2, 3));
        // The page was read when two more had been kept and not yet told; the third was never kept.
        let gone: Vec<u64> = [2, 4, 5].map(|number| spool.take(number)).into();
        assert_eq!((gone, spool.step_to(3)), (vec![0, 1, 0], 0));
        assert_eq!((spool.behind(), spool.undelivered()), (0, 3));
        spool.delivered(None);
        assert_eq!((spool.behind(), spool.undelivered()), (0, 0));
        assert_eq!((spool.hear(true), spool.hear(true), spool.hear(true)), (None, None, Some(6)));
        assert_eq!(spool.undelivered(), 1);
        spool.end().await;
        thread.join().unwrap();
        let (mut opened, kept) =
            store::open(&folder.path().join("x.db"), &store::Config::default(), DateTime::UNIX_EPOCH).unwrap();
        let deliveries = opened.register("tcp://x:1", DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((deliveries.mark, deliveries.last, kept.last_dispatch), (5, 5, 5));
    }
}
