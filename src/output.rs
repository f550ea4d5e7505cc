//! Where alerts go besides the console: one task an output, each with a bounded queue of its own. An output that is down is
//! tried again with growing pauses and says so; it never holds up detection or another output. Where there is a store, what
//! finds no room in the queue, or no end before the program's, is sent from there.

pub mod format;
pub mod sink;
mod spool;
pub mod url;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use crate::alert::Alert;
use crate::feed::{Change, Update};
use crate::intake::stages::{Stage, Timings};
use crate::intake::{Intake, OutputHealth};
use crate::output::sink::{Sink, closed};
use crate::output::spool::{Spool, next_page};
use crate::output::url::OutputUrl;
use crate::store::dispatch::Page;
use crate::store::{Deliveries, Store};

/// How one output is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it writes to.
    pub url: OutputUrl,
    /// How many records may wait; beyond, they wait in the store, or the oldest is given up and counted.
    pub queue: usize,
    /// The store that remembers what was delivered, and how far that is.
    pub memory: Option<(Store, Deliveries)>,
    /// The collector's own host name, for the syslog header.
    pub host_name: String,
    /// How long the last records may take after the end of the feed.
    pub grace: Duration,
    /// When they must be written, where that is known: it counts instead.
    pub ends: watch::Receiver<Option<Instant>>,
}

/// The shortest and the longest pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How soon a report that found the collector busy is made again.
const REPORT_AGAIN: Duration = Duration::from_millis(100);
/// How soon it is told that more waits.
const REPORT_WAITING: Duration = Duration::from_millis(500);
/// A single write may take this long before the output counts as down. A connection is then made anew; anything else might take
/// the record yet, and is waited for.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// What is wrong with an output that lets a write wait.
const STALLED: &str = "it takes nothing";

/// How an output ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The feed ended and what could be written was; the last counts.
    Drained(OutputHealth),
    /// Whoever read it is gone for good (standard output was closed).
    ReaderGone,
}

/// Starts an output. It ends when the feed ends; `reopen` changes when files are to be reopened; `health` hears how it fares.
pub fn spawn(
    config: Config,
    updates: mpsc::Receiver<Arc<Update>>,
    reopen: watch::Receiver<u64>,
    health: mpsc::WeakSender<Intake>,
) -> JoinHandle<Outcome> {
    let mut config = config;
    let pump = Pump {
        spool: config.memory.take().map(|(store, deliveries)| Spool::new(store, deliveries)),
        sink: Some(Sink::new(&config.url)),
        label: config.url.to_string(),
        config,
        queue: VecDeque::new(),
        health,
        delivered: 0,
        gave_up: 0,
        pause: FIRST_PAUSE,
        retry_at: None,
        problem: None,
        wants_reopen: false,
        report_at: None,
        is_writing: false,
        begun: None,
        timings: Timings::default(),
    };
    tokio::spawn(pump.run(updates, reopen))
}

/// One record on its way.
struct Queued {
    /// Its number, where the store remembers it.
    number: Option<u64>,
    bytes: Vec<u8>,
}

/// A write under way: it owns the sink and the record and gives both back. Without a record it only opens what failed.
type Writing = Pin<Box<dyn Future<Output = (Sink, Option<Queued>, io::Result<()>)> + Send>>;

struct Pump {
    config: Config,
    label: String,
    /// `None` while a write is under way.
    sink: Option<Sink>,
    queue: VecDeque<Queued>,
    spool: Option<Spool>,
    health: mpsc::WeakSender<Intake>,
    delivered: u64,
    gave_up: u64,
    pause: Duration,
    retry_at: Option<Instant>,
    problem: Option<String>,
    wants_reopen: bool,
    /// When a report that found the intake full is made again.
    report_at: Option<Instant>,
    /// Whether a record is being written.
    is_writing: bool,
    /// Since when.
    begun: Option<Instant>,
    /// How long records took, as far as nobody was told.
    timings: Timings,
}

