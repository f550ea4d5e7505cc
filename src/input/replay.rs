//! Replays recordings through the same path as a socket, at the recorded pace, faster, or flat out. Nothing is ever shed: the
//! replay waits for the collector.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::decode::framing::{Framed, Framer};
use crate::input::source::{self, Source};
use crate::input::steering::{Controls, Steering};
use crate::input::{Context, Matcher, add, add_rejected, clock, end_asked};
use crate::intake::{Batch, Intake, Peer, ReplayProgress};

/// What to replay, and how fast.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The files in order; `-` is standard input.
    pub sources: Vec<Piece>,
    /// Times the recorded pace; `None` is flat out.
    pub speed: Option<f64>,
}

impl Recording {
    /// Whether a part of it can be read only once.
    pub fn is_standard_input(&self) -> bool {
        self.sources.iter().any(|piece| matches!(piece, Piece::File(path) if path.as_os_str() == "-"))
    }
}

/// One piece of a recording.
#[derive(Debug, Clone)]
pub enum Piece {
    /// A file, or `-`.
    File(PathBuf),
    /// Text that is part of the program, and what to call it.
    Embedded(&'static str, &'static [u8]),
}

impl Piece {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Embedded(name, _) => (*name).to_owned(),
        }
    }
}

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {source}")]
pub struct ReplayError {
    /// The file.
    pub file: String,
    /// What went wrong.
    pub source: std::io::Error,
}

/// A pause in the recording longer than this is shortened to it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often progress is reported.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// How many events a batch takes when nobody waits between them.
const BATCH: usize = 256;
/// How many chunks are read ahead.
const READ_AHEAD: usize = 4;

/// What the reading thread hands over.
enum Chunk {
    Begin(String, Option<u64>),
    Bytes(Vec<u8>),
    Record(Result<String, crate::decode::Rejected>),
    End,
    Failed(ReplayError),
}

/// Runs a replay to its end, or until the end is asked for.
pub async fn run(recording: Recording, context: Context, controls: Controls) -> Result<(), ReplayError> {
    let (sender, mut chunks) = mpsc::channel(READ_AHEAD);
    let sources = recording.sources.clone();
    // File and standard input block; they get a thread of their own, which ends when nobody listens.
    std::thread::spawn(move || read_all(&sources, &sender));
    let mut replay = Replay::new(recording.speed, context, controls);
    let mut shutdown = replay.context.shutdown.clone();
    let mut result = Ok(());
    loop {
        let chunk = tokio::select! {
            biased;
            () = end_asked(&mut shutdown) => break,
            chunk = chunks.recv() => chunk,
        };
        match chunk {
            None => break,
            Some(Chunk::Failed(error)) => {
                result = Err(error);
                break;
            }
            Some(chunk) => {
                if !replay.take(chunk).await {
                    break;
                }
            }
        }
    }
    replay.finish().await;
    result
}

struct Replay {
    context: Context,
    framer: Framer,
    peer: Peer,
    batch: Batch,
    pace: Pace,
    progress: ReplayProgress,
    reported: Instant,
    matcher: Matcher,
    steering: Steering,
}

impl Replay {
    fn new(speed: Option<f64>, context: Context, controls: Controls) -> Self {
        let peer = Peer("replay".into());
        let progress = ReplayProgress {
            file: String::new(),
            position: None,
            bytes_read: 0,
            bytes_total: None,
            speed,
            done: false,
            is_held: false,
        };
        Self {
            framer: Framer::new(context.framer()),
            batch: context.batch(&peer, clock::now()),
            peer,
            pace: Pace { previous: None, due: Instant::now() },
            steering: Steering::new(speed, controls),
            progress,
            reported: Instant::now(),
            matcher: Matcher::default(),
            context,
        }
    }