impl Pump {
    async fn run(mut self, mut updates: mpsc::Receiver<Arc<Update>>, mut reopen: watch::Receiver<u64>) -> Outcome {
        self.reopen(false).await;
        self.begin();
        let mut writing: Option<Writing> = None;
        // Set when the feed has ended: until then the rest may be written.
        let mut until: Option<Instant> = None;
        loop {
            if until.is_some() && !self.is_writing && self.queue.is_empty() && self.behind() == 0 {
                break;
            }
            if let Some(spool) = &mut self.spool {
                spool.begin_read(self.queue.len());
            }
            if writing.is_none() && self.retry_at.is_none() {
                writing = self.begin_write();
            }
            tokio::select! {
                biased;
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => break,
                Ok(()) = reopen.changed() => self.reopen(until.is_some()).await,
                update = updates.recv(), if until.is_none() => match update {
                    Some(update) => self.enqueue(&update),
                    None => {
                        let ends = *self.config.ends.borrow();
                        until = Some(ends.unwrap_or_else(|| Instant::now() + self.config.grace));
                    }
                },
                (sink, record, result) = finished(&mut writing) => {
                    writing = None;
                    self.sink = Some(sink);
                    if self.written(record, result, until.is_some()) == Err(Outcome::ReaderGone) {
                        return Outcome::ReaderGone;
                    }
                    if std::mem::take(&mut self.wants_reopen) {
                        self.reopen(until.is_some()).await;
                    }
                }
                () = sleep_until(self.retry_at.unwrap_or_else(Instant::now)), if self.retry_at.is_some() => self.retry_at = None,
                () = sleep_until(self.report_at.unwrap_or_else(Instant::now)), if self.report_at.is_some() => self.report(),
                () = sleep_until(self.stalled_at().unwrap_or_else(Instant::now)), if self.stalled_at().is_some() => self.stalled(),
                page = next_page(&mut self.spool) => self.take_page(page),
                () = closed(&mut self.sink) => self.failed("the peer closed the connection", until.is_some()),
            }
        }
        self.end().await
    }

    /// Opens a file anew, at once: whoever moved it away waits for the new one. During a write it is done afterwards.
    async fn reopen(&mut self, is_ending: bool) {
        self.retry_at = None;
        let Some(sink) = &mut self.sink else {
            self.wants_reopen = true;
            return;
        };
        if let Err(error) = sink.reopen().await {
            self.failed(&error.to_string(), is_ending);
        }
    }

    fn enqueue(&mut self, update: &Update) {
        let Change::Alert(alert) = &update.change else { return };
        let has_room = self.queue.len() < self.config.queue.max(1);
        if let Some(spool) = &mut self.spool {
            if let Some(number) = spool.hear(has_room) {
                self.queue.push_back(Queued { number: Some(number), bytes: self.record(alert) });
            }
        } else {
            if !has_room {
                self.queue.pop_front();
                self.gave_up += 1;
                self.report();
            }
            self.queue.push_back(Queued { number: None, bytes: self.record(alert) });
        }
        // What waits for an output that is slow or down is seen growing.
        self.report_at.get_or_insert_with(|| Instant::now() + REPORT_WAITING);
    }

    /// Says what there is to do from the start.
    fn begin(&mut self) {
        let behind = self.behind();
        if behind > 0 {
            info!(output = %self.label, records = behind, "sending first what was not delivered before");
        }
        self.report();
    }

    /// How many records wait in the store alone.
    fn behind(&self) -> u64 {
        self.spool.as_ref().map_or(0, Spool::behind)
    }

    /// Records from the store. What is missing among them was deleted there before it could be sent, or never got there.
    fn take_page(&mut self, page: Option<(u64, Result<Page, String>)>) {
        let Some((heard, page)) = page else { return };
        let Some(mut spool) = self.spool.take() else { return };
        let mut gone = 0;
        let mut broken = 0;
        match page {
            Ok(page) => {
                let problem = page.broken.as_ref().map(|(_, problem)| problem.as_str());
                if spool.read(problem) {
                    warn!(output = %self.label, problem, "given up: a record that cannot be read in the store");
                }
                broken = page.broken.as_ref().map_or(0, |(count, _)| *count);
                for (number, alert) in &page.alerts {
                    gone += spool.take(*number);
                    self.queue.push_back(Queued { number: Some(*number), bytes: self.record(alert) });
                }
                gone += spool.step_to(if page.is_end { page.last.max(heard) } else { page.last });
                if self.queue.is_empty() && !self.is_writing {
                    spool.delivered(None);
                }
            }
            Err(problem) => {
                if spool.read_again(&problem) {
                    warn!(output = %self.label, problem, "what waits in the store is not to be had; it is tried again");
                }
            }
        }
        self.spool = Some(spool);
        if gone > 0 {
            self.gave_up += gone;
            if gone > broken {
                warn!(output = %self.label, records = gone - broken, "given up: the store has them no more");
            }
            self.report();
        }
    }

    fn record(&self, alert: &Alert) -> Vec<u8> {
        match self.config.url {
            OutputUrl::SyslogTcp(_) => format::syslog(alert, &self.config.host_name),
            OutputUrl::Stdout | OutputUrl::File(_) | OutputUrl::Tcp(_) => {
                let mut line = format::line(alert).into_bytes();
                line.push(b'\n');
                line
            }
        }
    }

    /// Begins to write the first record, if there is one. An output that is down is tried without one too: whether the peer
    /// is back should not take an alert to tell.
    fn begin_write(&mut self) -> Option<Writing> {
        let mut sink = self.sink.take_if(|_| !self.queue.is_empty() || self.problem.is_some())?;
        let record = self.queue.pop_front();
        self.is_writing = record.is_some();
        self.begun = record.is_some().then(Instant::now);
        let is_connection = self.config.url.is_connection();
        Some(Box::pin(async move {
            let write = sink.write(record.as_ref().map_or(&[], |record| &record.bytes));
            let result = if is_connection {
                timeout(WRITE_LIMIT, write).await.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, STALLED)))
            } else {
                write.await
            };
            (sink, record, result)
        }))
    }

    /// A write has ended: the record is gone, or waits at the front of the queue again.
    fn written(&mut self, record: Option<Queued>, result: io::Result<()>, is_ending: bool) -> Result<(), Outcome> {
        self.is_writing = false;
        match result {
            Ok(()) => {
                // A peer that takes connections and closes them is no reason to try without pause.
                if let Some(record) = record {
                    if let Some(spool) = &mut self.spool {
                        spool.delivered(record.number.filter(|_| !self.queue.is_empty()));
                    }
                    let took = self.begun.take().map_or(0, |begun| begun.elapsed().as_nanos() as u64);
                    self.timings.note(took);
                    self.delivered += 1;
                    self.pause = FIRST_PAUSE;
                }
                if self.problem.take().is_some() {
                    info!(output = %self.label, "output is back");
                }
                if self.queue.is_empty() || self.delivered % 256 == 1 {
                    self.report();
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.config.url == OutputUrl::Stdout => {
                Err(Outcome::ReaderGone)
            }
            Err(error) => {
                if let Some(record) = record {
                    self.queue.push_front(record);
                }
                self.failed(&error.to_string(), is_ending);
                Ok(())
            }
        }
    }

    /// When a write that goes on is told.
    fn stalled_at(&self) -> Option<Instant> {
        let begun = self.begun.filter(|_| self.is_writing && self.problem.is_none() && !self.config.url.is_connection());
        begun.map(|begun| begun + WRITE_LIMIT)
    }

    fn stalled(&mut self) {
        warn!(output = %self.label, problem = STALLED, "output is down; its records wait");
        self.problem = Some(STALLED.to_owned());
        self.report();
    }

    fn failed(&mut self, problem: &str, is_ending: bool) {
        if let Some(sink) = &mut self.sink {
            sink.close();
        }
        if self.problem.is_none() {
            warn!(output = %self.label, problem, "output is down; its records wait");
        }
        self.problem = Some(problem.to_owned());
        self.retry_at = Some(Instant::now() + self.pause);
        // At the end there is no time for long pauses.
        self.pause = if is_ending { FIRST_PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
        self.report();
    }

    /// Tells the collector how it fares. A full intake misses the report; it is made again soon.
    fn report(&mut self) {
        let Some(sender) = self.health.upgrade() else { return };
        let is_told = !matches!(sender.try_send(Intake::Output(self.health())), Err(TrySendError::Full(_)));
        self.report_at = (!is_told).then(|| Instant::now() + REPORT_AGAIN);
        let timed = || Intake::Timed(vec![(Stage::Forward, self.timings.clone())]);
        if !self.timings.is_empty() && sender.try_send(timed()).is_ok() {
            self.timings = Timings::default();
        }
    }

    fn health(&self) -> OutputHealth {
        OutputHealth {
            url: self.label.clone(),
            is_up: self.problem.is_none(),
            problem: self.problem.clone(),
            delivered: self.delivered,
            gave_up: self.gave_up,
            waiting: self.queue.len() as u64 + self.behind(),
            capacity: self.config.queue.max(1) as u64,
        }
    }

    /// Gives up what could not be written in time.
    async fn end(mut self) -> Outcome {
        if let Some(sink) = &mut self.sink {
            sink.flush().await;
        }
        let left = self.queue.len() as u64 + u64::from(self.is_writing);
        if let Some(spool) = self.spool.take() {
            let (kept, lost) = spool.end().await;
            self.gave_up += lost;
            if kept > 0 {
                warn!(output = %self.label, records = kept, "not delivered; what the store has of them goes out first next time");
            }
            if lost > 0 {
                warn!(output = %self.label, records = lost, "given up at the end: the store does not have them");
            }
            return Outcome::Drained(OutputHealth { waiting: kept, ..self.health() });
        }
        if left > 0 {
            self.gave_up += left;
            self.queue.clear();
            warn!(output = %self.label, records = left, "given up at the end");
        }
        Outcome::Drained(self.health())
    }
}

/// The end of a write, or never.
async fn finished(writing: &mut Option<Writing>) -> (Sink, Option<Queued>, io::Result<()>) {
    match writing {
        Some(writing) => writing.await,
        None => std::future::pending().await,
    }
}