    /// Takes a chunk; false when the collector is gone or the end was asked for.
    async fn take(&mut self, chunk: Chunk) -> bool {
        match chunk {
            Chunk::Begin(file, length) => {
                self.framer = Framer::new(self.context.framer());
                self.peer = Peer(file.as_str().into());
                self.progress.file = file;
                if let Some(length) = length {
                    self.progress.bytes_total = Some(self.progress.bytes_total.unwrap_or(0) + length);
                }
                true
            }
            Chunk::Bytes(bytes) => {
                self.batch.bytes += bytes.len() as u64;
                self.progress.bytes_read += bytes.len() as u64;
                self.framer.push(&bytes);
                self.frames().await
            }
            Chunk::Record(Ok(xml)) => {
                self.batch.bytes += xml.len() as u64;
                self.progress.bytes_read += xml.len() as u64;
                self.one(Framed::Frame(xml.into_bytes().into())).await
            }
            Chunk::Record(Err(rejected)) => {
                add_rejected(&mut self.batch, rejected);
                true
            }
            Chunk::End => {
                self.framer.finish();
                self.frames().await && self.send().await
            }
            Chunk::Failed(_) => false,
        }
    }

    async fn frames(&mut self) -> bool {
        while let Some(framed) = self.matcher.next_frame(&mut self.framer) {
            let framed = match framed {
                Framed::Frame(frame) => Framed::Frame(frame.into_owned().into()),
                Framed::Rejected(rejected) => Framed::Rejected(rejected),
            };
            if !self.one(framed).await {
                return false;
            }
        }
        true
    }

    /// Adds one frame; before it the recorded pause is kept.
    async fn one(&mut self, framed: Framed<'_>) -> bool {
        let mut one = self.batch.clone_head();
        add(&mut one, framed, &mut self.matcher);
        if !self.allowed().await {
            return false;
        }
        let written = one.observed.first().and_then(|observed| observed.event.system().time_created);
        if let Some(written) = written {
            let speed = self.steering.pace();
            if let Some(due) = self.pace.due(written, speed) {
                if !self.send().await || !self.wait(due).await {
                    return false;
                }
                one.received_at = clock::now();
                self.batch.received_at = one.received_at;
            }
            self.progress.position = Some(written);
        }
        let may_alert = one.observed.iter().any(|observed| !observed.hits.is_empty());
        self.batch.observed.append(&mut one.observed);
        self.batch.rejected.append(&mut one.rejected);
        if may_alert && self.steering.is_seeking() {
            return self.look_for_alert().await;
        }
        self.batch.observed.len() + self.batch.rejected.len() < BATCH || self.send().await
    }

    /// Waits until the next event may go on: at once, unless somebody holds the replay. False when the end was asked for.
    async fn allowed(&mut self) -> bool {
        self.steering.hear();
        if self.steering.take_turn() {
            return true;
        }
        // What was read shows before the replay stands still.
        if !self.send().await || !self.tell().await {
            return false;
        }
        let mut shutdown = self.context.shutdown.clone();
        while !self.steering.take_turn() {
            tokio::select! {
                () = self.steering.wish() => {}
                () = end_asked(&mut shutdown) => return false,
            }
            if !self.tell().await {
                return false;
            }
        }
        self.pace.due = Instant::now();
        self.batch.received_at = clock::now();
        true
    }

    /// Waits until an event is due. A wish ends the waiting: the event comes at once, or when it is let through.
    async fn wait(&mut self, due: Instant) -> bool {
        let mut shutdown = self.context.shutdown.clone();
        tokio::select! {
            () = tokio::time::sleep_until(due) => return true,
            () = end_asked(&mut shutdown) => return false,
            () = self.steering.wish() => {}
        }
        self.pace.due = Instant::now();
        self.tell().await && self.allowed().await
    }

    /// Sends what there is and waits for what the collector makes of it.
    async fn look_for_alert(&mut self) -> bool {
        if !self.send().await {
            return false;
        }
        let mut shutdown = self.context.shutdown.clone();
        tokio::select! {
            () = self.steering.settled() => {}
            () = end_asked(&mut shutdown) => return false,
        }
        self.tell().await
    }

    /// Tells how far the replay has come.
    async fn tell(&mut self) -> bool {
        self.reported = Instant::now();
        (self.progress.speed, self.progress.is_held) = (self.steering.speed(), self.steering.is_held());
        self.context.intake.send(Intake::Replay(self.progress.clone())).await.is_ok()
    }

    async fn send(&mut self) -> bool {
        let next = self.context.batch(&self.peer, clock::now());
        let batch = std::mem::replace(&mut self.batch, next);
        self.steering.sent(batch.bytes > 0 || batch.frames() > 0);
        if !self.context.send(batch).await {
            return false;
        }
        self.context.report(&mut self.matcher, false).await;
        if self.reported.elapsed() >= PROGRESS_EVERY {
            return self.tell().await;
        }
        true
    }

    async fn finish(mut self) {
        self.send().await;
        self.context.report(&mut self.matcher, true).await;
        self.progress.done = true;
        self.progress.is_held = false;
        let _ = self.context.intake.send(Intake::Replay(self.progress)).await;
    }
}

impl Batch {
    /// The same source, time and rules, without events.
    fn clone_head(&self) -> Self {
        Self::new(self.listener, self.peer.clone(), self.received_at, self.rules.clone())
    }
}

/// Keeps the recorded pace.
struct Pace {
    previous: Option<DateTime<Utc>>,
    due: Instant,
}

impl Pace {
    /// When an event written then is due at that speed; `None` if at once.
    fn due(&mut self, written: DateTime<Utc>, speed: Option<f64>) -> Option<Instant> {
        let Some(speed) = speed else {
            self.previous = Some(self.previous.map_or(written, |previous| previous.max(written)));
            return None;
        };
        let previous = self.previous.replace(self.previous.map_or(written, |previous| previous.max(written)));
        let gap = previous.map_or(TimeDelta::zero(), |previous| written - previous);
        // A clock that jumps back does not wait, and the leap forward again is one long pause at most.
        if gap < -TimeDelta::minutes(10) {
            self.previous = Some(written);
        }
        let gap = gap.to_std().unwrap_or_default().div_f64(speed.max(0.001)).min(LONGEST_PAUSE);
        let now = Instant::now();
        self.due = (self.due + gap).max(now - LONGEST_PAUSE);
        (self.due > now).then_some(self.due)
    }
}

fn read_all(sources: &[Piece], sender: &mpsc::Sender<Chunk>) {
    for piece in sources {
        if let Err(failed) = read_one(piece, sender)
            && sender.blocking_send(Chunk::Failed(ReplayError { file: piece.name(), source: failed })).is_err()
        {
            return;
        }
    }
}

fn read_one(piece: &Piece, sender: &mpsc::Sender<Chunk>) -> std::io::Result<()> {
    let gone = |_| std::io::Error::other("the collector is gone");
    let (source, length) = match piece {
        Piece::File(path) => (source::open(path)?, None),
        Piece::Embedded(_, bytes) => (Source::Stream(Box::new(*bytes)), Some(bytes.len() as u64)),
    };
    sender.blocking_send(Chunk::Begin(piece.name(), length.or_else(|| plain_length(piece)))).map_err(gone)?;
    match source {
        Source::EventLog(mut parser) => {
            for record in source::records(&mut parser) {
                sender.blocking_send(Chunk::Record(record)).map_err(gone)?;
            }
        }
        Source::Stream(mut reader) => {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let length = reader.read(&mut buffer)?;
                if length == 0 {
                    break;
                }
                sender.blocking_send(Chunk::Bytes(buffer[..length].to_vec())).map_err(gone)?;
            }
        }
    }
    sender.blocking_send(Chunk::End).map_err(gone)
}

/// The length of a file that is read as it stands; of a compressed one it says nothing.
fn plain_length(piece: &Piece) -> Option<u64> {
    let Piece::File(path) = piece else { return None };
    let is_packed = path.extension().is_some_and(|extension| ["gz", "zst", "lz4", "evtx"].iter().any(|own| extension == *own));
    std::fs::metadata(path).ok().filter(|metadata| metadata.is_file() && !is_packed).map(|metadata| metadata.len())
}
